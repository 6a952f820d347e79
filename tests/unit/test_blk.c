/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of drivers that behave, in each layout of ring and of chain. */
#include <endian.h>
#include <errno.h>

#include "layouts.h"

#define NO_FLUSH FEATURE(VIRTIO_BLK_F_FLUSH)

static void open_fake(void **state, uint64_t without)
{
	struct blkworld_params p = { .how = how_of(state), .fake = &fake, .without = without };

	fake_init(&fake, SIZE);
	blkworld_open(w, &p);
}

static void put_range(unsigned at, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes r = { htole64(sector), htole32(sectors),
						     htole32(flags) };

	memcpy(data_at(w, AT_DATA + at * sizeof(r)), &r, sizeof(r));
}

static void expect_seen(unsigned i, enum backend_op op, unsigned flags, uint64_t sector,
			uint64_t sectors)
{
	assert_true(i < fake.seen_count);
	assert_int_equal(fake.seen[i].op, op);
	assert_int_equal(fake.seen[i].flags, flags);
	assert_int_equal(fake.seen[i].offset, sector * 512);
	assert_int_equal(fake.seen[i].len, sectors * 512);
}

/* ---- data ---- */

static void test_write_and_read(void **state)
{
	open_mem(state);
	for (unsigned i = 0; i < 200; i++) {
		uint32_t len = 512 * (1 + i % 8);

		memset(data_at(w, AT_DATA), (int)i, len);
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_OUT, i * 8, len, false), 0);
		assert_int_equal(w->written, 1);
		memset(data_at(w, AT_DATA), 0xee, len + 1);
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN, i * 8, len, true), 0);
		assert_int_equal(w->written, len + 1);
		for (uint32_t k = 0; k < len; k++)
			assert_int_equal(*data_at(w, AT_DATA + k), (uint8_t)i);
		assert_int_equal(*data_at(w, AT_DATA + len), 0xee);
	}
	assert_int_equal(vq_counter(&w->vq, VQ_WRITES), 200);
	assert_int_equal(vq_counter(&w->vq, VQ_READS), 200);
	assert_int_equal(vq_counter(&w->vq, VQ_READ_BYTES), 200 / 8 * 36 * 512);
	assert_int_equal(vq_counter(&w->vq, VQ_WRITE_BYTES), 200 / 8 * 36 * 512);
	assert_int_equal(vq_counter(&w->vq, VQ_ERRORS), 0);
	blkworld_close(w);
}

/* The last sector, and nothing at all. */
static void test_edges(void **state)
{
	open_mem(state);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_OUT, SECTORS - 1, 512, false), 0);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN, SECTORS - 1, 512, true), 0);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN, SECTORS, 0, true), 0);
	assert_int_equal(w->written, 1);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_OUT, 0, 0, false), 0);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN, 0, 512, false), 0); /* readable: no data */
	assert_int_equal(w->written, 1);
	assert_int_equal(vq_counter(&w->vq, VQ_READ_BYTES), 512);
	blkworld_close(w);
}

/* Header in pieces, merged with data; status merged, alone, of several octets, behind other octets. */
static void test_layouts(void **state)
{
	const struct piece out[][6] = {
		{ { DATA_IOVA, 1, false },
		  { DATA_IOVA + 1, 14, false },
		  { DATA_IOVA + 15, 1, false },
		  { DATA_IOVA + AT_DATA, 512, false },
		  { DATA_IOVA + AT_STATUS, 1, true } },
		{ { DATA_IOVA, 16 + 512, false }, { DATA_IOVA + AT_STATUS - 10, 11, true } },
		{ { DATA_IOVA, 10, false },
		  { DATA_IOVA + 10, 6 + 500, false },
		  { DATA_IOVA + 16 + 500, 12, false },
		  { DATA_IOVA + AT_DATA, 512, true },
		  { DATA_IOVA + AT_STATUS, 1, true } },
	};
	const struct piece in[][6] = {
		{ { DATA_IOVA, 16, false }, { DATA_IOVA + AT_STATUS - 512, 513, true } },
		{ { DATA_IOVA, 4, false },
		  { DATA_IOVA + 4, 12, false },
		  { DATA_IOVA + AT_DATA, 1, true },
		  { DATA_IOVA + AT_DATA + 1, 510, true },
		  { DATA_IOVA + AT_STATUS - 1, 2, true } },
		{ { DATA_IOVA, 16 + 512, false }, /* readable data is of no interest */
		  { DATA_IOVA + AT_DATA, 512, true },
		  { DATA_IOVA + AT_STATUS, 1, true } },
	};
	static const unsigned n_out[] = { 5, 2, 5 }, n_in[] = { 2, 5, 3 };

	open_fake(state, 0);
	for (unsigned i = 0; i < 3; i++) {
		put_header(w, 0, VIRTIO_BLK_T_OUT, i + 1);
		assert_int_equal(blkworld_chain(w, out[i], n_out[i]), VIRTIO_BLK_S_OK);
		assert_int_equal(w->written, 1);
		expect_seen(2 * i, BACKEND_WRITE, 0, i + 1, 1);
		put_header(w, 0, VIRTIO_BLK_T_IN, i + 11);
		assert_int_equal(blkworld_chain(w, in[i], n_in[i]), VIRTIO_BLK_S_OK);
		assert_int_equal(w->written, 513);
		expect_seen(2 * i + 1, BACKEND_READ, 0, i + 11, 1);
	}
	blkworld_close(w);
}

