/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that serves some of the device's virtqueues.
 *
 *   look at the rings --> submit --> complete --> publish, one interrupt a batch
 *        ^                                             |
 *        +-- nothing found: look on a little, then sleep
 *
 * What a round does to one queue is in vq.c.
 *
 * The main thread steers it by wishes, for which it does not wait: a thread may be
 * busy for long (a back end looks up a name, copies much), and who waited for it
 * would leave the kernel without answers meanwhile, until that gives the device up.
 * The thread looks for wishes before it touches a ring, and tells through `notify`
 * when a queue has drained, or has a new map.
 */
#ifndef VDUSED_REACTOR_H
#define VDUSED_REACTOR_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "vdused/backend.h"
#include "vdused/loop.h"
#include "vdused/polling.h"
#include "vdused/vq.h"

struct reactor {
	struct loop loop;
	struct backend_queue *backend; /* opened by the thread; NULL: requests fail */
	struct vq **vqs; /* the ones it serves: pointers into the device's array */
	unsigned vq_count;
	int notify; /* the main thread's eventfd */
	uint64_t poll_max_ns; /* as of struct polling */

	pthread_t thread;
	bool started;
	struct loop_source wake; /* an eventfd */
	/* Posted by the main thread; atomic. */
	bool asked; /* there are wishes */
	bool cancel;
	struct reactor_call *call;
	bool quit;
	struct polling polling;
	unsigned rounds;
};

/*
 * Starts the thread and opens the back end's queue in it (backend may be
 * NULL).  The fields up to poll_max_ns are set by the caller.
 */
int reactor_start(struct reactor *r, struct backend *backend, struct err *err);
/* All queues are idle. */
void reactor_stop(struct reactor *r);

/* The main thread's wish, beside those of vq.h: hurries what is in flight. */
void reactor_cancel(struct reactor *r);

/* ---- for vq.c ---- */

/* There are wishes: the thread looks for them. */
void reactor_ask(struct reactor *r);
/* The main thread looks at the queues. */
void reactor_tell(struct reactor *r);
/* CLOCK_MONOTONIC. */
uint64_t reactor_now_ns(void);

/* ---- for tests ---- */

/* Runs fn(vq) in the thread, after the wishes so far, and waits for that. */
void reactor_call(struct reactor *r, void (*fn)(struct vq *vq), struct vq *vq);

#endif
