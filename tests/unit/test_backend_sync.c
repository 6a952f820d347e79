/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file: what is told to be durable, when the kernel could not write back and says so once. */
#include <fcntl.h>
#include <sys/uio.h>

#include "diskfile.h"
#include "vdused/backend_file.h"

#define SIZE (1u << 20)

static char buf[4096] __attribute__((aligned(4096)));
/* What the next call fails with; 0: it does not. */
static int sync_fails, write_fails;
static bool takes_nothing;
static unsigned lines;

#define IN_PLACE_OF_LIBC __attribute__((visibility("default")))

IN_PLACE_OF_LIBC
int fdatasync(int fd)
{
	(void)fd;
	errno = sync_fails;
	sync_fails = 0;
	return errno ? -1 : 0;
}

IN_PLACE_OF_LIBC
ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t at, int flags)
{
	(void)flags;
	if (takes_nothing)
		return 0;
	errno = write_fails;
	write_fails = 0;
	return errno ? -1 : pwritev(fd, iov, n, at);
}

void __wrap_log_warn(const char *fmt, ...);

void __wrap_log_warn(const char *fmt, ...)
{
	(void)fmt;
	lines++;
}

static void open_file(struct disk *d, const char *dir, bool buffered)
{
	make_file(dir, SIZE);
	backend_file_way = FILE_WAY_INLINE;
	*d = (struct disk){ .params = { .buffered = buffered } };
	disk_open(d, uri);
	/* Wherever the tests run. */
	((struct file *)d->b)->in_memory = !strcmp(dir, "/dev/shm");
	sync_fails = write_fails = 0;
	lines = 0;
}

static int do_flush(struct disk *d)
{
	return do_plain(d, BACKEND_FLUSH, 0, 0, 0);
}

static int do_durable(struct disk *d)
{
	struct iovec iov = { buf, sizeof(buf) };

	return do_io(d, BACKEND_WRITE, BACKEND_FUA, 0, sizeof(buf), &iov, 1);
}

static void check_lost(struct disk *d, int error)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(do_flush(d), error);
		assert_int_equal(do_durable(d), error);
		assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, BACKEND_FUA, 0, 4096), error);
	}
	/* What need not be durable goes on. */
	assert_int_equal(do_write(d, 0, buf, sizeof(buf)), 0);
	assert_int_equal(do_read(d, 0, buf, sizeof(buf)), 0);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, 0, 0, 4096), 0);
	assert_int_equal(lines, 1);
	disk_close(d);
	/* Who opens it anew begins anew. */
	disk_open(d, uri);
	assert_int_equal(do_flush(d), 0);
	disk_close(d);
}

static void test_flush(void **state)
{
	struct disk d;

	(void)state;
	open_file(&d, ".", true);
	assert_int_equal(do_flush(&d), 0);
	sync_fails = EIO;
	assert_int_equal(do_flush(&d), -EIO);
	check_lost(&d, -EIO);
}

static void test_durable_write(void **state)
{
	struct disk d;

	(void)state;
	open_file(&d, ".", true);
	/* Nothing was lost that was taken before. */
	write_fails = ENOSPC;
	assert_int_equal(do_write(&d, 0, buf, sizeof(buf)), -ENOSPC);
	assert_int_equal(do_flush(&d), 0);
	write_fails = ENOSPC;
	assert_int_equal(do_durable(&d), -ENOSPC);
	check_lost(&d, -ENOSPC);
}

static void test_durable_zeroes(void **state)
{
	struct disk d;

	(void)state;
	open_file(&d, ".", true);
	sync_fails = write_fails = EDQUOT;
	assert_int_equal(do_plain(&d, BACKEND_WRITE_ZEROES, BACKEND_FUA, 0, 4096), -EDQUOT);
	sync_fails = write_fails = 0;
	check_lost(&d, -EDQUOT);
}

/* Without the page cache it is the disk that failed, and it may do better. */
static void check_better(const char *dir, bool direct)
{
	struct disk d;

	open_file(&d, dir, false);
	if (direct)
		((struct file *)d.b)->direct = true;
	sync_fails = EIO;
	assert_int_equal(do_flush(&d), -EIO);
	assert_int_equal(do_flush(&d), 0);
	assert_int_equal(do_durable(&d), 0);
	assert_int_equal(lines, 0);
	disk_close(&d);
}

static void test_direct(void **state)
{
	(void)state;
	check_better(".", true);
}

static void test_in_memory(void **state)
{
	(void)state;
	check_better("/dev/shm", false);
}

/* Whoever serves the file system may take nothing for ever: that ends as an error. */
static void test_takes_nothing(void **state)
{
	struct disk d;

	(void)state;
	open_file(&d, ".", true);
	((struct file *)d.b)->no_zero_range = true;
	takes_nothing = true;
	assert_int_equal(do_write(&d, 0, buf, sizeof(buf)), -EIO);
	assert_int_equal(do_plain(&d, BACKEND_WRITE_ZEROES, 0, 0, 4096), -EIO);
	assert_int_equal(do_plain(&d, BACKEND_WRITE_ZEROES, 0, 0, SIZE), -EIO);
	takes_nothing = false;
	assert_int_equal(do_plain(&d, BACKEND_WRITE_ZEROES, 0, 0, SIZE), 0);
	disk_close(&d);
}

#define ON(test) cmocka_unit_test_teardown(test, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(test_flush),	 ON(test_durable_write), ON(test_durable_zeroes),
		ON(test_direct), ON(test_in_memory),	 ON(test_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
