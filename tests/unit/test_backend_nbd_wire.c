/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd: against a server of a few lines that answers in odd pieces and orders, or not as it should:
 * then the connection ends, and the next one, which is good, does what was not done.
 */
#include "nbdserver.h"

static void read_all(struct disk *d, size_t len)
{
	struct io io[REQUESTS];
	struct iovec iov[REQUESTS];
	char *buf = malloc(REQUESTS * len);

	for (unsigned i = 0; i < REQUESTS; i++) {
		iov[i] = (struct iovec){ buf + i * len, len };
		io_start(d, &io[i], BACKEND_READ, 0, i * len, len, &iov[i], 1);
	}
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_equal(io_wait(d, &io[i]), 0);
	assert_memory_equal(buf, contents, REQUESTS * len);
	free(buf);
}

static void write_all(struct disk *d, size_t len)
{
	struct io io[REQUESTS];
	struct iovec iov[REQUESTS];
	char *buf = malloc(REQUESTS * len);

	fill_random(buf, REQUESTS * len);
	for (unsigned i = 0; i < REQUESTS; i++) {
		iov[i] = (struct iovec){ buf + i * len, len };
		io_start(d, &io[i], BACKEND_WRITE, 0, i * len, len, &iov[i], 1);
	}
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_equal(io_wait(d, &io[i]), 0);
	assert_memory_equal(buf, contents, REQUESTS * len);
	free(buf);
}

/* More than a socket takes at once. */
static void write_much(struct disk *d)
{
	char *buf = malloc(SIZE / 2);

	fill_random(buf, SIZE / 2);
	assert_int_equal(do_write(d, SIZE / 2, buf, SIZE / 2), 0);
	assert_memory_equal(buf, contents + SIZE / 2, SIZE / 2);
	free(buf);
}

static void test_pieces(void **state)
{
	struct disk d = { .params = { .readonly = false } };

	(void)state;
	start(&d, IN_PIECES);
	read_all(&d, 512);
	write_all(&d, 4096);
	read_all(&d, 32768);
	assert_int_equal(do_plain(&d, BACKEND_FLUSH, 0, 0, 0), 0);
	assert_int_equal(connections, 1);
	stop(&d);
}

static void test_manners(void **state)
{
	(void)state;
	for (enum manner how = WRONG_MAGIC; how < LATE; how++) {
		struct disk d = { .params = { .readonly = false } };

		start(&d, how);
		if (how == EARLY)
			write_much(&d);
		read_all(&d, 4096);
		assert_int_equal(connections, 2);
		stop(&d);
	}
}

/* The rest of the data leaves the socket although its memory is gone. */
static void test_memory_gone(void **state)
{
	char *gone = gone_pages(), buf[8192];
	struct iovec iov[2] = { { buf, 4096 }, { gone, GONE } };
	struct disk d = { .params = { .readonly = false } };
	struct io io;

	(void)state;
	start(&d, IN_PIECES);
	io_start(&d, &io, BACKEND_READ, 0, 0, 4096 + GONE, iov, 2);
	assert_int_equal(io_wait(&d, &io), -EFAULT);
	/* A write of it is not sent at all. */
	io_start(&d, &io, BACKEND_WRITE, 0, 0, GONE, &iov[1], 1);
	assert_int_equal(io_wait(&d, &io), -EFAULT);
	read_all(&d, 512);
	assert_int_equal(connections, 1);
	stop(&d);
	munmap(gone, GONE);
}

