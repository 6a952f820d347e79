/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device: features and configuration space. */
#include "vdused/blk.h"

#include <endian.h>
#include <string.h>

#define SECTOR 512
#define SEGMENTS_MAX 254
#define SEGMENT_OCTETS_MAX (1U << 17) /* the bounce buffers' largest cheap piece */

#define TRANSPORT_FEATURES                                                                 \
	(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_ACCESS_PLATFORM) |                 \
	 FEATURE(VIRTIO_F_INDIRECT_DESC) | FEATURE(VIRTIO_F_EVENT_IDX))
#define NEEDED_FEATURES (FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_ACCESS_PLATFORM))

static unsigned log2_of(uint32_t n)
{
	return n ? 31U - (unsigned)__builtin_clz(n) : 0;
}

static void add_topology(struct blk *blk, const struct backend_info *info)
{
	uint32_t physical = info->physical_block > blk->block_size ? info->physical_block : blk->block_size;

	blk->config.physical_block_exp = (uint8_t)(log2_of(physical) - log2_of(blk->block_size));
	blk->config.min_io_size = htole16((uint16_t)(physical / blk->block_size));
	blk->config.opt_io_size = htole32(info->optimal_io / blk->block_size);
}

static void add_ranges(struct blk *blk, const struct backend_info *info)
{
	struct virtio_blk_config *c = &blk->config;
	uint32_t unit = blk->block_size / SECTOR;
	uint32_t granularity = info->discard_granularity / SECTOR;

	if (info->discard) {
		blk->offered |= FEATURE(VIRTIO_BLK_F_DISCARD);
		c->max_discard_sectors = htole32(BLK_RANGE_SECTORS_MAX);
		c->max_discard_seg = htole32(BLK_RANGES_MAX);
		c->discard_sector_alignment = htole32(granularity > unit ? granularity : unit);
	}
	if (info->write_zeroes) {
		blk->offered |= FEATURE(VIRTIO_BLK_F_WRITE_ZEROES);
		c->max_write_zeroes_sectors = htole32(BLK_RANGE_SECTORS_MAX);
		c->max_write_zeroes_seg = htole32(BLK_RANGES_MAX);
		c->write_zeroes_may_unmap = 1;
	}
	if (info->secure_erase) {
		blk->offered |= FEATURE(VIRTIO_BLK_F_SECURE_ERASE);
		c->max_secure_erase_sectors = htole32(BLK_RANGE_SECTORS_MAX);
		c->max_secure_erase_seg = htole32(BLK_RANGES_MAX);
		c->secure_erase_sector_alignment = htole32(granularity > unit ? granularity : unit);
	}
}

void blk_init(struct blk *blk, struct backend *backend, const struct blk_options *options)
{
	unsigned segments = options->queue_size > 2 ? options->queue_size - 2 : 1;

	memset(blk, 0, sizeof(*blk));
	blk->backend = backend;
	blk->block_size = SECTOR;
	memcpy(blk->serial, options->serial, strnlen(options->serial, sizeof(blk->serial)));
	blk->readonly = options->readonly || (backend && backend->info.readonly);
	blk->offered = TRANSPORT_FEATURES | FEATURE(VIRTIO_BLK_F_SEG_MAX) | FEATURE(VIRTIO_BLK_F_SIZE_MAX) |
		       FEATURE(VIRTIO_BLK_F_BLK_SIZE) | FEATURE(VIRTIO_BLK_F_TOPOLOGY);
	if (options->packed)
		blk->offered |= FEATURE(VIRTIO_F_RING_PACKED);
	if (options->in_order)
		blk->offered |= FEATURE(VIRTIO_F_IN_ORDER);
	if (options->queues > 1)
		blk->offered |= FEATURE(VIRTIO_BLK_F_MQ);
	if (blk->readonly)
		blk->offered |= FEATURE(VIRTIO_BLK_F_RO);
	blk->config.seg_max = htole32(segments < SEGMENTS_MAX ? segments : SEGMENTS_MAX);
	blk->config.size_max = htole32(SEGMENT_OCTETS_MAX);
	blk->config.num_queues = htole16((uint16_t)options->queues);
	if (!backend)
		return;
	blk->block_size = backend->info.logical_block;
	if (options->block_size > blk->block_size)
		blk->block_size = options->block_size;
	blk->config.blk_size = htole32(blk->block_size);
	blk_set_size(blk, backend->info.size);
	add_topology(blk, &backend->info);
	if (backend->info.flush && !blk->readonly)
		blk->offered |= FEATURE(VIRTIO_BLK_F_FLUSH);
	if (!blk->readonly)
		add_ranges(blk, &backend->info);
}

void blk_set_size(struct blk *blk, uint64_t octets)
{
	uint64_t sectors = octets / blk->block_size * (blk->block_size / SECTOR);

	blk->config.capacity = htole64(sectors);
	__atomic_store_n(&blk->capacity, sectors, __ATOMIC_RELAXED);
}

const char *blk_check_features(const struct blk *blk, uint64_t features)
{
	if (features & ~blk->offered)
		return "it took features that were not offered";
	if (~features & NEEDED_FEATURES)
		return "it did not take VERSION_1 and ACCESS_PLATFORM";
	return NULL;
}
