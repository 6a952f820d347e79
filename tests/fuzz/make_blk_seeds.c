/* SPDX-License-Identifier: GPL-2.0-or-later */
/* make_blk_seeds DIR: requests of each type, in each layout, as seeds for fuzz_blk. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blk.h"
#include "tests/unit/blkworld.h"

enum { DATA = 0, GONE = 2, ONLY_READ = 3, NOWHERE = 4, WRITE = 128 };

static FILE *out;

static void begin(const char *dir, const char *name, unsigned how)
{
	struct blk_seed seed = { (uint8_t)how };
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s-%s%s", dir, how & VDRIVER_PACKED ? "packed" : "split",
		 how & VDRIVER_INDIRECT ? "indirect-" : "", name);
	out = fopen(path, "wb");
	if (!out) {
		perror(path);
		exit(1);
	}
	fwrite(&seed, sizeof(seed), 1, out);
}

static void put_piece(unsigned where, unsigned at, unsigned len)
{
	const uint8_t p[5] = { (uint8_t)where, (uint8_t)at, (uint8_t)(at >> 8), (uint8_t)len,
			       (uint8_t)(len >> 8) };

	fwrite(p, sizeof(p), 1, out);
}

/* A request: header with up to 32 octets behind it, data somewhere, status. */
static void put(uint32_t type, uint64_t sector, unsigned where, unsigned len, unsigned status)
{
	const bool ranges = type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES;
	const struct blk_seed_request r = { len && !ranges ? 2 : 1, ranges ? 48 : 16 };
	const struct virtio_blk_outhdr h = { htole32(type), 0, htole64(sector) };
	const struct virtio_blk_discard_write_zeroes range[2] = {
		{ htole64(sector), htole32(8), 0 },
		{ htole64(16), htole32(8), htole32(type == VIRTIO_BLK_T_WRITE_ZEROES) },
	};

	fwrite(&r, sizeof(r), 1, out);
	put_piece(DATA, 0, ranges ? 48 : 16);
	if (r.pieces == 2)
		put_piece(where, 0x1000, len);
	put_piece(status | WRITE, 0x200, 1);
	fwrite(&h, sizeof(h), 1, out);
	if (ranges)
		fwrite(range, sizeof(range), 1, out);
}

static void good(const char *dir, unsigned how)
{
	begin(dir, "good", how);
	put(VIRTIO_BLK_T_OUT, 0, DATA, 4096, DATA);
	put(VIRTIO_BLK_T_IN, 0, DATA | WRITE, 4096, DATA);
	put(VIRTIO_BLK_T_FLUSH, 0, DATA, 0, DATA);
	put(VIRTIO_BLK_T_GET_ID, 0, DATA | WRITE, 20, DATA);
	put(VIRTIO_BLK_T_DISCARD, 8, DATA, 0, DATA);
	put(VIRTIO_BLK_T_WRITE_ZEROES, 8, DATA, 0, DATA);
	put(VIRTIO_BLK_T_SECURE_ERASE, 8, DATA, 16, DATA);
	fclose(out);
}

static void refused(const char *dir, unsigned how)
{
	begin(dir, "refused", how);
	put(VIRTIO_BLK_T_IN, 1000, DATA | WRITE, 512, DATA);
	put(VIRTIO_BLK_T_IN, 0, NOWHERE | WRITE, 0xffff, DATA);
	put(VIRTIO_BLK_T_OUT, UINT64_MAX, DATA, 1024, DATA);
	put(VIRTIO_BLK_T_IN, 0, GONE | WRITE, 512, DATA);
	put(VIRTIO_BLK_T_IN, 0, ONLY_READ | WRITE, 512, DATA);
	put(VIRTIO_BLK_T_OUT, 0, DATA, 100, DATA);
	put(99 | VIRTIO_BLK_T_BARRIER, 0, DATA, 512, DATA);
	fclose(out);
}

static void broken(const char *dir, unsigned how)
{
	begin(dir, "gone", how);
	put(VIRTIO_BLK_T_IN, 0, DATA | WRITE, 512, DATA);
	put(VIRTIO_BLK_T_IN, 0, DATA | WRITE, 512, GONE);
	fclose(out);
	begin(dir, "lost", how);
	put(VIRTIO_BLK_T_FLUSH, 0, DATA, 0, NOWHERE);
	fclose(out);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 1;
	}
	for (unsigned k = 0; k < 4; k++) {
		unsigned how = (k & 1 ? VDRIVER_PACKED : 0) | (k & 2 ? VDRIVER_INDIRECT : 0);

		good(argv[1], how | (k == 1 ? BLK_SEED_NO_FLUSH : 0));
		refused(argv[1], how | (k == 2 ? BLK_SEED_READONLY : 0));
		broken(argv[1], how | (k == 3 ? BLK_SEED_BIG_BLOCKS : 0));
	}
	return 0;
}
