// SPDX-License-Identifier: GPL-2.0-or-later
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "dev_args.h"
#include "vduse.h"

#define LOCK_FILE BIND_LOCK_DIR "/bind.lock"
#define LOCK_MS 30000
#define POLL_MS 20
#define SLICE_MS 100

/* ---- modules ---- */

bool bind_has_driver(const char *bus, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/%s/drivers/%s", bus, driver);
	return access(path, F_OK) == 0;
}

int bind_modprobe(const struct app *app, const char *const *argv, int timeout_ms)
{
	int ms = app_limit_ms(app, timeout_ms);
	int r = vduse_run("modprobe", argv, ms);

	return r == -ENOENT ? vduse_run("/sbin/modprobe", argv, ms) : r;
}

void bind_load_virtio(struct app *app, uint64_t classes)
{
	static const char *const drivers[] = {
		[VDPA_ID_NET] = "virtio_net", [VDPA_ID_BLOCK] = "virtio_blk"
	};

	for (size_t id = VDPA_ID_NET; id <= VDPA_ID_BLOCK; id++) {
		const char *argv[] = { "modprobe", "-q", drivers[id], NULL };

		if (classes >> id & 1 && !bind_has_driver("virtio", drivers[id]))
			(void)bind_modprobe(app, argv, BIND_MODPROBE_MS);
	}
}

enum status bind_modprobe_drivers(struct app *app, const char *const *argv, int timeout_ms)
{
	struct autoprobe autoprobe = { .fd = -1 };
	enum status status = app_context(app);
	sigset_t before;

	if (status)
		return status;
	/* Whoever interrupts this does not leave it off. */
	vduse_hold_signals(&before);
	/* Without the bus there is no device yet; without privileges there is no module. */
	if (geteuid() == 0 && access("/sys/bus/vdpa", F_OK) == 0)
		status = bind_autoprobe_off(app, NULL, &autoprobe);
	if (!status)
		(void)bind_modprobe(app, argv, timeout_ms);
	bind_autoprobe_back(app, &autoprobe);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

enum status bind_load_driver(struct app *app, const char *driver)
{
	const char *argv[] = { "modprobe", "-q", "-a", driver, NULL };
	enum status status;
	char hint[64];

