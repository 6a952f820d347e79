/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the device offers: features and the configuration space, field by field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "blkworld.h"

#define SIZE UINT64_C(0x123456600)
#define ALWAYS                                                             \
	(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_ACCESS_PLATFORM) | \
	 FEATURE(VIRTIO_F_INDIRECT_DESC) | FEATURE(VIRTIO_F_EVENT_IDX) |   \
	 FEATURE(VIRTIO_BLK_F_SEG_MAX) | FEATURE(VIRTIO_BLK_F_SIZE_MAX) |  \
	 FEATURE(VIRTIO_BLK_F_BLK_SIZE) | FEATURE(VIRTIO_BLK_F_TOPOLOGY))
#define WRITING                                                        \
	(FEATURE(VIRTIO_BLK_F_FLUSH) | FEATURE(VIRTIO_BLK_F_DISCARD) | \
	 FEATURE(VIRTIO_BLK_F_WRITE_ZEROES) | FEATURE(VIRTIO_BLK_F_SECURE_ERASE))

static struct fake fake;
static struct blk blk;

/* A field of the configuration space, octet by octet. */
static uint64_t field(size_t offset, size_t len)
{
	const uint8_t *p = (const uint8_t *)&blk.config + offset;
	uint64_t value = 0;

	while (len--)
		value = value << 8 | p[len];
	return value;
}

#define FIELD(name) field(offsetof(struct virtio_blk_config, name), sizeof(blk.config.name))

static void init(struct blk_options o)
{
	o.queues = o.queues ? o.queues : 1;
	o.queue_size = o.queue_size ? o.queue_size : 256;
	o.serial = o.serial ? o.serial : "s";
	memset(&blk, 0xa5, sizeof(blk));
	blk_init(&blk, &fake.b, &o);
}

static int set_up(void **state)
{
	(void)state;
	fake_init(&fake, SIZE);
	return 0;
}

static void test_all(void **state)
{
	(void)state;
	fake.b.info.physical_block = 4096;
	fake.b.info.optimal_io = 0x20000;
	fake.b.info.discard_granularity = 0x10000;
	init((struct blk_options){ .queues = 3 });
	assert_int_equal(blk.offered, ALWAYS | WRITING | FEATURE(VIRTIO_BLK_F_MQ));
	assert_int_equal(blk.features, 0);
	assert_int_equal(blk.capacity, SIZE / 512);
	assert_int_equal(FIELD(capacity), SIZE / 512);
	assert_int_equal(FIELD(size_max), 0x20000);
	assert_int_equal(FIELD(seg_max), 254);
	assert_int_equal(FIELD(blk_size), 512);
	assert_int_equal(FIELD(physical_block_exp), 3);
	assert_int_equal(FIELD(alignment_offset), 0);
	assert_int_equal(FIELD(min_io_size), 8);
	assert_int_equal(FIELD(opt_io_size), 0x20000 / 512);
	assert_int_equal(FIELD(num_queues), 3);
	assert_int_equal(FIELD(max_discard_sectors), BLK_RANGE_SECTORS_MAX);
	assert_int_equal(FIELD(max_discard_seg), BLK_RANGES_MAX);
	assert_int_equal(FIELD(discard_sector_alignment), 0x10000 / 512);
	assert_int_equal(FIELD(max_write_zeroes_sectors), BLK_RANGE_SECTORS_MAX);
	assert_int_equal(FIELD(max_write_zeroes_seg), BLK_RANGES_MAX);
	assert_int_equal(FIELD(write_zeroes_may_unmap), 1);
	assert_int_equal(FIELD(max_secure_erase_sectors), BLK_RANGE_SECTORS_MAX);
	assert_int_equal(FIELD(max_secure_erase_seg), BLK_RANGES_MAX);
	assert_int_equal(FIELD(secure_erase_sector_alignment), 0x10000 / 512);
	/* What is not offered is zero. */
	assert_int_equal(FIELD(geometry.cylinders), 0);
	assert_int_equal(FIELD(wce), 0);
}

/* A back end that can do nothing and knows nothing. */
static void test_least(void **state)
{
	(void)state;
	fake.b.info = (struct backend_info){ .size = 4096, .logical_block = 4096 };
	init((struct blk_options){ .queue_size = 2 });
	assert_int_equal(blk.offered, ALWAYS);
	assert_int_equal(FIELD(capacity), 8);
	assert_int_equal(FIELD(blk_size), 4096);
	assert_int_equal(FIELD(physical_block_exp), 0);
	assert_int_equal(FIELD(min_io_size), 1);
	assert_int_equal(FIELD(opt_io_size), 0);
	assert_int_equal(FIELD(seg_max), 1);
	assert_int_equal(FIELD(num_queues), 1);
	assert_int_equal(FIELD(max_discard_sectors), 0);
	assert_int_equal(FIELD(max_write_zeroes_sectors), 0);
	assert_int_equal(FIELD(write_zeroes_may_unmap), 0);
	assert_int_equal(FIELD(max_secure_erase_sectors), 0);
}

