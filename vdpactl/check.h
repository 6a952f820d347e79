/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check: what a bug report needs, and what is wrong.
 *
 *   cmd_check.c -> check_host.c   kernel, modules, privileges, the bus
 *                  check_dev.c    management devices, devices
 *                  check_vduse.c  daemons
 *                  check_traps.c  what is known to be wrong with this kernel
 *
 * A check never fails as a whole: what could not be looked at is a finding, too.
 */
#ifndef VDPACTL_CHECK_H
#define VDPACTL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "app.h"

enum check_level {
	CHECK_OK,
	CHECK_INFO, /* worth knowing */
	CHECK_WARNING, /* something does not work, or will not */
	CHECK_PROBLEM, /* something is wrong now */
};

/* Beyond that many devices only what is remarkable is told of each, and nobody looks for users. */
#define CHECK_EACH_MAX 64

struct finding {
	enum check_level level;
	char *subject; /* owned, as the others; what it is about ("kernel", a device) */
	char *text;
	char *hint; /* NULL when there is nothing to do */
};

struct check {
	struct app *app;
	const char *root; /* in front of /sys, /proc, /dev, /etc and /lib: "" but in tests */
	struct finding *findings; /* owned array */
	size_t n;
	char release[65]; /* of the kernel */
	unsigned int version; /* KERNEL(6, 12); 0 when the release says nothing of the kind */
	bool connected; /* the family is there */
	bool all; /* every device, none was named */
	bool failed; /* out of memory */
	bool no_json; /* libjansson is not there */
	char pf[64], pf_netdev[64]; /* the last physical function that was asked for its interface */
};

#define KERNEL(major, minor) ((major)*1000u + (minor))

/* ---- cmd_check.c ---- */

/* hint may be NULL. */
__attribute__((format(printf, 5, 6))) void check_add(struct check *c, enum check_level level,
						     const char *subject, const char *hint,
						     const char *fmt, ...);
/* With the message of a library error, and its hint. */
void check_add_error(struct check *c, enum check_level level, const char *subject,
		     const struct vdpa_error *err);
/* The first line of a file, without its newline, into buf; false when it can't be read. */
__attribute__((format(printf, 4, 5))) bool check_read(const struct check *c, char *buf, size_t size,
						      const char *fmt, ...);
__attribute__((format(printf, 2, 3))) bool check_exists(const struct check *c, const char *fmt,
							...);
void check_free(struct check *c);

/* ---- check_host.c ---- */

void check_host(struct check *c);
bool check_module_loaded(const struct check *c, const char *module);

/* ---- check_dev.c ---- */

void check_parents(struct check *c);
/* All devices, or the named ones. */
void check_devices(struct check *c, char **names, size_t n);

/* ---- check_vduse.c, check_traps.c ---- */

void check_vduse(struct check *c, char **names, size_t n);
void check_traps(struct check *c);

#endif
