/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysfs shows the interfaces of the network namespace that it was mounted in, requests are answered
 * by the one that the process is in: after `nsenter -n` these are two, and either may have an eth0.
 */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/parse.h"
#include "sysdev.h"
#include "sysfs.h"

/* The address of this namespace's interface, when it has one of six octets. */
static bool read_mac(const char *ifname, uint8_t mac[6])
{
	struct ifreq ifr = { 0 };
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || strlen(ifname) >= sizeof(ifr.ifr_name))
		return false;
	memcpy(ifr.ifr_name, ifname, strlen(ifname) + 1);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return false;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return true;
}

bool netdev_is_here(const char *dir)
{
	const char *ifname = strrchr(dir, '/') + 1;
	CLEANUP_FREE char *ifindex = sysfs_read_at(dir, "ifindex");
	CLEANUP_FREE char *address = NULL;
	uint8_t shown[6], mac[6];
	uint64_t n;

	/* Not shown at all. */
	if (!ifindex || parse_dec(ifindex, UINT32_MAX, &n) < 0)
		return true;
	if (if_nametoindex(ifname) != n)
		return false;
	/* Each namespace counts for itself. */
	address = sysfs_read_at(dir, "address");
	return !address || parse_mac(address, shown) < 0 || !read_mac(ifname, mac) ||
	       memcmp(mac, shown, sizeof(mac)) == 0;
}
