/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vdused/inflight.h"

#define MAGIC "VDUSEDST"
#define STATE_VERSION 2

_Static_assert(sizeof(struct state_header) <= STATE_HEADER_LEN, "the header is one page");

static size_t queue_len(const struct state_device *device)
{
	return (inflight_area_size(device->queue_size) + STATE_HEADER_LEN - 1) / STATE_HEADER_LEN * STATE_HEADER_LEN;
}

static size_t file_len(const struct state_device *device)
{
	return STATE_HEADER_LEN + device->queues * queue_len(device);
}

/* CRC-32 (polynomial 0xedb88320) of the header's fixed part. */
static uint32_t checksum(const struct state_header *h)
{
	const uint8_t *p = (const uint8_t *)h + offsetof(struct state_header, boot_id);
	const uint8_t *end = (const uint8_t *)h + offsetof(struct state_header, status);
	uint32_t crc = UINT32_MAX;

	for (; p < end; p++) {
		crc ^= *p;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}

static void read_boot_id(char id[40])
{
	int fd CLEANUP_CLOSE = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(id, 0, 40);
	if (fd < 0 || read(fd, id, 36) != 36)
		memset(id, 0, 40);
}

static int map(struct state *st, int fd, size_t len, struct err *err)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return err_set(err, -errno, "the state file can't be mapped: %s", strerror(errno));
	st->header = p;
	st->len = len;
	return 0;
}

int state_create(struct state *st, struct runtime *rt, const struct state_device *device, struct err *err)
{
	int fd CLEANUP_CLOSE = runtime_file(rt, "state", true, err);
	size_t len = file_len(device);
	int ret;

	if (fd < 0)
		return fd;
	/* All of its space now: later a full file system would be a SIGBUS. */
	ret = posix_fallocate(fd, 0, (off_t)len);
	if (ret)
		return err_set(err, -ret, "%s/state: no space for %zu octets: %s", rt->path, len, strerror(ret));
	ret = map(st, fd, len, err);
	if (ret)
		return ret;
	memcpy(st->header->magic, MAGIC, sizeof(st->header->magic));
	st->header->version = STATE_VERSION;
	read_boot_id(st->header->boot_id);
	st->header->device = *device;
	st->header->checksum = checksum(st->header);
	return 0;
}

static const char *differs(const struct state_header *h, const struct state_device *device)
{
	char boot_id[40];

	read_boot_id(boot_id);
	if (memcmp(h->magic, MAGIC, sizeof(h->magic)))
		return "it is no state file of vdused";
	if (h->version != STATE_VERSION)
		return "it was written by another version of vdused";
	if (h->checksum != checksum(h))
		return "it is damaged (wrong checksum)";
	if (memcmp(h->boot_id, boot_id, sizeof(boot_id)))
		return "it is from before the machine was started";
	if (!device)
		return NULL;
	if (h->device.queues != device->queues || h->device.queue_size != device->queue_size)
		return "the device has other virtqueues";
	if (h->device.device_id != device->device_id || h->device.api_version != device->api_version)
		return "the device is of another type";
	if (h->device.features != device->features || h->device.block_size != device->block_size)
		return "the device offers other features (did the back end change?)";
	return NULL;
}

int state_attach(struct state *st, struct runtime *rt, const struct state_device *device, struct err *err)
{
	int fd CLEANUP_CLOSE = runtime_file(rt, "state", false, err);
	const char *why;
	struct stat info;
	int ret;

	if (fd < 0)
		return fd;
	if (fstat(fd, &info) || info.st_size < STATE_HEADER_LEN)
		return err_set(err, -EINVAL, "%s/state: it is too short", rt->path);
	ret = map(st, fd, (size_t)info.st_size, err);
	if (ret)
		return ret;
	why = differs(st->header, device);
	if (!why && (!st->header->device.queue_size || !st->header->device.queues))
		why = "it has no virtqueues";
	if (!why && (st->header->device.queue_size > INFLIGHT_QUEUE_MAX || st->header->device.queues > UINT16_MAX ||
		     st->len != file_len(&st->header->device)))
		why = "it has the wrong length";
	if (!why)
		return 0;
	state_close(st);
	return err_set(err, -EINVAL, "%s/state: %s", rt->path, why);
}

void *state_queue(const struct state *st, unsigned index)
{
	return (uint8_t *)st->header + STATE_HEADER_LEN + index * queue_len(&st->header->device);
}

void state_reset(struct state *st)
{
	/* The status first: with it, the next process would believe the rest. */
	__atomic_store_n(&st->header->status, 0, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < st->header->device.queues; i++)
		__atomic_store_n(&((struct inflight_area *)state_queue(st, i))->active, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&st->header->driver_features, 0, __ATOMIC_RELEASE);
}

void state_close(struct state *st)
{
	if (st->header)
		munmap(st->header, st->len);
	st->header = NULL;
}
