/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/inflight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PACKED_WRAP 0x8000

/*
 * Who reads next is another process, after the death of this one: what was
 * stored is there then, if only the compiler keeps the order.
 */
#define ordered_store(p, v)                               \
	do {                                              \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);  \
		__atomic_store_n(p, v, __ATOMIC_RELEASE); \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);  \
	} while (0)

static size_t batch_size(unsigned size)
{
	return (size * sizeof(uint16_t) + 7) & ~(size_t)7;
}

size_t inflight_area_size(unsigned size)
{
	return sizeof(struct inflight_area) + size * sizeof(struct inflight_slot) +
	       batch_size(size) + size * sizeof(struct inflight_desc);
}

static void locate(struct inflight *log, void *area, unsigned size, bool packed)
{
	log->area = area;
	log->slot = (void *)(log->area + 1);
	log->batch = (void *)(log->slot + size);
	log->desc = packed ? (void *)((char *)log->batch + batch_size(size)) : NULL;
	log->free_desc = INFLIGHT_NONE;
}

void inflight_reset(struct inflight *log, void *area, unsigned size, bool packed, uint16_t used)
{
	struct inflight_area *a = area;

	ordered_store(&a->active, 0);
	locate(log, area, size, packed);
	memset(log->slot, 0, size * sizeof(*log->slot));
	memset(log->batch, 0, batch_size(size));
	for (unsigned i = 0; packed && i < size; i++)
		log->desc[i] = (struct inflight_desc){
			.next = i + 1 < size ? (uint16_t)(i + 1) : INFLIGHT_NONE,
		};
	if (packed)
		log->free_desc = 0;
	*a = (struct inflight_area){ .size = size, .packed = packed, .used = used };
	ordered_store(&a->active, 1);
}

void inflight_stop(struct inflight *log)
{
	if (log->area)
		ordered_store(&log->area->active, 0);
}

void inflight_take(struct inflight *log, uint16_t id, uint16_t ndesc,
		   const struct inflight_desc *desc)
{
	struct inflight_slot *s = &log->slot[id];

	s->counter = log->area->counter;
	s->ndesc = ndesc;
	s->first = INFLIGHT_NONE;
	if (log->desc) {
		uint16_t *link = &s->first;

		/* The copies of all in flight fit: none has more than its descriptors in the ring. */
		for (unsigned i = 0; i < ndesc && log->free_desc != INFLIGHT_NONE; i++) {
			struct inflight_desc *d = &log->desc[log->free_desc];

			*link = log->free_desc;
			log->free_desc = d->next;
			*d = desc[i];
			link = &d->next;
		}
		*link = INFLIGHT_NONE;
	}
	ordered_store(&log->area->counter, s->counter + 1);
	ordered_store(&s->taken, 1);
}

void inflight_batch_add(struct inflight *log, uint16_t id)
{
	uint16_t n = log->area->batch_count;

	log->batch[n] = id;
	ordered_store(&log->area->batch_count, n + 1);
}

void inflight_publish_begin(struct inflight *log, uint16_t after)
{
	log->area->after = after;
	ordered_store(&log->area->publishing, 1);
}

static void free_descs(struct inflight *log, uint16_t first)
{
	uint16_t last = first;

	if (first == INFLIGHT_NONE)
		return;
	while (log->desc[last].next != INFLIGHT_NONE)
		last = log->desc[last].next;
	log->desc[last].next = log->free_desc;
	log->free_desc = first;
}

void inflight_publish_end(struct inflight *log)
{
	for (unsigned i = 0; i < log->area->batch_count; i++) {
		struct inflight_slot *s = &log->slot[log->batch[i]];

		/* Not, when this goes on where another process died. */
		if (!s->taken)
			continue;
		ordered_store(&s->taken, 0);
		if (log->desc)
			free_descs(log, s->first);
	}
	ordered_store(&log->area->used, log->area->after);
	inflight_publish_drop(log);
}

void inflight_publish_drop(struct inflight *log)
{
	ordered_store(&log->area->publishing, 0);
	ordered_store(&log->area->batch_count, 0);
}

/* `pos` moved on by n descriptors: position | wrap counter << 15. */
static uint16_t advance_packed(uint16_t pos, unsigned n, unsigned size)
{
	unsigned at = (pos & (PACKED_WRAP - 1)) + n;
	uint16_t wrap = pos & PACKED_WRAP;

	if (at >= size) {
		at -= size;
		wrap ^= PACKED_WRAP;
	}
	return (uint16_t)at | wrap;
}

