/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/vq.h"

#include <stdio.h>
#include <string.h>

#include "vdused/blk.h"
#include "vdused/log.h"
#include "vdused/reactor.h"

/* Requests that one queue may take before the others have their turn. */
#define BUDGET 256

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

/* ---- serving ----------------------------------------------------------------------- */

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
	begin = reactor_now_ns();
	if (irq_cpu_follow(&vq->irq_cpu, begin))
		begin = reactor_now_ns();
	vduse_inject(vq->vduse, vq->index);
	moderation_cost(&vq->moderation, reactor_now_ns() - begin);
}

/*
 * Makes what was pushed visible, and interrupts once: now, or when it is time.
 * What the back end has under way is not waited for: its pace is not the driver's.
 */
static void publish(struct vq *vq)
{
	struct moderation *m = &vq->moderation;
	unsigned n = vq->dirty && !vq->drop ? vring_publish(&vq->ring) : 0;
	uint64_t now = moderation_is_timed(m) ? reactor_now_ns() : 0;
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

bool vq_serves(const struct vq *vq)
{
	return vq_state(vq) == VQ_RUNNING && !vq->drop && !vring_broken(&vq->ring);
}

static void finish_draining(struct vq *vq)
{
	if (vq->in_flight)
		return;
	if (vq->kick.fd >= 0)
		loop_del(&vq->reactor->loop, &vq->kick);
	irq_cpu_stop(&vq->irq_cpu);
	set_state(vq, VQ_IDLE);
	reactor_tell(vq->reactor);
}

bool vq_serve(struct vq *vq)
{
	return vq_serves(vq) && vring_has_work(&vq->ring) && blk_service(vq, BUDGET);
}

bool vq_settle(struct vq *vq)
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
	irq_cpu_start(&vq->irq_cpu);
	moderation_start(&vq->moderation, vq->reactor->polling.max_ns > 0, reactor_now_ns());
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

/* ---- wishes of the main thread ----------------------------------------------------- */

void vq_start(struct vq *vq, bool resume)
{
	vq->resume = resume;
	vq->drain = false;
	vq->drop = false;
	set_state(vq, VQ_STARTING);
	reactor_ask(vq->reactor);
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
	reactor_ask(vq->reactor);
}

void vq_set_map(struct vq *vq, struct iova_map *map)
{
	iova_map_unref(__atomic_exchange_n(&vq->next_map, iova_map_ref(map), __ATOMIC_ACQ_REL));
	reactor_ask(vq->reactor);
}

bool vq_has_map(const struct vq *vq)
{
	return !__atomic_load_n(&vq->next_map, __ATOMIC_ACQUIRE);
}

void vq_forget_map(struct vq *vq)
{
	iova_map_unref(__atomic_exchange_n(&vq->next_map, NULL, __ATOMIC_ACQ_REL));
}

/* ---- in the reactor's thread again ------------------------------------------------- */

void vq_grant(struct vq *vq)
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
		reactor_tell(vq->reactor);
	}
	if (starts)
		start(vq);
	if (vq_state(vq) == VQ_RUNNING && __atomic_load_n(&vq->drain, __ATOMIC_ACQUIRE))
		set_state(vq, VQ_DRAINING);
}

void vq_kick(struct vq *vq)
{
	(void)vq; /* it is enough that the thread woke up */
}
