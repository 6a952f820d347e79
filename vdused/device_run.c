/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages, and queues that start and stop. */
#include "vdused/device_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vdused/log.h"

#define TICK_MS 100
/*
 * Queues that are not ready with DRIVER_OK, or memory that can't be mapped: looked at
 * so many times in a row, then once a second.
 */
#define READY_TICKS 50
#define SLOW_TICK_MS 1000
/*
 * Requests in flight when the driver resets: after so long they are cancelled.
 * nbd: lets go of all of them then.  What file: has with the kernel can't be let
 * go: a read that is answered late would land in pages that are the driver's again,
 * so it is told that they ended although they did not only before the kernel gives
 * up on us, see delay().
 */
#define CANCEL_TICKS 1

static void set_ticking(struct device *dev, long ms)
{
	struct itimerspec spec = { { ms / 1000, ms % 1000 * 1000000L }, { ms / 1000, ms % 1000 * 1000000L } };

	if (ms == dev->tick_ms)
		return;
	dev->tick_ms = ms;
	timerfd_settime(dev->timer.fd, 0, &spec, NULL);
}

static void save_status(struct device *dev)
{
	__atomic_store_n(&dev->state.header->driver_features, dev->driver_features, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->state.header->status, dev->status, __ATOMIC_RELEASE);
}

/* ---- starting ------------------------------------------------------------------- */

static uint16_t base_of(const struct vduse_vq_info *info, bool packed)
{
	if (!packed)
		return info->split.avail_index;
	return (uint16_t)((info->packed.last_avail_idx & 0x7fff) | (info->packed.last_avail_counter ? 0x8000 : 0));
}

static int start_ring(struct device *dev, struct vq *vq, const struct vduse_vq_info *info, bool resume)
{
	struct vring_setup setup = {
		.size = info->num,
		.desc_addr = info->desc_addr,
		.driver_addr = info->driver_addr,
		.device_addr = info->device_addr,
		.packed = dev->driver_features & FEATURE(VIRTIO_F_RING_PACKED),
		.event_idx = dev->driver_features & FEATURE(VIRTIO_F_EVENT_IDX),
		.indirect = dev->driver_features & FEATURE(VIRTIO_F_INDIRECT_DESC),
		.in_order = dev->driver_features & FEATURE(VIRTIO_F_IN_ORDER),
		.table_max = dev->state.header->device.queue_size,
	};
	int ret;

	if (info->num > dev->state.header->device.queue_size) {
		snprintf(vq->ring.why, sizeof(vq->ring.why), "it has %u descriptors, expected at most %u", info->num,
			 dev->state.header->device.queue_size);
		return -EINVAL;
	}
	ret = vring_start(&vq->ring, &setup, dev->map, vq->log_area, resume, base_of(info, setup.packed));
	if (ret)
		return ret;
	vq->kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = vq->kick.fd < 0 ? -errno : vduse_set_kick(&dev->vduse, vq->index, vq->kick.fd);
	if (ret)
		snprintf(vq->ring.why, sizeof(vq->ring.why), "it has no kick eventfd: %s", strerror(-ret));
	return ret;
}

static bool was_active(const struct vq *vq)
{
	return __atomic_load_n(&((struct inflight_area *)vq->log_area)->active, __ATOMIC_ACQUIRE);
}

static void start_queue(struct device *dev, struct vq *vq, bool resume)
{
	struct vduse_vq_info info;

	if (vq_state(vq) != VQ_IDLE || vring_broken(&vq->ring) || vduse_queue_info(&dev->vduse, vq->index, &info) ||
	    !info.ready)
		return;
	resume = resume && was_active(vq);
	if (start_ring(dev, vq, &info, resume)) {
		log_error("virtqueue %u can't be served: %s", vq->index, vq->ring.why);
		vring_stop(&vq->ring);
		return;
	}
	vq_start(vq, resume);
}

static bool all_started(const struct device *dev)
{
	for (unsigned i = 0; i < dev->vq_count; i++)
		if (vq_state(&dev->vqs[i]) == VQ_IDLE && !vring_broken(&dev->vqs[i].ring))
			return false;
	return true;
}

