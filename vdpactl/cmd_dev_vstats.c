// SPDX-License-Identifier: GPL-2.0-or-later
/* dev vstats show */
#include <errno.h>
#include <time.h>

#include "command.h"
#include "dev_args.h"
#include "json_dl.h"
#include "view.h"
#include "watch.h"

static enum status show_one(struct app *app, const char *name, uint32_t index)
{
	CLEANUP(cleanup_vdpa_vstats_unref_cb) struct vdpa_vstats *stats = NULL;
	struct view view = view_of(app);

	if (vdpa_vstats_get(app->ctx, name, index, &stats) < 0)
		return diag_ctx(app, name);
	if (app->opt.json)
		out_member(app, name, view_json_vstats(&view, stats, false));
	else
		view_text_vstats(&app->out, &view, stats, false);
	return ST_OK;
}

static enum status show_all(struct app *app, const char *name)
{
	CLEANUP(cleanup_vdpa_vstats_list_unref_cb) struct vdpa_vstats_list *list = NULL;
	struct view view = view_of(app);

	if (vdpa_vstats_list(app->ctx, name, &list) < 0)
		return diag_ctx(app, name);
	if (app->opt.json)
		out_member(app, name, view_json_vstats_list(&view, list));
	else
		view_text_vstats_list(&app->out, &view, name, list);
	return ST_OK;
}

/* ---- interval ---- */

/* One look at the statistics. */
struct sample {
	struct vdpa_vstats **v; /* owned, as the references in it */
	size_t n;
	uint64_t at_us;
};

