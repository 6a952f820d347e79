// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Carrying out a plan, step by step over all devices: what is deleted and made anew, then
 * daemons, additions, addresses and drivers.  So requests travel together and
 * autoprobe is switched off seldom.
 */
#include <errno.h>
#include <string.h>

#include "bind.h"
#include "link.h"
#include "state.h"
#include "state_diff.h"
#include "vduse.h"

/* Others that make devices wait for their turn no longer than this, and look for it within that. */
#define HOLD_MS 1000
#define TURN_MS 50
#define NODE_WAIT_MS (VDUSE_WAIT_SECONDS * 1000)

DEFINE_CLEANUP(struct vdpa_bulk, vdpa_bulk_unref)

/* ---- steps ---- */

static unsigned int steps_of_node(const struct state_node *want, const struct plan_item *item)
{
	bool differs = item->action != PLAN_CHANGE || item->differs & STATE_DIFF_NODE;

	return differs && (item->give || state_node_is_given(want)) ? STEP_GIVE : 0;
}

static unsigned int steps_of_device(const struct plan_item *item)
{
	const char *driver = plan_driver(item);
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

/* Less than what was kept of the old device is what its parent takes. */
static enum status add_with_less(struct runner *r, const struct plan_item *item)
{
	struct state_device device = state_device_keep(r->app, item->want, item->have);

	switch (state_add_kept(r->app, &device, item->want->has)) {
	case 0:
		return ST_OK;
	case -ENOMEM:
		return diag_error(r->app, item->name, NULL, NULL);
	}
	return diag_ctx(r->app, item->name);
}

static bool keeps_too_much(const struct plan_item *item, unsigned int step,
			   const struct vdpa_error *err)
{
	return step == STEP_ADD && item->want && item->action == PLAN_RECREATE &&
	       state_is_not_taken(err);
}

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
		else if (result < 0 && keeps_too_much(items[i], step, err))
			status = add_with_less(r, items[i]);
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

/* Those that are picked, or as many as there is time for, but some; false when no more can be done. */
static bool run_bulk(struct runner *r, unsigned int step, pick_fn *pick, queue_fn *queue,
		     int64_t until)
{
	struct plan_item *items[RUNNER_CHUNK];
	size_t at = 0;

	do {
		CLEANUP(cleanup_vdpa_bulk_unref_cb) struct vdpa_bulk *bulk = NULL;
		size_t n;

		if (vdpa_bulk_new(r->app->ctx, &bulk) < 0) {
			diag_ctx(r->app, NULL);
			return false;
		}
		n = fill_chunk(r, bulk, items, &at, step, pick, queue);
		if (n)
			run_chunk(r, bulk, items, n, step);
	} while (at < r->plan->size && !r->stopped && app_now_ms() < until);
	return !r->stopped;
}

/* ---- deletions ---- */

static bool is_recreated(const struct plan_item *item)
{
	return item->action == PLAN_RECREATE;
}

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
	struct vduse_deletion v[VDUSE_DELETIONS];
	struct plan_item *items[VDUSE_DELETIONS];
	size_t at = 0, n, begun;

	runner_look_ahead(r, STEP_DELETE, is_vduse_deletion);
	do {
		for (n = 0; at < r->plan->size && n < VDUSE_DELETIONS; at++) {
			struct plan_item *item = &r->plan->items[at];

			if (!is_vduse_deletion(item) || !runner_wants(r, item, STEP_DELETE))
				continue;
			v[n] = (struct vduse_deletion){ .name = item->name };
			items[n++] = item;
		}
		begun = vduse_delete_all(r->app, v, n, r->force);
		for (size_t i = 0; i < begun; i++)
			runner_step(r, items[i], STEP_DELETE, v[i].status);
		if (begun < n)
			at = (size_t)(items[begun] - r->plan->items);
	} while (at < r->plan->size && !r->stopped);
}

/* ---- daemons ---- */

static void start_daemons(struct runner *r, bool recreated)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];

		if (!item->vwant || is_recreated(item) != recreated ||
		    !runner_wants(r, item, STEP_START))
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
	return item->want && !plan_driver(item);
}

static bool is_bound_addition(const struct plan_item *item)
{
	return (item->vwant || item->want) && !is_recreated(item) && !is_plain_addition(item);
}

