// SPDX-License-Identifier: GPL-2.0-or-later
/* One request over the control socket of a daemon: a line of JSON there, a line of JSON back. */
#include "vduse.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "json_dl.h"

#define ANSWER_MAX (4u << 20)

static int fail(struct strbuf *err, int errnum, const char *text)
{
	strbuf_clear(err);
	strbuf_add(err, text);
	return -errnum;
}

/* The path of a socket in sockaddr_un is short: the one through the descriptor always fits. */
static int open_socket(const char *name, struct strbuf *err)
{
	CLEANUP_CLOSE int dir = vduse_open_dir(name);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, r;

	if (dir == -EACCES || dir == -EPERM)
		return fail(err, EACCES, "no permission to ask the daemon");
	if (dir < 0)
		return fail(err, ENODEV, "no daemon");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/control", dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(err, errno, "no socket");
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	r = errno;
	close(fd);
	if (r == EACCES || r == EPERM)
		return fail(err, EACCES, "no permission to ask the daemon");
	if (r == EAGAIN)
		return fail(err, ETIMEDOUT, "the daemon does not answer");
	return fail(err, ENODEV, "no daemon");
}

/* Whoever listens may have forked since, but has not changed its credentials. */
static void get_pid(int fd, pid_t *pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (pid && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		*pid = cred.pid;
}

static int wait_for(int fd, short events, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = end - app_now_ms();
	int r;

	if (left <= 0)
		return -ETIMEDOUT;
	r = poll(&p, 1, (int)left);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r ? 0 : -ETIMEDOUT;
}

static int send_line(int fd, const char *line, int64_t end)
{
	size_t len = strlen(line), done = 0;

	while (done < len) {
		ssize_t n = send(fd, line + done, len - done, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One line, without its end. */
static int receive_line(int fd, struct strbuf *sb, int64_t end)
{
	char buf[4096];

	while (sb->len < ANSWER_MAX) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const char *newline;
		int r;

		if (n == 0)
			return -ECONNRESET;
		if (n > 0) {
			newline = memchr(buf, '\n', (size_t)n);
			strbuf_addn(sb, buf, newline ? (size_t)(newline - buf) : (size_t)n);
			if (sb->failed)
				return -ENOMEM;
			if (newline)
				return 0;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLIN, end);
		if (r < 0)
			return r;
	}
	return -EMSGSIZE;
}

static int fail_talk(struct strbuf *err, int r)
{
	switch (r) {
	case -ETIMEDOUT:
		return fail(err, ETIMEDOUT, "the daemon does not answer");
	case -ENOMEM:
		return fail(err, ENOMEM, "out of memory");
	case -EPIPE:
	case -ECONNRESET:
		return fail(err, ENODEV, "the daemon went away before it answered");
	}
	return fail(err, EPROTO, "the talk with the daemon broke");
}

/* Takes the answer apart: 0 for {"ok":true}. */
static int judge(const json_t *answer, struct strbuf *err)
{
	const json_t *ok, *text;

	if (!json_is_object(answer))
		return fail(err, EPROTO, "the daemon's answer is not understood");
	ok = json_dl.json_object_get(answer, "ok");
	if (json_is_true(ok))
		return 0;
	text = json_dl.json_object_get(answer, "error");
	if (json_is_string(text))
		return fail(err, EREMOTEIO, json_dl.json_string_value(text));
	return fail(err, EPROTO, "the daemon's answer is not understood");
}

int vduse_request(const char *name, const char *line, int timeout_ms, json_t **answer, pid_t *pid,
		  struct strbuf *err)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	int64_t end = app_now_ms() + timeout_ms;
	CLEANUP_CLOSE int fd = -1;
	json_t *root;
	int r;

	fd = open_socket(name, err);
	if (fd < 0)
		return fd;
	get_pid(fd, pid);
	r = send_line(fd, line, end);
	if (!r)
		r = receive_line(fd, &sb, end);
	if (r)
		return fail_talk(err, r);
	root = json_dl.json_loadb(sb.s ? sb.s : "", sb.len, JSON_REJECT_DUPLICATES, NULL);
	r = judge(root, err);
	if (!r && answer)
		*answer = root;
	else
		json_drop(root);
	return r;
}
