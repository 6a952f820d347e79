/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a file is that has been opened: blocks, size, capabilities, identity.
 *
 * The logical block is the one asked for, else what direct I/O needs (at least 512).
 * If a smaller one is asked for than direct I/O needs, or it needs more than 4096,
 * the file is accessed through the page cache, and the log says so.
 */
#include "vdused/backend_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"

/* ---- sizes ---- */

int file_find_size(const struct file *f, uint32_t logical_block, uint64_t *size, struct err *err)
{
	uint64_t octets = 0;
	struct stat st;

	if (f->blkdev ? ioctl(f->fd, BLKGETSIZE64, &octets) : fstat(f->fd, &st))
		return err_set(err, -errno, "%s", strerror(errno));
	if (!f->blkdev)
		octets = (uint64_t)st.st_size;
	octets -= octets % logical_block;
	if (!octets)
		return err_set(err, -EINVAL, "holds not one block of %u octets", logical_block);
	*size = octets;
	return 0;
}

static bool can_read(const struct file *f, void *buf, size_t len)
{
	return pread(f->fd, buf, len, 0) >= 0;
}

/* What direct I/O needs; false if there is none. */
static bool find_alignment(struct file *f)
{
	int block = 0;
	CLEANUP_FREE void *buf = NULL;

#ifdef STATX_DIOALIGN
	struct statx stx;

	if (!statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) &&
	    (stx.stx_mask & STATX_DIOALIGN)) {
		f->mem_align = stx.stx_dio_mem_align;
		f->len_align = stx.stx_dio_offset_align;
		return f->mem_align && f->len_align;
	}
#endif
	if (posix_memalign(&buf, 8192, 8192))
		return false;
	/* From a buffer that is aligned to no more than what is probed. */
	if (f->blkdev && ioctl(f->fd, BLKSSZGET, &block))
		return false;
	if (!f->blkdev)
		block = can_read(f, (char *)buf + 512, 512)   ? 512 :
			can_read(f, (char *)buf + 4096, 4096) ? 4096 :
								0;
	f->mem_align = f->len_align = (uint32_t)block;
	return block > 0;
}

static void use_page_cache(struct file *f)
{
	int flags = fcntl(f->fd, F_GETFL);

	if (f->direct && flags >= 0)
		fcntl(f->fd, F_SETFL, flags & ~O_DIRECT);
	f->direct = false;
	f->mem_align = f->len_align = 1;
}

static bool in_memory(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static uint32_t choose_block(struct file *f, const struct backend_params *params)
{
	uint32_t block = params->logical_block;
	int device = 0;

	f->in_memory = !f->blkdev && in_memory(f->fd);
	if (f->direct && (f->in_memory || !find_alignment(f)))
		use_page_cache(f);
	if (f->direct && f->len_align > (block ? block : 4096)) {
		backend_log(
			"file:%s: direct I/O needs blocks of %u octets: goes through the page cache",
			params->target, f->len_align);
		use_page_cache(f);
	}
	if (!f->direct)
		use_page_cache(f);
	if (block)
		return block;
	/* A device's own blocks, also through the page cache. */
	if (f->blkdev && !ioctl(f->fd, BLKSSZGET, &device) && device > 512 && device <= 4096)
		block = (uint32_t)device;
	if (block < f->len_align)
		block = f->len_align;
	return block > 512 ? block : 512;
}

/* ---- capabilities ---- */

/* An attribute of a device's queue; a partition has its disk's. */
static uint64_t queue_attr(const struct file *f, const char *name)
{
	static const char *const where[] = { "queue", "../queue" };
	unsigned long long v = 0;
	struct stat st;

	if (fstat(f->fd, &st))
		return 0;
	for (int i = 0; i < 2; i++) {
		CLEANUP_FCLOSE FILE *file = NULL;
		char path[128];

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s", major(st.st_rdev),
			 minor(st.st_rdev), where[i], name);
		file = fopen(path, "re");
		if (file && fscanf(file, "%llu", &v) == 1)
			break;
	}
	return v;
}

static uint32_t block_size_or_0(uint64_t v)
{
	return v && !(v & (v - 1)) && v <= UINT32_MAX ? (uint32_t)v : 0;
}

static void describe_blkdev(struct file *f)
{
	struct backend_info *info = &f->b.info;
	unsigned physical = 0, optimal = 0;

	if (!ioctl(f->fd, BLKPBSZGET, &physical))
		info->physical_block = block_size_or_0(physical);
	if (!ioctl(f->fd, BLKIOOPT, &optimal))
		info->optimal_io = optimal;
	info->discard = queue_attr(f, "discard_max_bytes") > 0;
	info->discard_granularity = block_size_or_0(queue_attr(f, "discard_granularity"));
}

static void describe_file(struct file *f, bool look)
{
	struct backend_info *info = &f->b.info;
	struct stat st;

	if (!fstat(f->fd, &st))
		info->physical_block = block_size_or_0((uint64_t)st.st_blksize);
	info->discard_granularity = info->physical_block;
	/* Behind the end there is nothing that a hole could take away. */
	info->discard = !look && !info->readonly && !fstat(f->fd, &st) &&
			!fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (st.st_size | 0xfffff) + 1, 4096);
}

/* Another disk may get a device's number: its sequence number tells them apart, where there is one. */
static void identify(struct file *f)
{
	char *to = f->b.info.identity;
	uint64_t seq = 0;
	struct stat st;

	if (fstat(f->fd, &st))
		return;
#ifdef BLKGETDISKSEQ
	if (f->blkdev && ioctl(f->fd, BLKGETDISKSEQ, &seq))
		seq = 0;
#endif
	if (f->blkdev)
		snprintf(to, BACKEND_IDENTITY_LEN, "block %llx %llu",
			 (unsigned long long)st.st_rdev, (unsigned long long)seq);
	else
		snprintf(to, BACKEND_IDENTITY_LEN, "file %llx %llu", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
}

/* Secure erase is left off: nothing tells whether a device can, short of erasing. */
static void describe(struct file *f, const struct backend_params *params)
{
	struct backend_info *info = &f->b.info;

	info->readonly = params->readonly;
	info->flush = true;
	info->write_zeroes = !info->readonly;
	if (f->blkdev)
		describe_blkdev(f);
	else
		describe_file(f, params->look);
	if (info->physical_block < info->logical_block)
		info->physical_block = 0;
}

int file_find_info(struct file *f, const struct backend_params *params, struct err *err)
{
	int rc;

	f->b.info.logical_block = choose_block(f, params);
	rc = file_find_size(f, f->b.info.logical_block, &f->b.info.size, err);
	if (rc)
		return rc;
	describe(f, params);
	identify(f);
	return 0;
}
