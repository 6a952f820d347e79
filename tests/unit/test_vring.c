/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings with a driver that behaves; and what set-ups are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "vdriver.h"
#include "vdused/guard.h"

#define TABLE (VDRIVER_IOVA + ARENA_TABLES)
#define SIZE 8

struct world {
	struct vdriver v;
	struct vring vr;
	struct vchain chain;
	struct iova_map *map;
	uint8_t *arena;
	uint8_t completed[100000]; /* by token */
};

static void world_open(struct world *w, unsigned size, unsigned how, uint16_t base, bool log)
{
	memset(w, 0, sizeof(*w));
	w->arena = aligned_alloc(4096, ARENA_SIZE);
	assert_non_null(w->arena);
	memset(w->arena, 0, ARENA_SIZE);
	vdriver_init(&w->v, w->arena, size, how, base);
	w->map = vdriver_map(&w->v);
	assert_int_equal(vring_start(&w->vr, &w->v.setup, w->map, log ? w->arena + ARENA_LOG : NULL,
				     false, base),
			 0);
}

static void world_close(struct world *w)
{
	assert_string_equal(w->vr.why, "");
	vring_stop(&w->vr);
	vring_stop(&w->vr);
	assert_int_equal(w->map->refs, 1);
	iova_map_unref(w->map);
	free(w->chain.iov);
	free(w->arena);
}

static uint32_t token_of(const struct vchain *c)
{
	uint32_t token = 0;

	assert_int_equal(guard_gather(&token, c->iov, c->nout, 0, sizeof(token)), 0);
	return token;
}

static unsigned drain(struct world *w)
{
	unsigned n = 0;

	for (uint32_t token, written; (token = vdriver_get(&w->v, &written)); n++) {
		assert_int_equal(w->completed[token]++, 0);
		assert_int_equal(written, token % 3 ? token : 0);
	}
	return n;
}

static void push(struct world *w, uint16_t id, uint32_t token)
{
	vring_push(&w->vr, id, token % 3 ? token : 0);
}

/* Many requests of changing shapes, completed out of order in batches, over all wrap-arounds. */
static void run(struct world *w, unsigned count, bool indirect)
{
	struct {
		uint16_t id;
		uint32_t token;
	} held[VDRIVER_MAX];
	uint32_t added = 0, done = 0;
	unsigned n = 0, seed = 1;

	while (done < count) {
		seed = seed * 1103515245 + 12345;
		while (added < count && vdriver_add(&w->v, added + 1, 1 + added % 3, added % 4,
						    indirect && added % 5)) {
			added++;
			if (added % 11 == 0)
				break;
		}
		while (vring_pop(&w->vr, &w->chain) == 1) {
			held[n].id = w->chain.id;
			held[n].token = token_of(&w->chain);
			assert_int_equal(w->chain.nout, 1 + (held[n].token - 1) % 3);
			assert_int_equal(w->chain.nin, (held[n].token - 1) % 4);
			assert_int_equal(w->chain.out_len, w->chain.nout * VDRIVER_PIECE);
			assert_int_equal(w->chain.in_len, w->chain.nin * VDRIVER_PIECE);
			n++;
		}
		assert_false(vring_broken(&w->vr));
		/* What is given back in order may wait for older ones. */
		assert_true(w->v.setup.in_order ? w->vr.in_flight >= n : w->vr.in_flight == n);
		for (unsigned k = 1 + (seed >> 16) % 4; k && n; k--) {
			unsigned i = (seed >> 8) % n;

			push(w, held[i].id, held[i].token);
			vring_push(&w->vr, held[i].id, 7); /* nothing happens */
			memmove(&held[i], &held[i + 1], (--n - i) * sizeof(held[0]));
		}
		vring_publish(&w->vr);
		done += drain(w);
	}
	assert_int_equal(done, count);
	assert_int_equal(vring_pop(&w->vr, &w->chain), 0);
	assert_false(vring_has_work(&w->vr));
	assert_int_equal(w->vr.in_flight, 0);
	assert_int_equal(w->v.free, w->v.setup.size);
}

