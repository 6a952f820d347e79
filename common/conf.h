/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of pairs, "KEY VALUE" one a line: a key is a word, its value the rest
 * of the line without the blanks around it.  Empty lines and those that begin
 * with '#' are left out.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <stdbool.h>

#define CONF_MAX 65536

struct conf {
	char *text; /* owned; keys and values point into it */
	char *next;
	unsigned line; /* of the pair that conf_next() gave */
};

#define CONF_INIT             \
	{                     \
		NULL, NULL, 0 \
	}

/* Reads the file: 0 or -errno; -EINVAL for what is no text, -EFBIG from CONF_MAX octets on. */
int conf_read(struct conf *conf, const char *path);
/* The next pair, false at the end; the value is "" where there is none. */
bool conf_next(struct conf *conf, const char **key, const char **value);
void conf_free(struct conf *conf);

#endif
