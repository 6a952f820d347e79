/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sysdev.h"

#include <errno.h>
#include <string.h>

#include "list.h"
#include "sysfs.h"

static char no_representor[] = "";

static void sysdev_release(struct vdpa_sysdev *s)
{
	char *representor = atomic_load(&s->representor);

	if (representor != no_representor)
		free(representor);
	free(s->sys);
	free(s->name);
	free(s->path);
	free(s->driver);
	free(s->driver_override);
	free(s->chardev);
	free(s->virtio);
	free(s->netdev);
	free(s->blockdev);
	free(s->node);
	free(s->parent);
	free(s->parent_bus);
	free(s->parent_driver);
	free(s->pci);
	free(s->pf);
	free(s);
}

DEFINE_REFS(vdpa_sysdev, sysdev_release)
DEFINE_LIST(vdpa_sysdev)

/*
 * What is not there is NULL, as everything in sysfs can vanish at any time;
 * only a lack of memory is a failure.
 */
static int optional(const char *found)
{
	return !found && errno == ENOMEM ? -ENOMEM : 0;
}

static int read_driver(struct vdpa_sysdev *s)
{
	int r;

	s->driver = sysfs_link_at(s->path, "driver");
	r = optional(s->driver);
	if (r < 0)
		return r;
	s->driver_override = sysfs_read_at(s->path, "driver_override");
	r = optional(s->driver_override);
	/* The kernel prints a NULL pointer. */
	if (s->driver_override &&
	    (!*s->driver_override || strcmp(s->driver_override, "(null)") == 0)) {
		free(s->driver_override);
		s->driver_override = NULL;
	}
	return r;
}

static int read_parent(struct vdpa_sysdev *s)
{
	CLEANUP_FREE char *dir = sysfs_parent(s->path);
	int r;

	if (!dir)
		return -ENOMEM;
	/* The simulators' devices stand below /sys/devices, which is no device. */
	s->parent_bus = sysfs_link_at(dir, "subsystem");
	if (!s->parent_bus)
		return optional(s->parent_bus);
	s->parent = strdup(strrchr(dir, '/') + 1);
	if (!s->parent)
		return -ENOMEM;
	s->parent_driver = sysfs_link_at(dir, "driver");
	r = optional(s->parent_driver);
	return r;
}

/* vhost_vdpa puts a directory vhost-vdpa-N with a device number below the device. */
static int read_chardev(struct vdpa_ctx *ctx, struct vdpa_sysdev *s)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(s->path);
	const struct dirent *e;

	while (d && (e = next_entry(d))) {
		CLEANUP_FREE char *dir = NULL;

		if (!is_numbered(e->d_name, "vhost-vdpa-"))
			continue;
		dir = format_string("%s/%s", s->path, e->d_name);
		if (!dir)
			return -ENOMEM;
		if (sysfs_read_dev(dir, &s->number) < 0)
			continue;
		s->chardev = format_string("%s/%s", ctx->dev, e->d_name);
		return s->chardev ? 0 : -ENOMEM;
	}
	return errno == ENOMEM ? -ENOMEM : 0;
}

/* The first entry of a directory of a virtio device: it has one interface or disk. */
static int read_child(const char *virtio, const char *class, char **child)
{
	CLEANUP_FREE char *dir = format_string("%s/%s", virtio, class);
	CLEANUP_CLOSEDIR DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *e = d ? next_entry(d) : NULL;

	if (!e)
		return errno == ENOMEM ? -ENOMEM : 0;
	*child = strdup(e->d_name);
	return *child ? 0 : -ENOMEM;
}

static int read_virtio(struct vdpa_ctx *ctx, const char *name, struct vdpa_sysdev *s)
{
	CLEANUP_FREE char *dir = NULL;
	int r;

	r = find_virtio(ctx, name, s->path, &dir);
	if (r < 0 || !dir)
		return r;
	s->virtio = strdup(strrchr(dir, '/') + 1);
	if (!s->virtio)
		return -ENOMEM;
	r = read_child(dir, "net", &s->netdev);
	if (r < 0)
		return r;
	return read_child(dir, "block", &s->blockdev);
}

static int read_node(struct vdpa_ctx *ctx, struct vdpa_sysdev *s)
{
	if (s->chardev)
		s->node = strdup(s->chardev);
	else if (s->blockdev)
		s->node = format_string("%s/%s", ctx->dev, s->blockdev);
	else
		return 0;
	return s->node ? 0 : -ENOMEM;
}

