/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From whatever a vdpa device became, or lives on, back to the device.  Each
 * kind of key is looked up in sysfs by its own name; only representors and
 * virtio devices of hardware take a look at candidates.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sysdev.h"
#include "sysfs.h"

struct search {
	struct vdpa_ctx *ctx;
	const char *key;
	struct vdpa_sysdev_list *found; /* owned */
};

static void search_free(struct search *s)
{
	vdpa_sysdev_list_unref(s->found);
}

static bool has_found(const struct search *s)
{
	return vdpa_sysdev_list_get_size(s->found) != 0;
}

/* 0 too when there is no such device (any more). */
static int add_named(struct search *s, const char *name)
{
	struct vdpa_sysdev *sysdev = NULL;
	int r = vdpa_sysdev_get(s->ctx, name, &sysdev);

	if (r == -ENODEV)
		return 0;
	return r < 0 ? r : sysdev_list_add(s->found, sysdev);
}

/* The same, if virtio is its virtio device. */
static int add_if_virtio(struct search *s, const char *name, const char *virtio)
{
	struct vdpa_sysdev *sysdev = NULL;
	int r = vdpa_sysdev_get(s->ctx, name, &sysdev);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (sysdev->virtio && strcmp(sysdev->virtio, virtio) == 0)
		return sysdev_list_add(s->found, sysdev);
	vdpa_sysdev_unref(sysdev);
	return 0;
}

struct children {
	struct search *s;
	const char *virtio; /* only the one that has that virtio device; NULL: all */
};

static int add_child_cb(const char *dir, const char *name, void *data)
{
	const struct children *c = data;

	(void)dir;
	return c->virtio ? add_if_virtio(c->s, name, c->virtio) : add_named(c->s, name);
}

/* See sysdev_children(). */
static int add_children(struct search *s, const char *dir, bool below_auxiliary, const char *virtio)
{
	struct children c = { .s = s, .virtio = virtio };

	return sysdev_children(dir, below_auxiliary, add_child_cb, &c);
}

/* The interface on a virtio device may tell the vdpa device's name. */
static int ask_netdev(struct search *s, const char *dir, const char *virtio)
{
	char info[BUS_INFO_LEN];

	return virtio_bus_info(dir, info) ? add_if_virtio(s, info, virtio) : 0;
}

/* dir is a virtio device's. */
static int from_virtio(struct search *s, const char *dir)
{
	CLEANUP_FREE char *parent = sysfs_parent(dir);
	const char *virtio = strrchr(dir, '/') + 1;
	int r;

	if (!parent)
		return -ENOMEM;
	if (sysfs_has_subsystem(parent, "vdpa"))
		return add_named(s, strrchr(parent, '/') + 1);
	r = ask_netdev(s, dir, virtio);
	return r < 0 || has_found(s) ? r : add_children(s, parent, true, virtio);
}

/* What is at link: part of a vdpa device, or of a virtio device of one. */
static int from_link(struct search *s, const char *link)
{
	CLEANUP_FREE char *path = realpath(link, NULL);

	if (!path)
		return errno == ENOMEM ? -ENOMEM : 0;
	while (strcmp(path, "/") != 0) {
		char *up;

		if (sysfs_has_subsystem(path, "vdpa"))
			return add_named(s, strrchr(path, '/') + 1);
		if (sysfs_has_subsystem(path, "virtio"))
			return from_virtio(s, path);
		up = sysfs_parent(path);
		if (!up)
			return -ENOMEM;
		free(path);
		path = up;
	}
	return 0;
}

static int from_number(struct search *s, const char *type, dev_t number)
{
	CLEANUP_FREE char *link =
		format_string("%s/dev/%s/%u:%u", s->ctx->sys, type, major(number), minor(number));
	int r = link ? from_link(s, link) : -ENOMEM;

	/* A VDUSE device's own node: the vdpa device is below it. */
	if (r == 0 && !has_found(s) && sysfs_has_subsystem(link, "vduse"))
		r = add_children(s, link, false, NULL);
	return r;
}

static int from_path(struct search *s, const char *path, const char **kind)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	*kind = S_ISBLK(st.st_mode) ? "blockdev" : "chardev";
	if (S_ISCHR(st.st_mode))
		return from_number(s, "char", st.st_rdev);
	return S_ISBLK(st.st_mode) ? from_number(s, "block", st.st_rdev) : 0;
}

/* ---- by name; each is called only with what can be a name in a directory ---- */

static int by_name(struct search *s)
{
	return add_named(s, s->key);
}

static bool has_found_chardev(const struct search *s)
{
	const struct vdpa_sysdev *found = vdpa_sysdev_list_get(s->found, 0);
	const char *path = found ? found->chardev : NULL;

	return path && strcmp(strrchr(path, '/') + 1, s->key) == 0;
}

/* All char devices of the machine, by what their directories are called. */
static int search_chardev(struct search *s)
{
	CLEANUP_FREE char *dir = format_string("%s/dev/char", s->ctx->sys);
	CLEANUP_CLOSEDIR DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *e;

	while (d && (e = next_entry(d))) {
		CLEANUP_FREE char *name = sysfs_link_at(dir, e->d_name);
		CLEANUP_FREE char *link = NULL;

		if (!name && errno == ENOMEM)
			return -ENOMEM;
		if (!name || strcmp(name, s->key) != 0)
			continue;
		link = format_string("%s/%s", dir, e->d_name);
		return link ? from_link(s, link) : -ENOMEM;
	}
	return dir ? 0 : -ENOMEM;
}

