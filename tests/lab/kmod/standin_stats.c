// SPDX-License-Identifier: GPL-2.0-or-later
/* Vendor statistics of virtqueues. */

#include "standin.h"

static int standin_put_stat(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value,
			      VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

/* Names and values a client must survive: each is legal in netlink. */
static int standin_put_hostile_stats(struct sk_buff *msg, u16 idx)
{
	static const char long_name[] = { [0 ... 199] = 'x', [200] = '\0' };
	static const char * const names[] = {
		"rx packets", "%s%n%s", "100%", "quote\"back\\slash/",
		"line\nfeed\ttab", "escape\033[31mred\033[0m", "bell\007\001\177",
		"latin1 \377\376", "utf8 \303\274ber", "rx packets", "",
		long_name,
	};
	size_t i;
	int err;

	err = standin_put_stat(msg, "biggest", U64_MAX);
	for (i = 0; !err && i < ARRAY_SIZE(names); i++)
		err = standin_put_stat(msg, names[i],
				       i & 1 ? U64_MAX - idx : idx * 100 + i);
	return err;
}

/* What no driver sends, but a client that checks attributes survives too. */
static int standin_put_malformed_stats(struct sk_buff *msg)
{
	if (nla_put(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, 12, "unterminated") ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, 32) ||
	    nla_put(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, 0, NULL) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, 1,
			      VDPA_ATTR_PAD) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, 2,
			      VDPA_ATTR_PAD) ||
	    nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, "no value"))
		return -EMSGSIZE;
	return 0;
}

static bool standin_vq_running(const struct standin_dev *sd, u16 idx)
{
	return sd->status & VIRTIO_CONFIG_S_DRIVER_OK && sd->vqs[idx].ready &&
	       idx < sd->cur_vqs;
}

int standin_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 idx,
				struct sk_buff *msg,
				struct netlink_ext_ack *extack)
{
	struct standin_dev *sd = to_standin(vdpa);
	u64 scale = READ_ONCE(standin_stats_scale);
	int fail = READ_ONCE(standin_fail_stats);
	int err = 0;

	mutex_lock(&sd->lock);
	if (!standin_idx_valid(sd, idx)) {
		NL_SET_ERR_MSG(extack, MLX5_VDPA ": virtqueue index is not valid");
		err = -EINVAL;
	} else if (!standin_is_cvq(sd, idx)) {
		if (fail > 0 && fail <= MAX_ERRNO)
			err = -fail;
		else if (standin_stats_hw && !standin_vq_running(sd, idx))
			err = -EAGAIN;
		if (err)
			NL_SET_ERR_MSG(extack, MLX5_VDPA ": failed to query hardware");
	}
	mutex_unlock(&sd->lock);
	if (err)
		return err;

	if (sd->hostile) {
		err = standin_put_hostile_stats(msg, idx);
		if (!err && READ_ONCE(standin_hostile) >= 2)
			err = standin_put_malformed_stats(msg);
		return err;
	}
	err = standin_put_stat(msg, "received_desc", (idx + 1) * scale);
	if (!err)
		err = standin_put_stat(msg, "completed_desc",
				       idx * scale + scale / 2);
	return err;
}
