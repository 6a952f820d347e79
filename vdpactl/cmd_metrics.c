// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics */
#include "config.h"

#include <string.h>
#include <time.h>

#include "command.h"
#include "metrics.h"
#include "outfile.h"

#define SUFFIX ".prom"

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- the command ---- */

static enum status check(struct app *app, const struct args *args)
{
	const char *path = args->watch.file, *name;
	size_t n = strlen(SUFFIX), len;

	if (app->opt.json)
		return diag_usage(app, "%s: what it prints is no JSON, and cannot be", app->path);
	if (!(args->has & HAS_FILE))
		return ST_OK;
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	len = strlen(name);
	if (len > n && !strcmp(name + len - n, SUFFIX))
		return ST_OK;
	return diag_usage(app,
			  "%s: file \"%s\" does not end in " SUFFIX
			  ", and the collector reads no others",
			  app->path, path);
}

static enum status collect(struct app *app, struct metrics *m)
{
	uint64_t start = now_us();
	enum status status;

	metric_begin(m, METRIC_BUILD_INFO);
	metric_label(m, "version", PACKAGE_VERSION);
	metric_end(m, 1);
	status = app_connect(app);
	if (!status)
		status = metrics_devices(m);
	if (!status)
		metrics_vduse(m);
	metric_seconds(m, METRIC_SCRAPE_DURATION, now_us() - start);
	return status;
}

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(metrics_free) struct metrics m = { .app = app };
	enum status status = check(app, args);

	if (!status)
		status = collect(app, &m);
	if (status)
		return status;
	metrics_print(&m, &app->out);
	if (!(args->has & HAS_FILE))
		return ST_OK;
	status = outfile_write(app, args->watch.file, 0644, &app->out);
	strbuf_clear(&app->out);
	return status;
}

static const struct arg args[] = {
	{
		.word = "file",
		.match = MATCH_NEW,
		.kind = VALUE_TEXT,
		.has = HAS_FILE,
		.metavar = "FILE",
		.help = "write them to FILE, all at once; its name ends in .prom",
		.expected = "a file's name",
		.offset = offsetof(struct args, watch.file),
	},
	ARG_END,
};

const struct command cmd_metrics = {
	.name = "metrics",
	.summary = "print metrics of devices and parents for Prometheus",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
