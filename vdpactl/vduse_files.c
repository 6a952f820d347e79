// SPDX-License-Identifier: GPL-2.0-or-later
/* The runtime directory of the daemons, and VDUSE devices as the kernel shows them. */
#include "vduse.h"

#include "common/vdused_paths.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vduse.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#define RUNTIME_DIR VDUSED_RUNTIME_DIR
#define CLASS_DIR "/sys/class/vduse"
#define CONTROL "/dev/vduse/control"
#define NAME_MAX_OCTETS 128
#define POLL_MS 10

const char *vduse_runtime_dir(void)
{
	const char *dir = getenv("VDUSED_RUNTIME_DIR");

	return dir && *dir ? dir : RUNTIME_DIR;
}

bool vduse_is_name(const char *name)
{
	if (!isalnum((unsigned char)*name) && *name != '_')
		return false;
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	}
	return strlen(name) <= NAME_MAX_OCTETS && strcmp(name, "control") != 0;
}

enum status vduse_check_name(struct app *app, const char *name)
{
	if (vduse_is_name(name))
		return ST_OK;
	return diag_usage(app,
			  "%s: name \"%s\" is not 1 to %d letters, digits, '.', '_' and '-', the "
			  "first a letter, digit or '_', and not \"control\"",
			  app->path, name, NAME_MAX_OCTETS);
}

/* ---- names ---- */

void vduse_names_free(struct vduse_names *names)
{
	for (size_t i = 0; i < names->size; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct vduse_names){ 0 };
}

static int add_name(struct vduse_names *names, const char *name)
{
	char **more = names->names;

	/* The capacity is the power of two that holds size. */
	if (!(names->size & (names->size - 1))) {
		more = reallocarray(more, names->size ? names->size * 2 : 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		names->names = more;
	}
	more[names->size] = strdup(name);
	if (!more[names->size])
		return -ENOMEM;
	names->size++;
	return 0;
}

static int add_names(struct vduse_names *names, const char *path, unsigned char type)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(path);
	const struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!r && (e = readdir(d))) {
		if (vduse_is_name(e->d_name) && (e->d_type == type || e->d_type == DT_UNKNOWN))
			r = add_name(names, e->d_name);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int vduse_names(struct vduse_names *names)
{
	size_t n = 0;
	int r;

	*names = (struct vduse_names){ 0 };
	r = add_names(names, vduse_runtime_dir(), DT_DIR);
	if (!r)
		r = add_names(names, CLASS_DIR, DT_LNK);
	if (r < 0) {
		vduse_names_free(names);
		return r;
	}
	if (!names->size)
		return 0;
	qsort(names->names, names->size, sizeof(*names->names), compare);
	for (size_t i = 1; i < names->size; i++) {
		if (strcmp(names->names[n], names->names[i]))
			names->names[++n] = names->names[i];
		else
			free(names->names[i]);
	}
	names->size = n + 1;
	return 0;
}

static bool is_entry(const char *dir, const char *name)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;

	strbuf_addf(&path, "%s/%s", dir, name);
	return !path.failed && access(path.s, F_OK) == 0;
}

bool vduse_device_exists(const char *name)
{
	return is_entry(CLASS_DIR, name);
}

bool vduse_is_taken(const char *name)
{
	return is_entry("/sys/bus/vdpa/devices", name);
}

/* The kernel makes it below the VDUSE device, which is of the class vduse. */
bool vduse_is_device(const struct vdpa_sysdev *s)
{
	const char *bus = vdpa_sysdev_get_parent_bus(s);

	return bus && !strcmp(bus, "vduse");
}

int vduse_get_device(struct app *app, const char *name, struct vdpa_sysdev **s)
{
	int r = vdpa_sysdev_get(app->ctx, name, s);

	if (r || vduse_is_device(*s))
		return r;
	*s = vdpa_sysdev_unref(*s);
	return -ENODEV;
}

/* ---- the directory of a device ---- */

int vduse_open_dir(const char *name)
{
	CLEANUP_CLOSE int top = open(vduse_runtime_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (top < 0)
		return -errno;
	fd = openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vduse_lock_state(const char *name)
{
	CLEANUP_CLOSE int dir = vduse_open_dir(name);
	CLEANUP_CLOSE int fd = -1;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (dir < 0)
		return dir == -ENOENT ? VDUSE_NO_DIR : dir;
	fd = openat(dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? VDUSE_FREE : -errno;
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type == F_UNLCK ? VDUSE_FREE : VDUSE_HELD;
}

int vduse_wait_gone(const char *name, int timeout_ms)
{
	int64_t end = app_now_ms() + timeout_ms;
	int r;

	while ((r = vduse_lock_state(name)) == VDUSE_HELD) {
		if (app_now_ms() >= end)
			return -ETIMEDOUT;
		app_nap_ms(POLL_MS);
	}
	return r < 0 ? r : 0;
}

/*
 * Takes the device's lock, so that no daemon comes: a descriptor, -ENOENT (the directory has gone),
 * -EBUSY (a daemon lives) or -errno.
 */
static int take_lock(int top, int dir, const char *name)
{
	CLEANUP_CLOSE int there = -1;
	CLEANUP_CLOSE int fd =
		openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat ours, now;
	int r;

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
	/* Whoever had it before may have removed all this, and another may have made it anew. */
	there = openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (there < 0 || fstatat(there, "lock", &now, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstat(fd, &ours) < 0)
		return -errno;
	if (now.st_ino != ours.st_ino || now.st_dev != ours.st_dev)
		return -EBUSY;
	r = fd;
	fd = -1;
	return r;
}

/*
 * The lock's file last: without it another daemon may have the directory.  Anybody may make
 * things in the memory's: what is no file there was never a disk.
 */
static int remove_dir(int top, int dir, const char *name)
{
	static const char *const files[] = { "control", "state", "options", "options.new", "lock" };
	char memory[512];

	snprintf(memory, sizeof(memory), VDUSED_MEMORY_PREFIX "%s", name);
	if (unlink(memory) < 0 && errno != ENOENT && errno != EISDIR)
		return -errno;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (unlinkat(dir, files[i], 0) < 0 && errno != ENOENT)
			return -errno;
	}
	return unlinkat(top, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

static int destroy_device(const char *name)
{
	CLEANUP_CLOSE int fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	char buf[VDUSE_NAME_MAX] = "";
	uint64_t version = 0;

	if (fd < 0)
		return -errno;
	strncpy(buf, name, sizeof(buf) - 1);
	/* A descriptor that asks for nothing may get a later version. */
	if (ioctl(fd, VDUSE_SET_API_VERSION, &version) < 0 || ioctl(fd, VDUSE_DESTROY_DEV, buf) < 0)
		return -errno;
	return 0;
}

int vduse_remove(const char *name)
{
	/* First: a daemon makes its directory before the device. */
	bool exists = vduse_device_exists(name);
	CLEANUP_CLOSE int top = open(vduse_runtime_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int dir = vduse_open_dir(name);
	CLEANUP_CLOSE int lock = -1;
	int r;

	if (dir == -ENOENT)
		return exists ? destroy_device(name) : 0;
	if (dir < 0)
		return dir;
	lock = take_lock(top, dir, name);
	if (lock < 0)
		return lock == -ENOENT ? 0 : lock;
	r = vduse_device_exists(name) ? destroy_device(name) : 0;
	return r ? r : remove_dir(top, dir, name);
}
