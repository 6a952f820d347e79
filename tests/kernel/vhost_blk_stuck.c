// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests that stay in flight, as the process that the disk's data comes
 * from is stopped: what a driver may do with them meanwhile.
 */
#include "vhost_blk.h"

#include <dirent.h>
#include <err.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vhost_hostile.h"

#define REQUESTS 16
#define LEN 8192
#define NOTHING_MS 200
#define RESET_SECONDS 10
#define PATTERN 0x5a

static pid_t stopped;

static void let_go(void)
{
	kill(stopped, SIGCONT);
}

static bool is_stopped(const char *stat)
{
	FILE *f = fopen(stat, "re");
	char line[256], *name_end;
	bool stopped_now;

	/* A thread that ended meanwhile does nothing either. */
	if (!f)
		return true;
	name_end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	stopped_now = name_end && !strncmp(name_end, ") T", 3);
	fclose(f);
	return stopped_now;
}

/* A thread that runs while the signal is sent goes on for a moment. */
static void stop(void)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)stopped);
	if (kill(stopped, SIGSTOP))
		err(1, "kill %d", (int)stopped);
	for (bool all = false; !all; usleep(1000)) {
		DIR *d = opendir(path);
		const struct dirent *e;

		all = true;
		while (d && (e = readdir(d))) {
			char stat[600];

			snprintf(stat, sizeof(stat), "%s/%s/stat", path, e->d_name);
			all &= e->d_name[0] == '.' || is_stopped(stat);
		}
		if (!d)
			err(1, "%s", path);
		closedir(d);
	}
}

static void begin(struct hostile *h, const struct options *o)
{
	const struct disk_params params = { .path = o->path,
					    .packed = o->packed,
					    .slots = HOSTILE_SLOTS };

	memset(h, 0, sizeof(*h));
	disk_open(&h->d, &params);
	h->ring = &h->d.ring[0];
	h->slot = disk_slot(&h->d, 0);
	if (!disk_go(&h->d) || !hostile_ordinary(&h->d, 0, 5000))
		errx(1, "the device does not work");
	stop();
}

static void add_requests(struct hostile *h)
{
	static struct request r[REQUESTS];

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct slot s = disk_slot(&h->d, i);

		request_make(&r[i], &s, i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 64, LEN);
		if (!ring_add(h->ring, r[i].piece, r[i].n, NULL, 0, &r[i]))
			errx(1, "the ring is too small");
	}
	ring_publish(h->ring);
	ring_kick_always(h->ring);
	if (ring_wait(h->ring, NOTHING_MS))
		errx(1, "a request was completed, although its data can't have come");
}

/* The head or id of one in flight is made available again. */
static void head_again(const struct options *o)
{
	struct hostile h;
	uint16_t id;

	begin(&h, o);
	hostile_in(&h);
	hostile_add(&h);
	id = h.ring->last_id;
	ring_publish(h.ring);
	ring_kick_always(h.ring);
	if (ring_wait(h.ring, NOTHING_MS))
		errx(1, "a request was completed, although its data can't have come");
	hostile_add(&h);
	if (h.ring->packed)
		for (unsigned i = 0; i < h.ring->last_count; i++)
			ring_set_next(h.ring, i, id);
	else
		poke16(h.ring->memory + RING_DRIVER + 4 + 2 * ((h.ring->avail - 1) % h.ring->size),
		       id);
	ring_publish(h.ring);
	ring_kick_always(h.ring);
	if (ring_wait(h.ring, NOTHING_MS))
		errx(1, "the queue should have stopped");
	let_go();
	if (ring_wait(h.ring, NOTHING_MS))
		errx(1, "the queue should have stopped for good");
	disk_close(&h.d);
}

static void check_untouched(const struct vdpa_mem *m, uint8_t want, const char *what)
{
	for (size_t i = 0; i < m->len; i++)
		if (m->va[i] != want)
			errx(1, "after the reset the device wrote to %s, octet %zu", what, i);
}

/* Once the reset is done the memory is the driver's, whatever comes later. */
static void reset(const struct options *o)
{
	struct timespec since, now;
	struct hostile h;

	begin(&h, o);
	add_requests(&h);
	clock_gettime(CLOCK_MONOTONIC, &since);
	vdpa_set_status(&h.d.dev, 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - since.tv_sec > RESET_SECONDS)
		errx(1, "the reset took %ld s", (long)(now.tv_sec - since.tv_sec));
	memset(h.d.rings.va, PATTERN, h.d.rings.len);
	memset(h.d.slots.va, PATTERN, h.d.slots.len);
	let_go();
	nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	check_untouched(&h.d.rings, PATTERN, "a ring");
	check_untouched(&h.d.slots, PATTERN, "a buffer");
	if (!disk_restart(&h.d) || !hostile_ordinary(&h.d, 0, 10000))
		errx(1, "after the reset the device does not work");
	disk_close(&h.d);
}

int blk_stuck(const struct options *o, unsigned pid)
{
	stopped = (pid_t)pid;
	if (atexit(let_go))
		errx(1, "atexit");
	head_again(o);
	reset(o);
	return 0;
}
