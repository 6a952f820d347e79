/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Additions to a string buffer that no printf is needed for. */
#ifndef VDPACTL_TEXT_H
#define VDPACTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

/* Octets of the valid UTF-8 character at s (1 to 4), or 0. */
size_t text_utf8(const unsigned char *s);
/*
 * A string of foreign origin for people to read: control characters and
 * whatever isn't UTF-8 become \xNN.
 */
void text_escaped(struct strbuf *sb, const char *s);
void text_u64(struct strbuf *sb, uint64_t value);
/* 0x and at least one digit */
void text_hex(struct strbuf *sb, uint64_t value);
void text_mac(struct strbuf *sb, const uint8_t mac[6]);

#endif
