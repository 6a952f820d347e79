/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem:SIZE: a disk in memory, which takes no more than what was written to it.
 * It is a file in /dev/shm, so that it outlives this process, but neither the
 * device nor the machine; memory that runs out there is a SIGBUS, hence the
 * guards on both sides.  All queues share it without
 * locks: what the driver does to one block at the same time is torn, as on
 * any disk.
 *
 * It grows by another, longer mapping of the same file; the shorter ones stay
 * until the end, as nobody knows when the last thread has left them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vdused/backend_inline.h"
#include "vdused/guard.h"

struct mem_map {
	char *base;
	size_t len;
	struct mem_map *shorter;
};

struct mem {
	struct backend b;
	struct mem_map *map; /* holds all of the size; other threads read it after the size */
	int fd;
	size_t page;
};

/* The file: an earlier process's with its contents, or a new one. A descriptor or a negative errno. */
static int open_memory(const struct backend_params *params, uint64_t size, struct err *err)
{
	int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC, fd;
	struct stat st;

	if (!params->memory) {
		fd = memfd_create("vdused", MFD_CLOEXEC);
		if (fd >= 0 && !ftruncate(fd, (off_t)size))
			return fd;
		err_set(err, -errno, "there is no memory to be had: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	if (!params->resume) {
		unlink(params->memory);
		flags |= O_CREAT | O_EXCL;
	}
	fd = open(params->memory, flags, 0600);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", params->memory, strerror(errno));
	if (!params->resume && !ftruncate(fd, (off_t)size))
		return fd;
	/* It may have grown under the earlier process. */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid() &&
	    !(st.st_mode & 077) && (uint64_t)st.st_size >= size)
		return fd;
	close(fd);
	return err_set(
		err, -EINVAL,
		"%s: expected an ordinary file of at least %llu octets that nobody else may use",
		params->memory, (unsigned long long)size);
}

static int add_map(struct mem *mem, uint64_t size, struct err *err)
{
	struct mem_map *map = size <= SIZE_MAX ? malloc(sizeof(*map)) : NULL;
	int rc;

	if (!map)
		return err_set(err, -ENOMEM, "more than this machine can address");
	map->len = (size_t)size;
	map->shorter = mem->map;
	map->base = mmap(NULL, map->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			 mem->fd, 0);
	if (map->base == MAP_FAILED) {
		rc = err_set(err, -errno, "so much memory can't be mapped: %s", strerror(errno));
		free(map);
		return rc;
	}
	/* The disk's contents are not for core files. */
	madvise(map->base, map->len, MADV_DONTDUMP);
	__atomic_store_n(&mem->map, map, __ATOMIC_RELEASE);
	return 0;
}

static void mem_close(struct backend *b)
{
	struct mem *mem = (struct mem *)b;

	while (mem->map) {
		struct mem_map *map = mem->map;

		mem->map = map->shorter;
		munmap(map->base, map->len);
		free(map);
	}
	if (mem->fd >= 0)
		close(mem->fd);
	free(mem);
}

static int mem_open(const struct backend_params *params, struct backend **b, struct err *err)
{
	uint32_t block = params->logical_block ? params->logical_block : 512;
	struct mem *mem;
	uint64_t size;
	int rc = backend_parse_size(params->target, block, &size, err);

	if (rc)
		return rc;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return err_set(err, -ENOMEM, "out of memory");
	mem->page = (size_t)sysconf(_SC_PAGESIZE);
	mem->fd = open_memory(params, size, err);
	rc = mem->fd < 0 ? -ENOMEM : add_map(mem, size, err);
	if (rc) {
		mem_close(&mem->b);
		return rc;
	}
	mem->b.info = (struct backend_info){
		.identity = "mem", /* the file is the device's own */
		.size = size,
		.logical_block = block,
		.physical_block = (uint32_t)mem->page,
		.discard_granularity = (uint32_t)mem->page,
		.readonly = params->readonly,
		.discard = true,
		.write_zeroes = true,
	};
	*b = &mem->b;
	return 0;
}

static int mem_grow(struct backend *b, uint64_t size, struct err *err)
{
	struct mem *mem = (struct mem *)b;
	struct stat st;
	int rc;

	if (fstat(mem->fd, &st) || ((uint64_t)st.st_size < size && ftruncate(mem->fd, (off_t)size)))
		return err_set(err, -errno, "it can't grow: %s", strerror(errno));
	rc = add_map(mem, size, err);
	if (!rc)
		backend_set_size(b, size);
	return rc;
}

/* Zeros by giving whole pages back, where the kernel takes them (locked ones it does not). */
static int give_back(struct mem *mem, char *base, size_t start, size_t end)
{
	size_t first = (start + mem->page - 1) & ~(mem->page - 1), last = end & ~(mem->page - 1);
	int rc;

	if (first >= last || madvise(base + first, last - first, MADV_REMOVE))
		return guard_zero(base + start, end - start);
	rc = guard_zero(base + start, first - start);
	return rc ? rc : guard_zero(base + last, end - last);
}

/* Pieces end where pages do, so that these are given back whole. */
static int mem_piece(struct backend_queue *q, struct backend_req *req, uint64_t *octets)
{
	struct mem *mem = (struct mem *)q->backend;
	char *base = __atomic_load_n(&mem->map, __ATOMIC_ACQUIRE)->base;
	uint64_t start = req->offset + req->done_len, end = req->offset + req->len;
	uint64_t stop = (start + INLINE_PIECE) & ~(uint64_t)(INLINE_PIECE - 1);
	size_t len;
	int rc = 0;

	if (stop > end)
		stop = end;
	*octets = len = stop - start;
	switch (req->op) {
	case BACKEND_READ:
		rc = guard_scatter(req->iov, req->niov, req->done_len, base + start, len);
		break;
	case BACKEND_WRITE:
		rc = guard_gather(base + start, req->iov, req->niov, req->done_len, len);
		break;
	case BACKEND_WRITE_ZEROES:
		if (!(req->flags & BACKEND_MAY_UNMAP)) {
			rc = guard_zero(base + start, len);
			break;
		}
		__attribute__((fallthrough));
	case BACKEND_DISCARD:
		rc = give_back(mem, base, start, stop);
		break;
	default:
		rc = -EOPNOTSUPP;
	}
	req->done_len += len;
	return rc ? rc : stop < end;
}

static const struct inline_ops mem_inline_ops = { .piece = mem_piece, .end = backend_complete };

static int mem_queue_open(struct backend *b, struct loop *loop, struct backend_queue **q,
			  struct err *err)
{
	struct inline_queue *iq = calloc(1, sizeof(*iq));
	int rc;

	(void)b;
	if (!iq)
		return err_set(err, -ENOMEM, "out of memory");
	rc = inline_open(iq, &mem_inline_ops, loop, err);
	if (rc)
		free(iq);
	else
		*q = &iq->q;
	return rc;
}

static void mem_queue_close(struct backend_queue *q)
{
	inline_close((struct inline_queue *)q);
	free(q);
}

static const char *const mem_schemes[] = { "mem", NULL };

const struct backend_ops backend_mem_ops = {
	.schemes = mem_schemes,
	.usage = "mem:SIZE",
	.open = mem_open,
	.close = mem_close,
	.queue_open = mem_queue_open,
	.queue_close = mem_queue_close,
	.submit = inline_submit,
	.flush = inline_flush,
	.poll = inline_poll,
	.cancel = inline_cancel,
	.grow = mem_grow,
};
