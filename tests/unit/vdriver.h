/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a ring, in memory: all of it in one arena and one
 * struct without pointers into itself, so that both can be copied.
 */
#ifndef TESTS_UNIT_VDRIVER_H
#define TESTS_UNIT_VDRIVER_H

#include "vdused/vring.h"

#define VDRIVER_IOVA UINT64_C(0x100000)
#define VDRIVER_MAX 256 /* descriptors */
#define VDRIVER_PIECE 16 /* octets of each descriptor */

/* Where things are in the arena. */
enum {
	ARENA_DESC = 0,
	ARENA_DRIVER = 0x1000,
	ARENA_DEVICE = 0x2000,
	ARENA_LOG = 0x3000, /* not mapped for the device */
	ARENA_TABLES = 0x6000, /* 8 entries for each id */
	ARENA_DATA = 0xe000, /* 8 pieces for each id */
	ARENA_SIZE = 0x16000,
};

struct vdriver {
	uint8_t *arena;
	struct vring_setup setup;
	uint32_t token[VDRIVER_MAX]; /* of the request with this id; 0: none */
	uint16_t ndesc[VDRIVER_MAX];
	bool busy[VDRIVER_MAX]; /* split: the descriptor is in use */
	unsigned free; /* descriptors */
	uint16_t avail, used; /* split: indexes; packed: positions */
	bool avail_wrap, used_wrap;
};

enum { VDRIVER_PACKED = 1, VDRIVER_EVENT_IDX = 2, VDRIVER_INDIRECT = 4, VDRIVER_IN_ORDER = 8 };

/* An arena of ARENA_SIZE, zeroed; the ring begins at `base` as vring_start() has it. */
void vdriver_init(struct vdriver *v, uint8_t *arena, unsigned size, unsigned how, uint16_t base);
struct iova_map *vdriver_map(const struct vdriver *v);

/*
 * A request of nout + nin descriptors (up to 8), whose first readable octets are
 * the token (not 0). False: the ring is full.
 */
bool vdriver_add(struct vdriver *v, uint32_t token, unsigned nout, unsigned nin, bool indirect);
/*
 * The token of the next completed request, or 0.  Aborts when it is none that is outstanding;
 * with VDRIVER_IN_ORDER, too, when one with a smaller token is.
 */
uint32_t vdriver_get(struct vdriver *v, uint32_t *written);
/* Does the device want a kick for what was added since the driver's index or position was `old`? */
bool vdriver_kicks(const struct vdriver *v, uint16_t old);
/* Interrupts: for each completion, or for none; with event indexes: once the driver has got `n` more. */
void vdriver_interrupts(struct vdriver *v, bool on);
void vdriver_interrupt_after(struct vdriver *v, unsigned n);

/* Raw access, to lie: next is the id for packed rings. */
void vdriver_desc(struct vdriver *v, unsigned table_at, unsigned i, uint64_t addr, uint32_t len,
		  uint16_t flags, uint16_t next);
/* split: makes heads available, without any other care. */
void vdriver_avail(struct vdriver *v, uint16_t head);
void vdriver_avail_idx(struct vdriver *v, uint16_t idx);

#endif
