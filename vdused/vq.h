/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtqueue of a running device: the ring, its doorbell and its statistics.
 *
 * All of it belongs to the reactor's thread once vq_start() ran there; the
 * main thread reads the statistics, and the ring while the queue is idle.
 */
#ifndef VDUSED_VQ_H
#define VDUSED_VQ_H

#include <stdbool.h>
#include <stdint.h>

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
	VQ_RUNNING,
	VQ_DRAINING, /* takes nothing more */
};

struct vq {
	unsigned index;
	struct reactor *reactor;
	struct blk *blk;
	struct vduse *vduse;
	void *log_area; /* in the state file; NULL: none */
	struct iova_map *next_map; /* for the main thread to hand one over */
	struct vring ring;
	struct moderation moderation;
	enum vq_state state; /* the reactor's thread writes, atomically */
	bool drop; /* draining for a reset: what completes is not given back */
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

#endif
