// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mlx5_standin - stand-in for the vDPA management behaviour of mlx5 hardware
 *
 * For the test lab only. It answers the vdpa netlink family the way the
 * mlx5_vdpa driver of Linux 6.12 answers it, on machines without such
 * hardware, and offers a few parents no hardware offers. No data queue ever
 * moves a packet: nothing measured here says anything about mlx5. README.md
 * lists the parents, the parameters and what is left out.
 *
 * Locks: the vdpa core holds its device lock over dev_add, dev_del and
 * dev_set_attr, which protects struct standin_parent. standin_dev.lock
 * protects what a device shows; map_lock, innermost, its memory maps.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/auxiliary_bus.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vdpa.h>
#include <linux/vhost_iotlb.h>
#include <linux/vringh.h>
#include <linux/workqueue.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/vhost_types.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>

/* What the real drivers are called on their buses. */
#define MLX5_DRIVER_NAME	"mlx5_core"
#define MLX5_SF_NAME		"sf"
#define MLX5_VDPA		"mlx5_vdpa"	/* as its messages begin */

#define STANDIN_VQ_SIZE		256
#define STANDIN_MTU		1500
#define STANDIN_SF_MAX		10000
#define STANDIN_PCI_MAX		32
/* sfnum is what an administrator chose, not the id in the device's name. */
#define STANDIN_SFNUM_BASE	1000
#define STANDIN_CVQ_BUDGET	16

enum { STANDIN_GROUP_DATA, STANDIN_GROUP_CVQ, STANDIN_GROUPS };
/* Memory maps: one for each address space of a user, and physical memory. */
enum { STANDIN_NAS = 2, STANDIN_MAP_IDENTITY = STANDIN_NAS, STANDIN_MAPS };

#define F(bit)			BIT_ULL(bit)
#define F_REQUIRED		(F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM))
#define F_MLX5			(F_REQUIRED | F(VIRTIO_NET_F_CSUM) |		\
				 F(VIRTIO_NET_F_GUEST_CSUM) |			\
				 F(VIRTIO_NET_F_MTU) | F(VIRTIO_NET_F_MAC) |	\
				 F(VIRTIO_NET_F_HOST_TSO4) |			\
				 F(VIRTIO_NET_F_HOST_TSO6) |			\
				 F(VIRTIO_NET_F_MRG_RXBUF) |			\
				 F(VIRTIO_NET_F_STATUS) |			\
				 F(VIRTIO_NET_F_CTRL_VQ) |			\
				 F(VIRTIO_NET_F_CTRL_VLAN) |			\
				 F(VIRTIO_NET_F_MQ) |				\
				 F(VIRTIO_NET_F_CTRL_MAC_ADDR))

#define A(attr)			BIT_ULL(VDPA_ATTR_DEV_##attr)
#define A_MLX5			(A(NET_CFG_MACADDR) | A(NET_CFG_MTU) |		\
				 A(NET_CFG_MAX_VQP) | A(FEATURES))

static unsigned int sf_count = 4;
module_param(sf_count, uint, 0444);
MODULE_PARM_DESC(sf_count, "Number of auxiliary/mlx5_core.sf.N parents (4)");

static char *sf_pf;
module_param(sf_pf, charp, 0444);
MODULE_PARM_DESC(sf_pf, "PCI function the SFs hang below in sysfs (none)");

static char *pci[STANDIN_PCI_MAX];
static unsigned int pci_count;
module_param_array(pci, charp, &pci_count, 0444);
MODULE_PARM_DESC(pci, "Driverless PCI functions to make parents of, DDDD:BB:DD.F[,...]");

static unsigned int max_vqs = 257;
module_param(max_vqs, uint, 0444);
MODULE_PARM_DESC(max_vqs, "Virtqueues of a parent, control queue included (257)");

static unsigned long long features = F_MLX5;
module_param(features, ullong, 0444);
MODULE_PARM_DESC(features, "Features of the mlx5 parents (0x300cb982b)");

static bool vport_mac;
module_param(vport_mac, bool, 0444);
MODULE_PARM_DESC(vport_mac, "Parents have a MAC of their own to fall back on (N)");

static unsigned int extra;
module_param(extra, uint, 0444);
MODULE_PARM_DESC(extra, "Number of unmanaged devices vdpaN (0)");

static unsigned int odd_id;
module_param(odd_id, uint, 0444);
MODULE_PARM_DESC(odd_id, "Virtio id of the devices of parent mlx5_standin_odd (0, no such parent)");

static unsigned int hostile;
module_param(hostile, uint, 0644);
MODULE_PARM_DESC(hostile, "Parent mlx5_standin_hostile: 1 odd statistics, 2 malformed ones too (0, no such parent)");

static int fail_add;
module_param(fail_add, int, 0644);
MODULE_PARM_DESC(fail_add, "Fail every dev_add with this errno (0, off)");

static int fail_stats;
module_param(fail_stats, int, 0644);
MODULE_PARM_DESC(fail_stats, "Fail statistics of data queues with this errno (0, off)");

static bool stats_hw;
module_param(stats_hw, bool, 0644);
MODULE_PARM_DESC(stats_hw, "Data queues answer EAGAIN unless running, as hardware does (N)");

static unsigned long long stats_scale = 1000;
module_param(stats_scale, ullong, 0644);
MODULE_PARM_DESC(stats_scale, "Queue i: received (i+1)*scale, completed i*scale+scale/2 (1000)");

