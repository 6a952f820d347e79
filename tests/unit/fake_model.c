/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Management devices and devices, and how they stand in answers. */
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
	static const char *const dirs[] = { "sys",	    "sys/bus",
					    "sys/bus/vdpa", "sys/bus/vdpa/devices",
					    "proc",	    "dev" };
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

const struct fake_mgmtdev *fake_find_mgmtdev(const struct fake *k, const char *bus,
					     const char *name)
{
	for (size_t i = 0; i < k->n_mgmtdevs; i++) {
		const struct fake_mgmtdev *m = &k->mgmtdevs[i];

		if (!m->bus == !bus && (!bus || !strcmp(bus, m->bus)) && !strcmp(name, m->name))
			return m;
	}
	return NULL;
}

/* In sysfs; a name that no file can have does not. */
static void appear(const struct fake *k, const char *name)
{
	char *path = sysfs_path(k, name);
	char below[512], link[600];

	(void)mkdir(path, 0755);
	free(path);
	if (!k->child_of)
		return;
	snprintf(below, sizeof(below), "%s/%s/%s", k->root, k->child_of, name);
	snprintf(link, sizeof(link), "%s/subsystem", below);
	if (mkdir(below, 0755) < 0 || symlink("vdpa", link) < 0)
		abort();
}

struct fake_dev *fake_new_dev(struct fake *k, const struct fake_mgmtdev *m, const char *name,
			      uint32_t id)
{
	struct fake_dev *d = fake_alloc(sizeof(*d));
	struct fake_dev **devs = reallocarray(k->devs, k->n_devs + 1, sizeof(d));

	if (!devs)
		abort();
	*d = (struct fake_dev){ .mgmtdev = m,
				.id = id,
				.max_vqs = 3,
				.max_vq_size = 256,
				.min_vq_size = 1,
				.features = 0x328820028ULL,
				.status = 1,
				.max_vqp = 1,
				.mtu = 1500 };
	d->name = fake_alloc(strlen(name) + 1);
	strcpy(d->name, name);
	k->devs = devs;
	devs[k->n_devs++] = d;
	if (*k->root)
		appear(k, name);
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
		m = fake_find_mgmtdev(k, slash ? bus : NULL, slash ? slash + 1 : mgmtdev);
		if (!m)
			abort();
	}
	return fake_new_dev(k, m, name, id);
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

struct nlmsghdr *fake_object(void *buf, const struct nlmsghdr *req, uint16_t flags, uint8_t cmd)
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

int fake_fill_mgmtdev(const struct fake_mgmtdev *m, const struct nlmsghdr *req, uint16_t flags,
		      void *buf)
{
	struct nlmsghdr *nlh = fake_object(buf, req, flags, VDPA_NL_CMD_MGMTDEV_NEW);

	put_handle(nlh, m);
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_MGMTDEV_CLASSES, m->classes);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_MGMTDEV_MAX_VQS, m->max_vqs);
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_SUPPORTED_FEATURES, m->features);
	return 0;
}

int fake_fill_dev(const struct fake_dev *d, const struct nlmsghdr *req, uint16_t flags, void *buf)
{
	struct nlmsghdr *nlh = fake_object(buf, req, flags, VDPA_NL_CMD_DEV_NEW);

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
		const void *p = sizes[i] == 8 ? &v :
				sizes[i] == 4 ? (void *)&v32 :
				sizes[i] == 2 ? (void *)&v16 :
						(void *)&v8;

		mnl_attr_put(nlh, (uint16_t)(VDPA_NL_ATTR_BLK_CAPACITY + i), sizes[i], p);
	}
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_FEATURES, d->features);
}

int fake_fill_config(const struct fake_dev *d, const struct nlmsghdr *req, uint16_t flags,
		     void *buf)
{
	struct nlmsghdr *nlh = fake_object(buf, req, flags, VDPA_COMMAND_CONFIG_GET);

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
		r = fake_fill_mgmtdev(&k->mgmtdevs[*i], &k->dump, NLM_F_MULTI, buf);
	} else {
		size_t managed = 0, j = 0;

		/* The position counts managed devices only. */
		for (; j < k->n_devs; j++)
			if (k->devs[j]->mgmtdev && managed++ == *i)
				break;
		if (j == k->n_devs)
			return 0;
		if (k->devs[j]->broken)
			return -k->devs[j]->broken;
		r = command == VDPA_COMMAND_DEV_GET ?
			    fake_fill_dev(k->devs[j], &k->dump, NLM_F_MULTI, buf) :
			    fake_fill_config(k->devs[j], &k->dump, NLM_F_MULTI, buf);
	}
	if (r < 0)
		return r;
	fake_apply_edits(k, command, buf);
	return (int)((struct nlmsghdr *)buf)->nlmsg_len;
}