/* What is done early waits, and its id is not free meanwhile. */
static void test_in_order(void **state)
{
	struct world *w = malloc(sizeof(*w));

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		uint16_t id[4];

		world_open(w, SIZE, VDRIVER_IN_ORDER | packed, packed ? 0x8000 : 0, true);
		for (unsigned i = 0; i < 4; i++) {
			assert_true(vdriver_add(&w->v, i + 1, 1, 1, false));
			assert_int_equal(vring_pop(&w->vr, &w->chain), 1);
			id[i] = w->chain.id;
		}
		vring_push(&w->vr, id[2], 1);
		vring_push(&w->vr, id[1], 1);
		vring_push(&w->vr, id[2], 1); /* nothing happens */
		assert_int_equal(vring_publish(&w->vr), 0);
		assert_int_equal(vdriver_get(&w->v, NULL), 0);
		assert_int_equal(w->vr.in_flight, 4);
		vring_push(&w->vr, id[0], 1);
		assert_int_equal(w->vr.pushed, 3);
		assert_int_equal(vring_publish(&w->vr), 3);
		for (uint32_t i = 1; i < 4; i++)
			assert_int_equal(vdriver_get(&w->v, NULL), i);
		assert_int_equal(vdriver_get(&w->v, NULL), 0);
		assert_int_equal(w->vr.in_flight, 1);
		vring_push(&w->vr, id[3], 1);
		vring_publish(&w->vr);
		assert_int_equal(vdriver_get(&w->v, NULL), 4);
		world_close(w);
	}
	/* A driver that takes an early one for done. */
	world_open(w, SIZE, VDRIVER_IN_ORDER, 0, false);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(vdriver_add(&w->v, i + 1, 1, 0, false));
		assert_int_equal(vring_pop(&w->vr, &w->chain), 1);
	}
	vring_push(&w->vr, w->chain.id, 1);
	vring_publish(&w->vr);
	vdriver_avail(&w->v, w->chain.id);
	assert_int_equal(vring_pop(&w->vr, &w->chain), -1);
	assert_non_null(strstr(w->vr.why, "made available again while it is in flight"));
	w->vr.why[0] = '\0';
	world_close(w);
	free(w);
}

static void test_run(void **state)
{
	static const unsigned sizes[] = { 8, 16, 256 };
	struct world *w = malloc(sizeof(*w));

	(void)state;
	for (unsigned how = 0; how < 16; how++)
		for (unsigned i = 0; i < 3; i++)
			for (unsigned log = 0; log < 2; log++) {
				world_open(w, sizes[i], how, how & VDRIVER_PACKED ? 0x8000 : 0,
					   log);
				run(w, i ? 2000 : 70000, how & VDRIVER_INDIRECT);
				world_close(w);
			}
	free(w);
}

/* Packed rings of any size, and rings that start anywhere. */
static void test_base(void **state)
{
	struct world *w = malloc(sizeof(*w));
	uint16_t avail, used;

	(void)state;
	for (unsigned base = 0; base < 11; base++) {
		world_open(w, 11, VDRIVER_PACKED, (uint16_t)(base | (base & 1) << 15), true);
		vring_state(&w->vr, &avail, &used);
		assert_int_equal(avail, base | (base & 1) << 15);
		run(w, 500, false);
		vring_state(&w->vr, &avail, &used);
		assert_int_equal(avail, used);
		assert_int_equal(avail, w->v.avail | w->v.avail_wrap << 15);
		world_close(w);
	}
	world_open(w, 8, 0, 65530, true);
	run(w, 500, false);
	vring_state(&w->vr, &avail, &used);
	assert_int_equal(avail, (uint16_t)(65530 + 500));
	assert_int_equal(used, avail);
	world_close(w);
	free(w);
}

static bool complete_one(struct world *w)
{
	assert_int_equal(vring_pop(&w->vr, &w->chain), 1);
	push(w, w->chain.id, token_of(&w->chain));
	assert_int_equal(vring_publish(&w->vr), 1);
	return vring_wants_interrupt(&w->vr);
}

/* Without event indexes: on or off. */
static void test_interrupt_flag(void **state)
{
	struct world *w = malloc(sizeof(*w));

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		world_open(w, 8, packed, packed ? 0x8000 : 0, false);
		assert_int_equal(vring_publish(&w->vr), 0);
		for (uint32_t token = 1; token < 30; token++) {
			vdriver_interrupts(&w->v, token & 1);
			vdriver_add(&w->v, token, 1, 1, false);
			assert_int_equal(complete_one(w), token & 1);
			drain(w);
		}
		world_close(w);
	}
	free(w);
}

