/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdused/iova.h"

#define RW (IOVA_READ | IOVA_WRITE)

static uint8_t memory[0x1000];

static const struct iova_region regions[] = {
	{ 0x1000, 0x1fff, memory, RW, NULL, 0 },
	/* Next to it, and elsewhere in memory. */
	{ 0x2000, 0x2003, memory + 0x100, IOVA_READ, NULL, 0 },
	{ 0x3000, 0x3fff, memory + 0x200, IOVA_WRITE, NULL, 0 },
	{ UINT64_MAX - 0xf, UINT64_MAX, memory + 0x300, RW, NULL, 0 },
};

static void test_translate(void **state)
{
	static const struct {
		uint64_t iova, len;
		unsigned perm;
		long at; /* in memory, or -1 */
		uint64_t got;
	} cases[] = {
		{ 0x1000, 1, RW, 0, 1 },
		{ 0x1000, 0x1000, RW, 0, 0x1000 },
		{ 0x1fff, 1, IOVA_READ, 0xfff, 1 },
		/* Ends with its region, whatever comes next. */
		{ 0x1fff, 2, IOVA_READ, 0xfff, 1 },
		{ 0x1010, 0x5000, RW, 0x10, 0xff0 },
		{ 0x2001, 100, IOVA_READ, 0x101, 3 },
		/* Not mapped up to what is. */
		{ 0xfff, 1, IOVA_READ, -1, 1 },
		{ 0xfff, 2, IOVA_READ, -1, 1 },
		{ 0, 0x8000, IOVA_READ, -1, 0x1000 },
		{ 0x2004, 0x1000, IOVA_WRITE, -1, 0xffc },
		{ 0x2004, 0x10, IOVA_WRITE, -1, 0x10 },
		{ 0x4000, 0x10, RW, -1, 0x10 },
		/* Not mapped so. */
		{ 0x2000, 4, IOVA_WRITE, -1, 4 },
		{ 0x2000, 0x1008, IOVA_WRITE, -1, 0x1000 },
		{ 0x2000, 1, RW, -1, 1 },
		{ 0x3000, 1, IOVA_READ, -1, 1 },
		{ 0x2004, UINT64_MAX - 0x2004, IOVA_READ, -1, UINT64_MAX - 0xf - 0x2004 },
		/* Up to the end of all addresses, and past it. */
		{ UINT64_MAX, 1, RW, 0x30f, 1 },
		{ UINT64_MAX - 0xf, 0x10, RW, 0x300, 0x10 },
		{ UINT64_MAX, 2, RW, -1, 2 },
		{ UINT64_MAX - 0xf, 0x11, RW, -1, 0x11 },
	};
	struct iova_map *map = iova_map_new(regions, 4);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t got = 0;
		uint8_t *want = cases[i].at < 0 ? NULL : memory + cases[i].at;
		uint8_t *va = iova_translate(map, cases[i].iova, cases[i].len, cases[i].perm, &got);

		assert_ptr_equal(va, want);
		assert_int_equal(got, cases[i].got);
		va = iova_translate_whole(map, cases[i].iova, cases[i].len, cases[i].perm);
		assert_ptr_equal(va, got == cases[i].len ? want : NULL);
	}
	iova_map_unref(map);
}

static void test_empty(void **state)
{
	struct iova_map *map = iova_map_new(NULL, 0);
	uint64_t got;

	(void)state;
	assert_null(iova_translate(map, 0, 5, 0, &got));
	assert_int_equal(got, 5);
	iova_map_unref(map);
	iova_map_unref(NULL);
}

/* Each of many is found, by its first and last address. */
static void test_many(void **state)
{
	for (unsigned count = 1; count < 70; count++) {
		struct iova_region many[70];
		struct iova_map *map;

		for (unsigned i = 0; i < count; i++)
			many[i] = (struct iova_region){
				i * 32, i * 32 + 15, memory + i, RW, NULL, 0
			};
		map = iova_map_new(many, count);
		for (unsigned i = 0; i < count; i++) {
			assert_ptr_equal(iova_translate_whole(map, i * 32, 16, RW), memory + i);
			assert_ptr_equal(iova_translate_whole(map, i * 32 + 15, 1, RW),
					 memory + i + 15);
			assert_null(iova_translate_whole(map, i * 32 + 16, 1, RW));
		}
		iova_map_unref(map);
	}
	(void)state;
}

static bool is_mapped(void *p)
{
	return !msync(p, 1, MS_ASYNC);
}

/* The last reference unmaps what is the map's. */
static void test_refs(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iova_region r[] = {
		{ 0, 10, p + 5, RW, p, page },
		{ 20, 30, p + page, RW, NULL, 0 },
	};
	struct iova_map *map = iova_map_new(r, 2);

	(void)state;
	assert_ptr_equal(iova_map_ref(map), map);
	iova_map_unref(map);
	assert_true(is_mapped(p));
	iova_map_unref(map);
	assert_false(is_mapped(p));
	assert_true(is_mapped(p + page));
	munmap(p + page, page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_translate),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_refs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
