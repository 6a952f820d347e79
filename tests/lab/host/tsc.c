/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the rate of this machine's time stamp counter in kHz.  Under TCG the
 * guest reads the same counter, and the guest's kernel would measure its rate
 * against emulated timers: on a busy machine that goes wrong by a factor of
 * several, and with it every deadline in the guest.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define INTERVAL_NS 20000000L

struct sample {
	uint64_t tsc;
	int64_t ns;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Both clocks at one moment: of several tries the one that took the least time between them. */
static struct sample take(void)
{
	struct sample best = { 0 };
	int64_t gap = INT64_MAX;

	for (int i = 0; i < 50; i++) {
		int64_t before = now_ns();
		uint64_t tsc = __rdtsc();
		int64_t after = now_ns();

		if (after - before < gap) {
			gap = after - before;
			best = (struct sample){ tsc, before + gap / 2 };
		}
	}
	return best;
}

int main(void)
{
	struct timespec interval = { .tv_nsec = INTERVAL_NS };
	struct sample a = take(), b;

	nanosleep(&interval, NULL);
	b = take();
	printf("%llu\n", (unsigned long long)((b.tsc - a.tsc) * 1000000ULL / (uint64_t)(b.ns - a.ns)));
	return 0;
}
