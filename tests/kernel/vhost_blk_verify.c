// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random requests whose results are known.  Each request in flight has some
 * sectors of its own, and knows what is in them: the number of the write, 0
 * for zeros, or that it can't be known.
 */
#include "vhost_blk.h"

#include <endian.h>
#include <err.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK 128 /* sectors of a job */
#define ZEROS 0
#define UNKNOWN UINT32_MAX
#define RANGES_MAX 6
#define ID_LEN VIRTIO_BLK_ID_BYTES
#define PATIENCE_MS 20000

struct job {
	struct request r;
	struct slot slot;
	uint64_t first; /* of its sectors */
	uint32_t type;
	unsigned at, count; /* of what the request is about: IN, OUT */
	uint32_t writes;
	uint32_t content[CHUNK];
	bool busy;
};

struct worker {
	struct disk *d;
	struct ring *ring;
	unsigned queue, depth;
	double seconds;
	uint64_t state; /* of random numbers */
	struct job *job;
	uint64_t done;
	uint8_t id[ID_LEN];
	bool has_id;
};

static unsigned below(struct worker *w, unsigned n)
{
	return (unsigned)(random_next(&w->state) % n);
}

/* What is in a sector after this write of it. */
static void fill(uint8_t *p, uint64_t sector, uint32_t content)
{
	uint64_t v = (sector << 32 ^ content) * UINT64_C(0x9e3779b97f4a7c15);

	if (content == ZEROS) {
		memset(p, 0, SECTOR);
		return;
	}
	for (unsigned i = 0; i < SECTOR; i += sizeof(v), v += i)
		memcpy(p + i, &v, sizeof(v));
}

static void check_data(const struct job *j)
{
	uint8_t want[SECTOR];

	for (unsigned i = 0; i < j->count; i++) {
		uint32_t content = j->content[j->at + i];
		uint64_t sector = j->first + j->at + i;

		if (content == UNKNOWN)
			continue;
		fill(want, sector, content);
		if (memcmp(slot_data(&j->slot) + i * SECTOR, want, SECTOR))
			errx(1, "sector %llu is not what write %u made of it",
			     (unsigned long long)sector, content);
	}
}

/* ---- requests ---- */

static void choose_sectors(struct worker *w, unsigned *at, unsigned *count)
{
	unsigned unit = w->d->unit, units = CHUNK / unit, most;

	*at = below(w, units);
	most = units - *at;
	if (below(w, 4) && most > 16 / unit)
		most = 16 / unit;
	*count = (1 + below(w, most ? most : 1)) * unit;
	*at *= unit;
}

static void make_transfer(struct worker *w, struct job *j, uint32_t type)
{
	choose_sectors(w, &j->at, &j->count);
	if (type == VIRTIO_BLK_T_OUT) {
		j->writes++;
		for (unsigned i = 0; i < j->count; i++)
			fill(slot_data(&j->slot) + i * SECTOR, j->first + j->at + i, j->writes);
	} else {
		memset(slot_data(&j->slot), 0xa5, j->count * SECTOR);
	}
	request_make(&j->r, &j->slot, type, j->first + j->at, j->count * SECTOR);
}

static void make_ranges(struct worker *w, struct job *j, uint32_t type)
{
	struct virtio_blk_discard_write_zeroes *range = (void *)slot_data(&j->slot);
	bool zeroes = type == VIRTIO_BLK_T_WRITE_ZEROES;
	unsigned n = 1 + below(w, RANGES_MAX);

	for (unsigned i = 0; i < n; i++) {
		unsigned at, count;

		choose_sectors(w, &at, &count);
		range[i].sector = htole64(j->first + at);
		range[i].num_sectors = htole32(count);
		range[i].flags = htole32(zeroes && below(w, 2) ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0);
		/* Requests that fail end the program, so it may be noted now. */
		for (unsigned k = 0; k < count; k++)
			j->content[at + k] = zeroes ? ZEROS : UNKNOWN;
	}
	request_make(&j->r, &j->slot, type, 0, n * (uint32_t)sizeof(*range));
}

static uint32_t choose_type(struct worker *w)
{
	unsigned n = below(w, 100);

	if (n < 3 && disk_has(w->d, VIRTIO_BLK_F_FLUSH))
		return VIRTIO_BLK_T_FLUSH;
	if (n < 6)
		return VIRTIO_BLK_T_GET_ID;
	if (n < 9 && disk_has(w->d, VIRTIO_BLK_F_DISCARD))
		return VIRTIO_BLK_T_DISCARD;
	if (n < 15 && disk_has(w->d, VIRTIO_BLK_F_WRITE_ZEROES))
		return VIRTIO_BLK_T_WRITE_ZEROES;
	return n < 60 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
}

static void make(struct worker *w, struct job *j)
{
	j->type = choose_type(w);
	switch (j->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		make_transfer(w, j, j->type);
		break;
	case VIRTIO_BLK_T_FLUSH:
		request_make(&j->r, &j->slot, j->type, 0, 0);
		break;
	case VIRTIO_BLK_T_GET_ID:
		memset(slot_data(&j->slot), 0xa5, ID_LEN);
		request_make(&j->r, &j->slot, j->type, 0, ID_LEN);
		break;
	default:
		make_ranges(w, j, j->type);
	}
	if (below(w, 2))
		request_cut(&j->r, 2 + below(w, 30), &w->state);
}

