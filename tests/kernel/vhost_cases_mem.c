// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory that is not there, not all there, not for that, or vanishes. */
#include <err.h>
#include <string.h>
#include <unistd.h>

#include "vhost_hostile.h"

#define UNMAPPED UINT64_C(0x40000000000)
#define TABLE_LEN 48
#define HEADER_LEN 16

/* Pieces of the ordinary requests. */
enum { HEADER, DATA, STATUS };

static struct piece *piece(struct hostile *h, unsigned i)
{
	return &h->r.piece[i];
}

static void header_unmapped(struct hostile *h)
{
	piece(h, HEADER)->addr = UNMAPPED;
	hostile_add(h);
}

static void status_unmapped(struct hostile *h)
{
	piece(h, STATUS)->addr = UNMAPPED;
	hostile_add(h);
}

static void data_unmapped(struct hostile *h)
{
	piece(h, DATA)->addr = UNMAPPED;
	hostile_add(h);
}

static void out_unmapped(struct hostile *h)
{
	hostile_out(h);
	data_unmapped(h);
}

static void data_wraps(struct hostile *h)
{
	piece(h, DATA)->addr = UINT64_MAX - 100;
	hostile_add(h);
}

static void header_wraps(struct hostile *h)
{
	piece(h, HEADER)->addr = UINT64_MAX - 4;
	hostile_add(h);
}

/* ---- more than one region ---- */

static void data_ends_unmapped(struct hostile *h)
{
	extra_map(h, MEM_RW, 0);
	piece(h, DATA)->addr = IOVA_EXTRA + SECTOR;
	hostile_add(h);
}

static void out_ends_unmapped(struct hostile *h)
{
	hostile_out(h);
	data_ends_unmapped(h);
}

static void data_begins_unmapped(struct hostile *h)
{
	extra_map(h, 0, MEM_RW);
	piece(h, DATA)->addr = IOVA_EXTRA + SECTOR;
	hostile_add(h);
}

static void data_in_two(struct hostile *h)
{
	extra_map(h, MEM_RW, MEM_RW);
	piece(h, DATA)->addr = IOVA_EXTRA + 1000;
	hostile_add(h);
}

static void header_in_two(struct hostile *h)
{
	extra_map(h, MEM_RO, MEM_RO);
	piece(h, HEADER)->addr = IOVA_EXTRA + EXTRA_LEN - 5;
	/* A request of type 0 for sector 0: all zero. */
	hostile_add(h);
}

static void add_table_at(struct hostile *h, uint64_t iova)
{
	hostile_add_table(h);
	memcpy(h->ring->memory + RING_DESC + 16 * h->ring->last[0], &iova, sizeof(iova));
}

static void table_in_two(struct hostile *h)
{
	extra_map(h, MEM_RO, MEM_RO);
	add_table_at(h, IOVA_EXTRA + EXTRA_LEN - 24);
	memcpy(h->extra[0].va + EXTRA_LEN - 24, h->slot.va, 24);
	memcpy(h->extra[1].va, h->slot.va + 24, TABLE_LEN - 24);
}

static void table_ends_unmapped(struct hostile *h)
{
	extra_map(h, MEM_RO, 0);
	add_table_at(h, IOVA_EXTRA + EXTRA_LEN - 24);
	memcpy(h->extra[0].va + EXTRA_LEN - 24, h->slot.va, 24);
}

/* ---- permissions ---- */

static void data_read_only(struct hostile *h)
{
	extra_map(h, MEM_RO, 0);
	piece(h, DATA)->addr = IOVA_EXTRA;
	hostile_add(h);
}

static void status_read_only(struct hostile *h)
{
	extra_map(h, MEM_RO, 0);
	piece(h, STATUS)->addr = IOVA_EXTRA;
	hostile_add(h);
}

static void data_write_only(struct hostile *h)
{
	hostile_out(h);
	extra_map(h, MEM_WO, 0);
	piece(h, DATA)->addr = IOVA_EXTRA;
	hostile_add(h);
}

