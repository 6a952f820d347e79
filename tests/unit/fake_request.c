/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The family's requests, as Linux 6.12 judges them. */
#include "fake_kernel.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#define BIT(n) (1ULL << (n))

struct request {
	const struct nlmsghdr *nlh;
	const struct nlattr *at[VDPA_NL_ATTR_MAX + 1];
	const char *text; /* the extack's */
	const struct nlattr *bad;
	char space[128];
};

static int fail(struct request *q, int err, const char *text)
{
	q->text = text;
	return -err;
}

static int blame(struct request *q, int err, const char *text, const struct nlattr *bad)
{
	q->bad = bad;
	return fail(q, err, text);
}

static int validate(struct request *q)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, q->nlh, sizeof(struct genlmsghdr)) {
		unsigned int type = mnl_attr_get_type(a);

		if (type > VDPA_NL_ATTR_MAX)
			return blame(q, EINVAL, "Unknown attribute type", a);
		if (type == VDPA_NL_ATTR_NET_MACADDR && mnl_attr_get_payload_len(a) != 6)
			return blame(q, ERANGE, "binary attribute size out of range", a);
		if (type == VDPA_NL_ATTR_NET_MTU && mnl_attr_get_u16(a) < 68)
			return blame(q, ERANGE, "integer out of range", a);
		q->at[type] = a;
	}
	return 0;
}

static const char *text_of(const struct request *q, unsigned int type)
{
	return q->at[type] ? mnl_attr_get_str(q->at[type]) : NULL;
}

static uint64_t mask_of(const struct request *q)
{
	static const unsigned int types[] = { VDPA_NL_ATTR_NET_MACADDR, VDPA_NL_ATTR_NET_MTU,
					      VDPA_NL_ATTR_NET_MAX_VQP, VDPA_NL_ATTR_FEATURES };
	uint64_t mask = 0;

	for (size_t i = 0; i < 4; i++)
		mask |= q->at[types[i]] ? BIT(types[i]) : 0;
	return mask;
}

static int check_values(struct request *q)
{
	const struct nlattr *pairs = q->at[VDPA_NL_ATTR_NET_MAX_VQP];
	uint64_t features, missing = 0;

	if (pairs && !mnl_attr_get_u16(pairs))
		return fail(q, EINVAL, "vdpa: At least one pair of VQs is required");
	if (!q->at[VDPA_NL_ATTR_FEATURES])
		return 0;
	features = mnl_attr_get_u64(q->at[VDPA_NL_ATTR_FEATURES]);
	missing |= q->at[VDPA_NL_ATTR_NET_MACADDR] ? ~features & BIT(5) : 0;
	missing |= q->at[VDPA_NL_ATTR_NET_MTU] ? ~features & BIT(3) : 0;
	missing |= pairs && mnl_attr_get_u16(pairs) > 1 ? ~features & BIT(22) : 0;
	if (!missing)
		return 0;
	snprintf(q->space, sizeof(q->space),
		 "vdpa: Missing features 0x%llx for provided attributes",
		 (unsigned long long)missing);
	return fail(q, EINVAL, q->space);
}

static int in_use(const struct fake *k, const struct fake_mgmtdev *m)
{
	for (size_t i = 0; i < k->n_devs; i++)
		if (k->devs[i]->mgmtdev == m)
			return 1;
	return 0;
}

static void set_values(struct fake_dev *d, const struct request *q)
{
	if (q->at[VDPA_NL_ATTR_NET_MACADDR])
		memcpy(d->mac, mnl_attr_get_payload(q->at[VDPA_NL_ATTR_NET_MACADDR]), 6);
	if (q->at[VDPA_NL_ATTR_NET_MTU])
		d->mtu = mnl_attr_get_u16(q->at[VDPA_NL_ATTR_NET_MTU]);
	if (q->at[VDPA_NL_ATTR_NET_MAX_VQP])
		d->max_vqp = mnl_attr_get_u16(q->at[VDPA_NL_ATTR_NET_MAX_VQP]);
	if (q->at[VDPA_NL_ATTR_FEATURES])
		d->features = mnl_attr_get_u64(q->at[VDPA_NL_ATTR_FEATURES]);
}

static int dev_add(struct fake *k, struct request *q)
{
	const char *name = text_of(q, VDPA_NL_ATTR_DEV_NAME);
	const char *parent = text_of(q, VDPA_NL_ATTR_MGMTDEV_NAME);
	const struct fake_mgmtdev *m;
	int r;

	if (!name)
		return -EINVAL;
	r = check_values(q);
	if (r < 0)
		return r;
	m = parent ? fake_find_mgmtdev(k, text_of(q, VDPA_NL_ATTR_MGMTDEV_BUS), parent) : NULL;
	if (!m)
		return fail(q, ENODEV, "vdpa: Fail to find the specified management device");
	if (mask_of(q) & ~m->takes) {
		snprintf(q->space, sizeof(q->space),
			 "vdpa: Some provided attributes are not supported: 0x%llx",
			 (unsigned long long)(mask_of(q) & ~m->takes));
		return fail(q, EOPNOTSUPP, q->space);
	}
	if (m->single && in_use(k, m))
		return -ENOSPC;
	if (!*name)
		return -EINVAL;
	if (fake_find(k, name))
		return -EEXIST;
	set_values(fake_new_dev(k, m, name,
				m->classes & BIT(VDPA_ID_NET) ? VDPA_ID_NET : VDPA_ID_BLOCK),
		   q);
	return 0;
}

