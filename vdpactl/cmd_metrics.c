// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "command.h"
#include "metrics.h"

#define SUFFIX ".prom"

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- a file that is whole at any time ---- */

/* The directory that path is in, and a name there that the collector does not read. */
static bool split(const char *path, struct strbuf *dir, struct strbuf *temp)
{
	const char *slash = strrchr(path, '/');

	if (slash)
		strbuf_addn(dir, path, (size_t)(slash - path) + 1);
	else
		strbuf_add(dir, "./");
	strbuf_addf(temp, "%s.%s.XXXXXX", dir->s ? dir->s : "", slash ? slash + 1 : path);
	return !dir->failed && !temp->failed;
}

/* 0 or -errno; what is on the disk then is the whole text. */
static int fill(int fd, const struct strbuf *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t n = write(fd, text->s + done, text->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fchmod(fd, 0644) < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int replace(const char *path, const char *temp, const char *dir, int fd,
		   const struct strbuf *text)
{
	CLEANUP_CLOSE int d = -1;
	int r = fill(fd, text);

	if (!r && rename(temp, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temp);
		return r;
	}
	/* Not every file system can; the file is there in any case. */
	d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d >= 0)
		(void)fsync(d);
	return 0;
}

static enum status write_file(struct app *app, const char *path, const struct strbuf *text)
{
	CLEANUP(strbuf_free) struct strbuf dir = STRBUF_INIT, temp = STRBUF_INIT;
	CLEANUP_CLOSE int fd = -1;
	int r;

	if (text->failed || !split(path, &dir, &temp))
		return diag_error(app, NULL, NULL, NULL);
	fd = mkostemp(temp.s, O_CLOEXEC);
	r = fd < 0 ? -errno : replace(path, temp.s, dir.s, fd, text);
	if (r < 0)
		return diag_fail(app, NULL, -r, NULL, "cannot write \"%s\": %s", path,
				 strerror(-r));
	return ST_OK;
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
	status = write_file(app, args->watch.file, &app->out);
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