static void test_each_capability(void **state)
{
	(void)state;
	fake.b.info.flush = false;
	init((struct blk_options){ 0 });
	assert_int_equal(blk.offered, ALWAYS | (WRITING & ~FEATURE(VIRTIO_BLK_F_FLUSH)));
	fake.b.info.discard = false;
	init((struct blk_options){ 0 });
	assert_int_equal(blk.offered, ALWAYS | FEATURE(VIRTIO_BLK_F_WRITE_ZEROES) |
					      FEATURE(VIRTIO_BLK_F_SECURE_ERASE));
	assert_int_equal(FIELD(max_discard_seg), 0);
	fake.b.info.write_zeroes = false;
	init((struct blk_options){ 0 });
	assert_int_equal(blk.offered, ALWAYS | FEATURE(VIRTIO_BLK_F_SECURE_ERASE));
	assert_int_equal(FIELD(max_write_zeroes_seg), 0);
	/* Without a granularity: whole blocks. */
	assert_int_equal(FIELD(secure_erase_sector_alignment), 1);
}

static void test_options(void **state)
{
	(void)state;
	init((struct blk_options){ .packed = true });
	assert_int_equal(blk.offered, ALWAYS | WRITING | FEATURE(VIRTIO_F_RING_PACKED));
	init((struct blk_options){ .in_order = true });
	assert_int_equal(blk.offered, ALWAYS | WRITING | FEATURE(VIRTIO_F_IN_ORDER));
	init((struct blk_options){ .readonly = true });
	assert_int_equal(blk.offered, ALWAYS | FEATURE(VIRTIO_BLK_F_RO));
	assert_true(blk.readonly);
	assert_int_equal(FIELD(max_discard_sectors), 0);
	fake.b.info.readonly = true;
	init((struct blk_options){ 0 });
	assert_int_equal(blk.offered, ALWAYS | FEATURE(VIRTIO_BLK_F_RO));
	fake.b.info.readonly = false;
	init((struct blk_options){ .queue_size = 64 });
	assert_int_equal(FIELD(seg_max), 62);
	init((struct blk_options){ .queue_size = 1024, .queues = 64 });
	assert_int_equal(FIELD(seg_max), 254);
	assert_int_equal(FIELD(num_queues), 64);
	assert_false(blk.readonly);
}

static void test_block_size(void **state)
{
	(void)state;
	fake.b.info.physical_block = 512;
	fake.b.info.optimal_io = 65536;
	fake.b.info.discard_granularity = 512;
	init((struct blk_options){ .block_size = 4096 });
	assert_int_equal(blk.block_size, 4096);
	assert_int_equal(FIELD(blk_size), 4096);
	assert_int_equal(FIELD(physical_block_exp), 0);
	assert_int_equal(FIELD(min_io_size), 1);
	assert_int_equal(FIELD(opt_io_size), 16);
	assert_int_equal(FIELD(discard_sector_alignment), 8);
	/* Whole blocks, counted in sectors of 512. */
	assert_int_equal(FIELD(capacity), SIZE / 4096 * 8);
	assert_int_equal(blk.capacity, SIZE / 4096 * 8);
	fake.b.info.logical_block = 4096;
	init((struct blk_options){ .block_size = 512 });
	assert_int_equal(FIELD(blk_size), 4096);
	blk_set_size(&blk, 3 * 4096 + 4095);
	assert_int_equal(FIELD(capacity), 24);
	assert_int_equal(blk.capacity, 24);
}

static void test_serial(void **state)
{
	(void)state;
	init((struct blk_options){ .serial = "" });
	assert_memory_equal(blk.serial, (char[20]){ 0 }, 20);
	init((struct blk_options){ .serial = "abc" });
	assert_memory_equal(blk.serial, ((char[20]){ 'a', 'b', 'c' }), 20);
	init((struct blk_options){ .serial = "01234567890123456789" });
	assert_memory_equal(blk.serial, "01234567890123456789", 20);
	/* A name is cut. */
	init((struct blk_options){ .serial = "01234567890123456789x" });
	assert_memory_equal(blk.serial, "01234567890123456789", 20);
}

static void test_no_backend(void **state)
{
	struct blk_options o = { .queues = 2, .queue_size = 256, .serial = "s" };

	(void)state;
	blk_init(&blk, NULL, &o);
	assert_null(blk.backend);
	assert_int_equal(blk.capacity, 0);
	assert_int_equal(FIELD(capacity), 0);
	assert_int_equal(blk.block_size, 512);
	assert_int_equal(blk.offered & WRITING, 0);
}

static void test_check_features(void **state)
{
	const uint64_t needed = FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_ACCESS_PLATFORM);

	(void)state;
	init((struct blk_options){ 0 });
	assert_null(blk_check_features(&blk, blk.offered));
	assert_null(blk_check_features(&blk, needed));
	assert_string_equal(blk_check_features(&blk, FEATURE(VIRTIO_F_VERSION_1)),
			    "it did not take VERSION_1 and ACCESS_PLATFORM");
	assert_string_equal(blk_check_features(&blk, FEATURE(VIRTIO_F_ACCESS_PLATFORM)),
			    "it did not take VERSION_1 and ACCESS_PLATFORM");
	assert_string_equal(blk_check_features(&blk, 0),
			    "it did not take VERSION_1 and ACCESS_PLATFORM");
	for (unsigned bit = 0; bit < 64; bit++) {
		const char *why = blk_check_features(&blk, needed | FEATURE(bit));

		if (blk.offered & FEATURE(bit))
			assert_null(why);
		else
			assert_string_equal(why, "it took features that were not offered");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all, set_up),
		cmocka_unit_test_setup(test_least, set_up),
		cmocka_unit_test_setup(test_each_capability, set_up),
		cmocka_unit_test_setup(test_options, set_up),
		cmocka_unit_test_setup(test_block_size, set_up),
		cmocka_unit_test_setup(test_serial, set_up),
		cmocka_unit_test_setup(test_no_backend, set_up),
		cmocka_unit_test_setup(test_check_features, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
