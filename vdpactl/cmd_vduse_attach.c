// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse attach: what `vduse add` does after it started the daemon, for one
 * that was started by somebody else, as a service manager does.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "bind.h"
#include "command.h"
#include "common/conf.h"
#include "json_dl.h"
#include "make.h"
#include "vduse.h"

/* One key of the file, unless the command line has it; what is wrong is reported with the file's line. */
static enum status take(struct app *app, const char *key, const char *value, struct args *args)
{
	const struct arg *arg = args_find_exact(app->command, key);

	if (!arg || args->has & arg->has || !(arg->has & (HAS_DRIVER | HAS_WAIT)))
		return ST_OK;
	args->has |= arg->has;
	return value_parse(app, arg, (char *)(uintptr_t)value, args);
}

/* The file is vdused's: what is wrong with other keys it has said. */
static enum status read_config(struct app *app, struct args *args)
{
	CLEANUP(conf_free) struct conf conf = CONF_INIT;
	const char *key, *value, *file = app->file;
	enum status status = ST_OK;
	unsigned long line = app->line;
	int r = conf_read(&conf, args->vduse.config);

	if (r)
		return diag_fail(app, args->name, -r, NULL, "cannot read %s: %s",
				 args->vduse.config, strerror(-r));
	app->file = args->vduse.config;
	while (!status && conf_next(&conf, &key, &value)) {
		app->line = conf.line;
		status = take(app, key, value, args);
	}
	app->file = file;
	app->line = line;
	return status;
}

/*
 * A driver that was not asked for stays.  What the file or the default says is
 * for a new device: `dev bind` came later, and a failure here would make a
 * service manager end the daemon that serves the device again.
 */
static enum status check_driver(struct app *app, const char *name, const struct vdpa_sysdev *s,
				bool asked, struct make_plan *plan)
{
	const char *now = vdpa_sysdev_get_driver(s);
	const char *wanted = plan->driver ? plan->driver : "none";

	if (!now || !strcmp(now, wanted))
		return ST_OK;
	if (asked)
		return diag_fail(app, name, EEXIST, NULL,
				 "\"%s\" is attached to %s already, not to %s", name, now, wanted);
	diag_note(app, "\"%s\" is attached to %s already, not to %s, and stays so", name, now,
		  wanted);
	plan->driver = NULL;
	return ST_OK;
}

/* asked: the driver is the command line's. */
static enum status make(struct app *app, const struct args *args, bool asked,
			struct make_plan *plan)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *before = NULL, *sysdev = NULL;
	uint64_t wait = args->has & HAS_WAIT ? args->vduse.wait : VDUSE_WAIT_SECONDS;
	bool there = vduse_get_device(app, args->name, &before) == 0;
	enum status status;

	/* Another parent's device of that name is in the kernel's way, which says so. */
	status = there ? check_driver(app, args->name, before, asked, plan) :
			 vduse_attach(app, args->name);
	if (status)
		return status;
	if (plan->driver)
		status = bind_driver(app, args->name, plan->driver, vduse_served(app, args->name),
				     (int)wait * 1000, &sysdev);
	if (!status && plan->owned)
		status = link_make(app, args->name, &plan->owner);
	if (!status)
		status = vduse_print(app, args->name, true);
	if (!status && vduse_interrupted(app))
		status = diag_fail(app, args->name, EINTR, NULL, "interrupted");
	if (!status || there)
		return status;
	app->must_finish = true;
	if (vduse_take_back(app, args->name))
		diag_note(app, "\"%s\" is left as it is: `vdpactl vduse show %s`", args->name,
			  args->name);
	app->must_finish = false;
	return status;
}

static enum status run(struct app *app, const struct args *given)
{
	struct args args = *given;
	struct make_plan plan = { 0 };
	enum status status = ST_OK;
	const char *driver;
	sigset_t before;
	int lock;

	if (args.has & HAS_CONFIG)
		status = read_config(app, &args);
	if (status)
		return status;
	driver = args.has & HAS_DRIVER ? args.vduse.driver : "virtio_vdpa";
	plan.driver = strcmp(driver, "none") ? driver : NULL;
	status = make_owner(app, &args, &plan);
	if (!status)
		status = vduse_check_served(app, args.name, &lock);
	if (!status)
		status = app_open_section(app, "vduse");
	if (!status && lock == VDUSE_FREE)
		status = vduse_fail_gone(app, args.name);
	if (!status)
		status = vduse_load_modules(app, plan.driver);
	if (!status)
		status = app_connect(app);
	if (status)
		return status;
	vduse_hold_signals(&before);
	status = make(app, &args, given->has & HAS_DRIVER, &plan);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static const struct arg args[] = {
	{
		.kind = VALUE_VDUSE,
		.has = HAS_ITEMS,
		.metavar = "NAME",
		.help = "the device that a daemon serves",
		.required = true,
	},
	VDUSE_DRIVER_ARG("virtio_vdpa (default), vhost_vdpa or none, as for `vduse add`"),
	VDUSE_WAIT_ARG,
	LINK_ARGS(0),
	{
		.word = "config",
		.match = MATCH_NEW,
		.kind = VALUE_TEXT,
		.has = HAS_CONFIG,
		.metavar = "FILE",
		.help = "the file of `vdused --config`: its driver and wait, where they are not given here",
		.expected = "a file's path",
		.offset = offsetof(struct args, vduse.config),
	},
	ARG_END,
};

const struct command cmd_vduse_attach = {
	.name = "attach",
	.summary = "bind what a daemon serves that somebody else started (root)",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
