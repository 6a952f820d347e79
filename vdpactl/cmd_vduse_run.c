// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse restart, rescue, resize: a daemon comes, goes, and looks again */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "json_dl.h"
#include "vduse.h"

#define END_MS 5000
#define RESIZE_MS 10000

enum status vduse_resume(struct app *app, const char *name, bool fail)
{
	const char *const args[] = { "resume", "--name", name, fail ? "--fail-requests" : NULL,
				     NULL };

	bool lives;

	return vduse_start(app, name, args, &lives);
}

enum status vduse_check_served(struct app *app, const char *name, int *lock)
{
	enum status status = vduse_check_name(app, name);

	if (!status)
		status = json_load(app);
	if (status)
		return status;
	*lock = vduse_lock_state(name);
	if (*lock == VDUSE_NO_DIR && vduse_device_exists(name))
		return diag_fail(app, name, EOPNOTSUPP, NULL,
				 "VDUSE device \"%s\" is another program's", name);
	if (*lock == VDUSE_NO_DIR)
		return diag_fail(app, name, ENODEV, NULL, "no VDUSE device is named \"%s\"", name);
	if (*lock < 0)
		return diag_fail(app, name, -*lock, *lock == -EACCES ? "this needs root" : NULL,
				 "cannot look into %s/%s: %s", vduse_runtime_dir(), name,
				 strerror(-*lock));
	return ST_OK;
}

enum status vduse_fail_gone(struct app *app, const char *name)
{
	CLEANUP(strbuf_free) struct strbuf hint = STRBUF_INIT;

	strbuf_addf(&hint, "`vdpactl vduse rescue %s` serves it again", name);
	return diag_fail(app, name, ENODEV, hint.s, "the daemon of \"%s\" is gone", name);
}

/* A request to a daemon that lives. */
static enum status request(struct app *app, const char *name, const char *line, int timeout_ms,
			   const char *what)
{
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;
	int r = vduse_request(name, line, app_limit_ms(app, timeout_ms), NULL, NULL, &err);

	if (!r)
		return ST_OK;
	return diag_fail(app, name, r == -EREMOTEIO ? EIO : -r, NULL, "cannot %s \"%s\": %s", what,
			 name, err.s ? err.s : strerror(-r));
}

/* It was asked to end, and perhaps has, and there is none in its place. */
static void note_unserved(struct app *app, const char *name, enum status status)
{
	/* One that hung up is ending: its lock goes a little later than its socket. */
	if (status == ST_NOT_FOUND)
		(void)vduse_wait_gone(name, app_limit_ms(app, END_MS));
	if (vduse_lock_state(name) != VDUSE_HELD)
		diag_note(
			app,
			"\"%s\" has no daemon now and its requests wait: `vdpactl vduse rescue %s` "
			"tries again, `vdpactl vduse rescue %s fail` answers them with errors",
			name, name, name);
	else if (status == ST_TIMEOUT)
		diag_note(
			app,
			"the daemon of \"%s\" was asked to end and still may: then "
			"`vdpactl vduse rescue %s` starts another one",
			name, name);
}

/* Is it the main process of a unit vdused@.service, which knows nothing of a daemon started here? */
static bool is_units(pid_t pid)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	CLEANUP_FREE char *line = NULL;
	char path[48];
	size_t cap = 0;
	bool is = false;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (!is && f && getline(&line, &cap, f) > 0)
		is = strstr(line, "/vdused@");
	return is;
}

/* What the next daemon would not do either: it is better found while there is one. */
static enum status check_next(struct app *app, const char *name, bool *units)
{
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;
	const char *const args[] = { "resume", "--name", name, "--check", NULL };
	struct vduse_status s;
	bool broken = false;

	*units = false;
	/* One that does not answer is asked again, to stop. */
	if (!vduse_get_status(app, name, &s, &err)) {
		broken = s.broken;
		*units = is_units(s.pid);
		vduse_status_free(&s);
	}
	if (broken)
		return diag_fail(app, name, EIO, "`vduse del` is what is left",
				 "the kernel gave \"%s\" up: no daemon can serve it", name);
	return vduse_try(app, name, args);
}

static enum status restart(struct app *app, const char *name)
{
	enum status status = request(app, name, "{\"command\":\"stop\",\"destroy\":false}\n",
				     VDUSE_STOP_MS, "restart");
	int r = status ? 0 : vduse_wait_gone(name, app_limit_ms(app, END_MS));

