/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attr.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

enum kind { KIND_ANY, KIND_STR, KIND_MAC, KIND_U8, KIND_U16, KIND_U8_OR_U16, KIND_U32, KIND_U64 };

static const enum kind kinds[VDPA_NL_ATTR_MAX + 1] = {
	[VDPA_NL_ATTR_MGMTDEV_BUS] = KIND_STR,
	[VDPA_NL_ATTR_MGMTDEV_NAME] = KIND_STR,
	[VDPA_NL_ATTR_MGMTDEV_CLASSES] = KIND_U64,
	[VDPA_NL_ATTR_DEV_NAME] = KIND_STR,
	[VDPA_NL_ATTR_DEV_ID] = KIND_U32,
	[VDPA_NL_ATTR_DEV_VENDOR_ID] = KIND_U32,
	[VDPA_NL_ATTR_DEV_MAX_VQS] = KIND_U32,
	[VDPA_NL_ATTR_DEV_MAX_VQ_SIZE] = KIND_U16,
	[VDPA_NL_ATTR_DEV_MIN_VQ_SIZE] = KIND_U16,
	[VDPA_NL_ATTR_NET_MACADDR] = KIND_MAC,
	[VDPA_NL_ATTR_NET_STATUS] = KIND_U8_OR_U16,
	[VDPA_NL_ATTR_NET_MAX_VQP] = KIND_U16,
	[VDPA_NL_ATTR_NET_MTU] = KIND_U16,
	[VDPA_NL_ATTR_NEGOTIATED_FEATURES] = KIND_U64,
	[VDPA_NL_ATTR_MGMTDEV_MAX_VQS] = KIND_U32,
	[VDPA_NL_ATTR_SUPPORTED_FEATURES] = KIND_U64,
	[VDPA_NL_ATTR_QUEUE_INDEX] = KIND_U32,
	[VDPA_NL_ATTR_VENDOR_NAME] = KIND_STR,
	[VDPA_NL_ATTR_VENDOR_VALUE] = KIND_U64,
	[VDPA_NL_ATTR_FEATURES] = KIND_U64,
	[VDPA_NL_ATTR_BLK_CAPACITY] = KIND_U64,
	[VDPA_NL_ATTR_BLK_CAPACITY + 1] = KIND_U32, /* size_max */
	[VDPA_NL_ATTR_BLK_CAPACITY + 2] = KIND_U32, /* blk_size */
	[VDPA_NL_ATTR_BLK_CAPACITY + 3] = KIND_U32, /* seg_max */
	[VDPA_NL_ATTR_BLK_CAPACITY + 4] = KIND_U16, /* num_queues */
	[VDPA_NL_ATTR_BLK_CAPACITY + 5] = KIND_U8, /* physical_block_exp */
	[VDPA_NL_ATTR_BLK_CAPACITY + 6] = KIND_U8, /* alignment_offset */
	[VDPA_NL_ATTR_BLK_CAPACITY + 7] = KIND_U16, /* min_io_size */
	[VDPA_NL_ATTR_BLK_CAPACITY + 8] = KIND_U32, /* opt_io_size */
	[VDPA_NL_ATTR_BLK_CAPACITY + 9] = KIND_U32, /* max_discard_sectors */
	[VDPA_NL_ATTR_BLK_CAPACITY + 10] = KIND_U32, /* max_discard_seg */
	[VDPA_NL_ATTR_BLK_CAPACITY + 11] = KIND_U32, /* discard_sector_alignment */
	[VDPA_NL_ATTR_BLK_CAPACITY + 12] = KIND_U32, /* max_write_zeroes_sectors */
	[VDPA_NL_ATTR_BLK_CAPACITY + 13] = KIND_U32, /* max_write_zeroes_seg */
	[VDPA_NL_ATTR_BLK_CAPACITY + 14] = KIND_U8, /* read_only */
	[VDPA_NL_ATTR_BLK_FLUSH] = KIND_U8,
};

static bool fits(enum kind kind, const uint8_t *data, size_t len)
{
	switch (kind) {
	case KIND_STR:
		return memchr(data, '\0', len) != NULL;
	case KIND_MAC:
		return len == 6;
	case KIND_U8:
		return len == 1;
	case KIND_U16:
		return len == 2;
	case KIND_U8_OR_U16:
		return len == 1 || len == 2;
	case KIND_U32:
		return len == 4;
	case KIND_U64:
		return len == 8;
	case KIND_ANY:
		break;
	}
	return true;
}

int attr_check(const struct nlattr *attr)
{
	unsigned int type = mnl_attr_get_type(attr);

	if (type > VDPA_NL_ATTR_MAX)
		return 0;
	if (!fits(kinds[type], mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)))
		return -EBADMSG;
	return 0;
}

int attrs_parse(const struct nlmsghdr *nlh, struct attrs *attrs)
{
	const struct nlattr *attr;
	const uint8_t *end = mnl_nlmsg_get_payload_tail(nlh);

	memset(attrs, 0, sizeof(*attrs));
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		unsigned int type = mnl_attr_get_type(attr);

		if (attr_check(attr) < 0)
			return -EBADMSG;
		if (type && type <= VDPA_NL_ATTR_MAX)
			attrs->at[type] = attr;
	}
	return (const uint8_t *)attr < end ? -EBADMSG : 0;
}

const char *attrs_str(const struct attrs *attrs, unsigned int type)
{
	return attrs->at[type] ? mnl_attr_get_str(attrs->at[type]) : NULL;
}

uint64_t attr_uint(const struct nlattr *attr)
{
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	default:
		return mnl_attr_get_u64(attr);
	}
}

bool attrs_uint(const struct attrs *attrs, unsigned int type, uint64_t *value)
{
	if (!attrs->at[type])
		return false;
	*value = attr_uint(attrs->at[type]);
	return true;
}
