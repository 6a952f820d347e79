/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back end nbd: without a kernel device: random requests on one connection,
 * by the back end and, for comparison, by a loop over libnbd.
 * Usage: nbd SIDE URI read|write BLOCK DEPTH SECONDS; SIDE: backend, libnbd.  Prints requests a second.
 */
#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vdused/backend.h"
#include "vdused/guard.h"

struct load {
	bool write;
	size_t block;
	unsigned depth;
	uint64_t blocks; /* of the disk */
	unsigned long done;
};

struct slot {
	struct backend_req req;
	struct iovec iov;
	bool idle;
	char *buf;
};

static struct load load;
static struct slot *slots;

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t somewhere(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (x >> 11) % load.blocks * load.block;
}

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static void make_slots(uint64_t size)
{
	load.blocks = size / load.block;
	slots = calloc(load.depth, sizeof(*slots));
	for (unsigned i = 0; i < load.depth; i++) {
		slots[i].buf = calloc(1, load.block);
		slots[i].idle = true;
	}
}

/* ---- the back end, as a reactor drives it: a batch, a look, else sleep ---- */

static void req_done(struct backend_req *req, int result)
{
	if (result)
		die(strerror(-result));
	((struct slot *)req)->idle = true;
	load.done++;
}

static bool submit_idle(struct backend_queue *q)
{
	bool any = false;

	for (unsigned i = 0; i < load.depth; i++) {
		struct slot *s = &slots[i];

		if (!s->idle)
			continue;
		any = true;
		s->idle = false;
		s->iov = (struct iovec){ s->buf, load.block };
		s->req = (struct backend_req){
			.op = load.write ? BACKEND_WRITE : BACKEND_READ,
			.offset = somewhere(),
			.len = load.block,
			.iov = &s->iov,
			.niov = 1,
			.done = req_done,
		};
		backend_submit(q, &s->req);
	}
	return any;
}

static void by_backend(const char *uri, double until)
{
	struct backend_params params = { .target = NULL };
	struct backend_queue *q;
	struct backend *b;
	struct loop loop;
	struct err err;

	if (guard_install() || loop_init(&loop))
		die("no loop");
	if (backend_open(uri, &params, &b, &err) || backend_queue_open(b, &loop, &q, &err))
		die(err.text);
	make_slots(b->info.size);
	while (seconds() < until) {
		bool any = submit_idle(q);

		backend_flush(q);
		if (!backend_poll(q) && !any)
			loop_run_once(&loop, -1);
	}
	while (q->in_flight)
		loop_run_once(&loop, -1);
	backend_queue_close(q);
	backend_close(b);
	loop_fini(&loop);
}

/* ---- libnbd, as its manual shows it ---- */

static int cmd_done(void *data, int *error)
{
	if (*error)
		die(strerror(*error));
	((struct slot *)data)->idle = true;
	load.done++;
	return 1;
}

static void issue_idle(struct nbd_handle *h)
{
	for (unsigned i = 0; i < load.depth; i++) {
		struct slot *s = &slots[i];
		nbd_completion_callback cb = { .callback = cmd_done, .user_data = s };

		if (!s->idle)
			continue;
		s->idle = false;
		if ((load.write ? nbd_aio_pwrite(h, s->buf, load.block, somewhere(), cb, 0) :
				  nbd_aio_pread(h, s->buf, load.block, somewhere(), cb, 0)) < 0)
			die(nbd_get_error());
	}
}

static void step(struct nbd_handle *h)
{
	unsigned dir = nbd_aio_get_direction(h);
	struct pollfd fd = {
		.fd = nbd_aio_get_fd(h),
		.events = (short)((dir & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
				  (dir & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0)),
	};

	if (poll(&fd, 1, -1) <= 0)
		die("poll");
	if ((dir & LIBNBD_AIO_DIRECTION_READ) && (fd.revents & POLLIN))
		nbd_aio_notify_read(h);
	else if ((dir & LIBNBD_AIO_DIRECTION_WRITE) && (fd.revents & POLLOUT))
		nbd_aio_notify_write(h);
}

static void by_libnbd(const char *uri, double until)
{
	struct nbd_handle *h = nbd_create();

	nbd_set_request_structured_replies(h, false);
	if (nbd_connect_uri(h, uri))
		die(nbd_get_error());
	make_slots((uint64_t)nbd_get_size(h));
	while (seconds() < until) {
		issue_idle(h);
		step(h);
	}
	while (nbd_aio_in_flight(h) > 0)
		step(h);
	nbd_close(h);
}

int main(int argc, char **argv)
{
	double start = seconds(), length;

	if (argc != 7 || (strcmp(argv[1], "backend") && strcmp(argv[1], "libnbd")))
		die("usage: nbd backend|libnbd URI read|write BLOCK DEPTH SECONDS");
	load.write = !strcmp(argv[3], "write");
	load.block = strtoul(argv[4], NULL, 10);
	load.depth = (unsigned)strtoul(argv[5], NULL, 10);
	length = strtod(argv[6], NULL);
	if (!load.block || !load.depth)
		die("expected a block size and a depth");
	if (!strcmp(argv[1], "backend"))
		by_backend(argv[2], start + length);
	else
		by_libnbd(argv[2], start + length);
	printf("%.0f\n", (double)load.done / (seconds() - start));
	for (unsigned i = 0; i < load.depth; i++)
		free(slots[i].buf);
	free(slots);
	return 0;
}
