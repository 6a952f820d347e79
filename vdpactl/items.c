// SPDX-License-Identifier: GPL-2.0-or-later
#include "items.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static int compare(const void *a, const void *b)
{
	char **x = *(char ***)(uintptr_t)a, **y = *(char ***)(uintptr_t)b;
	int order = strcmp(*x, *y);

	return order ? order : (x > y) - (x < y);
}

long items_unique(char **items, size_t n)
{
	CLEANUP_FREE char ***sorted = n > 1 ? calloc(n, sizeof(*sorted)) : NULL;
	const char *kept;
	size_t left = 0;

	if (n < 2)
		return (long)n;
	if (!sorted)
		return -1;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &items[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	kept = *sorted[0];
	for (size_t i = 1; i < n; i++) {
		if (!strcmp(kept, *sorted[i]))
			*sorted[i] = NULL;
		else
			kept = *sorted[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (items[i])
			items[left++] = items[i];
	}
	return (long)left;
}

enum status items_show(struct app *app, const struct args *args, const char *section,
		       enum status (*all)(struct app *app),
		       enum status (*named)(struct app *app, const char *name))
{
	struct tally tally = { 0 };
	long n = items_unique(args->items, args->n_items);
	enum status status = app_begin_section(app, section);

	if (status)
		return status;
	if (n < 0)
		return diag_error(app, NULL, NULL, NULL);
	if (!n)
		return all(app);
	for (long i = 0; i < n; i++)
		tally_add(&tally, named(app, args->items[i]));
	return tally_status(&tally);
}
