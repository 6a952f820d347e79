/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvdpamgmt: the management plane of vDPA devices on Linux.
 *
 * The library speaks the kernel's `vdpa` generic netlink family and knows the
 * sysfs around it.  It prints nothing, never exits and keeps no global state.
 *
 * Conventions that hold for every function below:
 *
 * - Functions that can fail return 0 or a negative errno; of those that have a
 *   context, vdpa_ctx_get_error() then tells the whole story (the kernel's own
 *   text, the attribute at fault, a hint).
 * - Objects are opaque and reference counted: a function that hands one out
 *   through a pointer to pointer gives the caller a reference, to be dropped
 *   with the matching _unref(), which takes NULL too and always returns NULL.
 *   What a _get_ function returns is borrowed: it lives as long as the object
 *   that it came from (a context's error and warning: until the next call).
 * - "Not given" differs from zero: a getter of the form
 *   bool vdpa_X_get_Y(x, &value) returns false, and leaves value alone, when
 *   the kernel did not report Y.  A getter that returns a string returns NULL.
 * - MAC addresses are 6 octets; feature words are virtio feature bits; MTU is
 *   in bytes; block capacity is in sectors of 512 bytes.
 * - Strings that come from the kernel are handed out as they came: they may
 *   contain any octet but NUL.
 *
 * Threads: a context, and the calls made with it, belong to one thread at a
 * time; different contexts are independent.  So do vdpa_bulk, vdpa_spec and
 * vdpa_monitor, with their context.  All other objects never change once made and
 * their reference counts are atomic, so they may be handed between threads.
 */
#ifndef VDPAMGMT_H
#define VDPAMGMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VDPA_API __attribute__((visibility("default")))
#define VDPA_NODISCARD __attribute__((warn_unused_result))
#else
#define VDPA_API
#define VDPA_NODISCARD
#endif

struct vdpa_ctx;
struct vdpa_error;
struct vdpa_caps;
struct vdpa_mgmtdev;
struct vdpa_mgmtdev_list;
struct vdpa_dev;
struct vdpa_dev_list;
struct vdpa_config;
struct vdpa_config_list;
struct vdpa_vstats;
struct vdpa_vstats_list;
struct vdpa_spec;
struct vdpa_bulk;
struct vdpa_sysdev;
struct vdpa_sysdev_list;
struct vdpa_user_list;
struct vdpa_netdev;
struct vdpa_monitor;
struct vdpa_event;

/* Virtio device IDs (the "class" of a vDPA device) that have a config here. */
#define VDPA_ID_NET 1u
#define VDPA_ID_BLOCK 2u

/* ---- context -------------------------------------------------------- */

/*
 * vdpa_ctx_new: make a context.  Nothing is opened until a call needs it.
 * Returns 0 or -ENOMEM.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_ctx_new(struct vdpa_ctx **ctx);
VDPA_API struct vdpa_ctx *vdpa_ctx_ref(struct vdpa_ctx *ctx);
VDPA_API struct vdpa_ctx *vdpa_ctx_unref(struct vdpa_ctx *ctx);

/*
 * vdpa_ctx_set_roots: where sysfs, devtmpfs and procfs are mounted (default
 * "/sys", "/dev", "/proc"); NULL leaves one as it is.  The strings are copied.
 * Returns 0 or -ENOMEM.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_ctx_set_roots(struct vdpa_ctx *ctx, const char *sys,
					       const char *dev, const char *proc);

/*
 * How messages travel.  The default is a NETLINK_GENERIC socket; a test or a
 * recorder can put its own in place before the first request.
 *
 * open:  returns 0 or -errno; *portid receives the netlink address that
 *        replies must carry (0 accepts any).
 * send:  one datagram of len octets; returns 0 or -errno.
 * recv:  one datagram into buf; returns its full length, even if longer than
 *        len (then it was cut), or -errno.  Must not block for longer than
 *        timeout_ms (-ETIMEDOUT).
 * close: called once for each successful open.
 */
struct vdpa_transport {
	size_t size; /* sizeof(struct vdpa_transport), for later growth */
	int (*open)(void *data, uint32_t *portid);
	int (*send)(void *data, const void *buf, size_t len);
	ssize_t (*recv)(void *data, void *buf, size_t len, int timeout_ms);
	void (*close)(void *data);
};

/*
 * vdpa_ctx_set_transport: replace the transport.  ops and data stay the
 * caller's and must outlive the context.  Returns 0, -EINVAL (size too small, a member is
 * NULL) or -EBUSY (already connected).  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_ctx_set_transport(struct vdpa_ctx *ctx,
						   const struct vdpa_transport *ops, void *data);

/*
 * vdpa_ctx_connect: open the socket and find the family.  Every request does
 * this by itself; call it to tell "no vdpa here" apart from later failures.
 * Returns 0, -EPROTONOSUPPORT (this kernel, or this network namespace, has no
 * vdpa family: see the hint) or another negative errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_ctx_connect(struct vdpa_ctx *ctx);

/*
 * vdpa_ctx_get_error: why the last failed call with ctx failed, or NULL when
 * none has.  A later failure replaces it: who keeps it takes a reference.  Since: 0.1
 */
VDPA_API const struct vdpa_error *vdpa_ctx_get_error(const struct vdpa_ctx *ctx);

/*
 * vdpa_ctx_get_warning: the text that the kernel attached to the last
 * request although that request succeeded, or NULL.  The next request replaces it.  Since: 0.1
 */
VDPA_API const char *vdpa_ctx_get_warning(const struct vdpa_ctx *ctx);

/* ---- errors --------------------------------------------------------- */

VDPA_API struct vdpa_error *vdpa_error_ref(const struct vdpa_error *err);
VDPA_API struct vdpa_error *vdpa_error_unref(struct vdpa_error *err);
/* The positive errno. Since: 0.1 */
VDPA_API int vdpa_error_get_errno(const struct vdpa_error *err);
/* One sentence without a newline: what failed and why. Since: 0.1 */
VDPA_API const char *vdpa_error_get_message(const struct vdpa_error *err);
/* The kernel's own words, or NULL. Since: 0.1 */
VDPA_API const char *vdpa_error_get_extack(const struct vdpa_error *err);
/* What to do about it, one sentence, or NULL. Since: 0.1 */
VDPA_API const char *vdpa_error_get_hint(const struct vdpa_error *err);
/* The attribute that the kernel blamed (enum vdpa_attribute), 0 when none. Since: 0.1 */
VDPA_API unsigned int vdpa_error_get_attr(const struct vdpa_error *err);
/* true when the request was refused by this library and never sent. Since: 0.1 */
VDPA_API bool vdpa_error_is_local(const struct vdpa_error *err);

/* ---- what this kernel can do ---------------------------------------- */

/* Commands of the family; the values are the kernel's. */
enum vdpa_command {
	VDPA_COMMAND_MGMTDEV_GET = 2,
	VDPA_COMMAND_DEV_ADD = 3,
	VDPA_COMMAND_DEV_DEL = 4,
	VDPA_COMMAND_DEV_GET = 5,
	VDPA_COMMAND_CONFIG_GET = 6,
	VDPA_COMMAND_VSTATS_GET = 7,
	VDPA_COMMAND_ATTR_SET = 8,
};

/* Attributes that a request may carry; the values are the kernel's. */
enum vdpa_attribute {
	VDPA_ATTRIBUTE_MGMTDEV_BUS = 1,
	VDPA_ATTRIBUTE_MGMTDEV_NAME = 2,
	VDPA_ATTRIBUTE_NAME = 4,
	VDPA_ATTRIBUTE_MAC = 10,
	VDPA_ATTRIBUTE_MAX_VQP = 12,
	VDPA_ATTRIBUTE_MTU = 13,
	VDPA_ATTRIBUTE_QUEUE_INDEX = 17,
	VDPA_ATTRIBUTE_FEATURES = 20,
};

/*
 * vdpa_caps_get: ask the generic netlink controller which commands the family
 * serves and which attributes each accepts.  Returns 0 or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_caps_get(struct vdpa_ctx *ctx, struct vdpa_caps **caps);
VDPA_API struct vdpa_caps *vdpa_caps_ref(struct vdpa_caps *caps);
VDPA_API struct vdpa_caps *vdpa_caps_unref(struct vdpa_caps *caps);
VDPA_API bool vdpa_caps_has_command(const struct vdpa_caps *caps, unsigned int command);
/* true when command accepts attr as input; false too when the kernel could not tell. Since: 0.1 */
VDPA_API bool vdpa_caps_has_attr(const struct vdpa_caps *caps, unsigned int command,
				 unsigned int attr);
/* true when the kernel answered the policy question (Linux 5.10 and later). Since: 0.1 */
VDPA_API bool vdpa_caps_has_policy(const struct vdpa_caps *caps);
/* Bounds of an integer attribute of command, as the kernel checks them. Since: 0.1 */
VDPA_API bool vdpa_caps_get_range(const struct vdpa_caps *caps, unsigned int command,
				  unsigned int attr, uint64_t *min, uint64_t *max);
/* The highest attribute number that the kernel's family knows. Since: 0.1 */
VDPA_API uint32_t vdpa_caps_get_max_attr(const struct vdpa_caps *caps);
/* Words for numbers ("dev add", "mtu"), or NULL for an unknown one. Since: 0.1 */
VDPA_API const char *vdpa_command_name(unsigned int command);
VDPA_API const char *vdpa_attribute_name(unsigned int attr);

/* ---- management devices --------------------------------------------- */

/*
 * vdpa_mgmtdev_list: all management devices, in the kernel's order.
 * vdpa_mgmtdev_get:  one, by its handle "BUS/NAME" or "NAME".
 * Returns 0, -ENODEV (no such one), -EINVAL (not a handle) or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_mgmtdev_list(struct vdpa_ctx *ctx,
					      struct vdpa_mgmtdev_list **list);
VDPA_API VDPA_NODISCARD int vdpa_mgmtdev_get(struct vdpa_ctx *ctx, const char *handle,
					     struct vdpa_mgmtdev **mgmtdev);
VDPA_API struct vdpa_mgmtdev_list *vdpa_mgmtdev_list_unref(struct vdpa_mgmtdev_list *list);
VDPA_API size_t vdpa_mgmtdev_list_get_size(const struct vdpa_mgmtdev_list *list);
VDPA_API struct vdpa_mgmtdev *vdpa_mgmtdev_list_get(const struct vdpa_mgmtdev_list *list, size_t i);
VDPA_API struct vdpa_mgmtdev *vdpa_mgmtdev_ref(struct vdpa_mgmtdev *mgmtdev);
VDPA_API struct vdpa_mgmtdev *vdpa_mgmtdev_unref(struct vdpa_mgmtdev *mgmtdev);
/* "BUS/NAME", or "NAME" for one without a bus. Since: 0.1 */
VDPA_API const char *vdpa_mgmtdev_get_handle(const struct vdpa_mgmtdev *mgmtdev);
/* NULL for one without a bus. Since: 0.1 */
VDPA_API const char *vdpa_mgmtdev_get_bus(const struct vdpa_mgmtdev *mgmtdev);
VDPA_API const char *vdpa_mgmtdev_get_name(const struct vdpa_mgmtdev *mgmtdev);
/* Bit N set: makes devices with virtio device ID N. Since: 0.1 */
VDPA_API bool vdpa_mgmtdev_get_classes(const struct vdpa_mgmtdev *mgmtdev, uint64_t *classes);
/* The most virtqueues that one of its devices can have. Since: 0.1 */
VDPA_API bool vdpa_mgmtdev_get_max_vqs(const struct vdpa_mgmtdev *mgmtdev, uint32_t *max_vqs);
/* Virtio feature bits that its devices can offer. Since: 0.1 */
VDPA_API bool vdpa_mgmtdev_get_features(const struct vdpa_mgmtdev *mgmtdev, uint64_t *features);
/* How many devices it can have at a time; false: no limit, or its driver is not known here. Since: 0.1 */
VDPA_API bool vdpa_mgmtdev_get_max_devices(struct vdpa_ctx *ctx, const struct vdpa_mgmtdev *mgmtdev,
					   uint32_t *max);

/*
 * What the kernel doesn't tell of a parent, from its driver's source; it serves
 * to plan and to explain, not to forbid: a later kernel may take more.
 * vdpa_parent_get_attrs: what its devices can be made with, and whether
 * vdpa_dev_set() can change their MAC (VDPA_PARENT_*); false when that driver
 * is not known here.  handle is that of a management device, which need not exist.
 * vdpa_parent_get_module: the kernel module that makes the management device
 * appear, or NULL when it is not known.  Since: 0.1
 */
#define VDPA_PARENT_MAC (1u << 0)
#define VDPA_PARENT_MTU (1u << 1)
#define VDPA_PARENT_MAX_VQP (1u << 2)
#define VDPA_PARENT_FEATURES (1u << 3)
#define VDPA_PARENT_SET_MAC (1u << 4)

VDPA_API bool vdpa_parent_get_attrs(struct vdpa_ctx *ctx, const char *handle, unsigned int *attrs);
VDPA_API const char *vdpa_parent_get_module(struct vdpa_ctx *ctx, const char *handle);

/* ---- devices -------------------------------------------------------- */

/*
 * vdpa_dev_list: all vDPA devices of the host, in the kernel's order, each
 * exactly once however many there are and whatever comes and goes meanwhile;
 * unmanaged ones, which the kernel's dump hides, stand at the end.
 * A device that exists but could not be read is in the list with its name
 * and its error.  Returns 0 or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_dev_list(struct vdpa_ctx *ctx, struct vdpa_dev_list **list);
/*
 * vdpa_dev_get: one device.  Returns 0, -ENODEV or -errno.  An unmanaged
 * device is answered from sysfs.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_dev_get(struct vdpa_ctx *ctx, const char *name,
					 struct vdpa_dev **dev);
VDPA_API struct vdpa_dev_list *vdpa_dev_list_unref(struct vdpa_dev_list *list);
VDPA_API size_t vdpa_dev_list_get_size(const struct vdpa_dev_list *list);
VDPA_API struct vdpa_dev *vdpa_dev_list_get(const struct vdpa_dev_list *list, size_t i);
VDPA_API struct vdpa_dev *vdpa_dev_ref(struct vdpa_dev *dev);
VDPA_API struct vdpa_dev *vdpa_dev_unref(struct vdpa_dev *dev);
VDPA_API const char *vdpa_dev_get_name(const struct vdpa_dev *dev);
/* NULL, or why this device could not be read (only its name is known then). Since: 0.1 */
VDPA_API const struct vdpa_error *vdpa_dev_get_error(const struct vdpa_dev *dev);
/* false: its driver made it by itself; it can't be deleted or configured. Since: 0.1 */
VDPA_API bool vdpa_dev_is_managed(const struct vdpa_dev *dev);
/* Handle, bus and name of its management device; NULL when unmanaged. Since: 0.1 */
VDPA_API const char *vdpa_dev_get_mgmtdev(const struct vdpa_dev *dev);
VDPA_API const char *vdpa_dev_get_mgmtdev_bus(const struct vdpa_dev *dev);
VDPA_API const char *vdpa_dev_get_mgmtdev_name(const struct vdpa_dev *dev);
/* Virtio device ID (VDPA_ID_NET, ...). Since: 0.1 */
VDPA_API bool vdpa_dev_get_id(const struct vdpa_dev *dev, uint32_t *id);
VDPA_API bool vdpa_dev_get_vendor_id(const struct vdpa_dev *dev, uint32_t *id);
VDPA_API bool vdpa_dev_get_max_vqs(const struct vdpa_dev *dev, uint32_t *max_vqs);
/* Descriptors a virtqueue can have. Since: 0.1 */
VDPA_API bool vdpa_dev_get_max_vq_size(const struct vdpa_dev *dev, uint16_t *size);
VDPA_API bool vdpa_dev_get_min_vq_size(const struct vdpa_dev *dev, uint16_t *size);

/* ---- device configuration ------------------------------------------- */

/*
 * vdpa_config_list: the configuration of every managed device.  The kernel
 * stops such a listing at the first device that can't answer: here that
 * device stands in the list with its own error and the others follow.
 * vdpa_config_get: one; -EOPNOTSUPP for a class without configuration.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_config_list(struct vdpa_ctx *ctx, struct vdpa_config_list **list);
VDPA_API VDPA_NODISCARD int vdpa_config_get(struct vdpa_ctx *ctx, const char *name,
					    struct vdpa_config **config);
VDPA_API struct vdpa_config_list *vdpa_config_list_unref(struct vdpa_config_list *list);
VDPA_API size_t vdpa_config_list_get_size(const struct vdpa_config_list *list);
VDPA_API struct vdpa_config *vdpa_config_list_get(const struct vdpa_config_list *list, size_t i);
VDPA_API struct vdpa_config *vdpa_config_ref(struct vdpa_config *config);
VDPA_API struct vdpa_config *vdpa_config_unref(struct vdpa_config *config);
VDPA_API const char *vdpa_config_get_name(const struct vdpa_config *config);
/* NULL, or why this device's configuration could not be read. Since: 0.1 */
VDPA_API const struct vdpa_error *vdpa_config_get_error(const struct vdpa_config *config);
VDPA_API bool vdpa_config_get_id(const struct vdpa_config *config, uint32_t *id);
/* What driver and device agreed on; given once a driver is active (FEATURES_OK). Since: 0.1 */
VDPA_API bool vdpa_config_get_negotiated_features(const struct vdpa_config *config,
						  uint64_t *features);
/* What the device offers (or was provisioned with). Since: 0.1 */
VDPA_API bool vdpa_config_get_features(const struct vdpa_config *config, uint64_t *features);

/* Net devices */
VDPA_API bool vdpa_config_get_mac(const struct vdpa_config *config, uint8_t mac[6]);
/* VIRTIO_NET_S_* bits: 1 link up, 2 announce. Since: 0.1 */
VDPA_API bool vdpa_config_get_net_status(const struct vdpa_config *config, uint16_t *status);
VDPA_API bool vdpa_config_get_max_vqp(const struct vdpa_config *config, uint16_t *max_vqp);
VDPA_API bool vdpa_config_get_mtu(const struct vdpa_config *config, uint16_t *mtu);

/* Block devices */
enum vdpa_blk_field {
	VDPA_BLK_CAPACITY, /* sectors of 512 bytes */
	VDPA_BLK_SIZE_MAX, /* bytes in a segment */
	VDPA_BLK_BLOCK_SIZE, /* bytes */
	VDPA_BLK_SEG_MAX, /* segments in a request */
	VDPA_BLK_NUM_QUEUES,
	VDPA_BLK_PHYSICAL_BLOCK_EXP, /* log2(logical blocks in a physical block) */
	VDPA_BLK_ALIGNMENT_OFFSET, /* logical blocks */
	VDPA_BLK_MIN_IO_SIZE, /* logical blocks */
	VDPA_BLK_OPT_IO_SIZE, /* logical blocks */
	VDPA_BLK_MAX_DISCARD_SECTORS,
	VDPA_BLK_MAX_DISCARD_SEG,
	VDPA_BLK_DISCARD_SECTOR_ALIGNMENT,
	VDPA_BLK_MAX_WRITE_ZEROES_SECTORS,
	VDPA_BLK_MAX_WRITE_ZEROES_SEG,
	VDPA_BLK_READ_ONLY, /* 0 or 1 */
	VDPA_BLK_FLUSH, /* 0 or 1: has a volatile cache that can be flushed */
	VDPA_BLK_FIELDS, /* how many there are; grows with new fields */
	VDPA_BLK_FIELD_RESERVED = 0x7fffffff /* keeps the enum's width */
};
VDPA_API bool vdpa_config_get_blk(const struct vdpa_config *config, enum vdpa_blk_field field,
				  uint64_t *value);
/* A word for the field ("capacity"), or NULL. Since: 0.1 */
VDPA_API const char *vdpa_blk_field_name(enum vdpa_blk_field field);

/* ---- vendor statistics of virtqueues (CAP_NET_ADMIN) ------------------ */

enum vdpa_queue_type {
	VDPA_QUEUE_OTHER, /* not a net device */
	VDPA_QUEUE_RX,
	VDPA_QUEUE_TX,
	VDPA_QUEUE_CTRL,
};

/* In place of a queue index: the control virtqueue, wherever it is. */
#define VDPA_QUEUE_INDEX_CTRL UINT32_MAX

/*
 * vdpa_vstats_get:  one virtqueue's counters.  index may be
 *                   VDPA_QUEUE_INDEX_CTRL (-ENOENT without a control queue).
 * vdpa_vstats_list: those of every virtqueue that has some.
 * Returns 0, -ENODEV, -EAGAIN (features not negotiated yet), -EOPNOTSUPP (its
 * driver counts nothing), -ERANGE or -EINVAL (no such queue), -EPERM.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_vstats_get(struct vdpa_ctx *ctx, const char *name, uint32_t index,
					    struct vdpa_vstats **stats);
VDPA_API VDPA_NODISCARD int vdpa_vstats_list(struct vdpa_ctx *ctx, const char *name,
					     struct vdpa_vstats_list **list);
VDPA_API struct vdpa_vstats_list *vdpa_vstats_list_unref(struct vdpa_vstats_list *list);
VDPA_API size_t vdpa_vstats_list_get_size(const struct vdpa_vstats_list *list);
VDPA_API struct vdpa_vstats *vdpa_vstats_list_get(const struct vdpa_vstats_list *list, size_t i);
VDPA_API struct vdpa_vstats *vdpa_vstats_ref(struct vdpa_vstats *stats);
VDPA_API struct vdpa_vstats *vdpa_vstats_unref(struct vdpa_vstats *stats);
VDPA_API const char *vdpa_vstats_get_name(const struct vdpa_vstats *stats);
VDPA_API bool vdpa_vstats_get_id(const struct vdpa_vstats *stats, uint32_t *id);
VDPA_API uint32_t vdpa_vstats_get_index(const struct vdpa_vstats *stats);
VDPA_API enum vdpa_queue_type vdpa_vstats_get_queue_type(const struct vdpa_vstats *stats);
VDPA_API bool vdpa_vstats_get_negotiated_features(const struct vdpa_vstats *stats,
						  uint64_t *features);
VDPA_API bool vdpa_vstats_get_max_vqp(const struct vdpa_vstats *stats, uint16_t *max_vqp);
/* Counters, in the kernel's order; a name is the driver's and may hold any octet. Since: 0.1 */
VDPA_API size_t vdpa_vstats_get_size(const struct vdpa_vstats *stats);
VDPA_API const char *vdpa_vstats_get_counter(const struct vdpa_vstats *stats, size_t i,
					     uint64_t *value);

/* ---- making, changing and deleting devices (CAP_NET_ADMIN) ----------- */

/*
 * A spec says what a device shall be: only what was set is sent.
 * Setters copy; they return 0, -EINVAL or -ENOMEM.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_spec_new(struct vdpa_spec **spec);
VDPA_API struct vdpa_spec *vdpa_spec_ref(struct vdpa_spec *spec);
VDPA_API struct vdpa_spec *vdpa_spec_unref(struct vdpa_spec *spec);
VDPA_API VDPA_NODISCARD int vdpa_spec_set_name(struct vdpa_spec *spec, const char *name);
/* "BUS/NAME" or "NAME" */
VDPA_API VDPA_NODISCARD int vdpa_spec_set_mgmtdev(struct vdpa_spec *spec, const char *handle);
VDPA_API void vdpa_spec_set_mac(struct vdpa_spec *spec, const uint8_t mac[6]);
VDPA_API void vdpa_spec_set_mtu(struct vdpa_spec *spec, uint16_t mtu);
VDPA_API void vdpa_spec_set_max_vqp(struct vdpa_spec *spec, uint16_t pairs);
VDPA_API void vdpa_spec_set_features(struct vdpa_spec *spec, uint64_t features);
VDPA_API const char *vdpa_spec_get_name(const struct vdpa_spec *spec);
VDPA_API const char *vdpa_spec_get_mgmtdev(const struct vdpa_spec *spec);
VDPA_API bool vdpa_spec_get_mac(const struct vdpa_spec *spec, uint8_t mac[6]);
VDPA_API bool vdpa_spec_get_mtu(const struct vdpa_spec *spec, uint16_t *mtu);
VDPA_API bool vdpa_spec_get_max_vqp(const struct vdpa_spec *spec, uint16_t *pairs);
VDPA_API bool vdpa_spec_get_features(const struct vdpa_spec *spec, uint64_t *features);

/* Leave out the checks that protect the host (each is named below). */
#define VDPA_FORCE (1u << 0)
/*
 * For vdpa_dev_del, _bind and _unbind of a VDUSE device: its daemon has just answered the caller, so
 * nobody looks through all processes for one.  The other checks are made.  Since: 0.1
 */
#define VDPA_SERVED (1u << 1)

/*
 * vdpa_dev_add: make the device (DEV_NEW).  Refused without VDPA_FORCE:
 * a name that exists (-EEXIST: some drivers touch the hardware before the
 * kernel looks), a second device on a parent whose driver does not check and
 * would drive one function twice (-EBUSY: ifcvf, vp_vdpa, octeon).
 * vdpa_dev_set: change the attributes of an existing device (ATTR_SET); the
 * spec's mgmtdev is not used.
 * vdpa_dev_del: delete the device (DEV_DEL).  Refused without VDPA_FORCE with
 * -EBUSY, and the users named, when the kernel would wait without end: its
 * vhost-vdpa char device is open, or it is a VDUSE device that no daemon serves.
 * All return 0 or -errno: -EPERM, -ENODEV (no such device, or management device), -EINVAL,
 * -EOPNOTSUPP (the driver can't) and what else it answers; -EINVAL too for a flag that the call
 * does not know.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_dev_add(struct vdpa_ctx *ctx, const struct vdpa_spec *spec,
					 unsigned int flags);
VDPA_API VDPA_NODISCARD int vdpa_dev_set(struct vdpa_ctx *ctx, const struct vdpa_spec *spec);
VDPA_API VDPA_NODISCARD int vdpa_dev_del(struct vdpa_ctx *ctx, const char *name,
					 unsigned int flags);

/* ---- binding devices to drivers (root) --------------------------------- */

/*
 * vdpa_dev_bind: give the device to a driver of the vdpa bus ("vhost_vdpa",
 * "virtio_vdpa"), whatever has it now; sets its driver_override.  Nothing is
 * done when that driver has it already, or another caller gave it to that one
 * meanwhile.  Returns 0, -ENODEV, -EOPNOTSUPP (no such driver: the hint tells
 * what to load), -EBUSY, -EINVAL (an unknown flag) or -errno; then it has its driver again, if
 * that takes it.
 * vdpa_dev_unbind: take it from its driver, if it has one; driver_override
 * stays as it is.
 * Refused without VDPA_FORCE with -EBUSY, and the users named, when the kernel
 * would wait without end, as with vdpa_dev_del().  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_dev_bind(struct vdpa_ctx *ctx, const char *name,
					  const char *driver, unsigned int flags);
VDPA_API VDPA_NODISCARD int vdpa_dev_unbind(struct vdpa_ctx *ctx, const char *name,
					    unsigned int flags);

/* What can be waited for. */
enum vdpa_condition {
	VDPA_WAIT_USABLE, /* whatever its driver makes: char device, block device or network interface */
	VDPA_WAIT_PRESENT, /* the device itself */
	VDPA_WAIT_BOUND, /* a driver of the vdpa bus has it */
	VDPA_WAIT_CHARDEV, /* the node of its vhost-vdpa char device */
	VDPA_WAIT_NETDEV, /* its network interface, in whatever network namespace sysfs shows */
	VDPA_WAIT_BLOCKDEV, /* the node of its block device */
	VDPA_WAIT_ABSENT, /* no such device (any more) */
	VDPA_WAIT_RESERVED = 0x7fffffff /* keeps the enum's width */
};

/*
 * vdpa_dev_wait: wait until that is so, for up to timeout_ms milliseconds; 0
 * looks once.  *sysdev, unless NULL, is the device then (NULL for _ABSENT).
 * Returns 0, -ETIMEDOUT, -ENODEV (no such device when called; not for _PRESENT
 * and _ABSENT), -EINVAL (_USABLE: bound to no driver), -EINTR (a signal handler ran) or -errno.
 * vdpa_condition_name: "present", "chardev", ..., or NULL.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_dev_wait(struct vdpa_ctx *ctx, const char *name,
					  enum vdpa_condition condition, int timeout_ms,
					  struct vdpa_sysdev **sysdev);
VDPA_API const char *vdpa_condition_name(enum vdpa_condition condition);

/*
 * Whether new devices are bound at once, to whichever driver was loaded first:
 * a setting of the whole host.  While it is on, an addition runs that driver's
 * probe and holds the locks of all vdpa requests meanwhile.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_autoprobe_get(struct vdpa_ctx *ctx, bool *on);
VDPA_API VDPA_NODISCARD int vdpa_autoprobe_set(struct vdpa_ctx *ctx, bool on);

/*
 * Bulk: many additions and deletions over one socket, in the order queued.
 *
 * vdpa_bulk_run stops at the first failure unless VDPA_BULK_KEEP_GOING.  With
 * VDPA_BULK_PIPELINE several requests travel together: after a failure, up to
 * 63 later ones may have been carried out all the same, and their results say so.
 * Returns 0 when every item succeeded, else the first failure (its error is
 * the context's).  The results stay readable until the bulk is unref'ed; a
 * bulk runs once (-EALREADY).  VDPA_FORCE holds for all items; an unknown flag is -EINVAL, and
 * the bulk may still run.  Since: 0.1
 */
#define VDPA_BULK_KEEP_GOING (1u << 8)
#define VDPA_BULK_PIPELINE (1u << 9)

VDPA_API VDPA_NODISCARD int vdpa_bulk_new(struct vdpa_ctx *ctx, struct vdpa_bulk **bulk);
VDPA_API struct vdpa_bulk *vdpa_bulk_unref(struct vdpa_bulk *bulk);
/* The spec is referenced and must not be changed until the bulk has run. */
VDPA_API VDPA_NODISCARD int vdpa_bulk_add(struct vdpa_bulk *bulk, struct vdpa_spec *spec);
VDPA_API VDPA_NODISCARD int vdpa_bulk_del(struct vdpa_bulk *bulk, const char *name);
VDPA_API VDPA_NODISCARD int vdpa_bulk_run(struct vdpa_bulk *bulk, unsigned int flags);
VDPA_API size_t vdpa_bulk_get_size(const struct vdpa_bulk *bulk);
VDPA_API const char *vdpa_bulk_get_name(const struct vdpa_bulk *bulk, size_t i);
/* 0 done, a negative errno failed (*error, borrowed, says why), 1 not tried. Since: 0.1 */
VDPA_API int vdpa_bulk_get_result(const struct vdpa_bulk *bulk, size_t i,
				  const struct vdpa_error **error);

/* ---- virtio feature bits --------------------------------------------- */

/*
 * vdpa_feature_name: the name ("MAC", "RING_PACKED") of a bit for devices
 * with that virtio device ID, or NULL.
 * vdpa_feature_bit: the bit for a name (any case, an optional VIRTIO_F_,
 * VIRTIO_NET_F_, VIRTIO_BLK_F_ in front, or bit_N), or -ENOENT.  Since: 0.1
 */
VDPA_API const char *vdpa_feature_name(uint32_t id, unsigned int bit);
VDPA_API int vdpa_feature_bit(uint32_t id, const char *name);
/*
 * vdpa_features_parse: text to feature word: hexadecimal, or names separated
 * by commas, "all" being those of offered.  A list of plain names is exactly
 * that set; a list with at least one "-NAME" starts from offered, adds the plain
 * names and takes those away.  Returns 0, or -EINVAL
 * with *bad and *bad_len (a part of text) at what was not understood.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_features_parse(uint32_t id, const char *text, uint64_t offered,
						uint64_t *features, const char **bad,
						size_t *bad_len);
/* vdpa_class_name: "net", "block", ... for a virtio device ID, or NULL. Since: 0.1 */
VDPA_API const char *vdpa_class_name(uint32_t id);

/* ---- sysfs: what became of a device ----------------------------------- */

/*
 * vdpa_sysdev_get: where the device is in sysfs and what is bound to it.
 * Returns 0, -ENODEV or -errno.  Nothing is opened in /dev: to open a
 * vhost-vdpa device resets it.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_sysdev_get(struct vdpa_ctx *ctx, const char *name,
					    struct vdpa_sysdev **sysdev);
VDPA_API struct vdpa_sysdev *vdpa_sysdev_ref(struct vdpa_sysdev *sysdev);
VDPA_API struct vdpa_sysdev *vdpa_sysdev_unref(struct vdpa_sysdev *sysdev);
/* Its directory in sysfs, symbolic links resolved. Since: 0.1 */
VDPA_API const char *vdpa_sysdev_get_path(const struct vdpa_sysdev *sysdev);
/* "vhost_vdpa", "virtio_vdpa", or NULL when unbound. Since: 0.1 */
VDPA_API const char *vdpa_sysdev_get_driver(const struct vdpa_sysdev *sysdev);
VDPA_API const char *vdpa_sysdev_get_driver_override(const struct vdpa_sysdev *sysdev);
/* "/dev/vhost-vdpa-N" and its device number; NULL, false unless vhost_vdpa is bound. Since: 0.1 */
VDPA_API const char *vdpa_sysdev_get_chardev(const struct vdpa_sysdev *sysdev);
VDPA_API bool vdpa_sysdev_get_chardev_number(const struct vdpa_sysdev *sysdev, dev_t *number);
/*
 * "virtioN", its netdev or block device ("eth0", "vda"); NULL when there is
 * none, or when it can't be told apart from a sibling's.  Since: 0.1
 */
VDPA_API const char *vdpa_sysdev_get_virtio(const struct vdpa_sysdev *sysdev);
VDPA_API const char *vdpa_sysdev_get_netdev(const struct vdpa_sysdev *sysdev);
VDPA_API const char *vdpa_sysdev_get_blockdev(const struct vdpa_sysdev *sysdev);
/* "/dev/vhost-vdpa-N" or the block device ("/dev/vda"); NULL when there is none. Since: 0.1 */
VDPA_API const char *vdpa_sysdev_get_node(const struct vdpa_sysdev *sysdev);
/* The parent device's sysfs name, bus and driver ("0000:65:00.2", "pci", "ifcvf"); NULL without. Since: 0.1 */
VDPA_API const char *vdpa_sysdev_get_parent(const struct vdpa_sysdev *sysdev);
VDPA_API const char *vdpa_sysdev_get_parent_bus(const struct vdpa_sysdev *sysdev);
VDPA_API const char *vdpa_sysdev_get_parent_driver(const struct vdpa_sysdev *sysdev);

VDPA_API const char *vdpa_sysdev_get_name(const struct vdpa_sysdev *sysdev);
/*
 * The PCI function that it lives on ("0000:65:00.2"; of a subfunction, its
 * physical function's), and the physical function of that ("0000:65:00.0"; the
 * same for one that is physical itself); NULL when it lives on none.  Since: 0.1
 */
VDPA_API const char *vdpa_sysdev_get_pci(const struct vdpa_sysdev *sysdev);
VDPA_API const char *vdpa_sysdev_get_pf(const struct vdpa_sysdev *sysdev);
/* Which VF of the physical function it is, from 0; the number of its subfunction (sfnum). Since: 0.1 */
VDPA_API bool vdpa_sysdev_get_vf(const struct vdpa_sysdev *sysdev, uint32_t *index);
VDPA_API bool vdpa_sysdev_get_sf(const struct vdpa_sysdev *sysdev, uint32_t *number);
/*
 * The interface of this network namespace that stands for its VF or SF on the host (switchdev
 * mode), or NULL; looked for when it is asked for first, with a look at all interfaces, and in
 * vdpa_sysdev_list() and vdpa_sysdev_list_named() once for all.  Since: 0.1
 */
VDPA_API const char *vdpa_sysdev_get_representor(const struct vdpa_sysdev *sysdev);
/* false when the machine does not say. Since: 0.1 */
VDPA_API bool vdpa_sysdev_get_numa_node(const struct vdpa_sysdev *sysdev, int *node);

/*
 * vdpa_sysdev_list: all devices of the vdpa bus, by name; one that vanishes meanwhile
 * is left out.  Returns 0, -ENOENT (there is no vdpa bus: the module is not loaded) or -errno.
 * vdpa_sysdev_list_named: the devices of these n names, in their order; what siblings have in
 * common is read once.  Returns 0, -ENODEV (one of them is not there) or -errno.
 * vdpa_resolve: the devices that key stands for: a path of a char or block
 * device (/dev/vhost-vdpa-N, /dev/vdX, /dev/vduse/NAME, or a symbolic link to one), or the name
 * of a vDPA device, char device, network interface, block device or partition, virtio device
 * ("virtioN"), PCI function, auxiliary device or representor, in this order: the first kind
 * that has a device wins.  "pci/", "auxiliary/" and "virtio/" may stand in front.  A PCI function
 * can have several, those of its subfunctions included.  *kind, unless NULL, is a word for what it
 * was: "device", "chardev", "netdev", "blockdev", "virtio", "pci", "auxiliary", "representor".
 * Returns 0, -ENODEV (nothing of that name has a vDPA device) or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_sysdev_list(struct vdpa_ctx *ctx, struct vdpa_sysdev_list **list);
VDPA_API VDPA_NODISCARD int vdpa_sysdev_list_named(struct vdpa_ctx *ctx, const char *const *names,
						   size_t n, struct vdpa_sysdev_list **list);
VDPA_API VDPA_NODISCARD int vdpa_resolve(struct vdpa_ctx *ctx, const char *key, const char **kind,
					 struct vdpa_sysdev_list **list);
VDPA_API struct vdpa_sysdev_list *vdpa_sysdev_list_unref(struct vdpa_sysdev_list *list);
VDPA_API size_t vdpa_sysdev_list_get_size(const struct vdpa_sysdev_list *list);
VDPA_API struct vdpa_sysdev *vdpa_sysdev_list_get(const struct vdpa_sysdev_list *list, size_t i);

/*
 * vdpa_user_list: the processes that have the device's vhost-vdpa char device
 * open (an empty list when there is none).  Sees the processes of this PID
 * namespace that the caller may inspect.  Returns 0, -ENODEV or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_user_list(struct vdpa_ctx *ctx, const char *name,
					   struct vdpa_user_list **list);
/*
 * vdpa_user_list_node: the same for any device node (char or block device).
 * The kernel itself, as with a mounted filesystem, is no process.  Returns 0,
 * -ENODEV (no such node), -EINVAL (no device) or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_user_list_node(struct vdpa_ctx *ctx, const char *path,
						struct vdpa_user_list **list);
/*
 * vdpa_user_list_devs: the processes that have the node (char or block device) of one of these n
 * devices open, in the order of the devices and then of process IDs, found by one look through
 * /proc however many devices there are.  A process that has several open is there for each.
 * Returns 0 or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_user_list_devs(struct vdpa_ctx *ctx,
						struct vdpa_sysdev *const *devs, size_t n,
						struct vdpa_user_list **list);
/*
 * vdpa_user_list_nodes: the same for n device nodes; a path that is none has no users.  What
 * vdpa_user_list_get_dev() tells is the path.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_user_list_nodes(struct vdpa_ctx *ctx, const char *const *paths,
						 size_t n, struct vdpa_user_list **list);
VDPA_API struct vdpa_user_list *vdpa_user_list_unref(struct vdpa_user_list *list);
/*
 * false when others may have one open, too: in another PID namespace, or where the caller may not
 * look.  (Nobody sees a descriptor on its way from one process to another.)  Since: 0.1
 */
VDPA_API bool vdpa_user_list_is_complete(const struct vdpa_user_list *list);
VDPA_API size_t vdpa_user_list_get_size(const struct vdpa_user_list *list);
VDPA_API pid_t vdpa_user_list_get_pid(const struct vdpa_user_list *list, size_t i);
/* The process's short name. Since: 0.1 */
VDPA_API const char *vdpa_user_list_get_comm(const struct vdpa_user_list *list, size_t i);
/* The vDPA device's name of vdpa_user_list_devs(), the path of vdpa_user_list_nodes(); else NULL. Since: 0.1 */
VDPA_API const char *vdpa_user_list_get_dev(const struct vdpa_user_list *list, size_t i);

/* ---- netdevs ----------------------------------------------------------- */

/*
 * vdpa_netdev_get: a network interface of the caller's network namespace; where sysfs shows another
 * one of that name, as it was mounted in another namespace, there is none.
 * Needs libnl-route-3, loaded at the first call.  Returns 0, -ENODEV,
 * -ENOSYS (no libnl-route-3) or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_netdev_get(struct vdpa_ctx *ctx, const char *ifname,
					    struct vdpa_netdev **netdev);
VDPA_API struct vdpa_netdev *vdpa_netdev_unref(struct vdpa_netdev *netdev);
VDPA_API const char *vdpa_netdev_get_name(const struct vdpa_netdev *netdev);
VDPA_API unsigned int vdpa_netdev_get_ifindex(const struct vdpa_netdev *netdev);
VDPA_API unsigned int vdpa_netdev_get_mtu(const struct vdpa_netdev *netdev);
VDPA_API bool vdpa_netdev_get_mac(const struct vdpa_netdev *netdev, uint8_t mac[6]);
/* "up", "down", "unknown", ... as `ip link` names operational states, in lower case. Since: 0.1 */
VDPA_API const char *vdpa_netdev_get_operstate(const struct vdpa_netdev *netdev);

/* ---- events ------------------------------------------------------------ */

/*
 * A monitor tells what happens to vDPA devices and to what their drivers make
 * of them, from the kernel's uevents (any user may read them).  It belongs to its context.
 *
 * An event may be read long after it happened.  Who lists devices after
 * vdpa_monitor_new() (or a resync) misses nothing, but may see in the listing what events tell once more.
 * The kernel sends no events about devices whose names are longer than about 1,900 octets, and
 * none about network interfaces of other network namespaces.
 */
enum vdpa_event_type {
	VDPA_EVENT_ADD,
	VDPA_EVENT_REMOVE,
	VDPA_EVENT_BIND, /* to a driver of the vdpa bus */
	VDPA_EVENT_UNBIND,
	VDPA_EVENT_CHANGE, /* of a block device: its size, for example */
	VDPA_EVENT_MOVE, /* of a network interface: another name */
	VDPA_EVENT_RESYNC, /* events were lost: list again, now; the rest of the event is empty */
	VDPA_EVENT_RESERVED = 0x7fffffff /* keeps the enum's width */
};

/* Which events; several may be joined. */
#define VDPA_MONITOR_DEV (1u << 0) /* add and remove of vDPA devices */
#define VDPA_MONITOR_DRIVER (1u << 1) /* bind and unbind */
#define VDPA_MONITOR_NETDEV (1u << 2) /* network interfaces of vDPA devices */
#define VDPA_MONITOR_BLOCK (1u << 3) /* block devices of vDPA devices */
#define VDPA_MONITOR_ALL 15u

/*
 * vdpa_monitor_new: starts to listen; events from now on are kept by the kernel until they are read.
 * Returns 0 or -errno.
 * vdpa_monitor_get_fd: readable (POLLIN) when there may be an event.
 * vdpa_monitor_next: the next event that was asked for, without waiting: 1
 * with *event, 0 when none was found (poll the descriptor: others' events may
 * have hidden one), or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_monitor_new(struct vdpa_ctx *ctx, unsigned int what,
					     struct vdpa_monitor **monitor);
VDPA_API struct vdpa_monitor *vdpa_monitor_unref(struct vdpa_monitor *monitor);
VDPA_API int vdpa_monitor_get_fd(const struct vdpa_monitor *monitor);
/*
 * vdpa_monitor_set_buffer: how many octets of events that were not read yet the
 * kernel keeps (128 MiB unless set); more than that is lost, and a resync told.
 * Without CAP_NET_ADMIN it keeps no more than net.core.rmem_max.  Returns 0 or -errno.  Since: 0.1
 */
VDPA_API VDPA_NODISCARD int vdpa_monitor_set_buffer(struct vdpa_monitor *monitor, size_t octets);
VDPA_API VDPA_NODISCARD int vdpa_monitor_next(struct vdpa_monitor *monitor,
					      struct vdpa_event **event);
VDPA_API struct vdpa_event *vdpa_event_unref(struct vdpa_event *event);
VDPA_API enum vdpa_event_type vdpa_event_get_type(const struct vdpa_event *event);
/* "add", "resync", ... Since: 0.1 */
VDPA_API const char *vdpa_event_type_name(enum vdpa_event_type type);
/* One of VDPA_MONITOR_*; 0 of a resync. Since: 0.1 */
VDPA_API unsigned int vdpa_event_get_subject(const struct vdpa_event *event);
/*
 * The vDPA device; NULL when it can't be told any more: the device may be gone when the
 * event of its interface or disk is read (the monitor remembers those that it saw come). Since: 0.1
 */
VDPA_API const char *vdpa_event_get_dev(const struct vdpa_event *event);
/* Of a driver event "vhost_vdpa" or the like; NULL when it is not known. Since: 0.1 */
VDPA_API const char *vdpa_event_get_driver(const struct vdpa_event *event);
/* Of a netdev or block event: the interface's or disk's name. Since: 0.1 */
VDPA_API const char *vdpa_event_get_node(const struct vdpa_event *event);
/* Of a move: the interface's former name. Since: 0.1 */
VDPA_API const char *vdpa_event_get_old_node(const struct vdpa_event *event);
/* The kernel's number of the event, which grows; 0 of a resync. Since: 0.1 */
VDPA_API uint64_t vdpa_event_get_seqnum(const struct vdpa_event *event);

#ifdef __cplusplus
}
#endif

#endif
