/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's place in the runtime directory, which outlives the process:
 *
 *   DIR/NAME/           0700, of the user who starts the daemon
 *            lock       write-locked as long as a daemon lives
 *            options    the daemon's arguments, each ended by NUL, for `vdused resume`
 *            state      the in-flight log, see state.h
 *            control    the control socket
 *
 * What is there is believed only when it is an ordinary file of the same user
 * that nobody else may touch.
 */
#ifndef VDUSED_RUNTIME_H
#define VDUSED_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/vdused_paths.h"
#include "vdused/err.h"

#define RUNTIME_DIR VDUSED_RUNTIME_DIR

struct runtime {
	int base; /* DIR */
	int dir; /* DIR/NAME */
	int lock;
	bool made; /* DIR/NAME, by this process, which has it */
	const char *name; /* the caller's */
	char path[512]; /* of DIR/NAME, for messages */
};

#define RUNTIME_INIT                                       \
	{                                                  \
		.base = -1, .dir = -1, .lock = -1          \
	}

/* Opens DIR/NAME, made when `create` and not there: -ENOENT otherwise. Takes the lock: -EBUSY. */
int runtime_open(struct runtime *rt, const char *base, const char *name, bool create, struct err *err);
/* Opens DIR/NAME as it is, whoever has the lock. */
int runtime_look(struct runtime *rt, const char *base, const char *name, struct err *err);
/*
 * A file of the directory, checked: its descriptor, or a negative errno.
 * `create`: a new one, what was there before is removed.
 */
int runtime_file(struct runtime *rt, const char *file, bool create, struct err *err);
/* Replaces a file by this content, all or nothing. */
int runtime_write(struct runtime *rt, const char *file, const void *data, size_t len, struct err *err);
/* A listening socket. */
int runtime_socket(struct runtime *rt, struct err *err);
/* Removes the device's directory, as far as it is allowed to. */
void runtime_remove(struct runtime *rt);
/*
 * Removes what a disk of mem: is kept in.  There is one of each name, whatever the
 * directory: only who made the VDUSE device may do it.
 */
void runtime_remove_memory(const struct runtime *rt);
void runtime_close(struct runtime *rt);

#endif
