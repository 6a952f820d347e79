// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dev link, dev unlink: the node of a device that vhost_vdpa has, under the
 * device's name.  As the char device has no event of its own, the udev rule
 * waits for those of the vdpa bus and runs `dev link from_udev`.
 */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "link.h"

/*
 * What the device is like now decides, not what the event said: an event may be
 * handled when the next ones have happened already.
 */
static enum status sync_link(struct app *app, const char *name)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *sysdev = NULL;
	struct link_owner owner = { 0 };
	enum status status = app_context(app);

	if (status)
		return status;
	if (vdpa_sysdev_get(app->ctx, name, &sysdev) < 0 || !vdpa_sysdev_get_chardev(sysdev))
		return link_drop(app, name);
	status = link_owner_of_conf(app, &owner);
	return status ? status : link_make_new(app, name, &owner);
}

/* The kernel's own variable: nothing that a shell or udev took apart. */
static enum status run_from_udev(struct app *app)
{
	const char *path = getenv("DEVPATH"), *subsystem = getenv("SUBSYSTEM");
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!slash || !slash[1] || !subsystem || strcmp(subsystem, "vdpa") != 0)
		return diag_fail(app, NULL, EINVAL, NULL,
				 "the environment tells of no event of a vDPA device "
				 "(DEVPATH and SUBSYSTEM)");
	return sync_link(app, slash + 1);
}

static enum status run_link(struct app *app, const struct args *args)
{
	struct link_owner owner;
	enum status status;

	if (args->has & HAS_FROM_UDEV && args->n_items)
		return diag_usage(app, "%s: from_udev takes no device", app->path);
	if (args->has & HAS_FROM_UDEV)
		return run_from_udev(app);
	if (!args->n_items)
		return diag_usage(app, "%s: a device name is expected", app->path);
	status = link_owner_of_args(app, args, &owner);
	if (!status)
		status = link_owner_of_conf(app, &owner);
	return status ? status : link_make(app, args->name, &owner);
}

static enum status run_unlink(struct app *app, const struct args *args)
{
	return link_drop(app, args->name);
}

static const struct arg link_args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "the name of a device that is bound to vhost_vdpa",
	},
	LINK_ARGS(HAS_FROM_UDEV),
	{
		.word = "from_udev",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_FROM_UDEV,
		.help = "for a udev rule: the device is in the environment; make its link, or "
			"remove it when it has no char device any more",
		.conflicts = HAS_LINK_OWNER,
	},
	ARG_END,
};

static const struct arg unlink_args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "the name of a device, which need not be there any more",
		.required = true,
	},
	ARG_END,
};

const struct command cmd_dev_link = {
	.name = "link",
	.summary = "set the owner of a device's char device, and link it by its name (needs root)",
	.match = MATCH_NEW,
	.args = link_args,
	.run = run_link,
};

const struct command cmd_dev_unlink = {
	.name = "unlink",
	.summary = "remove that link (needs root)",
	.match = MATCH_NEW,
	.args = unlink_args,
	.run = run_unlink,
};
