// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemons of VDUSE devices say of themselves. */
#include <errno.h>
#include <string.h>

#include "json_dl.h"
#include "metrics.h"
#include "vduse.h"

/* For all daemons together: those that are silent take VDUSE_STATUS_MS each. */
#define TOTAL_MS 10000

#define NEEDS_ROOT "their runtime directory needs root"

/* Where each of a daemon's counters goes; in the order of vduse_counter_names. */
static const struct {
	enum metric metric;
	const char *op; /* a label; NULL without */
} counters[VDUSE_COUNTERS] = {
	{ METRIC_VDUSE_REQUESTS, "read" },
	{ METRIC_VDUSE_BYTES, "read" },
	{ METRIC_VDUSE_REQUESTS, "write" },
	{ METRIC_VDUSE_BYTES, "write" },
	{ METRIC_VDUSE_REQUESTS, "flush" },
	{ METRIC_VDUSE_REQUESTS, "discard" },
	{ METRIC_VDUSE_REQUESTS, "write_zeroes" },
	{ METRIC_VDUSE_ERRORS, NULL },
	{ METRIC_VDUSE_KICKS, NULL },
	{ METRIC_VDUSE_INTERRUPTS, NULL },
};

static void add_queue_value(struct metrics *m, enum metric metric, const char *name, uint64_t index,
			    const char *op, uint64_t value)
{
	metric_begin(m, metric);
	metric_label(m, "name", name);
	metric_label_u64(m, "queue", index);
	metric_label(m, "op", op);
	metric_end(m, value);
}

static void add_queue(struct metrics *m, const char *name, const struct vduse_queue *q)
{
	for (size_t i = 0; i < VDUSE_COUNTERS; i++)
		add_queue_value(m, counters[i].metric, name, q->index, counters[i].op,
				q->counters[i]);
	add_queue_value(m, METRIC_VDUSE_IN_FLIGHT, name, q->index, NULL, q->in_flight);
	add_queue_value(m, METRIC_VDUSE_BROKEN, name, q->index, NULL, q->broken != NULL);
}

/* A daemon may be any program: a queue that it names again would be the same sample twice. */
static bool is_in_order(const struct vduse_status *s)
{
	for (size_t i = 1; i < s->n_virtqueues; i++) {
		if (s->virtqueues[i].index <= s->virtqueues[i - 1].index)
			return false;
	}
	return true;
}

static void add_status(struct metrics *m, const char *name, const struct vduse_status *s)
{
	metric_begin(m, METRIC_VDUSE_INFO);
	metric_label(m, "name", name);
	metric_label(m, "type", s->type);
	metric_label(m, "backend", s->backend);
	metric_label(m, "version", s->version);
	metric_end(m, 1);
	metric_of(m, METRIC_VDUSE_UPTIME, name, s->uptime);
	metric_of(m, METRIC_VDUSE_CAPACITY, name, s->size);
	if (!is_in_order(s)) {
		metric_error(m, name, "vduse", EPROTO);
		return;
	}
	for (size_t i = 0; i < s->n_virtqueues; i++)
		add_queue(m, name, &s->virtqueues[i]);
}

/* NULL, or why the rest is not worth trying. */
static const char *add_daemon(struct metrics *m, const char *name, int64_t end)
{
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;
	int lock = vduse_lock_state(name), r = 0;
	struct vduse_status s = { 0 };
	bool up = false;

	/* Another program's. */
	if (lock == VDUSE_NO_DIR)
		return NULL;
	if (lock == -EACCES || lock == -EPERM)
		return NEEDS_ROOT;
	if (app_now_ms() >= end)
		return "their daemons do not answer in time";
	if (lock == VDUSE_HELD)
		r = vduse_get_status(m->app, name, &s, &err);
	else if (lock < 0)
		r = lock;
	if (lock == VDUSE_HELD && !r) {
		up = !s.broken && !s.failing;
		add_status(m, name, &s);
	}
	if (r < 0)
		metric_error(m, name, "vduse", -r);
	metric_of(m, METRIC_VDUSE_UP, name, up);
	vduse_status_free(&s);
	return NULL;
}

void metrics_vduse(struct metrics *m)
{
	CLEANUP(vduse_names_free) struct vduse_names names = { 0 };
	int64_t end = app_now_ms() + app_limit_ms(m->app, TOTAL_MS);
	const char *why = NULL;
	int r = vduse_names(&names);

	if (r < 0)
		why = r == -EACCES ? NEEDS_ROOT : strerror(-r);
	else if (names.size && json_load(m->app))
		why = "libjansson is missing";
	for (size_t i = 0; !why && i < names.size; i++)
		why = add_daemon(m, names.names[i], end);
	if (why)
		diag_note(m->app, "VDUSE devices are left out: %s", why);
	metric_begin(m, METRIC_SCRAPE_COMPLETE);
	metric_label(m, "part", "vduse");
	metric_end(m, !why);
}
