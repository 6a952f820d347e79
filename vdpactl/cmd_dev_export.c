// SPDX-License-Identifier: GPL-2.0-or-later
/* dev export */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "command.h"
#include "export.h"
#include "items.h"
#include "json_dl.h"

struct format {
	const char *name;
	enum status (*one)(struct export *x, const struct export_dev *d, struct strbuf *sb);
	bool json;
	bool by_class; /* a document for each class */
	bool by_device; /* a file for each device */
	bool by_name; /* may name the node by its link */
};

static const struct format formats[] = {
	{ "qemu", export_qemu, .by_name = true },
	{ "libvirt", export_libvirt, .by_name = true },
	{ "cdi", NULL, .json = true, .by_class = true },
	{ "deviceinfo", export_deviceinfo, .json = true, .by_device = true, .by_name = true },
	{ "commands", export_commands },
};

static const struct format *find_format(const char *name)
{
	const struct format *f = formats;

	while (strcmp(f->name, name) != 0)
		f++;
	return f;
}

/* ---- where it goes ---- */

struct sink {
	const char *path; /* NULL: standard output */
	int dir; /* of output DIR; -1 when path is no directory */
};

static void sink_close(struct sink *s)
{
	if (s->dir >= 0)
		close(s->dir);
}

static void sink_open(struct sink *s, const struct args *args)
{
	s->dir = -1;
	s->path = args->has & HAS_OUTPUT ? args->export.output : NULL;
	if (s->path)
		s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* file is the name in a directory. */
static enum status sink_put(struct app *app, struct sink *s, const char *file,
			    const struct strbuf *text)
{
	int r;

	if (text->failed || json_failed())
		return diag_error(app, NULL, NULL, NULL);
	if (!s->path) {
		strbuf_addn(&app->out, text->s, text->len);
		return ST_OK;
	}
	r = s->dir >= 0 ? export_write(s->dir, file, text) : export_write(AT_FDCWD, s->path, text);
	if (r < 0)
		return diag_fail(app, NULL, -r, NULL, "cannot write %s%s%s: %s", s->path,
				 s->dir >= 0 ? "/" : "", s->dir >= 0 ? file : "", strerror(-r));
	return ST_OK;
}

/* ---- what ---- */

static uint32_t other_class(const struct export *x, uint32_t id)
{
	for (size_t i = 0; i < x->n; i++) {
		if (x->devs[i].id != id)
			return x->devs[i].id;
	}
	return id;
}

/* A CDI file has devices of one kind. */
static enum status put_classes(struct export *x, struct sink *s)
{
	uint32_t first = x->devs[0].id, other = other_class(x, first);

	if (other != first && s->dir < 0)
		return diag_usage(
			x->app,
			"%s: a CDI file has devices of one class, and these are of %s and "
			"%s: expected \"output DIR\", for a file of each",
			x->app->path, vdpa_class_name(first) ?: "an unknown one",
			vdpa_class_name(other) ?: "an unknown one");
	for (size_t i = 0; i < x->n; i++) {
		CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT;
		const char *class = vdpa_class_name(x->devs[i].id);
		char file[64];
		enum status status;
		bool done = false;

		for (size_t k = 0; k < i && !done; k++)
			done = x->devs[k].id == x->devs[i].id;
		if (done)
			continue;
		snprintf(file, sizeof(file), "vdpactl-%s.json", class ? class : "other");
		status = export_cdi(x, x->devs[i].id, &text);
		if (!status)
			status = sink_put(x->app, s, file, &text);
		if (status)
			return status;
	}
	return ST_OK;
}

static enum status put_devices(struct export *x, const struct format *f, struct sink *s)
{
	for (size_t i = 0; i < x->n; i++) {
		CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT, file = STRBUF_INIT;
		enum status status = f->one(x, &x->devs[i], &text);

		strbuf_addf(&file, "%s-device.json", x->devs[i].name);
		if (!status)
			status = sink_put(x->app, s, file.s ? file.s : "", &text);
		if (status)
			return status;
	}
	return ST_OK;
}

static enum status put_all(struct export *x, const struct format *f, struct sink *s)
{
	CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT;
	enum status status = ST_OK;
	char file[32];

	if (f->by_class)
		return put_classes(x, s);
	if (f->by_device && s->dir >= 0)
		return put_devices(x, f, s);
	if (f->by_device && s->path && x->n > 1)
		return diag_usage(x->app,
				  "%s: a deviceinfo file has one device: expected the name of a "
				  "directory that exists after \"output\"",
				  x->app->path);
	for (size_t i = 0; i < x->n && !status; i++)
		status = f->one(x, &x->devs[i], &text);
	snprintf(file, sizeof(file), "vdpactl.%s", f->name);
	return status ? status : sink_put(x->app, s, file, &text);
}

/* A disk's name in a domain depends on the disks before it. */
static void count(struct export *x, struct export_dev *d)
{
	for (const struct export_dev *p = d; p-- > x->devs;) {
		if (p->id != d->id)
			continue;
		d->position = p->position + 1;
		return;
	}
}

static enum status check_words(struct app *app, const struct args *args, const struct format *f)
{
	if (args->has & HAS_GENERIC && strcmp(f->name, "qemu") != 0)
		return diag_usage(app, "%s: generic is for format qemu", app->path);
	if (args->has & HAS_BY_NAME && !f->by_name)
		return diag_usage(app,
				  "%s: by_name is for the formats qemu, libvirt and deviceinfo",
				  app->path);
	return f->json ? json_load(app) : ST_OK;
}

static enum status gather(struct export *x)
{
	long n = items_unique(x->args->items, x->args->n_items);
	enum status status = ST_OK;

	x->devs = n > 0 ? calloc((size_t)n, sizeof(*x->devs)) : NULL;
	if (!x->devs)
		return diag_error(x->app, NULL, NULL, NULL);
	while (x->n < (size_t)n && !status) {
		struct export_dev *d = &x->devs[x->n];

		status = export_dev_get(x->app, x->args->items[x->n++], x->args->has & HAS_BY_NAME,
					d);
		count(x, d);
	}
	return status;
}

static void release(struct export *x)
{
	for (size_t i = 0; i < x->n; i++)
		export_dev_free(&x->devs[i]);
	free(x->devs);
}

/* All or nothing: what is half exported is no use to anybody. */
static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(release) struct export x = { .app = app, .args = args };
	CLEANUP(sink_close) struct sink sink = { .dir = -1 };
	const struct format *f = find_format(args->export.format);
	enum status status = check_words(app, args, f);

	if (!status)
		status = app_connect(app);
	if (status)
		return status;
	status = gather(&x);
	if (status)
		return status;
	sink_open(&sink, args);
	status = put_all(&x, f, &sink);
	/* What is printed is the format's, also with -json: nothing of ours around it. */
	if (status)
		strbuf_clear(&app->out);
	else if (!sink.path)
		app->document = DOC_SUPPRESSED;
	return status;
}

