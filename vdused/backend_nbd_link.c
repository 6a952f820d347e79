/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lost connection is made again: at once, then after 100 ms, twice that, up
 * to 5 s.  After reconnect_s without one, requests fail with ENOTCONN until
 * there is one again.  An export that came back as another disk makes them fail
 * with EIO until the right one is there.
 *
 * A connection that ends at once does not end that row: some servers answer one
 * request each time, and others accept and leave.
 */
#include "vdused/backend_nbd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DELAY_MIN (NBD_SECOND_NS / 10)
#define DELAY_MAX (5 * NBD_SECOND_NS)
/* A connection that lasted so long was good; even if nothing was asked of it. */
#define USED_NS NBD_SECOND_NS
#define GOOD_NS (10 * NBD_SECOND_NS)
/* How soon after the orphans of other queues what they hold back goes on. */
#define LOOK_NS (NBD_SECOND_NS / 100)

/* ---- the timer ---- */

static int64_t give_up_at(struct nbd_queue *q)
{
	unsigned s = nbd_export_of(q)->reconnect_s;

	return s && !q->failing ? q->lost_since + s * NBD_SECOND_NS : INT64_MAX;
}

static void arm_timer(struct nbd_queue *q)
{
	int64_t at = q->h ? q->attempt_until : q->lookup ? INT64_MAX : q->next_attempt;
	struct itimerspec its;

	if (at > give_up_at(q))
		at = give_up_at(q);
	if (at < 1)
		at = 1;
	/* 0 stops it. */
	if (q->up)
		at = q->next_look;
	its = (struct itimerspec){ .it_value = { at / NBD_SECOND_NS, at % NBD_SECOND_NS } };
	timerfd_settime(q->timer.fd, TFD_TIMER_ABSTIME, &its, NULL);
}

void nbd_link_look_again(struct nbd_queue *q)
{
	if (q->next_look)
		return;
	q->next_look = nbd_now() + LOOK_NS;
	arm_timer(q);
}

/* ---- the connection ---- */

static void close_handle(struct nbd_queue *q)
{
	if (q->events)
		loop_del(q->q.loop, &q->sock);
	q->events = 0;
	q->up = q->leaving = false;
	q->dropping = true;
	if (q->h)
		nbd_close(q->h);
	q->dropping = false;
	q->h = NULL;
	nbd_wire_drop(q);
}

/* The next attempt, later than the one before. */
static void try_later(struct nbd_queue *q)
{
	q->next_attempt = nbd_now() + q->delay;
	q->delay = q->delay < DELAY_MIN ? DELAY_MIN : q->delay * 2;
	if (q->delay > DELAY_MAX)
		q->delay = DELAY_MAX;
	arm_timer(q);
}

void nbd_link_drop(struct nbd_queue *q, const char *why)
{
	int64_t now = nbd_now(), lasted = now - q->up_since;

	if (!q->h && !q->up)
		return;
	close_handle(q);
	nbd_take_back(q);
	if (q->worked || lasted > GOOD_NS)
		backend_log("%s: %s: connecting again", q->q.backend->uri, why);
	/* Others are one more failed attempt. */
	if (lasted > (q->worked ? USED_NS : GOOD_NS))
		q->delay = 0;
	if (!q->delay)
		q->lost_since = now;
	q->worked = false;
	try_later(q);
}

static void keep_alive(int fd)
{
	static const int on = 1, idle = 10, every = 5, times = 4;
	static const unsigned unanswered_ms = 30 * 1000;

	/* Where it is no TCP none of it is needed. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof(unanswered_ms));
}

static uint32_t largest_piece(struct nbd_queue *q, struct nbd_handle *h)
{
	int64_t max = nbd_get_block_size(h, LIBNBD_SIZE_MAXIMUM);

	if (max <= 0 || max > NBD_PIECE)
		max = NBD_PIECE;
	return (uint32_t)max & ~(q->q.backend->info.logical_block - 1);
}

void nbd_link_up(struct nbd_queue *q, struct nbd_handle *h)
{
	struct nbd_export *e = nbd_export_of(q);

	q->h = h;
	q->up = true;
	q->up_since = nbd_now();
	q->failing = 0;
	q->next_look = 0;
	q->fua = nbd_can_fua(h) > 0;
	q->max_piece = largest_piece(q, h);
	q->size = (uint64_t)nbd_get_size(h);
	q->size -= q->size % e->b.info.logical_block;
	__atomic_store_n(&e->seen_size, q->size, __ATOMIC_RELAXED);
	keep_alive(nbd_aio_get_fd(h));
	/* libnbd's descriptor is no more: that of another number takes its place in the loop. */
	if (q->events)
		loop_del(q->q.loop, &q->sock);
	q->events = 0;
	if (nbd_wire_take(q, h))
		q->h = NULL;
	arm_timer(q);
	nbd_send_waiting(q);
}

