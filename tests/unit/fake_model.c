/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Management devices and devices, and the family's commands on them, as in Linux 6.12. */
#include "fake_kernel.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIT(n) (1ULL << (n))
#define MGMTDEVS_MAX 16
/* NLMSG_DEFAULT_SIZE: what one object may take. */
#define OBJECT_MAX 3776

/* ---- what there is ---- */

struct fake_mgmtdev *fake_mgmtdev(struct fake *k, const char *bus, const char *name)
{
	struct fake_mgmtdev *m;

	if (!k->mgmtdevs)
		k->mgmtdevs = fake_alloc(MGMTDEVS_MAX * sizeof(*m));
	if (k->n_mgmtdevs == MGMTDEVS_MAX)
		abort();
	m = &k->mgmtdevs[k->n_mgmtdevs++];
	*m = (struct fake_mgmtdev){ .bus = bus, .name = name };
	m->classes = BIT(VDPA_ID_NET);
	m->max_vqs = 3;
	m->features = UINT64_MAX;
	m->takes = UINT64_MAX;
	return m;
}

struct fake *fake_new_usual(void)
{
	struct fake *k = fake_new();
	struct fake_mgmtdev *m = fake_mgmtdev(k, NULL, "vdpasim_net");

	m->features = 0x328820028ULL;
	m->takes = BIT(VDPA_NL_ATTR_NET_MACADDR) | BIT(VDPA_NL_ATTR_NET_MTU) |
		   BIT(VDPA_NL_ATTR_FEATURES);
	m = fake_mgmtdev(k, NULL, "vdpasim_blk");
	m->classes = BIT(VDPA_ID_BLOCK);
	m->max_vqs = 0;
	m->takes = 0;
	m = fake_mgmtdev(k, "pci", "0000:65:00.2");
	m->max_vqs = 257;
	m->single = true;
	return k;
}

static char *sysfs_path(const struct fake *k, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/sys/bus/vdpa/devices/%s", k->root, name) < 0)
		abort();
	return path;
}

void fake_sysfs(struct fake *k)
{
	static const char *const dirs[] = { "sys", "sys/bus", "sys/bus/vdpa",
					    "sys/bus/vdpa/devices", "proc", "dev" };
	char path[128];

	strcpy(k->root, "/tmp/fake-kernel-XXXXXX");
	if (!mkdtemp(k->root))
		abort();
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", k->root, dirs[i]);
		if (mkdir(path, 0755) < 0)
			abort();
	}
}

static const struct fake_mgmtdev *find_mgmtdev(const struct fake *k, const char *bus,
					       const char *name)
{
	for (size_t i = 0; i < k->n_mgmtdevs; i++) {
		const struct fake_mgmtdev *m = &k->mgmtdevs[i];

		if (!m->bus == !bus && (!bus || !strcmp(bus, m->bus)) && !strcmp(name, m->name))
			return m;
	}
	return NULL;
}

static struct fake_dev *new_dev(struct fake *k, const struct fake_mgmtdev *m, const char *name,
				uint32_t id)
{
	struct fake_dev *d = fake_alloc(sizeof(*d));
	struct fake_dev **devs = reallocarray(k->devs, k->n_devs + 1, sizeof(d));

	if (!devs)
		abort();
	*d = (struct fake_dev){ .mgmtdev = m, .id = id, .max_vqs = 3, .max_vq_size = 256,
				.min_vq_size = 1, .features = 0x328820028ULL, .status = 1,
				.max_vqp = 1, .mtu = 1500 };
	d->name = fake_alloc(strlen(name) + 1);
	strcpy(d->name, name);
	k->devs = devs;
	devs[k->n_devs++] = d;
	if (*k->root) {
		char *path = sysfs_path(k, name);

		(void)mkdir(path, 0755);
		free(path);
	}
	return d;
}

struct fake_dev *fake_dev(struct fake *k, const char *mgmtdev, const char *name, uint32_t id)
{
	const char *slash = mgmtdev ? strchr(mgmtdev, '/') : NULL;
	const struct fake_mgmtdev *m = NULL;
	char bus[32] = "";

	if (slash)
		memcpy(bus, mgmtdev, (size_t)(slash - mgmtdev));
	if (mgmtdev) {
		m = find_mgmtdev(k, slash ? bus : NULL, slash ? slash + 1 : mgmtdev);
		if (!m)
			abort();
	}
	return new_dev(k, m, name, id);
}

