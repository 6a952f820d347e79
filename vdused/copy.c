/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/copy.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

/* What is copied to try, and how often: the best of some counts, the others were disturbed. */
#define TRIAL_LEN (16 * 1024)
#define TRIALS 8
/* Below this a call of memcpy() is as good. */
#define SHORTEST 256

typedef void copy_fn(void *dst, const void *src, size_t len);

static bool by_words;

/* In a register, whatever the compiler would rather have: vectors, or a call of memcpy(). */
static inline size_t load(const uint8_t *from)
{
	size_t v;

	__builtin_memcpy(&v, from, sizeof(v));
	__asm__ volatile("" : "+r"(v));
	return v;
}

static inline void store(uint8_t *to, size_t v)
{
	__builtin_memcpy(to, &v, sizeof(v));
}

void copy_words(void *dst, const void *src, size_t len)
{
	const size_t word = sizeof(size_t), round = 8 * word;
	const uint8_t *from = src;
	uint8_t *to = dst;

	for (; len >= round; from += round, to += round, len -= round) {
		size_t a = load(from), b = load(from + word);
		size_t c = load(from + 2 * word), d = load(from + 3 * word);
		size_t e = load(from + 4 * word), f = load(from + 5 * word);
		size_t g = load(from + 6 * word), h = load(from + 7 * word);

		store(to, a);
		store(to + word, b);
		store(to + 2 * word, c);
		store(to + 3 * word, d);
		store(to + 4 * word, e);
		store(to + 5 * word, f);
		store(to + 6 * word, g);
		store(to + 7 * word, h);
	}
	if (len)
		memcpy(to, from, len);
}

void copy_bytes(void *dst, const void *src, size_t len)
{
	if (by_words && len >= SHORTEST)
		copy_words(dst, src, len);
	else
		memcpy(dst, src, len);
}

static void copy_memcpy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long took_ns(copy_fn *copy, uint8_t *dst, const uint8_t *src)
{
	long long begin = now_ns();

	copy(dst, src, TRIAL_LEN);
	/* The compiler is not to know that nobody reads it. */
	__asm__ volatile("" : : "r"(dst) : "memory");
	return now_ns() - begin;
}

bool copy_words_pay(long long memcpy_ns, long long words_ns)
{
	return words_ns > 0 && words_ns + words_ns / 4 < memcpy_ns;
}

void copy_choose(void)
{
	copy_fn *const ways[] = { copy_memcpy, copy_words };
	/* A page apart, and of different addresses within one. */
	uint8_t src[TRIAL_LEN], dst[TRIAL_LEN + 4096 + 128];
	long long best[2] = { INT64_MAX, INT64_MAX };

	memset(src, 1, sizeof(src));
	for (int i = 0; i < TRIALS; i++) {
		for (int way = 0; way < 2; way++) {
			long long ns = took_ns(ways[way], dst, src);

			if (ns < best[way])
				best[way] = ns;
		}
	}
	by_words = copy_words_pay(best[0], best[1]);
}
