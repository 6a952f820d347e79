/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests and their replies.
 *
 * A reply is believed when its sender, sequence number, type, command and
 * attributes are right.  Messages of other sequence numbers (late answers to a
 * request that was given up) are passed over; anything malformed ends
 * the request with -EBADMSG.  A lost or cut reply (ENOBUFS) and an
 * interrupted dump are asked for again, a bounded number of times; a request
 * that changes something is never sent twice.
 *
 *   ctrl.c connects, nl.c asks and reads the answer, verdict.c judges it.
 */
#ifndef LIBVDPAMGMT_NL_H
#define LIBVDPAMGMT_NL_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "attr.h"
#include "internal.h"
#include "msg.h"

extern const struct vdpa_transport transport_socket;

/* How long an answer may take to arrive: the kernel has it ready when send returns. */
#define NL_ANSWER_MS 10000
/* How often a read-only request is asked again before its failure is believed. */
#define NL_TRIES 5
/* Datagrams that hold nothing for us; a bound so that noise can't keep us here. */
#define NL_STRANGERS_MAX 1000
/* The kernel fills dump messages up to 32 KiB when the reader's buffer is that large. */
#define NL_RECV_MIN (32 * 1024)

struct nl {
	int fd; /* of transport_socket */
	void *data; /* for the transport */
	uint32_t portid; /* 0 = any */
	uint16_t family;
	uint32_t max_attr;
	uint64_t commands; /* bit N: the family serves command N */
	void *buf; /* owned; receive buffer of cap octets and a few zeros behind */
	size_t cap;
};

int nl_connect(struct vdpa_ctx *ctx);
void nl_close(struct vdpa_ctx *ctx);

/* Called for each object in the answer; a negative result ends the request with it. */
typedef int (*nl_reply_cb)(const struct nlmsghdr *nlh, const struct attrs *attrs, void *data);

struct nl_request {
	unsigned int command; /* enum vdpa_command */
	struct msg msg; /* attributes are put between nl_begin and the call */
	const char *doing; /* "show device", for messages */
	const char *name; /* what it is done to, quoted in messages; NULL for all */
	const struct vdpa_spec *spec; /* for hints; may be NULL */
	bool whole; /* no signal may end the process in the middle: it would crash the kernel */
	nl_reply_cb reply; /* NULL when only the verdict counts */
	void (*restart)(void *data); /* dumps: forget what came so far */
	void *data;
};

#define NL_REQUEST_INIT(cmd, doing_, name_)                                           \
	{                                                                             \
		.command = (cmd), .msg = MSG_INIT, .doing = (doing_), .name = (name_) \
	}

/* Connects where needed and begins rq->msg.  Flags: 0, NLM_F_ACK or NLM_F_DUMP. */
int nl_begin(struct vdpa_ctx *ctx, struct nl_request *rq, uint16_t flags);
/* Sends, reads the whole answer and frees rq->msg.  0 or -errno with ctx->error set. */
int nl_run(struct vdpa_ctx *ctx, struct nl_request *rq);

/* ---- for bulk.c: several requests in flight ---- */

/* What the kernel said of one request. */
struct nl_verdict {
	int errnum; /* positive, 0 = done */
	const char *extack; /* in the receive buffer; NULL when none */
	uint32_t offset; /* of the attribute at fault in the request */
	bool has_offset;
};

/* The next sequence number, never 0. */
uint32_t nl_next_seq(struct vdpa_ctx *ctx);
/*
 * A datagram of requests; 0 or -errno.  whole: signals wait until the kernel
 * has carried it out, see struct nl_request.
 */
int nl_send(struct vdpa_ctx *ctx, const void *buf, size_t len, bool whole);
/*
 * One datagram into nl->buf; its length or -errno.  One that was cut is lost
 * (-ENOBUFS): the next connection has a buffer that is large enough.
 */
ssize_t nl_recv(struct vdpa_ctx *ctx);
/* A whole message at nlh, of the left octets?  (libmnl 1.0.4 believes lengths above INT_MAX.) */
bool nl_message_ok(const struct nlmsghdr *nlh, int left);
/* An answer to request seq, from the kernel to us? */
bool nl_is_ours(const struct nl *nl, const struct nlmsghdr *nlh, uint32_t seq);
/* Reads an NLMSG_ERROR message; 0 or -EBADMSG. */
int nl_read_error(const struct nlmsghdr *nlh, struct nl_verdict *v);
/* Reads an NLMSG_DONE message: the end of a dump carries a verdict too. */
int nl_read_done(const struct nlmsghdr *nlh, struct nl_verdict *v);
/* The verdict as an error object with message and hint; NULL when out of memory. */
struct vdpa_error *nl_error(struct vdpa_ctx *ctx, const struct nl_request *rq,
			    const struct nl_verdict *v);
/*
 * Records a failure of the connection itself (not the kernel's verdict);
 * returns r.  sent: what the kernel did is not known (the error is marked lost).
 */
int nl_fail(struct vdpa_ctx *ctx, const struct nl_request *rq, int r, bool sent);

/*
 * nl_ctrl: a request to the generic netlink controller: attributes are put in
 * m, which is freed, by the caller.  Replies, which must carry the command
 * answer, are handed over unparsed.  Returns 0 or -errno without a record in ctx.
 */
typedef int (*nl_ctrl_cb)(const struct nlmsghdr *nlh, void *data);
int nl_ctrl(struct vdpa_ctx *ctx, struct msg *m, uint8_t answer, nl_ctrl_cb reply, void *data);

#endif