static void refuse_export(struct nbd_queue *q, const char *why)
{
	close_handle(q);
	if (q->failing != -EIO)
		backend_log("%s: %s: requests fail until that is set right", q->q.backend->uri,
			    why);
	q->failing = -EIO;
	q->delay = DELAY_MAX;
	try_later(q);
	nbd_fail_waiting(q, -EIO);
}

void nbd_link_check(struct nbd_queue *q)
{
	const char *why;

	if (q->wire.fd >= 0 && q->wire.why)
		nbd_link_drop(q, q->wire.why);
	if (!q->h)
		return;
	if (nbd_aio_is_dead(q->h) || nbd_aio_is_closed(q->h)) {
		if (q->up) {
			nbd_link_drop(q, "connection lost");
		} else {
			close_handle(q);
			try_later(q);
		}
	} else if (!q->up && nbd_aio_is_ready(q->h)) {
		why = nbd_unfit(nbd_export_of(q), q->h);
		if (why) {
			refuse_export(q, why);
			return;
		}
		backend_log("%s: connected again", q->q.backend->uri);
		nbd_link_up(q, q->h);
	}
}

static uint32_t direction(struct nbd_handle *h)
{
	unsigned dir = nbd_aio_get_direction(h);

	return (dir & LIBNBD_AIO_DIRECTION_READ ? EPOLLIN : 0) |
	       (dir & LIBNBD_AIO_DIRECTION_WRITE ? EPOLLOUT : 0);
}

void nbd_link_watch(struct nbd_queue *q)
{
	uint32_t events;
	int fd;

	if (q->wire.fd >= 0) {
		fd = q->wire.fd;
		events = EPOLLIN | (q->wire.unsent ? EPOLLOUT : 0);
	} else if (q->h) {
		fd = nbd_aio_get_fd(q->h);
		events = direction(q->h);
	} else {
		return;
	}
	if (events == q->events && fd == q->sock.fd)
		return;
	/* While connecting, one address after the other has its own descriptor, maybe of the same number. */
	if (q->events && fd == q->sock.fd && !loop_mod(q->q.loop, &q->sock, events)) {
		q->events = events;
		return;
	}
	if (q->events)
		loop_del(q->q.loop, &q->sock);
	q->sock.fd = fd;
	q->events = fd >= 0 && events && !loop_add(q->q.loop, &q->sock, events) ? events : 0;
}

static void sock_ready(struct loop_source *src, uint32_t events)
{
	struct nbd_queue *q = (struct nbd_queue *)((char *)src - offsetof(struct nbd_queue, sock));

	if (q->wire.fd >= 0) {
		if (events & ~EPOLLOUT)
			nbd_wire_receive(q);
	} else {
		if ((direction(q->h) & EPOLLIN) && (events & ~EPOLLOUT))
			nbd_aio_notify_read(q->h);
		if ((direction(q->h) & EPOLLOUT) && (events & ~EPOLLIN))
			nbd_aio_notify_write(q->h);
	}
	nbd_settle(q);
}

/* ---- attempts ---- */

/* A thread that resolves a name, which nothing can hurry, and the queue, which may not want it any more. */
struct nbd_lookup {
	char *uri;
	int done; /* an eventfd */
	unsigned users; /* of the two */
	struct nbd_handle *h; /* what came of it */
};

static void put_lookup(struct nbd_lookup *l)
{
	if (__atomic_sub_fetch(&l->users, 1, __ATOMIC_ACQ_REL))
		return;
	if (l->h)
		nbd_close(l->h);
	if (l->done >= 0)
		close(l->done);
	free(l->uri);
	free(l);
}

