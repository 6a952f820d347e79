/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/vduse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define NAME_LEN_MAX 128
#define MSG_TIMEOUT_DEFAULT 30 /* the kernel's */
#define REGIONS_MAX 4096 /* the kernel has 2048 at most where it has a limit */

int vduse_check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	/* As vdpactl has it, which could not name the device else. */
	if (!len || len > NAME_LEN_MAX || name[strspn(name, NAME_CHARS)] || *name == '.' || *name == '-' ||
	    !strcmp(name, "control"))
		return err_set(err, -EINVAL,
			       "\"%.80s\" can't be a VDUSE device's name: expected up to %d of the characters "
			       "A-Z a-z 0-9 . _ -, the first not . or -, and not \"control\"",
			       name, NAME_LEN_MAX);
	return 0;
}

int vduse_open_control(struct vduse *v, unsigned api_version, struct err *err)
{
	uint64_t version = api_version;

	v->fd = -1;
	v->control = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	if (v->control < 0)
		return err_set(err, -errno, "/dev/vduse/control: %s%s", strerror(errno),
			       errno == ENOENT ? " (is the kernel module vduse loaded?)" : "");
	/* Always said: asking for the version would switch a newer kernel to version 1. */
	if (ioctl(v->control, VDUSE_SET_API_VERSION, &version))
		return err_set(err, -errno, "this kernel's VDUSE does not have API version %u: %s", api_version,
			       strerror(errno));
	v->api_version = api_version;
	return 0;
}

int vduse_create(struct vduse *v, const char *name, const struct vduse_params *params, struct err *err)
{
	struct vduse_dev_config *config CLEANUP_FREE = calloc(1, sizeof(*config) + params->config_len);

	if (!config)
		return err_set(err, -ENOMEM, "out of memory");
	snprintf(config->name, sizeof(config->name), "%s", name);
	config->vendor_id = params->vendor_id;
	config->device_id = params->device_id;
	config->features = params->features;
	config->vq_num = params->queues;
	config->vq_align = (uint32_t)sysconf(_SC_PAGESIZE);
	if (v->api_version >= 1) {
		config->reserved[VDUSE_CONFIG_NGROUPS] = 1;
		config->reserved[VDUSE_CONFIG_NAS] = 1;
	}
	config->config_size = (uint32_t)params->config_len;
	memcpy(config->config, params->config, params->config_len);
	if (!ioctl(v->control, VDUSE_CREATE_DEV, config))
		return 0;
	if (errno == EEXIST)
		return err_set(err, -EEXIST, "the VDUSE device %s exists already", name);
	return err_set(err, -errno, "the kernel refuses to create the VDUSE device %s: %s", name, strerror(errno));
}

#define DEV_PATH_LEN (sizeof("/dev/vduse/") + VDUSE_NAME_MAX)

static void dev_path(char path[DEV_PATH_LEN], const char *name)
{
	snprintf(path, DEV_PATH_LEN, "/dev/vduse/%s", name);
}

bool vduse_exists(const char *name)
{
	char path[DEV_PATH_LEN];

	dev_path(path, name);
	return !access(path, F_OK);
}

int vduse_open(struct vduse *v, const char *name, struct err *err)
{
	char path[DEV_PATH_LEN];

	dev_path(path, name);
	v->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (v->fd < 0)
		return err_set(err, -errno, "%s: %s%s", path, strerror(errno),
			       errno == EBUSY ? " (another process serves it)" : "");
	snprintf(v->name, sizeof(v->name), "%s", name);
	return 0;
}

int vduse_setup_queues(struct vduse *v, unsigned queues, unsigned queue_size, struct err *err)
{
	for (unsigned i = 0; i < queues; i++) {
		struct vduse_vq_config config = { .index = i, .max_size = (uint16_t)queue_size };

		if (ioctl(v->fd, VDUSE_VQ_SETUP, &config))
			return err_set(err, -errno, "the kernel refuses virtqueue %u with %u descriptors: %s", i,
				       queue_size, strerror(errno));
	}
	return 0;
}

