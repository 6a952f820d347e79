/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In place of the library's own: what ethtool says of interfaces. */
#ifndef TESTS_UNIT_BUSINFO_H
#define TESTS_UNIT_BUSINFO_H

#include <stdio.h>
#include <string.h>

#include "sysdev.h"

static const char *bus_infos[64][2];
static size_t bus_infos_asked;

bool netdev_bus_info(const char *ifname, char bus_info[BUS_INFO_LEN])
{
	bus_infos_asked++;
	for (size_t i = 0; bus_infos[i][0]; i++) {
		if (strcmp(bus_infos[i][0], ifname) == 0) {
			snprintf(bus_info, BUS_INFO_LEN, "%s", bus_infos[i][1]);
			return true;
		}
	}
	return false;
}

static inline void set_bus_info(size_t i, const char *ifname, const char *info)
{
	bus_infos[i][0] = ifname;
	bus_infos[i][1] = info;
}

static inline void forget_bus_infos(void)
{
	memset(bus_infos, 0, sizeof(bus_infos));
	bus_infos_asked = 0;
}

#endif
