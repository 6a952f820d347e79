// SPDX-License-Identifier: GPL-2.0-or-later
/* From a VDUSE device to a device node: modules, DEV_NEW, driver. */
#include "vduse.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "bind.h"

bool vduse_interrupted(const struct app *app)
{
	sigset_t pending;

	return !app->must_finish && sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
		sigismember(&pending, SIGHUP) == 1);
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
	if (virtio && !bind_has_driver("virtio", "virtio_blk"))
		argv[n++] = "virtio_blk";
	if (n > 3)
		(void)bind_modprobe(app, argv, BIND_MODPROBE_MS);
	if (access("/dev/vduse/control", F_OK) < 0)
		return diag_fail(app, NULL, EOPNOTSUPP,
				 "`modprobe vduse`; the kernel needs CONFIG_VDPA_USER",
				 "this kernel has no VDUSE: /dev/vduse/control is missing");
	if (access("/dev/vduse/control", R_OK | W_OK) < 0)
		return diag_fail(app, NULL, errno, "this needs root", "/dev/vduse/control: %s",
				 strerror(errno));
	return driver ? bind_load_driver(app, driver) : ST_OK;
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
	struct autoprobe autoprobe;
	enum status status = bind_autoprobe_off(app, name, &autoprobe);
	int r;

	if (status)
		return status;
	r = add(app, name);
	if (r < 0)
		status = fail_add(app, name, r);
	bind_autoprobe_back(app, &autoprobe);
	return status;
}
