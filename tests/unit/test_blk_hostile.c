/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that no driver should make: what fails alone, and what breaks the ring. */
#include <endian.h>
#include <errno.h>

#include "layouts.h"

#define HEADER                       \
	{                            \
		DATA_IOVA, 16, false \
	}
#define STATUS                                 \
	{                                      \
		DATA_IOVA + AT_STATUS, 1, true \
	}

static void open_fake(void **state, const struct blk_options *options)
{
	struct blkworld_params p = { .how = how_of(state), .fake = &fake };

	if (options)
		p.options = *options;
	fake_init(&fake, SIZE);
	blkworld_open(w, &p);
}

/* The request fails, the back end does not see it, and the ring goes on. */
static void refused(uint32_t type, uint64_t sector, uint32_t len, uint8_t status)
{
	unsigned seen = fake.seen_count;
	uint64_t errors = vq_counter(&w->vq, VQ_ERRORS);

	assert_int_equal(blkworld_do(w, type, sector, len, type == VIRTIO_BLK_T_IN), status);
	assert_int_equal(w->written, 1);
	assert_int_equal(fake.seen_count, seen);
	assert_int_equal(vq_counter(&w->vq, VQ_ERRORS), errors + 1);
	assert_string_equal(w->vq.ring.why, "");
}

static void served(uint32_t type, uint64_t sector, uint32_t len)
{
	assert_int_equal(blkworld_do(w, type, sector, len, type == VIRTIO_BLK_T_IN), 0);
}

/* ---- where ---- */

static void test_beyond(void **state)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT };

	open_fake(state, NULL);
	for (unsigned i = 0; i < 2; i++) {
		refused(types[i], SECTORS, 512, VIRTIO_BLK_S_IOERR);
		refused(types[i], SECTORS - 1, 1024, VIRTIO_BLK_S_IOERR);
		refused(types[i], SECTORS + 1, 0, VIRTIO_BLK_S_IOERR);
		refused(types[i], UINT64_MAX, 512, VIRTIO_BLK_S_IOERR);
		refused(types[i], UINT64_MAX, 0, VIRTIO_BLK_S_IOERR);
		refused(types[i], UINT64_MAX - 1, 1024, VIRTIO_BLK_S_IOERR);
		refused(types[i], UINT64_MAX / 512 + 1, 512, VIRTIO_BLK_S_IOERR);
		refused(types[i], UINT64_C(1) << 55, 512, VIRTIO_BLK_S_IOERR);
		refused(types[i], 0, 511, VIRTIO_BLK_S_IOERR);
		refused(types[i], 0, 513, VIRTIO_BLK_S_IOERR);
		refused(types[i], 0, 1, VIRTIO_BLK_S_IOERR);
		served(types[i], SECTORS - 1, 512);
	}
	assert_int_equal(vq_counter(&w->vq, VQ_READ_BYTES), 512);
	assert_int_equal(vq_counter(&w->vq, VQ_WRITE_BYTES), 512);
	blkworld_close(w);
}

static void put_range(unsigned at, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes r = { htole64(sector), htole32(sectors),
						     htole32(flags) };

	memcpy(data_at(w, AT_DATA + at * sizeof(r)), &r, sizeof(r));
}

static void test_large_blocks(void **state)
{
	const struct blk_options o = { .block_size = 4096 };

	open_fake(state, &o);
	fake.b.info.logical_block = 512;
	served(VIRTIO_BLK_T_IN, 8, 4096);
	served(VIRTIO_BLK_T_OUT, SECTORS - 8, 4096);
	refused(VIRTIO_BLK_T_IN, 8, 512, VIRTIO_BLK_S_IOERR);
	refused(VIRTIO_BLK_T_IN, 4, 4096, VIRTIO_BLK_S_IOERR);
	refused(VIRTIO_BLK_T_OUT, 1, 4096, VIRTIO_BLK_S_IOERR);
	refused(VIRTIO_BLK_T_OUT, 0, 4096 + 512, VIRTIO_BLK_S_IOERR);
	put_range(0, 8, 8, 0);
	served(VIRTIO_BLK_T_DISCARD, 0, 16);
	put_range(0, 4, 8, 0);
	refused(VIRTIO_BLK_T_DISCARD, 0, 16, VIRTIO_BLK_S_IOERR);
	put_range(0, 8, 1, 0);
	refused(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, VIRTIO_BLK_S_IOERR);
	/* A size that is not a multiple loses its end. */
	blk_set_size(&w->blk, 8192 + 512);
	served(VIRTIO_BLK_T_IN, 8, 4096);
	refused(VIRTIO_BLK_T_IN, 16, 4096, VIRTIO_BLK_S_IOERR);
	blkworld_close(w);
}

