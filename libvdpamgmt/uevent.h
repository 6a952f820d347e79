/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's uevents: "ACTION@DEVPATH", then KEY=VALUE, each ended by a NUL.
 *
 *   uevent.c         what a message says
 *   uevent_socket.c  where messages come from
 */
#ifndef LIBVDPAMGMT_UEVENT_H
#define LIBVDPAMGMT_UEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The kernel's own buffer has 2 KiB for the values and less than a path for the first string. */
#define UEVENT_MAX 8192

/* What a message says; the strings are in it, and NULL when it does not. */
struct uevent {
	const char *action; /* never NULL */
	const char *devpath; /* below sysfs's mount point, never NULL, begins with '/' */
	const char *devpath_old; /* of a "move" */
	const char *subsystem;
	const char *devtype;
	const char *driver;
	uint64_t seqnum; /* 0 when it does not say */
	bool synthetic; /* somebody asked for it (udevadm trigger), nothing happened */
};

/*
 * uevent_parse: reads the len octets at buf, behind which there must be room
 * for one more.  false when they are no uevent.
 */
bool uevent_parse(char *buf, size_t len, struct uevent *ev);

/* ---- uevent_socket.c (alone there, so that tests can bring their own) ---- */

/*
 * uevent_open: a socket that gets the kernel's uevents from now on; it does
 * not block.  Returns the descriptor or -errno.
 * uevent_set_buffer: how many octets the kernel may keep for it; without
 * CAP_NET_ADMIN no more than net.core.rmem_max.
 * uevent_recv: one message's length, with its text in buf; what someone else
 * than the kernel sent, or does not fit, is passed over.  -EAGAIN: there is none
 * now.  -ENOBUFS: some were lost.
 */
int uevent_open(void);
int uevent_set_buffer(int fd, size_t octets);
ssize_t uevent_recv(int fd, char *buf, size_t size);

/* Did the kernel send the message with this header? */
bool uevent_is_kernels(struct msghdr *mh);

#endif
