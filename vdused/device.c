/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making, taking over, resizing and ending the device. What happens in between: device_run.c. */
#include "vdused/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vdused/device_run.h"
#include "vdused/log.h"

/* "vdup": who made the device, in its configuration. */
#define VENDOR_ID 0x76647570

void device_init(struct device *dev)
{
	memset(dev, 0, sizeof(*dev));
	dev->vduse.fd = dev->vduse.control = -1;
	dev->messages.fd = dev->drain.fd = dev->timer.fd = -1;
}

static int open_backend(struct device *dev, bool resume, bool look, struct err *err)
{
	const struct options *o = dev->options;
	char memory[sizeof(VDUSED_MEMORY_PREFIX) + VDUSE_NAME_MAX];
	struct backend_params params = {
		.readonly = o->readonly,
		.buffered = o->buffered,
		.logical_block = o->block_size,
		.reconnect_s = o->reconnect_s,
		.memory = memory,
		.resume = resume,
		.look = look,
	};

	snprintf(memory, sizeof(memory), VDUSED_MEMORY_PREFIX "%s", o->name);
	return o->fail_requests ? 0 : backend_open(o->backend, &params, &dev->backend, err);
}

static void describe(const struct device *dev, struct state_device *d)
{
	*d = (struct state_device){
		.features = dev->blk.offered,
		.device_id = VIRTIO_ID_BLOCK,
		.api_version = dev->options->api_version,
		.queues = dev->options->queues,
		.queue_size = dev->options->queue_size,
		.block_size = dev->blk.block_size,
	};
}

_Static_assert(sizeof(((struct state_header *)0)->identity) == BACKEND_IDENTITY_LEN, "it holds all of it");

/* The next process has to bring the same one. */
static void record_disk(struct device *dev)
{
	memcpy(dev->state.header->identity, dev->backend->info.identity, BACKEND_IDENTITY_LEN);
}

static int create(struct device *dev, struct err *err)
{
	struct vduse_params params = {
		.device_id = VIRTIO_ID_BLOCK,
		.vendor_id = VENDOR_ID,
		.features = dev->blk.offered,
		.queues = dev->options->queues,
		.queue_size = dev->options->queue_size,
		.config = &dev->blk.config,
		.config_len = sizeof(dev->blk.config),
	};
	struct state_device d;
	int ret;

	if (dev->options->fail_requests)
		return err_set(err, -ENOENT, "there is no VDUSE device %s whose requests could fail",
			       dev->options->name);
	describe(dev, &d);
	ret = state_create(&dev->state, dev->rt, &d, err);
	if (ret)
		return ret;
	dev->state.header->capacity = dev->blk.capacity;
	record_disk(dev);
	ret = vduse_create(&dev->vduse, dev->options->name, &params, err);
	if (ret)
		return ret;
	dev->created = true;
	ret = vduse_open(&dev->vduse, dev->options->name, err);
	return ret ? ret : vduse_setup_queues(&dev->vduse, params.queues, params.queue_size, err);
}

bool device_undo(struct device *dev)
{
	if (!dev->created)
		return true;
	snprintf(dev->vduse.name, sizeof(dev->vduse.name), "%s", dev->options->name);
	return !vduse_destroy(&dev->vduse, NULL);
}

/* What was made larger is still as the driver was told. */
static int grow_again(struct device *dev, struct err *err)
{
	uint64_t sectors = dev->state.header->capacity;
	int ret;

	if (!dev->backend || !dev->backend->ops->grow || sectors <= dev->blk.capacity)
		return 0;
	if (sectors > INT64_MAX / 512)
		return err_set(err, -EINVAL, "%s/state: it has no sensible size", dev->rt->path);
	ret = backend_grow(dev->backend, sectors * 512, err);
	if (!ret)
		blk_set_size(&dev->blk, dev->backend->info.size);
	return ret;
}

/* What the driver did, as far as the kernel still knows of it. */
static int restore(struct device *dev, uint64_t features, struct err *err)
{
	struct state_header *h = dev->state.header;

	/* A reset whose sender was killed is the kernel's alone; no driver takes no feature. */
	if (!h->status || (h->status & VIRTIO_CONFIG_S_FEATURES_OK && !features))
		state_reset(&dev->state);
	dev->status = (uint8_t)h->status;
	dev->driver_features = h->driver_features;
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK && features != dev->driver_features)
		return err_set(err, -EINVAL, "%s/state: the driver negotiated other features", dev->rt->path);
	/*
	 * Perhaps the earlier process died before it came to that: such a device can't be attached.
	 * One with features was set up, even if its driver's reset still waits for the answer.
	 */
	return dev->status || features ? 0 : vduse_setup_queues(&dev->vduse, h->device.queues, h->device.queue_size, err);
}

