/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the command share, grouped by the file that owns it.
 *
 *   main.c -> options.c -> command.c -> args.c -> cmd_*.c -> libvdpamgmt
 *                                                   |
 *                          view_text.c, view_json.c + json_out.c
 *                                                   |
 *                                  out.c -> stdout  |  diag.c -> stderr, exit status
 */
#ifndef VDPACTL_APP_H
#define VDPACTL_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/strbuf.h"
#include "json_out.h"
#include "options.h"
#include "vdpamgmt.h"

struct command;
struct progress;

/* The exit statuses; as `vdpa`, everything but ST_OK ends as ST_ERROR. */
enum status {
	ST_OK = 0,
	ST_ERROR = 1,
	ST_USAGE = 2,
	ST_NOT_FOUND = 3,
	ST_EXISTS = 4,
	ST_BUSY = 5,
	ST_PERMISSION = 6,
	ST_TIMEOUT = 7,
	ST_UNSUPPORTED = 8,
	ST_PARTLY = 9,
};

/* What of the JSON document of the running command stands in `out` already. */
enum document {
	DOC_EMPTY, /* nothing: an empty line, or the errors alone */
	DOC_SECTION, /* an open section */
	DOC_SUPPRESSED, /* nothing, and nothing shall be printed */
};

struct app {
	const char *name; /* "vdpactl", or "vdpa" */
	bool legacy; /* be exactly iproute2's vdpa */
	struct options opt;
	struct vdpa_ctx *ctx; /* owned; NULL until app_connect */
	struct vdpa_mgmtdev *mgmtdev; /* owned; the last one asked for, so that a batch asks once */
	const struct command *command; /* the one that runs, for diagnostics */
	char path[64]; /* its words ("dev add") */
	const char *file; /* batch file and line that runs; NULL outside a batch */
	unsigned long line;
	unsigned long column; /* of a file of another kind; 0: not told */
	int64_t started; /* monotonic milliseconds, when the command that runs began */
	int signal; /* ended the work of the command and is still to end a batch; 0: none */
	/*
	 * What runs now puts right what would be left half done: neither --timeout
	 * nor a signal that is held back ends it.
	 */
	bool must_finish;
	bool autoprobe_off; /* from bind_autoprobe_off() to bind_autoprobe_back() */
	bool as_notes; /* what fails now costs nothing: it is told, and is no error */

	struct strbuf out; /* what goes to stdout when the command is through */
	struct progress *progress; /* the one that is shown; NULL: none */
	struct vduse_ahead *ahead; /* the caller's; NULL: who uses a device is looked for alone */
	bool out_gone; /* the reader went away: nothing more is written */
	enum document document;
	struct json_out json;
	json_t *errors; /* owned array; NULL until there is one */
};

DEFINE_CLEANUP(struct vdpa_mgmtdev, vdpa_mgmtdev_unref)
DEFINE_CLEANUP(struct vdpa_mgmtdev_list, vdpa_mgmtdev_list_unref)
DEFINE_CLEANUP(struct vdpa_dev, vdpa_dev_unref)
DEFINE_CLEANUP(struct vdpa_dev_list, vdpa_dev_list_unref)
DEFINE_CLEANUP(struct vdpa_config, vdpa_config_unref)
DEFINE_CLEANUP(struct vdpa_config_list, vdpa_config_list_unref)
DEFINE_CLEANUP(struct vdpa_vstats, vdpa_vstats_unref)
DEFINE_CLEANUP(struct vdpa_vstats_list, vdpa_vstats_list_unref)
DEFINE_CLEANUP(struct vdpa_sysdev, vdpa_sysdev_unref)
DEFINE_CLEANUP(struct vdpa_sysdev_list, vdpa_sysdev_list_unref)
DEFINE_CLEANUP(struct vdpa_user_list, vdpa_user_list_unref)
DEFINE_CLEANUP(struct vdpa_netdev, vdpa_netdev_unref)
DEFINE_CLEANUP(struct vdpa_spec, vdpa_spec_unref)

/* ---- app.c ---- */

void app_init(struct app *app, const char *argv0);
void app_close(struct app *app);
/* One command line, options already taken off: runs it and writes its output. */
enum status app_run(struct app *app, int argc, char **argv);
/* Writes the output of a command that ended with status; returns that, or why writing failed. */
enum status app_finish(struct app *app, enum status status);
/* Monotonic time in milliseconds. */
int64_t app_now_ms(void);
void app_nap_ms(int ms);
/*
 * ms, or as much as --timeout leaves to this command, unless it must finish:
 * everything that waits asks this first.
 */
