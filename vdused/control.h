/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: one JSON object a line asks, one answers.
 * Written down for users in vdused(8).
 */
#ifndef VDUSED_CONTROL_H
#define VDUSED_CONTROL_H

#include <stdbool.h>

#include "vdused/device.h"
#include "vdused/loop.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_LINE_MAX 4096

struct control;

struct control_client {
	struct loop_source source; /* fd -1: free */
	struct control *control;
	size_t len;
	char line[CONTROL_LINE_MAX];
};

struct control {
	struct device *dev;
	struct loop_source listener;
	struct control_client clients[CONTROL_CLIENTS_MAX];
	struct control_client *stopper; /* who asked to stop: answered at the end */
	bool destroy; /* and asked for the device's end */
	bool finished; /* the process may exit */
	bool destroyed;
};

/* An empty one, for control_fini(). */
void control_clear(struct control *c);
/* Takes the listening socket over. 0 or a negative errno. */
int control_init(struct control *c, int listener, struct device *dev);
/* Stop as if a client had asked for it, without an answer. */
void control_stop(struct control *c);
void control_fini(struct control *c);

#endif
