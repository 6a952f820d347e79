/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings with a driver that lies: each lie has its sentence. */
#include "hostile.h"

/* ---- split ---- */

static void test_avail_index(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	vdriver_avail_idx(&w.v, SIZE + 1);
	broken(&w, "the available index went from 0 to 9, the ring has 8");
	/* Backwards, and forth again. */
	world_open(&w, 0);
	for (uint32_t i = 1; i < 4; i++)
		vdriver_add(&w.v, i, 1, 0, false);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	vdriver_avail_idx(&w.v, 2);
	assert_true(vring_has_work(&w.vr)); /* to see what is wrong */
	vdriver_avail_idx(&w.v, 4);
	broken(&w, "the available index went from 3 to 2, the ring has 8");
}

static void test_head(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	vdriver_avail(&w.v, SIZE);
	broken(&w, "descriptor 8 was made available, the ring has 8");
}

static void test_head_twice(void **state)
{
	struct world w;

	(void)state;
	for (int pushed = 0; pushed < 2; pushed++) {
		world_open(&w, 0);
		desc(&w, 5, DATA, 16, 0, 0);
		vdriver_avail(&w.v, 5);
		vdriver_avail(&w.v, 5);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		if (pushed)
			vring_push(&w.vr, 5, 0);
		broken(&w, "descriptor 5 was made available again while it is in flight");
	}
}

static void test_next(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	desc(&w, 2, DATA, 16, DESC_NEXT, 5);
	desc(&w, 5, DATA, 16, DESC_NEXT, 300);
	vdriver_avail(&w.v, 2);
	broken(&w, "descriptor 5 names 300 as its next, the ring has 8");
}

static void test_loop(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	desc(&w, 2, DATA, 16, DESC_NEXT, 5);
	desc(&w, 5, DATA, 16, DESC_NEXT, 2);
	vdriver_avail(&w.v, 2);
	broken(&w, "the list of descriptors that starts with 2 is a loop");
	world_open(&w, 0);
	desc(&w, 3, DATA, 16, DESC_NEXT, 3);
	vdriver_avail(&w.v, 3);
	broken(&w, "the list of descriptors that starts with 3 is a loop");
}

/* As many as the ring has is no loop. */
static void test_longest(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, i < SIZE - 1 ? DESC_NEXT : 0, (uint16_t)(i + 1));
	vdriver_avail(&w.v, 0);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	assert_int_equal(w.chain.nout, SIZE);
	world_close(&w);
}

/* ---- both layouts ---- */

/* Lists are wrong in the same way in both, and in indirect tables too. */
static void lists(struct world *w, unsigned how, unsigned count, const struct inflight_desc *d)
{
	bool packed = how & VDRIVER_PACKED, indirect = how & VDRIVER_INDIRECT;

	world_open(w, how);
	for (unsigned i = 0; i < count; i++) {
		unsigned next = i + 1 < count ? DESC_NEXT : 0;

		(indirect ? entry : desc)(w, i, d[i].addr, d[i].len,
					  d[i].flags | (packed && indirect ? 0 : next),
					  packed ? 0 : (uint16_t)(i + 1));
	}
	if (indirect)
		desc(w, 0, TABLE, count * 16, DESC_INDIRECT, 0);
	if (!packed)
		vdriver_avail(&w->v, 0);
}

static void test_readable_after_writable(void **state)
{
	static const struct inflight_desc d[] = { { DATA, 8, 0, 0 },
						  { DATA, 8, DESC_WRITE, 0 },
						  { DATA, 8, 0, 0 } };
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		lists(&w, how, 3, d);
		broken(&w, "request 0 has a readable descriptor after a writable one");
	}
}

static void test_wrapping_range(void **state)
{
	static const struct inflight_desc d[] = { { UINT64_MAX - 7, 9, 0, 0 } };
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		lists(&w, how, 1, d);
		broken(&w, "request 0 has a descriptor that wraps around the address space");
	}
}

