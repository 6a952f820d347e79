/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The in-flight log of a queue: which requests were taken from the ring and
 * not given back yet.  It lives in a file that outlasts the process, so that
 * after a death at any instruction the next process takes up exactly those.
 *
 * It is one format for both ring layouts.  A request is known by its head
 * (split) or buffer id (packed).  Order of stores, each visible before the next:
 *
 *   taking:  slot fields, then slot.taken.
 *   giving:  batch[] and batch_count and `after`, then `publishing`; the ring's own
 *            publication (used index, or flags of the first descriptor); then
 *            slot.taken of each cleared, `used` = `after`, then `publishing` off.
 *
 * Recovery: with `publishing` set, the ring tells whether the publication had
 * happened (vring_start() with `resume`); if so the batch is cleared, else it is dropped
 * and its requests run again.  Every field is checked before it is believed.
 */
#ifndef VDUSED_INFLIGHT_H
#define VDUSED_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INFLIGHT_QUEUE_MAX 32768 /* descriptors of a ring: what virtio allows */
#define INFLIGHT_NONE 0xffff /* no next descriptor */

struct inflight_slot {
	uint64_t counter; /* in which order they were taken */
	uint16_t ndesc; /* ring descriptors it occupies: 1 for split */
	uint16_t first; /* packed: head of its list in desc[] */
	uint8_t taken;
	uint8_t pad[3];
};

/* Packed rings are overwritten as requests complete: a copy of each descriptor in flight. */
struct inflight_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next; /* in the request, or INFLIGHT_NONE */
};

struct inflight_area {
	uint32_t size; /* descriptors in the ring */
	uint32_t packed; /* 0 or 1 */
	uint64_t counter; /* of the next request */
	uint16_t used; /* split: used index; packed: position | wrap counter << 15 */
	uint16_t after; /* `used` once the batch is published */
	uint16_t batch_count;
	uint8_t publishing;
	uint8_t pad;
	uint32_t active; /* the queue was started; else there is nothing to recover */
	uint32_t pad2;
	/*
	 * struct inflight_slot slot[size];
	 * uint16_t batch[size], rounded up to a multiple of 8 octets;
	 * struct inflight_desc desc[size], when packed.
	 */
};

/* Octets of the area of a queue of up to `size` descriptors, of either layout. */
size_t inflight_area_size(unsigned size);

/* How a queue sees its area. */
struct inflight {
	struct inflight_area *area; /* NULL: no log */
	struct inflight_slot *slot;
	uint16_t *batch;
	struct inflight_desc *desc;
	uint16_t free_desc; /* packed: head of the list of free entries of desc[] */
};

/*
 * Empties the area for a ring of `size` descriptors that starts at `used`,
 * and marks it active.
 */
void inflight_reset(struct inflight *log, void *area, unsigned size, bool packed, uint16_t used);
/*
 * Takes the area as it is: 0; -EINVAL when it does not describe a ring of this
 * size and layout, is not active or holds what can't be (then nothing of it may
 * be used); -ENOMEM.
 */
int inflight_attach(struct inflight *log, void *area, unsigned size, bool packed);
/* The queue has stopped with nothing in flight. */
void inflight_stop(struct inflight *log);

/* A request was taken; desc[0..ndesc) are copied for packed rings (NULL for split). */
void inflight_take(struct inflight *log, uint16_t id, uint16_t ndesc,
		   const struct inflight_desc *desc);
/* Before, and after, the ring publishes what batch_add() named since the last end. */
void inflight_batch_add(struct inflight *log, uint16_t id);
void inflight_publish_begin(struct inflight *log, uint16_t after);
void inflight_publish_end(struct inflight *log);
/* After attach, when the ring shows that the publication did not happen: its requests stay in flight. */
void inflight_publish_drop(struct inflight *log);

/*
 * The requests in flight, oldest first: ids into id[0..size), returns how many.
 * Only after attach and once no publication is pending.
 */
unsigned inflight_list(const struct inflight *log, uint16_t *id);

#endif
