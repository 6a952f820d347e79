/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel said of a request, and how that becomes an error object. */
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "common/strbuf.h"
#include "nl.h"

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
			if (len > 1 && memchr(text, '\0', len) && *text)
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

static bool is_errno(int32_t code)
{
	return code <= 0 && code >= -4095;
}

int nl_read_error(const struct nlmsghdr *nlh, struct nl_verdict *v)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh), at = sizeof(*e);

	*v = (struct nl_verdict){ 0 };
	if (len < sizeof(*e) || !is_errno(e->error))
		return -EBADMSG;
	v->errnum = -e->error;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		if (e->msg.nlmsg_len < MNL_NLMSG_HDRLEN || e->msg.nlmsg_len > len)
			return -EBADMSG;
		at += MNL_ALIGN(e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	}
	read_extack(nlh, at, v);
	return 0;
}

int nl_read_done(const struct nlmsghdr *nlh, struct nl_verdict *v)
{
	int32_t code = 0;

	*v = (struct nl_verdict){ 0 };
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	if (!is_errno(code))
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

int nl_fail(struct vdpa_ctx *ctx, const struct nl_request *rq, int r, bool sent)
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
		why = sent ? "the kernel's answer was lost (socket buffer full)" :
			     "no room for the request (socket buffer full)";
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
	r = ctx_fail(ctx, -r, "%s", message ? message : why);
	if (sent)
		error_mark_lost(ctx->error);
	return r;
}
