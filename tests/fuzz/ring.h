/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A seed of fuzz_ring: struct ring_seed, then what is in the parts of the
 * ring, in this order: descriptors, driver's part, device's part, indirect
 * tables, log; each as long as ring_part_len() says.  What is missing is zero.
 * Then three octets for each poke into that: offset (two, low first), value.
 */
#ifndef TESTS_FUZZ_RING_H
#define TESTS_FUZZ_RING_H

#include "tests/unit/vdriver.h"

enum { RING_LOG = 16, RING_RESUME = 32 }; /* beside VDRIVER_* */

struct ring_seed {
	uint8_t how;
	uint8_t size; /* split: the logarithm; packed: one less */
	uint8_t base[2];
	uint8_t schedule; /* which requests are done when */
};

enum { RING_PARTS = 5, RING_PART_LOG = 4 };

static const unsigned ring_part_at[RING_PARTS] = { ARENA_DESC, ARENA_DRIVER, ARENA_DEVICE,
						   ARENA_TABLES, ARENA_LOG };

static inline unsigned ring_size(const struct ring_seed *s)
{
	return s->how & VDRIVER_PACKED ? s->size % 64 + 1u : 1u << s->size % 7;
}

static inline size_t ring_part_len(unsigned part, unsigned size, bool packed)
{
	const size_t len[RING_PARTS] = {
		16 * size,  packed ? 4 : 6 + 2 * size, packed ? 4 : 6 + 8 * size,
		128 * size, inflight_area_size(size),
	};

	return len[part];
}

#endif
