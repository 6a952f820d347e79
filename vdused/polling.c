/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/polling.h"

/* The shortest time worth trying. */
#define SHORTEST_NS 4000
/* The limit by cost: costs of an interrupt, and its own limits. */
#define COSTS 32
#define BY_COST_MIN_NS (100 * 1000)
#define BY_COST_MAX_NS (1000 * 1000)

static uint64_t limit(const struct polling *p, uint64_t interrupt_ns)
{
	if (p->max_ns != POLLING_BY_COST)
		return p->max_ns;
	if (interrupt_ns < BY_COST_MIN_NS / COSTS)
		return BY_COST_MIN_NS;
	return interrupt_ns < BY_COST_MAX_NS / COSTS ? COSTS * interrupt_ns : BY_COST_MAX_NS;
}

void polling_start(struct polling *p, uint64_t max_ns)
{
	*p = (struct polling){ .max_ns = max_ns };
}

void polling_waited(struct polling *p, uint64_t waited_ns, uint64_t interrupt_ns)
{
	uint64_t max = limit(p, interrupt_ns);

	if (waited_ns <= p->ns)
		return;
	if (waited_ns > max)
		p->ns /= 2;
	else
		p->ns = p->ns ? p->ns * 2 : SHORTEST_NS;
	if (p->ns < SHORTEST_NS)
		p->ns = 0;
	if (p->ns > max)
		p->ns = max;
}
