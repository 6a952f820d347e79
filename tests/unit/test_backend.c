/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate, and each back end that needs no server, through it. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "diskfile.h"
#include "vdused/backend_file.h"

#define SIZE (4u << 20)

/* What all tests of a disk run on; the file is made anew for each test. */
struct kind {
	const char *dir; /* of the file; NULL: `uri` is it */
	const char *uri;
	enum file_way way;
	bool buffered;
};

static const struct kind mem = { .uri = "mem:4M" };
static const struct kind inline_direct = { ".", NULL, FILE_WAY_INLINE, false };
static const struct kind inline_buffered = { ".", NULL, FILE_WAY_INLINE, true };
static const struct kind uring_direct = { ".", NULL, FILE_WAY_URING, false };
static const struct kind uring_buffered = { ".", NULL, FILE_WAY_URING, true };
static const struct kind in_memory = { "/dev/shm", NULL, FILE_WAY_AUTO, false };
static const struct kind uring_in_memory = { "/dev/shm", NULL, FILE_WAY_URING, false };

static bool have_uring(void)
{
	struct disk d = { .params = { .buffered = true } };
	struct err err;
	bool have;

	backend_file_way = FILE_WAY_URING;
	make_file("/dev/shm", 4096);
	assert_int_equal(loop_init(&d.loop), 0);
	assert_int_equal(backend_open(uri, &d.params, &d.b, &err), 0);
	have = !backend_queue_open(d.b, &d.loop, &d.q, &err);
	if (have)
		backend_queue_close(d.q);
	else
		print_message("# %s\n", err.text);
	backend_close(d.b);
	loop_fini(&d.loop);
	unlink(path);
	return have;
}

static int setup(void **state)
{
	const struct kind *kind = *state;
	struct disk *d;

	path[0] = '\0';
	if (kind->way == FILE_WAY_URING && !have_uring())
		return 0;
	d = calloc(1, sizeof(*d));
	d->params.buffered = kind->buffered;
	backend_file_way = kind->way;
	if (kind->dir)
		make_file(kind->dir, SIZE);
	else
		snprintf(uri, sizeof(uri), "%s", kind->uri);
	disk_open(d, uri);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct disk *d = *state;

	disk_close(d);
	free(d);
	if (path[0])
		unlink(path);
	return 0;
}

/* ---- disks ---- */

static void test_discard(void **state)
{
	struct disk *d = *state;
	char buf[8192] __attribute__((aligned(4096)));

	assert_true(d->b->info.discard);
	memset(buf, 7, sizeof(buf));
	assert_int_equal(do_write(d, 65536, buf, sizeof(buf)), 0);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 65536 + 4096, 4096), 0);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, BACKEND_FUA, 65536 + 4096, 1024 * 1024), 0);
	assert_int_equal(do_read(d, 65536, buf, sizeof(buf)), 0);
	assert_int_equal(buf[4095], 7);
	assert_int_equal(buf[4096], 0);
}

static void test_many_pieces(void **state)
{
	struct disk *d = *state;
	unsigned n = 3000, block = d->b->info.logical_block;
	size_t len = (size_t)n * block;
	struct iovec *iov = calloc(n, sizeof(*iov));
	char *buf = aligned_alloc(4096, len + 4096);
	char *back = aligned_alloc(4096, len + 4096);

	/* Aligned and then not. */
	for (int shift = 0; shift < 2; shift++) {
		fill_random(buf, len + 1);
		for (unsigned i = 0; i < n; i++)
			iov[i] = (struct iovec){ buf + shift + (size_t)i * block, block };
		assert_int_equal(do_io(d, BACKEND_WRITE, 0, 0, len, iov, n), 0);
		for (unsigned i = 0; i < n; i++)
			iov[i] = (struct iovec){ back + shift + (size_t)i * block, block };
		assert_int_equal(do_io(d, BACKEND_READ, 0, 0, len, iov, n), 0);
		assert_memory_equal(back + shift, buf + shift, len);
	}
	free(iov);
	free(buf);
	free(back);
}

