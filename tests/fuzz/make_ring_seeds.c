/* SPDX-License-Identifier: GPL-2.0-or-later */
/* make_ring_seeds DIR: rings full of requests, new and in flight, as seeds for fuzz_ring. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

static void write_seed(const char *dir, const char *kind, const struct ring_seed *seed,
		       const struct vdriver *v)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s-%s%s%s-%s", dir,
		 seed->how & VDRIVER_PACKED ? "packed" : "split",
		 seed->how & VDRIVER_EVENT_IDX ? "event" : "flags",
		 seed->how & VDRIVER_INDIRECT ? "-indirect" : "",
		 seed->how & VDRIVER_IN_ORDER ? "-in-order" : "", kind);
	out = fopen(path, "wb");
	if (!out) {
		perror(path);
		exit(1);
	}
	fwrite(seed, sizeof(*seed), 1, out);
	for (unsigned i = 0; i < RING_PARTS; i++)
		fwrite(v->arena + ring_part_at[i], 1,
		       ring_part_len(i, v->setup.size, v->setup.packed), out);
	/* The driver changes its index, and flags. */
	fwrite("\x82\x00\x09\x0e\x00\x80", 1, 6, out);
	fclose(out);
}

/* Some requests are in the ring; with a log, some more were taken, and one is in publication. */
static void make(const char *dir, unsigned how)
{
	struct ring_seed seed = {
		.how = (uint8_t)how,
		.size = how & VDRIVER_PACKED ? 7 : 3,
		.base = { 0, how & VDRIVER_PACKED ? 0x80 : 0 },
		.schedule = (uint8_t)how,
	};
	uint8_t *arena = aligned_alloc(4096, ARENA_SIZE);
	struct vchain chain = { 0 };
	struct iova_map *map;
	struct vdriver v;
	struct vring vr;

	memset(arena, 0, ARENA_SIZE);
	vdriver_init(&v, arena, ring_size(&seed), how & 7, (uint16_t)(seed.base[1] << 8));
	map = vdriver_map(&v);
	for (uint32_t i = 1; i < 4; i++)
		vdriver_add(&v, i, i % 2 + 1, i % 2, how & VDRIVER_INDIRECT && i % 2);
	write_seed(dir, "new", &seed, &v);
	if (vring_start(&vr, &v.setup, map, arena + ARENA_LOG, false,
			(uint16_t)(seed.base[1] << 8)))
		abort();
	if (vring_pop(&vr, &chain) != 1 || vring_pop(&vr, &chain) != 1)
		abort();
	seed.how |= RING_RESUME;
	write_seed(dir, "resumed", &seed, &v);
	inflight_batch_add(&vr.log, chain.id);
	inflight_publish_begin(&vr.log, (uint16_t)((seed.base[1] << 8) + chain.ndesc));
	write_seed(dir, "publishing", &seed, &v);
	vring_stop(&vr);
	iova_map_unref(map);
	free(chain.iov);
	free(arena);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 1;
	}
	for (unsigned how = 0; how < 8; how++)
		make(argv[1], how | (how == 3 ? VDRIVER_IN_ORDER : RING_LOG));
	return 0;
}
