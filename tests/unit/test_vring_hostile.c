/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings with a driver that lies: each lie has its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdriver.h"
#include "vdused/guard.h"
#include "vdused/vring_impl.h"

#define DATA (VDRIVER_IOVA + ARENA_DATA)
#define TABLE (VDRIVER_IOVA + ARENA_TABLES)
#define SIZE 8

struct world {
	struct vdriver v;
	struct vring vr;
	struct vchain chain;
	struct iova_map *map;
	uint8_t *arena;
	int fd;
};

static void world_open(struct world *w, unsigned how)
{
	memset(w, 0, sizeof(*w));
	w->fd = memfd_create("arena", MFD_CLOEXEC);
	assert_int_equal(ftruncate(w->fd, ARENA_SIZE), 0);
	w->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	assert_ptr_not_equal(w->arena, MAP_FAILED);
	vdriver_init(&w->v, w->arena, SIZE, how, how & VDRIVER_PACKED ? 0x8000 : 0);
	w->map = vdriver_map(&w->v);
	assert_int_equal(vring_start(&w->vr, &w->v.setup, w->map, NULL, false,
				     how & VDRIVER_PACKED ? 0x8000 : 0),
			 0);
}

static void world_close(struct world *w)
{
	vring_stop(&w->vr);
	iova_map_unref(w->map);
	free(w->chain.iov);
	munmap(w->arena, ARENA_SIZE);
	close(w->fd);
}

/* The ring breaks at this pop, says so, and is done. */
static void broken(struct world *w, const char *why)
{
	assert_int_equal(vring_pop(&w->vr, &w->chain), -1);
	assert_string_equal(w->vr.why, why);
	assert_int_equal(vring_pop(&w->vr, &w->chain), -1);
	assert_false(vring_publish(&w->vr));
	assert_false(vring_has_work(&w->vr));
	assert_false(vring_notify_on(&w->vr));
	world_close(w);
}

static void desc(struct world *w, unsigned i, uint64_t addr, uint32_t len, unsigned flags,
		 uint16_t next)
{
	vdriver_desc(&w->v, ARENA_DESC, i, addr, len,
		     (uint16_t)(flags | (w->v.setup.packed ? DESC_AVAIL : 0)), next);
}

static void entry(struct world *w, unsigned i, uint64_t addr, uint32_t len, unsigned flags,
		  uint16_t next)
{
	vdriver_desc(&w->v, ARENA_TABLES, i, addr, len, (uint16_t)flags, next);
}

/* ---- split ---- */

static void test_avail_index(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	vdriver_avail_idx(&w.v, SIZE + 1);
	broken(&w, "the available index went from 0 to 9, the ring has 8");
	/* Backwards, and forth again. */
	world_open(&w, 0);
	for (uint32_t i = 1; i < 4; i++)
		vdriver_add(&w.v, i, 1, 0, false);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	vdriver_avail_idx(&w.v, 2);
	assert_true(vring_has_work(&w.vr)); /* to see what is wrong */
	vdriver_avail_idx(&w.v, 4);
	broken(&w, "the available index went from 3 to 2, the ring has 8");
}

static void test_head(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	vdriver_avail(&w.v, SIZE);
	broken(&w, "descriptor 8 was made available, the ring has 8");
}

static void test_head_twice(void **state)
{
	struct world w;

	(void)state;
	for (int pushed = 0; pushed < 2; pushed++) {
		world_open(&w, 0);
		desc(&w, 5, DATA, 16, 0, 0);
		vdriver_avail(&w.v, 5);
		vdriver_avail(&w.v, 5);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		if (pushed)
			vring_push(&w.vr, 5, 0);
		broken(&w, "descriptor 5 was made available again while it is in flight");
	}
}

static void test_next(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	desc(&w, 2, DATA, 16, DESC_NEXT, 5);
	desc(&w, 5, DATA, 16, DESC_NEXT, 300);
	vdriver_avail(&w.v, 2);
	broken(&w, "descriptor 5 names 300 as its next, the ring has 8");
}

static void test_loop(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	desc(&w, 2, DATA, 16, DESC_NEXT, 5);
	desc(&w, 5, DATA, 16, DESC_NEXT, 2);
	vdriver_avail(&w.v, 2);
	broken(&w, "the list of descriptors that starts with 2 is a loop");
	world_open(&w, 0);
	desc(&w, 3, DATA, 16, DESC_NEXT, 3);
	vdriver_avail(&w.v, 3);
	broken(&w, "the list of descriptors that starts with 3 is a loop");
}

/* As many as the ring has is no loop. */
static void test_longest(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 0);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, i < SIZE - 1 ? DESC_NEXT : 0, (uint16_t)(i + 1));
	vdriver_avail(&w.v, 0);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	assert_int_equal(w.chain.nout, SIZE);
	world_close(&w);
}

