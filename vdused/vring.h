/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's side of a virtqueue, split or packed.
 *
 * A ring belongs to one thread.  Its memory is the driver's, who may be
 * hostile: every descriptor is copied once before it is looked at, and memory
 * that vanishes breaks the ring, not the process.  A broken ring gives and
 * takes nothing more; `why` says what was wrong, in one sentence without a
 * full stop.  Only a reset by the driver ends that.
 *
 *	vring_pop()...		until it returns 0 or enough were taken
 *	vring_push()...		in any order; with VIRTIO_F_IN_ORDER what has older ones before it waits
 *	vring_publish()		makes the pushed ones visible
 *	vring_wants_interrupt()	true: send one
 */
#ifndef VDUSED_VRING_H
#define VDUSED_VRING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vdused/inflight.h"
#include "vdused/iova.h"

#define VRING_SIZE_MAX 32768

/* What the driver set up. Addresses are IOVAs, as VDUSE_VQ_GET_INFO gives them. */
struct vring_setup {
	unsigned size; /* descriptors */
	uint64_t desc_addr, driver_addr, device_addr;
	bool packed; /* VIRTIO_F_RING_PACKED */
	bool event_idx; /* VIRTIO_F_EVENT_IDX */
	bool indirect; /* VIRTIO_F_INDIRECT_DESC */
	bool in_order; /* VIRTIO_F_IN_ORDER: given back in the order of the pops */
	/*
	 * Descriptors of a request with an indirect table, when that is more than `size`: drivers
	 * go by what they were told of the device, even with a smaller ring.
	 */
	unsigned table_max;
};

/* One request: a chain of descriptors. */
struct vchain {
	uint16_t id; /* split: head; packed: buffer id */
	uint16_t ndesc; /* of the ring itself */
	/*
	 * Pieces in order: `nout` that the device reads, then `nin` that it writes.
	 * iov_base is NULL where the driver's address is not mapped (with the
	 * permission needed): that part of the data can't be reached.
	 */
	struct iovec *iov; /* the caller's to free(); grows by vring_pop(), may be reused */
	unsigned iov_cap;
	unsigned nout, nin;
	uint64_t out_len, in_len; /* octets, sums of the above */
};

struct vring_ops;

/* A request that was pushed and not published. */
struct vring_done {
	uint32_t written;
	uint16_t id, ndesc;
};

struct vring {
	const struct vring_ops *ops;
	struct vring_setup setup;
	struct iova_map *map; /* a reference; swapped by vring_set_map() */
	struct inflight log;
	char why[128]; /* "" while the ring is sound */
	uint64_t *taken; /* bit a head or id: is in flight */
	unsigned in_flight;
	uint16_t *ndesc; /* of each in flight; 0: pushed already */
	struct vring_done *done; /* `pushed` of them */
	unsigned pushed; /* since the last publication */
	/* VIRTIO_F_IN_ORDER: ids in flight, oldest first, around the ring; and what was pushed too early, by id. */
	uint16_t *order;
	unsigned order_first, order_count;
	struct vring_done *early; /* ndesc 0: not pushed */
	uint16_t *resumed; /* what vring_pop_resumed() gives */
	unsigned resumed_count, resumed_next;
	/* Private copies of the descriptors of the chain at hand, and of an indirect table. */
	struct inflight_desc *chain, *table;
	void *memory; /* of all these arrays */
	bool notify; /* kicks are wanted */

	/* Where the parts of the ring are in this process. */
	void *desc, *driver, *device;

	union {
		struct {
			uint16_t last_avail; /* next to take */
			uint16_t avail_seen; /* the driver's index when last looked at */
			uint16_t used; /* next to write */
			uint16_t signalled; /* `used` at the last interrupt decision */
			bool signalled_valid;
		} split;
		struct {
			uint16_t avail, used; /* positions, next to take and to write */
			bool avail_wrap, used_wrap;
			unsigned outstanding; /* descriptors of what is in flight */
			uint16_t signalled; /* used | wrap << 15 at the last interrupt decision */
			bool signalled_valid;
			unsigned undecided; /* descriptors published since then */
			bool owed; /* an interrupt that a decision in between was for */
		} packed;
	};
};

/*
 * Checks the set-up against the map (alignment, whole rings in one piece with
 * their event words, sizes) and takes a reference to it.  `area` is the log of
 * inflight_area_size(size) octets or NULL.  `resume`: the ring was in use by an
 * earlier process and the log is taken as it stands; else the ring starts at
 * `base` (split: avail index = used index; packed: position | wrap << 15 of both) and
 * the log is emptied.  0; -EINVAL with the reason in `why`; -ENOMEM.
 */
int vring_start(struct vring *vr, const struct vring_setup *setup, struct iova_map *map, void *area,
		bool resume, uint16_t base);
/*
 * After an error of vring_start(), too; twice does no harm.  The log stays as it
 * is, for a later process; inflight_stop() before this when nothing is to be resumed.
 */
void vring_stop(struct vring *vr);
/* From now on addresses of new requests are looked up there; -EINVAL: the ring itself is not in it, and is broken. */
int vring_set_map(struct vring *vr, struct iova_map *map);

/* 1: a request was taken; 0: none there; -1: the ring is broken, or was never started. */
int vring_pop(struct vring *vr, struct vchain *chain);
/*
 * After vring_start() with `resume`: the requests that were in flight, oldest
 * first, one a call as vring_pop() gives them; 0 when there are no more.
 */
int vring_pop_resumed(struct vring *vr, struct vchain *chain);
/*
 * The request is done, `written` octets were written to its device-writable part.
 * Nothing happens on a broken ring, or for an id that is not in flight.
 */
void vring_push(struct vring *vr, uint16_t id, uint32_t written);
/* Makes what was pushed visible to the driver; returns how many requests that were. */
unsigned vring_publish(struct vring *vr);
/* Does the driver want an interrupt for what was published since this was asked last? */
bool vring_wants_interrupt(struct vring *vr);

/*
 * Asks the driver for kicks, or to spare them.  vring_notify_on() returns true
 * when requests arrived meanwhile, or it found the ring broken: then look again
 * before sleeping.
 */
bool vring_notify_on(struct vring *vr);
void vring_notify_off(struct vring *vr);
/* A cheap look: is there anything to take? True, too, when the look itself broke the ring. */
bool vring_has_work(struct vring *vr);
/* Where the ring stands for VDUSE_GET_VQ_STATE: split: avail index; packed: position | wrap << 15, used the same way. */
void vring_state(const struct vring *vr, uint16_t *avail, uint16_t *used);

static inline bool vring_broken(const struct vring *vr)
{
	return vr->why[0] != '\0';
}

#endif
