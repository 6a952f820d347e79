/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about sysfs and procfs share among themselves. */
#ifndef LIBVDPAMGMT_SYSDEV_H
#define LIBVDPAMGMT_SYSDEV_H

#include "internal.h"

struct vdpa_sysdev {
	atomic_uint refs;
	char *path; /* owned, as all strings here; the others may be NULL */
	char *driver;
	char *driver_override;
	char *chardev;
	dev_t number; /* of chardev */
	char *virtio;
	char *netdev;
	char *blockdev;
	char *node; /* of chardev or blockdev */
	char *parent;
	char *parent_bus;
	char *parent_driver;
};

/* ---- sysvirtio.c ---- */

/*
 * find_virtio: the directory of the virtio device that virtio_vdpa made for
 * the vdpa device called name, whose own directory is path.  *virtio is the
 * caller's; NULL when there is none or when it can't be told from a sibling's.
 * Returns 0 or -ENOMEM.
 */
int find_virtio(struct vdpa_ctx *ctx, const char *name, const char *path, char **virtio);

/* ---- businfo.c ---- */

#define BUS_INFO_LEN 32 /* with the NUL; the kernel cuts longer names */

/*
 * netdev_bus_info: which device a virtio_net interface of this network
 * namespace belongs to.  false when there is no such interface or another
 * driver's.  (Alone in its file, so that tests can bring their own.)
 */
bool netdev_bus_info(const char *ifname, char bus_info[BUS_INFO_LEN]);

/* ---- users.c ---- */

/*
 * find_users: the processes that have a character device with that number
 * open; with first_only the search ends at the first.  *hidden tells whether
 * there may be others that can't be seen.  Returns 0 or -errno (recorded).
 */
int find_users(struct vdpa_ctx *ctx, dev_t number, bool first_only, struct vdpa_user_list **list,
	       bool *hidden);
/* false when it is certain that no vhost-vdpa char device is open at all. */
bool vhost_vdpa_in_use(struct vdpa_ctx *ctx);

#endif
