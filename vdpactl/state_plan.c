// SPDX-License-Identifier: GPL-2.0-or-later
/* What is, what shall be, and hence what is to be done.  Nothing is done here. */
#include <errno.h>
#include <string.h>

#include "state.h"
#include "state_diff.h"

struct planner {
	struct app *app;
	const struct apply_options *o;
	struct state *state;
	const struct state_host *host;
	struct vdpa_mgmtdev_list *parents; /* owned */
	struct vdpa_mgmtdev **sorted; /* owned array, by handle */
	size_t n_parents;
	struct plan *plan;
};

void plan_free(struct plan *plan)
{
	free(plan->items);
	*plan = (struct plan){ 0 };
}

const char *plan_driver(const struct plan_item *item)
{
	const struct state_device *want = item->want, *have = item->have;

	if (!want)
		return item->vwant->driver;
	if (want->driver || item->action != PLAN_RECREATE)
		return want->driver;
	return have->driver ? have->driver : have->other_driver;
}

void plan_fail(struct plan_item *item, enum status status)
{
	item->result = PLAN_FAILED;
	item->status = status;
}

enum status plan_status(const struct plan *plan, enum status rest)
{
	struct tally tally = { 0 };

	for (size_t i = 0; i < plan->size; i++) {
		const struct plan_item *item = &plan->items[i];

		tally_add(&tally, item->action == PLAN_KEEP || item->result == PLAN_DONE ? ST_OK :
				  item->result == PLAN_FAILED ? item->status :
								ST_ERROR);
	}
	if (rest)
		tally_add(&tally, rest);
	return tally_status(&tally);
}

/* ---- parents ---- */

static int compare_parents(const void *a, const void *b)
{
	return strcmp(vdpa_mgmtdev_get_handle(*(struct vdpa_mgmtdev *const *)a),
		      vdpa_mgmtdev_get_handle(*(struct vdpa_mgmtdev *const *)b));
}

static enum status list_parents(struct planner *p)
{
	if (vdpa_mgmtdev_list(p->app->ctx, &p->parents) < 0)
		return diag_ctx(p->app, NULL);
	p->n_parents = vdpa_mgmtdev_list_get_size(p->parents);
	p->sorted = calloc(p->n_parents + 1, sizeof(*p->sorted));
	if (!p->sorted)
		return diag_error(p->app, NULL, NULL, NULL);
	for (size_t i = 0; i < p->n_parents; i++)
		p->sorted[i] = vdpa_mgmtdev_list_get(p->parents, i);
	qsort(p->sorted, p->n_parents, sizeof(*p->sorted), compare_parents);
	return ST_OK;
}

