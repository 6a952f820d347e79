/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the next process has to know: a file of the runtime directory, mapped.
 *
 *   header (one page)   what the device is, under a checksum; what the driver did
 *   queue 0..n-1        the in-flight log of each, see inflight.h
 *
 * It is for the same kernel boot and the same device alone, and is read as if
 * an enemy had written it.
 */
#ifndef VDUSED_STATE_H
#define VDUSED_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "vdused/err.h"
#include "vdused/runtime.h"

#define STATE_HEADER_LEN 4096

/* What a device was created as; a process that takes over must bring the same. */
struct state_device {
	uint64_t features; /* offered */
	uint32_t device_id;
	uint32_t api_version;
	uint32_t queues;
	uint32_t queue_size;
	uint32_t block_size;
	uint32_t reserved;
};

struct state_header {
	char magic[8];
	uint32_t version;
	uint32_t checksum; /* of what follows, up to `status` */
	char boot_id[40];
	struct state_device device;
	/* Changes while it runs; stored before the kernel is answered. */
	uint32_t status; /* virtio's */
	uint32_t irq_cpu; /* of the only queue, see irq_cpu.h */
	uint64_t driver_features;
	uint64_t capacity; /* sectors that the driver was told */
	char identity[64]; /* of the disk that the driver uses, see backend.h */
};

struct state {
	struct state_header *header; /* the mapping; NULL: none */
	size_t len;
};

/* A new file with no queue active. */
int state_create(struct state *st, struct runtime *rt, const struct state_device *device, struct err *err);
/*
 * The file of an earlier process, for this very device (NULL: whatever device
 * it says): -EINVAL with what differs.
 */
int state_attach(struct state *st, struct runtime *rt, const struct state_device *device, struct err *err);
/* Where queue `index` keeps its log. */
void *state_queue(const struct state *st, unsigned index);
/*
 * The driver has reset the device.  A death at any instruction leaves a device
 * that is not running, or one whose reset the kernel still waits to be answered.
 */
void state_reset(struct state *st);
void state_close(struct state *st);

#endif
