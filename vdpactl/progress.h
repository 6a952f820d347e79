/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far long work is, on a terminal's last line; nothing where stderr is none, or with -quiet. */
#ifndef VDPACTL_PROGRESS_H
#define VDPACTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;

struct progress {
	bool on;
	bool shown; /* the line stands there */
	int64_t next_ms; /* when it may change again */
	size_t total;
	size_t done;
};

void progress_begin(struct app *app, struct progress *p, size_t total);
/* n more are done; what: "adding", ... */
void progress_step(struct progress *p, const char *what, size_t n);
/* Takes the line away, also before anything else is printed. */
void progress_clear(struct progress *p);

#endif
