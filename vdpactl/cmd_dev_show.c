// SPDX-License-Identifier: GPL-2.0-or-later
/* dev show */
#include <errno.h>

#include "command.h"
#include "dev_args.h"
#include "devs.h"
#include "json_dl.h"

struct show {
	struct app *app;
	struct view view;
	bool told_no_statistics;
};

static void get_vstats(struct show *show, struct dev_view *d, struct vdpa_vstats_list **vstats)
{
	struct app *app = show->app;
	int r = vdpa_vstats_list(app->ctx, vdpa_dev_get_name(d->dev), vstats);

	if (r == 0) {
		if (vdpa_vstats_list_get_size(*vstats))
			d->vstats = *vstats;
		return;
	}
	if (r == -EPERM && !show->told_no_statistics) {
		show->told_no_statistics = true;
		diag_note(app, "statistics are left out: they need CAP_NET_ADMIN");
	}
}

static void print_one(struct show *show, const struct devs *devs, size_t i)
{
	CLEANUP(cleanup_vdpa_vstats_list_unref_cb) struct vdpa_vstats_list *vstats = NULL;
	struct dev_view d = devs_view(devs, i);
	struct app *app = show->app;

	if (app->opt.statistics && vdpa_dev_is_managed(d.dev))
		get_vstats(show, &d, &vstats);
	if (app->opt.json)
		out_member(app, vdpa_dev_get_name(d.dev), view_json_dev(&show->view, &d));
	else
		view_text_dev(&app->out, &show->view, &d);
}

/* The kernel's listing hides devices that their driver made, and so does vdpa's. */
static enum status print_all(struct show *show, const struct devs *devs)
{
	struct app *app = show->app;
	struct tally tally = { 0 };

	for (size_t i = 0; i < devs->n; i++) {
		const struct vdpa_dev *dev = devs->v[i].dev;
		bool managed = vdpa_dev_is_managed(dev);

		if (!managed && app->legacy && !devs->all) {
			tally_add(&tally, diag_fail(app, vdpa_dev_get_name(dev), EINVAL, NULL,
						    "vdpa: unmanaged device"));
			continue;
		}
		if (!managed && devs->all && !app->opt.details)
			continue;
		print_one(show, devs, i);
		tally_add(&tally, ST_OK);
	}
	return tally_status(&tally);
}

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(devs_free) struct devs devs = { 0 };
	struct show show = { .app = app, .view = view_of(app) };
	enum status status = app_begin_section(app, "dev");
	struct tally tally = { 0 };

	if (status)
		return status;
	status = devs_select(app, args, false, &devs, &tally);
	if (!status && app->opt.details)
		status = devs_details(app, &devs);
	if (status)
		return status;
	status = print_all(&show, &devs);
	if (status || devs.n)
		tally_add(&tally, status);
	/* `vdpa` shows what there is, and that is that. */
	return app->legacy && devs.all ? ST_OK : tally_status(&tally);
}

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "names of devices, or patterns like 'vm*'; all when none is given",
		.repeat = true,
	},
	DEV_ARG_OF_MGMTDEV,
	DEV_ARG_OF_TYPE,
	DEV_ARG_OF_DRIVER,
	ARG_END,
};

const struct command cmd_dev_show = {
	.name = "show",
	.alias = "list",
	.summary = "show devices",
	.match = MATCH_PREFIX,
	.args = args,
	.run = run,
};