/* The disk shrinks, also below a list of ranges that is being worked off. */
static void test_shrunk(void **state)
{
	open_fake(state, NULL);
	served(VIRTIO_BLK_T_OUT, 100, 512);
	blk_set_size(&w->blk, 100 * 512);
	refused(VIRTIO_BLK_T_OUT, 100, 512, VIRTIO_BLK_S_IOERR);
	refused(VIRTIO_BLK_T_IN, 99, 1024, VIRTIO_BLK_S_IOERR);
	served(VIRTIO_BLK_T_OUT, 99, 512);
	put_range(0, 0, 8, 0);
	put_range(1, 80, 20, 0);
	fake.hold = true;
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_DISCARD, 0, 32, false), 0xff);
	blk_set_size(&w->blk, 80 * 512);
	backend_set_size(&fake.b, 80 * 512);
	fake.seen_count = 0;
	fake_end(&fake, 0, 0);
	blkworld_turn(w);
	assert_int_equal(vdriver_get(&w->v, NULL), 7);
	assert_int_equal(*data_at(w, AT_STATUS), VIRTIO_BLK_S_IOERR);
	assert_int_equal(fake.seen_count, 0);
	blkworld_close(w);
}

static void test_readonly(void **state)
{
	const struct blk_options o = { .readonly = true };

	open_fake(state, &o);
	put_range(0, 0, 8, 0);
	refused(VIRTIO_BLK_T_OUT, 0, 512, VIRTIO_BLK_S_IOERR);
	refused(VIRTIO_BLK_T_OUT, 0, 0, VIRTIO_BLK_S_IOERR);
	refused(VIRTIO_BLK_T_DISCARD, 0, 16, VIRTIO_BLK_S_UNSUPP);
	refused(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, VIRTIO_BLK_S_UNSUPP);
	refused(VIRTIO_BLK_T_SECURE_ERASE, 0, 16, VIRTIO_BLK_S_UNSUPP);
	served(VIRTIO_BLK_T_IN, 0, 512);
	served(VIRTIO_BLK_T_FLUSH, 0, 0);
	assert_int_equal(fake.seen_count, 1);
	blkworld_close(w);
}

/* ---- ranges ---- */

static void test_bad_ranges(void **state)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
					  VIRTIO_BLK_T_SECURE_ERASE };

	open_fake(state, NULL);
	blk_set_size(&w->blk, UINT64_C(1) << 40);
	fake.b.info.size = UINT64_C(1) << 40;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k <= BLK_RANGES_MAX; k++)
			put_range(k, k, 1, 0);
		refused(types[i], 0, 0, VIRTIO_BLK_S_IOERR);
		refused(types[i], 0, 15, VIRTIO_BLK_S_IOERR);
		refused(types[i], 0, 17, VIRTIO_BLK_S_IOERR);
		refused(types[i], 0, 16 * (BLK_RANGES_MAX + 1), VIRTIO_BLK_S_IOERR);
		served(types[i], 0, 16 * BLK_RANGES_MAX);
		/* All or nothing: the last one is bad. */
		put_range(1, 0, BLK_RANGE_SECTORS_MAX + 1, 0);
		refused(types[i], 0, 32, VIRTIO_BLK_S_IOERR);
		put_range(1, 0, BLK_RANGE_SECTORS_MAX, 0);
		served(types[i], 0, 32);
		put_range(1, (UINT64_C(1) << 31) - 1, 2, 0);
		refused(types[i], 0, 32, VIRTIO_BLK_S_IOERR);
		put_range(1, UINT64_MAX, 2, 0);
		refused(types[i], 0, 32, VIRTIO_BLK_S_IOERR);
		put_range(1, (UINT64_C(1) << 31) + 1, 0, 0);
		refused(types[i], 0, 32, VIRTIO_BLK_S_IOERR);
		put_range(1, 0, 8, 2);
		refused(types[i], 0, 32, VIRTIO_BLK_S_UNSUPP);
		put_range(1, 0, 8, 0x80000000);
		refused(types[i], 0, 32, VIRTIO_BLK_S_UNSUPP);
		put_range(1, 0, 8, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
		if (types[i] == VIRTIO_BLK_T_WRITE_ZEROES)
			served(types[i], 0, 32);
		else
			refused(types[i], 0, 32, VIRTIO_BLK_S_UNSUPP);
	}
	blkworld_close(w);
}

/* ---- memory that is not there ---- */

static void chain_status(uint32_t type, const struct piece *p, unsigned n, uint8_t status)
{
	put_header(w, 0, type, 0);
	assert_int_equal(blkworld_chain(w, p, n), status);
	assert_string_equal(w->vq.ring.why, "");
}