	if (bind_has_driver("vdpa", driver))
		return ST_OK;
	status = bind_modprobe_drivers(app, argv, BIND_MODPROBE_MS);
	if (status)
		return status;
	if (bind_has_driver("vdpa", driver))
		return ST_OK;
	snprintf(hint, sizeof(hint), "load it: `modprobe %s`", driver);
	return diag_fail(app, NULL, EOPNOTSUPP, hint, "the vdpa bus has no driver \"%s\"", driver);
}

/* ---- autoprobe ---- */

/* flock() with a deadline, and an end when a signal came: 0 or -errno. */
static int lock(const struct app *app, int fd, int operation, int timeout_ms)
{
	int64_t end = app_now_ms() + timeout_ms;

	while (flock(fd, operation | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (vduse_interrupted(app))
			return -EINTR;
		if (app_now_ms() >= end)
			return -ETIMEDOUT;
		app_nap_ms(POLL_MS);
	}
	return 0;
}

/* Makes the file, and its directory: a descriptor or -errno. */
static int open_lock(const char *path)
{
	int fd;

	if (mkdir(BIND_LOCK_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int bind_lock(const struct app *app, const char *path, int timeout_ms)
{
	int fd = open_lock(path), r;

	if (fd < 0)
		return fd;
	r = lock(app, fd, LOCK_EX, timeout_ms);
	if (!r)
		return fd;
	close(fd);
	return r;
}

/*
 * The file has text while autoprobe is off and was on: whoever held the lock
 * before may have been killed meanwhile.
 */
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

enum status bind_autoprobe_off(struct app *app, const char *name, struct autoprobe *a)
{
	*a = (struct autoprobe){ .fd = -1 };
	if (app->autoprobe_off)
		return ST_OK;
	a->fd = bind_lock(app, LOCK_FILE, app_limit_ms(app, LOCK_MS));
	if (a->fd == -EINTR)
		return diag_fail(app, name, EINTR, NULL, "interrupted");
	if (a->fd < 0)
		return diag_fail(app, name, -a->fd, NULL, "cannot lock %s: %s", LOCK_FILE,
				 a->fd == -ETIMEDOUT ? "another vdpactl holds it" :
						       strerror(-a->fd));
	app->autoprobe_off = switch_off(app, a->fd, &a->was) == 0;
	if (app->autoprobe_off)
		return ST_OK;
	close(a->fd);
	a->fd = -1;
	return diag_ctx(app, name);
}

void bind_autoprobe_back(struct app *app, struct autoprobe *a)
{
	if (a->fd < 0)
		return;
	if (switch_back(app, a->fd, a->was) < 0)
		diag_note(app,
			  "drivers_autoprobe of the vdpa bus is off and cannot be switched on");
	close(a->fd);
	a->fd = -1;
	app->autoprobe_off = false;
}

/* The library's words are for the last slice; what it found out is its hint. */
static enum status fail_timeout(struct app *app, const char *name, enum vdpa_condition condition,
				int ms)
{
	struct vdpa_error *err = vdpa_error_ref(vdpa_ctx_get_error(app->ctx));
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	const char *driver = NULL;
	enum status status;

	if (condition == VDPA_WAIT_USABLE && vdpa_sysdev_get(app->ctx, name, &s) == 0)
		driver = vdpa_sysdev_get_driver(s);
	if (driver)
		status = diag_fail(app, name, ETIMEDOUT, vdpa_error_get_hint(err),
				   "%s made no device node or interface of \"%s\" within %g s",
				   driver, name, ms / 1000.0);
	else
		status = diag_fail(app, name, ETIMEDOUT, vdpa_error_get_hint(err),
				   "device \"%s\" is not %s after %g s", name,
				   vdpa_condition_name(condition), ms / 1000.0);
	vdpa_error_unref(err);
	return status;
}

int bind_autoprobe_keep(struct app *app)
{
	int fd = open_lock(LOCK_FILE);
	struct stat st;
	int r;

	if (fd < 0)
		return -1;
	r = lock(app, fd, LOCK_SH, app_limit_ms(app, LOCK_MS));
	if (!r && fstat(fd, &st) == 0 && st.st_size) {
		r = lock(app, fd, LOCK_EX, app_limit_ms(app, LOCK_MS));
		if (!r)
			(void)switch_back(app, fd, true);
	}
	if (!r)
		return fd;
	close(fd);
	return -1;
}

int bind_wait_ms(const struct app *app, uint64_t seconds)
{
	bool said = seconds != DEV_WAIT_DEFAULT;

	if (!said)
		seconds = app->opt.has_timeout ? app->opt.timeout : DEV_WAIT_SECONDS;
	return (int)seconds * 1000;
}

/*
 * A blocked signal does not end vdpa_dev_wait(), so it is called for a slice of the time
 * again and again.
 */
enum status bind_wait(struct app *app, const char *name, enum vdpa_condition condition,
		      int timeout_ms, struct vdpa_sysdev **sysdev)
{
	int limit = app_limit_ms(app, timeout_ms);
	int64_t end = app_now_ms() + limit;

	for (bool first = true;; first = false) {
		int64_t left = end - app_now_ms();
		int r = vdpa_dev_wait(app->ctx, name, condition,
				      left > SLICE_MS ? SLICE_MS :
				      left > 0	      ? (int)left :
							0,
				      sysdev);

		if (!r)
			return ST_OK;
		/* It was there: somebody makes it anew. */
		if (r == -ENODEV && !first)
			app_nap_ms(left > POLL_MS ? POLL_MS : 0);
		else if (r != -ETIMEDOUT)
			return diag_ctx(app, name);
		if (vduse_interrupted(app))
			return diag_fail(app, name, EINTR, NULL, "interrupted");
		if (left <= 0)
			return fail_timeout(app, name, condition, limit);
	}
}

enum status bind_driver(struct app *app, const char *name, const char *driver, unsigned int flags,
			int timeout_ms, struct vdpa_sysdev **sysdev)
{
	if (vdpa_dev_bind(app->ctx, name, driver, flags) < 0)
		return diag_ctx(app, name);
	return bind_wait(app, name, VDPA_WAIT_USABLE, timeout_ms, sysdev);
}
