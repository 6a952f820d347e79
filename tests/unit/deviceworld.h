/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device and its reactor; the test is the driver, the kernel and the main loop. */
#ifndef TESTS_UNIT_DEVICEWORLD_H
#define TESTS_UNIT_DEVICEWORLD_H

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
#include <sys/stat.h>
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
static bool map_fails;
static struct iova_map *other_map; /* not NULL: there are regions, and these from now on */
static unsigned msg_timeout; /* seconds */
/* What the kernel was told: how often, and what was on record then. */
static unsigned told_size, told_irq;
static bool config_irq_works = true;
static uint64_t recorded_size;

/* ---- the kernel ---- */

int __wrap_vduse_map(struct vduse *v, struct iova_map **map, bool *linear, struct err *err);
int __wrap_vduse_set_config(struct vduse *v, size_t offset, const void *data, size_t len);
int __wrap_vduse_inject_config(struct vduse *v);
unsigned __wrap_vduse_msg_timeout(const struct vduse *v);
int __wrap_vduse_queue_info(struct vduse *v, unsigned index, struct vduse_vq_info *info);
int __wrap_vduse_get_features(struct vduse *v, uint64_t *features);
int __wrap_vduse_set_kick(struct vduse *v, unsigned index, int fd);
int __wrap_vduse_destroy(struct vduse *v, struct err *err);
int __wrap_vduse_open(struct vduse *v, const char *name, struct err *err);

int __wrap_vduse_map(struct vduse *v, struct iova_map **map, bool *linear, struct err *err)
{
	(void)v;
	if (map_fails)
		return err_set(err, -ENOMEM, "it can't be mapped");
	*map = iova_map_ref(other_map ? other_map : w->map);
	*linear = !other_map;
	return 0;
}

int __wrap_vduse_set_config(struct vduse *v, size_t offset, const void *data, size_t len)
{
	(void)v;
	(void)offset;
	(void)data;
	(void)len;
	told_size++;
	recorded_size = dev.state.header->capacity;
	return 0;
}

int __wrap_vduse_inject_config(struct vduse *v)
{
	(void)v;
	told_irq++;
	return config_irq_works ? 0 : -EINVAL;
}

unsigned __wrap_vduse_msg_timeout(const struct vduse *v)
{
	(void)v;
	return msg_timeout;
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

static inline void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static inline void run(void)
{
	while (loop_run_once(&loop, 0) > 0)
		;
}

static inline void send_status(uint8_t status)
{
	struct vduse_dev_request req = { .type = VDUSE_SET_STATUS, .request_id = 40u + status };

	req.s.status = status;
	assert_int_equal(send(kernel, &req, sizeof(req), 0), sizeof(req));
	run();
}

/* The result that was answered, or -1. */
static inline int answered(uint8_t status)
{
	struct vduse_dev_response resp;

	run();
	if (recv(kernel, &resp, sizeof(resp), MSG_DONTWAIT) != sizeof(resp))
		return -1;
	assert_int_equal(resp.request_id, 40u + status);
	return (int)resp.result;
}

static inline int set_status(uint8_t status)
{
	int result;

	send_status(status);
	for (unsigned i = 0; (result = answered(status)) < 0 && i < 5000; i++)
		nap();
	return result;
}

static inline void tick(unsigned n)
{
	uint64_t one = 1;

	while (n--) {
		assert_int_equal(write(dev.timer.fd, &one, sizeof(one)), sizeof(one));
		run();
	}
}

/* ---- the device ---- */

static inline bool log_active(void)
{
	return ((struct inflight_area *)vq.log_area)->active;
}

static inline int set_up(void **state)
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
	drained_count = told_size = told_irq = 0;
	map_fails = false;
	other_map = NULL;
	msg_timeout = 30;
	driver_features = w->blk.offered & ~FEATURE(VIRTIO_F_EVENT_IDX);
	assert_int_equal(reactor_start(&reactor, &fake.b, &err), 0);
	assert_int_equal(loop_init(&loop), 0);
	return device_watch(&dev);
}

static inline int tear_down(void **state)
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

static inline void new_driver(void)
{
	memset(w->arena, 0, ARENA_SIZE);
	vdriver_init(&w->v, w->arena, 64, 0, 0);
	assert_int_equal(set_status(FEATURES), VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(OK), VDUSE_REQ_RESULT_OK);
}

static inline void add_read(uint32_t token)
{
	assert_true(blkworld_read(w, token));
	if (vq_state(&vq) == VQ_RUNNING)
		reactor_call(&reactor, vq_kick, &vq);
}

static inline uint32_t get(void)
{
	uint32_t token;

	for (unsigned i = 0; !(token = vdriver_get(&w->v, NULL)) && i < 5000; i++)
		nap();
	return token;
}

static inline void wait_held(unsigned n)
{
	for (unsigned i = 0; __atomic_load_n(&fake.held_count, __ATOMIC_ACQUIRE) != n && i < 5000;
	     i++)
		nap();
	assert_int_equal(fake.held_count, n);
}

static inline void end_all(struct vq *q)
{
	(void)q;
	while (fake.held_count)
		fake_end(&fake, 0, 0);
}

static inline void wait_phase(enum device_phase phase)
{
	for (unsigned i = 0; dev.phase != phase && i < 5000; i++) {
		run();
		nap();
	}
	assert_int_equal(dev.phase, phase);
}

/* The thread knows what was wished so far. */
static inline void wishes_granted(void)
{
	reactor_call(&reactor, vq_kick, NULL);
}

static inline void drained_cb(struct device *d)
{
	assert_ptr_equal(d, &dev);
	drained_count++;
}

/* Requests that do not end, and a driver that resets. */
static inline void hang(unsigned requests)
{
	new_driver();
	fake.hold = fake.deaf = true;
	for (uint32_t i = 1; i <= requests; i++)
		add_read(i);
	wait_held(requests);
}

static inline void nothing_given_back(unsigned requests)
{
	assert_int_equal(vdriver_get(&w->v, NULL), 0);
	for (uint32_t i = 1; i <= requests; i++)
		assert_int_equal(blkworld_read_status(w, i), 0xff);
}

static inline int group_setup(void **state)
{
	(void)state;
	w = calloc(1, sizeof(*w));
	return !w;
}

static inline int group_teardown(void **state)
{
	(void)state;
	free(w);
	return 0;
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
