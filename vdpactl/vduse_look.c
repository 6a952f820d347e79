// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What processes, mounts and loop devices have of the nodes of many devices, looked for together: /proc has as
 * many entries as there are disks, so one look for each of them would be quadratic.
 */
#include "vduse.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Devices of one look, and how long it is believed: who opens a disk meanwhile is not seen. */
#define LOOK_MAX 256
#define LOOK_MS 500

/* Disks of devices are in other directories, however many there are. */
#define LOOP_DIR "/sys/devices/virtual/block"

struct look_node {
	char *path; /* owned */
	size_t first, n; /* its users */
};

/* A place where a device is used, by the device's number and, if that is another text, by its node. */
struct look_place {
	char *key; /* owned, as where */
	char *where;
	size_t order;
};

/* ---- mounts and loop devices ---- */

static bool push_place(struct look_places *p, const char *key, const char *where, size_t order)
{
	struct look_place *v = p->v;

	/* The capacity is the power of two that holds n. */
	if (!(p->n & (p->n - 1))) {
		v = reallocarray(v, p->n ? p->n * 2 : 1, sizeof(*v));
		if (!v)
			return false;
		p->v = v;
	}
	v += p->n;
	*v = (struct look_place){ .key = strdup(key), .where = strdup(where), .order = order };
	p->n++;
	return v->key && v->where;
}

static int compare_places(const void *a, const void *b)
{
	const struct look_place *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static void sort_places(struct look_places *p)
{
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), compare_places);
}

static void free_places(struct look_places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		free(p->v[i].where);
	}
	free(p->v);
}

size_t vduse_split(char *line, char **fields, size_t max)
{
	size_t n = 0;
	char *save = NULL;

	for (char *f = strtok_r(line, " \t\n", &save); f && n < max;
	     f = strtok_r(NULL, " \t\n", &save))
		fields[n++] = f;
	return n;
}

/* Field 3 is the device's number, 5 the place; behind "-" come type and source. */
static bool read_mounts(struct look_places *mounts)
{
	CLEANUP_FCLOSE FILE *f = fopen("/proc/self/mountinfo", "re");
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0, order = 0;
	bool ok = true;

	while (ok && f && getline(&line, &cap, f) > 0) {
		char *fields[32], *source = NULL;
		size_t n = vduse_split(line, fields, 32);

		for (size_t i = 6; i + 2 < n && !source; i++) {
			if (!strcmp(fields[i], "-"))
				source = fields[i + 2];
		}
		if (n < 5)
			continue;
		ok = push_place(mounts, fields[2], fields[4], order) &&
		     (!source || push_place(mounts, source, fields[4], order));
		order++;
	}
	sort_places(mounts);
	return ok;
}

/*
 * The kernel tells the path alone; LOOP_GET_STATUS64 would also tell the number, but asks the file
 * system of every backing file, which may be a server that is away.
 */
static bool push_loop(struct look_places *loops, const char *loop, size_t order)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	CLEANUP_FREE char *line = NULL;
	char text[300];
	struct stat st;
	size_t cap = 0;

	snprintf(text, sizeof(text), LOOP_DIR "/%s/loop/backing_file", loop);
	f = fopen(text, "re");
	if (!f || getline(&line, &cap, f) < 0 || strncmp(line, "/dev/", 5))
		return true;
	line[strcspn(line, "\n")] = '\0';
	if (!push_place(loops, line, loop, order))
		return false;
	if (stat(line, &st) < 0 || !S_ISBLK(st.st_mode))
		return true;
	snprintf(text, sizeof(text), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	return push_place(loops, text, loop, order);
}

static bool read_loops(struct look_places *loops)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(LOOP_DIR);
	const struct dirent *e;
	size_t order = 0;
	bool ok = true;

	while (ok && d && (e = readdir(d))) {
		if (!strncmp(e->d_name, "loop", 4))
			ok = push_loop(loops, e->d_name, order++);
	}
	sort_places(loops);
	return ok;
}

