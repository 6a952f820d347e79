// SPDX-License-Identifier: GPL-2.0-or-later
/* restore */
#include "command.h"
#include "state.h"

#define WAIT_SECONDS 60

static enum status run(struct app *app, const struct args *args)
{
	const struct apply_options o = {
		.file = args->has & HAS_FILE ? args->state.file : STATE_FILE,
		.wait_ms = (int)(args->has & HAS_WAIT ? args->state.wait : WAIT_SECONDS) * 1000,
	};

	return state_apply(app, &o);
}

static const struct arg args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_FILE,
		.metavar = "FILE",
		.help = "what was saved (default: " STATE_FILE ")",
		.expected = "a file's path",
		.offset = offsetof(struct args, state.file),
	},
	{
		.word = "wait",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_WAIT,
		.metavar = "SEC",
		.help = "for management devices that are not there yet (default: 60)",
		.expected = "a decimal number of seconds from 0 to 3600",
		.max = 3600,
		.offset = offsetof(struct args, state.wait),
	},
	ARG_END,
};

const struct command cmd_restore = {
	.name = "restore",
	.summary = "wait for the management devices in a file, then apply it (root)",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
	.dry_run = true,
};
