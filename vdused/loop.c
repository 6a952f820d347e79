/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/loop.h"

#include <errno.h>
#include <unistd.h>

int loop_init(struct loop *loop)
{
	loop->pending = 0;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epfd < 0 ? -errno : 0;
}

void loop_fini(struct loop *loop)
{
	if (loop->epfd >= 0)
		close(loop->epfd);
	loop->epfd = -1;
}

static int control(struct loop *loop, int op, struct loop_source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	return epoll_ctl(loop->epfd, op, src->fd, &ev) ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *src, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, src, events);
}

int loop_mod(struct loop *loop, struct loop_source *src, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, src, events);
}

void loop_del(struct loop *loop, struct loop_source *src)
{
	control(loop, EPOLL_CTL_DEL, src, 0);
	for (int i = 0; i < loop->pending; i++)
		if (loop->events[i].data.ptr == src)
			loop->events[i].data.ptr = NULL;
}

int loop_run_once(struct loop *loop, int ms)
{
	int n = epoll_wait(loop->epfd, loop->events, LOOP_BATCH, ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->pending = n;
	for (int i = 0; i < n; i++) {
		struct loop_source *src = loop->events[i].data.ptr;

		if (src)
			src->ready(src, loop->events[i].events);
	}
	loop->pending = 0;
	return n;
}
