/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "blkworld.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vdused/guard.h"
#include "vdused/vring_impl.h"

#define RING_SIZE 64

/* ---- the fake back end ---- */

static void take_out(struct fake *f, unsigned i)
{
	memmove(&f->held[i], &f->held[i + 1], (f->held_count - i - 1) * sizeof(f->held[0]));
	__atomic_store_n(&f->held_count, f->held_count - 1, __ATOMIC_RELEASE);
}

void fake_end(struct fake *f, unsigned i, int result)
{
	struct backend_req *req = f->held[i];

	if (i >= f->held_count)
		abort();
	take_out(f, i);
	backend_complete(f->q, req, result);
}

static void timer_ready(struct loop_source *src, uint32_t events)
{
	struct fake *f = (struct fake *)((char *)src - offsetof(struct fake, timer));
	uint64_t ticks;

	(void)events;
	if (read(src->fd, &ticks, sizeof(ticks)) < 0)
		return;
	/* The newest first. */
	for (unsigned n = f->held_count; n; n--)
		fake_end(f, n - 1, f->result);
}

void fake_end_later(struct fake *f, long ns)
{
	struct itimerspec spec = { .it_interval.tv_nsec = ns, .it_value.tv_nsec = ns };

	f->hold = true;
	f->timer.ready = timer_ready;
	f->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	timerfd_settime(f->timer.fd, 0, &spec, NULL);
}

static int fake_queue_open(struct backend *b, struct loop *loop, struct backend_queue **q,
			   struct err *err)
{
	struct fake *f = (struct fake *)b;

	(void)err;
	*q = f->q = calloc(1, sizeof(**q));
	if (f->timer.fd >= 0)
		loop_add(loop, &f->timer, EPOLLIN);
	return 0;
}

static void fake_queue_close(struct backend_queue *q)
{
	struct fake *f = (struct fake *)q->backend;

	if (f->timer.fd >= 0) {
		loop_del(q->loop, &f->timer);
		close(f->timer.fd);
		f->timer.fd = -1;
	}
	free(q);
}

static void fake_submit(struct backend_queue *q, struct backend_req *req)
{
	struct fake *f = (struct fake *)q->backend;

	f->seen[f->seen_count++ % FAKE_MAX] =
		(struct fake_seen){ req->op, req->flags, req->offset, req->len };
	if (f->on_submit)
		f->on_submit();
	if (!f->hold) {
		backend_complete(q, req, f->result);
		return;
	}
	if (f->held_count == FAKE_MAX)
		abort();
	f->held[f->held_count] = req;
	__atomic_store_n(&f->held_count, f->held_count + 1, __ATOMIC_RELEASE);
}

static bool fake_poll(struct backend_queue *q)
{
	return ((struct fake *)q->backend)->busy;
}

static void fake_cancel(struct backend_queue *q)
{
	struct fake *f = (struct fake *)q->backend;

	f->cancelled++;
	while (!f->deaf && f->held_count)
		fake_end(f, 0, -ECANCELED);
}

static void fake_close(struct backend *b)
{
	(void)b;
}

static const struct backend_ops fake_ops = {
	.close = fake_close,
	.queue_open = fake_queue_open,
	.queue_close = fake_queue_close,
	.submit = fake_submit,
	.poll = fake_poll,
	.cancel = fake_cancel,
};

void fake_init(struct fake *f, uint64_t size)
{
	memset(f, 0, sizeof(*f));
	f->timer.fd = -1;
	f->b.ops = &fake_ops;
	f->b.info = (struct backend_info){
		.size = size,
		.logical_block = 512,
		.flush = true,
		.discard = true,
		.write_zeroes = true,
		.secure_erase = true,
	};
}

/* ---- the driver ---- */

static void add_table(struct vdriver *v, unsigned id, const struct piece *p, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		unsigned flags = (p[k].write ? DESC_WRITE : 0) |
				 (!v->setup.packed && k + 1 < n ? DESC_NEXT : 0);

		vdriver_desc(v, ARENA_TABLES + id * 8 * 16, k, p[k].addr, p[k].len, (uint16_t)flags,
			     (uint16_t)(k + 1));
	}
}

static unsigned free_desc(struct vdriver *v)
{
	unsigned i = 0;

	while (v->busy[i])
		i++;
	v->busy[i] = true;
	return i;
}