/* They end at once, and what is with the server is not overtaken by what comes later. */
static void test_cancel(void **state)
{
	static char old[4096], new[4096], buf[REQUESTS][4096];
	struct iovec iov[2] = { { old, 4096 }, { new, 4096 } }, riov[REQUESTS];
	struct io io[2], reads[REQUESTS];
	struct disk d = { .params = { .readonly = false } };
	double until = seconds() + 20;

	(void)state;
	memset(old, 1, sizeof(old));
	memset(new, 2, sizeof(new));
	start(&d, LATE);
	io_start(&d, &io[0], BACKEND_WRITE, 0, 8192, 4096, &iov[0], 1);
	backend_flush(d.q);
	while (!__atomic_load_n(&written, __ATOMIC_RELAXED) && seconds() < until)
		usleep(1000);
	/* These are not even sent. */
	for (unsigned i = 0; i < REQUESTS; i++) {
		riov[i] = (struct iovec){ buf[i], 4096 };
		io_start(&d, &reads[i], i % 2 ? BACKEND_READ : BACKEND_WRITE, 0, 8192, 4096,
			 &riov[i], 1);
	}
	backend_cancel(d.q);
	assert_int_equal(d.q->in_flight, 0);
	assert_int_equal(io[0].result, -ECANCELED);
	for (unsigned i = 0; i < REQUESTS; i++) {
		assert_int_equal(reads[i].ended, 1);
		assert_int_equal(reads[i].result, -ECANCELED);
	}
	io_start(&d, &io[1], BACKEND_WRITE, 0, 8192, 4096, &iov[1], 1);
	backend_flush(d.q);
	for (int i = 0; i < 10; i++)
		loop_run_once(&d.loop, 10);
	assert_int_equal(io[1].ended, 0);
	assert_int_equal(written, 1);
	/* Cancelled in turn, while it waits; then the last word. */
	backend_cancel(d.q);
	assert_int_equal(io[1].result, -ECANCELED);
	io_start(&d, &io[1], BACKEND_WRITE, 0, 8192, 4096, &iov[1], 1);
	__atomic_store_n(&released, true, __ATOMIC_RELAXED);
	assert_int_equal(io_wait(&d, &io[1]), 0);
	assert_int_equal(written, 2);
	assert_int_equal(contents[8192], 2);
	read_all(&d, 512);
	assert_int_equal(connections, 1);
	stop(&d);
}

/* The data are not complete before their last octet, which comes by itself. */
static void test_last_octet(void **state)
{
	struct disk d = { .params = { .readonly = false } };
	static char buf[4096];
	struct iovec iov = { buf, sizeof(buf) };
	double until = seconds() + 20;
	struct io io;

	(void)state;
	start(&d, SHORT_OF_ONE);
	memset(buf, ~contents[4095], sizeof(buf));
	io_start(&d, &io, BACKEND_READ, 0, 0, sizeof(buf), &iov, 1);
	backend_flush(d.q);
	while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE) && seconds() < until)
		usleep(1000);
	for (int i = 0; i < 3; i++)
		loop_run_once(&d.loop, 10);
	assert_int_equal(io.ended, 0);
	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
	assert_int_equal(io_wait(&d, &io), 0);
	assert_memory_equal(buf, contents, sizeof(buf));
	assert_int_equal(connections, 1);
	stop(&d);
}

/* A batch is one message, and one look takes all the answers. */
static void test_looks(void **state)
{
	struct iovec iov[REQUESTS];
	struct io io[REQUESTS];
	static char buf[REQUESTS][512];
	struct disk d = { .params = { .readonly = false } };
	double until = seconds() + 20;
	unsigned ended = 0;

	(void)state;
	start(&d, GOOD);
	for (unsigned i = 0; i < REQUESTS; i++) {
		iov[i] = (struct iovec){ buf[i], 512 };
		io_start(&d, &io[i], BACKEND_READ, 0, i * 512, 512, &iov[i], 1);
		assert_int_equal(io[i].ended, 0);
	}
	/* Nothing left before the flush: nothing can have come. */
	usleep(20000);
	assert_false(backend_poll(d.q));
	assert_int_equal(d.q->in_flight, REQUESTS);
	backend_flush(d.q);
	while (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) < REQUESTS && seconds() < until)
		usleep(1000);
	assert_true(backend_poll(d.q));
	for (unsigned i = 0; i < REQUESTS; i++)
		ended += io[i].ended;
	assert_int_equal(ended, REQUESTS);
	assert_false(backend_poll(d.q));
	stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),	    cmocka_unit_test(test_manners),
		cmocka_unit_test(test_memory_gone), cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_looks),	    cmocka_unit_test(test_last_octet),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
