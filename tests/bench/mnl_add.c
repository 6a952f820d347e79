/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mnl_add PREFIX COUNT: the least that adding devices to vdpasim_net can cost
 * from user space: a bare libmnl loop, one request and one acknowledgement a
 * device, nothing checked.  The bound that `vdpactl -batch` is measured against.
 */
#include <err.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvdpamgmt/uapi.h"

static char buf[32768];
static struct mnl_socket *nl;
static unsigned int seq;
static unsigned int portid;

static struct nlmsghdr *begin(uint16_t type, uint16_t flags, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

static int family_id(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			*(uint16_t *)data = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static void talk(const struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	int r;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		err(1, "send");
	do {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0)
			err(1, "receive");
		r = mnl_cb_run(buf, (size_t)n, seq, portid, cb, data);
	} while (r > MNL_CB_STOP);
	if (r < 0)
		err(1, "the kernel answers");
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	uint16_t family = 0;
	struct nlmsghdr *nlh;

	if (count < 1)
		errx(2, "usage: mnl_add PREFIX COUNT");
	nl = mnl_socket_open(NETLINK_GENERIC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		err(1, "netlink");
	portid = mnl_socket_get_portid(nl);
	nlh = begin(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, VDPA_NL_FAMILY);
	talk(nlh, family_id, &family);
	for (long i = 0; i < count; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%ld", argv[1], i);
		nlh = begin(family, NLM_F_ACK, 3);
		mnl_attr_put_strz(nlh, VDPA_NL_ATTR_MGMTDEV_NAME, "vdpasim_net");
		mnl_attr_put_strz(nlh, VDPA_NL_ATTR_DEV_NAME, name);
		talk(nlh, NULL, NULL);
	}
	mnl_socket_close(nl);
	return 0;
}
