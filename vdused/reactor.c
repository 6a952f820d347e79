/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/reactor.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "vdused/blk.h"
#include "vdused/log.h"

/* Requests that one queue may take before the others have their turn. */
#define BUDGET 256
/* Rounds that leave out the loop: what only that tells must not wait for long. */
#define BUSY_ROUNDS 64

const char *const vq_stat_names[VQ_STATS] = {
	[VQ_READS] = "reads",
	[VQ_READ_BYTES] = "read_bytes",
	[VQ_WRITES] = "writes",
	[VQ_WRITE_BYTES] = "write_bytes",
	[VQ_FLUSHES] = "flushes",
	[VQ_DISCARDS] = "discards",
	[VQ_WRITE_ZEROES] = "write_zeroes",
	[VQ_ERRORS] = "errors",
	[VQ_KICKS] = "kicks",
	[VQ_INTERRUPTS] = "interrupts",
};

struct reactor_call {
	void (*fn)(struct vq *vq);
	struct vq *vq;
	sem_t done;
};

static uint64_t now_ns(void)
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

/* ---- a queue ------------------------------------------------------------------- */

static void set_state(struct vq *vq, enum vq_state state)
{
	__atomic_store_n(&vq->state, state, __ATOMIC_RELEASE);
}

static void interrupt(struct vq *vq)
{
	uint64_t begin;

	if (vq->drop || !vring_wants_interrupt(&vq->ring))
		return;
	VQ_COUNT(vq, VQ_INTERRUPTS, 1);
	begin = now_ns();
	vduse_inject(vq->vduse, vq->index);
	moderation_cost(&vq->moderation, now_ns() - begin);
}

/*
 * Makes what was pushed visible, and interrupts once: now, or when it is time.
 * What the back end has under way is not waited for: its pace is not the driver's.
 */
static void publish(struct vq *vq)
{
	struct moderation *m = &vq->moderation;
	unsigned n = vq->dirty && !vq->drop ? vring_publish(&vq->ring) : 0;
	uint64_t now = moderation_is_timed(m) ? now_ns() : 0;
	bool due = n ? moderation_add(m, n, now) : moderation_expired(m, now);

	vq->dirty = false;
	if (m->held && (vq->in_flight || vq_state(vq) != VQ_RUNNING)) {
		moderation_flush(m, now);
		due = true;
	}
	if (due)
		interrupt(vq);
}

static void report_broken(struct vq *vq)
{
	if (vq->logged)
		return;
	vq->logged = true;
	log_error("virtqueue %u is stopped until the driver resets the device: %s", vq->index, vq->ring.why);
}

/* The driver has not taken its ring back, as far as is known. */
static bool serves(const struct vq *vq)
{
	return vq_state(vq) == VQ_RUNNING && !vq->drop && !vring_broken(&vq->ring);
}

static void finish_draining(struct vq *vq)
{
	if (vq->in_flight)
		return;
	if (vq->kick.fd >= 0)
		loop_del(&vq->reactor->loop, &vq->kick);
	set_state(vq, VQ_IDLE);
	signal_event(vq->reactor->notify);
}

/* One turn: true when something was taken or given back. */
static bool serve(struct vq *vq)
{
	bool any = false;

	if (serves(vq) && vring_has_work(&vq->ring))
		any = blk_service(vq, BUDGET);
	return any;
}

static bool settle(struct vq *vq)
{
	bool any = vq->dirty;

	if (vq->dirty || vq->moderation.held)
		publish(vq);
	/* The state first: another's ring is the main thread's. */
	if (vq_state(vq) >= VQ_RUNNING && vring_broken(&vq->ring))
		report_broken(vq);
	if (vq_state(vq) == VQ_DRAINING)
		finish_draining(vq);
	return any;
}

static void kicked(struct loop_source *src, uint32_t events)
{
	struct vq *vq = (struct vq *)((char *)src - offsetof(struct vq, kick));

	(void)events;
	VQ_COUNT(vq, VQ_KICKS, 1);
}

/* There are limits to what one user may wait for; who can't be woken up must not seem to serve. */
static void hear_kicks(struct vq *vq)
{
	int ret = loop_add(&vq->reactor->loop, &vq->kick, EPOLLIN | EPOLLET);

	if (ret)
		snprintf(vq->ring.why, sizeof(vq->ring.why), "its kicks can't be waited for: %s", strerror(-ret));
}