static const char *const format_names[] = {
	"qemu", "libvirt", "cdi", "deviceinfo", "commands", NULL
};

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "names of devices",
		.required = true,
		.repeat = true,
	},
	{
		.word = "format",
		.match = MATCH_NEW,
		.kind = VALUE_CHOICE,
		.has = HAS_FORMAT,
		.metavar = "FORMAT",
		.help = "qemu, libvirt, cdi, deviceinfo or commands",
		.required = true,
		.expected = "qemu, libvirt, cdi, deviceinfo or commands",
		.choices = format_names,
		.offset = offsetof(struct args, export.format),
	},
	{
		.word = "output",
		.match = MATCH_NEW,
		.kind = VALUE_TEXT,
		.has = HAS_OUTPUT,
		.metavar = "FILE|DIR",
		.help = "write there, and not to standard output: a file that is replaced in one "
			"step, or files of usual names in a directory",
		.expected = "the path of a file or directory",
		.offset = offsetof(struct args, export.output),
	},
	{
		.word = "generic",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_GENERIC,
		.help = "format qemu: QEMU's device for any class, of QEMU 8.0 and later",
	},
	{
		.word = "by_name",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_BY_NAME,
		.help = "name the char device by its link in /dev/vdpa/by-name, see dev link",
	},
	ARG_END,
};

const struct command cmd_dev_export = {
	.name = "export",
	.summary = "devices in the words of QEMU, libvirt and container runtimes",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