/* The timer runs while there is something to wait for that nobody tells. */
static void tick_as_needed(struct device *dev)
{
	if (dev->phase == DEVICE_DRAINING || dev->update.waits)
		set_ticking(dev, TICK_MS);
	/* vhost_vdpa's users may make queues ready later. */
	else if (dev->phase == DEVICE_RUNNING && dev->size_untold)
		set_ticking(dev, TICK_MS);
	else if (dev->phase == DEVICE_RUNNING && !all_started(dev))
		set_ticking(dev, dev->ready_checks < READY_TICKS ? TICK_MS : SLOW_TICK_MS);
	else
		set_ticking(dev, 0);
}

/* What is ready and was not started yet. */
static void start_queues(struct device *dev, bool resume)
{
	struct err err;

	if (!dev->map && vduse_map(&dev->vduse, &dev->map, &dev->linear, &err)) {
		if (!dev->ready_checks)
			log_error("%s: trying again", err.text);
	} else {
		for (unsigned i = 0; i < dev->vq_count; i++)
			start_queue(dev, &dev->vqs[i], resume);
	}
	tick_as_needed(dev);
}

void device_run(struct device *dev, bool resume)
{
	if (dev->ending)
		return;
	dev->blk.features = dev->driver_features;
	dev->phase = DEVICE_RUNNING;
	dev->ready_checks = 0;
	start_queues(dev, resume);
}

/* ---- stopping ------------------------------------------------------------------- */

static void release_queue(struct vq *vq)
{
	vring_stop(&vq->ring);
	vq_forget_map(vq);
	vq->ring.why[0] = '\0';
	if (vq->kick.fd >= 0)
		close(vq->kick.fd);
	vq->kick.fd = -1;
}

static void reply(struct device *dev, const struct vduse_dev_request *req, bool ok);

static void delay(struct device *dev, struct delayed *d, const struct vduse_dev_request *req)
{
	uint64_t ticks = (uint64_t)vduse_msg_timeout(&dev->vduse) * 1000 / TICK_MS;

	d->req = *req;
	d->waits = true;
	d->ticks = 0;
	/* What waited for this process has used up nobody knows how much of its time. */
	d->give_up = dev->late ? ticks / 2 : ticks * 5 / 6;
}

/* True once, when the kernel must not wait any longer. */
static bool time_is_up(struct delayed *d, uint64_t ticks)
{
	uint64_t before = d->ticks;

	d->ticks += ticks;
	return d->waits && before < d->give_up && d->ticks >= d->give_up;
}

static void answer(struct device *dev, struct delayed *d, bool ok)
{
	if (!d->waits)
		return;
	d->waits = false;
	reply(dev, &d->req, ok);
}

/* The driver forgets its requests: so does the next process, even if some still are in flight here. */
static void answer_reset(struct device *dev)
{
	if (!dev->reset.waits)
		return;
	dev->status = 0;
	dev->driver_features = 0;
	state_reset(&dev->state);
	answer(dev, &dev->reset, true);
}

/* Every queue is idle. */
static void stopped(struct device *dev)
{
	void (*drained)(struct device *) = dev->drained;

	for (unsigned i = 0; i < dev->vq_count; i++)
		release_queue(&dev->vqs[i]);
	iova_map_unref(dev->map);
	dev->map = NULL;
	dev->phase = DEVICE_STOPPED;
	answer(dev, &dev->update, true);
	answer_reset(dev);
	tick_as_needed(dev);
	dev->drained = NULL;
	if (drained)
		drained(dev);
	else if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		device_run(dev, false);
}

static void check_drained(struct device *dev)
{
	if (dev->phase != DEVICE_DRAINING)
		return;
	for (unsigned i = 0; i < dev->vq_count; i++)
		if (vq_state(&dev->vqs[i]) != VQ_IDLE)
			return;
	stopped(dev);
}

static void drain(struct device *dev, bool drop)
{
	dev->phase = DEVICE_DRAINING;
	for (unsigned i = 0; i < dev->vq_count; i++)
		vq_drain(&dev->vqs[i], drop);
	tick_as_needed(dev);
	check_drained(dev);
}

