/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection, and the generic netlink controller that tells where the family is. */
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "nl.h"

/* ---- questions to the controller ---- */

struct question {
	uint32_t seq;
	bool dump;
	uint8_t answer; /* the command that its replies carry */
	nl_ctrl_cb reply;
	void *data;
};

/* One message: 1 when it ends the answer, 0 when more is to come, -errno. */
static int take_message(const struct nlmsghdr *nlh, const struct question *q)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct nl_verdict v = { 0 };
	int r;

	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		r = nlh->nlmsg_type == NLMSG_ERROR ? nl_read_error(nlh, &v) : nl_read_done(nlh, &v);
		if (!r && !v.errnum && (nlh->nlmsg_type == NLMSG_ERROR || !q->dump))
			r = -EBADMSG;
		if (!r)
			r = v.errnum ? -v.errnum : 1;
		return r;
	}
	if (nlh->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    genl->cmd != q->answer)
		return -EBADMSG;
	r = q->reply(nlh, q->data);
	return r < 0 ? r : !q->dump;
}

static int take_datagram(struct nl *nl, size_t len, const struct question *q)
{
	const struct nlmsghdr *nlh = nl->buf;
	int left = (int)len;

	for (; nl_message_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		int r = nl_is_ours(nl, nlh, q->seq) ? take_message(nlh, q) : 0;

		if (r)
			return r;
	}
	return left > 0 ? -EBADMSG : 0;
}

int nl_ctrl(struct vdpa_ctx *ctx, struct msg *m, uint8_t answer, nl_ctrl_cb reply, void *data)
{
	struct nlmsghdr *req = m->buf;
	struct question q = { .answer = answer, .reply = reply, .data = data };
	int r = m->err;

	if (!r) {
		q.dump = (req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
		q.seq = req->nlmsg_seq = nl_next_seq(ctx);
		r = nl_send(ctx, req, req->nlmsg_len, false);
	}
	for (unsigned int i = 0; !r; i++) {
		ssize_t n = i < NL_STRANGERS_MAX ? nl_recv(ctx) : -ETIMEDOUT;

		r = n < 0 ? (int)n : take_datagram(ctx->nl, (size_t)n, &q);
	}
	msg_free(m);
	return r < 0 ? r : 0;
}

/* ---- the family ---- */

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
	return nl_ctrl(ctx, &m, CTRL_CMD_NEWFAMILY, family_reply, ctx->nl);
}

/* ---- the connection ---- */

static int open_transport(struct vdpa_ctx *ctx)
{
	struct nl *nl = calloc(1, sizeof(*nl));
	int r = -ENOMEM;

	if (!nl)
		return r;
	nl->cap = ctx->recv_size > NL_RECV_MIN ? ctx->recv_size : NL_RECV_MIN;
	nl->buf = malloc(nl->cap + MNL_ALIGNTO);
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
	int r = -ENOBUFS;

	if (ctx->nl)
		return 0;
	for (int tries = 0; tries < NL_TRIES && r == -ENOBUFS; tries++) {
		r = open_transport(ctx);
		if (r < 0)
			return ctx_fail(ctx, -r, "cannot open a generic netlink socket: %s",
					errno_text(-r));
		r = find_family(ctx);
		if (!r)
			return 0;
		nl_close(ctx);
	}
	if (r != -ENOENT)
		return ctx_fail(ctx, -r, "cannot look up the vdpa netlink family: %s",
				errno_text(-r));
	r = ctx_fail(ctx, EPROTONOSUPPORT, "the kernel has no vdpa netlink family here");
	hint_no_family(ctx, ctx->error);
	return r;
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
