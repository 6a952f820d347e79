/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any octets for uevents: datagrams, each behind its length (two octets, low first). */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "libvdpamgmt/internal.h"
#include "libvdpamgmt/sysdev.h"
#include "libvdpamgmt/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t left;

int uevent_open(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int uevent_set_buffer(int fd, size_t octets)
{
	(void)fd;
	(void)octets;
	return 0;
}

/* The longest length stands for lost datagrams. */
ssize_t uevent_recv(int fd, char *buf, size_t size)
{
	size_t n;

	(void)fd;
	if (left < 2)
		return -EAGAIN;
	n = input[0] | (size_t)input[1] << 8;
	input += 2;
	left -= 2;
	if (n == 0xffff)
		return -ENOBUFS;
	if (n > left)
		n = left;
	if (n > size)
		n = size;
	memcpy(buf, input, n);
	input += n;
	left -= n;
	return (ssize_t)n;
}

/* No interface of this machine is asked. */
bool netdev_bus_info(const char *ifname, char bus_info[BUS_INFO_LEN])
{
	(void)ifname;
	(void)bus_info;
	return false;
}

static void look_at(const struct vdpa_event *e)
{
	enum vdpa_event_type type = vdpa_event_get_type(e);
	unsigned int subject = vdpa_event_get_subject(e);
	const char *dev = vdpa_event_get_dev(e), *node = vdpa_event_get_node(e);

	if (!vdpa_event_type_name(type) || (!subject) != (type == VDPA_EVENT_RESYNC))
		abort();
	if (subject & (VDPA_MONITOR_DEV | VDPA_MONITOR_DRIVER) && (!dev || !*dev || node))
		abort();
	if ((dev && strchr(dev, '/')) || (node && strchr(node, '/')))
		abort();
	if (subject != VDPA_MONITOR_DRIVER && vdpa_event_get_driver(e))
		abort();
	if (vdpa_event_get_old_node(e) && type != VDPA_EVENT_MOVE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vdpa_monitor *m = NULL;
	struct vdpa_ctx *ctx;
	struct vdpa_event *e;

	input = data;
	left = size;
	if (vdpa_ctx_new(&ctx) < 0 || vdpa_ctx_set_roots(ctx, "/nonexistent", NULL, NULL) < 0 ||
	    vdpa_monitor_new(ctx, VDPA_MONITOR_ALL, &m) < 0)
		abort();
	while (vdpa_monitor_next(m, &e) > 0) {
		look_at(e);
		vdpa_event_unref(e);
	}
	if (left >= 2)
		abort();
	vdpa_monitor_unref(m);
	vdpa_ctx_unref(ctx);
	return 0;
}
