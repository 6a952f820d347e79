/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests: from the ring to the back end and back. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vdused/blk.h"
#include "vdused/guard.h"
#include "vdused/log.h"
#include "vdused/reactor.h"

#define SECTOR 512
#define HEADER_LEN 16
#define RANGE_LEN 16
/* Answers that are there at once are not kept waiting for the rest of the ring: the driver works on them meanwhile. */
#define ANSWERS_MAX 4

struct blk_range {
	uint64_t sector;
	uint32_t sectors;
	uint32_t flags;
};

struct blk_req {
	struct backend_req io;
	struct vq *vq;
	struct blk_req *next; /* in the queue's list of free ones */
	struct vchain chain; /* its iov is reused */
	struct iova_map *map; /* what the iov points into stays mapped */
	uint8_t *status; /* the last writable octet */
	uint32_t type;
	uint64_t sector;
	uint32_t written; /* to report when all goes well, without the status octet */
	unsigned range, ranges;
	struct blk_range *list; /* of DISCARD and the like; ours */
};

static struct blk_req *req_get(struct vq *vq)
{
	struct blk_req *req = vq->free_reqs;

	if (req)
		vq->free_reqs = req->next;
	else
		req = calloc(1, sizeof(*req));
	if (req)
		req->vq = vq;
	return req;
}

static void req_put(struct blk_req *req)
{
	struct vq *vq = req->vq;

	free(req->list);
	req->list = NULL;
	iova_map_unref(req->map);
	req->map = NULL;
	req->next = vq->free_reqs;
	vq->free_reqs = req;
}

void blk_free_requests(struct vq *vq)
{
	while (vq->free_reqs) {
		struct blk_req *req = vq->free_reqs;

		vq->free_reqs = req->next;
		free(req->chain.iov);
		free(req);
	}
}

/* The ring can't be trusted any more. */
static void break_ring(struct vq *vq, const char *why)
{
	if (!vring_broken(&vq->ring))
		snprintf(vq->ring.why, sizeof(vq->ring.why), "%s", why);
}

/* Gives the request back to the driver with its status. */
static void finish(struct blk_req *req, uint8_t status)
{
	struct vq *vq = req->vq;

	if (status != VIRTIO_BLK_S_OK)
		VQ_COUNT(vq, VQ_ERRORS, 1);
	vq->in_flight--;
	if (!vq->drop && !vring_broken(&vq->ring)) {
		if (guard_copy(req->status, &status, 1)) {
			break_ring(vq, "a request's status octet can't be written: its memory is gone");
		} else {
			vring_push(&vq->ring, req->chain.id, (status == VIRTIO_BLK_S_OK ? req->written : 0) + 1);
			vq->dirty = true;
		}
	}
	req_put(req);
}