static void test_data_unmapped(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = {
		{ NOWHERE_IOVA, 512 },	  { DATA_IOVA + DATA_LEN - 256, 512 }, /* half of it */
		{ DATA_IOVA - 256, 512 }, { NOWHERE_IOVA, 1u << 30 },
		{ GONE_IOVA, 512 },	  { GONE_IOVA + GONE_LEN - 512, 512 },
	};

	open_mem(state);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct piece in[] = { HEADER, { bad[i].addr, bad[i].len, true }, STATUS };
		const struct piece out[] = { HEADER, { bad[i].addr, bad[i].len, false }, STATUS };

		chain_status(VIRTIO_BLK_T_IN, in, 3, VIRTIO_BLK_S_IOERR);
		assert_int_equal(w->written, 1);
		chain_status(VIRTIO_BLK_T_OUT, out, 3, VIRTIO_BLK_S_IOERR);
		chain_status(VIRTIO_BLK_T_GET_ID, in, 3,
			     bad[i].addr < DATA_IOVA || bad[i].addr >= GONE_IOVA ?
				     VIRTIO_BLK_S_IOERR :
				     VIRTIO_BLK_S_OK);
		chain_status(VIRTIO_BLK_T_DISCARD, out, 3, VIRTIO_BLK_S_IOERR);
		served(VIRTIO_BLK_T_IN, 0, 512);
	}
	blkworld_close(w);
}

/* The device writes only where it may. */
static void test_permission(void **state)
{
	const struct piece in[] = { HEADER, { ONLY_READ_IOVA + AT_DATA, 512, true }, STATUS };
	const struct piece out[] = { { ONLY_READ_IOVA, 16, false },
				     { ONLY_READ_IOVA + AT_DATA, 512, false },
				     STATUS };

	open_mem(state);
	memset(data_at(w, AT_DATA), 0xee, 512);
	chain_status(VIRTIO_BLK_T_OUT, out, 3, VIRTIO_BLK_S_OK);
	memset(data_at(w, AT_DATA), 0xdd, 512);
	chain_status(VIRTIO_BLK_T_IN, in, 3, VIRTIO_BLK_S_IOERR);
	assert_int_equal(*data_at(w, AT_DATA), 0xdd);
	blkworld_close(w);
}

/* Many huge pieces: no overflow, and no long list is walked through for data that can't be. */
static void test_huge(void **state)
{
	struct piece p[9] = { HEADER };

	open_fake(state, NULL);
	for (int write = 0; write < 2; write++) {
		for (unsigned i = 1; i < 8; i++)
			p[i] = (struct piece){ NOWHERE_IOVA, UINT32_MAX - 511, write };
		p[8] = (struct piece)STATUS;
		chain_status(write ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, p, 9, VIRTIO_BLK_S_IOERR);
		assert_int_equal(w->written, 1);
		p[2] = (struct piece)STATUS;
		blk_set_size(&w->blk, UINT64_C(1) << 40);
		chain_status(write ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, p, 3, VIRTIO_BLK_S_IOERR);
	}
	assert_int_equal(fake.seen_count, 0);
	blkworld_close(w);
}

/* ---- what breaks the ring ---- */

struct broken {
	const char *why;
	struct piece p[4];
	unsigned n;
};

#define SHORT "a request's header is shorter than 16 octets"
#define NO_HEADER "a request's header is not in mapped memory"
#define NO_STATUS "a request has no room for its status"
#define LOST_STATUS "a request's status octet is not in mapped memory"
#define GONE_STATUS "a request's status octet can't be written: its memory is gone"

static const struct broken broken[] = {
	{ SHORT, { { DATA_IOVA, 15, false }, STATUS }, 2 },
	{ SHORT, { { DATA_IOVA, 8, false }, { DATA_IOVA, 7, false }, STATUS }, 3 },
	{ SHORT, { STATUS }, 1 },
	{ SHORT, { { NOWHERE_IOVA, 15, false } }, 1 },
	{ NO_HEADER, { { NOWHERE_IOVA, 16, false }, STATUS }, 2 },
	{ NO_HEADER, { { DATA_IOVA + DATA_LEN - 8, 16, false }, STATUS }, 2 },
	{ NO_HEADER, { { DATA_IOVA, 15, false }, { NOWHERE_IOVA, 600, false }, STATUS }, 3 },
	{ NO_HEADER, { { GONE_IOVA, 16, false }, STATUS }, 2 },
	{ NO_HEADER, { { GONE_IOVA, 16, false }, { NOWHERE_IOVA, 1, true } }, 2 },
	{ NO_STATUS, { HEADER }, 1 },
	{ NO_STATUS, { HEADER, { DATA_IOVA + AT_DATA, 512, false } }, 2 },
	{ LOST_STATUS, { HEADER, { NOWHERE_IOVA, 1, true } }, 2 },
	{ LOST_STATUS,
	  { HEADER, { DATA_IOVA + AT_DATA, 512, true }, { NOWHERE_IOVA, 1, true } },
	  3 },
	{ LOST_STATUS, { HEADER, { DATA_IOVA + DATA_LEN - 512, 513, true } }, 2 },
	{ LOST_STATUS, { HEADER, { ONLY_READ_IOVA + AT_STATUS, 1, true } }, 2 },
	{ GONE_STATUS, { HEADER, { GONE_IOVA, 1, true } }, 2 },
	{ GONE_STATUS, { HEADER, { DATA_IOVA + AT_DATA, 512, true }, { GONE_IOVA, 1, true } }, 3 },
};

