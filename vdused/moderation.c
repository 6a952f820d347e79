/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/moderation.h"

#define TRIAL_EVERY_MIN 16
#define TRIAL_EVERY_MAX 1024
/* The patience with the next answer, in usual distances between two. */
#define PATIENCE_ANSWERS 4
/* The longest hold, in costs of an interrupt. */
#define HOLD_COSTS 8
/* One cost that is far off (the thread was not running) shall not count for much. */
#define COST_WEIGHT 16
/* More than this is not the interrupt: the machine itself may have stood still. */
#define COST_MAX_NS (125 * 1000)

static void begin_period(struct moderation *m, uint64_t now_ns)
{
	m->until_trial = m->trial_every;
	m->since_ns = now_ns;
	m->answers = 0;
}

void moderation_start(struct moderation *m, bool may_hold, uint64_t now_ns)
{
	*m = (struct moderation){ .share = 1, .trial_every = may_hold ? TRIAL_EVERY_MIN : 0 };
	begin_period(m, now_ns);
}

static uint64_t hold_max(const struct moderation *m)
{
	return HOLD_COSTS * m->cost_ns;
}

/* The driver has n requests under way. */
static void learn(struct moderation *m, unsigned n, uint64_t now_ns)
{
	unsigned share = n < 2 ? 1 : n / 2;

	if (share > MODERATION_SHARE_MAX)
		share = MODERATION_SHARE_MAX;
	if (share != m->share)
		m->trial_every = TRIAL_EVERY_MIN;
	else if (m->trial_every < TRIAL_EVERY_MAX)
		m->trial_every *= 2;
	m->share = share;
	m->trial = false;
	begin_period(m, now_ns);
}

static void begin_trial(struct moderation *m, uint64_t now_ns)
{
	uint64_t usual = (now_ns - m->since_ns) / m->answers;

	m->patience_ns = PATIENCE_ANSWERS * usual;
	if (m->patience_ns > hold_max(m))
		learn(m, 1, now_ns);
	else
		m->trial = true;
}

/*
 * Fewer answers came than were to share the interrupt.  The driver has fewer requests
 * under way now, or was only slow once: the next trial tells, soon.
 */
static void share_less(struct moderation *m)
{
	m->share = (m->share + m->held) / 2;
	m->trial_every = TRIAL_EVERY_MIN;
	if (m->until_trial > TRIAL_EVERY_MIN)
		m->until_trial = TRIAL_EVERY_MIN;
}

static bool interrupt(struct moderation *m, bool driver_waits, uint64_t now_ns)
{
	m->answers += m->held;
	if (m->trial)
		learn(m, m->held, now_ns);
	else if (driver_waits)
		share_less(m);
	else if (m->until_trial && !--m->until_trial)
		begin_trial(m, now_ns);
	m->held = 0;
	return true;
}

bool moderation_add(struct moderation *m, unsigned n, uint64_t now_ns)
{
	if (!m->held)
		m->oldest_ns = now_ns;
	m->newest_ns = now_ns;
	m->held += n;
	return m->held >= (m->trial ? 2 * MODERATION_SHARE_MAX : m->share) &&
	       interrupt(m, false, now_ns);
}

bool moderation_expired(struct moderation *m, uint64_t now_ns)
{
	return m->held &&
	       (now_ns - m->newest_ns >= m->patience_ns || now_ns - m->oldest_ns >= hold_max(m)) &&
	       interrupt(m, true, now_ns);
}

void moderation_flush(struct moderation *m, uint64_t now_ns)
{
	if (m->held)
		interrupt(m, false, now_ns);
}

void moderation_cost(struct moderation *m, uint64_t ns)
{
	if (ns > COST_MAX_NS)
		ns = COST_MAX_NS;
	if (!m->cost_ns)
		m->cost_ns = ns;
	m->cost_ns += (int64_t)(ns - m->cost_ns) / COST_WEIGHT;
}
