/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying the data of requests, which is most of what a thread does for large ones.
 *
 * memcpy() moves vectors, and nothing is quicker where a processor runs it. Where
 * the processor is emulated each vector is taken apart again, and a plain loop
 * over words moves up to twice as much. So both are tried once.
 */
#ifndef VDUSED_COPY_H
#define VDUSED_COPY_H

#include <stdbool.h>
#include <stddef.h>

/* Tries both for less than a millisecond; before there are other threads. Until then it is memcpy(). */
void copy_choose(void);
/* The choice, by what the same copy took each way. Words have to be clearly quicker: by a quarter. */
bool copy_words_pay(long long memcpy_ns, long long words_ns);

/* As memcpy(), by what is quickest here. Plain loads and stores: a guard may be around it. */
void copy_bytes(void *dst, const void *src, size_t len);
/* The loop over words. */
void copy_words(void *dst, const void *src, size_t len);

#endif