static int read_bound(struct vdpa_ctx *ctx, const char *name, struct vdpa_sysdev *s)
{
	int r;

	r = read_driver(s);
	if (r < 0)
		return r;
	r = read_parent(s);
	if (r == 0)
		r = read_location(s);
	if (r < 0 || !s->driver)
		return r;
	if (strcmp(s->driver, "vhost_vdpa") == 0)
		return read_chardev(ctx, s);
	if (strcmp(s->driver, "virtio_vdpa") == 0)
		return read_virtio(ctx, name, s);
	return 0;
}

static int read_all(struct vdpa_ctx *ctx, const char *name, struct vdpa_sysdev *s)
{
	int r = read_bound(ctx, name, s);

	return r < 0 ? r : read_node(ctx, s);
}

static struct vdpa_sysdev *sysdev_new(const struct vdpa_ctx *ctx, const char *name)
{
	struct vdpa_sysdev *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	atomic_init(&s->refs, 1);
	s->sys = strdup(ctx->sys);
	s->name = strdup(name);
	return s->sys && s->name ? s : vdpa_sysdev_unref(s);
}

int vdpa_sysdev_get(struct vdpa_ctx *ctx, const char *name, struct vdpa_sysdev **sysdev)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	CLEANUP_FREE char *link = NULL;
	int r;

	if (!is_file_name(name))
		return ctx_fail(ctx, ENODEV, "no vDPA device is named \"%s\"", name);
	link = format_string("%s/bus/vdpa/devices/%s", ctx->sys, name);
	s = sysdev_new(ctx, name);
	if (!link || !s)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	s->path = realpath(link, NULL);
	if (!s->path && (errno == ENOENT || errno == ENOTDIR))
		return ctx_fail(ctx, ENODEV, "no vDPA device is named \"%s\"", name);
	if (!s->path)
		return ctx_fail(ctx, errno, "can't look up %s: %s", link, strerrordesc_np(errno));
	r = read_all(ctx, name, s);
	if (r < 0)
		return ctx_fail(ctx, -r, "out of memory");
	*sysdev = TAKE(s);
	return 0;
}

const char *vdpa_sysdev_get_name(const struct vdpa_sysdev *sysdev)
{
	return sysdev->name;
}

const char *vdpa_sysdev_get_path(const struct vdpa_sysdev *sysdev)
{
	return sysdev->path;
}

const char *vdpa_sysdev_get_driver(const struct vdpa_sysdev *sysdev)
{
	return sysdev->driver;
}

const char *vdpa_sysdev_get_driver_override(const struct vdpa_sysdev *sysdev)
{
	return sysdev->driver_override;
}

const char *vdpa_sysdev_get_chardev(const struct vdpa_sysdev *sysdev)
{
	return sysdev->chardev;
}

bool vdpa_sysdev_get_chardev_number(const struct vdpa_sysdev *sysdev, dev_t *number)
{
	if (!sysdev->chardev)
		return false;
	*number = sysdev->number;
	return true;
}

const char *vdpa_sysdev_get_virtio(const struct vdpa_sysdev *sysdev)
{
	return sysdev->virtio;
}

const char *vdpa_sysdev_get_netdev(const struct vdpa_sysdev *sysdev)
{
	return sysdev->netdev;
}

const char *vdpa_sysdev_get_blockdev(const struct vdpa_sysdev *sysdev)
{
	return sysdev->blockdev;
}

const char *vdpa_sysdev_get_node(const struct vdpa_sysdev *sysdev)
{
	return sysdev->node;
}

const char *vdpa_sysdev_get_parent(const struct vdpa_sysdev *sysdev)
{
	return sysdev->parent;
}

const char *vdpa_sysdev_get_parent_bus(const struct vdpa_sysdev *sysdev)
{
	return sysdev->parent_bus;
}

const char *vdpa_sysdev_get_parent_driver(const struct vdpa_sysdev *sysdev)
{
	return sysdev->parent_driver;
}

/* Keeps what was found, or that there is none; threads may come here together. */
static const char *set_representor(struct vdpa_sysdev *s, const char *ifname)
{
	char *mine = ifname ? strdup(ifname) : no_representor;
	char *first = NULL;

	if (!mine)
		return NULL;
	if (atomic_compare_exchange_strong(&s->representor, &first, mine))
		first = mine;
	else if (mine != no_representor)
		free(mine);
	return *first ? first : NULL;
}

