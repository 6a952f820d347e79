/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed rings: VIRTIO 1.3, 2.8. */
#include <errno.h>

#include "vdused/guard.h"
#include "vdused/vring_impl.h"

#define WRAP 0x8000
#define FLAGS_SHIFT 48 /* in ring_desc.rest */
#define ID_SHIFT 32

/* Event suppression: the low half is position | wrap << 15, the high half one of these. */
enum {
	EVENT_ENABLE = 0,
	EVENT_DISABLE = 1,
	EVENT_DESC = 2,
};
#define EVENT_FLAGS_SHIFT 16

static void parts(struct vring *vr, struct vring_part *part)
{
	const struct vring_setup *s = &vr->setup;

	part[0] = (struct vring_part){
		.name = "descriptor ring",
		.addr = s->desc_addr,
		.len = s->size * sizeof(struct ring_desc),
		.align = 16,
		.perm = IOVA_READ | IOVA_WRITE,
		.va = &vr->desc,
	};
	part[1] = (struct vring_part){
		.name = "driver's event area",
		.addr = s->driver_addr,
		.len = sizeof(uint32_t),
		.align = 4,
		.perm = IOVA_READ,
		.va = &vr->driver,
	};
	part[2] = (struct vring_part){
		.name = "device's event area",
		.addr = s->device_addr,
		.len = sizeof(uint32_t),
		.align = 4,
		.perm = IOVA_WRITE,
		.va = &vr->device,
	};
}

static uint16_t *flags_of(const struct vring *vr, unsigned pos)
{
	return (uint16_t *)((struct ring_desc *)vr->desc + pos) + 7;
}

static bool is_available(uint16_t flags, bool wrap)
{
	return !!(flags & DESC_AVAIL) == wrap && !!(flags & DESC_USED) != wrap;
}

static void advance(const struct vring *vr, uint16_t *pos, bool *wrap, unsigned n)
{
	unsigned at = *pos + n;

	if (at >= vr->setup.size) {
		at -= vr->setup.size;
		*wrap = !*wrap;
	}
	*pos = (uint16_t)at;
}

static uint16_t position(uint16_t pos, bool wrap)
{
	return pos | (wrap ? WRAP : 0);
}

/* Both positions at `base`. */
static int start(struct vring *vr, uint16_t base)
{
	uint16_t pos = base & (WRAP - 1);

	if (pos >= vr->setup.size)
		return vring_break(vr, "the ring can't start at %u, it has %u descriptors", pos,
				   vr->setup.size);
	vr->packed.avail = vr->packed.used = pos;
	vr->packed.avail_wrap = vr->packed.used_wrap = base & WRAP;
	return 0;
}

static int load_flags(struct vring *vr, unsigned pos, uint16_t *flags)
{
	struct guard g;

	if (guard_enter(&g))
		return vring_gone(vr);
	*flags = ring_load16(flags_of(vr, pos));
	guard_leave(&g);
	return 0;
}

/*
 * Of a batch that was not published, all but the first may carry flags of
 * used descriptors.  The requests may be done in another order this time, so
 * the driver must not meet those: what is in flight is not used.
 */
static int sweep(struct vring *vr, unsigned n)
{
	uint16_t pos = vr->packed.used;
	bool wrap = vr->packed.used_wrap;
	struct guard g;

	if (guard_enter(&g))
		return vring_gone(vr);
	for (unsigned i = 0; i < n; i++) {
		unsigned at = pos + i;
		bool w = wrap;

		if (at >= vr->setup.size) {
			at -= vr->setup.size;
			w = !w;
		}
		ring_store16(flags_of(vr, at), w ? DESC_AVAIL : DESC_USED);
	}
	guard_leave(&g);
	return 0;
}

static int resume(struct vring *vr)
{
	const struct inflight_area *a = vr->log.area;
	bool published = false, ended = a->publishing && a->used == a->after;
	uint16_t flags;
	unsigned descs;

	if (load_flags(vr, a->used & (WRAP - 1), &flags))
		return -1;
	if (a->publishing)
		published = ended || !is_available(flags, a->used & WRAP);
	if (vring_settle(vr, published, &descs))
		return -1;
	if (descs && !published && !is_available(flags, a->used & WRAP))
		return vring_break(
			vr, "descriptor %u is not in flight, as the log of such requests says",
			a->used & (WRAP - 1));
	if (start(vr, a->used) || sweep(vr, descs))
		return -1;
	advance(vr, &vr->packed.avail, &vr->packed.avail_wrap, descs);
	vr->packed.outstanding = descs;
	return 0;
}