/* With them: when the driver's index is passed, and not before, over wraps. */
static void test_interrupt_event(void **state)
{
	struct world *w = malloc(sizeof(*w));
	uint32_t token = 0;

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		world_open(w, 8, packed | VDRIVER_EVENT_IDX, packed ? 0x8000 : 65500, false);
		/* The first one always: nothing is known of what was before. */
		vdriver_interrupt_after(&w->v, 5);
		vdriver_add(&w->v, ++token, 1, 0, false);
		assert_true(complete_one(w));
		drain(w);
		for (unsigned i = 0; i < 50; i++) {
			unsigned after = i % 4;

			vdriver_interrupt_after(&w->v, after);
			for (unsigned k = 0; k < 5; k++) {
				vdriver_add(&w->v, ++token, 1, 0, false);
				assert_int_equal(complete_one(w), k == after);
			}
			drain(w);
			/* A batch decides once for all of it. */
			vdriver_interrupt_after(&w->v, after);
			for (unsigned k = 0; k < 2; k++) {
				vdriver_add(&w->v, ++token, 1, 0, false);
				assert_int_equal(vring_pop(&w->vr, &w->chain), 1);
				push(w, w->chain.id, token);
			}
			assert_int_equal(vring_publish(&w->vr), 2);
			assert_int_equal(vring_wants_interrupt(&w->vr), after < 2);
			assert_false(vring_wants_interrupt(&w->vr)); /* for nothing new */
			drain(w);
		}
		world_close(w);
	}
	free(w);
}

/* The decision may come late, for many turns of the ring at once. */
static void test_interrupt_late(void **state)
{
	struct world *w = malloc(sizeof(*w));
	uint32_t token = 0;

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		world_open(w, 8, packed | VDRIVER_EVENT_IDX, packed ? 0x8000 : 65500, false);
		vdriver_add(&w->v, ++token, 1, 0, false);
		complete_one(w);
		drain(w);
		for (unsigned late = 1; late < 60; late++) {
			vdriver_interrupt_after(&w->v, late * 3 % 9);
			for (unsigned k = 0; k < late; k++) {
				vdriver_add(&w->v, ++token, 1, 0, false);
				assert_int_equal(vring_pop(&w->vr, &w->chain), 1);
				push(w, w->chain.id, token);
				assert_int_equal(vring_publish(&w->vr), 1);
				/* It looks without being interrupted, and does not move its index. */
				drain(w);
			}
			assert_int_equal(vring_wants_interrupt(&w->vr), late > late * 3 % 9);
			assert_false(vring_wants_interrupt(&w->vr));
		}
		world_close(w);
	}
	free(w);
}

static void test_notify(void **state)
{
	struct world *w = malloc(sizeof(*w));

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		bool packed = how & VDRIVER_PACKED;
		uint32_t token = 0;

		world_open(w, 8, how, packed ? 0x8000 : 65530, false);
		for (unsigned i = 0; i < 40; i++) {
			uint16_t old = w->v.avail;

			assert_false(vring_notify_on(&w->vr));
			assert_false(vring_has_work(&w->vr));
			vdriver_add(&w->v, ++token, 1, 0, false);
			assert_true(vdriver_kicks(&w->v, old));
			assert_true(vring_has_work(&w->vr));
			vring_notify_off(&w->vr);
			complete_one(w);
			drain(w);
			old = w->v.avail;
			vdriver_add(&w->v, ++token, 1, 0, false);
			assert_false(vdriver_kicks(&w->v, old));
			/* What came before this was not announced: it has to be told now. */
			assert_true(vring_notify_on(&w->vr));
			complete_one(w);
			drain(w);
		}
		world_close(w);
	}
	free(w);
}

static void test_set_map(void **state)
{
	struct world *w = malloc(sizeof(*w));
	struct iova_map *other, *empty = iova_map_new(NULL, 0);

	(void)state;
	world_open(w, 8, 0, 0, false);
	other = vdriver_map(&w->v);
	assert_int_equal(vring_set_map(&w->vr, other), 0);
	assert_int_equal(w->map->refs, 1);
	assert_int_equal(other->refs, 2);
	run(w, 20, false);
	assert_true(vring_set_map(&w->vr, empty) < 0);
	assert_string_equal(w->vr.why,
			    "the descriptor table at 0x100000 is not mapped in one piece");
	assert_int_equal(vring_pop(&w->vr, &w->chain), -1);
	assert_false(vring_has_work(&w->vr));
	assert_false(vring_notify_on(&w->vr));
	w->vr.why[0] = '\0';
	world_close(w);
	assert_int_equal(other->refs, 1);
	iova_map_unref(other);
	iova_map_unref(empty);
	free(w);
}

/* ---- the set-up ---- */

static void refused(struct vdriver *v, struct iova_map *map, const char *why)
{
	struct vring vr;

	assert_int_equal(vring_start(&vr, &v->setup, map, NULL, false, 0), -EINVAL);
	assert_string_equal(vr.why, why);
	assert_int_equal(map->refs, 1);
	vring_stop(&vr);
	assert_int_equal(vring_pop(&vr, NULL), -1);
}

#define REFUSED(how, field, lie, why)                      \
	do {                                               \
		struct vdriver lying;                      \
		vdriver_init(&lying, arena, SIZE, how, 0); \
		lying.setup.field = (lie);                 \
		refused(&lying, map, why);                 \
	} while (0)

