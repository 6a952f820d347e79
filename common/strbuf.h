/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A growing string.  An allocation failure is remembered in `failed` and
 * makes later additions no-ops, so that a builder checks once, at its end.
 */
#ifndef COMMON_STRBUF_H
#define COMMON_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *s; /* owned; NUL-terminated once something was added */
	size_t len;
	size_t cap;
	bool failed;
};

#define STRBUF_INIT               \
	{                         \
		NULL, 0, 0, false \
	}

void strbuf_add(struct strbuf *sb, const char *s);
void strbuf_addn(struct strbuf *sb, const void *s, size_t n);
void strbuf_addc(struct strbuf *sb, char c);
__attribute__((format(printf, 2, 3))) void strbuf_addf(struct strbuf *sb, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void strbuf_addv(struct strbuf *sb, const char *fmt,
						       va_list ap);
/* Empties it and keeps the memory. */
void strbuf_clear(struct strbuf *sb);
/* The string ("" when empty), now the caller's to free; NULL after a failure. Resets sb. */
char *strbuf_take(struct strbuf *sb);
void strbuf_free(struct strbuf *sb);

/* CLEANUP(strbuf_free) on a struct strbuf variable releases it. */

#endif
