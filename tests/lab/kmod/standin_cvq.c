// SPDX-License-Identifier: GPL-2.0-or-later
/* The control queue, the one queue of a stand-in that is served. */

#include "standin.h"

/* It is answered, as virtio_net waits for it without an end. */

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

int standin_cvq_start(struct standin_dev *sd)
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

void standin_cvq_work(struct work_struct *work)
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

/* Memory maps: kept for the control queue's sake alone. */

int standin_set_map(struct vdpa_device *vdpa, unsigned int asid,
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

int standin_reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	struct standin_dev *sd = to_standin(vdpa);

	if (asid >= STANDIN_NAS)
		return -EINVAL;
	spin_lock(&sd->map_lock);
	vhost_iotlb_reset(&sd->maps[asid]);
	spin_unlock(&sd->map_lock);
	return 0;
}

int standin_set_group_asid(struct vdpa_device *vdpa, unsigned int group,
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