/* ---- both layouts ---- */

/* Lists are wrong in the same way in both, and in indirect tables too. */
static void lists(struct world *w, unsigned how, unsigned count, const struct inflight_desc *d)
{
	bool packed = how & VDRIVER_PACKED, indirect = how & VDRIVER_INDIRECT;

	world_open(w, how);
	for (unsigned i = 0; i < count; i++) {
		unsigned next = i + 1 < count ? DESC_NEXT : 0;

		(indirect ? entry : desc)(w, i, d[i].addr, d[i].len,
					  d[i].flags | (packed && indirect ? 0 : next),
					  packed ? 0 : (uint16_t)(i + 1));
	}
	if (indirect)
		desc(w, 0, TABLE, count * 16, DESC_INDIRECT, 0);
	if (!packed)
		vdriver_avail(&w->v, 0);
}

#define FOR_EACH_KIND(how) for (unsigned how = 0; how < 8; how++)

static void test_readable_after_writable(void **state)
{
	static const struct inflight_desc d[] = { { DATA, 8, 0, 0 },
						  { DATA, 8, DESC_WRITE, 0 },
						  { DATA, 8, 0, 0 } };
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		lists(&w, how, 3, d);
		broken(&w, "request 0 has a readable descriptor after a writable one");
	}
}

static void test_wrapping_range(void **state)
{
	static const struct inflight_desc d[] = { { UINT64_MAX - 7, 9, 0, 0 } };
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		lists(&w, how, 1, d);
		broken(&w, "request 0 has a descriptor that wraps around the address space");
	}
}

/* Nothing of these is wrong enough to break a ring. */
static void test_odd(void **state)
{
	static const struct inflight_desc d[] = {
		{ DATA, 0, 0, 0 },
		{ UINT64_MAX, 1, 0, 0 },
		{ 0, UINT32_MAX, 0, 0 },
		{ UINT64_MAX, 0, 0, 0 },
		{ DATA + 4, 4, DESC_WRITE, 0 },
		{ 0, UINT32_MAX, DESC_WRITE, 0 },
	};
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		uint64_t sum = 0;

		lists(&w, how, 6, d);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.out_len, 1 + (uint64_t)UINT32_MAX);
		assert_int_equal(w.chain.in_len, 4 + (uint64_t)UINT32_MAX);
		/* Not mapped, mapped, hole of the log, mapped, not mapped. */
		assert_int_equal(w.chain.nout, 6);
		assert_int_equal(w.chain.nin, 6);
		assert_null(w.chain.iov[0].iov_base);
		assert_null(w.chain.iov[1].iov_base);
		assert_int_equal(w.chain.iov[1].iov_len, VDRIVER_IOVA);
		assert_ptr_equal(w.chain.iov[2].iov_base, w.arena);
		assert_int_equal(w.chain.iov[2].iov_len, ARENA_LOG);
		assert_null(w.chain.iov[3].iov_base);
		assert_ptr_equal(w.chain.iov[4].iov_base, w.arena + ARENA_TABLES);
		assert_null(w.chain.iov[5].iov_base);
		assert_ptr_equal(w.chain.iov[6].iov_base, w.arena + ARENA_DATA + 4);
		for (unsigned i = 0; i < 12; i++)
			sum += w.chain.iov[i].iov_len;
		assert_int_equal(sum, w.chain.out_len + w.chain.in_len);
		world_close(&w);
	}
}

/* What may only be read is not there for writing. */
static void test_permission(void **state)
{
	static const struct inflight_desc d[] = { { 0x10, 8, 0, 0 }, { 0x10, 8, DESC_WRITE, 0 } };
	struct world w;

	(void)state;
	FOR_EACH_KIND(how)
	{
		struct iova_region r[3] = { { 0, 0xff, NULL, IOVA_READ, NULL, 0 } };
		struct iova_map *map;

		lists(&w, how, 2, d);
		r[0].va = w.arena;
		memcpy(r + 1, w.map->region, 2 * sizeof(r[0]));
		map = iova_map_new(r, 3);
		assert_int_equal(vring_set_map(&w.vr, map), 0);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_ptr_equal(w.chain.iov[0].iov_base, w.arena + 0x10);
		assert_null(w.chain.iov[1].iov_base);
		iova_map_unref(map);
		world_close(&w);
	}
}

/* ---- indirect tables ---- */

static void indirect(struct world *w, unsigned how, uint64_t addr, uint32_t len, unsigned flags)
{
	world_open(w, how);
	entry(w, 0, DATA, 16, 0, 0);
	desc(w, 0, addr, len, DESC_INDIRECT | flags, how & VDRIVER_PACKED ? 0 : 1);
	desc(w, 1, DATA, 16, 0, 0);
	if (!(how & VDRIVER_PACKED))
		vdriver_avail(&w->v, 0);
}

