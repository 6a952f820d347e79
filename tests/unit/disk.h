/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A back end with one queue and a loop, and requests that are waited for. */
#ifndef TESTS_UNIT_DISK_H
#define TESTS_UNIT_DISK_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vdused/backend.h"
#include "vdused/guard.h"

#define PENDING 1000000

struct disk {
	struct loop loop;
	struct backend *b;
	struct backend_queue *q;
	struct backend_params params;
};

/* A request that knows how it ended. */
struct io {
	struct backend_req req;
	int result;
	unsigned ended;
};

static inline void io_done(struct backend_req *req, int result)
{
	struct io *io = (struct io *)req;

	io->result = result;
	io->ended++;
}

static inline double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void disk_open(struct disk *d, const char *uri)
{
	struct err err = { "" };

	assert_int_equal(loop_init(&d->loop), 0);
	if (backend_open(uri, &d->params, &d->b, &err))
		fail_msg("%s", err.text);
	if (backend_queue_open(d->b, &d->loop, &d->q, &err))
		fail_msg("%s", err.text);
}

static inline void disk_close(struct disk *d)
{
	assert_int_equal(d->q->in_flight, 0);
	backend_queue_close(d->q);
	backend_close(d->b);
	loop_fini(&d->loop);
}

static inline void io_start(struct disk *d, struct io *io, enum backend_op op, unsigned flags,
			    uint64_t offset, uint64_t len, struct iovec *iov, unsigned niov)
{
	*io = (struct io){
		.req = { .op = op,
			 .flags = flags,
			 .offset = offset,
			 .len = len,
			 .iov = iov,
			 .niov = niov,
			 .done = io_done },
		.result = PENDING,
	};
	backend_submit(d->q, &io->req);
}

/* Runs the loop until it ended, at most 20 seconds. */
static inline int io_wait(struct disk *d, struct io *io)
{
	double until = seconds() + 20;

	backend_flush(d->q);
	while (!io->ended && seconds() < until)
		assert_true(loop_run_once(&d->loop, 100) >= 0);
	assert_int_equal(io->ended, 1);
	return io->result;
}

static inline int do_io(struct disk *d, enum backend_op op, unsigned flags, uint64_t offset,
			uint64_t len, struct iovec *iov, unsigned niov)
{
	struct io io;

	io_start(d, &io, op, flags, offset, len, iov, niov);
	return io_wait(d, &io);
}

static inline int do_read(struct disk *d, uint64_t offset, void *buf, size_t len)
{
	struct iovec iov = { buf, len };

	return do_io(d, BACKEND_READ, 0, offset, len, &iov, 1);
}

static inline int do_write(struct disk *d, uint64_t offset, const void *buf, size_t len)
{
	struct iovec iov = { (void *)buf, len };

	return do_io(d, BACKEND_WRITE, 0, offset, len, &iov, 1);
}

static inline int do_plain(struct disk *d, enum backend_op op, unsigned flags, uint64_t offset,
			   uint64_t len)
{
	return do_io(d, op, flags, offset, len, NULL, 0);
}

/*
 * A page that was there once: a mapping of a file that is empty.  cmocka puts its
 * own handlers in place for each test, so the guard's are installed here.
 */
static inline void *gone_page(void)
{
	int fd = memfd_create("gone", MFD_CLOEXEC);
	void *p;

	assert_true(fd >= 0);
	assert_int_equal(guard_install(), 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	close(fd);
	return p;
}

/* A small generator, the same everywhere. */
static inline uint32_t rnd(uint32_t below)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 11) % below;
}

static inline void fill_random(void *buf, size_t len)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)rnd(256);
}

/* Tests of a disk of zeros, 4 MiB large, in *state. */
void disk_test_model(void **state); /* random I/O, compared with memory that got the same */
void disk_test_many(void **state); /* 1000 requests at a time */
void disk_test_memory_gone(void **state); /* EFAULT hurts nobody else */

#endif
