// SPDX-License-Identifier: GPL-2.0-or-later
/* Parents, and the devices that the vdpa netlink family makes of them. */

#include "standin.h"

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
	int fail = READ_ONCE(standin_fail_add);
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
	if (standin_mac_busy && sd->status & VIRTIO_CONFIG_S_DRIVER_OK)
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

struct standin_parent *standin_parent_add(struct device *dev,
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
	if (standin_vport_mac)
		ether_addr_copy(p->mac, mac);
	p->ids[0].device = id;
	p->ids[0].vendor = VIRTIO_DEV_ANY_ID;
	p->mgmt.device = dev;
	p->mgmt.ops = &standin_mgmt_ops;
	p->mgmt.id_table = p->ids;
	p->mgmt.max_supported_vqs = standin_max_vqs;
	if (kind == STANDIN_ODD) {
		p->mgmt.supported_features = F_REQUIRED;
		p->mgmt.config_attr_mask = A(FEATURES);
	} else {
		p->mgmt.supported_features = standin_features;
		p->mgmt.config_attr_mask = A_MLX5;
	}
	err = vdpa_mgmtdev_register(&p->mgmt);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	return p;
}

void standin_parent_del(struct standin_parent *p)
{
	vdpa_mgmtdev_unregister(&p->mgmt);
	kfree(p);
}
