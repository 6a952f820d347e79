/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtqueue of a running device: the ring, its doorbell and its statistics.
 *
 * The state says whose it is: idle, it is the main thread's; from VQ_STARTING on
 * the reactor's thread has it, and gives it back as it becomes idle.  What the main
 * thread wants meanwhile it says in the fields named so.
 */
#ifndef VDUSED_VQ_H
#define VDUSED_VQ_H

#include <stdbool.h>
#include <stdint.h>

#include "vdused/irq_cpu.h"
#include "vdused/loop.h"
#include "vdused/moderation.h"
#include "vdused/vduse.h"
#include "vdused/vring.h"

struct blk;
struct blk_req;
struct reactor;

/* Written by one thread, read by another: VQ_COUNT() and vq_counter(). */
enum vq_stat {
	VQ_READS,
	VQ_READ_BYTES,
	VQ_WRITES,
	VQ_WRITE_BYTES,
	VQ_FLUSHES,
	VQ_DISCARDS,
	VQ_WRITE_ZEROES,
	VQ_ERRORS,
	VQ_KICKS,
	VQ_INTERRUPTS,
	VQ_STATS
};

extern const char *const vq_stat_names[VQ_STATS];

enum vq_state {
	VQ_IDLE, /* not started, or drained */
	VQ_STARTING, /* the thread has not seen it yet */
	VQ_RUNNING,
	VQ_DRAINING, /* takes nothing more */
};

struct vq {
	unsigned index;
	struct reactor *reactor;
	struct blk *blk;
	struct vduse *vduse;
	void *log_area; /* in the state file; NULL: none */
	struct vring ring;
	struct moderation moderation;
	struct irq_cpu irq_cpu;
	enum vq_state state; /* atomic: the main thread starts, all else is the reactor's */
	/* The main thread's wishes, see below. */
	bool resume;
	bool drain; /* atomic */
	/* The driver resets the device: what completes is not given back, from that very moment on. */
	_Atomic bool drop;
	struct iova_map *next_map; /* atomic: whoever takes it out has its reference */
	bool dirty; /* something was pushed */
	bool logged; /* why it broke was said */
	unsigned in_flight; /* requests; also those that the ring forgot */
	struct blk_req *free_reqs;
	struct loop_source kick; /* fd: the eventfd, or -1 */
	uint64_t stats[VQ_STATS];
};

#define VQ_COUNT(vq, stat, n) \
	__atomic_store_n(&(vq)->stats[stat], (vq)->stats[stat] + (n), __ATOMIC_RELAXED)

static inline uint64_t vq_counter(const struct vq *vq, enum vq_stat stat)
{
	return __atomic_load_n(&vq->stats[stat], __ATOMIC_RELAXED);
}

static inline enum vq_state vq_state(const struct vq *vq)
{
	return __atomic_load_n(&vq->state, __ATOMIC_ACQUIRE);
}

/* ---- wishes of the main thread ---- */

/* The queue is idle and its ring set up (vring_start()). `resume`: what an earlier process had in flight comes first. */
void vq_start(struct vq *vq, bool resume);
/*
 * Takes nothing more; idle, with the reactor's `notify`, once the last request ended: those
 * are given back or, with `drop` as the driver resets the device, are not.  May be said
 * again to drop; a queue that the thread has not seen yet is idle at once.
 */
void vq_drain(struct vq *vq, bool drop);
/* Translates new requests by `map`, to which the queue takes a reference. */
void vq_set_map(struct vq *vq, struct iova_map *map);
/* Has the thread taken it? From then on, with `notify`, the earlier one serves only what is in flight. */
bool vq_has_map(const struct vq *vq);
/* The queue has drained: what it did not take is let go. */
void vq_forget_map(struct vq *vq);

/* ---- in the reactor's thread ---- */

/* Does what the main thread wished. */
void vq_grant(struct vq *vq);
/* The driver has not taken its ring back, as far as is known. */
bool vq_serves(const struct vq *vq);
/* The first half of a turn: takes requests; true when there were any. */
bool vq_serve(struct vq *vq);
/* The second: gives back what has ended; true when something had. */
bool vq_settle(struct vq *vq);

/* For reactor_call() in tests: looks at the ring as if it had been kicked. */
void vq_kick(struct vq *vq);

#endif
