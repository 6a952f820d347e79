/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file:PATH: a regular file or a block device.
 *
 * Direct I/O unless params->buffered or the file system has none.  The logical
 * block is the one asked for, else what direct I/O needs (at least 512).  If a
 * smaller one is asked for than direct I/O needs, or it needs more than 4096,
 * the file is accessed through the page cache, and the log says so.
 *
 * Who writes has the image for itself, who only reads shares it with readers:
 * by open file description locks as QEMU has them, and by O_EXCL a block device that is
 * written to is not mounted or part of something either.
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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"

enum file_way backend_file_way;

#define BUSY_TRIES 500
#define BUSY_WAIT_US 10000

static int file_fail(struct err *err, int code)
{
	return err_set(err, code, "%s", strerror(-code));
}

/* ---- open ---- */

static int try_open(struct file *f, const struct backend_params *params, struct err *err)
{
	int flags = O_CLOEXEC | (params->readonly ? O_RDONLY : O_RDWR);
	struct stat st;

	/* Before open(): a FIFO would block it. */
	if (stat(params->target, &st))
		return file_fail(err, -errno);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, -EINVAL, "neither a regular file nor a block device");
	f->blkdev = S_ISBLK(st.st_mode);
	if (f->blkdev && !params->readonly && !params->look)
		flags |= O_EXCL;
	f->direct = !params->buffered;
	f->fd = open(params->target, flags | (f->direct ? O_DIRECT : 0));
	if (f->fd < 0 && errno == EINVAL && f->direct) {
		f->direct = false;
		f->fd = open(params->target, flags);
	}
	if (f->fd < 0 && errno == EBUSY)
		return err_set(err, -EBUSY, "in use by another process");
	return f->fd < 0 ? file_fail(err, -errno) : 0;
}

/*
 * QEMU's way to lock an image: who makes use of a permission holds a byte of the first row for
 * reading, and who does not let others have it one of the second.
 */
enum {
	LOCK_USES = 100,
	LOCK_REFUSES = 200,
	PERM_READ = 0,
	PERM_WRITE = 1,
	PERM_RESIZE = 3,
};

static int set_lock(const struct file *f, short type, off_t at, off_t len)
{
	struct flock lk = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len };

	return fcntl(f->fd, F_OFD_SETLK, &lk);
}

static bool others_hold(const struct file *f, off_t at)
{
	struct flock lk = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	return !fcntl(f->fd, F_OFD_GETLK, &lk) && lk.l_type != F_UNLCK;
}

/* All bytes for writing leave room for nobody, neither of QEMU's nor of ours. */
static int lock_alone(const struct file *f)
{
	return set_lock(f, F_WRLCK, 0, 0);
}

/* First it is locked, then looked for others, who do the same: of two at once one or both lose. */
static int lock_shared(const struct file *f)
{
	static const off_t mine[] = {
		LOCK_USES + PERM_READ,
		LOCK_REFUSES + PERM_WRITE,
		LOCK_REFUSES + PERM_RESIZE,
	};
	static const off_t theirs[] = {
		LOCK_REFUSES + PERM_READ,
		LOCK_USES + PERM_WRITE,
		LOCK_USES + PERM_RESIZE,
	};

	for (int i = 0; i < 3; i++)
		if (set_lock(f, F_RDLCK, mine[i], 1))
			return -1;
	for (int i = 0; i < 3; i++)
		if (others_hold(f, theirs[i])) {
			errno = EAGAIN;
			return -1;
		}
	return 0;
}

static int try_lock(struct file *f, const struct backend_params *params, struct err *err)
{
	if (params->look || !(params->readonly ? lock_shared(f) : lock_alone(f)))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, -EBUSY, "in use by another process");
	backend_log("file:%s: can't be locked against other processes: %s", params->target,
		    strerror(errno));
	return 0;
}

/*
 * Opens and locks it.  A process that was killed keeps its files until its
 * last requests have ended: they must be over before they are made again.
 */
static int open_fd(struct file *f, const struct backend_params *params, struct err *err)
{
	int ret;

	for (int i = 0;; i++) {
		ret = try_open(f, params, err);
		if (!ret)
			ret = try_lock(f, params, err);
		if (ret != -EBUSY || !params->resume || i == BUSY_TRIES)
			return ret;
		if (f->fd >= 0)
			close(f->fd);
		f->fd = -1;
		usleep(BUSY_WAIT_US);
	}
}

/* ---- sizes ---- */

