/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of a kernel that the test plays: running, resets, stops, and what comes in between. */
#include "deviceworld.h"

static void test_life(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		new_driver();
		assert_int_equal(dev.phase, DEVICE_RUNNING);
		assert_true(log_active());
		add_read(1);
		assert_int_equal(get(), 1);
		assert_int_equal(dev.state.header->status, OK);
		assert_int_equal(dev.state.header->driver_features, driver_features);
		assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
		assert_int_equal(dev.phase, DEVICE_STOPPED);
		assert_int_equal(dev.state.header->status, 0);
		assert_false(log_active());
	}
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK); /* once more */
}

static void test_refused(void **state)
{
	(void)state;
	driver_features |= FEATURE(VIRTIO_F_IN_ORDER);
	assert_int_equal(set_status(FEATURES), VDUSE_REQ_RESULT_FAILED);
	driver_features = 0;
	assert_int_equal(set_status(FEATURES), VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(set_status(VIRTIO_CONFIG_S_DRIVER_OK), VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(dev.phase, DEVICE_STOPPED);
	assert_int_equal(dev.state.header->status, 0);
}

/* Where the driver took it, an early end waits for what is older. */
static void test_in_order(void **state)
{
	(void)state;
	dev.blk.offered |= FEATURE(VIRTIO_F_IN_ORDER);
	new_driver();
	assert_false(dev.vqs[0].ring.setup.in_order);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	driver_features |= FEATURE(VIRTIO_F_IN_ORDER);
	new_driver();
	assert_true(dev.vqs[0].ring.setup.in_order);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* A queue that becomes ready after DRIVER_OK. */
static void test_ready_later(void **state)
{
	(void)state;
	ready = false;
	new_driver();
	add_read(1);
	tick(3);
	assert_int_equal(vq_state(&vq), VQ_IDLE);
	ready = true;
	tick(1);
	assert_int_equal(get(), 1);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* The answer waits for what is in flight, which is hurried after a while. */
static void test_reset_waits(void **state)
{
	(void)state;
	hang(3);
	send_status(0);
	assert_int_equal(answered(0), -1);
	assert_int_equal(fake.cancelled, 0);
	fake.deaf = false;
	tick(1);
	wishes_granted();
	assert_int_equal(fake.cancelled, 1);
	wait_phase(DEVICE_STOPPED);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
	nothing_given_back(3);
	fake.hold = false;
	new_driver();
	add_read(4);
	assert_int_equal(get(), 4);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* The kernel must get its answer; the next driver waits until the old requests ended. */
static void test_give_up(void **state)
{
	(void)state;
	hang(2);
	send_status(0);
	tick(249);
	assert_int_equal(answered(0), -1);
	tick(1);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(dev.phase, DEVICE_DRAINING);
	/* Should this process die now, the next one must not take up the old driver's requests. */
	assert_false(log_active());
	new_driver();
	assert_int_equal(dev.phase, DEVICE_DRAINING);
	/* It loses patience: that takes as long, not for ever. */
	send_status(0);
	tick(249);
	assert_int_equal(answered(0), -1);
	tick(1);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
	new_driver();
	add_read(5);
	fake.hold = false;
	reactor_call(&reactor, end_all, &vq);
	wait_phase(DEVICE_RUNNING);
	assert_int_equal(get(), 5);
	assert_true(log_active());
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* It is being stopped, and the driver resets: from then on nothing is given back. */
static void test_reset_while_stopping(void **state)
{
	(void)state;
	hang(2);
	assert_true(device_quiesce(&dev, drained_cb));
	assert_false(device_quiesce(&dev, drained_cb));
	tick(300); /* nobody is hurried for that */
	wishes_granted();
	assert_int_equal(fake.cancelled, 0);
	send_status(0);
	tick(20);
	wishes_granted();
	assert_int_equal(fake.cancelled, 1);
	assert_int_equal(answered(0), -1);
	tick(230);
	assert_int_equal(answered(0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(drained_count, 0);
	reactor_call(&reactor, end_all, &vq);
	wait_phase(DEVICE_STOPPED);
	assert_int_equal(drained_count, 1);
	nothing_given_back(2);
}

/* What is in flight is given back, and the log stays for the next process. */
static void test_quiesce(void **state)
{
	(void)state;
	hang(2);
	assert_true(device_quiesce(&dev, drained_cb));
	assert_int_equal(drained_count, 0);
	reactor_call(&reactor, end_all, &vq);
	wait_phase(DEVICE_STOPPED);
	assert_int_equal(drained_count, 1);
	assert_int_equal(get(), 1);
	assert_int_equal(get(), 2);
	assert_true(log_active());
	assert_int_equal(dev.state.header->status, OK);
}

/* It can't be destroyed: the driver goes on as if nothing had been. */
static void test_destroy_fails(void **state)
{
	struct err err;

	(void)state;
	new_driver();
	add_read(1);
	assert_int_equal(get(), 1);
	assert_true(device_quiesce(&dev, drained_cb));
	wait_phase(DEVICE_STOPPED);
	add_read(2);
	destroy_works = false;
	assert_int_equal(device_destroy(&dev, &err), -EBUSY);
	assert_string_equal(err.text, "it is busy");
	assert_int_equal(get(), 2);
	add_read(3);
	assert_int_equal(get(), 3);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	open_works = false;
	assert_int_equal(device_destroy(&dev, &err), -EBUSY);
	assert_int_equal(dev.vduse.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_life),	EACH(test_refused),	  EACH(test_in_order),
		EACH(test_ready_later),
		EACH(test_reset_waits), EACH(test_give_up),	  EACH(test_reset_while_stopping),
		EACH(test_quiesce),	EACH(test_destroy_fails),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