static unsigned add_split(struct vdriver *v, const struct piece *p, unsigned n, bool indirect)
{
	unsigned head = free_desc(v), at = head, next;

	if (indirect) {
		add_table(v, head, p, n);
		vdriver_desc(v, ARENA_DESC, head, VDRIVER_IOVA + ARENA_TABLES + head * 8 * 16,
			     n * 16, DESC_INDIRECT, 0);
		return head;
	}
	for (unsigned k = 0; k < n; k++, at = next) {
		next = k + 1 < n ? free_desc(v) : 0;
		vdriver_desc(v, ARENA_DESC, at, p[k].addr, p[k].len,
			     (uint16_t)((p[k].write ? DESC_WRITE : 0) |
					(k + 1 < n ? DESC_NEXT : 0)),
			     (uint16_t)next);
	}
	return head;
}

static unsigned add_packed(struct vdriver *v, const struct piece *p, unsigned n, bool indirect)
{
	unsigned id = 0, first = v->avail, first_flags = 0, ndesc = indirect ? 1 : n;
	uint8_t *ring = v->arena + ARENA_DESC;

	while (v->token[id])
		id++;
	if (indirect)
		add_table(v, id, p, n);
	for (unsigned k = 0; k < ndesc; k++) {
		unsigned flags = (v->avail_wrap ? DESC_AVAIL : DESC_USED) |
				 (k + 1 < ndesc ? DESC_NEXT : 0) |
				 (indirect   ? DESC_INDIRECT :
				  p[k].write ? DESC_WRITE :
					       0);

		if (!k) {
			first_flags = flags;
			flags = ring_load16(ring + first * 16 + 14);
		}
		vdriver_desc(v, ARENA_DESC, v->avail,
			     indirect ? VDRIVER_IOVA + ARENA_TABLES + id * 8 * 16 : p[k].addr,
			     indirect ? n * 16 : p[k].len, (uint16_t)flags, (uint16_t)id);
		if (++v->avail == v->setup.size) {
			v->avail = 0;
			v->avail_wrap = !v->avail_wrap;
		}
	}
	/* Only now is it there. */
	ring_store16(ring + first * 16 + 14, (uint16_t)first_flags);
	return id;
}

bool driver_add(struct vdriver *v, uint32_t token, const struct piece *pieces, unsigned n)
{
	bool indirect = v->setup.indirect && n > 1 && n <= 8;
	unsigned ndesc = indirect ? 1 : n, id;

	if (v->free < ndesc)
		return false;
	id = v->setup.packed ? add_packed(v, pieces, n, indirect) :
			       add_split(v, pieces, n, indirect);
	v->free -= ndesc;
	v->ndesc[id] = (uint16_t)ndesc;
	v->token[id] = token;
	if (!v->setup.packed)
		vdriver_avail(v, (uint16_t)id);
	return true;
}

/* ---- the world ---- */

