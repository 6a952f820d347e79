/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Split rings: VIRTIO 1.3, 2.7. */
#include <errno.h>
#include <stddef.h>

#include "vdused/guard.h"
#include "vdused/vring_impl.h"

enum {
	AVAIL_NO_INTERRUPT = 1,
	USED_NO_NOTIFY = 1,
};

struct split_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[]; /* then the used index that the driver wants to hear of */
};

struct split_used {
	uint16_t flags;
	uint16_t idx;
	struct {
		uint32_t id;
		uint32_t len;
	} ring[]; /* then the available index that we want to hear of */
};

static void parts(struct vring *vr, struct vring_part *part)
{
	const struct vring_setup *s = &vr->setup;
	unsigned event = s->event_idx ? sizeof(uint16_t) : 0;

	part[0] = (struct vring_part){
		.name = "descriptor table",
		.addr = s->desc_addr,
		.len = s->size * sizeof(struct ring_desc),
		.align = 16,
		.perm = IOVA_READ,
		.va = &vr->desc,
	};
	part[1] = (struct vring_part){
		.name = "available ring",
		.addr = s->driver_addr,
		.len = sizeof(struct split_avail) + s->size * sizeof(uint16_t) + event,
		.align = 2,
		.perm = IOVA_READ,
		.va = &vr->driver,
	};
	part[2] = (struct vring_part){
		.name = "used ring",
		.addr = s->device_addr,
		.len = sizeof(struct split_used) + s->size * sizeof(uint64_t) + event,
		.align = 4,
		.perm = IOVA_READ | IOVA_WRITE,
		.va = &vr->device,
	};
}

static int start(struct vring *vr, uint16_t base)
{
	vr->split.last_avail = vr->split.avail_seen = vr->split.used = base;
	return 0;
}

static int load_idx(struct vring *vr, const uint16_t *p, uint16_t *v)
{
	struct guard g;

	if (guard_enter(&g))
		return vring_gone(vr);
	*v = ring_load16(p);
	guard_leave(&g);
	return 0;
}

static int resume(struct vring *vr)
{
	const struct inflight_area *a = vr->log.area;
	struct split_used *used = vr->device;
	unsigned descs;
	uint16_t idx;
	bool published;

	if (load_idx(vr, &used->idx, &idx))
		return -1;
	published = a->publishing && idx == a->after;
	if (!published && idx != a->used)
		return vring_break(vr,
				   "the used index is %u, the log of requests in flight says %u",
				   idx, a->used);
	if (vring_settle(vr, published, &descs))
		return -1;
	vr->split.used = a->used;
	vr->split.last_avail = vr->split.avail_seen = (uint16_t)(a->used + descs);
	return 0;
}

/* ---- taking ---- */

/* What was copied to vr->chain of a list in the descriptor table. */
struct list {
	unsigned head, last; /* indices */
	unsigned n; /* 0: the head is none to take */
};

/* Ends at the first descriptor after which there is nothing to copy: why is for check_list(). */
static void copy_list(struct vring *vr, struct list *l)
{
	const struct ring_desc *table = vr->desc;
	unsigned at = l->head;

	for (l->n = 0; at < vr->setup.size && l->n < vr->setup.size;) {
		uint64_t rest = ring_load64(&table[at].rest);
		struct inflight_desc *d = &vr->chain[l->n++];

		d->addr = ring_load64(&table[at].addr);
		d->len = (uint32_t)rest;
		d->flags = (uint16_t)(rest >> 32);
		d->next = (uint16_t)(rest >> 48);
		l->last = at;
		if (!(d->flags & DESC_NEXT) || d->flags & DESC_INDIRECT)
			return;
		at = d->next;
	}
}

/* The request at the head that the driver made available, or at the one that is given. */
static int fetch(struct vring *vr, struct list *l, bool available)
{
	const struct split_avail *avail = vr->driver;
	struct guard g;

	if (guard_enter(&g))
		return vring_gone(vr);
	if (available)
		l->head = ring_load16(&avail->ring[vr->split.last_avail & (vr->setup.size - 1)]);
	copy_list(vr, l);
	guard_leave(&g);
	return 0;
}

