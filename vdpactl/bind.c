// SPDX-License-Identifier: GPL-2.0-or-later
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "vduse.h"

#define LOCK_FILE BIND_LOCK_DIR "/bind.lock"
#define LOCK_MS 30000
#define MODPROBE_MS 30000
#define POLL_MS 20
#define SLICE_MS 100

/* ---- modules ---- */

bool bind_has_driver(const char *bus, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/%s/drivers/%s", bus, driver);
	return access(path, F_OK) == 0;
}

int bind_modprobe(const char *const *argv)
{
	int r = vduse_run("modprobe", argv, MODPROBE_MS);

	return r == -ENOENT ? vduse_run("/sbin/modprobe", argv, MODPROBE_MS) : r;
}

enum status bind_load_driver(struct app *app, const char *driver)
{
	const char *argv[] = { "modprobe", "-q", "-a", driver, NULL };
	char hint[64];

	if (bind_has_driver("vdpa", driver))
		return ST_OK;
	(void)bind_modprobe(argv);
	if (bind_has_driver("vdpa", driver))
		return ST_OK;
	snprintf(hint, sizeof(hint), "load it: `modprobe %s`", driver);
	return diag_fail(app, NULL, EOPNOTSUPP, hint, "the vdpa bus has no driver \"%s\"", driver);
}

/* ---- autoprobe ---- */

int bind_lock(const char *path, int timeout_ms)
{
	int64_t end = vduse_now_ms() + timeout_ms;
	int fd;

	if (mkdir(BIND_LOCK_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
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

/* The file has text while autoprobe is off and was on: whoever held the lock before may have been killed with autoprobe off. */
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
	a->was = false;
	a->fd = bind_lock(LOCK_FILE, app_limit_ms(app, LOCK_MS));
	if (a->fd == -EINTR)
		return diag_fail(app, name, EINTR, NULL, "interrupted");
	if (a->fd < 0)
		return diag_fail(app, name, -a->fd, NULL, "cannot lock %s: %s", LOCK_FILE,
				 a->fd == -ETIMEDOUT ? "another vdpactl holds it" :
						       strerror(-a->fd));
	if (switch_off(app, a->fd, &a->was) == 0)
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
}

enum status bind_driver(struct app *app, const char *name, const char *driver, bool force,
			int timeout_ms, struct vdpa_sysdev **sysdev)
{
	int64_t end = vduse_now_ms() + timeout_ms;
	int r;

	r = vdpa_dev_bind(app->ctx, name, driver, force ? VDPA_FORCE : 0);
	while (!r) {
		int64_t left = end - vduse_now_ms();

		r = vdpa_dev_wait(app->ctx, name, VDPA_WAIT_USABLE, left > SLICE_MS ? SLICE_MS : 0,
				  sysdev);
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
