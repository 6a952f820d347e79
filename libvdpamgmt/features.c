/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/parse.h"
#include "vdpamgmt.h"

#define BITS 64

/* One bit a line. */
/* clang-format off */

/*
 * Names are the virtio specification's, without VIRTIO_*_F_, except the two
 * RING_ ones: iproute2 made those known.
 */
static const char *const transport_names[BITS] = {
	[24] = "NOTIFY_ON_EMPTY",
	[27] = "ANY_LAYOUT",
	[28] = "RING_INDIRECT_DESC",
	[29] = "RING_EVENT_IDX",
	[32] = "VERSION_1",
	[33] = "ACCESS_PLATFORM",
	[34] = "RING_PACKED",
	[35] = "IN_ORDER",
	[36] = "ORDER_PLATFORM",
	[37] = "SR_IOV",
	[38] = "NOTIFICATION_DATA",
	[39] = "NOTIF_CONFIG_DATA",
	[40] = "RING_RESET",
	[41] = "ADMIN_VQ",
	[43] = "SUSPEND",
};

static const char *const net_names[BITS] = {
	[0] = "CSUM",
	[1] = "GUEST_CSUM",
	[2] = "CTRL_GUEST_OFFLOADS",
	[3] = "MTU",
	[5] = "MAC",
	[6] = "GSO",
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
	/* Offload bits that stand for the features 65 and 66, beyond this word. */
	[46] = "GUEST_UDP_TUNNEL_GSO_MAPPED",
	[47] = "GUEST_UDP_TUNNEL_GSO_CSUM_MAPPED",
	[50] = "DEVICE_STATS",
	[51] = "HASH_TUNNEL",
	[52] = "VQ_NOTF_COAL",
	[53] = "NOTF_COAL",
	[54] = "GUEST_USO4",
	[55] = "GUEST_USO6",
	[56] = "HOST_USO",
	[57] = "HASH_REPORT",
	[59] = "GUEST_HDRLEN",
	[60] = "RSS",
	[61] = "RSC_EXT",
	[62] = "STANDBY",
	[63] = "SPEED_DUPLEX",
};

static const char *const block_names[BITS] = {
	[0] = "BARRIER",
	[1] = "SIZE_MAX",
	[2] = "SEG_MAX",
	[4] = "GEOMETRY",
	[5] = "RO",
	[6] = "BLK_SIZE",
	[7] = "SCSI",
	[9] = "FLUSH",
	[10] = "TOPOLOGY",
	[11] = "CONFIG_WCE",
	[12] = "MQ",
	[13] = "DISCARD",
	[14] = "WRITE_ZEROES",
	[15] = "LIFETIME",
	[16] = "SECURE_ERASE",
	[17] = "ZONED",
};

static const struct {
	const char *name;
	int bit;
} transport_aliases[] = {
	{ "INDIRECT_DESC", 28 },
	{ "EVENT_IDX", 29 },
	{ "IOMMU_PLATFORM", 33 },
};

static const char *const class_names[] = {
	[1] = "net",
	[2] = "block",
	[3] = "console",
	[4] = "rng",
	[5] = "balloon",
	[6] = "iomem",
	[7] = "rpmsg",
	[8] = "scsi",
	[9] = "9p",
	[10] = "mac80211_wlan",
	[11] = "rproc_serial",
	[12] = "caif",
	[13] = "memory_balloon",
	[16] = "gpu",
	[17] = "clock",
	[18] = "input",
	[19] = "vsock",
	[20] = "crypto",
	[21] = "signal_dist",
	[22] = "pstore",
	[23] = "iommu",
	[24] = "mem",
	[25] = "sound",
	[26] = "fs",
	[27] = "pmem",
	[28] = "rpmb",
	[29] = "mac80211_hwsim",
	[30] = "video_encoder",
	[31] = "video_decoder",
	[32] = "scmi",
	[33] = "nitro_sec_mod",
	[34] = "i2c_adapter",
	[35] = "watchdog",
	[36] = "can",
	[37] = "dmabuf",
	[38] = "param_serv",
	[39] = "audio_policy",
	[40] = "bt",
	[41] = "gpio",
};

/* clang-format on */

