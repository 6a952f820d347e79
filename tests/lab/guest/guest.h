/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the guest's process 1 share. */
#ifndef VDPACTL_LAB_GUEST_H
#define VDPACTL_LAB_GUEST_H

#include <stddef.h>

#define MAX_ITEMS 4096

/* init.c: the job as init.c's head describes it. */
struct job {
	const char *release, *modules, *share, *load, *parents, *cwd, *tty;
	char *bind[64], *keep[MAX_ITEMS], *env[MAX_ITEMS + 1], *arg[MAX_ITEMS + 1];
	size_t binds, keeps, envs, args;
};

extern struct job job;

/* Ends the guest at once. */
_Noreturn void leave(void);

/* A line for the status port. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define die(...)                     \
	do {                         \
		report("failed " __VA_ARGS__); \
		report("\n");        \
		leave();             \
	} while (0)

/* Opens the port of that NAME for writing, waiting for it for some seconds; -1 if it does not come. */
int wait_port(const char *name);

/* command.c: runs the job's command; its exit status, or 128 + N for signal N. */
int run_command(void);

#endif