/*
 * Whoever uses the device finds the disk that it knows, none of it missing: what is in
 * flight, and all that it still holds in memory, would be written into another one.
 */
static int compare_disk(const struct device *dev, struct err *err)
{
	const struct state_header *h = dev->state.header;

	if (memcmp(h->identity, dev->backend->info.identity, BACKEND_IDENTITY_LEN))
		return err_set(err, -EINVAL, "%s: it is another disk than the one that a driver of %s uses",
			       dev->options->backend, dev->options->name);
	/* What can grow does. */
	if (!dev->backend->ops->grow && dev->blk.capacity < h->capacity)
		return err_set(err, -EINVAL, "%s: it is smaller than the %llu octets that a driver of %s uses",
			       dev->options->backend, (unsigned long long)h->capacity * 512, dev->options->name);
	return 0;
}

static int check_disk(struct device *dev, struct err *err)
{
	if (dev->backend && dev->status)
		return compare_disk(dev, err);
	if (dev->backend)
		record_disk(dev);
	return 0;
}

static int take_over(struct device *dev, struct err *err)
{
	struct state_device d;
	uint64_t features;
	int ret;

	describe(dev, &d);
	ret = state_attach(&dev->state, dev->rt, dev->options->fail_requests ? NULL : &d, err);
	if (ret == -ENOENT)
		return err_set(err, -EEXIST,
			       "the VDUSE device %s exists, but no vdused served it: %s/state is missing",
			       dev->options->name, dev->rt->path);
	if (ret)
		return ret;
	ret = vduse_get_features(&dev->vduse, &features);
	if (ret)
		return err_set(err, ret, "the kernel has given up the VDUSE device %s (a message was not answered in time)",
			       dev->options->name);
	ret = restore(dev, features, err);
	if (!ret)
		ret = grow_again(dev, err);
	return ret ? ret : check_disk(dev, err);
}

static int make_queues(struct device *dev, struct err *err)
{
	dev->vq_count = dev->state.header->device.queues;
	dev->vqs = calloc(dev->vq_count, sizeof(*dev->vqs));
	if (!dev->vqs)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < dev->vq_count; i++) {
		dev->vqs[i].index = i;
		dev->vqs[i].blk = &dev->blk;
		dev->vqs[i].vduse = &dev->vduse;
		dev->vqs[i].log_area = state_queue(&dev->state, i);
		dev->vqs[i].kick.fd = -1;
	}
	/* Of several queues a driver chooses the processors. */
	if (dev->vq_count == 1)
		irq_cpu_open(&dev->vqs[0].irq_cpu, dev->options->name, 0, &dev->state.header->irq_cpu);
	return 0;
}

static void init_blk(struct device *dev)
{
	const struct options *o = dev->options;
	struct blk_options blk = { .queues = o->queues, .queue_size = o->queue_size,
				   .block_size = o->block_size, .readonly = o->readonly,
				   .packed = o->packed, .in_order = o->in_order,
				   .serial = o->serial };

	blk_init(&dev->blk, dev->backend, &blk);
}

/* A back end that is looked at does not tell whether it can discard. */
static int compare_features(const struct device *dev, struct err *err)
{
	const struct state_device *was = &dev->state.header->device;

	if (!((was->features ^ dev->blk.offered) & ~FEATURE(VIRTIO_BLK_F_DISCARD)) &&
	    was->block_size == dev->blk.block_size)
		return 0;
	return err_set(err, -EINVAL, "%s: it offers other features than before", dev->options->backend);
}

int device_look(struct device *dev, const struct options *options, struct runtime *rt, struct err *err)
{
	int ret;

	dev->options = options;
	dev->rt = rt;
	ret = open_backend(dev, true, true, err);
	if (ret && ret != -EOPNOTSUPP)
		return ret;
	init_blk(dev);
	ret = vduse_open_control(&dev->vduse, options->api_version, err);
	if (!ret)
		ret = state_attach(&dev->state, rt, NULL, err);
	if (ret || !dev->backend)
		return ret;
	if (dev->state.header->status)
		ret = compare_disk(dev, err);
	return ret ? ret : compare_features(dev, err);
}

int device_open(struct device *dev, const struct options *options, struct runtime *rt, struct loop *loop,
		struct err *err)
{
	bool exists;
	int ret;

	dev->options = options;
	dev->rt = rt;
	dev->loop = loop;
	clock_gettime(CLOCK_MONOTONIC, &dev->started);
	/* Nobody else makes or ends it: the runtime directory is locked. */
	exists = vduse_exists(options->name);
	ret = open_backend(dev, exists, false, err);
	if (ret)
		return ret;
	init_blk(dev);
	ret = vduse_open_control(&dev->vduse, options->api_version, err);
	if (!ret && exists)
		ret = vduse_open(&dev->vduse, options->name, err);
	if (!ret)
		ret = exists ? take_over(dev, err) : create(dev, err);
	return ret ? ret : make_queues(dev, err);
}

