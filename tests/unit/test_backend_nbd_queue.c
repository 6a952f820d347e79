/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd: what a queue sends when, against a server of a few lines: several queues, memory, FUA, and connecting again. */
#include <netdb.h>

#include "nbdserver.h"

static void wait_for_server(struct disk *d)
{
	double until = seconds() + 20;

	/* What a socket does not take at once goes out by the loop. */
	while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE) && seconds() < until)
		loop_run_once(&d->loop, 1);
	assert_true(held);
}

static void release_server(void)
{
	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
}

static void start_write(struct backend_queue *q, struct io *io, struct iovec *iov, uint64_t offset)
{
	*io = (struct io){
		.req = { .op = BACKEND_WRITE,
			 .offset = offset,
			 .len = iov->iov_len,
			 .iov = iov,
			 .niov = 1,
			 .done = io_done },
		.result = PENDING,
	};
	backend_submit(q, &io->req);
	backend_flush(q);
}

static void run(struct disk *d, int rounds)
{
	while (rounds--)
		loop_run_once(&d->loop, 10);
}

/* What was cancelled on one queue and is with the server does not undo a newer write of another's. */
static void check_orphan(bool close_first)
{
	static char old[4096], new[4096];
	struct iovec iov[2] = { { old, 4096 }, { new, 4096 } };
	struct disk d = { .params = { .readonly = false } };
	struct backend_queue *q2;
	struct io io[2];
	struct err err;

	memset(old, 1, sizeof(old));
	memset(new, 2, sizeof(new));
	start(&d, LATE);
	assert_int_equal(backend_queue_open(d.b, &d.loop, &q2, &err), 0);
	start_write(d.q, &io[0], &iov[0], 8192);
	wait_for_server(&d);
	backend_cancel(d.q);
	assert_int_equal(io[0].result, -ECANCELED);
	start_write(q2, &io[1], &iov[1], 8192);
	run(&d, 10);
	assert_int_equal(io[1].ended, 0);
	if (close_first) {
		/* Nobody hears of its end any more. */
		backend_queue_close(d.q);
		d.q = q2;
	} else {
		release_server();
	}
	assert_int_equal(io_wait(&d, &io[1]), 0);
	assert_int_equal(contents[8192], 2);
	release_server();
	if (!close_first) {
		/* From now on nothing is in the way, for either. */
		start_write(q2, &io[1], &iov[0], 8192);
		assert_int_equal(io_wait(&d, &io[1]), 0);
		assert_int_equal(do_write(&d, 8192, new, sizeof(new)), 0);
		assert_int_equal(contents[8192], 2);
		backend_queue_close(q2);
	}
	stop(&d);
}

static void test_orphans(void **state)
{
	(void)state;
	check_orphan(false);
	check_orphan(true);
}

/* A connection that was lost takes its orphans with it. */
static void test_orphan_lost(void **state)
{
	static char buf[4096];
	struct iovec iov = { buf, sizeof(buf) };
	struct disk d = { .params = { .readonly = false } };
	struct backend_queue *q2;
	struct io io[2];
	struct err err;

	(void)state;
	start(&d, LATE);
	assert_int_equal(backend_queue_open(d.b, &d.loop, &q2, &err), 0);
	start_write(d.q, &io[0], &iov, 0);
	wait_for_server(&d);
	backend_cancel(d.q);
	start_write(q2, &io[1], &iov, 0);
	run(&d, 3);
	assert_int_equal(io[1].ended, 0);
	shutdown(first_fd, SHUT_RDWR);
	assert_int_equal(io_wait(&d, &io[1]), 0);
	assert_int_equal(do_write(&d, 0, buf, sizeof(buf)), 0);
	release_server();
	backend_queue_close(q2);
	stop(&d);
}

/* A driver can't make the queue copy more than it has memory for: the rest stays where it is until there is. */
static void test_memory(void **state)
{
	enum { N = 40, LEN = 4 << 20 };
	struct disk d = { .params = { .readonly = false } };
	char *buf = malloc(LEN);
	static struct iovec iov[N];
	static struct io io[N];

	(void)state;
	start(&d, LATE);
	memset(buf, 1, LEN);
	for (unsigned i = 0; i < N; i++) {
		iov[i] = (struct iovec){ buf, LEN };
		start_write(d.q, &io[i], &iov[i], 0);
	}
	wait_for_server(&d);
	/* Those that were not copied have the new contents; the last one is done last. */
	memset(buf, 2, LEN);
	release_server();
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(io_wait(&d, &io[i]), 0);
	assert_int_equal(written, N);
	assert_int_equal(contents[0], 2);
	assert_int_equal(contents[LEN - 1], 2);
	assert_int_equal(connections, 1);
	stop(&d);
	free(buf);
}

