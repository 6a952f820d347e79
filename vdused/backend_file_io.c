/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request as a row of system calls.  req->done_len is how far it got and
 * req->result how often it was tried again; req->state is
 *
 *   READ, WRITE            the first iovec not done; iovecs are eaten from the front
 *   DISCARD, WRITE_ZEROES  enum zero_way
 *   FLUSH                  0, then SYNCED
 */
#include "vdused/backend_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "vdused/guard.h"

enum zero_way {
	ZERO_BEGIN,
	ZERO_DISCARD, /* DISCARD: the device's own, or a hole */
	ZERO_PUNCH,
	ZERO_RANGE,
	ZERO_WRITE,
	ZERO_SYNC, /* what is left is to make it durable */
	SYNCED,
};

#define ZEROS_LEN 65536
#define ZEROS_PIECES 16

static char zeros[ZEROS_LEN] __attribute__((aligned(4096)));
static const struct iovec zeros_iov[ZEROS_PIECES] = {
	[0 ... ZEROS_PIECES - 1] = { .iov_base = zeros, .iov_len = ZEROS_LEN },
};

/* ---- what is next ---- */

static int next_zero_write(struct backend_req *req, struct file_step *step)
{
	uint64_t left = req->len - req->done_len;

	step->rw_flags = req->flags & BACKEND_FUA ? RWF_DSYNC : 0;
	step->offset = req->offset + req->done_len;
	if (left < ZEROS_LEN) {
		step->call = FILE_WRITE;
		step->buf = zeros;
		step->len = left;
		return 1;
	}
	step->call = FILE_WRITEV;
	step->iov = zeros_iov;
	step->niov = left / ZEROS_LEN < ZEROS_PIECES ? (unsigned)(left / ZEROS_LEN) : ZEROS_PIECES;
	step->len = (uint64_t)step->niov * ZEROS_LEN;
	return 1;
}

static enum zero_way first_way(const struct backend_req *req)
{
	if (req->op == BACKEND_DISCARD)
		return ZERO_DISCARD;
	return req->flags & BACKEND_MAY_UNMAP ? ZERO_PUNCH : ZERO_RANGE;
}

static int next_zero(struct file *f, struct backend_req *req, struct file_step *step)
{
	if (req->state == ZERO_BEGIN)
		req->state = first_way(req);
	if (req->state == ZERO_PUNCH && __atomic_load_n(&f->no_punch, __ATOMIC_RELAXED))
		req->state = ZERO_RANGE;
	if (req->state == ZERO_RANGE && __atomic_load_n(&f->no_zero_range, __ATOMIC_RELAXED))
		req->state = ZERO_WRITE;

	step->call = FILE_FALLOCATE;
	step->offset = req->offset;
	step->len = req->len;
	switch (req->state) {
	case ZERO_DISCARD:
		if (f->blkdev)
			step->call = FILE_BLKDISCARD;
		__attribute__((fallthrough));
	case ZERO_PUNCH:
		__atomic_store_n(&f->dense, false, __ATOMIC_RELAXED);
		step->mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
		return 1;
	case ZERO_RANGE:
		step->mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
		return 1;
	case ZERO_WRITE:
		return req->done_len < req->len ? next_zero_write(req, step) : 0;
	case ZERO_SYNC:
		step->call = FILE_FSYNC;
		return 1;
	default:
		return 0;
	}
}

/*
 * How many iovecs from the current one on go into one call, and their octets.
 * False if one of them does not lie as direct I/O wants it.
 */
static bool take_iovs(const struct file *f, struct backend_req *req, struct file_step *step)
{
	uintptr_t where = 0, lens = 0;
	const struct iovec *iov;
	unsigned left;

	while (!req->iov[req->state].iov_len)
		req->state++;
	iov = req->iov + req->state;
	left = req->niov - req->state;
	step->iov = iov;
	step->niov = left < IOV_MAX ? left : IOV_MAX;
	step->len = 0;
	for (unsigned i = 0; i < step->niov; i++) {
		/* More than the kernel moves at once; what is beyond comes next. */
		if (i && step->len + iov[i].iov_len > (INT_MAX & ~0xffffff)) {
			step->niov = i;
			break;
		}
		where |= (uintptr_t)iov[i].iov_base;
		lens |= iov[i].iov_len;
		step->len += iov[i].iov_len;
	}
	return !(where & (f->mem_align - 1)) && !(lens & (f->len_align - 1));
}

size_t file_bounce_len(const struct backend_req *req)
{
	return req->len < FILE_BOUNCE ? (size_t)req->len : FILE_BOUNCE;
}

