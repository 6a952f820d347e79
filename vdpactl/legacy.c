// SPDX-License-Identifier: GPL-2.0-or-later
/* The words that iproute2's vdpa prints; versions 6.1 to 7.1 agree on them. */
#include "app.h"

const char *legacy_type_name(uint32_t id)
{
	if (id == VDPA_ID_NET)
		return "network";
	return id == VDPA_ID_BLOCK ? "block" : "<unknown type>";
}

const char *legacy_class_name(uint32_t id)
{
	if (id == VDPA_ID_NET)
		return "net";
	return id == VDPA_ID_BLOCK ? "block" : "< unknown class >";
}

#define TRANSPORT_FIRST 28
#define TRANSPORT_LAST 41

static const char *const transport_names[64] = {
	[28] = "RING_INDIRECT_DESC", [29] = "RING_EVENT_IDX", [32] = "VERSION_1",
	[33] = "ACCESS_PLATFORM",    [34] = "RING_PACKED",    [35] = "IN_ORDER",
	[36] = "ORDER_PLATFORM",     [37] = "SR_IOV",	      [38] = "NOTIFICATION_DATA",
};

static const char *const net_names[64] = {
	[0] = "CSUM",
	[1] = "GUEST_CSUM",
	[2] = "CTRL_GUEST_OFFLOADS",
	[3] = "MTU",
	[5] = "MAC",
	[7] = "GUEST_TSO4",
	[8] = "GUEST_TSO6",
	[9] = "GUEST_ECN",
	[10] = "GUEST_UFO",
	[11] = "HOST_TSO4",
	[12] = "HOST_TSO6",
	[13] = "HOST_ECN",
	[14] = "HOST_UFO",
	[15] = "MRG_RXBUF",
	[16] = "STATUS",
	[17] = "CTRL_VQ",
	[18] = "CTRL_RX",
	[19] = "CTRL_VLAN",
	[20] = "CTRL_RX_EXTRA",
	[21] = "GUEST_ANNOUNCE",
	[22] = "MQ",
	[23] = "CTRL_MAC_ADDR",
	[24] = "NOTIFY_ON_EMPTY",
	[27] = "ANY_LAYOUT",
	[57] = "HASH_REPORT",
	[60] = "RSS",
	[61] = "RSC_EXT",
	[62] = "STANDBY",
	[63] = "SPEED_DUPLEX",
};

const char *legacy_feature_name(uint32_t id, unsigned int bit)
{
	if (bit >= TRANSPORT_FIRST && bit <= TRANSPORT_LAST)
		return transport_names[bit];
	return id == VDPA_ID_NET && bit < 64 ? net_names[bit] : NULL;
}
