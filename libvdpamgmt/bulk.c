/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "request.h"

/* Requests that travel in one datagram; their acknowledgements fit any socket buffer. */
#define WINDOW 64
#define WINDOW_BYTES (16 * 1024)

#define NOT_TRIED 1

struct item {
	struct vdpa_spec *spec; /* a reference; NULL = delete */
	char *name; /* owned */
	int result; /* as vdpa_bulk_get_result() */
	struct vdpa_error *error; /* owned */
};

struct vdpa_bulk {
	atomic_uint refs;
	struct vdpa_ctx *ctx; /* a reference */
	struct item *items; /* owned */
	size_t n, cap;
	bool ran;
};

static void bulk_release(struct vdpa_bulk *b)
{
	for (size_t i = 0; i < b->n; i++) {
		vdpa_spec_unref(b->items[i].spec);
		free(b->items[i].name);
		vdpa_error_unref(b->items[i].error);
	}
	free(b->items);
	vdpa_ctx_unref(b->ctx);
	free(b);
}

DEFINE_UNREF(vdpa_bulk, bulk_release)

int vdpa_bulk_new(struct vdpa_ctx *ctx, struct vdpa_bulk **bulk)
{
	struct vdpa_bulk *b = calloc(1, sizeof(*b));

	if (!b)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	atomic_init(&b->refs, 1);
	b->ctx = vdpa_ctx_ref(ctx);
	*bulk = b;
	return 0;
}

static int push(struct vdpa_bulk *b, struct vdpa_spec *spec, const char *name)
{
	char *copy;

	if (b->ran)
		return ctx_fail(b->ctx, EALREADY, "this bulk has run");
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		struct item *items = reallocarray(b->items, cap, sizeof(*items));

		if (!items)
			return ctx_fail(b->ctx, ENOMEM, "out of memory");
		b->items = items;
		b->cap = cap;
	}
	copy = strdup(name);
	if (!copy)
		return ctx_fail(b->ctx, ENOMEM, "out of memory");
	b->items[b->n++] = (struct item){
		.spec = vdpa_spec_ref(spec),
		.name = copy,
		.result = NOT_TRIED,
	};
	return 0;
}

int vdpa_bulk_add(struct vdpa_bulk *b, struct vdpa_spec *spec)
{
	if (!spec->name || !spec->mgmtdev)
		return ctx_fail(b->ctx, EINVAL, "cannot add a device: its %s is not set",
				spec->name ? "management device" : "name");
	return push(b, spec, spec->name);
}

int vdpa_bulk_del(struct vdpa_bulk *b, const char *name)
{
	return push(b, NULL, name);
}

/* ---- one after the other ---- */

static void record(struct vdpa_bulk *b, struct item *it, int r)
{
	it->result = r;
	if (r < 0)
		it->error = vdpa_error_ref(b->ctx->error);
}

static int prepare(struct vdpa_bulk *b, const struct item *it, unsigned int flags,
		   struct nl_request *rq)
{
	return it->spec ? request_add(b->ctx, it->spec, flags, rq) :
			  request_del(b->ctx, it->name, flags, rq);
}

static void run_one(struct vdpa_bulk *b, struct item *it, unsigned int flags)
{
	struct nl_request rq;
	int r = prepare(b, it, flags, &rq);

	if (!r)
		r = request_settle(b->ctx, &rq, nl_run(b->ctx, &rq));
	record(b, it, r);
}

static bool failed(const struct item *it)
{
	return it->result < 0;
}

static void run_in_turn(struct vdpa_bulk *b, unsigned int flags)
{
	for (size_t i = 0; i < b->n; i++) {
		run_one(b, &b->items[i], flags);
		if (failed(&b->items[i]) && !(flags & VDPA_BULK_KEEP_GOING))
			break;
	}
}

/* ---- several at a time ---- */

