/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device: its life as the kernel tells it by messages.
 *
 *              SET_STATUS with DRIVER_OK
 *   stopped ------------------------------> running
 *      ^                                       | SET_STATUS 0
 *      +-- reply, once all is drained -- draining
 *
 * All of it is the main thread's, which never waits for a reactor; the queues run
 * in their reactors.
 */
#ifndef VDUSED_DEVICE_H
#define VDUSED_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "vdused/blk.h"
#include "vdused/loop.h"
#include "vdused/options.h"
#include "vdused/reactor.h"
#include "vdused/runtime.h"
#include "vdused/state.h"
#include "vdused/vduse.h"

enum device_phase {
	DEVICE_STOPPED,
	DEVICE_RUNNING,
	DEVICE_DRAINING, /* `reset` is answered, or `drained` is called, at its end */
};

/* A message whose answer waits for the reactors. */
struct delayed {
	struct vduse_dev_request req;
	bool waits;
	uint64_t ticks, give_up; /* answered anyhow after so many; 0: it can wait for ever */
};

struct device {
	const struct options *options;
	struct runtime *rt;
	struct loop *loop; /* of the main thread */
	struct vduse vduse;
	struct backend *backend; /* NULL: every request fails */
	struct blk blk;
	struct state state;
	struct vq *vqs;
	unsigned vq_count;
	struct reactor *reactors;
	unsigned reactor_count;
	enum device_phase phase;
	uint8_t status; /* virtio's */
	uint64_t driver_features;
	struct iova_map *map; /* while running */
	bool linear;
	struct timespec started;

	struct loop_source messages; /* the VDUSE device */
	struct loop_source drain; /* an eventfd: a queue is idle */
	struct loop_source timer; /* a timerfd, for what follows */
	long tick_ms; /* of the timer; 0: it stands */
	unsigned ready_checks; /* what wasn't ready yet: how often it was looked at */
	struct delayed reset; /* until drained */
	struct delayed update; /* of the address space: until every queue has the new map */
	bool size_untold; /* a driver may have read the old one: told once it is there */
	bool late; /* the messages at hand have waited for this process to start */
	bool ending; /* quiesced for good: no queue starts any more */
	/* Called once when device_quiesce() has come to its end. */
	void (*drained)(struct device *dev);
	bool created; /* by this process */
	bool broken; /* the kernel has given the device up */
};

/* An empty one, for device_close(). */
void device_init(struct device *dev);
/* Everything up to serving: the VDUSE device, created or taken over. Privileged. */
int device_open(struct device *dev, const struct options *options, struct runtime *rt, struct loop *loop,
		struct err *err);
/*
 * Could this process take the device over once the one that serves it has ended?  As far as can be
 * told without disturbing it: the state's layout, the disk.  The back end may be unknown (nbd:).
 */
int device_look(struct device *dev, const struct options *options, struct runtime *rt, struct err *err);
/* Starts the threads, and a device that was running before goes on. */
int device_start(struct device *dev, struct err *err);
/*
 * Takes nothing more from the rings; when the last request in flight was given
 * back, calls `drained`.  False: that is going on already.
 */
bool device_quiesce(struct device *dev, void (*drained)(struct device *dev));
/*
 * The back end's size is looked at again, or is made `size` where that can be
 * chosen (0: it can't be); the driver is told.
 */
int device_resize(struct device *dev, uint64_t size, struct err *err);
/* Before serving began: a VDUSE device that this process made goes away again. False: it did not. */
bool device_undo(struct device *dev);
/*
 * Destroys the VDUSE device. Quiesced.  After an error it is served on, unless
 * this process may not open it again: then vduse.fd is -1.
 */
int device_destroy(struct device *dev, struct err *err);
/* Ends the threads and closes everything; the VDUSE device stays if it was not destroyed. Quiesced. */
void device_close(struct device *dev);

#endif
