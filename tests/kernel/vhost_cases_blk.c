// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests that no disk can serve, and odd ones that it has to. */
#include <endian.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include "vhost_hostile.h"

#define SCSI_CMD 2
#define SECURE_ERASE 14
#define ZONE_REPORT 16
#define UNMAP VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP

enum { HEADER, DATA, STATUS };

/* ---- the parts of a request ---- */

static void header_short(struct hostile *h)
{
	h->r.piece[HEADER].len = 8;
	hostile_add(h);
}

static void header_missing(struct hostile *h)
{
	memmove(h->r.piece, h->r.piece + 1, 2 * sizeof(*h->r.piece));
	h->r.n = 2;
	hostile_add(h);
}

static void header_in_octets(struct hostile *h)
{
	struct piece header = h->r.piece[HEADER], rest[2] = { h->r.piece[DATA], h->r.piece[STATUS] };

	for (h->r.n = 0; h->r.n < 16; h->r.n++)
		h->r.piece[h->r.n] = (struct piece){ header.addr + h->r.n, 1, 0 };
	h->r.piece[h->r.n++] = rest[0];
	h->r.piece[h->r.n++] = rest[1];
	hostile_add(h);
}

static void status_missing(struct hostile *h)
{
	hostile_out(h);
	h->r.n = 2;
	hostile_add(h);
}

static void status_empty(struct hostile *h)
{
	hostile_out(h);
	h->r.piece[STATUS].len = 0;
	hostile_add(h);
}

static void status_with_data(struct hostile *h)
{
	h->r.piece[DATA].len++;
	h->r.n = 2;
	hostile_add(h);
}

static void empty_behind(struct hostile *h)
{
	h->r.piece[h->r.n++] = (struct piece){ h->slot.iova, 0, VRING_DESC_F_WRITE };
	hostile_add(h);
}

static void empty_between(struct hostile *h)
{
	struct piece data = h->r.piece[DATA], status = h->r.piece[STATUS];

	h->r.piece[1] = (struct piece){ h->slot.iova, 0, 0 };
	h->r.piece[2] = data;
	h->r.piece[3] = (struct piece){ h->slot.iova, 0, VRING_DESC_F_WRITE };
	h->r.piece[4] = status;
	h->r.n = 5;
	hostile_add(h);
}

static void all_empty(struct hostile *h)
{
	for (unsigned i = 0; i < h->r.n; i++)
		h->r.piece[i].len = 0;
	hostile_add(h);
}

static void readable_late(struct hostile *h)
{
	struct piece status = h->r.piece[STATUS];

	hostile_out(h);
	h->r.piece[STATUS] = h->r.piece[DATA];
	h->r.piece[DATA] = status;
	hostile_add(h);
}

static void in_with_out_data(struct hostile *h)
{
	h->r.piece[3] = h->r.piece[STATUS];
	h->r.piece[2] = h->r.piece[DATA];
	h->r.piece[1] = (struct piece){ h->slot.iova, 700, 0 };
	h->r.n = 4;
	hostile_add(h);
}

static void out_with_in_data(struct hostile *h)
{
	hostile_out(h);
	h->r.piece[3] = h->r.piece[STATUS];
	h->r.piece[2] = (struct piece){ h->slot.iova, 700, VRING_DESC_F_WRITE };
	h->r.n = 4;
	hostile_add(h);
}

/* ---- transfers ---- */

static void in_odd(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_IN, 8, 100);
	hostile_add(h);
}

static void out_odd(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_OUT, 8, 511);
	hostile_add(h);
}

static void in_beyond(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_IN, h->d.capacity, 4096);
	hostile_add(h);
}

static void out_over_end(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_OUT, h->d.capacity - h->d.unit, h->d.unit * SECTOR * 2);
	hostile_add(h);
}

static void sector_wraps(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_OUT, UINT64_MAX - 3, 4096);
	hostile_add(h);
}

static void octet_wraps(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_IN, UINT64_C(1) << 55, 4096);
	hostile_add(h);
}

/* ---- types ---- */