static bool mac_busy;
module_param(mac_busy, bool, 0644);
MODULE_PARM_DESC(mac_busy, "Setting the MAC of a running device is EBUSY, as on later kernels (N)");

enum standin_kind { STANDIN_MLX5, STANDIN_ODD, STANDIN_HOSTILE };

struct standin_dev;

struct standin_parent {
	struct vdpa_mgmt_dev mgmt;
	struct virtio_device_id ids[2];
	enum standin_kind kind;
	struct device *dma_dev;
	struct standin_dev *only;	/* STANDIN_MLX5: its one device */
	u16 mtu;			/* the vport's: outlives the devices */
	u8 mac[ETH_ALEN];
};

struct standin_sf {
	struct auxiliary_device adev;
	struct list_head list;
};

struct standin_vq {
	u64 desc, driver, device;
	u32 num;
	u16 avail;
	bool ready;
	struct vdpa_callback cb;
};

struct standin_dev {
	struct vdpa_device vdpa;	/* must be the first member */
	struct list_head list;		/* of the unmanaged devices */
	bool hostile;
	u32 id;
	struct mutex lock;		/* all below but the maps */
	union {
		struct virtio_net_config net;
		struct virtio_blk_config blk;
	} config;
	u64 device_features;
	u64 driver_features;
	u8 status;
	bool suspended;
	u32 generation;
	u16 data_vqs;
	u16 cur_vqs;			/* data queues the driver enabled */
	u32 cvq_asid;
	struct standin_vq *vqs;		/* data_vqs + 1 of them */

	struct work_struct cvq_work;
	struct vringh cvq;
	struct vringh_kiov riov, wiov;
	spinlock_t map_lock;		/* maps; vringh takes it too */
	struct vhost_iotlb maps[STANDIN_MAPS];
};

static LIST_HEAD(standin_sfs);
static LIST_HEAD(standin_extras);
static struct device *standin_root;
static struct pci_dev *standin_pf;
static struct standin_parent *standin_odd;
static struct standin_parent *standin_hostile;

static struct standin_dev *to_standin(const struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct standin_dev, vdpa);
}

/* Virtqueues */

/* Without MQ the control queue follows the first pair, however many exist. */
static u16 standin_cvq_idx(const struct standin_dev *sd)
{
	return sd->driver_features & F(VIRTIO_NET_F_MQ) ? sd->data_vqs : 2;
}

static bool standin_is_cvq(const struct standin_dev *sd, u16 idx)
{
	return sd->id == VIRTIO_ID_NET &&
	       sd->driver_features & F(VIRTIO_NET_F_CTRL_VQ) &&
	       idx == standin_cvq_idx(sd);
}

static bool standin_idx_valid(const struct standin_dev *sd, u16 idx)
{
	if (sd->id != VIRTIO_ID_NET)
		return idx <= sd->data_vqs;
	if (sd->driver_features & F(VIRTIO_NET_F_CTRL_VQ))
		return idx <= standin_cvq_idx(sd);
	return idx < 2;
}

static int standin_set_vq_address(struct vdpa_device *vdpa, u16 idx, u64 desc,
				  u64 driver, u64 device)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (!standin_idx_valid(sd, idx))
		return -EINVAL;
	sd->vqs[idx].desc = desc;
	sd->vqs[idx].driver = driver;
	sd->vqs[idx].device = device;
	return 0;
}

static void standin_set_vq_num(struct vdpa_device *vdpa, u16 idx, u32 num)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (standin_idx_valid(sd, idx))
		sd->vqs[idx].num = num;
}

static void standin_kick_vq(struct vdpa_device *vdpa, u16 idx)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (standin_is_cvq(sd, idx))
		schedule_work(&sd->cvq_work);
}

/* A reset clears the negotiated features, and callbacks go after it. */
static void standin_set_vq_cb(struct vdpa_device *vdpa, u16 idx,
			      struct vdpa_callback *cb)
{
	struct standin_dev *sd = to_standin(vdpa);

	mutex_lock(&sd->lock);
	if (idx <= sd->data_vqs)
		sd->vqs[idx].cb = *cb;
	mutex_unlock(&sd->lock);
}

static void standin_set_vq_ready(struct vdpa_device *vdpa, u16 idx, bool ready)
{
	struct standin_dev *sd = to_standin(vdpa);

	mutex_lock(&sd->lock);
	if (standin_idx_valid(sd, idx))
		sd->vqs[idx].ready = ready;
	mutex_unlock(&sd->lock);
}

static bool standin_get_vq_ready(struct vdpa_device *vdpa, u16 idx)
{
	struct standin_dev *sd = to_standin(vdpa);

	return standin_idx_valid(sd, idx) && sd->vqs[idx].ready;
}

static int standin_set_vq_state(struct vdpa_device *vdpa, u16 idx,
				const struct vdpa_vq_state *state)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (!standin_idx_valid(sd, idx))
		return -EINVAL;
	sd->vqs[idx].avail = state->split.avail_index;
	return 0;
}

static int standin_get_vq_state(struct vdpa_device *vdpa, u16 idx,
				struct vdpa_vq_state *state)
{
	struct standin_dev *sd = to_standin(vdpa);
	u16 avail;

	if (!standin_idx_valid(sd, idx))
		return -EINVAL;
	mutex_lock(&sd->lock);
	avail = sd->vqs[idx].avail;
	if (standin_is_cvq(sd, idx) && sd->status & VIRTIO_CONFIG_S_DRIVER_OK)
		avail = sd->cvq.last_avail_idx;
	mutex_unlock(&sd->lock);
	state->split.avail_index = avail;
	return 0;
}

