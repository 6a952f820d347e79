/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of a kernel that the test plays: running, resets, stops, and what comes in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "blkworld.h"
#include "vdused/device.h"
#include "vdused/device_run.h"

#define FEATURES \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define OK (FEATURES | VIRTIO_CONFIG_S_DRIVER_OK)

static struct blkworld *w;
static struct fake fake;
static struct device dev;
static struct options options;
static struct reactor reactor;
static struct vq *vqp, vq;
static struct loop loop;
static uint8_t *state_memory;
static int kernel, device_fd; /* two ends */
static uint64_t driver_features;
static bool ready, destroy_works, open_works;
static unsigned drained_count;

/* ---- the kernel ---- */

int __wrap_vduse_map(struct vduse *v, struct iova_map **map, bool *linear, struct err *err);
int __wrap_vduse_queue_info(struct vduse *v, unsigned index, struct vduse_vq_info *info);
int __wrap_vduse_get_features(struct vduse *v, uint64_t *features);
int __wrap_vduse_set_kick(struct vduse *v, unsigned index, int fd);
int __wrap_vduse_destroy(struct vduse *v, struct err *err);
int __wrap_vduse_open(struct vduse *v, const char *name, struct err *err);

int __wrap_vduse_map(struct vduse *v, struct iova_map **map, bool *linear, struct err *err)
{
	(void)v;
	(void)err;
	*map = iova_map_ref(w->map);
	*linear = true;
	return 0;
}

int __wrap_vduse_queue_info(struct vduse *v, unsigned index, struct vduse_vq_info *info)
{
	(void)v;
	*info = (struct vduse_vq_info){ .index = index, .num = w->v.setup.size, .ready = ready };
	info->desc_addr = w->v.setup.desc_addr;
	info->driver_addr = w->v.setup.driver_addr;
	info->device_addr = w->v.setup.device_addr;
	return 0;
}

int __wrap_vduse_get_features(struct vduse *v, uint64_t *features)
{
	(void)v;
	*features = driver_features;
	return 0;
}

int __wrap_vduse_set_kick(struct vduse *v, unsigned index, int fd)
{
	(void)v;
	(void)index;
	(void)fd;
	return 0;
}

int __wrap_vduse_destroy(struct vduse *v, struct err *err)
{
	v->fd = -1;
	return destroy_works ? 0 : err_set(err, -EBUSY, "it is busy");
}