struct fake_dev *fake_find(struct fake *k, const char *name)
{
	for (size_t i = 0; i < k->n_devs; i++)
		if (!strcmp(k->devs[i]->name, name))
			return k->devs[i];
	return NULL;
}

void fake_remove(struct fake *k, const char *name)
{
	for (size_t i = 0; i < k->n_devs; i++) {
		struct fake_dev *d = k->devs[i];

		if (strcmp(d->name, name))
			continue;
		memmove(&k->devs[i], &k->devs[i + 1], (--k->n_devs - i) * sizeof(d));
		if (*k->root) {
			char *path = sysfs_path(k, d->name);

			rmdir(path);
			free(path);
		}
		free(d->name);
		free(d);
		return;
	}
}

/* ---- objects in answers ---- */

static struct nlmsghdr *begin(void *buf, const struct nlmsghdr *req, uint16_t flags, uint8_t cmd)
{
	struct nlmsghdr *nlh = fake_begin(buf, req, FAKE_FAMILY, flags);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

static void put_handle(struct nlmsghdr *nlh, const struct fake_mgmtdev *m)
{
	if (m->bus)
		mnl_attr_put_strz(nlh, VDPA_NL_ATTR_MGMTDEV_BUS, m->bus);
	mnl_attr_put_strz(nlh, VDPA_NL_ATTR_MGMTDEV_NAME, m->name);
}

static int fill_mgmtdev(const struct fake_mgmtdev *m, const struct nlmsghdr *req, uint16_t flags,
			void *buf)
{
	struct nlmsghdr *nlh = begin(buf, req, flags, VDPA_NL_CMD_MGMTDEV_NEW);

	put_handle(nlh, m);
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_MGMTDEV_CLASSES, m->classes);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_MGMTDEV_MAX_VQS, m->max_vqs);
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_SUPPORTED_FEATURES, m->features);
	return 0;
}

static int fill_dev(const struct fake_dev *d, const struct nlmsghdr *req, uint16_t flags, void *buf)
{
	struct nlmsghdr *nlh = begin(buf, req, flags, VDPA_NL_CMD_DEV_NEW);

	put_handle(nlh, d->mgmtdev);
	mnl_attr_put_strz(nlh, VDPA_NL_ATTR_DEV_NAME, d->name);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_DEV_ID, d->id);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_DEV_VENDOR_ID, d->vendor_id);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_DEV_MAX_VQS, d->max_vqs);
	mnl_attr_put_u16(nlh, VDPA_NL_ATTR_DEV_MAX_VQ_SIZE, d->max_vq_size);
	mnl_attr_put_u16(nlh, VDPA_NL_ATTR_DEV_MIN_VQ_SIZE, d->min_vq_size);
	return nlh->nlmsg_len > OBJECT_MAX && !(flags & NLM_F_MULTI) ? -EMSGSIZE : 0;
}

static void put_net(struct nlmsghdr *nlh, const struct fake_dev *d)
{
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_FEATURES, d->features);
	if (d->features & BIT(3))
		mnl_attr_put_u16(nlh, VDPA_NL_ATTR_NET_MTU, d->mtu);
	if (d->features & BIT(5))
		mnl_attr_put(nlh, VDPA_NL_ATTR_NET_MACADDR, 6, d->mac);
	if (d->features & BIT(16))
		mnl_attr_put_u16(nlh, VDPA_NL_ATTR_NET_STATUS, d->status);
	if (d->features & (BIT(VIRTIO_BIT_NET_MQ) | BIT(VIRTIO_BIT_NET_RSS)))
		mnl_attr_put_u16(nlh, VDPA_NL_ATTR_NET_MAX_VQP, d->max_vqp);
}

static void put_blk(struct nlmsghdr *nlh, const struct fake_dev *d)
{
	static const uint8_t sizes[16] = { 8, 4, 4, 4, 2, 1, 1, 2, 4, 4, 4, 4, 4, 4, 1, 1 };

	if (!d->blk)
		mnl_attr_put_u64(nlh, VDPA_NL_ATTR_BLK_CAPACITY, 262144);
	for (uint16_t i = 0; d->blk && i < 16; i++) {
		uint64_t v = d->blk[i];
		uint32_t v32 = (uint32_t)v;
		uint16_t v16 = (uint16_t)v;
		uint8_t v8 = (uint8_t)v;
		const void *p = sizes[i] == 8 ? &v : sizes[i] == 4 ? (void *)&v32 :
				sizes[i] == 2			   ? (void *)&v16 :
								     (void *)&v8;

		mnl_attr_put(nlh, (uint16_t)(VDPA_NL_ATTR_BLK_CAPACITY + i), sizes[i], p);
	}
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_FEATURES, d->features);
}

