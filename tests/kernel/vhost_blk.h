/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands of vhost_blk. */
#ifndef TESTS_KERNEL_VHOST_BLK_H
#define TESTS_KERNEL_VHOST_BLK_H

#include "vhost_disk.h"

struct options {
	const char *path;
	bool packed, write;
	unsigned queues, depth, octets;
	double seconds;
};

double monotonic(void); /* seconds */

/* Exit statuses. */
int blk_verify(const struct options *o);
int blk_bench(const struct options *o);
/* The cases named, or all; those that don't apply to the device are left out. */
int blk_hostile(const struct options *o, char **names, unsigned count);
int blk_hostile_list(void);
/* The process is stopped and continued. */
int blk_stuck(const struct options *o, unsigned pid);

#endif
