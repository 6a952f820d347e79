/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/parse.h"
#include "sysdev.h"
#include "sysfs.h"

/* The inode of the initial PID namespace, the same in every kernel. */
#define PID_NS_INIT_INO 0xeffffffcU

struct user {
	pid_t pid;
	char *comm; /* owned */
};

struct vdpa_user_list {
	atomic_uint refs;
	struct user *users; /* owned */
	size_t size;
};

static void user_list_release(struct vdpa_user_list *list)
{
	for (size_t i = 0; i < list->size; i++)
		free(list->users[i].comm);
	free(list->users);
	free(list);
}

DEFINE_UNREF(vdpa_user_list, user_list_release)

static struct vdpa_user_list *user_list_new(void)
{
	struct vdpa_user_list *list = calloc(1, sizeof(*list));

	if (list)
		atomic_init(&list->refs, 1);
	return list;
}

static int add_user(struct vdpa_user_list *list, const char *dir, pid_t pid)
{
	CLEANUP_FREE char *comm = sysfs_read_at(dir, "comm");
	struct user *more;

	if (!comm)
		comm = strdup("?"); /* it is about to end */
	more = reallocarray(list->users, list->size + 1, sizeof(*more));
	if (more)
		list->users = more;
	if (!more || !comm)
		return -ENOMEM;
	list->users[list->size++] = (struct user){ .pid = pid, .comm = TAKE(comm) };
	return 0;
}

/*
 * Is the open file behind the link called fd the device?  What counts is the
 * inode, not the link's text: the node may have another name, in another mount
 * namespace.  AT_STATX_DONT_SYNC: a file of a dead NFS server must not hang us.
 */
static bool is_device(int fds, const char *fd, mode_t type, dev_t number)
{
	struct statx st;

	if (statx(fds, fd, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0 ||
	    (st.stx_mode & S_IFMT) != type)
		return false;
	return makedev(st.stx_rdev_major, st.stx_rdev_minor) == number;
}

/* 1 when the process at dir has it open, 0 when not or ended, -EACCES when that can't be seen. */
static int has_open(const char *dir, mode_t type, dev_t number)
{
	CLEANUP_FREE char *path = format_string("%s/fd", dir);
	CLEANUP_CLOSEDIR DIR *d = path ? opendir(path) : NULL;
	const struct dirent *e;

	if (!path)
		return -ENOMEM;
	if (!d)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	while ((e = next_entry(d))) {
		if (is_device(dirfd(d), e->d_name, type, number))
			return 1;
	}
	return errno == EACCES ? -EACCES : 0;
}

/* true when /proc shows only the processes of a container. */
static bool in_pid_namespace(struct vdpa_ctx *ctx)
{
	CLEANUP_FREE char *path = format_string("%s/self/ns/pid", ctx->proc);
	struct stat st;

	return path && stat(path, &st) == 0 && st.st_ino != PID_NS_INIT_INO;
}

static int scan(struct vdpa_ctx *ctx, DIR *d, mode_t type, dev_t number, bool first_only,
		struct vdpa_user_list *list, bool *hidden)
{
	const struct dirent *e;

	while ((e = next_entry(d))) {
		CLEANUP_FREE char *dir = NULL;
		uint64_t pid;
		int r;

		if (parse_dec(e->d_name, INT32_MAX, &pid) < 0)
			continue;
		dir = format_string("%s/%s", ctx->proc, e->d_name);
		if (!dir)
			return -ENOMEM;
		r = has_open(dir, type, number);
		if (r == -EACCES)
			*hidden = true;
		else if (r > 0)
			r = add_user(list, dir, (pid_t)pid);
		if (r == -ENOMEM)
			return r;
		if (first_only && list->size)
			return 0;
	}
	return -errno;
}

static int find_users_of(struct vdpa_ctx *ctx, mode_t type, dev_t number, bool first_only,
			 struct vdpa_user_list **list, bool *hidden)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *l = user_list_new();
	CLEANUP_CLOSEDIR DIR *d = opendir(ctx->proc);
	int r;

	r = d ? 0 : -errno;
	if (!l)
		r = -ENOMEM;
	*hidden = in_pid_namespace(ctx);
	if (r == 0)
		r = scan(ctx, d, type, number, first_only, l, hidden);
	if (r < 0)
		return ctx_fail(ctx, -r, "can't read %s: %s", ctx->proc, strerrordesc_np(-r));
	*list = TAKE(l);
	return 0;
}

int find_users(struct vdpa_ctx *ctx, dev_t number, bool first_only, struct vdpa_user_list **list,
	       bool *hidden)
{
	return find_users_of(ctx, S_IFCHR, number, first_only, list, hidden);
}

/* Every open char device holds a reference on the module; built in, it has no count. */
bool vhost_vdpa_in_use(struct vdpa_ctx *ctx)
{
	CLEANUP_FREE char *path = format_string("%s/module/vhost_vdpa/refcnt", ctx->sys);
	CLEANUP_FREE char *count = path ? sysfs_read(path) : NULL;

	return !count || strcmp(count, "0") != 0;
}

int vdpa_user_list(struct vdpa_ctx *ctx, const char *name, struct vdpa_user_list **list)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	bool hidden;
	int r;

	r = vdpa_sysdev_get(ctx, name, &s);
	if (r < 0)
		return r;
	if (s->chardev && vhost_vdpa_in_use(ctx))
		return find_users(ctx, s->number, false, list, &hidden);
	*list = user_list_new();
	return *list ? 0 : ctx_fail(ctx, ENOMEM, "out of memory");
}

int vdpa_user_list_node(struct vdpa_ctx *ctx, const char *path, struct vdpa_user_list **list)
{
	struct stat st;
	bool hidden;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return ctx_fail(ctx, ENODEV, "there is no device node %s", path);
		return ctx_fail(ctx, errno, "can't look up %s: %s", path, strerrordesc_np(errno));
	}
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return ctx_fail(ctx, EINVAL, "%s is no device node", path);
	return find_users_of(ctx, st.st_mode & S_IFMT, st.st_rdev, false, list, &hidden);
}

size_t vdpa_user_list_get_size(const struct vdpa_user_list *list)
{
	return list->size;
}

pid_t vdpa_user_list_get_pid(const struct vdpa_user_list *list, size_t i)
{
	return i < list->size ? list->users[i].pid : 0;
}

const char *vdpa_user_list_get_comm(const struct vdpa_user_list *list, size_t i)
{
	return i < list->size ? list->users[i].comm : NULL;
}
