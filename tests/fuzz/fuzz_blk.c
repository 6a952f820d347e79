/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any chains for the parser of virtio-blk requests, before a disk in memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blk.h"
#include "tests/unit/blkworld.h"
#include "vdused/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RING 16
#define LEN 0x4000u
#define DISK "mem:64K"

struct world {
	struct vdriver v;
	struct vq vq;
	struct reactor r;
	struct blk blk;
	struct vduse vduse;
	uint8_t *arena, *data;
	void *gone;
	const uint8_t *input;
	size_t left;
	unsigned how;
};

static void require(bool good)
{
	if (!good)
		abort();
}

static const void *take(struct world *w, size_t len)
{
	const uint8_t *p = w->input;

	if (w->left < len)
		return NULL;
	w->input += len;
	w->left -= len;
	return p;
}

static struct iova_map *make_map(struct world *w)
{
	const unsigned both = IOVA_READ | IOVA_WRITE;
	const struct iova_region region[] = {
		{ VDRIVER_IOVA, VDRIVER_IOVA + ARENA_SIZE - 1, w->arena, both, NULL, 0 },
		{ DATA_IOVA, DATA_IOVA + LEN - 1, w->data, both, NULL, 0 },
		{ GONE_IOVA, GONE_IOVA + LEN - 1, w->gone, both, NULL, 0 },
		{ ONLY_READ_IOVA, ONLY_READ_IOVA + LEN - 1, w->data, IOVA_READ, NULL, 0 },
	};

	return iova_map_new(region, 4);
}

static void open_world(struct world *w)
{
	const struct blk_options o = {
		.queues = 1,
		.queue_size = RING,
		.block_size = w->how & BLK_SEED_BIG_BLOCKS ? 4096 : 0,
		.readonly = w->how & BLK_SEED_READONLY,
		.packed = true,
		.serial = "01234567890123456789",
	};
	struct backend_params params = { .readonly = o.readonly };
	struct backend *backend;
	struct iova_map *map;
	int fd = memfd_create("gone", MFD_CLOEXEC);

	w->arena = calloc(1, ARENA_SIZE);
	w->data = calloc(1, LEN);
	w->gone = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	require(w->arena && w->data && w->gone != MAP_FAILED && !guard_install());
	require(!backend_open(DISK, &params, &backend, NULL) && !loop_init(&w->r.loop));
	require(!backend_queue_open(backend, &w->r.loop, &w->r.backend, NULL));
	blk_init(&w->blk, backend, &o);
	w->blk.features = w->blk.offered &
			  ~(w->how & BLK_SEED_NO_FLUSH ? FEATURE(VIRTIO_BLK_F_FLUSH) : 0);
	w->vduse.fd = w->vduse.control = -1;
	w->vq = (struct vq){ .reactor = &w->r, .blk = &w->blk, .vduse = &w->vduse, .kick.fd = -1 };
	vdriver_init(&w->v, w->arena, RING, w->how & 7, w->how & VDRIVER_PACKED ? 0x8000 : 0);
	map = make_map(w);
	require(map && !vring_start(&w->vq.ring, &w->v.setup, map, NULL, false,
				    w->how & VDRIVER_PACKED ? 0x8000 : 0));
	iova_map_unref(map);
}

static void close_world(struct world *w)
{
	/* The disk is in memory: nothing is ever left over, and each request dropped its map. */
	require(!w->vq.in_flight && !w->r.backend->in_flight);
	require(w->vq.ring.map->refs == 1);
	blk_free_requests(&w->vq);
	vring_stop(&w->vq.ring);
	backend_queue_close(w->r.backend);
	backend_close(w->blk.backend);
	loop_fini(&w->r.loop);
	munmap(w->gone, LEN);
	free(w->arena);
	free(w->data);
}

static struct piece piece_of(const struct blk_seed_piece *s)
{
	static const uint64_t base[] = { DATA_IOVA, DATA_IOVA, GONE_IOVA, ONLY_READ_IOVA,
					 NOWHERE_IOVA };
	uint16_t at = (uint16_t)(s->at[0] | s->at[1] << 8);
	uint32_t len = (uint32_t)(s->len[0] | s->len[1] << 8);

	/* Very long ones, too. */
	if (len == 0xffff)
		len = 0xfffffe00;
	return (struct piece){ base[(s->where & 127) % 5] + at, len, s->where & 128 };
}

/* Adds a request as the input has it: the room for what it writes in *room. */
static bool add(struct world *w, uint32_t token, uint64_t *room)
{
	const struct blk_seed_request *s = take(w, sizeof(*s));
	const struct blk_seed_piece *p;
	struct piece pieces[8];
	const void *data;
	unsigned n = s ? (s->pieces & 7) + 1u : 0;

	p = s ? take(w, n * sizeof(*p)) : NULL;
	data = p ? take(w, s->data) : NULL;
	if (!data)
		return false;
	*room = 0;
	for (unsigned i = 0; i < n; i++) {
		pieces[i] = piece_of(&p[i]);
		if (pieces[i].write)
			*room += pieces[i].len;
	}
	if (pieces[0].addr >= DATA_IOVA && pieces[0].addr + s->data <= DATA_IOVA + LEN)
		memcpy(w->data + (pieces[0].addr - DATA_IOVA), data, s->data);
	return driver_add(&w->v, token, pieces, n);
}

/* Each request is given back once, with no more than it had room for; or the ring is broken. */
static void run(struct world *w)
{
	uint64_t room[4];

	for (;;) {
		unsigned added = 0, got = 0;
		uint32_t token, written;

		while (added < 4 && add(w, added + 1, &room[added]))
			added++;
		blk_service(&w->vq, 256);
		backend_flush(w->r.backend);
		vring_publish(&w->vq.ring);
		vring_wants_interrupt(&w->vq.ring);
		for (; (token = vdriver_get(&w->v, &written)); got++) {
			require(token <= added && written >= 1 && written <= room[token - 1]);
			room[token - 1] = 0; /* not twice */
		}
		if (vring_broken(&w->vq.ring) || !added)
			break;
		require(got == added);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .input = data, .left = size };
	const struct blk_seed *seed = take(&w, sizeof(*seed));

	if (!seed)
		return 0;
	w.how = seed->how;
	open_world(&w);
	run(&w);
	close_world(&w);
	return 0;
}
