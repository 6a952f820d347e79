// SPDX-License-Identifier: GPL-2.0-or-later
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

/* What a pipe that is ready takes at once. */
#define CHUNK 4096

static const int signals[WATCH_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t caught; /* the signal that came */

static void on_signal(int sig)
{
	caught = sig;
}

int64_t watch_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void watch_time(struct strbuf *sb)
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strbuf_addf(sb, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000);
}

void watch_begin(struct watch *w, struct app *app, uint64_t seconds)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	sigset_t held;

	*w = (struct watch){ .app = app, .end = INT64_MAX, .seconds = seconds };
	if (seconds)
		w->end = watch_now() + (int64_t)seconds * 1000;
	if (app->opt.has_timeout && app->started + (int64_t)app->opt.timeout * 1000 < w->end) {
		w->end = app->started + (int64_t)app->opt.timeout * 1000;
		w->seconds = app->opt.timeout;
	}
	caught = 0;
	sigemptyset(&held);
	for (size_t i = 0; i < WATCH_SIGNALS; i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, &w->mask);
	for (size_t i = 0; i < WATCH_SIGNALS; i++) {
		sigaction(signals[i], NULL, &w->actions[i]);
		/* As nohup and shells want it. */
		if (w->actions[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
}

void watch_end(struct watch *w)
{
	for (size_t i = 0; i < WATCH_SIGNALS; i++)
		sigaction(signals[i], &w->actions[i], NULL);
	if (caught && w->app->file)
		raise(caught);
	sigprocmask(SIG_SETMASK, &w->mask, NULL);
}

/* One wait: READY, or NEXT when its time is over. */
static enum watch_event wait_for(struct watch *w, struct pollfd fds[2], int64_t until)
{
	const struct timespec none = { 0 };
	struct timespec ts;
	int64_t left;

	/* One that finds a descriptor ready does not deliver the signals that are pending. */
	if (ppoll(NULL, 0, &none, &w->mask) < 0 && caught)
		return WATCH_STOP;
	for (;;) {
		left = until - watch_now();
		left = left > 0 ? left : 0;
		ts = (struct timespec){ .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
		if (ppoll(fds, 2, until == INT64_MAX ? NULL : &ts, &w->mask) < 0) {
			if (errno != EINTR || caught)
				return WATCH_STOP;
			continue;
		}
		if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
			return WATCH_STOP;
		return fds[0].revents || fds[1].revents ? WATCH_READY : WATCH_NEXT;
	}
}

enum watch_event watch_wait(struct watch *w, int fd, int64_t next)
{
	struct pollfd fds[] = { { .fd = STDOUT_FILENO }, { .fd = fd, .events = POLLIN } };
	int64_t until = next < w->end ? next : w->end;
	enum watch_event event;

	if (w->app->out_gone || caught)
		return WATCH_STOP;
	event = wait_for(w, fds, until);
	return event == WATCH_NEXT && until == w->end ? WATCH_OVER : event;
}

enum watch_event watch_flush(struct watch *w, enum status *status)
{
	struct app *app = w->app;
	size_t done = 0;

	while (app->out.len || app->out.failed) {
		struct pollfd fds[] = { { .fd = STDOUT_FILENO, .events = POLLOUT }, { .fd = -1 } };
		enum watch_event event = wait_for(w, fds, w->end);

		/* Of a stdout that can't be written to, writing tells why. */
		if (event == WATCH_STOP && !caught)
			event = WATCH_READY;
		if (event != WATCH_READY) {
			strbuf_clear(&app->out);
			return event == WATCH_NEXT ? WATCH_OVER : event;
		}
		*status = out_flush_some(app, &done, CHUNK);
		if (*status || app->out_gone)
			return WATCH_STOP;
	}
	return WATCH_READY;
}
