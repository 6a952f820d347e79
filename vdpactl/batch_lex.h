/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A batch file, cut into commands and words as a shell would. */
#ifndef VDPACTL_BATCH_LEX_H
#define VDPACTL_BATCH_LEX_H

#include <stddef.h>
#include <stdio.h>

#include "common/strbuf.h"

/* The most octets that one command's words may have. */
#define BATCH_COMMAND_MAX 65536

struct batch_command {
	unsigned long line; /* where it begins, from 1 */
	char **argv; /* owned, as what follows; used again for the next command */
	int argc;
	const char *problem; /* why it can't be run, or NULL */

	struct strbuf words; /* NUL after each word */
	size_t cap; /* of argv */
	unsigned long next_line;
};

#define BATCH_COMMAND_INIT     \
	{                      \
		.next_line = 1 \
	}

/*
 * batch_next: the next command that has words, or a problem.
 * Blanks separate words; '...' takes all literally, "..." all but \" and \\,
 * a backslash elsewhere the next octet; backslash and newline are nothing;
 * # at the beginning of a word starts a comment.
 * Returns 1, 0 at the end of the file, -errno of reading.
 */
int batch_next(FILE *f, struct batch_command *cmd);
void batch_release(struct batch_command *cmd);

#endif
