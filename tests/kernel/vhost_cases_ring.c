// SPDX-License-Identifier: GPL-2.0-or-later
/* Rings and lists of descriptors that are wrong. */
#include <string.h>

#include "vhost_hostile.h"

#define DESC_LEN 16
#define AVAIL (1U << VRING_PACKED_DESC_F_AVAIL)

/* One descriptor that is the whole request. */
static void add_one(struct hostile *h, uint64_t addr, uint32_t len, uint16_t flags)
{
	h->r.piece[0] = (struct piece){ addr, len, flags };
	h->r.n = 1;
	hostile_add(h);
}

static void set_len(struct hostile *h, uint32_t len)
{
	memcpy(h->ring->memory + RING_DESC + h->ring->last[0] * DESC_LEN + 8, &len, sizeof(len));
}

/* ---- the ring ---- */

static void avail_ahead(struct hostile *h)
{
	hostile_add(h);
	h->ring->avail = (uint16_t)(h->ring->avail + h->ring->size);
}

static void head_outside(struct hostile *h)
{
	hostile_add(h);
	if (h->ring->packed)
		ring_set_next(h->ring, h->ring->last_count - 1, (uint16_t)h->ring->size);
	else
		poke16(h->ring->memory + RING_DRIVER + 4, (uint16_t)h->ring->size);
}

static void next_outside(struct hostile *h)
{
	hostile_add(h);
	ring_set_next(h->ring, 0, (uint16_t)h->ring->size);
}

static void chain_loop(struct hostile *h)
{
	hostile_add(h);
	ring_set_next(h->ring, 1, h->ring->last[0]);
}

static void chain_of_itself(struct hostile *h)
{
	hostile_add(h);
	ring_set_next(h->ring, 0, h->ring->last[0]);
}

static void head_twice(struct hostile *h)
{
	uint16_t id;

	hostile_add(h);
	id = h->ring->last_id;
	hostile_add(h);
	if (h->ring->packed)
		for (unsigned i = 0; i < h->ring->last_count; i++)
			ring_set_next(h->ring, i, id);
	else
		poke16(h->ring->memory + RING_DRIVER + 6, id);
}

static void chain_too_long(struct hostile *h)
{
	struct piece p[RING_MAX];

	for (unsigned i = 0; i < h->ring->size; i++)
		p[i] = h->r.piece[0];
	ring_add(h->ring, p, h->ring->size, NULL, 0, &h->r);
	ring_set_flags(h->ring, h->ring->size - 1, VRING_DESC_F_NEXT, 0);
}

static void chain_torn(struct hostile *h)
{
	hostile_add(h);
	ring_set_flags(h->ring, 1, 0, AVAIL);
}

static void wrap_wrong(struct hostile *h)
{
	hostile_add(h);
	ring_set_flags(h->ring, 0, 1U << VRING_PACKED_DESC_F_USED, AVAIL);
}

/* ---- indirect tables ---- */

static void indirect_loop(struct hostile *h)
{
	hostile_add_table(h);
	ring_write_desc(h->ring, h->slot.va, 1, &(struct piece){ h->r.piece[1].addr, 16, VRING_DESC_F_NEXT }, 0);
}

static void indirect_next_outside(struct hostile *h)
{
	hostile_add_table(h);
	ring_write_desc(h->ring, h->slot.va, 1, &(struct piece){ h->r.piece[1].addr, 16, VRING_DESC_F_NEXT }, 3);
}

static void indirect_empty(struct hostile *h)
{
	hostile_add_table(h);
	set_len(h, 0);
}

static void indirect_odd(struct hostile *h)
{
	hostile_add_table(h);
	set_len(h, 3 * DESC_LEN + 8);
}

static void indirect_of(struct hostile *h, unsigned n)
{
	static struct piece p[RING_MAX + 1];
	struct piece data = { h->slot.iova + SLOT_DATA, SECTOR, 0 };

	hostile_make(h, VIRTIO_BLK_T_OUT, 8, SECTOR);
	for (unsigned i = 1; i < n - 1; i++)
		p[i] = data;
	p[0] = h->r.piece[0];
	p[n - 1] = h->r.piece[h->r.n - 1];
	ring_add(h->ring, p, n, h->slot.va, h->slot.iova, &h->r);
}

