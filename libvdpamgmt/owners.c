/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Simulators and VDUSE have the virtio device below the vdpa device: its path
 * tells.  Of hardware it stands in the same place as the vdpa device, or above
 * (see sysvirtio.c), so the tables have the devices by place, too:
 *
 *   /devices/pci0000:00/0000:65:00.2/NAME       the vdpa device, in two places:
 *   /devices/pci0000:00/0000:65:00.2/virtio3    here, and in /devices/pci0000:00
 *
 * The proofs are those of sysvirtio.c: what the interface says of itself, or
 * that there is only one.  Once proven, a virtio device stays its owner's.
 */
#include "owners.h"

#include <errno.h>
#include <search.h>
#include <string.h>
#include <sys/queue.h>

#include "sysdev.h"
#include "sysfs.h"

#define PLACES 2
/* In a place with more of them, being the only one is not looked for. */
#define MEMBERS_MAX 64

struct place;

struct member {
	LIST_ENTRY(member) link;
	struct place *place; /* which it keeps alive; NULL: in none */
	struct device *device;
};

/* Each has its key first: an owned string. */
struct place {
	char *path;
	LIST_HEAD(members, member) members;
};

struct device {
	char *path;
	const char *name; /* in path; what the tree of names points to */
	char *driver; /* owned; NULL when it has none */
	struct member in[PLACES];
};

struct virtio {
	char *path;
	char *owner; /* owned */
};

struct owners {
	struct vdpa_ctx *ctx; /* not owned */
	char *sys; /* owned: what ctx->sys really is; NULL until it is read */
	void *devices; /* trees of tsearch(), by path */
	void *names; /* the same devices, by name */
	void *places;
	void *virtios;
};

/* ---- trees of things with an owned string first ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void *find(void *const *tree, const char *key)
{
	void *node = tfind(&key, tree, compare);

	return node ? *(void **)node : NULL;
}

/* A new thing of that size for key, or the one that is there; NULL when out of memory. */
static void *find_or_make(void **tree, const char *key, size_t size)
{
	char **thing = find(tree, key);

	if (thing)
		return thing;
	thing = calloc(1, size);
	if (thing)
		*thing = strdup(key);
	if (thing && *thing && tsearch(thing, tree, compare))
		return thing;
	if (thing)
		free(*thing);
	free(thing);
	return NULL;
}

/* ---- places ---- */

static char *dirname_of(const char *path)
{
	return strndup(path, (size_t)(strrchr(path, '/') - path));
}

static void leave(struct owners *o, struct member *m)
{
	struct place *p = m->place;

	if (!p)
		return;
	LIST_REMOVE(m, link);
	m->place = NULL;
	if (!LIST_EMPTY(&p->members))
		return;
	tdelete(p, &o->places, compare);
	free(p->path);
	free(p);
}

static int join(struct owners *o, struct device *d, struct member *m, const char *path)
{
	struct place *p = find_or_make(&o->places, path, sizeof(*p));

	if (!p)
		return -ENOMEM;
	m->device = d;
	m->place = p;
	LIST_INSERT_HEAD(&p->members, m, link);
	return 0;
}

/* The directory that it is in, and the one above. */
static int join_places(struct owners *o, struct device *d)
{
	CLEANUP_FREE char *path = dirname_of(d->path);

	if (!path)
		return -ENOMEM;
	for (size_t i = 0; i < PLACES && *path; i++) {
		int r = join(o, d, &d->in[i], path);

		if (r < 0)
			return r;
		*strrchr(path, '/') = '\0';
	}
	return 0;
}

/* ---- devices ---- */

static struct device *by_name(struct owners *o, const char *name)
{
	void *at = find(&o->names, name);

	return at ? (struct device *)((char *)at - offsetof(struct device, name)) : NULL;
}

/* Out of all tables. */
static void device_free(struct owners *o, struct device *d)
{
	for (size_t i = 0; i < PLACES; i++)
		leave(o, &d->in[i]);
	if (d->name && by_name(o, d->name) == d)
		tdelete(&d->name, &o->names, compare);
	tdelete(d, &o->devices, compare);
	free(d->driver);
	free(d->path);
	free(d);
}

