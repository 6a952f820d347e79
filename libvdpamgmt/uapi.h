/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers of the kernel's interfaces that this project uses, declared
 * here because the system's headers may be older than the kernel.
 */
#ifndef LIBVDPAMGMT_UAPI_H
#define LIBVDPAMGMT_UAPI_H

#define VDPA_NL_FAMILY "vdpa"
#define VDPA_NL_VERSION 1

/* Commands in replies; those of requests are in the public header. */
#define VDPA_NL_CMD_MGMTDEV_NEW 1
#define VDPA_NL_CMD_DEV_NEW 3

enum vdpa_nl_attr {
	VDPA_NL_ATTR_MGMTDEV_BUS = 1, /* string; absent for a parent without a bus */
	VDPA_NL_ATTR_MGMTDEV_NAME = 2, /* string */
	VDPA_NL_ATTR_MGMTDEV_CLASSES = 3, /* u64, bit N = virtio device ID N */
	VDPA_NL_ATTR_DEV_NAME = 4, /* string */
	VDPA_NL_ATTR_DEV_ID = 5, /* u32 */
	VDPA_NL_ATTR_DEV_VENDOR_ID = 6, /* u32 */
	VDPA_NL_ATTR_DEV_MAX_VQS = 7, /* u32 */
	VDPA_NL_ATTR_DEV_MAX_VQ_SIZE = 8, /* u16 */
	VDPA_NL_ATTR_DEV_MIN_VQ_SIZE = 9, /* u16 */
	VDPA_NL_ATTR_NET_MACADDR = 10, /* 6 octets */
	VDPA_NL_ATTR_NET_STATUS = 11, /* u16 (the kernel's header says u8) */
	VDPA_NL_ATTR_NET_MAX_VQP = 12, /* u16 */
	VDPA_NL_ATTR_NET_MTU = 13, /* u16 */
	VDPA_NL_ATTR_NEGOTIATED_FEATURES = 14, /* u64 */
	VDPA_NL_ATTR_MGMTDEV_MAX_VQS = 15, /* u32 */
	VDPA_NL_ATTR_SUPPORTED_FEATURES = 16, /* u64, of the parent */
	VDPA_NL_ATTR_QUEUE_INDEX = 17, /* u32 */
	VDPA_NL_ATTR_VENDOR_NAME = 18, /* string; pairs with the next VALUE */
	VDPA_NL_ATTR_VENDOR_VALUE = 19, /* u64 */
	VDPA_NL_ATTR_FEATURES = 20, /* u64, of the device */
	VDPA_NL_ATTR_BLK_CAPACITY = 21, /* u64; the sixteen block attributes follow in order */
	VDPA_NL_ATTR_BLK_FLUSH = 36,
	VDPA_NL_ATTR_MAX = 36,
};

/* Virtio feature bits that the library itself looks at. */
#define VIRTIO_BIT_NET_CTRL_VQ 17
#define VIRTIO_BIT_NET_MQ 22
#define VIRTIO_BIT_NET_RSS 60

#endif
