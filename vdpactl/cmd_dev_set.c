// SPDX-License-Identifier: GPL-2.0-or-later
/* dev set */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "mac.h"

/* The kernel answers "not supported" with success and a text. */
static enum status check_warning(struct app *app, const char *name)
{
	const char *text = vdpa_ctx_get_warning(app->ctx);

	if (!text)
		return ST_OK;
	if (app->legacy) {
		diag_warning(app, text);
		return ST_OK;
	}
	text += strncmp(text, "vdpa: ", 6) ? 0 : 6;
	return diag_fail(app, name, EOPNOTSUPP, NULL, "cannot change device \"%s\": %s", name,
			 text);
}

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;
	enum status status;
	uint8_t mac[6];

	if (args->has & HAS_MAC) {
		status = mac_of_args(app, args, false, mac);
		if (status)
			return status;
	}
	status = app_connect(app);
	if (status)
		return status;
	if (vdpa_spec_new(&spec) < 0)
		return diag_error(app, NULL, NULL, NULL);
	if (vdpa_spec_set_name(spec, args->name) < 0)
		return diag_usage(app, "%s: name \"%s\" is not a device name", app->path,
				  args->name);
	if (args->has & HAS_MAC)
		vdpa_spec_set_mac(spec, mac);
	if (vdpa_dev_set(app->ctx, spec) < 0)
		return diag_ctx(app, args->name);
	return check_warning(app, args->name);
}

static const struct arg args[] = {
	{
		.word = "name",
		.match = MATCH_PREFIX,
		.kind = VALUE_DEV,
		.has = HAS_NAME,
		.metavar = "NAME",
		.help = "the device to change",
		.required = true,
		.legacy_missing = "device name is not set.",
	},
	{
		.word = "mac",
		.match = MATCH_EXACT,
		.kind = VALUE_MAC,
		.has = HAS_MAC,
		.metavar = "MAC|random",
		.help = "its new address",
		.required = true,
	},
	ARG_END,
};

const struct command cmd_dev_set = {
	.name = "set",
	.summary = "change an attribute of a device (Linux 6.12 and later)",
	.match = MATCH_EXACT,
	.args = args,
	.run = run,
};