static int find_size(const struct file *f, uint32_t logical_block, uint64_t *size, struct err *err)
{
	uint64_t octets = 0;
	struct stat st;

	if (f->blkdev ? ioctl(f->fd, BLKGETSIZE64, &octets) : fstat(f->fd, &st))
		return file_fail(err, -errno);
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

static void file_close(struct backend *b)
{
	struct file *f = (struct file *)b;

	if (f->map)
		munmap(f->map, f->map_len);
	if (f->fd >= 0) {
		/* A ring that is being torn down may still hold the description. */
		set_lock(f, F_UNLCK, 0, 0);
		close(f->fd);
	}
	free(f);
}

/* Without the map, and behind it, all is done by system calls. */
static void map_memory(struct file *f)
{
	size_t len = (size_t)f->b.info.size;
	struct stat st;
	char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, f->fd, 0);

	if (map == MAP_FAILED)
		return;
	/* The disk's contents are not for core files. */
	madvise(map, len, MADV_DONTDUMP);
	f->map = map;
	f->map_len = len;
	f->dense = !fstat(f->fd, &st) && (uint64_t)st.st_blocks * 512 >= len;
}

static int setup(struct file *f, const struct backend_params *params, struct err *err)
{
	int rc = open_fd(f, params, err);

	if (rc)
		return rc;
	f->b.info.logical_block = choose_block(f, params);
	rc = find_size(f, f->b.info.logical_block, &f->b.info.size, err);
	if (rc)
		return rc;
	describe(f, params);
	identify(f);
	if (f->in_memory && !params->readonly)
		map_memory(f);
	return 0;
}

static int file_open(const struct backend_params *params, struct backend **b, struct err *err)
{
	struct file *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return err_set(err, -ENOMEM, "out of memory");
	f->fd = -1;
	rc = setup(f, params, err);
	if (rc)
		file_close(&f->b);
	else
		*b = &f->b;
	return rc;
}

static int file_refresh(struct backend *b, struct err *err)
{
	uint64_t size;
	int rc = find_size((struct file *)b, b->info.logical_block, &size, err);

	if (!rc)
		backend_set_size(b, size);
	return rc;
}

/* ---- queues ---- */

static int file_queue_open(struct backend *b, struct loop *loop, struct backend_queue **q,
			   struct err *err)
{
	struct file *f = (struct file *)b;
	struct file_queue *fq;
	int rc;

	if (backend_file_way == FILE_WAY_URING ||
	    (backend_file_way == FILE_WAY_AUTO && !f->in_memory)) {
		rc = file_uring_open(f, loop, q, err);
		if (rc != -EOPNOTSUPP || backend_file_way == FILE_WAY_URING)
			return rc;
		backend_log("%s: no io_uring here: each request waits for the one before", b->uri);
	}
	fq = calloc(1, sizeof(*fq));
	if (!fq)
		return err_set(err, -ENOMEM, "out of memory");
	rc = inline_open(&fq->iq, &file_inline_ops, loop, err);
	if (rc)
		free(fq);
	else
		*q = &fq->q;
	return rc;
}

static bool is_uring(struct backend_queue *q)
{
	return ((struct file_queue *)q)->uring;
}

static void file_queue_close(struct backend_queue *q)
{
	if (is_uring(q)) {
		file_uring_close(q);
		return;
	}
	inline_close((struct inline_queue *)q);
	free(q);
}

static void file_submit(struct backend_queue *q, struct backend_req *req)
{
	if (is_uring(q))
		file_uring_submit(q, req);
	else
		inline_submit(q, req);
}

static void file_flush(struct backend_queue *q)
{
	if (is_uring(q))
		file_uring_flush(q);
	else
		inline_flush(q);
}

static bool file_poll(struct backend_queue *q)
{
	return is_uring(q) ? file_uring_poll(q) : inline_poll(q);
}

static void file_cancel(struct backend_queue *q)
{
	if (is_uring(q))
		file_uring_cancel(q);
	else
		inline_cancel(q);
}

static const char *const file_schemes[] = { "file", NULL };

const struct backend_ops backend_file_ops = {
	.schemes = file_schemes,
	.usage = "file:PATH",
	.open = file_open,
	.close = file_close,
	.queue_open = file_queue_open,
	.queue_close = file_queue_close,
	.submit = file_submit,
	.flush = file_flush,
	.poll = file_poll,
	.cancel = file_cancel,
	.refresh = file_refresh,
};
