// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device's counters did between two looks at them. */
#include <string.h>

#include "app.h"
#include "json_dl.h"
#include "text.h"
#include "view.h"
#include "watch.h"

/* A counter now and, if it was there, before. */
struct change {
	const char *name;
	uint64_t value;
	bool is_new;
	bool reset; /* it went backwards */
	uint64_t delta;
	uint64_t us; /* between the two */
};

static double per_second(const struct change *c)
{
	return c->us ? (double)c->delta * 1e6 / (double)c->us : 0;
}

/* The virtqueue's statistics of the look before, or NULL. */
static const struct vdpa_vstats *queue_before(const struct rates_view *v,
					      const struct vdpa_vstats *s, size_t at)
{
	uint32_t index = vdpa_vstats_get_index(s);

	/* Nearly always in the same place. */
	if (at < v->n_before && vdpa_vstats_get_index(v->before[at]) == index)
		return v->before[at];
	for (size_t i = 0; i < v->n_before; i++) {
		if (vdpa_vstats_get_index(v->before[i]) == index)
			return v->before[i];
	}
	return NULL;
}

/* Names may stand there twice: the place counts first. */
static bool value_before(const struct vdpa_vstats *s, const char *name, size_t at, uint64_t *value)
{
	const char *other = s ? vdpa_vstats_get_counter(s, at, value) : NULL;

	if (other && !strcmp(other, name))
		return true;
	for (size_t i = 0; s && i < vdpa_vstats_get_size(s); i++) {
		if (!strcmp(vdpa_vstats_get_counter(s, i, value), name))
			return true;
	}
	return false;
}

static struct change change_of(const struct rates_view *v, const struct vdpa_vstats *before,
			       const struct vdpa_vstats *now, size_t at)
{
	struct change c = { .us = v->us };
	uint64_t old = 0;

	c.name = vdpa_vstats_get_counter(now, at, &c.value);
	c.is_new = !value_before(before, c.name, at, &old);
	c.reset = !c.is_new && c.value < old;
	if (!c.is_new && !c.reset)
		c.delta = c.value - old;
	return c;
}

/* ---- text ---- */

static void pad(struct strbuf *sb, size_t start, size_t width)
{
	while (!sb->failed && sb->len - start < width)
		strbuf_addc(sb, ' ');
}

static void text_counter(struct strbuf *sb, const struct vdpa_vstats *s, const struct change *c)
{
	const char *type = view_queue_type(s);
	size_t start;

	strbuf_addf(sb, "  %-5u %-10s ", vdpa_vstats_get_index(s), type ? type : "-");
	start = sb->len;
	text_escaped(sb, c->name);
	pad(sb, start, 24);
	if (c->is_new)
		strbuf_addf(sb, " %14s", "-");
	else if (c->reset)
		strbuf_addf(sb, " %14s", "reset");
	else
		strbuf_addf(sb, " %14.1f", per_second(c));
	strbuf_addf(sb, " %20llu\n", (unsigned long long)c->value);
}

void view_text_rates(struct strbuf *sb, const struct rates_view *v)
{
	strbuf_addc(sb, '[');
	watch_time(sb);
	strbuf_add(sb, "] ");
	text_escaped(sb, v->name);
	strbuf_addc(sb, ':');
	if (v->message) {
		strbuf_addc(sb, ' ');
		text_escaped(sb, v->message);
		strbuf_addc(sb, '\n');
		return;
	}
	if (v->us)
		strbuf_addf(sb, " %.3f s", (double)v->us / 1e6);
	strbuf_addf(sb, "\n  %-5s %-10s %-24s %14s %20s\n", "queue", "type", "counter",
		    "per second", "total");
	for (size_t i = 0; i < v->n_now; i++) {
		const struct vdpa_vstats *before = queue_before(v, v->now[i], i);

		for (size_t k = 0; k < vdpa_vstats_get_size(v->now[i]); k++) {
			struct change c = change_of(v, before, v->now[i], k);

			text_counter(sb, v->now[i], &c);
		}
	}
}

/* ---- JSON ---- */

static json_t *json_counter(const struct change *c)
{
	json_t *o = json_make_object();

	json_put(o, "name", json_make_string(c->name));
	json_put(o, "value", json_make_u64(c->value));
	if (c->reset)
		json_put(o, "reset", json_make_bool(true));
	if (c->is_new || c->reset)
		return o;
	json_put(o, "delta", json_make_u64(c->delta));
	json_put(o, "per_second", json_make_u64((uint64_t)(per_second(c) + 0.5)));
	return o;
}

static json_t *json_queue(const struct rates_view *v, size_t i)
{
	const struct vdpa_vstats *s = v->now[i], *before = queue_before(v, s, i);
	const char *type = view_queue_type(s);
	json_t *o = json_make_object(), *counters = json_make_array();

	json_put(o, "queue_index", json_make_u64(vdpa_vstats_get_index(s)));
	if (type)
		json_put(o, "queue_type", json_make_string(type));
	for (size_t k = 0; k < vdpa_vstats_get_size(s); k++) {
		struct change c = change_of(v, before, s, k);

		json_append(counters, json_counter(&c));
	}
	json_put(o, "counters", counters);
	return o;
}

static void member(struct json_out *j, const char *key, json_t *value)
{
	json_out_member(j, key, value);
	json_drop(value);
}

void view_json_rates(struct strbuf *sb, const struct rates_view *v)
{
	CLEANUP(strbuf_free) struct strbuf time = STRBUF_INIT;
	struct json_out j;
	json_t *value;

	watch_time(&time);
	json_out_init(&j, sb, false);
	json_out_begin(&j, NULL);
	member(&j, "time", json_make_string(time.s ? time.s : ""));
	member(&j, "dev", json_make_string(v->name));
	if (v->message) {
		value = json_make_object();
		json_put(value, "errno", json_make_u64((uint64_t)v->errnum));
		json_put(value, "message", json_make_string(v->message));
		member(&j, "error", value);
	} else {
		if (v->us)
			member(&j, "interval_us", json_make_u64(v->us));
		value = json_make_array();
		for (size_t i = 0; i < v->n_now; i++)
			json_append(value, json_queue(v, i));
		member(&j, "queues", value);
	}
	json_out_end(&j);
	strbuf_addc(sb, '\n');
	sb->failed = sb->failed || time.failed;
}
