/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

static int fail(struct runtime *rt, struct err *err, const char *file, const char *what)
{
	int code = -errno;

	return err_set(err, code, "%s/%s: %s: %s", rt->path, file, what, strerror(-code));
}

/* Each directory of the path that is missing. */
static int make_path(const char *path)
{
	char part[512];
	size_t len = strlen(path);

	if (!len || len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static bool private_to_us(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & 077);
}

static int open_dir(struct runtime *rt, bool create, struct err *err)
{
	struct stat st;

	if (create) {
		rt->made = !mkdirat(rt->base, rt->name, 0700);
		if (!rt->made && errno != EEXIST)
			return fail(rt, err, "", "can't be made");
	}
	rt->dir = openat(rt->base, rt->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rt->dir < 0)
		return fail(rt, err, "", "can't be opened");
	if (fstat(rt->dir, &st))
		return fail(rt, err, "", "can't be read");
	if (!private_to_us(&st))
		return err_set(err, -EPERM, "%s: expected a directory of user %u that nobody else may use", rt->path,
			       (unsigned)geteuid());
	return 0;
}

static int take_lock(struct runtime *rt, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat st;

	rt->lock = openat(rt->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (rt->lock < 0)
		return fail(rt, err, "lock", "can't be opened");
	if (!fcntl(rt->lock, F_OFD_SETLK, &lock)) {
		/* Who had it removes it with all the rest. */
		if (!fstat(rt->lock, &st) && st.st_nlink)
			return 0;
		return err_set(err, -EBUSY, "%s was just deleted, try again", rt->name);
	}
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, -EBUSY, "%s is served by another vdused already", rt->name);
	return fail(rt, err, "lock", "can't be locked");
}

static int open_dirs(struct runtime *rt, const char *base, const char *name, bool create, struct err *err)
{
	int ret = create ? make_path(base) : 0;

	rt->name = name;
	snprintf(rt->path, sizeof(rt->path), "%.400s/%s", base, name);
	if (ret)
		return err_set(err, ret, "%s: can't be made: %s", base, strerror(-ret));
	rt->base = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rt->base < 0)
		return err_set(err, -errno, "%s: %s", base, strerror(errno));
	return open_dir(rt, create, err);
}

int runtime_open(struct runtime *rt, const char *base, const char *name, bool create, struct err *err)
{
	int ret = open_dirs(rt, base, name, create, err);

	if (!ret)
		ret = take_lock(rt, err);
	/* Whoever has the lock has the directory, too. */
	if (ret == -EBUSY)
		rt->made = false;
	return ret;
}

int runtime_look(struct runtime *rt, const char *base, const char *name, struct err *err)
{
	return open_dirs(rt, base, name, false, err);
}

int runtime_file(struct runtime *rt, const char *file, bool create, struct err *err)
{
	int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd CLEANUP_CLOSE = -1;
	struct stat st;
	int out;

	if (create) {
		if (unlinkat(rt->dir, file, 0) && errno != ENOENT)
			return fail(rt, err, file, "can't be replaced");
		flags |= O_CREAT | O_EXCL;
	}
	fd = openat(rt->dir, file, flags, 0600);
	if (fd < 0 || fstat(fd, &st))
		return fail(rt, err, file, "can't be opened");
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || !private_to_us(&st))
		return err_set(err, -EPERM, "%s/%s: expected an ordinary file of user %u that nobody else may use",
			       rt->path, file, (unsigned)geteuid());
	out = fd;
	fd = -1;
	return out;
}

int runtime_write(struct runtime *rt, const char *file, const void *data, size_t len, struct err *err)
{
	char temporary[64];
	int ret;

	snprintf(temporary, sizeof(temporary), "%s.new", file);
	{
		int fd CLEANUP_CLOSE = runtime_file(rt, temporary, true, err);

		if (fd < 0)
			return fd;
		errno = ENOSPC;
		if (write(fd, data, len) != (ssize_t)len) {
			ret = fail(rt, err, file, "can't be written");
			unlinkat(rt->dir, temporary, 0);
			return ret;
		}
	}
	return renameat(rt->dir, temporary, rt->dir, file) ? fail(rt, err, file, "can't be replaced") : 0;
}

int runtime_socket(struct runtime *rt, struct err *err)
{
	int fd CLEANUP_CLOSE = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int out;

	/* By the directory's descriptor: the path itself may be longer than an address can be. */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/control", rt->dir);
	if (fd < 0 || (unlinkat(rt->dir, "control", 0) && errno != ENOENT) || fchmod(fd, 0600) ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, 16))
		return fail(rt, err, "control", "the socket can't be made");
	out = fd;
	fd = -1;
	return out;
}

void runtime_remove(struct runtime *rt)
{
	static const char *const files[] = { "control", "state", "options", "options.new", "lock" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlinkat(rt->dir, files[i], 0);
	unlinkat(rt->base, rt->name, AT_REMOVEDIR);
}

void runtime_remove_memory(const struct runtime *rt)
{
	char memory[512];

	snprintf(memory, sizeof(memory), VDUSED_MEMORY_PREFIX "%s", rt->name);
	unlink(memory);
}

void runtime_close(struct runtime *rt)
{
	int *fds[] = { &rt->lock, &rt->dir, &rt->base };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
