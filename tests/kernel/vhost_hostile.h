/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What no driver should do, a case each.  A case adds a request to queue 0
 * and spoils it; the request is published by whoever runs the case, who looks
 * for the outcome.
 */
#ifndef TESTS_KERNEL_VHOST_HOSTILE_H
#define TESTS_KERNEL_VHOST_HOSTILE_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "vhost_disk.h"

#define HOSTILE_SLOTS 72
#define EXTRA_LEN 4096
#define IOVA_EXTRA UINT64_C(0x300000000)

enum outcome {
	STOPS, /* the queue serves nothing more; others do */
	SERVED, /* with VIRTIO_BLK_S_OK */
	IOERR,
	UNSUPP,
	REFUSED, /* there is no running device then */
	ANY, /* nothing but that the device can be used again */
};

enum { SPLIT = 1, PACKED = 2, BOTH = 3 };

struct hostile {
	struct disk d;
	struct ring *ring; /* queue 0's */
	struct slot slot;
	struct request r;
	struct vdpa_mem extra[2]; /* next to each other for the device; made by extra_map() */
	bool blind; /* the rings can't be looked at any more */
	bool refused; /* told by `before` */
	bool done; /* the request was completed, and checked, already */
};

struct hostile_case {
	const char *name;
	const char *why; /* numbers of the list of such cases */
	enum outcome outcome;
	unsigned rings;
	void (*before)(struct hostile *h); /* instead of nothing: before the device runs */
	void (*act)(struct hostile *h); /* NULL: an ordinary request */
	uint64_t without; /* features */
	uint64_t needs;
	bool may_refuse; /* the kernel may do that first, it is no concern of the device then */
};

/* Each ends with one that has no name. */
extern const struct hostile_case hostile_ring_cases[], hostile_mem_cases[], hostile_blk_cases[],
	hostile_life_cases[];

/* Makes h->r, in the slot; of 4096 octets by hostile_out() and hostile_in(). */
void hostile_make(struct hostile *h, uint32_t type, uint64_t sector, uint32_t len);
void hostile_out(struct hostile *h);
void hostile_in(struct hostile *h);
/* Adds h->r as it is, directly or by an indirect table in the slot. */
void hostile_add(struct hostile *h);
void hostile_add_table(struct hostile *h);
/* Writes and reads; false: not with success within the time. */
bool hostile_ordinary(struct disk *d, unsigned queue, int timeout_ms);
/* Both pieces of extra memory, with these permissions; 0: not. */
void extra_map(struct hostile *h, unsigned perm0, unsigned perm1);
/* A thread that calls it again and again until hostile_calm(). */
void hostile_hurry(struct hostile *h, void (*fn)(struct hostile *h, unsigned turn));
void hostile_calm(void);
void poke16(void *p, uint16_t v);

#endif
