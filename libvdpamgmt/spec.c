/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "internal.h"

static void spec_release(struct vdpa_spec *spec)
{
	free(spec->name);
	free(spec->mgmtdev);
	free(spec);
}

DEFINE_REFS(vdpa_spec, spec_release)

int vdpa_spec_new(struct vdpa_spec **out)
{
	struct vdpa_spec *spec = calloc(1, sizeof(*spec));

	if (!spec)
		return -ENOMEM;
	atomic_init(&spec->refs, 1);
	*out = spec;
	return 0;
}

static int replace(char **where, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*where);
	*where = copy;
	return 0;
}

int vdpa_spec_set_name(struct vdpa_spec *spec, const char *name)
{
	return replace(&spec->name, name);
}

int vdpa_spec_set_mgmtdev(struct vdpa_spec *spec, const char *handle)
{
	return is_mgmtdev_handle(handle) ? replace(&spec->mgmtdev, handle) : -EINVAL;
}

void vdpa_spec_set_mac(struct vdpa_spec *spec, const uint8_t mac[6])
{
	memcpy(spec->mac, mac, 6);
	spec->has |= SPEC_HAS_MAC;
}

void vdpa_spec_set_mtu(struct vdpa_spec *spec, uint16_t mtu)
{
	spec->mtu = mtu;
	spec->has |= SPEC_HAS_MTU;
}

void vdpa_spec_set_max_vqp(struct vdpa_spec *spec, uint16_t pairs)
{
	spec->max_vqp = pairs;
	spec->has |= SPEC_HAS_MAX_VQP;
}

void vdpa_spec_set_features(struct vdpa_spec *spec, uint64_t features)
{
	spec->features = features;
	spec->has |= SPEC_HAS_FEATURES;
}

const char *vdpa_spec_get_name(const struct vdpa_spec *spec)
{
	return spec->name;
}

const char *vdpa_spec_get_mgmtdev(const struct vdpa_spec *spec)
{
	return spec->mgmtdev;
}

bool vdpa_spec_get_mac(const struct vdpa_spec *spec, uint8_t mac[6])
{
	if (spec->has & SPEC_HAS_MAC)
		memcpy(mac, spec->mac, 6);
	return spec->has & SPEC_HAS_MAC;
}

bool vdpa_spec_get_mtu(const struct vdpa_spec *spec, uint16_t *mtu)
{
	if (spec->has & SPEC_HAS_MTU)
		*mtu = spec->mtu;
	return spec->has & SPEC_HAS_MTU;
}

bool vdpa_spec_get_max_vqp(const struct vdpa_spec *spec, uint16_t *pairs)
{
	if (spec->has & SPEC_HAS_MAX_VQP)
		*pairs = spec->max_vqp;
	return spec->has & SPEC_HAS_MAX_VQP;
}

bool vdpa_spec_get_features(const struct vdpa_spec *spec, uint64_t *features)
{
	if (spec->has & SPEC_HAS_FEATURES)
		*features = spec->features;
	return spec->has & SPEC_HAS_FEATURES;
}
