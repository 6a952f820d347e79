/* SPDX-License-Identifier: GPL-2.0-or-later */
/* null:SIZE: reads are zeros, what is written is gone.  For measuring all that is before it. */
#include <errno.h>
#include <stdlib.h>

#include "vdused/backend.h"
#include "vdused/guard.h"

static int null_open(const struct backend_params *params, struct backend **b, struct err *err)
{
	uint32_t block = params->logical_block ? params->logical_block : 512;
	struct backend *null;
	uint64_t size;
	int rc = backend_parse_size(params->target, block, &size, err);

	if (rc)
		return rc;
	null = calloc(1, sizeof(*null));
	if (!null)
		return err_set(err, -ENOMEM, "out of memory");
	null->info = (struct backend_info){
		.size = size,
		.logical_block = block,
		.readonly = params->readonly,
		.discard = true,
		.write_zeroes = true,
	};
	*b = null;
	return 0;
}

static void null_close(struct backend *b)
{
	free(b);
}

static int null_grow(struct backend *b, uint64_t size, struct err *err)
{
	(void)err;
	backend_set_size(b, size);
	return 0;
}

static int null_queue_open(struct backend *b, struct loop *loop, struct backend_queue **q,
			   struct err *err)
{
	(void)b;
	(void)loop;
	*q = calloc(1, sizeof(**q));
	return *q ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void null_queue_close(struct backend_queue *q)
{
	free(q);
}

static void null_submit(struct backend_queue *q, struct backend_req *req)
{
	int rc = 0;

	if (req->op == BACKEND_READ)
		for (unsigned i = 0; i < req->niov && !rc; i++)
			rc = guard_zero(req->iov[i].iov_base, req->iov[i].iov_len);
	backend_complete(q, req, rc);
}

static const char *const null_schemes[] = { "null", NULL };

const struct backend_ops backend_null_ops = {
	.schemes = null_schemes,
	.usage = "null:SIZE",
	.open = null_open,
	.close = null_close,
	.queue_open = null_queue_open,
	.queue_close = null_queue_close,
	.submit = null_submit,
	.grow = null_grow,
};
