// SPDX-License-Identifier: GPL-2.0-or-later
#include "json_out.h"

#include <string.h>

#include "json_dl.h"
#include "text.h"

void json_out_init(struct json_out *j, struct strbuf *to, bool pretty)
{
	*j = (struct json_out){ .to = to, .pretty = pretty };
}

static void separate(struct json_out *j)
{
	if (j->comma)
		strbuf_addc(j->to, ',');
	j->comma = true;
}

static void new_line(struct json_out *j)
{
	if (!j->pretty)
		return;
	strbuf_addc(j->to, '\n');
	for (unsigned int i = 0; i < j->depth; i++)
		strbuf_addn(j->to, "    ", 4);
}

/* The escape for a character that can't stand in a string as it is, or NULL. */
static const char *escape(unsigned char c, char buf[7])
{
	static const char hex[] = "0123456789abcdef";
	static const char *const named[128] = {
		['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r",	 ['\f'] = "\\f",
		['\b'] = "\\b", ['"'] = "\\\"", ['\\'] = "\\\\",
	};

	if (c >= 0x80)
		return "\\ufffd";
	if (named[c])
		return named[c];
	if (c >= 0x20 && c != 0x7f)
		return NULL;
	memcpy(buf, "\\u00", 4);
	buf[4] = hex[c >> 4];
	buf[5] = hex[c & 15];
	buf[6] = '\0';
	return buf;
}

static void add_string(struct json_out *j, const char *s, size_t len)
{
	const char *end = s + len, *from = s;
	char buf[7];

	strbuf_addc(j->to, '"');
	while (s < end) {
		size_t n = text_utf8((const unsigned char *)s);
		const char *instead = n > 1 ? NULL : escape((unsigned char)*s, buf);

		if (!instead) {
			s += n;
			continue;
		}
		strbuf_addn(j->to, from, (size_t)(s - from));
		strbuf_add(j->to, instead);
		from = ++s;
	}
	strbuf_addn(j->to, from, (size_t)(s - from));
	strbuf_addc(j->to, '"');
}

static void add_key(struct json_out *j, const char *key)
{
	separate(j);
	new_line(j);
	add_string(j, key, strlen(key));
	strbuf_add(j->to, j->pretty ? ": " : ":");
}

static void open_object(struct json_out *j)
{
	strbuf_addc(j->to, '{');
	j->depth++;
	j->comma = false;
}

void json_out_begin(struct json_out *j, const char *key)
{
	if (key)
		add_key(j, key);
	open_object(j);
}

void json_out_end(struct json_out *j)
{
	j->depth--;
	if (j->comma)
		new_line(j);
	strbuf_addc(j->to, '}');
	j->comma = true;
}

static void add_value(struct json_out *j, const json_t *value);

static void add_object(struct json_out *j, const json_t *value)
{
	json_t *object = (json_t *)(uintptr_t)value;

	open_object(j);
	for (void *it = json_dl.json_object_iter(object); it;
	     it = json_dl.json_object_iter_next(object, it)) {
		add_key(j, json_dl.json_object_iter_key(it));
		add_value(j, json_dl.json_object_iter_value(it));
	}
	json_out_end(j);
}

static void add_array(struct json_out *j, const json_t *value)
{
	size_t n = json_dl.json_array_size(value);

	strbuf_add(j->to, j->pretty ? "[ " : "[");
	j->depth++;
	j->comma = false;
	for (size_t i = 0; i < n; i++) {
		separate(j);
		add_value(j, json_dl.json_array_get(value, i));
	}
	if (j->pretty && n)
		strbuf_addc(j->to, ' ');
	strbuf_addc(j->to, ']');
	j->depth--;
	j->comma = true;
}

static void add_value(struct json_out *j, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(j, value);
		break;
	case JSON_ARRAY:
		add_array(j, value);
		break;
	case JSON_STRING:
		add_string(j, json_dl.json_string_value(value), json_dl.json_string_length(value));
		break;
	case JSON_INTEGER:
		text_u64(j->to, (uint64_t)json_dl.json_integer_value(value));
		break;
	default:
		strbuf_add(j->to, json_is_true(value) ? "true" : "false");
	}
}

void json_out_value(struct json_out *j, const json_t *value)
{
	if (value)
		add_value(j, value);
}

void json_out_member(struct json_out *j, const char *key, const json_t *value)
{
	if (!value)
		return;
	add_key(j, key);
	add_value(j, value);
}
