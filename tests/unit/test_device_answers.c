/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel gets its answers in time, whatever keeps the reactors. */
#include <pthread.h>
#include <semaphore.h>

#include "deviceworld.h"

/* ---- a reactor that does not look ---- */

static struct loop_source stuck_source; /* an eventfd of the reactor's loop */
static sem_t stuck, go_on;

/* As a back end that looks up a name would: when it is over, requests end at once. */
static void get_stuck(struct loop_source *src, uint32_t events)
{
	uint64_t count;

	(void)events;
	assert_int_equal(read(src->fd, &count, sizeof(count)), sizeof(count));
	sem_post(&stuck);
	while (sem_wait(&go_on))
		;
	while (fake.held_count)
		fake_end(&fake, 0, 0);
}

static void watch_source(struct vq *q)
{
	(void)q;
	loop_add(&reactor.loop, &stuck_source, EPOLLIN);
}

static void stick(void)
{
	uint64_t one = 1;

	sem_init(&stuck, 0, 0);
	sem_init(&go_on, 0, 0);
	stuck_source = (struct loop_source){ .fd = eventfd(0, EFD_NONBLOCK), .ready = get_stuck };
	reactor_call(&reactor, watch_source, &vq);
	assert_int_equal(write(stuck_source.fd, &one, sizeof(one)), sizeof(one));
	while (sem_wait(&stuck))
		;
}

static void unwatch_source(struct vq *q)
{
	(void)q;
	loop_del(&reactor.loop, &stuck_source);
}

static void release(void)
{
	sem_post(&go_on);
	reactor_call(&reactor, unwatch_source, &vq);
	close(stuck_source.fd);
	sem_destroy(&stuck);
	sem_destroy(&go_on);
}

/* ---- resets ---- */

static void test_reset_while_stuck(void **state)
{
	(void)state;
	hang(2);
	stick();
	send_status(0);
	assert_int_equal(answered(0), -1);
	tick(5);
	assert_int_equal(answered(0), -1);
	assert_int_equal(dev.phase, DEVICE_DRAINING);
	release();
	wait_phase(DEVICE_STOPPED);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
	nothing_given_back(2);
}

/* From the answer on all memory is the driver's: what ends later, and the thread itself, leave it alone. */
static void test_given_up_while_stuck(void **state)
{
	uint8_t *before = malloc(ARENA_SIZE);

	(void)state;
	hang(2);
	stick();
	send_status(0);
	tick(250);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
	memset(w->arena, 0x5a, ARENA_SIZE);
	memcpy(before, w->arena, ARENA_SIZE);
	release();
	wait_phase(DEVICE_STOPPED);
	assert_memory_equal(w->arena, before, ARENA_SIZE);
	for (uint32_t i = 1; i <= 2; i++)
		assert_int_equal(blkworld_read_status(w, i), 0xff);
	free(before);
}

/* It was started, and the thread has not seen it: there is nothing to wait for. */
static void test_started_while_stuck(void **state)
{
	(void)state;
	stick();
	new_driver();
	assert_int_equal(vq_state(&vq), VQ_STARTING);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(dev.phase, DEVICE_STOPPED);
	new_driver();
	add_read(1);
	release();
	assert_int_equal(get(), 1);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* A stop by signal ends the process when its time is over: this has to return. */
static void test_stop_while_stuck(void **state)
{
	(void)state;
	hang(2);
	stick();
	assert_true(device_quiesce(&dev, drained_cb));
	assert_int_equal(drained_count, 0);
	release();
	wait_phase(DEVICE_STOPPED);
	assert_int_equal(drained_count, 1);
	assert_int_equal(get(), 1);
	assert_int_equal(get(), 2);
}

/* ---- the kernel's patience ---- */

static void gives_up_after(unsigned ticks)
{
	send_status(0);
	tick(ticks - 1);
	assert_int_equal(answered(0), -1);
	tick(1);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
}

static void end_hanging(void)
{
	reactor_call(&reactor, end_all, &vq);
	wait_phase(DEVICE_STOPPED);
	fake.hold = fake.deaf = false;
}

static void test_patience(void **state)
{
	static const struct {
		unsigned seconds, ticks;
		bool late;
	} cases[] = { { 30, 250, false }, { 6, 50, false }, { 1, 8, false }, { 300, 2500, false },
		      { 30, 150, true },  { 6, 30, true } };

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		hang(1);
		msg_timeout = cases[i].seconds;
		/* As device_start() finds it. */
		dev.late = cases[i].late;
		gives_up_after(cases[i].ticks);
		assert_false(dev.late);
		end_hanging();
	}
}

