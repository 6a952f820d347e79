/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real transport: one NETLINK_GENERIC socket a context. */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "internal.h"
#include "nl.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* data is the connection's own int, which holds the descriptor while it is open. */
static int fd_of(void *data)
{
	return *(int *)data;
}

/* Acknowledgements without the request in them, with the kernel's text; strictly checked input. */
static void ask_for_extras(int fd)
{
	static const int options[] = { NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK };
	int one = 1;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, SOL_NETLINK, options[i], &one, sizeof(one));
}

static int socket_open(void *data, uint32_t *portid)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int err;

	if (fd < 0)
		return -errno;
	ask_for_extras(fd);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		err = errno;
		close(fd);
		return -err;
	}
	*portid = addr.nl_pid;
	*(int *)data = fd;
	return 0;
}

static int socket_send(void *data, const void *buf, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do {
		n = sendto(fd_of(data), buf, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_readable(int fd, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t left = deadline - now_ms();
	int r = poll(&pfd, 1, left > 0 ? (int)left : 0);

	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r ? 0 : -ETIMEDOUT;
}

/* Only what the kernel sent counts: another process may write to this socket's address. */
static ssize_t socket_recv(void *data, void *buf, size_t len, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	int r;

	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = buf, .iov_len = len };
		struct msghdr mh = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t n = recvmsg(fd_of(data), &mh, MSG_DONTWAIT | MSG_TRUNC);

		if (n >= 0 && from.nl_pid == 0)
			return n;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		r = wait_readable(fd_of(data), deadline);
		if (r < 0)
			return r;
		if (now_ms() > deadline)
			return -ETIMEDOUT;
	}
}

static void socket_close(void *data)
{
	close(fd_of(data));
	*(int *)data = -1;
}

const struct vdpa_transport transport_socket = {
	.size = sizeof(struct vdpa_transport),
	.open = socket_open,
	.send = socket_send,
	.recv = socket_recv,
	.close = socket_close,
};
