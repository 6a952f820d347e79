/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dlsyms.h"

#include <dlfcn.h>
#include <string.h>

#define MAX_LIBRARIES 4

static void *find_symbol(void *const *handles, const char *name)
{
	void *symbol = NULL;

	for (; *handles && !symbol; handles++)
		symbol = dlsym(*handles, name);
	return symbol;
}

const char *dl_load(const char *const *sonames, const struct dl_symbol *symbols, size_t count)
{
	void *handles[MAX_LIBRARIES + 1] = { NULL };

	for (size_t i = 0; i < MAX_LIBRARIES && sonames[i]; i++) {
		handles[i] = dlopen(sonames[i], RTLD_NOW | RTLD_LOCAL);
		if (!handles[i])
			return sonames[i];
	}
	for (size_t i = 0; i < count; i++) {
		if (!find_symbol(handles, symbols[i].name))
			return symbols[i].name;
	}
	for (size_t i = 0; i < count; i++) {
		void *symbol = find_symbol(handles, symbols[i].name);

		/* A function pointer by way of its octets: ISO C has no cast from void *. */
		memcpy(symbols[i].slot, &symbol, sizeof(symbol));
	}
	return NULL;
}
