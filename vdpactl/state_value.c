// SPDX-License-Identifier: GPL-2.0-or-later
/* The values in a state file: refused with their place when they are not what the table of keys says. */
#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "json_dl.h"
#include "state_reader.h"
#include "vduse.h"

enum status reader_refuse_at(struct reader *r, struct json_place place, const char *message)
{
	struct app *app = r->app;
	const char *file = app->file;
	unsigned long line = app->line, column = app->column;

	app->file = r->file;
	app->line = place.line;
	app->column = place.column;
	diag_fail(app, r->device, EINVAL, NULL, "%s", message);
	app->file = file;
	app->line = line;
	app->column = column;
	return ST_USAGE;
}

enum status reader_refuse(struct reader *r, bool at_key, const char *fmt, ...)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	struct json_place place = { 1, 1 };
	va_list ap;

	json_locate(r->text, r->len, r->steps, r->depth, at_key, &place);
	json_path_text(&sb, r->steps, r->depth);
	strbuf_add(&sb, ": ");
	va_start(ap, fmt);
	strbuf_addv(&sb, fmt, ap);
	va_end(ap);
	return reader_refuse_at(r, place, sb.failed ? "out of memory" : sb.s);
}

enum status reader_no_memory(struct reader *r)
{
	return diag_error(r->app, NULL, NULL, NULL);
}

enum status state_refuse_features(struct app *app, const struct state *state,
				  const struct state_device *d, const char *message)
{
	struct reader r = {
		.app = app,
		.file = state->file,
		.device = d->name,
		.text = state->text,
		.len = state->len,
		.steps = { { .key = "devices" },
			   { .index = d->index },
			   { .key = "device_features" } },
		.depth = 3,
	};

	return reader_refuse(&r, false, "%s", message);
}

/* ---- values ---- */

/* The value as a message shows it: a string shortened, the type of anything else. */
static const char *shown(const json_t *value, char buf[64])
{
	switch (json_typeof(value)) {
	case JSON_STRING: {
		const char *s = json_dl.json_string_value(value);

		snprintf(buf, 64, strlen(s) > 40 ? "\"%.40s...\"" : "\"%.40s\"", s);
		return buf;
	}
	case JSON_INTEGER:
		snprintf(buf, 64, "%lld", (long long)json_dl.json_integer_value(value));
		return buf;
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		break;
	}
	return "an object";
}

enum status reader_unexpected(struct reader *r, const json_t *value, const char *expected)
{
	char buf[64];

	return reader_refuse(r, false, "%s is not %s", shown(value, buf), expected);
}

/* A word that completes "is not ...". */
static const char *expected_text(const struct state_key *k, char *buf, size_t size)
{
	size_t len = 0;

	switch (k->kind) {
	case STATE_KIND_NAME:
	case STATE_KIND_VDUSE_NAME:
		return "a device name";
	case STATE_KIND_MGMTDEV:
		return "a management device, \"BUS/NAME\" or \"NAME\"";
	case STATE_KIND_TEXT:
		return "a text";
	case STATE_KIND_MODE:
		return "a text of octal digits, from \"0\" to \"777\"";
	case STATE_KIND_MAC:
		return "a MAC address of six octets";
	case STATE_KIND_FEATURES:
		return "\"0x\" and hexadecimal digits, or names of features separated by commas";
	case STATE_KIND_BOOL:
		return "true or false";
	case STATE_KIND_NUMBER:
		snprintf(buf, size, "%s from %llu to %llu",
			 k->power_of_two ? "a power of two" : "a whole number",
			 (unsigned long long)k->min, (unsigned long long)k->max);
		return buf;
	case STATE_KIND_ONE_OF_TWO:
		snprintf(buf, size, "%llu or %llu", (unsigned long long)k->min,
			 (unsigned long long)k->max);
		return buf;
	case STATE_KIND_CHOICE:
		break;
	}
	for (const char *const *c = k->choices; *c && len < size; c++)
		len += (size_t)snprintf(buf + len, size - len, "%s\"%s\"",
					c == k->choices ? "" :
					c[1]		? ", " :
							  " or ",
					*c);
	return buf;
}

static enum status set_text(struct reader *r, char **to, const char *s)
{
	*to = strdup(s);
	return *to ? ST_OK : reader_no_memory(r);
}

static enum status check_name(struct reader *r, const struct state_key *k, const char *s)
{
	size_t len = strlen(s);

	if (!len)
		return reader_refuse(r, false, "a device needs a name, this one is empty");
	if (len > k->max)
		return reader_refuse(r, false,
				     "a name of %zu octets is too long, at most %u are possible",
				     len, (unsigned int)k->max);
	if (k->kind == STATE_KIND_VDUSE_NAME && !vduse_is_name(s))
		return reader_refuse(
			r, false,
			"\"%s\" is not letters, digits, '.', '_' and '-', the first a letter, "
			"digit or '_', and not \"control\"",
			s);
	if (strchr(s, '/'))
		return reader_refuse(
			r, false,
			"\"%s\" contains a '/', which the kernel would replace so that the "
			"device is not found by its name",
			s);
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return reader_refuse(r, false, "\"%s\" cannot be a name in sysfs", s);
	return ST_OK;
}

