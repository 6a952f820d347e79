/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in a JSON text a value stands, which libjansson does not tell.  Only
 * for text that it has parsed: what is not JSON is not found, no more.
 */
#ifndef VDPACTL_JSON_LOCATE_H
#define VDPACTL_JSON_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"

/* One step down: into the member of that key, or the element of that index. */
struct json_step {
	const char *key; /* NULL: an index */
	size_t index;
};

struct json_place {
	unsigned long line; /* from 1 */
	unsigned long column; /* from 1, in characters */
};

/*
 * json_locate: the place of the value that the steps lead to; at_key: of its
 * key in the object.  false when there is no such value.
 */
bool json_locate(const char *text, size_t len, const struct json_step *steps, size_t n, bool at_key,
		 struct json_place *place);
/* "$.devices[3].mac" */
void json_path_text(struct strbuf *sb, const struct json_step *steps, size_t n);

#endif
