/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "common/strbuf.h"

/* The kernel fills dump messages up to 32 KiB when the reader's buffer is that large. */
#define RECV_MIN (32 * 1024)
#define RECV_MAX (1024 * 1024)
/* How often a read-only request is asked again before its failure is believed. */
#define TRIES 5

/* ---- one datagram ---- */

uint32_t nl_next_seq(struct nl *nl)
{
	if (++nl->seq == 0)
		nl->seq = 1;
	return nl->seq;
}

int nl_send(struct vdpa_ctx *ctx, const void *buf, size_t len)
{
	return ctx->transport->send(ctx->nl->data, buf, len);
}

static int grow(struct nl *nl, size_t need)
{
	uint8_t *buf;

	if (need > RECV_MAX)
		return -EBADMSG;
	buf = realloc(nl->buf, need);
	if (!buf)
		return -ENOMEM;
	nl->buf = buf;
	nl->cap = need;
	return -EMSGSIZE;
}

ssize_t nl_recv(struct vdpa_ctx *ctx)
{
	struct nl *nl = ctx->nl;
	ssize_t n = ctx->transport->recv(nl->data, nl->buf, nl->cap, NL_ANSWER_MS);

	if (n > 0 && (size_t)n > nl->cap)
		return grow(nl, (size_t)n);
	return n;
}

/* ---- verdicts ---- */

/* The text and the offset that the kernel attached to a verdict, from attributes at `at`. */
static void read_extack(const struct nlmsghdr *nlh, size_t at, struct nl_verdict *v)
{
	const struct nlattr *attr;

	if (at > mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each(attr, nlh, at) {
		uint16_t len = mnl_attr_get_payload_len(attr);
		const char *text = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			if (len > 1 && memchr(text, '\0', len))
				v->extack = text;
			break;
		case NLMSGERR_ATTR_OFFS:
			if (len == sizeof(uint32_t)) {
				v->offset = mnl_attr_get_u32(attr);
				v->has_offset = true;
			}
			break;
		}
	}
}

int nl_read_error(const struct nlmsghdr *nlh, struct nl_verdict *v)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t at = sizeof(*e);

	*v = (struct nl_verdict){ 0 };
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e) || e->error > 0 || e->error < -4095)
		return -EBADMSG;
	v->errnum = -e->error;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		if (e->msg.nlmsg_len < NLMSG_HDRLEN)
			return -EBADMSG;
		at += MNL_ALIGN(e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	}
	read_extack(nlh, at, v);
	return 0;
}

/* The end of a dump carries a verdict too. */
static int read_done(const struct nlmsghdr *nlh, struct nl_verdict *v)
{
	int32_t code = 0;

	*v = (struct nl_verdict){ 0 };
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	if (code > 0 || code < -4095)
		return -EBADMSG;
	v->errnum = -code;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		read_extack(nlh, sizeof(code), v);
	return 0;
}

/* "cannot DOING "NAME": WHY" */
static char *describe(const struct nl_request *rq, const char *why)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "cannot %s", rq->doing);
	if (rq->name)
		strbuf_addf(&sb, " \"%s\"", rq->name);
	strbuf_addf(&sb, ": %s", why);
	return strbuf_take(&sb);
}

static const char *without_module(const char *extack)
{
	return strncmp(extack, "vdpa: ", 6) ? extack : extack + 6;
}

static const char *errno_text(int errnum)
{
	const char *s = strerrordesc_np(errnum);

	return s ? s : "unknown error";
}

struct vdpa_error *nl_error(struct vdpa_ctx *ctx, const struct nl_request *rq,
			    const struct nl_verdict *v)
{
	CLEANUP(strbuf_free) struct strbuf why = STRBUF_INIT;
	struct vdpa_error *err;
	CLEANUP_FREE char *message = NULL;

	if (v->extack)
		strbuf_addf(&why, "%s (%s)", without_module(v->extack), errno_text(v->errnum));
	else
		strbuf_add(&why, errno_text(v->errnum));
	message = describe(rq, why.s ? why.s : "");
	err = error_new(v->errnum, message, v->extack);
	if (!err)
		return NULL;
	if (v->has_offset)
		err->attr = msg_attr_at(&rq->msg, v->offset);
	hint_request(ctx, err, rq->command, rq->spec);
	return err;
}

int nl_fail(struct vdpa_ctx *ctx, const struct nl_request *rq, int r)
{
	CLEANUP_FREE char *message = NULL;
	const char *why;

	switch (r) {
	case -EBADMSG:
		why = "the kernel's answer is malformed";
		break;
	case -ETIMEDOUT:
		why = "the kernel gave no answer in time";
		break;
	case -ENOBUFS:
		why = "the kernel's answer was lost (socket buffer full)";
		break;
	case -EINTR:
		why = "the listing was interrupted by changes again and again";
		break;
	case -EMSGSIZE:
		why = "a name is too long for a netlink message";
		break;
	default:
		why = errno_text(-r);
	}
	message = describe(rq, why);
	return ctx_fail(ctx, -r, "%s", message ? message : why);
}