int __wrap_vduse_open(struct vduse *v, const char *name, struct err *err)
{
	(void)name;
	(void)err;
	v->fd = open_works ? device_fd : -1;
	return open_works ? 0 : -EACCES;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static void run(void)
{
	while (loop_run_once(&loop, 0) > 0)
		;
}

static void send_status(uint8_t status)
{
	struct vduse_dev_request req = { .type = VDUSE_SET_STATUS, .request_id = 40u + status };

	req.s.status = status;
	assert_int_equal(send(kernel, &req, sizeof(req), 0), sizeof(req));
	run();
}

/* The result that was answered, or -1. */
static int answered(uint8_t status)
{
	struct vduse_dev_response resp;

	run();
	if (recv(kernel, &resp, sizeof(resp), MSG_DONTWAIT) != sizeof(resp))
		return -1;
	assert_int_equal(resp.request_id, 40u + status);
	return (int)resp.result;
}

static int set_status(uint8_t status)
{
	int result;

	send_status(status);
	for (unsigned i = 0; (result = answered(status)) < 0 && i < 5000; i++)
		nap();
	return result;
}

static void tick(unsigned n)
{
	uint64_t one = 1;

	while (n--) {
		assert_int_equal(write(dev.timer.fd, &one, sizeof(one)), sizeof(one));
		run();
	}
}

/* ---- the device ---- */

static bool log_active(void)
{
	return ((struct inflight_area *)vq.log_area)->active;
}

static int set_up(void **state)
{
	const struct blkworld_params p = { .fake = &fake, .thread = true };
	struct err err = { "" };
	int pair[2];

	(void)state;
	fake_init(&fake, 0x100000);
	blkworld_open(w, &p);
	vring_stop(&w->vq.ring);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	device_fd = pair[0];
	kernel = pair[1];
	options = (struct options){ .name = "x", .queue_size = 64, .queues = 1 };
	state_memory = calloc(1, STATE_HEADER_LEN + sizeof(w->log));
	device_init(&dev);
	dev.options = &options;
	dev.loop = &loop;
	dev.vduse.fd = pair[0];
	dev.backend = &fake.b;
	dev.blk = w->blk;
	dev.state.header = (struct state_header *)state_memory;
	dev.state.header->device.queue_size = 64;
	dev.state.header->device.queues = 1;
	vq = (struct vq){ .blk = &dev.blk, .vduse = &w->vduse, .kick.fd = -1, .reactor = &reactor };
	vq.log_area = state_queue(&dev.state, 0);
	vqp = &vq;
	dev.vqs = &vq;
	dev.vq_count = dev.reactor_count = 1;
	dev.reactors = &reactor;
	/* Ticks are the test's. */
	dev.timer.fd = eventfd(0, EFD_NONBLOCK);
	dev.drain.fd = eventfd(0, EFD_NONBLOCK);
	reactor = (struct reactor){ .vqs = &vqp, .vq_count = 1, .notify = dev.drain.fd };
	ready = destroy_works = open_works = true;
	drained_count = 0;
	driver_features = w->blk.offered & ~FEATURE(VIRTIO_F_EVENT_IDX);
	assert_int_equal(reactor_start(&reactor, &fake.b, &err), 0);
	assert_int_equal(loop_init(&loop), 0);
	return device_watch(&dev);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(vq_state(&vq), VQ_IDLE);
	assert_int_equal(vq.in_flight, 0);
	assert_null(dev.map);
	reactor_stop(&reactor);
	close(dev.timer.fd);
	close(dev.drain.fd);
	close(device_fd);
	close(kernel);
	loop_fini(&loop);
	free(state_memory);
	blkworld_close(w);
	return 0;
}

static void new_driver(void)
{
	memset(w->arena, 0, ARENA_SIZE);
	vdriver_init(&w->v, w->arena, 64, 0, 0);
	assert_int_equal(set_status(FEATURES), VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(OK), VDUSE_REQ_RESULT_OK);
}

static void add_read(uint32_t token)
{
	const unsigned at = token * 0x1000;
	const struct piece p[3] = { { DATA_IOVA + at, 16, false },
				    { DATA_IOVA + at + 512, 512, true },
				    { DATA_IOVA + at + 100, 1, true } };

	put_header(w, at, VIRTIO_BLK_T_IN, token);
	*data_at(w, at + 100) = 0xff;
	assert_true(driver_add(&w->v, token, p, 3));
	if (vq_state(&vq) == VQ_RUNNING)
		reactor_call(&reactor, vq_kick, &vq);
}

static uint32_t get(void)
{
	uint32_t token;

	for (unsigned i = 0; !(token = vdriver_get(&w->v, NULL)) && i < 5000; i++)
		nap();
	return token;
}

static void wait_held(unsigned n)
{
	for (unsigned i = 0; __atomic_load_n(&fake.held_count, __ATOMIC_ACQUIRE) != n && i < 5000;
	     i++)
		nap();
	assert_int_equal(fake.held_count, n);
}

static void end_all(struct vq *q)
{
	(void)q;
	while (fake.held_count)
		fake_end(&fake, 0, 0);
}

static void wait_phase(enum device_phase phase)
{
	for (unsigned i = 0; dev.phase != phase && i < 5000; i++) {
		run();
		nap();
	}
	assert_int_equal(dev.phase, phase);
}

static void drained_cb(struct device *d)
{
	assert_ptr_equal(d, &dev);
	drained_count++;
}

/* Requests that do not end, and a driver that resets. */
static void hang(unsigned requests)
{
	new_driver();
	fake.hold = fake.deaf = true;
	for (uint32_t i = 1; i <= requests; i++)
		add_read(i);
	wait_held(requests);
}

static void nothing_given_back(unsigned requests)
{
	assert_int_equal(vdriver_get(&w->v, NULL), 0);
	for (uint32_t i = 1; i <= requests; i++)
		assert_int_equal(*data_at(w, i * 0x1000 + 100), 0xff);
}

/* ---- the tests ---- */

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
	assert_int_equal(fake.cancelled, 0);
	send_status(0);
	tick(20);
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

static int group_setup(void **state)
{
	(void)state;
	w = calloc(1, sizeof(*w));
	return !w;
}

static int group_teardown(void **state)
{
	(void)state;
	free(w);
	return 0;
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