bool device_quiesce(struct device *dev, void (*drained)(struct device *dev))
{
	if (dev->drained)
		return false;
	dev->drained = drained;
	dev->ending = true;
	if (dev->phase != DEVICE_DRAINING)
		drain(dev, false);
	return true;
}

static void check_updated(struct device *dev)
{
	for (unsigned i = 0; i < dev->vq_count; i++)
		if (vq_state(&dev->vqs[i]) != VQ_IDLE && !vq_has_map(&dev->vqs[i]))
			return;
	answer(dev, &dev->update, true);
	tick_as_needed(dev);
}

static void drain_event(struct loop_source *src, uint32_t events)
{
	struct device *dev = (struct device *)((char *)src - offsetof(struct device, drain));
	uint64_t count;

	(void)events;
	if (read(src->fd, &count, sizeof(count)) < 0)
		return;
	check_updated(dev);
	check_drained(dev);
}

/* What is in flight takes long. */
static void hurry(struct device *dev, uint64_t ticks)
{
	uint64_t before = dev->reset.ticks;

	if (time_is_up(&dev->reset, ticks)) {
		log_error("requests still in flight although the driver resets the device: it is told that they ended");
		answer_reset(dev);
	} else if (dev->reset.waits && before < CANCEL_TICKS) {
		for (unsigned i = 0; i < dev->reactor_count; i++)
			reactor_cancel(&dev->reactors[i]);
	}
	/* Whatever keeps the thread, it takes the new map before it looks at a ring again. */
	if (time_is_up(&dev->update, ticks)) {
		log_warn("the address space changed, and a thread is too busy to take note");
		answer(dev, &dev->update, true);
	}
}

static void tick(struct loop_source *src, uint32_t events)
{
	struct device *dev = (struct device *)((char *)src - offsetof(struct device, timer));
	uint64_t count;

	(void)events;
	if (read(src->fd, &count, sizeof(count)) < 0)
		return;
	hurry(dev, count);
	check_drained(dev);
	if (dev->phase == DEVICE_RUNNING) {
		if (dev->size_untold)
			dev->size_untold = vduse_inject_config(&dev->vduse) != 0;
		dev->ready_checks++;
		start_queues(dev, true);
	}
}

/* ---- messages -------------------------------------------------------------------- */

static void reply(struct device *dev, const struct vduse_dev_request *req, bool ok)
{
	struct vduse_dev_response resp = { .request_id = req->request_id };
	int ret;

	resp.result = ok ? VDUSE_REQ_RESULT_OK : VDUSE_REQ_RESULT_FAILED;
	ret = vduse_reply(&dev->vduse, &resp);
	if (ret)
		log_error("the kernel does not take an answer: %s", strerror(-ret));
}

static void reply_state(struct device *dev, const struct vduse_dev_request *req)
{
	struct vduse_dev_response resp = { .request_id = req->request_id };
	unsigned index = req->vq_state.index;
	struct vduse_vq_info info;
	uint16_t avail = 0, used = 0;

	if (index >= dev->vq_count || vduse_queue_info(&dev->vduse, index, &info)) {
		reply(dev, req, false);
		return;
	}
	if (dev->vqs[index].ring.ops) {
		vring_state(&dev->vqs[index].ring, &avail, &used);
	} else {
		avail = base_of(&info, dev->driver_features & FEATURE(VIRTIO_F_RING_PACKED));
		used = avail;
	}
	resp.vq_state.index = index;
	if (dev->driver_features & FEATURE(VIRTIO_F_RING_PACKED)) {
		resp.vq_state.packed.last_avail_idx = avail & 0x7fff;
		resp.vq_state.packed.last_avail_counter = avail >> 15;
		resp.vq_state.packed.last_used_idx = used & 0x7fff;
		resp.vq_state.packed.last_used_counter = used >> 15;
	} else {
		resp.vq_state.split.avail_index = avail;
	}
	vduse_reply(&dev->vduse, &resp);
}