static void test_poll(void **state)
{
	struct disk *d = *state;
	char buf[4096] __attribute__((aligned(4096)));
	struct iovec iov = { buf, sizeof(buf) };
	double until = seconds() + 20;
	struct io io;

	assert_false(backend_poll(d->q));
	io_start(d, &io, BACKEND_READ, 0, 0, sizeof(buf), &iov, 1);
	backend_flush(d->q);
	while (!io.ended && seconds() < until)
		backend_poll(d->q);
	assert_int_equal(io.result, 0);
	assert_false(backend_poll(d->q));
}

static void test_cancel(void **state)
{
	struct disk *d = *state;
	enum { N = 900 };
	struct io *ios = calloc(N, sizeof(*ios));
	struct iovec *iov = calloc(N, sizeof(*iov));
	char *buf = aligned_alloc(4096, 4096);
	char again[4096] __attribute__((aligned(4096)));

	for (unsigned i = 0; i < N; i++) {
		iov[i] = (struct iovec){ buf, 4096 };
		io_start(d, &ios[i], BACKEND_READ, 0, (uint64_t)i * 4096, 4096, &iov[i], 1);
	}
	backend_cancel(d->q);
	for (unsigned i = 0; i < N; i++) {
		int result = io_wait(d, &ios[i]);

		assert_true(result == 0 || result == -ECANCELED);
	}
	assert_int_equal(d->q->in_flight, 0);
	free(ios);
	free(iov);
	free(buf);
	backend_cancel(d->q);
	assert_int_equal(do_read(d, 0, again, 4096), 0);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, BACKEND_FUA, 0, 4096), 0);
}

/* ---- the gate ---- */

static void test_gate(void **state)
{
	struct disk *d = *state;
	char buf[1024] __attribute__((aligned(4096)));
	struct iovec iov[2] = { { buf, 512 }, { buf, SIZE_MAX - 511 } };

	assert_int_equal(do_read(d, SIZE, buf, 512), -EIO);
	assert_int_equal(do_read(d, SIZE - 512, buf, 1024), -EIO);
	assert_int_equal(do_write(d, UINT64_MAX - 511, buf, 512), -EIO);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 512, UINT64_MAX - 511), -EIO);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, 0, SIZE, 512), -EIO);
	assert_int_equal(do_read(d, 0, buf, 511), -EINVAL);
	assert_int_equal(do_read(d, 1, buf, 512), -EINVAL);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 256, 512), -EINVAL);
	assert_int_equal(do_io(d, BACKEND_READ, 0, 0, 1024, iov, 1), -EINVAL);
	assert_int_equal(do_io(d, BACKEND_READ, 0, 0, 0, iov, 2), -EINVAL);
	assert_int_equal(do_io(d, BACKEND_WRITE, BACKEND_MAY_UNMAP, 0, 512, iov, 1), -EINVAL);
	assert_int_equal(do_io(d, BACKEND_READ, 8, 0, 512, iov, 1), -EINVAL);
	assert_int_equal(do_plain(d, BACKEND_SECURE_ERASE, 0, 0, 512), -EOPNOTSUPP);
	assert_int_equal(do_plain(d, (enum backend_op)17, 0, 0, 512), -EOPNOTSUPP);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 512, 0), 0);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, 0, SIZE, 0), 0);
	assert_int_equal(do_read(d, SIZE - 512, buf, 512), 0);
}

static void check_readonly(const char *name)
{
	struct disk d = { .params = { .readonly = true } };
	char buf[512] __attribute__((aligned(4096)));

	disk_open(&d, name);
	assert_true(d.b->info.readonly);
	assert_int_equal(do_read(&d, 0, buf, 512), 0);
	assert_int_equal(do_write(&d, 0, buf, 512), -EROFS);
	assert_true(do_plain(&d, BACKEND_DISCARD, 0, 0, 512) < 0);
	assert_true(do_plain(&d, BACKEND_WRITE_ZEROES, 0, 0, 512) < 0);
	assert_int_equal(do_plain(&d, BACKEND_FLUSH, 0, 0, 0), 0);
	disk_close(&d);
}

static void test_readonly(void **state)
{
	(void)state;
	backend_file_way = FILE_WAY_AUTO;
	check_readonly("mem:1M");
	check_readonly("null:1M");
	make_file(".", SIZE);
	assert_int_equal(chmod(path, 0400), 0);
	check_readonly(uri);
	unlink(path);
}

