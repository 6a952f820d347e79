// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost_vdpa.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef VHOST_VDPA_GET_VQS_COUNT
#define VHOST_VDPA_GET_VQS_COUNT _IOR(VHOST_VIRTIO, 0x80, __u32)
#endif
#ifndef VHOST_VDPA_GET_CONFIG_SIZE
#define VHOST_VDPA_GET_CONFIG_SIZE _IOR(VHOST_VIRTIO, 0x79, __u32)
#endif

void vdpa_open(struct vdpa *d, const char *path)
{
	const uint8_t driver = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	uint64_t backend;
	uint32_t queues;
	uint16_t size;

	*d = (struct vdpa){ .fd = open(path, O_RDWR | O_CLOEXEC) };
	if (d->fd < 0)
		err(1, "%s", path);
	if (ioctl(d->fd, VHOST_SET_OWNER, NULL))
		err(1, "VHOST_SET_OWNER");
	if (ioctl(d->fd, VHOST_GET_BACKEND_FEATURES, &backend))
		err(1, "VHOST_GET_BACKEND_FEATURES");
	backend &= FEATURE(VHOST_BACKEND_F_IOTLB_MSG_V2);
	if (!backend || ioctl(d->fd, VHOST_SET_BACKEND_FEATURES, &backend))
		err(1, "VHOST_SET_BACKEND_FEATURES");
	if (vdpa_set_status(d, driver) != driver)
		errx(1, "the device does not take DRIVER");
	if (ioctl(d->fd, VHOST_GET_FEATURES, &d->offered))
		err(1, "VHOST_GET_FEATURES");
	if (ioctl(d->fd, VHOST_VDPA_GET_VQS_COUNT, &queues) ||
	    ioctl(d->fd, VHOST_VDPA_GET_VRING_NUM, &size))
		err(1, "number and size of the virtqueues");
	d->queues = queues;
	d->queue_size = size;
}

void vdpa_close(struct vdpa *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

uint8_t vdpa_set_status(struct vdpa *d, uint8_t status)
{
	uint8_t now = 0;

	/* A status that the device refuses is no error of the ioctl. */
	if (ioctl(d->fd, VHOST_VDPA_SET_STATUS, &status))
		err(1, "VHOST_VDPA_SET_STATUS %#x", status);
	if (ioctl(d->fd, VHOST_VDPA_GET_STATUS, &now))
		err(1, "VHOST_VDPA_GET_STATUS");
	return now;
}

bool vdpa_set_features(struct vdpa *d, uint64_t features)
{
	if (ioctl(d->fd, VHOST_SET_FEATURES, &features))
		return false;
	d->features = features;
	return true;
}

void vdpa_config(const struct vdpa *d, void *config, size_t len)
{
	struct vhost_vdpa_config *c;
	uint32_t size = 0;

	memset(config, 0, len);
	if (ioctl(d->fd, VHOST_VDPA_GET_CONFIG_SIZE, &size))
		err(1, "VHOST_VDPA_GET_CONFIG_SIZE");
	if (size > len)
		size = (uint32_t)len;
	c = calloc(1, sizeof(*c) + size);
	if (!c)
		err(1, "out of memory");
	c->len = size;
	if (ioctl(d->fd, VHOST_VDPA_GET_CONFIG, c))
		err(1, "VHOST_VDPA_GET_CONFIG");
	memcpy(config, c->buf, size);
	free(c);
}

/* ---- memory ---- */

void mem_make(struct vdpa_mem *m, size_t len, uint64_t iova)
{
	*m = (struct vdpa_mem){ .len = len, .iova = iova };
	m->fd = memfd_create("vhost_blk", MFD_CLOEXEC);
	if (m->fd < 0 || ftruncate(m->fd, (off_t)len))
		err(1, "memfd of %zu octets", len);
	m->va = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->va == MAP_FAILED)
		err(1, "mmap of %zu octets", len);
}

void mem_free(struct vdpa_mem *m)
{
	if (!m->va)
		return;
	munmap(m->va, m->len);
	close(m->fd);
	m->va = NULL;
}

static void send_iotlb(const struct vdpa *d, const struct vhost_iotlb_msg *iotlb)
{
	struct vhost_msg_v2 msg = { .type = VHOST_IOTLB_MSG_V2 };

	msg.iotlb = *iotlb;
	if (write(d->fd, &msg, sizeof(msg)) != sizeof(msg))
		err(1, "IOTLB message %u of %#llx", iotlb->type, (unsigned long long)iotlb->iova);
}

void vdpa_map(const struct vdpa *d, const struct vdpa_mem *m, unsigned perm)
{
	send_iotlb(d, &(struct vhost_iotlb_msg){ .iova = m->iova,
						 .size = m->len,
						 .uaddr = (uintptr_t)m->va,
						 .perm = (uint8_t)perm,
						 .type = VHOST_IOTLB_UPDATE });
}

void vdpa_unmap(const struct vdpa *d, const struct vdpa_mem *m)
{
	send_iotlb(d, &(struct vhost_iotlb_msg){
			      .iova = m->iova, .size = m->len, .type = VHOST_IOTLB_INVALIDATE });
}

/* ---- queues ---- */

static bool set_state(const struct vdpa *d, unsigned long request, unsigned queue, unsigned num)
{
	struct vhost_vring_state s = { .index = queue, .num = num };

	return !ioctl(d->fd, request, &s);
}

bool vdpa_set_num(const struct vdpa *d, unsigned queue, unsigned num)
{
	return set_state(d, VHOST_SET_VRING_NUM, queue, num);
}

bool vdpa_set_base(const struct vdpa *d, unsigned queue, unsigned base)
{
	if (d->features & FEATURE(VIRTIO_F_RING_PACKED))
		base |= base << 16;
	return set_state(d, VHOST_SET_VRING_BASE, queue, base);
}

bool vdpa_get_base(const struct vdpa *d, unsigned queue, unsigned *base)
{
	struct vhost_vring_state s = { .index = queue };

	if (ioctl(d->fd, VHOST_GET_VRING_BASE, &s))
		return false;
	*base = s.num;
	return true;
}

bool vdpa_set_ring(const struct vdpa *d, unsigned queue, const struct vdpa_ring *ring)
{
	struct vhost_vring_addr addr = {
		.index = queue,
		.desc_user_addr = ring->desc,
		.avail_user_addr = ring->driver,
		.used_user_addr = ring->device,
	};

	return !ioctl(d->fd, VHOST_SET_VRING_ADDR, &addr);
}

void vdpa_set_events(const struct vdpa *d, unsigned queue, int kick, int call)
{
	struct vhost_vring_file file = { .index = queue, .fd = kick };

	if (ioctl(d->fd, VHOST_SET_VRING_KICK, &file))
		err(1, "VHOST_SET_VRING_KICK");
	file.fd = call;
	if (ioctl(d->fd, VHOST_SET_VRING_CALL, &file))
		err(1, "VHOST_SET_VRING_CALL");
}

void vdpa_enable(const struct vdpa *d, unsigned queue)
{
	if (!set_state(d, VHOST_VDPA_SET_VRING_ENABLE, queue, 1))
		err(1, "VHOST_VDPA_SET_VRING_ENABLE");
}
