// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost_ring.h"

#include <endian.h>
#include <err.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t third, fourth; /* split: flags, next; packed: id, flags */
};

#define AVAIL (1U << VRING_PACKED_DESC_F_AVAIL)
#define USED (1U << VRING_PACKED_DESC_F_USED)
#define WRAP (1U << VRING_PACKED_EVENT_F_WRAP_CTR)

static uint16_t load16(const void *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
}

static void store16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_RELEASE);
}

static uint32_t load32(const void *p)
{
	return le32toh(__atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE));
}

static void store32(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, htole32(v), __ATOMIC_RELEASE);
}

static void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static struct desc *desc_at(const struct ring *r, unsigned i)
{
	return (struct desc *)(r->memory + RING_DESC) + i;
}

void ring_init(struct ring *r, uint8_t *memory, unsigned size, bool packed, bool event_idx)
{
	*r = (struct ring){
		.size = size,
		.packed = packed,
		.event_idx = event_idx,
		.memory = memory,
		.free = size,
		.avail_wrap = true,
		.used_wrap = true,
	};
	if (size > RING_MAX)
		errx(1, "a ring of %u descriptors", size);
	for (unsigned i = 0; i < size; i++)
		r->next_free[i] = (uint16_t)(i + 1);
	r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->kick < 0 || r->call < 0)
		err(1, "eventfd");
}

void ring_fini(struct ring *r)
{
	close(r->kick);
	close(r->call);
}

unsigned ring_base(const struct ring *r)
{
	return r->packed ? r->avail | (r->avail_wrap ? WRAP : 0) : r->avail;
}

/* ---- adding ---- */

void ring_write_desc(const struct ring *r, void *table, unsigned i, const struct piece *p, uint16_t next)
{
	struct desc *d = (struct desc *)table + i;

	d->addr = htole64(p->addr);
	d->len = htole32(p->len);
	d->third = htole16(r->packed ? next : p->flags);
	d->fourth = htole16(r->packed ? p->flags : next);
}

static void write_table(const struct ring *r, void *table, const struct piece *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct piece entry = p[i];

		if (!r->packed && i + 1 < n)
			entry.flags |= VRING_DESC_F_NEXT;
		ring_write_desc(r, table, i, &entry, r->packed ? 0 : (uint16_t)(i + 1));
	}
}

static uint16_t take_free(struct ring *r)
{
	uint16_t i = r->free_head;

	r->free_head = r->next_free[i];
	return i;
}

static void add_split(struct ring *r, const struct piece *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		r->last[i] = take_free(r);
	for (unsigned i = 0; i < n; i++) {
		struct piece entry = p[i];

		if (i + 1 < n)
			entry.flags |= VRING_DESC_F_NEXT;
		ring_write_desc(r, desc_at(r, 0), r->last[i], &entry, i + 1 < n ? r->last[i + 1] : 0);
	}
	r->last_id = r->last[0];
	r->tail[r->last_id] = r->last[n - 1];
	store16(r->memory + RING_DRIVER + 4 + 2 * (r->avail % r->size), r->last_id);
	r->avail++;
	r->added++;
}

static void advance(const struct ring *r, uint16_t *pos, bool *wrap, unsigned n)
{
	*pos = (uint16_t)(*pos + n);
	if (*pos >= r->size) {
		*pos = (uint16_t)(*pos - r->size);
		*wrap = !*wrap;
	}
}