static void check_refused(const char *name, struct backend_params params, int code,
			  const char *sentence)
{
	struct err err = { "" };
	struct backend *b = NULL;

	assert_int_equal(backend_open(name, &params, &b, &err), code);
	assert_string_equal(err.text, sentence);
	assert_null(b);
}

static void test_uris(void **state)
{
	struct backend_params none = { .readonly = false };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = { "", "disk.img", "files:x", ":x" };
		struct err err;
		struct backend *b;

		assert_int_equal(backend_open(bad[i], &none, &b, &err), -EINVAL);
		assert_non_null(strstr(err.text, "file:PATH, mem:SIZE"));
	}
	check_refused("mem:", none, -EINVAL, "mem:: the size is digits with a suffix K, M, G or T");
	check_refused("mem:1000", none, -EINVAL,
		      "mem:1000: the size is not a multiple of 512 octets");
	check_refused("null:0", none, -EINVAL, "null:0: the size is not a multiple of 512 octets");
	check_refused("null:9223372036854775808", none, -EINVAL,
		      "null:9223372036854775808: the size is digits with a suffix K, M, G or T");
	check_refused("null:512", (struct backend_params){ .logical_block = 4096 }, -EINVAL,
		      "null:512: the size is not a multiple of 4096 octets");
	check_refused("null:4K", (struct backend_params){ .logical_block = 8192 }, -EINVAL,
		      "null:4K: a logical block is 512, 1024, 2048 or 4096 octets");
	check_refused("file:/nonexistent/x", none, -ENOENT,
		      "file:/nonexistent/x: No such file or directory");
	check_refused("file:/dev/null", none, -EINVAL,
		      "file:/dev/null: neither a regular file nor a block device");
	check_refused("file:.", none, -EINVAL, "file:.: neither a regular file nor a block device");
	backend_close(NULL);
	backend_queue_close(NULL);
}

static void test_null(void **state)
{
	struct disk d = { .params = { .logical_block = 4096 } };
	char buf[4096];
	char *gone = gone_pages();

	(void)state;
	disk_open(&d, "null:1T");
	assert_int_equal(d.b->info.logical_block, 4096);
	assert_true(d.b->info.size == UINT64_C(1) << 40);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(do_write(&d, 0, buf, 4096), 0);
	assert_int_equal(do_read(&d, 0, buf, 4096), 0);
	assert_int_equal(buf[0] | buf[4095], 0);
	assert_int_equal(do_read(&d, 0, gone, 4096), -EFAULT);
	assert_int_equal(do_plain(&d, BACKEND_DISCARD, 0, 0, UINT64_C(1) << 40), 0);
	assert_int_equal(do_plain(&d, BACKEND_FLUSH, 0, 0, 0), 0);
	disk_close(&d);
	munmap(gone, GONE);
}

/* ---- what only files have ---- */

static void test_lock(void **state)
{
	struct disk d = { .params = { .readonly = false } };
	char sentence[400];

	(void)state;
	make_file(".", SIZE);
	snprintf(sentence, sizeof(sentence), "%s: in use by another process", uri);
	disk_open(&d, uri);
	check_refused(uri, d.params, -EBUSY, sentence);
	check_refused(uri, (struct backend_params){ .readonly = true }, -EBUSY, sentence);
	disk_close(&d);

	d.params.readonly = true;
	disk_open(&d, uri);
	check_readonly(uri);
	check_refused(uri, (struct backend_params){ .readonly = false }, -EBUSY, sentence);
	disk_close(&d);
	unlink(path);
}

static void test_size(void **state)
{
	struct disk *d = *state;
	char buf[512] __attribute__((aligned(4096)));
	struct err err = { "" };

	assert_int_equal(truncate(path, SIZE + 700), 0);
	assert_int_equal(do_read(d, SIZE, buf, 512), -EIO);
	assert_int_equal(backend_refresh(d->b, &err), 0);
	assert_int_equal(d->b->info.size, SIZE + 512);
	assert_int_equal(do_read(d, SIZE, buf, 512), 0);

	/* Between the shrinking and the notice of it. */
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(do_read(d, SIZE, buf, 512), -EIO);
	assert_int_equal(backend_refresh(d->b, &err), 0);
	assert_int_equal(d->b->info.size, 4096);
	assert_int_equal(do_read(d, 4096, buf, 512), -EIO);

	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(backend_refresh(d->b, &err), -EINVAL);
	assert_non_null(strstr(err.text, "holds not one block of 512 octets"));
	assert_int_equal(d->b->info.size, 4096);
}

