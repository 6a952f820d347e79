/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event loop of one thread, over epoll.
 *
 * A source is embedded in its owner, which outlives its place in the loop.
 * Callbacks may add, change and remove any source, their own included: a
 * removed one is not called any more, even if its event was already there.
 */
#ifndef VDUSED_LOOP_H
#define VDUSED_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_BATCH 16

struct loop_source {
	int fd; /* the owner's */
	void (*ready)(struct loop_source *src, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
};

struct loop {
	int epfd;
	int pending; /* of events[], not yet delivered */
	struct epoll_event events[LOOP_BATCH];
};

/* 0 or -errno. */
int loop_init(struct loop *loop);
void loop_fini(struct loop *loop);
int loop_add(struct loop *loop, struct loop_source *src, uint32_t events);
int loop_mod(struct loop *loop, struct loop_source *src, uint32_t events);
void loop_del(struct loop *loop, struct loop_source *src);
/*
 * Waits up to `ms` milliseconds (-1: for ever, 0: not at all) and delivers
 * what came.  The number of events; 0 also after a signal; -errno.
 */
int loop_run_once(struct loop *loop, int ms);

#endif
