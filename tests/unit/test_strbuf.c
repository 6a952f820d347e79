/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/strbuf.h"

static void test_empty(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	char *s;

	(void)state;
	s = strbuf_take(&sb);
	assert_string_equal(s, "");
	free(s);
	strbuf_clear(&sb);
	strbuf_free(&sb);
	strbuf_add(&sb, "");
	assert_string_equal(sb.s, "");
	strbuf_free(&sb);
	strbuf_free(&sb);
}

static void test_build(void **state)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;

	(void)state;
	strbuf_add(&sb, "one");
	strbuf_addc(&sb, ' ');
	strbuf_addn(&sb, "two-rest", 3);
	strbuf_addf(&sb, " %d%%%s", 3, "");
	assert_string_equal(sb.s, "one two 3%");
	assert_int_equal(sb.len, strlen("one two 3%"));
	assert_false(sb.failed);
}

/* Across every boundary at which it grows, by every way of adding. */
static void test_grow(void **state)
{
	(void)state;
	for (size_t n = 0; n < 300; n++) {
		CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;

		for (size_t i = 0; i < n; i++)
			strbuf_addc(&sb, 'x');
		strbuf_addf(&sb, "%s", "0123456789012345678901234567890123456789");
		strbuf_add(&sb, "tail");
		assert_int_equal(sb.len, n + 44);
		assert_int_equal(strlen(sb.s), n + 44);
		assert_string_equal(sb.s + n, "0123456789012345678901234567890123456789tail");
	}
}

static void test_long_format(void **state)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;

	(void)state;
	strbuf_add(&sb, "<");
	strbuf_addf(&sb, "%5000d", 7);
	strbuf_add(&sb, ">");
	assert_int_equal(sb.len, 5002);
	assert_int_equal(sb.s[0], '<');
	assert_int_equal(sb.s[5000], '7');
	assert_string_equal(sb.s + 5001, ">");
}

static void test_take_and_clear(void **state)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	char *s;

	(void)state;
	strbuf_add(&sb, "abc");
	strbuf_clear(&sb);
	assert_int_equal(sb.len, 0);
	assert_string_equal(sb.s, "");
	strbuf_add(&sb, "de");
	s = strbuf_take(&sb);
	assert_string_equal(s, "de");
	free(s);
	assert_null(sb.s);
	assert_int_equal(sb.len, 0);
	strbuf_clear(&sb);
	s = strbuf_take(&sb);
	assert_string_equal(s, "");
	free(s);
}

static void test_octets(void **state)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;

	(void)state;
	strbuf_addn(&sb, "a\0b", 3);
	strbuf_addn(&sb, NULL, 0);
	assert_int_equal(sb.len, 3);
	assert_memory_equal(sb.s, "a\0b", 4);
}

/* Once failed, it stays failed and harmless until it is cleared. */
static void test_failure(void **state)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;

	(void)state;
	strbuf_add(&sb, "abc");
	strbuf_addn(&sb, "x", SIZE_MAX);
	assert_true(sb.failed);
	strbuf_add(&sb, "more");
	strbuf_addf(&sb, "%d", 1);
	assert_string_equal(sb.s, "abc");
	assert_null(strbuf_take(&sb));
	assert_false(sb.failed);
	strbuf_addn(&sb, "x", SIZE_MAX - 1);
	assert_true(sb.failed);
	strbuf_clear(&sb);
	strbuf_add(&sb, "again");
	assert_string_equal(sb.s, "again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	       cmocka_unit_test(test_build),
		cmocka_unit_test(test_grow),	       cmocka_unit_test(test_long_format),
		cmocka_unit_test(test_take_and_clear), cmocka_unit_test(test_octets),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
