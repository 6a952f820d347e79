/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vring.c, vring_split.c and vring_packed.c know of each other, and the
 * layout of rings in the driver's memory (VIRTIO 1.3, 2.7 and 2.8).
 *
 * All of that memory is little-endian, and changes under our eyes: it is read
 * by one atomic load each, inside of a guard, and the copy is what is checked.
 */
#ifndef VDUSED_VRING_IMPL_H
#define VDUSED_VRING_IMPL_H

#include <endian.h>

#include "vdused/vring.h"

enum {
	DESC_NEXT = 1,
	DESC_WRITE = 2,
	DESC_INDIRECT = 4,
	DESC_AVAIL = 1 << 7, /* packed */
	DESC_USED = 1 << 15,
};

/* split: addr, len, flags, next; packed: addr, len, id, flags */
struct ring_desc {
	uint64_t addr;
	uint64_t rest;
};

/* A part of the ring: what it needs where. */
struct vring_part {
	const char *name;
	uint64_t addr, len;
	unsigned align, perm;
	void **va;
};

#define VRING_PARTS 3

/* All of them are called on a sound ring; -1: it was broken. */
struct vring_ops {
	void (*parts)(struct vring *vr, struct vring_part *part);
	/* -1: not possible at `base`. */
	int (*start)(struct vring *vr, uint16_t base);
	/* The log is attached: settles what was in publication, and finds the positions. */
	int (*resume)(struct vring *vr);
	int (*pop)(struct vring *vr, struct vchain *chain);
	int (*pop_resumed)(struct vring *vr, struct vchain *chain, uint16_t id);
	/* Inside a guard. */
	void (*publish)(struct vring *vr);
	bool (*wants_interrupt)(struct vring *vr);
	int (*has_work)(struct vring *vr);
	int (*notify)(struct vring *vr, bool on);
	void (*state)(const struct vring *vr, uint16_t *avail, uint16_t *used);
};

extern const struct vring_ops vring_split_ops, vring_packed_ops;

/* -1, and the first sentence stays. */
__attribute__((format(printf, 2, 3))) int vring_break(struct vring *vr, const char *fmt, ...);
int vring_gone(struct vring *vr);

/*
 * Replaces vr->chain[at], the last one of request `id`, by what its indirect
 * table lists (`linked`: by its next fields, else in sequence).  How many
 * descriptors there are then, or -1.
 */
int vring_indirect(struct vring *vr, unsigned id, unsigned at, bool linked);
/* Makes the request of vr->chain[0..n). 1, or -1. */
int vring_build(struct vring *vr, struct vchain *chain, uint16_t id, uint16_t ndesc, unsigned n);

/* Request `id` is in flight from now on. */
void vring_mark(struct vring *vr, uint16_t id, uint16_t ndesc);
/* Around the store that publishes the pushed requests: the log's part. */
void vring_log_begin(struct vring *vr, uint16_t after);
void vring_log_end(struct vring *vr);
/*
 * A publication was under way when the last process died: ends it or drops
 * it; then finds who is in flight, and how many descriptors they have. -1: broken.
 */
int vring_settle(struct vring *vr, bool published, unsigned *descs);

static inline bool vring_in_flight(const struct vring *vr, uint16_t id)
{
	return vr->taken[id / 64] >> (id % 64) & 1;
}

static inline uint16_t ring_load16(const void *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
}

static inline void ring_store16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_RELEASE);
}

static inline uint32_t ring_load32(const void *p)
{
	return le32toh(__atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE));
}

static inline void ring_store32(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, htole32(v), __ATOMIC_RELEASE);
}

static inline uint64_t ring_load64(const void *p)
{
	return le64toh(__atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED));
}

static inline void ring_store64(void *p, uint64_t v)
{
	__atomic_store_n((uint64_t *)p, htole64(v), __ATOMIC_RELEASE);
}

/* What we stored is visible before what we load next, and the driver does likewise. */
static inline void ring_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Does a step from `old` to `new` pass the index at which the driver wants to hear? */
static inline bool ring_need_event(uint16_t event, uint16_t new, uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

#endif
