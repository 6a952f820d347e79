// SPDX-License-Identifier: GPL-2.0-or-later
/* dev show */
#include <errno.h>

#include "command.h"
#include "items.h"
#include "json_dl.h"
#include "view.h"

struct show {
	struct app *app;
	struct view view;
	struct tally tally;
	bool told_no_statistics;
};

/* What is not there, or just went away, is not shown. */
static void get_sysdev(struct show *show, struct dev_view *d, struct vdpa_sysdev **sysdev,
		       struct vdpa_netdev **netdev)
{
	struct vdpa_ctx *ctx = show->app->ctx;
	const char *ifname;

	if (vdpa_sysdev_get(ctx, vdpa_dev_get_name(d->dev), sysdev) < 0)
		return;
	d->sysdev = *sysdev;
	ifname = vdpa_sysdev_get_netdev(*sysdev);
	if (ifname && vdpa_netdev_get(ctx, ifname, netdev) == 0)
		d->netdev = *netdev;
}

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

static void print_one(struct show *show, const struct vdpa_dev *dev)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *sysdev = NULL;
	CLEANUP(cleanup_vdpa_netdev_unref_cb) struct vdpa_netdev *netdev = NULL;
	CLEANUP(cleanup_vdpa_vstats_list_unref_cb) struct vdpa_vstats_list *vstats = NULL;
	struct dev_view d = { .dev = dev };
	struct app *app = show->app;

	if (app->opt.details)
		get_sysdev(show, &d, &sysdev, &netdev);
	if (app->opt.statistics && vdpa_dev_is_managed(dev))
		get_vstats(show, &d, &vstats);
	if (app->opt.json)
		out_member(app, vdpa_dev_get_name(dev), view_json_dev(&show->view, &d));
	else
		view_text_dev(&app->out, &show->view, &d);
}

static enum status show_all(struct show *show)
{
	CLEANUP(cleanup_vdpa_dev_list_unref_cb) struct vdpa_dev_list *list = NULL;
	struct app *app = show->app;

	if (vdpa_dev_list(app->ctx, &list) < 0)
		return diag_ctx(app, NULL);
	for (size_t i = 0; i < vdpa_dev_list_get_size(list); i++) {
		const struct vdpa_dev *dev = vdpa_dev_list_get(list, i);
		const struct vdpa_error *err = vdpa_dev_get_error(dev);

		if (err) {
			tally_add(&show->tally, diag_error(app, vdpa_dev_get_name(dev), err, NULL));
			continue;
		}
		/* The kernel's listing hides them, and so does vdpa's. */
		if (!vdpa_dev_is_managed(dev) && !app->opt.details)
			continue;
		print_one(show, dev);
		tally_add(&show->tally, ST_OK);
	}
	return app->legacy ? ST_OK : tally_status(&show->tally);
}

static enum status show_named(struct show *show, const char *name)
{
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	struct app *app = show->app;

	if (vdpa_dev_get(app->ctx, name, &dev) < 0)
		return diag_ctx(app, name);
	if (app->legacy && !vdpa_dev_is_managed(dev))
		return diag_fail(app, name, EINVAL, NULL, "vdpa: unmanaged device");
	print_one(show, dev);
	return ST_OK;
}

static enum status run(struct app *app, const struct args *args)
{
	struct show show = { .app = app, .view = view_of(app) };
	long n = items_unique(args->items, args->n_items);
	enum status status = app_begin_section(app, "dev");

	if (status)
		return status;
	if (n < 0)
		return diag_error(app, NULL, NULL, NULL);
	if (!n)
		return show_all(&show);
	for (long i = 0; i < n; i++)
		tally_add(&show.tally, show_named(&show, args->items[i]));
	return tally_status(&show.tally);
}

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "names of devices; all when none is given",
		.repeat = true,
	},
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