static void type_is(struct hostile *h, uint32_t type)
{
	hostile_make(h, type, 8, 4096);
	hostile_add(h);
}

static void type_unknown(struct hostile *h)
{
	type_is(h, 99);
}

static void type_scsi(struct hostile *h)
{
	type_is(h, SCSI_CMD);
}

static void type_secure_erase(struct hostile *h)
{
	type_is(h, SECURE_ERASE);
}

static void type_zones(struct hostile *h)
{
	type_is(h, ZONE_REPORT);
}

static void type_barrier(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_IN, 8, 4096);
	memcpy(slot_data(&h->slot) - 16, &(uint32_t){ htole32(VIRTIO_BLK_T_BARRIER) }, 4);
	hostile_add(h);
}

static void write_read_only(struct hostile *h)
{
	hostile_out(h);
	hostile_add(h);
}

/* ---- ranges ---- */

static void ranges(struct hostile *h, uint32_t type, uint32_t len, uint64_t sector, uint32_t sectors,
		   uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *range = (void *)slot_data(&h->slot);

	for (unsigned i = 0; i * sizeof(*range) < len; i++)
		range[i] = (struct virtio_blk_discard_write_zeroes){ .sector = htole64(sector),
								     .num_sectors = htole32(sectors),
								     .flags = htole32(flags) };
	hostile_make(h, type, 0, len);
	hostile_add(h);
}

#define RANGES(name, type, len, sector, sectors, flags)          \
	static void name(struct hostile *h)                      \
	{                                                        \
		ranges(h, type, len, sector, sectors, flags);    \
	}

RANGES(discard_odd, VIRTIO_BLK_T_DISCARD, 17, 8, 8, 0)
RANGES(discard_empty, VIRTIO_BLK_T_DISCARD, 0, 8, 8, 0)
RANGES(discard_many, VIRTIO_BLK_T_DISCARD, 4096, 8, 8, 0)
RANGES(discard_beyond, VIRTIO_BLK_T_DISCARD, 16, h->d.capacity, 8, 0)
RANGES(discard_wraps, VIRTIO_BLK_T_DISCARD, 16, UINT64_MAX - 3, 8, 0)
RANGES(discard_long, VIRTIO_BLK_T_DISCARD, 16, 0, UINT32_MAX, 0)
RANGES(discard_flags, VIRTIO_BLK_T_DISCARD, 16, 8, 8, 2)
RANGES(discard_unmap, VIRTIO_BLK_T_DISCARD, 16, 8, 8, UNMAP)
RANGES(discard_nothing, VIRTIO_BLK_T_DISCARD, 32, 8, 0, 0)
RANGES(zeroes_odd, VIRTIO_BLK_T_WRITE_ZEROES, 24, 8, 8, 0)
RANGES(zeroes_many, VIRTIO_BLK_T_WRITE_ZEROES, 65536, 8, 8, 0)
RANGES(zeroes_beyond, VIRTIO_BLK_T_WRITE_ZEROES, 16, h->d.capacity - h->d.unit, 2 * h->d.unit, UNMAP)
RANGES(zeroes_long, VIRTIO_BLK_T_WRITE_ZEROES, 16, 0, UINT32_MAX, 0)
RANGES(zeroes_flags, VIRTIO_BLK_T_WRITE_ZEROES, 16, 8, 8, 0x80000000)

#define CAN_DISCARD FEATURE(VIRTIO_BLK_F_DISCARD)
#define CAN_ZERO FEATURE(VIRTIO_BLK_F_WRITE_ZEROES)