static u32 standin_get_vq_align(struct vdpa_device *vdpa)
{
	return PAGE_SIZE;
}

static u32 standin_get_vq_group(struct vdpa_device *vdpa, u16 idx)
{
	return standin_is_cvq(to_standin(vdpa), idx) ? STANDIN_GROUP_CVQ :
						       STANDIN_GROUP_DATA;
}

static u16 standin_get_vq_num_max(struct vdpa_device *vdpa)
{
	return STANDIN_VQ_SIZE;
}

/* The control queue is served by the CPU, not by the parent device. */
static struct device *standin_get_vq_dma_dev(struct vdpa_device *vdpa, u16 idx)
{
	return standin_is_cvq(to_standin(vdpa), idx) ? &vdpa->dev :
						       vdpa->dma_dev;
}

/* The control queue: answered, as virtio_net waits for it without an end. */

static void standin_cvq_notify(struct vringh *vrh)
{
	struct standin_dev *sd = container_of(vrh, struct standin_dev, cvq);
	struct vdpa_callback *cb = &sd->vqs[standin_cvq_idx(sd)].cb;

	if (cb->callback)
		cb->callback(cb->private);
}

/*
 * Only virtio_vdpa gets physical addresses to pass; a user of vhost_vdpa
 * reaches what it mapped and nothing else.
 */
static struct vhost_iotlb *standin_cvq_map(struct standin_dev *sd)
{
	const struct device_driver *drv = sd->vdpa.dev.driver;

	if (drv && !strcmp(drv->name, "virtio_vdpa"))
		return &sd->maps[STANDIN_MAP_IDENTITY];
	return &sd->maps[sd->cvq_asid];
}

static int standin_cvq_start(struct standin_dev *sd)
{
	struct standin_vq *vq = &sd->vqs[standin_cvq_idx(sd)];
	int err;

	err = vringh_init_iotlb(&sd->cvq, sd->driver_features, vq->num, false,
				(struct vring_desc *)(uintptr_t)vq->desc,
				(struct vring_avail *)(uintptr_t)vq->driver,
				(struct vring_used *)(uintptr_t)vq->device);
	if (err)
		return err;
	sd->cvq.last_avail_idx = vq->avail;
	sd->cvq.last_used_idx = vq->avail;
	sd->cvq.notify = standin_cvq_notify;
	vringh_set_iotlb(&sd->cvq, standin_cvq_map(sd), &sd->map_lock);
	return 0;
}

static bool standin_pull(struct standin_dev *sd, void *to, size_t len)
{
	return vringh_iov_pull_iotlb(&sd->cvq, &sd->riov, to, len) == len;
}

static u8 standin_cvq_command(struct standin_dev *sd)
{
	struct virtio_net_ctrl_hdr hdr;
	struct virtio_net_ctrl_mq mq;
	u8 mac[ETH_ALEN];
	__virtio16 vid;
	u16 pairs;

	if (!standin_pull(sd, &hdr, sizeof(hdr)))
		return VIRTIO_NET_ERR;

	switch (hdr.class) {
	case VIRTIO_NET_CTRL_MAC:
		if (hdr.cmd != VIRTIO_NET_CTRL_MAC_ADDR_SET ||
		    !standin_pull(sd, mac, sizeof(mac)) ||
		    is_zero_ether_addr(mac))
			return VIRTIO_NET_ERR;
		ether_addr_copy(sd->config.net.mac, mac);
		return VIRTIO_NET_OK;
	case VIRTIO_NET_CTRL_MQ:
		if (hdr.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
		    !(sd->driver_features & F(VIRTIO_NET_F_MQ)) ||
		    !standin_pull(sd, &mq, sizeof(mq)))
			return VIRTIO_NET_ERR;
		pairs = __virtio16_to_cpu(true, mq.virtqueue_pairs);
		if (!pairs || pairs > sd->data_vqs / 2)
			return VIRTIO_NET_ERR;
		sd->cur_vqs = 2 * pairs;
		return VIRTIO_NET_OK;
	case VIRTIO_NET_CTRL_VLAN:
		if (!(sd->driver_features & F(VIRTIO_NET_F_CTRL_VLAN)) ||
		    hdr.cmd > VIRTIO_NET_CTRL_VLAN_DEL ||
		    !standin_pull(sd, &vid, sizeof(vid)))
			return VIRTIO_NET_ERR;
		return VIRTIO_NET_OK;
	default:
		return VIRTIO_NET_ERR;
	}
}

static void standin_cvq_work(struct work_struct *work)
{
	struct standin_dev *sd = container_of(work, struct standin_dev, cvq_work);
	int budget = STANDIN_CVQ_BUDGET;
	ssize_t written;
	u16 head;
	u8 ack;

	mutex_lock(&sd->lock);
	while (sd->status & VIRTIO_CONFIG_S_DRIVER_OK && !sd->suspended &&
	       sd->driver_features & F(VIRTIO_NET_F_CTRL_VQ) &&
	       sd->vqs[standin_cvq_idx(sd)].ready) {
		if (!budget--) {
			schedule_work(&sd->cvq_work);
			break;
		}
		if (vringh_getdesc_iotlb(&sd->cvq, &sd->riov, &sd->wiov, &head,
					 GFP_KERNEL) <= 0)
			break;
		ack = standin_cvq_command(sd);
		written = vringh_iov_push_iotlb(&sd->cvq, &sd->wiov, &ack,
						sizeof(ack));
		vringh_complete_iotlb(&sd->cvq, head, max_t(ssize_t, written, 0));
		if (vringh_need_notify_iotlb(&sd->cvq) > 0)
			vringh_notify(&sd->cvq);
	}
	mutex_unlock(&sd->lock);
}

