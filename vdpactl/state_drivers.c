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

/* LINK_CONF for what is not given; a wrong one is told once, and fails no device. */
static void fill_owner(struct runner *r, struct link_owner *owner)
{
	if (!r->has_conf) {
		r->app->as_notes = true;
		if (link_owner_of_conf(r->app, &r->conf))
			r->conf = (struct link_owner){ 0 };
		r->app->as_notes = false;
	}
	r->has_conf = true;
	link_owner_fill(owner, &r->conf);
}

/* What udev does as well, where there is udev: nobody has to wait for that. */
static void link_plainly(struct runner *r, const char *name)
{
	struct link_owner owner = { 0 };

	fill_owner(r, &owner);
	r->app->as_notes = true;
	(void)link_make_new(r->app, name, &owner);
	r->app->as_notes = false;
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
	if (!status && !strcmp(driver, "vhost_vdpa") && !(item->todo & STEP_GIVE))
		link_plainly(r, item->name);
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
		struct link_owner owner;
		enum status status;

		if (!runner_wants(r, item, STEP_GIVE))
			continue;
		owner = item->want ? item->want->node.is : item->vwant->node.is;
		fill_owner(r, &owner);
		status = link_make(r->app, item->name, &owner);
		runner_step(r, item, STEP_GIVE, status ? status : item->give);
	}
}
