/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What commands share that go on until they are told to end: by SIGINT,
 * SIGTERM or SIGHUP, by a reader of stdout that goes away, or by a time limit.
 *
 *   cmd_monitor.c, cmd_dev_vstats.c -> watch.c   signals, waiting, writing
 *   cmd_monitor.c -> known.c                     what there is, as far as was told
 */
#ifndef VDPACTL_WATCH_H
#define VDPACTL_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "app.h"
#include "known.h"

/* ---- watch.c ---- */

#define WATCH_SIGNALS 3

struct watch {
	struct app *app;
	int64_t end; /* monotonic milliseconds; INT64_MAX without a limit */
	uint64_t seconds; /* the limit that gave it */
	sigset_t mask; /* the caller's */
	struct sigaction actions[WATCH_SIGNALS]; /* the caller's */
};

enum watch_event {
	WATCH_READY, /* there is something to read */
	WATCH_NEXT, /* the time that was asked for has come */
	WATCH_OVER, /* the time limit */
	WATCH_STOP, /* a signal, or stdout can't be written to any more */
};

/*
 * watch_begin: from here to watch_end the signals are held back but in the
 * two functions below.  seconds is the time limit, 0 for none but that of --timeout.
 * watch_end: also passes on a signal that came in a batch, which it shall end, too.
 */
void watch_begin(struct watch *w, struct app *app, uint64_t seconds);
void watch_end(struct watch *w);
/* Waits until fd (-1: none) is readable or the time is next (INT64_MAX: never). */
enum watch_event watch_wait(struct watch *w, int fd, int64_t next);
/* Writes what was printed so far: WATCH_READY when all is written; *status, if writing failed. */
enum watch_event watch_flush(struct watch *w, enum status *status);
int64_t watch_now(void);
/* The time now: 2026-11-20T17:00:00.123456Z */
void watch_time(struct strbuf *sb);

/* ---- view_event.c ---- */

void view_text_event(struct strbuf *sb, const struct happening *h);
/* A document on one line; json_load() must have been called. */
void view_json_event(struct strbuf *sb, const struct happening *h);

#endif