static void test_for_ever(void **state)
{
	(void)state;
	hang(1);
	msg_timeout = 0;
	send_status(0);
	tick(5000);
	assert_int_equal(answered(0), -1);
	end_hanging();
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
}

/* A main loop that was late itself hears of several ticks at a time. */
static void test_ticks_together(void **state)
{
	uint64_t many = 249;

	(void)state;
	hang(1);
	send_status(0);
	assert_int_equal(write(dev.timer.fd, &many, sizeof(many)), sizeof(many));
	assert_int_equal(answered(0), -1);
	wishes_granted();
	assert_int_equal(fake.cancelled, 1);
	tick(1);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
	end_hanging();
}

/* ---- the address space ---- */

enum { UPDATE = 200 }; /* instead of a status, for answered() */

static void send_update_as(uint8_t update)
{
	struct vduse_dev_request req = { .type = VDUSE_UPDATE_IOTLB, .request_id = 40u + update };

	assert_int_equal(send(kernel, &req, sizeof(req), 0), sizeof(req));
	run();
}

static void send_update(void)
{
	send_update_as(UPDATE);
}

static int wait_answer(uint8_t of)
{
	int result;

	for (unsigned i = 0; (result = answered(of)) < 0 && i < 5000; i++)
		nap();
	return result;
}

/* The same memory, which the world's map goes on to own. */
static struct iova_map *new_map(void)
{
	struct iova_map *map = iova_map_new(w->map->region, w->map->count);

	for (unsigned i = 0; i < map->count; i++)
		map->region[i].mapping = NULL;
	return map;
}

static void new_guest(void)
{
	other_map = new_map();
	new_driver();
	iova_map_unref(other_map);
	other_map = new_map();
}

static void test_update(void **state)
{
	(void)state;
	new_guest();
	send_update();
	assert_int_equal(wait_answer(UPDATE), VDUSE_REQ_RESULT_OK);
	assert_ptr_equal(vq.ring.map, other_map);
	add_read(1);
	assert_int_equal(get(), 1);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(other_map->refs, 1);
	iova_map_unref(other_map);
}

/* The answer means that nothing new goes by the old map: until then that lives. */
static void test_update_while_stuck(void **state)
{
	struct iova_map *old;

	(void)state;
	new_guest();
	old = iova_map_ref(vq.ring.map);
	stick();
	send_update();
	assert_int_equal(answered(UPDATE), -1);
	tick(3);
	assert_int_equal(answered(UPDATE), -1);
	assert_ptr_equal(vq.ring.map, old);
	assert_int_equal(old->refs, 2);
	release();
	assert_int_equal(wait_answer(UPDATE), VDUSE_REQ_RESULT_OK);
	assert_ptr_equal(vq.ring.map, other_map);
	assert_int_equal(old->refs, 1);
	assert_int_equal(dev.tick_ms, 0);
	iova_map_unref(old);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	iova_map_unref(other_map);
}

static void test_update_given_up(void **state)
{
	(void)state;
	new_guest();
	stick();
	send_update();
	tick(249);
	assert_int_equal(answered(UPDATE), -1);
	tick(1);
	assert_int_equal(answered(UPDATE), VDUSE_REQ_RESULT_OK);
	/* It is taken all the same, before anything else. */
	release();
	assert_ptr_equal(vq.ring.map, other_map);
	add_read(1);
	assert_int_equal(get(), 1);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	iova_map_unref(other_map);
}

