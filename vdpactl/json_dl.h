/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libjansson, loaded when the first JSON document is begun: a command that
 * prints text must not pay for it at start.
 *
 * The makers never fail visibly: what could not be made is remembered and
 * json_failed() tells it, so that a view checks nothing.
 */
#ifndef VDPACTL_JSON_DL_H
#define VDPACTL_JSON_DL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "app.h"

/* Every function of libjansson that this program calls. */
#define JSON_DL_SYMBOLS(X)             \
	X(json_object)                 \
	X(json_array)                  \
	X(json_integer)                \
	X(json_true)                   \
	X(json_false)                  \
	X(json_stringn_nocheck)        \
	X(json_delete)                 \
	X(json_object_set_new_nocheck) \
	X(json_array_append_new)       \
	X(json_object_iter)            \
	X(json_object_iter_next)       \
	X(json_object_iter_key)        \
	X(json_object_iter_value)      \
	X(json_array_size)             \
	X(json_array_get)              \
	X(json_string_value)           \
	X(json_string_length)          \
	X(json_integer_value)          \
	X(json_loadb)                  \
	X(json_object_get)

struct json_dl {
#define JSON_DL_MEMBER(fn) __typeof__(&fn) fn;
	JSON_DL_SYMBOLS(JSON_DL_MEMBER)
#undef JSON_DL_MEMBER
};

/* Valid once json_load() returned ST_OK. */
extern struct json_dl json_dl;

/* Loads the library; a failure is reported. */
enum status json_load(struct app *app);
/* true when memory ran out in one of the functions below since the last time this was asked */
bool json_failed(void);

json_t *json_make_object(void);
json_t *json_make_array(void);
/* All numbers here are unsigned: above INT64_MAX the value is stored wrapped, and printed right. */
json_t *json_make_u64(uint64_t value);
json_t *json_make_string(const char *s);
json_t *json_make_stringn(const char *s, size_t len);
json_t *json_make_bool(bool value);
/* Both take over value. */
void json_put(json_t *object, const char *key, json_t *value);
void json_append(json_t *array, json_t *value);
/* Drops a reference; takes NULL. */
void json_drop(json_t *value);

#endif
