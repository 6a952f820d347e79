/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/reactor.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "vdused/blk.h"

/* Rounds that leave out the loop: what only that tells must not wait for long. */
#define BUSY_ROUNDS 64

struct reactor_call {
	void (*fn)(struct vq *vq);
	struct vq *vq;
	sem_t done;
};

uint64_t reactor_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void signal_event(int fd)
{
	uint64_t one = 1;

	/* It can only fail when the counter is full, and then it is signalled. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* ---- wishes ---------------------------------------------------------------------- */

void reactor_ask(struct reactor *r)
{
	__atomic_store_n(&r->asked, true, __ATOMIC_RELEASE);
	signal_event(r->wake.fd);
}

void reactor_tell(struct reactor *r)
{
	signal_event(r->notify);
}

void reactor_cancel(struct reactor *r)
{
	__atomic_store_n(&r->cancel, true, __ATOMIC_RELEASE);
	reactor_ask(r);
}

/* Whenever time may have passed, before a ring is touched: the driver may have it back. */
static void grant_wishes(struct reactor *r)
{
	/* The exchange is the barrier: what is wished after it asks again. The load is the cheap look. */
	if (!__atomic_load_n(&r->asked, __ATOMIC_RELAXED) || !__atomic_exchange_n(&r->asked, false, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < r->vq_count; i++)
		vq_grant(r->vqs[i]);
	if (__atomic_exchange_n(&r->cancel, false, __ATOMIC_ACQ_REL) && r->backend)
		backend_cancel(r->backend);
}

/* ---- the thread ------------------------------------------------------------------ */

static void woken(struct loop_source *src, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(src->fd, &count, sizeof(count)) < 0)
		return;
}

/* The call last: its wishes came before it. */
static void take_wishes_and_call(struct reactor *r)
{
	struct reactor_call *call = __atomic_load_n(&r->call, __ATOMIC_ACQUIRE);

	grant_wishes(r);
	if (!call)
		return;
	__atomic_store_n(&r->call, NULL, __ATOMIC_RELAXED);
	if (call->fn)
		call->fn(call->vq);
	else
		r->quit = true;
	sem_post(&call->done);
}

/* One round over everything; true when there was anything to do. */
static bool round_of(struct reactor *r)
{
	bool any = false;

	take_wishes_and_call(r);
	for (unsigned i = 0; i < r->vq_count; i++)
		any |= vq_serve(r->vqs[i]);
	if (r->backend) {
		backend_flush(r->backend);
		any |= backend_poll(r->backend);
	}
	for (unsigned i = 0; i < r->vq_count; i++)
		any |= vq_settle(r->vqs[i]);
	return any;
}

/* Asks for kicks; true when something came meanwhile. */
static bool before_sleep(struct reactor *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->vq_count; i++)
		if (vq_serves(r->vqs[i]))
			any |= vring_notify_on(&r->vqs[i]->ring);
	return any;
}

static void after_sleep(struct reactor *r)
{
	grant_wishes(r);
	for (unsigned i = 0; i < r->vq_count; i++)
		if (vq_serves(r->vqs[i]))
			vring_notify_off(&r->vqs[i]->ring);
}

/*
 * Rings and back ends that are never still must not keep the loop's sources waiting.  A round has to
 * follow before the thread sleeps: what woke it up is forgotten by now.
 */
static void count_round(struct reactor *r)
{
	if (++r->rounds % BUSY_ROUNDS == 0)
		loop_run_once(&r->loop, 0);
}

/* Whoever else is ready goes first: the driver or the back end's server may be what it waits for. */
static bool look_on(struct reactor *r, uint64_t since)
{
	while (reactor_now_ns() - since < r->polling.ns) {
		sched_yield();
		count_round(r);
		if (round_of(r))
			return true;
		if (r->quit)
			return false;
	}
	return false;
}

static bool holds_interrupt(const struct reactor *r)
{
	for (unsigned i = 0; i < r->vq_count; i++)
		if (r->vqs[i]->moderation.held)
			return true;
	return false;
}

