/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a thread goes on looking for work before it sleeps.
 *
 * To be woken up takes time, of the sleeper and of who wakes it; to look on takes
 * the processor.  So a thread looks on while that paid lately: waits that it would
 * have caught make it longer, those that it would not make it shorter, down to nothing.
 * Where nobody said how long it may get, that follows from what waking up costs on
 * this machine; a measure of that is what an interrupt costs, which wakes up
 * somebody, too.
 */
#ifndef VDUSED_POLLING_H
#define VDUSED_POLLING_H

#include <stdint.h>

/* As a limit: some times what an interrupt costs. */
#define POLLING_BY_COST UINT64_MAX

struct polling {
	uint64_t max_ns; /* the limit; 0: none of it */
	uint64_t ns; /* what paid off lately */
};

void polling_start(struct polling *p, uint64_t max_ns);
/* A wait is over, with or without sleep. */
void polling_waited(struct polling *p, uint64_t waited_ns, uint64_t interrupt_ns);

#endif