static void start(struct vq *vq)
{
	vq->dirty = vq->logged = false;
	vq->in_flight = 0;
	moderation_start(&vq->moderation, vq->reactor->polling.max_ns > 0, now_ns());
	/* Edge-triggered: each kick is an edge, so that the counter need not be read. */
	if (vq->kick.fd >= 0) {
		vq->kick.ready = kicked;
		hear_kicks(vq);
	}
	if (!vq->resume || vq->drop)
		return;
	blk_resume(vq);
	/* The driver may wait for an interrupt that died with the earlier process. */
	vduse_inject(vq->vduse, vq->index);
}

/* ---- wishes ---------------------------------------------------------------------- */

static void ask(struct reactor *r)
{
	__atomic_store_n(&r->asked, true, __ATOMIC_RELEASE);
	signal_event(r->wake.fd);
}

void vq_start(struct vq *vq, bool resume)
{
	vq->resume = resume;
	vq->drain = false;
	vq->drop = false;
	set_state(vq, VQ_STARTING);
	ask(vq->reactor);
}

/* VQ_STARTING ends only once, in the main thread or the reactor's. */
static bool end_starting(struct vq *vq, enum vq_state next)
{
	enum vq_state starting = VQ_STARTING;

	return __atomic_compare_exchange_n(&vq->state, &starting, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void vq_drain(struct vq *vq, bool drop)
{
	if (vq_state(vq) == VQ_IDLE || end_starting(vq, VQ_IDLE))
		return;
	if (drop)
		vq->drop = true;
	__atomic_store_n(&vq->drain, true, __ATOMIC_RELEASE);
	ask(vq->reactor);
}

void vq_set_map(struct vq *vq, struct iova_map *map)
{
	iova_map_unref(__atomic_exchange_n(&vq->next_map, iova_map_ref(map), __ATOMIC_ACQ_REL));
	ask(vq->reactor);
}

bool vq_has_map(const struct vq *vq)
{
	return !__atomic_load_n(&vq->next_map, __ATOMIC_ACQUIRE);
}

void vq_forget_map(struct vq *vq)
{
	iova_map_unref(__atomic_exchange_n(&vq->next_map, NULL, __ATOMIC_ACQ_REL));
}

void reactor_cancel(struct reactor *r)
{
	__atomic_store_n(&r->cancel, true, __ATOMIC_RELEASE);
	ask(r);
}

static void grant(struct vq *vq)
{
	bool starts = end_starting(vq, VQ_RUNNING);
	struct iova_map *map;

	/* Only this thread ends the other states: until then all of it is ours. */
	if (vq_state(vq) < VQ_RUNNING)
		return;
	map = __atomic_exchange_n(&vq->next_map, NULL, __ATOMIC_ACQ_REL);
	if (map) {
		vring_set_map(&vq->ring, map);
		iova_map_unref(map);
		signal_event(vq->reactor->notify);
	}
	if (starts)
		start(vq);
	if (vq->state == VQ_RUNNING && __atomic_load_n(&vq->drain, __ATOMIC_ACQUIRE))
		set_state(vq, VQ_DRAINING);
}

/* Whenever time may have passed, before a ring is touched: the driver may have it back. */
static void grant_wishes(struct reactor *r)
{
	/* The exchange is the barrier: what is wished after it asks again. The load is the cheap look. */
	if (!__atomic_load_n(&r->asked, __ATOMIC_RELAXED) || !__atomic_exchange_n(&r->asked, false, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < r->vq_count; i++)
		grant(r->vqs[i]);
	if (__atomic_exchange_n(&r->cancel, false, __ATOMIC_ACQ_REL) && r->backend)
		backend_cancel(r->backend);
}

void vq_kick(struct vq *vq)
{
	(void)vq; /* it is enough that the thread woke up */
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
		any |= serve(r->vqs[i]);
	if (r->backend) {
		backend_flush(r->backend);
		any |= backend_poll(r->backend);
	}
	for (unsigned i = 0; i < r->vq_count; i++)
		any |= settle(r->vqs[i]);
	return any;
}

/* Asks for kicks; true when something came meanwhile. */
static bool before_sleep(struct reactor *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->vq_count; i++)
		if (serves(r->vqs[i]))
			any |= vring_notify_on(&r->vqs[i]->ring);
	return any;
}

static void after_sleep(struct reactor *r)
{
	grant_wishes(r);
	for (unsigned i = 0; i < r->vq_count; i++)
		if (serves(r->vqs[i]))
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
	while (now_ns() - since < r->polling.ns) {
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
		since = r->polling.max_ns ? now_ns() : 0;
		if (r->polling.ns && look_on(r, since)) {
			count_round(r);
			continue;
		}
		if (!before_sleep(r) && !r->quit)
			loop_run_once(&r->loop, -1);
		after_sleep(r);
		if (r->polling.max_ns)
			polling_waited(&r->polling, now_ns() - since, interrupt_cost(r));
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
