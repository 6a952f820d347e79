// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse show */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "json_dl.h"
#include "view_vduse.h"
#include "vduse.h"

/* ---- other programs' daemons ---- */

/* Who has the nodes of VDUSE devices open that are not vdused's. */
struct others {
	char **nodes; /* owned, as the strings; by strcmp */
	size_t n;
	struct vdpa_user_list *users; /* owned; in their order; NULL: not known */
};

static void others_free(struct others *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->nodes[i]);
	free(o->nodes);
	vdpa_user_list_unref(o->users);
}

/* One look for all of them: it takes as long as there are processes. */
static void find_others(struct app *app, char *const *names, size_t n, struct others *o)
{
	o->nodes = calloc(n + 1, sizeof(*o->nodes));
	for (size_t i = 0; o->nodes && i < n; i++) {
		CLEANUP(strbuf_free) struct strbuf node = STRBUF_INIT;

		if (vduse_lock_state(names[i]) != VDUSE_NO_DIR)
			continue;
		strbuf_addf(&node, "/dev/vduse/%s", names[i]);
		o->nodes[o->n] = node.failed ? NULL : strdup(node.s);
		o->n += o->nodes[o->n] != NULL;
	}
	if (o->n && vdpa_user_list_nodes(app->ctx, (const char *const *)o->nodes, o->n, &o->users))
		o->users = NULL;
}

/* The first process that has the device's node open, or 0. */
static pid_t first_user(const struct others *o, const char *name)
{
	size_t low = 0, n = o->users ? vdpa_user_list_get_size(o->users) : 0, high = n;
	char node[512];

	snprintf(node, sizeof(node), "/dev/vduse/%s", name);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(vdpa_user_list_get_dev(o->users, middle), node) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && !strcmp(vdpa_user_list_get_dev(o->users, low), node) ?
		       vdpa_user_list_get_pid(o->users, low) :
		       0;
}

/* The process that has another program's device open is its daemon. */
static void ask_other(struct app *app, const char *name, const struct others *others,
		      struct vduse_view *v)
{
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	uint32_t id;

	v->daemon = VDUSE_DAEMON_OTHER;
	v->status.pid = first_user(others, name);
	if (!v->attached || vdpa_ctx_connect(app->ctx) < 0 ||
	    vdpa_dev_get(app->ctx, name, &dev) < 0 || !vdpa_dev_get_id(dev, &id))
		return;
	if (vdpa_class_name(id))
		v->status.type = strdup(vdpa_class_name(id));
}

/* ---- one device ---- */

static enum status find_daemon(struct app *app, const char *name, const struct others *others,
			       struct vduse_view *v)
{
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;
	int r = vduse_lock_state(name);

	if (r < 0)
		return diag_fail(app, name, -r, r == -EACCES ? "this needs root" : NULL,
				 "cannot look into %s/%s: %s", vduse_runtime_dir(), name,
				 strerror(-r));
	if (r == VDUSE_NO_DIR) {
		ask_other(app, name, others, v);
		return ST_OK;
	}
	v->daemon = VDUSE_DAEMON_GONE;
	if (r == VDUSE_FREE)
		return ST_OK;
	r = vduse_get_status(app, name, &v->status, &err);
	if (r)
		v->daemon = VDUSE_DAEMON_SILENT;
	else if (v->status.broken)
		v->daemon = VDUSE_DAEMON_BROKEN;
	else
		v->daemon = v->status.failing ? VDUSE_DAEMON_FAILING : VDUSE_DAEMON_SERVING;
	return ST_OK;
}

static enum status show(struct app *app, const char *name, const struct others *others, bool brief)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *sysdev = NULL;
	struct vduse_view v = { .name = name };
	struct view view = view_of(app);
	enum status status;

	if (vduse_get_device(app, name, &sysdev) == 0) {
		v.attached = true;
		v.driver = vdpa_sysdev_get_driver(sysdev);
		v.node = vdpa_sysdev_get_node(sysdev);
	}
	v.statistics = app->opt.statistics;
	status = find_daemon(app, name, others, &v);
	if (status)
		;
	else if (app->opt.json)
		out_member(app, name, view_json_vduse(&view, &v));
	else if (brief)
		view_text_vduse_node(&app->out, &v);
	else
		view_text_vduse(&app->out, &view, &v);
	vduse_status_free(&v.status);
	return status;
}

enum status vduse_print(struct app *app, const char *name, bool brief)
{
	CLEANUP(others_free) struct others others = { 0 };
	char *names[] = { (char *)(uintptr_t)name };

	find_others(app, names, 1, &others);
	return show(app, name, &others, brief);
}

static enum status show_all(struct app *app)
{
	CLEANUP(vduse_names_free) struct vduse_names names = { 0 };
	CLEANUP(others_free) struct others others = { 0 };
	struct tally tally = { 0 };
	int r = vduse_names(&names);

	if (r < 0)
		return diag_fail(app, NULL, -r, r == -EACCES ? "this needs root" : NULL,
				 "cannot look into %s: %s", vduse_runtime_dir(), strerror(-r));
	find_others(app, names.names, names.size, &others);
	for (size_t i = 0; i < names.size; i++)
		tally_add(&tally, show(app, names.names[i], &others, false));
	return tally_status(&tally);
}

static enum status run(struct app *app, const struct args *args)
{
	enum status status = ST_OK;

	if (args->n_items)
		status = vduse_check_name(app, args->name);
	if (!status)
		status = json_load(app);
	if (!status)
		status = app_open_section(app, "vduse");
	if (!status)
		status = app_context(app);
	if (status)
		return status;
	if (!args->n_items)
		return show_all(app);
	if (vduse_lock_state(args->name) == VDUSE_NO_DIR && !vduse_device_exists(args->name))
		return diag_fail(app, args->name, ENODEV, NULL, "no VDUSE device is named \"%s\"",
				 args->name);
	return vduse_print(app, args->name, false);
}

static const struct arg args[] = {
	{
		.kind = VALUE_VDUSE,
		.has = HAS_ITEMS,
		.metavar = "NAME",
		.help = "name of a device; all when none is given",
	},
	ARG_END,
};

const struct command cmd_vduse_show = {
	.name = "show",
	.alias = "list",
	.summary = "show VDUSE devices and their daemons",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
