/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd: against a server of a few lines that answers in odd pieces and orders, or not as it should:
 * then the connection ends, and the next one, which is good, does what was not done.
 */
#include <endian.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "disk.h"

#define SIZE (4u << 20)
#define REQUESTS 64
#define REPLY_MAGIC 0x67446698u

struct request {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie, offset;
	uint32_t len;
} __attribute__((packed));

struct reply {
	uint32_t magic, error;
	uint64_t cookie;
} __attribute__((packed));

enum manner {
	GOOD,
	IN_PIECES, /* of odd sizes, the newest first */
	WRONG_MAGIC,
	UNKNOWN_COOKIE,
	TWICE,
	EARLY, /* before the data of a write came */
	HALF, /* of a read's data, then the end */
	LEAVES, /* says that it is shutting down */
	LATE, /* answers nothing until it is released */
	MANNERS
};

static char dir[64], path[96], uri[160];
static char contents[SIZE];
static int listener;
static enum manner manner;
static unsigned connections, written;
static bool released;

/* ---- the server ---- */

static bool get(int fd, void *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static bool put(int fd, const void *buf, size_t len)
{
	return send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool put_in_pieces(int fd, const char *buf, size_t len)
{
	static const size_t sizes[] = { 1, 14, 3, 700, 5000, 16, 28 };

	for (size_t at = 0, i = 0, n; at < len; at += n, i++) {
		n = sizes[i % 7] < len - at ? sizes[i % 7] : len - at;
		if (!put(fd, buf + at, n))
			return false;
	}
	return true;
}

/* The handshake of the oldest servers, which is none. */
static bool greet(int fd)
{
	struct {
		char magic[8];
		uint64_t version, size;
		uint16_t global, flags;
		char zero[124];
	} __attribute__((packed)) hello = {
		.magic = "NBDMAGIC",
		.version = htobe64(0x00420281861253),
		.size = htobe64(SIZE),
		.flags = htobe16(1 | 4 | 8 | 256),
	};

	_Static_assert(sizeof(hello) == 152, "as the protocol has it");
	return put(fd, &hello, sizeof(hello));
}

/* An answer with what was read, as one piece of memory. */
static size_t make_answer(const struct request *r, char *out, uint32_t error)
{
	struct reply head = { htobe32(REPLY_MAGIC), htobe32(error), r->cookie };
	size_t len = r->type || error ? 0 : be32toh(r->len);

	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), contents + be64toh(r->offset), len);
	return sizeof(head) + len;
}

static bool misbehave(int fd, enum manner how, const struct request *r, char *out)
{
	size_t len = make_answer(r, out, how == LEAVES ? 108 : 0);

	switch (how) {
	case WRONG_MAGIC:
		out[0] ^= 1;
		break;
	case UNKNOWN_COOKIE:
		out[sizeof(struct reply) - 1] ^= 0x40;
		break;
	case TWICE:
		if (!put(fd, out, len))
			return false;
		break;
	case HALF:
		put(fd, out, len / 2);
		return false;
	default:
		break;
	}
	return put(fd, out, len);
}

/* One request's answer; false: the connection ends. */
static bool serve_one(int fd, enum manner how, const struct request *r, char *out)
{
	if (be16toh(r->type) == 2)
		return false;
	if (how == EARLY && be16toh(r->type) == 1)
		return misbehave(fd, how, r, out) && !usleep(100000) && false;
	if (be16toh(r->type) == 1 && !get(fd, contents + be64toh(r->offset), be32toh(r->len)))
		return false;
	if (how == LATE) {
		__atomic_fetch_add(&written, be16toh(r->type) == 1, __ATOMIC_RELAXED);
		while (!__atomic_load_n(&released, __ATOMIC_RELAXED))
			usleep(1000);
	}
	if (how > IN_PIECES && how != EARLY && how != LATE)
		return misbehave(fd, how, r, out);
	return put(fd, out, make_answer(r, out, 0));
}

/* All that is there, then the answers from the last to the first. */
static bool serve_in_pieces(int fd, char *out)
{
	struct request r[REQUESTS];
	unsigned n = 0;

	do {
		if (!get(fd, &r[n], sizeof(r[n])) || be16toh(r[n].type) == 2)
			return false;
		if (be16toh(r[n].type) == 1 &&
		    !get(fd, contents + be64toh(r[n].offset), be32toh(r[n].len)))
			return false;
		n++;
	} while (n < REQUESTS && recv(fd, out, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
	while (n--)
		if (!put_in_pieces(fd, out, make_answer(&r[n], out, 0)))
			return false;
	return true;
}

static void *server(void *unused)
{
	char *out = malloc(SIZE + sizeof(struct reply));
	struct request r;
	int fd;

	(void)unused;
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		enum manner how = __atomic_load_n(&manner, __ATOMIC_RELAXED);

		/* Only the first connection is a bad one. */
		if (__atomic_fetch_add(&connections, 1, __ATOMIC_RELAXED) && how > IN_PIECES)
			how = GOOD;
		if (greet(fd)) {
			while (how == IN_PIECES ?
				       serve_in_pieces(fd, out) :
				       get(fd, &r, sizeof(r)) && serve_one(fd, how, &r, out))
				;
		}
		close(fd);
	}
	free(out);
	return NULL;
}

/* ---- the tests ---- */

static pthread_t thread;

static void start(struct disk *d, enum manner how)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	manner = how;
	connections = written = 0;
	released = false;
	fill_random(contents, sizeof(contents));
	memcpy(addr.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, server, NULL), 0);
	memset(d, 0, sizeof(*d));
	disk_open(d, uri);
}

static void stop(struct disk *d)
{
	disk_close(d);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	unlink(path);
}

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
	struct disk d;

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
		struct disk d;

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
	struct disk d;
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
	struct disk d;
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

/* A batch is one message, and one look takes all the answers. */
static void test_looks(void **state)
{
	struct iovec iov[REQUESTS];
	struct io io[REQUESTS];
	static char buf[REQUESTS][512];
	struct disk d;
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
	usleep(100000);
	while (!ended && seconds() < until) {
		assert_true(backend_poll(d.q));
		for (unsigned i = 0; i < REQUESTS; i++)
			ended += io[i].ended;
	}
	assert_int_equal(ended, REQUESTS);
	assert_false(backend_poll(d.q));
	stop(&d);
}

static int group_setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/vdused-wire-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", path);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),	    cmocka_unit_test(test_manners),
		cmocka_unit_test(test_memory_gone), cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_looks),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
