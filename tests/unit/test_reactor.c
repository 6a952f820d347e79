/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reactor with its thread; the test is the driver and the main thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "blkworld.h"

#define QUEUES 3
#define SECONDS 10 /* longer than anything takes */

/* Queues of one reactor; the first world has it. */
static struct blkworld *w[QUEUES];
static struct vq *vqs[QUEUES];
static struct reactor r;
static struct fake fake;

static uint32_t random_below(uint32_t n)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 11) % n;
}

static void nap(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void start_reactor(unsigned n, struct backend *b, uint64_t poll_ns)
{
	struct err err = { "" };

	memset(&r, 0, sizeof(r));
	r.vqs = vqs;
	r.vq_count = n;
	r.notify = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r.poll_max_ns = poll_ns;
	for (unsigned i = 0; i < n; i++) {
		w[i]->vq.reactor = &r;
		w[i]->vq.index = i;
		vqs[i] = &w[i]->vq;
	}
	if (reactor_start(&r, b, &err))
		fail_msg("%s", err.text);
}

static void open_queues(unsigned n, unsigned how, bool use_fake)
{
	const struct blkworld_params p = {
		.how = how,
		.fake = use_fake ? &fake : NULL,
		.uri = use_fake ? NULL : "mem:1M",
		.thread = true,
	};

	for (unsigned i = 0; i < n; i++)
		blkworld_open(w[i], &p);
}

static void start_queue(unsigned i)
{
	w[i]->vq.kick.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	reactor_call(&r, vq_start, &w[i]->vq);
	assert_int_equal(vq_state(&w[i]->vq), VQ_RUNNING);
}

/* Until the reactor signals, which must not take long. */
static bool wait_idle(unsigned i, int ms)
{
	struct pollfd p = { .fd = r.notify, .events = POLLIN };
	uint64_t until = now_ms() + (uint64_t)ms, count;

	while (vq_state(&w[i]->vq) != VQ_IDLE) {
		uint64_t now = now_ms();

		if (now >= until || poll(&p, 1, (int)(until - now)) <= 0)
			return false;
		assert_int_equal(read(r.notify, &count, sizeof(count)), sizeof(count));
	}
	return true;
}

static void drain(unsigned i)
{
	reactor_call(&r, vq_drain, &w[i]->vq);
	assert_true(wait_idle(i, SECONDS * 1000));
}

static void close_all(unsigned n)
{
	reactor_stop(&r);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(vq_state(&w[i]->vq), VQ_IDLE);
		close(w[i]->vq.kick.fd);
		blkworld_close(w[i]);
	}
	close(r.notify);
}

static void kick(unsigned i)
{
	uint64_t one = 1;

	if (w[i]->vq.kick.fd < 0)
		return;
	assert_int_equal(write(w[i]->vq.kick.fd, &one, sizeof(one)), sizeof(one));
}

/* A read of sector `token`, which kicks only when the device wants it. */
static void add_read(unsigned i, uint32_t token)
{
	const unsigned at = token % 64 * 0x1000;
	const struct piece p[3] = { { DATA_IOVA + at, 16, false },
				    { DATA_IOVA + at + 512, 512, true },
				    { DATA_IOVA + at + 100, 1, true } };
	uint16_t old = w[i]->v.avail;

	put_header(w[i], at, VIRTIO_BLK_T_IN, token % 1024);
	*data_at(w[i], at + 100) = 0xff;
	assert_true(driver_add(&w[i]->v, token, p, 3));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vdriver_kicks(&w[i]->v, old))
		kick(i);
}

static uint32_t get(unsigned i, int ms)
{
	uint64_t until = now_ms() + (uint64_t)ms;
	uint32_t token;

	for (unsigned turn = 0; !(token = vdriver_get(&w[i]->v, NULL)); turn++) {
		if (turn > 1000)
			nap(10000);
		if (turn % 64 == 63 && now_ms() >= until)
			return 0;
	}
	assert_int_equal(*data_at(w[i], token % 64 * 0x1000 + 100), VIRTIO_BLK_S_OK);
	return token;
}

/* Until the back end holds n. */
static void wait_held(unsigned n)
{
	uint64_t until = now_ms() + SECONDS * 1000;

	while (__atomic_load_n(&fake.held_count, __ATOMIC_ACQUIRE) != n && now_ms() < until)
		nap(100000);
	assert_int_equal(fake.held_count, n);
}

/* ---- the tests ---- */

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
	reactor_call(&r, vq_start, &w[1]->vq);
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

static void end_all(struct vq *vq)
{
	(void)vq;
	while (fake.held_count)
		fake_end(&fake, 0, 0);
}

static void end_one(struct vq *vq)
{
	(void)vq;
	fake_end(&fake, 0, 0);
}

static void open_held(unsigned requests)
{
	fake_init(&fake, 0x100000);
	fake.hold = true;
	open_queues(1, 0, true);
	start_reactor(1, &fake.b, 0);
	start_queue(0);
	for (uint32_t i = 1; i <= requests; i++)
		add_read(0, i);
	wait_held(requests);
}