/*
 * The server that took the first piece, or all of it, was lost before the flush that stands for
 * FUA, with what it had in memory: to flush the next one is not enough.
 */
static void check_fua(size_t len)
{
	char *buf = malloc(len);
	struct iovec iov = { buf, len };
	struct disk d = { .params = { .readonly = false } };

	fill_random(buf, len);
	start(&d, NO_FUA);
	assert_int_equal(do_io(&d, BACKEND_WRITE, BACKEND_FUA, 0, len, &iov, 1), 0);
	assert_int_equal(connections, 2);
	assert_memory_equal(contents, buf, len);
	/* The next one has FUA. */
	assert_int_equal(flushed, 0);
	assert_int_equal(do_io(&d, BACKEND_WRITE, BACKEND_FUA, 0, len, &iov, 1), 0);
	assert_int_equal(flushed, 0);
	stop(&d);
	free(buf);
}

static void test_fua_lost(void **state)
{
	(void)state;
	check_fua(4096);
	check_fua((4 << 20) + 4096);
}

/* What came by a connection that ended with it is what was read, not what a command before had written. */
static void test_read_at_shutdown(void **state)
{
	static char old[8192], buf[2][4096];
	struct iovec iov[2] = { { buf[0], 4096 }, { buf[1], 4096 } };
	struct iovec both[2] = { { old, 4096 }, { old + 4096, 4096 } };
	struct disk d = { .params = { .readonly = false } };
	struct io io[2];

	(void)state;
	memset(old, 0x5a, sizeof(old));
	start(&d, SENDS_AWAY);
	/* Two at a time, so that both commands have memory. */
	for (unsigned i = 0; i < 2; i++)
		io_start(&d, &io[i], BACKEND_WRITE, 0, i * 4096, 4096, &both[i], 1);
	assert_int_equal(io_wait(&d, &io[0]), 0);
	assert_int_equal(io_wait(&d, &io[1]), 0);
	for (unsigned i = 0; i < 2; i++)
		io_start(&d, &io[i], BACKEND_READ, 0, (2 + i) * 4096, 4096, &iov[i], 1);
	assert_int_equal(io_wait(&d, &io[1]), 0);
	assert_int_equal(io_wait(&d, &io[0]), 0);
	assert_memory_equal(buf, contents + 2 * 4096, sizeof(buf));
	assert_int_equal(connections, 2);
	stop(&d);
}

/* A server that is shutting down is not left before it has answered: what it still does would undo what is newer. */
static void test_shutdown_waits(void **state)
{
	static char old[4096], new[4096];
	struct iovec iov[2] = { { old, 4096 }, { old, 4096 } };
	struct disk d = { .params = { .readonly = false } };
	struct io io[2];

	(void)state;
	memset(old, 1, sizeof(old));
	memset(new, 2, sizeof(new));
	start(&d, LAST_ONE_LATE);
	for (unsigned i = 0; i < 2; i++)
		io_start(&d, &io[i], BACKEND_WRITE, 0, i * 4096, 4096, &iov[i], 1);
	backend_flush(d.q);
	wait_for_server(&d);
	run(&d, 30);
	assert_int_equal(connections, 1);
	assert_int_equal(io[0].ended + io[1].ended, 0);
	release_server();
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(io_wait(&d, &io[i]), 0);
	assert_int_equal(connections, 2);
	assert_int_equal(do_write(&d, 4096, new, sizeof(new)), 0);
	assert_memory_equal(contents + 4096, new, sizeof(new));
	stop(&d);
}

/* What one queue's new connection knows is not what an older one may ask for. */
static void test_grown(void **state)
{
	enum { N = 20 };
	const uint64_t first = SIZE / 2 - (N - 2) * 4096;
	struct disk d = { .params = { .readonly = false } };
	static char buf[4096], back[4096];
	struct iovec iov = { buf, sizeof(buf) };
	struct io io[N];
	struct backend_queue *q2;
	struct err err;

	(void)state;
	fill_random(buf, sizeof(buf));
	told_size = SIZE / 2;
	start(&d, GOOD);
	__atomic_store_n(&told_size, SIZE, __ATOMIC_RELAXED);
	assert_int_equal(backend_queue_open(d.b, &d.loop, &q2, &err), 0);
	assert_int_equal(do_write(&d, SIZE / 2, buf, sizeof(buf)), -EIO);
	assert_int_equal(backend_refresh(d.b, &err), 0);
	assert_int_equal(d.b->info.size, SIZE);
	/* Some go out on the old connection, the last ones are beyond what it knows. */
	for (unsigned i = 0; i < N; i++)
		io_start(&d, &io[i], BACKEND_WRITE, 0, first + i * 4096, 4096, &iov, 1);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(io_wait(&d, &io[i]), 0);
	for (unsigned i = 0; i < N; i++)
		assert_memory_equal(contents + first + i * 4096, buf, sizeof(buf));
	assert_int_equal(connections, 3);
	assert_int_equal(do_read(&d, SIZE / 2, back, sizeof(back)), 0);
	assert_memory_equal(back, buf, sizeof(buf));
	assert_int_equal(connections, 3);
	backend_queue_close(q2);
	stop(&d);
}

