// SPDX-License-Identifier: GPL-2.0-or-later
/* A daemon's answer to "status".  It may be any program's: what is not of its type is left out. */
#include "vduse.h"

#include <errno.h>
#include <string.h>

#include "json_dl.h"

#define QUEUES_MAX 65535

const char *const vduse_counter_names[VDUSE_COUNTERS] = {
	"reads",    "read_bytes",   "writes", "write_bytes", "flushes",
	"discards", "write_zeroes", "errors", "kicks",	     "interrupts",
};

void vduse_status_free(struct vduse_status *s)
{
	free(s->type);
	free(s->version);
	free(s->backend);
	free(s->serial);
	free(s->features);
	for (size_t i = 0; i < s->n_virtqueues; i++)
		free(s->virtqueues[i].broken);
	free(s->virtqueues);
	*s = (struct vduse_status){ 0 };
}

static bool get_bool(const json_t *o, const char *key)
{
	return json_is_true(json_dl.json_object_get(o, key));
}

static uint64_t get_u64(const json_t *o, const char *key)
{
	const json_t *v = json_dl.json_object_get(o, key);
	json_int_t n = json_is_integer(v) ? json_dl.json_integer_value(v) : 0;

	return n > 0 ? (uint64_t)n : 0;
}

/* false when there was no memory */
static bool get_string(const json_t *o, const char *key, char **s)
{
	const json_t *v = json_dl.json_object_get(o, key);

	if (!json_is_string(v))
		return true;
	*s = strdup(json_dl.json_string_value(v));
	return *s;
}

static void get_counters(const json_t *o, uint64_t counters[VDUSE_COUNTERS])
{
	for (size_t i = 0; i < VDUSE_COUNTERS; i++)
		counters[i] = get_u64(o, vduse_counter_names[i]);
}

static bool get_queues(const json_t *o, struct vduse_status *s)
{
	const json_t *array = json_dl.json_object_get(o, "virtqueues");
	size_t n = json_is_array(array) ? json_dl.json_array_size(array) : 0;

	if (!n || n > QUEUES_MAX)
		return true;
	s->virtqueues = calloc(n, sizeof(*s->virtqueues));
	if (!s->virtqueues)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *q = json_dl.json_array_get(array, i);
		struct vduse_queue *to = &s->virtqueues[i];

		s->n_virtqueues++;
		to->index = get_u64(q, "index");
		to->ready = get_bool(q, "ready");
		to->packed = get_bool(q, "packed");
		to->size = get_u64(q, "size");
		to->in_flight = get_u64(q, "in_flight");
		get_counters(q, to->counters);
		if (!get_string(q, "broken", &to->broken))
			return false;
	}
	return true;
}

static bool fill(const json_t *o, struct vduse_status *s)
{
	s->readonly = get_bool(o, "readonly");
	s->driver_ok = get_bool(o, "driver_ok");
	s->failing = get_bool(o, "failing");
	s->broken = get_bool(o, "broken");
	s->api_version = get_u64(o, "api_version");
	s->size = get_u64(o, "size");
	s->block_size = get_u64(o, "block_size");
	s->queues = get_u64(o, "queues");
	s->queue_size = get_u64(o, "queue_size");
	s->uptime = get_u64(o, "uptime");
	get_counters(json_dl.json_object_get(o, "statistics"), s->counters);
	return get_string(o, "type", &s->type) && get_string(o, "version", &s->version) &&
	       get_string(o, "backend", &s->backend) && get_string(o, "serial", &s->serial) &&
	       get_string(o, "features", &s->features) && get_queues(o, s);
}

int vduse_get_status(const struct app *app, const char *name, struct vduse_status *status,
		     struct strbuf *err)
{
	json_t *answer = NULL;
	bool filled;
	int r;

	*status = (struct vduse_status){ 0 };
	r = vduse_request(name, "{\"command\":\"status\"}\n", app_limit_ms(app, VDUSE_STATUS_MS),
			  &answer, &status->pid, err);
	if (r)
		return r;
	filled = fill(answer, status);
	json_drop(answer);
	if (filled)
		return 0;
	vduse_status_free(status);
	strbuf_add(err, "out of memory");
	return -ENOMEM;
}

unsigned int vduse_served(const struct app *app, const char *name)
{
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;
	struct vduse_status status;
	int r = vduse_lock_state(name) == VDUSE_HELD ? vduse_get_status(app, name, &status, &err) :
						       -ENODEV;

	if (!r)
		vduse_status_free(&status);
	return r ? 0 : VDPA_SERVED;
}