/* ---- taking ---- */

struct list {
	unsigned n; /* descriptors in vr->chain; 0: there is no request */
	uint16_t id;
	bool torn; /* one after the first is not available */
};

/* Runs inside a guard. At most `max`, and at least one when it is available. */
static void copy_list(struct vring *vr, struct list *l, unsigned max)
{
	const struct ring_desc *ring = vr->desc;
	uint16_t pos = vr->packed.avail;
	bool wrap = vr->packed.avail_wrap;

	do {
		/* The flags first: with them the driver hands over the rest. */
		uint16_t flags = ring_load16(flags_of(vr, pos));
		struct inflight_desc *d = &vr->chain[l->n];
		uint64_t rest;

		if (!is_available(flags, wrap)) {
			l->torn = l->n > 0;
			return;
		}
		rest = ring_load64(&ring[pos].rest);
		d->addr = ring_load64(&ring[pos].addr);
		d->len = (uint32_t)rest;
		d->flags = flags & (DESC_NEXT | DESC_WRITE | DESC_INDIRECT);
		l->id = (uint16_t)(rest >> ID_SHIFT);
		l->n++;
		if (!(d->flags & DESC_NEXT))
			return;
		advance(vr, &pos, &wrap, 1);
	} while (l->n < max);
}

static int fetch(struct vring *vr, struct list *l, unsigned max)
{
	struct guard g;

	if (guard_enter(&g))
		return vring_gone(vr);
	copy_list(vr, l, max);
	guard_leave(&g);
	return 0;
}

static int build(struct vring *vr, struct vchain *chain, uint16_t id, unsigned ndesc)
{
	int n = (int)ndesc;

	for (unsigned i = 0; i < ndesc; i++)
		if (vr->chain[i].flags & DESC_INDIRECT && ndesc > 1)
			return vring_break(vr, "request %u has an indirect table in a list", id);
	if (vr->chain[0].flags & DESC_INDIRECT) {
		n = vring_indirect(vr, id, 0, false);
		if (n < 0)
			return -1;
	}
	return vring_build(vr, chain, id, (uint16_t)ndesc, (unsigned)n);
}

static int check_list(struct vring *vr, const struct list *l, unsigned max)
{
	if (l->torn)
		return vring_break(
			vr, "the list of descriptors at %u ends with one that is not available",
			vr->packed.avail);
	if (l->n > max || vr->chain[l->n - 1].flags & DESC_NEXT)
		return vring_break(
			vr, "the list of descriptors at %u is longer than the %u that are free",
			vr->packed.avail, max);
	if (l->id >= vr->setup.size)
		return vring_break(vr, "buffer %u was made available, the ring has %u", l->id,
				   vr->setup.size);
	if (vring_in_flight(vr, l->id))
		return vring_break(vr, "buffer %u was made available again while it is in flight",
				   l->id);
	return 0;
}

static int pop(struct vring *vr, struct vchain *chain)
{
	unsigned max = vr->setup.size - vr->packed.outstanding;
	struct inflight_desc first;
	struct list l = { 0 };

	if (fetch(vr, &l, max))
		return -1;
	if (!l.n)
		return 0;
	if (check_list(vr, &l, max))
		return -1;
	first = vr->chain[0];
	if (build(vr, chain, l.id, l.n) < 0)
		return -1;
	/* An indirect table has taken the place of the descriptor. */
	if (vr->log.area)
		inflight_take(&vr->log, l.id, (uint16_t)l.n, l.n == 1 ? &first : vr->chain);
	vring_mark(vr, l.id, (uint16_t)l.n);
	vr->packed.outstanding += l.n;
	advance(vr, &vr->packed.avail, &vr->packed.avail_wrap, l.n);
	return 1;
}

static int pop_resumed(struct vring *vr, struct vchain *chain, uint16_t id)
{
	const struct inflight *log = &vr->log;
	unsigned n = 0;

	for (uint16_t at = log->slot[id].first; at != INFLIGHT_NONE; at = log->desc[at].next)
		vr->chain[n++] = log->desc[at];
	return build(vr, chain, id, n);
}

