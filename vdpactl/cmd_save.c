// SPDX-License-Identifier: GPL-2.0-or-later
/* save */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "json_dl.h"
#include "outfile.h"
#include "state.h"
#include "text.h"

#define NAMED_MAX 8 /* in one note */

/* ---- what is kept ---- */

/* Devices that are left out for the same reason. */
struct left_out {
	struct strbuf names;
	size_t n;
};

static void left_out_free(struct left_out *l)
{
	strbuf_free(&l->names);
}

static void leave_out(struct left_out *l, const char *name)
{
	if (l->n++ < NAMED_MAX)
		strbuf_addf(&l->names, "%s\"%s\"", l->names.len ? ", " : "", name);
}

static void tell(struct app *app, struct left_out *l, const char *why)
{
	if (l->n > NAMED_MAX)
		strbuf_addf(&l->names, " and %zu more", l->n - NAMED_MAX);
	if (l->n)
		diag_note(app, "left out, %s: %s", why, l->names.s ? l->names.s : "");
}

static bool is_text(const char *s)
{
	while (*s) {
		size_t n = text_utf8((const unsigned char *)s);

		if (!n)
			return false;
		s += n;
	}
	return true;
}

/* Moves what is kept to the front; the host's arrays become the state's. */
static enum status keep_devices(struct app *app, struct state_host *host, struct state *state)
{
	CLEANUP(left_out_free) struct left_out unmanaged = { 0 }, odd = { 0 }, bare = { 0 };
	bool told = true;
	size_t n = 0;

	for (size_t i = 0; i < host->n_devices; i++) {
		struct state_device *d = &host->devices[i];
		struct state_device kept;
		bool known;

		if (!d->mgmtdev || !is_text(d->name)) {
			leave_out(d->mgmtdev ? &odd : &unmanaged, d->name);
			state_device_free(d);
			continue;
		}
		kept = state_device_reduced(app, d, &known);
		if (!known)
			leave_out(&bare, d->name);
		told = state_node_tell(&kept.node, &kept.has) && told;
		*d = (struct state_device){ 0 };
		host->devices[n++] = kept;
	}
	state->devices = host->devices;
	state->n_devices = n;
	host->devices = NULL;
	host->n_devices = 0;
	tell(app, &unmanaged, "made by their driver and not by a request");
	tell(app, &odd, "names that JSON cannot hold");
	tell(app, &bare, "attributes of devices of parents that are not known here");
	return told ? ST_OK : diag_error(app, NULL, NULL, NULL);
}

/* What JSON cannot hold would be another text in the file: another disk, for apply. */
static enum status check_texts(struct app *app, const struct state_vduse *v)
{
	const struct {
		const char *what, *text;
	} texts[] = { { "back end", v->backend },
		      { "serial number", v->serial },
		      { "user", v->user } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i].text && !is_text(texts[i].text))
			return diag_fail(
				app, v->name, EIO, NULL,
				"VDUSE device \"%s\" cannot be saved: its %s \"%s\" is not UTF-8",
				v->name, texts[i].what, texts[i].text);
	}
	return ST_OK;
}

static enum status keep_vduse(struct app *app, struct state_host *host, struct state *state)
{
	CLEANUP(left_out_free) struct left_out others = { 0 }, units = { 0 }, rest = { 0 };
	enum status status;

	state->vduse = calloc(host->n_vduse + 1, sizeof(*state->vduse));
	if (!state->vduse)
		return diag_error(app, NULL, NULL, NULL);
	for (size_t i = 0; i < host->n_vduse; i++) {
		struct host_vduse *h = &host->vduse[i];

		if (h->owner == VDUSE_OTHERS)
			leave_out(&others, h->is.name);
		else if (h->owner == VDUSE_UNITS)
			leave_out(&units, h->is.name);
		else if (!h->exists)
			leave_out(&rest, h->is.name);
		else if (!h->known)
			return diag_fail(app, h->is.name, EIO, NULL,
					 "the options of VDUSE device \"%s\" are not understood",
					 h->is.name);
		if (h->owner != VDUSE_OURS || !h->exists)
			continue;
		status = check_texts(app, &h->is);
		if (status)
			return status;
		/* Made, and not attached yet or taken from its driver. */
		if (!h->is.driver)
			h->is.driver = state_driver(NULL);
		h->is.has |= STATE_HAS_DRIVER;
		if (!state_node_tell(&h->is.node, &h->is.has))
			return diag_error(app, NULL, NULL, NULL);
		state->vduse[state->n_vduse++] = h->is;
		h->is = (struct state_vduse){ 0 };
	}
	tell(app, &others, "VDUSE devices of another program");
	tell(app, &units, "VDUSE devices that vdused@.service starts");
	tell(app, &rest, "what ended VDUSE devices left behind");
	return ST_OK;
}

/* The URI of a back end may have a password in it: such a file is root's alone, unless it was not before. */
static mode_t mode_of(const struct state *state)
{
	return state->n_vduse ? 0600 : 0644;
}

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(state_host_free) struct state_host host = { 0 };
	CLEANUP(state_free) struct state state = { 0 };
	CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT;
	enum status status = json_load(app);

	if (!status)
		status = app_connect(app);
	if (!status)
		status = state_host_read(app, &host);
	if (status)
		return status;
	status = keep_devices(app, &host, &state);
	if (!status)
		status = keep_vduse(app, &host, &state);
	if (status)
		return status;
	state_write(&text, &state);
	if (text.failed || json_failed())
		return diag_error(app, NULL, NULL, NULL);
	/* It is a document of its own, with or without -json. */
	app->document = DOC_SUPPRESSED;
	if (args->has & HAS_FILE)
		return outfile_write(app, args->state.file, mode_of(&state), &text);
	strbuf_addn(&app->out, text.s, text.len);
	return ST_OK;
}

static const struct arg args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_FILE,
		.metavar = "FILE",
		.help = "where it goes, replaced as a whole; to standard output without one",
		.expected = "a file's path",
		.offset = offsetof(struct args, state.file),
	},
	ARG_END,
};

const struct command cmd_save = {
	.name = "save",
	.summary = "print all devices as a file that apply and restore take",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
