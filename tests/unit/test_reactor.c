/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reactor at work. */
#include <sys/mman.h>

#include "reactorworld.h"

static const unsigned hows[] = { 0, VDRIVER_EVENT_IDX, VDRIVER_PACKED,
				 VDRIVER_PACKED | VDRIVER_EVENT_IDX | VDRIVER_INDIRECT };

static void test_serves(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		open_queues(1, hows[k], false);
		add_read(0, 1); /* before there is anyone */
		start_reactor(1, w[0]->backend, 0);
		start_queue(0);
		assert_int_equal(get(0, SECONDS * 1000), 1);
		add_read(0, 2);
		assert_int_equal(get(0, SECONDS * 1000), 2);
		drain(0);
		add_read(0, 3);
		kick(0);
		assert_int_equal(get(0, 30), 0);
		assert_int_equal(vq_counter(&w[0]->vq, VQ_READS), 2);
		assert_true(vq_counter(&w[0]->vq, VQ_INTERRUPTS) >= 1);
		close_all(1);
	}
}

/*
 * One at a time, with pauses of about what the reactor needs to fall asleep: a
 * wake-up that is lost is a request that is never answered.
 */
static void run_one_by_one(unsigned how, uint64_t poll_ns, struct fake *f, unsigned count)
{
	open_queues(1, how, f != NULL);
	start_reactor(1, f ? &f->b : w[0]->backend, poll_ns);
	start_queue(0);
	for (uint32_t i = 1; i <= count; i++) {
		unsigned batch = random_below(4) ? 1 : 1 + random_below(8), got;

		for (unsigned k = 0; k < batch; k++)
			add_read(0, i * 16 % 1000000 + k + 1);
		for (got = 0; got < batch && get(0, SECONDS * 1000); got++)
			;
		if (got != batch)
			fail_msg("request %u of layout %u was never answered", i, how);
		for (volatile uint32_t spin = random_below(3000); spin; spin--)
			;
		if (!random_below(50))
			nap(random_below(100000));
	}
	drain(0);
	close_all(1);
}

static void test_no_lost_wakeup(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++)
		run_one_by_one(hows[k], 0, NULL, 5000);
}

static void test_no_lost_wakeup_spinning(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++)
		run_one_by_one(hows[k], 50000, NULL, 3000);
}

/* Completions come by the loop, in another order. */
static void test_asynchronous(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		fake_init(&fake, 0x100000);
		fake_end_later(&fake, 200000);
		run_one_by_one(hows[k], k % 2 ? 100000 : 0, &fake, 200);
	}
}

/* A thread that always has something to do still runs its loop. */
static void test_busy(void **state)
{
	(void)state;
	fake_init(&fake, 0x100000);
	fake_end_later(&fake, 1000000);
	fake.busy = true;
	run_one_by_one(0, 0, &fake, 20);
}

/* It polls: then it needs no kicks. */
static void test_spins(void **state)
{
	uint64_t kicks;

	(void)state;
	open_queues(1, 0, false);
	start_reactor(1, w[0]->backend, 100000000);
	start_queue(0);
	/* Waits that are worth it: it learns to spin. */
	for (uint32_t i = 1; i <= 40; i++) {
		add_read(0, i);
		assert_int_equal(get(0, SECONDS * 1000), i);
		nap(200000);
	}
	kicks = vq_counter(&w[0]->vq, VQ_KICKS);
	for (uint32_t i = 100; i < 1100; i++) {
		add_read(0, i);
		assert_int_equal(get(0, SECONDS * 1000), i);
	}
	assert_true(vq_counter(&w[0]->vq, VQ_KICKS) - kicks < 500);
	drain(0);
	close_all(1);
}

static void test_queues(void **state)
{
	(void)state;
	open_queues(QUEUES, VDRIVER_EVENT_IDX, false);
	start_reactor(QUEUES, w[0]->backend, 0);
	for (unsigned i = 0; i < QUEUES; i++)
		start_queue(i);
	for (uint32_t n = 1; n <= 1000; n++) {
		unsigned i = random_below(QUEUES), k = random_below(QUEUES);

		add_read(i, n);
		if (k != i) {
			add_read(k, n + 1000);
			assert_int_equal(get(k, SECONDS * 1000), n + 1000);
		}
		assert_int_equal(get(i, SECONDS * 1000), n);
	}
	/* One stops and starts again while the others go on. */
	drain(1);
	add_read(0, 2001);
	assert_int_equal(get(0, SECONDS * 1000), 2001);
	add_read(1, 2002);
	assert_int_equal(get(1, 20), 0);
	vq_start(&w[1]->vq, false);
	assert_int_equal(get(1, SECONDS * 1000), 2002);
	for (unsigned i = 0; i < QUEUES; i++)
		drain(i);
	close_all(QUEUES);
}

