/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests in each layout of ring and of chain: a test's state says which one, and w is its world. */
#ifndef TESTS_UNIT_LAYOUTS_H
#define TESTS_UNIT_LAYOUTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blkworld.h"

#define SIZE 0x100000u
#define SECTORS (SIZE / 512)

static struct blkworld *w;
static struct fake fake;

static inline unsigned how_of(void **state)
{
	return **(unsigned **)state;
}

static inline void open_mem(void **state)
{
	struct blkworld_params p = { .how = how_of(state), .uri = "mem:1M" };

	blkworld_open(w, &p);
}

static inline int group_setup(void **state)
{
	(void)state;
	w = calloc(1, sizeof(*w));
	return !w;
}

static inline int group_teardown(void **state)
{
	(void)state;
	free(w);
	return 0;
}

static unsigned hows[] = { 0, VDRIVER_PACKED, VDRIVER_INDIRECT, VDRIVER_PACKED | VDRIVER_INDIRECT };

#define EACH(f)                                                                              \
	{ #f " split", f, NULL, NULL, &hows[0] }, { #f " packed", f, NULL, NULL, &hows[1] }, \
		{ #f " split, indirect", f, NULL, NULL, &hows[2] },                          \
	{                                                                                    \
#f " packed, indirect", f, NULL, NULL, &hows[3]                              \
	}

#endif
