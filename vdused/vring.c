/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/vring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vdused/guard.h"
#include "vdused/vring_impl.h"

/* More pieces than any sensible request has: descriptors times the regions that each may span. */
#define PIECES_MAX (2 * VRING_SIZE_MAX)

int vring_break(struct vring *vr, const char *fmt, ...)
{
	va_list ap;

	if (!vring_broken(vr)) {
		va_start(ap, fmt);
		vsnprintf(vr->why, sizeof(vr->why), fmt, ap);
		va_end(ap);
	}
	return -1;
}

int vring_gone(struct vring *vr)
{
	return vring_break(vr, "memory of the ring is gone");
}

static bool sound(const struct vring *vr)
{
	return vr->ops && !vring_broken(vr);
}

/* ---- start and stop ---- */

static unsigned table_max(const struct vring *vr)
{
	return vr->setup.table_max > vr->setup.size ? vr->setup.table_max : vr->setup.size;
}

static int allocate(struct vring *vr)
{
	size_t n = vr->setup.size, bits = (n + 63) / 64, most = table_max(vr);
	size_t total = 2 * most * sizeof(*vr->chain) + bits * sizeof(*vr->taken) +
		       2 * n * sizeof(*vr->done) +
		       n * (sizeof(*vr->ndesc) + sizeof(*vr->resumed) + sizeof(*vr->order));

	/* The widest first, so that each is aligned. */
	vr->memory = calloc(1, total);
	if (!vr->memory)
		return -ENOMEM;
	vr->chain = vr->memory;
	vr->table = vr->chain + most;
	vr->taken = (void *)(vr->table + most);
	vr->done = (void *)(vr->taken + bits);
	vr->early = vr->done + n;
	vr->ndesc = (void *)(vr->early + n);
	vr->resumed = vr->ndesc + n;
	vr->order = vr->resumed + n;
	return 0;
}

static int check_part(struct vring *vr, const struct iova_map *map, const struct vring_part *p)
{
	void *va = iova_translate_whole(map, p->addr, p->len, p->perm);

	if (!va)
		return vring_break(vr, "the %s at 0x%" PRIx64 " is not mapped in one piece",
				   p->name, p->addr);
	if (p->addr % p->align || (uintptr_t)va % p->align)
		return vring_break(vr, "the %s at 0x%" PRIx64 " is not aligned to %u", p->name,
				   p->addr, p->align);
	*p->va = va;
	return 0;
}

static int locate(struct vring *vr, const struct iova_map *map)
{
	struct vring_part part[VRING_PARTS];

	vr->ops->parts(vr, part);
	for (int i = 0; i < VRING_PARTS; i++) {
		if (check_part(vr, map, &part[i]))
			return -1;
		for (int k = 0; k < i; k++)
			if (part[i].addr <= part[k].addr + (part[k].len - 1) &&
			    part[k].addr <= part[i].addr + (part[i].len - 1))
				return vring_break(vr, "the %s and the %s overlap", part[k].name,
						   part[i].name);
	}
	return 0;
}

static int begin(struct vring *vr, void *area, bool resume, uint16_t base)
{
	int ret;

	if (!resume) {
		if (vr->ops->start(vr, base))
			return -EINVAL;
		if (area)
			inflight_reset(&vr->log, area, vr->setup.size, vr->setup.packed, base);
		return 0;
	}
	ret = area ? inflight_attach(&vr->log, area, vr->setup.size, vr->setup.packed) : -EINVAL;
	if (ret == -EINVAL)
		vring_break(vr, "the log of requests in flight is not one of this ring");
	return ret ? ret : vr->ops->resume(vr) ? -EINVAL : 0;
}

int vring_start(struct vring *vr, const struct vring_setup *setup, struct iova_map *map, void *area,
		bool resume, uint16_t base)
{
	int ret;

	memset(vr, 0, sizeof(*vr));
	vr->setup = *setup;
	vr->ops = setup->packed ? &vring_packed_ops : &vring_split_ops;
	if (!setup->size || setup->size > VRING_SIZE_MAX ||
	    (!setup->packed && (setup->size & (setup->size - 1)))) {
		vring_break(vr, "a ring can't have %u descriptors", setup->size);
		ret = -EINVAL;
		goto stop;
	}
	ret = allocate(vr);
	if (ret)
		goto stop;
	ret = locate(vr, map) ? -EINVAL : begin(vr, area, resume, base);
	if (ret)
		goto stop;
	vr->map = iova_map_ref(map);
	return 0;
stop:
	vring_stop(vr);
	return ret;
}

void vring_stop(struct vring *vr)
{
	free(vr->memory);
	vr->memory = NULL;
	iova_map_unref(vr->map);
	vr->map = NULL;
	vr->log = (struct inflight){ 0 };
	vr->ops = NULL;
}

