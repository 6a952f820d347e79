/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-blk disk on a vhost-vdpa device: its queues, and memory for
 * requests.
 *
 *	disk_open()		the device has features, memory and ring addresses
 *	disk_go()		... and serves
 */
#ifndef TESTS_KERNEL_VHOST_DISK_H
#define TESTS_KERNEL_VHOST_DISK_H

#include <linux/virtio_blk.h>

#include "vhost_ring.h"
#include "vhost_vdpa.h"

#define SECTOR 512
#define QUEUES_MAX 16
#define PIECES_MAX 64
#define DATA_MAX (128 * 1024)

/*
 * Memory of one request.  The header is right before the data, and the status
 * octet right behind it: that makes two stretches, one that the device reads
 * and one that it writes, which can be cut anywhere.
 */
enum {
	SLOT_TABLE = 0, /* for an indirect table, or anything */
	SLOT_DATA = 8192,
	SLOT_LEN = SLOT_DATA + DATA_MAX + 8192,
};

#define IOVA_RINGS UINT64_C(0x100000000)
#define IOVA_SLOTS UINT64_C(0x200000000)

struct disk_params {
	const char *path;
	bool packed;
	unsigned queues, slots;
	uint64_t without; /* features not to take */
};

struct disk {
	struct vdpa dev;
	struct vdpa_mem rings, slots;
	unsigned queues;
	struct ring ring[QUEUES_MAX];
	struct vdpa_ring addr[QUEUES_MAX];
	unsigned num[QUEUES_MAX]; /* 0: is not set */
	bool late[QUEUES_MAX]; /* is not enabled by disk_go() */
	struct virtio_blk_config config;
	uint64_t capacity; /* sectors */
	unsigned unit; /* sectors of a logical block */
};

struct slot {
	uint8_t *va;
	uint64_t iova;
};

/* The stretches of a request, in pieces. */
struct request {
	struct piece piece[PIECES_MAX];
	unsigned n;
	uint32_t len; /* of its data */
};

void disk_open(struct disk *d, const struct disk_params *p);
/* False: the device refuses FEATURES_OK or DRIVER_OK, or the kernel a queue. */
bool disk_go(struct disk *d);
/* Resets it and starts it with fresh rings. */
bool disk_restart(struct disk *d);
void disk_close(struct disk *d);

static inline bool disk_has(const struct disk *d, unsigned feature)
{
	return d->dev.features & FEATURE(feature);
}

struct slot disk_slot(const struct disk *d, unsigned n);

static inline uint8_t *slot_data(const struct slot *s)
{
	return s->va + SLOT_DATA;
}

/*
 * A request with its data in the slot: header, data, status, a piece each.
 * The status octet is 0xff until the device writes it.
 */
void request_make(struct request *r, const struct slot *s, uint32_t type, uint64_t sector, uint32_t len);
/* Cuts it elsewhere, into as many as `max` pieces, as the numbers of `state` have it. */
void request_cut(struct request *r, unsigned max, uint64_t *state);
uint8_t request_status(const struct request *r, const struct slot *s);
bool request_reads(uint32_t type); /* from the disk */

/* xorshift */
uint64_t random_next(uint64_t *state);

#endif
