/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In place of the library's uevent_socket.c: uevents come from the test, which
 * writes them with uevent_send().  Include it once in a test program.
 */
#ifndef TESTS_UNIT_FAKE_UEVENT_H
#define TESTS_UNIT_FAKE_UEVENT_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tree.h"
#include "uevent.h"

static int uevent_fd = -1; /* the test's end; -1 while no socket is open */
static int uevent_open_error; /* what the next opening fails with */
static int uevent_errors[8]; /* what the next readings fail with, the last first */
static size_t uevent_n_errors;
static size_t uevent_buffer;

int uevent_open(void)
{
	int fds[2];

	if (uevent_open_error)
		return -uevent_open_error;
	if (uevent_fd >= 0)
		close(uevent_fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	uevent_fd = fds[1];
	return fds[0];
}

int uevent_set_buffer(int fd, size_t octets)
{
	(void)fd;
	uevent_buffer = octets;
	return octets == 1 ? -EPERM : 0;
}

ssize_t uevent_recv(int fd, char *buf, size_t size)
{
	ssize_t n;

	if (uevent_n_errors)
		return -uevent_errors[--uevent_n_errors];
	n = recv(fd, buf, size, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static inline void uevent_fails(int errnum)
{
	uevent_errors[uevent_n_errors++] = errnum;
}

/* A message: strings separated by '|'. */
static inline __attribute__((format(printf, 1, 2))) void uevent_send(const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_true(n > 0 && (size_t)n < sizeof(text));
	for (char *p = text; *p; p++) {
		if (*p == '|')
			*p = '\0';
	}
	assert_int_equal(send(uevent_fd, text, (size_t)n + 1, 0), n + 1);
}

/* The usual one, of a device at path below sysfs; more: "|KEY=VALUE...", or "". */
static inline void uevent_of(const char *action, const char *path, const char *subsystem,
			     const char *more)
{
	static unsigned int seqnum = 1000;

	uevent_send("%s@/%s|ACTION=%s|DEVPATH=/%s|SUBSYSTEM=%s|SEQNUM=%u%s", action, path, action,
		    path, subsystem, ++seqnum, more);
}

#endif
