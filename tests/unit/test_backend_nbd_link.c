/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd: against nbdkit, which is killed, restarted and replaced meanwhile. */
#include "nbdkit.h"

enum { N = 300 };

struct batch {
	struct io io[N];
	struct iovec iov[N];
	char *buf;
};

static struct batch *start_batch(struct disk *d, enum backend_op op)
{
	struct batch *b = calloc(1, sizeof(*b));

	b->buf = malloc(N * 4096);
	for (unsigned i = 0; i < N; i++) {
		b->iov[i] = (struct iovec){ b->buf + (size_t)i * 4096, 4096 };
		memset(b->iov[i].iov_base, op == BACKEND_WRITE ? (int)i + 1 : 0, 4096);
		io_start(d, &b->io[i], op, 0, (uint64_t)i * 4096, 4096, &b->iov[i], 1);
	}
	backend_flush(d->q);
	return b;
}

static void end_batch(struct disk *d, struct batch *b, int result)
{
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(io_wait(d, &b->io[i]), result);
	assert_int_equal(d->q->in_flight, 0);
	free(b->buf);
	free(b);
}

static unsigned count_ended(const struct batch *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N; i++)
		n += b->io[i].ended;
	return n;
}

static void check_contents(struct disk *d)
{
	char buf[4096];

	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(do_read(d, (uint64_t)i * 4096, buf, 4096), 0);
		assert_int_equal(buf[0], (char)(i + 1));
		assert_int_equal(buf[4095], (char)(i + 1));
	}
}

/* Three times in the middle of it; no request is lost, none fails. */
static void check_restart(const char *const *words)
{
	struct disk *d;

	start_server(words);
	d = open_disk(0);
	for (int round = 0; round < 3; round++) {
		struct batch *b = start_batch(d, BACKEND_WRITE);

		while (count_ended(b) < 20)
			loop_run_once(&d->loop, 1000);
		assert_true(count_ended(b) < N);
		restart_after(round * 150000, words);
		end_batch(d, b, 0);
		assert_int_equal(do_plain(d, BACKEND_FLUSH, 0, 0, 0), 0);
	}
	check_contents(d);
	close_disk(d);
}

static void test_restart(void **state)
{
	NEEDS_NBDKIT();
	check_restart((const char *const[]){ "--filter=delay", "file", image, "wdelay=5ms",
					     "rdelay=1ms", NULL });
}

static void test_restart_tls(void **state)
{
	NEEDS_NBDKIT();
	use_tls();
	check_restart((const char *const[]){ "--tls=require", tls_option, "--filter=delay", "file",
					     image, "wdelay=5ms", "rdelay=1ms", NULL });
}

/* Submitted while there is no server. */
static void test_wait(void **state)
{
	const char *const words[] = { "file", image, NULL };
	struct disk *d;
	struct batch *b;

	NEEDS_NBDKIT();
	start_server(words);
	d = open_disk(0);
	stop_server();
	b = start_batch(d, BACKEND_WRITE);
	for (int i = 0; i < 10; i++)
		loop_run_once(&d->loop, 30);
	assert_int_equal(count_ended(b), 0);
	start_server(words);
	end_batch(d, b, 0);
	check_contents(d);
	close_disk(d);
}

static void test_give_up(void **state)
{
	char buf[512] = { 0 };
	double start, until;
	struct batch *b;
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("file", image);
	d = open_disk(1);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	stop_server();
	start = seconds();
	b = start_batch(d, BACKEND_READ);
	end_batch(d, b, -ENOTCONN);
	assert_true(seconds() - start > 0.9);
	assert_true(seconds() - start < 4);

	/* From now on at once. */
	start = seconds();
	assert_int_equal(do_write(d, 0, buf, 512), -ENOTCONN);
	assert_true(seconds() - start < 0.5);

	/* But not for ever. */
	SERVER("file", image);
	until = seconds() + 10;
	while (do_write(d, 0, buf, 512) == -ENOTCONN && seconds() < until)
		loop_run_once(&d->loop, 100);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	close_disk(d);
}

/* Until none of its threads can answer any more. */
static void freeze_server(void)
{
	siginfo_t info;

	assert_return_code(kill(server, SIGSTOP), errno);
	assert_return_code(waitid(P_PID, (id_t)server, &info, WSTOPPED | WNOWAIT), errno);
}

/* They end at once although nobody answers; once somebody does the disk goes on as it was. */
static void check_cancel(void)
{
	struct disk *d = open_disk(0);
	char buf[512] = { 0 };
	struct batch *b;
	double start;

	freeze_server();
	for (int round = 0; round < 2; round++) {
		b = start_batch(d, round ? BACKEND_WRITE : BACKEND_READ);
		loop_run_once(&d->loop, 50);
		start = seconds();
		backend_cancel(d->q);
		assert_int_equal(d->q->in_flight, 0);
		end_batch(d, b, -ECANCELED);
		assert_true(seconds() - start < 2);
	}
	assert_return_code(kill(server, SIGCONT), errno);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	assert_int_equal(do_read(d, 0, buf, 512), 0);
	/* Orphans without a server. */
	freeze_server();
	b = start_batch(d, BACKEND_WRITE);
	loop_run_once(&d->loop, 50);
	backend_cancel(d->q);
	end_batch(d, b, -ECANCELED);
	stop_server();
	close_disk(d);
}

static void test_cancel(void **state)
{
	struct batch *b;
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("memory", "4M");
	check_cancel();
	SERVER("memory", "4M");
	/* While there is no connection. */
	d = open_disk(0);
	stop_server();
	b = start_batch(d, BACKEND_WRITE);
	loop_run_once(&d->loop, 50);
	backend_cancel(d->q);
	end_batch(d, b, -ECANCELED);
	close_disk(d);
}

static void test_cancel_tls(void **state)
{
	NEEDS_NBDKIT();
	use_tls();
	SERVER("--tls=require", tls_option, "memory", "4M");
	check_cancel();
}

static void test_other_disk(void **state)
{
	char buf[512] = { 0 };
	struct err err;
	struct disk *d;
	double until;

	NEEDS_NBDKIT();
	SERVER("memory", "4M");
	d = open_disk(0);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	restart_after(0, (const char *const[]){ "memory", "2M", NULL });
	assert_int_equal(do_write(d, 0, buf, 512), -EIO);
	assert_int_equal(do_read(d, 0, buf, 512), -EIO);

	/* Larger is right, and is told to who asks. */
	restart_after(0, (const char *const[]){ "memory", "8M", NULL });
	until = seconds() + 15;
	while (do_write(d, 0, buf, 512) == -EIO && seconds() < until)
		loop_run_once(&d->loop, 100);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	assert_int_equal(d->b->info.size, 4 << 20);
	assert_int_equal(backend_refresh(d->b, &err), 0);
	assert_int_equal(d->b->info.size, 8 << 20);
	assert_int_equal(do_write(d, (8 << 20) - 512, buf, 512), 0);
	close_disk(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_restart),    TEST(test_restart_tls), TEST(test_wait),
		TEST(test_give_up),    TEST(test_cancel),      TEST(test_cancel_tls),
		TEST(test_other_disk),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
