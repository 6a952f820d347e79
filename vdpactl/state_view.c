// SPDX-License-Identifier: GPL-2.0-or-later
/* A plan as lines and as JSON. */
#include "json_dl.h"
#include "state.h"
#include "state_diff.h"
#include "text.h"

static const char *const actions[] = {
	[PLAN_KEEP] = "keep",	      [PLAN_ADD] = "add",	[PLAN_CHANGE] = "change",
	[PLAN_RECREATE] = "recreate", [PLAN_DELETE] = "delete",
};

static const char signs[] = {
	[PLAN_KEEP] = '=',     [PLAN_ADD] = '+',    [PLAN_CHANGE] = '~',
	[PLAN_RECREATE] = '~', [PLAN_DELETE] = '-',
};

static const char *const results[] = {
	[PLAN_OPEN] = "open",
	[PLAN_DONE] = "done",
	[PLAN_FAILED] = "failed",
};

static void add_word(struct strbuf *sb, const char *text)
{
	strbuf_addf(sb, "%s%s", sb->len ? ", " : "", text);
}

/* What is changed about it, "mtu 1500 -> 9000", or what it is made as. */
static void changes_text(struct strbuf *sb, const struct plan_item *item)
{
	if (item->action == PLAN_KEEP || item->action == PLAN_DELETE)
		return;
	if (item->action == PLAN_ADD) {
		if (item->want)
			state_object_text(sb, state_device_keys, item->want, item->want->has);
		else
			state_object_text(sb, state_vduse_keys, item->vwant, item->vwant->has);
		return;
	}
	if (item->want) {
		state_diff_text(sb, item->want, item->have, item->differs);
		return;
	}
	if (item->differs & STATE_DIFF_OPTIONS && item->vhave->known)
		state_vduse_diff_text(sb, item->vwant, &item->vhave->is);
	if (item->differs & STATE_DIFF_OPTIONS && !item->vhave->known)
		add_word(sb, "options unknown");
	if (item->differs & STATE_DIFF_DAEMON)
		add_word(sb, "daemon none -> new");
	if (item->differs & STATE_DIFF_DETACHED)
		add_word(sb, "attached false -> true");
	if (item->differs & STATE_DIFF_DRIVER)
		strbuf_addf(sb, "%sdriver %s -> %s", sb->len ? ", " : "",
			    item->vhave->is.driver ? item->vhave->is.driver : "none",
			    item->vwant->driver);
	if (item->differs & STATE_DIFF_NODE)
		state_node_diff_text(sb, &item->vwant->node, &item->vhave->is.node);
}

static void print_text(struct app *app, const struct plan *plan, bool dry_run)
{
	for (size_t i = 0; i < plan->size; i++) {
		const struct plan_item *item = &plan->items[i];
		CLEANUP(strbuf_free) struct strbuf changes = STRBUF_INIT;

		if (item->action == PLAN_KEEP && !app->opt.details)
			continue;
		changes_text(&changes, item);
		strbuf_addf(&app->out, "%c ", signs[item->action]);
		text_escaped(&app->out, item->name);
		if (item->action == PLAN_RECREATE)
			strbuf_add(&app->out, " recreate");
		if (changes.len)
			strbuf_addf(&app->out, " %s", changes.s);
		if (item->action != PLAN_KEEP && item->result == PLAN_FAILED)
			strbuf_add(&app->out, " (failed)");
		else if (item->action != PLAN_KEEP && item->result == PLAN_OPEN && !dry_run)
			strbuf_add(&app->out, " (not finished)");
		strbuf_addc(&app->out, '\n');
	}
}

static json_t *make_item(const struct plan_item *item)
{
	CLEANUP(strbuf_free) struct strbuf changes = STRBUF_INIT;
	json_t *o = json_make_object();

	changes_text(&changes, item);
	json_put(o, "name", json_make_string(item->name));
	json_put(o, "action", json_make_string(actions[item->action]));
	json_put(o, "changes", json_make_string(changes.s ? changes.s : ""));
	json_put(o, "result",
		 json_make_string(item->action == PLAN_KEEP ? "done" : results[item->result]));
	return o;
}

static void print_json(struct app *app, const struct plan *plan)
{
	json_t *items = json_make_array(), *failed = json_make_array();
	size_t done = 0, unchanged = 0;

	for (size_t i = 0; i < plan->size; i++) {
		const struct plan_item *item = &plan->items[i];

		unchanged += item->action == PLAN_KEEP;
		done += item->action != PLAN_KEEP && item->result == PLAN_DONE;
		if (item->result == PLAN_FAILED)
			json_append(failed, json_make_string(item->name));
		if (item->action != PLAN_KEEP || app->opt.details)
			json_append(items, make_item(item));
	}
	out_member(app, "plan", items);
	out_member(app, "done", json_make_u64(done));
	out_member(app, "unchanged", json_make_u64(unchanged));
	out_member(app, "failed", failed);
}

void plan_print(struct app *app, const struct plan *plan, bool dry_run)
{
	if (app->opt.json)
		print_json(app, plan);
	else
		print_text(app, plan, dry_run);
}