/* No completion: a driver might read a stale OK. The next driver finds all in order. */
static void test_broken(void **state)
{
	const struct piece good[] = { HEADER, STATUS };

	open_mem(state);
	for (unsigned i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		put_header(w, 0, VIRTIO_BLK_T_IN, 0);
		assert_int_equal(blkworld_chain(w, broken[i].p, broken[i].n), 0xff);
		assert_string_equal(w->vq.ring.why, broken[i].why);
		assert_int_equal(*data_at(w, AT_STATUS), 0xff);
		assert_int_equal(w->vq.in_flight, 0);
		assert_true(driver_add(&w->v, 8, good, 2));
		blkworld_pending(w, 0);
		assert_string_equal(w->vq.ring.why, broken[i].why);
		vring_stop(&w->vq.ring);
		blkworld_ring(w, how_of(state));
		served(VIRTIO_BLK_T_IN, 0, 512);
	}
	blkworld_close(w);
}

/* One that broke the ring leaves the others their ends, which nobody hears of. */
static void test_broken_in_flight(void **state)
{
	const struct piece read[] = { HEADER, { DATA_IOVA + AT_DATA, 512, true }, STATUS };

	for (int gone = 0; gone < 2; gone++) {
		open_fake(state, NULL);
		fake.hold = true;
		put_header(w, 0, VIRTIO_BLK_T_IN, 0);
		for (unsigned i = 1; i <= 3; i++)
			assert_true(driver_add(&w->v, i, read, 3));
		*data_at(w, AT_STATUS) = 0xff;
		if (gone) {
			/* Only found when the first is done. */
			const struct piece p[] = { HEADER,
						   { DATA_IOVA + AT_DATA, 512, true },
						   { GONE_IOVA, 1, true } };

			assert_true(driver_add(&w->v, 4, p, 3));
			blkworld_pending(w, 4);
			fake_end(&fake, 3, 0);
			assert_string_equal(w->vq.ring.why, GONE_STATUS);
		} else {
			assert_true(driver_add(&w->v, 4, &read[1], 2));
			blkworld_pending(w, 3);
			assert_string_equal(w->vq.ring.why, SHORT);
		}
		while (fake.held_count)
			fake_end(&fake, 0, fake.held_count == 2 ? -EIO : 0);
		blkworld_pending(w, 0);
		assert_int_equal(*data_at(w, AT_STATUS), 0xff);
		blkworld_close(w);
	}
}

/* The driver's memory is replaced: requests keep what they were translated by. */
static void test_map_changes(void **state)
{
	const struct piece read[] = { HEADER, { DATA_IOVA + AT_DATA, 512, true }, STATUS };
	struct iova_map *map;

	open_fake(state, NULL);
	fake.hold = true;
	put_header(w, 0, VIRTIO_BLK_T_IN, 0);
	assert_true(driver_add(&w->v, 1, read, 3));
	blkworld_pending(w, 1);
	map = iova_map_new(w->map->region, 2); /* the ring is in it, nothing else */
	assert_int_equal(vring_set_map(&w->vq.ring, map), 0);
	iova_map_unref(map);
	assert_int_equal(w->map->refs, 2);
	*data_at(w, AT_STATUS) = 0xff;
	fake_end(&fake, 0, 0);
	assert_int_equal(w->map->refs, 1);
	blkworld_turn(w);
	assert_int_equal(vdriver_get(&w->v, NULL), 1);
	assert_int_equal(*data_at(w, AT_STATUS), 0);
	/* New ones don't get there. */
	assert_int_equal(blkworld_chain(w, read, 3), 0xff);
	assert_string_equal(w->vq.ring.why, NO_HEADER);
	blkworld_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_beyond),	     EACH(test_large_blocks), EACH(test_shrunk),
		EACH(test_readonly),	     EACH(test_bad_ranges),   EACH(test_data_unmapped),
		EACH(test_permission),	     EACH(test_huge),	      EACH(test_broken),
		EACH(test_broken_in_flight), EACH(test_map_changes),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
