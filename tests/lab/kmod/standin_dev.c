// SPDX-License-Identifier: GPL-2.0-or-later
/* A device as the vdpa bus sees it: virtqueues, features, status, configuration. */

#include "standin.h"

/* Virtqueues */

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

struct standin_dev *standin_dev_alloc(struct device *parent,
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
