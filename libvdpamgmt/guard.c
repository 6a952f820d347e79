/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that the kernel takes and that then hurt the host.  What can't be
 * seen is not refused: the kernel has the last word.  (A lack of memory is no
 * such case: it fails.)
 *
 * Adding.  Some parents touch the hardware before the kernel looks whether the
 * name is taken.  ifcvf, vp_vdpa and octeon don't count their devices: a
 * second one drives the same function, and on vp_vdpa even an addition that
 * fails takes over the parent's only pointer to its device, so that deleting
 * both dereferences NULL with the locks of all generic netlink held.
 *
 * Deleting, and unbinding.  vhost_vdpa waits, not killable and with those locks held, until
 * its char device is closed.  virtio_vdpa resets the device, which for VDUSE
 * means a message to a daemon and a wait for its answer.
 */
#include <errno.h>
#include <string.h>

#include "common/strbuf.h"
#include "sysdev.h"
#include "sysfs.h"

static int fail_memory(struct vdpa_ctx *ctx)
{
	return ctx_fail(ctx, ENOMEM, "out of memory");
}

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

static int check_name(struct vdpa_ctx *ctx, const char *name)
{
	CLEANUP_FREE char *link = NULL;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	link = bus_link(ctx, name);
	if (!link)
		return fail_memory(ctx);
	if (access(link, F_OK) == 0)
		return ctx_fail(ctx, EEXIST, "device \"%s\" exists already", name);
	return 0;
}

/* The handle's parent must have no device yet when it doesn't check that itself. */
static int check_parent(struct vdpa_ctx *ctx, const char *handle)
{
	const char *slash = strchr(handle, '/');
	const struct parent_info *info = slash ? parent_lookup(ctx, handle) : NULL;
	CLEANUP_FREE char *child = NULL;
	CLEANUP_FREE char *dir = NULL;

	if (!info || !info->unchecked)
		return 0;
	dir = format_string("%s/bus/%.*s/devices/%s", ctx->sys, (int)(slash - handle), handle,
			    slash + 1);
	child = dir ? sysdev_child(dir) : NULL;
	if (!child)
		return errno == ENOMEM ? fail_memory(ctx) : 0;
	ctx_fail(ctx, EBUSY, "busy: %s has device \"%s\" already, and %s would drive it twice",
		 handle, child, info->driver);
	ctx_hint(ctx, "delete \"%s\" first; force adds the second one all the same", child);
	return -EBUSY;
}

int guard_add(struct vdpa_ctx *ctx, const struct vdpa_spec *spec)
{
	int r = spec->name ? check_name(ctx, spec->name) : 0;

	if (r == 0 && spec->mgmtdev)
		r = check_parent(ctx, spec->mgmtdev);
	return r;
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

#define CAP_NET_ADMIN_BIT 12

/* false when the kernel is going to refuse anyway, with a better reason. */
static bool may_delete(struct vdpa_ctx *ctx)
{
	CLEANUP_FREE char *path = format_string("%s/self/status", ctx->proc);
	CLEANUP_FCLOSE FILE *f = path ? fopen(path, "re") : NULL;
	unsigned long long caps;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			return caps >> CAP_NET_ADMIN_BIT & 1;
	}
	return true;
}

/* Some vhost-vdpa device is in use, by a process that this one can't see. */
static int fail_hidden(struct vdpa_ctx *ctx, const struct vdpa_sysdev *s)
{
	ctx_fail(
		ctx, EBUSY,
		"busy: %s may be open in a process that can't be seen from here (another PID namespace, or no right to look)",
		s->chardev);
	ctx_hint(ctx, "look from the host's PID namespace; " FORCE_WAITS);
	return -EBUSY;
}

bool guard_look_begin(struct vdpa_ctx *ctx, struct guard_look *look, size_t most)
{
	*look = (struct guard_look){ 0 };
	if (vhost_vdpa_in_use(ctx))
		look->devs = calloc(most, sizeof(struct vdpa_sysdev *));
	return look->devs;
}

void guard_look_add(struct vdpa_ctx *ctx, struct guard_look *look, const char *name)
{
	if (vdpa_sysdev_get(ctx, name, &look->devs[look->n]) == 0)
		look->n++;
}

/* What fails here is found one by one. */
void guard_look_end(struct vdpa_ctx *ctx, struct guard_look *look)
{
	(void)!vdpa_user_list_devs(ctx, look->devs, look->n, &look->users);
}

void guard_look_free(struct guard_look *look)
{
	for (size_t i = 0; i < look->n; i++)
		vdpa_sysdev_unref(look->devs[i]);
	free(look->devs);
	vdpa_user_list_unref(look->users);
}