static void test_setup(void **state)
{
	const uint64_t end = VDRIVER_IOVA + ARENA_SIZE;
	uint8_t *arena = aligned_alloc(4096, ARENA_SIZE);
	struct iova_region odd;
	struct vring vr;
	struct iova_map *map;
	struct vdriver v;

	(void)state;
	memset(arena, 0, ARENA_SIZE);
	vdriver_init(&v, arena, SIZE, 0, 0);
	map = vdriver_map(&v);
	REFUSED(0, size, 0, "a ring can't have 0 descriptors");
	REFUSED(0, size, 7, "a ring can't have 7 descriptors");
	REFUSED(0, size, 65536, "a ring can't have 65536 descriptors");
	REFUSED(1, size, 0, "a ring can't have 0 descriptors");
	REFUSED(1, size, 32769, "a ring can't have 32769 descriptors");
	REFUSED(0, desc_addr, 0, "the descriptor table at 0x0 is not mapped in one piece");
	REFUSED(0, desc_addr, end - 8 * 16 + 16,
		"the descriptor table at 0x115f90 is not mapped in one piece");
	REFUSED(0, desc_addr, VDRIVER_IOVA + 8,
		"the descriptor table at 0x100008 is not aligned to 16");
	REFUSED(0, driver_addr, TABLE + 1, "the available ring at 0x106001 is not aligned to 2");
	REFUSED(0, device_addr, TABLE + 2, "the used ring at 0x106002 is not aligned to 4");
	REFUSED(1, desc_addr, TABLE + 8, "the descriptor ring at 0x106008 is not aligned to 16");
	REFUSED(1, driver_addr, TABLE + 2,
		"the driver's event area at 0x106002 is not aligned to 4");
	REFUSED(1, device_addr, TABLE + 2,
		"the device's event area at 0x106002 is not aligned to 4");
	REFUSED(0, driver_addr, VDRIVER_IOVA + 126,
		"the descriptor table and the available ring overlap");
	REFUSED(0, device_addr, VDRIVER_IOVA, "the descriptor table and the used ring overlap");
	REFUSED(1, device_addr, VDRIVER_IOVA + ARENA_DRIVER,
		"the driver's event area and the device's event area overlap");
	/* The event words count when they are there. */
	REFUSED(VDRIVER_EVENT_IDX, driver_addr, end - 20,
		"the available ring at 0x115fec is not mapped in one piece");
	REFUSED(VDRIVER_EVENT_IDX, device_addr, end - 68,
		"the used ring at 0x115fbc is not mapped in one piece");
	vdriver_init(&v, arena, SIZE, VDRIVER_PACKED, 0);
	assert_int_equal(vring_start(&vr, &v.setup, map, NULL, false, 0x8000 | SIZE), -EINVAL);
	assert_string_equal(vr.why, "the ring can't start at 8, it has 8 descriptors");
	vring_stop(&vr);
	iova_map_unref(map);
	/* Aligned for the driver, and not here. */
	odd = (struct iova_region){ VDRIVER_IOVA,	    end - 9, arena + 8,
				    IOVA_READ | IOVA_WRITE, NULL,    0 };
	map = iova_map_new(&odd, 1);
	refused(&v, map, "the descriptor ring at 0x100000 is not aligned to 16");
	iova_map_unref(map);
	odd = (struct iova_region){ VDRIVER_IOVA, end - 1, arena, IOVA_READ, NULL, 0 };
	map = iova_map_new(&odd, 1);
	refused(&v, map, "the descriptor ring at 0x100000 is not mapped in one piece");
	vdriver_init(&v, arena, SIZE, 0, 0);
	refused(&v, map, "the used ring at 0x102000 is not mapped in one piece");
	iova_map_unref(map);
	free(arena);
}

/* Every call is harmless on a ring that was never started. */
static void test_stopped(void **state)
{
	struct vring vr = { 0 };
	struct vchain chain = { 0 };
	uint16_t avail = 1, used = 1;

	(void)state;
	assert_int_equal(vring_pop(&vr, &chain), -1);
	assert_int_equal(vring_pop_resumed(&vr, &chain), -1);
	vring_push(&vr, 0, 0);
	assert_int_equal(vring_publish(&vr), 0);
	assert_false(vring_wants_interrupt(&vr));
	assert_false(vring_notify_on(&vr));
	vring_notify_off(&vr);
	assert_false(vring_has_work(&vr));
	vring_state(&vr, &avail, &used);
	assert_int_equal(avail, 0);
	assert_int_equal(used, 0);
	assert_int_equal(vring_set_map(&vr, NULL), -EINVAL);
	vring_stop(&vr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_interrupt_flag),
		cmocka_unit_test(test_interrupt_event),
		cmocka_unit_test(test_interrupt_late),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_set_map),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
