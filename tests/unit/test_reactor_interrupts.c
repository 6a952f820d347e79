/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a reactor interrupts its driver. */
#include "reactorworld.h"

static unsigned most_shared; /* of all times that make_dear() looked */

/* Without a VDUSE device an interrupt costs nothing, and nothing is gained by holding it. */
static void make_dear(struct vq *vq)
{
	vq->moderation.cost_ns = UINT64_C(1) << 40;
	if (vq->moderation.share > most_shared)
		most_shared = vq->moderation.share;
}

/* Many more are waited for than there will be, for minutes. */
static void hold(struct vq *vq)
{
	make_dear(vq);
	vq->moderation.share = MODERATION_SHARE_MAX;
	vq->moderation.patience_ns = UINT64_C(1) << 40;
}

static uint64_t interrupts(void)
{
	return vq_counter(&w[0]->vq, VQ_INTERRUPTS);
}

/* As long as the interrupt was not there, the driver does not look. */
static void wait_interrupt(uint64_t *seen)
{
	uint64_t until = now_ms() + SECONDS * 1000, now;

	while ((now = interrupts()) == *seen && now_ms() < until)
		;
	if (now == *seen)
		fail_msg("the driver was never interrupted");
	*seen = now;
}

/* So many requests under way, until `count` were answered. */
static void run_by_interrupts(unsigned how, unsigned depth, unsigned count)
{
	unsigned under_way = 0, got = 0, next = 1;
	uint64_t seen = 0;

	open_queues(1, how, false);
	start_reactor(1, w[0]->backend, 100000);
	start_queue(0);
	while (got < count) {
		reactor_call(&r, make_dear, &w[0]->vq);
		for (; under_way < depth; under_way++)
			add_read(0, next++);
		wait_interrupt(&seen);
		for (; get(0, 0); got++)
			under_way--;
	}
	drain(0);
	close_all(1);
}

static void test_none_lost(void **state)
{
	static const unsigned depths[] = { 1, 2, 7, 16 };

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++)
		for (unsigned i = 0; i < sizeof(depths) / sizeof(*depths); i++)
			run_by_interrupts(packed ? VDRIVER_PACKED : 0, depths[i], 2000);
}

/* The driver has 16 under way, and adds one for each that it got back. */
static void test_shared(void **state)
{
	unsigned got = 0;

	(void)state;
	most_shared = 0;
	open_queues(1, 0, false);
	start_reactor(1, w[0]->backend, 100000);
	start_queue(0);
	for (uint32_t i = 1; i < 20000; i++) {
		if (i % 16 == 0)
			reactor_call(&r, make_dear, &w[0]->vq);
		add_read(0, i);
		if (i < 16)
			continue;
		assert_int_not_equal(get(0, SECONDS * 1000), 0);
		got++;
	}
	assert_true(interrupts() < got / 2);
	assert_true(most_shared > 1);
	drain(0);
	close_all(1);
}

/* A queue that stops owes nothing: its ring is not the reactor's any more. */
static void test_stopped(void **state)
{
	(void)state;
	for (int drop = 0; drop < 2; drop++) {
		uint64_t before;

		open_queues(1, 0, false);
		start_reactor(1, w[0]->backend, 100000);
		start_queue(0);
		reactor_call(&r, hold, &w[0]->vq);
		before = interrupts();
		add_read(0, 1);
		assert_int_equal(get(0, SECONDS * 1000), 1);
		nap(20000000);
		assert_int_equal(interrupts(), before);
		vq_drain(&w[0]->vq, drop);
		assert_true(wait_idle(0, SECONDS * 1000));
		/* A driver that resets the device has forgotten what it waited for. */
		assert_int_equal(interrupts(), before + !drop);
		assert_int_equal(w[0]->vq.moderation.held, 0);
		close_all(1);
	}
}

static void end_first(struct vq *vq)
{
	(void)vq;
	fake_end(&fake, 0, 0);
}

/* What else is under way depends on the back end, and is not waited for. */
static void test_back_end_at_work(void **state)
{
	uint64_t seen;

	(void)state;
	fake_init(&fake, 0x100000);
	fake.hold = true;
	open_queues(1, 0, true);
	start_reactor(1, &fake.b, 100000);
	start_queue(0);
	seen = interrupts();
	add_read(0, 1);
	add_read(0, 2);
	wait_held(2);
	reactor_call(&r, hold, &w[0]->vq);
	reactor_call(&r, end_first, &w[0]->vq);
	wait_interrupt(&seen);
	assert_int_equal(get(0, 0), 1);
	reactor_call(&r, end_first, &w[0]->vq);
	assert_int_equal(get(0, SECONDS * 1000), 2);
	drain(0);
	close_all(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_lost),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_back_end_at_work),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