static void indirect_too_long(struct hostile *h)
{
	indirect_of(h, h->ring->size + 1);
}

static void indirect_full(struct hostile *h)
{
	indirect_of(h, h->ring->size);
}

static void indirect_huge(struct hostile *h)
{
	hostile_add_table(h);
	set_len(h, UINT32_MAX & ~15U);
}

static void indirect_nested(struct hostile *h)
{
	h->r.piece[1] = (struct piece){ h->slot.iova, 3 * DESC_LEN, VRING_DESC_F_INDIRECT };
	hostile_add_table(h);
}

/* A table in the slot of the pieces from `from` on, which a descriptor in their place then names. */
static void fold(struct hostile *h, unsigned from)
{
	unsigned n = h->r.n - from;

	for (unsigned i = 0; i < n; i++) {
		struct piece p = h->r.piece[from + i];

		if (!h->ring->packed && i + 1 < n)
			p.flags |= VRING_DESC_F_NEXT;
		ring_write_desc(h->ring, h->slot.va, i, &p, (uint16_t)(i + 1));
	}
	h->r.piece[from] = (struct piece){ h->slot.iova, n * DESC_LEN, VRING_DESC_F_INDIRECT };
	h->r.n = from + 1;
}

static void indirect_goes_on(struct hostile *h)
{
	struct piece status = h->r.piece[h->r.n - 1];

	fold(h, 0);
	h->r.piece[h->r.n++] = status;
	hostile_add(h);
}

static void indirect_last(struct hostile *h)
{
	fold(h, 1);
	hostile_add(h);
}

static void indirect_unmapped(struct hostile *h)
{
	add_one(h, 4096, 3 * DESC_LEN, VRING_DESC_F_INDIRECT);
}

static void indirect_wraps(struct hostile *h)
{
	add_one(h, UINT64_MAX - 15, 3 * DESC_LEN, VRING_DESC_F_INDIRECT);
}

/* ---- where the ring is ---- */

static void desc_unaligned(struct hostile *h)
{
	h->d.addr[0].desc += 8;
}

static void event_unaligned(struct hostile *h)
{
	h->d.addr[0].driver += 2;
}

static void parts_overlap(struct hostile *h)
{
	h->d.addr[0].device = h->d.addr[0].desc + 32;
}

static void end_outside(struct hostile *h)
{
	h->d.addr[0].desc = IOVA_RINGS + h->d.rings.len - 16;
}

static void used_end_outside(struct hostile *h)
{
	h->d.addr[0].device = IOVA_RINGS + h->d.rings.len - (h->ring->packed ? 0 : 4);
}

static void ring_nowhere(struct hostile *h)
{
	h->d.addr[0].desc = 4096;
}

static void ring_wraps(struct hostile *h)
{
	h->d.addr[0].desc = UINT64_MAX - 15;
}

static void ring_read_only(struct hostile *h)
{
	vdpa_unmap(&h->d.dev, &h->d.rings);
	vdpa_map(&h->d.dev, &h->d.rings, MEM_RO);
	h->blind = true;
}

static void size_zero(struct hostile *h)
{
	h->d.num[0] = 0;
}

static void size_too_big(struct hostile *h)
{
	h->d.num[0] = 2 * h->d.dev.queue_size;
}

static void size_odd(struct hostile *h)
{
	h->d.num[0] = 100;
}

static void base_outside(struct hostile *h)
{
	h->ring->avail = (uint16_t)h->ring->size;
}

static void base_high(struct hostile *h)
{
	uint16_t base = h->ring->packed ? 5 : 0xfffe;

	h->ring->avail = h->ring->used = base;
	if (h->ring->packed)
		return;
	poke16(h->ring->memory + RING_DRIVER + 2, base);
	poke16(h->ring->memory + RING_DEVICE + 2, base);
}

static void base_back(struct hostile *h)
{
	h->ring->avail = 0;
	hostile_add(h);
}

#define INDIRECT FEATURE(VIRTIO_RING_F_INDIRECT_DESC)

