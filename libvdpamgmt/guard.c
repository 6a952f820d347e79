/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that the kernel takes and that then hurt the host.  What can't be
 * seen is not refused: the kernel has the last word.
 *
 * Adding.  Some parents touch the hardware before the kernel looks whether the
 * name is taken.  ifcvf, vp_vdpa and octeon don't count their devices: a
 * second one drives the same function, and on vp_vdpa even an addition that
 * fails takes over the parent's only pointer to its device, so that deleting
 * both dereferences NULL with the locks of all generic netlink held.
 *
 * Deleting.  vhost_vdpa waits, not killable and with those locks held, until
 * its char device is closed.  virtio_vdpa resets the device, which for VDUSE
 * means a message to a daemon and a wait for its answer.
 */
#include <errno.h>
#include <string.h>

#include "common/strbuf.h"
#include "sysdev.h"
#include "sysfs.h"

/* ---- adding ---- */

/* The kernel replaces '/' in the name of a device. */
static char *bus_link(struct vdpa_ctx *ctx, const char *name)
{
	char *path = format_string("%s/bus/vdpa/devices/%s", ctx->sys, name);

	if (path) {
		for (char *p = path + strlen(path) - strlen(name); *p; p++) {
			if (*p == '/')
				*p = '!';
		}
	}
	return path;
}

static bool name_exists(struct vdpa_ctx *ctx, const char *name)
{
	CLEANUP_FREE char *link = NULL;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	link = bus_link(ctx, name);
	return link && access(link, F_OK) == 0;
}

/* The name of a vdpa device right below the parent device, the caller's, or NULL. */
static char *child_of(struct vdpa_ctx *ctx, const char *bus, const char *name)
{
	CLEANUP_FREE char *dir = format_string("%s/bus/%s/devices/%s", ctx->sys, bus, name);
	CLEANUP_CLOSEDIR DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *e;

	while (d && (e = next_entry(d))) {
		CLEANUP_FREE char *child = NULL;

		if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
			continue;
		child = format_string("%s/%s", dir, e->d_name);
		if (child && sysfs_has_subsystem(child, "vdpa"))
			return strdup(e->d_name);
	}
	return NULL;
}

int guard_add(struct vdpa_ctx *ctx, const struct vdpa_spec *spec)
{
	const struct parent_info *info;
	CLEANUP_FREE char *child = NULL;
	CLEANUP_FREE char *bus = NULL;
	const char *slash;

	if (spec->name && name_exists(ctx, spec->name))
		return ctx_fail(ctx, EEXIST, "device \"%s\" exists already", spec->name);
	slash = spec->mgmtdev ? strchr(spec->mgmtdev, '/') : NULL;
	info = slash ? parent_lookup(ctx, spec->mgmtdev) : NULL;
	if (!info || !info->unchecked)
		return 0;
	bus = strndup(spec->mgmtdev, (size_t)(slash - spec->mgmtdev));
	child = bus ? child_of(ctx, bus, slash + 1) : NULL;
	if (!child)
		return 0;
	ctx_fail(ctx, EBUSY, "busy: %s has device \"%s\" already, and %s would drive it twice",
		 spec->mgmtdev, child, info->driver);
	ctx_hint(ctx, "delete \"%s\" first; force adds the second one all the same", child);
	return -EBUSY;
}

/* ---- deleting ---- */

#define FORCE_WAITS "with force the kernel waits, and every other vdpa request on this host with it"

static int fail_open(struct vdpa_ctx *ctx, const struct vdpa_sysdev *s,
		     const struct vdpa_user_list *users)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	size_t n = vdpa_user_list_get_size(users);

	for (size_t i = 0; i < n; i++)
		strbuf_addf(&sb, "%s%d (%s)", i ? ", " : "", (int)vdpa_user_list_get_pid(users, i),
			    vdpa_user_list_get_comm(users, i));
	ctx_fail(ctx, EBUSY, "busy: %s is open in %s", s->chardev, sb.failed ? "a process" : sb.s);
	ctx_hint(ctx, "end %s first; " FORCE_WAITS, n == 1 ? "that process" : "those processes");
	return -EBUSY;
}

static int guard_vhost(struct vdpa_ctx *ctx, const char *name)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	bool hidden;

	if (!vhost_vdpa_in_use(ctx))
		return 0;
	if (vdpa_sysdev_get(ctx, name, &s) < 0 || !s->chardev)
		return 0;
	if (find_users(ctx, s->number, false, &users, &hidden) < 0)
		return 0;
	return vdpa_user_list_get_size(users) ? fail_open(ctx, s, users) : 0;
}

static int fail_unserved(struct vdpa_ctx *ctx, const char *vduse, const char *name)
{
	CLEANUP_FREE char *timeout = sysfs_read_at(vduse, "msg_timeout");
	CLEANUP_FREE char *wait = NULL;

	if (timeout && strcmp(timeout, "0") != 0)
		wait = format_string("%s s, and without end with I/O in flight", timeout);
	ctx_fail(ctx, EBUSY, "busy: no daemon serves VDUSE device \"%s\": the kernel would wait %s",
		 name, wait ? wait : "without end");
	ctx_hint(ctx, "start its daemon again; " FORCE_WAITS);
	return -EBUSY;
}

/* Is a virtio driver bound below path?  Without one, nothing is sent to the VDUSE daemon. */
static bool has_virtio_driver(struct vdpa_ctx *ctx, const char *name, const char *path)
{
	CLEANUP_FREE char *virtio = NULL;
	CLEANUP_FREE char *driver = NULL;

	if (find_virtio(ctx, name, path, &virtio) < 0 || !virtio)
		return false;
	driver = sysfs_link_at(virtio, "driver");
	return driver;
}

static int guard_virtio(struct vdpa_ctx *ctx, const char *name, const char *link)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	CLEANUP_FREE char *path = realpath(link, NULL);
	CLEANUP_FREE char *vduse = path ? sysfs_parent(path) : NULL;
	bool hidden;
	dev_t number;

	if (!vduse || !sysfs_has_subsystem(vduse, "vduse"))
		return 0;
	if (!has_virtio_driver(ctx, name, path) || sysfs_read_dev(vduse, &number) < 0)
		return 0;
	if (find_users(ctx, number, true, &users, &hidden) < 0)
		return 0;
	if (vdpa_user_list_get_size(users) || hidden)
		return 0;
	return fail_unserved(ctx, vduse, name);
}

int guard_del(struct vdpa_ctx *ctx, const char *name)
{
	CLEANUP_FREE char *driver = NULL;
	CLEANUP_FREE char *link = NULL;

	if (!is_file_name(name))
		return 0;
	link = bus_link(ctx, name);
	driver = link ? sysfs_link_at(link, "driver") : NULL;
	if (!driver)
		return 0;
	if (strcmp(driver, "vhost_vdpa") == 0)
		return guard_vhost(ctx, name);
	if (strcmp(driver, "virtio_vdpa") == 0)
		return guard_virtio(ctx, name, link);
	return 0;
}
