/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel's family can do: its operations came with the family's ID;
 * its input policy is dumped here (CTRL_CMD_GETPOLICY).
 */
#include <errno.h>
#include <string.h>

#include "nl.h"

/* Commands and attributes beyond these are not asked about. */
#define COMMANDS 64
#define ATTRS 64
#define POLICIES 64

struct range {
	bool known;
	uint64_t min, max;
};

struct vdpa_caps {
	atomic_uint refs;
	uint64_t commands; /* bit N: command N */
	uint32_t max_attr;
	bool has_policy;
	uint8_t policy_of[COMMANDS]; /* 1 + index of the policy of "do" requests; 0 = none */
	uint64_t attrs[POLICIES]; /* bit N: accepts attribute N */
	struct range ranges[POLICIES][ATTRS];
};

static void caps_release(struct vdpa_caps *caps)
{
	free(caps);
}

DEFINE_REFS(vdpa_caps, caps_release)

static void read_op_policy(struct vdpa_caps *caps, const struct nlattr *ops)
{
	const struct nlattr *op, *field;

	mnl_attr_for_each_nested(op, ops) {
		unsigned int command = mnl_attr_get_type(op);

		mnl_attr_for_each_nested(field, op) {
			if (command < COMMANDS && mnl_attr_get_type(field) == CTRL_ATTR_POLICY_DO &&
			    mnl_attr_get_payload_len(field) == sizeof(uint32_t) &&
			    mnl_attr_get_u32(field) < POLICIES)
				caps->policy_of[command] = (uint8_t)(1 + mnl_attr_get_u32(field));
		}
	}
}

static void read_attr_policy(struct vdpa_caps *caps, unsigned int policy, unsigned int attr,
			     const struct nlattr *nest)
{
	struct range *range = &caps->ranges[policy][attr];
	const struct nlattr *field;

	caps->attrs[policy] |= 1ULL << attr;
	mnl_attr_for_each_nested(field, nest) {
		if (mnl_attr_get_payload_len(field) != sizeof(uint64_t))
			continue;
		if (mnl_attr_get_type(field) == NL_POLICY_TYPE_ATTR_MIN_VALUE_U) {
			range->min = mnl_attr_get_u64(field);
		} else if (mnl_attr_get_type(field) == NL_POLICY_TYPE_ATTR_MAX_VALUE_U) {
			range->max = mnl_attr_get_u64(field);
			range->known = true;
		}
	}
}

static int policy_reply(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr, *policy, *field;
	struct vdpa_caps *caps = data;

	caps->has_policy = true;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_OP_POLICY)
			read_op_policy(caps, attr);
		if (mnl_attr_get_type(attr) != CTRL_ATTR_POLICY)
			continue;
		mnl_attr_for_each_nested(policy, attr) {
			mnl_attr_for_each_nested(field, policy) {
				if (mnl_attr_get_type(policy) < POLICIES &&
				    mnl_attr_get_type(field) < ATTRS)
					read_attr_policy(caps, mnl_attr_get_type(policy),
							 mnl_attr_get_type(field), field);
			}
		}
	}
	return 0;
}

int vdpa_caps_get(struct vdpa_ctx *ctx, struct vdpa_caps **out)
{
	struct msg m = MSG_INIT;
	struct vdpa_caps *caps;
	int r = nl_connect(ctx);

	if (r < 0)
		return r;
	caps = calloc(1, sizeof(*caps));
	if (!caps)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	atomic_init(&caps->refs, 1);
	caps->commands = ctx->nl->commands;
	caps->max_attr = ctx->nl->max_attr;
	msg_begin(&m, GENL_ID_CTRL, NLM_F_DUMP, CTRL_CMD_GETPOLICY, 1);
	msg_put_u16(&m, CTRL_ATTR_FAMILY_ID, ctx->nl->family);
	r = nl_ctrl(ctx, &m, CTRL_CMD_GETPOLICY, policy_reply, caps);
	/* Kernels before 5.10 don't know the question: then has_policy stays false. */
	if (r < 0 && r != -EOPNOTSUPP && r != -EINVAL) {
		free(caps);
		nl_close(ctx);
		return ctx_fail(ctx, -r, "cannot read the vdpa family's policy: %s",
				errno_text(-r));
	}
	*out = caps;
	return 0;
}

bool vdpa_caps_has_command(const struct vdpa_caps *caps, unsigned int command)
{
	return command < COMMANDS && (caps->commands & (1ULL << command));
}

/* The policy that governs a command, or -1. */
static int policy_of(const struct vdpa_caps *caps, unsigned int command, unsigned int attr)
{
	if (command >= COMMANDS || attr >= ATTRS || !caps->policy_of[command])
		return -1;
	return caps->policy_of[command] - 1;
}

bool vdpa_caps_has_attr(const struct vdpa_caps *caps, unsigned int command, unsigned int attr)
{
	int policy = policy_of(caps, command, attr);

	return policy >= 0 && (caps->attrs[policy] & (1ULL << attr));
}

bool vdpa_caps_has_policy(const struct vdpa_caps *caps)
{
	return caps->has_policy;
}

bool vdpa_caps_get_range(const struct vdpa_caps *caps, unsigned int command, unsigned int attr,
			 uint64_t *min, uint64_t *max)
{
	int policy = policy_of(caps, command, attr);

	if (policy < 0 || !caps->ranges[policy][attr].known)
		return false;
	*min = caps->ranges[policy][attr].min;
	*max = caps->ranges[policy][attr].max;
	return true;
}

uint32_t vdpa_caps_get_max_attr(const struct vdpa_caps *caps)
{
	return caps->max_attr;
}

const char *vdpa_command_name(unsigned int command)
{
	switch (command) {
	case VDPA_COMMAND_MGMTDEV_GET:
		return "mgmtdev show";
	case VDPA_COMMAND_DEV_ADD:
		return "dev add";
	case VDPA_COMMAND_DEV_DEL:
		return "dev del";
	case VDPA_COMMAND_DEV_GET:
		return "dev show";
	case VDPA_COMMAND_CONFIG_GET:
		return "dev config show";
	case VDPA_COMMAND_VSTATS_GET:
		return "dev vstats show";
	case VDPA_COMMAND_ATTR_SET:
		return "dev set";
	}
	return NULL;
}

const char *vdpa_attribute_name(unsigned int attr)
{
	switch (attr) {
	case VDPA_ATTRIBUTE_MGMTDEV_BUS:
	case VDPA_ATTRIBUTE_MGMTDEV_NAME:
		return "mgmtdev";
	case VDPA_ATTRIBUTE_NAME:
		return "name";
	case VDPA_ATTRIBUTE_MAC:
		return "mac";
	case VDPA_ATTRIBUTE_MAX_VQP:
		return "max_vqp";
	case VDPA_ATTRIBUTE_MTU:
		return "mtu";
	case VDPA_ATTRIBUTE_QUEUE_INDEX:
		return "qidx";
	case VDPA_ATTRIBUTE_FEATURES:
		return "device_features";
	}
	return NULL;
}
