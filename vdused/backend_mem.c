/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem:SIZE: a disk in this process's memory, which takes no more than what was
 * written to it and is gone with the process.  All queues share it without
 * locks: what the driver does to one block at the same time is torn, as on
 * any disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdused/backend.h"
#include "vdused/guard.h"

struct mem {
	struct backend b;
	char *base;
	size_t mapped;
	size_t page;
};

static int mem_open(const struct backend_params *params, struct backend **b, struct err *err)
{
	uint32_t block = params->logical_block ? params->logical_block : 512;
	struct mem *mem;
	uint64_t size;
	int rc = backend_parse_size(params->target, block, &size, err);

	if (rc)
		return rc;
	if (size > SIZE_MAX)
		return err_set(err, -ENOMEM, "more than this machine can address");
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return err_set(err, -ENOMEM, "out of memory");
	mem->mapped = (size_t)size;
	mem->page = (size_t)sysconf(_SC_PAGESIZE);
	mem->base = mmap(NULL, mem->mapped, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->base == MAP_FAILED) {
		rc = -errno;
		free(mem);
		return err_set(err, rc, "so much memory can't be mapped: %s", strerror(-rc));
	}
	/* The disk's contents are not for core files. */
	madvise(mem->base, mem->mapped, MADV_DONTDUMP);
	mem->b.info = (struct backend_info){
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

static void mem_close(struct backend *b)
{
	struct mem *mem = (struct mem *)b;

	munmap(mem->base, mem->mapped);
	free(mem);
}

static int mem_queue_open(struct backend *b, struct loop *loop, struct backend_queue **q,
			  struct err *err)
{
	(void)b;
	(void)loop;
	*q = calloc(1, sizeof(**q));
	return *q ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void mem_queue_close(struct backend_queue *q)
{
	free(q);
}

/* Zeros by giving whole pages back, where the kernel takes them (locked ones it does not). */
static void give_back(struct mem *mem, size_t start, size_t end)
{
	size_t first = (start + mem->page - 1) & ~(mem->page - 1), last = end & ~(mem->page - 1);

	if (first >= last || madvise(mem->base + first, last - first, MADV_DONTNEED)) {
		memset(mem->base + start, 0, end - start);
		return;
	}
	memset(mem->base + start, 0, first - start);
	memset(mem->base + last, 0, end - last);
}

static void mem_submit(struct backend_queue *q, struct backend_req *req)
{
	struct mem *mem = (struct mem *)q->backend;
	char *at = mem->base + req->offset;
	int rc = 0;

	switch (req->op) {
	case BACKEND_READ:
		rc = guard_scatter(req->iov, req->niov, 0, at, req->len);
		break;
	case BACKEND_WRITE:
		rc = guard_gather(at, req->iov, req->niov, 0, req->len);
		break;
	case BACKEND_WRITE_ZEROES:
		if (!(req->flags & BACKEND_MAY_UNMAP)) {
			memset(at, 0, req->len);
			break;
		}
		__attribute__((fallthrough));
	case BACKEND_DISCARD:
		give_back(mem, req->offset, req->offset + req->len);
		break;
	default:
		rc = -EOPNOTSUPP;
	}
	backend_complete(q, req, rc);
}

static const char *const mem_schemes[] = { "mem", NULL };

const struct backend_ops backend_mem_ops = {
	.schemes = mem_schemes,
	.usage = "mem:SIZE",
	.open = mem_open,
	.close = mem_close,
	.queue_open = mem_queue_open,
	.queue_close = mem_queue_close,
	.submit = mem_submit,
};
