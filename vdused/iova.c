/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/iova.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct iova_map *iova_map_new(const struct iova_region *regions, unsigned count)
{
	struct iova_map *map = malloc(sizeof(*map) + count * sizeof(*regions));

	if (!map)
		return NULL;
	map->refs = 1;
	map->count = count;
	if (count)
		memcpy(map->region, regions, count * sizeof(*regions));
	return map;
}

struct iova_map *iova_map_ref(struct iova_map *map)
{
	__atomic_add_fetch(&map->refs, 1, __ATOMIC_RELAXED);
	return map;
}

void iova_map_unref(struct iova_map *map)
{
	if (!map || __atomic_sub_fetch(&map->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < map->count; i++)
		if (map->region[i].mapping)
			munmap(map->region[i].mapping, map->region[i].mapping_len);
	free(map);
}

/* The first region that does not end before `iova`; map->count: there is none. */
static unsigned find(const struct iova_map *map, uint64_t iova)
{
	unsigned low = 0, high = map->count;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (map->region[mid].last < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void *iova_translate(const struct iova_map *map, uint64_t iova, uint64_t len, unsigned perm,
		     uint64_t *got)
{
	uint64_t last = iova + (len - 1);
	unsigned i;

	*got = len;
	if (last < iova)
		return NULL;
	i = find(map, iova);
	if (i < map->count && map->region[i].start <= iova &&
	    (map->region[i].perm & perm) == perm) {
		const struct iova_region *r = &map->region[i];

		if (last > r->last)
			*got = r->last - iova + 1;
		return r->va + (iova - r->start);
	}
	while (i < map->count &&
	       (map->region[i].start <= iova || (map->region[i].perm & perm) != perm))
		i++;
	if (i < map->count && map->region[i].start <= last)
		*got = map->region[i].start - iova;
	return NULL;
}

void *iova_translate_whole(const struct iova_map *map, uint64_t iova, uint64_t len, unsigned perm)
{
	uint64_t got;
	void *va = iova_translate(map, iova, len, perm, &got);

	return va && got == len ? va : NULL;
}
