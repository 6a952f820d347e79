// SPDX-License-Identifier: GPL-2.0-or-later
/* monitor */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "json_dl.h"
#include "watch.h"

static const char *const subjects[] = { "all", "dev", "driver", "netdev", "block", NULL };
static const unsigned int subject_masks[] = { VDPA_MONITOR_ALL, VDPA_MONITOR_DEV,
					      VDPA_MONITOR_DRIVER, VDPA_MONITOR_NETDEV,
					      VDPA_MONITOR_BLOCK };

struct session {
	struct app *app;
	unsigned int what; /* VDPA_MONITOR_* that are printed; the state needs all */
	struct vdpa_monitor *monitor; /* owned */
	struct known known; /* what was told, or was there at the start */
	uint64_t count; /* of events that were printed */
	uint64_t limit; /* end after so many; 0: never */
	enum status status;
};

static unsigned int mask_of(const char *word)
{
	for (size_t i = 0; word && subjects[i]; i++) {
		if (!strcmp(word, subjects[i]))
			return subject_masks[i];
	}
	return VDPA_MONITOR_ALL;
}

static bool is_full(const struct session *s)
{
	return s->limit && s->count >= s->limit;
}

static void print(struct session *s, const struct happening *h)
{
	if (h->subject && !(h->subject & s->what))
		return;
	if (s->app->opt.json)
		view_json_event(&s->app->out, h);
	else
		view_text_event(&s->app->out, h);
}

static void present_cb(const struct happening *h, void *data)
{
	print(data, h);
}

static void change_cb(const struct happening *h, void *data)
{
	struct session *s = data;

	if (is_full(s) || !(h->subject & s->what))
		return;
	print(s, h);
	s->count++;
}

/* A line of its own: "resync", "synced". */
static void mark(struct session *s, const char *event)
{
	const struct happening h = { .event = event };

	print(s, &h);
}

static enum status read_known(struct session *s, struct known *k)
{
	int r = known_read(k, s->app->ctx);

	if (!r)
		return ST_OK;
	return diag_fail(s->app, NULL, -r, NULL, "cannot list devices: %s", strerror(-r));
}

/* Events were lost: what they would have told is found out, and told. */
static enum status resync(struct session *s)
{
	struct known now;
	enum status status = read_known(s, &now);

	if (status)
		return status;
	mark(s, "resync");
	known_compare(&s->known, &now, change_cb, s);
	if (!is_full(s))
		mark(s, "synced");
	known_free(&s->known);
	s->known = now;
	return ST_OK;
}

static enum status take(struct session *s, const struct vdpa_event *e)
{
	const struct happening h = {
		.event = vdpa_event_type_name(vdpa_event_get_type(e)),
		.subject = vdpa_event_get_subject(e),
		.dev = vdpa_event_get_dev(e),
		.driver = vdpa_event_get_driver(e),
		.node = vdpa_event_get_node(e),
		.old_node = vdpa_event_get_old_node(e),
		.seqnum = vdpa_event_get_seqnum(e),
	};
	int r;

	if (vdpa_event_get_type(e) == VDPA_EVENT_RESYNC)
		return resync(s);
	r = known_apply(&s->known, e);
	if (r < 0)
		return diag_error(s->app, NULL, NULL, NULL);
	if (r)
		change_cb(&h, s);
	return ST_OK;
}

/* The next event: 1, 0 when there is none, -1 with s->status. */
static int next(struct session *s)
{
	struct vdpa_event *e = NULL;
	int r = vdpa_monitor_next(s->monitor, &e);

	if (r < 0)
		s->status = diag_ctx(s->app, NULL);
	else if (r)
		s->status = take(s, e);
	vdpa_event_unref(e);
	return s->status ? -1 : r;
}

