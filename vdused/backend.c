/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate to all back ends, and the table of them. */
#include "vdused/backend.h"
#include "vdused/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"

static const struct backend_ops *const all_ops[] = {
	&backend_file_ops,
	&backend_mem_ops,
	&backend_nbd_ops,
	&backend_null_ops,
};

#define N_OPS (sizeof(all_ops) / sizeof(*all_ops))

const char *backend_schemes(void)
{
	static char text[256];
	char *p = text;

	for (size_t i = 0; i < N_OPS; i++)
		p += snprintf(p, (size_t)(text + sizeof(text) - p), "%s%s", i ? ", " : "",
			      all_ops[i]->usage);
	return text;
}

void backend_log(const char *fmt, ...)
{
	int saved = errno;
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_warn("%s", line);
	errno = saved;
}

static bool power_of_2(uint32_t v)
{
	return v && !(v & (v - 1));
}

static bool good_block(uint32_t v)
{
	return power_of_2(v) && v >= 512 && v <= 4096;
}

int backend_parse_size(const char *text, uint32_t logical_block, uint64_t *size, struct err *err)
{
	uint64_t v;

	if (parse_size(text, &v) || v > INT64_MAX)
		return err_set(err, -EINVAL, "the size is digits with a suffix K, M, G or T");
	if (!v || v % logical_block)
		return err_set(err, -EINVAL, "the size is not a multiple of %u octets",
			       logical_block);
	*size = v;
	return 0;
}

/* ---- open and close ---- */

static const struct backend_ops *find_ops(const char *uri, size_t scheme_len)
{
	for (size_t i = 0; i < N_OPS; i++)
		for (const char *const *s = all_ops[i]->schemes; *s; s++)
			if (strlen(*s) == scheme_len && !strncmp(*s, uri, scheme_len))
				return all_ops[i];
	return NULL;
}

/* What the rest of the daemon takes for granted. */
static bool good_info(const struct backend_info *info)
{
	return good_block(info->logical_block) && info->size && info->size <= INT64_MAX &&
	       !(info->size % info->logical_block);
}

int backend_open(const char *uri, struct backend_params *params, struct backend **b,
		 struct err *err)
{
	size_t scheme_len = strcspn(uri, ":");
	const struct backend_ops *ops = uri[scheme_len] ? find_ops(uri, scheme_len) : NULL;
	struct err why = { "" };
	struct backend *opened;
	char *copy;
	int rc;

	if (!ops)
		return err_set(err, -EINVAL, "%s: not one of %s", uri, backend_schemes());
	if (params->logical_block && !good_block(params->logical_block))
		return err_set(err, -EINVAL,
			       "%s: a logical block is 512, 1024, 2048 or 4096 octets", uri);
	copy = strdup(uri);
	if (!copy)
		return err_set(err, -ENOMEM, "%s: out of memory", uri);
	params->target = ops->whole_uri ? uri : uri + scheme_len + 1;
	rc = ops->open(params, &opened, &why);
	if (rc) {
		free(copy);
		return err_set(err, rc, "%s: %s", uri, why.text);
	}
	opened->ops = ops;
	opened->uri = copy;
	if (!good_info(&opened->info)) {
		backend_close(opened);
		return err_set(err, -EINVAL, "%s: sizes that make no disk", uri);
	}
	*b = opened;
	return 0;
}

void backend_close(struct backend *b)
{
	if (!b)
		return;
	free(b->uri);
	b->ops->close(b);
}

int backend_refresh(struct backend *b, struct err *err)
{
	struct err why = { "" };
	int rc;

	if (!b->ops->refresh)
		return 0;
	rc = b->ops->refresh(b, &why);
	return rc ? err_set(err, rc, "%s: %s", b->uri, why.text) : 0;
}