int vring_set_map(struct vring *vr, struct iova_map *map)
{
	struct iova_map *old = vr->map;

	if (!vr->ops)
		return -EINVAL;
	vr->map = iova_map_ref(map);
	iova_map_unref(old);
	if (locate(vr, map)) {
		vring_break(vr, "the ring is no longer mapped");
		return -EINVAL;
	}
	return 0;
}

/* ---- requests ---- */

static int copy_table(struct vring *vr, unsigned id, const struct inflight_desc *d)
{
	uint8_t *to = (uint8_t *)vr->table;

	for (uint64_t at = 0, got; at < d->len; at += got) {
		void *va = iova_translate(vr->map, d->addr + at, d->len - at, IOVA_READ, &got);

		if (!va || guard_copy(to + at, va, got))
			return vring_break(vr, "the indirect table of request %u can't be read",
					   id);
	}
	for (unsigned i = 0; i < d->len / sizeof(*vr->table); i++) {
		struct inflight_desc *t = &vr->table[i];
		/* In place of the last two, packed rings have the id, which means nothing here, and the flags. */
		uint16_t third = le16toh(t->flags), fourth = le16toh(t->next);

		t->addr = le64toh(t->addr);
		t->len = le32toh(t->len);
		t->flags = vr->setup.packed ? fourth : third;
		t->next = fourth;
	}
	return 0;
}

static int check_table(struct vring *vr, unsigned id, unsigned at, const struct inflight_desc *d)
{
	if (!vr->setup.indirect)
		return vring_break(vr, "request %u has an indirect table, which was not negotiated",
				   id);
	if (d->flags & DESC_NEXT)
		return vring_break(vr, "request %u goes on after an indirect table", id);
	if (!d->len || d->len % sizeof(*vr->table))
		return vring_break(vr, "the indirect table of request %u has %u octets", id,
				   d->len);
	if (at + d->len / sizeof(*vr->table) > table_max(vr))
		return vring_break(
			vr, "the indirect table of request %u has %zu descriptors, expected at most %u",
			id, d->len / sizeof(*vr->table), table_max(vr) - at);
	if (d->addr + (d->len - 1) < d->addr)
		return vring_break(
			vr, "the indirect table of request %u wraps around the address space", id);
	return 0;
}

int vring_indirect(struct vring *vr, unsigned id, unsigned at, bool linked)
{
	const struct inflight_desc d = vr->chain[at];
	unsigned entries = d.len / sizeof(*vr->table), i = 0, n = 0;

	if (check_table(vr, id, at, &d) || copy_table(vr, id, &d))
		return -1;
	for (;;) {
		const struct inflight_desc *t = &vr->table[i];

		if (t->flags & DESC_INDIRECT)
			return vring_break(
				vr,
				"descriptor %u of the indirect table of request %u is indirect itself",
				i, id);
		if (n == entries)
			return vring_break(
				vr, "the list in the indirect table of request %u is a loop", id);
		vr->chain[at + n++] = *t;
		if (linked ? !(t->flags & DESC_NEXT) : n == entries)
			return (int)(at + n);
		if (linked && t->next >= entries)
			return vring_break(
				vr,
				"descriptor %u of the indirect table of request %u names %u as its next, the table has %u",
				i, id, t->next, entries);
		i = linked ? t->next : i + 1;
	}
}

static int add_piece(struct vring *vr, struct vchain *chain, unsigned at, void *base, uint64_t len)
{
	if (at == chain->iov_cap) {
		unsigned cap = at ? 2 * at : 16;
		struct iovec *iov;

		if (cap > PIECES_MAX)
			return vring_break(vr, "a request has more than %u pieces", PIECES_MAX);
		iov = realloc(chain->iov, cap * sizeof(*iov));
		if (!iov)
			return vring_break(vr, "no memory for a request of %u pieces", cap);
		chain->iov = iov;
		chain->iov_cap = cap;
	}
	chain->iov[at] = (struct iovec){ .iov_base = base, .iov_len = len };
	return 0;
}

static int add_desc(struct vring *vr, struct vchain *chain, const struct inflight_desc *d)
{
	bool write = d->flags & DESC_WRITE;

	for (uint64_t at = 0, got; at < d->len; at += got) {
		void *va = iova_translate(vr->map, d->addr + at, d->len - at,
					  write ? IOVA_WRITE : IOVA_READ, &got);

		if (add_piece(vr, chain, chain->nout + chain->nin, va, got))
			return -1;
		if (write)
			chain->nin++;
		else
			chain->nout++;
	}
	if (write)
		chain->in_len += d->len;
	else
		chain->out_len += d->len;
	return 0;
}

int vring_build(struct vring *vr, struct vchain *chain, uint16_t id, uint16_t ndesc, unsigned n)
{
	bool writing = false;

	chain->id = id;
	chain->ndesc = ndesc;
	chain->nout = chain->nin = 0;
	chain->out_len = chain->in_len = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct inflight_desc *d = &vr->chain[i];

		if (writing && !(d->flags & DESC_WRITE))
			return vring_break(
				vr, "request %u has a readable descriptor after a writable one",
				id);
		writing = d->flags & DESC_WRITE;
		if (d->len && d->addr + (d->len - 1) < d->addr)
			return vring_break(
				vr,
				"request %u has a descriptor that wraps around the address space",
				id);
		if (add_desc(vr, chain, d))
			return -1;
	}
	return 1;
}