int vduse_destroy(struct vduse *v, struct err *err)
{
	char name[VDUSE_NAME_MAX] = "";

	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	memcpy(name, v->name, sizeof(name));
	if (!ioctl(v->control, VDUSE_DESTROY_DEV, name))
		return 0;
	return err_set(err, -errno, "the VDUSE device %s can't be destroyed: %s%s", v->name, strerror(errno),
		       errno == EBUSY ? " (is the vdpa device still there?)" : "");
}

void vduse_close(struct vduse *v)
{
	if (v->fd >= 0)
		close(v->fd);
	if (v->control >= 0)
		close(v->control);
	v->fd = v->control = -1;
}

int vduse_get_features(struct vduse *v, uint64_t *features)
{
	return ioctl(v->fd, VDUSE_DEV_GET_FEATURES, features) ? -errno : 0;
}

int vduse_queue_info(struct vduse *v, unsigned index, struct vduse_vq_info *info)
{
	memset(info, 0, sizeof(*info));
	info->index = index;
	return ioctl(v->fd, VDUSE_VQ_GET_INFO, info) ? -errno : 0;
}

int vduse_set_kick(struct vduse *v, unsigned index, int fd)
{
	struct vduse_vq_eventfd e = { .index = index, .fd = fd };

	return ioctl(v->fd, VDUSE_VQ_SETUP_KICKFD, &e) ? -errno : 0;
}

int vduse_inject(struct vduse *v, unsigned index)
{
	uint32_t i = index;

	return ioctl(v->fd, VDUSE_VQ_INJECT_IRQ, &i) ? -errno : 0;
}

int vduse_inject_config(struct vduse *v)
{
	return ioctl(v->fd, VDUSE_DEV_INJECT_CONFIG_IRQ) ? -errno : 0;
}

int vduse_set_config(struct vduse *v, size_t offset, const void *data, size_t len)
{
	struct vduse_config_data *c CLEANUP_FREE = calloc(1, sizeof(*c) + len);

	if (!c)
		return -ENOMEM;
	c->offset = (uint32_t)offset;
	c->length = (uint32_t)len;
	memcpy(c->buffer, data, len);
	return ioctl(v->fd, VDUSE_DEV_SET_CONFIG, c) ? -errno : 0;
}

unsigned vduse_msg_timeout(const struct vduse *v)
{
	char path[sizeof("/sys/class/vduse//msg_timeout") + VDUSE_NAME_MAX], text[16] = "";
	unsigned seconds;
	int fd CLEANUP_CLOSE = -1;

	snprintf(path, sizeof(path), "/sys/class/vduse/%s/msg_timeout", v->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "%u", &seconds) != 1)
		return MSG_TIMEOUT_DEFAULT;
	return seconds;
}

bool vduse_has_message(const struct vduse *v)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && p.revents & POLLIN;
}

int vduse_read(struct vduse *v, struct vduse_dev_request *req)
{
	ssize_t n = read(v->fd, req, sizeof(*req));

	if (n == (ssize_t)sizeof(*req))
		return 1;
	if (n >= 0)
		return -EIO;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int vduse_reply(struct vduse *v, const struct vduse_dev_response *resp)
{
	ssize_t n;

	do
		n = write(v->fd, resp, sizeof(*resp));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*resp) || (n < 0 && errno == ENOENT))
		return 0;
	return n < 0 ? -errno : -EIO;
}

/* ---- the driver's memory ----------------------------------------------------- */