static bool start(struct worker *w, struct job *j)
{
	bool table = disk_has(w->d, VIRTIO_RING_F_INDIRECT_DESC) && below(w, 2);

	if (!j->r.n)
		make(w, j);
	/* With no room for it it is tried again later. */
	j->busy = ring_add(w->ring, j->r.piece, j->r.n, table ? j->slot.va : NULL, j->slot.iova, j);
	return j->busy;
}

static void check_id(struct worker *w, const struct job *j)
{
	const uint8_t *id = slot_data(&j->slot);

	if (w->has_id ? memcmp(id, w->id, ID_LEN) : id[0] == 0xa5 || id[ID_LEN - 1] == 0xa5)
		errx(1, "the serial number is %.20s", (const char *)id);
	memcpy(w->id, id, ID_LEN);
	w->has_id = true;
}

static void finish(struct worker *w, struct job *j, uint32_t written)
{
	uint32_t want = (request_reads(j->type) ? j->r.len : 0) + 1;
	uint8_t status = request_status(&j->r, &j->slot);

	if (status != VIRTIO_BLK_S_OK)
		errx(1, "request of type %u for sector %llu failed with status %u", j->type,
		     (unsigned long long)(j->first + j->at), status);
	if (written != want)
		errx(1, "the device wrote %u octets to a request of type %u, it says, not %u", written,
		     j->type, want);
	if (j->type == VIRTIO_BLK_T_OUT)
		for (unsigned i = 0; i < j->count; i++)
			j->content[j->at + i] = j->writes;
	else if (j->type == VIRTIO_BLK_T_IN)
		check_data(j);
	else if (j->type == VIRTIO_BLK_T_GET_ID)
		check_id(w, j);
	j->busy = false;
	j->r.n = 0;
	w->done++;
}

/* ---- a queue ---- */

static void turn(struct worker *w)
{
	uint32_t written;
	struct job *j;

	ring_publish(w->ring);
	ring_kick(w->ring);
	if (!ring_wait(w->ring, PATIENCE_MS))
		errx(1, "queue %u: requests are not completed", w->queue);
	if (w->ring->missed)
		errx(1, "queue %u: requests were completed without an interrupt", w->queue);
	while ((j = ring_get(w->ring, &written)))
		finish(w, j, written);
}

static bool any_busy(const struct worker *w)
{
	for (unsigned i = 0; i < w->depth; i++)
		if (w->job[i].busy)
			return true;
	return false;
}

static void read_back(struct worker *w)
{
	for (unsigned i = 0; i < w->depth; i++) {
		struct job *j = &w->job[i];

		j->type = VIRTIO_BLK_T_IN;
		j->at = 0;
		j->count = CHUNK;
		request_make(&j->r, &j->slot, j->type, j->first, CHUNK * SECTOR);
		while (!start(w, j))
			turn(w);
	}
	while (any_busy(w))
		turn(w);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	double end = monotonic() + w->seconds;

	while (monotonic() < end) {
		for (unsigned i = 0; i < w->depth; i++)
			if (!w->job[i].busy)
				start(w, &w->job[i]);
		turn(w);
	}
	while (any_busy(w))
		turn(w);
	/* One that found no room at the end was noted as if it had been. */
	for (unsigned i = 0; i < w->depth; i++)
		while (w->job[i].r.n && !w->job[i].busy && !start(w, &w->job[i]))
			turn(w);
	while (any_busy(w))
		turn(w);
	read_back(w);
	return NULL;
}

static void set_up(struct worker *w, const struct options *o, struct disk *d, unsigned queue)
{
	*w = (struct worker){ .d = d,
			      .ring = &d->ring[queue],
			      .queue = queue,
			      .depth = o->depth,
			      .seconds = o->seconds,
			      .state = (uint64_t)time(NULL) << 8 | (queue + 1),
			      .job = calloc(o->depth, sizeof(*w->job)) };
	if (!w->job)
		err(1, "out of memory");
	for (unsigned i = 0; i < o->depth; i++) {
		struct job *j = &w->job[i];

		j->slot = disk_slot(d, queue * o->depth + i);
		j->first = (uint64_t)(queue * o->depth + i) * CHUNK;
		memset(j->content, 0xff, sizeof(j->content));
	}
}

int blk_verify(const struct options *o)
{
	const struct disk_params params = { .path = o->path, .packed = o->packed, .queues = o->queues,
					    .slots = o->queues * o->depth };
	static struct worker w[QUEUES_MAX];
	pthread_t thread[QUEUES_MAX];
	static struct disk d;
	uint64_t done = 0;

	disk_open(&d, &params);
	if (d.capacity < (uint64_t)params.slots * CHUNK)
		errx(2, "the disk has %llu sectors", (unsigned long long)d.capacity);
	if (!disk_go(&d))
		errx(1, "the device can't be started");
	for (unsigned i = 0; i < o->queues; i++) {
		set_up(&w[i], o, &d, i);
		if (pthread_create(&thread[i], NULL, work, &w[i]))
			errx(1, "no thread");
	}
	for (unsigned i = 0; i < o->queues; i++) {
		pthread_join(thread[i], NULL);
		done += w[i].done;
		free(w[i].job);
	}
	disk_close(&d);
	printf("%llu requests\n", (unsigned long long)done);
	return 0;
}
