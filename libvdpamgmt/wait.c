/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting until a device, or what its driver makes of it, is there. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sysdev.h"

#define POLL_MS 10

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
	return s->node && access(s->node, F_OK) == 0;
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

int vdpa_dev_wait(struct vdpa_ctx *ctx, const char *name, enum vdpa_condition condition,
		  int timeout_ms, struct vdpa_sysdev **sysdev)
{
	const struct timespec nap = { .tv_nsec = POLL_MS * 1000000 };
	int64_t end = now_ms() + timeout_ms;

	if (!vdpa_condition_name(condition))
		return ctx_fail(ctx, EINVAL, "%d is no condition to wait for", (int)condition);
	for (bool first = true;; first = false) {
		CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
		int r = look(ctx, name, condition, first, &s);

		if (r > 0 && sysdev)
			*sysdev = condition == VDPA_WAIT_ABSENT ? NULL : TAKE(s);
		if (r)
			return r < 0 ? r : 0;
		if (now_ms() >= end)
			return fail_timeout(ctx, name, condition, s, timeout_ms);
		nanosleep(&nap, NULL);
	}
}
