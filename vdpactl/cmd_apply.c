// SPDX-License-Identifier: GPL-2.0-or-later
/* apply, and what restore shares with it */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "bind.h"
#include "command.h"
#include "json_dl.h"
#include "state.h"
#include "vduse.h"

#define LOCK_FILE BIND_LOCK_DIR "/apply.lock"
#define LOCK_MS 30000

/* The host is compared and changed by one at a time. */
static enum status take_lock(struct app *app, int *fd)
{
	int ms = app_limit_ms(app, LOCK_MS);

	*fd = bind_lock(app, LOCK_FILE, ms);
	if (*fd >= 0)
		return ST_OK;
	if (*fd == -ETIMEDOUT)
		return diag_fail(app, NULL, ETIMEDOUT, NULL,
				 "another apply or restore runs, and was not through after %d "
				 "seconds",
				 (ms + 999) / 1000);
	if (*fd == -EINTR)
		return diag_fail(app, NULL, EINTR, NULL, "interrupted");
	return diag_fail(app, NULL, -*fd,
			 *fd == -EACCES || *fd == -EPERM ? "this needs root; --dry-run does not" :
							   NULL,
			 "cannot lock %s: %s", LOCK_FILE, strerror(-*fd));
}

/* A part of the file, compared and done for itself. */
struct pass {
	struct state part; /* borrowed */
	struct state_host host; /* owned, as plan */
	struct plan plan;
};

static void pass_free(struct pass *pass)
{
	state_host_free(&pass->host);
	plan_free(&pass->plan);
}

static enum status pass_run(struct app *app, const struct apply_options *o, struct pass *pass)
{
	enum status status = state_host_read(app, &pass->host);

	if (!status)
		status = state_plan(app, o, &pass->part, &pass->host, &pass->plan);
	if (!status && !app->opt.dry_run)
		plan_run(app, &pass->plan, o->force);
	return status;
}

/* What was to be done in a dry run is as good as done. */
static enum status tell(struct app *app, struct plan *plan, enum status rest)
{
	for (size_t i = 0; app->opt.dry_run && i < plan->size; i++) {
		struct plan_item *item = &plan->items[i];

		if (item->result == PLAN_OPEN && item->give)
			plan_fail(item, item->give);
	}
	plan_print(app, plan, app->opt.dry_run);
	for (size_t i = 0; app->opt.dry_run && i < plan->size; i++) {
		if (plan->items[i].result == PLAN_OPEN)
			plan->items[i].result = PLAN_DONE;
	}
	return plan_status(plan, rest);
}

static enum status apply_at_once(struct app *app, const struct apply_options *o,
				 const struct state *state)
{
	CLEANUP(pass_free) struct pass pass = { .part = *state };
	enum status status = app_connect(app);

	if (!status)
		status = pass_run(app, o, &pass);
	return status ? status : tell(app, &pass.plan, ST_OK);
}

/* Passes over parts of the file, one after the other. */
struct passes {
	struct pass *v; /* owned array */
	size_t n;
};

static void passes_free(struct passes *passes)
{
	for (size_t i = 0; i < passes->n; i++)
		pass_free(&passes->v[i]);
	free(passes->v);
}

/* They are told as one, as far as they came (rest: why not further); the items' names and devices stay the passes'. */
static enum status tell_all(struct app *app, const struct passes *passes, enum status rest)
{
	CLEANUP(plan_free) struct plan all = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < passes->n; i++)
		n += passes->v[i].plan.size;
	all.items = calloc(n + 1, sizeof(*all.items));
	if (!all.items)
		return diag_error(app, NULL, NULL, NULL);
	for (size_t i = 0; i < passes->n; i++) {
		const struct plan *plan = &passes->v[i].plan;

		for (size_t k = 0; k < plan->size; k++)
			all.items[all.size++] = plan->items[k];
	}
	return tell(app, &all, rest);
}

/* A pass over the first n devices of what is left, and the disks; they are left no more. */
static enum status run_part(struct app *app, const struct apply_options *o, struct passes *passes,
			    struct state *left, size_t n)
{
	struct pass *v = realloc(passes->v, (passes->n + 1) * sizeof(*v));
	struct pass *pass;
	enum status status;

