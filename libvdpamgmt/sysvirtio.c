/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which virtio device belongs to a vdpa device.
 *
 * virtio_vdpa puts the virtio device below the device that does the DMA.  For
 * simulators and VDUSE that is the vdpa device itself, and all is plain.  For
 * hardware it is the parent (a PCI function) or, with an auxiliary device as
 * the parent, the PCI function above that one, where all its siblings' virtio
 * devices stand too.  sysfs has no link between the two, so it takes a proof:
 *
 * 1. it is below the vdpa device;
 * 2. or its network interface says so: ETHTOOL_GDRVINFO's bus_info is the
 *    vdpa device's name, cut at 31 octets;
 * 3. or it is the only virtio device there, and this is the only vdpa device
 *    there that virtio_vdpa drives.
 *
 * A place may have thousands of them: who asks for many devices reads each place once, and who asks
 * for one finds that early if it is the newest, as that of a device that was just bound is.
 */
#include <errno.h>
#include <search.h>
#include <string.h>

#include "sysdev.h"
#include "sysfs.h"

#define PLACES 2

/* A virtio device, and what its interface says of whose it is. */
struct told {
	char *path; /* owned */
	bool tells;
	char info[BUS_INFO_LEN];
};

/* A directory where virtio devices stand that are not their vdpa devices' children. */
struct place {
	char *path; /* owned; first, for the tree */
	struct told *v; /* owned; those that tell first, by what they tell */
	size_t n, n_tell;
	bool looked; /* for what follows */
	bool several; /* more vdpa devices than one use it that virtio_vdpa drives */
	char *driven; /* owned: the only one's name; NULL: none */
};

struct virtio_places {
	void *tree; /* of struct place, by path */
	char *const *names; /* borrowed: all vdpa devices, sorted */
	size_t n_names;
};

/* ---- what stands in a place ---- */

static void place_free(void *p)
{
	struct place *place = p;

	for (size_t i = 0; i < place->n; i++)
		free(place->v[i].path);
	free(place->v);
	free(place->driven);
	free(place->path);
	free(place);
}

static void cleanup_place_cb(struct place **p)
{
	if (*p)
		place_free(*p);
}

/* The next virtio device in d, whose path is dir; NULL with errno 0 at the end. */
static char *next_virtio(DIR *d, const char *dir)
{
	const struct dirent *e;

	while ((e = next_entry(d))) {
		char *path;

		if (!is_numbered(e->d_name, "virtio"))
			continue;
		path = format_string("%s/%s", dir, e->d_name);
		if (!path || sysfs_has_subsystem(path, "virtio"))
			return path;
		free(path);
	}
	return NULL;
}

static int child_virtio(const char *path, char **virtio)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(path);

	if (d)
		*virtio = next_virtio(d, path);
	return !*virtio && errno == ENOMEM ? -ENOMEM : 0;
}

bool virtio_bus_info(const char *virtio, char bus_info[BUS_INFO_LEN])
{
	CLEANUP_FREE char *net = format_string("%s/net", virtio);
	CLEANUP_CLOSEDIR DIR *d = net ? opendir(net) : NULL;
	const struct dirent *e;

	while (d && (e = next_entry(d))) {
		CLEANUP_FREE char *dir = format_string("%s/%s", net, e->d_name);

		if (dir && netdev_is_here(dir) && netdev_bus_info(e->d_name, bus_info))
			return true;
	}
	return false;
}

static int compare_told(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->tells != y->tells)
		return x->tells ? -1 : 1;
	return strcmp(x->tells ? x->info : x->path, y->tells ? y->info : y->path);
}

/* Takes path over. */
static int add_virtio(struct place *p, char *path)
{
	struct told *v = p->v;

	/* The capacity is the power of two that holds n. */
	if (!(p->n & (p->n - 1)))
		v = reallocarray(v, p->n ? p->n * 2 : 1, sizeof(*v));
	if (!v) {
		free(path);
		return -ENOMEM;
	}
	p->v = v;
	v += p->n++;
	*v = (struct told){ .path = path };
	v->tells = virtio_bus_info(path, v->info);
	p->n_tell += v->tells;
	return 0;
}