static void header_write_only(struct hostile *h)
{
	extra_map(h, MEM_WO, 0);
	piece(h, HEADER)->addr = IOVA_EXTRA;
	hostile_add(h);
}

/* ---- files that are cut short ---- */

static void cut_short(const struct vdpa_mem *m)
{
	if (ftruncate(m->fd, 0))
		err(1, "ftruncate");
}

static void piece_cut(struct hostile *h, unsigned which)
{
	extra_map(h, MEM_RW, 0);
	piece(h, which)->addr = IOVA_EXTRA;
	hostile_add(h);
	cut_short(&h->extra[0]);
}

static void header_cut(struct hostile *h)
{
	piece_cut(h, HEADER);
}

static void data_cut(struct hostile *h)
{
	piece_cut(h, DATA);
}

static void out_cut(struct hostile *h)
{
	hostile_out(h);
	piece_cut(h, DATA);
}

static void status_cut(struct hostile *h)
{
	piece_cut(h, STATUS);
}

static void table_cut(struct hostile *h)
{
	extra_map(h, MEM_RO, 0);
	add_table_at(h, IOVA_EXTRA);
	cut_short(&h->extra[0]);
}

static void ring_cut(struct hostile *h)
{
	hostile_add(h);
	ring_publish(h->ring);
	cut_short(&h->d.rings);
	h->blind = true;
}

/* Its memory is there when the device looks at it first, and then is not. */
static void ring_cut_later(struct hostile *h)
{
	if (!hostile_ordinary(&h->d, 0, 5000))
		errx(1, "an ordinary request does not work");
	ring_cut(h);
}

static void ring_cut_before(struct hostile *h)
{
	cut_short(&h->d.rings);
	h->blind = true;
}

static void nothing(struct hostile *h)
{
	(void)h;
}

/* ---- changes of the map ---- */

static void ring_unmapped(struct hostile *h)
{
	vdpa_unmap(&h->d.dev, &h->d.rings);
	h->blind = true;
	hostile_add(h);
}

static void mapped_again(struct hostile *h)
{
	vdpa_unmap(&h->d.dev, &h->d.slots);
	vdpa_map(&h->d.dev, &h->d.slots, MEM_RW);
	hostile_add(h);
}

static void add_many(struct hostile *h, uint32_t type)
{
	static struct request r[64];

	for (unsigned i = 0; i < sizeof(r) / sizeof(*r); i++) {
		struct slot s = disk_slot(&h->d, i);

		request_make(&r[i], &s, type, i * 8, 4096);
		if (!ring_add(h->ring, r[i].piece, r[i].n, NULL, 0, &r[i]))
			break;
	}
	ring_publish(h->ring);
	ring_kick_always(h->ring);
}

static void unmapped_in_flight(struct hostile *h)
{
	uint32_t written;

	for (unsigned round = 0; round < 10; round++) {
		add_many(h, round % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN);
		vdpa_unmap(&h->d.dev, &h->d.slots);
		vdpa_map(&h->d.dev, &h->d.slots, MEM_RW);
		/* What was translated between the two breaks the ring. */
		while (ring_wait(h->ring, 50) && ring_get(h->ring, &written))
			;
	}
}

static void cut_in_flight(struct hostile *h)
{
	add_many(h, VIRTIO_BLK_T_IN);
	cut_short(&h->d.slots);
	usleep(50000);
}

/* ---- much of it ---- */

static void add_huge(struct hostile *h, uint16_t flags)
{
	struct piece data = { h->slot.iova + SLOT_DATA, UINT32_MAX, flags }, status = *piece(h, STATUS);

	for (h->r.n = 1; h->r.n < PIECES_MAX - 1;)
		h->r.piece[h->r.n++] = data;
	h->r.piece[h->r.n++] = status;
	hostile_add_table(h);
}