static void *lookup_thread(void *arg)
{
	struct nbd_lookup *l = arg;

	__atomic_store_n(&l->h, nbd_dial_start(l->uri, NULL), __ATOMIC_RELEASE);
	eventfd_write(l->done, 1);
	put_lookup(l);
	return NULL;
}

static bool start_thread(struct nbd_lookup *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	l->users++;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ok = !pthread_create(&thread, &attr, lookup_thread, l);
	pthread_attr_destroy(&attr);
	if (!ok)
		l->users--;
	return ok;
}

static void follow(struct nbd_queue *q, struct nbd_handle *h)
{
	q->h = h;
	if (!h) {
		try_later(q);
		return;
	}
	q->attempt_until = nbd_now() + NBD_ATTEMPT_NS;
	arm_timer(q);
	nbd_settle(q);
}

static void forget_lookup(struct nbd_queue *q)
{
	if (!q->lookup)
		return;
	loop_del(q->q.loop, &q->looked_up);
	put_lookup(q->lookup);
	q->lookup = NULL;
}

static void looked_up(struct loop_source *src, uint32_t events)
{
	struct nbd_queue *q =
		(struct nbd_queue *)((char *)src - offsetof(struct nbd_queue, looked_up));
	struct nbd_handle *h = __atomic_exchange_n(&q->lookup->h, NULL, __ATOMIC_ACQUIRE);

	(void)events;
	forget_lookup(q);
	follow(q, h);
}

static bool look_up(struct nbd_queue *q)
{
	struct nbd_lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return false;
	l->users = 1;
	l->uri = strdup(q->q.backend->uri);
	l->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->looked_up = (struct loop_source){ .fd = l->done, .ready = looked_up };
	if (!l->uri || l->done < 0 || loop_add(q->q.loop, &q->looked_up, EPOLLIN)) {
		put_lookup(l);
		return false;
	}
	q->lookup = l;
	if (start_thread(l))
		return true;
	forget_lookup(q);
	return false;
}

static void attempt(struct nbd_queue *q)
{
	const char *uri = q->q.backend->uri;

	/* Without a host there is nothing to look up. */
	if (strstr(uri, "+unix:"))
		follow(q, nbd_dial_start(uri, NULL));
	else if (look_up(q))
		arm_timer(q);
	else
		try_later(q);
}

/* ---- the timer's time ---- */

static void timer_ready(struct loop_source *src, uint32_t events)
{
	struct nbd_queue *q = (struct nbd_queue *)((char *)src - offsetof(struct nbd_queue, timer));
	int64_t now = nbd_now();
	uint64_t ticks;

	(void)events;
	if (read(src->fd, &ticks, sizeof(ticks)) < 0)
		return;
	if (q->up) {
		q->next_look = 0;
		nbd_settle(q);
		return;
	}
	if (now >= give_up_at(q)) {
		backend_log("%s: no connection for %u seconds: requests fail", q->q.backend->uri,
			    nbd_export_of(q)->reconnect_s);
		q->failing = -ENOTCONN;
		nbd_fail_waiting(q, -ENOTCONN);
	}
	if (q->h && now >= q->attempt_until) {
		close_handle(q);
		try_later(q);
	} else if (!q->h && !q->lookup && now >= q->next_attempt) {
		attempt(q);
	} else {
		arm_timer(q);
	}
}

/* ---- open and close ---- */

int nbd_link_open(struct nbd_queue *q, struct err *err)
{
	int rc;

	q->worked = true;
	q->wire.fd = -1;
	q->sock = (struct loop_source){ .fd = -1, .ready = sock_ready };
	q->timer = (struct loop_source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = timer_ready,
	};
	rc = q->timer.fd < 0 ? -errno : loop_add(q->q.loop, &q->timer, EPOLLIN);
	if (rc && q->timer.fd >= 0)
		close(q->timer.fd);
	return rc ? err_set(err, rc, "%s", strerror(-rc)) : 0;
}

void nbd_link_close(struct nbd_queue *q)
{
	if (q->events)
		loop_del(q->q.loop, &q->sock);
	q->events = 0;
	forget_lookup(q);
	if (q->wire.fd >= 0)
		nbd_wire_hang_up(q);
	else if (q->h && q->up)
		nbd_hang_up(q->h);
	else
		close_handle(q);
	free(q->wire.in);
	loop_del(q->q.loop, &q->timer);
	close(q->timer.fd);
}
