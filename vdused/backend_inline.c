/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/backend_inline.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void wait_in_list(struct inline_queue *iq, struct backend_req *req)
{
	if (!iq->waiting)
		eventfd_write(iq->more.fd, 1);
	req->next = NULL;
	*iq->waiting_end = req;
	iq->waiting_end = &req->next;
}

static void empty_list(struct inline_queue *iq)
{
	eventfd_t count;

	iq->waiting = NULL;
	iq->waiting_end = &iq->waiting;
	eventfd_read(iq->more.fd, &count);
}

static struct backend_req *take_first(struct inline_queue *iq)
{
	struct backend_req *req = iq->waiting;

	if (req->next)
		iq->waiting = req->next;
	else
		empty_list(iq);
	return req;
}

/* Until it has ended, or the turn has: false. */
static bool go_on(struct inline_queue *iq, struct backend_req *req)
{
	int rc;

	do {
		uint64_t octets = 0;

		if (iq->spent >= INLINE_TURN)
			return false;
		rc = iq->ops->piece(&iq->q, req, &octets);
		iq->spent += octets;
	} while (rc > 0);
	iq->ops->end(&iq->q, req, rc);
	return true;
}

void inline_submit(struct backend_queue *q, struct backend_req *req)
{
	struct inline_queue *iq = (struct inline_queue *)q;

	if (iq->waiting || !go_on(iq, req))
		wait_in_list(iq, req);
}

/* Once each round of the thread: the next turn begins. */
void inline_flush(struct backend_queue *q)
{
	((struct inline_queue *)q)->spent = 0;
}

bool inline_poll(struct backend_queue *q)
{
	struct inline_queue *iq = (struct inline_queue *)q;
	bool any = false;

	/* Each has its turn: what is left of a long one comes after the others. */
	while (iq->waiting && iq->spent < INLINE_TURN) {
		struct backend_req *req = take_first(iq);

		any = true;
		if (!go_on(iq, req))
			wait_in_list(iq, req);
	}
	return any;
}

static void more_ready(struct loop_source *src, uint32_t events)
{
	struct inline_queue *iq =
		(struct inline_queue *)((char *)src - offsetof(struct inline_queue, more));

	(void)events;
	inline_flush(&iq->q);
	inline_poll(&iq->q);
}

void inline_cancel(struct backend_queue *q)
{
	struct inline_queue *iq = (struct inline_queue *)q;
	struct backend_req *req = iq->waiting;

	if (req)
		empty_list(iq);
	while (req) {
		struct backend_req *next = req->next;

		iq->ops->end(q, req, -ECANCELED);
		req = next;
	}
}

int inline_open(struct inline_queue *iq, const struct inline_ops *ops, struct loop *loop,
		struct err *err)
{
	int rc;

	iq->ops = ops;
	iq->q.loop = loop;
	iq->waiting_end = &iq->waiting;
	iq->more.ready = more_ready;
	iq->more.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = iq->more.fd < 0 ? -errno : loop_add(loop, &iq->more, EPOLLIN);
	if (rc && iq->more.fd >= 0)
		close(iq->more.fd);
	return rc ? err_set(err, rc, "%s", strerror(-rc)) : 0;
}

void inline_close(struct inline_queue *iq)
{
	loop_del(iq->q.loop, &iq->more);
	close(iq->more.fd);
}
