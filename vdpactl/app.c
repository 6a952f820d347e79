// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "app.h"

#include <string.h>
#include <time.h>

#include "command.h"
#include "json_dl.h"

void app_init(struct app *app, const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	const char *base = slash ? slash + 1 : argv0;

	*app = (struct app){ 0 };
	app->legacy = base && !strcmp(base, "vdpa");
	app->name = app->legacy ? "vdpa" : "vdpactl";
	app->command = &command_root;
}

void app_close(struct app *app)
{
	vdpa_mgmtdev_unref(app->mgmtdev);
	vdpa_ctx_unref(app->ctx);
	strbuf_free(&app->out);
	if (app->errors)
		json_drop(app->errors);
}

static void print_version(struct app *app)
{
	app->document = DOC_SUPPRESSED;
	if (app->legacy)
		strbuf_add(&app->out, "vdpa utility, vdpactl-" PACKAGE_VERSION "\n");
	else
		strbuf_add(&app->out, "vdpactl " PACKAGE_VERSION "\n");
}

/* -h: for the command in front of it, as far as there is one. */
static void print_help(struct app *app, int argc, char **argv)
{
	char path[sizeof(app->path)] = "";
	const struct command *cmd = &command_root;

	if (!app->legacy)
		cmd = command_resolve(cmd, false, argc, argv, path, sizeof(path));
	app->document = DOC_SUPPRESSED;
	usage_print(app, cmd, path);
}

enum status app_finish(struct app *app, enum status status)
{
	enum status written;

	if (app->opt.json)
		out_finish_document(app);
	written = out_flush(app);
	return written ? written : status;
}

int64_t app_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void app_nap_ms(int ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

int app_limit_ms(const struct app *app, int ms)
{
	int64_t left = app->started + (int64_t)app->opt.timeout * 1000 - app_now_ms();

	if (!app->opt.has_timeout || app->must_finish || left >= ms)
		return ms;
	return left > 0 ? (int)left : 0;
}

enum status app_run(struct app *app, int argc, char **argv)
{
	enum status status = ST_OK;

	app->document = DOC_EMPTY;
	app->started = app_now_ms();
	if (app->opt.action == ACTION_VERSION)
		print_version(app);
	else if (app->opt.action == ACTION_HELP)
		print_help(app, argc, argv);
	else
		status = command_run(app, argc, argv);
	return app_finish(app, status);
}

enum status app_context(struct app *app)
{
	if (!app->ctx && vdpa_ctx_new(&app->ctx) < 0)
		return diag_error(app, NULL, NULL, NULL);
	return ST_OK;
}

enum status app_connect(struct app *app)
{
	enum status status = app_context(app);

	if (status)
		return status;
	if (vdpa_ctx_connect(app->ctx) == 0)
		return ST_OK;
	if (app->legacy) {
		app->document = DOC_SUPPRESSED;
		diag_note(app, "Failed to connect to vdpa Netlink");
	}
	return diag_ctx(app, NULL);
}

enum status app_open_section(struct app *app, const char *section)
{
	enum status status;

	if (!app->opt.json)
		return ST_OK;
	status = json_load(app);
	if (status)
		return status;
	json_out_init(&app->json, &app->out, app->opt.pretty);
	json_out_begin(&app->json, NULL);
	json_out_begin(&app->json, section);
	app->document = DOC_SECTION;
	return ST_OK;
}

enum status app_begin_section(struct app *app, const char *section)
{
	enum status status = app->legacy ? app_connect(app) : ST_OK;

	if (!status)
		status = app_open_section(app, section);
	return status || app->legacy ? status : app_connect(app);
}

const struct vdpa_mgmtdev *app_mgmtdev(struct app *app, const char *handle)
{
	if (app->mgmtdev && !strcmp(vdpa_mgmtdev_get_handle(app->mgmtdev), handle))
		return app->mgmtdev;
	app->mgmtdev = vdpa_mgmtdev_unref(app->mgmtdev);
	if (vdpa_mgmtdev_get(app->ctx, handle, &app->mgmtdev) < 0)
		app->mgmtdev = NULL;
	return app->mgmtdev;
}
