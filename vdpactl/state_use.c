// SPDX-License-Identifier: GPL-2.0-or-later
/* Is a device in use?  What a deletion or another driver would pull away from under somebody. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "state.h"
#include "vduse.h"

static bool is_up(const char *netdev)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_FCLOSE FILE *f = NULL;
	unsigned int flags;

	strbuf_addf(&path, "/sys/class/net/%s/flags", netdev);
	f = path.failed ? NULL : fopen(path.s, "re");
	return f && fscanf(f, "%x", &flags) == 1 && flags & IFF_UP;
}

/* Its driver is bound and made an interface, which this network namespace does not show. */
static bool is_elsewhere(const struct vdpa_sysdev *s)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	char target[256];
	ssize_t n;

	if (!vdpa_sysdev_get_virtio(s) || vdpa_sysdev_get_netdev(s))
		return false;
	strbuf_addf(&path, "/sys/bus/virtio/devices/%s/driver", vdpa_sysdev_get_virtio(s));
	n = path.failed ? -1 : readlink(path.s, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return n >= 10 && !strcmp(target + n - 10, "virtio_net");
}

/* Does a virtio device stand in the directory `up` from path? */
static bool holds_virtio(const char *path, const char *up)
{
	CLEANUP(strbuf_free) struct strbuf dir = STRBUF_INIT;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;

	strbuf_addf(&dir, "%s%s", path, up);
	d = dir.failed ? NULL : opendir(dir.s);
	while (d && (e = readdir(d))) {
		if (!strncmp(e->d_name, "virtio", 6) && e->d_name[6] >= '0' && e->d_name[6] <= '9')
			return true;
	}
	return false;
}

/*
 * Hardware has its virtio devices in one place with its siblings', and an interface in another
 * network namespace does not say whose it is.
 */
static bool is_untold(const struct vdpa_sysdev *s)
{
	const char *driver = vdpa_sysdev_get_driver(s), *bus = vdpa_sysdev_get_parent_bus(s);
	const char *path = vdpa_sysdev_get_path(s);

	if (!driver || strcmp(driver, "virtio_vdpa") || vdpa_sysdev_get_virtio(s) || !bus)
		return false;
	return holds_virtio(path, "/..") ||
	       (!strcmp(bus, "auxiliary") && holds_virtio(path, "/../.."));
}

static enum status check(struct app *app, const char *name, const struct vdpa_sysdev *s, bool force)
{
	if (vdpa_sysdev_get_blockdev(s))
		return vduse_check_unused(app, name, s);
	if (force)
		return ST_OK;
	if (vdpa_sysdev_get_netdev(s) && is_up(vdpa_sysdev_get_netdev(s)))
		return diag_fail(app, name, EBUSY, "set it down first, or use \"force\"",
				 "busy: interface %s of \"%s\" is up", vdpa_sysdev_get_netdev(s),
				 name);
	if (is_elsewhere(s))
		return diag_fail(app, name, EBUSY, "take it back first, or use \"force\"",
				 "busy: the interface of \"%s\" is in another network namespace",
				 name);
	if (is_untold(s))
		return diag_fail(
			app, name, EBUSY,
			"it may be in another network namespace: take it back first, or "
			"use \"force\"",
			"busy: it cannot be told whether the interface of \"%s\" is in use", name);
	return ST_OK;
}

enum status state_check_unused(struct app *app, const char *name, bool force)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	int r = vdpa_sysdev_get(app->ctx, name, &s);

	if (r == -ENODEV)
		return ST_OK;
	return r < 0 ? diag_ctx(app, name) : check(app, name, s, force);
}

/* ---- many of them ---- */

static bool is_deletion(const struct plan_item *item)
{
	return item->have && item->result == PLAN_OPEN && item->todo & STEP_DELETE;
}

/* One that is gone is in the way of a list: then each is read alone. */
static void read_devices(struct runner *r, size_t at)
{
	const char *names[RUNNER_CHUNK];
	size_t n = 0;

	for (; at < r->plan->size && n < RUNNER_CHUNK; at++) {
		if (is_deletion(&r->plan->items[at]))
			names[n++] = r->plan->items[at].name;
	}
	r->devices = vdpa_sysdev_list_unref(r->devices);
	r->next_device = 0;
	r->devices_end = at;
	if (vdpa_sysdev_list_named(r->app->ctx, names, n, &r->devices) < 0)
		r->devices = NULL;
}

enum status runner_check_unused(struct runner *r, const struct plan_item *item)
{
	size_t at = (size_t)(item - r->plan->items);

	if (at >= r->devices_end)
		read_devices(r, at);
	while (r->devices && r->next_device < vdpa_sysdev_list_get_size(r->devices)) {
		const struct vdpa_sysdev *s = vdpa_sysdev_list_get(r->devices, r->next_device++);

		if (!strcmp(vdpa_sysdev_get_name(s), item->name))
			return check(r->app, item->name, s, r->force);
	}
	return state_check_unused(r->app, item->name, r->force);
}