/* Device */

static u64 standin_get_device_features(struct vdpa_device *vdpa)
{
	return to_standin(vdpa)->device_features;
}

static u64 standin_get_backend_features(const struct vdpa_device *vdpa)
{
	return F(VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK);
}

static int standin_set_driver_features(struct vdpa_device *vdpa, u64 wanted)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (!(wanted & F(VIRTIO_F_ACCESS_PLATFORM)))
		return -EOPNOTSUPP;
	if (sd->id == VIRTIO_ID_NET && wanted & F(VIRTIO_NET_F_MQ) &&
	    !(wanted & F(VIRTIO_NET_F_CTRL_VQ)))
		return -EINVAL;
	mutex_lock(&sd->lock);
	sd->driver_features = wanted & sd->device_features;
	mutex_unlock(&sd->lock);
	return 0;
}

static u64 standin_get_driver_features(struct vdpa_device *vdpa)
{
	return to_standin(vdpa)->driver_features;
}

/* The configuration never changes by itself: there is nothing to call. */
static void standin_set_config_cb(struct vdpa_device *vdpa,
				  struct vdpa_callback *cb)
{
}

static u32 standin_get_device_id(struct vdpa_device *vdpa)
{
	return to_standin(vdpa)->id;
}

static u32 standin_get_vendor_id(struct vdpa_device *vdpa)
{
	return PCI_VENDOR_ID_MELLANOX;
}

static u8 standin_get_status(struct vdpa_device *vdpa)
{
	return READ_ONCE(to_standin(vdpa)->status);
}

static void standin_set_status(struct vdpa_device *vdpa, u8 status)
{
	struct standin_dev *sd = to_standin(vdpa);
	u8 gained;

	mutex_lock(&sd->lock);
	gained = status & ~sd->status;
	if (gained & VIRTIO_CONFIG_S_DRIVER_OK && sd->id == VIRTIO_ID_NET &&
	    sd->driver_features & F(VIRTIO_NET_F_CTRL_VQ) &&
	    standin_cvq_start(sd))
		status = sd->status | VIRTIO_CONFIG_S_FAILED;
	WRITE_ONCE(sd->status, status);
	mutex_unlock(&sd->lock);
}

static int standin_reset(struct vdpa_device *vdpa)
{
	struct standin_dev *sd = to_standin(vdpa);
	u16 i;

	mutex_lock(&sd->lock);
	WRITE_ONCE(sd->status, 0);
	sd->suspended = false;
	sd->driver_features = 0;
	sd->cur_vqs = 2;
	sd->cvq_asid = 0;
	sd->generation++;
	for (i = 0; i <= sd->data_vqs; i++)
		sd->vqs[i] = (struct standin_vq){ .num = STANDIN_VQ_SIZE };
	mutex_unlock(&sd->lock);
	return 0;
}

static int standin_suspend(struct vdpa_device *vdpa)
{
	struct standin_dev *sd = to_standin(vdpa);

	mutex_lock(&sd->lock);
	sd->suspended = true;
	mutex_unlock(&sd->lock);
	return 0;
}

static int standin_resume(struct vdpa_device *vdpa)
{
	struct standin_dev *sd = to_standin(vdpa);

	mutex_lock(&sd->lock);
	sd->suspended = false;
	mutex_unlock(&sd->lock);
	schedule_work(&sd->cvq_work);
	return 0;
}

static size_t standin_get_config_size(struct vdpa_device *vdpa)
{
	struct standin_dev *sd = to_standin(vdpa);

	return sd->id == VIRTIO_ID_NET ? sizeof(sd->config.net) :
					 sizeof(sd->config);
}

static void standin_get_config(struct vdpa_device *vdpa, unsigned int offset,
			       void *buf, unsigned int len)
{
	struct standin_dev *sd = to_standin(vdpa);
	size_t size = standin_get_config_size(vdpa);

	if (offset > size || len > size - offset)
		return;
	mutex_lock(&sd->lock);
	memcpy(buf, (u8 *)&sd->config + offset, len);
	mutex_unlock(&sd->lock);
}

static void standin_set_config(struct vdpa_device *vdpa, unsigned int offset,
			       const void *buf, unsigned int len)
{
}

static u32 standin_get_generation(struct vdpa_device *vdpa)
{
	return to_standin(vdpa)->generation;
}

/* Memory maps: kept for the control queue's sake alone. */

static int standin_set_map(struct vdpa_device *vdpa, unsigned int asid,
			   struct vhost_iotlb *iotlb)
{
	struct standin_dev *sd = to_standin(vdpa);
	struct vhost_iotlb_map *map;
	int err = 0;

	if (asid >= STANDIN_NAS)
		return -EINVAL;
	spin_lock(&sd->map_lock);
	vhost_iotlb_reset(&sd->maps[asid]);
	list_for_each_entry(map, &iotlb->list, link) {
		err = vhost_iotlb_add_range(&sd->maps[asid], map->start,
					    map->last, map->addr, map->perm);
		if (err)
			break;
	}
	spin_unlock(&sd->map_lock);
	return err;
}

static int standin_reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (asid >= STANDIN_NAS)
		return -EINVAL;
	spin_lock(&sd->map_lock);
	vhost_iotlb_reset(&sd->maps[asid]);
	spin_unlock(&sd->map_lock);
	return 0;
}

