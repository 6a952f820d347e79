/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose is a path of sysfs: which vDPA device an interface or a disk belongs
 * to.  What was seen once is remembered, so that it can be told when sysfs no
 * longer has it.
 *
 * Paths here are uevents': below sysfs's mount point, beginning with '/'.
 */
#ifndef LIBVDPAMGMT_OWNERS_H
#define LIBVDPAMGMT_OWNERS_H

#include "internal.h"

struct owners;

/* Knows nothing; NULL when out of memory.  ctx must outlive it. */
struct owners *owners_new(struct vdpa_ctx *ctx);
void owners_free(struct owners *o);

/* Forgets all and learns what there is; 0, -ENOMEM or another -errno (recorded in ctx). */
int owners_read(struct owners *o);

/* A device of the vdpa bus came or went.  0 or -ENOMEM. */
int owners_add(struct owners *o, const char *devpath);
void owners_remove(struct owners *o, const char *devpath);
/* A driver took it; NULL: it has none any more.  0 or -ENOMEM. */
int owners_bind(struct owners *o, const char *devpath, const char *driver);
/* The driver that has it, or NULL; borrowed until the next call. */
const char *owners_driver(struct owners *o, const char *devpath);
/* A virtio device went. */
void owners_forget_virtio(struct owners *o, const char *devpath);

enum owner {
	OWNER_NONE, /* not below a vDPA device's virtio device */
	OWNER_KNOWN,
	OWNER_UNKNOWN, /* it is one's, and can't be told apart from its siblings */
};

/*
 * owners_find: whose is the interface or disk at devpath; *name is borrowed
 * until the next call.  -ENOMEM when memory ran out.
 */
int owners_find(struct owners *o, const char *devpath, const char **name);

#endif