struct window {
	struct vdpa_bulk *b;
	size_t first, end; /* items [first, end) are in it */
	size_t open; /* of these, without an answer */
	struct nl_request rq[WINDOW]; /* of item first + i; its msg is empty once answered */
	uint8_t buf[WINDOW_BYTES];
	size_t len;
	bool whole; /* one of them wants to be, see struct nl_request */
};

static struct item *item_of(struct window *w, size_t i)
{
	return &w->b->items[w->first + i];
}

/*
 * Checks are made before a window is sent, so what would need an earlier item's
 * outcome waits for the next window: the same name again, and a parent that
 * breaks with a second device.
 */
static bool may_join(struct window *w, const struct item *it)
{
	const struct parent_info *parent;

	if (w->end - w->first == WINDOW)
		return false;
	for (size_t i = 0; i < w->end - w->first; i++)
		if (!strcmp(item_of(w, i)->name, it->name))
			return false;
	if (w->end == w->first || !it->spec || !strchr(it->spec->mgmtdev, '/'))
		return true;
	parent = parent_lookup(w->b->ctx, it->spec->mgmtdev);
	return !parent || !parent->unchecked;
}

/* Adds the next item to the window; false when it has to wait for the next one. */
static bool join(struct window *w, unsigned int flags)
{
	struct item *it = &w->b->items[w->end];
	struct nl_request *rq = &w->rq[w->end - w->first];
	struct nlmsghdr *nlh;
	int r;

	if (!may_join(w, it))
		return false;
	r = prepare(w->b, it, flags, rq);
	if (!r && rq->msg.err) {
		r = nl_fail(w->b->ctx, rq, rq->msg.err, false);
		msg_free(&rq->msg);
	}
	if (!r && w->len + MNL_ALIGN(msg_len(&rq->msg)) > sizeof(w->buf) && w->end > w->first) {
		msg_free(&rq->msg);
		return false;
	}
	w->end++;
	if (r < 0) {
		record(w->b, it, r);
		return true;
	}
	nlh = rq->msg.buf;
	nlh->nlmsg_seq = nl_next_seq(w->b->ctx);
	if (MNL_ALIGN(nlh->nlmsg_len) > sizeof(w->buf)) {
		/* A giant travels alone and is answered here. */
		record(w->b, it, request_settle(w->b->ctx, rq, nl_run(w->b->ctx, rq)));
		return true;
	}
	memcpy(w->buf + w->len, nlh, nlh->nlmsg_len);
	w->len += MNL_ALIGN(nlh->nlmsg_len);
	w->whole |= rq->whole;
	w->open++;
	return true;
}

static void answer(struct window *w, size_t i, const struct nl_verdict *v)
{
	struct item *it = item_of(w, i);
	struct nl_request *rq = &w->rq[i];

	it->result = -v->errnum;
	if (v->errnum)
		it->error = nl_error(w->b->ctx, rq, v);
	msg_free(&rq->msg);
	w->open--;
}

static int take_answers(struct window *w, size_t n)
{
	struct nl *nl = w->b->ctx->nl;
	const struct nlmsghdr *nlh = nl->buf;
	int left = (int)n;

	for (; nl_message_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		struct nl_verdict v;

		if (nlh->nlmsg_type != NLMSG_ERROR || (nl->portid && nlh->nlmsg_pid != nl->portid))
			continue;
		for (size_t i = 0; i < w->end - w->first; i++) {
			const struct nlmsghdr *sent = w->rq[i].msg.buf;

			if (!sent || sent->nlmsg_seq != nlh->nlmsg_seq)
				continue;
			if (nl_read_error(nlh, &v) < 0)
				return -EBADMSG;
			answer(w, i, &v);
			break;
		}
	}
	return left > 0 ? -EBADMSG : 0;
}

/* The connection failed with requests open: ask for each whether it was carried out. */
static void settle_open(struct window *w, int r, bool sent)
{
	nl_close(w->b->ctx);
	for (size_t i = 0; i < w->end - w->first; i++) {
		struct nl_request *rq = &w->rq[i];

		if (!rq->msg.buf)
			continue;
		record(w->b, item_of(w, i),
		       request_settle(w->b->ctx, rq, nl_fail(w->b->ctx, rq, r, sent)));
		msg_free(&rq->msg);
	}
	w->open = 0;
}

