/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transmission phase of the protocol on a plain socket, after libnbd
 * negotiated: what a round of the reactor issued goes out by one call, and one
 * call brings all the answers that are there.  What the server says is checked:
 * an answer that nobody waits for ends the connection.
 */
#include "vdused/backend_nbd.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vdused/guard.h"

#define REQUEST_MAGIC 0x25609513u
#define REPLY_MAGIC 0x67446698u
#define FLAG_FUA 1
#define FLAG_NO_HOLE 2
/* What one call takes from the socket; in a cache of the processor. */
#define IN_OCTETS (256u << 10)
#define OUT_PIECES 128

enum {
	TYPE_READ,
	TYPE_WRITE,
	TYPE_DISCONNECT,
	TYPE_FLUSH,
	TYPE_TRIM,
	TYPE_ZERO = 6,
};

struct reply {
	uint32_t magic;
	uint32_t error;
	uint64_t cookie;
} __attribute__((packed));

static void fail(struct nbd_wire *w, const char *why)
{
	if (!w->why)
		w->why = why;
}

/* ---- beginning and end ---- */

bool nbd_wire_take(struct nbd_queue *q, struct nbd_handle *h)
{
	struct nbd_wire *w = &q->wire;

	/* Encryption is libnbd's, and so are answers in other forms. */
	if (nbd_get_tls_negotiated(h) || nbd_get_structured_replies_negotiated(h))
		return false;
	if (!w->in)
		w->in = malloc(IN_OCTETS);
	if (w->in)
		w->fd = fcntl(nbd_aio_get_fd(h), F_DUPFD_CLOEXEC, 0);
	if (w->fd < 0)
		return false;
	/* Its descriptor closes with it, the connection lives in ours. */
	nbd_close(h);
	w->have = 0;
	w->unsent = w->reading = NULL;
	w->why = NULL;
	return true;
}

void nbd_wire_drop(struct nbd_queue *q)
{
	if (q->wire.fd >= 0)
		close(q->wire.fd);
	q->wire.fd = -1;
	q->wire.unsent = q->wire.reading = NULL;
	q->wire.why = NULL;
}

void nbd_wire_hang_up(struct nbd_queue *q)
{
	const struct nbd_wire_request bye = {
		.magic = htobe32(REQUEST_MAGIC),
		.type = htobe16(TYPE_DISCONNECT),
	};

	/* Inside of a request that is half sent it would be data. */
	if (!q->wire.unsent)
		send(q->wire.fd, &bye, sizeof(bye), MSG_DONTWAIT | MSG_NOSIGNAL);
	nbd_wire_drop(q);
}

/* ---- sending ---- */

static uint16_t type_of(const struct nbd_cmd *cmd)
{
	if (cmd->sync)
		return TYPE_FLUSH;
	switch (cmd->req->op) {
	case BACKEND_READ:
		return TYPE_READ;
	case BACKEND_WRITE:
		return TYPE_WRITE;
	case BACKEND_DISCARD:
		return TYPE_TRIM;
	case BACKEND_WRITE_ZEROES:
		return TYPE_ZERO;
	default:
		return TYPE_FLUSH;
	}
}

void nbd_wire_issue(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	const struct backend_req *req = cmd->req;
	uint16_t type = type_of(cmd), flags = 0;

	if (type != TYPE_FLUSH && req->flags & BACKEND_FUA && q->fua)
		flags |= FLAG_FUA;
	if (type == TYPE_ZERO && !(req->flags & BACKEND_MAY_UNMAP))
		flags |= FLAG_NO_HOLE;
	cmd->turn++;
	cmd->head = (struct nbd_wire_request){
		.magic = htobe32(REQUEST_MAGIC),
		.flags = htobe16(flags),
		.type = htobe16(type),
		.cookie = (uint64_t)cmd->turn << 32 | cmd->slot,
		.offset = type == TYPE_FLUSH ? 0 : htobe64(req->offset + req->done_len),
		.len = type == TYPE_FLUSH ? 0 : htobe32((uint32_t)cmd->piece),
	};
	cmd->left = sizeof(cmd->head) + (type == TYPE_WRITE ? cmd->piece : 0);
	cmd->fault = 0;
	if (!q->wire.unsent)
		q->wire.unsent = cmd;
}

/* What is left of it, in up to two pieces; returns how many. */
static unsigned pieces_of(struct nbd_cmd *cmd, struct iovec *iov)
{
	bool data = cmd->head.type == htobe16(TYPE_WRITE);
	size_t of_data = data ? cmd->piece : 0, of_head;

	if (cmd->left <= of_data) {
		iov[0] = (struct iovec){ (char *)cmd->data + of_data - cmd->left, cmd->left };
		return 1;
	}
	of_head = cmd->left - of_data;
	iov[0] = (struct iovec){ (char *)&cmd->head + sizeof(cmd->head) - of_head, of_head };
	iov[1] = (struct iovec){ cmd->data, of_data };
	return data ? 2 : 1;
}

