// SPDX-License-Identifier: GPL-2.0-or-later
/* dev export */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "export.h"
#include "items.h"
#include "json_dl.h"
#include "outfile.h"

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

struct export_file {
	struct strbuf path;
	struct strbuf text;
};

/* All files are there before the first one is written. */
struct sink {
	const char *path; /* NULL: standard output */
	bool is_dir;
	struct export_file *files; /* owned array; without a path one of them goes to stdout */
	size_t n, room;
};

static void sink_free(struct sink *s)
{
	for (size_t i = 0; i < s->n; i++) {
		strbuf_free(&s->files[i].path);
		strbuf_free(&s->files[i].text);
	}
	free(s->files);
}

static void sink_init(struct sink *s, const struct args *args)
{
	struct stat st;

	s->path = args->has & HAS_OUTPUT ? args->export.output : NULL;
	s->is_dir = s->path && stat(s->path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* file is the name in a directory; what text has moves. */
static enum status sink_put(struct app *app, struct sink *s, const char *file, struct strbuf *text)
{
	struct export_file *d;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 4;

		d = realloc(s->files, room * sizeof(*d));
		if (!d)
			return diag_error(app, NULL, NULL, NULL);
		s->files = d;
		s->room = room;
	}
	d = &s->files[s->n++];
	*d = (struct export_file){ .path = STRBUF_INIT, .text = *text };
	*text = (struct strbuf)STRBUF_INIT;
	if (s->path)
		strbuf_addf(&d->path, s->is_dir ? "%s/%s" : "%s", s->path, file);
	return d->path.failed || d->text.failed || json_failed() ?
		       diag_error(app, NULL, NULL, NULL) :
		       ST_OK;
}

static enum status sink_write(struct app *app, const struct sink *s, mode_t mode)
{
	enum status status = ST_OK;

	for (size_t i = 0; i < s->n && !status; i++) {
		const struct export_file *d = &s->files[i];

		if (s->path)
			status = outfile_write(app, d->path.s, mode, &d->text);
		else
			strbuf_addn(&app->out, d->text.s ? d->text.s : "", d->text.len);
	}
	return status;
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

	if (other != first && !s->is_dir)
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
	if (f->by_device && s->is_dir)
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

/* One call for all: they may be siblings of thousands. */
static enum status place(struct export *x)
{
	CLEANUP(cleanup_vdpa_sysdev_list_unref_cb) struct vdpa_sysdev_list *list = NULL;
	enum status status = ST_OK;

	if (vdpa_sysdev_list_named(x->app->ctx, (const char *const *)x->args->items, x->n, &list) <
	    0)
		return diag_ctx(x->app, NULL);
	for (size_t i = 0; i < x->n && !status; i++)
		status = export_dev_place(x->app, vdpa_sysdev_list_get(list, i),
					  x->args->has & HAS_BY_NAME, &x->devs[i]);
	return status;
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

		status = export_dev_get(x->app, x->args->items[x->n++], d);
		count(x, d);
	}
	return status ? status : place(x);
}

static void release(struct export *x)
{
	for (size_t i = 0; i < x->n; i++)
		export_dev_free(&x->devs[i]);
	free(x->devs);
}

/* The URI of a back end may have a password in it. */
static mode_t mode_of(const struct format *f)
{
	return f->one == export_commands ? 0600 : 0644;
}

/* All or nothing: what is half exported is no use to anybody. */
static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(release) struct export x = { .app = app, .args = args };
	CLEANUP(sink_free) struct sink sink = { 0 };
	const struct format *f = find_format(args->export.format);
	enum status status = check_words(app, args, f);

	if (!status)
		status = app_connect(app);
	if (!status)
		status = gather(&x);
	if (status)
		return status;
	sink_init(&sink, args);
	status = put_all(&x, f, &sink);
	if (!status)
		status = sink_write(app, &sink, mode_of(f));
	/* What is printed is the format's, also with -json: nothing of ours around it. */
	if (!status && !sink.path)
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
