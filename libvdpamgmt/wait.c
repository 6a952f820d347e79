/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting until a device, or what its driver makes of it, is there.
 *
 * The kernel's uevents say when to look again.  They are a help and no more:
 * in some containers none arrive, some can be lost, and the node in /dev may come
 * after its event.  So after each there are looks at growing intervals, and
 * one a second in any case.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sysdev.h"
#include "uevent.h"

#define NAP_FIRST_MS 10
#define NAP_MAX_MS 1000
/* Without uevents. */
#define NAP_BLIND_MS 50
/* A storm of events of others does not keep us from looking. */
#define DRAIN_MAX 1000

static const char *const names[] = {
	[VDPA_WAIT_USABLE] = "usable", [VDPA_WAIT_PRESENT] = "present",
	[VDPA_WAIT_BOUND] = "bound",   [VDPA_WAIT_CHARDEV] = "chardev",
	[VDPA_WAIT_NETDEV] = "netdev", [VDPA_WAIT_BLOCKDEV] = "blockdev",
	[VDPA_WAIT_ABSENT] = "absent",
};

const char *vdpa_condition_name(enum vdpa_condition condition)
{
	return (size_t)condition < sizeof(names) / sizeof(*names) ? names[condition] : NULL;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* devtmpfs makes a node after sysfs has its device. */
static bool has_node(const struct vdpa_sysdev *s)
{
	struct stat st;

	/* access() asks the device cgroup, too: a service that may not open the node would never see it. */
	return s->node && stat(s->node, &st) == 0;
}

static bool holds(const struct vdpa_sysdev *s, enum vdpa_condition condition)
{
	switch (condition) {
	case VDPA_WAIT_PRESENT:
		return true;
	case VDPA_WAIT_BOUND:
		return s->driver;
	case VDPA_WAIT_CHARDEV:
		return s->chardev && has_node(s);
	case VDPA_WAIT_NETDEV:
		return s->netdev;
	case VDPA_WAIT_BLOCKDEV:
		return s->blockdev && has_node(s);
	case VDPA_WAIT_USABLE:
		return s->netdev || has_node(s);
	case VDPA_WAIT_ABSENT:
	case VDPA_WAIT_RESERVED:
		break;
	}
	return false;
}

/* Why there is no node, interface or disk. */
static int fail_usable(struct vdpa_ctx *ctx, const char *name, const struct vdpa_sysdev *s, int ms)
{
	bool vhost = strcmp(s->driver, "vhost_vdpa") == 0;

	ctx_fail(ctx, ETIMEDOUT, "%s made no %s of device \"%s\" within %d ms", s->driver,
		 vhost	   ? "char device" :
		 s->virtio ? "disk or interface" :
			     "virtio device",
		 name, ms);
	if (!vhost && s->virtio)
		ctx_hint(
			ctx,
			"is the driver of %s loaded (virtio_blk, virtio_net)? The kernel log tells more",
			s->virtio);
	return -ETIMEDOUT;
}

/* s: the device as it was seen last, or NULL. */
static int fail_timeout(struct vdpa_ctx *ctx, const char *name, enum vdpa_condition condition,
			const struct vdpa_sysdev *s, int ms)
{
	if (condition == VDPA_WAIT_USABLE && s && s->driver)
		return fail_usable(ctx, name, s, ms);
	ctx_fail(ctx, ETIMEDOUT, "device \"%s\" is not %s after %d ms", name, names[condition], ms);
	if (condition == VDPA_WAIT_ABSENT || condition == VDPA_WAIT_PRESENT || !s)
		return -ETIMEDOUT;
	if (s->driver)
		ctx_hint(ctx, "it is bound to %s", s->driver);
	else
		ctx_hint(ctx, "it is bound to no driver");
	return -ETIMEDOUT;
}

/* 1: it is so. 0: not yet. */
static int look(struct vdpa_ctx *ctx, const char *name, enum vdpa_condition condition, bool first,
		struct vdpa_sysdev **sysdev)
{
	int r = vdpa_sysdev_get(ctx, name, sysdev);

	if (r == -ENODEV && condition == VDPA_WAIT_ABSENT)
		return 1;
	if (r == -ENODEV && (condition == VDPA_WAIT_PRESENT || !first))
		return 0;
	if (r < 0)
		return r;
	if (condition == VDPA_WAIT_USABLE && !(*sysdev)->driver)
		return ctx_fail(ctx, EINVAL, "device \"%s\" is bound to no driver", name);
	return holds(*sysdev, condition);
}

/* When to look again. */
struct naps {
	int fd; /* of uevents; -1 without */
	int next_ms;
};

/* Could it be about a vDPA device, or what its driver made? */
static bool concerns(const struct uevent *u)
{
	static const char *const subsystems[] = { "vdpa", "virtio", "net", "block" };

	for (size_t i = 0; u->subsystem && i < sizeof(subsystems) / sizeof(*subsystems); i++) {
		if (strcmp(u->subsystem, subsystems[i]) == 0)
			return true;
	}
	return false;
}

/* Takes the uevents that are there; true when there is reason to look. */
static bool drain(struct naps *naps)
{
	char buf[UEVENT_MAX + 1];
	bool any = false;

	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = uevent_recv(naps->fd, buf, UEVENT_MAX);
		struct uevent u;

		if (n == -EAGAIN)
			break;
		if (n == -ENOBUFS)
			return true;
		/* It would be readable for ever. */
		if (n < 0)
			naps->fd = -1;
		if (n < 0)
			return true;
		any = any || (uevent_parse(buf, (size_t)n, &u) && concerns(&u));
	}
	return any;
}