static const struct vdpa_mgmtdev *find_parent(const struct planner *p, const char *handle)
{
	size_t low = 0, high = p->n_parents;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(handle, vdpa_mgmtdev_get_handle(p->sorted[middle]));

		if (!order)
			return p->sorted[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* ---- features by name ---- */

static enum status bad_feature(const struct planner *p, size_t i, const char *bad, size_t len,
			       uint32_t id, uint64_t offered)
{
	CLEANUP(strbuf_free) struct strbuf names = STRBUF_INIT, message = STRBUF_INIT;
	const struct state_device *d = &p->state->devices[i];

	features_list(&names, id, offered, ",");
	strbuf_addf(&message,
		    "\"%.*s\" is not a feature, expected names like those that \"%s\" offers: %s",
		    (int)len, bad, d->mgmtdev, names.len ? names.s : "none");
	return state_refuse_features(p->app, p->state, d,
				     message.failed ? "out of memory" : message.s);
}

/* Without its parent the names stay: the device can't be made anyway. */
static enum status name_features(const struct planner *p, size_t i)
{
	struct state_device *d = &p->state->devices[i];
	const struct vdpa_mgmtdev *m;
	uint64_t classes = 0, offered = 0;
	const char *bad = "";
	size_t bad_len = 0;
	uint32_t id;

	if (!d->features_text)
		return ST_OK;
	m = find_parent(p, d->mgmtdev);
	if (!m)
		return ST_OK;
	vdpa_mgmtdev_get_classes(m, &classes);
	vdpa_mgmtdev_get_features(m, &offered);
	id = features_id(false, classes);
	if (vdpa_features_parse(id, d->features_text, offered, &d->features, &bad, &bad_len) < 0)
		return bad_feature(p, i, bad, bad_len, id, offered);
	free(d->features_text);
	d->features_text = NULL;
	return ST_OK;
}

/* ---- items ---- */

static struct plan_item *add_item(struct planner *p, enum plan_action action, const char *name)
{
	struct plan_item *item = &p->plan->items[p->plan->size++];

	*item = (struct plan_item){ .action = action, .name = name };
	return item;
}

static const char *const taken_names[] = { "mac", "mtu", "max_vqp", "device_features" };
static const unsigned int taken_has[] = { STATE_HAS_MAC, STATE_HAS_MTU, STATE_HAS_MAX_VQP,
					  STATE_HAS_FEATURES };
static const unsigned int taken_bits[] = { VDPA_PARENT_MAC, VDPA_PARENT_MTU, VDPA_PARENT_MAX_VQP,
					   VDPA_PARENT_FEATURES };

/* Before a device is deleted that could not be made again. */
static enum status check_recreation(const struct planner *p, const struct state_device *want)
{
	unsigned int attrs;

	if (!find_parent(p, want->mgmtdev))
		return diag_fail(p->app, want->name, ENODEV,
				 "`mgmtdev show` lists those that there are",
				 "\"%s\" is left as it is: no management device \"%s\"", want->name,
				 want->mgmtdev);
	if (!vdpa_parent_get_attrs(p->app->ctx, want->mgmtdev, &attrs))
		return ST_OK;
	for (size_t i = 0; i < sizeof(taken_has) / sizeof(*taken_has); i++) {
		if (want->has & taken_has[i] && !(attrs & taken_bits[i]))
			return diag_fail(p->app, want->name, EOPNOTSUPP, NULL,
					 "\"%s\" is left as it is: \"%s\" takes no %s", want->name,
					 want->mgmtdev, taken_names[i]);
	}
	return ST_OK;
}

static uint64_t offered_by(const struct planner *p, const char *handle)
{
	const struct vdpa_mgmtdev *m = find_parent(p, handle);
	uint64_t offered = 0;

	if (m)
		vdpa_mgmtdev_get_features(m, &offered);
	return offered;
}

/* Does a new address need a new device? */
static bool has_fixed_mac(const struct planner *p, const struct state_device *d)
{
	unsigned int attrs;

	return vdpa_parent_get_attrs(p->app->ctx, d->mgmtdev, &attrs) &&
	       !(attrs & VDPA_PARENT_SET_MAC);
}

static void plan_device(struct planner *p, size_t i)
{
	struct state_device *want = &p->state->devices[i];
	const struct state_device *have = state_host_device(p->host, want->name);
	struct plan_item *item = add_item(p, have ? PLAN_CHANGE : PLAN_ADD, want->name);
	enum status status = name_features(p, i);

	if (!status)
		item->give = state_node_resolve(p->app, want->name, &want->node);
	item->want = want;
	item->have = have;
	if (status) {
		plan_fail(item, status);
		return;
	}
	if (!have && state_host_vduse(p->host, want->name))
		plan_fail(item, diag_fail(p->app, want->name, EEXIST, NULL,
					  "\"%s\" is the name of a VDUSE device", want->name));
	if (!have)
		return;
	item->differs = state_diff(want, have) |
			state_diff_lacking(want, have, offered_by(p, want->mgmtdev)) |
			(item->give ? STATE_DIFF_NODE : 0);
	item->action = item->differs ? PLAN_CHANGE : PLAN_KEEP;
	if (!(item->differs & STATE_DIFF_FIXED) &&
	    !(item->differs & STATE_DIFF_MAC && has_fixed_mac(p, want)))
		return;
	item->action = PLAN_RECREATE;
	if (!strcmp(plan_driver(item), "vhost_vdpa"))
		state_node_keep(&want->node, &have->node);
	status = have->mgmtdev ?
			 check_recreation(p, want) :
			 diag_fail(p->app, want->name, EEXIST, NULL,
				   "\"%s\" is a device that its driver made by itself", want->name);
	if (status)
		plan_fail(item, status);
}

/* What stands in the way of a VDUSE device of that name. */
static enum status check_vduse(const struct planner *p, const char *name,
			       const struct host_vduse *have)
{
	if (state_is_units(name))
		return diag_fail(p->app, name, EEXIST,
				 "one of the two starts a device: take it out of this file, or "
				 "stop its unit and remove that file",
				 "\"%s\" is started by vdused@.service: it has a file in "
				 "/etc/vdpactl/vduse.d",
				 name);
	if (state_host_device(p->host, name))
		return diag_fail(p->app, name, EEXIST, NULL,
				 "\"%s\" is the name of a device that is no VDUSE device", name);
	if (have && have->owner == VDUSE_OTHERS)
		return diag_fail(p->app, name, EEXIST, NULL,
				 "VDUSE device \"%s\" is another program's", name);
	return ST_OK;
}

/* That it may have been made otherwise is no reason to lose what a disk holds. */
static enum status check_known(const struct planner *p, const struct host_vduse *have)
{
	if (have->known || p->o->force)
		return ST_OK;
	return diag_fail(p->app, have->is.name, EOPNOTSUPP,
			 "\"force\" deletes it and makes it anew",
			 "\"%s\" is left as it is: its options are not understood", have->is.name);
}

static void plan_vduse(struct planner *p, struct state_vduse *want)
{
	const struct host_vduse *have = state_host_vduse(p->host, want->name);
	struct plan_item *item = add_item(p, PLAN_ADD, want->name);
	enum status status = check_vduse(p, want->name, have);

	item->vwant = want;
	item->vhave = have;
	if (!status)
		item->give = state_node_resolve(p->app, want->name, &want->node);
	if (status)
		plan_fail(item, status);
	if (status || !have || !have->exists)
		return;
	item->action = PLAN_RECREATE;
	if (!have->known || !state_vduse_same(want, &have->is)) {
		item->differs = STATE_DIFF_OPTIONS;
		if (!strcmp(want->driver, "vhost_vdpa"))
			state_node_keep(&want->node, &have->is.node);
		status = check_known(p, have);
		if (status)
			plan_fail(item, status);
		return;
	}
	item->differs = (have->served ? 0 : STATE_DIFF_DAEMON) |
			(have->attached ? 0 : STATE_DIFF_DETACHED);
	if (strcmp(want->driver, have->is.driver ? have->is.driver : "none"))
		item->differs |= STATE_DIFF_DRIVER;
	if (item->give || state_node_differs(&want->node, &have->is.node))
		item->differs |= STATE_DIFF_NODE;
	item->action = item->differs ? PLAN_CHANGE : PLAN_KEEP;
}

/* ---- what the file does not have ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_named(const char **names, size_t n, const char *name)
{
	return n && bsearch(&name, names, n, sizeof(*names), compare_names);
}

/* What cannot be deleted by a request, or is somebody else's, stays. */
static enum status plan_prune(struct planner *p)
{
	size_t n = p->state->n_devices + p->state->n_vduse;
	CLEANUP_FREE const char **names = calloc(n + 1, sizeof(*names));

	if (!names)
		return diag_error(p->app, NULL, NULL, NULL);
	for (size_t i = 0; i < p->state->n_devices; i++)
		names[i] = p->state->devices[i].name;
	for (size_t i = 0; i < p->state->n_vduse; i++)
		names[p->state->n_devices + i] = p->state->vduse[i].name;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < p->host->n_devices; i++) {
		const struct state_device *have = &p->host->devices[i];

		if (have->mgmtdev && !is_named(names, n, have->name))
			add_item(p, PLAN_DELETE, have->name)->have = have;
	}
	for (size_t i = 0; i < p->host->n_vduse; i++) {
		const struct host_vduse *have = &p->host->vduse[i];

		if (have->owner == VDUSE_OURS && !is_named(names, n, have->is.name))
			add_item(p, PLAN_DELETE, have->is.name)->vhave = have;
	}
	return ST_OK;
}

static enum status make_plan(struct planner *p)
{
	enum status status = list_parents(p);

	for (size_t i = 0; i < p->state->n_devices && !status && !p->o->late; i++)
		status = name_features(p, i);
	if (status)
		return status;
	p->plan->items = calloc(p->state->n_devices + p->state->n_vduse + p->host->n_devices +
					p->host->n_vduse + 1,
				sizeof(*p->plan->items));
	if (!p->plan->items)
		return diag_error(p->app, NULL, NULL, NULL);
	for (size_t i = 0; i < p->state->n_devices; i++)
		plan_device(p, i);
	for (size_t i = 0; i < p->state->n_vduse; i++)
		plan_vduse(p, &p->state->vduse[i]);
	return p->o->prune ? plan_prune(p) : ST_OK;
}

enum status state_plan(struct app *app, const struct apply_options *o, struct state *state,
		       const struct state_host *host, struct plan *plan)
{
	struct planner p = { .app = app, .o = o, .state = state, .host = host, .plan = plan };
	enum status status;

	*plan = (struct plan){ 0 };
	status = make_plan(&p);
	free(p.sorted);
	vdpa_mgmtdev_list_unref(p.parents);
	if (status)
		plan_free(plan);
	return status;
}