/* By number, the highest first, which mostly is the newest: the kernel gives the lowest that is free. */
static int compare_newest(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*b)->d_name, (*a)->d_name);
}

static int is_virtio_entry(const struct dirent *e)
{
	return is_numbered(e->d_name, "virtio");
}

static void free_entries(struct dirent **entries, int n)
{
	while (n > 0)
		free(entries[--n]);
	free(entries);
}

/* 1 when the device that was added last tells the name (which may be NULL), 0, or -ENOMEM. */
static int read_entry(struct place *p, const char *entry, const char *name)
{
	char *path = format_string("%s/%s", p->path, entry);
	const struct told *last;

	if (!path)
		return -ENOMEM;
	if (!sysfs_has_subsystem(path, "virtio")) {
		int r = errno == ENOMEM ? -ENOMEM : 0;

		free(path);
		return r;
	}
	if (add_virtio(p, path) < 0)
		return -ENOMEM;
	last = &p->v[p->n - 1];
	return name && last->tells && strcmp(last->info, name) == 0;
}

/* With a name, no further than to a device that tells it. */
static int read_place(struct place *p, const char *name)
{
	struct dirent **entries = NULL;
	int n = scandir(p->path, &entries, is_virtio_entry, compare_newest);
	int r = n < 0 && errno == ENOMEM ? -ENOMEM : 0;

	for (int i = 0; i < n && r == 0; i++)
		r = read_entry(p, entries[i]->d_name, name);
	free_entries(entries, n);
	if (r < 0)
		return r;
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), compare_told);
	return 0;
}

static struct place *place_new(const char *path)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p)
		p->path = strdup(path);
	if (p && p->path)
		return p;
	free(p);
	return NULL;
}

static int compare_places(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->path, ((const struct place *)b)->path);
}

/* The place at path as it was read first, or NULL without memory. */
static struct place *kept_place(struct virtio_places *all, const char *path)
{
	CLEANUP(cleanup_place_cb) struct place *p = NULL;
	const struct place key = { .path = (char *)(uintptr_t)path };
	void *node = tfind(&key, &all->tree, compare_places);

	if (node)
		return *(struct place **)node;
	p = place_new(path);
	if (!p || read_place(p, NULL) < 0 || !tsearch(p, &all->tree, compare_places))
		return NULL;
	return TAKE(p);
}

struct virtio_places *virtio_places_new(char *const *names, size_t n)
{
	struct virtio_places *all = calloc(1, sizeof(*all));

	if (all) {
		all->names = names;
		all->n_names = n;
	}
	return all;
}

void virtio_places_free(struct virtio_places *all)
{
	if (all)
		tdestroy(all->tree, place_free);
	free(all);
}

/* ---- who drives what stands there ---- */

/* Counts the vdpa device if virtio_vdpa drives it; two are enough. */
static int add_driven_cb(const char *dir, const char *name, void *data)
{
	CLEANUP_FREE char *driver = sysfs_link_at(dir, "driver");
	struct place *p = data;

	if (!driver)
		return errno == ENOMEM ? -ENOMEM : 0;
	if (strcmp(driver, "virtio_vdpa") != 0)
		return 0;
	p->several = p->driven;
	if (!p->driven)
		p->driven = strdup(name);
	return p->driven ? p->several : -ENOMEM;
}

/* true when no vdpa device but that one has its virtio device there; when in doubt, one has. */
static bool is_only_driven(struct place *p, const char *name)
{
	if (!p->looked && sysdev_children(p->path, true, add_driven_cb, p) < 0)
		p->several = true;
	p->looked = true;
	return !p->several && (!p->driven || strcmp(p->driven, name) == 0);
}

/* ---- one device ---- */

struct search {
	struct vdpa_ctx *ctx;
	const char *name;
	char *paths[PLACES]; /* owned: where virtio devices of this parent stand */
	struct place *places[PLACES]; /* ctx->virtios', or owned without */
	const struct told *only; /* a virtio device found there */
	size_t count; /* how many were found */
	bool others; /* one of them is proven to be a sibling's */
};

static void search_free(struct search *s)
{
	for (size_t i = 0; i < PLACES; i++) {
		free(s->paths[i]);
		if (s->places[i] && !s->ctx->virtios)
			place_free(s->places[i]);
	}
}

