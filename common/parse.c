/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parse.h"

#include <errno.h>
#include <string.h>

/* The value of a digit of any base up to 16; 16 or more for anything else. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

/* The digits from text up to end. */
static int parse_span(const char *text, const char *end, unsigned int base, uint64_t max,
		      uint64_t *value)
{
	bool large = false;
	uint64_t v = 0;

	if (text == end)
		return -EINVAL;
	for (; text < end; text++) {
		unsigned int d = digit_value(*text);

		if (d >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
			large = true;
	}
	if (large || v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

static int parse_digits(const char *text, unsigned int base, uint64_t max, uint64_t *value)
{
	return parse_span(text, text + strlen(text), base, max, value);
}

int parse_dec(const char *text, uint64_t max, uint64_t *value)
{
	return parse_digits(text, 10, max, value);
}

int parse_hex(const char *text, uint64_t *value)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	return parse_digits(text, 16, UINT64_MAX, value);
}

int parse_size(const char *text, uint64_t *octets)
{
	static const char suffixes[] = "KkMmGgTt";
	const char *end = text + strlen(text);
	const char *suffix = end > text ? strchr(suffixes, end[-1]) : NULL;
	unsigned int shift = suffix ? ((unsigned int)(suffix - suffixes) / 2 + 1) * 10 : 0;
	uint64_t v;
	int rc = parse_span(text, suffix ? end - 1 : end, 10, UINT64_MAX >> shift, &v);

	if (!rc)
		*octets = v << shift;
	return rc;
}

int parse_mac(const char *text, uint8_t mac[6])
{
	uint8_t octets[6];

	for (int i = 0; i < 6; i++) {
		unsigned int v = digit_value(*text);

		if (v > 15)
			return -EINVAL;
		text++;
		if (digit_value(*text) < 16)
			v = v * 16 + digit_value(*text++);
		octets[i] = (uint8_t)v;
		if (*text != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		if (i < 5)
			text++;
	}
	memcpy(mac, octets, 6);
	return 0;
}
