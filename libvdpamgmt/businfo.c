/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sysdev.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool netdev_bus_info(const char *ifname, char bus_info[BUS_INFO_LEN])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (void *)&info };
	CLEANUP_CLOSE int fd = -1;

	_Static_assert(sizeof(info.bus_info) == BUS_INFO_LEN, "the kernel's bus_info");
	if (strlen(ifname) >= sizeof(ifr.ifr_name))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	memcpy(ifr.ifr_name, ifname, strlen(ifname) + 1);
	if (ioctl(fd, SIOCETHTOOL, &ifr) < 0 || strcmp(info.driver, "virtio_net") != 0)
		return false;
	memcpy(bus_info, info.bus_info, BUS_INFO_LEN);
	bus_info[BUS_INFO_LEN - 1] = '\0';
	return true;
}