	if (r)
		status = diag_fail(app, name, -r, NULL, "the daemon of \"%s\" does not end: %s",
				   name, strerror(-r));
	if (!status) {
		app->must_finish = true;
		status = vduse_resume(app, name, false);
		app->must_finish = false;
	}
	if (status)
		note_unserved(app, name, status);
	return status;
}

static enum status run_restart(struct app *app, const struct args *args)
{
	enum status status;
	sigset_t before;
	bool units;
	int lock;

	status = vduse_check_served(app, args->name, &lock);
	if (!status && lock == VDUSE_FREE)
		status = vduse_fail_gone(app, args->name);
	if (!status)
		status = check_next(app, args->name, &units);
	if (status)
		return status;
	/* Whoever interrupts this leaves no disk without a daemon. */
	vduse_hold_signals(&before);
	status = restart(app, args->name);
	if (!status && units)
		diag_note(app,
			  "the daemon of \"%s\" was a unit's, and the new one is not: `systemctl kill "
			  "-s KILL vdused@%s` would have replaced it there",
			  args->name, args->name);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static enum status run_rescue(struct app *app, const struct args *args)
{
	enum status status;
	int lock;

	status = vduse_check_served(app, args->name, &lock);
	if (status)
		return status;
	if (lock == VDUSE_HELD)
		return diag_fail(app, args->name, EEXIST, "`vduse restart` starts another one",
				 "a daemon serves \"%s\" already", args->name);
	if (!vduse_device_exists(args->name))
		return diag_fail(app, args->name, ENODEV, "`vduse del` removes what is left of it",
				 "there is no VDUSE device \"%s\" any more", args->name);
	return vduse_resume(app, args->name, args->has & HAS_FAIL);
}

static enum status run_resize(struct app *app, const struct args *args)
{
	CLEANUP(strbuf_free) struct strbuf line = STRBUF_INIT;
	enum status status;
	int lock;

	status = vduse_check_served(app, args->name, &lock);
	if (!status && lock == VDUSE_FREE)
		status = vduse_fail_gone(app, args->name);
	if (status)
		return status;
	strbuf_add(&line, "{\"command\":\"resize\"");
	if (args->has & HAS_SIZE)
		strbuf_addf(&line, ",\"size\":%llu", (unsigned long long)args->vduse.size);
	strbuf_add(&line, "}\n");
	if (line.failed)
		return diag_error(app, NULL, NULL, NULL);
	return request(app, args->name, line.s, RESIZE_MS, "resize");
}

#define NAME_ARG(what)                                                                  \
	{                                                                               \
		.kind = VALUE_VDUSE, .has = HAS_ITEMS, .metavar = "NAME", .help = what, \
		.required = true,                                                       \
	}

static const struct arg restart_args[] = {
	NAME_ARG("the device whose daemon ends and is started again; its driver notices nothing"),
	ARG_END,
};

static const struct arg rescue_args[] = {
	NAME_ARG("the device whose daemon is gone"),
	{
		.word = "fail",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_FAIL,
		.help = "answer every request, old and new, with an error: its users can let go",
	},
	ARG_END,
};

static const struct arg resize_args[] = {
	NAME_ARG("the device whose back end has another size now"),
	{
		.word = "size",
		.match = MATCH_NEW,
		.kind = VALUE_SIZE,
		.has = HAS_SIZE,
		.metavar = "SIZE",
		.help = "octets, or 64M: what a back end that is no more than memory grows to",
		.offset = offsetof(struct args, vduse.size),
	},
	ARG_END,
};

const struct command cmd_vduse_restart = {
	.name = "restart",
	.summary = "replace the daemon, with the device in use (root)",
	.match = MATCH_NEW,
	.args = restart_args,
	.run = run_restart,
};

const struct command cmd_vduse_rescue = {
	.name = "rescue",
	.summary = "start a daemon where the last one is gone (root)",
	.match = MATCH_NEW,
	.args = rescue_args,
	.run = run_rescue,
};

const struct command cmd_vduse_resize = {
	.name = "resize",
	.summary = "look at the size of the back end again (root)",
	.match = MATCH_NEW,
	.args = resize_args,
	.run = run_resize,
};
