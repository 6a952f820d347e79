// SPDX-License-Identifier: GPL-2.0-or-later
/* Who uses the node of a device: what a deletion would pull away from under them. */
#include "vduse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define USES_MAX 8 /* named in one sentence */

/* What was found, as text: "/dev/vda1 is mounted at /mnt, ..." */
struct uses {
	struct app *app;
	const struct vduse_look *look;
	struct strbuf text;
	size_t n;
};

static void add_use(struct uses *u, const char *node, const char *what, const char *where)
{
	if (u->n++ >= USES_MAX)
		return;
	strbuf_addf(&u->text, "%s%s %s%s", u->text.len ? ", " : "", node, what, where);
}

/* Those of the list from first on; what this process was started with is its caller's. */
static void add_processes(struct uses *u, const char *node, const struct vdpa_user_list *users,
			  size_t first, size_t n)
{
	CLEANUP(strbuf_free) struct strbuf who = STRBUF_INIT;

	for (size_t i = first; i < first + n; i++) {
		if (vdpa_user_list_get_pid(users, i) != getpid())
			strbuf_addf(&who, "%s%d (%s)", who.len ? ", " : "",
				    (int)vdpa_user_list_get_pid(users, i),
				    vdpa_user_list_get_comm(users, i));
	}
	if (who.len)
		add_use(u, node, "is open in ", who.s);
}

/* A partition that came since is looked for alone. */
static void find_processes(struct uses *u, const char *node)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	size_t first, n;

	if (vduse_look_users(u->look, node, &first, &n))
		add_processes(u, node, u->look->users, first, n);
	else if (vdpa_user_list_node(u->app->ctx, node, &users) == 0)
		add_processes(u, node, users, 0, vdpa_user_list_get_size(users));
}

struct placed {
	struct uses *uses;
	const char *node;
	const char *what;
};

static void add_place_cb(void *data, const char *where)
{
	const struct placed *p = data;

	add_use(p->uses, p->node, p->what, where);
}

static void find_places(struct uses *u, const char *node, const char *number)
{
	struct placed mount = { .uses = u, .node = node, .what = "is mounted at " };
	struct placed loop = { .uses = u, .node = node, .what = "is the backing file of " };

	vduse_look_places(&u->look->mounts, number, node, add_place_cb, &mount);
	vduse_look_places(&u->look->loops, number, node, add_place_cb, &loop);
}

static void find_swap(struct uses *u, const char *node)
{
	CLEANUP_FCLOSE FILE *f = fopen("/proc/swaps", "re");
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		char *fields[1];

		if (vduse_split(line, fields, 1) && !strcmp(fields[0], node))
			add_use(u, node, "is swapped on", "");
	}
}

static void find_holders(struct uses *u, const char *node, const char *dir)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;

	strbuf_addf(&path, "%s/holders", dir);
	d = path.failed ? NULL : opendir(path.s);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.')
			add_use(u, node, "is held by ", e->d_name);
	}
}

/* A disk or a partition of it, at that directory of sysfs. */
static void find_uses(struct uses *u, const char *dir, const char *name)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_FCLOSE FILE *f = NULL;
	char node[300], number[32] = "";

	snprintf(node, sizeof(node), "/dev/%s", name);
	strbuf_addf(&path, "%s/dev", dir);
	f = path.failed ? NULL : fopen(path.s, "re");
	if (!f || !fgets(number, sizeof(number), f))
		return;
	number[strcspn(number, "\n")] = '\0';
	find_places(u, node, number);
	find_swap(u, node);
	find_holders(u, node, dir);
	find_processes(u, node);
}

static void find_disk_uses(struct uses *u, const char *disk)
{
	CLEANUP(strbuf_free) struct strbuf dir = STRBUF_INIT;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;

	strbuf_addf(&dir, "/sys/block/%s", disk);
	if (dir.failed)
		return;
	find_uses(u, dir.s, disk);
	d = opendir(dir.s);
	while (d && (e = readdir(d))) {
		CLEANUP(strbuf_free) struct strbuf part = STRBUF_INIT;

		if (strncmp(e->d_name, disk, strlen(disk)))
			continue;
		strbuf_addf(&part, "%s/%s", dir.s, e->d_name);
		if (!part.failed)
			find_uses(u, part.s, e->d_name);
	}
}

/* ---- in a process of its own ---- */

