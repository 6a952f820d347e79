/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What uevents say, however odd, and who may send them. */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "uevent.h"

/* In memory of just that size, for the sanitizer. */
static bool parse(const char *text, size_t len, char **buf, struct uevent *ev)
{
	*buf = malloc(len + 1);
	assert_non_null(*buf);
	memcpy(*buf, text, len);
	return uevent_parse(*buf, len, ev);
}

#define PARSE(text, buf, ev) parse(text, sizeof(text) - 1, buf, ev)

static void test_usual(void **state)
{
	struct uevent ev;
	char *buf;

	(void)state;
	assert_true(PARSE("bind@/devices/vdpa0\0ACTION=bind\0DEVPATH=/devices/vdpa0\0"
			  "SUBSYSTEM=vdpa\0DRIVER=vhost_vdpa\0SEQNUM=1234\0",
			  &buf, &ev));
	assert_string_equal(ev.action, "bind");
	assert_string_equal(ev.devpath, "/devices/vdpa0");
	assert_string_equal(ev.subsystem, "vdpa");
	assert_string_equal(ev.driver, "vhost_vdpa");
	assert_null(ev.devtype);
	assert_null(ev.devpath_old);
	assert_int_equal(ev.seqnum, 1234);
	free(buf);
	assert_true(PARSE(
		"move@/devices/vdpa0/virtio0/net/b\0DEVPATH_OLD=/devices/vdpa0/virtio0/net/a\0"
		"DEVTYPE=x\0SEQNUM=18446744073709551615",
		&buf, &ev));
	assert_string_equal(ev.devpath_old, "/devices/vdpa0/virtio0/net/a");
	assert_string_equal(ev.devtype, "x");
	assert_true(ev.seqnum == UINT64_MAX);
	free(buf);
}

static void test_odd(void **state)
{
	struct uevent ev;
	char *buf;

	(void)state;
	/* The first of each counts, names that begin alike do not, the last needs no end. */
	assert_true(
		PARSE("add@/a@b\0\0\0DRIVERS=x\0DRIVER=\0DRIVER=y\0SEQNUM=-1\0SEQNUM=7\0SEQNUM=8\0"
		      "DEVPATH_OLD=relative\0SUBSYSTEM=v",
		      &buf, &ev));
	assert_string_equal(ev.devpath, "/a@b");
	assert_string_equal(ev.driver, "");
	assert_string_equal(ev.subsystem, "v");
	assert_null(ev.devpath_old);
	assert_int_equal(ev.seqnum, 7);
	free(buf);
	assert_true(PARSE("add@/x\0SEQNUM=18446744073709551616\0\xff\xfe=\x01\0=\0", &buf, &ev));
	assert_int_equal(ev.seqnum, 0);
	assert_null(ev.subsystem);
	free(buf);
}

static void test_none(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "\0", 1 },
		{ "add", 3 },
		{ "@/devices", 9 },
		{ "add@", 4 },
		{ "add@devices", 11 },
		{ "add@\0/x", 7 },
		{ "add\0@/x", 7 },
		{ "libudev\0\xfe\xed\xca\xfe", 12 },
		{ "\0add@/x", 7 },
		{ "add@\0SEQNUM", 11 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct uevent ev;
		char *buf;

		assert_false(parse(bad[i].text, bad[i].len, &buf, &ev));
		free(buf);
	}
}

/* ---- who may send them ---- */

struct header {
	struct sockaddr_nl from;
	struct msghdr mh;
	union {
		char space[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
};

static struct msghdr *header_of(struct header *h, pid_t pid, uid_t uid)
{
	struct ucred cred = { .pid = pid, .uid = uid };
	struct cmsghdr *c;

	*h = (struct header){ .from = { .nl_family = AF_NETLINK, .nl_groups = 1 } };
	h->mh.msg_name = &h->from;
	h->mh.msg_namelen = sizeof(h->from);
	h->mh.msg_control = &h->control;
	h->mh.msg_controllen = sizeof(h->control);
	c = CMSG_FIRSTHDR(&h->mh);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(cred));
	memcpy(CMSG_DATA(c), &cred, sizeof(cred));
	return &h->mh;
}

static struct msghdr *header(struct header *h, uid_t uid)
{
	return header_of(h, 1234, uid);
}

static void test_sender(void **state)
{
	struct header h;

	(void)state;
	assert_true(uevent_is_kernels(header(&h, 0)));
	assert_false(uevent_is_kernels(header(&h, 1000)));
	/* the kernel's, as a user namespace without root sees it */
	assert_true(uevent_is_kernels(header_of(&h, 0, 65534)));
	assert_false(uevent_is_kernels(header_of(&h, 1, 65534)));
	header(&h, 0);
	h.from.nl_pid = 1;
	assert_false(uevent_is_kernels(&h.mh));
	header(&h, 0);
	h.from.nl_groups = 2; /* udevd's */
	assert_false(uevent_is_kernels(&h.mh));
	header(&h, 0);
	h.from.nl_groups = 0; /* to this socket alone */
	assert_false(uevent_is_kernels(&h.mh));
	header(&h, 0);
	h.mh.msg_controllen = 0;
	assert_false(uevent_is_kernels(&h.mh));
	header(&h, 0);
	h.mh.msg_namelen = 0;
	assert_false(uevent_is_kernels(&h.mh));
	header(&h, 0);
	CMSG_FIRSTHDR(&h.mh)->cmsg_len = CMSG_LEN(1);
	assert_false(uevent_is_kernels(&h.mh));
}

/* The real socket: opens for anyone, and does not take what another process sends to it. */
static void test_socket(void **state)
{
	static const char text[] = "add@/devices/forged\0SUBSYSTEM=vdpa\0SEQNUM=1";
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(to);
	char buf[UEVENT_MAX + 1];
	int fd = uevent_open(), other;
	ssize_t n;

	(void)state;
	if (fd == -EPERM || fd == -EACCES || fd == -EPROTONOSUPPORT || fd == -EAFNOSUPPORT)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(uevent_set_buffer(fd, 1024 * 1024), 0);
	assert_int_equal(uevent_set_buffer(fd, SIZE_MAX), 0);
	other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	assert_true(other >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	to.nl_groups = 0;
	n = sendto(other, text, sizeof(text), 0, (struct sockaddr *)&to, sizeof(to));
	if (n < 0) /* only root may */
		assert_int_equal(errno, EPERM);
	/* The machine itself may have something to say. */
	for (int i = 0; i < 1000 && (n = uevent_recv(fd, buf, UEVENT_MAX)) > 0; i++)
		assert_memory_not_equal(buf, text, sizeof("add@/devices/forged"));
	assert_int_equal(n, -EAGAIN);
	close(other);
	close(fd);
	assert_int_equal(uevent_recv(-1, buf, UEVENT_MAX), -EBADF);
	assert_int_equal(uevent_set_buffer(-1, 4096), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),  cmocka_unit_test(test_odd),
		cmocka_unit_test(test_none),   cmocka_unit_test(test_sender),
		cmocka_unit_test(test_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
