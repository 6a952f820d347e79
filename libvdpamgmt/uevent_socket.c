/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uevent.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <string.h>
#include <unistd.h>

/* The multicast group of the kernel; 2 is udevd's. */
#define KERNEL_GROUP 1

int uevent_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	int one = 1, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

int uevent_set_buffer(int fd, size_t octets)
{
	/* The kernel doubles it, for what it needs besides. */
	int size = octets > INT_MAX ? INT_MAX / 2 : (int)(octets / 2);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0)
		return 0;
	return -errno;
}

/*
 * Root, or the kernel itself: no process can say that it is number 0.  The kernel's
 * user is not 0 in a user namespace that has no such user.
 */
static bool is_roots(struct msghdr *mh)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		struct ucred cred;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS ||
		    c->cmsg_len < CMSG_LEN(sizeof(cred)))
			continue;
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		return cred.uid == 0 || cred.pid == 0;
	}
	return false;
}

bool uevent_is_kernels(struct msghdr *mh)
{
	const struct sockaddr_nl *from = mh->msg_name;

	return mh->msg_namelen >= sizeof(*from) && from->nl_family == AF_NETLINK &&
	       from->nl_pid == 0 && from->nl_groups == KERNEL_GROUP && is_roots(mh);
}

ssize_t uevent_recv(int fd, char *buf, size_t size)
{
	for (;;) {
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(sizeof(struct ucred))];
		} control;
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = buf, .iov_len = size };
		struct msghdr mh = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.space,
			.msg_controllen = sizeof(control.space),
		};
		ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!(mh.msg_flags & MSG_TRUNC) && uevent_is_kernels(&mh))
			return n;
	}
}