static int standin_set_group_asid(struct vdpa_device *vdpa, unsigned int group,
				  unsigned int asid)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (group >= STANDIN_GROUPS || asid >= STANDIN_NAS)
		return -EINVAL;
	if (group != STANDIN_GROUP_CVQ)
		return 0;
	mutex_lock(&sd->lock);
	sd->cvq_asid = asid;
	if (sd->status & VIRTIO_CONFIG_S_DRIVER_OK)
		vringh_set_iotlb(&sd->cvq, standin_cvq_map(sd), &sd->map_lock);
	mutex_unlock(&sd->lock);
	return 0;
}

static void standin_free(struct vdpa_device *vdpa)
{
	struct standin_dev *sd = to_standin(vdpa);
	int i;

	cancel_work_sync(&sd->cvq_work);
	vringh_kiov_cleanup(&sd->riov);
	vringh_kiov_cleanup(&sd->wiov);
	for (i = 0; i < STANDIN_MAPS; i++)
		vhost_iotlb_reset(&sd->maps[i]);
	kfree(sd->vqs);
}

/* Statistics */

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

static int standin_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 idx,
				       struct sk_buff *msg,
				       struct netlink_ext_ack *extack)
{
	struct standin_dev *sd = to_standin(vdpa);
	u64 scale = READ_ONCE(stats_scale);
	int fail = READ_ONCE(fail_stats);
	int err = 0;

	mutex_lock(&sd->lock);
	if (!standin_idx_valid(sd, idx)) {
		NL_SET_ERR_MSG(extack, MLX5_VDPA ": virtqueue index is not valid");
		err = -EINVAL;
	} else if (!standin_is_cvq(sd, idx)) {
		if (fail > 0 && fail <= MAX_ERRNO)
			err = -fail;
		else if (stats_hw && !standin_vq_running(sd, idx))
			err = -EAGAIN;
		if (err)
			NL_SET_ERR_MSG(extack, MLX5_VDPA ": failed to query hardware");
	}
	mutex_unlock(&sd->lock);
	if (err)
		return err;

	if (sd->hostile) {
		err = standin_put_hostile_stats(msg, idx);
		if (!err && hostile >= 2)
			err = standin_put_malformed_stats(msg);
		return err;
	}
	err = standin_put_stat(msg, "received_desc", (idx + 1) * scale);
	if (!err)
		err = standin_put_stat(msg, "completed_desc",
				       idx * scale + scale / 2);
	return err;
}

static const struct vdpa_config_ops standin_ops = {
	.set_vq_address		= standin_set_vq_address,
	.set_vq_num		= standin_set_vq_num,
	.kick_vq		= standin_kick_vq,
	.set_vq_cb		= standin_set_vq_cb,
	.set_vq_ready		= standin_set_vq_ready,
	.get_vq_ready		= standin_get_vq_ready,
	.set_vq_state		= standin_set_vq_state,
	.get_vq_state		= standin_get_vq_state,
	.get_vendor_vq_stats	= standin_get_vendor_vq_stats,
	.get_vq_align		= standin_get_vq_align,
	.get_vq_group		= standin_get_vq_group,
	.get_vq_num_max		= standin_get_vq_num_max,
	.get_vq_dma_dev		= standin_get_vq_dma_dev,
	.get_device_features	= standin_get_device_features,
	.get_backend_features	= standin_get_backend_features,
	.set_driver_features	= standin_set_driver_features,
	.get_driver_features	= standin_get_driver_features,
	.set_config_cb		= standin_set_config_cb,
	.get_device_id		= standin_get_device_id,
	.get_vendor_id		= standin_get_vendor_id,
	.get_status		= standin_get_status,
	.set_status		= standin_set_status,
	.reset			= standin_reset,
	.suspend		= standin_suspend,
	.resume			= standin_resume,
	.get_config_size	= standin_get_config_size,
	.get_config		= standin_get_config,
	.set_config		= standin_set_config,
	.get_generation		= standin_get_generation,
	.set_map		= standin_set_map,
	.reset_map		= standin_reset_map,
	.set_group_asid		= standin_set_group_asid,
	.free			= standin_free,
};

/* Making devices */

static struct standin_dev *standin_dev_alloc(struct device *parent,
					     struct device *dma_dev,
					     const char *name, u32 id,
					     u64 device_features, u16 data_vqs)
{
	struct standin_dev *sd;
	int err, i;

	sd = vdpa_alloc_device(struct standin_dev, vdpa, parent, &standin_ops,
			       STANDIN_GROUPS, STANDIN_NAS, name, false);
	if (IS_ERR(sd))
		return sd;

	/* From here on dropping the last reference calls standin_free(). */
	mutex_init(&sd->lock);
	spin_lock_init(&sd->map_lock);
	INIT_WORK(&sd->cvq_work, standin_cvq_work);
	vringh_kiov_init(&sd->riov, NULL, 0);
	vringh_kiov_init(&sd->wiov, NULL, 0);
	for (i = 0; i < STANDIN_MAPS; i++)
		vhost_iotlb_init(&sd->maps[i], 0, 0);
	sd->vdpa.dma_dev = dma_dev;
	sd->id = id;
	sd->device_features = device_features;
	sd->data_vqs = data_vqs;

	err = -ENOMEM;
	sd->vqs = kcalloc(data_vqs + 1, sizeof(*sd->vqs), GFP_KERNEL);
	if (!sd->vqs)
		goto err_put;
	err = vhost_iotlb_add_range(&sd->maps[STANDIN_MAP_IDENTITY], 0, U64_MAX,
				    0, VHOST_MAP_RW);
	if (err)
		goto err_put;
	standin_reset(&sd->vdpa);
	return sd;

err_put:
	put_device(&sd->vdpa.dev);
	return ERR_PTR(err);
}

