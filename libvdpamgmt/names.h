/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holding a dump against the devices that sysfs shows: the kernel resumes a
 * dump by position, so devices that come and go meanwhile make it skip or
 * repeat others, and it ends a dump at the first device that it can't describe.
 */
#ifndef LIBVDPAMGMT_NAMES_H
#define LIBVDPAMGMT_NAMES_H

#include "internal.h"

struct names_diff {
	bool *keep; /* owned: element i is the first of its name and still exists */
	char **missing; /* owned, NULL-terminated: on the bus, not in the list */
	bool saw_bus; /* sysfs could be read */
};

/*
 * names_diff: compare n names with the bus.  Where sysfs can't be read, only
 * repetitions are found.  0 or -ENOMEM.
 */
int names_diff(struct vdpa_ctx *ctx, size_t n, const char *(*name_at)(const void *list, size_t i),
	       const void *list, struct names_diff *diff);
void names_diff_free(struct names_diff *diff);

#endif
