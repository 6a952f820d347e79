/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-blk: what the device offers, and its requests.
 *
 *   vring_pop --> parse (header, status octet, data) --> backend_submit
 *   backend done --> status octet --> vring_push
 */
#ifndef VDUSED_BLK_H
#define VDUSED_BLK_H

#include <stdbool.h>
#include <stdint.h>

#include "vdused/backend.h"
#include "vdused/uapi.h"
#include "vdused/vq.h"

#define BLK_RANGES_MAX 32 /* of one DISCARD, WRITE_ZEROES or SECURE_ERASE */
#define BLK_RANGE_SECTORS_MAX (1U << 21) /* of one range: 1 GiB */

struct blk {
	struct backend *backend; /* NULL: every request fails */
	uint64_t offered, features; /* features: what the driver took */
	uint64_t capacity; /* sectors of 512 octets; atomic */
	uint32_t block_size;
	bool readonly;
	char serial[VIRTIO_BLK_ID_BYTES]; /* padded with NUL */
	struct virtio_blk_config config;
};

struct blk_options {
	unsigned queues, queue_size;
	uint32_t block_size; /* 0: the back end's */
	bool readonly;
	bool packed, in_order;
	const char *serial; /* at most VIRTIO_BLK_ID_BYTES */
};

/* Works out features and the configuration space. `backend` may be NULL: then there is no capacity, and no way to write. */
void blk_init(struct blk *blk, struct backend *backend, const struct blk_options *options);
/* NULL, or what is wrong with the features that a driver took. */
const char *blk_check_features(const struct blk *blk, uint64_t features);
/* The back end's size changed: updates capacity and config. */
void blk_set_size(struct blk *blk, uint64_t octets);

/*
 * Takes up to `budget` requests from the queue's ring and submits them; true
 * when there was at least one.  In the reactor's thread, as the next.
 */
bool blk_service(struct vq *vq, unsigned budget);
/* Submits again what an earlier process had in flight. */
void blk_resume(struct vq *vq);
/* The queue is idle for good. */
void blk_free_requests(struct vq *vq);

#endif
