// SPDX-License-Identifier: GPL-2.0-or-later
/* dev wait */
#include <string.h>

#include "bind.h"
#include "command.h"
#include "dev_args.h"
#include "devs.h"

static enum vdpa_condition condition_of(const char *word)
{
	enum vdpa_condition c = VDPA_WAIT_USABLE;

	while (vdpa_condition_name(c) && strcmp(vdpa_condition_name(c), word))
		c++;
	return c;
}

static enum status run(struct app *app, const struct args *args)
{
	const struct outcome outcome = OUTCOME_NONE;
	enum vdpa_condition condition = condition_of(args->dev.condition);
	uint64_t seconds = args->has & HAS_TIMEOUT ? args->dev.wait : DEV_WAIT_DEFAULT;
	enum status status = app_open_section(app, "dev");

	if (!status)
		status = app_context(app);
	if (!status)
		status = bind_wait(app, args->name, condition, bind_wait_ms(app, seconds), NULL);
	if (status || condition == VDPA_WAIT_ABSENT)
		return status;
	if (app->opt.json)
		status = app_connect(app);
	return status ? status : devs_print_outcome(app, args->name, &outcome);
}

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "name of the device, which need not be there yet for present and absent",
		.required = true,
	},
	{
		.kind = VALUE_CHOICE,
		.has = HAS_CONDITION,
		.metavar = "COND",
		.help = "present, bound, chardev, netdev, blockdev or absent",
		.required = true,
		.choices = (const char *const[]){ "present", "bound", "chardev", "netdev",
						  "blockdev", "absent", NULL },
		.expected =
			"\"present\", \"bound\", \"chardev\", \"netdev\", \"blockdev\" or \"absent\"",
		.offset = offsetof(struct args, dev.condition),
	},
	{
		.kind = VALUE_NUMBER,
		.has = HAS_TIMEOUT,
		.metavar = "SEC",
		.help = "how long, at most (default: 10); 0 looks once",
		.max = DEV_WAIT_MAX,
		.expected = DEV_WAIT_EXPECTED,
		.offset = offsetof(struct args, dev.wait),
	},
	ARG_END,
};

const struct command cmd_dev_wait = {
	.name = "wait",
	.summary = "wait until a device, or what its driver makes, is there",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
