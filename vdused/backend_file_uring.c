/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue of file:PATH by io_uring: each request has at most one step in the
 * ring.  What finds the ring full or no memory for buffers, or is to be tried
 * again, waits in a list; the list is looked at whenever a completion made room,
 * and by a timer.
 *
 * Discarding on a device is done on the spot, and may take long: once each time
 * that the loop comes by.
 */
#include "vdused/backend_file.h"

#include <errno.h>
#include <liburing.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define ENTRIES 256
#define RETRY_NS (1000 * 1000)

struct uring_queue {
	struct file_queue fq;
	struct io_uring ring;
	struct loop_source ring_src, timer_src;
	unsigned issued; /* steps in the ring; the completion queue holds twice the entries */
	bool unsubmitted; /* some of them not yet shown to the kernel */
	bool cancelling; /* until issued is 0: no further steps */
	bool hold; /* until the timer comes, what waits waits */
	bool inlined; /* until the timer comes, nothing more is done on the spot */
	size_t bounced; /* octets of buffers */
	struct backend_req *waiting, **waiting_end;
};

static struct file *file_of(struct uring_queue *u)
{
	return (struct file *)u->fq.q.backend;
}

static void arm_timer(struct uring_queue *u, long ns)
{
	const struct itimerspec its = { .it_value.tv_nsec = ns };

	timerfd_settime(u->timer_src.fd, 0, &its, NULL);
}

static void wait_in_list(struct uring_queue *u, struct backend_req *req)
{
	req->next = NULL;
	*u->waiting_end = req;
	u->waiting_end = &req->next;
}

/* Shows the kernel what is in the ring. If it does not take it now, the timer tries again. */
static void show(struct uring_queue *u)
{
	int n;

	do
		n = io_uring_submit(&u->ring);
	while (n == -EINTR || (n > 0 && io_uring_sq_ready(&u->ring)));
	u->unsubmitted = io_uring_sq_ready(&u->ring) > 0;
	if (u->unsubmitted)
		arm_timer(u, RETRY_NS);
}

static struct io_uring_sqe *free_sqe(struct uring_queue *u)
{
	struct io_uring_sqe *sqe;

	if (u->issued >= 2 * ENTRIES)
		return NULL;
	sqe = io_uring_get_sqe(&u->ring);
	if (sqe)
		return sqe;
	show(u);
	return io_uring_get_sqe(&u->ring);
}

static void prepare(struct io_uring_sqe *sqe, const struct file_step *step)
{
	switch (step->call) {
	case FILE_READV:
		io_uring_prep_readv(sqe, 0, step->iov, step->niov, step->offset);
		break;
	case FILE_READ:
		io_uring_prep_read(sqe, 0, step->buf, (unsigned)step->len, step->offset);
		break;
	case FILE_WRITEV:
		io_uring_prep_writev2(sqe, 0, step->iov, step->niov, step->offset, step->rw_flags);
		break;
	case FILE_WRITE:
		io_uring_prep_write(sqe, 0, step->buf, (unsigned)step->len, step->offset);
		sqe->rw_flags = step->rw_flags;
		break;
	case FILE_FALLOCATE:
		io_uring_prep_fallocate(sqe, 0, step->mode, (off_t)step->offset, (off_t)step->len);
		break;
	default:
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	}
	sqe->flags |= IOSQE_FIXED_FILE;
}

static void complete(struct uring_queue *u, struct backend_req *req, int result)
{
	if (req->buffer)
		u->bounced -= file_bounce_len(req);
	file_complete(&u->fq.q, req, result);
}

/* file_next(), and an account of its buffers. */
static int next_step(struct uring_queue *u, struct backend_req *req, struct file_step *step)
{
	bool had = req->buffer;
	int rc = file_next(file_of(u), req, step);

	if (!had && req->buffer)
		u->bounced += file_bounce_len(req);
	return rc;
}

/* Those that have a buffer will give it back. */
static bool lacks_memory(const struct uring_queue *u, const struct backend_req *req)
{
	return u->bounced >= FILE_BOUNCES_MAX && !req->buffer && req->op <= BACKEND_WRITE;
}

/* The next step on the spot is for the next turn of the loop. */
static void end_turn(struct uring_queue *u)
{
	u->inlined = true;
	/* An earlier end of a pause is not wanted. */
	if (!u->hold)
		arm_timer(u, 1);
}

/* The next step of the request goes into the ring; or the request waits, or ends. */
static void advance(struct uring_queue *u, struct backend_req *req, bool cancelled)
{
	struct file *f = file_of(u);
	struct io_uring_sqe *sqe;
	struct file_step step;
	int rc;

	if (!cancelled && lacks_memory(u, req)) {
		wait_in_list(u, req);
		return;
	}
	while ((rc = next_step(u, req, &step)) > 0) {
		if (cancelled) {
			rc = -ECANCELED;
			break;
		}
		if (step.call == FILE_BLKDISCARD && u->inlined) {
			wait_in_list(u, req);
			return;
		}
		if (step.call != FILE_BLKDISCARD) {
			sqe = free_sqe(u);
			if (!sqe) {
				wait_in_list(u, req);
				return;
			}
			prepare(sqe, &step);
			io_uring_sqe_set_data(sqe, req);
			u->issued++;
			u->unsubmitted = true;
			return;
		}
		end_turn(u);
		rc = file_ended(f, req, file_do(f, &step));
		if (rc)
			break;
	}
	complete(u, req, rc);
}