int owners_add(struct owners *o, const char *devpath)
{
	struct device *d = find(&o->devices, devpath);

	if (d)
		return 0;
	d = find_or_make(&o->devices, devpath, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->name = strrchr(d->path, '/') + 1;
	if (tsearch(&d->name, &o->names, compare) && join_places(o, d) == 0)
		return 0;
	device_free(o, d);
	return -ENOMEM;
}

void owners_remove(struct owners *o, const char *devpath)
{
	struct device *d = find(&o->devices, devpath);

	if (d)
		device_free(o, d);
}

int owners_bind(struct owners *o, const char *devpath, const char *driver)
{
	struct device *d = find(&o->devices, devpath);
	char *copy = d && driver ? strdup(driver) : NULL;

	if (!d)
		return 0;
	if (driver && !copy)
		return -ENOMEM;
	free(d->driver);
	d->driver = copy;
	return 0;
}

const char *owners_driver(struct owners *o, const char *devpath)
{
	const struct device *d = find(&o->devices, devpath);

	return d ? d->driver : NULL;
}

/* ---- virtio devices that do not stand below theirs ---- */

static void virtio_free(void *p)
{
	struct virtio *v = p;

	free(v->owner);
	free(v->path);
	free(v);
}

void owners_forget_virtio(struct owners *o, const char *devpath)
{
	struct virtio *v = find(&o->virtios, devpath);

	if (!v)
		return;
	tdelete(v, &o->virtios, compare);
	virtio_free(v);
}

static int remember(struct owners *o, const char *path, const char *owner)
{
	struct virtio *v;

	owners_forget_virtio(o, path);
	v = find_or_make(&o->virtios, path, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->owner = strdup(owner);
	if (v->owner)
		return 0;
	owners_forget_virtio(o, path);
	return -ENOMEM;
}

/* The member whose name is what the interface says of itself (cut at 31 octets). */
static const struct device *by_bus_info(struct owners *o, const struct place *p, const char *info)
{
	const struct device *hit = NULL;
	const struct member *m;

	if (strlen(info) < BUS_INFO_LEN - 1) {
		hit = by_name(o, info);
		return hit && (hit->in[0].place == p || hit->in[1].place == p) ? hit : NULL;
	}

	LIST_FOREACH(m, &p->members, link)
	{
		if (strncmp(info, m->device->name, BUS_INFO_LEN - 1) != 0)
			continue;
		if (hit)
			return NULL;
		hit = m->device;
	}
	return hit;
}

/* true when an interface of the virtio device tells; *hit may be NULL then: it is none's here. */
static bool ask_netdev(struct owners *o, const struct place *p, const char *virtio,
		       const struct device **hit)
{
	CLEANUP_FREE char *dir = format_string("%s%s", o->ctx->sys, virtio);
	char info[BUS_INFO_LEN];

	if (!dir || !virtio_bus_info(dir, info))
		return false;
	*hit = by_bus_info(o, p, info);
	return true;
}

/* The only member that virtio_vdpa drives, or NULL. */
static const struct device *only_driven(struct owners *o, const struct place *p)
{
	const struct device *hit = NULL;
	const struct member *m;
	size_t n = 0;

	LIST_FOREACH(m, &p->members, link)
	{
		CLEANUP_FREE char *dir = format_string("%s%s", o->ctx->sys, m->device->path);
		CLEANUP_FREE char *driver = dir ? sysfs_link_at(dir, "driver") : NULL;

		if (!dir || ++n > MEMBERS_MAX)
			return NULL;
		if (!driver || strcmp(driver, "virtio_vdpa") != 0)
			continue;
		if (hit)
			return NULL;
		hit = m->device;
	}
	return hit;
}

/* Is there just one virtio device in the place? */
static bool is_only_virtio(struct owners *o, const struct place *p)
{
	CLEANUP_FREE char *dir = format_string("%s%s", o->ctx->sys, p->path);
	CLEANUP_CLOSEDIR DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *e;
	size_t n = 0;

	while (d && n < 2 && (e = next_entry(d)))
		n += is_numbered(e->d_name, "virtio");
	return n == 1;
}

/* Looks for the proof that the virtio device, in that place, is someone's. */
static int prove(struct owners *o, const struct place *p, const char *virtio, const char **name)
{
	const struct device *hit = NULL;
	int r;

	if (!ask_netdev(o, p, virtio, &hit) && is_only_virtio(o, p))
		hit = only_driven(o, p);
	if (!hit)
		return OWNER_UNKNOWN;
	r = remember(o, virtio, hit->name);
	*name = hit->name;
	return r < 0 ? r : OWNER_KNOWN;
}

/* From VIRTIO/net/eth0 or VIRTIO/block/vda to VIRTIO, a path that ends in virtioN. */
static bool cut_to_virtio(char *path)
{
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	return strrchr(path, '/') && is_numbered(strrchr(path, '/') + 1, "virtio");
}

int owners_find(struct owners *o, const char *devpath, const char **name)
{
	CLEANUP_FREE char *virtio = strdup(devpath);
	CLEANUP_FREE char *above = NULL;
	const struct device *d;
	const struct virtio *v;
	const struct place *p;

	if (!virtio)
		return -ENOMEM;
	/* A vdpa device may be called virtioN, too. */
	if (!cut_to_virtio(virtio) || find(&o->devices, virtio))
		return OWNER_NONE;
	v = find(&o->virtios, virtio);
	if (v) {
		*name = v->owner;
		return OWNER_KNOWN;
	}
	above = dirname_of(virtio);
	if (!above)
		return -ENOMEM;
	d = find(&o->devices, above);
	if (d) {
		*name = d->name;
		return OWNER_KNOWN;
	}
	p = find(&o->places, above);
	return p ? prove(o, p, virtio, name) : OWNER_NONE;
}

/* ---- all of them ---- */

static void clear(struct owners *o)
{
	while (o->devices) {
		/* What tsearch() returns begins with the pointer that it was given. */
		device_free(o, *(struct device **)o->devices);
	}
	tdestroy(o->virtios, virtio_free);
	o->virtios = NULL;
}

struct owners *owners_new(struct vdpa_ctx *ctx)
{
	struct owners *o = calloc(1, sizeof(*o));

	if (o)
		o->ctx = ctx;
	return o;
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	clear(o);
	free(o->sys);
	free(o);
}

/* One that vanishes meanwhile is left out. */
static int read_device(struct owners *o, const char *name)
{
	CLEANUP_FREE char *link = format_string("%s/bus/vdpa/devices/%s", o->ctx->sys, name);
	CLEANUP_FREE char *path = link ? realpath(link, NULL) : NULL;
	CLEANUP_FREE char *driver = path ? sysfs_link_at(path, "driver") : NULL;
	size_t n = strlen(o->sys);
	int r;

	if (!link || (!path && errno == ENOMEM))
		return -ENOMEM;
	if (!path || strncmp(path, o->sys, n) != 0 || path[n] != '/')
		return 0;
	r = owners_add(o, path + n);
	return r < 0 || !driver ? r : owners_bind(o, path + n, driver);
}

struct scan {
	struct owners *o;
	int r;
};

/* The virtio devices that stand in a place now. */
static void read_place_cb(const void *node, VISIT visit, void *data)
{
	const struct place *p = *(struct place *const *)node;
	struct scan *scan = data;
	CLEANUP_FREE char *dir = NULL;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;

	if ((visit != postorder && visit != leaf) || scan->r < 0)
		return;
	dir = format_string("%s%s", scan->o->ctx->sys, p->path);
	d = dir ? opendir(dir) : NULL;
	while (d && scan->r >= 0 && (e = next_entry(d))) {
		CLEANUP_FREE char *virtio = NULL;
		const char *name;

		if (!is_numbered(e->d_name, "virtio"))
			continue;
		virtio = format_string("%s/%s", p->path, e->d_name);
		scan->r = virtio ? prove(scan->o, p, virtio, &name) : -ENOMEM;
	}
}

int owners_read(struct owners *o)
{
	struct scan scan = { .o = o };
	char **names = NULL;
	size_t n = 0;
	int r;

	clear(o);
	r = sysdev_names(o->ctx, &names, &n);
	/* Without the bus there are no devices: the module may be loaded later. */
	if (r == -ENOENT)
		return 0;
	free(o->sys);
	o->sys = r < 0 ? NULL : realpath(o->ctx->sys, NULL);
	if (r >= 0 && !o->sys)
		r = -errno;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = read_device(o, names[i]);
	if (r >= 0)
		twalk_r(o->places, read_place_cb, &scan);
	free_names(names);
	if (r < 0 || scan.r < 0)
		return ctx_fail(o->ctx, r < 0 ? -r : -scan.r, "cannot read the vdpa bus: %s",
				errno_text(r < 0 ? -r : -scan.r));
	return 0;
}
