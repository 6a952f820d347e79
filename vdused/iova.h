/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's addresses: what of the IO virtual address space is mapped
 * where in this process.
 *
 * A map does not change once built; a change of the address space makes a new
 * map, and the old one lives (and stays mapped) until its last user drops it.
 */
#ifndef VDUSED_IOVA_H
#define VDUSED_IOVA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum iova_perm {
	IOVA_READ = 1, /* the device may read it: VDUSE_ACCESS_RO */
	IOVA_WRITE = 2, /* VDUSE_ACCESS_WO */
};

struct iova_region {
	uint64_t start, last; /* both inclusive */
	uint8_t *va; /* where `start` is */
	uint8_t perm; /* enum iova_perm */
	/* What to unmap at the end; NULL: not the map's. */
	void *mapping;
	size_t mapping_len;
};

struct iova_map {
	unsigned refs; /* atomic */
	unsigned count;
	struct iova_region region[]; /* sorted, disjoint */
};

/* A map of `count` copied regions (sorted and disjoint), with one reference; NULL without memory. */
struct iova_map *iova_map_new(const struct iova_region *regions, unsigned count);
struct iova_map *iova_map_ref(struct iova_map *map);
/* NULL is allowed. The last one unmaps. */
void iova_map_unref(struct iova_map *map);

/*
 * The part of [iova, iova + len) that lies contiguous from its start, with
 * all of `perm`: its address, its length in *got (1..len); NULL when `iova`
 * itself is not mapped so (then *got is how far that goes on), or the range
 * wraps.  len > 0.
 */
void *iova_translate(const struct iova_map *map, uint64_t iova, uint64_t len, unsigned perm,
		     uint64_t *got);
/* As above, all of the range in one piece or NULL. */
void *iova_translate_whole(const struct iova_map *map, uint64_t iova, uint64_t len, unsigned perm);

#endif
