/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "names.h"

#include <errno.h>
#include <string.h>

struct entry {
	const char *name;
	size_t i;
};

static int by_name_then_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->i > y->i) - (x->i < y->i);
}

void names_diff_free(struct names_diff *diff)
{
	free(diff->keep);
	free_names(diff->missing);
}

/* Walks both sorted arrays; moves names that only the bus has from bus to missing. */
static void merge(const struct entry *have, size_t n, char **bus, size_t bus_n,
		  struct names_diff *diff)
{
	size_t b = 0, m = 0;

	for (size_t h = 0; h < n; h++) {
		bool again = h && !strcmp(have[h].name, have[h - 1].name);
		int r = 1;

		while (b < bus_n && (r = strcmp(bus[b], have[h].name)) < 0)
			diff->missing[m++] = bus[b++];
		if (again)
			continue;
		diff->keep[have[h].i] = b < bus_n && r == 0;
		if (diff->keep[have[h].i])
			free(bus[b++]);
	}
	while (b < bus_n)
		diff->missing[m++] = bus[b++];
}

static void drop_repetitions(const struct entry *have, size_t n, struct names_diff *diff)
{
	for (size_t h = 0; h < n; h++)
		diff->keep[have[h].i] = !h || strcmp(have[h].name, have[h - 1].name);
}

int names_diff(struct vdpa_ctx *ctx, size_t n, const char *(*name_at)(const void *list, size_t i),
	       const void *list, struct names_diff *diff)
{
	CLEANUP_FREE struct entry *have = calloc(n + 1, sizeof(*have));
	char **bus = NULL;
	size_t bus_n = 0;
	int r;

	diff->keep = calloc(n + 1, sizeof(*diff->keep));
	diff->missing = NULL;
	diff->saw_bus = false;
	if (!have || !diff->keep)
		goto fail;
	for (size_t i = 0; i < n; i++)
		have[i] = (struct entry){ .name = name_at(list, i), .i = i };
	qsort(have, n, sizeof(*have), by_name_then_place);
	r = sysdev_names(ctx, &bus, &bus_n);
	if (r == -ENOMEM)
		goto fail;
	if (r < 0) {
		drop_repetitions(have, n, diff);
		diff->missing = calloc(1, sizeof(*diff->missing));
	} else {
		diff->saw_bus = true;
		diff->missing = calloc(bus_n + 1, sizeof(*diff->missing));
		if (diff->missing)
			merge(have, n, bus, bus_n, diff);
		else
			free_names(TAKE(bus));
		free(bus);
	}
	if (diff->missing)
		return 0;
fail:
	names_diff_free(diff);
	return -ENOMEM;
}