/* Fill the network configuration; may take F_MAC off the device. */
static int standin_net_config(struct standin_dev *sd, struct standin_parent *p,
			      const struct vdpa_dev_set_config *add)
{
	struct virtio_net_config *net = &sd->config.net;
	bool provisioned = add->mask & A(FEATURES);

	if (add->mask & A(NET_CFG_MTU))
		p->mtu = add->net.mtu;
	if (sd->device_features & F(VIRTIO_NET_F_MTU))
		net->mtu = __cpu_to_virtio16(true, p->mtu);
	if (sd->device_features & F(VIRTIO_NET_F_STATUS))
		net->status = __cpu_to_virtio16(true, VIRTIO_NET_S_LINK_UP);
	if (sd->device_features & F(VIRTIO_NET_F_MQ))
		net->max_virtqueue_pairs = __cpu_to_virtio16(true, sd->data_vqs / 2);

	if (add->mask & A(NET_CFG_MACADDR))
		ether_addr_copy(net->mac, add->net.mac);
	else if (!provisioned || sd->device_features & F(VIRTIO_NET_F_MAC))
		ether_addr_copy(net->mac, p->mac);

	if (!is_zero_ether_addr(net->mac))
		return 0;
	if (!provisioned) {
		sd->device_features &= ~F(VIRTIO_NET_F_MAC);
	} else if (sd->device_features & F(VIRTIO_NET_F_MAC)) {
		dev_warn(p->mgmt.device, "F_MAC provisioned, but no MAC\n");
		return -EINVAL;
	}
	return 0;
}

static int standin_dev_add(struct vdpa_mgmt_dev *mgmt, const char *name,
			   const struct vdpa_dev_set_config *add)
{
	struct standin_parent *p = container_of(mgmt, struct standin_parent, mgmt);
	u64 device_features = mgmt->supported_features;
	u32 data_vqs = mgmt->max_supported_vqs - 1;
	int fail = READ_ONCE(fail_add);
	struct standin_dev *sd;
	int err;

	if (fail > 0 && fail <= MAX_ERRNO)
		return -fail;
	if (p->only)
		return -ENOSPC;

	if (add->mask & A(FEATURES)) {
		if (add->device_features & ~device_features) {
			dev_warn(mgmt->device,
				 "features 0x%llx wanted, 0x%llx supported\n",
				 add->device_features, device_features);
			return -EINVAL;
		}
		device_features = add->device_features;
	} else if (p->ids[0].device == VIRTIO_ID_NET) {
		device_features &= ~F(VIRTIO_NET_F_MRG_RXBUF);
	}
	if ((device_features & F_REQUIRED) != F_REQUIRED) {
		dev_warn(mgmt->device, "features 0x%llx are required\n",
			 F_REQUIRED);
		return -EOPNOTSUPP;
	}

	if (!(add->mask & A(NET_CFG_MAX_VQP)))
		data_vqs = 2;
	else if (add->net.max_vq_pairs <= data_vqs / 2)
		data_vqs = 2 * add->net.max_vq_pairs;
	else
		return -EINVAL;

	sd = standin_dev_alloc(mgmt->device, p->dma_dev, name, p->ids[0].device,
			       device_features, data_vqs);
	if (IS_ERR(sd))
		return PTR_ERR(sd);
	sd->hostile = p->kind == STANDIN_HOSTILE;
	if (sd->id == VIRTIO_ID_NET) {
		err = standin_net_config(sd, p, add);
		if (err)
			goto err_put;
	}

	sd->vdpa.mdev = mgmt;
	err = _vdpa_register_device(&sd->vdpa, data_vqs + 1);
	if (err)
		goto err_put;
	if (p->kind == STANDIN_MLX5)
		p->only = sd;
	return 0;

err_put:
	put_device(&sd->vdpa.dev);
	return err;
}

static void standin_dev_del(struct vdpa_mgmt_dev *mgmt, struct vdpa_device *vdpa)
{
	struct standin_parent *p = container_of(mgmt, struct standin_parent, mgmt);

	_vdpa_unregister_device(vdpa);
	p->only = NULL;
}

static int standin_dev_set_attr(struct vdpa_mgmt_dev *mgmt,
				struct vdpa_device *vdpa,
				const struct vdpa_dev_set_config *set)
{
	struct standin_dev *sd = to_standin(vdpa);
	int err = 0;

	if (!(set->mask & A(NET_CFG_MACADDR)))
		return -EOPNOTSUPP;
	mutex_lock(&sd->lock);
	if (mac_busy && sd->status & VIRTIO_CONFIG_S_DRIVER_OK)
		err = -EBUSY;
	else
		ether_addr_copy(sd->config.net.mac, set->net.mac);
	mutex_unlock(&sd->lock);
	return err;
}

static const struct vdpa_mgmtdev_ops standin_mgmt_ops = {
	.dev_add	= standin_dev_add,
	.dev_del	= standin_dev_del,
	.dev_set_attr	= standin_dev_set_attr,
};

/* Parents */