static void test_empty(void **state)
{
	char sentence[400];

	(void)state;
	make_file(".", 511);
	snprintf(sentence, sizeof(sentence), "%s: holds not one block of 512 octets", uri);
	check_refused(uri, (struct backend_params){ .readonly = false }, -EINVAL, sentence);
	unlink(path);
}

static void test_block_4096(void **state)
{
	struct disk d = { .params = { .logical_block = 4096 } };
	char buf[4096] __attribute__((aligned(4096)));

	(void)state;
	make_file(".", 8192 + 512);
	disk_open(&d, uri);
	assert_int_equal(d.b->info.logical_block, 4096);
	assert_int_equal(d.b->info.size, 8192);
	assert_int_equal(do_read(&d, 512, buf, 512), -EINVAL);
	assert_int_equal(do_read(&d, 4096, buf, 4096), 0);
	disk_close(&d);
	unlink(path);
}

/* The errors of the file system are the requests' own: here, of a limit that is reached midway. */
static void test_no_space(void **state)
{
	struct disk *d = *state;
	/* Limits are for system calls. */
	bool copied = ((struct file *)d->b)->map && !((struct file_queue *)d->q)->uring;
	int beyond = copied ? 0 : -EFBIG;
	struct rlimit old, few;
	char *buf = aligned_alloc(4096, 65536);
	struct err err;

	memset(buf, 1, 65536);
	assert_int_equal(truncate(path, 1 << 20), 0);
	assert_int_equal(truncate(path, SIZE), 0);
	assert_int_equal(backend_refresh(d->b, &err), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	few = (struct rlimit){ 1 << 20, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	/* The first half fits: a short write, and then the error. */
	assert_int_equal(do_write(d, (1 << 20) - 32768, buf, 65536), beyond);
	assert_int_equal(do_write(d, 2 << 20, buf, 4096), beyond);
	assert_int_equal(do_write(d, 0, buf, 4096), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(do_write(d, 2 << 20, buf, 4096), 0);
	free(buf);
}

/* Where the file system has no ranges of zeros they are written, all of them. */
static void test_zeros_written(void **state)
{
	struct disk *d = *state;
	struct file *f = (struct file *)d->b;
	size_t len = (3 << 20) + 65536 + 512;
	char *buf = aligned_alloc(4096, SIZE);

	f->no_punch = f->no_zero_range = true;
	memset(buf, 5, SIZE);
	assert_int_equal(do_write(d, 0, buf, SIZE), 0);
	assert_int_equal(
		do_plain(d, BACKEND_WRITE_ZEROES, BACKEND_MAY_UNMAP | BACKEND_FUA, 512, len), 0);
	assert_int_equal(do_read(d, 0, buf, SIZE), 0);
	for (size_t i = 0; i < SIZE; i++)
		if (buf[i] != (i < 512 || i >= len + 512 ? 5 : 0))
			fail_msg("octet %zu", i);
	free(buf);
}

static void test_direct(void **state)
{
	struct disk *d = *state;

	if (!((struct file *)d->b)->direct)
		skip();
}

#define ON(test, kind)                                                \
	{                                                             \
#test " " #kind, test, setup, teardown, (void *)&kind \
	}
#define ON_FILES(test)                                                              \
	ON(test, inline_direct), ON(test, inline_buffered), ON(test, uring_direct), \
		ON(test, uring_buffered), ON(test, in_memory), ON(test, uring_in_memory)
#define ON_ALL(test) ON(test, mem), ON_FILES(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_block_4096),
		ON(test_direct, uring_direct),
		ON_ALL(disk_test_model),
		ON_ALL(test_discard),
		ON_ALL(test_many_pieces),
		ON_ALL(disk_test_many),
		ON_ALL(disk_test_memory_gone),
		ON_ALL(test_gate),
		ON_FILES(test_size),
		ON_FILES(test_no_space),
		ON_FILES(test_zeros_written),
		ON(test_poll, uring_direct),
		ON(test_poll, uring_buffered),
		ON(test_cancel, mem),
		ON(test_cancel, uring_direct),
		ON(test_cancel, uring_buffered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
