/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "vdused/inflight.h"

#define SIZE 8

struct world {
	struct inflight log;
	void *area;
	size_t len;
	uint16_t id[SIZE];
};

static void world_open(struct world *w, bool packed, uint16_t used)
{
	w->len = inflight_area_size(SIZE);
	/* Of its exact length, so that a sanitizer sees what is past it. */
	w->area = malloc(w->len);
	assert_non_null(w->area);
	memset(w->area, 0xa5, w->len);
	inflight_reset(&w->log, w->area, SIZE, packed, used);
}

static void take(struct world *w, uint16_t id, uint16_t ndesc)
{
	struct inflight_desc d[SIZE];

	for (unsigned i = 0; i < ndesc; i++)
		d[i] = (struct inflight_desc){
			.addr = id * 100 + i, .len = i, .flags = 1, .next = 77
		};
	inflight_take(&w->log, id, ndesc, w->log.desc ? d : NULL);
}

static void publish(struct world *w, uint16_t id, uint16_t after)
{
	inflight_batch_add(&w->log, id);
	inflight_publish_begin(&w->log, after);
	inflight_publish_end(&w->log);
}

static int attach(struct world *w, bool packed)
{
	memset(&w->log, 0x5a, sizeof(w->log));
	return inflight_attach(&w->log, w->area, SIZE, packed);
}

static void test_empty(void **state)
{
	struct world w;

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		world_open(&w, packed, 3);
		assert_int_equal(attach(&w, packed), 0);
		assert_int_equal(w.log.area->used, 3);
		assert_int_equal(inflight_list(&w.log, w.id), 0);
		/* The other layout, another size. */
		assert_int_equal(attach(&w, !packed), -EINVAL);
		assert_null(w.log.area);
		assert_int_equal(inflight_attach(&w.log, w.area, SIZE / 2, packed), -EINVAL);
		assert_int_equal(attach(&w, packed), 0);
		inflight_stop(&w.log);
		assert_int_equal(attach(&w, packed), -EINVAL);
		free(w.area);
	}
	w.log = (struct inflight){ 0 };
	inflight_stop(&w.log);
}

/* In the order of taking, whatever the ids. */
static void test_order(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, false, 65534);
	take(&w, 5, 1);
	take(&w, 1, 1);
	take(&w, 7, 1);
	take(&w, 0, 1);
	publish(&w, 1, 65535);
	publish(&w, 5, 0);
	take(&w, 1, 1);
	assert_int_equal(attach(&w, false), 0);
	assert_int_equal(w.log.area->used, 0);
	assert_int_equal(inflight_list(&w.log, w.id), 3);
	assert_int_equal(w.id[0], 7);
	assert_int_equal(w.id[1], 0);
	assert_int_equal(w.id[2], 1);
	/* And on, after the restart. */
	take(&w, 2, 1);
	assert_int_equal(inflight_list(&w.log, w.id), 4);
	assert_int_equal(w.id[3], 2);
	free(w.area);
}

static void check_copies(struct world *w, uint16_t id, unsigned n)
{
	uint16_t at = w->log.slot[id].first;

	for (unsigned i = 0; i < n; i++) {
		assert_true(at < SIZE);
		assert_int_equal(w->log.desc[at].addr, id * 100 + i);
		assert_int_equal(w->log.desc[at].len, i);
		at = w->log.desc[at].next;
	}
	assert_int_equal(at, INFLIGHT_NONE);
}

static uint16_t forward(uint16_t used, unsigned n)
{
	unsigned at = (used & 0x7fff) + n;

	return at < SIZE ? (used & 0x8000) | at : ((used & 0x8000) ^ 0x8000) | (at - SIZE);
}

/* The copies of descriptors: as many as the ring has, over and over, with restarts. */
static void test_copies(void **state)
{
	struct world w;
	uint16_t used = 0x8000;

	(void)state;
	world_open(&w, true, used);
	for (unsigned i = 0; i < 50; i++) {
		take(&w, 4, 3);
		take(&w, 2, 1);
		take(&w, 7, 4);
		check_copies(&w, 4, 3);
		check_copies(&w, 2, 1);
		check_copies(&w, 7, 4);
		used = forward(used, 4);
		publish(&w, 7, used);
		if (i % 3)
			assert_int_equal(attach(&w, true), 0);
		take(&w, 1, 3);
		take(&w, 6, 1);
		check_copies(&w, 1, 3);
		check_copies(&w, 4, 3);
		for (unsigned k = 0; k < 4; k++)
			inflight_batch_add(&w.log, (const uint16_t[]){ 4, 2, 1, 6 }[k]);
		used = forward(used, 8);
		inflight_publish_begin(&w.log, used);
		/* Had it died here: these are not lost. */
		if (i % 4 == 1)
			assert_int_equal(attach(&w, true), 0);
		inflight_publish_end(&w.log);
	}
	free(w.area);
}

/* A death in the middle of the end: the rest of it can be done again. */
static void test_end_again(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, true, 0x8000);
	take(&w, 4, 3);
	take(&w, 2, 2);
	take(&w, 1, 1);
	inflight_batch_add(&w.log, 2);
	inflight_batch_add(&w.log, 4);
	inflight_publish_begin(&w.log, 0x8005);
	w.log.slot[2].taken = 0;
	assert_int_equal(attach(&w, true), 0);
	assert_int_equal(w.log.area->batch_count, 2);
	inflight_publish_end(&w.log);
	assert_int_equal(w.log.area->used, 0x8005);
	assert_int_equal(inflight_list(&w.log, w.id), 1);
	/* All the descriptors of the two are free, once. */
	take(&w, 2, 4);
	take(&w, 4, 3);
	check_copies(&w, 2, 4);
	check_copies(&w, 4, 3);
	check_copies(&w, 1, 1);
	assert_int_equal(attach(&w, true), 0);
	free(w.area);
}