/* The first region at or after `start`: its file in *fd. -EINVAL: there is none. */
static int first_region(struct vduse *v, uint64_t start, struct vduse_iotlb_entry *entry)
{
	int fd;

	memset(entry, 0, sizeof(*entry));
	entry->start = start;
	entry->last = UINT64_MAX;
	fd = ioctl(v->fd, VDUSE_IOTLB_GET_FD, entry);
	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static bool is_domain(int fd)
{
	char link[64], path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link));
	return n == (ssize_t)strlen(VDUSE_DOMAIN_LINK) && !memcmp(link, VDUSE_DOMAIN_LINK, (size_t)n);
}

/* One mapping for all: offsets in the domain's file are the addresses. */
static int map_domain(int fd, struct iova_region *r)
{
	void *p = mmap(NULL, VDUSE_DOMAIN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*r = (struct iova_region){ .start = 0, .last = VDUSE_DOMAIN_SIZE - 1, .va = p,
				   .perm = IOVA_READ | IOVA_WRITE, .mapping = p,
				   .mapping_len = VDUSE_DOMAIN_SIZE };
	return 0;
}

/* What offsets and lengths of mappings of this file have to be multiples of. */
static uint64_t mapping_unit(int fd)
{
	struct statfs fs;

	if (!fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC)
		return (uint64_t)fs.f_bsize;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static int map_region(int fd, const struct vduse_iotlb_entry *e, struct iova_region *r)
{
	uint64_t page = mapping_unit(fd);
	uint64_t delta = e->offset & (page - 1), len = e->last - e->start + 1;
	int prot = 0;
	void *p;

	if (e->last < e->start || !len || len + delta + page < len)
		return -EINVAL;
	len = (len + delta + page - 1) / page * page;
	if (e->perm & VDUSE_ACCESS_RO)
		prot |= PROT_READ;
	if (e->perm & VDUSE_ACCESS_WO)
		prot |= PROT_WRITE | PROT_READ;
	p = mmap(NULL, len, prot, MAP_SHARED, fd, (off_t)(e->offset - delta));
	if (p == MAP_FAILED)
		return -errno;
	*r = (struct iova_region){ .start = e->start, .last = e->last, .va = (uint8_t *)p + delta,
				   .perm = e->perm & (IOVA_READ | IOVA_WRITE), .mapping = p,
				   .mapping_len = len };
	return 0;
}

static void unmap_all(struct iova_region *r, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		munmap(r[i].mapping, r[i].mapping_len);
}

/* The regions from `start` on, until there are no more. Their number, or a negative errno. */
static int map_regions(struct vduse *v, struct iova_region **regions, bool *linear)
{
	struct vduse_iotlb_entry e;
	unsigned count = 0, cap = 0;
	uint64_t start = 0;
	int ret;

	for (;;) {
		int fd CLEANUP_CLOSE = first_region(v, start, &e);

		if (fd == -EINVAL)
			return (int)count;
		if (fd < 0) {
			ret = fd;
			goto undo;
		}
		if (count == cap) {
			struct iova_region *more = reallocarray(*regions, cap + 64, sizeof(*more));

			ret = more && cap < REGIONS_MAX ? 0 : -ENOMEM;
			if (more)
				*regions = more;
			if (ret)
				goto undo;
			cap += 64;
		}
		*linear = is_domain(fd);
		ret = *linear ? map_domain(fd, &(*regions)[count]) : map_region(fd, &e, &(*regions)[count]);
		if (ret)
			goto undo;
		count++;
		if (*linear || e.last == UINT64_MAX)
			return (int)count;
		start = e.last + 1;
	}
undo:
	unmap_all(*regions, count);
	return ret;
}

int vduse_map(struct vduse *v, struct iova_map **map, bool *linear, struct err *err)
{
	struct iova_region *regions CLEANUP_FREE = NULL;
	int n;

	*linear = false;
	n = map_regions(v, &regions, linear);
	if (n < 0)
		return err_set(err, n, "the driver's memory can't be mapped: %s", strerror(-n));
	*map = iova_map_new(regions, (unsigned)n);
	if (!*map) {
		unmap_all(regions, (unsigned)n);
		return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}
