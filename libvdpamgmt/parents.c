/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "internal.h"
#include "sysfs.h"

#define MAC PARENT_TAKES_MAC
#define MTU PARENT_TAKES_MTU
#define MAX_VQP PARENT_TAKES_MAX_VQP
#define FEATURES PARENT_TAKES_FEATURES
#define SET_MAC PARENT_SETS_MAC

/*
 * What the kernel doesn't tell by netlink (config_attr_mask), from its source
 * as of 6.12 and 7.2.  An auxiliary driver is called MODULE.NAME.
 */
static const struct parent_info parents[] = {
	{ "vdpasim_net", "vdpa_sim_net", MAC | MTU | FEATURES | SET_MAC, .many = true,
	  .add_whole = true },
	{ "vdpasim_blk", "vdpa_sim_blk", 0, .many = true, .add_whole = true },
	{ "vduse", "vduse", 0, .many = true },
	{ "ifcvf", "ifcvf", FEATURES, .unchecked = true },
	{ "vp-vdpa", "vp_vdpa", FEATURES, .unchecked = true },
	{ "octep_vdpa", "octep_vdpa", FEATURES, .unchecked = true },
	{ "mlx5_core", "mlx5_vdpa", MAC | MTU | MAX_VQP | FEATURES | SET_MAC, false },
	{ "mlx5_core.sf", "mlx5_vdpa", MAC | MTU | MAX_VQP | FEATURES | SET_MAC, false },
	{ "pds_vdpa.vDPA", "pds_vdpa", MAC | MAX_VQP | FEATURES, false },
};

/* Auxiliary devices carry the name of what made them, so no driver needs to be bound. */
static const struct {
	const char *prefix;
	const char *driver;
} handles[] = {
	{ "auxiliary/mlx5_core.sf.", "mlx5_core.sf" },
	{ "auxiliary/pds_core.vDPA.", "pds_vdpa.vDPA" },
};

static const struct parent_info *find_driver(const char *driver)
{
	for (size_t i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
		if (strcmp(parents[i].driver, driver) == 0)
			return &parents[i];
	}
	return NULL;
}

/* The driver of the device with that bus and name, the caller's, or NULL. */
static char *read_driver(struct vdpa_ctx *ctx, const char *handle, const char *slash)
{
	CLEANUP_FREE char *bus = strndup(handle, (size_t)(slash - handle));
	CLEANUP_FREE char *dir = NULL;

	if (!bus || !is_file_name(bus) || !is_file_name(slash + 1))
		return NULL;
	dir = format_string("%s/bus/%s/devices/%s", ctx->sys, bus, slash + 1);
	return dir ? sysfs_link_at(dir, "driver") : NULL;
}

const struct parent_info *parent_lookup(struct vdpa_ctx *ctx, const char *handle)
{
	const char *slash = strchr(handle, '/');
	const struct parent_info *info;
	CLEANUP_FREE char *driver = NULL;

	/* Only parents without a bus are called after their driver. */
	if (!slash) {
		info = find_driver(handle);
		return info && info->many ? info : NULL;
	}
	driver = read_driver(ctx, handle, slash);
	info = driver ? find_driver(driver) : NULL;
	if (info)
		return info;
	for (size_t i = 0; i < sizeof(handles) / sizeof(*handles); i++) {
		if (strncmp(handle, handles[i].prefix, strlen(handles[i].prefix)) == 0)
			return find_driver(handles[i].driver);
	}
	return NULL;
}

bool vdpa_parent_get_attrs(struct vdpa_ctx *ctx, const char *handle, unsigned int *attrs)
{
	const struct parent_info *info = parent_lookup(ctx, handle);

	_Static_assert(VDPA_PARENT_MAC == PARENT_TAKES_MAC && VDPA_PARENT_MTU == PARENT_TAKES_MTU &&
			       VDPA_PARENT_MAX_VQP == PARENT_TAKES_MAX_VQP &&
			       VDPA_PARENT_FEATURES == PARENT_TAKES_FEATURES &&
			       VDPA_PARENT_SET_MAC == PARENT_SETS_MAC,
		       "the public bits are the table's");
	if (info)
		*attrs = info->attrs;
	return info;
}

const char *vdpa_parent_get_module(struct vdpa_ctx *ctx, const char *handle)
{
	const struct parent_info *info = parent_lookup(ctx, handle);

	return info ? info->module : NULL;
}