/* Nothing of these is wrong enough to break a ring. */
static void test_odd(void **state)
{
	static const struct inflight_desc d[] = {
		{ DATA, 0, 0, 0 },
		{ UINT64_MAX, 1, 0, 0 },
		{ 0, UINT32_MAX, 0, 0 },
		{ UINT64_MAX, 0, 0, 0 },
		{ DATA + 4, 4, DESC_WRITE, 0 },
		{ 0, UINT32_MAX, DESC_WRITE, 0 },
	};
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		uint64_t sum = 0;

		lists(&w, how, 6, d);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.out_len, 1 + (uint64_t)UINT32_MAX);
		assert_int_equal(w.chain.in_len, 4 + (uint64_t)UINT32_MAX);
		/* Not mapped, mapped, hole of the log, mapped, not mapped. */
		assert_int_equal(w.chain.nout, 6);
		assert_int_equal(w.chain.nin, 6);
		assert_null(w.chain.iov[0].iov_base);
		assert_null(w.chain.iov[1].iov_base);
		assert_int_equal(w.chain.iov[1].iov_len, VDRIVER_IOVA);
		assert_ptr_equal(w.chain.iov[2].iov_base, w.arena);
		assert_int_equal(w.chain.iov[2].iov_len, ARENA_LOG);
		assert_null(w.chain.iov[3].iov_base);
		assert_ptr_equal(w.chain.iov[4].iov_base, w.arena + ARENA_TABLES);
		assert_null(w.chain.iov[5].iov_base);
		assert_ptr_equal(w.chain.iov[6].iov_base, w.arena + ARENA_DATA + 4);
		for (unsigned i = 0; i < 12; i++)
			sum += w.chain.iov[i].iov_len;
		assert_int_equal(sum, w.chain.out_len + w.chain.in_len);
		world_close(&w);
	}
}

/* What may only be read is not there for writing. */
static void test_permission(void **state)
{
	static const struct inflight_desc d[] = { { 0x10, 8, 0, 0 }, { 0x10, 8, DESC_WRITE, 0 } };
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		struct iova_region r[3] = { { 0, 0xff, NULL, IOVA_READ, NULL, 0 } };
		struct iova_map *map;

		lists(&w, how, 2, d);
		r[0].va = w.arena;
		memcpy(r + 1, w.map->region, 2 * sizeof(r[0]));
		map = iova_map_new(r, 3);
		assert_int_equal(vring_set_map(&w.vr, map), 0);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_ptr_equal(w.chain.iov[0].iov_base, w.arena + 0x10);
		assert_null(w.chain.iov[1].iov_base);
		iova_map_unref(map);
		world_close(&w);
	}
}

/* Each descriptor spans thousands of regions. */
static void test_pieces(void **state)
{
	static struct iova_region r[10002];
	struct world w;

	(void)state;
	for (unsigned n = 3; n < 5; n++) {
		struct iova_map *map;

		world_open(&w, 0);
		for (unsigned i = 0; i < n; i++)
			desc(&w, i, 0, 20000, i + 1 < n ? DESC_NEXT : 0, (uint16_t)(i + 1));
		for (unsigned i = 0; i < 10000; i++)
			r[i] = (struct iova_region){ 2 * i, 2 * i, w.arena, IOVA_READ, NULL, 0 };
		memcpy(r + 10000, w.map->region, 2 * sizeof(r[0]));
		map = iova_map_new(r, 10002);
		assert_int_equal(vring_set_map(&w.vr, map), 0);
		iova_map_unref(map);
		vdriver_avail(&w.v, 0);
		if (n == 3) {
			assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
			assert_int_equal(w.chain.nout, 60000);
			world_close(&w);
		} else {
			broken(&w, "a request has more than 65536 pieces");
		}
	}
}

/* ---- packed ---- */