static void huge_in(struct hostile *h)
{
	add_huge(h, VRING_DESC_F_WRITE);
}

static void huge_out(struct hostile *h)
{
	hostile_out(h);
	add_huge(h, 0);
}

#define INDIRECT FEATURE(VIRTIO_RING_F_INDIRECT_DESC)

const struct hostile_case hostile_mem_cases[] = {
	{ "header-unmapped", "16", STOPS, BOTH, NULL, header_unmapped, 0, 0, false },
	{ "status-unmapped", "16", STOPS, BOTH, NULL, status_unmapped, 0, 0, false },
	{ "data-unmapped", "16", IOERR, BOTH, NULL, data_unmapped, 0, 0, false },
	{ "out-unmapped", "16", IOERR, BOTH, NULL, out_unmapped, 0, 0, false },
	{ "data-wraps", "15", STOPS, BOTH, NULL, data_wraps, 0, 0, false },
	{ "header-wraps", "15", STOPS, BOTH, NULL, header_wraps, 0, 0, false },
	{ "data-ends-unmapped", "17", IOERR, BOTH, NULL, data_ends_unmapped, 0, 0, false },
	{ "out-ends-unmapped", "17", IOERR, BOTH, NULL, out_ends_unmapped, 0, 0, false },
	{ "data-begins-unmapped", "17", IOERR, BOTH, NULL, data_begins_unmapped, 0, 0, false },
	{ "data-in-two-regions", "17", SERVED, BOTH, NULL, data_in_two, 0, 0, false },
	{ "header-in-two-regions", "17", SERVED, BOTH, NULL, header_in_two, 0, 0, false },
	{ "table-in-two-regions", "12", SERVED, BOTH, NULL, table_in_two, 0, INDIRECT, false },
	{ "table-ends-unmapped", "12,17", STOPS, BOTH, NULL, table_ends_unmapped, 0, INDIRECT, false },
	{ "data-read-only", "20", IOERR, BOTH, NULL, data_read_only, 0, 0, false },
	{ "status-read-only", "20", STOPS, BOTH, NULL, status_read_only, 0, 0, false },
	{ "data-write-only", "20", IOERR, BOTH, NULL, data_write_only, 0, 0, false },
	{ "header-write-only", "20", STOPS, BOTH, NULL, header_write_only, 0, 0, false },
	{ "header-cut", "18", STOPS, BOTH, NULL, header_cut, 0, 0, false },
	{ "data-cut", "18", IOERR, BOTH, NULL, data_cut, 0, 0, false },
	{ "out-cut", "18", IOERR, BOTH, NULL, out_cut, 0, 0, false },
	{ "status-cut", "18", STOPS, BOTH, NULL, status_cut, 0, 0, false },
	{ "table-cut", "18", STOPS, BOTH, NULL, table_cut, 0, INDIRECT, false },
	{ "ring-cut", "18", ANY, BOTH, NULL, ring_cut, 0, 0, false },
	{ "ring-cut-later", "18", ANY, BOTH, NULL, ring_cut_later, 0, 0, false },
	{ "ring-cut-before", "18", STOPS, BOTH, ring_cut_before, nothing, 0, 0, false },
	{ "ring-unmapped-later", "36", STOPS, BOTH, NULL, ring_unmapped, 0, 0, false },
	{ "mapped-again", "36", SERVED, BOTH, NULL, mapped_again, 0, 0, false },
	{ "unmapped-in-flight", "36", ANY, BOTH, NULL, unmapped_in_flight, 0, 0, false },
	{ "cut-in-flight", "18,36", ANY, BOTH, NULL, cut_in_flight, 0, 0, false },
	{ "huge-in", "21", IOERR, BOTH, NULL, huge_in, 0, INDIRECT, false },
	{ "huge-out", "21", IOERR, BOTH, NULL, huge_out, 0, INDIRECT, false },
	{ 0 },
};
