// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a VDUSE device to a device node: modules, DEV_NEW, driver.
 *
 * With the bus's autoprobe on, DEV_NEW probes a driver with the locks of the
 * whole vdpa family held; with VDUSE that means waiting for a daemon.  So it is
 * off meanwhile, under a lock file that every vdpactl takes, and the driver is
 * bound later, with the device's lock alone.
 */
#include "vduse.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_DIR "/run/vdpactl"
#define LOCK_FILE LOCK_DIR "/bind.lock"
#define LOCK_MS 30000
#define MODPROBE_MS 30000
#define POLL_MS 20
#define SLICE_MS 100

bool vduse_interrupted(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
		sigismember(&pending, SIGHUP) == 1);
}

/* ---- modules ---- */

static bool has_driver(const char *bus, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/%s/drivers/%s", bus, driver);
	return access(path, F_OK) == 0;
}

static int modprobe(const char *const *argv)
{
	int r = vduse_run("modprobe", argv, MODPROBE_MS);

	return r == -ENOENT ? vduse_run("/sbin/modprobe", argv, MODPROBE_MS) : r;
}

enum status vduse_load_modules(struct app *app, const char *driver)
{
	const char *argv[8] = { "modprobe", "-q", "-a" };
	bool virtio = driver && !strcmp(driver, "virtio_vdpa");
	size_t n = 3;

	if (access("/sys/bus/vdpa", F_OK) < 0)
		argv[n++] = "vdpa";
	if (access("/dev/vduse/control", F_OK) < 0)
		argv[n++] = "vduse";
	if (driver && !has_driver("vdpa", driver))
		argv[n++] = driver;
	if (virtio && !has_driver("virtio", "virtio_blk"))
		argv[n++] = "virtio_blk";
	if (n > 3)
		(void)modprobe(argv);
	if (access("/dev/vduse/control", F_OK) < 0)
		return diag_fail(app, NULL, EOPNOTSUPP,
				 "`modprobe vduse`; the kernel needs CONFIG_VDPA_USER",
				 "this kernel has no VDUSE: /dev/vduse/control is missing");
	if (access("/dev/vduse/control", R_OK | W_OK) < 0)
		return diag_fail(app, NULL, errno, "this needs root", "/dev/vduse/control: %s",
				 strerror(errno));
	if (driver && !has_driver("vdpa", driver)) {
		char hint[64];

		snprintf(hint, sizeof(hint), "load it: `modprobe %s`", driver);
		return diag_fail(app, NULL, EOPNOTSUPP, hint, "the vdpa bus has no driver \"%s\"",
				 driver);
	}
	return ST_OK;
}

/* ---- autoprobe ---- */

/* The locked file; it has text while autoprobe is off and was on. */
static int open_lock(void)
{
	int64_t end = vduse_now_ms() + LOCK_MS;
	int fd;

	if (mkdir(LOCK_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno;

		if (r == EWOULDBLOCK && vduse_interrupted())
			r = EINTR;
		else if (r == EWOULDBLOCK && vduse_now_ms() >= end)
			r = ETIMEDOUT;
		else if (r == EWOULDBLOCK || r == EINTR) {
			vduse_nap_ms(POLL_MS);
			continue;
		}
		close(fd);
		return -r;
	}
	return fd;
}

/* Whoever held the lock before may have been killed with autoprobe off. */
static int switch_off(struct app *app, int fd, bool *was)
{
	struct stat st;
	int r = vdpa_autoprobe_get(app->ctx, was);

	if (r < 0)
		return r;
	if (fstat(fd, &st) == 0 && st.st_size)
		*was = true;
	if (!*was)
		return 0;
	if (pwrite(fd, "1", 1, 0) != 1)
		*was = false; /* a full disk: leave it as it is, the addition just takes longer */
	return *was ? vdpa_autoprobe_set(app->ctx, false) : 0;
}

static int switch_back(struct app *app, int fd, bool was)
{
	int r = was ? vdpa_autoprobe_set(app->ctx, true) : 0;

	if (!r && was && ftruncate(fd, 0) < 0)
		return 0; /* the next one switches on what is on */
	return r;
}

static int add(struct app *app, const char *name)
{
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;

	if (vdpa_spec_new(&spec) < 0 || vdpa_spec_set_name(spec, name) < 0 ||
	    vdpa_spec_set_mgmtdev(spec, "vduse") < 0)
		return -ENOMEM;
	return vdpa_dev_add(app->ctx, spec, 0);
}

/* The context's error, or out of memory. */
static enum status fail_add(struct app *app, const char *name, int r)
{
	return r == -ENOMEM ? diag_error(app, name, NULL, NULL) : diag_ctx(app, name);
}

enum status vduse_attach(struct app *app, const char *name)
{
	CLEANUP_CLOSE int fd = open_lock();
	enum status status = ST_OK;
	bool was = false;
	int r;

	if (fd == -EINTR)
		return diag_fail(app, name, EINTR, NULL, "interrupted");
	if (fd < 0)
		return diag_fail(app, name, -fd, NULL, "cannot lock %s: %s", LOCK_FILE,
				 fd == -ETIMEDOUT ? "another vdpactl holds it" : strerror(-fd));
	if (switch_off(app, fd, &was) < 0)
		return diag_ctx(app, name);
	r = add(app, name);
	if (r < 0)
		status = fail_add(app, name, r);
	if (switch_back(app, fd, was) < 0)
		diag_note(app,
			  "drivers_autoprobe of the vdpa bus is off and cannot be switched on");
	return status;
}

enum status vduse_bind(struct app *app, const char *name, const char *driver, int timeout_ms,
		       struct vdpa_sysdev **sysdev)
{
	int64_t end = vduse_now_ms() + timeout_ms;
	int r;

	r = vdpa_dev_bind(app->ctx, name, driver, 0);
	while (!r) {
		int64_t left = end - vduse_now_ms();

		r = vdpa_dev_wait(app->ctx, name, left > SLICE_MS ? SLICE_MS : 0, sysdev);
		if (r != -ETIMEDOUT)
			break;
		if (vduse_interrupted())
			return diag_fail(app, name, EINTR, NULL, "interrupted");
		if (left <= 0)
			return diag_fail(app, name, ETIMEDOUT,
					 vdpa_error_get_hint(vdpa_ctx_get_error(app->ctx)),
					 "%s made no device node of \"%s\" within %d s", driver,
					 name, timeout_ms / 1000);
		r = 0;
	}
	return r < 0 ? diag_ctx(app, name) : ST_OK;
}