/*
 * To find it takes a look at all interfaces, so that is done when it is asked
 * for, and once for all devices of a list.
 */
const char *vdpa_sysdev_get_representor(const struct vdpa_sysdev *sysdev)
{
	struct vdpa_sysdev *s = (struct vdpa_sysdev *)(uintptr_t)sysdev;
	const char *ifname = atomic_load(&s->representor);
	struct representors *all;

	if (ifname)
		return *ifname ? ifname : NULL;
	if (!(s->has & (SYSDEV_HAS_VF | SYSDEV_HAS_SF)))
		return NULL;
	all = representors_read(s->sys);
	if (representor_find(s->sys, all, s, &ifname) == 0)
		ifname = set_representor(s, ifname);
	representors_free(all);
	return ifname;
}

/* ---- all devices ---- */

static int find_representors(struct vdpa_ctx *ctx, struct vdpa_sysdev_list *l)
{
	struct representors *all = NULL;
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++) {
		struct vdpa_sysdev *s = l->v[i];
		const char *ifname;

		if (!(s->has & (SYSDEV_HAS_VF | SYSDEV_HAS_SF)))
			continue;
		if (!all)
			all = representors_read(ctx->sys);
		r = representor_find(ctx->sys, all, s, &ifname);
		if (r == 0 && !set_representor(s, ifname) && ifname)
			r = -ENOMEM;
	}
	representors_free(all);
	return r;
}

/* One that is gone is a failure only when it `must` be there. */
static int push_named(struct vdpa_ctx *ctx, const char *name, bool must, struct vdpa_sysdev_list *l)
{
	struct vdpa_sysdev *s = NULL;
	int r = vdpa_sysdev_get(ctx, name, &s);

	if (r == -ENODEV && !must)
		return 0;
	return r < 0 ? r : vdpa_sysdev_list_push(l, s);
}

/* These devices, or (names NULL) all of them; what several have in common is read once. */
static int fill_list(struct vdpa_ctx *ctx, char *const *all, size_t n_all, const char *const *names,
		     size_t n, struct vdpa_sysdev_list *l)
{
	struct virtio_places *virtios = virtio_places_new(all, n_all);
	int r = virtios ? 0 : -ENOMEM;

	ctx->virtios = virtios;
	for (size_t i = 0; i < n && r == 0; i++)
		r = push_named(ctx, names[i], true, l);
	for (size_t i = 0; i < n_all && r == 0 && !names; i++)
		r = push_named(ctx, all[i], false, l);
	ctx->virtios = NULL;
	virtio_places_free(virtios);
	return r < 0 ? r : find_representors(ctx, l);
}

static int list_of(struct vdpa_ctx *ctx, const char *const *names, size_t n,
		   struct vdpa_sysdev_list **list)
{
	struct vdpa_sysdev_list *l = vdpa_sysdev_list_new();
	char **all = NULL;
	size_t n_all = 0;
	int r;

	r = l ? sysdev_names(ctx, &all, &n_all) : -ENOMEM;
	/* Without the bus none of the named devices is there, and that is what is told. */
	if (r == -ENOENT && names)
		r = 0;
	if (r == 0)
		r = fill_list(ctx, all, n_all, names, n, l);
	if (r == -ENOMEM)
		ctx_fail(ctx, ENOMEM, "cannot list devices: out of memory");
	free_names(all);
	if (r < 0)
		vdpa_sysdev_list_unref(l);
	else
		*list = l;
	return r;
}

int vdpa_sysdev_list(struct vdpa_ctx *ctx, struct vdpa_sysdev_list **list)
{
	return list_of(ctx, NULL, 0, list);
}

int vdpa_sysdev_list_named(struct vdpa_ctx *ctx, const char *const *names, size_t n,
			   struct vdpa_sysdev_list **list)
{
	return list_of(ctx, names, n, list);
}

int sysdev_list_new(struct vdpa_sysdev_list **list)
{
	*list = vdpa_sysdev_list_new();
	return *list ? 0 : -ENOMEM;
}

int sysdev_list_add(struct vdpa_sysdev_list *list, struct vdpa_sysdev *s)
{
	return vdpa_sysdev_list_push(list, s);
}