static int vstats(struct request *q, const struct fake_dev *d, void *buf)
{
	struct nlmsghdr *nlh = fake_object(buf, q->nlh, 0, VDPA_COMMAND_VSTATS_GET);
	uint32_t index;

	if (!q->at[VDPA_NL_ATTR_QUEUE_INDEX])
		return -EINVAL;
	index = mnl_attr_get_u32(q->at[VDPA_NL_ATTR_QUEUE_INDEX]);
	mnl_attr_put_strz(nlh, VDPA_NL_ATTR_DEV_NAME, d->name);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_DEV_ID, d->id);
	if (d->id != VDPA_ID_NET)
		return -EOPNOTSUPP;
	if (index > 0x8000)
		return fail(q, ERANGE, "vdpa: queue index exceeds max value");
	if (!d->stat_queues)
		return -EOPNOTSUPP;
	if (!d->active)
		return fail(q, EAGAIN, "vdpa: feature negotiation not complete");
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_NEGOTIATED_FEATURES, d->negotiated);
	if (d->negotiated & (BIT(VIRTIO_BIT_NET_MQ) | BIT(VIRTIO_BIT_NET_RSS)))
		mnl_attr_put_u16(nlh, VDPA_NL_ATTR_NET_MAX_VQP, d->max_vqp);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_QUEUE_INDEX, index);
	if (index >= d->stat_queues)
		return fail(q, EINVAL, "mlx5_vdpa: virtqueue index is not valid");
	for (size_t i = 0; i < d->n_counters; i++) {
		mnl_attr_put_strz(nlh, VDPA_NL_ATTR_VENDOR_NAME, d->counters[i].name);
		mnl_attr_put_u64(nlh, VDPA_NL_ATTR_VENDOR_VALUE, d->counters[i].value + index);
	}
	return 0;
}

static int attr_set(struct request *q, struct fake_dev *d)
{
	const struct nlattr *mac = q->at[VDPA_NL_ATTR_NET_MACADDR];

	if (d->id != VDPA_ID_NET)
		return fail(q, 0, "vdpa: mgmtdev does not support network class attributes");
	if (!mac)
		return -EOPNOTSUPP;
	if (*(const uint8_t *)mnl_attr_get_payload(mac) & 1)
		return fail(q, EOPNOTSUPP, "vdpa: Invalid MAC address");
	set_values(d, q);
	return 0;
}

static int get_or_change(struct fake *k, struct request *q, unsigned int command, void *buf)
{
	const char *name = text_of(q, VDPA_NL_ATTR_DEV_NAME);
	struct fake_dev *d = name ? fake_find(k, name) : NULL;

	if (!name)
		return -EINVAL;
	if (!d)
		return fail(q, ENODEV, "vdpa: device not found");
	if (!d->mgmtdev)
		return fail(q, EINVAL,
			    command == VDPA_COMMAND_DEV_DEL ?
				    "vdpa: Only user created device can be deleted by user" :
				    "vdpa: unmanaged vdpa device");
	if (d->broken)
		return -d->broken;
	switch (command) {
	case VDPA_COMMAND_DEV_GET:
		return fake_fill_dev(d, q->nlh, 0, buf);
	case VDPA_COMMAND_CONFIG_GET:
		return fake_fill_config(d, q->nlh, 0, buf);
	case VDPA_COMMAND_VSTATS_GET:
		return vstats(q, d, buf);
	case VDPA_COMMAND_ATTR_SET:
		return attr_set(q, d);
	}
	if (d->keep)
		return -EBUSY;
	fake_remove(k, name);
	return 0;
}

static int mgmtdev_get(struct fake *k, struct request *q, void *buf)
{
	const char *name = text_of(q, VDPA_NL_ATTR_MGMTDEV_NAME);
	const struct fake_mgmtdev *m;

	if (!name)
		return -EINVAL;
	m = fake_find_mgmtdev(k, text_of(q, VDPA_NL_ATTR_MGMTDEV_BUS), name);
	if (!m)
		return fail(q, ENODEV, "vdpa: Fail to find the specified mgmt device");
	return fake_fill_mgmtdev(m, q->nlh, 0, buf);
}

void fake_request(struct fake *k, const struct nlmsghdr *req)
{
	static uint8_t buf[65536 * 3];
	unsigned int command = ((const struct genlmsghdr *)mnl_nlmsg_get_payload(req))->cmd;
	const uint64_t admin = BIT(VDPA_COMMAND_DEV_ADD) | BIT(VDPA_COMMAND_DEV_DEL) |
			       BIT(VDPA_COMMAND_ATTR_SET) | BIT(VDPA_COMMAND_VSTATS_GET);
	struct request q = { .nlh = req };
	struct nlmsghdr *nlh = (void *)buf;
	int r;

	nlh->nlmsg_len = 0;
	if (k->no_privilege && (admin & BIT(command)))
		r = -EPERM;
	else if ((r = validate(&q)) < 0)
		nlh->nlmsg_len = 0;
	else if (command == VDPA_COMMAND_MGMTDEV_GET)
		r = mgmtdev_get(k, &q, buf);
	else if (command == VDPA_COMMAND_DEV_ADD)
		r = dev_add(k, &q);
	else
		r = get_or_change(k, &q, command, buf);
	if (!r && nlh->nlmsg_len) {
		fake_apply_edits(k, command, nlh);
		fake_queue(k, buf, nlh->nlmsg_len);
	}
	if (r < 0 || (req->nlmsg_flags & NLM_F_ACK))
		fake_ack(k, req, r, q.text, q.bad);
}