static uint8_t status_of(int result)
{
	switch (result) {
	case 0:
		return VIRTIO_BLK_S_OK;
	case -EOPNOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}

static void io_done(struct backend_req *io, int result)
{
	finish((struct blk_req *)io, status_of(result));
}

static void submit(struct blk_req *req)
{
	backend_submit(req->vq->reactor->backend, &req->io);
}

/* ---- the parts of a chain ------------------------------------------------------ */

/* The status octet is the last writable one, wherever it lies; it leaves the scatter list. */
static int take_status(struct vchain *chain, uint8_t **status)
{
	struct iovec *iov = chain->iov + chain->nout;

	while (chain->nin && !iov[chain->nin - 1].iov_len)
		chain->nin--;
	if (!chain->nin || !iov[chain->nin - 1].iov_base)
		return -EFAULT;
	iov += chain->nin - 1;
	*status = (uint8_t *)iov->iov_base + iov->iov_len - 1;
	/* An octet of its own leaves no empty piece, whose address would count. */
	if (!--iov->iov_len)
		chain->nin--;
	chain->in_len--;
	return 0;
}

/* The data that the device reads, without the header. */
static void out_data(struct vchain *chain, struct iovec **iov, unsigned *niov, uint64_t *len)
{
	size_t skip = HEADER_LEN;

	*iov = chain->iov;
	*niov = chain->nout;
	*len = chain->out_len - HEADER_LEN;
	while (*niov && skip >= (*iov)->iov_len) {
		skip -= (*iov)->iov_len;
		++*iov;
		--*niov;
	}
	if (*niov && skip) {
		if ((*iov)->iov_base)
			(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + skip;
		(*iov)->iov_len -= skip;
	}
}

static bool reachable(const struct iovec *iov, unsigned niov)
{
	for (unsigned i = 0; i < niov; i++)
		if (!iov[i].iov_base && iov[i].iov_len)
			return false;
	return true;
}

/* ---- request types --------------------------------------------------------------- */

static bool in_range(const struct blk *blk, uint64_t sector, uint64_t sectors)
{
	uint64_t capacity = __atomic_load_n(&blk->capacity, __ATOMIC_RELAXED);
	uint64_t unit = blk->block_size / SECTOR;

	return sector <= capacity && sectors <= capacity - sector && sector % unit == 0 && sectors % unit == 0;
}

static void transfer(struct blk_req *req, bool write)
{
	struct vq *vq = req->vq;
	struct backend_req *io = &req->io;

	if (write) {
		out_data(&req->chain, &io->iov, &io->niov, &io->len);
	} else {
		io->iov = req->chain.iov + req->chain.nout;
		io->niov = req->chain.nin;
		io->len = req->chain.in_len;
	}
	if ((write && vq->blk->readonly) || io->len % SECTOR || io->len > UINT32_MAX - 1 ||
	    !in_range(vq->blk, req->sector, io->len / SECTOR) || !reachable(io->iov, io->niov)) {
		finish(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	VQ_COUNT(vq, write ? VQ_WRITES : VQ_READS, 1);
	VQ_COUNT(vq, write ? VQ_WRITE_BYTES : VQ_READ_BYTES, io->len);
	if (!io->len) {
		finish(req, VIRTIO_BLK_S_OK);
		return;
	}
	io->op = write ? BACKEND_WRITE : BACKEND_READ;
	io->offset = req->sector * SECTOR;
	/* A driver that can't flush takes every completed write for durable. */
	io->flags = write && !(vq->blk->features & FEATURE(VIRTIO_BLK_F_FLUSH)) ? BACKEND_FUA : 0;
	io->done = io_done;
	req->written = write ? 0 : (uint32_t)io->len;
	submit(req);
}

static void flush(struct blk_req *req)
{
	VQ_COUNT(req->vq, VQ_FLUSHES, 1);
	if (!req->vq->blk->backend->info.flush || req->vq->blk->readonly) {
		finish(req, VIRTIO_BLK_S_OK);
		return;
	}
	req->io.op = BACKEND_FLUSH;
	req->io.flags = 0;
	req->io.offset = req->io.len = 0;
	req->io.iov = NULL;
	req->io.niov = 0;
	req->io.done = io_done;
	submit(req);
}

static void get_id(struct blk_req *req)
{
	const struct blk *blk = req->vq->blk;
	size_t len = req->chain.in_len < sizeof(blk->serial) ? req->chain.in_len : sizeof(blk->serial);

	if (guard_scatter(req->chain.iov + req->chain.nout, req->chain.nin, 0, blk->serial, len)) {
		finish(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	req->written = (uint32_t)len;
	finish(req, VIRTIO_BLK_S_OK);
}

static void next_range(struct blk_req *req);

static void range_done(struct backend_req *io, int result)
{
	struct blk_req *req = (struct blk_req *)io;

	/* What can't be cancelled ends well, but the driver asks for no more. */
	if (result || req->vq->drop)
		finish(req, status_of(result));
	else
		next_range(req);
}

static void next_range(struct blk_req *req)
{
	const struct blk_range *r;

	while (req->range < req->ranges && !req->list[req->range].sectors)
		req->range++;
	if (req->range == req->ranges) {
		finish(req, VIRTIO_BLK_S_OK);
		return;
	}
	r = &req->list[req->range++];
	req->io.offset = r->sector * SECTOR;
	req->io.len = (uint64_t)r->sectors * SECTOR;
	req->io.flags = r->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP ? BACKEND_MAY_UNMAP : 0;
	/* Erasing for good knows no FUA. */
	if (req->io.op != BACKEND_SECURE_ERASE && !(req->vq->blk->features & FEATURE(VIRTIO_BLK_F_FLUSH)))
		req->io.flags |= BACKEND_FUA;
	submit(req);
}

/* The ranges of the request, copied once and checked: a virtio status. */
static uint8_t read_ranges(struct blk_req *req, uint32_t flags_known)
{
	struct iovec *iov;
	unsigned niov;
	uint64_t len;

	out_data(&req->chain, &iov, &niov, &len);
	if (!len || len % RANGE_LEN || len / RANGE_LEN > BLK_RANGES_MAX)
		return VIRTIO_BLK_S_IOERR;
	req->list = malloc(len);
	if (!req->list || guard_gather(req->list, iov, niov, 0, len))
		return VIRTIO_BLK_S_IOERR;
	req->ranges = (unsigned)(len / RANGE_LEN);
	req->range = 0;
	for (unsigned i = 0; i < req->ranges; i++) {
		struct blk_range *r = &req->list[i];

		r->sector = le64toh(r->sector);
		r->sectors = le32toh(r->sectors);
		r->flags = le32toh(r->flags);
		if (r->flags & ~flags_known)
			return VIRTIO_BLK_S_UNSUPP;
		if (r->sectors > BLK_RANGE_SECTORS_MAX || !in_range(req->vq->blk, r->sector, r->sectors))
			return VIRTIO_BLK_S_IOERR;
	}
	return VIRTIO_BLK_S_OK;
}

static void ranges(struct blk_req *req, unsigned feature, enum backend_op op, uint32_t flags_known)
{
	uint8_t status;

	if (!(req->vq->blk->offered & FEATURE(feature))) {
		finish(req, VIRTIO_BLK_S_UNSUPP);
		return;
	}
	status = read_ranges(req, flags_known);
	if (status != VIRTIO_BLK_S_OK) {
		finish(req, status);
		return;
	}
	VQ_COUNT(req->vq, op == BACKEND_WRITE_ZEROES ? VQ_WRITE_ZEROES : VQ_DISCARDS, 1);
	req->io.op = op;
	req->io.iov = NULL;
	req->io.niov = 0;
	req->io.done = range_done;
	next_range(req);
}

static void dispatch(struct blk_req *req)
{
	if (!req->vq->blk->backend) {
		finish(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	switch (req->type) {
	case VIRTIO_BLK_T_IN:
		transfer(req, false);
		break;
	case VIRTIO_BLK_T_OUT:
		transfer(req, true);
		break;
	case VIRTIO_BLK_T_FLUSH:
		flush(req);
		break;
	case VIRTIO_BLK_T_GET_ID:
		get_id(req);
		break;
	case VIRTIO_BLK_T_DISCARD:
		ranges(req, VIRTIO_BLK_F_DISCARD, BACKEND_DISCARD, 0);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		ranges(req, VIRTIO_BLK_F_WRITE_ZEROES, BACKEND_WRITE_ZEROES,
		       VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
		break;
	case VIRTIO_BLK_T_SECURE_ERASE:
		ranges(req, VIRTIO_BLK_F_SECURE_ERASE, BACKEND_SECURE_ERASE, 0);
		break;
	default:
		finish(req, VIRTIO_BLK_S_UNSUPP);
	}
}

/* Takes the chain apart and starts the request, or breaks the ring. */
static void start(struct blk_req *req)
{
	struct vq *vq = req->vq;
	struct virtio_blk_outhdr header;

	vq->in_flight++;
	req->map = iova_map_ref(vq->ring.map);
	req->written = 0;
	if (req->chain.out_len < HEADER_LEN)
		break_ring(vq, "a request's header is shorter than 16 octets");
	else if (guard_gather(&header, req->chain.iov, req->chain.nout, 0, HEADER_LEN))
		break_ring(vq, "a request's header is not in mapped memory");
	else if (!req->chain.in_len)
		break_ring(vq, "a request has no room for its status");
	else if (take_status(&req->chain, &req->status))
		break_ring(vq, "a request's status octet is not in mapped memory");
	if (vring_broken(&vq->ring)) {
		vq->in_flight--;
		req_put(req);
		return;
	}
	req->type = le32toh(header.type) & ~VIRTIO_BLK_T_BARRIER;
	req->sector = le64toh(header.sector);
	dispatch(req);
}

/* Its memory is the driver's own again once it has reset the device, at any moment. */
static bool may_go_on(const struct vq *vq)
{
	return vq->ring.pushed < ANSWERS_MAX && !vring_broken(&vq->ring) && !vq->drop;
}

/* `patient`: whatever the main thread wishes comes after all that there is. */
static bool service(struct vq *vq, unsigned budget, bool patient, int pop(struct vring *, struct vchain *))
{
	bool any = false;

	while (budget-- && may_go_on(vq) &&
	       (patient || !__atomic_load_n(&vq->reactor->asked, __ATOMIC_RELAXED))) {
		struct blk_req *req = req_get(vq);

		if (!req) {
			break_ring(vq, "out of memory for requests");
			break;
		}
		if (pop(&vq->ring, &req->chain) <= 0) {
			req_put(req);
			break;
		}
		any = true;
		start(req);
	}
	return any;
}

bool blk_service(struct vq *vq, unsigned budget)
{
	return service(vq, budget, false, vring_pop);
}

void blk_resume(struct vq *vq)
{
	while (service(vq, UINT32_MAX, true, vring_pop_resumed) && !vq->drop)
		if (vring_publish(&vq->ring) && vring_wants_interrupt(&vq->ring))
			vduse_inject(vq->vduse, vq->index);
}
