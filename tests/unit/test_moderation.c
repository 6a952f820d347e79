/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When interrupts are held, with a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vdused/moderation.h"

#define US 1000u
#define COST (5 * US) /* of an interrupt; it is held for 8 times that at most */

/* A driver with `depth` requests under way, which the device answers one by one. */
struct world {
	struct moderation m;
	uint64_t now;
	unsigned depth, under_way;
	uint64_t each; /* from one answer to the next */
	unsigned interrupts, answers;
	uint64_t waited; /* while the driver had nothing more to submit */
};

static void open_world(struct world *w, unsigned depth, uint64_t each)
{
	*w = (struct world){ .now = 12345, .depth = depth, .each = each };
	moderation_start(&w->m, true, w->now);
	moderation_cost(&w->m, COST);
}

static void interrupted(struct world *w)
{
	w->interrupts++;
	w->under_way = 0;
	assert_int_equal(w->m.held, 0);
}

/* The device gives an answer, or sees that there is none to give. */
static void turn(struct world *w)
{
	if (w->under_way == w->depth) {
		w->now += US;
		w->waited += US;
		if (moderation_expired(&w->m, w->now))
			interrupted(w);
		return;
	}
	w->now += w->each;
	assert_false(moderation_expired(&w->m, w->now - w->each));
	w->under_way++;
	w->answers++;
	if (moderation_add(&w->m, 1, w->now))
		interrupted(w);
}

static void run(struct world *w, unsigned answers)
{
	w->interrupts = w->answers = 0;
	w->waited = 0;
	while (w->answers < answers)
		turn(w);
}

/* One at a time: an interrupt each, and hardly a moment is lost. */
static void test_one(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 1, 3 * US);
	run(&w, 100000);
	assert_in_range(w.interrupts, 99999, 100000);
	assert_true(w.waited > 0); /* it was tried */
	assert_in_range(w.waited, 0, 100000 * w.each / 200);
}

/* Half of what is under way shares an interrupt. */
static void test_share(void **state)
{
	static const struct {
		unsigned depth, share;
	} cases[] = { { 2, 1 }, { 4, 2 }, { 9, 4 }, { 16, 8 }, { 32, 16 }, { 256, 16 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world w;

		open_world(&w, cases[i].depth, US);
		run(&w, 2000);
		run(&w, 100000);
		assert_int_equal(w.m.share, cases[i].share);
		assert_in_range(w.interrupts, 99000 / cases[i].share,
				101000 / cases[i].share + 100);
	}
}

/* Fewer than before: it notices at once, and loses no answer over it. */
static void test_fewer(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 16, US);
	run(&w, 10000);
	assert_int_equal(w.m.share, 8);
	w.depth = 3;
	run(&w, 40);
	assert_in_range(w.m.share, 1, 3);
	w.depth = 1;
	run(&w, 2000);
	assert_int_equal(w.m.share, 1);
	w.depth = 16;
	run(&w, 40000);
	assert_int_equal(w.m.share, 8);
}

/* Answers that are farther apart than what is to be gained are not waited for. */
static void test_slow(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 16, 11 * US);
	run(&w, 10000);
	assert_int_equal(w.m.share, 1);
	assert_int_equal(w.interrupts, 10000);
	assert_int_equal(w.waited, 0);
}

/* The oldest answer is held no longer than 8 times the cost of an interrupt. */
static void test_longest(void **state)
{
	struct world w;
	uint64_t since = 0;

	(void)state;
	open_world(&w, 32, US);
	run(&w, 10000);
	assert_int_equal(w.m.share, 16);
	w.each = 9 * US / 2; /* slower than it is known to be */
	for (unsigned i = 0; i < 100000; i++) {
		bool was = w.m.held;

		turn(&w);
		if (!was)
			since = w.now;
		assert_true(!w.m.held || w.now - since <= 8 * COST + w.each);
		if (w.m.held && moderation_expired(&w.m, w.now))
			interrupted(&w);
	}
}

static void test_never(void **state)
{
	struct moderation m;

	(void)state;
	moderation_start(&m, false, 0);
	moderation_cost(&m, COST);
	for (unsigned i = 0; i < 5000; i++) {
		assert_false(moderation_is_timed(&m));
		assert_false(moderation_expired(&m, 0));
		assert_true(moderation_add(&m, 1 + i % 3, 0));
	}
}

/* What takes the interrupt out of turn, and many answers at once. */
static void test_flush(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 16, US);
	run(&w, 10000);
	while (w.m.held != 3)
		turn(&w);
	moderation_flush(&w.m, w.now);
	assert_int_equal(w.m.held, 0);
	assert_false(moderation_expired(&w.m, w.now + 1000 * COST));
	moderation_flush(&w.m, w.now);
	assert_int_equal(w.m.share, 8);
	assert_true(moderation_add(&w.m, 100, w.now));
}

/* A driver that was slow once is soon found out to have as many under way as ever. */
static void test_slow_once(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 16, US);
	run(&w, 100000);
	assert_int_equal(w.m.share, 8);
	assert_true(w.m.until_trial > 100);
	while (w.m.held != 3)
		turn(&w);
	w.now += 1000 * US;
	assert_true(moderation_expired(&w.m, w.now));
	assert_int_equal(w.m.share, 5);
	w.under_way = 0;
	run(&w, 300);
	assert_int_equal(w.m.share, 8);
}

/* It follows, but not by one that is far off. */
static void test_cost(void **state)
{
	struct moderation m;

	(void)state;
	moderation_start(&m, true, 0);
	moderation_cost(&m, COST);
	assert_int_equal(m.cost_ns, COST);
	moderation_cost(&m, 17 * COST);
	assert_int_equal(m.cost_ns, 2 * COST);
	/* The machine stood still for a minute, twice, once at the very first. */
	moderation_cost(&m, UINT64_C(60000000) * US);
	assert_in_range(m.cost_ns, 2 * COST, 125 * US);
	moderation_start(&m, true, 0);
	moderation_cost(&m, UINT64_C(60000000) * US);
	assert_int_equal(m.cost_ns, 125 * US);
	for (unsigned i = 0; i < 200; i++)
		moderation_cost(&m, COST / 2);
	assert_in_range(m.cost_ns, COST / 2, COST / 2 + 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),	cmocka_unit_test(test_share),
		cmocka_unit_test(test_fewer),	cmocka_unit_test(test_slow),
		cmocka_unit_test(test_longest), cmocka_unit_test(test_never),
		cmocka_unit_test(test_flush),	cmocka_unit_test(test_slow_once),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
