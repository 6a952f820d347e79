// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Carrying out a plan, step by step over all devices: what is deleted, then
 * daemons, additions, addresses and drivers.  So requests travel together and
 * autoprobe is switched off once.
 */
#include <errno.h>
#include <string.h>

#include "bind.h"
#include "link.h"
#include "state.h"
#include "state_diff.h"
#include "vduse.h"

#define NODE_WAIT_MS (VDUSE_WAIT_SECONDS * 1000)

DEFINE_CLEANUP(struct vdpa_bulk, vdpa_bulk_unref)

/* ---- steps ---- */

static unsigned int steps_of_node(const struct state_node *want, const struct plan_item *item)
{
	bool differs = item->action != PLAN_CHANGE || item->differs & STATE_DIFF_NODE;

	return differs && state_node_is_given(want) ? STEP_GIVE : 0;
}

static unsigned int steps_of_device(const struct plan_item *item)
{
	const char *driver = item->want->driver;
	unsigned int steps = 0;

	if (item->action != PLAN_CHANGE)
		return steps_of_node(&item->want->node, item) | STEP_ADD |
		       (item->action == PLAN_RECREATE ? STEP_DELETE : 0) |
		       (driver && strcmp(driver, "none") ? STEP_BIND : 0);
	if (item->differs & STATE_DIFF_MAC)
		steps |= STEP_MAC;
	if (item->differs & STATE_DIFF_DRIVER)
		steps |= STEP_BIND;
	return steps | steps_of_node(&item->want->node, item);
}

static unsigned int steps_of_vduse(const struct plan_item *item)
{
	bool bound = strcmp(item->vwant->driver, "none") != 0;
	unsigned int steps = 0;

	if (item->action != PLAN_CHANGE)
		return steps_of_node(&item->vwant->node, item) | STEP_START | STEP_ADD |
		       (item->action == PLAN_RECREATE ? STEP_DELETE : 0) | (bound ? STEP_BIND : 0);
	if (item->differs & STATE_DIFF_DAEMON)
		steps |= STEP_START;
	if (item->differs & STATE_DIFF_DETACHED)
		steps |= STEP_ADD | (bound ? STEP_BIND : 0);
	else if (item->differs & STATE_DIFF_DRIVER)
		steps |= STEP_BIND;
	return steps | steps_of_node(&item->vwant->node, item);
}

/* Returns how many steps there are in all. */
static size_t set_steps(struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->size; i++) {
		struct plan_item *item = &plan->items[i];

		item->todo = 0;
		if (item->action == PLAN_KEEP || item->result != PLAN_OPEN)
			continue;
		item->todo = item->action == PLAN_DELETE ? STEP_DELETE :
			     item->want			 ? steps_of_device(item) :
							   steps_of_vduse(item);
		n += (size_t)__builtin_popcount(item->todo);
	}
	return n;
}

bool runner_wants(struct runner *r, const struct plan_item *item, unsigned int step)
{
	if (item->result != PLAN_OPEN || !(item->todo & step))
		return false;
	/* An earlier step of it was not reached. */
	if (item->todo & (step - 1))
		return false;
	r->stopped = r->stopped || vduse_interrupted(r->app);
	return !r->stopped;
}

void runner_step(struct runner *r, struct plan_item *item, unsigned int step, enum status status)
{
	static const struct {
		unsigned int step;
		const char *what;
	} names[] = {
		{ STEP_DELETE, "deleting" }, { STEP_START, "starting daemons" },
		{ STEP_ADD, "adding" },	     { STEP_MAC, "setting addresses" },
		{ STEP_BIND, "binding" },    { STEP_GIVE, "giving to owners" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].step == step)
			progress_step(&r->progress, names[i].what, 1);
	}
	item->todo &= ~step;
	if (status)
		plan_fail(item, status);
	else if (!item->todo)
		item->result = PLAN_DONE;
}