static void test_packed(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, VDRIVER_PACKED);
	desc(&w, 0, DATA, 16, 0, SIZE);
	broken(&w, "buffer 8 was made available, the ring has 8");
	world_open(&w, VDRIVER_PACKED);
	desc(&w, 0, DATA, 16, 0, 3);
	desc(&w, 1, DATA, 16, 0, 3);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	broken(&w, "buffer 3 was made available again while it is in flight");
	world_open(&w, VDRIVER_PACKED);
	desc(&w, 0, DATA, 16, DESC_NEXT, 3);
	broken(&w, "the list of descriptors at 0 ends with one that is not available");
	/* All of the ring, with no end. */
	world_open(&w, VDRIVER_PACKED);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, DESC_NEXT, 3);
	broken(&w, "the list of descriptors at 0 is longer than the 8 that are free");
	/* Around the end, into what is in flight. */
	world_open(&w, VDRIVER_PACKED);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, i > 1 ? DESC_NEXT : 0, (uint16_t)i);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	broken(&w, "the list of descriptors at 2 is longer than the 6 that are free");
	world_open(&w, VDRIVER_PACKED);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, 0, (uint16_t)i);
	for (unsigned i = 0; i < SIZE; i++)
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 0);
	vdriver_desc(&w.v, ARENA_DESC, 0, DATA, 16, DESC_USED, 2);
	broken(&w, "the list of descriptors at 0 is longer than the 0 that are free");
}

/* ---- the device's own state is not in the driver's memory ---- */

static void test_scribbled(void **state)
{
	struct world w;

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		uint32_t written;

		world_open(&w, how);
		vdriver_add(&w.v, 1, 1, 1, false);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		memset(w.arena + ARENA_DEVICE, 0xff, 0x100);
		memset(w.arena + ARENA_DRIVER, 0xff, 2);
		memset(w.arena + ARENA_DRIVER + 4, 0xff, 0x100);
		vring_push(&w.vr, w.chain.id, 5);
		vring_publish(&w.vr);
		assert_false(vring_broken(&w.vr));
		assert_int_equal(vdriver_get(&w.v, &written), 1);
		assert_int_equal(written, 5);
		/* Nor do ids that are not in flight do anything. */
		vring_push(&w.vr, w.chain.id, 5);
		vring_push(&w.vr, 0xffff, 5);
		vring_push(&w.vr, SIZE, 5);
		assert_int_equal(vring_publish(&w.vr), 0);
		assert_int_equal(vdriver_get(&w.v, NULL), 0);
		world_close(&w);
	}
}

/* The file is cut: before another process takes over. */
static void resume_truncated(unsigned how)
{
	void *log = calloc(1, inflight_area_size(SIZE));
	struct world w;

	world_open(&w, how);
	vring_stop(&w.vr);
	assert_int_equal(vring_start(&w.vr, &w.v.setup, w.map, log, false, 0), 0);
	vring_stop(&w.vr);
	assert_int_equal(ftruncate(w.fd, 0), 0);
	assert_int_equal(vring_start(&w.vr, &w.v.setup, w.map, log, true, 0), -EINVAL);
	broken(&w, "memory of the ring is gone");
	free(log);
}

/* The file is cut: at each of the calls. */
static void test_truncated(void **state)
{
	struct world w;

	(void)state;
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	assert_int_equal(guard_install(), 0);
	for (unsigned how = 0; how < 2; how++)
		resume_truncated(how);
	for (unsigned how = 0; how < 8; how++)
		for (unsigned call = 0; call < 5; call++) {
			world_open(&w, how);
			vdriver_add(&w.v, 1, 1, 1, how & VDRIVER_INDIRECT);
			if (call == 1)
				assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
			vring_push(&w.vr, w.chain.id, 5);
			assert_int_equal(ftruncate(w.fd, 0), 0);
			if (call == 1)
				assert_int_equal(vring_publish(&w.vr), 0);
			else if (call == 2)
				assert_true(vring_notify_on(&w.vr));
			else if (call == 3)
				vring_notify_off(&w.vr);
			else if (call == 4)
				assert_true(vring_has_work(&w.vr));
			if (call == 3 && (how & 3) == VDRIVER_EVENT_IDX)
				assert_string_equal(w.vr.why, "");
			broken(&w, "memory of the ring is gone");
		}
	world_open(&w, VDRIVER_INDIRECT);
	vdriver_add(&w.v, 1, 1, 1, true);
	assert_int_equal(ftruncate(w.fd, ARENA_TABLES), 0);
	broken(&w, "the indirect table of request 0 can't be read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_avail_index),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_head_twice),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_readable_after_writable),
		cmocka_unit_test(test_wrapping_range),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_permission),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_scribbled),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
