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
	char *dev; /* owned; NULL where the caller knows */
	size_t order; /* of dev among the devices asked for */
};

struct vdpa_user_list {
	atomic_uint refs;
	struct user *users; /* owned */
	size_t size;
	bool hidden; /* there may be others */
};

/* A device node that is looked for. */
struct target {
	mode_t type; /* S_IFCHR or S_IFBLK */
	dev_t number;
	pid_t last; /* the last process that was found */
	const char *dev; /* what the caller calls it, or NULL */
	size_t order; /* of dev */
};

struct targets {
	struct target *v; /* sorted by type and number */
	size_t n;
};

static void user_list_release(struct vdpa_user_list *list)
{
	for (size_t i = 0; i < list->size; i++) {
		free(list->users[i].comm);
		free(list->users[i].dev);
	}
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

static int add_user(struct vdpa_user_list *list, const char *dir, pid_t pid,
		    const struct target *target)
{
	CLEANUP_FREE char *comm = sysfs_read_at(dir, "comm");
	CLEANUP_FREE char *dev = target->dev ? strdup(target->dev) : NULL;
	struct user *more;

	if (!comm)
		comm = strdup("?"); /* it is about to end */
	more = reallocarray(list->users, list->size + 1, sizeof(*more));
	if (more)
		list->users = more;
	if (!more || !comm || (target->dev && !dev))
		return -ENOMEM;
	list->users[list->size++] = (struct user){
		.pid = pid,
		.comm = TAKE(comm),
		.dev = TAKE(dev),
		.order = target->order,
	};
	return 0;
}

/* ---- what is looked for ---- */

static int compare_targets(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static bool is_refusal(int err)
{
	return err == EACCES || err == EPERM;
}

/*
 * What the open file behind the link called fd is, without its device: 1 when
 * it is a node, 0, or -EACCES.  What counts is the inode, not the link's text: the
 * node may have another name, in another mount namespace.  AT_STATX_DONT_SYNC: a
 * file of a dead NFS server must not hang us.
 */
static int read_node(int fds, const char *fd, struct target *node)
{
	struct statx st;

	if (statx(fds, fd, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return is_refusal(errno) ? -EACCES : 0;
	node->type = st.stx_mode & S_IFMT;
	node->number = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	return node->type == S_IFCHR || node->type == S_IFBLK;
}

/* A process, and what was seen of it. */
struct process {
	const char *dir;
	pid_t pid;
	bool any; /* it has open files */
	bool hidden; /* some of them can't be seen */
};

/* Adds it as user of every target with that node: devices may have had the same one in turn. */
static int add_node(const struct process *p, const struct targets *t, const struct target *node,
		    struct vdpa_user_list *list)
{
	struct target *target = bsearch(node, t->v, t->n, sizeof(*t->v), compare_targets);

	if (!target)
		return 0;
	while (target > t->v && !compare_targets(target - 1, node))
		target--;
	for (; target < t->v + t->n && !compare_targets(target, node); target++) {
		if (target->last == p->pid)
			continue;
		target->last = p->pid;
		if (add_user(list, p->dir, p->pid, target) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The open files of the process, or of one of its threads, at path: 0 or -ENOMEM. */
static int look_into(struct process *p, const char *path, const struct targets *t,
		     struct vdpa_user_list *list)
{
	CLEANUP_CLOSEDIR DIR *d = path ? opendir(path) : NULL;
	const struct dirent *e;

	if (!path)
		return -ENOMEM;
	if (!d)
		p->hidden |= is_refusal(errno);
	while (d && (e = next_entry(d))) {
		struct target node;
		int r = read_node(dirfd(d), e->d_name, &node);

		p->any = true;
		p->hidden |= r == -EACCES;
		if (r > 0 && add_node(p, t, &node, list) < 0)
			return -ENOMEM;
		if (t->n == 1 && t->v->last == p->pid)
			return 0;
	}
	if (d)
		p->hidden |= is_refusal(errno);
	return 0;
}

/* When the first thread has ended, only the others show what is open. */
static int look_at_threads(struct process *p, const struct targets *t, struct vdpa_user_list *list)
{
	CLEANUP_FREE char *path = format_string("%s/task", p->dir);
	CLEANUP_CLOSEDIR DIR *d = path ? opendir(path) : NULL;
	const struct dirent *e;
	int r = path ? 0 : -ENOMEM;

	while (!r && d && !p->any && (e = next_entry(d))) {
		CLEANUP_FREE char *fds = format_string("%s/%s/fd", path, e->d_name);

		r = look_into(p, fds, t, list);
	}
	return r;
}

/* Adds what the process has open: 0, -EACCES when not all of that can be seen, or -ENOMEM. */
static int look_at(const char *dir, pid_t pid, const struct targets *t, struct vdpa_user_list *list)
{
	CLEANUP_FREE char *path = format_string("%s/fd", dir);
	struct process p = { .dir = dir, .pid = pid };
	int r = look_into(&p, path, t, list);

	if (!r && !p.any && !p.hidden)
		r = look_at_threads(&p, t, list);
	return r < 0 ? r : p.hidden ? -EACCES : 0;
}

/* true when /proc shows only the processes of a container, or (hidepid=) our own. */
static bool shows_some_only(struct vdpa_ctx *ctx)
{
	CLEANUP_FREE char *ns = format_string("%s/self/ns/pid", ctx->proc);
	CLEANUP_FREE char *init = format_string("%s/1", ctx->proc);
	struct stat st;

	return (ns && stat(ns, &st) == 0 && st.st_ino != PID_NS_INIT_INO) ||
	       (init && stat(init, &st) < 0);
}

static int scan(struct vdpa_ctx *ctx, DIR *d, const struct targets *t, bool first_only,
		struct vdpa_user_list *list)
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
		r = look_at(dir, (pid_t)pid, t, list);
		if (r == -EACCES)
			list->hidden = true;
		if (r == -ENOMEM)
			return r;
		if (first_only && list->size)
			return 0;
	}
	return -errno;
}

static int find_users_of(struct vdpa_ctx *ctx, const struct targets *t, bool first_only,
			 struct vdpa_user_list **list)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *l = user_list_new();
	CLEANUP_CLOSEDIR DIR *d = opendir(ctx->proc);
	int r;

	r = d ? 0 : -errno;
	if (!l)
		r = -ENOMEM;
	if (r == 0) {
		l->hidden = shows_some_only(ctx);
		r = scan(ctx, d, t, first_only, l);
	}
	if (r < 0)
		return ctx_fail(ctx, -r, "can't read %s: %s", ctx->proc, strerrordesc_np(-r));
	*list = TAKE(l);
	return 0;
}

int find_users(struct vdpa_ctx *ctx, dev_t number, bool first_only, struct vdpa_user_list **list)
{
	struct target target = { .type = S_IFCHR, .number = number };
	const struct targets t = { .v = &target, .n = 1 };

	return find_users_of(ctx, &t, first_only, list);
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
	int r;

	r = vdpa_sysdev_get(ctx, name, &s);
	if (r < 0)
		return r;
	if (s->chardev && vhost_vdpa_in_use(ctx))
		return find_users(ctx, s->number, false, list);
	*list = user_list_new();
	return *list ? 0 : ctx_fail(ctx, ENOMEM, "out of memory");
}

int vdpa_user_list_node(struct vdpa_ctx *ctx, const char *path, struct vdpa_user_list **list)
{
	struct target target = { 0 };
	const struct targets t = { .v = &target, .n = 1 };
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return ctx_fail(ctx, ENODEV, "there is no device node %s", path);
		return ctx_fail(ctx, errno, "can't look up %s: %s", path, strerrordesc_np(errno));
	}
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return ctx_fail(ctx, EINVAL, "%s is no device node", path);
	target.type = st.st_mode & S_IFMT;
	target.number = st.st_rdev;
	return find_users_of(ctx, &t, false, list);
}

static int block_number(struct vdpa_ctx *ctx, const char *name, dev_t *number)
{
	CLEANUP_FREE char *dir = format_string("%s/class/block/%s", ctx->sys, name);

	return dir ? sysfs_read_dev(dir, number) : -ENOMEM;
}

/* Those of the devices that have a node; one that vanishes has no users. */
static int fill_targets(struct vdpa_ctx *ctx, struct vdpa_sysdev *const *devs, size_t n,
			struct targets *t)
{
	bool vhost = vhost_vdpa_in_use(ctx);

	for (size_t i = 0; i < n; i++) {
		const struct vdpa_sysdev *s = devs[i];
		struct target target = { .dev = s->name, .order = i };
		int r;

		if (s->chardev && vhost) {
			target.type = S_IFCHR;
			target.number = s->number;
		} else if (s->blockdev) {
			target.type = S_IFBLK;
			r = block_number(ctx, s->blockdev, &target.number);
			if (r == -ENOMEM)
				return r;
			if (r < 0)
				continue;
		} else {
			continue;
		}
		t->v[t->n++] = target;
	}
	return 0;
}

static int compare_users(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Searches for all of these targets, and puts what is found in their order. */
static int find_in_order(struct vdpa_ctx *ctx, struct targets *t, struct vdpa_user_list **list)
{
	int r;

	if (!t->n) {
		*list = user_list_new();
		return *list ? 0 : ctx_fail(ctx, ENOMEM, "out of memory");
	}
	qsort(t->v, t->n, sizeof(*t->v), compare_targets);
	r = find_users_of(ctx, t, false, list);
	if (r == 0 && (*list)->size)
		qsort((*list)->users, (*list)->size, sizeof(struct user), compare_users);
	return r;
}

int vdpa_user_list_nodes(struct vdpa_ctx *ctx, const char *const *paths, size_t n,
			 struct vdpa_user_list **list)
{
	CLEANUP_FREE struct target *v = calloc(n + 1, sizeof(*v));
	struct targets t = { .v = v };

	if (!v)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct stat st;

		if (stat(paths[i], &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
			continue;
		v[t.n++] = (struct target){
			.type = st.st_mode & S_IFMT,
			.number = st.st_rdev,
			.dev = paths[i],
			.order = i,
		};
	}
	return find_in_order(ctx, &t, list);
}

int vdpa_user_list_devs(struct vdpa_ctx *ctx, struct vdpa_sysdev *const *devs, size_t n,
			struct vdpa_user_list **list)
{
	CLEANUP_FREE struct target *v = calloc(n + 1, sizeof(*v));
	struct targets t = { .v = v };

	if (!v || fill_targets(ctx, devs, n, &t) < 0)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	return find_in_order(ctx, &t, list);
}

bool vdpa_user_list_is_complete(const struct vdpa_user_list *list)
{
	return !list->hidden;
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

const char *vdpa_user_list_get_dev(const struct vdpa_user_list *list, size_t i)
{
	return i < list->size ? list->users[i].dev : NULL;
}