static void test_indirect(void **state)
{
	struct world w;

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		unsigned how = packed | VDRIVER_INDIRECT;

		indirect(&w, packed, TABLE, 16, 0);
		broken(&w, "request 0 has an indirect table, which was not negotiated");
		indirect(&w, how, TABLE, 0, 0);
		broken(&w, "the indirect table of request 0 has 0 octets");
		indirect(&w, how, TABLE, 17, 0);
		broken(&w, "the indirect table of request 0 has 17 octets");
		indirect(&w, how, TABLE, 16 * (SIZE + 1), 0);
		broken(&w, "the indirect table of request 0 has 9 descriptors, the ring has 8");
		indirect(&w, how, TABLE, UINT32_MAX - 15, 0);
		broken(&w,
		       "the indirect table of request 0 has 268435455 descriptors, the ring has 8");
		indirect(&w, how, UINT64_MAX - 14, 16, 0);
		broken(&w, "the indirect table of request 0 wraps around the address space");
		indirect(&w, how, 0x5000, 16, 0);
		broken(&w, "the indirect table of request 0 can't be read");
		indirect(&w, how, VDRIVER_IOVA + ARENA_SIZE - 16, 32, 0);
		broken(&w, "the indirect table of request 0 can't be read");
		indirect(&w, how, TABLE, 16, 0);
		entry(&w, 0, TABLE, 16, DESC_INDIRECT, 0);
		broken(&w, "descriptor 0 of the indirect table of request 0 is indirect itself");
		/* A writable table is a table. */
		indirect(&w, how, TABLE, 16, DESC_WRITE);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.nout, 1);
		world_close(&w);
	}
	indirect(&w, VDRIVER_INDIRECT, TABLE, 16, DESC_NEXT);
	broken(&w, "request 0 goes on after an indirect table");
	indirect(&w, VDRIVER_INDIRECT | VDRIVER_PACKED, TABLE, 16, DESC_NEXT);
	broken(&w, "request 0 has an indirect table in a list");
}

static void test_indirect_list(void **state)
{
	struct world w;

	(void)state;
	indirect(&w, VDRIVER_INDIRECT, TABLE, 32, 0);
	entry(&w, 0, DATA, 16, DESC_NEXT, 2);
	broken(&w,
	       "descriptor 0 of the indirect table of request 0 names 2 as its next, the table has 2");
	indirect(&w, VDRIVER_INDIRECT, TABLE, 32, 0);
	entry(&w, 0, DATA, 16, DESC_NEXT, 0);
	broken(&w, "the list in the indirect table of request 0 is a loop");
	indirect(&w, VDRIVER_INDIRECT, TABLE, 32, 0);
	entry(&w, 0, DATA, 16, DESC_NEXT, 1);
	entry(&w, 1, DATA, 16, DESC_NEXT, 0);
	broken(&w, "the list in the indirect table of request 0 is a loop");
	/* After direct ones, as the last: that is allowed, up to the ring's size. */
	for (unsigned n = 7; n < 9; n++) {
		indirect(&w, VDRIVER_INDIRECT, TABLE, n * 16, 0);
		for (unsigned i = 0; i < n; i++)
			entry(&w, i, DATA, 16, i + 1 < n ? DESC_NEXT : 0, (uint16_t)(i + 1));
		desc(&w, 4, DATA, 3, DESC_NEXT, 0);
		vdriver_avail(&w.v, 4);
		ring_store16(w.arena + ARENA_DRIVER + 4, 4);
		if (n == 8) {
			broken(&w,
			       "the indirect table of request 4 has 8 descriptors, the ring has 8");
			continue;
		}
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.nout, 8);
		assert_int_equal(w.chain.iov[0].iov_len, 3);
		world_close(&w);
	}
}

/* The table lies in two regions, which are not next to each other in memory, cut inside an entry. */
static void test_indirect_in_pieces(void **state)
{
	struct world w;

	(void)state;
	for (unsigned packed = 0; packed < 2; packed++) {
		static uint8_t second[64];
		struct iova_region r[3];
		struct iova_map *map;

		indirect(&w, packed | VDRIVER_INDIRECT, VDRIVER_IOVA + ARENA_SIZE - 21, 32, 0);
		memcpy(r, w.map->region, 2 * sizeof(r[0]));
		r[2] = (struct iova_region){ r[1].last + 1, r[1].last + 64, second,
					     IOVA_READ,	    NULL,	    0 };
		map = iova_map_new(r, 3);
		assert_int_equal(vring_set_map(&w.vr, map), 0);
		entry(&w, 0, DATA, 5, packed ? 0 : DESC_NEXT, 1);
		entry(&w, 1, DATA + 64, 6, DESC_WRITE, 0);
		memcpy(w.arena + ARENA_SIZE - 21, w.arena + ARENA_TABLES, 21);
		memcpy(second, w.arena + ARENA_TABLES + 21, 11);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		assert_int_equal(w.chain.nout, 1);
		assert_int_equal(w.chain.nin, 1);
		assert_int_equal(w.chain.iov[1].iov_len, 6);
		assert_ptr_equal(w.chain.iov[1].iov_base, w.arena + ARENA_DATA + 64);
		iova_map_unref(map);
		world_close(&w);
	}
}