/* What pieces there are: octet for octet through a disk. */
static void test_scatter(void **state)
{
	struct piece p[8] = { { DATA_IOVA, 16, false } };
	uint8_t expected[2048];

	open_mem(state);
	for (unsigned i = 0; i < sizeof(expected); i++)
		expected[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(data_at(w, AT_DATA), expected, sizeof(expected));
	for (int write = 0; write < 2; write++) {
		static const uint32_t lens[] = { 1, 511, 700, 3, 833 };
		uint32_t at = 0;

		for (unsigned k = 0; k < 5; at += lens[k++])
			p[k + 1] = (struct piece){ DATA_IOVA + AT_DATA + at, lens[k], write };
		p[6] = (struct piece){ DATA_IOVA + AT_STATUS, 1, true };
		put_header(w, 0, write ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 5);
		assert_int_equal(blkworld_chain(w, p, 7), VIRTIO_BLK_S_OK);
		if (!write)
			memset(data_at(w, AT_DATA), 0, sizeof(expected));
	}
	assert_memory_equal(data_at(w, AT_DATA), expected, sizeof(expected));
	blkworld_close(w);
}

/* ---- the other types ---- */

/* A status octet of its own leaves nothing behind among the data: back ends look at each piece's address. */
static void test_status_alone(void **state)
{
	const struct piece apart[] = { { DATA_IOVA, 16, false },
				       { DATA_IOVA + AT_DATA, 1024, true },
				       { DATA_IOVA + AT_STATUS, 1, true } };
	const struct piece behind[] = { { DATA_IOVA, 16, false },
					{ DATA_IOVA + AT_STATUS - 1024, 1025, true } };

	open_fake(state, 0);
	fake.hold = true;
	put_header(w, 0, VIRTIO_BLK_T_IN, 0);
	assert_true(driver_add(&w->v, 1, apart, 3));
	assert_true(driver_add(&w->v, 2, behind, 2));
	blkworld_pending(w, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fake.held[i]->niov, 1);
		assert_int_equal(fake.held[i]->iov[0].iov_len, 1024);
	}
	while (fake.held_count)
		fake_end(&fake, 0, 0);
	blkworld_turn(w);
	assert_int_equal(vdriver_get(&w->v, &w->written), 1);
	assert_int_equal(w->written, 1025);
	assert_int_equal(vdriver_get(&w->v, &w->written), 2);
	blkworld_close(w);
}

static void test_get_id(void **state)
{
	struct blkworld_params p = { .how = how_of(state), .uri = "mem:1M" };
	static const char id[20] = "serial";

	blkworld_open(w, &p);
	memset(data_at(w, AT_DATA), 0xee, 32);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_GET_ID, 0, 20, true), 0);
	assert_int_equal(w->written, 21);
	assert_memory_equal(data_at(w, AT_DATA), id, 20);
	memset(data_at(w, AT_DATA), 0xee, 32);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_GET_ID, 0, 32, true), 0);
	assert_int_equal(w->written, 21);
	assert_memory_equal(data_at(w, AT_DATA), id, 20);
	assert_int_equal(*data_at(w, AT_DATA + 20), 0xee);
	memset(data_at(w, AT_DATA), 0xee, 32);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_GET_ID, 0, 3, true), 0);
	assert_int_equal(w->written, 4);
	assert_memory_equal(data_at(w, AT_DATA), "ser\xee", 4);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_GET_ID, 0, 0, true), 0);
	assert_int_equal(w->written, 1);
	blkworld_close(w);
}

