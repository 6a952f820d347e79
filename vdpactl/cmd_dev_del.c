// SPDX-License-Identifier: GPL-2.0-or-later
/* dev del */
#include <errno.h>

#include "command.h"

static enum status delete (struct app *app, const struct args *args, const char *name) {
	unsigned int flags = args->has & HAS_FORCE ? VDPA_FORCE : 0;
	int r = vdpa_dev_del(app->ctx, name, flags);

	if (r == -ENODEV && args->has & HAS_IF_EXISTS) return ST_OK;
	if (r < 0) return diag_ctx(app, name);
	if (vdpa_ctx_get_warning(app->ctx)) diag_warning(app, vdpa_ctx_get_warning(app->ctx));
	return ST_OK;
}

static enum status run(struct app *app, const struct args *args)
{
	struct tally tally = { 0 };
	enum status status = app_connect(app);

	if (status)
		return status;
	for (size_t i = 0; i < args->n_items; i++)
		tally_add(&tally, delete (app, args, args->items[i]));
	return tally_status(&tally);
}

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "devices to delete; all are tried, in this order",
		.required = true,
		.repeat = true,
	},
	{
		.word = "if_exists",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_IF_EXISTS,
		.help = "a device that is not there is no failure",
	},
	{
		.word = "force",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_FORCE,
		.help = "delete a device that is in use, too",
	},
	ARG_END,
};

const struct command cmd_dev_del = {
	.name = "del",
	.summary = "delete devices (needs CAP_NET_ADMIN)",
	.match = MATCH_PREFIX,
	.args = args,
	.run = run,
};
