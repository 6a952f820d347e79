// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A driver of virtio-blk disks in user space, on /dev/vhost-vdpa-N as a
 * virtual machine monitor is one: checks that the disk keeps what is written,
 * does to it what no driver should, or measures it.
 */
#include "vhost_blk.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <linux/virtio_blk.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 120 /* seconds; whoever waits for the device to be closed can't be killed */

static const char usage[] =
	"Usage: vhost_blk verify [OPTION]... DEV   prints what is wrong, exit status 1\n"
	"       vhost_blk hostile [OPTION]... DEV CASE...|all\n"
	"       vhost_blk hostile --list\n"
	"       vhost_blk stuck [OPTION]... DEV PID   of the process that has its data\n"
	"       vhost_blk bench [OPTION]... DEV    prints requests per second\n"
	"  --packed       packed rings\n"
	"  --queues N     1 to 16 (1)\n"
	"  --depth N      requests in flight on each queue (16)\n"
	"  --seconds N    (2)\n"
	"  --bs N         bench: octets of a request (4096)\n"
	"  --write        bench: writes instead of reads\n";

static unsigned number(const char *text, unsigned min, unsigned max)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || v < min || v > max)
		errx(2, "bad number: %s", text);
	return (unsigned)v;
}

static double seconds(const char *text)
{
	double v;
	char *end;

	errno = 0;
	v = strtod(text, &end);
	if (errno || end == text || *end || !(v >= 0 && v <= PATIENCE))
		errx(2, "bad number: %s", text);
	return v;
}

/* ---- bench ---- */

struct bench {
	const struct options *o;
	struct disk *d;
	unsigned queue;
	uint64_t done;
	bool failed;
};

double monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void bench_start(struct bench *b, struct request *r, unsigned n, uint64_t *state)
{
	struct slot s = disk_slot(b->d, b->queue * b->o->depth + n);
	uint32_t sectors = b->o->octets / SECTOR;
	uint64_t at = random_next(state) % (b->d->capacity / sectors) * sectors;
	bool table = 3 * b->o->depth > b->d->ring[b->queue].size;

	request_make(r, &s, b->o->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, at, b->o->octets);
	if (!ring_add(&b->d->ring[b->queue], r->piece, r->n, table ? s.va : NULL, s.iova, r))
		errx(1, "the ring is too small");
}

static void *bench_queue(void *arg)
{
	struct bench *b = arg;
	struct ring *ring = &b->d->ring[b->queue];
	struct request *requests = calloc(b->o->depth, sizeof(*requests)), *r;
	uint64_t state = 88172645463325252 + b->queue;
	double end = monotonic() + b->o->seconds;
	unsigned flying = b->o->depth;
	uint32_t written;

	if (!requests)
		err(1, "out of memory");
	for (unsigned i = 0; i < flying; i++)
		bench_start(b, &requests[i], i, &state);
	/* To the last one: qemu-storage-daemon 7.2 does not survive a reset with requests in flight. */
	while (!b->failed && flying) {
		bool more;

		ring_publish(ring);
		ring_kick(ring);
		if (!ring_wait(ring, 10000))
			b->failed = true;
		more = monotonic() < end;
		while ((r = ring_get(ring, &written))) {
			struct slot s = disk_slot(b->d, b->queue * b->o->depth + (unsigned)(r - requests));

			b->failed |= request_status(r, &s) != VIRTIO_BLK_S_OK;
			b->done++;
			flying -= !more;
			if (more)
				bench_start(b, r, (unsigned)(r - requests), &state);
		}
	}
	free(requests);
	return NULL;
}

int blk_bench(const struct options *o)
{
	const struct disk_params params = { .path = o->path, .packed = o->packed, .queues = o->queues,
					    .slots = o->queues * o->depth };
	struct bench b[QUEUES_MAX] = { 0 };
	pthread_t thread[QUEUES_MAX];
	static struct disk d;
	uint64_t done = 0;
	double since;
	bool failed = false;

	disk_open(&d, &params);
	if (o->octets > DATA_MAX || o->octets % SECTOR || d.capacity < o->octets / SECTOR)
		errx(2, "requests of %u octets", o->octets);
	if (!disk_go(&d))
		errx(1, "the device can't be started");
	since = monotonic();
	for (unsigned i = 0; i < o->queues; i++) {
		b[i] = (struct bench){ .o = o, .d = &d, .queue = i };
		if (pthread_create(&thread[i], NULL, bench_queue, &b[i]))
			errx(1, "no thread");
	}
	for (unsigned i = 0; i < o->queues; i++) {
		pthread_join(thread[i], NULL);
		done += b[i].done;
		failed |= b[i].failed;
	}
	printf("%.0f\n", (double)done / (monotonic() - since));
	disk_close(&d);
	if (failed)
		warnx("a request failed, or was not completed");
	return failed;
}

/* ---- the command line ---- */

static int parse(struct options *o, int argc, char **argv, bool *list)
{
	static const struct option options[] = {
		{ "packed", no_argument, NULL, 'p' },	   { "queues", required_argument, NULL, 'q' },
		{ "depth", required_argument, NULL, 'd' }, { "seconds", required_argument, NULL, 's' },
		{ "bs", required_argument, NULL, 'b' },	   { "write", no_argument, NULL, 'w' },
		{ "list", no_argument, NULL, 'l' },	   { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->packed = true;
			break;
		case 'q':
			o->queues = number(optarg, 1, QUEUES_MAX);
			break;
		case 'd':
			o->depth = number(optarg, 1, 256);
			break;
		case 's':
			o->seconds = seconds(optarg);
			break;
		case 'b':
			o->octets = number(optarg, SECTOR, DATA_MAX);
			break;
		case 'w':
			o->write = true;
			break;
		case 'l':
			*list = true;
			break;
		default:
			return -1;
		}
	}
	return optind;
}

int main(int argc, char **argv)
{
	struct options o = { .queues = 1, .depth = 16, .octets = 4096, .seconds = 2 };
	const char *what = argc > 1 ? argv[1] : "";
	bool list = false;
	int at;

	if (argc > 1) {
		argc--;
		argv++;
	}
	at = parse(&o, argc, argv, &list);
	alarm(PATIENCE + (unsigned)o.seconds);
	if (at > 0 && list && !strcmp(what, "hostile"))
		return blk_hostile_list();
	if (at > 0 && at < argc) {
		o.path = argv[at++];
		if (!strcmp(what, "verify") && at == argc)
			return blk_verify(&o);
		if (!strcmp(what, "bench") && at == argc)
			return blk_bench(&o);
		if (!strcmp(what, "stuck") && at + 1 == argc)
			return blk_stuck(&o, number(argv[at], 1, INT32_MAX));
		if (!strcmp(what, "hostile") && at < argc)
			return blk_hostile(&o, argv + at, (unsigned)(argc - at));
	}
	fputs(usage, stderr);
	return 2;
}