static enum status queue_addition(struct runner *r, struct vdpa_bulk *bulk, struct plan_item *item)
{
	const struct state_device vduse = { .name = (char *)(uintptr_t)item->name,
					    .mgmtdev = (char *)(uintptr_t) "vduse" };
	struct state_device device = item->want ? *item->want : vduse;
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;

	if (is_recreated(item) && item->want)
		device = state_device_keep(r->app, item->want, item->have);
	if (device.features_text)
		return diag_fail(r->app, item->name, ENODEV,
				 "`mgmtdev show` lists those that there are",
				 "no management device \"%s\", which would tell the features of "
				 "\"%s\"",
				 device.mgmtdev, item->name);
	if (state_spec(&device, &spec) < 0)
		return diag_error(r->app, item->name, NULL, NULL);
	return vdpa_bulk_add(bulk, spec) < 0 ? diag_ctx(r->app, item->name) : ST_OK;
}

/* Is there one that is picked and wants the step? */
static bool wants_any(struct runner *r, unsigned int step, pick_fn *pick)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		const struct plan_item *item = &r->plan->items[i];

		if (pick(item) && runner_wants(r, item, step))
			return true;
	}
	return false;
}

/* The failure is reported. */
static void fail_all(struct runner *r, unsigned int step, pick_fn *pick, enum status status)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];

		if (pick(item) && runner_wants(r, item, step))
			runner_step(r, item, step, status);
	}
}

/* Those with a driver, or those of which the host decides: as long as others wait for the lock, in turns with them. */
static void add_in_turns(struct runner *r, pick_fn *pick, bool bound)
{
	bool more = wants_any(r, STEP_ADD, pick);

	while (more) {
		struct autoprobe autoprobe = { .fd = -1 };
		int kept = bound ? -1 : bind_autoprobe_keep(r->app);
		enum status status = bound ? bind_autoprobe_off(r->app, NULL, &autoprobe) : ST_OK;

		if (status) {
			fail_all(r, STEP_ADD, pick, status);
			return;
		}
		more = run_bulk(r, STEP_ADD, pick, queue_addition, app_now_ms() + HOLD_MS) &&
		       wants_any(r, STEP_ADD, pick);
		bind_autoprobe_back(r->app, &autoprobe);
		if (kept >= 0)
			close(kept);
		if (more)
			app_nap_ms(TURN_MS);
	}
}

/* ---- made anew ---- */

/* The old device is deleted and the new one could not be made, or not any more. */
static bool is_lost(const struct plan_item *item)
{
	bool begun = item->todo & STEP_ADD && !(item->todo & STEP_DELETE);

	return is_recreated(item) &&
	       (item->result == PLAN_FAILED || (item->result == PLAN_OPEN && begun)) &&
	       !vduse_is_taken(item->name);
}

static void put_back_lost(struct runner *r)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		const struct plan_item *item = &r->plan->items[i];

		if (!is_lost(item))
			continue;
		if (item->have)
			state_put_back(r->app, item->have);
		else if (item->vhave->known && !vduse_device_exists(item->name))
			state_put_back_vduse(r->app, item->vhave);
	}
}

/* From the first deletion until what was deleted is there again nobody else gets the lock. */
static void delete_and_remake(struct runner *r)
{
	struct autoprobe autoprobe = { .fd = -1 };
	enum status status = ST_OK;

	if (wants_any(r, STEP_DELETE, is_recreated))
		status = bind_autoprobe_off(r->app, NULL, &autoprobe);
	if (status)
		fail_all(r, STEP_DELETE, is_recreated, status);
	runner_look_ahead(r, STEP_DELETE, is_device_deletion);
	run_bulk(r, STEP_DELETE, is_device_deletion, queue_deletion, INT64_MAX);
	r->devices = vdpa_sysdev_list_unref(r->devices);
	delete_vduse(r);
	start_daemons(r, true);
	run_bulk(r, STEP_ADD, is_recreated, queue_addition, INT64_MAX);
	put_back_lost(r);
	bind_autoprobe_back(r->app, &autoprobe);
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
	delete_and_remake(&r);
	start_daemons(&r, false);
	add_in_turns(&r, is_plain_addition, false);
	add_in_turns(&r, is_bound_addition, true);
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
