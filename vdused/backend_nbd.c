/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd:// and its kin: an export of a server that speaks the NBD protocol. */
#include "vdused/backend_nbd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#define GOODBYE_NS (NBD_SECOND_NS / 2)

int64_t nbd_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NBD_SECOND_NS + ts.tv_nsec;
}

/* ---- connecting ---- */

static const char *last_error(void)
{
	const char *text = nbd_get_error();

	return text ? text : "unknown error";
}

static bool ended(struct nbd_handle *h)
{
	return nbd_aio_is_dead(h) || nbd_aio_is_closed(h);
}

/* Runs the handle until it is ready (or ended, whatever is asked for), has failed, or it is too late. */
static void pump(struct nbd_handle *h, bool until_ready, int64_t until)
{
	while (!ended(h) && !(until_ready && nbd_aio_is_ready(h))) {
		unsigned dir = nbd_aio_get_direction(h);
		struct pollfd fd = {
			.fd = nbd_aio_get_fd(h),
			.events = (short)((dir & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
					  (dir & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0)),
		};
		int64_t left = until - nbd_now();
		int n = left > 0 ? poll(&fd, 1, (int)(left / 1000000) + 1) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if ((dir & LIBNBD_AIO_DIRECTION_READ) && (fd.revents & ~POLLOUT))
			nbd_aio_notify_read(h);
		else if (dir & LIBNBD_AIO_DIRECTION_WRITE)
			nbd_aio_notify_write(h);
		else
			return;
	}
}

struct nbd_handle *nbd_dial_start(const char *uri, struct err *err)
{
	struct nbd_handle *h = nbd_create();

	if (!h) {
		err_set(err, -ENOMEM, "%s", last_error());
		return NULL;
	}
	/* Certificates and keys may be named in the URI, which is the administrator's. */
	nbd_set_uri_allow_local_file(h, true);
	/* What they can say more is of no use here, and each would cost reads of its own. */
	nbd_set_request_structured_replies(h, false);
#ifdef LIBNBD_HAVE_NBD_SET_REQUEST_EXTENDED_HEADERS
	nbd_set_request_extended_headers(h, false);
#endif
	if (!nbd_aio_connect_uri(h, uri))
		return h;
	err_set(err, -ENOTCONN, "%s", last_error());
	nbd_close(h);
	return NULL;
}

struct nbd_handle *nbd_dial(const char *uri, struct err *err)
{
	struct nbd_handle *h = nbd_dial_start(uri, err);

	if (!h)
		return NULL;
	pump(h, true, nbd_now() + NBD_ATTEMPT_NS);
	if (nbd_aio_is_ready(h))
		return h;
	if (ended(h))
		err_set(err, -ENOTCONN, "%s", last_error());
	else
		err_set(err, -ETIMEDOUT, "the server does not answer");
	nbd_close(h);
	return NULL;
}

void nbd_hang_up(struct nbd_handle *h)
{
	if (!h)
		return;
	if (!nbd_aio_disconnect(h, 0))
		pump(h, false, nbd_now() + GOODBYE_NS);
	nbd_close(h);
}

/* ---- the export ---- */

static uint32_t block_size(struct nbd_handle *h, int which)
{
	int64_t v = nbd_get_block_size(h, which);

	return v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

const char *nbd_unfit(const struct nbd_export *e, struct nbd_handle *h)
{
	const struct backend_info *info = &e->b.info;
	int64_t size = nbd_get_size(h);
	uint32_t max = block_size(h, LIBNBD_SIZE_MAXIMUM);

	if (size < 0 || (uint64_t)size < backend_size(&e->b))
		return "the export is smaller than before";
	if (block_size(h, LIBNBD_SIZE_MINIMUM) > info->logical_block ||
	    (max && max < info->logical_block))
		return "the export's blocks are not those of before";
	if (!info->readonly && nbd_is_read_only(h) != 0)
		return "the export is read-only now";
	if ((info->flush && nbd_can_flush(h) <= 0) || (info->discard && nbd_can_trim(h) <= 0) ||
	    (info->write_zeroes && nbd_can_zero(h) <= 0))
		return "the server can do less than before";
	if (e->multi_conn && nbd_can_multi_conn(h) <= 0)
		return "the server does not allow several connections any more";
	return NULL;
}

/* A server tells nothing better than where it is; FNV-1a makes it short. */
static void identify(struct nbd_export *e, const char *uri)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (*uri)
		hash = (hash ^ (unsigned char)*uri++) * UINT64_C(0x100000001b3);
	snprintf(e->b.info.identity, BACKEND_IDENTITY_LEN, "nbd %016llx", (unsigned long long)hash);
}

static int describe(struct nbd_export *e, const struct backend_params *params, struct err *err)
{
	struct nbd_handle *h = e->first;
	struct backend_info *info = &e->b.info;
	uint32_t min = block_size(h, LIBNBD_SIZE_MINIMUM);
	uint32_t preferred = block_size(h, LIBNBD_SIZE_PREFERRED);
	int64_t size = nbd_get_size(h);
	uint32_t block = params->logical_block;

	if (min > (block ? block : 4096))
		return err_set(err, -EINVAL, "the server takes no blocks smaller than %u octets",
			       min);
	if (!block)
		block = min > 512 ? min : 512;
	if (size < block)
		return err_set(err, -EINVAL, "holds not one block of %u octets", block);
	if (!params->readonly && nbd_is_read_only(h))
		return err_set(err, -EROFS, "the server exports it read-only");
	*info = (struct backend_info){
		.size = (uint64_t)size - (uint64_t)size % block,
		.logical_block = block,
		.readonly = params->readonly,
		.flush = nbd_can_flush(h) > 0,
		.discard = !params->readonly && nbd_can_trim(h) > 0,
		.write_zeroes = !params->readonly && nbd_can_zero(h) > 0,
	};
	identify(e, params->target);
	if (preferred >= block && !(preferred & (preferred - 1)))
		info->physical_block = info->optimal_io = preferred;
	e->multi_conn = nbd_can_multi_conn(h) > 0;
	info->max_queues = e->multi_conn ? 0 : 1;
	e->seen_size = info->size;
	return nbd_unfit(e, h) ? err_set(err, -EINVAL, "the server's block sizes make no disk") : 0;
}

static void export_close(struct backend *b)
{
	struct nbd_export *e = (struct nbd_export *)b;

	nbd_hang_up(e->first);
	free(e);
}

static int export_open(const struct backend_params *params, struct backend **b, struct err *err)
{
	struct nbd_export *e;
	int rc;

	/* The server may take one connection at a time, or end after its last one. */
	if (params->look)
		return err_set(err, -EOPNOTSUPP, "a connection more may disturb the server");
	e = calloc(1, sizeof(*e));
	if (!e)
		return err_set(err, -ENOMEM, "out of memory");
	e->reconnect_s = params->reconnect_s;
	e->first = nbd_dial(params->target, err);
	rc = e->first ? describe(e, params, err) : -ENOTCONN;
	if (rc)
		export_close(&e->b);
	else
		*b = &e->b;
	return rc;
}

/* The protocol has no news of sizes: a larger one is seen by connecting again. */
static int export_refresh(struct backend *b, struct err *err)
{
	uint64_t seen = __atomic_load_n(&((struct nbd_export *)b)->seen_size, __ATOMIC_RELAXED);

	(void)err;
	if (seen > b->info.size)
		backend_set_size(b, seen);
	return 0;
}

/* ---- queues ---- */

/*
 * Without the server's word for it, a flush on one connection says nothing
 * of what was written on others.
 */
static int one_more(struct nbd_export *e, struct err *err)
{
	unsigned before = __atomic_fetch_add(&e->queues, 1, __ATOMIC_RELAXED);

	if (!before || e->multi_conn)
		return 0;
	__atomic_fetch_sub(&e->queues, 1, __ATOMIC_RELAXED);
	return err_set(err, -EOPNOTSUPP, "the server does not allow several connections: queues 1");
}

/*
 * The first connection may be older than the loss of privileges: what could
 * not be made again would be found out when it is too late.
 */
static int check_reconnect(const char *uri, struct err *err)
{
	const char *path = strstr(uri, "+unix:") ? strstr(uri, "socket=") : NULL;
	char plain[256];
	size_t len;

	path = path ? path + strlen("socket=") : "";
	len = strcspn(path, "&");
	/* An escaped path is left to the connection itself. */
	if (!len || len >= sizeof(plain) || memchr(path, '%', len))
		return 0;
	memcpy(plain, path, len);
	plain[len] = '\0';
	if (!access(plain, R_OK | W_OK) || errno != EACCES)
		return 0;
	return err_set(err, -EACCES, "%s: user %u may not connect to it: give it to the daemon's user, or choose "
		       "another by --user", plain, (unsigned)geteuid());
}

/* The first queue's connection is the one that the export was described by; the others' may lead elsewhere. */
static struct nbd_handle *connect_queue(struct nbd_export *e, struct err *err)
{
	struct nbd_handle *h = __atomic_exchange_n(&e->first, NULL, __ATOMIC_ACQ_REL);
	const char *why;

	if (h)
		return h;
	h = nbd_dial(e->b.uri, err);
	why = h ? nbd_unfit(e, h) : NULL;
	if (!why)
		return h;
	err_set(err, -EINVAL, "%s", why);
	nbd_hang_up(h);
	return NULL;
}

static int export_queue_open(struct backend *b, struct loop *loop, struct backend_queue **out,
			     struct err *err)
{
	struct nbd_export *e = (struct nbd_export *)b;
	struct nbd_handle *h;
	struct nbd_queue *q;
	int rc = check_reconnect(b->uri, err);

	if (!rc)
		rc = one_more(e, err);
	if (rc)
		return rc;
	q = calloc(1, sizeof(*q));
	h = q ? connect_queue(e, err) : NULL;
	rc = !q ? err_set(err, -ENOMEM, "out of memory") : h ? 0 : -ENOTCONN;
	if (!rc) {
		q->q.backend = b;
		q->q.loop = loop;
		TAILQ_INIT(&q->waiting);
		TAILQ_INIT(&q->sent);
		TAILQ_INIT(&q->ended);
		TAILQ_INIT(&q->pool);
		rc = nbd_link_open(q, err);
	}
	if (rc) {
		nbd_hang_up(h);
		free(q);
		__atomic_fetch_sub(&e->queues, 1, __ATOMIC_RELAXED);
		return rc;
	}
	nbd_link_up(q, h);
	nbd_link_watch(q);
	*out = &q->q;
	return 0;
}

static void export_queue_close(struct backend_queue *bq)
{
	struct nbd_queue *q = (struct nbd_queue *)bq;

	__atomic_fetch_sub(&nbd_export_of(q)->queues, 1, __ATOMIC_RELAXED);
	nbd_link_close(q);
	nbd_forget_orphans(q);
	nbd_free_cmds(q);
	free(q);
}

static void export_cancel(struct backend_queue *bq)
{
	nbd_cancel((struct nbd_queue *)bq);
}

static const char *const nbd_schemes[] = { "nbd", "nbds", "nbd+unix", "nbds+unix", NULL };

const struct backend_ops backend_nbd_ops = {
	.schemes = nbd_schemes,
	.usage = "nbd[s]://HOST[:PORT]/EXPORT, nbd[s]+unix:///EXPORT?socket=PATH",
	.whole_uri = true,
	.open = export_open,
	.close = export_close,
	.queue_open = export_queue_open,
	.queue_close = export_queue_close,
	.submit = nbd_submit,
	.flush = nbd_submit_end,
	.poll = nbd_look,
	.cancel = export_cancel,
	.refresh = export_refresh,
};