/* The first with that key; n when there is none. */
static size_t first_place(const struct look_places *p, const char *key)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(p->v[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_place(const struct look_places *p, const char *key, size_t order)
{
	for (size_t i = first_place(p, key); i < p->n && !strcmp(p->v[i].key, key); i++) {
		if (p->v[i].order == order)
			return true;
	}
	return false;
}

void vduse_look_places(const struct look_places *p, const char *number, const char *node,
		       void (*cb)(void *data, const char *where), void *data)
{
	size_t i;

	for (i = first_place(p, number); i < p->n && !strcmp(p->v[i].key, number); i++)
		cb(data, p->v[i].where);
	for (i = first_place(p, node); i < p->n && !strcmp(p->v[i].key, node); i++) {
		if (!has_place(p, number, p->v[i].order))
			cb(data, p->v[i].where);
	}
}

/* ---- processes ---- */

static bool push_node(struct vduse_look *l, const char *path)
{
	struct look_node *v = l->nodes;

	if (!(l->n_nodes & (l->n_nodes - 1))) {
		v = reallocarray(v, l->n_nodes ? l->n_nodes * 2 : 1, sizeof(*v));
		if (!v)
			return false;
		l->nodes = v;
	}
	v[l->n_nodes] = (struct look_node){ .path = strdup(path) };
	return v[l->n_nodes++].path;
}

/* The disk and its partitions. */
static bool push_disk(struct vduse_look *l, const char *disk)
{
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;
	char path[300];
	bool ok;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	ok = push_node(l, path);
	snprintf(path, sizeof(path), "/sys/block/%s", disk);
	d = opendir(path);
	while (ok && d && (e = readdir(d))) {
		if (strncmp(e->d_name, disk, strlen(disk)))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		ok = push_node(l, path);
	}
	return ok;
}

/* Every open char device holds a reference on the module; built in, it has no count. */
static bool vhost_in_use(void)
{
	CLEANUP_FCLOSE FILE *f = fopen("/sys/module/vhost_vdpa/refcnt", "re");
	int c = f ? fgetc(f) : EOF;

	return c != '0' || fgetc(f) != '\n';
}

static bool push_device(struct app *app, struct vduse_look *l, const char *name)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	int r = vdpa_sysdev_get(app->ctx, name, &s);

	if (r < 0)
		return r != -ENOMEM;
	if (vdpa_sysdev_get_blockdev(s))
		return push_disk(l, vdpa_sysdev_get_blockdev(s));
	if (vdpa_sysdev_get_chardev(s) && vhost_in_use())
		return push_node(l, vdpa_sysdev_get_chardev(s));
	return true;
}

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct look_node *)a)->path, ((const struct look_node *)b)->path);
}

/* The users are in the order of the nodes. */
static bool find_users(struct app *app, struct vduse_look *l)
{
	CLEANUP_FREE const char **paths = calloc(l->n_nodes + 1, sizeof(*paths));
	size_t at = 0, n;
	int r;

	if (!paths)
		return false;
	if (l->n_nodes)
		qsort(l->nodes, l->n_nodes, sizeof(*l->nodes), compare_nodes);
	for (size_t i = 0; i < l->n_nodes; i++)
		paths[i] = l->nodes[i].path;
	r = vdpa_user_list_nodes(app->ctx, paths, l->n_nodes, &l->users);
	/* Without /proc nobody is seen. */
	if (r < 0)
		return r != -ENOMEM;
	n = vdpa_user_list_get_size(l->users);
	for (size_t i = 0; i < l->n_nodes; i++) {
		l->nodes[i].first = at;
		while (at < n && !strcmp(vdpa_user_list_get_dev(l->users, at), paths[i]))
			at++;
		l->nodes[i].n = at - l->nodes[i].first;
	}
	return true;
}

bool vduse_look_users(const struct vduse_look *l, const char *node, size_t *first, size_t *n)
{
	const struct look_node key = { .path = (char *)(uintptr_t)node };
	const struct look_node *found =
		l->n_nodes ? bsearch(&key, l->nodes, l->n_nodes, sizeof(key), compare_nodes) : NULL;

	if (found) {
		*first = found->first;
		*n = found->n;
	}
	return found;
}

/* ---- looking ---- */

void vduse_look_free(struct vduse_look *l)
{
	for (size_t i = 0; i < l->n_nodes; i++)
		free(l->nodes[i].path);
	free(l->nodes);
	free_places(&l->mounts);
	free_places(&l->loops);
	vdpa_user_list_unref(l->users);
	*l = (struct vduse_look){ 0 };
}

bool vduse_look_at(struct app *app, const char *const *names, size_t n, struct vduse_look *l)
{
	bool ok = true;

	vduse_look_free(l);
	for (size_t i = 0; i < n && ok; i++)
		ok = push_device(app, l, names[i]);
	ok = ok && read_mounts(&l->mounts) && read_loops(&l->loops) && find_users(app, l);
	/* From its end: one that takes longer than that would be made for every device. */
	l->end = app_now_ms() + LOOK_MS;
	if (!ok)
		vduse_look_free(l);
	return ok;
}

/* ---- those that are looked at later ---- */

void vduse_ahead_free(struct vduse_ahead *a)
{
	vduse_look_free(&a->look);
	free(a->names);
	*a = (struct vduse_ahead){ 0 };
}

const struct vduse_look *vduse_look_ahead(struct app *app, const char *name)
{
	struct vduse_ahead *a = app->ahead;
	size_t i;

	if (!a)
		return NULL;
	for (i = a->at; i < a->n && strcmp(a->names[i], name); i++)
		;
	if (i == a->n)
		return NULL;
	a->at = i;
	if (i >= a->end || app_now_ms() >= a->look.end) {
		size_t n = a->n - i < LOOK_MAX ? a->n - i : LOOK_MAX;

		a->end = vduse_look_at(app, a->names + i, n, &a->look) ? i + n : 0;
	}
	return a->end ? &a->look : NULL;
}