static struct standin_parent *standin_parent_add(struct device *dev,
						 struct device *dma_dev,
						 enum standin_kind kind,
						 u32 id, u16 number)
{
	const u8 mac[ETH_ALEN] = { 0x02, 0x6d, 0x78, 0x35, number >> 8, number };
	struct standin_parent *p;
	int err;

	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return ERR_PTR(-ENOMEM);
	p->kind = kind;
	p->dma_dev = dma_dev;
	p->mtu = STANDIN_MTU;
	if (vport_mac)
		ether_addr_copy(p->mac, mac);
	p->ids[0].device = id;
	p->ids[0].vendor = VIRTIO_DEV_ANY_ID;
	p->mgmt.device = dev;
	p->mgmt.ops = &standin_mgmt_ops;
	p->mgmt.id_table = p->ids;
	p->mgmt.max_supported_vqs = max_vqs;
	if (kind == STANDIN_ODD) {
		p->mgmt.supported_features = F_REQUIRED;
		p->mgmt.config_attr_mask = A(FEATURES);
	} else {
		p->mgmt.supported_features = features;
		p->mgmt.config_attr_mask = A_MLX5;
	}
	err = vdpa_mgmtdev_register(&p->mgmt);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	return p;
}

static void standin_parent_del(struct standin_parent *p)
{
	vdpa_mgmtdev_unregister(&p->mgmt);
	kfree(p);
}

static struct device *standin_root_add(const char *name)
{
	struct device *root = root_device_register(name);

	if (!IS_ERR(root))
		dma_coerce_mask_and_coherent(root, DMA_BIT_MASK(64));
	return root;
}

static struct standin_parent *standin_busless_add(const char *name,
						  enum standin_kind kind, u32 id)
{
	struct device *root = standin_root_add(name);
	struct standin_parent *p;

	if (IS_ERR(root))
		return ERR_CAST(root);
	p = standin_parent_add(root, root, kind, id, 0);
	if (IS_ERR(p))
		root_device_unregister(root);
	return p;
}

static void standin_busless_del(struct standin_parent *p)
{
	struct device *root;

	if (IS_ERR_OR_NULL(p))
		return;
	root = p->mgmt.device;
	standin_parent_del(p);
	root_device_unregister(root);
}

/*
 * PCI functions. Every function without a driver is offered to us; we take
 * those named in the pci parameter or in their driver_override.
 */
#define STANDIN_PCI_OVERRIDE	1	/* of pci_device_id.driver_data */

static bool pci_taken[STANDIN_PCI_MAX];

static int standin_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	bool wanted = id->driver_data == STANDIN_PCI_OVERRIDE;
	struct standin_parent *p;
	unsigned int i;
	int err;

	for (i = 0; i < pci_count; i++) {
		if (!strcmp(pci[i], pci_name(pdev))) {
			pci_taken[i] = true;
			wanted = true;
		}
	}
	if (!wanted)
		return -ENODEV;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	p = standin_parent_add(&pdev->dev, &pdev->dev, STANDIN_MLX5,
			       VIRTIO_ID_NET, pci_dev_id(pdev));
	if (IS_ERR(p))
		return PTR_ERR(p);
	pci_set_drvdata(pdev, p);
	return 0;
}

static void standin_pci_remove(struct pci_dev *pdev)
{
	standin_parent_del(pci_get_drvdata(pdev));
}

static const struct pci_device_id standin_pci_ids[] = {
	{ PCI_DEVICE_DRIVER_OVERRIDE(PCI_ANY_ID, PCI_ANY_ID, true),
	  .driver_data = STANDIN_PCI_OVERRIDE },
	{ PCI_DEVICE(PCI_ANY_ID, PCI_ANY_ID) },
	{ }
};

static struct pci_driver standin_pci_driver = {
	.name		= MLX5_DRIVER_NAME,
	.id_table	= standin_pci_ids,
	.probe		= standin_pci_probe,
	.remove		= standin_pci_remove,
};

static int standin_pci_register(void)
{
	unsigned int i;
	int err;

	err = pci_register_driver(&standin_pci_driver);
	if (err)
		return err;
	for (i = 0; i < pci_count; i++) {
		if (!pci_taken[i]) {
			pr_err("no PCI function %s without a driver\n", pci[i]);
			err = -ENODEV;
		}
	}
	if (err)
		pci_unregister_driver(&standin_pci_driver);
	return err;
}

/* Subfunctions, on the auxiliary bus */

static int standin_sf_probe(struct auxiliary_device *adev,
			    const struct auxiliary_device_id *id)
{
	struct standin_parent *p;

	p = standin_parent_add(&adev->dev, adev->dev.parent, STANDIN_MLX5,
			       VIRTIO_ID_NET, adev->id);
	if (IS_ERR(p))
		return PTR_ERR(p);
	auxiliary_set_drvdata(adev, p);
	return 0;
}

static void standin_sf_remove(struct auxiliary_device *adev)
{
	standin_parent_del(auxiliary_get_drvdata(adev));
}

static const struct auxiliary_device_id standin_sf_ids[] = {
	{ .name = MLX5_DRIVER_NAME "." MLX5_SF_NAME },
	{ }
};

static struct auxiliary_driver standin_sf_driver = {
	.name		= MLX5_SF_NAME,
	.probe		= standin_sf_probe,
	.remove		= standin_sf_remove,
	.id_table	= standin_sf_ids,
};

static ssize_t sfnum_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  STANDIN_SFNUM_BASE + to_auxiliary_dev(dev)->id);
}
static DEVICE_ATTR_RO(sfnum);

static struct attribute *standin_sf_attrs[] = {
	&dev_attr_sfnum.attr,
	NULL
};
ATTRIBUTE_GROUPS(standin_sf);