/* Sleeps until there is reason to look again or end comes; 0 or -errno. */
static int sleep_until(struct naps *n, int64_t end)
{
	struct pollfd pfd = { .fd = n->fd, .events = POLLIN };
	int64_t now = now_ms(), wake = now + n->next_ms;
	bool any = false;

	if (wake > end)
		wake = end;
	while (!any && now < wake) {
		int r = poll(&pfd, 1, (int)(wake - now));

		if (r < 0)
			return -errno;
		any = r && drain(n);
		now = now_ms();
	}
	if (n->fd < 0)
		n->next_ms = NAP_BLIND_MS;
	else if (any)
		n->next_ms = NAP_FIRST_MS;
	else
		n->next_ms = n->next_ms < NAP_MAX_MS / 2 ? n->next_ms * 2 : NAP_MAX_MS;
	return 0;
}

/* The looks, until one is good, the last at the deadline. */
static int look_on(struct vdpa_ctx *ctx, const char *name, enum vdpa_condition condition,
		   int timeout_ms, struct naps *n, struct vdpa_sysdev **sysdev)
{
	int64_t end = now_ms() + timeout_ms;

	for (bool first = true;; first = false) {
		CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
		bool last = now_ms() >= end;
		int r = look(ctx, name, condition, first, &s);

		if (r > 0 && sysdev)
			*sysdev = condition == VDPA_WAIT_ABSENT ? NULL : TAKE(s);
		if (r)
			return r < 0 ? r : 0;
		if (last)
			return fail_timeout(ctx, name, condition, s, timeout_ms);
		r = sleep_until(n, end);
		if (r < 0)
			return ctx_fail(ctx, -r, "cannot wait for device \"%s\": %s", name,
					errno_text(-r));
	}
}

int vdpa_dev_wait(struct vdpa_ctx *ctx, const char *name, enum vdpa_condition condition,
		  int timeout_ms, struct vdpa_sysdev **sysdev)
{
	CLEANUP_CLOSE int fd = -1;
	struct naps naps = { .next_ms = NAP_FIRST_MS };

	if (!vdpa_condition_name(condition))
		return ctx_fail(ctx, EINVAL, "%d is no condition to wait for", (int)condition);
	/* Open before the first look, so that no event falls in between. */
	if (timeout_ms > 0)
		fd = uevent_open();
	naps.fd = fd;
	return look_on(ctx, name, condition, timeout_ms, &naps, sysdev);
}