static int build(struct vring *vr, struct vchain *chain, const struct list *l)
{
	const struct inflight_desc *d = &vr->chain[l->n - 1];
	int n = (int)l->n;

	if (d->flags & DESC_INDIRECT) {
		n = vring_indirect(vr, l->head, l->n - 1, true);
		if (n < 0)
			return -1;
	} else if (d->flags & DESC_NEXT) {
		if (d->next >= vr->setup.size)
			return vring_break(vr,
					   "descriptor %u names %u as its next, the ring has %u",
					   l->last, d->next, vr->setup.size);
		return vring_break(vr, "the list of descriptors that starts with %u is a loop",
				   l->head);
	}
	return vring_build(vr, chain, (uint16_t)l->head, 1, (unsigned)n);
}

/* 1: there are some to take. */
static int look(struct vring *vr)
{
	const struct split_avail *avail = vr->driver;
	uint16_t idx, n;

	if (vr->split.last_avail != vr->split.avail_seen)
		return 1;
	if (load_idx(vr, &avail->idx, &idx))
		return -1;
	n = idx - vr->split.last_avail;
	if (n > vr->setup.size)
		return vring_break(vr, "the available index went from %u to %u, the ring has %u",
				   vr->split.last_avail, idx, vr->setup.size);
	vr->split.avail_seen = idx;
	return n > 0;
}

static int pop(struct vring *vr, struct vchain *chain)
{
	struct list l = { 0 };
	int ret = look(vr);

	if (ret <= 0)
		return ret;
	if (fetch(vr, &l, true))
		return -1;
	if (l.head >= vr->setup.size)
		return vring_break(vr, "descriptor %u was made available, the ring has %u", l.head,
				   vr->setup.size);
	if (vring_in_flight(vr, (uint16_t)l.head))
		return vring_break(
			vr, "descriptor %u was made available again while it is in flight", l.head);
	if (build(vr, chain, &l) < 0)
		return -1;
	if (vr->log.area)
		inflight_take(&vr->log, chain->id, 1, NULL);
	vring_mark(vr, chain->id, 1);
	vr->split.last_avail++;
	return 1;
}

static int pop_resumed(struct vring *vr, struct vchain *chain, uint16_t id)
{
	struct list l = { .head = id };

	return fetch(vr, &l, false) ? -1 : build(vr, chain, &l);
}

/* ---- giving ---- */

static bool wants_interrupt(struct vring *vr)
{
	const struct split_avail *avail = vr->driver;
	bool valid = vr->split.signalled_valid;
	uint16_t old = vr->split.signalled;

	if (!vr->setup.event_idx)
		return !(ring_load16(&avail->flags) & AVAIL_NO_INTERRUPT);
	vr->split.signalled_valid = true;
	vr->split.signalled = vr->split.used;
	return !valid ||
	       ring_need_event(ring_load16(&avail->ring[vr->setup.size]), vr->split.used, old);
}

static void publish(struct vring *vr)
{
	struct split_used *used = vr->device;
	uint16_t after = (uint16_t)(vr->split.used + vr->pushed);

	for (unsigned i = 0; i < vr->pushed; i++) {
		unsigned at = (vr->split.used + i) & (vr->setup.size - 1);

		ring_store32(&used->ring[at].id, vr->done[i].id);
		ring_store32(&used->ring[at].len, vr->done[i].written);
	}
	vring_log_begin(vr, after);
	ring_store16(&used->idx, after);
	vring_log_end(vr);
	vr->split.used = after;
}

/* ---- notifications ---- */

static int has_work(struct vring *vr)
{
	return look(vr);
}

/* With event indexes there is no "off" but an index that the driver does not reach soon. */
static void store_notify(struct vring *vr, bool on)
{
	struct split_used *used = vr->device;

	if (!vr->setup.event_idx)
		ring_store16(&used->flags, on ? 0 : USED_NO_NOTIFY);
	else if (on)
		ring_store16(&used->ring[vr->setup.size], vr->split.last_avail);
}

static int notify(struct vring *vr, bool on)
{
	struct guard g;

	if (guard_enter(&g))
		return vring_gone(vr);
	store_notify(vr, on);
	guard_leave(&g);
	vr->notify = on;
	if (!on)
		return 0;
	ring_barrier();
	return look(vr);
}

static void state(const struct vring *vr, uint16_t *avail, uint16_t *used)
{
	*avail = vr->split.last_avail;
	*used = vr->split.used;
}

const struct vring_ops vring_split_ops = {
	.parts = parts,
	.start = start,
	.resume = resume,
	.pop = pop,
	.pop_resumed = pop_resumed,
	.publish = publish,
	.wants_interrupt = wants_interrupt,
	.has_work = has_work,
	.notify = notify,
	.state = state,
};