/* ---- giving ---- */

static bool decide(struct vring *vr)
{
	uint16_t now = position(vr->packed.used, vr->packed.used_wrap), old = vr->packed.signalled;
	uint16_t event, before = old & (WRAP - 1);
	bool valid = vr->packed.signalled_valid;
	uint32_t area = ring_load32(vr->driver);

	vr->packed.signalled = now;
	vr->packed.signalled_valid = true;
	vr->packed.undecided = 0;
	if (area >> EVENT_FLAGS_SHIFT != EVENT_DESC || !vr->setup.event_idx)
		return area >> EVENT_FLAGS_SHIFT != EVENT_DISABLE;
	if (!valid)
		return true;
	/* On one line of numbers: what has another wrap counter than now was a ring ago. */
	event = area & (WRAP - 1);
	if ((area ^ now) & WRAP)
		event -= vr->setup.size;
	if ((old ^ now) & WRAP)
		before -= vr->setup.size;
	return ring_need_event(event, vr->packed.used, before);
}

static bool wants_interrupt(struct vring *vr)
{
	bool wants = decide(vr) || vr->packed.owed;

	vr->packed.owed = false;
	return wants;
}

/* The flags of the first descriptor publish all of the batch. */
static void publish(struct vring *vr)
{
	struct ring_desc *ring = vr->desc;
	uint16_t pos = vr->packed.used, first = pos, first_flags = 0;
	bool wrap = vr->packed.used_wrap;
	unsigned descs = 0;

	for (unsigned i = 0; i < vr->pushed; i++)
		descs += vr->done[i].ndesc;
	/* Positions can only be compared within one turn of the ring. */
	if (vr->packed.undecided + descs > vr->setup.size) {
		ring_barrier();
		vr->packed.owed |= decide(vr);
	}
	vr->packed.undecided += descs;
	for (unsigned i = 0; i < vr->pushed; i++) {
		const struct vring_done *d = &vr->done[i];
		uint16_t flags = (wrap ? DESC_AVAIL | DESC_USED : 0) |
				 (d->written ? DESC_WRITE : 0);

		if (i) {
			ring_store64(&ring[pos].rest, d->written | (uint64_t)d->id << ID_SHIFT |
							      (uint64_t)flags << FLAGS_SHIFT);
		} else {
			ring_store32((uint32_t *)&ring[pos].rest, d->written);
			ring_store16((uint16_t *)&ring[pos].rest + 2, d->id);
			first_flags = flags;
		}
		vr->packed.outstanding -= d->ndesc;
		advance(vr, &pos, &wrap, d->ndesc);
	}
	vring_log_begin(vr, position(pos, wrap));
	ring_store16(flags_of(vr, first), first_flags);
	vring_log_end(vr);
	vr->packed.used = pos;
	vr->packed.used_wrap = wrap;
}

/* ---- notifications ---- */

static int has_work(struct vring *vr)
{
	uint16_t flags;

	if (load_flags(vr, vr->packed.avail, &flags))
		return -1;
	return is_available(flags, vr->packed.avail_wrap);
}

static uint32_t event_area(const struct vring *vr, bool on)
{
	if (!on)
		return EVENT_DISABLE << EVENT_FLAGS_SHIFT;
	if (!vr->setup.event_idx)
		return EVENT_ENABLE << EVENT_FLAGS_SHIFT;
	return EVENT_DESC << EVENT_FLAGS_SHIFT | position(vr->packed.avail, vr->packed.avail_wrap);
}

static int notify(struct vring *vr, bool on)
{
	struct guard g;

	if (guard_enter(&g))
		return vring_gone(vr);
	ring_store32(vr->device, event_area(vr, on));
	guard_leave(&g);
	vr->notify = on;
	if (!on)
		return 0;
	ring_barrier();
	return has_work(vr);
}

static void state(const struct vring *vr, uint16_t *avail, uint16_t *used)
{
	*avail = position(vr->packed.avail, vr->packed.avail_wrap);
	*used = position(vr->packed.used, vr->packed.used_wrap);
}

const struct vring_ops vring_packed_ops = {
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
