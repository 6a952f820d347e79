// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything that goes to stderr, and which exit status it means.  With
 * -json, failures are also collected for the document's "errors".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "command.h"
#include "json_dl.h"
#include "progress.h"
#include "text.h"

/* What is told about one failure; the strings are borrowed, those but message may be NULL. */
struct report {
	const char *device;
	const char *message;
	const char *extack;
	const char *hint;
	unsigned int attr;
	int errnum;
};

static const struct errno_info {
	int errnum;
	const char *code;
	enum status status;
} errno_table[] = {
	{ ENODEV, "ENODEV", ST_NOT_FOUND },
	{ ENOENT, "ENOENT", ST_NOT_FOUND },
	{ EEXIST, "EEXIST", ST_EXISTS },
	{ EBUSY, "EBUSY", ST_BUSY },
	{ EPERM, "EPERM", ST_PERMISSION },
	{ EACCES, "EACCES", ST_PERMISSION },
	{ ETIMEDOUT, "ETIMEDOUT", ST_TIMEOUT },
	{ EOPNOTSUPP, "EOPNOTSUPP", ST_UNSUPPORTED },
	{ EPROTONOSUPPORT, "EPROTONOSUPPORT", ST_UNSUPPORTED },
	{ EAFNOSUPPORT, "EAFNOSUPPORT", ST_UNSUPPORTED },
	{ ENOSYS, "ENOSYS", ST_UNSUPPORTED },
	{ EINVAL, "EINVAL", ST_ERROR },
	{ ERANGE, "ERANGE", ST_ERROR },
	{ EAGAIN, "EAGAIN", ST_ERROR },
	{ ENOSPC, "ENOSPC", ST_ERROR },
	{ ENOMEM, "ENOMEM", ST_ERROR },
	{ EFBIG, "EFBIG", ST_ERROR },
	{ ENOBUFS, "ENOBUFS", ST_ERROR },
	{ EMSGSIZE, "EMSGSIZE", ST_ERROR },
	{ EBADMSG, "EBADMSG", ST_ERROR },
	{ EPROTO, "EPROTO", ST_ERROR },
	{ EINTR, "EINTR", ST_ERROR },
	{ EIO, "EIO", ST_ERROR },
	{ EPIPE, "EPIPE", ST_ERROR },
	{ EBADF, "EBADF", ST_ERROR },
	{ EISDIR, "EISDIR", ST_ERROR },
	{ ENOTDIR, "ENOTDIR", ST_ERROR },
	{ EALREADY, "EALREADY", ST_ERROR },
	{ ELOOP, "ELOOP", ST_ERROR },
	{ EMFILE, "EMFILE", ST_ERROR },
	{ ENFILE, "ENFILE", ST_ERROR },
	{ ECONNREFUSED, "ECONNREFUSED", ST_ERROR },
	{ 0, NULL, ST_ERROR },
};

static const struct errno_info *errno_lookup(int errnum)
{
	const struct errno_info *e = errno_table;

	while (e->code && e->errnum != errnum)
		e++;
	return e;
}

enum status diag_status(int errnum)
{
	return errno_lookup(errnum < 0 ? -errnum : errnum)->status;
}

/* Trouble with stderr itself has nowhere to go. */
static void write_stderr(struct strbuf *sb)
{
	size_t done = 0;

	while (done < sb->len) {
		ssize_t n = write(STDERR_FILENO, sb->s + done, sb->len - done);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
}

static void add_place(struct app *app, struct strbuf *sb)
{
	if (app->progress)
		progress_clear(app->progress);
	strbuf_add(sb, app->name);
	strbuf_add(sb, ": ");
	if (app->file) {
		text_escaped(sb, app->file);
		strbuf_addc(sb, ':');
		text_u64(sb, app->line);
		if (app->column)
			strbuf_addf(sb, ":%lu", app->column);
		strbuf_add(sb, ": ");
	}
}

static void add_line(struct strbuf *sb, const char *label, const char *text)
{
	strbuf_add(sb, label);
	text_escaped(sb, text);
	strbuf_addc(sb, '\n');
}

static void put_string(json_t *object, const char *key, const char *value)
{
	if (value)
		json_put(object, key, json_make_string(value));
}

static void collect(struct app *app, const struct report *r)
{
	const char *code = errno_lookup(r->errnum)->code;
	json_t *e;

	if (!app->opt.json || app->legacy || json_load(app))
		return;
	if (!app->errors)
		app->errors = json_make_array();
	e = json_make_object();
	put_string(e, "device", r->device);
	json_put(e, "errno", json_make_u64((uint64_t)r->errnum));
	put_string(e, "code", code);
	put_string(e, "message", r->message);
	if (app->column) {
		put_string(e, "file", app->file);
		json_put(e, "line", json_make_u64(app->line));
		json_put(e, "column", json_make_u64(app->column));
	}
	put_string(e, "hint", r->hint);
	json_append(app->errors, e);
}

static void add_verbose(struct strbuf *sb, const struct report *r)
{
	const char *attr = r->attr ? vdpa_attribute_name(r->attr) : NULL;

	if (r->extack)
		add_line(sb, "  kernel: ", r->extack);
	if (attr)
		add_line(sb, "  attribute: ", attr);
	add_line(sb, "  errno: ", strerror(r->errnum));
}

/* As iproute2 words it, in two lines. */
static void add_legacy(struct strbuf *sb, const struct report *r)
{
	const char *text = r->extack ? r->extack : r->message;
	size_t len = strlen(text);

	strbuf_add(sb, "Error: ");
	text_escaped(sb, text);
	strbuf_add(sb, len && text[len - 1] == '.' ? "\n" : ".\n");
	add_line(sb, "kernel answers: ", strerror(r->errnum));
}

static enum status report(struct app *app, const struct report *r)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;

	if (app->as_notes) {
		diag_note(app, "%s", r->message);
		return diag_status(r->errnum);
	}
	if (app->legacy) {
		add_legacy(&sb, r);
	} else {
		add_place(app, &sb);
		add_line(&sb, "", r->message);
	}
	if (app->opt.verbose)
		add_verbose(&sb, r);
	if (r->hint && !app->opt.quiet)
		add_line(&sb, "  hint: ", r->hint);
	write_stderr(&sb);
	collect(app, r);
	return diag_status(r->errnum);
}