const struct hostile_case hostile_ring_cases[] = {
	{ "avail-ahead", "1,23", STOPS, SPLIT, NULL, avail_ahead, 0, 0, false },
	{ "head-outside", "2,46", STOPS, BOTH, NULL, head_outside, 0, 0, false },
	{ "next-outside", "3", STOPS, SPLIT, NULL, next_outside, 0, 0, false },
	{ "chain-loop", "4", STOPS, SPLIT, NULL, chain_loop, 0, 0, false },
	{ "chain-of-itself", "4", STOPS, SPLIT, NULL, chain_of_itself, 0, 0, false },
	{ "head-twice", "22,23", STOPS, BOTH, NULL, head_twice, 0, 0, false },
	{ "chain-too-long", "46", STOPS, PACKED, NULL, chain_too_long, 0, 0, false },
	{ "chain-torn", "46", STOPS, PACKED, NULL, chain_torn, 0, 0, false },
	{ "wrap-wrong", "46", STOPS, PACKED, NULL, wrap_wrong, 0, 0, false },
	{ "indirect-loop", "5", STOPS, SPLIT, NULL, indirect_loop, 0, INDIRECT, false },
	{ "indirect-next-outside", "3,5", STOPS, SPLIT, NULL, indirect_next_outside, 0, INDIRECT, false },
	{ "indirect-empty", "6", STOPS, BOTH, NULL, indirect_empty, 0, INDIRECT, false },
	{ "indirect-odd", "7", STOPS, BOTH, NULL, indirect_odd, 0, INDIRECT, false },
	{ "indirect-too-long", "8", STOPS, BOTH, NULL, indirect_too_long, 0, INDIRECT, false },
	{ "indirect-huge", "8", STOPS, BOTH, NULL, indirect_huge, 0, INDIRECT, false },
	{ "indirect-full", "8", SERVED, BOTH, NULL, indirect_full, 0, INDIRECT, false },
	{ "indirect-nested", "9", STOPS, BOTH, NULL, indirect_nested, 0, INDIRECT, false },
	{ "indirect-goes-on", "10", STOPS, BOTH, NULL, indirect_goes_on, 0, INDIRECT, false },
	{ "indirect-last", "10", SERVED, SPLIT, NULL, indirect_last, 0, INDIRECT, false },
	{ "indirect-in-list", "10", STOPS, PACKED, NULL, indirect_last, 0, INDIRECT, false },
	{ "indirect-not-negotiated", "11", STOPS, BOTH, NULL, hostile_add_table, INDIRECT, 0, false },
	{ "indirect-unmapped", "16", STOPS, BOTH, NULL, indirect_unmapped, 0, INDIRECT, false },
	{ "indirect-wraps", "15", STOPS, BOTH, NULL, indirect_wraps, 0, INDIRECT, false },
	{ "ring-unaligned", "24", STOPS, BOTH, desc_unaligned, NULL, 0, 0, true },
	{ "ring-event-unaligned", "24", STOPS, PACKED, event_unaligned, NULL, 0, 0, true },
	{ "ring-overlaps", "24", STOPS, BOTH, parts_overlap, NULL, 0, 0, true },
	{ "ring-end-outside", "24", STOPS, BOTH, end_outside, NULL, 0, 0, true },
	{ "ring-used-end-outside", "24", STOPS, BOTH, used_end_outside, NULL, 0, 0, true },
	{ "ring-nowhere", "24", STOPS, BOTH, ring_nowhere, NULL, 0, 0, true },
	{ "ring-wraps", "24", STOPS, BOTH, ring_wraps, NULL, 0, 0, true },
	{ "ring-read-only", "20,24", STOPS, BOTH, ring_read_only, NULL, 0, 0, false },
	{ "size-zero", "25", STOPS, BOTH, size_zero, NULL, 0, 0, true },
	{ "size-too-big", "25", STOPS, BOTH, size_too_big, NULL, 0, 0, true },
	{ "size-odd", "25", STOPS, SPLIT, size_odd, NULL, 0, 0, true },
	{ "base-outside", "25,46", STOPS, PACKED, base_outside, base_back, 0, 0, false },
	{ "base-high", "25", SERVED, BOTH, base_high, NULL, 0, 0, false },
	{ 0 },
};
