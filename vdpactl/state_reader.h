/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two files share that read a state file: state_read.c its structure, state_value.c its values. */
#ifndef VDPACTL_STATE_READER_H
#define VDPACTL_STATE_READER_H

#include <jansson.h>

#include "json_locate.h"
#include "state.h"

#define STEPS_MAX 4

/* The text, and where in it the reader is. */
struct reader {
	struct app *app;
	const char *file;
	const char *device; /* that a report is about, or NULL */
	const char *text;
	size_t len;
	struct json_step steps[STEPS_MAX];
	size_t depth;
};

/* Reports at a place of the file. */
enum status reader_refuse_at(struct reader *r, struct json_place place, const char *message);
/* Reports what is wrong with the value at which the reader is, or with its key. */
__attribute__((format(printf, 3, 4))) enum status reader_refuse(struct reader *r, bool at_key,
								const char *fmt, ...);
/* "VALUE is not EXPECTED" */
enum status reader_unexpected(struct reader *r, const json_t *value, const char *expected);
enum status reader_no_memory(struct reader *r);
/* The value, at which the reader is, goes to its place in the object. */
enum status reader_value(struct reader *r, const struct state_key *k, const json_t *value,
			 void *object);

#endif
