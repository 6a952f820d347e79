// SPDX-License-Identifier: GPL-2.0-or-later
/* dev config show */
#include <errno.h>

#include "command.h"
#include "items.h"
#include "json_dl.h"
#include "view.h"

static void print_one(struct app *app, const struct vdpa_config *c)
{
	struct view view = view_of(app);

	if (app->opt.json)
		out_member(app, vdpa_config_get_name(c), view_json_config(&view, c));
	else
		view_text_config(&app->out, &view, c);
}

/* A device in the list that has no answer. */
static enum status skip_one(struct app *app, const struct vdpa_config *c)
{
	const struct vdpa_error *err = vdpa_config_get_error(c);
	const char *name = vdpa_config_get_name(c);
	const char *message = vdpa_error_get_message(err);

	if (!app->legacy && vdpa_error_get_errno(err) == EOPNOTSUPP) {
		diag_note(app, "%s is left out: %s", name,
			  message ? message : "it has no configuration to show");
		return ST_OK;
	}
	return diag_error(app, name, err, NULL);
}

static enum status show_all(struct app *app)
{
	CLEANUP(cleanup_vdpa_config_list_unref_cb) struct vdpa_config_list *list = NULL;
	struct tally tally = { 0 };

	if (vdpa_config_list(app->ctx, &list) < 0)
		return diag_ctx(app, NULL);
	for (size_t i = 0; i < vdpa_config_list_get_size(list); i++) {
		const struct vdpa_config *c = vdpa_config_list_get(list, i);

		if (vdpa_config_get_error(c)) {
			tally_add(&tally, skip_one(app, c));
			continue;
		}
		print_one(app, c);
		tally_add(&tally, ST_OK);
	}
	return app->legacy ? ST_OK : tally_status(&tally);
}

static enum status show_named(struct app *app, const char *name)
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *c = NULL;

	if (vdpa_config_get(app->ctx, name, &c) < 0)
		return diag_ctx(app, name);
	print_one(app, c);
	return ST_OK;
}

static enum status run(struct app *app, const struct args *args)
{
	return items_show(app, args, "config", show_all, show_named);
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

const struct command cmd_dev_config_show = {
	.name = "show",
	.summary = "show the configuration that a driver of the device sees",
	.match = MATCH_PREFIX,
	.args = args,
	.run = run,
};
