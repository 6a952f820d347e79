// SPDX-License-Identifier: GPL-2.0-or-later
#include "json_locate.h"

#include <stdint.h>
#include <string.h>

struct cursor {
	const char *p, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && memchr(" \t\r\n", *c->p, 4))
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

/* Past a string, whose first quote is taken. */
static void skip_string(struct cursor *c)
{
	while (c->p < c->end && *c->p != '"')
		c->p += *c->p == '\\' && c->end - c->p > 1 ? 2 : 1;
	if (c->p < c->end)
		c->p++;
}

/* Past one value, however deep it is nested. */
static void skip_value(struct cursor *c)
{
	size_t depth = 0;

	skip_blanks(c);
	while (c->p < c->end) {
		char ch = *c->p;

		if (!depth && memchr(",]} \t\r\n", ch, 7))
			return;
		c->p++;
		if (ch == '"')
			skip_string(c);
		else if (ch == '[' || ch == '{')
			depth++;
		else if (ch == ']' || ch == '}')
			depth--;
		else
			continue;
		if (!depth)
			return;
	}
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = memchr(digits, c | 0x20, 16);

	return c >= '0' && p ? (int)(p - digits) : -1;
}

/* The four digits of \uXXXX, or -1. */
static long read_unit(struct cursor *c)
{
	long unit = 0;

	if (c->end - c->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(*c->p++);

		if (d < 0)
			return -1;
		unit = unit << 4 | d;
	}
	return unit;
}

static size_t encode(uint32_t u, char out[4])
{
	size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (u & 0x3f));
		u >>= 6;
	}
	out[0] = (char)(lead[n] | u);
	return n;
}

/* The character behind a backslash as octets; how many, 0 for nonsense. */
static size_t read_escape(struct cursor *c, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	long u, low;

	if (c->p == c->end)
		return 0;
	if (*c->p != 'u') {
		at = memchr(from, *c->p++, sizeof(from) - 1);
		out[0] = at ? to[at - from] : 0;
		return at ? 1 : 0;
	}
	c->p++;
	u = read_unit(c);
	if (u >= 0xd800 && u < 0xdc00 && c->end - c->p > 2 && c->p[0] == '\\' && c->p[1] == 'u') {
		c->p += 2;
		low = read_unit(c);
		u = low < 0 ? -1 : 0x10000 + ((u & 0x3ff) << 10) + (low & 0x3ff);
	}
	return u < 0 ? 0 : encode((uint32_t)u, out);
}

/* Takes a string, its first quote too; is it that one? */
static bool take_key(struct cursor *c, const char *want)
{
	bool same = true;

	if (!take(c, '"'))
		return false;
	while (c->p < c->end && *c->p != '"') {
		char octets[4];
		size_t n = 1;

		octets[0] = *c->p++;
		if (octets[0] == '\\')
			n = read_escape(c, octets);
		if (!n || strncmp(want, octets, n))
			same = false;
		else if (same)
			want += n;
	}
	if (c->p < c->end)
		c->p++;
	return same && !*want;
}

static bool enter_object(struct cursor *c, const char *key, const char **at)
{
	if (!take(c, '{'))
		return false;
	do {
		bool found;

		skip_blanks(c);
		*at = c->p;
		found = take_key(c, key);
		if (!take(c, ':'))
			return false;
		skip_blanks(c);
		if (found)
			return true;
		skip_value(c);
	} while (take(c, ','));
	return false;
}

static bool enter_array(struct cursor *c, size_t index, const char **at)
{
	if (!take(c, '['))
		return false;
	while (index--) {
		skip_value(c);
		if (!take(c, ','))
			return false;
	}
	skip_blanks(c);
	*at = c->p;
	return c->p < c->end && *c->p != ']';
}

static void count(const char *text, const char *at, struct json_place *place)
{
	*place = (struct json_place){ 1, 1 };
	for (const char *p = text; p < at; p++) {
		if (*p == '\n')
			*place = (struct json_place){ place->line + 1, 1 };
		else if ((*p & 0xc0) != 0x80)
			place->column++;
	}
}

bool json_locate(const char *text, size_t len, const struct json_step *steps, size_t n, bool at_key,
		 struct json_place *place)
{
	struct cursor c = { text, text + len };
	const char *at = text;

	skip_blanks(&c);
	for (size_t i = 0; i < n; i++) {
		if (steps[i].key ? !enter_object(&c, steps[i].key, &at) :
				   !enter_array(&c, steps[i].index, &at))
			return false;
	}
	count(text, at_key && n ? at : c.p, place);
	return true;
}

static bool is_plain(const char *key)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	return *key && strspn(key, first) == strlen(key) && (*key < '0' || *key > '9');
}

void json_path_text(struct strbuf *sb, const struct json_step *steps, size_t n)
{
	strbuf_addc(sb, '$');
	for (size_t i = 0; i < n; i++) {
		const char *key = steps[i].key;

		if (!key) {
			strbuf_addf(sb, "[%zu]", steps[i].index);
		} else if (is_plain(key)) {
			strbuf_addf(sb, ".%s", key);
		} else {
			strbuf_add(sb, "[\"");
			for (const char *p = key; *p; p++) {
				if (*p == '"' || *p == '\\')
					strbuf_addc(sb, '\\');
				strbuf_addc(sb, *p);
			}
			strbuf_add(sb, "\"]");
		}
	}
}
