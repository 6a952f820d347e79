/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Optional shared libraries, loaded when first needed.  A user lists the
 * functions once, as an X-macro, and makes both a struct of function pointers
 * and the table for dl_load() out of it.
 */
#ifndef COMMON_DLSYMS_H
#define COMMON_DLSYMS_H

#include <stddef.h>

struct dl_symbol {
	const char *name;
	void *slot; /* a function pointer to fill in */
};

/*
 * dl_load: load the libraries called sonames (NULL-terminated; each may need
 * those before it) and look every symbol up in them.  Returns NULL, or the
 * soname or symbol that is missing; no slot is touched then.  What was loaded
 * stays loaded.  Not thread-safe for one table: call it under pthread_once().
 */
const char *dl_load(const char *const *sonames, const struct dl_symbol *symbols, size_t count);

#endif
