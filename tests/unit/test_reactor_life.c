/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues of a reactor begin and end. */
#include "reactorworld.h"

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
	vq_drain(&w[0]->vq, false);
	wishes_granted();
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
	vq_drain(&w[0]->vq, false);
	vq_drain(&w[0]->vq, true);
	assert_int_equal(vq_state(&w[0]->vq), VQ_IDLE);
	close_all(1);
}

static void take_back(struct vq *vq)
{
	vq->drop = true;
}

/* The ring is the driver's again as soon as the main thread says so, before the wish for it is seen. */
static void test_taken_back(void **state)
{
	uint8_t *before = malloc(ARENA_SIZE);

	(void)state;
	open_held(1);
	reactor_call(&r, take_back, &w[0]->vq);
	memset(w[0]->arena + ARENA_DEVICE, 0x5a, 4);
	memcpy(before, w[0]->arena, ARENA_SIZE);
	kick(0);
	/* Between two calls there is a round. */
	wishes_granted();
	wishes_granted();
	vq_drain(&w[0]->vq, true);
	reactor_call(&r, end_all, &w[0]->vq);
	assert_true(wait_idle(0, SECONDS * 1000));
	assert_int_equal(fake.seen_count, 1);
	assert_memory_equal(w[0]->arena, before, ARENA_SIZE);
	close_all(1);
	free(before);
}

static void test_drop_and_cancel(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		open_held(5);
		/* A reset may come while it drains for another reason. */
		if (late)
			vq_drain(&w[0]->vq, false);
		vq_drain(&w[0]->vq, true);
		fake.deaf = true;
		reactor_cancel(&r);
		wishes_granted();
		assert_false(wait_idle(0, 20));
		fake.deaf = false;
		reactor_cancel(&r);
		assert_true(wait_idle(0, SECONDS * 1000));
		assert_int_equal(fake.cancelled, 2);
		assert_int_equal(vdriver_get(&w[0]->v, NULL), 0);
		for (uint32_t i = 1; i <= 5; i++)
			assert_int_equal(blkworld_read_status(w[0], i), 0xff);
		/* A new driver, a new ring. */
		fake.hold = false;
		vring_stop(&w[0]->vq.ring);
		blkworld_ring(w[0], VDRIVER_PACKED);
		vq_start(&w[0]->vq, false);
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
	vq_drain(&w[0]->vq, true);
	reactor_cancel(&r);
	assert_true(wait_idle(0, SECONDS * 1000));
	vring_stop(&w[0]->vq.ring);
	assert_int_equal(vring_start(&w[0]->vq.ring, &setup, w[0]->map, w[0]->log, true, 0), 0);
	fake.hold = false;
	vq_start(&w[0]->vq, true);
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
		vq_start(&w[0]->vq, false);
		add_read(0, i);
		if (i % 3)
			assert_int_equal(get(0, SECONDS * 1000), i);
		drain(0);
		/* Drained: it was done, or it was not taken at all. */
		if (!(i % 3)) {
			uint32_t token = vdriver_get(&w[0]->v, NULL);

			vq_start(&w[0]->vq, false);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain),		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_drop_and_cancel), cmocka_unit_test(test_resume),
		cmocka_unit_test(test_start_stop),	cmocka_unit_test(test_start_fails),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
