// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Standard output: what a command prints is built in app->out and written
 * once, when the command is through.  Nothing else writes to it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "json_dl.h"

void out_member(struct app *app, const char *key, json_t *value)
{
	json_out_member(&app->json, key, value);
	json_drop(value);
}

static void add_errors(struct app *app)
{
	out_member(app, "errors", app->errors);
	app->errors = NULL;
}

void out_finish_document(struct app *app)
{
	if (app->document == DOC_SUPPRESSED)
		return;
	if (app->document == DOC_SECTION) {
		json_out_end(&app->json);
		if (app->errors)
			add_errors(app);
		json_out_end(&app->json);
	} else if (app->errors) {
		json_out_init(&app->json, &app->out, app->opt.pretty);
		json_out_begin(&app->json, NULL);
		add_errors(app);
		json_out_end(&app->json);
	}
	strbuf_addc(&app->out, '\n');
}

static enum status write_failed(struct app *app)
{
	diag_fail(app, NULL, errno, NULL, "cannot write to standard output: %s", strerror(errno));
	return ST_ERROR;
}

static enum status write_all(struct app *app, const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, s, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) {
			app->out_gone = true;
			return ST_OK;
		}
		if (n < 0)
			return write_failed(app);
		s += n;
		len -= (size_t)n;
	}
	return ST_OK;
}

enum status out_flush(struct app *app)
{
	enum status status = ST_OK;

	if (app->out.failed || json_failed())
		status = diag_error(app, NULL, NULL, NULL);
	else if (app->out.len && !app->out_gone)
		status = write_all(app, app->out.s, app->out.len);
	strbuf_clear(&app->out);
	return status;
}

enum status out_flush_some(struct app *app, size_t *done, size_t max)
{
	size_t len = app->out.len - *done < max ? app->out.len - *done : max;
	enum status status = ST_OK;

	if (app->out.failed || json_failed())
		status = diag_error(app, NULL, NULL, NULL);
	else if (len && !app->out_gone)
		status = write_all(app, app->out.s + *done, len);
	*done += len;
	if (!status && !app->out_gone && *done < app->out.len)
		return ST_OK;
	strbuf_clear(&app->out);
	*done = 0;
	return status;
}

void out_flush_quietly(struct app *app)
{
	const char *s = app->out.s;
	size_t len = app->out.len;

	while (len) {
		ssize_t n = write(STDOUT_FILENO, s, len);

		if (n <= 0)
			return;
		s += n;
		len -= (size_t)n;
	}
}

enum status out_close(struct app *app)
{
	if (app->out_gone || close(STDOUT_FILENO) == 0 || errno == EBADF)
		return ST_OK;
	return write_failed(app);
}