int vring_pop(struct vring *vr, struct vchain *chain)
{
	return sound(vr) ? vr->ops->pop(vr, chain) : -1;
}

int vring_pop_resumed(struct vring *vr, struct vchain *chain)
{
	if (!sound(vr))
		return -1;
	if (vr->resumed_next == vr->resumed_count)
		return 0;
	return vr->ops->pop_resumed(vr, chain, vr->resumed[vr->resumed_next++]);
}

void vring_mark(struct vring *vr, uint16_t id, uint16_t ndesc)
{
	vr->taken[id / 64] |= UINT64_C(1) << id % 64;
	vr->ndesc[id] = ndesc;
	vr->in_flight++;
	if (vr->setup.in_order)
		vr->order[(vr->order_first + vr->order_count++) % vr->setup.size] = id;
}

/* Those that nothing older keeps waiting any more. */
static void push_in_order(struct vring *vr)
{
	while (vr->order_count) {
		struct vring_done *d = &vr->early[vr->order[vr->order_first]];

		if (!d->ndesc)
			break;
		vr->done[vr->pushed++] = *d;
		d->ndesc = 0;
		vr->order_first = (vr->order_first + 1) % vr->setup.size;
		vr->order_count--;
	}
}

/* A pushed request stays in flight until it is published: its id is not free before. */
void vring_push(struct vring *vr, uint16_t id, uint32_t written)
{
	struct vring_done *d;

	if (!sound(vr) || id >= vr->setup.size || !vr->ndesc[id])
		return;
	d = vr->setup.in_order ? &vr->early[id] : &vr->done[vr->pushed++];
	*d = (struct vring_done){ .written = written, .id = id, .ndesc = vr->ndesc[id] };
	vr->ndesc[id] = 0;
	if (vr->setup.in_order)
		push_in_order(vr);
}

static bool publish(struct vring *vr)
{
	struct guard g;

	if (guard_enter(&g)) {
		vring_gone(vr);
		return false;
	}
	vr->ops->publish(vr);
	guard_leave(&g);
	return true;
}

unsigned vring_publish(struct vring *vr)
{
	unsigned n = vr->pushed;

	if (!sound(vr) || !n)
		return 0;
	if (!publish(vr))
		n = 0;
	for (unsigned i = 0; i < vr->pushed; i++) {
		uint16_t id = vr->done[i].id;

		vr->taken[id / 64] &= ~(UINT64_C(1) << id % 64);
	}
	vr->in_flight -= vr->pushed;
	vr->pushed = 0;
	return n;
}

bool vring_wants_interrupt(struct vring *vr)
{
	struct guard g;
	bool wants;

	if (!sound(vr))
		return false;
	ring_barrier();
	if (guard_enter(&g)) {
		vring_gone(vr);
		return false;
	}
	wants = vr->ops->wants_interrupt(vr);
	guard_leave(&g);
	return wants;
}

/* ---- the log ---- */

void vring_log_begin(struct vring *vr, uint16_t after)
{
	if (!vr->log.area)
		return;
	for (unsigned i = 0; i < vr->pushed; i++)
		inflight_batch_add(&vr->log, vr->done[i].id);
	inflight_publish_begin(&vr->log, after);
}

void vring_log_end(struct vring *vr)
{
	if (vr->log.area)
		inflight_publish_end(&vr->log);
}

int vring_settle(struct vring *vr, bool published, unsigned *descs)
{
	struct inflight *log = &vr->log;

	if (published) {
		inflight_publish_end(log);
	} else if (log->area->publishing) {
		for (unsigned i = 0; i < log->area->batch_count; i++)
			if (!log->slot[log->batch[i]].taken)
				return vring_break(
					vr, "request %u was completed, and the ring denies it",
					log->batch[i]);
		inflight_publish_drop(log);
	}
	vr->resumed_count = inflight_list(log, vr->resumed);
	*descs = 0;
	for (unsigned i = 0; i < vr->resumed_count; i++) {
		uint16_t id = vr->resumed[i];

		vring_mark(vr, id, log->slot[id].ndesc);
		*descs += log->slot[id].ndesc;
	}
	return 0;
}

/* ---- notifications ---- */

bool vring_notify_on(struct vring *vr)
{
	return sound(vr) && vr->ops->notify(vr, true);
}

void vring_notify_off(struct vring *vr)
{
	if (sound(vr))
		vr->ops->notify(vr, false);
}

bool vring_has_work(struct vring *vr)
{
	return sound(vr) && vr->ops->has_work(vr);
}

void vring_state(const struct vring *vr, uint16_t *avail, uint16_t *used)
{
	*avail = *used = 0;
	if (vr->ops)
		vr->ops->state(vr, avail, used);
}
