/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copying, and how the way is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vdused/copy.h"

#define LEN 700
#define ROOM (LEN + 64)

typedef void copy_fn(void *dst, const void *src, size_t len);

/* Every length and alignment, and not an octet beside. */
static void check(copy_fn *copy)
{
	uint8_t src[ROOM], dst[ROOM];

	for (size_t i = 0; i < ROOM; i++)
		src[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t len = 0; len <= LEN; len++) {
		size_t from = len % 9, to = len % 7 + 8;

		memset(dst, 0xee, ROOM);
		copy(dst + to, src + from, len);
		assert_memory_equal(dst + to, src + from, len);
		for (size_t i = 0; i < ROOM; i++)
			assert_true((i >= to && i < to + len) || dst[i] == 0xee);
	}
}

static void test_words(void **state)
{
	(void)state;
	check(copy_words);
}

static void test_either(void **state)
{
	(void)state;
	check(copy_bytes);
	copy_choose();
	check(copy_bytes);
}

static void test_words_pay(void **state)
{
	(void)state;
	assert_true(copy_words_pay(2000, 1000));
	assert_false(copy_words_pay(1000, 1000));
	assert_false(copy_words_pay(1250, 1000));
	assert_true(copy_words_pay(1251, 1000));
	assert_false(copy_words_pay(1000, 2000));
	/* A clock that stood still tells nothing. */
	assert_false(copy_words_pay(1000, 0));
	assert_false(copy_words_pay(0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_either),
		cmocka_unit_test(test_words_pay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
