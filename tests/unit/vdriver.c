/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdriver.h"

#include <stdlib.h>
#include <string.h>

#include "vdused/vring_impl.h"

static uint8_t *desc_at(const struct vdriver *v, unsigned table_at, unsigned i)
{
	return v->arena + table_at + i * sizeof(struct ring_desc);
}

static uint16_t avail_flags(bool wrap)
{
	return wrap ? DESC_AVAIL : DESC_USED;
}

void vdriver_init(struct vdriver *v, uint8_t *arena, unsigned size, unsigned how, uint16_t base)
{
	bool packed = how & VDRIVER_PACKED;

	*v = (struct vdriver){
		.arena = arena,
		.setup = {
			.size = size,
			.desc_addr = VDRIVER_IOVA + ARENA_DESC,
			.driver_addr = VDRIVER_IOVA + ARENA_DRIVER,
			.device_addr = VDRIVER_IOVA + ARENA_DEVICE,
			.packed = packed,
			.event_idx = how & VDRIVER_EVENT_IDX,
			.indirect = how & VDRIVER_INDIRECT,
			.in_order = how & VDRIVER_IN_ORDER,
		},
		.free = size,
		.avail = packed ? base & 0x7fff : base,
		.used = packed ? base & 0x7fff : base,
		.avail_wrap = base >> 15,
		.used_wrap = base >> 15,
	};
	if (!packed) {
		ring_store16(arena + ARENA_DRIVER + 2, base);
		ring_store16(arena + ARENA_DEVICE + 2, base);
	}
	for (unsigned i = 0; packed && i < size; i++) {
		bool wrap = i < v->avail ? v->avail_wrap : !v->avail_wrap;

		/* As a ring that was used up to here: used, by the wrap counter of its last turn. */
		ring_store16(desc_at(v, ARENA_DESC, i) + 14, wrap ? DESC_AVAIL | DESC_USED : 0);
	}
}

struct iova_map *vdriver_map(const struct vdriver *v)
{
	const struct iova_region region[] = {
		{ VDRIVER_IOVA, VDRIVER_IOVA + ARENA_LOG - 1, v->arena, IOVA_READ | IOVA_WRITE,
		  NULL, 0 },
		{ VDRIVER_IOVA + ARENA_TABLES, VDRIVER_IOVA + ARENA_SIZE - 1,
		  v->arena + ARENA_TABLES, IOVA_READ | IOVA_WRITE, NULL, 0 },
	};

	return iova_map_new(region, 2);
}

void vdriver_desc(struct vdriver *v, unsigned table_at, unsigned i, uint64_t addr, uint32_t len,
		  uint16_t flags, uint16_t next)
{
	uint8_t *p = desc_at(v, table_at, i);

	ring_store64(p, addr);
	ring_store32(p + 8, len);
	ring_store16(p + (v->setup.packed ? 14 : 12), flags);
	ring_store16(p + (v->setup.packed ? 12 : 14), next);
}

void vdriver_avail_idx(struct vdriver *v, uint16_t idx)
{
	ring_store16(v->arena + ARENA_DRIVER + 2, idx);
}

void vdriver_avail(struct vdriver *v, uint16_t head)
{
	ring_store16(v->arena + ARENA_DRIVER + 4 + 2 * (v->avail % v->setup.size), head);
	vdriver_avail_idx(v, ++v->avail);
}

static uint64_t piece(uint16_t id, unsigned k)
{
	return VDRIVER_IOVA + ARENA_DATA + id * 8 * VDRIVER_PIECE + k * VDRIVER_PIECE;
}

static void add_table(struct vdriver *v, uint16_t id, unsigned nout, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		uint16_t flags = k < nout ? 0 : DESC_WRITE;

		/* From the back, so that the links matter; the first is at the front all the same. */
		unsigned at = v->setup.packed || !k ? k : n - k;
		unsigned next = k + 1 < n ? n - k - 1 : 0;

		if (!v->setup.packed && k + 1 < n)
			flags |= DESC_NEXT;
		vdriver_desc(v, ARENA_TABLES + id * 8 * 16, at, piece(id, k), VDRIVER_PIECE, flags,
			     v->setup.packed ? 0xdead : (uint16_t)next);
	}
}

static unsigned next_free(struct vdriver *v, unsigned from)
{
	while (v->busy[from % v->setup.size])
		from++;
	return from % v->setup.size;
}

static uint16_t add_split(struct vdriver *v, unsigned nout, unsigned n, bool indirect)
{
	unsigned head = next_free(v, v->avail * 7), at = head;

	if (indirect) {
		add_table(v, (uint16_t)head, nout, n);
		vdriver_desc(v, ARENA_DESC, head, VDRIVER_IOVA + ARENA_TABLES + head * 8 * 16,
			     n * 16, DESC_INDIRECT, 0xffff);
		v->busy[head] = true;
		return (uint16_t)head;
	}
	for (unsigned k = 0; k < n; k++) {
		unsigned next = 0;

		v->busy[at] = true;
		if (k + 1 < n)
			next = next_free(v, at + 3);
		vdriver_desc(v, ARENA_DESC, at, piece((uint16_t)head, k), VDRIVER_PIECE,
			     (uint16_t)((k < nout ? 0 : DESC_WRITE) | (k + 1 < n ? DESC_NEXT : 0)),
			     (uint16_t)next);
		at = next;
	}
	return (uint16_t)head;
}

static void step(const struct vdriver *v, uint16_t *pos, bool *wrap, unsigned n)
{
	*pos += n;
	if (*pos >= v->setup.size) {
		*pos -= v->setup.size;
		*wrap = !*wrap;
	}
}

