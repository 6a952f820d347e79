// SPDX-License-Identifier: GPL-2.0-or-later
/* check */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "command.h"
#include "items.h"
#include "json_dl.h"
#include "text.h"

static const char *const level_words[] = {
	[CHECK_OK] = "ok",
	[CHECK_INFO] = "info",
	[CHECK_WARNING] = "warning",
	[CHECK_PROBLEM] = "problem",
};

/* ---- findings ---- */

static struct finding *new_finding(struct check *c)
{
	struct finding *more = c->findings;

	/* The capacity is the power of two that holds n. */
	if (!(c->n & (c->n - 1)))
		more = reallocarray(more, c->n ? c->n * 2 : 1, sizeof(*more));
	if (!more) {
		c->failed = true;
		return NULL;
	}
	c->findings = more;
	more[c->n] = (struct finding){ 0 };
	return &more[c->n++];
}

void check_add(struct check *c, enum check_level level, const char *subject, const char *hint,
	       const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	struct finding *f = new_finding(c);
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	f->level = level;
	f->subject = strdup(subject);
	f->text = strbuf_take(&text);
	f->hint = hint ? strdup(hint) : NULL;
	if (!f->subject || !f->text || (hint && !f->hint))
		c->failed = true;
}

void check_add_error(struct check *c, enum check_level level, const char *subject,
		     const struct vdpa_error *err)
{
	check_add(c, level, subject, err ? vdpa_error_get_hint(err) : NULL, "%s",
		  err ? vdpa_error_get_message(err) : "out of memory");
}

void check_free(struct check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->findings[i].subject);
		free(c->findings[i].text);
		free(c->findings[i].hint);
	}
	free(c->findings);
}

/* ---- files ---- */

__attribute__((format(printf, 3, 0))) static bool
add_path(const struct check *c, struct strbuf *path, const char *fmt, va_list ap)
{
	strbuf_add(path, c->root);
	strbuf_addv(path, fmt, ap);
	return !path->failed;
}

bool check_read(const struct check *c, char *buf, size_t size, const char *fmt, ...)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_FCLOSE FILE *f = NULL;
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = add_path(c, &path, fmt, ap);
	va_end(ap);
	f = ok ? fopen(path.s, "re") : NULL;
	if (!f || !fgets(buf, (int)size, f))
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

bool check_exists(const struct check *c, const char *fmt, ...)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = add_path(c, &path, fmt, ap);
	va_end(ap);
	return ok && access(path.s, F_OK) == 0;
}

/* ---- output ---- */

static void print_text(struct app *app, const struct finding *f)
{
	strbuf_addf(&app->out, "%-7s ", level_words[f->level]);
	text_escaped(&app->out, f->subject);
	strbuf_add(&app->out, ": ");
	text_escaped(&app->out, f->text);
	if (f->hint && !app->opt.quiet) {
		strbuf_add(&app->out, app->opt.oneline ? "\\  hint: " : "\n        hint: ");
		text_escaped(&app->out, f->hint);
	}
	strbuf_addc(&app->out, '\n');
}

static json_t *json_finding(const struct finding *f)
{
	json_t *o = json_make_object();

	json_put(o, "level", json_make_string(level_words[f->level]));
	json_put(o, "subject", json_make_string(f->subject));
	json_put(o, "text", json_make_string(f->text));
	if (f->hint)
		json_put(o, "hint", json_make_string(f->hint));
	return o;
}

static void print_json(struct app *app, const struct check *c)
{
	json_t *array = json_make_array();

	for (size_t i = 0; i < c->n; i++)
		json_append(array, json_finding(&c->findings[i]));
	out_member(app, "kernel", json_make_string(c->release));
	out_member(app, "findings", array);
}

static enum status print(struct app *app, const struct check *c)
{
	enum check_level worst = CHECK_OK;

	if (c->failed)
		return diag_error(app, NULL, NULL, NULL);
	for (size_t i = 0; i < c->n; i++) {
		if (c->findings[i].level > worst)
			worst = c->findings[i].level;
		if (!app->opt.json)
			print_text(app, &c->findings[i]);
	}
	if (app->opt.json)
		print_json(app, c);
	return worst == CHECK_PROBLEM ? ST_ERROR : ST_OK;
}

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(check_free) struct check c = { .app = app, .root = "", .all = !args->n_items };
	long n = items_unique(args->items, args->n_items);
	enum status status;

	if (n < 0)
		return diag_error(app, NULL, NULL, NULL);
	/* The daemons speak JSON, too; without the library what they say is left out. */
	status = app_open_section(app, "check");
	if (!status)
		status = app_context(app);
	if (status)
		return status;
	check_host(&c);
	check_parents(&c);
	check_devices(&c, args->items, (size_t)n);
	check_vduse(&c, args->items, (size_t)n);
	if (c.all || app->opt.details)
		check_traps(&c);
	return print(app, &c);
}

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "names of devices; all when none is given",
		.repeat = true,
	},
	ARG_END,
};

const struct command cmd_check = {
	.name = "check",
	.summary = "what a bug report needs, what is wrong with this host's vDPA, and what to do",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
