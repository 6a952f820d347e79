/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text to value, the whole text or nothing: no blanks, no sign, no rest.
 * All return 0, -EINVAL (not of that form) or -ERANGE (too large), and leave
 * the result alone when they fail.
 */
#ifndef COMMON_PARSE_H
#define COMMON_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits, 0..max. */
int parse_dec(const char *text, uint64_t max, uint64_t *value);
/* Hexadecimal digits with an optional 0x in front. */
int parse_hex(const char *text, uint64_t *value);
/* Decimal digits with an optional suffix K, M, G or T (powers of 1024), in either case: octets. */
int parse_size(const char *text, uint64_t *octets);
/* Six octets of one or two hexadecimal digits, separated by colons. */
int parse_mac(const char *text, uint8_t mac[6]);

#endif