/* Its sender is killed, and the reset follows. */
static void test_update_then_reset(void **state)
{
	struct vduse_dev_response resp[2];

	(void)state;
	new_guest();
	stick();
	send_update();
	send_status(0);
	release();
	wait_phase(DEVICE_STOPPED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(recv(kernel, &resp[i], sizeof(resp[i]), MSG_DONTWAIT),
				 sizeof(resp[i]));
		assert_int_equal(resp[i].result, VDUSE_REQ_RESULT_OK);
	}
	assert_int_equal(resp[0].request_id + resp[1].request_id, 40u + 40u + UPDATE);
	assert_int_equal(other_map->refs, 1);
	iova_map_unref(other_map);
}

/* A queue that never began is idle with the reset: nobody takes the map that waits for it. */
static void test_update_before_start(void **state)
{
	struct vduse_dev_response resp;

	(void)state;
	stick();
	new_guest();
	assert_int_equal(vq_state(&vq), VQ_STARTING);
	send_update();
	assert_int_equal(answered(UPDATE), -1);
	send_status(0);
	assert_int_equal(dev.phase, DEVICE_STOPPED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(recv(kernel, &resp, sizeof(resp), MSG_DONTWAIT), sizeof(resp));
		assert_int_equal(resp.result, VDUSE_REQ_RESULT_OK);
	}
	assert_int_equal(other_map->refs, 1);
	release();
	iova_map_unref(other_map);
}

/* The kernel does not send another before it gave the first one up; each has its answer. */
static void test_update_again(void **state)
{
	(void)state;
	new_guest();
	stick();
	send_update();
	send_update_as(UPDATE + 1);
	assert_int_equal(answered(UPDATE), VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(answered(UPDATE + 1), -1);
	release();
	assert_int_equal(wait_answer(UPDATE + 1), VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	iova_map_unref(other_map);
}

/* ---- starts ---- */

/* The driver's memory could not be mapped: perhaps it can a moment later. */
static void test_map_fails(void **state)
{
	(void)state;
	map_fails = true;
	new_driver();
	add_read(1);
	assert_int_equal(dev.tick_ms, 100);
	tick(40);
	assert_int_equal(dev.tick_ms, 100);
	tick(20);
	/* It may take for ever. */
	assert_int_equal(dev.tick_ms, 1000);
	assert_int_equal(vq_state(&vq), VQ_IDLE);
	map_fails = false;
	tick(1);
	assert_int_equal(get(), 1);
	assert_int_equal(dev.tick_ms, 0);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* The stop was decided: a driver that is ready now is the next daemon's. */
static void test_nothing_starts_at_the_end(void **state)
{
	(void)state;
	assert_int_equal(set_status(FEATURES), VDUSE_REQ_RESULT_OK);
	assert_true(device_quiesce(&dev, drained_cb));
	assert_int_equal(drained_count, 1);
	assert_int_equal(set_status(OK), VDUSE_REQ_RESULT_OK);
	assert_int_equal(dev.phase, DEVICE_STOPPED);
	assert_int_equal(vq_state(&vq), VQ_IDLE);
	assert_int_equal(dev.state.header->status, OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_reset_while_stuck),
		EACH(test_given_up_while_stuck),
		EACH(test_started_while_stuck),
		EACH(test_stop_while_stuck),
		EACH(test_patience),
		EACH(test_for_ever),
		EACH(test_ticks_together),
		EACH(test_update),
		EACH(test_update_while_stuck),
		EACH(test_update_given_up),
		EACH(test_update_then_reset),
		EACH(test_update_before_start),
		EACH(test_update_again),
		EACH(test_map_fails),
		EACH(test_nothing_starts_at_the_end),
	};

	/* Who waits for a reactor that is stuck waits for ever. */
	alarm(300);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
