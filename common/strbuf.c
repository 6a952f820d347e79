/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for n more octets and the NUL. */
static bool reserve(struct strbuf *sb, size_t n)
{
	size_t need, cap;
	char *s;

	if (sb->failed)
		return false;
	if (__builtin_add_overflow(sb->len, n, &need) || __builtin_add_overflow(need, 1, &need))
		goto fail;
	if (need <= sb->cap)
		return true;
	cap = sb->cap ? sb->cap : 64;
	while (cap < need) {
		if (__builtin_mul_overflow(cap, 2, &cap))
			goto fail;
	}
	s = realloc(sb->s, cap);
	if (!s)
		goto fail;
	sb->s = s;
	sb->cap = cap;
	return true;
fail:
	sb->failed = true;
	return false;
}

void strbuf_addn(struct strbuf *sb, const void *s, size_t n)
{
	if (!reserve(sb, n))
		return;
	if (n)
		memcpy(sb->s + sb->len, s, n);
	sb->len += n;
	sb->s[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const char *s)
{
	strbuf_addn(sb, s, strlen(s));
}

void strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_addn(sb, &c, 1);
}

void strbuf_addv(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	if (!reserve(sb, 0)) {
		va_end(again);
		return;
	}
	n = vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, ap);
	if (n < 0) {
		sb->failed = true;
	} else if ((size_t)n < sb->cap - sb->len) {
		sb->len += (size_t)n;
	} else if (reserve(sb, (size_t)n)) {
		vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, again);
		sb->len += (size_t)n;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(sb, fmt, ap);
	va_end(ap);
}

void strbuf_clear(struct strbuf *sb)
{
	sb->len = 0;
	sb->failed = false;
	if (sb->s)
		sb->s[0] = '\0';
}

char *strbuf_take(struct strbuf *sb)
{
	char *s = NULL;

	if (!sb->len)
		reserve(sb, 0);
	if (!sb->failed) {
		s = sb->s;
		s[sb->len] = '\0';
		sb->s = NULL;
	}
	strbuf_free(sb);
	return s;
}

void strbuf_free(struct strbuf *sb)
{
	free(sb->s);
	*sb = (struct strbuf)STRBUF_INIT;
}