	if (!v)
		return diag_error(app, NULL, NULL, NULL);
	passes->v = v;
	pass = &v[passes->n++];
	*pass = (struct pass){ .part = *left };
	pass->part.n_devices = n;
	left->devices += n;
	left->n_devices -= n;
	left->n_vduse = 0;
	status = app_connect(app);
	return status ? status : pass_run(app, o, pass);
}

/*
 * Waits until some of the devices that are left can be made, the first *n of them; when the time is
 * over that is all of them.  Others may apply meanwhile: each pass looks at the host anew.
 */
static enum status wait_for_some(struct app *app, struct state *left, int64_t end, int *lock,
				 size_t *n)
{
	enum status status;

	for (*n = 0; !*n;) {
		close(*lock);
		*lock = -1;
		status = state_wait_parents(app, left, end);
		if (!status)
			status = take_lock(app, lock);
		if (!status)
			status = state_split_ready(app, left, n);
		if (status)
			return status;
		if (app_now_ms() >= end || vduse_interrupted(app))
			*n = left->n_devices;
	}
	return ST_OK;
}

/* One parent that never comes keeps no other devices waiting. */
static enum status apply_ready_first(struct app *app, const struct apply_options *o,
				     const struct state *state, size_t n, int *lock)
{
	CLEANUP(passes_free) struct passes passes = { 0 };
	struct apply_options part = *o;
	struct state left = *state;
	enum status status = ST_OK;
	int64_t end;

	if (n || state->n_vduse)
		status = run_part(app, o, &passes, &left, n);
	if (status)
		return status;
	part.late = true;
	end = app_now_ms() + app_limit_ms(app, o->wait_ms);
	while (left.n_devices && !status) {
		status = wait_for_some(app, &left, end, lock, &n);
		if (!status)
			status = run_part(app, &part, &passes, &left, n);
	}
	return tell_all(app, &passes, status);
}

static enum status apply_held(struct app *app, const struct apply_options *o, struct state *state)
{
	CLEANUP_CLOSE int lock = -1;
	size_t n_ready = state->n_devices;
	enum status status = ST_OK;

	if (!app->opt.dry_run)
		status = take_lock(app, &lock);
	if (!status)
		status = app_context(app);
	if (!status && !app->opt.dry_run)
		state_load_modules(app, state, BIND_MODPROBE_MS);
	if (!status && o->wait_ms && !app->opt.dry_run)
		status = state_split_ready(app, state, &n_ready);
	if (status)
		return status;
	return n_ready < state->n_devices ? apply_ready_first(app, o, state, n_ready, &lock) :
					    apply_at_once(app, o, state);
}

/*
 * What was held has ended the work and is not to end the program before it says so.  After
 * that it ends a batch, whose other commands are not to run.
 */
static void release_signals(struct app *app, const sigset_t *before)
{
	const struct timespec now = { 0 };
	sigset_t ending;
	int signal;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	while ((signal = sigtimedwait(&ending, NULL, &now)) > 0)
		app->signal = signal;
	sigprocmask(SIG_SETMASK, before, NULL);
}

enum status state_apply(struct app *app, const struct apply_options *o)
{
	CLEANUP(state_free) struct state state = { 0 };
	enum status status = json_load(app);
	sigset_t before;

	if (!status)
		status = app_open_section(app, "apply");
	if (!status)
		status = state_read(app, o->file, &state);
	if (status)
		return status;
	vduse_hold_signals(&before);
	status = apply_held(app, o, &state);
	release_signals(app, &before);
	return status;
}

static enum status run(struct app *app, const struct args *args)
{
	const struct apply_options o = {
		.file = args->state.file,
		.prune = args->has & HAS_PRUNE,
		.force = args->has & HAS_FORCE,
	};

	return state_apply(app, &o);
}

static const struct arg args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_FILE,
		.metavar = "FILE",
		.help = "what shall be, as save prints it; - for standard input",
		.required = true,
		.expected = "a file's path",
		.offset = offsetof(struct args, state.file),
	},
	{
		.word = "prune",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_PRUNE,
		.help = "delete the devices that are not in it",
	},
	{
		.word = "force",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_FORCE,
		.help = "delete, recreate or rebind also what has an interface that is up, and VDUSE "
			"devices as `vduse del` does with it",
	},
	ARG_END,
};

const struct command cmd_apply = {
	.name = "apply",
	.summary = "make the devices as a file says (root)",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
	.dry_run = true,
};