/*
 * The list of a slot: as long as it says, and nobody else's; its entries are
 * marked in `seen`.
 */
static int check_list(const struct inflight *log, const struct inflight_slot *s, uint8_t *seen)
{
	uint16_t at = s->first;

	for (unsigned i = 0; i < s->ndesc; i++) {
		if (at >= log->area->size || seen[at])
			return -EINVAL;
		seen[at] = 1;
		at = log->desc[at].next;
	}
	return at == INFLIGHT_NONE ? 0 : -EINVAL;
}

/* Each slot for itself, and that all of them together fit the ring. */
static int check_slots(const struct inflight *log, uint8_t *seen)
{
	const struct inflight_area *a = log->area;
	uint64_t total = 0;

	for (unsigned i = 0; i < a->size; i++) {
		const struct inflight_slot *s = &log->slot[i];

		if (s->taken > 1)
			return -EINVAL;
		if (!s->taken)
			continue;
		if (s->counter >= a->counter || !s->ndesc || (!log->desc && s->ndesc != 1))
			return -EINVAL;
		if (log->desc && check_list(log, s, seen))
			return -EINVAL;
		total += s->ndesc;
	}
	return total <= a->size ? 0 : -EINVAL;
}

/* A batch in publication: distinct requests, which lead from `used` to `after`. */
static int check_batch(const struct inflight *log, uint8_t *seen)
{
	const struct inflight_area *a = log->area;
	unsigned total = 0;
	uint16_t after;

	if (!a->batch_count)
		return -EINVAL;
	for (unsigned i = 0; i < a->batch_count; i++) {
		uint16_t id = log->batch[i];

		if (id >= a->size || seen[id])
			return -EINVAL;
		seen[id] = 1;
		total += log->slot[id].ndesc;
	}
	for (unsigned i = 0; i < a->batch_count; i++)
		if (!log->slot[log->batch[i]].ndesc)
			return -EINVAL;
	if (total > a->size)
		return -EINVAL;
	/* Only the last moment before the end shows them equal. */
	if (a->used == a->after)
		return 0;
	after = a->packed ? advance_packed(a->used, total, a->size) : (uint16_t)(a->used + total);
	return after == a->after ? 0 : -EINVAL;
}

static bool position_fits(const struct inflight_area *a, uint16_t pos)
{
	return !a->packed || (pos & (PACKED_WRAP - 1)) < a->size;
}

static int check_area(const struct inflight *log, uint8_t *seen_desc, uint8_t *seen_batch)
{
	const struct inflight_area *a = log->area;

	if (a->publishing > 1 || a->batch_count > a->size || !position_fits(a, a->used) ||
	    a->counter > INT64_MAX)
		return -EINVAL;
	if (check_slots(log, seen_desc))
		return -EINVAL;
	return a->publishing ? check_batch(log, seen_batch) : 0;
}

int inflight_attach(struct inflight *log, void *area, unsigned size, bool packed)
{
	const struct inflight_area *a = area;
	uint8_t *seen;
	int ret;

	*log = (struct inflight){ 0 };
	if (a->active != 1 || a->size != size || a->packed != packed || !size ||
	    size > INFLIGHT_QUEUE_MAX)
		return -EINVAL;
	seen = calloc(2, size);
	if (!seen)
		return -ENOMEM;
	locate(log, area, size, packed);
	ret = check_area(log, seen, seen + size);
	for (unsigned i = size; !ret && packed && i--;)
		if (!seen[i]) {
			log->desc[i].next = log->free_desc;
			log->free_desc = (uint16_t)i;
		}
	free(seen);
	if (!ret && !log->area->publishing)
		inflight_publish_drop(log);
	if (ret)
		*log = (struct inflight){ 0 };
	return ret;
}

static int by_counter(const void *a, const void *b, void *data)
{
	const struct inflight_slot *slot = data;
	uint64_t x = slot[*(const uint16_t *)a].counter, y = slot[*(const uint16_t *)b].counter;

	return x < y ? -1 : x > y;
}

unsigned inflight_list(const struct inflight *log, uint16_t *id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < log->area->size; i++)
		if (log->slot[i].taken)
			id[n++] = (uint16_t)i;
	qsort_r(id, n, sizeof(*id), by_counter, log->slot);
	return n;
}