/* The places below which path's device, and its siblings, have their virtio devices. */
static int find_paths(const char *path, char *paths[PLACES])
{
	CLEANUP_FREE char *parent = sysfs_parent(path);
	CLEANUP_FREE char *bus = NULL;

	if (!parent)
		return -ENOMEM;
	bus = sysfs_link_at(parent, "subsystem");
	if (!bus)
		return errno == ENOMEM ? -ENOMEM : 0;
	if (strcmp(bus, "auxiliary") == 0) {
		paths[1] = sysfs_parent(parent);
		if (!paths[1])
			return -ENOMEM;
	}
	paths[0] = TAKE(parent);
	return 0;
}

static bool begins_so(const char *name, const char *bus_info)
{
	return strncmp(name, bus_info, BUS_INFO_LEN - 1) == 0;
}

/* The first of the sorted names that does not come before the octets of bus_info. */
static size_t first_name(const struct virtio_places *all, const char *bus_info)
{
	size_t low = 0, high = all->n_names;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strncmp(all->names[middle], bus_info, BUS_INFO_LEN - 1) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* true when no other vdpa device's name begins with the octets of bus_info. */
static bool is_unique_name(const struct search *s, const char *bus_info)
{
	const struct virtio_places *all = s->ctx->virtios;
	CLEANUP_FREE char *bus = NULL;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;

	if (all) {
		size_t i = first_name(all, bus_info);

		for (; i < all->n_names && begins_so(all->names[i], bus_info); i++) {
			if (strcmp(all->names[i], s->name) != 0)
				return false;
		}
		return true;
	}
	bus = format_string("%s/bus/vdpa/devices", s->ctx->sys);
	d = bus ? opendir(bus) : NULL;
	while (d && (e = next_entry(d))) {
		if (begins_so(e->d_name, bus_info) && strcmp(e->d_name, s->name) != 0)
			return false;
	}
	return d && errno == 0;
}

/* The first that tells nothing less than what begins as the name. */
static size_t first_told(const struct place *p, const char *name)
{
	size_t low = 0, high = p->n_tell;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strncmp(p->v[middle].info, name, BUS_INFO_LEN - 1) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The virtio device there that is proven to be the device's, or NULL. */
static const struct told *search_place(struct search *s, const struct place *p)
{
	size_t first = first_told(p, s->name), i;

	for (i = first; i < p->n_tell && begins_so(p->v[i].info, s->name); i++) {
		if (strlen(p->v[i].info) < BUS_INFO_LEN - 1 || is_unique_name(s, p->v[i].info))
			return &p->v[i];
	}
	if (p->n_tell > i - first)
		s->others = true;
	if (p->n)
		s->only = p->v;
	s->count += p->n;
	return NULL;
}

static int get_place(struct search *s, size_t i)
{
	if (s->ctx->virtios) {
		s->places[i] = kept_place(s->ctx->virtios, s->paths[i]);
		return s->places[i] ? 0 : -ENOMEM;
	}
	s->places[i] = place_new(s->paths[i]);
	return s->places[i] ? read_place(s->places[i], s->name) : -ENOMEM;
}

static bool is_alone(const struct search *s)
{
	for (size_t i = 0; i < PLACES; i++) {
		if (s->places[i] && !is_only_driven(s->places[i], s->name))
			return false;
	}
	return true;
}

int find_virtio(struct vdpa_ctx *ctx, const char *name, const char *path, char **virtio)
{
	CLEANUP(search_free) struct search s = { .ctx = ctx, .name = name };
	const struct told *found = NULL;
	int r;

	*virtio = NULL;
	r = child_virtio(path, virtio);
	if (r < 0 || *virtio)
		return r;
	r = find_paths(path, s.paths);
	for (size_t i = 0; i < PLACES && r == 0 && !found; i++) {
		if (!s.paths[i])
			continue;
		r = get_place(&s, i);
		if (r == 0)
			found = search_place(&s, s.places[i]);
	}
	if (r == 0 && !found && s.count == 1 && !s.others && is_alone(&s))
		found = s.only;
	if (r < 0 || !found)
		return r;
	*virtio = strdup(found->path);
	return *virtio ? 0 : -ENOMEM;
}
