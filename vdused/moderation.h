/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to interrupt a driver that has more than one request under way.
 *
 * An interrupt costs a work item in the kernel and a wake-up of the driver's
 * task, often more than the request itself.  A driver that goes on submitting
 * meanwhile loses nothing when several answers share one; a driver that waits
 * for its only answer loses all the time that the interrupt is held.
 *
 * Nobody tells how many requests a driver keeps under way, so it is tried out:
 * now and then the interrupt is held until no more answers come.  As many as
 * came by then are the driver's; from then on half of them share an
 * interrupt, so that driver and device both have something to do.  A driver
 * with one request at a time is interrupted at once, and trials that tell nothing
 * new become rare.  Nothing is held for longer than some times what an interrupt
 * costs on this machine, and nothing at all when answers are that far apart.
 *
 * What is held is the interrupt alone: the driver sees the answers at once.
 */
#ifndef VDUSED_MODERATION_H
#define VDUSED_MODERATION_H

#include <stdbool.h>
#include <stdint.h>

/* Answers that share an interrupt, at most. */
#define MODERATION_SHARE_MAX 16

struct moderation {
	uint64_t cost_ns; /* of an interrupt, to the device */
	uint64_t patience_ns; /* the driver waits when so long no answer came */
	unsigned share; /* answers an interrupt */
	unsigned held; /* answers whose interrupt is held */
	bool trial; /* under way */
	unsigned until_trial, trial_every; /* in interrupts; 0: never */
	uint64_t oldest_ns, newest_ns; /* of those held */
	/* Since the last trial. */
	uint64_t since_ns, answers;
};

/* Without `may_hold` every answer is followed by its interrupt. */
void moderation_start(struct moderation *m, bool may_hold, uint64_t now_ns);
/* n answers were given, at least one.  True: interrupt now. */
bool moderation_add(struct moderation *m, unsigned n, uint64_t now_ns);
/* None was given.  True: interrupt now, for those that are held. */
bool moderation_expired(struct moderation *m, uint64_t now_ns);
/* Those that are held get their interrupt now, whatever was to come. */
void moderation_flush(struct moderation *m, uint64_t now_ns);
/* What the last interrupt took. */
void moderation_cost(struct moderation *m, uint64_t ns);

/* Is the time needed?  Otherwise any will do. */
static inline bool moderation_is_timed(const struct moderation *m)
{
	return m->share > 1 || m->trial || m->until_trial == 1;
}

#endif
