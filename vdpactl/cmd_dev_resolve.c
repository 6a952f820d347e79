// SPDX-License-Identifier: GPL-2.0-or-later
/* dev resolve */
#include "command.h"
#include "devs.h"
#include "text.h"

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(cleanup_vdpa_sysdev_list_unref_cb) struct vdpa_sysdev_list *list = NULL;
	enum status status = app_open_section(app, "dev");
	struct outcome outcome = { .key = "resolved_by", .changed = -1 };
	struct tally tally = { 0 };

	if (!status)
		status = app->opt.json ? app_connect(app) : app_context(app);
	if (status)
		return status;
	if (vdpa_resolve(app->ctx, args->dev.key, &outcome.word, &list) < 0)
		return diag_ctx(app, args->dev.key);
	for (size_t i = 0; i < vdpa_sysdev_list_get_size(list); i++) {
		const char *name = vdpa_sysdev_get_name(vdpa_sysdev_list_get(list, i));

		if (app->opt.json) {
			tally_add(&tally, devs_print_outcome(app, name, &outcome));
			continue;
		}
		text_escaped(&app->out, name);
		strbuf_addc(&app->out, '\n');
	}
	return tally_status(&tally);
}

static const struct arg args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_KEY,
		.metavar = "KEY",
		.help = "a node's path, or the name of an interface, disk, virtio device, PCI "
			"function, auxiliary device or representor",
		.required = true,
		.expected = "a path or name of what belongs to a device",
		.offset = offsetof(struct args, dev.key),
	},
	ARG_END,
};

const struct command cmd_dev_resolve = {
	.name = "resolve",
	.summary = "find the devices that a node, interface, disk or function belongs to",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
