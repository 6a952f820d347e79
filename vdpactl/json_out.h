/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON text in the two shapes of iproute2: compact, and pretty with four
 * blanks a level and arrays on one line.  Objects are opened and closed one
 * by one, so that a long list never stands in memory as a tree.
 */
#ifndef VDPACTL_JSON_OUT_H
#define VDPACTL_JSON_OUT_H

#include <stdbool.h>

#include "common/strbuf.h"

typedef struct json_t json_t;

struct json_out {
	struct strbuf *to; /* not owned */
	bool pretty;
	bool comma; /* the open object or array has a member already */
	unsigned int depth;
};

void json_out_init(struct json_out *j, struct strbuf *to, bool pretty);
/* An object: a member of the open one when it has a key. */
void json_out_begin(struct json_out *j, const char *key);
void json_out_end(struct json_out *j);
/* A document that is just value, which stays the caller's. */
void json_out_value(struct json_out *j, const json_t *value);
/* A member of the open object: value, which stays the caller's. */
void json_out_member(struct json_out *j, const char *key, const json_t *value);

#endif