static uint64_t poll_max_ns(const struct options *o)
{
	/* On the only processor it would keep the driver from what it waits for. */
	if (sysconf(_SC_NPROCESSORS_ONLN) == 1)
		return 0;
	return o->poll_us == POLL_US_BY_COST ? POLLING_BY_COST : (uint64_t)o->poll_us * 1000;
}

/* One thread a queue, or as many as were asked for or the back end bears: the queues in turn. */
static int start_reactors(struct device *dev, struct err *err)
{
	unsigned n = dev->options->threads && dev->options->threads < dev->vq_count ? dev->options->threads :
										     dev->vq_count;
	unsigned max = dev->backend ? dev->backend->info.max_queues : 0;

	if (max && n > max)
		n = max;
	dev->reactors = calloc(n, sizeof(*dev->reactors));
	if (!dev->reactors)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < n; i++)
		dev->reactors[i].wake.fd = dev->reactors[i].loop.epfd = -1;
	dev->reactor_count = n;
	for (unsigned i = 0; i < n; i++) {
		struct reactor *r = &dev->reactors[i];
		int ret;

		r->vqs = calloc(dev->vq_count, sizeof(*r->vqs));
		if (!r->vqs)
			return err_set(err, -ENOMEM, "out of memory");
		for (unsigned q = i; q < dev->vq_count; q += n) {
			r->vqs[r->vq_count++] = &dev->vqs[q];
			dev->vqs[q].reactor = r;
		}
		r->notify = dev->drain.fd;
		r->poll_max_ns = poll_max_ns(dev->options);
		ret = reactor_start(r, dev->backend, err);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * The capacity is the only part of the configuration that changes: it is stored in
 * one piece.  First for the next process, which tells it again: what the driver was
 * told must never be more than what is known of.
 */
static void tell_size(struct device *dev)
{
	__atomic_store_n(&dev->state.header->capacity, dev->blk.capacity, __ATOMIC_RELEASE);
	vduse_set_config(&dev->vduse, offsetof(struct virtio_blk_config, capacity), &dev->blk.config.capacity,
			 sizeof(dev->blk.config.capacity));
	/* Without a driver it can't be told; one that is just coming may have read the old one. */
	dev->size_untold = vduse_inject_config(&dev->vduse) != 0;
}

int device_start(struct device *dev, struct err *err)
{
	int ret;

	dev->drain.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dev->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (dev->drain.fd < 0 || dev->timer.fd < 0)
		return err_set(err, -errno, "no more descriptors: %s", strerror(errno));
	ret = start_reactors(dev, err);
	if (ret)
		return ret;
	dev->late = vduse_has_message(&dev->vduse);
	ret = device_watch(dev);
	if (ret)
		return err_set(err, ret, "the device can't be watched: %s", strerror(-ret));
	if (dev->backend && !dev->created)
		tell_size(dev);
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		device_run(dev, true);
	return 0;
}

int device_resize(struct device *dev, uint64_t size, struct err *err)
{
	int ret;

	if (!dev->backend)
		return err_set(err, -EOPNOTSUPP, "every request fails: there is no back end");
	ret = size ? backend_grow(dev->backend, size, err) : backend_refresh(dev->backend, err);
	if (ret)
		return ret;
	blk_set_size(&dev->blk, dev->backend->info.size);
	if (dev->state.header->capacity != dev->blk.capacity)
		tell_size(dev);
	return 0;
}

int device_destroy(struct device *dev, struct err *err)
{
	int ret;

	loop_del(dev->loop, &dev->messages);
	dev->messages.fd = -1;
	ret = vduse_destroy(&dev->vduse, err);
	if (!ret)
		return 0;
	/* It is still there: go on serving it, if it can be opened again. */
	if (vduse_open(&dev->vduse, dev->options->name, NULL))
		return ret;
	dev->ending = false;
	device_watch_messages(dev);
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		device_run(dev, true);
	return ret;
}

void device_close(struct device *dev)
{
	for (unsigned i = 0; i < dev->reactor_count; i++) {
		reactor_stop(&dev->reactors[i]);
		free(dev->reactors[i].vqs);
	}
	free(dev->reactors);
	for (unsigned i = 0; i < dev->vq_count; i++)
		if (dev->vqs[i].kick.fd >= 0)
			close(dev->vqs[i].kick.fd);
	if (dev->vq_count == 1)
		irq_cpu_close(&dev->vqs[0].irq_cpu);
	free(dev->vqs);
	iova_map_unref(dev->map);
	vduse_close(&dev->vduse);
	backend_close(dev->backend);
	state_close(&dev->state);
	if (dev->drain.fd >= 0)
		close(dev->drain.fd);
	if (dev->timer.fd >= 0)
		close(dev->timer.fd);
	device_init(dev);
}