/* By way of a private buffer. */
static int next_bounced(struct backend_req *req, struct file_step *step)
{
	uint64_t left = req->len - req->done_len;

	step->len = left < FILE_BOUNCE ? left : FILE_BOUNCE;
	if (!req->buffer && posix_memalign(&req->buffer, 4096, file_bounce_len(req))) {
		req->buffer = NULL;
		return -ENOMEM;
	}
	step->buf = req->buffer;
	if (req->op == BACKEND_READ) {
		step->call = FILE_READ;
		return 1;
	}
	step->call = FILE_WRITE;
	if (guard_gather(req->buffer, req->iov + req->state, req->niov - req->state, 0, step->len))
		return -EFAULT;
	return 1;
}

static int next_transfer(struct file *f, struct backend_req *req, struct file_step *step)
{
	if (req->done_len == req->len)
		return 0;
	step->offset = req->offset + req->done_len;
	step->rw_flags = req->flags & BACKEND_FUA ? RWF_DSYNC : 0;
	/* Once bounced, all of the rest is. */
	if (req->buffer || !take_iovs(f, req, step))
		return next_bounced(req, step);
	step->call = req->op == BACKEND_READ ? FILE_READV : FILE_WRITEV;
	return 1;
}

/* Is it done only when it is durable? */
static bool wants_durable(const struct backend_req *req)
{
	return req->op == BACKEND_FLUSH || req->flags & BACKEND_FUA;
}

int file_next(struct file *f, struct backend_req *req, struct file_step *step)
{
	int lost = __atomic_load_n(&f->sync_error, __ATOMIC_ACQUIRE);

	*step = (struct file_step){ .offset = 0 };
	/* Also when its own step went well: the kernel tells only one of several of a loss. */
	if (lost && wants_durable(req))
		return lost;
	switch (req->op) {
	case BACKEND_READ:
	case BACKEND_WRITE:
		return next_transfer(f, req, step);
	case BACKEND_FLUSH:
		step->call = FILE_FSYNC;
		return req->state != SYNCED;
	default:
		return next_zero(f, req, step);
	}
}

/* ---- what came of it ---- */

static void eat_iovs(struct backend_req *req, uint64_t n)
{
	while (n) {
		struct iovec *iov = &req->iov[req->state];
		size_t part = iov->iov_len < n ? iov->iov_len : (size_t)n;

		iov->iov_base = (char *)iov->iov_base + part;
		iov->iov_len -= part;
		n -= part;
		if (!iov->iov_len)
			req->state++;
	}
}

static int ended_transfer(struct backend_req *req, uint64_t n)
{
	if (req->buffer && req->op == BACKEND_READ &&
	    guard_scatter(req->iov + req->state, req->niov - req->state, 0, req->buffer, n))
		return -EFAULT;
	eat_iovs(req, n);
	req->done_len += n;
	return 0;
}

static bool not_supported(int64_t res)
{
	return res == -EOPNOTSUPP || res == -ENOSYS || res == -ENOTTY;
}

static int ended_zero(struct file *f, struct backend_req *req, int64_t res)
{
	if (req->state == ZERO_SYNC || req->state == ZERO_WRITE) {
		if (res < 0)
			return (int)res;
		if (req->state == ZERO_SYNC)
			req->state = SYNCED;
		else if (!res)
			return -EIO; /* A disk that takes nothing. */
		req->done_len += (uint64_t)res;
		return 0;
	}
	if (!res) {
		req->state = req->flags & BACKEND_FUA ? ZERO_SYNC : SYNCED;
		return 0;
	}
	/* A device wants its own, larger blocks: no need to discard, zeros can be written. */
	if (res == -EINVAL) {
		req->state = req->op == BACKEND_DISCARD ? SYNCED : ZERO_WRITE;
		return 0;
	}
	if (!not_supported(res))
		return (int)res;
	if (req->state == ZERO_DISCARD)
		return -EOPNOTSUPP;
	__atomic_store_n(req->state == ZERO_PUNCH ? &f->no_punch : &f->no_zero_range, true,
			 __ATOMIC_RELAXED);
	return 0;
}

static bool step_syncs(const struct backend_req *req)
{
	if (req->op == BACKEND_DISCARD || req->op == BACKEND_WRITE_ZEROES)
		return req->state == ZERO_SYNC ||
		       (req->state == ZERO_WRITE && req->flags & BACKEND_FUA);
	return wants_durable(req);
}

