// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <string.h>

/* The library's part may not be there yet; drop these four lines when it is. */
#pragma weak vdpa_sysdev_get_pci
#pragma weak vdpa_sysdev_get_pf
#pragma weak vdpa_sysdev_get_representor

void place_of(const struct vdpa_sysdev *sysdev, struct place *place)
{
	const char *bus = vdpa_sysdev_get_parent_bus(sysdev);

	*place = (struct place){ 0 };
	if (!vdpa_sysdev_get_pci || !vdpa_sysdev_get_pf || !vdpa_sysdev_get_representor) {
		if (bus && !strcmp(bus, "pci"))
			place->pci = vdpa_sysdev_get_parent(sysdev);
		return;
	}
	place->pci = vdpa_sysdev_get_pci(sysdev);
	place->pf = vdpa_sysdev_get_pf(sysdev);
	place->representor = vdpa_sysdev_get_representor(sysdev);
}