/* One queue's broken ring is nothing to the others. */
static void test_broken_ring(void **state)
{
	const struct piece bad[] = { { DATA_IOVA, 15, false }, { DATA_IOVA + 100, 1, true } };

	(void)state;
	open_queues(2, 0, false);
	start_reactor(2, w[0]->backend, 0);
	start_queue(0);
	start_queue(1);
	assert_true(driver_add(&w[0]->v, 1, bad, 2));
	kick(0);
	assert_int_equal(get(0, 30), 0);
	add_read(1, 2);
	assert_int_equal(get(1, SECONDS * 1000), 2);
	for (unsigned i = 0; i < 100; i++)
		kick(0);
	drain(0);
	assert_string_equal(w[0]->vq.ring.why, "a request's header is shorter than 16 octets");
	drain(1);
	close_all(2);
}

static uint64_t poll_ns;

static void make_dear(struct vq *vq)
{
	vq->moderation.cost_ns = UINT64_C(1) << 40;
	poll_ns = r.polling.ns;
}

/* Nobody said for how long, and interrupts are dear: longer than where they are cheap. */
static void test_polls_by_cost(void **state)
{
	uint64_t until = now_ms() + SECONDS * 1000;

	(void)state;
	open_queues(1, 0, false);
	start_reactor(1, w[0]->backend, POLLING_BY_COST);
	start_queue(0);
	poll_ns = 0;
	for (uint32_t token = 1; poll_ns <= 100000 && now_ms() < until; token++) {
		reactor_call(&r, make_dear, &w[0]->vq);
		nap(200000);
		add_read(0, token);
		assert_int_equal(get(0, SECONDS * 1000), token);
	}
	assert_in_range(poll_ns, 100001, 1000000);
	drain(0);
	close_all(1);
}

static struct loop_source announced;
static bool was_served;

static void serve_source(struct loop_source *src, uint32_t events)
{
	(void)src;
	(void)events;
	__atomic_store_n(&was_served, true, __ATOMIC_RELEASE);
}

/* For minutes, so that it can't be the sleep that sees what comes. */
static void look_on_for_long(struct vq *vq)
{
	(void)vq;
	r.polling.ns = UINT64_C(300) * 1000000000;
}

/* While it looks at the rings, also at what only the loop tells: timers, sockets that take more. */
static void test_looks_at_the_loop(void **state)
{
	uint64_t until = now_ms() + SECONDS * 1000;

	(void)state;
	open_queues(1, 0, false);
	start_reactor(1, w[0]->backend, UINT64_C(300) * 1000000000);
	start_queue(0);
	reactor_call(&r, look_on_for_long, &w[0]->vq);
	announced = (struct loop_source){ .fd = eventfd(1, EFD_CLOEXEC), .ready = serve_source };
	assert_int_equal(loop_add(&r.loop, &announced, EPOLLIN), 0);
	while (!__atomic_load_n(&was_served, __ATOMIC_ACQUIRE) && now_ms() < until)
		nap(1000000);
	assert_true(was_served);
	drain(0);
	close_all(1);
	close(announced.fd);
}

static unsigned calls;

static void count_call(struct vq *vq)
{
	(void)vq;
	calls++;
}

/* Whoever calls while it makes up its mind to sleep is heard all the same. */
static void test_calls_before_sleep(void **state)
{
	(void)state;
	alarm(60);
	open_queues(1, 0, false);
	start_reactor(1, w[0]->backend, 30000);
	start_queue(0);
	calls = 0;
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t spins = random_below(30000);

		reactor_call(&r, count_call, &w[0]->vq);
		while (spins--)
			__asm__ volatile("");
	}
	assert_int_equal(calls, 20000);
	drain(0);
	close_all(1);
	alarm(0);
}

/* Without an event there is no waking up: rather no service than one that hangs. */
static void test_kick_that_can_t_be_heard(void **state)
{
	(void)state;
	open_queues(1, 0, false);
	start_reactor(1, w[0]->backend, 0);
	w[0]->vq.kick.fd = memfd_create("kick", MFD_CLOEXEC); /* epoll takes no files */
	vq_start(&w[0]->vq, false);
	wishes_granted();
	assert_string_equal(w[0]->vq.ring.why, "its kicks can't be waited for: Operation not permitted");
	drain(0);
	close_all(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves),
		cmocka_unit_test(test_no_lost_wakeup),
		cmocka_unit_test(test_no_lost_wakeup_spinning),
		cmocka_unit_test(test_asynchronous),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_spins),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_broken_ring),
		cmocka_unit_test(test_polls_by_cost),
		cmocka_unit_test(test_looks_at_the_loop),
		cmocka_unit_test(test_calls_before_sleep),
		cmocka_unit_test(test_kick_that_can_t_be_heard),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
