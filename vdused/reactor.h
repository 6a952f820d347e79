/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that serves some of the device's virtqueues.
 *
 *   look at the rings --> submit --> complete --> publish, one interrupt a batch
 *        ^                                             |
 *        +-- nothing found: spin a little, then sleep --+
 *
 * The main thread steers it by calls that run in the thread (reactor_call());
 * the thread tells when a queue has drained through `notify`.
 */
#ifndef VDUSED_REACTOR_H
#define VDUSED_REACTOR_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "vdused/backend.h"
#include "vdused/loop.h"
#include "vdused/vq.h"

struct reactor {
	struct loop loop;
	struct backend_queue *backend; /* opened by the thread; NULL: requests fail */
	struct vq **vqs; /* the ones it serves: pointers into the device's array */
	unsigned vq_count;
	int notify; /* the main thread's eventfd */
	uint64_t poll_max_ns; /* longest spin before it sleeps; 0: none */

	pthread_t thread;
	bool started;
	struct loop_source wake; /* an eventfd */
	struct reactor_call *call; /* posted by the main thread; atomic */
	bool quit;
	uint64_t poll_ns; /* the spin that paid off lately */
};

/*
 * Starts the thread and opens the back end's queue in it (backend may be
 * NULL).  The fields up to poll_max_ns are set by the caller.
 */
int reactor_start(struct reactor *r, struct backend *backend, struct err *err);
/* All queues are idle. */
void reactor_stop(struct reactor *r);

/* Runs fn(vq) in the thread and waits for it: fn does not block. */
void reactor_call(struct reactor *r, void (*fn)(struct vq *vq), struct vq *vq);

/* For reactor_call().  The ring is set up (vring_start()); `resume` requests are submitted first. */
void vq_start(struct vq *vq);
void vq_start_resumed(struct vq *vq);
/* Takes nothing more; idle, with `notify`, once the last request ended: those are given back ... */
void vq_drain(struct vq *vq);
/* ... or, as the driver resets the device, dropped. */
void vq_drain_drop(struct vq *vq);
/* Hurries what is in flight. */
void vq_cancel(struct vq *vq);
/* Looks at the ring as if it had been kicked. */
void vq_kick(struct vq *vq);

#endif
