/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "nl.h"

static void dev_release(struct vdpa_dev *dev)
{
	vdpa_error_unref(dev->error);
	free(dev->name);
	free(dev->bus);
	free(dev->handle);
	free(dev);
}

DEFINE_REFS(vdpa_dev, dev_release)

struct vdpa_dev *dev_new(const char *name, struct vdpa_error *error)
{
	struct vdpa_dev *dev = calloc(1, sizeof(*dev));

	if (!dev) {
		vdpa_error_unref(error);
		return NULL;
	}
	atomic_init(&dev->refs, 1);
	dev->error = error;
	dev->name = strdup(name);
	return dev->name ? dev : vdpa_dev_unref(dev);
}

/* An integer attribute into a narrower field: the policy has checked its size. */
static void read_field(struct vdpa_dev *dev, const struct attrs *attrs, unsigned int type,
		       unsigned int has, uint32_t *value)
{
	uint64_t v;

	if (attrs_uint(attrs, type, &v)) {
		dev->has |= has;
		*value = (uint32_t)v;
	}
}

static bool set_mgmtdev(struct vdpa_dev *dev, const struct attrs *attrs)
{
	const char *bus = attrs_str(attrs, VDPA_NL_ATTR_MGMTDEV_BUS);
	const char *name = attrs_str(attrs, VDPA_NL_ATTR_MGMTDEV_NAME);

	dev->managed = true;
	dev->bus = bus ? strdup(bus) : NULL;
	dev->handle = bus ? format_string("%s/%s", bus, name) : strdup(name);
	if (!dev->handle || (bus && !dev->bus))
		return false;
	dev->mgmtdev = dev->handle + (bus ? strlen(bus) + 1 : 0);
	return true;
}

struct vdpa_dev *dev_from_attrs(const struct attrs *attrs, int *r)
{
	const char *name = attrs_str(attrs, VDPA_NL_ATTR_DEV_NAME);
	struct vdpa_dev *dev;
	uint32_t v = 0;

	*r = -EBADMSG;
	if (!name || !attrs->at[VDPA_NL_ATTR_MGMTDEV_NAME] || !attrs->at[VDPA_NL_ATTR_DEV_ID])
		return NULL;
	*r = -ENOMEM;
	dev = dev_new(name, NULL);
	if (!dev || !set_mgmtdev(dev, attrs))
		return vdpa_dev_unref(dev);
	read_field(dev, attrs, VDPA_NL_ATTR_DEV_ID, DEV_HAS_ID, &dev->id);
	read_field(dev, attrs, VDPA_NL_ATTR_DEV_VENDOR_ID, DEV_HAS_VENDOR_ID, &dev->vendor_id);
	read_field(dev, attrs, VDPA_NL_ATTR_DEV_MAX_VQS, DEV_HAS_MAX_VQS, &dev->max_vqs);
	read_field(dev, attrs, VDPA_NL_ATTR_DEV_MAX_VQ_SIZE, DEV_HAS_MAX_VQ_SIZE, &v);
	dev->max_vq_size = (uint16_t)v;
	v = 0;
	read_field(dev, attrs, VDPA_NL_ATTR_DEV_MIN_VQ_SIZE, DEV_HAS_MIN_VQ_SIZE, &v);
	dev->min_vq_size = (uint16_t)v;
	*r = 0;
	return dev;
}

static int dev_reply(const struct nlmsghdr *nlh, const struct attrs *attrs, void *data)
{
	struct vdpa_dev **dev = data;
	int r;

	(void)nlh;
	vdpa_dev_unref(*dev);
	*dev = dev_from_attrs(attrs, &r);
	return r;
}

/* The virtio device ID of a device bound to virtio_vdpa, from its virtio child. */
static bool id_from_sysfs(struct vdpa_ctx *ctx, const char *virtio, uint32_t *id)
{
	CLEANUP_FREE char *path =
		format_string("%s/bus/virtio/devices/%s/device", ctx->sys, virtio);
	CLEANUP_FREE char *text = path ? sysfs_read(path) : NULL;
	uint64_t v;

	if (!text || parse_hex(text, &v) < 0 || v > UINT32_MAX)
		return false;
	*id = (uint32_t)v;
	return true;
}

/*
 * Unmanaged devices were made by their driver; the family answers EINVAL for
 * them and sysfs has little more than their name.
 */
static int unmanaged_get(struct vdpa_ctx *ctx, const char *name, struct vdpa_dev **out)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *sysdev = NULL;
	struct vdpa_dev *dev;
	int r = vdpa_sysdev_get(ctx, name, &sysdev);

	if (r < 0)
		return r;
	dev = dev_new(name, NULL);
	if (!dev)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	if (vdpa_sysdev_get_virtio(sysdev) &&
	    id_from_sysfs(ctx, vdpa_sysdev_get_virtio(sysdev), &dev->id))
		dev->has |= DEV_HAS_ID;
	*out = dev;
	return 0;
}

int vdpa_dev_get(struct vdpa_ctx *ctx, const char *name, struct vdpa_dev **dev)
{
	struct nl_request rq = NL_REQUEST_INIT(VDPA_COMMAND_DEV_GET, "show device", name);
	struct vdpa_dev *found = NULL;
	int r = nl_begin(ctx, &rq, 0);

	if (r < 0)
		return r;
	msg_put_str(&rq.msg, VDPA_NL_ATTR_DEV_NAME, name);
	rq.reply = dev_reply;
	rq.data = &found;
	r = nl_run(ctx, &rq);
	if (r == -EINVAL) {
		struct vdpa_error *refusal = vdpa_error_ref(ctx->error);

		r = unmanaged_get(ctx, name, &found);
		if (r == -ENODEV)
			r = ctx_set_error(ctx, vdpa_error_ref(refusal));
		vdpa_error_unref(refusal);
	}
	if (r < 0)
		vdpa_dev_unref(found);
	else
		*dev = found;
	return r;
}

const char *vdpa_dev_get_name(const struct vdpa_dev *dev)
{
	return dev->name;
}

const struct vdpa_error *vdpa_dev_get_error(const struct vdpa_dev *dev)
{
	return dev->error;
}

bool vdpa_dev_is_managed(const struct vdpa_dev *dev)
{
	return dev->managed;
}

const char *vdpa_dev_get_mgmtdev(const struct vdpa_dev *dev)
{
	return dev->handle;
}

const char *vdpa_dev_get_mgmtdev_bus(const struct vdpa_dev *dev)
{
	return dev->bus;
}

const char *vdpa_dev_get_mgmtdev_name(const struct vdpa_dev *dev)
{
	return dev->mgmtdev;
}

#define DEFINE_GETTER(field, type, bit)                                    \
	bool vdpa_dev_get_##field(const struct vdpa_dev *dev, type *value) \
	{                                                                  \
		if (dev->has & (bit))                                      \
			*value = dev->field;                               \
		return dev->has & (bit);                                   \
	}

DEFINE_GETTER(id, uint32_t, DEV_HAS_ID)
DEFINE_GETTER(vendor_id, uint32_t, DEV_HAS_VENDOR_ID)
DEFINE_GETTER(max_vqs, uint32_t, DEV_HAS_MAX_VQS)
DEFINE_GETTER(max_vq_size, uint16_t, DEV_HAS_MAX_VQ_SIZE)
DEFINE_GETTER(min_vq_size, uint16_t, DEV_HAS_MIN_VQ_SIZE)
