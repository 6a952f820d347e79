/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Made-up NICs in a tree: physical and virtual functions, subfunctions, interfaces in switchdev mode. */
#ifndef TESTS_UNIT_NIC_H
#define TESTS_UNIT_NIC_H

#include "tree.h"

#define NIC_BUS "sys/devices/pci0000:00/"
#define NIC_PF NIC_BUS "0000:65:00.0"
#define NIC_PF1 NIC_BUS "0000:65:00.1"
#define NIC_VF NIC_BUS "0000:65:00.2"
#define NIC_SF NIC_PF "/mlx5_core.sf.4"

/* VF number index, at vf, of the physical function at pf. */
static inline void nic_vf(struct tree *t, const char *pf, const char *vf, const char *index)
{
	char *link = format_string("virtfn%s", index);

	tree_device(t, vf, "pci", "mlx5_core");
	tree_link_at(t, vf, "physfn", pf);
	tree_link_at(t, pf, link, vf);
	free(link);
}

static inline void nic_sf(struct tree *t, const char *sf, const char *number)
{
	tree_device(t, sf, "auxiliary", "mlx5_core.sf");
	tree_write_at(t, sf, "sfnum", number);
}

/* An interface; device, port and switch_id may be NULL. */
static inline void nic_netdev(struct tree *t, const char *name, const char *device,
			      const char *port, const char *switch_id)
{
	char *dir = format_string("sys/devices/net/%s", name);
	char *link = format_string("sys/class/net/%s", name);
	char *below;

	if (device) {
		free(dir);
		dir = format_string("%s/net/%s", device, name);
	}
	tree_mkdir(t, dir);
	if (device)
		tree_link_at(t, dir, "device", device);
	if (port)
		tree_write_at(t, dir, "phys_port_name", port);
	if (switch_id)
		tree_write_at(t, dir, "phys_switch_id", switch_id);
	tree_link(t, link, dir);
	below = tree_path(t, "%s", link);
	assert_int_equal(access(below, F_OK), 0);
	free(below);
	free(link);
	free(dir);
}

#endif
