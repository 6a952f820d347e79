// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

static const char hex_digits[] = "0123456789abcdef";

size_t text_utf8(const unsigned char *s)
{
	uint32_t c;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000)))
		return 0;
	if (n == 4 && (c < 0x10000 || c > 0x10ffff))
		return 0;
	return n;
}

/* C0 and C1 control characters and DEL; len is the character's, 0 when invalid. */
static int is_plain(const unsigned char *s, size_t len)
{
	if (len == 1)
		return s[0] >= 0x20 && s[0] != 0x7f;
	return len > 2 || (len == 2 && !(s[0] == 0xc2 && s[1] < 0xa0));
}

void text_escaped(struct strbuf *sb, const char *s)
{
	const unsigned char *from = (const unsigned char *)s, *p = from;

	while (*p) {
		size_t len = text_utf8(p);

		if (is_plain(p, len)) {
			p += len;
			continue;
		}
		strbuf_addn(sb, from, (size_t)(p - from));
		for (len = len ? len : 1; len; len--, p++) {
			const char x[4] = { '\\', 'x', hex_digits[*p >> 4], hex_digits[*p & 15] };

			strbuf_addn(sb, x, sizeof(x));
		}
		from = p;
	}
	strbuf_addn(sb, from, (size_t)(p - from));
}

void text_u64(struct strbuf *sb, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	strbuf_addn(sb, p, (size_t)(digits + sizeof(digits) - p));
}

void text_hex(struct strbuf *sb, uint64_t value)
{
	char digits[18], *p = digits + sizeof(digits);

	do {
		*--p = hex_digits[value & 15];
		value >>= 4;
	} while (value);
	*--p = 'x';
	*--p = '0';
	strbuf_addn(sb, p, (size_t)(digits + sizeof(digits) - p));
}

void text_mac(struct strbuf *sb, const uint8_t mac[6])
{
	char s[18];

	for (int i = 0; i < 6; i++) {
		s[i * 3] = hex_digits[mac[i] >> 4];
		s[i * 3 + 1] = hex_digits[mac[i] & 15];
		s[i * 3 + 2] = ':';
	}
	strbuf_addn(sb, s, 17);
}
