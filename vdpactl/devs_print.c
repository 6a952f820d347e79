// SPDX-License-Identifier: GPL-2.0-or-later
/* What a command that made or changed a device prints of it. */
#include "devs.h"
#include "json_dl.h"
#include "text.h"

static enum status print_json(struct app *app, const char *name, const struct outcome *o)
{
	CLEANUP(devs_free) struct devs d = { 0 };
	struct view view = view_of(app);
	enum status status = devs_one(app, name, &d);
	struct dev_view v;
	json_t *record;

	if (status)
		return status;
	v = devs_view(&d, 0);
	view.details = true;
	record = view_json_dev(&view, &v);
	if (o->key)
		json_put(record, o->key, json_make_string(o->word));
	if (o->changed >= 0)
		json_put(record, "changed", json_make_bool(o->changed));
	out_member(app, name, record);
	return ST_OK;
}

static void print_node(struct app *app, const char *name, const struct vdpa_sysdev *s,
		       const char *word)
{
	const char *where = vdpa_sysdev_get_node(s);

	if (!where)
		where = vdpa_sysdev_get_netdev(s);
	text_escaped(&app->out, name);
	strbuf_addc(&app->out, ':');
	if (word)
		strbuf_addf(&app->out, " %s", word);
	if (where) {
		strbuf_addc(&app->out, ' ');
		text_escaped(&app->out, where);
	}
	strbuf_addc(&app->out, '\n');
}

enum status devs_print_outcome(struct app *app, const char *name, const struct outcome *o)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;

	if (app->opt.json)
		return print_json(app, name, o);
	if (vdpa_sysdev_get(app->ctx, name, &s) < 0)
		return diag_ctx(app, name);
	print_node(app, name, s, o->word);
	return ST_OK;
}
