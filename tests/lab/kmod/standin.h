/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of mlx5_standin share, grouped by the file that owns it.
 *
 * Locks: the vdpa core holds its device lock over dev_add, dev_del and
 * dev_set_attr, which protects struct standin_parent. standin_dev.lock
 * protects what a device shows; map_lock, innermost, its memory maps.
 */
#ifndef STANDIN_H
#define STANDIN_H

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

static inline struct standin_dev *to_standin(const struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct standin_dev, vdpa);
}

/* Without MQ the control queue follows the first pair, however many exist. */
static inline u16 standin_cvq_idx(const struct standin_dev *sd)
{
	return sd->driver_features & F(VIRTIO_NET_F_MQ) ? sd->data_vqs : 2;
}

static inline bool standin_is_cvq(const struct standin_dev *sd, u16 idx)
{
	return sd->id == VIRTIO_ID_NET &&
	       sd->driver_features & F(VIRTIO_NET_F_CTRL_VQ) &&
	       idx == standin_cvq_idx(sd);
}

static inline bool standin_idx_valid(const struct standin_dev *sd, u16 idx)
{
	if (sd->id != VIRTIO_ID_NET)
		return idx <= sd->data_vqs;
	if (sd->driver_features & F(VIRTIO_NET_F_CTRL_VQ))
		return idx <= standin_cvq_idx(sd);
	return idx < 2;
}

/* standin_main.c: module parameters */

extern unsigned int standin_sf_count;
extern char *standin_sf_pf;
extern char *standin_pci[STANDIN_PCI_MAX];
extern unsigned int standin_pci_count;
extern unsigned int standin_max_vqs;
extern unsigned long long standin_features;
extern bool standin_vport_mac;
extern unsigned int standin_hostile;
extern int standin_fail_add;
extern int standin_fail_stats;
extern bool standin_stats_hw;
extern unsigned long long standin_stats_scale;
extern bool standin_mac_busy;

/* standin_cvq.c: the control queue, and the memory that it reaches */

void standin_cvq_work(struct work_struct *work);
/* Called with the device's lock, as DRIVER_OK is set. */
int standin_cvq_start(struct standin_dev *sd);
int standin_set_map(struct vdpa_device *vdpa, unsigned int asid,
		    struct vhost_iotlb *iotlb);
int standin_reset_map(struct vdpa_device *vdpa, unsigned int asid);
int standin_set_group_asid(struct vdpa_device *vdpa, unsigned int group,
			   unsigned int asid);

/* standin_stats.c */

int standin_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 idx,
				struct sk_buff *msg,
				struct netlink_ext_ack *extack);

/* standin_dev.c: a device; put_device() releases one that is not registered */

struct standin_dev *standin_dev_alloc(struct device *parent,
				      struct device *dma_dev,
				      const char *name, u32 id,
				      u64 device_features, u16 data_vqs);

/* standin_mgmt.c: parents, and the devices made from them */

struct standin_parent *standin_parent_add(struct device *dev,
					  struct device *dma_dev,
					  enum standin_kind kind,
					  u32 id, u16 number);
void standin_parent_del(struct standin_parent *p);

/* standin_bus.c: the buses that parents are found on */

int standin_pci_register(void);
void standin_pci_unregister(void);
int standin_sf_register(void);
void standin_sf_unregister(void);
/* Below the PCI function that the parameter names, else below root. */
int standin_sfs_add(struct device *root);
void standin_sfs_del(void);

#endif
