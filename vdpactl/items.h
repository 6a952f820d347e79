/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a list, each once, and what is shown of them. */
#ifndef VDPACTL_ITEMS_H
#define VDPACTL_ITEMS_H

#include "args.h"

/* Drops the later of equal words, in n log n.  Returns how many are left, -1 without memory. */
long items_unique(char **items, size_t n);
/* Opens the section and shows what is named, each thing once, or all where nothing is. */
enum status items_show(struct app *app, const struct args *args, const char *section,
		       enum status (*all)(struct app *app),
		       enum status (*named)(struct app *app, const char *name));

#endif
