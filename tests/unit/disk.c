/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is tested with every kind of disk. */
#include "disk.h"

/* ---- a disk against a model of it ---- */

/* Cuts [0, len) of buf into odd pieces, some empty, mostly misaligned. */
static unsigned cut(struct iovec *iov, unsigned max, char *buf, size_t len)
{
	unsigned n = 0;

	while (len) {
		size_t part = n == max - 1 ? len : rnd((uint32_t)len + 1);

		iov[n++] = (struct iovec){ buf, part };
		buf += part;
		len -= part;
	}
	return n;
}

static void random_write(struct disk *d, char *model, char *buf, uint64_t offset, size_t len)
{
	struct iovec iov[9];
	/* Often at an odd address, sometimes all in one aligned piece. */
	char *at = buf + (rnd(2) ? 0 : rnd(4000));
	unsigned niov = rnd(3) ? cut(iov, 9, at, len) : (iov[0] = (struct iovec){ at, len }, 1);

	fill_random(at, len);
	memcpy(model + offset, at, len);
	assert_int_equal(do_io(d, BACKEND_WRITE, rnd(4) ? 0 : BACKEND_FUA, offset, len, iov, niov),
			 0);
}

static void random_read(struct disk *d, char *model, char *buf, uint64_t offset, size_t len)
{
	struct iovec iov[9];
	char *at = buf + (rnd(2) ? 0 : rnd(4000));
	unsigned niov = rnd(3) ? cut(iov, 9, at, len) : (iov[0] = (struct iovec){ at, len }, 1);

	memset(at, 0x55, len + 1);
	assert_int_equal(do_io(d, BACKEND_READ, 0, offset, len, iov, niov), 0);
	assert_memory_equal(at, model + offset, len);
	assert_int_equal(at[len], 0x55);
}

void disk_test_model(void **state)
{
	struct disk *d = *state;
	uint32_t block = d->b->info.logical_block;
	size_t size = d->b->info.size;
	char *model = calloc(1, size);
	char *buf = aligned_alloc(4096, size + 8192);

	assert_true(size < 1 << 30);

	for (int i = 0; i < 600; i++) {
		size_t len = (rnd(16) ? rnd(64) : rnd((uint32_t)(size / 2 / block))) * block;
		uint64_t offset = (uint64_t)rnd((uint32_t)(size - len) / block + 1) * block;

		switch (rnd(6)) {
		case 0:
		case 1:
			random_read(d, model, buf, offset, len);
			break;
		case 2:
			assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, rnd(4), offset, len), 0);
			memset(model + offset, 0, len);
			break;
		case 3:
			assert_int_equal(do_plain(d, BACKEND_FLUSH, 0, 0, 0), 0);
			break;
		default:
			random_write(d, model, buf, offset, len);
		}
	}
	random_read(d, model, buf, 0, size);
	free(model);
	free(buf);
}

/* More than any ring holds, not shown to the kernel before all are there. */
void disk_test_many(void **state)
{
	struct disk *d = *state;
	enum { N = 1000 };
	struct io *ios = calloc(N, sizeof(*ios));
	struct iovec *iov = calloc(N, sizeof(*iov));
	char *buf = aligned_alloc(4096, N * 4096);

	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < N; i++) {
			iov[i] = (struct iovec){ buf + (size_t)i * 4096, 4096 };
			memset(iov[i].iov_base, pass ? 0 : (int)i, 4096);
			io_start(d, &ios[i], pass ? BACKEND_READ : BACKEND_WRITE, 0,
				 (uint64_t)i * 4096, 4096, &iov[i], 1);
		}
		for (unsigned i = 0; i < N; i++)
			assert_int_equal(io_wait(d, &ios[i]), 0);
		assert_int_equal(d->q->in_flight, 0);
	}
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(buf[(size_t)i * 4096 + 4095], (char)i);
	free(ios);
	free(iov);
	free(buf);
}

/* Memory that is gone is this request's error and nothing else's. */
void disk_test_memory_gone(void **state)
{
	struct disk *d = *state;
	char *gone = gone_page();
	char buf[8192] __attribute__((aligned(4096)));
	struct iovec iov[2];

	for (int shift = 0; shift < 2; shift++) {
		for (enum backend_op op = BACKEND_READ; op <= BACKEND_WRITE; op++) {
			iov[0] = (struct iovec){ buf, 4096 };
			iov[1] = (struct iovec){ gone + shift * 8, 2048 };
			assert_int_equal(do_io(d, op, 0, 0, 6144, iov, 2), -EFAULT);
			iov[0] = (struct iovec){ gone + shift * 8, 1024 };
			assert_int_equal(do_io(d, op, 0, 0, 1024, iov, 1), -EFAULT);
		}
	}
	munmap(gone, 4096);
	memset(buf, 3, sizeof(buf));
	assert_int_equal(do_write(d, 0, buf, sizeof(buf)), 0);
	assert_int_equal(do_read(d, 0, buf, sizeof(buf)), 0);
	assert_int_equal(buf[8191], 3);
}