int app_limit_ms(const struct app *app, int ms);
/* Makes app->ctx, for what needs no netlink; a failure is reported. */
enum status app_context(struct app *app);
/* Makes app->ctx and finds the kernel's family; a failure is reported. */
enum status app_connect(struct app *app);
/*
 * app_mgmtdev: the management device with that handle, kept for the next
 * caller (borrowed), so it may be as old as the batch; NULL with the failure
 * in app->ctx.
 */
const struct vdpa_mgmtdev *app_mgmtdev(struct app *app, const char *handle);
/* Opens the section of a command that shows something: only JSON has one. */
enum status app_open_section(struct app *app, const char *section);
/* The same, then connects. */
enum status app_begin_section(struct app *app, const char *section);

/* ---- out.c ---- */

/* One member of the open section; takes over value. */
void out_member(struct app *app, const char *key, json_t *value);
/* Completes the document of a finished command. */
void out_finish_document(struct app *app);
/* Writes what was built to stdout, all of it or with an error reported. */
enum status out_flush(struct app *app);
/* The same in parts: up to max octets behind those *done, which is 0 again with the last. */
enum status out_flush_some(struct app *app, size_t *done, size_t max);
/* All of it, where nothing may be reported. */
void out_flush_quietly(struct app *app);
/* At exit: reports what the kernel could only tell on close. */
enum status out_close(struct app *app);

/* ---- diag.c ---- */

/* The exit status for an errno (positive or negative). */
enum status diag_status(int errnum);
/* Reports bad usage: one sentence.  Returns ST_USAGE. */
__attribute__((format(printf, 2, 3))) enum status diag_usage(struct app *app, const char *fmt, ...);
/* The same with advice, which may be NULL. */
__attribute__((format(printf, 3, 4))) enum status diag_usage_hint(struct app *app, const char *hint,
								  const char *fmt, ...);
/*
 * diag_error: reports why the last library call failed, for a device (or
 * NULL).  err NULL stands for "out of memory"; hint, unless NULL, replaces
 * the error's own.
 */
enum status diag_error(struct app *app, const char *device, const struct vdpa_error *err,
		       const char *hint);
/* diag_ctx: diag_error with the context's error. */
enum status diag_ctx(struct app *app, const char *device);
/* diag_fail: a failure found here; errnum is positive. */
__attribute__((format(printf, 5, 6))) enum status
diag_fail(struct app *app, const char *device, int errnum, const char *hint, const char *fmt, ...);
/* Something worth knowing that is no failure; -quiet drops it. */
__attribute__((format(printf, 2, 3))) void diag_note(struct app *app, const char *fmt, ...);
/* What the kernel said about a request that succeeded. */
void diag_warning(struct app *app, const char *text);

/* Text for people that is no message: `vdpa` prints its help there. */
void diag_write(const char *s, size_t len);

/* Results of several items that make up one command. */
struct tally {
	size_t good;
	size_t bad;
	enum status first; /* of the first bad one */
};

void tally_add(struct tally *t, enum status status);
enum status tally_status(const struct tally *t);

/* ---- usage.c, complete.c, batch.c ---- */

/* Prints the help of a command or group: to stdout, or to stderr as `vdpa` does. */
void usage_print(struct app *app, const struct command *cmd, const char *path);
/* What `--complete CWORD WORD...` prints, or --complete-described; argv starts at CWORD. */
void complete_print(struct app *app, bool described, int argc, char **argv);
enum status batch_run(struct app *app);

/* ---- features.c ---- */

/* The virtio device ID that names the feature bits of a parent of those classes; 0 for none. */
uint32_t features_id(bool legacy, uint64_t classes);
/* The bits' names with sep between them, into sb. */
void features_list(struct strbuf *sb, uint32_t id, uint64_t features, const char *sep);

/* ---- legacy.c: the words of iproute2's vdpa ---- */

const char *legacy_type_name(uint32_t id);
const char *legacy_class_name(uint32_t id);
/* NULL where it prints the bit's number. */
const char *legacy_feature_name(uint32_t id, unsigned int bit);

#endif
