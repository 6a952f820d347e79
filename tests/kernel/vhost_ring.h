/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a virtqueue, split or packed.  One thread's.
 *
 *	ring_add()...		requests, visible to the device all at once by
 *	ring_publish()		(what was added can be spoilt before)
 *	ring_kick()
 *	ring_wait()		an interrupt, or none needed
 *	ring_get()...		until there is none
 */
#ifndef TESTS_KERNEL_VHOST_RING_H
#define TESTS_KERNEL_VHOST_RING_H

#include <stdbool.h>
#include <stdint.h>

#define RING_MAX 1024 /* descriptors */

/* Of the memory of a ring: where its parts begin. */
enum {
	RING_DESC = 0,
	RING_DRIVER = 0x4000,
	RING_DEVICE = 0x5000,
	RING_MEMORY = 0x8000,
};

/* A descriptor; flags as a split ring has them, without NEXT. */
struct piece {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
};

struct ring_table; /* an entry of an indirect table */

struct ring {
	unsigned size;
	bool packed, event_idx;
	uint8_t *memory; /* RING_MEMORY octets, zeroed */
	int kick, call; /* eventfds */
	uint16_t avail, used; /* split: indexes; packed: positions */
	bool avail_wrap, used_wrap;
	unsigned added; /* since the last kick: split: requests; packed: descriptors */
	unsigned free; /* descriptors */
	uint16_t next_free[RING_MAX], free_head; /* split: descriptors; packed: ids */
	uint16_t tail[RING_MAX], ndesc[RING_MAX];
	void *cookie[RING_MAX];

	/* Added, and not published. */
	bool pending;
	uint16_t first, first_flags; /* packed: position and flags of the first of them */
	/* What was added last. */
	uint16_t last[RING_MAX], last_id;
	unsigned last_count;
	bool missed; /* ring_wait() found something without having been told */
};

void ring_init(struct ring *r, uint8_t *memory, unsigned size, bool packed, bool event_idx);
void ring_fini(struct ring *r);
/* What VHOST_SET_VRING_BASE is to be. */
unsigned ring_base(const struct ring *r);

/* False: no room. With a table (n entries at `table`, for the device at `table_iova`) it takes one descriptor. */
bool ring_add(struct ring *r, const struct piece *p, unsigned n, void *table, uint64_t table_iova,
	      void *cookie);
void ring_publish(struct ring *r);
/* Tells the device, when it wants to know. */
void ring_kick(struct ring *r);
void ring_kick_always(struct ring *r);
/* The next completed request, or NULL. */
void *ring_get(struct ring *r, uint32_t *written);
bool ring_has(const struct ring *r);
/* Until there is something to get; false: nothing came. */
bool ring_wait(struct ring *r, int timeout_ms);

/* To lie: the descriptor number i of the request added last, before it is published. */
void ring_set_flags(struct ring *r, unsigned i, uint16_t set, uint16_t clear);
/* Split: the next field; packed: the id. */
void ring_set_next(struct ring *r, unsigned i, uint16_t next);
/* Writes one entry of an indirect table, or of the descriptor table. */
void ring_write_desc(const struct ring *r, void *table, unsigned i, const struct piece *p, uint16_t next);

#endif
