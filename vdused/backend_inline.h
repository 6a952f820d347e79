/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queues of back ends that do their work on the spot, in the thread that serves
 * the rings.  A driver may ask for more than can be done without the rest of the
 * thread noticing: so a request is done in pieces, and after so many octets
 * in one turn of the thread what is left waits for the next one.
 */
#ifndef VDUSED_BACKEND_INLINE_H
#define VDUSED_BACKEND_INLINE_H

#include "vdused/backend.h"

/* Octets of one turn, and of one piece where it can be chosen. */
#define INLINE_TURN (64u << 20)
#define INLINE_PIECE (16u << 20)

struct inline_ops {
	/*
	 * Does a piece of the request and says what it cost: 1: there may be more to it;
	 * 0: it is done; or what it fails with.
	 */
	int (*piece)(struct backend_queue *q, struct backend_req *req, uint64_t *octets);
	/* The request leaves, with backend_complete(). */
	void (*end)(struct backend_queue *q, struct backend_req *req, int result);
};

struct inline_queue {
	struct backend_queue q;
	const struct inline_ops *ops;
	struct loop_source more; /* ready while something waits */
	struct backend_req *waiting, **waiting_end;
	uint64_t spent; /* in this turn */
};

/* Of a struct that is all zero. */
int inline_open(struct inline_queue *iq, const struct inline_ops *ops, struct loop *loop,
		struct err *err);
void inline_close(struct inline_queue *iq);
/* The back end's own, of a struct inline_queue. */
void inline_submit(struct backend_queue *q, struct backend_req *req);
void inline_flush(struct backend_queue *q);
bool inline_poll(struct backend_queue *q);
void inline_cancel(struct backend_queue *q);

#endif