/* True when the driver's features are good. */
static bool negotiated(struct device *dev)
{
	const char *why;

	if (vduse_get_features(&dev->vduse, &dev->driver_features))
		return false;
	/* Without a back end what was offered is what the earlier process offered. */
	if (!dev->backend)
		return true;
	why = blk_check_features(&dev->blk, dev->driver_features);
	if (why)
		log_error("the driver's features 0x%llx are refused: %s", (unsigned long long)dev->driver_features, why);
	return !why;
}

static void set_status(struct device *dev, const struct vduse_dev_request *req)
{
	uint8_t old = dev->status, new = req->s.status, rising = new & ~old;

	if (!new) {
		delay(dev, &dev->reset, req);
		/* Also while draining: from now on nothing is given back, and the wait begins anew. */
		drain(dev, true);
		return;
	}
	if (rising & VIRTIO_CONFIG_S_FEATURES_OK && !negotiated(dev)) {
		reply(dev, req, false);
		return;
	}
	if (rising & VIRTIO_CONFIG_S_DRIVER_OK && !(new & VIRTIO_CONFIG_S_FEATURES_OK)) {
		log_error("the driver says DRIVER_OK without FEATURES_OK: refused");
		reply(dev, req, false);
		return;
	}
	dev->status = new;
	save_status(dev);
	/* First the answer: an interrupt is only let through once the kernel has the status. */
	reply(dev, req, true);
	if (rising & VIRTIO_CONFIG_S_DRIVER_OK && dev->phase == DEVICE_STOPPED)
		device_run(dev, false);
}

/*
 * The address space changed.  Requests in flight keep what they were translated by;
 * the answer waits until there will be no new ones of that kind.
 */
static void update_map(struct device *dev, const struct vduse_dev_request *req)
{
	struct iova_map *map;
	struct err err;

	if (dev->phase != DEVICE_RUNNING || !dev->map || dev->linear) {
		reply(dev, req, true);
		return;
	}
	if (vduse_map(&dev->vduse, &map, &dev->linear, &err)) {
		log_error("%s", err.text);
		reply(dev, req, false);
		return;
	}
	for (unsigned i = 0; i < dev->vq_count; i++)
		if (vq_state(&dev->vqs[i]) != VQ_IDLE)
			vq_set_map(&dev->vqs[i], map);
	iova_map_unref(dev->map);
	dev->map = map;
	/* The kernel sends them one at a time: who sent an earlier one is gone. */
	answer(dev, &dev->update, false);
	delay(dev, &dev->update, req);
	tick_as_needed(dev);
	check_updated(dev);
}

static void message(struct device *dev, const struct vduse_dev_request *req)
{
	switch (req->type) {
	case VDUSE_GET_VQ_STATE:
		reply_state(dev, req);
		break;
	case VDUSE_SET_STATUS:
		set_status(dev, req);
		break;
	case VDUSE_UPDATE_IOTLB:
		update_map(dev, req);
		break;
	case VDUSE_SET_VQ_GROUP_ASID_MSG:
		/* One group, one address space: there is nothing to choose. */
		reply(dev, req, true);
		break;
	default:
		log_warn("the kernel sent a message of unknown type %u: refused", req->type);
		reply(dev, req, false);
	}
}

static void message_event(struct loop_source *src, uint32_t events)
{
	struct device *dev = (struct device *)((char *)src - offsetof(struct device, messages));
	struct vduse_dev_request req;

	if (events & EPOLLERR) {
		log_error("the kernel has given the device up: a message was not answered in time");
		dev->broken = true;
		loop_del(dev->loop, src);
		return;
	}
	while (src->fd >= 0 && vduse_read(&dev->vduse, &req) > 0)
		message(dev, &req);
	dev->late = false;
}

int device_watch_messages(struct device *dev)
{
	dev->messages.fd = dev->vduse.fd;
	dev->messages.ready = message_event;
	return loop_add(dev->loop, &dev->messages, EPOLLIN);
}

int device_watch(struct device *dev)
{
	int ret;

	dev->drain.ready = drain_event;
	dev->timer.ready = tick;
	ret = loop_add(dev->loop, &dev->drain, EPOLLIN);
	if (!ret)
		ret = loop_add(dev->loop, &dev->timer, EPOLLIN);
	return ret ? ret : device_watch_messages(dev);
}