static void send_window(struct window *w)
{
	int r = w->open ? nl_send(w->b->ctx, w->buf, w->len, w->whole) : 0;
	unsigned int strangers = 0;
	bool sent = !r;

	while (!r && w->open) {
		size_t before = w->open;
		ssize_t n = nl_recv(w->b->ctx);

		r = n < 0 ? (int)n : take_answers(w, (size_t)n);
		if (!r && w->open == before && ++strangers > NL_STRANGERS_MAX)
			r = -ETIMEDOUT;
	}
	if (r < 0)
		settle_open(w, r, sent);
}

static bool window_failed(struct window *w)
{
	for (size_t i = w->first; i < w->end; i++)
		if (failed(&w->b->items[i]))
			return true;
	return false;
}

/* The deletions that may be in the next window. */
static void look_ahead(struct window *w, struct guard_look *look)
{
	struct vdpa_bulk *b = w->b;

	for (size_t i = w->first; i < b->n && i - w->first < WINDOW; i++) {
		if (!b->items[i].spec)
			guard_look_add(b->ctx, look, b->items[i].name);
	}
	guard_look_end(b->ctx, look);
}

static void fill_window(struct window *w, unsigned int flags)
{
	struct vdpa_bulk *b = w->b;
	struct guard_look look = { 0 };

	if (!(flags & VDPA_FORCE) && !b->items[w->first].spec &&
	    guard_look_begin(b->ctx, &look, WINDOW)) {
		look_ahead(w, &look);
		b->ctx->look = &look;
	}
	while (w->end < b->n && join(w, flags)) {
		if (failed(&b->items[w->end - 1]) && !(flags & VDPA_BULK_KEEP_GOING))
			break;
	}
	b->ctx->look = NULL;
	guard_look_free(&look);
}

static int run_in_windows(struct vdpa_bulk *b, unsigned int flags)
{
	CLEANUP_FREE struct window *w = calloc(1, sizeof(*w));

	if (!w)
		return ctx_fail(b->ctx, ENOMEM, "out of memory");
	w->b = b;
	while (w->end < b->n) {
		w->first = w->end;
		w->len = 0;
		w->whole = false;
		fill_window(w, flags);
		send_window(w);
		if (!(flags & VDPA_BULK_KEEP_GOING) && window_failed(w))
			break;
	}
	return 0;
}

int vdpa_bulk_run(struct vdpa_bulk *b, unsigned int flags)
{
	int r = ctx_check_flags(b->ctx, flags,
				VDPA_FORCE | VDPA_BULK_KEEP_GOING | VDPA_BULK_PIPELINE);

	if (r < 0)
		return r;
	if (b->ran)
		return ctx_fail(b->ctx, EALREADY, "this bulk has run");
	b->ran = true;
	if (flags & VDPA_BULK_PIPELINE)
		r = run_in_windows(b, flags);
	else
		run_in_turn(b, flags);
	if (r < 0)
		return r;
	for (size_t i = 0; i < b->n; i++) {
		if (failed(&b->items[i])) {
			ctx_set_error(b->ctx, vdpa_error_ref(b->items[i].error));
			return b->items[i].result;
		}
	}
	return 0;
}

size_t vdpa_bulk_get_size(const struct vdpa_bulk *b)
{
	return b->n;
}

const char *vdpa_bulk_get_name(const struct vdpa_bulk *b, size_t i)
{
	return i < b->n ? b->items[i].name : NULL;
}

int vdpa_bulk_get_result(const struct vdpa_bulk *b, size_t i, const struct vdpa_error **error)
{
	if (i >= b->n)
		return NOT_TRIED;
	if (error)
		*error = b->items[i].error;
	return b->items[i].result;
}