const char *vdpa_class_name(uint32_t id)
{
	return id < sizeof(class_names) / sizeof(*class_names) ? class_names[id] : NULL;
}

/* The table of what only devices of that class have, or NULL. */
static const char *const *device_names(uint32_t id)
{
	switch (id) {
	case VDPA_ID_NET:
		return net_names;
	case VDPA_ID_BLOCK:
		return block_names;
	default:
		return NULL;
	}
}

const char *vdpa_feature_name(uint32_t id, unsigned int bit)
{
	const char *const *names = device_names(id);

	if (bit >= BITS)
		return NULL;
	if (names && names[bit])
		return names[bit];
	return transport_names[bit];
}

static int find_bit(const char *const *names, const char *name)
{
	for (int i = 0; names && i < BITS; i++) {
		if (names[i] && strcasecmp(names[i], name) == 0)
			return i;
	}
	return -ENOENT;
}

static int find_transport_bit(const char *name)
{
	for (size_t i = 0; i < sizeof(transport_aliases) / sizeof(*transport_aliases); i++) {
		if (strcasecmp(transport_aliases[i].name, name) == 0)
			return transport_aliases[i].bit;
	}
	return find_bit(transport_names, name);
}

/* What follows prefix in name, or NULL when name doesn't begin with it (in any case). */
static const char *skip_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncasecmp(name, prefix, n) == 0 ? name + n : NULL;
}

int vdpa_feature_bit(uint32_t id, const char *name)
{
	const char *rest;
	uint64_t n;
	int bit;

	rest = skip_prefix(name, "bit_");
	if (rest)
		return parse_dec(rest, BITS - 1, &n) < 0 ? -ENOENT : (int)n;
	rest = skip_prefix(name, "VIRTIO_NET_F_");
	if (rest)
		return id == VDPA_ID_NET ? find_bit(net_names, rest) : -ENOENT;
	rest = skip_prefix(name, "VIRTIO_BLK_F_");
	if (rest)
		return id == VDPA_ID_BLOCK ? find_bit(block_names, rest) : -ENOENT;
	rest = skip_prefix(name, "VIRTIO_F_");
	if (!rest)
		rest = skip_prefix(name, "VIRTIO_RING_F_");
	if (rest)
		return find_transport_bit(rest);
	bit = find_bit(device_names(id), name);
	return bit >= 0 ? bit : find_transport_bit(name);
}

struct set {
	bool all;
	uint64_t plus;
	uint64_t minus;
};

/* One item of a list, len octets at item; false when not understood. */
static bool parse_item(uint32_t id, const char *item, size_t len, struct set *set)
{
	bool minus = len && *item == '-';
	char name[64];
	uint64_t mask;
	int bit;

	item += minus;
	len -= minus;
	if (len == 0 || len >= sizeof(name))
		return false;
	memcpy(name, item, len);
	name[len] = '\0';
	if (strcasecmp(name, "all") == 0 && !minus) {
		set->all = true;
		return true;
	}
	bit = vdpa_feature_bit(id, name);
	if (bit < 0)
		return false;
	mask = UINT64_C(1) << bit;
	/* Nothing can be wanted and unwanted at once. */
	if (mask & (minus ? set->plus : set->minus))
		return false;
	if (minus)
		set->minus |= mask;
	else
		set->plus |= mask;
	return true;
}

int vdpa_features_parse(uint32_t id, const char *text, uint64_t offered, uint64_t *features,
			const char **bad, size_t *bad_len)
{
	struct set set = { false, 0, 0 };
	const char *item = text;
	size_t len;
	int r;

	r = parse_hex(text, features);
	if (r == 0)
		return 0;
	if (r == -ERANGE)
		goto fail_all;
	for (;; item += len + 1) {
		len = strcspn(item, ",");
		if (!parse_item(id, item, len, &set))
			goto fail_item;
		if (!item[len])
			break;
	}
	*features = set.plus;
	if (set.all || set.minus)
		*features |= offered;
	*features &= ~set.minus;
	return 0;
fail_all:
	len = strlen(item);
fail_item:
	*bad = item;
	*bad_len = len;
	return -EINVAL;
}
