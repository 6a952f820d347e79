/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of an earlier process, which died at one moment or another. */
#include <fcntl.h>
#include <stdio.h>

#include "deviceworld.h"

/* ---- what it left ---- */

static unsigned injected;

int __wrap_vduse_inject(struct vduse *v, unsigned index);

int __wrap_vduse_inject(struct vduse *v, unsigned index)
{
	(void)v;
	assert_int_equal(index, 0);
	__atomic_fetch_add(&injected, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Request 1 was given back, and request 2, if there is one, is in flight. */
static void leave(bool one)
{
	struct vring ring;
	struct vchain chain = { 0 };

	memset(w->arena, 0, ARENA_SIZE);
	vdriver_init(&w->v, w->arena, 64, 0, 0);
	add_read(1);
	if (one)
		add_read(2);
	assert_int_equal(vring_start(&ring, &w->v.setup, w->map, vq.log_area, false, 0), 0);
	assert_int_equal(vring_pop(&ring, &chain), 1);
	vring_push(&ring, chain.id, 1);
	assert_int_equal(vring_publish(&ring), 1);
	assert_int_equal(vring_pop(&ring, &chain), one);
	vring_stop(&ring);
	free(chain.iov);
	assert_int_equal(vdriver_get(&w->v, NULL), 1);
	dev.status = OK;
	dev.driver_features = driver_features;
}

static void leave_one(void)
{
	leave(true);
}

/* The interrupt of what was given back may have died with that process. */
static void test_interrupt_untold(void **state)
{
	(void)state;
	leave(false);
	injected = 0;
	device_run(&dev, true);
	wishes_granted();
	assert_int_equal(__atomic_load_n(&injected, __ATOMIC_RELAXED), 1);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* It can be started only after a while: then, too, with what is in flight. */
static void test_ready_later(void **state)
{
	(void)state;
	for (unsigned mapped = 0; mapped < 2; mapped++) {
		leave_one();
		fake.seen_count = 0;
		ready = !mapped;
		map_fails = !mapped;
		device_run(&dev, true);
		tick(2);
		assert_int_equal(vq_state(&vq), VQ_IDLE);
		ready = true;
		map_fails = false;
		tick(1);
		assert_int_equal(get(), 2);
		assert_int_equal(fake.seen_count, 1);
		assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
	}
}

/* It grew while a driver was coming, which may have read the old size: it is told once it is there. */
static void test_size_untold(void **state)
{
	(void)state;
	config_irq_works = false;
	dev.size_untold = true;
	leave_one();
	device_run(&dev, true);
	told_irq = 0;
	assert_true(dev.tick_ms > 0);
	tick(2);
	assert_int_equal(told_irq, 2);
	config_irq_works = true;
	tick(1);
	assert_int_equal(told_irq, 3);
	assert_false(dev.size_untold);
	assert_int_equal(dev.tick_ms, 0);
	assert_int_equal(get(), 2);
	assert_int_equal(set_status(0), VDUSE_REQ_RESULT_OK);
}

/* ---- opening it ---- */

static char base[64];
static struct runtime rt;
static struct err err;
static bool exists;
static unsigned set_up_queues;

bool __wrap_vduse_exists(const char *name);
int __wrap_vduse_open_control(struct vduse *v, unsigned api_version, struct err *e);
int __wrap_vduse_create(struct vduse *v, const char *name, const struct vduse_params *params, struct err *e);
int __wrap_vduse_setup_queues(struct vduse *v, unsigned queues, unsigned queue_size, struct err *e);

bool __wrap_vduse_exists(const char *name)
{
	(void)name;
	return exists;
}

int __wrap_vduse_open_control(struct vduse *v, unsigned api_version, struct err *e)
{
	(void)api_version;
	(void)e;
	v->fd = v->control = -1;
	return 0;
}

int __wrap_vduse_create(struct vduse *v, const char *name, const struct vduse_params *params, struct err *e)
{
	(void)v;
	(void)name;
	(void)params;
	(void)e;
	return 0;
}

int __wrap_vduse_setup_queues(struct vduse *v, unsigned queues, unsigned queue_size, struct err *e)
{
	(void)v;
	(void)e;
	assert_int_equal(queues, 2);
	assert_int_equal(queue_size, 64);
	set_up_queues++;
	return 0;
}

static int open_again(void)
{
	int pair[2];

	device_close(&dev);
	close(kernel);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	device_fd = pair[0]; /* closed by device_close() */
	kernel = pair[1];
	set_up_queues = 0;
	return device_open(&dev, &options, &rt, &loop, &err);
}

static struct inflight_area *area(unsigned i)
{
	return state_queue(&dev.state, i);
}

/* A process that serves it with DRIVER_OK, and dies. */
static int set_up_files(void **state)
{
	(void)state;
	strcpy(base, "/tmp/test_device.XXXXXX");
	umask(077);
	rt = (struct runtime)RUNTIME_INIT;
	device_init(&dev);
	kernel = -1;
	exists = false;
	open_works = true;
	told_size = told_irq = 0;
	driver_features = FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_ACCESS_PLATFORM);
	options = (struct options){ .name = "x", .backend = "null:1M", .serial = "", .queue_size = 64, .queues = 2 };
	if (!mkdtemp(base) || runtime_open(&rt, base, "x", true, &err) || loop_init(&loop) || open_again())
		return 1;
	exists = true;
	assert_int_equal(set_up_queues, 1);
	dev.state.header->status = OK;
	dev.state.header->driver_features = driver_features;
	area(0)->active = area(1)->active = 1;
	return 0;
}

static int tear_down_files(void **state)
{
	(void)state;
	device_close(&dev);
	close(kernel);
	loop_fini(&loop);
	runtime_remove(&rt);
	runtime_close(&rt);
	return rmdir(base);
}

static void test_running(void **state)
{
	(void)state;
	assert_int_equal(open_again(), 0);
	assert_int_equal(dev.status, OK);
	assert_int_equal(dev.driver_features, driver_features);
	assert_int_equal(area(1)->active, 1);
	assert_int_equal(set_up_queues, 0);
	driver_features |= 1;
	assert_int_equal(open_again(), -EINVAL);
	assert_non_null(strstr(err.text, "the driver negotiated other features"));
}

/* Nobody was there, who sent the reset was killed, and the kernel went on with it. */
static void test_reset_by_the_kernel(void **state)
{
	(void)state;
	driver_features = 0;
	assert_int_equal(open_again(), 0);
	assert_int_equal(dev.status, 0);
	assert_int_equal(dev.driver_features, 0);
	assert_int_equal(dev.state.header->status, 0);
	assert_int_equal(dev.state.header->driver_features, 0);
	assert_int_equal(area(0)->active, 0);
	assert_int_equal(area(1)->active, 0);
}

/* It died within its answer to a reset. */
static void test_died_in_reset(void **state)
{
	(void)state;
	dev.state.header->status = 0;
	area(0)->active = 0;
	assert_int_equal(open_again(), 0);
	assert_int_equal(dev.status, 0);
	assert_int_equal(dev.driver_features, 0);
	assert_int_equal(area(1)->active, 0);
	/* To the kernel it is still in use: version 1 refuses to have its queues changed. */
	assert_int_equal(set_up_queues, 0);
}

/* It died between making the device and setting up its last queue. */
static void test_queues_not_set_up(void **state)
{
	(void)state;
	dev.state.header->status = 0;
	driver_features = 0;
	assert_int_equal(open_again(), 0);
	assert_int_equal(set_up_queues, 1);
}

/* Nobody knows what the driver was told last: it is told again. */
static void test_told_again(void **state)
{
	(void)state;
	dev.state.header->status = 0;
	assert_int_equal(open_again(), 0);
	assert_int_equal(device_start(&dev, &err), 0);
	assert_int_equal(told_size, 1);
	assert_int_equal(told_irq, 1);
	assert_false(dev.size_untold);
	assert_int_equal(recorded_size, 0x100000 / 512);
	/* The record comes first: what died in between is told by the next process. */
	assert_int_equal(device_resize(&dev, 0x200000, &err), 0);
	assert_int_equal(told_size, 2);
	assert_int_equal(recorded_size, 0x200000 / 512);
	assert_int_equal(device_resize(&dev, 0x200000, &err), 0);
	assert_int_equal(told_size, 2);
	/* The next one makes its disk as large again. */
	assert_int_equal(open_again(), 0);
	assert_int_equal(dev.blk.capacity, 0x200000 / 512);
	config_irq_works = false;
	assert_int_equal(device_start(&dev, &err), 0);
	config_irq_works = true;
	assert_int_equal(told_size, 3);
	assert_true(dev.size_untold);
}

/* A message that was there before has used up part of its time. */
static void test_late(void **state)
{
	struct vduse_dev_request req = { .type = VDUSE_SET_STATUS, .request_id = 41 };

	(void)state;
	dev.state.header->status = 0;
	assert_int_equal(open_again(), 0);
	assert_int_equal(device_start(&dev, &err), 0);
	assert_false(dev.late);
	assert_int_equal(open_again(), 0);
	req.s.status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	assert_int_equal(send(kernel, &req, sizeof(req), 0), sizeof(req));
	assert_int_equal(device_start(&dev, &err), 0);
	assert_true(dev.late);
	run();
	assert_false(dev.late);
}

/* ---- whether it is the same disk ---- */

static char path_a[96], path_b[96], uri_a[112], uri_b[112];

static void make_disk(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

/* The device is made anew on a file, and a driver uses it. */
static int set_up_disks(void **state)
{
	if (set_up_files(state))
		return 1;
	snprintf(path_a, sizeof(path_a), "%s/a", base);
	snprintf(path_b, sizeof(path_b), "%s/b", base);
	snprintf(uri_a, sizeof(uri_a), "file:%s", path_a);
	snprintf(uri_b, sizeof(uri_b), "file:%s", path_b);
	make_disk(path_a, 1 << 20);
	make_disk(path_b, 1 << 20);
	exists = false;
	options.backend = uri_a;
	assert_int_equal(open_again(), 0);
	exists = true;
	dev.state.header->status = OK;
	driver_features = dev.state.header->driver_features = dev.blk.offered;
	assert_int_equal(open_again(), 0);
	return 0;
}

static int tear_down_disks(void **state)
{
	unlink(path_a);
	unlink(path_b);
	return tear_down_files(state);
}

static void check_refused(const char *why)
{
	assert_int_equal(open_again(), -EINVAL);
	assert_non_null(strstr(err.text, why));
}

/* Another path, or another file at the path: what is in flight must not get there. */
static void test_other_disk(void **state)
{
	(void)state;
	options.backend = uri_b;
	check_refused("/b: it is another disk than the one that a driver of x uses");
	options.backend = uri_a;
	assert_int_equal(open_again(), 0);
	device_close(&dev);
	assert_int_equal(rename(path_b, path_a), 0);
	check_refused("/a: it is another disk than the one that a driver of x uses");
	/* Nothing is forgotten of a device that was refused: for requests that fail it needs no disk. */
	options.fail_requests = true;
	assert_int_equal(open_again(), 0);
	assert_int_equal(dev.status, OK);
	options.fail_requests = false;
	check_refused("another disk");
}

/* Without a driver it may change; from then on it is that one. */
static void test_other_disk_unused(void **state)
{
	(void)state;
	dev.state.header->status = 0;
	options.backend = uri_b;
	assert_int_equal(open_again(), 0);
	dev.state.header->status = OK;
	dev.state.header->driver_features = driver_features;
	assert_int_equal(open_again(), 0);
	options.backend = uri_a;
	check_refused("another disk");
}

static void test_smaller_disk(void **state)
{
	(void)state;
	assert_int_equal(truncate(path_a, (1 << 20) - 4096), 0);
	check_refused("/a: it is smaller than the 1048576 octets that a driver of x uses");
	assert_int_equal(truncate(path_a, 2 << 20), 0);
	assert_int_equal(open_again(), 0);
	dev.state.header->status = 0;
	assert_int_equal(truncate(path_a, 4096), 0);
	assert_int_equal(open_again(), 0);
}

/* What device_look() says while `dev` serves it; it holds nothing open. */
static int look(void)
{
	struct device next;
	int ret;

	device_init(&next);
	ret = device_look(&next, &options, &rt, &err);
	device_close(&next);
	return ret;
}

static void look_refuses(const char *why)
{
	assert_int_equal(look(), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" is not in \"%s\"", why, err.text);
}

/* Beside the one that serves it: what the next one would refuse. */
static void test_look(void **state)
{
	struct state_header *h = dev.state.header;

	(void)state;
	assert_int_equal(look(), 0);
	options.backend = uri_b;
	look_refuses("/b: it is another disk than the one that a driver of x uses");
	h->status = 0;
	assert_int_equal(look(), 0);
	/* It was not taken for the driver's. */
	h->status = OK;
	look_refuses("/b: it is another disk");
	options.backend = uri_a;
	assert_int_equal(truncate(path_a, (1 << 20) - 4096), 0);
	look_refuses("/a: it is smaller than the 1048576 octets");
	assert_int_equal(truncate(path_a, 1 << 20), 0);
	options.packed = true;
	look_refuses("/a: it offers other features than before");
	options.packed = false;
	options.block_size = 4096;
	look_refuses("/a: it offers other features than before");
	options.block_size = 0;
	h->version++;
	look_refuses("it was written by another version of vdused");
	h->version--;
	assert_int_equal(look(), 0);
}

/* A server is not asked: all that is known is that the state fits. */
static void test_look_nbd(void **state)
{
	(void)state;
	options.backend = "nbd+unix:///?socket=/nothing";
	assert_int_equal(look(), 0);
	dev.state.header->checksum++;
	look_refuses("it is damaged");
	dev.state.header->checksum--;
}

/* What has grown is smaller to the next one, until it makes it as large again. */
static void test_look_grown(void **state)
{
	(void)state;
	assert_int_equal(device_start(&dev, &err), 0);
	assert_int_equal(device_resize(&dev, 0x200000, &err), 0);
	assert_int_equal(look(), 0);
}

#define ON_DISKS(f) cmocka_unit_test_setup_teardown(f, set_up_disks, tear_down_disks)
#define OPENED(f) cmocka_unit_test_setup_teardown(f, set_up_files, tear_down_files)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_interrupt_untold),
		EACH(test_ready_later),
		EACH(test_size_untold),
		OPENED(test_running),
		OPENED(test_reset_by_the_kernel),
		OPENED(test_died_in_reset),
		OPENED(test_queues_not_set_up),
		OPENED(test_told_again),
		OPENED(test_late),
		ON_DISKS(test_other_disk),
		ON_DISKS(test_other_disk_unused),
		ON_DISKS(test_smaller_disk),
		ON_DISKS(test_look),
		ON_DISKS(test_look_nbd),
		OPENED(test_look_grown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
