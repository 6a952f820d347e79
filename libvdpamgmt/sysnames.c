/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which devices there are on the vdpa bus, by name. */
#include <errno.h>
#include <string.h>

#include "sysdev.h"
#include "sysfs.h"

void free_names(char **names)
{
	for (char **n = names; n && *n; n++)
		free(*n);
	free(names);
}

static void cleanup_names_cb(char ***names)
{
	free_names(*names);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads all entries; 0 or -errno. */
static int collect_names(DIR *d, char ***names, size_t *count)
{
	CLEANUP(cleanup_names_cb) char **list = calloc(1, sizeof(*list));
	const struct dirent *e;
	size_t n = 0, cap = 1;

	if (!list)
		return -ENOMEM;
	while ((e = next_entry(d))) {
		if (n + 1 == cap) {
			char **more = reallocarray(list, cap * 2, sizeof(*list));

			if (!more)
				return -ENOMEM;
			list = more;
			cap *= 2;
		}
		list[n] = strdup(e->d_name);
		if (!list[n])
			return -ENOMEM;
		list[++n] = NULL;
	}
	if (errno)
		return -errno;
	qsort(list, n, sizeof(*list), compare_names);
	*names = TAKE(list);
	*count = n;
	return 0;
}

int sysdev_names(struct vdpa_ctx *ctx, char ***names, size_t *count)
{
	CLEANUP_FREE char *bus = format_string("%s/bus/vdpa/devices", ctx->sys);
	CLEANUP_CLOSEDIR DIR *d = bus ? opendir(bus) : NULL;
	int r;

	if (!bus)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	if (!d && errno == ENOENT)
		return ctx_fail(ctx, ENOENT, "this kernel has no vdpa bus: %s is missing", bus);
	r = d ? collect_names(d, names, count) : -errno;
	if (r < 0)
		return ctx_fail(ctx, -r, "can't read %s: %s", bus, strerrordesc_np(-r));
	return 0;
}

int sysdev_children(const char *dir, bool below_auxiliary, sysdev_child_cb cb, void *data)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(dir);
	const struct dirent *e;
	int r = 0;

	while (r == 0 && d && (e = next_entry(d))) {
		CLEANUP_FREE char *child = NULL;
		CLEANUP_FREE char *subsystem = NULL;

		if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
			continue;
		child = format_string("%s/%s", dir, e->d_name);
		subsystem = child ? sysfs_link_at(child, "subsystem") : NULL;
		if (!subsystem && errno == ENOMEM)
			return -ENOMEM;
		if (!subsystem)
			continue;
		if (strcmp(subsystem, "vdpa") == 0)
			r = cb(child, e->d_name, data);
		else if (below_auxiliary && strcmp(subsystem, "auxiliary") == 0)
			r = sysdev_children(child, false, cb, data);
	}
	return r;
}

static int take_name_cb(const char *dir, const char *name, void *data)
{
	char **child = data;

	(void)dir;
	*child = strdup(name);
	return *child ? 1 : -ENOMEM;
}

char *sysdev_child(const char *dir)
{
	char *child = NULL;

	if (sysdev_children(dir, false, take_name_cb, &child) == -ENOMEM)
		errno = ENOMEM;
	return child;
}
