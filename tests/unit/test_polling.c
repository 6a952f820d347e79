/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a thread looks on before it sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vdused/polling.h"

#define US 1000u

static void wait_often(struct polling *p, uint64_t each, uint64_t interrupt, unsigned n)
{
	while (n--)
		polling_waited(p, each, interrupt);
}

static void test_grows_while_it_pays(void **state)
{
	struct polling p;
	uint64_t before;

	(void)state;
	polling_start(&p, 100 * US);
	assert_int_equal(p.ns, 0);
	wait_often(&p, 30 * US, US, 20);
	/* Long enough for these waits, not as long as it may be. */
	assert_in_range(p.ns, 30 * US, 60 * US);
	/* Shorter ones change nothing: they are caught, up to the very last. */
	before = p.ns;
	wait_often(&p, US, US, 20);
	wait_often(&p, before, US, 20);
	assert_int_equal(p.ns, before);
	wait_often(&p, 90 * US, US, 20);
	assert_in_range(p.ns, 90 * US, 100 * US);
}

static void test_shrinks_to_nothing(void **state)
{
	struct polling p;
	uint64_t before;

	(void)state;
	polling_start(&p, 100 * US);
	wait_often(&p, 90 * US, US, 20);
	before = p.ns;
	polling_waited(&p, 101 * US, US);
	assert_in_range(p.ns, 1, before - 1);
	wait_often(&p, 101 * US, US, 20);
	assert_int_equal(p.ns, 0);
	/* Not by halves: what is shorter than the first try is not tried. */
	polling_waited(&p, US, US);
	assert_true(p.ns >= US);
	polling_waited(&p, 101 * US, US);
	assert_int_equal(p.ns, 0);
}

static void test_a_number_is_the_limit(void **state)
{
	struct polling p;

	(void)state;
	polling_start(&p, 20 * US);
	wait_often(&p, 21 * US, 1000 * US, 20);
	assert_int_equal(p.ns, 0);
	wait_often(&p, 20 * US, 0, 20);
	assert_int_equal(p.ns, 20 * US);
	polling_start(&p, 0);
	wait_often(&p, 1, 1000 * US, 20);
	assert_int_equal(p.ns, 0);
}

/* The longest wait that is looked through when an interrupt costs so much. */
static uint64_t longest(uint64_t interrupt)
{
	uint64_t us;

	for (us = 1; us < 5000; us++) {
		struct polling p;

		polling_start(&p, POLLING_BY_COST);
		wait_often(&p, us * US, interrupt, 20);
		if (p.ns < us * US)
			break;
	}
	return us - 1;
}

static void test_by_cost(void **state)
{
	(void)state;
	assert_int_equal(longest(0), 100);
	assert_int_equal(longest(2 * US), 100);
	assert_int_equal(longest(5 * US), 160);
	assert_int_equal(longest(25 * US), 800);
	assert_int_equal(longest(32 * US), 1000);
	assert_int_equal(longest(10000 * US), 1000);
	/* No overflow. */
	assert_int_equal(longest(UINT64_MAX / 32 + 2), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_while_it_pays),
		cmocka_unit_test(test_shrinks_to_nothing),
		cmocka_unit_test(test_a_number_is_the_limit),
		cmocka_unit_test(test_by_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