/* ---- one request and its whole answer ---- */

/* State of reading one answer; progress is what the next message may be. */
struct answer {
	struct vdpa_ctx *ctx;
	const struct nl_request *rq;
	bool dump;
	bool ack; /* the answer ends with an acknowledgement */
	bool got; /* an object came */
	bool done;
	bool interrupted;
	struct nl_verdict verdict;
};

static int take_object(struct answer *a, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct attrs attrs;

	if (nlh->nlmsg_type != a->ctx->nl->family || !a->rq->reply)
		return -EBADMSG;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) || attrs_parse(nlh, &attrs) < 0)
		return -EBADMSG;
	if (!a->dump && a->got)
		return -EBADMSG;
	a->got = true;
	if (!a->dump && !a->ack)
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
		/* A bare "fine" answers a question only after its object. */
		if (!r && !a->verdict.errnum && (a->dump || !a->ack))
			r = -EBADMSG;
		a->done = true;
		return r;
	case NLMSG_DONE:
		if (!a->dump)
			return -EBADMSG;
		a->done = true;
		return read_done(nlh, &a->verdict);
	default:
		return nlh->nlmsg_type < NLMSG_MIN_TYPE ? -EBADMSG : take_object(a, nlh);
	}
}

static int take_datagram(struct answer *a, size_t len)
{
	struct nl *nl = a->ctx->nl;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl->buf;
	int left = (int)len;

	while (!a->done && mnl_nlmsg_ok(nlh, left)) {
		bool ours = nlh->nlmsg_seq == nl->seq &&
			    (!nl->portid || nlh->nlmsg_pid == nl->portid);
		int r = ours ? take_message(a, nlh) : 0;

		if (r < 0)
			return r;
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	/* Octets that are no message: torn, unless only what followed the end. */
	return !a->done && left > 0 ? -EBADMSG : 0;
}

/* Datagrams that hold nothing for us; a bound so that noise can't keep us here. */
#define STRANGERS_MAX 1000

static int exchange(struct answer *a)
{
	struct nl *nl = a->ctx->nl;
	struct nlmsghdr *nlh = (struct nlmsghdr *)a->rq->msg.buf;
	unsigned int datagrams = 0;
	int r;

	nlh->nlmsg_seq = nl_next_seq(nl);
	r = nl_send(a->ctx, nlh, nlh->nlmsg_len);
	while (!r && !a->done) {
		bool before = a->got;
		ssize_t n = nl_recv(a->ctx);

		if (n < 0)
			return (int)n;
		r = take_datagram(a, (size_t)n);
		if (!r && !a->done && a->got == before && ++datagrams > STRANGERS_MAX)
			r = -ETIMEDOUT;
	}
	return r;
}

static bool worth_another_try(int r)
{
	return r == -ENOBUFS || r == -EMSGSIZE || r == -EINTR;
}

static int set_warning(struct vdpa_ctx *ctx, const char *text)
{
	free(ctx->warning);
	ctx->warning = text ? strdup(text) : NULL;
	return text && !ctx->warning ? -ENOMEM : 0;
}

static int settle(struct vdpa_ctx *ctx, const struct nl_request *rq, const struct answer *a, int r)
{
	if (r < 0)
		return nl_fail(ctx, rq, r);
	if (a->verdict.errnum)
		return ctx_set_error(ctx, nl_error(ctx, rq, &a->verdict));
	return set_warning(ctx, a->verdict.extack);
}

int nl_run(struct vdpa_ctx *ctx, struct nl_request *rq)
{
	uint16_t flags = rq->msg.err ? 0 : ((struct nlmsghdr *)rq->msg.buf)->nlmsg_flags;
	int r = rq->msg.err, tries = flags & NLM_F_ACK ? 1 : TRIES;
	struct answer a;

	do {
		a = (struct answer){ .ctx = ctx, .rq = rq };
		a.dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
		a.ack = flags & NLM_F_ACK;
		if (!r)
			r = exchange(&a);
		if (!r && a.interrupted && !a.verdict.errnum)
			r = -EINTR;
		if (!worth_another_try(r) || rq->msg.err || --tries <= 0)
			break;
		if (rq->restart)
			rq->restart(rq->data);
		r = 0;
	} while (true);
	r = settle(ctx, rq, &a, r);
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

/* ---- the generic netlink controller ---- */

static int ctrl_exchange(struct vdpa_ctx *ctx, struct msg *m,
			 int (*reply)(const struct nlmsghdr *nlh, void *data), void *data)
{
	struct nl *nl = ctx->nl;
	struct nlmsghdr *req = (struct nlmsghdr *)m->buf;
	bool dump = (req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	unsigned int datagrams = 0;
	int r;

	req->nlmsg_seq = nl_next_seq(nl);
	r = nl_send(ctx, req, req->nlmsg_len);
	while (!r && ++datagrams < STRANGERS_MAX) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl->buf;
		ssize_t n = nl_recv(ctx);
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			struct nl_verdict v = { 0 };

			if (nlh->nlmsg_seq != nl->seq ||
			    (nl->portid && nlh->nlmsg_pid != nl->portid))
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
				r = nlh->nlmsg_type == NLMSG_ERROR ? nl_read_error(nlh, &v) :
								     read_done(nlh, &v);
				return r ? r : -v.errnum;
			}
			if (nlh->nlmsg_type != GENL_ID_CTRL ||
			    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
				return -EBADMSG;
			r = reply(nlh, data);
			if (r || !dump)
				return r;
		}
		if (left > 0)
			return -EBADMSG;
	}
	return r ? r : -ETIMEDOUT;
}

int nl_ctrl(struct vdpa_ctx *ctx, struct msg *m,
	    int (*reply)(const struct nlmsghdr *nlh, void *data), void *data)
{
	int r = m->err, tries = TRIES;

	while (!r) {
		r = ctrl_exchange(ctx, m, reply, data);
		if (!worth_another_try(r) || --tries <= 0)
			break;
		r = 0;
	}
	msg_free(m);
	return r;
}

static void read_ops(const struct nlattr *nest, uint64_t *commands)
{
	const struct nlattr *op, *field;

	mnl_attr_for_each_nested(op, nest) {
		mnl_attr_for_each_nested(field, op) {
			if (mnl_attr_get_type(field) == CTRL_ATTR_OP_ID &&
			    mnl_attr_get_payload_len(field) == sizeof(uint32_t) &&
			    mnl_attr_get_u32(field) < 64)
				*commands |= 1ULL << mnl_attr_get_u32(field);
		}
	}
}

static int family_reply(const struct nlmsghdr *nlh, void *data)
{
	struct nl *nl = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_ID:
			if (len == sizeof(uint16_t))
				nl->family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MAXATTR:
			if (len == sizeof(uint32_t))
				nl->max_attr = mnl_attr_get_u32(attr);
			break;
		case CTRL_ATTR_OPS:
			read_ops(attr, &nl->commands);
			break;
		}
	}
	return nl->family >= NLMSG_MIN_TYPE ? 0 : -EBADMSG;
}