/* Without memory each is looked for alone. */
void runner_look_ahead(struct runner *r, unsigned int step,
		       bool (*pick)(const struct plan_item *item))
{
	vduse_ahead_free(&r->ahead);
	r->ahead.names = calloc(r->plan->size + 1, sizeof(*r->ahead.names));
	for (size_t i = 0; i < r->plan->size && r->ahead.names; i++) {
		const struct plan_item *item = &r->plan->items[i];

		if (item->result == PLAN_OPEN && item->todo & step && pick(item))
			r->ahead.names[r->ahead.n++] = item->name;
	}
	r->app->ahead = &r->ahead;
}

/* ---- requests in bulk ---- */

typedef enum status queue_fn(struct runner *r, struct vdpa_bulk *bulk, struct plan_item *item);
typedef bool pick_fn(const struct plan_item *item);

/* Sends what is queued, and takes the results. */
static void run_chunk(struct runner *r, struct vdpa_bulk *bulk, struct plan_item **items, size_t n,
		      unsigned int step)
{
	(void)!vdpa_bulk_run(bulk, VDPA_BULK_KEEP_GOING | VDPA_BULK_PIPELINE);
	for (size_t i = 0; i < n; i++) {
		const struct vdpa_error *err = NULL;
		int result = vdpa_bulk_get_result(bulk, i, &err);
		enum status status = ST_OK;

		if (result > 0)
			status = diag_ctx(r->app, items[i]->name);
		/* Gone by itself is deleted. */
		else if (result < 0 && !(step == STEP_DELETE && result == -ENODEV))
			status = diag_error(r->app, items[i]->name, err, NULL);
		if (step == STEP_DELETE && !status)
			link_tidy(items[i]->name);
		runner_step(r, items[i], step, status);
	}
}

/* The items that are picked and want the step, from *at on; returns how many were taken. */
static size_t fill_chunk(struct runner *r, struct vdpa_bulk *bulk, struct plan_item **items,
			 size_t *at, unsigned int step, pick_fn *pick, queue_fn *queue)
{
	size_t n = 0;

	for (; *at < r->plan->size && n < RUNNER_CHUNK; (*at)++) {
		struct plan_item *item = &r->plan->items[*at];
		enum status status;

		if (!pick(item) || !runner_wants(r, item, step))
			continue;
		status = queue(r, bulk, item);
		if (status)
			runner_step(r, item, step, status);
		else
			items[n++] = item;
	}
	return n;
}

static void run_bulk(struct runner *r, unsigned int step, pick_fn *pick, queue_fn *queue)
{
	struct plan_item *items[RUNNER_CHUNK];
	size_t at = 0;

	while (at < r->plan->size && !r->stopped) {
		CLEANUP(cleanup_vdpa_bulk_unref_cb) struct vdpa_bulk *bulk = NULL;
		size_t n;

		if (vdpa_bulk_new(r->app->ctx, &bulk) < 0) {
			diag_ctx(r->app, NULL);
			return;
		}
		n = fill_chunk(r, bulk, items, &at, step, pick, queue);
		if (n)
			run_chunk(r, bulk, items, n, step);
	}
}

/* ---- deletions ---- */

static bool is_device_deletion(const struct plan_item *item)
{
	return item->have;
}

static enum status queue_deletion(struct runner *r, struct vdpa_bulk *bulk, struct plan_item *item)
{
	enum status status = runner_check_unused(r, item);

	if (!status && vdpa_bulk_del(bulk, item->name) < 0)
		status = diag_ctx(r->app, item->name);
	return status;
}

static bool is_vduse_deletion(const struct plan_item *item)
{
	return item->vhave;
}

static void delete_vduse(struct runner *r)
{
	runner_look_ahead(r, STEP_DELETE, is_vduse_deletion);
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];

		if (is_vduse_deletion(item) && runner_wants(r, item, STEP_DELETE))
			runner_step(r, item, STEP_DELETE,
				    vduse_delete(r->app, item->name, r->force));
	}
}

/* ---- daemons ---- */

static void start_daemons(struct runner *r)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];

		if (!item->vwant || !runner_wants(r, item, STEP_START))
			continue;
		runner_step(r, item, STEP_START,
			    item->action == PLAN_CHANGE ? vduse_resume(r->app, item->name, false) :
							  state_start(r->app, item->vwant));
	}
}

/* ---- additions ---- */

/* Without a driver in the file the host decides, as for `dev add`. */
static bool is_plain_addition(const struct plan_item *item)
{
	return item->want && !item->want->driver;
}