/* A good log with requests 4 (3 descriptors), 2 (2) and 1 (1) in flight, of which 2 and 4 are being published. */
static void furnish(struct world *w, bool packed)
{
	world_open(w, packed, packed ? 0x8006 : 100);
	take(w, 4, packed ? 3 : 1);
	take(w, 2, packed ? 2 : 1);
	take(w, 1, 1);
	inflight_batch_add(&w->log, 2);
	inflight_batch_add(&w->log, 4);
	inflight_publish_begin(&w->log, packed ? 3 : 102);
}

static void refused(struct world *w, bool packed)
{
	struct inflight log;
	void *copy = malloc(w->len);

	memcpy(copy, w->area, w->len);
	assert_int_equal(inflight_attach(&log, copy, SIZE, packed), -EINVAL);
	assert_null(log.area);
	free(copy);
}

#define REFUSED(where, lie, packed)                                                   \
	do {                                                                          \
		struct world w_;                                                      \
		furnish(&w_, packed);                                                 \
		assert_int_equal(inflight_attach(&w_.log, w_.area, SIZE, packed), 0); \
		w_.log.where = (lie);                                                 \
		refused(&w_, packed);                                                 \
		free(w_.area);                                                        \
	} while (0)

static void test_hostile(void **state)
{
	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		REFUSED(area->active, 2, packed);
		REFUSED(area->active, 0, packed);
		REFUSED(area->size, SIZE + 1, packed);
		REFUSED(area->size, 0, packed);
		REFUSED(area->packed, 2, packed);
		REFUSED(area->publishing, 2, packed);
		REFUSED(area->batch_count, SIZE + 1, packed);
		REFUSED(area->batch_count, 0, packed);
		REFUSED(area->batch_count, 1, packed);
		REFUSED(area->counter, 2, packed);
		REFUSED(area->counter, UINT64_MAX, packed);
		REFUSED(area->after, 101, packed);
		REFUSED(area->used, packed ? 0x8007 : 101, packed);
		REFUSED(batch[0], 4, packed);
		REFUSED(batch[0], SIZE, packed);
		REFUSED(batch[1], 0xffff, packed);
		REFUSED(batch[1], 3, packed);
		REFUSED(slot[3].taken, 2, packed);
		REFUSED(slot[3].taken, 1, packed);
		REFUSED(slot[1].counter, 3, packed);
		REFUSED(slot[1].ndesc, 0, packed);
		REFUSED(slot[1].ndesc, packed ? 2 : 3, packed);
		REFUSED(slot[1].ndesc, 0xffff, packed);
		REFUSED(slot[4].ndesc, 2, packed);
	}
	REFUSED(area->used, 0x8000 | SIZE, true);
	REFUSED(slot[1].first, INFLIGHT_NONE, true);
	REFUSED(slot[1].first, SIZE, true);
	/* Entry 0..2 are of request 4, 3..4 of 2, 5 of 1. */
	REFUSED(slot[1].first, 4, true);
	REFUSED(slot[2].first, 0, true);
	REFUSED(desc[2].next, 3, true);
	REFUSED(desc[2].next, 0, true);
	REFUSED(desc[1].next, 1, true);
	REFUSED(desc[1].next, SIZE, true);
	REFUSED(desc[1].next, INFLIGHT_NONE, true);
	REFUSED(desc[5].next, 6, true);
}

/* More descriptors than the ring has. */
static void test_too_many(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, true, 0x8000);
	take(&w, 1, 5);
	take(&w, 2, 3);
	assert_int_equal(attach(&w, true), 0);
	w.log.slot[3] = (struct inflight_slot){ .taken = 1, .ndesc = 1, .first = 0 };
	refused(&w, true);
	w.log.slot[3].ndesc = 0;
	w.log.slot[3].first = INFLIGHT_NONE;
	refused(&w, true);
	free(w.area);
}

/* Any octets anywhere: refused, or something that can be gone on with. */
static void test_random(void **state)
{
	struct world w;
	unsigned seed = 1, good = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		bool packed = i & 1;

		furnish(&w, packed);
		for (unsigned k = 0; k < 1 + i % 3; k++) {
			seed = seed * 1103515245 + 12345;
			((uint8_t *)w.area)[(seed >> 8) % w.len] =
				(uint8_t)(seed >> 4 & (i % 5 ? 7 : 255));
		}
		if (!inflight_attach(&w.log, w.area, SIZE, packed)) {
			unsigned n;

			good++;
			if (i & 2)
				inflight_publish_end(&w.log);
			else
				inflight_publish_drop(&w.log);
			n = inflight_list(&w.log, w.id);
			assert_true(n <= SIZE);
			for (unsigned k = 0; k < SIZE; k++)
				if (!w.log.slot[k].taken && n < SIZE) {
					take(&w, (uint16_t)k, 1);
					break;
				}
			assert_int_equal(attach(&w, packed), 0);
		}
		free(w.area);
	}
	assert_true(good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	cmocka_unit_test(test_order),
		cmocka_unit_test(test_copies),	cmocka_unit_test(test_end_again),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
