/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring whose driver lies. */
#ifndef TESTS_UNIT_HOSTILE_H
#define TESTS_UNIT_HOSTILE_H

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

static inline void world_open(struct world *w, unsigned how)
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

static inline void world_close(struct world *w)
{
	vring_stop(&w->vr);
	iova_map_unref(w->map);
	free(w->chain.iov);
	munmap(w->arena, ARENA_SIZE);
	close(w->fd);
}

/* The ring breaks at this pop, says so, and is done. */
static inline void broken(struct world *w, const char *why)
{
	assert_int_equal(vring_pop(&w->vr, &w->chain), -1);
	assert_string_equal(w->vr.why, why);
	assert_int_equal(vring_pop(&w->vr, &w->chain), -1);
	assert_int_equal(vring_publish(&w->vr), 0);
	assert_false(vring_wants_interrupt(&w->vr));
	assert_false(vring_has_work(&w->vr));
	assert_false(vring_notify_on(&w->vr));
	world_close(w);
}

static inline void desc(struct world *w, unsigned i, uint64_t addr, uint32_t len, unsigned flags,
			uint16_t next)
{
	vdriver_desc(&w->v, ARENA_DESC, i, addr, len,
		     (uint16_t)(flags | (w->v.setup.packed ? DESC_AVAIL : 0)), next);
}

static inline void entry(struct world *w, unsigned i, uint64_t addr, uint32_t len, unsigned flags,
			 uint16_t next)
{
	vdriver_desc(&w->v, ARENA_TABLES, i, addr, len, (uint16_t)flags, next);
}

#define FOR_EACH_KIND(how) for (unsigned how = 0; how < 8; how++)

#endif