/* ---- packed ---- */

static void test_packed(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, VDRIVER_PACKED);
	desc(&w, 0, DATA, 16, 0, SIZE);
	broken(&w, "buffer 8 was made available, the ring has 8");
	world_open(&w, VDRIVER_PACKED);
	desc(&w, 0, DATA, 16, 0, 3);
	desc(&w, 1, DATA, 16, 0, 3);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	broken(&w, "buffer 3 was made available again while it is in flight");
	world_open(&w, VDRIVER_PACKED);
	desc(&w, 0, DATA, 16, DESC_NEXT, 3);
	broken(&w, "the list of descriptors at 0 ends with one that is not available");
	/* All of the ring, with no end. */
	world_open(&w, VDRIVER_PACKED);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, DESC_NEXT, 3);
	broken(&w, "the list of descriptors at 0 is longer than the 8 that are free");
	/* Around the end, into what is in flight. */
	world_open(&w, VDRIVER_PACKED);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, i > 1 ? DESC_NEXT : 0, (uint16_t)i);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	broken(&w, "the list of descriptors at 2 is longer than the 6 that are free");
	world_open(&w, VDRIVER_PACKED);
	for (unsigned i = 0; i < SIZE; i++)
		desc(&w, i, DATA, 16, 0, (uint16_t)i);
	for (unsigned i = 0; i < SIZE; i++)
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
	assert_int_equal(vring_pop(&w.vr, &w.chain), 0);
	vdriver_desc(&w.v, ARENA_DESC, 0, DATA, 16, DESC_USED, 2);
	broken(&w, "the list of descriptors at 0 is longer than the 0 that are free");
}

/* ---- the device's own state is not in the driver's memory ---- */

static void test_scribbled(void **state)
{
	struct world w;

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		uint32_t written;

		world_open(&w, how);
		vdriver_add(&w.v, 1, 1, 1, false);
		assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
		memset(w.arena + ARENA_DEVICE, 0xff, 0x100);
		memset(w.arena + ARENA_DRIVER, 0xff, 2);
		memset(w.arena + ARENA_DRIVER + 4, 0xff, 0x100);
		vring_push(&w.vr, w.chain.id, 5);
		vring_publish(&w.vr);
		assert_false(vring_broken(&w.vr));
		assert_int_equal(vdriver_get(&w.v, &written), 1);
		assert_int_equal(written, 5);
		/* Nor do ids that are not in flight do anything. */
		vring_push(&w.vr, w.chain.id, 5);
		vring_push(&w.vr, 0xffff, 5);
		vring_push(&w.vr, SIZE, 5);
		assert_false(vring_publish(&w.vr));
		assert_int_equal(vdriver_get(&w.v, NULL), 0);
		world_close(&w);
	}
}

/* The file is cut: at each of the calls. */
static void test_truncated(void **state)
{
	struct world w;

	(void)state;
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	assert_int_equal(guard_install(), 0);
	for (unsigned how = 0; how < 8; how++)
		for (unsigned call = 0; call < 5; call++) {
			world_open(&w, how);
			vdriver_add(&w.v, 1, 1, 1, how & VDRIVER_INDIRECT);
			if (call == 1)
				assert_int_equal(vring_pop(&w.vr, &w.chain), 1);
			vring_push(&w.vr, w.chain.id, 5);
			assert_int_equal(ftruncate(w.fd, 0), 0);
			if (call == 1)
				assert_false(vring_publish(&w.vr));
			else if (call == 2)
				assert_true(vring_notify_on(&w.vr));
			else if (call == 3)
				vring_notify_off(&w.vr);
			else if (call == 4)
				assert_true(vring_has_work(&w.vr));
			if (call == 3 && (how & 3) == VDRIVER_EVENT_IDX)
				assert_string_equal(w.vr.why, "");
			broken(&w, "memory of the ring is gone");
		}
	world_open(&w, VDRIVER_INDIRECT);
	vdriver_add(&w.v, 1, 1, 1, true);
	assert_int_equal(ftruncate(w.fd, ARENA_TABLES), 0);
	broken(&w, "the indirect table of request 0 can't be read");
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
	v.setup.size = 8;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_avail_index),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_head_twice),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_readable_after_writable),
		cmocka_unit_test(test_wrapping_range),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_permission),
		cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_indirect_list),
		cmocka_unit_test(test_indirect_in_pieces),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_scribbled),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