static bool is_bound_addition(const struct plan_item *item)
{
	return item->vwant || (item->want && item->want->driver);
}

static enum status queue_addition(struct runner *r, struct vdpa_bulk *bulk, struct plan_item *item)
{
	const struct state_device vduse = { .name = (char *)(uintptr_t)item->name,
					    .mgmtdev = (char *)(uintptr_t) "vduse" };
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;

	if (item->want && item->want->features_text)
		return diag_fail(r->app, item->name, ENODEV,
				 "`mgmtdev show` lists those that there are",
				 "no management device \"%s\", which would tell the features of "
				 "\"%s\"",
				 item->want->mgmtdev, item->name);
	if (state_spec(item->want ? item->want : &vduse, &spec) < 0)
		return diag_error(r->app, item->name, NULL, NULL);
	return vdpa_bulk_add(bulk, spec) < 0 ? diag_ctx(r->app, item->name) : ST_OK;
}

static bool wants_addition(struct runner *r)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		const struct plan_item *item = &r->plan->items[i];

		if (is_bound_addition(item) && runner_wants(r, item, STEP_ADD))
			return true;
	}
	return false;
}

static void add_devices(struct runner *r)
{
	struct autoprobe autoprobe;
	enum status status;

	run_bulk(r, STEP_ADD, is_plain_addition, queue_addition);
	if (!wants_addition(r))
		return;
	status = bind_autoprobe_off(r->app, NULL, &autoprobe);
	if (!status) {
		run_bulk(r, STEP_ADD, is_bound_addition, queue_addition);
		bind_autoprobe_back(r->app, &autoprobe);
		return;
	}
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];

		if (is_bound_addition(item) && runner_wants(r, item, STEP_ADD))
			runner_step(r, item, STEP_ADD, status);
	}
}

/* The old device is deleted and the new one could not be made. */
static void put_back_failed(struct runner *r)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		const struct plan_item *item = &r->plan->items[i];

		if (item->action != PLAN_RECREATE || item->result != PLAN_FAILED ||
		    vduse_is_taken(item->name))
			continue;
		if (item->have)
			state_put_back(r->app, item->have);
		else if (item->vhave->known && !vduse_device_exists(item->name))
			state_put_back_vduse(r->app, item->vhave);
	}
}

/* ---- addresses ---- */

/* An interface that is made anew by this is waited for, unless another driver follows. */
static enum status set_address(struct runner *r, const struct plan_item *item)
{
	enum status status = state_set_mac(r->app, item->have, item->want->mac, r->force, NULL);

	if (!status && state_reads_mac_once(item->have) && !(item->todo & STEP_BIND))
		status = runner_give(r, item->name, item->have->driver, 0);
	return status;
}

static void set_addresses(struct runner *r)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];

		if (runner_wants(r, item, STEP_MAC))
			runner_step(r, item, STEP_MAC, set_address(r, item));
	}
}

void plan_run(struct app *app, struct plan *plan, bool force)
{
	struct runner r = { .app = app, .plan = plan, .force = force };
	size_t left = 0;

	progress_begin(app, &r.progress, set_steps(plan));
	app->progress = &r.progress;
	r.wait_ms = app_limit_ms(app, NODE_WAIT_MS);
	runner_look_ahead(&r, STEP_DELETE, is_device_deletion);
	run_bulk(&r, STEP_DELETE, is_device_deletion, queue_deletion);
	r.devices = vdpa_sysdev_list_unref(r.devices);
	delete_vduse(&r);
	start_daemons(&r);
	add_devices(&r);
	put_back_failed(&r);
	set_addresses(&r);
	runner_bind(&r);
	runner_own(&r);
	progress_clear(&r.progress);
	app->progress = NULL;
	app->ahead = NULL;
	vduse_ahead_free(&r.ahead);
	for (size_t i = 0; i < plan->size; i++)
		left += plan->items[i].action != PLAN_KEEP && plan->items[i].result == PLAN_OPEN;
	if (left)
		diag_fail(app, NULL, EINTR, "the same command goes on where this one stopped",
			  "interrupted: %zu of the devices are not finished", left);
}
