/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any octets for a ring, its set-up and its log, some of which change while it is in use. */
#include <stdlib.h>
#include <string.h>

#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct ring_seed seed;
	unsigned size;
	struct vring vr;
	struct vchain chain;
	uint8_t *part[RING_PARTS]; /* each of its own, so that a sanitizer sees what is past it */
	uint8_t *buffers;
	const uint8_t *pokes;
	size_t n_pokes;
	uint16_t held[64];
	unsigned n, pops;
	unsigned random;
};

static void require(bool good)
{
	if (!good)
		abort();
}

static size_t part_len(const struct world *w, unsigned i)
{
	return ring_part_len(i, w->size, w->seed.how & VDRIVER_PACKED);
}

static void fill(struct world *w, const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < RING_PARTS; i++) {
		size_t len = part_len(w, i), n = len < size ? len : size;

		w->part[i] = calloc(1, len);
		require(w->part[i]);
		memcpy(w->part[i], data, n);
		data += n;
		size -= n;
	}
	w->buffers = calloc(128, w->size);
	require(w->buffers);
	w->pokes = data;
	w->n_pokes = size / 3;
}

static struct iova_map *map_of(const struct world *w)
{
	struct iova_region r[RING_PARTS];

	for (unsigned i = 0; i < RING_PARTS; i++) {
		bool data = i == RING_PART_LOG;
		uint64_t at = VDRIVER_IOVA + (data ? ARENA_DATA : ring_part_at[i]);

		r[i] = (struct iova_region){
			.start = at,
			.last = at + (data ? 128 * w->size : part_len(w, i)) - 1,
			.va = data ? w->buffers : w->part[i],
			.perm = IOVA_READ | IOVA_WRITE,
		};
	}
	return iova_map_new(r, RING_PARTS);
}

static int start(struct world *w, bool resume)
{
	const struct vring_setup setup = {
		.size = w->size,
		.desc_addr = VDRIVER_IOVA + ARENA_DESC,
		.driver_addr = VDRIVER_IOVA + ARENA_DRIVER,
		.device_addr = VDRIVER_IOVA + ARENA_DEVICE,
		.packed = w->seed.how & VDRIVER_PACKED,
		.event_idx = w->seed.how & VDRIVER_EVENT_IDX,
		.indirect = w->seed.how & VDRIVER_INDIRECT,
		.in_order = w->seed.how & VDRIVER_IN_ORDER,
	};
	void *log = w->seed.how & (RING_LOG | RING_RESUME) ? w->part[RING_PART_LOG] : NULL;
	uint16_t base = (uint16_t)(w->seed.base[0] | w->seed.base[1] << 8);
	struct iova_map *map = map_of(w);
	int ret;

	require(map);
	ret = vring_start(&w->vr, &setup, map, log, resume, base);
	require(!ret || w->vr.why[0]);
	iova_map_unref(map);
	return ret;
}

/* The driver changes something: not the log, which is ours. */
static void poke(struct world *w)
{
	size_t at;

	if (!w->n_pokes)
		return;
	at = w->pokes[0] | (size_t)w->pokes[1] << 8;
	for (unsigned i = 0; i < RING_PART_LOG; i++) {
		if (at < part_len(w, i)) {
			w->part[i][at] = w->pokes[2];
			break;
		}
		at -= part_len(w, i);
	}
	w->pokes += 3;
	w->n_pokes--;
}

static unsigned next_random(struct world *w, unsigned below)
{
	w->random = w->random * 1103515245 + 12345;
	return (w->random >> 16) % below;
}

static void check_chain(struct world *w)
{
	const struct vchain *c = &w->chain;
	uint64_t out = 0, in = 0;

	require(c->id < w->size && c->ndesc >= 1 && c->ndesc <= w->size);
	for (unsigned i = 0; i < c->nout + c->nin; i++) {
		volatile uint8_t *p = c->iov[i].iov_base;

		require(c->iov[i].iov_len > 0);
		if (i < c->nout)
			out += c->iov[i].iov_len;
		else
			in += c->iov[i].iov_len;
		if (p) {
			(void)p[0];
			(void)p[c->iov[i].iov_len - 1];
		}
	}
	require(out == c->out_len && in == c->in_len);
	for (unsigned i = 0; i < w->n; i++)
		require(w->held[i] != c->id);
	require(w->n < w->size);
	w->held[w->n++] = c->id;
}

static void give(struct world *w, unsigned n)
{
	while (n-- && w->n) {
		unsigned i = next_random(w, w->n);

		vring_push(&w->vr, w->held[i], next_random(w, 3) * 1000);
		memmove(&w->held[i], &w->held[i + 1], (--w->n - i) * sizeof(w->held[0]));
	}
	vring_publish(&w->vr);
	if (next_random(w, 2))
		vring_wants_interrupt(&w->vr);
}

/* Dies now, and starts again: the log is good, whatever the driver did. */
static int restart(struct world *w)
{
	unsigned in_flight = w->vr.in_flight - w->vr.pushed;
	struct inflight log;

	if (!w->vr.log.area)
		return 0;
	require(!inflight_attach(&log, w->part[RING_PART_LOG], w->size, w->vr.setup.packed));
	vring_stop(&w->vr);
	w->n = 0;
	if (start(w, true))
		return -1;
	require(w->vr.in_flight == in_flight);
	return 0;
}

static bool take(struct world *w)
{
	int ret = vring_pop_resumed(&w->vr, &w->chain);

	if (!ret) {
		poke(w);
		ret = vring_pop(&w->vr, &w->chain);
		w->pops += ret > 0;
	}
	require(ret < 0 ? vring_broken(&w->vr) : !vring_broken(&w->vr));
	if (ret > 0)
		check_chain(w);
	return ret > 0;
}

static void run(struct world *w)
{
	/* What the driver does not change is done after one turn of the ring. */
	size_t limit = w->n_pokes * (w->size + 1) + 2 * w->size;

	for (unsigned i = 0; i < 100; i++) {
		while (take(w) && next_random(w, 4))
			;
		vring_has_work(&w->vr);
		give(w, next_random(w, 3));
		if (next_random(w, 2))
			vring_notify_on(&w->vr);
		else
			vring_notify_off(&w->vr);
		if (vring_broken(&w->vr))
			break;
		require(w->pops <= limit);
		if (!next_random(w, 8) && restart(w))
			break;
	}
	give(w, w->n);
	/* What the last start resumed, and nobody has taken since, is in flight still. */
	require(vring_broken(&w->vr) || !w->vr.ops ||
		w->vr.in_flight == w->vr.resumed_count - w->vr.resumed_next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { 0 };

	if (size < sizeof(w.seed))
		return 0;
	memcpy(&w.seed, data, sizeof(w.seed));
	w.size = ring_size(&w.seed);
	w.random = w.seed.schedule;
	fill(&w, data + sizeof(w.seed), size - sizeof(w.seed));
	if (!start(&w, w.seed.how & RING_RESUME))
		run(&w);
	vring_stop(&w.vr);
	for (unsigned i = 0; i < RING_PARTS; i++)
		free(w.part[i]);
	free(w.buffers);
	free(w.chain.iov);
	return 0;
}