static void test_flush(void **state)
{
	open_fake(state, 0);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_FLUSH, 12345, 0, false), 0);
	expect_seen(0, BACKEND_FLUSH, 0, 0, 0);
	fake.result = -EIO;
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_IOERR);
	assert_int_equal(vq_counter(&w->vq, VQ_FLUSHES), 2);
	fake.b.info.flush = false;
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_FLUSH, 0, 0, false), 0);
	assert_int_equal(fake.seen_count, 2);
	blkworld_close(w);
}

/* Without FLUSH what is completed is durable. */
static void test_write_through(void **state)
{
	for (int fua = 0; fua < 2; fua++) {
		unsigned flag = fua ? BACKEND_FUA : 0;

		open_fake(state, fua ? NO_FLUSH : 0);
		put_range(0, 8, 8, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, false), 0);
		expect_seen(0, BACKEND_WRITE_ZEROES, BACKEND_MAY_UNMAP | flag, 8, 8);
		put_range(0, 16, 8, 0);
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, false), 0);
		expect_seen(1, BACKEND_WRITE_ZEROES, flag, 16, 8);
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_DISCARD, 0, 16, false), 0);
		expect_seen(2, BACKEND_DISCARD, flag, 16, 8);
		/* The gate takes no FUA for this one. */
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_SECURE_ERASE, 0, 16, false), 0);
		expect_seen(3, BACKEND_SECURE_ERASE, 0, 16, 8);
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_OUT, 3, 512, false), 0);
		expect_seen(4, BACKEND_WRITE, flag, 3, 1);
		assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN, 3, 512, true), 0);
		expect_seen(5, BACKEND_READ, 0, 3, 1);
		blkworld_close(w);
	}
}

static void test_ranges(void **state)
{
	open_mem(state);
	memset(data_at(w, AT_DATA), 0x77, 0x8000);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_OUT, 0, 0x8000, false), 0);
	put_range(0, 1, 2, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	put_range(1, 5, 0, 0); /* nothing */
	put_range(2, 8, 16, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	put_range(3, 63, 1, 0);
	put_range(4, SECTORS, 0, 0);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_WRITE_ZEROES, 0, 80, false), 0);
	assert_int_equal(w->written, 1);
	memset(data_at(w, AT_DATA), 0xee, 0x8000);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN, 0, 0x8000, true), 0);
	for (unsigned s = 0; s < 64; s++) {
		bool zero = (s >= 1 && s < 3) || (s >= 8 && s < 24) || s == 63;

		assert_int_equal(*data_at(w, AT_DATA + s * 512), zero ? 0 : 0x77);
		assert_int_equal(*data_at(w, AT_DATA + s * 512 + 511), zero ? 0 : 0x77);
	}
	assert_int_equal(vq_counter(&w->vq, VQ_WRITE_ZEROES), 1);
	put_range(0, 0, 0, 0);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_DISCARD, 0, 16, false), 0);
	assert_int_equal(vq_counter(&w->vq, VQ_DISCARDS), 1);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_SECURE_ERASE, 0, 16, false),
			 VIRTIO_BLK_S_UNSUPP);
	blkworld_close(w);
}

/* One after the other; the first that fails is the end. */
static void test_range_errors(void **state)
{
	open_fake(state, 0);
	fake.hold = true;
	for (unsigned i = 0; i < BLK_RANGES_MAX; i++)
		put_range(i, i * 8, 8, 0);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_DISCARD, 0, 16 * BLK_RANGES_MAX, false), 0xff);
	/* They were copied. */
	memset(data_at(w, AT_DATA), 0xff, 16 * BLK_RANGES_MAX);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(fake.held_count, 1);
		expect_seen(i, BACKEND_DISCARD, 0, i * 8, 8);
		blkworld_pending(w, 1);
		fake_end(&fake, 0, i == 2 ? -ENOSPC : 0);
	}
	blkworld_turn(w);
	assert_int_equal(vdriver_get(&w->v, &w->written), 7);
	assert_int_equal(*data_at(w, AT_STATUS), VIRTIO_BLK_S_IOERR);
	assert_int_equal(w->written, 1);
	assert_int_equal(fake.seen_count, 3);
	blkworld_close(w);
}

