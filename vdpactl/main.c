// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "app.h"
#include "command.h"

/*
 * A standard descriptor that is closed would be handed to the next file or
 * socket opened.  The stand-ins are of the wrong direction, so that using
 * one fails as it would have.
 */
static void fill_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

static enum status run(struct app *app, int argc, char **argv)
{
	bool described = argc > 1 && !strcmp(argv[1], "--complete-described");

	if (!app->legacy && argc > 1 && (described || !strcmp(argv[1], "--complete"))) {
		complete_print(app, described, argc - 2, argv + 2);
		return ST_OK;
	}
	argc--;
	argv++;
	if (!options_parse(app, &argc, argv))
		return app_finish(app, ST_USAGE);
	if (!app->opt.batch || app->opt.action != ACTION_RUN)
		return app_run(app, argc, argv);
	if (argc) {
		diag_usage(app, "\"%s\": with -batch, commands come from the file only", argv[0]);
		return app_finish(app, ST_USAGE);
	}
	return batch_run(app);
}

static enum status run_legacy(struct app *app, int argc, char **argv)
{
	if (!options_parse_legacy(app, &argc, argv))
		return ST_ERROR;
	return app_run(app, argc - 1, argv + 1) ? ST_ERROR : ST_OK;
}

int main(int argc, char **argv)
{
	enum status status, closed;
	struct app app;

	fill_standard_fds();
	signal(SIGPIPE, SIG_IGN);
	app_init(&app, argc > 0 ? argv[0] : NULL);
	status = app.legacy ? run_legacy(&app, argc, argv) : run(&app, argc, argv);
	closed = out_close(&app);
	app_close(&app);
	return closed ? closed : status;
}
