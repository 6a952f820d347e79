/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of the kernel's interface that older headers lack. */
#ifndef VDUSED_UAPI_H
#define VDUSED_UAPI_H

#include <linux/vduse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

/* API version 1: the first two words of what was reserved in struct vduse_dev_config. */
#define VDUSE_CONFIG_NGROUPS 0
#define VDUSE_CONFIG_NAS 1
#define VDUSE_SET_VQ_GROUP_ASID_MSG 3

/* Where the addresses of a virtio_vdpa-bound device end: bounce buffers and rings together. */
#define VDUSE_DOMAIN_SIZE (1024UL * 1024 * 1024 + 128UL * 1024 * 1024)
#define VDUSE_DOMAIN_LINK "anon_inode:[vduse-domain]"

#ifndef VIRTIO_F_IN_ORDER
#define VIRTIO_F_IN_ORDER 35
#endif
/* linux/virtio_ring.h can't be included beside our struct vring. */
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29

#define FEATURE(bit) (1ULL << (bit))

#endif
