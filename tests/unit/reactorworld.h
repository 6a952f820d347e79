/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reactor with its thread; the test is the driver and the main thread. */
#ifndef TESTS_UNIT_REACTORWORLD_H
#define TESTS_UNIT_REACTORWORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "blkworld.h"

#define QUEUES 3
#define SECONDS 10 /* longer than anything takes */

/* Queues of one reactor; the first world has it. */
static struct blkworld *w[QUEUES];
static struct vq *vqs[QUEUES];
static struct reactor r;
static struct fake fake;

static inline uint32_t random_below(uint32_t n)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 11) % n;
}

static inline void nap(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline void start_reactor(unsigned n, struct backend *b, uint64_t poll_ns)
{
	struct err err = { "" };

	memset(&r, 0, sizeof(r));
	r.vqs = vqs;
	r.vq_count = n;
	r.notify = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r.poll_max_ns = poll_ns;
	for (unsigned i = 0; i < n; i++) {
		w[i]->vq.reactor = &r;
		w[i]->vq.index = i;
		vqs[i] = &w[i]->vq;
	}
	if (reactor_start(&r, b, &err))
		fail_msg("%s", err.text);
}

static inline void open_queues(unsigned n, unsigned how, bool use_fake)
{
	const struct blkworld_params p = {
		.how = how,
		.fake = use_fake ? &fake : NULL,
		.uri = use_fake ? NULL : "mem:1M",
		.thread = true,
	};

	for (unsigned i = 0; i < n; i++)
		blkworld_open(w[i], &p);
}

/* The thread knows what was wished so far. */
static inline void wishes_granted(void)
{
	reactor_call(&r, vq_kick, NULL);
}

static inline void start_queue(unsigned i)
{
	w[i]->vq.kick.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	vq_start(&w[i]->vq, false);
	wishes_granted();
	assert_int_equal(vq_state(&w[i]->vq), VQ_RUNNING);
}

/* Until the reactor signals, which must not take long. */
static inline bool wait_idle(unsigned i, int ms)
{
	struct pollfd p = { .fd = r.notify, .events = POLLIN };
	uint64_t until = now_ms() + (uint64_t)ms, count;

	while (vq_state(&w[i]->vq) != VQ_IDLE) {
		uint64_t now = now_ms();

		if (now >= until || poll(&p, 1, (int)(until - now)) <= 0)
			return false;
		assert_int_equal(read(r.notify, &count, sizeof(count)), sizeof(count));
	}
	return true;
}

static inline void drain(unsigned i)
{
	vq_drain(&w[i]->vq, false);
	assert_true(wait_idle(i, SECONDS * 1000));
}

static inline void close_all(unsigned n)
{
	reactor_stop(&r);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(vq_state(&w[i]->vq), VQ_IDLE);
		close(w[i]->vq.kick.fd);
		blkworld_close(w[i]);
	}
	close(r.notify);
}

static inline void kick(unsigned i)
{
	uint64_t one = 1;

	if (w[i]->vq.kick.fd < 0)
		return;
	assert_int_equal(write(w[i]->vq.kick.fd, &one, sizeof(one)), sizeof(one));
}

/* A read of sector `token`, which kicks only when the device wants it. */
static inline void add_read(unsigned i, uint32_t token)
{
	uint16_t old = w[i]->v.avail;

	assert_true(blkworld_read(w[i], token));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vdriver_kicks(&w[i]->v, old))
		kick(i);
}

static inline uint32_t get(unsigned i, int ms)
{
	uint64_t until = now_ms() + (uint64_t)ms;
	uint32_t token;

	for (unsigned turn = 0; !(token = vdriver_get(&w[i]->v, NULL)); turn++) {
		if (turn > 1000)
			nap(10000);
		if (turn % 64 == 63 && now_ms() >= until)
			return 0;
	}
	assert_int_equal(blkworld_read_status(w[i], token), VIRTIO_BLK_S_OK);
	return token;
}

/* Until the back end holds n. */
static inline void wait_held(unsigned n)
{
	uint64_t until = now_ms() + SECONDS * 1000;

	while (__atomic_load_n(&fake.held_count, __ATOMIC_ACQUIRE) != n && now_ms() < until)
		nap(100000);
	assert_int_equal(fake.held_count, n);
}

static inline int group_setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUES; i++)
		w[i] = calloc(1, sizeof(*w[i]));
	return 0;
}

static inline int group_teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUES; i++)
		free(w[i]);
	return 0;
}

#endif