static void sent(struct nbd_wire *w, size_t n)
{
	while (n) {
		size_t part = n < w->unsent->left ? n : w->unsent->left;

		w->unsent->left -= part;
		n -= part;
		if (!w->unsent->left)
			w->unsent = TAILQ_NEXT(w->unsent, link);
	}
}

void nbd_wire_send(struct nbd_queue *q)
{
	struct nbd_wire *w = &q->wire;

	while (w->unsent && !w->why) {
		struct iovec iov[OUT_PIECES];
		struct msghdr msg = { .msg_iov = iov };
		ssize_t n;

		for (struct nbd_cmd *cmd = w->unsent; cmd && msg.msg_iovlen < OUT_PIECES - 1;
		     cmd = TAILQ_NEXT(cmd, link))
			msg.msg_iovlen += pieces_of(cmd, iov + msg.msg_iovlen);
		n = sendmsg(w->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent(w, (size_t)n);
		else if (errno == EAGAIN || errno == ENOBUFS)
			return;
		else if (errno != EINTR)
			fail(w, "connection lost");
	}
}

bool nbd_wire_withdraw(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	size_t data = cmd->head.type == htobe16(TYPE_WRITE) ? cmd->piece : 0;

	if (q->wire.fd < 0 || cmd->left != sizeof(cmd->head) + data)
		return false;
	if (q->wire.unsent == cmd)
		q->wire.unsent = TAILQ_NEXT(cmd, link);
	return true;
}

/* ---- answers ---- */

static int errno_of(uint32_t error)
{
	switch (error) {
	case 0:
		return 0;
	case 1:
		return EPERM;
	case 28:
		return ENOSPC;
	case 95:
		return EOPNOTSUPP;
	case 108:
		return ESHUTDOWN;
	default:
		return EIO;
	}
}

/* Who waits for the answer; NULL: nobody. */
static struct nbd_cmd *addressee(struct nbd_queue *q, uint64_t cookie)
{
	uint32_t slot = (uint32_t)cookie;
	struct nbd_cmd *cmd = slot < q->slots ? q->slot[slot] : NULL;

	return cmd && cmd->sent && cmd->head.cookie == cookie && !cmd->left ? cmd : NULL;
}

/* An answer's head: false when the connection is of no more use. */
static bool take_head(struct nbd_queue *q, const char *at)
{
	struct nbd_wire *w = &q->wire;
	struct nbd_cmd *cmd;
	struct reply r;

	memcpy(&r, at, sizeof(r));
	cmd = addressee(q, r.cookie);
	if (r.magic != htobe32(REPLY_MAGIC) || !cmd) {
		fail(w, "the server does not keep to the protocol");
		return false;
	}
	if (!r.error && cmd->head.type == htobe16(TYPE_READ)) {
		w->reading = cmd;
		w->read = 0;
	} else {
		nbd_cmd_ended(cmd, errno_of(be32toh(r.error)));
	}
	return true;
}

/* The reading command's data; how much of it was there. */
static size_t take_data(struct nbd_queue *q, const char *at, size_t have)
{
	struct nbd_wire *w = &q->wire;
	struct nbd_cmd *cmd = w->reading;
	size_t n = cmd->piece - w->read < have ? cmd->piece - w->read : have;

	/* Its memory may be gone: the rest of the data has to leave the socket all the same. */
	if (cmd->req && !cmd->fault)
		cmd->fault = guard_scatter(cmd->req->iov, cmd->req->niov,
					   cmd->req->done_len + w->read, at, n);
	w->read += n;
	if (w->read == cmd->piece) {
		w->reading = NULL;
		nbd_cmd_ended(cmd, 0);
	}
	return n;
}

static void digest(struct nbd_queue *q)
{
	struct nbd_wire *w = &q->wire;
	const char *at = w->in;
	size_t have = w->have;

	while (w->reading ? have > 0 : have >= sizeof(struct reply)) {
		size_t n = sizeof(struct reply);

		if (w->reading)
			n = take_data(q, at, have);
		else if (!take_head(q, at))
			return;
		at += n;
		have -= n;
	}
	memmove(w->in, at, have);
	w->have = have;
}

bool nbd_wire_receive(struct nbd_queue *q)
{
	struct nbd_wire *w = &q->wire;
	size_t room;
	bool any = false;
	ssize_t n;

	do {
		room = IN_OCTETS - w->have;
		n = w->why ? 0 : recv(w->fd, w->in + w->have, room, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			n = 0;
		if (!n)
			fail(w, "connection lost");
		if (n <= 0)
			return any;
		any = true;
		w->have += (size_t)n;
		digest(q);
		/* Less than there was room for was all of it. */
	} while ((size_t)n == room);
	return true;
}