/* The device when it was looked for and nobody was seen to have it open, or NULL. */
static const struct vdpa_sysdev *seen_unused(const struct guard_look *look, const char *name)
{
	if (!look || !look->users)
		return NULL;
	for (size_t i = 0; i < vdpa_user_list_get_size(look->users); i++) {
		if (!strcmp(vdpa_user_list_get_dev(look->users, i), name))
			return NULL;
	}
	for (size_t i = 0; i < look->n; i++) {
		if (!strcmp(look->devs[i]->name, name))
			return look->devs[i];
	}
	return NULL;
}

static int guard_vhost(struct vdpa_ctx *ctx, const char *name)
{
	const struct vdpa_sysdev *unused;
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	int r;

	if (!vhost_vdpa_in_use(ctx))
		return 0;
	unused = seen_unused(ctx->look, name);
	if (unused)
		return unused->chardev && !vdpa_user_list_is_complete(ctx->look->users) &&
				       may_delete(ctx) ?
			       fail_hidden(ctx, unused) :
			       0;
	r = vdpa_sysdev_get(ctx, name, &s);
	if (r == 0 && s->chardev)
		r = find_users(ctx, s->number, false, &users);
	if (users && vdpa_user_list_get_size(users))
		return fail_open(ctx, s, users);
	if (users && !vdpa_user_list_is_complete(users) && may_delete(ctx))
		return fail_hidden(ctx, s);
	return r == -ENOMEM ? r : 0;
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

/*
 * 1 when a virtio driver is bound below path, 0 when not: then nothing is sent
 * to the VDUSE daemon.
 */
static int has_virtio_driver(struct vdpa_ctx *ctx, const char *name, const char *path)
{
	CLEANUP_FREE char *virtio = NULL;
	CLEANUP_FREE char *driver = NULL;
	int r;

	r = find_virtio(ctx, name, path, &virtio);
	if (r < 0 || !virtio)
		return r;
	driver = sysfs_link_at(virtio, "driver");
	if (!driver && errno == ENOMEM)
		return -ENOMEM;
	return driver ? 1 : 0;
}

/* A message to the daemon of VDUSE device vduse must find a reader. */
static int check_served(struct vdpa_ctx *ctx, const char *name, const char *vduse)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	dev_t number;
	int r;

	r = sysfs_read_dev(vduse, &number);
	if (r == 0)
		r = find_users(ctx, number, true, &users);
	if (r < 0)
		return r == -ENOMEM ? fail_memory(ctx) : 0;
	if (vdpa_user_list_get_size(users) || !vdpa_user_list_is_complete(users))
		return 0;
	return fail_unserved(ctx, vduse, name);
}

/* The VDUSE device that the vdpa device at path belongs to, the caller's; NULL with *r. */
static char *vduse_of(struct vdpa_ctx *ctx, const char *path, int *r)
{
	CLEANUP_FREE char *vduse = path ? sysfs_parent(path) : NULL;

	*r = 0;
	if (vduse && sysfs_has_subsystem(vduse, "vduse"))
		return TAKE(vduse);
	if (errno == ENOMEM)
		*r = fail_memory(ctx);
	return NULL;
}

static int guard_virtio(struct vdpa_ctx *ctx, const char *name, const char *link,
			unsigned int flags)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE char *vduse = NULL;
	int r;

	if (flags & VDPA_SERVED)
		return 0;
	path = realpath(link, NULL);
	vduse = vduse_of(ctx, path, &r);
	if (!vduse)
		return r;
	r = has_virtio_driver(ctx, name, path);
	if (r < 0)
		return fail_memory(ctx);
	return r ? check_served(ctx, name, vduse) : 0;
}

int guard_probe(struct vdpa_ctx *ctx, const char *name, const char *path)
{
	CLEANUP_FREE char *vduse = NULL;
	int r;

	vduse = vduse_of(ctx, path, &r);
	return vduse ? check_served(ctx, name, vduse) : r;
}

int guard_del(struct vdpa_ctx *ctx, const char *name, unsigned int flags)
{
	CLEANUP_FREE char *driver = NULL;
	CLEANUP_FREE char *link = NULL;

	if (!is_file_name(name))
		return 0;
	link = bus_link(ctx, name);
	driver = link ? sysfs_link_at(link, "driver") : NULL;
	if (!driver)
		return errno == ENOMEM ? fail_memory(ctx) : 0;
	if (strcmp(driver, "vhost_vdpa") == 0)
		return guard_vhost(ctx, name);
	if (strcmp(driver, "virtio_vdpa") == 0)
		return guard_virtio(ctx, name, link, flags);
	return 0;
}