static uint16_t add_packed(struct vdriver *v, unsigned nout, unsigned n, bool indirect)
{
	uint16_t id = 0, first = v->avail, first_flags = 0;
	unsigned ndesc = indirect ? 1 : n;

	/* Ids that are not the position. */
	id = (uint16_t)(v->avail * 5 % v->setup.size);
	while (v->token[id])
		id = (uint16_t)((id + 1) % v->setup.size);
	if (indirect)
		add_table(v, id, nout, n);
	for (unsigned k = 0; k < ndesc; k++) {
		uint64_t addr = indirect ? VDRIVER_IOVA + ARENA_TABLES + id * 8 * 16 : piece(id, k);
		unsigned flags = avail_flags(v->avail_wrap) | (k + 1 < ndesc ? DESC_NEXT : 0);

		flags |= indirect ? DESC_INDIRECT : k < nout ? 0 : DESC_WRITE;
		if (!k)
			first_flags = (uint16_t)flags;
		/* Only the last has the id. */
		vdriver_desc(v, ARENA_DESC, v->avail, addr, indirect ? n * 16 : VDRIVER_PIECE,
			     (uint16_t)(k ? flags :
					    ring_load16(desc_at(v, ARENA_DESC, first) + 14)),
			     k + 1 < ndesc ? 0xbeef : id);
		step(v, &v->avail, &v->avail_wrap, 1);
	}
	ring_store16(desc_at(v, ARENA_DESC, first) + 14, first_flags);
	return id;
}

bool vdriver_add(struct vdriver *v, uint32_t token, unsigned nout, unsigned nin, bool indirect)
{
	unsigned n = nout + nin, ndesc = indirect ? 1 : n;
	uint16_t id;

	if (n > 8 || !n)
		abort();
	if (v->free < ndesc)
		return false;
	id = v->setup.packed ? add_packed(v, nout, n, indirect) : add_split(v, nout, n, indirect);
	v->free -= ndesc;
	v->ndesc[id] = (uint16_t)ndesc;
	v->token[id] = token;
	memcpy(v->arena + (piece(id, 0) - VDRIVER_IOVA), &token, sizeof(token));
	if (!v->setup.packed)
		vdriver_avail(v, id);
	return true;
}

static void free_split(struct vdriver *v, unsigned at)
{
	for (;;) {
		const uint8_t *p = desc_at(v, ARENA_DESC, at);

		v->busy[at] = false;
		if (!(ring_load16(p + 12) & DESC_NEXT))
			return;
		at = ring_load16(p + 14);
	}
}

static bool get_split(struct vdriver *v, uint32_t *id, uint32_t *written)
{
	const uint8_t *used = v->arena + ARENA_DEVICE;
	const uint8_t *elem = used + 4 + 8 * (v->used % v->setup.size);

	if (ring_load16(used + 2) == v->used)
		return false;
	*id = ring_load32(elem);
	*written = ring_load32(elem + 4);
	v->used++;
	return true;
}

static bool get_packed(struct vdriver *v, uint32_t *id, uint32_t *written)
{
	const uint8_t *p = desc_at(v, ARENA_DESC, v->used);
	uint16_t flags = ring_load16(p + 14);

	if (!!(flags & DESC_AVAIL) != v->used_wrap || !!(flags & DESC_USED) != v->used_wrap)
		return false;
	*id = ring_load16(p + 12);
	*written = flags & DESC_WRITE ? ring_load32(p + 8) : 0;
	if (*id < v->setup.size)
		step(v, &v->used, &v->used_wrap, v->ndesc[*id]);
	return true;
}

uint32_t vdriver_get(struct vdriver *v, uint32_t *written)
{
	uint32_t id = 0, len = 0, token;

	if (!(v->setup.packed ? get_packed(v, &id, &len) : get_split(v, &id, &len)))
		return 0;
	if (id >= v->setup.size || !v->token[id])
		abort();
	if (!v->setup.packed)
		free_split(v, id);
	v->free += v->ndesc[id];
	token = v->token[id];
	for (unsigned i = 0; v->setup.in_order && i < v->setup.size; i++)
		if (v->token[i] && v->token[i] < token)
			abort();
	v->token[id] = 0;
	if (written)
		*written = len;
	return token;
}

bool vdriver_kicks(const struct vdriver *v, uint16_t old)
{
	const uint8_t *device = v->arena + ARENA_DEVICE;
	uint16_t event, new = v->avail;
	uint32_t area;

	if (!v->setup.packed) {
		if (!v->setup.event_idx)
			return !(ring_load16(device) & 1);
		event = ring_load16(device + 4 + 8 * v->setup.size);
		return ring_need_event(event, new, old);
	}
	area = ring_load32(device);
	if (area >> 16 != 2)
		return area >> 16 == 0;
	event = area & 0x7fff;
	if ((area >> 15 & 1) != v->avail_wrap)
		event -= v->setup.size;
	if (old > new)
		old -= v->setup.size;
	return ring_need_event(event, new, old);
}

void vdriver_interrupts(struct vdriver *v, bool on)
{
	if (v->setup.packed)
		ring_store32(v->arena + ARENA_DRIVER, on ? 0 : 1 << 16);
	else
		ring_store16(v->arena + ARENA_DRIVER, on ? 0 : 1);
}

void vdriver_interrupt_after(struct vdriver *v, unsigned n)
{
	uint16_t at = v->used;
	bool wrap = v->used_wrap;

	if (!v->setup.packed) {
		ring_store16(v->arena + ARENA_DRIVER + 4 + 2 * v->setup.size, (uint16_t)(at + n));
		return;
	}
	step(v, &at, &wrap, n);
	ring_store32(v->arena + ARENA_DRIVER, at | (wrap ? 0x8000u : 0) | 2 << 16);
}