/* One round; false when there was nothing to do, and no interrupt to be sent soon. */
static bool work(struct reactor *r)
{
	if (!round_of(r)) {
		if (!holds_interrupt(r))
			return false;
		sched_yield();
	}
	count_round(r);
	return true;
}

static uint64_t interrupt_cost(const struct reactor *r)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < r->vq_count; i++)
		if (r->vqs[i]->moderation.cost_ns > most)
			most = r->vqs[i]->moderation.cost_ns;
	return most;
}

static void serve_until_quit(struct reactor *r)
{
	while (!r->quit) {
		uint64_t since;

		if (work(r))
			continue;
		since = r->polling.max_ns ? reactor_now_ns() : 0;
		if (r->polling.ns && look_on(r, since)) {
			count_round(r);
			continue;
		}
		if (!before_sleep(r) && !r->quit)
			loop_run_once(&r->loop, -1);
		after_sleep(r);
		if (r->polling.max_ns)
			polling_waited(&r->polling, reactor_now_ns() - since, interrupt_cost(r));
	}
}

struct startup {
	struct reactor *reactor;
	struct backend *backend;
	struct err *err;
	int ret;
	sem_t done;
};

static void *thread_main(void *arg)
{
	struct startup *s = arg;
	struct reactor *r = s->reactor;

	r->backend = NULL;
	s->ret = s->backend ? backend_queue_open(s->backend, &r->loop, &r->backend, s->err) : 0;
	if (s->ret) {
		sem_post(&s->done);
		return NULL;
	}
	sem_post(&s->done);
	serve_until_quit(r);
	backend_queue_close(r->backend);
	for (unsigned i = 0; i < r->vq_count; i++)
		blk_free_requests(r->vqs[i]);
	return NULL;
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

static int start_thread(struct reactor *r, struct startup *s)
{
	sigset_t all, before;
	int ret;

	/* Signals are the main thread's; faults still reach the thread that makes them. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&r->thread, NULL, thread_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int reactor_start(struct reactor *r, struct backend *backend, struct err *err)
{
	struct startup s = { .reactor = r, .backend = backend, .err = err };
	int ret;

	r->quit = r->asked = r->cancel = false;
	r->call = NULL;
	polling_start(&r->polling, r->poll_max_ns);
	r->wake.ready = woken;
	r->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = r->wake.fd < 0 ? -errno : loop_init(&r->loop);
	if (!ret)
		ret = loop_add(&r->loop, &r->wake, EPOLLIN);
	if (ret)
		return err_set(err, ret, "a thread's event loop can't be made: %s", strerror(-ret));
	sem_init(&s.done, 0, 0);
	ret = start_thread(r, &s);
	if (ret) {
		err_set(err, ret, "a thread can't be started: %s", strerror(-ret));
	} else {
		wait_for(&s.done);
		ret = s.ret;
		if (ret)
			pthread_join(r->thread, NULL);
	}
	sem_destroy(&s.done);
	r->started = !ret;
	return ret;
}

static void call_and_wait(struct reactor *r, struct reactor_call *call)
{
	sem_init(&call->done, 0, 0);
	__atomic_store_n(&r->call, call, __ATOMIC_RELEASE);
	signal_event(r->wake.fd);
	wait_for(&call->done);
	sem_destroy(&call->done);
}

void reactor_call(struct reactor *r, void (*fn)(struct vq *vq), struct vq *vq)
{
	struct reactor_call call = { .fn = fn, .vq = vq };

	call_and_wait(r, &call);
}

void reactor_stop(struct reactor *r)
{
	struct reactor_call quit = { NULL };

	if (r->started) {
		call_and_wait(r, &quit);
		pthread_join(r->thread, NULL);
		r->started = false;
	}
	loop_fini(&r->loop);
	if (r->wake.fd >= 0)
		close(r->wake.fd);
	r->wake.fd = -1;
}