static void run_out(struct session *s, uint64_t seconds)
{
	if (s->limit)
		s->status = diag_fail(s->app, NULL, ETIMEDOUT, NULL,
				      "%llu of %llu events came within %llu s",
				      (unsigned long long)s->count, (unsigned long long)s->limit,
				      (unsigned long long)seconds);
}

/* One event, or the wait for one. */
static enum watch_event step(struct session *s, struct watch *w)
{
	int r = next(s);

	if (r < 0)
		return WATCH_STOP;
	if (!r)
		return watch_wait(w, vdpa_monitor_get_fd(s->monitor), INT64_MAX);
	return watch_now() < w->end ? WATCH_READY : WATCH_OVER;
}

static void follow(struct session *s, const struct args *args)
{
	enum watch_event event;
	struct watch w;

	watch_begin(&w, s->app, args->watch.timeout);
	for (;;) {
		event = watch_flush(&w, &s->status);
		if (event != WATCH_READY || is_full(s))
			break;
		event = step(s, &w);
		if (event != WATCH_READY)
			break;
	}
	if (event == WATCH_OVER && !is_full(s)) {
		(void)watch_flush(&w, &s->status);
		run_out(s, w.seconds);
	}
	watch_end(&w);
}

/* The socket is open before the first listing: nothing happens in between. */
static enum status start(struct session *s, const struct args *args)
{
	enum status status = app_context(s->app);

	if (!status && s->app->opt.json)
		status = json_load(s->app);
	if (status)
		return status;
	if (vdpa_monitor_new(s->app->ctx, VDPA_MONITOR_ALL, &s->monitor) < 0)
		return diag_ctx(s->app, NULL);
	if (args->has & HAS_SIZE && vdpa_monitor_set_buffer(s->monitor, args->watch.buffer) < 0)
		return diag_ctx(s->app, NULL);
	status = read_known(s, &s->known);
	if (status || !(args->has & HAS_INITIAL))
		return status;
	known_list(&s->known, present_cb, s);
	mark(s, "synced");
	return ST_OK;
}

static enum status run(struct app *app, const struct args *args)
{
	struct session s = { .app = app, .what = mask_of(args->watch.what) };

	s.limit = args->watch.count;
	s.status = start(&s, args);
	if (!s.status)
		follow(&s, args);
	known_free(&s.known);
	vdpa_monitor_unref(s.monitor);
	/* Each line was a document.  A failure, in JSON, is one more. */
	if (!app->errors)
		app->document = DOC_SUPPRESSED;
	return s.status;
}

static const struct arg args[] = {
	{
		.kind = VALUE_CHOICE,
		.has = HAS_ITEMS,
		.metavar = "WHAT",
		.help = "all (the default), dev, driver, netdev or block",
		.choices = subjects,
		.expected = "all, dev, driver, netdev or block",
		.offset = offsetof(struct args, watch.what),
	},
	{
		.word = "initial",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_INITIAL,
		.help = "what there is first, then what happens",
	},
	{
		.word = "count",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_COUNT,
		.metavar = "N",
		.help = "end after so many events",
		.expected = "a decimal number from 1 to 1000000000",
		.min = 1,
		.max = 1000000000,
		.offset = offsetof(struct args, watch.count),
	},
	{
		.word = "timeout",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_TIMEOUT,
		.metavar = "SEC",
		.help = "end after so many seconds; with count a failure (7)",
		.expected = "a decimal number from 1 to 31536000",
		.min = 1,
		.max = 31536000,
		.offset = offsetof(struct args, watch.timeout),
	},
	{
		.word = "buffer",
		.match = MATCH_NEW,
		.kind = VALUE_SIZE,
		.has = HAS_SIZE,
		.metavar = "OCTETS",
		.help = "how much the kernel keeps for a slow reader, with K, M, G (default 128M)",
		.offset = offsetof(struct args, watch.buffer),
	},
	ARG_END,
};

const struct command cmd_monitor = {
	.name = "monitor",
	.summary = "tell what happens to devices, their drivers, interfaces and disks",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
