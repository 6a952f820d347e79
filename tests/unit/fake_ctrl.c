/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generic netlink controller: where the family is, and its policy. */
#include "fake_kernel.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

static void put_ops(struct fake *k, struct nlmsghdr *nlh)
{
	struct nlattr *ops = mnl_attr_nest_start(nlh, CTRL_ATTR_OPS);

	for (uint32_t c = 0, n = 1; c < 64; c++) {
		struct nlattr *op;

		if (!(k->commands & (1ULL << c)))
			continue;
		op = mnl_attr_nest_start(nlh, (uint16_t)n++);
		mnl_attr_put_u32(nlh, CTRL_ATTR_OP_ID, c);
		mnl_attr_put_u32(nlh, CTRL_ATTR_OP_FLAGS, GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL);
		mnl_attr_nest_end(nlh, op);
	}
	mnl_attr_nest_end(nlh, ops);
}

void fake_get_family(struct fake *k, const struct nlmsghdr *req)
{
	uint8_t buf[4096];
	struct nlmsghdr *nlh = fake_begin(buf, req, GENL_ID_CTRL, 0);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	if (k->no_family) {
		fake_ack(k, req, -ENOENT, NULL, NULL);
		return;
	}
	genl->cmd = CTRL_CMD_NEWFAMILY;
	genl->version = 2;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, VDPA_NL_FAMILY);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAKE_FAMILY);
	mnl_attr_put_u32(nlh, CTRL_ATTR_VERSION, 1);
	mnl_attr_put_u32(nlh, CTRL_ATTR_HDRSIZE, 0);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MAXATTR, VDPA_NL_ATTR_MAX);
	put_ops(k, nlh);
	fake_apply_edits(k, FAKE_GETFAMILY, nlh);
	fake_queue(k, buf, nlh->nlmsg_len);
}

static void put_range(struct nlmsghdr *nlh, uint16_t attr, uint32_t type, uint64_t min,
		      uint64_t max)
{
	struct nlattr *policy = mnl_attr_nest_start(nlh, 0);
	struct nlattr *nest = mnl_attr_nest_start(nlh, attr);

	mnl_attr_put_u32(nlh, NL_POLICY_TYPE_ATTR_TYPE, type);
	if (max) {
		mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, min);
		mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, max);
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, policy);
}

int fake_policy_object(struct fake *k, size_t *i, void *buf)
{
	static const struct {
		uint16_t attr;
		uint32_t type;
		uint64_t min, max;
	} policy[] = {
		{ VDPA_NL_ATTR_MGMTDEV_BUS, NL_ATTR_TYPE_NUL_STRING, 0, 0 },
		{ VDPA_NL_ATTR_MGMTDEV_NAME, NL_ATTR_TYPE_STRING, 0, 0 },
		{ VDPA_NL_ATTR_DEV_NAME, NL_ATTR_TYPE_STRING, 0, 0 },
		{ VDPA_NL_ATTR_NET_MACADDR, NL_ATTR_TYPE_BINARY, 0, 0 },
		{ VDPA_NL_ATTR_NET_MAX_VQP, NL_ATTR_TYPE_U16, 0, 65535 },
		{ VDPA_NL_ATTR_NET_MTU, NL_ATTR_TYPE_U16, 68, 65535 },
		{ VDPA_NL_ATTR_QUEUE_INDEX, NL_ATTR_TYPE_U32, 0, UINT32_MAX },
		{ VDPA_NL_ATTR_FEATURES, NL_ATTR_TYPE_U64, 0, UINT64_MAX },
	};
	struct nlmsghdr *nlh = fake_begin(buf, &k->dump, GENL_ID_CTRL, NLM_F_MULTI);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	struct nlattr *nest;

	if (*i > sizeof(policy) / sizeof(policy[0]))
		return 0;
	genl->cmd = CTRL_CMD_GETPOLICY;
	genl->version = 2;
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAKE_FAMILY);
	if (*i == 0) {
		nest = mnl_attr_nest_start(nlh, CTRL_ATTR_OP_POLICY);
		for (uint16_t c = 0; c < 64; c++) {
			struct nlattr *op;

			if (!(k->commands & (1ULL << c)))
				continue;
			op = mnl_attr_nest_start(nlh, c);
			mnl_attr_put_u32(nlh, CTRL_ATTR_POLICY_DO, 0);
			mnl_attr_nest_end(nlh, op);
		}
	} else {
		nest = mnl_attr_nest_start(nlh, CTRL_ATTR_POLICY);
		put_range(nlh, policy[*i - 1].attr, policy[*i - 1].type, policy[*i - 1].min,
			  policy[*i - 1].max);
	}
	mnl_attr_nest_end(nlh, nest);
	fake_apply_edits(k, FAKE_GETPOLICY, nlh);
	return (int)nlh->nlmsg_len;
}
