// SPDX-License-Identifier: GPL-2.0-or-later
/* dev bind, dev unbind */
#include <errno.h>
#include <string.h>

#include "bind.h"
#include "command.h"
#include "dev_args.h"
#include "devs.h"
#include "make.h"
#include "vduse.h"

static unsigned int flags_of(const struct args *args)
{
	return args->has & HAS_FORCE ? VDPA_FORCE : 0;
}

/* A driver that has the device gives up what it made: that must not be in use. */
static enum status check_unused(struct app *app, const struct args *args, const char *next)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	const char *driver;

	if (vdpa_sysdev_get(app->ctx, args->name, &s) < 0)
		return diag_ctx(app, args->name);
	driver = vdpa_sysdev_get_driver(s);
	if (!driver || args->has & HAS_FORCE || (next && !strcmp(driver, next)))
		return ST_OK;
	/* Who has a char device open is the library's to say: that waits. */
	return vdpa_sysdev_get_blockdev(s) ? vduse_check_unused(app, args->name, s) : ST_OK;
}

static void load_virtio_driver(struct app *app, const char *name)
{
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	uint32_t id;

	if (vdpa_dev_get(app->ctx, name, &dev) == 0 && vdpa_dev_get_id(dev, &id) && id < 64)
		bind_load_virtio(app, 1ull << id);
}

static enum status run_bind(struct app *app, const struct args *args)
{
	const struct outcome outcome = OUTCOME_NONE;
	const char *driver = args->dev.driver;
	struct make_plan plan = { .driver = driver };
	enum status status = app_open_section(app, "dev");

	if (!status)
		status = make_owner(app, args, &plan);
	if (!status)
		status = app_connect(app);
	if (!status)
		status = check_unused(app, args, driver);
	if (!status)
		status = bind_load_driver(app, driver);
	if (status)
		return status;
	if (!strcmp(driver, "virtio_vdpa"))
		load_virtio_driver(app, args->name);
	if (vdpa_dev_bind(app->ctx, args->name, driver, flags_of(args)) < 0)
		return diag_ctx(app, args->name);
	link_tidy(args->name);
	if (args->has & HAS_WAIT)
		status = bind_wait(app, args->name, VDPA_WAIT_USABLE,
				   bind_wait_ms(app, args->dev.wait), NULL);
	if (!status && plan.owned)
		status = link_make(app, args->name, &plan.owner);
	return status ? status : devs_print_outcome(app, args->name, &outcome);
}

static const struct arg bind_args[] = {
	DEV_ARG_ONE,
	{
		.word = "driver",
		.match = MATCH_NEW,
		.kind = VALUE_CHOICE,
		.has = HAS_DRIVER,
		.metavar = "DRIVER",
		.help = "vhost_vdpa: a char device for a virtual machine; virtio_vdpa: an "
			"interface or disk of this host",
		.required = true,
		.choices = (const char *const[]){ "vhost_vdpa", "virtio_vdpa", NULL },
		.expected = "\"vhost_vdpa\" or \"virtio_vdpa\"",
		.offset = offsetof(struct args, dev.driver),
	},
	DEV_ARG_WAIT,
	LINK_ARGS(0),
	DEV_ARG_FORCE("take a device that is in use away from its driver, too"),
	ARG_END,
};

const struct command cmd_dev_bind = {
	.name = "bind",
	.summary = "give a device to a driver, whatever has it now (root)",
	.match = MATCH_NEW,
	.args = bind_args,
	.run = run_bind,
};

static enum status run_unbind(struct app *app, const struct args *args)
{
	enum status status = app_context(app);

	if (!status)
		status = check_unused(app, args, NULL);
	if (status)
		return status;
	if (vdpa_dev_unbind(app->ctx, args->name, flags_of(args)) < 0)
		return diag_ctx(app, args->name);
	link_tidy(args->name);
	return ST_OK;
}

static const struct arg unbind_args[] = {
	DEV_ARG_ONE,
	DEV_ARG_FORCE("a device that is in use, too"),
	ARG_END,
};

const struct command cmd_dev_unbind = {
	.name = "unbind",
	.summary = "take a device away from its driver (root)",
	.match = MATCH_NEW,
	.args = unbind_args,
	.run = run_unbind,
};
