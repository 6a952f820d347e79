// SPDX-License-Identifier: GPL-2.0-or-later
#include "json_dl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define JSON_SONAME "libjansson.so.4"

struct json_dl json_dl;

static bool loaded;
static bool failed;

static const char *load_symbols(void *lib)
{
	void *symbol;

#define JSON_DL_LOAD(fn)          \
	symbol = dlsym(lib, #fn); \
	if (!symbol)              \
		return #fn;       \
	memcpy(&json_dl.fn, &symbol, sizeof(symbol));
	JSON_DL_SYMBOLS(JSON_DL_LOAD)
#undef JSON_DL_LOAD
	return NULL;
}

enum status json_load(struct app *app)
{
	const char *missing;
	void *lib;

	if (loaded)
		return ST_OK;
	lib = dlopen(JSON_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		bool json = app->opt.json;

		app->opt.json = false;
		return diag_fail(app, NULL, ENOSYS, "install libjansson (Debian: libjansson4)",
				 "%s needs %s, which cannot be loaded",
				 json ? "JSON output" : "the talk with VDUSE daemons", JSON_SONAME);
	}
	missing = load_symbols(lib);
	if (missing) {
		dlclose(lib);
		app->opt.json = false;
		return diag_fail(app, NULL, ENOSYS, "update libjansson",
				 "%s is too old for JSON output: it has no %s", JSON_SONAME,
				 missing);
	}
	loaded = true;
	return ST_OK;
}

bool json_failed(void)
{
	bool was = failed;

	failed = false;
	return was;
}

static json_t *made(json_t *value)
{
	if (!value)
		failed = true;
	return value;
}

json_t *json_make_object(void)
{
	return made(json_dl.json_object());
}

json_t *json_make_array(void)
{
	return made(json_dl.json_array());
}

json_t *json_make_u64(uint64_t value)
{
	return made(json_dl.json_integer((json_int_t)value));
}

json_t *json_make_string(const char *s)
{
	return json_make_stringn(s, strlen(s));
}

json_t *json_make_stringn(const char *s, size_t len)
{
	return made(json_dl.json_stringn_nocheck(s, len));
}

json_t *json_make_bool(bool value)
{
	return value ? json_dl.json_true() : json_dl.json_false();
}

void json_put(json_t *object, const char *key, json_t *value)
{
	if (json_dl.json_object_set_new_nocheck(object, key, value) < 0)
		failed = true;
}

void json_append(json_t *array, json_t *value)
{
	if (json_dl.json_array_append_new(array, value) < 0)
		failed = true;
}

/* json_decref() itself would call json_delete() of a library that isn't linked. */
void json_drop(json_t *value)
{
	if (value && value->refcount != (size_t)-1 && JSON_INTERNAL_DECREF(value) == 0)
		json_dl.json_delete(value);
}
