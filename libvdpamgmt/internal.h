/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share, grouped by the file that owns it.
 *
 *   vdpamgmt.h calls -> mgmtdev.c dev.c config.c vstats.c spec.c bulk.c caps.c
 *                          |  build with msg.c, read with attr.c
 *                          v
 *                        nl.c  (one request, its replies, the verdict)
 *                          |
 *                          v
 *                    transport.c or the caller's transport <=> kernel
 *
 *   guard.c, sysdev.c, resolve.c, users.c, bind.c ...: sysfs and procfs     hint.c: errors to advice
 *   monitor.c, wait.c <- owners.c, uevent.c <- uevent_socket.c <=> kernel
 *
 * One convention: 0 or a negative errno, the story in ctx->error.
 */
#ifndef LIBVDPAMGMT_INTERNAL_H
#define LIBVDPAMGMT_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "vdpamgmt.h"

struct nl;

struct vdpa_ctx {
	atomic_uint refs;
	char *sys; /* owned: mount points of sysfs, devtmpfs, procfs */
	char *dev;
	char *proc;
	const struct vdpa_transport *transport; /* the caller's */
	void *transport_data; /* the caller's */
	struct nl *nl; /* owned; NULL until connected */
	uint32_t seq; /* of the last netlink request */
	size_t recv_size; /* of the largest datagram that did not fit; 0 = none */
	struct vdpa_error *error; /* owned; of the last failure */
	char *warning; /* owned; of the last success */
	const struct guard_look *look; /* the caller's; for guard_del() */
	struct virtio_places *virtios; /* the caller's; while it reads many devices */
};

/*
 * DEFINE_REFS: the public _ref and _unref of an object whose struct has
 * `atomic_uint refs` and which release() frees.  Pointers may be NULL.
 */
#define DEFINE_REFS(type, release)                                                    \
	struct type *type##_ref(struct type *o)                                       \
	{                                                                             \
		if (o)                                                                \
			atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed); \
		return o;                                                             \
	}                                                                             \
	DEFINE_UNREF(type, release)

#define DEFINE_UNREF(type, release)                                                         \
	struct type *type##_unref(struct type *o)                                           \
	{                                                                                   \
		if (o && atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) == 1) \
			release(o);                                                         \
		return NULL;                                                                \
	}

DEFINE_CLEANUP(struct vdpa_error, vdpa_error_unref)
DEFINE_CLEANUP(struct vdpa_mgmtdev, vdpa_mgmtdev_unref)
DEFINE_CLEANUP(struct vdpa_mgmtdev_list, vdpa_mgmtdev_list_unref)
DEFINE_CLEANUP(struct vdpa_dev, vdpa_dev_unref)
DEFINE_CLEANUP(struct vdpa_dev_list, vdpa_dev_list_unref)
DEFINE_CLEANUP(struct vdpa_config, vdpa_config_unref)
DEFINE_CLEANUP(struct vdpa_config_list, vdpa_config_list_unref)
DEFINE_CLEANUP(struct vdpa_vstats, vdpa_vstats_unref)
DEFINE_CLEANUP(struct vdpa_vstats_list, vdpa_vstats_list_unref)
DEFINE_CLEANUP(struct vdpa_sysdev, vdpa_sysdev_unref)
DEFINE_CLEANUP(struct vdpa_sysdev_list, vdpa_sysdev_list_unref)
DEFINE_CLEANUP(struct vdpa_user_list, vdpa_user_list_unref)
DEFINE_CLEANUP(struct vdpa_netdev, vdpa_netdev_unref)

/* ---- ctx.c ---- */

/* 0, or -EINVAL (recorded) when there is a flag that is none of the known ones: a later version's. */
int ctx_check_flags(struct vdpa_ctx *ctx, unsigned int flags, unsigned int known);

/* ---- error.c ---- */

struct vdpa_error {
	atomic_uint refs;
	int errnum; /* positive */
	bool local; /* never reached the kernel */
	bool lost; /* reached it, but the answer was not understood or did not come */
	unsigned int attr; /* 0 = none */
	char *message; /* owned, as the rest; NULL only when out of memory */
	char *extack;
	char *hint;
};

/*
 * ctx_fail: record a failure that this library found itself: errnum
 * (positive) and a sentence without a final full stop or newline.
 * ctx_hint: add advice to the failure just recorded (replaces an earlier one).
 * Returns -errnum, so that callers can write `return ctx_fail(...)`, or
 * -ENOMEM when there was no memory for the record.  Keeps errno.
 */
