/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file:PATH: a regular file or a block device.
 *
 * Direct I/O unless params->buffered, or the file system or the blocks don't allow it.
 *
 * Who writes has the image for itself, who only reads shares it with readers:
 * by open file description locks as QEMU has them, and by O_EXCL a block device that is
 * written to is not mounted or part of something either.
 */
#include "vdused/backend_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
	rc = file_find_info(f, params, err);
	if (rc)
		return rc;
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
	int rc = file_find_size((struct file *)b, b->info.logical_block, &size, err);

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
