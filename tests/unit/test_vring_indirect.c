/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lies in indirect tables. */
#include "hostile.h"

static void indirect(struct world *w, unsigned how, uint64_t addr, uint32_t len, unsigned flags)
{
	world_open(w, how);
	entry(w, 0, DATA, 16, 0, 0);
	desc(w, 0, addr, len, DESC_INDIRECT | flags, how & VDRIVER_PACKED ? 0 : 1);
	desc(w, 1, DATA, 16, 0, 0);
	if (!(how & VDRIVER_PACKED))
		vdriver_avail(&w->v, 0);
}

static void test_indirect(void **state)
{
	struct world w;

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		unsigned how = packed | VDRIVER_INDIRECT;

		indirect(&w, packed, TABLE, 16, 0);
		broken(&w, "request 0 has an indirect table, which was not negotiated");
		indirect(&w, how, TABLE, 0, 0);
		broken(&w, "the indirect table of request 0 has 0 octets");
		indirect(&w, how, TABLE, 17, 0);
		broken(&w, "the indirect table of request 0 has 17 octets");
		indirect(&w, how, TABLE, 16 * (SIZE + 1), 0);
		broken(&w, "the indirect table of request 0 has 9 descriptors, expected at most 8");
		indirect(&w, how, TABLE, UINT32_MAX - 15, 0);
		broken(&w,
		       "the indirect table of request 0 has 268435455 descriptors, expected at most 8");
		indirect(&w, how, UINT64_MAX - 14, 16, 0);
		broken(&w, "the indirect table of request 0 wraps around the address space");
		indirect(&w, how, 0x5000, 16, 0);
		broken(&w, "the indirect table of request 0 can't be read");
		indirect(&w, how, VDRIVER_IOVA + ARENA_SIZE - 16, 32, 0);
		broken(&w, "the indirect table of request 0 can't be read");
		indirect(&w, how, TABLE, 16, 0);
		entry(&w, 0, TABLE, 16, DESC_INDIRECT, 0);
		broken(&w, "descriptor 0 of the indirect table of request 0 is indirect itself");
		/* A writable table is a table. */
		indirect(&w, how, TABLE, 16, DESC_WRITE);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.nout, 1);
		world_close(&w);
	}
	indirect(&w, VDRIVER_INDIRECT, TABLE, 16, DESC_NEXT);
	broken(&w, "request 0 goes on after an indirect table");
	indirect(&w, VDRIVER_INDIRECT | VDRIVER_PACKED, TABLE, 16, DESC_NEXT);
	broken(&w, "request 0 has an indirect table in a list");
}

static void test_indirect_list(void **state)
{
	struct world w;

	(void)state;
	indirect(&w, VDRIVER_INDIRECT, TABLE, 32, 0);
	entry(&w, 0, DATA, 16, DESC_NEXT, 2);
	broken(&w,
	       "descriptor 0 of the indirect table of request 0 names 2 as its next, the table has 2");
	indirect(&w, VDRIVER_INDIRECT, TABLE, 32, 0);
	entry(&w, 0, DATA, 16, DESC_NEXT, 0);
	broken(&w, "the list in the indirect table of request 0 is a loop");
	indirect(&w, VDRIVER_INDIRECT, TABLE, 32, 0);
	entry(&w, 0, DATA, 16, DESC_NEXT, 1);
	entry(&w, 1, DATA, 16, DESC_NEXT, 0);
	broken(&w, "the list in the indirect table of request 0 is a loop");
	/* After direct ones, as the last: that is allowed, up to the ring's size. */
	for (unsigned n = 7; n < 9; n++) {
		indirect(&w, VDRIVER_INDIRECT, TABLE, n * 16, 0);
		for (unsigned i = 0; i < n; i++)
			entry(&w, i, DATA, 16, i + 1 < n ? DESC_NEXT : 0, (uint16_t)(i + 1));
		desc(&w, 4, DATA, 3, DESC_NEXT, 0);
		vdriver_avail(&w.v, 4);
		ring_store16(w.arena + ARENA_DRIVER + 4, 4);
		if (n == 8) {
			broken(&w,
			       "the indirect table of request 4 has 8 descriptors, expected at most 7");
			continue;
		}
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.nout, 8);
		assert_int_equal(w.chain.iov[0].iov_len, 3);
		world_close(&w);
	}
}

/* The driver was told of a larger ring than it made. */
static void test_larger_than_the_ring(void **state)
{
	struct world w;

	(void)state;
	for (unsigned n = 12; n < 14; n++) {
		struct vring_setup setup;

		indirect(&w, VDRIVER_INDIRECT, TABLE, n * 16, 0);
		for (unsigned i = 0; i < n; i++)
			entry(&w, i, DATA, 16, i + 1 < n ? DESC_NEXT : 0, (uint16_t)(i + 1));
		setup = w.vr.setup;
		setup.table_max = 12;
		vring_stop(&w.vr);
		assert_int_equal(vring_start(&w.vr, &setup, w.map, NULL, false, 0), 0);
		if (n == 13) {
			broken(&w, "the indirect table of request 0 has 13 descriptors, expected at most 12");
			continue;
		}
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.nout, 12);
		world_close(&w);
	}
}

/* The table lies in two regions, which are not next to each other in memory, cut inside an entry. */
static void test_indirect_in_pieces(void **state)
{
	struct world w;

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		static uint8_t second[64];
		struct iova_region r[3];
		struct iova_map *map;

		indirect(&w, packed | VDRIVER_INDIRECT, VDRIVER_IOVA + ARENA_SIZE - 21, 32, 0);
		memcpy(r, w.map->region, 2 * sizeof(r[0]));
		r[2] = (struct iova_region){ r[1].last + 1, r[1].last + 64, second,
					     IOVA_READ,	    NULL,	    0 };
		map = iova_map_new(r, 3);
		assert_int_equal(vring_set_map(&w.vr, map), 0);
		entry(&w, 0, DATA, 5, packed ? 0 : DESC_NEXT, 1);
		entry(&w, 1, DATA + 64, 6, DESC_WRITE, 0);
		memcpy(w.arena + ARENA_SIZE - 21, w.arena + ARENA_TABLES, 21);
		memcpy(second, w.arena + ARENA_TABLES + 21, 11);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.nout, 1);
		assert_int_equal(w.chain.nin, 1);
		assert_int_equal(w.chain.iov[1].iov_len, 6);
		assert_ptr_equal(w.chain.iov[1].iov_base, w.arena + ARENA_DATA + 64);
		iova_map_unref(map);
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_indirect_list),
		cmocka_unit_test(test_larger_than_the_ring),
		cmocka_unit_test(test_indirect_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
