// SPDX-License-Identifier: GPL-2.0-or-later
/* -batch: many commands over one connection. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "app.h"
#include "batch_lex.h"
#include "json_dl.h"

/* The options of the command line hold for every line; a line may add to them. */
static enum status run_line(struct app *app, struct batch_command *cmd,
			    const struct options *options)
{
	app->opt = *options;
	app->opt.batch = NULL;
	app->opt.force = false;
	app->path[0] = '\0';
	app->document = DOC_EMPTY;
	if (cmd->problem) {
		diag_usage(app, "%s", cmd->problem);
		return app_finish(app, ST_USAGE);
	}
	if (!options_parse(app, &cmd->argc, cmd->argv))
		return app_finish(app, ST_USAGE);
	if (app->opt.batch || app->opt.force) {
		diag_usage(app, "-batch and -force cannot be used inside a batch file");
		return app_finish(app, ST_USAGE);
	}
	return app_run(app, cmd->argc, cmd->argv);
}

static enum status run_file(struct app *app, FILE *f)
{
	CLEANUP(batch_release) struct batch_command cmd = BATCH_COMMAND_INIT;
	const struct options options = app->opt;
	struct tally tally = { 0 };
	int r;

	while ((r = batch_next(f, &cmd)) > 0) {
		enum status status;

		app->line = cmd.line;
		app->signal = 0;
		status = run_line(app, &cmd, &options);
		if (app->signal)
			raise(app->signal);
		tally_add(&tally, status);
		if (status && !options.force)
			break;
	}
	app->opt = options;
	app->file = NULL;
	if (r < 0) {
		app->document = DOC_EMPTY;
		diag_fail(app, NULL, -r, NULL, "cannot read \"%s\": %s", options.batch,
			  strerror(-r));
		tally_add(&tally, app_finish(app, ST_ERROR));
	}
	return options.force ? tally_status(&tally) : tally.first;
}

enum status batch_run(struct app *app)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	const char *name = app->opt.batch;

	app->file = strcmp(name, "-") ? name : "stdin";
	if (!strcmp(name, "-"))
		return run_file(app, stdin);
	f = fopen(name, "re");
	if (!f) {
		app->file = NULL;
		diag_fail(app, NULL, errno, NULL, "cannot open batch file \"%s\": %s", name,
			  strerror(errno));
		return app_finish(app, ST_ERROR);
	}
	return run_file(app, f);
}