/*
 * A container's /dev may have no such node, or one that was copied when another
 * device had the number: the node is the short way and sysfs has the last word.
 */
static int by_chardev(struct search *s)
{
	CLEANUP_FREE char *path = NULL;
	const char *kind;
	int r;

	if (!is_numbered(s->key, "vhost-vdpa-"))
		return 0;
	path = format_string("%s/%s", s->ctx->dev, s->key);
	r = path ? from_path(s, path, &kind) : -ENOMEM;
	if (r < 0 || has_found_chardev(s))
		return r;
	vdpa_sysdev_list_unref(s->found);
	s->found = NULL;
	r = sysdev_list_new(&s->found);
	return r < 0 ? r : search_chardev(s);
}

static int by_class(struct search *s, const char *fmt)
{
	CLEANUP_FREE char *link = format_string("%s/%s%s", s->ctx->sys, fmt, s->key);

	return link ? from_link(s, link) : -ENOMEM;
}

static int by_netdev(struct search *s)
{
	CLEANUP_FREE char *link = format_string("%s/class/net/%s/device", s->ctx->sys, s->key);

	return link ? from_link(s, link) : -ENOMEM;
}

static int by_blockdev(struct search *s)
{
	return by_class(s, "class/block/");
}

static int by_virtio(struct search *s)
{
	return by_class(s, "bus/virtio/devices/");
}

static int by_pci(struct search *s)
{
	/* The domain may be left out, as lspci does. */
	const char *domain = strlen(s->key) == strlen("65:00.2") ? "0000:" : "";
	CLEANUP_FREE char *dir =
		format_string("%s/bus/pci/devices/%s%s", s->ctx->sys, domain, s->key);

	return dir ? add_children(s, dir, true, NULL) : -ENOMEM;
}

static int by_auxiliary(struct search *s)
{
	CLEANUP_FREE char *dir = format_string("%s/bus/auxiliary/devices/%s", s->ctx->sys, s->key);

	return dir ? add_children(s, dir, false, NULL) : -ENOMEM;
}

static int by_representor(struct search *s)
{
	CLEANUP(cleanup_vdpa_sysdev_list_unref_cb) struct vdpa_sysdev_list *all = NULL;
	struct representor rep;
	int r = representor_read(s->ctx->sys, s->key, &rep);

	if (r <= 0)
		return r;
	representor_release(&rep);
	r = vdpa_sysdev_list(s->ctx, &all);
	for (size_t i = 0; r == 0 && i < vdpa_sysdev_list_get_size(all); i++) {
		struct vdpa_sysdev *sysdev = vdpa_sysdev_list_get(all, i);
		const char *ifname = vdpa_sysdev_get_representor(sysdev);

		if (ifname && strcmp(ifname, s->key) == 0)
			r = sysdev_list_add(s->found, vdpa_sysdev_ref(sysdev));
	}
	return r == -ENOENT ? 0 : r;
}

static const struct {
	const char *kind;
	const char *bus; /* BUS/NAME stands for it, too */
	int (*find)(struct search *s);
} kinds[] = {
	{ "device", NULL, by_name },
	{ "chardev", NULL, by_chardev },
	{ "netdev", NULL, by_netdev },
	{ "blockdev", NULL, by_blockdev },
	{ "virtio", "virtio", by_virtio },
	{ "pci", "pci", by_pci },
	{ "auxiliary", "auxiliary", by_auxiliary },
	{ "representor", NULL, by_representor },
};

/* A name, of the bus when that is not NULL. */
static int by_kinds(struct search *s, const char *bus, const char **kind)
{
	if (!is_file_name(s->key))
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int r;

		if (bus && (!kinds[i].bus || strcmp(kinds[i].bus, bus) != 0))
			continue;
		r = kinds[i].find(s);
		if (r < 0)
			return r;
		if (has_found(s)) {
			*kind = kinds[i].kind;
			return 0;
		}
	}
	return 0;
}

static int find(struct search *s, const char **kind)
{
	const char *slash = strchr(s->key, '/');
	CLEANUP_FREE char *bus = NULL;
	int r;

	if (!slash)
		return by_kinds(s, NULL, kind);
	r = from_path(s, s->key, kind);
	if (r < 0 || has_found(s))
		return r;
	bus = strndup(s->key, (size_t)(slash - s->key));
	if (!bus)
		return -ENOMEM;
	s->key = slash + 1;
	return by_kinds(s, bus, kind);
}

int vdpa_resolve(struct vdpa_ctx *ctx, const char *key, const char **kind,
		 struct vdpa_sysdev_list **list)
{
	CLEANUP(search_free) struct search s = { .ctx = ctx, .key = key };
	const char *what = NULL;
	int r = sysdev_list_new(&s.found);

	if (r == 0)
		r = find(&s, &what);
	if (r == -ENOMEM)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	if (r < 0)
		return r;
	if (!has_found(&s))
		return ctx_fail(ctx, ENODEV, "no vDPA device belongs to \"%s\"", key);
	if (kind)
		*kind = what;
	*list = TAKE(s.found);
	return 0;
}