static int find_family(struct vdpa_ctx *ctx)
{
	struct msg m = MSG_INIT;

	msg_begin(&m, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, 1);
	msg_put_str(&m, CTRL_ATTR_FAMILY_NAME, VDPA_NL_FAMILY);
	return nl_ctrl(ctx, &m, family_reply, ctx->nl);
}

/* ---- the connection ---- */

static int open_transport(struct vdpa_ctx *ctx)
{
	struct nl *nl = calloc(1, sizeof(*nl));
	int r = -ENOMEM;

	if (!nl)
		return r;
	nl->cap = RECV_MIN;
	nl->buf = malloc(nl->cap);
	if (!nl->buf)
		goto free_nl;
	nl->fd = -1;
	nl->data = ctx->transport == &transport_socket ? &nl->fd : ctx->transport_data;
	r = ctx->transport->open(nl->data, &nl->portid);
	if (r < 0)
		goto free_buf;
	ctx->nl = nl;
	return 0;
free_buf:
	free(nl->buf);
free_nl:
	free(nl);
	return r;
}

int nl_connect(struct vdpa_ctx *ctx)
{
	int r;

	if (ctx->nl)
		return 0;
	r = open_transport(ctx);
	if (r < 0)
		return ctx_fail(ctx, -r, "cannot open a generic netlink socket: %s",
				errno_text(-r));
	r = find_family(ctx);
	if (!r)
		return 0;
	nl_close(ctx);
	if (r != -ENOENT)
		return ctx_fail(ctx, -r, "cannot look up the vdpa netlink family: %s",
				errno_text(-r));
	ctx_fail(ctx, EPROTONOSUPPORT, "the kernel has no vdpa netlink family here");
	hint_no_family(ctx, ctx->error);
	return -EPROTONOSUPPORT;
}

void nl_close(struct vdpa_ctx *ctx)
{
	struct nl *nl = ctx->nl;

	if (!nl)
		return;
	ctx->transport->close(nl->data);
	free(nl->buf);
	free(nl);
	ctx->nl = NULL;
}
