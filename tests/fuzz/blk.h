/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A seed of fuzz_blk: struct blk_seed, then requests: struct blk_seed_request,
 * `pieces` times struct blk_seed_piece, `data` octets, which are put where the
 * first readable piece points to (the header, mostly).  All low octet first.
 */
#ifndef TESTS_FUZZ_BLK_H
#define TESTS_FUZZ_BLK_H

#include <stdint.h>

enum {
	BLK_SEED_READONLY = 16,
	BLK_SEED_NO_FLUSH = 32,
	BLK_SEED_BIG_BLOCKS = 64
}; /* beside VDRIVER_* */

struct blk_seed {
	uint8_t how;
};

struct blk_seed_request {
	uint8_t pieces; /* less one; three bits */
	uint8_t data;
};

/* In the map, or past its ends. */
struct blk_seed_piece {
	uint8_t where; /* 0, 1: data, 2: memory that is gone, 3: only to be read, 4: nowhere; | 128: writable */
	uint8_t at[2], len[2];
};

#endif
