// SPDX-License-Identifier: GPL-2.0-or-later
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "app.h"

#define INTERVAL_MS 100
#define CLEAR "\r\033[K"

void progress_begin(struct app *app, struct progress *p, size_t total)
{
	*p = (struct progress){
		.on = !app->opt.quiet && isatty(STDERR_FILENO) == 1,
		.total = total,
		/* What is over at once shows nothing. */
		.next_ms = app_now_ms() + INTERVAL_MS,
	};
}

void progress_step(struct progress *p, const char *what, size_t n)
{
	char line[96];
	int len;

	p->done += n;
	if (!p->on || app_now_ms() < p->next_ms)
		return;
	p->next_ms = app_now_ms() + INTERVAL_MS;
	len = snprintf(line, sizeof(line), CLEAR "%s %zu/%zu", what, p->done, p->total);
	if (len > 0 && (size_t)len < sizeof(line))
		diag_write(line, (size_t)len);
	p->shown = true;
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		diag_write(CLEAR, sizeof(CLEAR) - 1);
	p->shown = false;
}
