/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back ends whose driver asks for much at a time: what it gets at once, and what waits. */
#include <fcntl.h>

#include "diskfile.h"
#include "vdused/backend_file.h"

#define SIZE (4u << 20)

/* False: there is no io_uring here. */
static bool open_file(struct disk *d, const char *dir, enum file_way way, bool buffered)
{
	struct err err = { "" };

	*d = (struct disk){ .params = { .buffered = buffered } };
	make_file(dir, SIZE);
	backend_file_way = way;
	assert_int_equal(loop_init(&d->loop), 0);
	assert_int_equal(backend_open(uri, &d->params, &d->b, &err), 0);
	if (!backend_queue_open(d->b, &d->loop, &d->q, &err))
		return true;
	print_message("# %s\n", err.text);
	backend_close(d->b);
	loop_fini(&d->loop);
	unlink(path);
	return false;
}

static void close_file(struct disk *d)
{
	disk_close(d);
	unlink(path);
}

static unsigned count_ended(const struct io *ios, unsigned n)
{
	unsigned ended = 0;

	while (n--)
		ended += ios[n].ended;
	return ended;
}

/* Private memory for what direct I/O can't take as it lies is bounded; the rest waits, and is copied later. */
static void test_bounces(void **state)
{
	struct disk disk, *d = &disk;
	enum { N = FILE_BOUNCES_MAX / FILE_BOUNCE + 8, LEN = FILE_BOUNCE };
	char *buf = aligned_alloc(4096, LEN + 4096);
	static struct io ios[N];
	static struct iovec iov[N];
	unsigned old = 0;
	struct err err;
	bool direct;

	(void)state;
	if (!open_file(d, ".", FILE_WAY_URING, false))
		skip();
	assert_int_equal(truncate(path, (off_t)N * LEN), 0);
	assert_int_equal(backend_refresh(d->b, &err), 0);
	memset(buf, 1, LEN + 1);
	for (unsigned i = 0; i < N; i++) {
		iov[i] = (struct iovec){ buf + 1, LEN };
		io_start(d, &ios[i], BACKEND_WRITE, 0, (uint64_t)i * LEN, LEN, &iov[i], 1);
	}
	memset(buf, 2, LEN + 1);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(io_wait(d, &ios[i]), 0);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(do_read(d, (uint64_t)i * LEN, buf, 4096), 0);
		old += buf[0] == 1;
	}
	direct = ((struct file *)d->b)->direct;
	assert_int_equal(old, direct ? FILE_BOUNCES_MAX / FILE_BOUNCE : 0);
	/* And again: all of it came back. */
	for (unsigned i = 0; i < N; i++)
		io_start(d, &ios[i], BACKEND_READ, 0, (uint64_t)i * LEN, LEN, &iov[i], 1);
	backend_cancel(d->q);
	for (unsigned i = 0; i < N; i++)
		io_wait(d, &ios[i]);
	assert_int_equal(do_read(d, 0, buf + 1, LEN), 0);
	free(buf);
	close_file(d);
}

/* What is done on the spot and may be slow is done once a turn of the loop; cancelling does not wait for it. */
static void test_slow_discards(void **state)
{
	struct disk disk, *d = &disk;
	struct io ios[4];

	(void)state;
	if (!open_file(d, ".", FILE_WAY_URING, true))
		skip();
	/* The ioctl fails, as this is none. */
	((struct file *)d->b)->blkdev = true;
	for (unsigned i = 0; i < 4; i++)
		io_start(d, &ios[i], BACKEND_DISCARD, 0, i * 4096, 4096, NULL, 0);
	backend_flush(d->q);
	assert_int_equal(ios[0].result, -EOPNOTSUPP);
	assert_int_equal(ios[1].ended, 0);
	assert_int_equal(loop_run_once(&d->loop, 1000), 1);
	assert_int_equal(count_ended(ios, 4), 2);
	backend_cancel(d->q);
	assert_int_equal(ios[1].result, -EOPNOTSUPP);
	assert_int_equal(ios[2].result, -ECANCELED);
	assert_int_equal(ios[3].result, -ECANCELED);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 0, 4096), -EOPNOTSUPP);
	((struct file *)d->b)->blkdev = false;
	close_file(d);
}

/* What would keep the thread for long is done in several turns; the rest of the requests has its share. */
static void test_turns(void **state)
{
	enum { LEN = 4 * INLINE_TURN };
	struct disk d = { .params = { .readonly = false } };
	char buf[4096];
	struct iovec iov = { buf, sizeof(buf) };
	struct io io, read;

	(void)state;
	disk_open(&d, "mem:1G");
	memset(buf, 5, sizeof(buf));
	assert_int_equal(do_write(&d, LEN, buf, sizeof(buf)), 0);
	assert_int_equal(do_write(&d, LEN + 4096, buf, sizeof(buf)), 0);
	io_start(&d, &io, BACKEND_DISCARD, 0, 4096, LEN, NULL, 0);
	io_start(&d, &read, BACKEND_READ, 0, LEN + 4096, 4096, &iov, 1);
	assert_int_equal(io.ended, 0);
	assert_int_equal(loop_run_once(&d.loop, 1000), 1);
	assert_int_equal(loop_run_once(&d.loop, 1000), 1);
	assert_int_equal(io.ended, 0);
	assert_int_equal(read.result, 0);
	assert_int_equal(buf[0] | buf[4095], 5);
	assert_int_equal(io_wait(&d, &io), 0);
	assert_int_equal(do_read(&d, LEN, buf, sizeof(buf)), 0);
	assert_int_equal(buf[0] | buf[4095], 0);
	/* Without the loop, as rings are looked at. */
	io_start(&d, &io, BACKEND_DISCARD, 0, 0, LEN, NULL, 0);
	assert_int_equal(io.ended, 0);
	for (unsigned i = 0; i < 4 && !io.ended; i++) {
		backend_flush(d.q);
		assert_true(backend_poll(d.q));
	}
	assert_int_equal(io.ended, 1);
	backend_flush(d.q);
	assert_false(backend_poll(d.q));
	assert_int_equal(loop_run_once(&d.loop, 0), 0);
	/* Cancelled in the middle. */
	io_start(&d, &io, BACKEND_DISCARD, 0, 0, LEN, NULL, 0);
	backend_cancel(d.q);
	assert_int_equal(io.result, -ECANCELED);
	assert_int_equal(loop_run_once(&d.loop, 0), 0);
	disk_close(&d);
}

/* Steps that are long by themselves come one a turn. */
static void test_long_steps(void **state)
{
	struct disk disk, *d = &disk;
	struct io ios[3];
	struct err err;

	(void)state;
	assert_true(open_file(d, "/dev/shm", FILE_WAY_INLINE, false));
	assert_int_equal(truncate(path, INLINE_TURN), 0);
	assert_int_equal(backend_refresh(d->b, &err), 0);
	backend_flush(d->q);
	for (unsigned i = 0; i < 3; i++)
		io_start(d, &ios[i], BACKEND_DISCARD, 0, 0, INLINE_TURN, NULL, 0);
	assert_int_equal(count_ended(ios, 3), 0);
	assert_int_equal(loop_run_once(&d->loop, 1000), 1);
	assert_int_equal(count_ended(ios, 3), 1);
	assert_int_equal(ios[0].result, 0);
	backend_cancel(d->q);
	assert_int_equal(ios[2].result, -ECANCELED);
	close_file(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounces),
		cmocka_unit_test(test_slow_discards),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_long_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
