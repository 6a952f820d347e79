/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd: against nbdkit: I/O, and what it opens. */
#include "nbdkit.h"

/* ---- I/O ---- */

static void check_disk(void)
{
	struct disk *d = open_disk(0);
	void *state = d;

	disk_test_model(&state);
	disk_test_many(&state);
	disk_test_memory_gone(&state);
	close_disk(d);
}

static void test_memory(void **state)
{
	NEEDS_NBDKIT();
	SERVER("memory", "4M");
	check_disk();
}

static void test_file(void **state)
{
	NEEDS_NBDKIT();
	SERVER("file", image);
	check_disk();
}

/* Encrypted, which is libnbd's work. */
static void test_tls(void **state)
{
	char buf[4096];
	struct disk *d;

	NEEDS_NBDKIT();
	use_tls();
	SERVER("--tls=require", tls_option, "memory", "4M");
	check_disk();
	/* It looks for answers without the loop, too. */
	d = open_disk(0);
	for (int i = 0; i < 10; i++) {
		struct iovec iov = { buf, sizeof(buf) };
		double until = seconds() + 10;
		struct io io;

		io_start(d, &io, BACKEND_READ, 0, 0, sizeof(buf), &iov, 1);
		while (!io.ended && seconds() < until)
			backend_poll(d->q);
		assert_int_equal(io.ended, 1);
		assert_int_equal(io.result, 0);
	}
	close_disk(d);
}

static unsigned count_in_log(const char *word)
{
	FILE *f = fopen(image, "r");
	char line[512];
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, word) != NULL;
	fclose(f);
	return n;
}

/* A server that knows no FUA gets a flush instead, after the last piece. */
static void test_no_fua(void **state)
{
	size_t len = (4 << 20) + 512;
	char *buf = calloc(1, len), log[160];
	struct iovec iov = { buf, len };
	struct disk *d;

	NEEDS_NBDKIT();
	snprintf(log, sizeof(log), "logfile=%s", image);
	SERVER("--filter=log", "--filter=fua", "memory", "8M", log);
	d = open_disk(0);
	assert_int_equal(do_io(d, BACKEND_WRITE, 0, 0, len, &iov, 1), 0);
	assert_int_equal(count_in_log(" Write "), 2);
	assert_int_equal(count_in_log(" Flush "), 0);
	assert_int_equal(do_io(d, BACKEND_WRITE, BACKEND_FUA, 0, len, &iov, 1), 0);
	assert_int_equal(count_in_log(" Flush "), 1);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, BACKEND_FUA, 0, 512), 0);
	assert_int_equal(count_in_log(" Flush "), 2);
	close_disk(d);
	stop_server();
	free(buf);

	SERVER("--filter=fua", "memory", "4M");
	check_disk();
}

/* Limits of the server that it insists on. */
static void test_blocks(void **state)
{
	struct disk *d;
	void *disk;

	NEEDS_NBDKIT();
	SERVER("--filter=blocksize-policy", "memory", "4M", "blocksize-minimum=4096",
	       "blocksize-preferred=8192", "blocksize-maximum=65536",
	       "blocksize-error-policy=error");
	d = open_disk(0);
	disk = d;
	assert_int_equal(d->b->info.logical_block, 4096);
	assert_int_equal(d->b->info.optimal_io, 8192);
	disk_test_model(&disk);
	close_disk(d);
}

static void test_block_asked(void **state)
{
	struct backend_params params = { .logical_block = 512 };
	struct err err = { "" };
	struct backend *b;

	NEEDS_NBDKIT();
	SERVER("--filter=blocksize-policy", "memory", "4M", "blocksize-minimum=4096",
	       "blocksize-preferred=8192", "blocksize-maximum=65536");
	assert_int_equal(backend_open(uri, &params, &b, &err), -EINVAL);
	assert_non_null(strstr(err.text, "takes no blocks smaller than 4096 octets"));
}

static void test_errors(void **state)
{
	char buf[4096] = { 0 };
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("--filter=error", "memory", "4M", "error-pwrite=ENOSPC", "error-pwrite-rate=100%",
	       "error-pread=EIO", "error-pread-rate=100%", "error-zero=EPERM",
	       "error-zero-rate=100%", "error-trim=EINVAL", "error-trim-rate=100%");
	d = open_disk(0);
	assert_int_equal(do_write(d, 0, buf, 4096), -ENOSPC);
	assert_int_equal(do_read(d, 0, buf, 4096), -EIO);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, BACKEND_MAY_UNMAP, 0, 4096), -EROFS);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 0, 4096), -EIO);
	assert_int_equal(do_plain(d, BACKEND_FLUSH, 0, 0, 0), 0);
	close_disk(d);
}

/* ---- opening ---- */

static void test_no_server(void **state)
{
	struct backend_params params = { .reconnect_s = 0 };
	struct err err = { "" };
	struct backend *b;

	(void)state;
	assert_int_equal(backend_open(uri, &params, &b, &err), -ENOTCONN);
	assert_memory_equal(err.text, uri, strlen(uri));
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(backend_open("nbd://127.0.0.1:1/x", &params, &b, &err), -ENOTCONN);
	assert_non_null(strstr(err.text, "Connection refused"));
}

static void test_several_queues(void **state)
{
	char buf[512] = { 0 };
	struct backend_queue *q2;
	struct err err = { "" };
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("--filter=multi-conn", "memory", "4M", "multi-conn-mode=disable");
	d = open_disk(0);
	assert_int_equal(d->b->info.max_queues, 1);
	assert_int_equal(backend_queue_open(d->b, &d->loop, &q2, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "does not allow several connections: queues 1"));
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	/* One after the other is no matter. */
	backend_queue_close(d->q);
	assert_int_equal(backend_queue_open(d->b, &d->loop, &d->q, &err), 0);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	close_disk(d);
	stop_server();

	SERVER("memory", "4M");
	d = open_disk(0);
	assert_int_equal(d->b->info.max_queues, 0);
	assert_int_equal(backend_queue_open(d->b, &d->loop, &q2, &err), 0);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	backend_queue_close(q2);
	close_disk(d);
}

/* The same address may lead somewhere else the next time. */
static void test_other_export(void **state)
{
	struct backend_queue *q2;
	struct err err = { "" };
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("memory", "4M");
	d = open_disk(0);
	stop_server();
	SERVER("memory", "2M");
	assert_true(backend_queue_open(d->b, &d->loop, &q2, &err) < 0);
	assert_non_null(strstr(err.text, "the export is smaller than before"));
	stop_server();
	/* Nothing is left of it. */
	SERVER("memory", "4M");
	assert_int_equal(backend_queue_open(d->b, &d->loop, &q2, &err), 0);
	backend_queue_close(q2);
	close_disk(d);
}

static void test_readonly(void **state)
{
	struct disk d = { .params = { .readonly = false } };
	struct err err = { "" };
	char buf[512] = { 0 };

	NEEDS_NBDKIT();
	SERVER("-r", "memory", "4M");
	assert_int_equal(backend_open(uri, &d.params, &d.b, &err), -EROFS);
	assert_non_null(strstr(err.text, "the server exports it read-only"));
	d.params.readonly = true;
	disk_open(&d, uri);
	assert_int_equal(do_read(&d, 0, buf, 512), 0);
	assert_int_equal(do_write(&d, 0, buf, 512), -EROFS);
	disk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_server),	 TEST(test_memory),   TEST(test_file),
		TEST(test_tls),		 TEST(test_no_fua),   TEST(test_blocks),
		TEST(test_block_asked),	 TEST(test_errors),   TEST(test_several_queues),
		TEST(test_other_export), TEST(test_readonly),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
