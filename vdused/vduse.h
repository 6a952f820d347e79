/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's VDUSE interface: /dev/vduse/control and /dev/vduse/NAME.
 *
 * All functions return 0 (or what is said) or a negative errno, with the
 * sentence in err where there is one.  After a message timed out the kernel
 * answers everything with EPERM, for good: vduse_broken().
 */
#ifndef VDUSED_VDUSE_H
#define VDUSED_VDUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vdused/err.h"
#include "vdused/iova.h"
#include "vdused/uapi.h"

struct vduse {
	int control; /* /dev/vduse/control: kept open, to destroy the device without privileges */
	int fd; /* /dev/vduse/NAME; -1 when closed */
	unsigned api_version; /* 0 or 1 */
	char name[VDUSE_NAME_MAX];
};

/* What a new device is. */
struct vduse_params {
	uint32_t device_id; /* VIRTIO_ID_BLOCK, ... */
	uint32_t vendor_id;
	uint64_t features;
	unsigned queues;
	unsigned queue_size;
	const void *config;
	size_t config_len;
};

/* Can a device be called so? The sentence says why not. */
int vduse_check_name(const char *name, struct err *err);
/* Is there a device of this name? */
bool vduse_exists(const char *name);
/* Opens the control device and asks for the API version. */
int vduse_open_control(struct vduse *v, unsigned api_version, struct err *err);
/* Creates the device `name`: -EEXIST when there is one already. */
int vduse_create(struct vduse *v, const char *name, const struct vduse_params *params, struct err *err);
/* Opens the device: -ENOENT when there is none, -EBUSY when another process has it. */
int vduse_open(struct vduse *v, const char *name, struct err *err);
/* Gives each queue its largest size: once more does no harm while no driver uses them. */
int vduse_setup_queues(struct vduse *v, unsigned queues, unsigned queue_size, struct err *err);
/* Closes and destroys the device: -EBUSY while it is attached to the vdpa bus. */
int vduse_destroy(struct vduse *v, struct err *err);
void vduse_close(struct vduse *v);

int vduse_get_features(struct vduse *v, uint64_t *features);
int vduse_queue_info(struct vduse *v, unsigned index, struct vduse_vq_info *info);
/* -1 takes the eventfd away. */
int vduse_set_kick(struct vduse *v, unsigned index, int fd);
/* -EINVAL: the driver isn't ready to get one. */
int vduse_inject(struct vduse *v, unsigned index);
int vduse_inject_config(struct vduse *v);
int vduse_set_config(struct vduse *v, size_t offset, const void *data, size_t len);

/* How many seconds the kernel waits for an answer; 0: for ever. */
unsigned vduse_msg_timeout(const struct vduse *v);
/* Is there a message? */
bool vduse_has_message(const struct vduse *v);
/* The next message, 1; none is there, 0. */
int vduse_read(struct vduse *v, struct vduse_dev_request *req);
/* 0 also when the kernel no longer waits for this answer. */
int vduse_reply(struct vduse *v, const struct vduse_dev_response *resp);

/*
 * Maps all of the driver's address space that there is.  A device bound to
 * virtio_vdpa has one file for all of it, what is not there yet included; for
 * vhost_vdpa these are the regions that its user has mapped at this moment.
 * *linear says which.  An empty map is one, too.
 */
int vduse_map(struct vduse *v, struct iova_map **map, bool *linear, struct err *err);

#endif
