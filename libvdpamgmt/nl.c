/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nl.h"

#include <errno.h>
#include <signal.h>
#include <linux/genetlink.h>
#include <string.h>

#define RECV_MAX (1024 * 1024)

/* ---- one datagram ---- */

uint32_t nl_next_seq(struct vdpa_ctx *ctx)
{
	if (++ctx->seq == 0)
		ctx->seq = 1;
	return ctx->seq;
}

int nl_send(struct vdpa_ctx *ctx, const void *buf, size_t len, bool whole)
{
	sigset_t all, before;
	int r;

	if (!whole)
		return ctx->transport->send(ctx->nl->data, buf, len);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = ctx->transport->send(ctx->nl->data, buf, len);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* A transport that is interrupted without end gets no further. */
#define INTERRUPTIONS_MAX 1000

ssize_t nl_recv(struct vdpa_ctx *ctx)
{
	struct nl *nl = ctx->nl;
	ssize_t n;

	for (int i = 0; i < INTERRUPTIONS_MAX; i++) {
		n = ctx->transport->recv(nl->data, nl->buf, nl->cap, NL_ANSWER_MS);
		if (n != -EINTR)
			break;
	}
	if (n == -EAGAIN || n == -EINTR)
		return -ETIMEDOUT;
	if (n < 0)
		return n;
	if (n > RECV_MAX)
		return -EBADMSG;
	if ((size_t)n > nl->cap) {
		ctx->recv_size = (size_t)n;
		return -ENOBUFS;
	}
	/* libmnl rounds lengths up. */
	memset((uint8_t *)nl->buf + n, 0, MNL_ALIGNTO);
	return n;
}

bool nl_message_ok(const struct nlmsghdr *nlh, int left)
{
	return left >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (unsigned int)left;
}

bool nl_is_ours(const struct nl *nl, const struct nlmsghdr *nlh, uint32_t seq)
{
	return nlh->nlmsg_seq == seq && (!nl->portid || nlh->nlmsg_pid == nl->portid);
}

/* ---- one request and its whole answer ---- */

/* State of reading one answer. */
struct answer {
	struct vdpa_ctx *ctx;
	const struct nl_request *rq;
	uint32_t seq;
	bool dump;
	bool ack; /* the answer ends with an acknowledgement */
	bool sent;
	bool done;
	bool interrupted;
	size_t objects; /* that came */
	struct nl_verdict verdict;
};

/* The kernel answers in the words of the command that would make the object. */
static uint8_t command_of_reply(unsigned int command)
{
	switch (command) {
	case VDPA_COMMAND_MGMTDEV_GET:
		return VDPA_NL_CMD_MGMTDEV_NEW;
	case VDPA_COMMAND_DEV_GET:
		return VDPA_NL_CMD_DEV_NEW;
	}
	return (uint8_t)command;
}

static int take_object(struct answer *a, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct attrs attrs;

	if (nlh->nlmsg_type != a->ctx->nl->family || !a->rq->reply)
		return -EBADMSG;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    genl->cmd != command_of_reply(a->rq->command) || attrs_parse(nlh, &attrs) < 0)
		return -EBADMSG;
	a->objects++;
	/* What follows the one object that was asked for is not looked at. */
	if (!a->dump)
		a->done = true;
	return a->rq->reply(nlh, &attrs, a->rq->data);
}

static int take_message(struct answer *a, const struct nlmsghdr *nlh)
{
	int r;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_OVERRUN:
		return -ENOBUFS;
	case NLMSG_ERROR:
		r = nl_read_error(nlh, &a->verdict);
		/* A bare "fine" is no answer to a question. */
		if (!r && !a->verdict.errnum && !a->ack)
			r = -EBADMSG;
		a->done = true;
		return r;
	case NLMSG_DONE:
		if (!a->dump)
			return -EBADMSG;
		a->done = true;
		return nl_read_done(nlh, &a->verdict);
	default:
		return nlh->nlmsg_type < NLMSG_MIN_TYPE ? -EBADMSG : take_object(a, nlh);
	}
}

static int take_datagram(struct answer *a, size_t len)
{
	struct nl *nl = a->ctx->nl;
	const struct nlmsghdr *nlh = nl->buf;
	int left = (int)len;

	while (!a->done && nl_message_ok(nlh, left)) {
		int r = nl_is_ours(nl, nlh, a->seq) ? take_message(a, nlh) : 0;

		if (r < 0)
			return r;
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	/* Octets that are no message: torn, unless only what followed the end. */
	return !a->done && left > 0 ? -EBADMSG : 0;
}

static int exchange(struct answer *a)
{
	struct nlmsghdr *nlh = a->rq->msg.buf;
	unsigned int strangers = 0;
	int r;

	nlh->nlmsg_type = a->ctx->nl->family;
	nlh->nlmsg_seq = a->seq = nl_next_seq(a->ctx);
	r = nl_send(a->ctx, nlh, nlh->nlmsg_len, a->rq->whole);
	a->sent = !r;
	while (!r && !a->done) {
		size_t before = a->objects;
		ssize_t n = nl_recv(a->ctx);

		if (n < 0)
			return (int)n;
		r = take_datagram(a, (size_t)n);
		if (!r && !a->done && a->objects == before && ++strangers > NL_STRANGERS_MAX)
			r = -ETIMEDOUT;
	}
	return r;
}

static int set_warning(struct vdpa_ctx *ctx, const char *text)
{
	free(ctx->warning);
	ctx->warning = text ? strdup(text) : NULL;
	return text && !ctx->warning ? ctx_fail(ctx, ENOMEM, "out of memory") : 0;
}

/*
 * One attempt, connection and all.  An answer that was not read to its end
 * could run into the next one, and a dump that was broken off keeps its
 * socket busy: the connection is given up then.
 */
static int attempt(struct answer *a)
{
	int r = exchange(a);

	if (r < 0)
		nl_close(a->ctx);
	else if (a->interrupted && !a->verdict.errnum)
		r = -EINTR;
	return r;
}

static int run(struct vdpa_ctx *ctx, struct nl_request *rq)
{
	uint16_t flags = ((const struct nlmsghdr *)rq->msg.buf)->nlmsg_flags;
	int r, tries = flags & NLM_F_ACK ? 1 : NL_TRIES;
	struct answer a;

	for (;;) {
		a = (struct answer){ .ctx = ctx, .rq = rq };
		a.dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
		a.ack = flags & NLM_F_ACK;
		r = nl_connect(ctx);
		if (r < 0)
			return r;
		r = attempt(&a);
		if ((r != -ENOBUFS && r != -EINTR) || --tries <= 0)
			break;
		if (rq->restart)
			rq->restart(rq->data);
	}
	if (r < 0)
		return nl_fail(ctx, rq, r, a.sent && r != -ENOMEM);
	if (a.verdict.errnum)
		return ctx_set_error(ctx, nl_error(ctx, rq, &a.verdict));
	return set_warning(ctx, a.verdict.extack);
}

int nl_run(struct vdpa_ctx *ctx, struct nl_request *rq)
{
	int r = rq->msg.err ? nl_fail(ctx, rq, rq->msg.err, false) : run(ctx, rq);

	msg_free(&rq->msg);
	return r;
}

int nl_begin(struct vdpa_ctx *ctx, struct nl_request *rq, uint16_t flags)
{
	int r = nl_connect(ctx);

	if (r < 0)
		return r;
	msg_begin(&rq->msg, ctx->nl->family, flags, (uint8_t)rq->command, VDPA_NL_VERSION);
	return 0;
}