enum status diag_error(struct app *app, const char *device, const struct vdpa_error *err,
		       const char *hint)
{
	struct report r = { .device = device, .message = "out of memory", .errnum = ENOMEM };

	if (err) {
		const char *message = vdpa_error_get_message(err);

		r.errnum = vdpa_error_get_errno(err);
		r.message = message ? message : strerror(r.errnum);
		r.extack = vdpa_error_get_extack(err);
		r.hint = hint ? hint : vdpa_error_get_hint(err);
		r.attr = vdpa_error_get_attr(err);
	}
	return report(app, &r);
}

enum status diag_ctx(struct app *app, const char *device)
{
	return diag_error(app, device, vdpa_ctx_get_error(app->ctx), NULL);
}

enum status diag_fail(struct app *app, const char *device, int errnum, const char *hint,
		      const char *fmt, ...)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	struct report r = { .device = device, .errnum = errnum, .hint = hint };
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&sb, fmt, ap);
	va_end(ap);
	r.message = sb.failed || !sb.s ? "out of memory" : sb.s;
	return report(app, &r);
}

static void usage_report(struct app *app, const char *hint, const char *message)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	struct report r = { .errnum = EINVAL, .message = message, .hint = hint };

	if (!app->legacy)
		add_place(app, &sb);
	add_line(&sb, "", message);
	if (hint && !app->opt.quiet)
		add_line(&sb, "  hint: ", hint);
	if (!app->legacy && !app->opt.quiet) {
		strbuf_addf(&sb, "Try '%s %s%shelp'.\n", app->name, app->path,
			    app->path[0] ? " " : "");
	}
	write_stderr(&sb);
	collect(app, &r);
}

__attribute__((format(printf, 3, 0))) static void usage_format(struct app *app, const char *hint,
							       const char *fmt, va_list ap)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;

	strbuf_addv(&sb, fmt, ap);
	usage_report(app, hint, sb.failed || !sb.s ? "out of memory" : sb.s);
}

enum status diag_usage(struct app *app, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	usage_format(app, NULL, fmt, ap);
	va_end(ap);
	return ST_USAGE;
}

enum status diag_usage_hint(struct app *app, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	usage_format(app, hint, fmt, ap);
	va_end(ap);
	return ST_USAGE;
}

void diag_note(struct app *app, const char *fmt, ...)
{
	CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT;
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	va_list ap;

	if (app->opt.quiet)
		return;
	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	if (text.failed || !text.s)
		return;
	if (!app->legacy)
		add_place(app, &sb);
	add_line(&sb, "", text.s);
	write_stderr(&sb);
}

void diag_warning(struct app *app, const char *text)
{
	size_t len = strlen(text);

	diag_note(app, "Warning: %s%s", text, len && text[len - 1] == '.' ? "" : ".");
}

void diag_write(const char *s, size_t len)
{
	struct strbuf sb = { .s = (char *)(uintptr_t)s, .len = len };

	write_stderr(&sb);
}

void tally_add(struct tally *t, enum status status)
{
	if (!status) {
		t->good++;
		return;
	}
	if (!t->bad++)
		t->first = status;
}

enum status tally_status(const struct tally *t)
{
	if (!t->bad)
		return ST_OK;
	return t->good ? ST_PARTLY : t->first;
}
