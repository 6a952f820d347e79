/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A made-up sysfs, devtmpfs and procfs in a temporary directory, and a context
 * that looks at it.  Paths are relative to the root: "sys/bus/...".
 */
#ifndef TESTS_UNIT_TREE_H
#define TESTS_UNIT_TREE_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"

struct tree {
	char root[32];
	struct vdpa_ctx *ctx;
};

/* root/path, made by printf; the caller frees. */
static inline __attribute__((format(printf, 2, 3))) char *tree_path(struct tree *t, const char *fmt,
								    ...)
{
	char *rest, *path;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&rest, fmt, ap) >= 0);
	va_end(ap);
	path = format_string("%s/%s", t->root, rest);
	assert_non_null(path);
	free(rest);
	return path;
}

static inline void tree_mkdir(struct tree *t, const char *path)
{
	char *full = tree_path(t, "%s", path);

	for (char *p = full + strlen(t->root) + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
	free(full);
}

/* Makes the directory that path is in. */
static inline void tree_mkparent(struct tree *t, const char *path)
{
	char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

	tree_mkdir(t, dir);
	free(dir);
}

static inline void tree_write(struct tree *t, const char *path, const char *text)
{
	char *full = tree_path(t, "%s", path);
	FILE *f;

	tree_mkparent(t, path);
	f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	free(full);
}

/* A symbolic link; target is taken from the root unless it begins with '/'. */
static inline void tree_link(struct tree *t, const char *path, const char *target)
{
	char *to = *target == '/' ? strdup(target) : tree_path(t, "%s", target);
	char *full = tree_path(t, "%s", path);

	tree_mkparent(t, path);
	unlink(full);
	assert_int_equal(symlink(to, full), 0);
	free(full);
	free(to);
}

/* tree_link with a path of two parts. */
static inline void tree_link_at(struct tree *t, const char *dir, const char *name,
				const char *target)
{
	char *path = format_string("%s/%s", dir, name);

	tree_link(t, path, target);
	free(path);
}

static inline void tree_write_at(struct tree *t, const char *dir, const char *name,
				 const char *text)
{
	char *path = format_string("%s/%s", dir, name);

	tree_write(t, path, text);
	free(path);
}

/* Binds (or with NULL unbinds) the device at dir. */
static inline void tree_bind(struct tree *t, const char *dir, const char *bus, const char *driver)
{
	char *link = tree_path(t, "%s/driver", dir);
	char *target;

	unlink(link);
	free(link);
	if (!driver)
		return;
	target = format_string("sys/bus/%s/drivers/%s", bus, driver);
	tree_mkdir(t, target);
	tree_link_at(t, dir, "driver", target);
	free(target);
}

/* A device at dir, listed on its bus. */
static inline void tree_device(struct tree *t, const char *dir, const char *bus, const char *driver)
{
	char *list = format_string("sys/bus/%s/devices", bus);
	char *target = format_string("sys/bus/%s", bus);

	tree_mkdir(t, dir);
	tree_mkdir(t, target);
	tree_link_at(t, dir, "subsystem", target);
	tree_link_at(t, list, strrchr(dir, '/') + 1, dir);
	tree_bind(t, dir, bus, driver);
	free(target);
	free(list);
}

/* A vdpa device at dir/name. */
static inline void tree_vdpa(struct tree *t, const char *dir, const char *name, const char *driver)
{
	char *path = format_string("%s/%s", dir, name);

	tree_device(t, path, "vdpa", driver);
	tree_write_at(t, path, "driver_override", "(null)\n");
	free(path);
}

/* What vhost_vdpa puts below a device. */
static inline void tree_chardev(struct tree *t, const char *dir, const char *name, const char *dev)
{
	char *path = format_string("%s/%s", dir, name);

	tree_write_at(t, path, "dev", dev);
	free(path);
}

/* What virtio_vdpa puts below the DMA device, with child "net/eth0" or NULL. */
static inline void tree_virtio(struct tree *t, const char *dir, const char *name, const char *child)
{
	char *path = format_string("%s/%s", dir, name);
	char *below = child ? format_string("%s/%s", path, child) : NULL;

	tree_device(t, path, "virtio", child && *child == 'n' ? "virtio_net" : "virtio_blk");
	if (below)
		tree_mkdir(t, below);
	free(below);
	free(path);
}

/* A VDUSE device that has become a vdpa device. */
static inline void tree_vduse(struct tree *t, const char *name, const char *dev, const char *driver)
{
	char *dir = format_string("sys/devices/virtual/vduse/%s", name);

	tree_mkdir(t, dir);
	tree_mkdir(t, "sys/class/vduse");
	tree_link_at(t, dir, "subsystem", "sys/class/vduse");
	tree_write_at(t, dir, "dev", dev);
	tree_write_at(t, dir, "msg_timeout", "30\n");
	tree_vdpa(t, dir, name, driver);
	free(dir);
}

/* A process with comm and one open file. */
static inline void tree_process(struct tree *t, int pid, const char *comm, const char *file)
{
	char *dir = format_string("proc/%d", pid);

	tree_write_at(t, dir, "comm", comm);
	tree_link_at(t, dir, "fd/3", file);
	free(dir);
}

static inline int tree_setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char *sys, *dev, *proc;

	assert_non_null(t);
	strcpy(t->root, "/tmp/vdpa-unit-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	assert_int_equal(chmod(t->root, 0755), 0);
	tree_mkdir(t, "sys/bus/vdpa/devices");
	tree_mkdir(t, "dev");
	tree_mkdir(t, "proc/1"); /* without it only some processes are shown */
	assert_int_equal(vdpa_ctx_new(&t->ctx), 0);
	sys = tree_path(t, "sys");
	dev = tree_path(t, "dev");
	proc = tree_path(t, "proc");
	assert_int_equal(vdpa_ctx_set_roots(t->ctx, sys, dev, proc), 0);
	free(sys);
	free(dev);
	free(proc);
	*state = t;
	return 0;
}

static inline int tree_remove_cb(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int tree_teardown(void **state)
{
	struct tree *t = *state;

	vdpa_ctx_unref(t->ctx);
	nftw(t->root, tree_remove_cb, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	return 0;
}

/* What the context's last failure says. */
static inline const char *tree_message(struct tree *t)
{
	const struct vdpa_error *err = vdpa_ctx_get_error(t->ctx);

	return err ? vdpa_error_get_message(err) : "";
}

#define TREE_TEST(fn) cmocka_unit_test_setup_teardown(fn, tree_setup, tree_teardown)

/* Both NULL is the same, too. */
static inline void check_string(const char *got, const char *want)
{
	if (want) {
		assert_non_null(got);
		assert_string_equal(got, want);
	} else {
		assert_null(got);
	}
}

#endif