static int fill_config(const struct fake_dev *d, const struct nlmsghdr *req, uint16_t flags,
		       void *buf)
{
	struct nlmsghdr *nlh = begin(buf, req, flags, VDPA_COMMAND_CONFIG_GET);

	mnl_attr_put_strz(nlh, VDPA_NL_ATTR_DEV_NAME, d->name);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_DEV_ID, d->id);
	if (d->active)
		mnl_attr_put_u64(nlh, VDPA_NL_ATTR_NEGOTIATED_FEATURES, d->negotiated);
	if (d->id == VDPA_ID_NET)
		put_net(nlh, d);
	else if (d->id == VDPA_ID_BLOCK)
		put_blk(nlh, d);
	else
		return -EOPNOTSUPP;
	return 0;
}

int fake_dump_object(struct fake *k, unsigned int command, size_t *i, void *buf)
{
	int r;

	if (command == VDPA_COMMAND_MGMTDEV_GET) {
		if (*i >= k->n_mgmtdevs)
			return 0;
		r = fill_mgmtdev(&k->mgmtdevs[*i], &k->dump, NLM_F_MULTI, buf);
	} else {
		size_t managed = 0, j = 0;

		/* The position counts managed devices only. */
		for (; j < k->n_devs; j++)
			if (k->devs[j]->mgmtdev && managed++ == *i)
				break;
		if (j == k->n_devs)
			return 0;
		r = command == VDPA_COMMAND_DEV_GET ?
			    fill_dev(k->devs[j], &k->dump, NLM_F_MULTI, buf) :
			    fill_config(k->devs[j], &k->dump, NLM_F_MULTI, buf);
	}
	if (r < 0)
		return r;
	fake_apply_edits(k, command, buf);
	return (int)((struct nlmsghdr *)buf)->nlmsg_len;
}

/* ---- requests ---- */

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
	m = parent ? find_mgmtdev(k, text_of(q, VDPA_NL_ATTR_MGMTDEV_BUS), parent) : NULL;
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
	set_values(new_dev(k, m, name, m->classes & BIT(VDPA_ID_NET) ? VDPA_ID_NET : VDPA_ID_BLOCK),
		   q);
	return 0;
}

static int vstats(struct request *q, const struct fake_dev *d, void *buf)
{
	struct nlmsghdr *nlh = begin(buf, q->nlh, 0, VDPA_COMMAND_VSTATS_GET);
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
	switch (command) {
	case VDPA_COMMAND_DEV_GET:
		return fill_dev(d, q->nlh, 0, buf);
	case VDPA_COMMAND_CONFIG_GET:
		return fill_config(d, q->nlh, 0, buf);
	case VDPA_COMMAND_VSTATS_GET:
		return vstats(q, d, buf);
	case VDPA_COMMAND_ATTR_SET:
		return attr_set(q, d);
	}
	fake_remove(k, name);
	return 0;
}

static int mgmtdev_get(struct fake *k, struct request *q, void *buf)
{
	const char *name = text_of(q, VDPA_NL_ATTR_MGMTDEV_NAME);
	const struct fake_mgmtdev *m;

	if (!name)
		return -EINVAL;
	m = find_mgmtdev(k, text_of(q, VDPA_NL_ATTR_MGMTDEV_BUS), name);
	if (!m)
		return fail(q, ENODEV, "vdpa: Fail to find the specified mgmt device");
	return fill_mgmtdev(m, q->nlh, 0, buf);
}

void fake_request(struct fake *k, const struct nlmsghdr *req)
{
	static uint8_t buf[65536 * 3];
	unsigned int command = ((const struct genlmsghdr *)mnl_nlmsg_get_payload(req))->cmd;
	const uint64_t admin = BIT(VDPA_COMMAND_DEV_ADD) | BIT(VDPA_COMMAND_DEV_DEL) |
			       BIT(VDPA_COMMAND_ATTR_SET) | BIT(VDPA_COMMAND_VSTATS_GET);
	struct request q = { .nlh = req };
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
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
