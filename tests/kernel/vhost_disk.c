// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost_disk.h"

#include <endian.h>
#include <err.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#define HEADER_LEN 16
#define RING_SIZE 256

#define WANTED                                                                                     \
	(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_ACCESS_PLATFORM) |                         \
	 FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | FEATURE(VIRTIO_RING_F_EVENT_IDX) |                 \
	 FEATURE(VIRTIO_BLK_F_SEG_MAX) | FEATURE(VIRTIO_BLK_F_SIZE_MAX) |                          \
	 FEATURE(VIRTIO_BLK_F_BLK_SIZE) | FEATURE(VIRTIO_BLK_F_TOPOLOGY) |                         \
	 FEATURE(VIRTIO_BLK_F_FLUSH) | FEATURE(VIRTIO_BLK_F_MQ) | FEATURE(VIRTIO_BLK_F_RO) |       \
	 FEATURE(VIRTIO_BLK_F_DISCARD) | FEATURE(VIRTIO_BLK_F_WRITE_ZEROES))

static void negotiate(struct disk *d, const struct disk_params *p)
{
	uint64_t wanted = WANTED & ~p->without;

	if (p->packed) {
		wanted |= FEATURE(VIRTIO_F_RING_PACKED);
		if (!(d->dev.offered & FEATURE(VIRTIO_F_RING_PACKED)))
			errx(1, "the device does not offer packed rings");
	}
	if (!vdpa_set_features(&d->dev, d->dev.offered & wanted))
		err(1, "VHOST_SET_FEATURES");
	vdpa_config(&d->dev, &d->config, sizeof(d->config));
	d->capacity = le64toh(d->config.capacity);
	d->unit = disk_has(d, VIRTIO_BLK_F_BLK_SIZE) ? le32toh(d->config.blk_size) / SECTOR : 1;
}

void disk_open(struct disk *d, const struct disk_params *p)
{
	unsigned size;

	memset(d, 0, sizeof(*d));
	vdpa_open(&d->dev, p->path);
	negotiate(d, p);
	d->queues = p->queues ? p->queues : 1;
	if (d->queues > d->dev.queues || d->queues > QUEUES_MAX)
		errx(1, "the device has %u queues", d->dev.queues);
	size = d->dev.queue_size < RING_SIZE ? d->dev.queue_size : RING_SIZE;
	mem_make(&d->rings, d->queues * RING_MEMORY, IOVA_RINGS);
	mem_make(&d->slots, (size_t)p->slots * SLOT_LEN, IOVA_SLOTS);
	vdpa_map(&d->dev, &d->rings, MEM_RW);
	vdpa_map(&d->dev, &d->slots, MEM_RW);
	for (unsigned i = 0; i < d->queues; i++) {
		uint64_t at = IOVA_RINGS + i * RING_MEMORY;

		ring_init(&d->ring[i], d->rings.va + i * RING_MEMORY, size, p->packed,
			  disk_has(d, VIRTIO_RING_F_EVENT_IDX));
		d->num[i] = size;
		d->addr[i] = (struct vdpa_ring){ at + RING_DESC, at + RING_DRIVER, at + RING_DEVICE };
	}
}

static bool set_up_queue(struct disk *d, unsigned i)
{
	if (d->num[i] && !vdpa_set_num(&d->dev, i, d->num[i]))
		return false;
	if (!vdpa_set_base(&d->dev, i, ring_base(&d->ring[i])))
		err(1, "VHOST_SET_VRING_BASE");
	if (!vdpa_set_ring(&d->dev, i, &d->addr[i]))
		return false;
	vdpa_set_events(&d->dev, i, d->ring[i].kick, d->ring[i].call);
	if (!d->late[i])
		vdpa_enable(&d->dev, i);
	return true;
}

bool disk_go(struct disk *d)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			 VIRTIO_CONFIG_S_FEATURES_OK;

	if (vdpa_set_status(&d->dev, status) != status)
		return false;
	for (unsigned i = 0; i < d->queues; i++)
		if (!set_up_queue(d, i))
			return false;
	status |= VIRTIO_CONFIG_S_DRIVER_OK;
	return vdpa_set_status(&d->dev, status) == status;
}

bool disk_restart(struct disk *d)
{
	vdpa_set_status(&d->dev, 0);
	memset(d->rings.va, 0, d->rings.len);
	for (unsigned i = 0; i < d->queues; i++) {
		struct ring *r = &d->ring[i];

		ring_fini(r);
		ring_init(r, r->memory, r->size, r->packed, r->event_idx);
	}
	vdpa_set_status(&d->dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vdpa_set_status(&d->dev, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	return vdpa_set_features(&d->dev, d->dev.features) && disk_go(d);
}

void disk_close(struct disk *d)
{
	vdpa_close(&d->dev);
	for (unsigned i = 0; i < d->queues; i++)
		ring_fini(&d->ring[i]);
	mem_free(&d->rings);
	mem_free(&d->slots);
}

struct slot disk_slot(const struct disk *d, unsigned n)
{
	return (struct slot){ d->slots.va + (size_t)n * SLOT_LEN, d->slots.iova + (uint64_t)n * SLOT_LEN };
}

/* ---- requests ---- */

uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

bool request_reads(uint32_t type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

void request_make(struct request *r, const struct slot *s, uint32_t type, uint64_t sector, uint32_t len)
{
	struct virtio_blk_outhdr header = { .type = htole32(type), .sector = htole64(sector) };
	uint64_t data = s->iova + SLOT_DATA;
	uint16_t write = VRING_DESC_F_WRITE;

	memcpy(slot_data(s) - HEADER_LEN, &header, HEADER_LEN);
	slot_data(s)[len] = 0xff;
	r->len = len;
	r->n = 0;
	r->piece[r->n++] = (struct piece){ data - HEADER_LEN, HEADER_LEN, 0 };
	if (len)
		r->piece[r->n++] = (struct piece){ data, len, request_reads(type) ? write : 0 };
	r->piece[r->n++] = (struct piece){ data + len, 1, write };
}

/* A stretch as pieces of random length behind what r has. */
static void cut(struct request *r, uint64_t addr, uint32_t len, uint16_t flags, unsigned max,
		uint64_t *state)
{
	for (unsigned left = max; len; left--) {
		uint32_t n = len;

		if (left > 1 && len > 1)
			n = 1 + (uint32_t)(random_next(state) % (random_next(state) & 1 ? len : len < 24 ? len : 24));
		r->piece[r->n++] = (struct piece){ addr, n, flags };
		addr += n;
		len -= n;
	}
}

void request_cut(struct request *r, unsigned max, uint64_t *state)
{
	struct piece out = { 0 }, in = { 0 };

	for (unsigned i = 0; i < r->n; i++) {
		const struct piece *p = &r->piece[i];
		struct piece *to = p->flags & VRING_DESC_F_WRITE ? &in : &out;

		if (!to->len)
			*to = *p;
		else
			to->len += p->len;
	}
	if (max > PIECES_MAX)
		max = PIECES_MAX;
	r->n = 0;
	cut(r, out.addr, out.len, out.flags, max / 2, state);
	cut(r, in.addr, in.len, in.flags, max / 2, state);
}

uint8_t request_status(const struct request *r, const struct slot *s)
{
	return __atomic_load_n(slot_data(s) + r->len, __ATOMIC_ACQUIRE);
}
