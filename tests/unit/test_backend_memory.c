/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file: with a file in memory: what is copied without system calls, and what is left to them. */
#include <fcntl.h>
#include <sys/stat.h>

#include "diskfile.h"
#include "vdused/backend_file.h"

#define SIZE (1u << 20)

static char buf[8192] __attribute__((aligned(4096))), back[8192] __attribute__((aligned(4096)));

static int setup(void **state)
{
	(void)state;
	make_file("/dev/shm", SIZE);
	backend_file_way = FILE_WAY_AUTO;
	fill_random(buf, sizeof(buf));
	return 0;
}

static void fill_file(void)
{
	int fd = open(path, O_WRONLY);
	char *data = calloc(1, SIZE);

	assert_int_equal(write(fd, data, SIZE), SIZE);
	close(fd);
	free(data);
}

/* From here on the calls of one direction fail. */
static void let_calls_fail(struct disk *d, int flags)
{
	int fd = open(path, flags);

	assert_true(fd >= 0);
	assert_true(dup2(fd, ((struct file *)d->b)->fd) >= 0);
	close(fd);
}

static uint64_t octets_used(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void test_writes(void **state)
{
	struct disk d = { .params = { .readonly = false } };
	struct iovec iov[2] = { { buf, 512 }, { buf + 512, sizeof(buf) - 512 } };
	struct err err;

	(void)state;
	disk_open(&d, uri);
	let_calls_fail(&d, O_RDONLY);
	assert_int_equal(do_io(&d, BACKEND_WRITE, 0, 512, sizeof(buf), iov, 2), 0);
	assert_int_equal(do_write(&d, SIZE - 512, buf, 512), 0);
	assert_int_equal(do_read(&d, 512, back, sizeof(back)), 0);
	assert_memory_equal(back, buf, sizeof(buf));
	assert_int_equal(do_read(&d, SIZE - 512, back, 512), 0);
	assert_memory_equal(back, buf, 512);
	/* What it grew by. */
	assert_int_equal(truncate(path, 2 * SIZE), 0);
	assert_int_equal(backend_refresh(d.b, &err), 0);
	assert_int_equal(do_write(&d, SIZE - 512, buf, 1024), -EBADF);
	assert_int_equal(do_write(&d, SIZE, buf, 512), -EBADF);
	let_calls_fail(&d, O_WRONLY);
	assert_int_equal(do_write(&d, SIZE - 512, buf, 1024), 0);
	let_calls_fail(&d, O_RDONLY);
	assert_int_equal(do_read(&d, SIZE - 512, back, 1024), 0);
	assert_memory_equal(back, buf, 1024);
	disk_close(&d);
}

static void test_holes_stay(void **state)
{
	struct disk d = { .params = { .readonly = false } };

	(void)state;
	disk_open(&d, uri);
	assert_int_equal(do_write(&d, 65536, buf, 4096), 0);
	memset(back, 1, sizeof(back));
	assert_int_equal(do_read(&d, 0, back, sizeof(back)), 0);
	assert_int_equal(back[0] | back[8191], 0);
	assert_int_equal(octets_used(), 4096);
	disk_close(&d);
}

static void test_reads(void **state)
{
	struct disk d = { .params = { .readonly = false } };

	(void)state;
	fill_file();
	disk_open(&d, uri);
	let_calls_fail(&d, O_WRONLY);
	assert_int_equal(do_write(&d, 4096, buf, sizeof(buf)), 0);
	assert_int_equal(do_read(&d, 4096, back, sizeof(back)), 0);
	assert_memory_equal(back, buf, sizeof(buf));
	/* There are holes from now on, which reading must not fill. */
	assert_int_equal(do_plain(&d, BACKEND_DISCARD, 0, 0, 65536), 0);
	assert_int_equal(do_read(&d, 0, back, sizeof(back)), -EBADF);
	let_calls_fail(&d, O_RDONLY);
	assert_int_equal(do_read(&d, 0, back, sizeof(back)), 0);
	assert_int_equal(octets_used(), SIZE - 65536);
	disk_close(&d);
}

static void test_zeroing_makes_holes(void **state)
{
	struct disk d = { .params = { .readonly = false } };

	(void)state;
	fill_file();
	disk_open(&d, uri);
	assert_int_equal(do_plain(&d, BACKEND_WRITE_ZEROES, BACKEND_MAY_UNMAP, 0, 65536), 0);
	assert_int_equal(do_read(&d, 0, back, sizeof(back)), 0);
	assert_int_equal(octets_used(), SIZE - 65536);
	disk_close(&d);
}

/* The file's memory is gone: the calls find out what that means, and the driver's data is kept. */
static void test_cut_short(void **state)
{
	struct disk d = { .params = { .readonly = false } };

	(void)state;
	munmap(gone_pages(), GONE); /* for its handlers */
	fill_file();
	disk_open(&d, uri);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(do_read(&d, 65536, back, 4096), -EIO);
	assert_int_equal(do_write(&d, 65536, buf, 4096), 0);
	assert_int_equal(do_read(&d, 65536, back, 4096), 0);
	assert_memory_equal(back, buf, 4096);
	disk_close(&d);
}

static void test_driver_gone(void **state)
{
	struct disk d = { .params = { .readonly = false } };
	char *gone = gone_pages();

	(void)state;
	fill_file();
	disk_open(&d, uri);
	assert_int_equal(do_write(&d, 0, gone, 4096), -EFAULT);
	assert_int_equal(do_read(&d, 0, gone, 4096), -EFAULT);
	assert_int_equal(do_write(&d, 0, buf, 4096), 0);
	munmap(gone, GONE);
	disk_close(&d);
}

static void test_readonly(void **state)
{
	struct disk d = { .params = { .readonly = true } };

	(void)state;
	fill_file();
	disk_open(&d, uri);
	assert_int_equal(do_read(&d, 0, back, 4096), 0);
	assert_int_equal(do_write(&d, 0, buf, 4096), -EROFS);
	disk_close(&d);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(test_writes),    ON(test_holes_stay),
		ON(test_reads),	    ON(test_zeroing_makes_holes),
		ON(test_cut_short), ON(test_driver_gone),
		ON(test_readonly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
