// SPDX-License-Identifier: GPL-2.0-or-later
/* The last steps of a plan: drivers, and what they make, and whose that is. */
#include <errno.h>
#include <string.h>

#include "bind.h"
#include "link.h"
#include "state.h"
#include "vduse.h"

/* What is bound to a driver that shall not have it. */
static bool is_bound(const struct plan_item *item)
{
	const char *driver = "none";

	if (item->action != PLAN_CHANGE)
		return false;
	if (item->have)
		driver = item->have->driver;
	else if (item->vhave && item->vhave->is.driver)
		driver = item->vhave->is.driver;
	return !driver || strcmp(driver, "none");
}

/* Nodes that do not come cost no more than one of them alone. */
enum status runner_give(struct runner *r, const char *name, const char *driver, unsigned int flags)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	int64_t begin = app_now_ms();
	enum status status = bind_driver(r->app, name, driver, flags, r->wait_ms, &s);

	if (status == ST_TIMEOUT)
		r->wait_ms -= (int)(app_now_ms() - begin);
	if (r->wait_ms < 0)
		r->wait_ms = 0;
	return status;
}

static enum status change_driver(struct runner *r, const struct plan_item *item)
{
	const char *driver = plan_driver(item);
	bool kept = item->want && !item->want->driver;
	unsigned int flags = item->vwant ? vduse_served(r->app, item->name) : 0;
	enum status status = ST_OK;

	if (is_bound(item))
		status = state_check_unused(r->app, item->name, r->force);
	if (status)
		return status;
	/* What a driver makes that the file does not name may never have come. */
	if (kept)
		status = vdpa_dev_bind(r->app->ctx, item->name, driver, flags) < 0 ?
				 diag_ctx(r->app, item->name) :
				 ST_OK;
	else if (strcmp(driver, "none"))
		status = runner_give(r, item->name, driver, flags);
	else if (vdpa_dev_unbind(r->app->ctx, item->name, flags) < 0)
		status = diag_ctx(r->app, item->name);
	link_tidy(item->name);
	return status;
}

void runner_bind(struct runner *r)
{
	runner_look_ahead(r, STEP_BIND, is_bound);
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];

		if (runner_wants(r, item, STEP_BIND))
			runner_step(r, item, STEP_BIND, change_driver(r, item));
	}
}

void runner_own(struct runner *r)
{
	for (size_t i = 0; i < r->plan->size; i++) {
		struct plan_item *item = &r->plan->items[i];
		const struct state_node *node;
		enum status status;

		if (!runner_wants(r, item, STEP_GIVE))
			continue;
		node = item->want ? &item->want->node : &item->vwant->node;
		status = link_make(r->app, item->name, &node->is);
		runner_step(r, item, STEP_GIVE, status ? status : item->give);
	}
}