const struct hostile_case hostile_blk_cases[] = {
	{ "header-short", "26", STOPS, BOTH, NULL, header_short, 0, 0, false },
	{ "header-missing", "26", STOPS, BOTH, NULL, header_missing, 0, 0, false },
	{ "header-in-octets", "26", SERVED, BOTH, NULL, header_in_octets, 0, 0, false },
	{ "status-missing", "27", STOPS, BOTH, NULL, status_missing, 0, 0, false },
	{ "status-empty", "14,27", STOPS, BOTH, NULL, status_empty, 0, 0, false },
	{ "status-with-data", "28", SERVED, BOTH, NULL, status_with_data, 0, 0, false },
	{ "empty-behind-status", "14,28", SERVED, BOTH, NULL, empty_behind, 0, 0, false },
	{ "empty-between", "14", SERVED, BOTH, NULL, empty_between, 0, 0, false },
	{ "all-empty", "14,26", STOPS, BOTH, NULL, all_empty, 0, 0, false },
	{ "readable-late", "19", STOPS, BOTH, NULL, readable_late, 0, 0, false },
	{ "in-with-out-data", "29", SERVED, BOTH, NULL, in_with_out_data, 0, 0, false },
	{ "out-with-in-data", "29", SERVED, BOTH, NULL, out_with_in_data, 0, 0, false },
	{ "in-odd", "30", IOERR, BOTH, NULL, in_odd, 0, 0, false },
	{ "out-odd", "30", IOERR, BOTH, NULL, out_odd, 0, 0, false },
	{ "in-beyond", "31", IOERR, BOTH, NULL, in_beyond, 0, 0, false },
	{ "out-over-end", "31", IOERR, BOTH, NULL, out_over_end, 0, 0, false },
	{ "sector-wraps", "31", IOERR, BOTH, NULL, sector_wraps, 0, 0, false },
	{ "octet-wraps", "31", IOERR, BOTH, NULL, octet_wraps, 0, 0, false },
	{ "type-unknown", "34", UNSUPP, BOTH, NULL, type_unknown, 0, 0, false },
	{ "type-scsi", "34", UNSUPP, BOTH, NULL, type_scsi, 0, 0, false },
	{ "type-secure-erase", "34", UNSUPP, BOTH, NULL, type_secure_erase, 0, 0, false },
	{ "type-zones", "34", UNSUPP, BOTH, NULL, type_zones, 0, 0, false },
	{ "type-barrier", "34", SERVED, BOTH, NULL, type_barrier, 0, 0, false },
	{ "write-read-only", "34", IOERR, BOTH, NULL, write_read_only, 0, FEATURE(VIRTIO_BLK_F_RO), false },
	{ "discard-odd", "32", IOERR, BOTH, NULL, discard_odd, 0, CAN_DISCARD, false },
	{ "discard-empty", "32", IOERR, BOTH, NULL, discard_empty, 0, CAN_DISCARD, false },
	{ "discard-many", "32", IOERR, BOTH, NULL, discard_many, 0, CAN_DISCARD, false },
	{ "discard-beyond", "31,32", IOERR, BOTH, NULL, discard_beyond, 0, CAN_DISCARD, false },
	{ "discard-wraps", "31,32", IOERR, BOTH, NULL, discard_wraps, 0, CAN_DISCARD, false },
	{ "discard-long", "32", IOERR, BOTH, NULL, discard_long, 0, CAN_DISCARD, false },
	{ "discard-flags", "32", UNSUPP, BOTH, NULL, discard_flags, 0, CAN_DISCARD, false },
	{ "discard-unmap", "32", UNSUPP, BOTH, NULL, discard_unmap, 0, CAN_DISCARD, false },
	{ "discard-nothing", "32", SERVED, BOTH, NULL, discard_nothing, 0, CAN_DISCARD, false },
	{ "zeroes-odd", "32", IOERR, BOTH, NULL, zeroes_odd, 0, CAN_ZERO, false },
	{ "zeroes-many", "32", IOERR, BOTH, NULL, zeroes_many, 0, CAN_ZERO, false },
	{ "zeroes-beyond", "31,32", IOERR, BOTH, NULL, zeroes_beyond, 0, CAN_ZERO, false },
	{ "zeroes-long", "32", IOERR, BOTH, NULL, zeroes_long, 0, CAN_ZERO, false },
	{ "zeroes-flags", "32", UNSUPP, BOTH, NULL, zeroes_flags, 0, CAN_ZERO, false },
	{ 0 },
};