int backend_grow(struct backend *b, uint64_t size, struct err *err)
{
	struct err why = { "" };
	int rc;

	if (!b->ops->grow)
		return err_set(err, -EOPNOTSUPP, "the size is the back end's: change it there, then resize without \"size\"");
	if (size > INT64_MAX || size % b->info.logical_block)
		return err_set(err, -EINVAL, "%s: the size is not a multiple of %u octets", b->uri, b->info.logical_block);
	if (size < b->info.size)
		return err_set(err, -EINVAL, "%s: it has %llu octets and can only grow", b->uri,
			       (unsigned long long)b->info.size);
	rc = size == b->info.size ? 0 : b->ops->grow(b, size, &why);
	return rc ? err_set(err, rc, "%s: %s", b->uri, why.text) : 0;
}

int backend_queue_open(struct backend *b, struct loop *loop, struct backend_queue **q,
		       struct err *err)
{
	struct err why = { "" };
	struct backend_queue *opened;
	int rc = b->ops->queue_open(b, loop, &opened, &why);

	if (rc)
		return err_set(err, rc, "%s: %s", b->uri, why.text);
	opened->backend = b;
	opened->loop = loop;
	opened->in_flight = 0;
	*q = opened;
	return 0;
}

void backend_queue_close(struct backend_queue *q)
{
	if (q)
		q->backend->ops->queue_close(q);
}

/* ---- requests ---- */

static bool iov_is(const struct iovec *iov, unsigned niov, uint64_t len)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < niov; i++)
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
			return false;
	return sum == len;
}

static unsigned allowed_flags(enum backend_op op)
{
	switch (op) {
	case BACKEND_WRITE:
	case BACKEND_DISCARD:
		return BACKEND_FUA;
	case BACKEND_WRITE_ZEROES:
		return BACKEND_FUA | BACKEND_MAY_UNMAP;
	default:
		return 0;
	}
}

/* 0, or why the back end must not see it. */
static int check_capability(const struct backend_info *info, enum backend_op op)
{
	switch (op) {
	case BACKEND_READ:
	case BACKEND_FLUSH:
		return 0;
	case BACKEND_WRITE:
		break;
	case BACKEND_DISCARD:
		if (!info->discard)
			return -EOPNOTSUPP;
		break;
	case BACKEND_WRITE_ZEROES:
		if (!info->write_zeroes)
			return -EOPNOTSUPP;
		break;
	case BACKEND_SECURE_ERASE:
		if (!info->secure_erase)
			return -EOPNOTSUPP;
		break;
	default:
		return -EOPNOTSUPP;
	}
	return info->readonly ? -EROFS : 0;
}

static int check_range(const struct backend *b, const struct backend_req *req)
{
	uint64_t size = backend_size(b);

	if ((req->offset | req->len) & (b->info.logical_block - 1))
		return -EINVAL;
	return req->offset > size || req->len > size - req->offset ? -EIO : 0;
}

static int check(const struct backend *b, const struct backend_req *req)
{
	int rc = check_capability(&b->info, req->op);

	if (rc)
		return rc;
	if (req->flags & ~allowed_flags(req->op))
		return -EINVAL;
	if (req->op == BACKEND_FLUSH)
		return req->len ? -EINVAL : 0;
	if (req->op <= BACKEND_WRITE && !iov_is(req->iov, req->niov, req->len))
		return -EINVAL;
	return check_range(b, req);
}

void backend_submit(struct backend_queue *q, struct backend_req *req)
{
	const struct backend *b = q->backend;
	int rc = check(b, req);

	req->next = NULL;
	req->done_len = 0;
	req->buffer = NULL;
	req->result = 0;
	req->state = 0;
	q->in_flight++;
	if (rc || (req->op == BACKEND_FLUSH ? !b->info.flush : !req->len))
		backend_complete(q, req, rc);
	else
		b->ops->submit(q, req);
}

void backend_complete(struct backend_queue *q, struct backend_req *req, int result)
{
	q->in_flight--;
	req->done(req, result);
}

void backend_flush(struct backend_queue *q)
{
	if (q->backend->ops->flush)
		q->backend->ops->flush(q);
}

bool backend_poll(struct backend_queue *q)
{
	return q->backend->ops->poll && q->backend->ops->poll(q);
}

void backend_cancel(struct backend_queue *q)
{
	if (q->backend->ops->cancel)
		q->backend->ops->cancel(q);
}