static void add_packed(struct ring *r, const struct piece *p, unsigned n)
{
	uint16_t id = take_free(r);

	for (unsigned i = 0; i < n; i++) {
		uint16_t flags = p[i].flags | (r->avail_wrap ? AVAIL : USED) |
				 (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		struct desc *d = desc_at(r, r->avail);

		d->addr = htole64(p[i].addr);
		d->len = htole32(p[i].len);
		d->third = htole16(id);
		if (r->pending || i) {
			store16(&d->fourth, flags);
		} else {
			r->first = r->avail;
			r->first_flags = flags;
		}
		r->last[i] = r->avail;
		advance(r, &r->avail, &r->avail_wrap, 1);
	}
	r->last_id = id;
	r->added += n;
}

bool ring_add(struct ring *r, const struct piece *p, unsigned n, void *table, uint64_t table_iova,
	      void *cookie)
{
	struct piece one = { .addr = table_iova,
			     .len = n * (uint32_t)sizeof(struct desc),
			     .flags = VRING_DESC_F_INDIRECT };

	if (table) {
		if (!r->free)
			return false;
		write_table(r, table, p, n);
		p = &one;
		n = 1;
	}
	if (r->free < n)
		return false;
	if (r->packed)
		add_packed(r, p, n);
	else
		add_split(r, p, n);
	r->pending = true;
	r->free -= n;
	r->last_count = n;
	r->ndesc[r->last_id] = (uint16_t)n;
	r->cookie[r->last_id] = cookie;
	return true;
}

void ring_publish(struct ring *r)
{
	if (!r->pending)
		return;
	r->pending = false;
	if (r->packed)
		store16(&desc_at(r, r->first)->fourth, r->first_flags);
	else
		store16(r->memory + RING_DRIVER + 2, r->avail);
}

void ring_set_flags(struct ring *r, unsigned i, uint16_t set, uint16_t clear)
{
	struct desc *d = desc_at(r, r->last[i]);
	uint16_t *flags = r->packed ? &d->fourth : &d->third;

	if (r->packed && r->last[i] == r->first)
		r->first_flags = (r->first_flags | set) & (uint16_t)~clear;
	else
		store16(flags, (load16(flags) | set) & (uint16_t)~clear);
}

void ring_set_next(struct ring *r, unsigned i, uint16_t next)
{
	struct desc *d = desc_at(r, r->last[i]);

	store16(r->packed ? &d->third : &d->fourth, next);
}

/* ---- kicks ---- */

static bool wants_kick(const struct ring *r)
{
	const uint8_t *device = r->memory + RING_DEVICE;
	uint16_t event, new = r->avail, old = (uint16_t)(new - r->added);
	uint32_t area;

	if (!r->packed) {
		if (!r->event_idx)
			return !(load16(device) & VRING_USED_F_NO_NOTIFY);
		event = load16(device + 4 + 8 * r->size);
		return vring_need_event(event, new, old);
	}
	area = load32(device);
	if (area >> 16 != VRING_PACKED_EVENT_FLAG_DESC)
		return area >> 16 != VRING_PACKED_EVENT_FLAG_DISABLE;
	event = area & (WRAP - 1);
	if (!!(area & WRAP) != r->avail_wrap)
		event = (uint16_t)(event - r->size);
	return vring_need_event(event, new, old);
}

void ring_kick_always(struct ring *r)
{
	uint64_t one = 1;

	r->added = 0;
	if (write(r->kick, &one, sizeof(one)) < 0)
		err(1, "kick");
}

void ring_kick(struct ring *r)
{
	barrier();
	if (r->added && wants_kick(r))
		ring_kick_always(r);
	r->added = 0;
}

/* ---- getting ---- */

bool ring_has(const struct ring *r)
{
	uint16_t flags;

	if (!r->packed)
		return load16(r->memory + RING_DEVICE + 2) != r->used;
	flags = load16(&desc_at(r, r->used)->fourth);
	return !!(flags & AVAIL) == r->used_wrap && !!(flags & USED) == r->used_wrap;
}

static uint32_t get_id(struct ring *r, uint32_t *written)
{
	if (r->packed) {
		const struct desc *d = desc_at(r, r->used);

		*written = load16(&d->fourth) & VRING_DESC_F_WRITE ? load32(&d->len) : 0;
		return load16(&d->third);
	} else {
		const uint8_t *elem = r->memory + RING_DEVICE + 4 + 8 * (r->used % r->size);

		*written = load32(elem + 4);
		return load32(elem);
	}
}

void *ring_get(struct ring *r, uint32_t *written)
{
	void *cookie;
	uint32_t id;

	if (!ring_has(r))
		return NULL;
	id = get_id(r, written);
	if (id >= r->size || !r->cookie[id])
		errx(1, "the device completed %u, which is not in flight", id);
	if (r->packed) {
		advance(r, &r->used, &r->used_wrap, r->ndesc[id]);
		r->tail[id] = (uint16_t)id;
	} else {
		r->used++;
	}
	r->free += r->ndesc[id];
	r->next_free[r->tail[id]] = r->free_head;
	r->free_head = (uint16_t)id;
	cookie = r->cookie[id];
	r->cookie[id] = NULL;
	return cookie;
}

static void interrupts(struct ring *r, bool on)
{
	uint8_t *driver = r->memory + RING_DRIVER;

	if (r->packed) {
		uint32_t where = r->used | (r->used_wrap ? WRAP : 0);

		store32(driver, !on	      ? VRING_PACKED_EVENT_FLAG_DISABLE << 16 :
				r->event_idx ? where | VRING_PACKED_EVENT_FLAG_DESC << 16 :
					       VRING_PACKED_EVENT_FLAG_ENABLE << 16);
	} else if (!r->event_idx) {
		store16(driver, on ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
	} else if (on) {
		store16(driver + 4 + 2 * r->size, r->used);
	}
	barrier();
}

bool ring_wait(struct ring *r, int timeout_ms)
{
	struct pollfd pfd = { .fd = r->call, .events = POLLIN };
	uint64_t count;
	int n = 1;

	if (ring_has(r))
		return true;
	interrupts(r, true);
	while (!ring_has(r)) {
		n = poll(&pfd, 1, timeout_ms);
		if (n <= 0)
			break;
		if (read(r->call, &count, sizeof(count)) < 0)
			err(1, "call");
	}
	interrupts(r, false);
	if (n == 0 && ring_has(r))
		r->missed = true;
	return ring_has(r);
}