static void *gone_memory(void)
{
	int fd = memfd_create("gone", MFD_CLOEXEC);
	void *p = mmap(NULL, GONE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(p != MAP_FAILED);
	close(fd);
	return p;
}

static void make_map(struct blkworld *w)
{
	const unsigned both = IOVA_READ | IOVA_WRITE;
	const struct iova_region region[] = {
		{ VDRIVER_IOVA, VDRIVER_IOVA + ARENA_LOG - 1, w->arena, both, NULL, 0 },
		{ VDRIVER_IOVA + ARENA_TABLES, VDRIVER_IOVA + ARENA_SIZE - 1,
		  w->arena + ARENA_TABLES, both, NULL, 0 },
		{ DATA_IOVA, DATA_IOVA + DATA_LEN - 1, w->data, both, NULL, 0 },
		{ GONE_IOVA, GONE_IOVA + GONE_LEN - 1, gone_memory(), both, NULL, 0 },
		{ ONLY_READ_IOVA, ONLY_READ_IOVA + DATA_LEN - 1, w->data, IOVA_READ, NULL, 0 },
	};

	w->map = iova_map_new(region, sizeof(region) / sizeof(*region));
	w->map->region[3].mapping = w->map->region[3].va;
	w->map->region[3].mapping_len = GONE_LEN;
}

void blkworld_ring(struct blkworld *w, unsigned how)
{
	uint16_t base = how & VDRIVER_PACKED ? 0x8000 : 0;

	memset(w->arena, 0, ARENA_SIZE);
	vdriver_init(&w->v, w->arena, RING_SIZE, how, base);
	assert_int_equal(vring_start(&w->vq.ring, &w->v.setup, w->map, w->log, false, base), 0);
}

void blkworld_open(struct blkworld *w, const struct blkworld_params *p)
{
	struct blk_options o = p->options;
	struct backend_params params = { .readonly = o.readonly };
	struct err err = { "" };

	assert_int_equal(guard_install(), 0);
	memset(w, 0, sizeof(*w));
	assert_true(inflight_area_size(RING_SIZE) <= sizeof(w->log));
	w->arena = aligned_alloc(4096, ARENA_SIZE);
	w->data = aligned_alloc(4096, DATA_LEN);
	memset(w->data, 0, DATA_LEN);
	make_map(w);
	o.queues = o.queues ? o.queues : 1;
	o.queue_size = o.queue_size ? o.queue_size : RING_SIZE;
	o.serial = o.serial ? o.serial : "serial";
	if (p->uri && backend_open(p->uri, &params, &w->backend, &err))
		fail_msg("%s", err.text);
	blk_init(&w->blk, p->fake ? &p->fake->b : w->backend, &o);
	w->blk.features = w->blk.offered & ~p->without;
	w->vduse.fd = w->vduse.control = -1;
	w->vq = (struct vq){ .reactor = &w->r, .blk = &w->blk, .vduse = &w->vduse, .kick.fd = -1 };
	w->vqp = &w->vq;
	w->r.vqs = &w->vqp;
	w->r.vq_count = 1;
	w->r.wake.fd = w->r.loop.epfd = -1;
	w->thread = p->thread;
	blkworld_ring(w, p->how);
	if (p->thread)
		return;
	w->vq.state = VQ_RUNNING;
	assert_int_equal(loop_init(&w->r.loop), 0);
	if (w->blk.backend && backend_queue_open(w->blk.backend, &w->r.loop, &w->r.backend, &err))
		fail_msg("%s", err.text);
}

void blkworld_close(struct blkworld *w)
{
	assert_int_equal(w->vq.in_flight, 0);
	blk_free_requests(&w->vq);
	vring_stop(&w->vq.ring);
	if (!w->thread)
		backend_queue_close(w->r.backend);
	backend_close(w->backend);
	loop_fini(&w->r.loop);
	/* No request keeps what it was translated by. */
	assert_int_equal(w->map->refs, 1);
	iova_map_unref(w->map);
	free(w->arena);
	free(w->data);
}

void blkworld_turn(struct blkworld *w)
{
	blk_service(&w->vq, 256);
	if (w->r.backend)
		backend_flush(w->r.backend);
	if (w->vq.dirty && !w->vq.drop)
		vring_publish(&w->vq.ring);
	w->vq.dirty = false;
}

void put_header(struct blkworld *w, unsigned at, uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr h = { .type = htole32(type), .sector = htole64(sector) };

	memcpy(w->data + at, &h, sizeof(h));
}

uint8_t blkworld_chain(struct blkworld *w, const struct piece *pieces, unsigned n)
{
	w->data[AT_STATUS] = 0xff;
	assert_true(driver_add(&w->v, 7, pieces, n));
	blkworld_turn(w);
	w->written = 0;
	if (vdriver_get(&w->v, &w->written) != 7)
		return 0xff;
	assert_int_not_equal(w->data[AT_STATUS], 0xff);
	return w->data[AT_STATUS];
}

uint8_t blkworld_do(struct blkworld *w, uint32_t type, uint64_t sector, uint32_t len, bool write)
{
	struct piece p[3] = {
		{ DATA_IOVA + AT_HEADER, 16, false },
		{ DATA_IOVA + AT_DATA, len, write },
		{ DATA_IOVA + AT_STATUS, 1, true },
	};

	put_header(w, AT_HEADER, type, sector);
	if (!len)
		p[1] = p[2];
	return blkworld_chain(w, p, len ? 3 : 2);
}

enum { READ_DATA = 512, READ_STATUS = 100, READ_ROOM = 0x1000, READS = 64 };

bool blkworld_read(struct blkworld *w, uint32_t token)
{
	const unsigned at = token % READS * READ_ROOM;
	const struct piece p[3] = { { DATA_IOVA + at, 16, false },
				    { DATA_IOVA + at + READ_DATA, 512, true },
				    { DATA_IOVA + at + READ_STATUS, 1, true } };

	put_header(w, at, VIRTIO_BLK_T_IN, token % 1024);
	w->data[at + READ_STATUS] = 0xff;
	return driver_add(&w->v, token, p, 3);
}

uint8_t blkworld_read_status(const struct blkworld *w, uint32_t token)
{
	return w->data[token % READS * READ_ROOM + READ_STATUS];
}

void blkworld_pending(struct blkworld *w, unsigned in_flight)
{
	blkworld_turn(w);
	assert_int_equal(w->vq.in_flight, in_flight);
	assert_int_equal(vdriver_get(&w->v, NULL), 0);
}