/* A server that answers once each time is not one that is there. */
static void test_one_each(void **state)
{
	struct disk d = { .params = { .reconnect_s = 1 } };
	double until = seconds() + 20;
	char buf[512];
	int rc;

	(void)state;
	start(&d, ONE_EACH);
	do
		rc = do_read(&d, 0, buf, sizeof(buf));
	while (!rc && seconds() < until);
	assert_int_equal(rc, -ENOTCONN);
	/* 0, 100, 200, 400 ms, ... */
	assert_true(connections < 20);
	stop(&d);
}

/* ---- names ---- */

static bool stuck, resolving;

#define IN_PLACE_OF_LIBC __attribute__((visibility("default")))

IN_PLACE_OF_LIBC
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	struct sockaddr_in *addr = calloc(1, sizeof(*addr));

	(void)node;
	(void)hints;
	__atomic_store_n(&resolving, true, __ATOMIC_SEQ_CST);
	for (double until = seconds() + 20; seconds() < until;) {
		if (!__atomic_load_n(&stuck, __ATOMIC_SEQ_CST))
			break;
		usleep(1000);
	}
	__atomic_store_n(&resolving, false, __ATOMIC_SEQ_CST);
	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(service)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	*res = calloc(1, sizeof(**res));
	**res = (struct addrinfo){
		.ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_addrlen = sizeof(*addr),
		.ai_addr = (struct sockaddr *)addr,
	};
	return 0;
}

IN_PLACE_OF_LIBC
void freeaddrinfo(struct addrinfo *res)
{
	free(res->ai_addr);
	free(res);
}

/* A connection that there may still be has one answer left. */
static void lose_and_resolve(struct disk *d, struct io *io, struct iovec *iov)
{
	double until = seconds() + 20;

	io_start(d, io, BACKEND_READ, 0, 0, 4096, iov, 1);
	backend_flush(d->q);
	while (!__atomic_load_n(&resolving, __ATOMIC_SEQ_CST) && seconds() < until)
		loop_run_once(&d->loop, 10);
	/* The thread is not kept by it. */
	assert_true(__atomic_load_n(&resolving, __ATOMIC_SEQ_CST));
}

/* A name server that does not answer keeps nobody from anything but connecting. */
static void test_resolver(void **state)
{
	struct disk d = { .params = { .readonly = false } };
	static char buf[4096];
	struct iovec iov = { buf, sizeof(buf) };
	struct io io, first;

	(void)state;
	stuck = false;
	start_listening(&d, ONE_EACH, listen_tcp);
	assert_int_equal(do_read(&d, 0, buf, sizeof(buf)), 0);
	__atomic_store_n(&stuck, true, __ATOMIC_SEQ_CST);
	lose_and_resolve(&d, &first, &iov);
	io_start(&d, &io, BACKEND_READ, 0, 4096, 4096, &iov, 1);
	assert_int_equal(io.ended, 0);
	backend_cancel(d.q);
	assert_int_equal(io.result, -ECANCELED);
	/* It goes on when there is an answer. */
	io_start(&d, &io, BACKEND_READ, 0, 4096, 4096, &iov, 1);
	run(&d, 2);
	assert_int_equal(io.ended, 0);
	__atomic_store_n(&stuck, false, __ATOMIC_SEQ_CST);
	assert_int_equal(io_wait(&d, &io), 0);
	assert_memory_equal(buf, contents + 4096, 4096);
	/* Or the disk goes, and the answer comes too late. */
	__atomic_store_n(&stuck, true, __ATOMIC_SEQ_CST);
	lose_and_resolve(&d, &first, &iov);
	backend_cancel(d.q);
	stop(&d);
	__atomic_store_n(&stuck, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&resolving, __ATOMIC_SEQ_CST))
		usleep(1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orphans),	       cmocka_unit_test(test_orphan_lost),
		cmocka_unit_test(test_memory),	       cmocka_unit_test(test_fua_lost),
		cmocka_unit_test(test_grown),	       cmocka_unit_test(test_one_each),
		cmocka_unit_test(test_resolver),       cmocka_unit_test(test_read_at_shutdown),
		cmocka_unit_test(test_shutdown_waits),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