static void test_types(void **state)
{
	static const uint32_t unknown[] = { 2, 3, 5, 7, 9, 10, 12, 15, 18, 24, 0x7fffffff };

	open_mem(state);
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		assert_int_equal(blkworld_do(w, unknown[i], 0, 512, true), VIRTIO_BLK_S_UNSUPP);
		assert_int_equal(w->written, 1);
	}
	assert_int_equal(vq_counter(&w->vq, VQ_ERRORS), sizeof(unknown) / sizeof(*unknown));
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN | VIRTIO_BLK_T_BARRIER, 0, 512, true), 0);
	assert_int_equal(w->written, 513);
	blkworld_close(w);
}

/* ---- completions ---- */

static void test_order_and_errors(void **state)
{
	static const int results[] = { 0,	    -EIO,      -ENOSPC,	   -EROFS,  -EFAULT,
				       -EOPNOTSUPP, -ENOTCONN, -ECANCELED, -EINVAL, 0 };
	unsigned got = 0;
	uint32_t token;

	open_fake(state, 0);
	fake.hold = true;
	for (unsigned i = 1; i <= 10; i++)
		assert_true(blkworld_read(w, i));
	blkworld_pending(w, 10);
	assert_int_equal(fake.held_count, 10);
	for (unsigned i = 10; i; i--)
		fake_end(&fake, i - 1, results[i - 1]);
	assert_int_equal(vdriver_get(&w->v, NULL), 0); /* not before it is published */
	blkworld_turn(w);
	for (; (token = vdriver_get(&w->v, &w->written)); got++) {
		int result = results[token - 1];

		assert_int_equal(token, 10 - got);
		assert_int_equal(blkworld_read_status(w, token), result == 0 ? VIRTIO_BLK_S_OK :
								 result == -EOPNOTSUPP ?
									       VIRTIO_BLK_S_UNSUPP :
									       VIRTIO_BLK_S_IOERR);
		assert_int_equal(w->written, result ? 1 : 513);
	}
	assert_int_equal(got, 10);
	assert_int_equal(vq_counter(&w->vq, VQ_ERRORS), 8);
	blkworld_close(w);
}

/* What an earlier process had in flight, oldest first. */
static void test_resume(void **state)
{
	struct vring_setup setup;
	struct blk_req *left;

	open_fake(state, 0);
	fake.hold = true;
	for (unsigned i = 1; i <= 5; i++)
		assert_true(blkworld_read(w, i));
	blkworld_pending(w, 5);
	fake_end(&fake, 1, 0);
	blkworld_turn(w);
	assert_int_equal(vdriver_get(&w->v, NULL), 2);
	/* That process is dead: its requests end without a trace. */
	w->vq.drop = true;
	backend_cancel(w->r.backend);
	setup = w->vq.ring.setup;
	vring_stop(&w->vq.ring);
	assert_int_equal(vring_start(&w->vq.ring, &setup, w->map, w->log, true, 0), 0);
	w->vq.drop = false;
	left = w->vq.free_reqs;
	assert_non_null(left);
	fake.seen_count = 0;
	fake.hold = false;
	assert_true(blkworld_read(w, 6));
	blk_resume(&w->vq);
	blkworld_turn(w);
	for (unsigned i = 0; i < 5; i++)
		expect_seen(i, BACKEND_READ, 0, (uint64_t[]){ 1, 3, 4, 5, 6 }[i], 1);
	for (unsigned i = 0; i < 5; i++)
		assert_int_not_equal(vdriver_get(&w->v, NULL), 0);
	assert_int_equal(vdriver_get(&w->v, NULL), 0);
	blkworld_close(w);
}

/* A resumed device may have to fail all: there is no back end. */
static void test_no_backend(void **state)
{
	struct blkworld_params p = { .how = how_of(state) };

	blkworld_open(w, &p);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_IN, 0, 512, true), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_FLUSH, 0, 0, true), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_GET_ID, 0, 20, true), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blkworld_do(w, 99, 0, 0, true), VIRTIO_BLK_S_IOERR);
	assert_int_equal(w->written, 1);
	blkworld_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_write_and_read), EACH(test_edges),	     EACH(test_layouts),
		EACH(test_scatter),	   EACH(test_status_alone),  EACH(test_get_id),
		EACH(test_flush),	   EACH(test_write_through), EACH(test_ranges),
		EACH(test_range_errors),   EACH(test_types),	     EACH(test_order_and_errors),
		EACH(test_resume),	   EACH(test_no_backend),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
