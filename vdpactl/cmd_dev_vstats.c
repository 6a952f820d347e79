// SPDX-License-Identifier: GPL-2.0-or-later
/* dev vstats show */
#include <errno.h>

#include "command.h"
#include "json_dl.h"
#include "view.h"

static enum status show_one(struct app *app, const char *name, uint32_t index)
{
	CLEANUP(cleanup_vdpa_vstats_unref_cb) struct vdpa_vstats *stats = NULL;
	struct view view = view_of(app);

	if (vdpa_vstats_get(app->ctx, name, index, &stats) < 0)
		return diag_ctx(app, name);
	if (app->opt.json)
		out_member(app, name, view_json_vstats(&view, stats, false));
	else
		view_text_vstats(&app->out, &view, stats, false);
	return ST_OK;
}

static enum status show_all(struct app *app, const char *name)
{
	CLEANUP(cleanup_vdpa_vstats_list_unref_cb) struct vdpa_vstats_list *list = NULL;
	struct view view = view_of(app);

	if (vdpa_vstats_list(app->ctx, name, &list) < 0)
		return diag_ctx(app, name);
	if (app->opt.json)
		out_member(app, name, view_json_vstats_list(&view, list));
	else
		view_text_vstats_list(&app->out, &view, name, list);
	return ST_OK;
}

static enum status run(struct app *app, const struct args *args)
{
	enum status status = app_begin_section(app, "vstats");

	if (status)
		return status;
	/* The answer that the kernel gives to a request without an index. */
	if (app->legacy && !(args->has & HAS_QIDX))
		return diag_fail(app, args->items[0], EINVAL, NULL, "vdpa: qidx is not given");
	if (!(args->has & HAS_QIDX) || args->qidx_all)
		return show_all(app, args->items[0]);
	return show_one(app, args->items[0], args->qidx);
}

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "name of the device",
		.required = true,
	},
	{
		.word = "qidx",
		.match = MATCH_EXACT,
		.kind = VALUE_QIDX,
		.has = HAS_QIDX,
		.metavar = "N|all|ctrlvq",
		.help = "a virtqueue's number, the control virtqueue, or all (the default)",
	},
	ARG_END,
};

const struct command cmd_dev_vstats_show = {
	.name = "show",
	.summary = "show what the device's vendor counts for each virtqueue (needs CAP_NET_ADMIN)",
	.match = MATCH_EXACT,
	.args = args,
	.run = run,
};