/* Those that wait, once each. */
static void advance_waiting(struct uring_queue *u)
{
	struct backend_req *req = u->waiting;

	u->waiting = NULL;
	u->waiting_end = &u->waiting;
	while (req) {
		struct backend_req *next = req->next;

		advance(u, req, false);
		req = next;
	}
}

static void ended(struct uring_queue *u, struct backend_req *req, int res)
{
	int rc = file_ended(file_of(u), req, res);
	bool cancelled = u->cancelling;

	if (!--u->issued)
		u->cancelling = false;
	if (rc == -EAGAIN && !cancelled) {
		wait_in_list(u, req);
		u->hold = true;
		arm_timer(u, RETRY_NS);
	} else if (rc) {
		complete(u, req, rc == -EAGAIN ? -ECANCELED : rc);
	} else {
		advance(u, req, cancelled);
	}
}

/* One at a time: callbacks may come back here. */
static bool reap(struct uring_queue *u)
{
	struct io_uring_cqe *cqe;
	bool any = false;

	while (io_uring_peek_cqe(&u->ring, &cqe) == 0) {
		struct backend_req *req = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&u->ring, cqe);
		any = true;
		/* The cancel itself has no request. */
		if (req)
			ended(u, req, res);
	}
	return any;
}

void file_uring_submit(struct backend_queue *q, struct backend_req *req)
{
	struct uring_queue *u = (struct uring_queue *)q;

	if (u->waiting)
		wait_in_list(u, req);
	else
		advance(u, req, false);
}

void file_uring_flush(struct backend_queue *q)
{
	struct uring_queue *u = (struct uring_queue *)q;

	if (u->unsubmitted)
		show(u);
}

bool file_uring_poll(struct backend_queue *q)
{
	struct uring_queue *u = (struct uring_queue *)q;
	bool any = reap(u);

	if (any && u->waiting && !u->hold)
		advance_waiting(u);
	if (u->unsubmitted)
		show(u);
	return any;
}

static void ring_ready(struct loop_source *src, uint32_t events)
{
	struct uring_queue *u =
		(struct uring_queue *)((char *)src - offsetof(struct uring_queue, ring_src));

	(void)events;
	file_uring_poll(&u->fq.q);
}

static void timer_ready(struct loop_source *src, uint32_t events)
{
	struct uring_queue *u =
		(struct uring_queue *)((char *)src - offsetof(struct uring_queue, timer_src));
	uint64_t ticks;

	(void)events;
	if (read(src->fd, &ticks, sizeof(ticks)) < 0)
		return;
	u->hold = u->inlined = false;
	advance_waiting(u);
	if (u->unsubmitted)
		show(u);
}

/*
 * What waits ends now.  What is in the ring ends by itself: its memory is the
 * kernel's until then, and no disk takes long; the kernel is asked to drop
 * what it has not started.
 */
void file_uring_cancel(struct backend_queue *q)
{
	struct uring_queue *u = (struct uring_queue *)q;
	struct backend_req *req = u->waiting;

	u->waiting = NULL;
	u->waiting_end = &u->waiting;
	if (u->issued) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

		u->cancelling = true;
		if (sqe) {
			io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY);
			io_uring_sqe_set_data(sqe, NULL);
		}
		show(u);
	}
	while (req) {
		struct backend_req *next = req->next;

		complete(u, req, -ECANCELED);
		req = next;
	}
}

/* ---- open and close ---- */

static int init_ring(struct uring_queue *u)
{
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		0, /* before Linux 6.0 */
	};
	int rc = -EINVAL;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags) && rc == -EINVAL; i++)
		rc = io_uring_queue_init(ENTRIES, &u->ring, flags[i]);
	if (rc)
		return rc;
	rc = io_uring_register_files(&u->ring, &file_of(u)->fd, 1);
	if (rc)
		io_uring_queue_exit(&u->ring);
	return rc;
}

static int add_sources(struct uring_queue *u)
{
	struct loop *loop = u->fq.q.loop;
	int rc;

	u->ring_src = (struct loop_source){ .fd = u->ring.ring_fd, .ready = ring_ready };
	u->timer_src = (struct loop_source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = timer_ready,
	};
	if (u->timer_src.fd < 0)
		return -errno;
	rc = loop_add(loop, &u->ring_src, EPOLLIN);
	if (!rc) {
		rc = loop_add(loop, &u->timer_src, EPOLLIN);
		if (rc)
			loop_del(loop, &u->ring_src);
	}
	if (rc)
		close(u->timer_src.fd);
	return rc;
}

int file_uring_open(struct file *f, struct loop *loop, struct backend_queue **q, struct err *err)
{
	struct uring_queue *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return err_set(err, -ENOMEM, "out of memory");
	u->fq.uring = true;
	u->fq.q.backend = &f->b;
	u->fq.q.loop = loop;
	u->waiting_end = &u->waiting;
	rc = init_ring(u);
	if (rc) {
		free(u);
		return err_set(err, -EOPNOTSUPP, "io_uring: %s", strerror(-rc));
	}
	rc = add_sources(u);
	if (rc) {
		io_uring_queue_exit(&u->ring);
		free(u);
		return err_set(err, rc, "%s", strerror(-rc));
	}
	*q = &u->fq.q;
	return 0;
}

void file_uring_close(struct backend_queue *q)
{
	struct uring_queue *u = (struct uring_queue *)q;

	loop_del(q->loop, &u->ring_src);
	loop_del(q->loop, &u->timer_src);
	close(u->timer_src.fd);
	/* At once, which the end of the ring is not: others may want to open the device. */
	io_uring_unregister_files(&u->ring);
	io_uring_queue_exit(&u->ring);
	free(u);
}