/*
 * What the page cache could not write back it drops: it reports that once, and the next sync
 * succeeds without it.  So that what is lost is never called durable, none succeeds any more.
 */
static void remember_loss(struct file *f, const struct backend_req *req, int res)
{
	int none = 0;

	if (f->direct || f->in_memory || !step_syncs(req) ||
	    (res != -EIO && res != -ENOSPC && res != -EDQUOT))
		return;
	if (__atomic_compare_exchange_n(&f->sync_error, &none, res, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		backend_log(
			"%s: data were lost on their way to the disk: %s: flushes fail from now on",
			f->b.uri, strerror(-res));
}

int file_ended(struct file *f, struct backend_req *req, int64_t res)
{
	if (res < 0)
		remember_loss(f, req, (int)res);
	if (res == -EINTR || res == -EAGAIN) {
		if (++req->result <= FILE_RETRIES)
			return res == -EINTR ? 0 : -EAGAIN;
		return -EIO;
	}
	switch (req->op) {
	case BACKEND_READ:
	case BACKEND_WRITE:
		if (res < 0)
			return (int)res;
		/* The end of a file that has shrunk; a disk that takes nothing. */
		return res ? ended_transfer(req, (uint64_t)res) : -EIO;
	case BACKEND_FLUSH:
		req->state = SYNCED;
		return (int)res;
	default:
		return ended_zero(f, req, res);
	}
}

void file_complete(struct backend_queue *q, struct backend_req *req, int result)
{
	free(req->buffer);
	req->buffer = NULL;
	backend_complete(q, req, result);
}

/* ---- at once ---- */

static int64_t do_blkdiscard(const struct file *f, const struct file_step *step)
{
	uint64_t range[2] = { step->offset, step->len };

	return ioctl(f->fd, BLKDISCARD, range);
}

static int64_t call(struct file *f, const struct file_step *step)
{
	off_t at = (off_t)step->offset;
	struct iovec one = { .iov_base = step->buf, .iov_len = step->len };

	switch (step->call) {
	case FILE_READV:
		return preadv(f->fd, step->iov, (int)step->niov, at);
	case FILE_READ:
		return pread(f->fd, step->buf, step->len, at);
	case FILE_WRITEV:
		return pwritev2(f->fd, step->iov, (int)step->niov, at, step->rw_flags);
	case FILE_WRITE:
		return pwritev2(f->fd, &one, 1, at, step->rw_flags);
	case FILE_FSYNC:
		return fdatasync(f->fd);
	case FILE_FALLOCATE:
		return fallocate(f->fd, step->mode, at, (off_t)step->len);
	case FILE_BLKDISCARD:
		return do_blkdiscard(f, step);
	}
	return -1;
}

int64_t file_do(struct file *f, const struct file_step *step)
{
	int64_t res = call(f, step);

	return res < 0 ? -errno : res;
}

/*
 * What is in memory needs no system call, which would cost more than the copy;
 * but to look at a hole through a mapping fills it, so a file with holes is read by calls.
 * When it can't be done (memory is short, or gone on either side) the call
 * comes after all, and tells why.
 */
static bool copied(const struct file *f, const struct backend_req *req)
{
	uint64_t at = req->offset;

	if (!f->map || req->done_len || req->len > INLINE_PIECE || at + req->len > f->map_len)
		return false;
	if (req->op == BACKEND_WRITE)
		return !guard_gather(f->map + at, req->iov, req->niov, 0, req->len);
	return req->op == BACKEND_READ && __atomic_load_n(&f->dense, __ATOMIC_RELAXED) &&
	       !guard_scatter(req->iov, req->niov, 0, f->map + at, req->len);
}

static int step_inline(struct backend_queue *q, struct backend_req *req, uint64_t *octets)
{
	static const struct timespec pause = { .tv_nsec = 100 * 1000 };
	struct file *f = (struct file *)q->backend;
	struct file_step step;
	int rc;

	if (copied(f, req)) {
		*octets = req->len;
		return 0;
	}
	rc = file_next(f, req, &step);
	if (rc <= 0)
		return rc;
	rc = file_ended(f, req, file_do(f, &step));
	/* There is no telling how much is to be made durable. */
	*octets = step.call == FILE_FSYNC && !f->in_memory ? INLINE_TURN : step.len;
	if (rc == -EAGAIN)
		nanosleep(&pause, NULL);
	return rc && rc != -EAGAIN ? rc : 1;
}

const struct inline_ops file_inline_ops = { .piece = step_inline, .end = file_complete };