static void sample_free(struct sample *s)
{
	for (size_t i = 0; i < s->n; i++)
		vdpa_vstats_unref(s->v[i]);
	free(s->v);
	*s = (struct sample){ 0 };
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int sample_one(struct vdpa_ctx *ctx, const struct args *args, struct sample *s)
{
	int r;

	s->v = calloc(1, sizeof(struct vdpa_vstats *));
	r = s->v ? vdpa_vstats_get(ctx, args->items[0], args->qidx, &s->v[0]) : -ENOMEM;
	if (!r)
		s->n = 1;
	return r;
}

static int sample_all(struct vdpa_ctx *ctx, const struct args *args, struct sample *s)
{
	CLEANUP(cleanup_vdpa_vstats_list_unref_cb) struct vdpa_vstats_list *list = NULL;
	int r = vdpa_vstats_list(ctx, args->items[0], &list);
	size_t n = r < 0 ? 0 : vdpa_vstats_list_get_size(list);

	if (r < 0)
		return r;
	s->v = calloc(n + 1, sizeof(struct vdpa_vstats *));
	if (!s->v)
		return -ENOMEM;
	for (; s->n < n; s->n++)
		s->v[s->n] = vdpa_vstats_ref(vdpa_vstats_list_get(list, s->n));
	return 0;
}

/* 0 or -errno. */
static int sample(struct vdpa_ctx *ctx, const struct args *args, struct sample *s)
{
	int r;

	*s = (struct sample){ 0 };
	if (args->has & HAS_QIDX && !args->qidx_all)
		r = sample_one(ctx, args, s);
	else
		r = sample_all(ctx, args, s);
	if (r < 0)
		sample_free(s);
	s->at_us = now_us();
	return r;
}

/* Can it be otherwise the next time?  Whoever asks for a device that is not there errs. */
static bool is_state(int r, bool first)
{
	if (r == -EAGAIN)
		return true;
	return !first && r != -EPERM && r != -ENOMEM && r != -EPROTONOSUPPORT;
}

static void print_rates(struct app *app, const struct args *args, const struct sample *before,
			const struct sample *now, int r)
{
	struct rates_view v = {
		.name = args->items[0],
		.before = before->v,
		.n_before = before->n,
		.now = now->v,
		.n_now = now->n,
	};

	if (before->n)
		v.us = now->at_us - before->at_us;
	if (r < 0) {
		v.message = vdpa_error_get_message(vdpa_ctx_get_error(app->ctx));
		v.errnum = -r;
	}
	if (app->opt.json)
		view_json_rates(&app->out, &v);
	else
		view_text_rates(&app->out, &v);
}

/* Takes a sample, prints what it is against *last, and leaves it there. */
static enum status tick(struct app *app, const struct args *args, bool first, struct sample *last)
{
	struct sample now;
	int r = sample(app->ctx, args, &now);

	if (r == -ENOMEM)
		return diag_error(app, args->items[0], NULL, NULL);
	if (r < 0 && !is_state(r, first))
		return diag_ctx(app, args->items[0]);
	print_rates(app, args, last, &now, r);
	/* After a time without statistics they begin anew. */
	sample_free(last);
	*last = now;
	return ST_OK;
}

static enum status follow(struct app *app, const struct args *args)
{
	int64_t step = (int64_t)args->watch.interval * 1000, next;
	CLEANUP(sample_free) struct sample last = { 0 };
	enum watch_event event = WATCH_NEXT;
	enum status status = ST_OK;
	struct watch w;

	watch_begin(&w, app, 0);
	next = watch_now();
	for (uint64_t n = 0; event == WATCH_NEXT; n++) {
		status = tick(app, args, n == 0, &last);
		if (!status)
			event = watch_flush(&w, &status);
		if (status || event != WATCH_READY ||
		    (args->has & HAS_COUNT && n == args->watch.count))
			break;
		/* What was missed is not made up for. */
		while (next <= watch_now())
			next += step;
		event = watch_wait(&w, -1, next);
	}
	watch_end(&w);
	return status;
}

/* Each line is a document; a failure, in JSON, is one more. */
static enum status run_interval(struct app *app, const struct args *args)
{
	enum status status = app->opt.json ? json_load(app) : ST_OK;

	if (!status)
		status = app_connect(app);
	if (!status)
		status = follow(app, args);
	if (!app->errors)
		app->document = DOC_SUPPRESSED;
	return status;
}

static enum status run(struct app *app, const struct args *args)
{
	enum status status;

	if (args->has & HAS_INTERVAL)
		return run_interval(app, args);
	if (args->has & HAS_COUNT)
		return diag_usage(app, "%s: count needs interval", app->path);
	status = app_begin_section(app, "vstats");
	if (status)
		return status;
	/* The answer that the kernel gives to a request without an index. */
	if (app->legacy && !(args->has & HAS_QIDX))
		return diag_fail(app, args->items[0], EINVAL, NULL, "vdpa: qidx is not given");
	if (!(args->has & HAS_QIDX) || args->qidx_all)
		return show_all(app, args->items[0]);
	return show_one(app, args->items[0], args->qidx);
}

static const struct arg args[] = {
	DEV_ARG_ONE,
	{
		.word = "qidx",
		.match = MATCH_EXACT,
		.kind = VALUE_QIDX,
		.has = HAS_QIDX,
		.metavar = "N|all|ctrlvq",
		.help = "a virtqueue's number, the control virtqueue, or all (the default)",
	},
	{
		.word = "interval",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_INTERVAL,
		.metavar = "SEC",
		.help = "go on, and show what is counted a second",
		.expected = "a decimal number from 1 to 86400",
		.min = 1,
		.max = 86400,
		.offset = offsetof(struct args, watch.interval),
	},
	{
		.word = "count",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_COUNT,
		.metavar = "N",
		.help = "with interval: end after so many of them",
		.expected = "a decimal number from 1 to 1000000000",
		.min = 1,
		.max = 1000000000,
		.offset = offsetof(struct args, watch.count),
	},
	ARG_END,
};

const struct command cmd_dev_vstats_show = {
	.name = "show",
	.summary = "show what the device's vendor counts for each virtqueue (needs CAP_NET_ADMIN)",
	.match = MATCH_EXACT,
	.args = args,
	.run = run,
};
