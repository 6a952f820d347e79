/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in the machine a device lives. */
#ifndef VDPACTL_PLACE_H
#define VDPACTL_PLACE_H

#include "app.h"

/* Borrowed from the device; NULL where there is none. */
struct place {
	const char *pci; /* the PCI function, of a subfunction its physical function's */
	const char *pf; /* the physical function of that */
	const char *representor; /* the interface that stands for it on the host */
};

void place_of(const struct vdpa_sysdev *sysdev, struct place *place);

#endif