static void standin_sf_release(struct device *dev)
{
	kfree(container_of(to_auxiliary_dev(dev), struct standin_sf, adev));
}

static int standin_sf_add(struct device *pf, u32 number)
{
	struct standin_sf *sf;
	int err;

	sf = kzalloc(sizeof(*sf), GFP_KERNEL);
	if (!sf)
		return -ENOMEM;
	sf->adev.name = MLX5_SF_NAME;
	sf->adev.id = number;
	sf->adev.dev.parent = pf;
	sf->adev.dev.release = standin_sf_release;
	sf->adev.dev.groups = standin_sf_groups;
	err = auxiliary_device_init(&sf->adev);
	if (err) {
		kfree(sf);
		return err;
	}
	/* Its modalias would have udev load the real driver for it. */
	dev_set_uevent_suppress(&sf->adev.dev, true);
	err = __auxiliary_device_add(&sf->adev, MLX5_DRIVER_NAME);
	if (err) {
		auxiliary_device_uninit(&sf->adev);
		return err;
	}
	list_add(&sf->list, &standin_sfs);
	return 0;
}

static struct pci_dev *standin_find_pci(const char *name)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (!strcmp(pci_name(pdev), name))
			return pdev;
	}
	return NULL;
}

static int standin_sfs_add(void)
{
	struct device *pf = standin_root;
	unsigned int i;
	int err = 0;

	if (sf_pf) {
		standin_pf = standin_find_pci(sf_pf);
		if (!standin_pf) {
			pr_err("no PCI function %s\n", sf_pf);
			return -ENODEV;
		}
		pf = &standin_pf->dev;
	}
	for (i = 1; i <= sf_count && !err; i++)
		err = standin_sf_add(pf, i);
	return err;
}

static void standin_sfs_del(void)
{
	struct standin_sf *sf, *next;

	list_for_each_entry_safe(sf, next, &standin_sfs, list) {
		list_del(&sf->list);
		auxiliary_device_delete(&sf->adev);
		auxiliary_device_uninit(&sf->adev);
	}
	pci_dev_put(standin_pf);
	standin_pf = NULL;
}

/* Unmanaged devices, as drivers without a management device make them */

static int standin_extra_add(void)
{
	struct standin_dev *sd;
	int err;

	sd = standin_dev_alloc(standin_root, standin_root, NULL, VIRTIO_ID_NET,
			       F_REQUIRED | F(VIRTIO_NET_F_MAC) |
			       F(VIRTIO_NET_F_STATUS), 2);
	if (IS_ERR(sd))
		return PTR_ERR(sd);
	eth_random_addr(sd->config.net.mac);
	sd->config.net.status = __cpu_to_virtio16(true, VIRTIO_NET_S_LINK_UP);
	err = vdpa_register_device(&sd->vdpa, 2);
	if (err) {
		put_device(&sd->vdpa.dev);
		return err;
	}
	list_add(&sd->list, &standin_extras);
	return 0;
}

static void standin_extras_del(void)
{
	struct standin_dev *sd, *next;

	list_for_each_entry_safe(sd, next, &standin_extras, list) {
		list_del(&sd->list);
		vdpa_unregister_device(&sd->vdpa);
	}
}

/* Module */

static int standin_populate(void)
{
	unsigned int i;
	int err;

	err = standin_sfs_add();
	if (err)
		return err;
	if (odd_id) {
		standin_odd = standin_busless_add("mlx5_standin_odd",
						  STANDIN_ODD, odd_id);
		if (IS_ERR(standin_odd))
			return PTR_ERR(standin_odd);
	}
	if (hostile) {
		standin_hostile = standin_busless_add("mlx5_standin_hostile",
						      STANDIN_HOSTILE,
						      VIRTIO_ID_NET);
		if (IS_ERR(standin_hostile))
			return PTR_ERR(standin_hostile);
	}
	for (i = 0; i < extra && !err; i++)
		err = standin_extra_add();
	return err;
}

static void standin_depopulate(void)
{
	standin_extras_del();
	standin_busless_del(standin_hostile);
	standin_busless_del(standin_odd);
	standin_sfs_del();
}

static int __init standin_init(void)
{
	int err;

	if (max_vqs < 3 || max_vqs > 4097 || sf_count > STANDIN_SF_MAX)
		return -EINVAL;

	standin_root = standin_root_add(KBUILD_MODNAME);
	if (IS_ERR(standin_root))
		return PTR_ERR(standin_root);
	/* Both names are the real driver's: each refuses to join the other. */
	err = standin_pci_register();
	if (err)
		goto err_root;
	err = __auxiliary_driver_register(&standin_sf_driver, THIS_MODULE,
					  MLX5_DRIVER_NAME);
	if (err)
		goto err_pci;
	err = standin_populate();
	if (err)
		goto err_populate;
	return 0;

err_populate:
	standin_depopulate();
	auxiliary_driver_unregister(&standin_sf_driver);
err_pci:
	pci_unregister_driver(&standin_pci_driver);
err_root:
	root_device_unregister(standin_root);
	return err;
}

static void __exit standin_exit(void)
{
	standin_depopulate();
	auxiliary_driver_unregister(&standin_sf_driver);
	pci_unregister_driver(&standin_pci_driver);
	root_device_unregister(standin_root);
}

module_init(standin_init);
module_exit(standin_exit);

MODULE_DESCRIPTION("Stand-in for the vDPA management behaviour of mlx5 hardware");
MODULE_AUTHOR("The vdpactl authors");
MODULE_LICENSE("GPL");