static bool is_handle(const char *s)
{
	const char *slash = strchr(s, '/');

	return *s && (!slash || (slash > s && slash[1] && !strchr(slash + 1, '/')));
}

static enum status read_mac(struct reader *r, const json_t *value, const char *s, uint8_t *mac)
{
	static const uint8_t zero[6];

	if (parse_mac(s, mac) < 0)
		return reader_unexpected(r, value, "a MAC address of six octets");
	if (!memcmp(mac, zero, sizeof(zero)))
		return reader_refuse(
			r, false, "\"%s\" is all zero, expected the address of one interface", s);
	if (mac[0] & 1)
		return reader_refuse(
			r, false,
			"\"%s\" is a multicast address, expected the address of one interface", s);
	return ST_OK;
}

/* Names for some class of devices; which of them it may be is known when the parent is. */
static bool are_features(const char *s)
{
	static const uint32_t classes[] = { VDPA_ID_NET, VDPA_ID_BLOCK, 0 };
	uint64_t features;
	const char *bad;
	size_t len;

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (vdpa_features_parse(classes[i], s, UINT64_MAX, &features, &bad, &len) == 0)
			return true;
	}
	return false;
}

/* A word of bits, or names that only the parent gives a meaning. */
static enum status read_features(struct reader *r, const json_t *value, const char *s,
				 struct state_device *d)
{
	if (!strncmp(s, "0x", 2) || !strncmp(s, "0X", 2))
		return parse_hex(s + 2, &d->features) < 0 ?
			       reader_unexpected(
				       r, value,
				       "\"0x\" and up to 16 hexadecimal digits, or names of "
				       "features separated by commas") :
			       ST_OK;
	if (!*s || (*s >= '0' && *s <= '9') || !are_features(s))
		return reader_unexpected(
			r, value,
			"\"0x\" and hexadecimal digits, or names of features separated "
			"by commas");
	return set_text(r, &d->features_text, s);
}

static enum status read_string(struct reader *r, const struct state_key *k, const json_t *value,
			       void *object)
{
	const char *s = json_dl.json_string_value(value);
	void *to = (char *)object + k->offset;
	enum status status;
	char buf[128];

	switch (k->kind) {
	case STATE_KIND_NAME:
	case STATE_KIND_VDUSE_NAME:
		status = check_name(r, k, s);
		return status ? status : set_text(r, to, s);
	case STATE_KIND_MGMTDEV:
		if (!is_handle(s))
			break;
		if (!strcmp(s, "vduse"))
			return reader_refuse(
				r, false,
				"devices of \"vduse\" belong into \"vduse\", with what their "
				"daemon needs");
		return set_text(r, to, s);
	case STATE_KIND_TEXT:
		if (!*s)
			return reader_refuse(r, false, "it is empty, expected a text");
		if (strlen(s) > k->max)
			return reader_refuse(r, false, "it has %zu octets, at most %u are possible",
					     strlen(s), (unsigned int)k->max);
		return set_text(r, to, s);
	case STATE_KIND_MODE:
		if (!*s || strlen(s) > k->max || s[strspn(s, "01234567")] ||
		    (strlen(s) == k->max && *s != '0'))
			break;
		return set_text(r, to, s);
	case STATE_KIND_MAC:
		return read_mac(r, value, s, to);
	case STATE_KIND_FEATURES:
		return read_features(r, value, s, object);
	default:
		for (const char *const *c = k->choices; *c; c++) {
			if (!strcmp(*c, s)) {
				*(const char **)to = *c;
				return ST_OK;
			}
		}
	}
	return reader_unexpected(r, value, expected_text(k, buf, sizeof(buf)));
}

static bool is_wanted_number(const struct state_key *k, uint64_t n)
{
	if (k->kind == STATE_KIND_ONE_OF_TWO)
		return n == k->min || n == k->max;
	return n >= k->min && n <= k->max && !(k->power_of_two && n & (n - 1));
}

enum status reader_value(struct reader *r, const struct state_key *k, const json_t *value,
			 void *object)
{
	bool number = k->kind == STATE_KIND_NUMBER || k->kind == STATE_KIND_ONE_OF_TWO;
	void *to = (char *)object + k->offset;
	char buf[128];

	if (k->kind == STATE_KIND_BOOL && json_is_boolean(value)) {
		*(bool *)to = json_is_true(value);
		return ST_OK;
	}
	if (number && json_is_integer(value)) {
		json_int_t n = json_dl.json_integer_value(value);

		if (n >= 0 && is_wanted_number(k, (uint64_t)n)) {
			*(uint64_t *)to = (uint64_t)n;
			return ST_OK;
		}
	}
	if (!number && k->kind != STATE_KIND_BOOL && json_is_string(value))
		return read_string(r, k, value, object);
	return reader_unexpected(r, value, expected_text(k, buf, sizeof(buf)));
}
