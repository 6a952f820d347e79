/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An NBD server of a few lines for tests of the back end nbd, which misbehaves as it is told: one at a time. */
#ifndef TESTS_UNIT_NBDSERVER_H
#define TESTS_UNIT_NBDSERVER_H

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "disk.h"

#define SIZE (8u << 20)
#define REQUESTS 64
#define CONNECTIONS 4096 /* of one server in all */
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
	LATE, /* neither does nor answers anything until it is released */
	SHORT_OF_ONE, /* the last octet of a read's data comes when it is released */
	NO_FUA, /* does one request, answers it and leaves, and what was written is lost */
	ONE_EACH, /* the same with each connection, the later ones, too */
	SENDS_AWAY, /* shuts down for the first of two reads as it answers the second */
	LAST_ONE_LATE, /* shuts down for its first request, and does the next when it is released */
};

static char dir[64], path[96], uri[160];
static char contents[SIZE];
static int listener, first_fd; /* of the oldest connection */
static enum manner manner;
static uint64_t told_size; /* to new connections, which may use no more */
static unsigned connections, written, flushed, answered;
static bool released, held; /* it waits for being released */
static bool sent_away; /* it has shut down for a request */
static struct request put_off; /* that is to be sent away */

/* ---- the server ---- */

static inline bool get(int fd, void *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static inline bool put(int fd, const void *buf, size_t len)
{
	return send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline bool put_in_pieces(int fd, const char *buf, size_t len)
{
	static const size_t sizes[] = { 1, 14, 3, 700, 5000, 16, 28 };

	for (size_t at = 0, i = 0, n; at < len; at += n, i++) {
		n = sizes[i % 7] < len - at ? sizes[i % 7] : len - at;
		if (!put(fd, buf + at, n))
			return false;
	}
	return true;
}

/* The test releases it. */
static inline void wait_for_release(void)
{
	__atomic_store_n(&held, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		usleep(1000);
}

/* The handshake of the oldest servers, which is none. */
static inline bool greet(int fd, enum manner how, uint64_t size)
{
	struct {
		char magic[8];
		uint64_t version, size;
		uint16_t global, flags;
		char zero[124];
	} __attribute__((packed)) hello = {
		.magic = "NBDMAGIC",
		.version = htobe64(0x00420281861253),
		.size = htobe64(size),
		.flags = htobe16(1 | 4 | (how == NO_FUA ? 0 : 8) | 256),
	};

	_Static_assert(sizeof(hello) == 152, "as the protocol has it");
	return put(fd, &hello, sizeof(hello));
}

/* An answer with what was read, as one piece of memory. */
static inline size_t make_answer(const struct request *r, char *out, uint32_t error)
{
	struct reply head = { htobe32(REPLY_MAGIC), htobe32(error), r->cookie };
	size_t len = r->type || error ? 0 : be32toh(r->len);

	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), contents + be64toh(r->offset), len);
	return sizeof(head) + len;
}

static inline bool misbehave(int fd, enum manner how, const struct request *r, char *out)
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

/* Takes the request's data, and does it. */
static inline bool carry_out(int fd, enum manner how, const struct request *r, char *room)
{
	uint32_t len = be32toh(r->len);
	bool write = be16toh(r->type) == 1;

	if (write && !get(fd, room, len))
		return false;
	if (how == LATE) {
		__atomic_fetch_add(&written, write, __ATOMIC_RELAXED);
		wait_for_release();
	}
	if (write)
		memcpy(contents + be64toh(r->offset), room, len);
	__atomic_fetch_add(&flushed, be16toh(r->type) == 3, __ATOMIC_RELAXED);
	return true;
}

/* A read waits for another, and both are answered at once. */
static inline bool send_away(int fd, const struct request *r, char *out)
{
	size_t len;

	if (!put_off.magic) {
		put_off = *r;
		return true;
	}
	len = make_answer(&put_off, out, 108);
	len += make_answer(r, out + len, 0);
	return put(fd, out, len);
}

/* One request's answer; false: the connection ends. */
static inline bool serve_one(int fd, enum manner how, uint64_t size, const struct request *r,
			     char *out)
{
	size_t len;

	if (be16toh(r->type) == 2)
		return false;
	if (how == SENDS_AWAY && be16toh(r->type) == 0)
		return send_away(fd, r, out);
	if (how == LAST_ONE_LATE)
		how = __atomic_exchange_n(&sent_away, true, __ATOMIC_RELAXED) ? LATE : LEAVES;
	if (how == EARLY && be16toh(r->type) == 1)
		return misbehave(fd, how, r, out) && !usleep(100000) && false;
	if (!carry_out(fd, how, r, out))
		return false;
	if (be64toh(r->offset) + be32toh(r->len) > size)
		return put(fd, out, make_answer(r, out, 28));
	if (how > IN_PIECES && how < LATE && how != EARLY)
		return misbehave(fd, how, r, out);
	len = make_answer(r, out, 0);
	if (how == SHORT_OF_ONE && be16toh(r->type) == 0) {
		if (!put(fd, out, len - 1))
			return false;
		wait_for_release();
		return put(fd, out + len - 1, 1);
	}
	if (!put(fd, out, len))
		return false;
	__atomic_fetch_add(&answered, 1, __ATOMIC_RELEASE);
	return how != NO_FUA && how != ONE_EACH;
}

/* All that is there, then the answers from the last to the first. */
static inline bool serve_in_pieces(int fd, char *out)
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

struct connection {
	pthread_t thread;
	enum manner how;
	int fd;
	uint64_t size;
};

static inline void *serve(void *arg)
{
	struct connection *c = arg;
	char *out = malloc(SIZE + sizeof(struct reply));
	struct request r;

	if (greet(c->fd, c->how, c->size)) {
		while (c->how == IN_PIECES ? serve_in_pieces(c->fd, out) :
					     get(c->fd, &r, sizeof(r)) &&
						     serve_one(c->fd, c->how, c->size, &r, out))
			;
	}
	if (c->how == NO_FUA)
		memset(contents, 0, sizeof(contents));
	close(c->fd);
	free(out);
	return NULL;
}

static inline void *server(void *unused)
{
	static struct connection list[CONNECTIONS];
	unsigned n = 0;
	int fd;

	(void)unused;
	while (n < CONNECTIONS && (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		enum manner how = __atomic_load_n(&manner, __ATOMIC_RELAXED);

		/* Only the first connection is a bad one. */
		if (n && how > IN_PIECES && how != ONE_EACH)
			how = GOOD;
		list[n] = (struct connection){ .how = how, .fd = fd };
		list[n].size = __atomic_load_n(&told_size, __ATOMIC_RELAXED);
		if (!n)
			first_fd = fd;
		__atomic_store_n(&connections, n + 1, __ATOMIC_RELAXED);
		if (pthread_create(&list[n].thread, NULL, serve, &list[n]))
			abort();
		n++;
	}
	while (n--)
		pthread_join(list[n].thread, NULL);
	return NULL;
}

static pthread_t thread;

static inline void listen_unix(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", path);
}

/* By a name, which has to be resolved. */
static inline void listen_tcp(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	snprintf(uri, sizeof(uri), "nbd://localhost:%u/", ntohs(addr.sin_port));
}

static inline void start_listening(struct disk *d, enum manner how, void listen_there(void))
{
	manner = how;
	connections = written = flushed = answered = 0;
	told_size = told_size ? told_size : SIZE;
	released = held = sent_away = false;
	put_off.magic = 0;
	fill_random(contents, sizeof(contents));
	listen_there();
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(pthread_create(&thread, NULL, server, NULL), 0);
	disk_open(d, uri);
}

static inline void start(struct disk *d, enum manner how)
{
	start_listening(d, how, listen_unix);
}

static inline void stop(struct disk *d)
{
	disk_close(d);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	unlink(path);
}

static inline int group_setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/vdused-wire-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	return 0;
}

static inline int group_teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

#endif
