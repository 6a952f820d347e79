// SPDX-License-Identifier: GPL-2.0-or-later
#include "view_vduse.h"

#include "json_dl.h"
#include "text.h"

static const char *const daemon_words[] = {
	[VDUSE_DAEMON_BROKEN] = "broken",   [VDUSE_DAEMON_SERVING] = "serving",
	[VDUSE_DAEMON_FAILING] = "failing", [VDUSE_DAEMON_SILENT] = "silent",
	[VDUSE_DAEMON_GONE] = "gone",	    [VDUSE_DAEMON_OTHER] = "other",
};

/* A daemon answered, so that its numbers are known. */
static bool is_known(const struct vduse_view *d)
{
	return d->daemon == VDUSE_DAEMON_SERVING || d->daemon == VDUSE_DAEMON_FAILING ||
	       d->daemon == VDUSE_DAEMON_BROKEN;
}

/* ---- text ---- */

static void next_line(struct strbuf *sb, const struct view *v)
{
	strbuf_add(sb, v->oneline ? "\\  " : "\n  ");
}

/* " key value" */
static void string(struct strbuf *sb, const char *key, const char *value)
{
	if (!value)
		return;
	strbuf_addf(sb, " %s ", key);
	text_escaped(sb, value);
}

static void number(struct strbuf *sb, const char *key, uint64_t value)
{
	strbuf_addf(sb, " %s ", key);
	text_u64(sb, value);
}

static void flag(struct strbuf *sb, const char *key, bool value)
{
	string(sb, key, value ? "true" : "false");
}

static void counters(struct strbuf *sb, const uint64_t values[VDUSE_COUNTERS])
{
	for (size_t i = 0; i < VDUSE_COUNTERS; i++)
		number(sb, vduse_counter_names[i], values[i]);
}

static void queue(struct strbuf *sb, const struct view *v, const struct vduse_queue *q)
{
	next_line(sb, v);
	strbuf_add(sb, "queue ");
	text_u64(sb, q->index);
	flag(sb, "ready", q->ready);
	number(sb, "size", q->size);
	flag(sb, "packed", q->packed);
	number(sb, "in_flight", q->in_flight);
	string(sb, "broken", q->broken);
	counters(sb, q->counters);
}

static void details(struct strbuf *sb, const struct view *v, const struct vduse_status *s)
{
	next_line(sb, v);
	strbuf_add(sb, "version ");
	text_escaped(sb, s->version ? s->version : "?");
	number(sb, "api_version", s->api_version);
	string(sb, "serial", s->serial);
	flag(sb, "driver_ok", s->driver_ok);
	string(sb, "features", s->features);
	number(sb, "uptime", s->uptime);
}

void view_text_vduse_node(struct strbuf *sb, const struct vduse_view *d)
{
	text_escaped(sb, d->name);
	strbuf_addc(sb, ':');
	if (d->node) {
		strbuf_addc(sb, ' ');
		text_escaped(sb, d->node);
	}
	strbuf_addc(sb, '\n');
}

void view_text_vduse(struct strbuf *sb, const struct view *v, const struct vduse_view *d)
{
	const struct vduse_status *s = &d->status;

	text_escaped(sb, d->name);
	strbuf_addc(sb, ':');
	string(sb, "type", s->type);
	if (is_known(d)) {
		string(sb, "backend", s->backend);
		number(sb, "size", s->size);
		number(sb, "block_size", s->block_size);
		flag(sb, "readonly", s->readonly);
		number(sb, "queues", s->queues);
		number(sb, "queue_size", s->queue_size);
	}
	string(sb, "daemon", daemon_words[d->daemon]);
	if (s->pid)
		number(sb, "pid", (uint64_t)s->pid);
	string(sb, "driver", d->driver ? d->driver : "none");
	string(sb, "node", d->node);
	if (is_known(d) && v->details)
		details(sb, v, s);
	if (is_known(d) && d->statistics) {
		next_line(sb, v);
		strbuf_add(sb, "statistics");
		counters(sb, s->counters);
		for (size_t i = 0; i < s->n_virtqueues; i++)
			queue(sb, v, &s->virtqueues[i]);
	}
	strbuf_addc(sb, '\n');
}

/* ---- JSON ---- */

static void put_string(json_t *o, const char *key, const char *value)
{
	if (value)
		json_put(o, key, json_make_string(value));
}

static void put_u64(json_t *o, const char *key, uint64_t value)
{
	json_put(o, key, json_make_u64(value));
}

static void put_bool(json_t *o, const char *key, bool value)
{
	json_put(o, key, json_make_bool(value));
}

static void put_counters(json_t *o, const uint64_t values[VDUSE_COUNTERS])
{
	for (size_t i = 0; i < VDUSE_COUNTERS; i++)
		put_u64(o, vduse_counter_names[i], values[i]);
}

static json_t *json_queue(const struct vduse_queue *q)
{
	json_t *o = json_make_object();

	put_u64(o, "index", q->index);
	put_bool(o, "ready", q->ready);
	put_u64(o, "size", q->size);
	put_bool(o, "packed", q->packed);
	put_u64(o, "in_flight", q->in_flight);
	put_string(o, "broken", q->broken);
	put_counters(o, q->counters);
	return o;
}

static void put_statistics(json_t *o, const struct vduse_status *s)
{
	json_t *all = json_make_object(), *array = json_make_array();

	put_counters(all, s->counters);
	json_put(o, "statistics", all);
	for (size_t i = 0; i < s->n_virtqueues; i++)
		json_append(array, json_queue(&s->virtqueues[i]));
	json_put(o, "virtqueues", array);
}

static void put_details(json_t *o, const struct vduse_status *s)
{
	put_string(o, "version", s->version);
	put_u64(o, "api_version", s->api_version);
	put_string(o, "serial", s->serial);
	put_bool(o, "driver_ok", s->driver_ok);
	put_string(o, "features", s->features);
	put_u64(o, "uptime", s->uptime);
}

json_t *view_json_vduse(const struct view *v, const struct vduse_view *d)
{
	const struct vduse_status *s = &d->status;
	json_t *o = json_make_object();

	put_string(o, "type", s->type);
	if (is_known(d)) {
		put_string(o, "backend", s->backend);
		put_u64(o, "size", s->size);
		put_u64(o, "block_size", s->block_size);
		put_bool(o, "readonly", s->readonly);
		put_u64(o, "queues", s->queues);
		put_u64(o, "queue_size", s->queue_size);
	}
	put_string(o, "daemon", daemon_words[d->daemon]);
	if (s->pid)
		put_u64(o, "pid", (uint64_t)s->pid);
	put_string(o, "driver", d->driver);
	put_string(o, "node", d->node);
	if (is_known(d) && v->details)
		put_details(o, s);
	if (is_known(d) && d->statistics)
		put_statistics(o, s);
	return o;
}