__attribute__((format(printf, 3, 4))) int ctx_fail(struct vdpa_ctx *ctx, int errnum,
						   const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ctx_hint(struct vdpa_ctx *ctx, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void error_hint(struct vdpa_error *err, const char *fmt, ...);
/* The error that the kernel itself reported, as opposed to what went wrong on the way. */
static inline bool error_is_verdict(const struct vdpa_error *err)
{
	return !err->local && !err->lost;
}
void error_mark_lost(struct vdpa_error *err);
/* The system's words for a positive errno. */
const char *errno_text(int errnum);
/*
 * ctx_set_error: take over err (a reference) as the last failure; returns
 * -errno of it.  NULL, when it could not be allocated, becomes -ENOMEM: a context
 * always has the error of its last failure.
 */
int ctx_set_error(struct vdpa_ctx *ctx, struct vdpa_error *err);
/* A fresh error, or NULL when out of memory; message and extack are copied, either may be NULL. */
struct vdpa_error *error_new(int errnum, const char *message, const char *extack);

/* ---- sysfs.c: small reads below a directory of sysfs or procfs ---- */

/* The file's text up to the first newline, owned by the caller; NULL with errno set. */
char *sysfs_read(const char *path);
/* The last component of the symbolic link's target, owned by the caller; NULL with errno set. */
char *sysfs_link_name(const char *path);
/* asprintf that returns the string or NULL. */
__attribute__((format(printf, 1, 2))) char *format_string(const char *fmt, ...);
/* false when name can't be an entry of a directory ("", ".", "..", with '/'). */
bool is_file_name(const char *name);

/* ---- sysnames.c ---- */

/*
 * sysdev_names: every device on the vdpa bus, sorted by strcmp, as a
 * NULL-terminated array (free each and the array).  -ENOENT: no such bus.
 */
int sysdev_names(struct vdpa_ctx *ctx, char ***names, size_t *count);
void free_names(char **names);

/* ---- guard.c: refusing what would hurt the host ---- */

int guard_add(struct vdpa_ctx *ctx, const struct vdpa_spec *spec);
/* With VDPA_SERVED no daemon is looked for. */
int guard_del(struct vdpa_ctx *ctx, const char *name, unsigned int flags);
/*
 * Who uses several devices: one search of all processes for them together.
 * While ctx->look points to one, guard_del() of these devices searches again only to
 * name those that it saw.
 */
struct guard_look {
	struct vdpa_sysdev **devs; /* owned array */
	size_t n;
	struct vdpa_user_list *users; /* owned; NULL: nothing was looked for */
};

/* Room for `most` devices; false without memory, or when there is nothing to look for. */
bool guard_look_begin(struct vdpa_ctx *ctx, struct guard_look *look, size_t most);
/* What can't be found has no users. */
void guard_look_add(struct vdpa_ctx *ctx, struct guard_look *look, const char *name);
void guard_look_end(struct vdpa_ctx *ctx, struct guard_look *look);
void guard_look_free(struct guard_look *look);
/* Before virtio_vdpa is bound to the device called name, whose own directory is path. */
int guard_probe(struct vdpa_ctx *ctx, const char *name, const char *path);

/* ---- parents.c: what is known of parent drivers; improves hints, never forbids ---- */

struct parent_info {
	const char *driver; /* kernel driver's name, or the handle of a parent without a bus */
	const char *module; /* to modprobe */
	unsigned int attrs; /* PARENT_TAKES_* in DEV_NEW, PARENT_SETS_MAC in ATTR_SET */
	bool many; /* several devices a parent are fine */
	bool unchecked; /* does not refuse a second device, and breaks with it */
	bool add_whole; /* crashes when a signal kills the process in the middle of DEV_NEW */
};

#define PARENT_TAKES_MAC (1u << 0)
#define PARENT_TAKES_MTU (1u << 1)
#define PARENT_TAKES_MAX_VQP (1u << 2)
#define PARENT_TAKES_FEATURES (1u << 3)
#define PARENT_SETS_MAC (1u << 4)

/* The table's row for the management device with that handle ("BUS/NAME"), or NULL. */
const struct parent_info *parent_lookup(struct vdpa_ctx *ctx, const char *handle);

/* ---- mgmtdev.c ---- */

/* "BUS/NAME" or "NAME", neither part empty. */
bool is_mgmtdev_handle(const char *handle);

/* ---- dev.c: one device; dev_list.c: all of them ---- */

#define DEV_HAS_ID (1u << 0)
#define DEV_HAS_VENDOR_ID (1u << 1)
#define DEV_HAS_MAX_VQS (1u << 2)
#define DEV_HAS_MAX_VQ_SIZE (1u << 3)
#define DEV_HAS_MIN_VQ_SIZE (1u << 4)

struct vdpa_dev {
	atomic_uint refs;
	unsigned int has; /* DEV_HAS_* */
	bool managed;
	uint32_t id;
	uint32_t vendor_id;
	uint32_t max_vqs;
	uint16_t max_vq_size;
	uint16_t min_vq_size;
	struct vdpa_error *error; /* owned; NULL when the device could be read */
	char *name; /* owned */
	char *bus; /* owned; NULL without */
	char *handle; /* owned; NULL when unmanaged or unread */
	const char *mgmtdev; /* in handle */
};

/* A device of which only the name is known; takes the error's reference over. */
struct vdpa_dev *dev_new(const char *name, struct vdpa_error *error);
struct attrs;
/* A device from a DEV_GET reply; NULL with *r = -EBADMSG or -ENOMEM. */
struct vdpa_dev *dev_from_attrs(const struct attrs *attrs, int *r);

/* ---- spec.c ---- */

struct vdpa_spec {
	atomic_uint refs;
	char *name;
	char *mgmtdev; /* the handle as given */
	unsigned int has; /* SPEC_HAS_* */
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t max_vqp;
	uint64_t features;
};

#define SPEC_HAS_MAC (1u << 0)
#define SPEC_HAS_MTU (1u << 1)
#define SPEC_HAS_MAX_VQP (1u << 2)
#define SPEC_HAS_FEATURES (1u << 3)

/* ---- hint.c ---- */

/*
 * hint_request: advice for the failure err of command (enum vdpa_command) on
 * device name with spec (either may be NULL); sets err->hint where it knows better.
 */
void hint_request(struct vdpa_ctx *ctx, struct vdpa_error *err, unsigned int command,
		  const struct vdpa_spec *spec);
/* hint_no_mgmtdev: why there is no management device of that handle. */
void hint_no_mgmtdev(struct vdpa_ctx *ctx, struct vdpa_error *err, const char *handle);
/* hint_no_family: why there is no vdpa family: module, network namespace, kernel. */
void hint_no_family(struct vdpa_ctx *ctx, struct vdpa_error *err);

#endif
