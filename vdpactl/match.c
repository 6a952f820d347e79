// SPDX-License-Identifier: GPL-2.0-or-later
/* How near one word is to another. */
#include <limits.h>
#include <string.h>

#include "command.h"

#define WORD_MAX 24

bool match_prefix(const char *word, const char *name)
{
	return *word && !strncmp(word, name, strlen(word));
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned int edit_distance(const char *a, const char *b)
{
	unsigned int row[3][WORD_MAX + 1];
	unsigned int *before = row[0], *last = row[1], *now = row[2];
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_MAX || n > WORD_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= n; j++)
		last[j] = (unsigned int)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned int *free_row = before;

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned int cost = a[i - 1] != b[j - 1];

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = free_row;
	}
	return last[n];
}

void nearest(const char *word, const char *name, const char **best, unsigned int *distance)
{
	unsigned int d = match_prefix(word, name) ? 0 : edit_distance(word, name);

	if (d < *distance && d <= 1 + strlen(name) / 4) {
		*distance = d;
		*best = name;
	}
}
