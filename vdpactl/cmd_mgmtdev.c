// SPDX-License-Identifier: GPL-2.0-or-later
/* mgmtdev show */
#include "command.h"
#include "items.h"
#include "json_dl.h"
#include "view.h"

static void print_one(struct app *app, const struct vdpa_mgmtdev *m)
{
	struct view view = view_of(app);

	if (app->opt.json)
		out_member(app, vdpa_mgmtdev_get_handle(m), view_json_mgmtdev(&view, m));
	else
		view_text_mgmtdev(&app->out, &view, m);
}

static enum status show_all(struct app *app)
{
	CLEANUP(cleanup_vdpa_mgmtdev_list_unref_cb) struct vdpa_mgmtdev_list *list = NULL;

	if (vdpa_mgmtdev_list(app->ctx, &list) < 0)
		return diag_ctx(app, NULL);
	for (size_t i = 0; i < vdpa_mgmtdev_list_get_size(list); i++)
		print_one(app, vdpa_mgmtdev_list_get(list, i));
	return ST_OK;
}

static enum status show_named(struct app *app, const char *handle)
{
	CLEANUP(cleanup_vdpa_mgmtdev_unref_cb) struct vdpa_mgmtdev *m = NULL;

	if (vdpa_mgmtdev_get(app->ctx, handle, &m) < 0)
		return diag_ctx(app, handle);
	print_one(app, m);
	return ST_OK;
}

static enum status run(struct app *app, const struct args *args)
{
	return items_show(app, args, "mgmtdev", show_all, show_named);
}

static const struct arg args[] = {
	{
		.kind = VALUE_MGMTDEV,
		.has = HAS_ITEMS,
		.metavar = "MGMTDEV",
		.help = "management devices, BUS/NAME or NAME as listed; all when none is given",
		.repeat = true,
	},
	ARG_END,
};

const struct command cmd_mgmtdev_show = {
	.name = "show",
	.alias = "list",
	.summary = "show the management devices and what their devices can have",
	.match = MATCH_PREFIX,
	.args = args,
	.run = run,
};
