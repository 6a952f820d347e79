/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving devices to the drivers of the vdpa bus, through sysfs: unlike a
 * request by netlink this holds no lock but the device's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sysdev.h"
#include "sysfs.h"

static int fail_memory(struct vdpa_ctx *ctx)
{
	return ctx_fail(ctx, ENOMEM, "out of memory");
}

/* 0 or -errno, nothing recorded. */
static int write_file(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int write_at(struct vdpa_ctx *ctx, const char *dir, const char *file, const char *text)
{
	CLEANUP_FREE char *path = format_string("%s/%s", dir, file);
	int r = path ? write_file(path, text) : -ENOMEM;

	if (r < 0) {
		ctx_fail(ctx, -r, "can't write \"%s\" to %s/%s: %s", strcmp(text, "\n") ? text : "",
			 dir, file, strerrordesc_np(-r));
		if (r == -EACCES || r == -EPERM)
			ctx_hint(ctx, "drivers are bound by root");
	}
	return r;
}

static int fail_no_driver(struct vdpa_ctx *ctx, const char *name, const char *driver)
{
	ctx_fail(ctx, EOPNOTSUPP, "can't bind device \"%s\": the vdpa bus has no driver \"%s\"",
		 name, driver);
	ctx_hint(ctx, "load it: `modprobe %s`", driver);
	return -EOPNOTSUPP;
}

/* The directory of the driver, the caller's; NULL with the failure in *r. */
static char *driver_dir(struct vdpa_ctx *ctx, const char *name, const char *driver, int *r)
{
	char *dir = NULL;

	*r = 0;
	if (is_file_name(driver)) {
		dir = format_string("%s/bus/vdpa/drivers/%s", ctx->sys, driver);
		if (!dir)
			*r = fail_memory(ctx);
		else if (access(dir, F_OK) == 0)
			return dir;
	}
	if (*r == 0)
		*r = fail_no_driver(ctx, name, driver);
	free(dir);
	return NULL;
}

static int unbind(struct vdpa_ctx *ctx, const char *name, const char *driver)
{
	CLEANUP_FREE char *dir = NULL;
	int r;

	dir = driver_dir(ctx, name, driver, &r);
	return dir ? write_at(ctx, dir, "unbind", name) : r;
}

int vdpa_dev_unbind(struct vdpa_ctx *ctx, const char *name, unsigned int flags)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	int r = ctx_check_flags(ctx, flags, VDPA_FORCE | VDPA_SERVED);

	if (r == 0)
		r = vdpa_sysdev_get(ctx, name, &s);
	if (r < 0 || !s->driver)
		return r;
	if (!(flags & VDPA_FORCE))
		r = guard_del(ctx, name, flags);
	return r < 0 ? r : unbind(ctx, name, s->driver);
}

/* Kernels before 5.17 have no driver_override; there only `bind` decides. */
static int set_override(struct vdpa_ctx *ctx, const struct vdpa_sysdev *s, const char *driver)
{
	CLEANUP_FREE char *path = format_string("%s/driver_override", s->path);

	if (!path)
		return fail_memory(ctx);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return write_at(ctx, s->path, "driver_override", driver);
}

static int bind_to(struct vdpa_ctx *ctx, const char *name, const char *dir, const char *driver)
{
	CLEANUP_FREE char *path = format_string("%s/bind", dir);
	int r = path ? write_file(path, name) : -ENOMEM;

	if (r == 0)
		return 0;
	ctx_fail(ctx, -r, "can't bind device \"%s\" to %s: %s", name, driver, strerrordesc_np(-r));
	if (r == -EACCES || r == -EPERM)
		ctx_hint(ctx, "drivers are bound by root");
	else
		ctx_hint(ctx, "the kernel log tells more");
	return r;
}

/* Now, and not when s was read; driver NULL: is it bound to none? */
static bool has_driver(const struct vdpa_sysdev *s, const char *driver)
{
	CLEANUP_FREE char *is = sysfs_link_at(s->path, "driver");

	if (!is)
		return !driver && errno != ENOMEM;
	return driver && strcmp(is, driver) == 0;
}

/* The attempt to give it another driver failed: what s was. */
static void bind_back(struct vdpa_ctx *ctx, const struct vdpa_sysdev *s)
{
	CLEANUP_FREE char *dir = NULL;
	int r;

	if (s->driver && has_driver(s, NULL))
		dir = driver_dir(ctx, s->name, s->driver, &r);
	/* Only the driver that it names gets a device with an override. */
	if (dir && set_override(ctx, s, s->driver) == 0)
		(void)bind_to(ctx, s->name, dir, s->driver);
	(void)set_override(ctx, s, s->driver_override ? s->driver_override : "\n");
}

int vdpa_dev_bind(struct vdpa_ctx *ctx, const char *name, const char *driver, unsigned int flags)
{
	CLEANUP(cleanup_vdpa_error_unref_cb) struct vdpa_error *err = NULL;
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	CLEANUP_FREE char *dir = NULL;
	int r = ctx_check_flags(ctx, flags, VDPA_FORCE | VDPA_SERVED);

	if (r == 0)
		r = vdpa_sysdev_get(ctx, name, &s);
	if (r < 0 || (s->driver && strcmp(s->driver, driver) == 0))
		return r;
	dir = driver_dir(ctx, name, driver, &r);
	if (!dir)
		return r;
	if (s->driver && !(flags & VDPA_FORCE))
		r = guard_del(ctx, name, flags);
	if (r == 0 && strcmp(driver, "virtio_vdpa") == 0 && !(flags & (VDPA_FORCE | VDPA_SERVED)))
		r = guard_probe(ctx, name, s->path);
	if (r == 0)
		r = set_override(ctx, s, driver);
	if (r < 0)
		return r;
	if (s->driver)
		r = unbind(ctx, name, s->driver);
	/* Somebody else took it away meanwhile. */
	if (r == 0 || r == -ENODEV)
		r = bind_to(ctx, name, dir, driver);
	if (r == 0 || has_driver(s, driver))
		return 0;
	err = vdpa_error_ref(ctx->error);
	bind_back(ctx, s);
	return ctx_set_error(ctx, TAKE(err));
}

/* ---- what becomes of new devices ---- */

int vdpa_autoprobe_get(struct vdpa_ctx *ctx, bool *on)
{
	CLEANUP_FREE char *path = format_string("%s/bus/vdpa/drivers_autoprobe", ctx->sys);
	CLEANUP_FREE char *text = path ? sysfs_read(path) : NULL;

	if (!path)
		return fail_memory(ctx);
	if (!text)
		return ctx_fail(ctx, errno, "can't read %s: %s", path, strerrordesc_np(errno));
	*on = strcmp(text, "0") != 0;
	return 0;
}

int vdpa_autoprobe_set(struct vdpa_ctx *ctx, bool on)
{
	CLEANUP_FREE char *bus = format_string("%s/bus/vdpa", ctx->sys);

	if (!bus)
		return fail_memory(ctx);
	return write_at(ctx, bus, "drivers_autoprobe", on ? "1" : "0");
}