/* Idle only when the last one ended, and those are given back. */
static void test_drain(void **state)
{
	(void)state;
	open_held(3);
	reactor_call(&r, vq_drain, &w[0]->vq);
	assert_false(wait_idle(0, 20));
	assert_int_equal(vq_state(&w[0]->vq), VQ_DRAINING);
	add_read(0, 4);
	kick(0); /* too late */
	reactor_call(&r, end_one, &w[0]->vq);
	assert_int_equal(get(0, SECONDS * 1000), 1);
	assert_false(wait_idle(0, 20));
	reactor_call(&r, end_all, &w[0]->vq);
	assert_true(wait_idle(0, SECONDS * 1000));
	assert_int_equal(get(0, SECONDS * 1000), 2);
	assert_int_equal(get(0, SECONDS * 1000), 3);
	assert_int_equal(vdriver_get(&w[0]->v, NULL), 0);
	assert_int_equal(fake.seen_count, 3);
	/* Draining what is idle changes nothing. */
	reactor_call(&r, vq_drain, &w[0]->vq);
	reactor_call(&r, vq_drain_drop, &w[0]->vq);
	assert_int_equal(vq_state(&w[0]->vq), VQ_IDLE);
	close_all(1);
}

static void test_drop_and_cancel(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		open_held(5);
		/* A reset may come while it drains for another reason. */
		if (late)
			reactor_call(&r, vq_drain, &w[0]->vq);
		reactor_call(&r, vq_drain_drop, &w[0]->vq);
		fake.deaf = true;
		reactor_call(&r, vq_cancel, &w[0]->vq);
		assert_false(wait_idle(0, 20));
		fake.deaf = false;
		reactor_call(&r, vq_cancel, &w[0]->vq);
		assert_true(wait_idle(0, SECONDS * 1000));
		assert_int_equal(fake.cancelled, 2);
		assert_int_equal(vdriver_get(&w[0]->v, NULL), 0);
		for (uint32_t i = 1; i <= 5; i++)
			assert_int_equal(*data_at(w[0], i * 0x1000 + 100), 0xff);
		/* A new driver, a new ring. */
		fake.hold = false;
		vring_stop(&w[0]->vq.ring);
		blkworld_ring(w[0], VDRIVER_PACKED);
		reactor_call(&r, vq_start, &w[0]->vq);
		add_read(0, 6);
		kick(0);
		assert_int_equal(get(0, SECONDS * 1000), 6);
		drain(0);
		close_all(1);
	}
}

/* What an earlier process had in flight is done although nobody kicks. */
static void test_resume(void **state)
{
	struct vring_setup setup;

	(void)state;
	open_held(3);
	setup = w[0]->vq.ring.setup;
	reactor_call(&r, vq_drain_drop, &w[0]->vq);
	reactor_call(&r, vq_cancel, &w[0]->vq);
	assert_true(wait_idle(0, SECONDS * 1000));
	vring_stop(&w[0]->vq.ring);
	assert_int_equal(vring_start(&w[0]->vq.ring, &setup, w[0]->map, w[0]->log, true, 0), 0);
	fake.hold = false;
	reactor_call(&r, vq_start_resumed, &w[0]->vq);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(get(0, SECONDS * 1000), i);
	drain(0);
	close_all(1);
}

static void test_start_stop(void **state)
{
	struct err err;

	(void)state;
	open_queues(1, 0, false);
	w[0]->vq.kick.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	start_reactor(1, w[0]->backend, 0);
	for (uint32_t i = 1; i <= 300; i++) {
		reactor_call(&r, vq_start, &w[0]->vq);
		add_read(0, i);
		if (i % 3)
			assert_int_equal(get(0, SECONDS * 1000), i);
		drain(0);
		/* Drained: it was done, or it was not taken at all. */
		if (!(i % 3)) {
			uint32_t token = vdriver_get(&w[0]->v, NULL);

			reactor_call(&r, vq_start, &w[0]->vq);
			assert_int_equal(token ? token : get(0, SECONDS * 1000), i);
			drain(0);
		}
		if (i % 10)
			continue;
		/* The thread, too, ends and comes again. */
		reactor_stop(&r);
		reactor_stop(&r);
		assert_int_equal(reactor_start(&r, w[0]->backend, &err), 0);
	}
	close_all(1);
}

static int refuse_queue(struct backend *b, struct loop *loop, struct backend_queue **q,
			struct err *e)
{
	(void)b;
	(void)loop;
	(void)q;
	return err_set(e, -EMFILE, "no more of them");
}

static void test_start_fails(void **state)
{
	const struct backend_ops ops = { .queue_open = refuse_queue };
	char uri[] = "fake:";
	struct err err;

	(void)state;
	memset(&r, 0, sizeof(r));
	fake_init(&fake, 0x100000);
	fake.b.ops = &ops;
	fake.b.uri = uri;
	assert_int_equal(reactor_start(&r, &fake.b, &err), -EMFILE);
	assert_string_equal(err.text, "fake:: no more of them");
	assert_false(r.started);
	reactor_stop(&r);
	assert_int_equal(r.wake.fd, -1);
}

static int group_setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUES; i++)
		w[i] = calloc(1, sizeof(*w[i]));
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUES; i++)
		free(w[i]);
	return 0;
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
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drop_and_cancel),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_start_stop),
		cmocka_unit_test(test_start_fails),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
