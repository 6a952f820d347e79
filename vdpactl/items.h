/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a list, each once. */
#ifndef VDPACTL_ITEMS_H
#define VDPACTL_ITEMS_H

#include <stddef.h>

/* Drops the later of equal words, in n log n.  Returns how many are left, -1 without memory. */
long items_unique(char **items, size_t n);

#endif