/*
 * Does to a node what may wait for its back end without end: an errno, or, of this function's own,
 * -ETIMEDOUT or -errno.  A child that can't be killed must hold nothing that others wait for: no
 * pipe of the caller's, no lock.
 */
static int run_apart(int (*work)(const char *node), const char *node, int timeout_ms)
{
	int64_t end = app_now_ms() + timeout_ms;
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		setpgid(0, 0);
		closefrom(0);
		_exit(work(node));
	}
	/* Whichever of the two comes first: vduse_reap() kills the group. */
	setpgid(pid, pid);
	r = vduse_reap(pid, end);
	if (r < 0)
		return r;
	return WIFEXITED(r) ? WEXITSTATUS(r) : EIO;
}

/* Fails with EBUSY, for a disk also when a partition of it is what somebody has. */
static int open_alone(const char *node)
{
	CLEANUP_CLOSE int fd = open(node, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? errno : 0;
}

static enum status fail_exclusive(struct app *app, const char *name, const char *node)
{
	return diag_fail(app, name, EBUSY, "look in other mount namespaces",
			 "busy: %s is in exclusive use, mounted or held", node);
}

/* What only the kernel knows: a mount that this process's namespace does not show, for one. */
static enum status check_alone(struct app *app, const char *name, const struct vdpa_sysdev *s)
{
	const char *node = vdpa_sysdev_get_node(s);
	int ms = app_limit_ms(app, VDUSE_FLUSH_MS);
	/* Other parents' disks have no process behind them that could be away. */
	int r = vduse_is_device(s) ? run_apart(open_alone, node, ms) : open_alone(node);

	if (r == EBUSY)
		return fail_exclusive(app, name, node);
	if (r == -ETIMEDOUT)
		return diag_fail(app, name, ETIMEDOUT, "is its back end away?",
				 "%s could not be opened within %g s", node, ms / 1000.0);
	if (r < 0)
		return diag_fail(app, name, -r, NULL, "cannot look whether %s is in use: %s", node,
				 strerror(-r));
	return ST_OK;
}

enum status vduse_check_unused(struct app *app, const char *name, const struct vdpa_sysdev *s)
{
	CLEANUP(vduse_look_free) struct vduse_look alone = { 0 };
	const char *disk = vdpa_sysdev_get_blockdev(s), *chardev = vdpa_sysdev_get_chardev(s);
	struct uses u = { .app = app, .look = vduse_look_ahead(app, name) };
	enum status status = ST_OK;
	size_t first, n;

	if (!u.look && !vduse_look_at(app, &name, 1, &alone))
		return diag_error(app, NULL, NULL, NULL);
	if (!u.look)
		u.look = &alone;
	if (disk)
		find_disk_uses(&u, disk);
	else if (chardev && vduse_look_users(u.look, chardev, &first, &n))
		add_processes(&u, chardev, u.look->users, first, n);
	if (u.n > USES_MAX)
		strbuf_addf(&u.text, ", and %zu more", u.n - USES_MAX);
	if (u.n)
		status = diag_fail(app, name, EBUSY, "end its use first", "busy: %s",
				   u.text.failed ? "it is in use" : u.text.s);
	else if (disk)
		status = check_alone(app, name, s);
	strbuf_free(&u.text);
	return status;
}

/* ---- flushing ---- */

static int flush_node(const char *node)
{
	int fd = open(node, O_RDWR | O_EXCL | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == EROFS || errno == EACCES))
		fd = open(node, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno;
	if (fsync(fd) < 0)
		return errno;
	return ioctl(fd, BLKFLSBUF, 0) < 0 ? errno : 0;
}

enum status vduse_flush(struct app *app, const char *name, const char *node, bool force)
{
	int ms = app_limit_ms(app, VDUSE_FLUSH_MS);
	int r = run_apart(flush_node, node, ms);

	if (r == -ETIMEDOUT)
		return diag_fail(app, name, ETIMEDOUT, "is its back end away?",
				 "%s could not be written back within %g s", node, ms / 1000.0);
	if (r < 0)
		return diag_fail(app, name, -r, NULL, "cannot write back %s: %s", node,
				 strerror(-r));
	if (r == EBUSY)
		return fail_exclusive(app, name, node);
	if (r && force)
		diag_note(app, "what was not on the disk yet is lost: %s: %s", node, strerror(r));
	else if (r)
		return diag_fail(app, name, r == ENXIO ? EIO : r, NULL,
				 "%s could not be written back: %s", node, strerror(r));
	return ST_OK;
}
