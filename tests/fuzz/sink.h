/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where what a fuzzer would print goes; for those linked with --wrap=write. */
#ifndef TESTS_FUZZ_SINK_H
#define TESTS_FUZZ_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

ssize_t __wrap_write(int fd, const void *buf, size_t len);

/* Reads all of it, for the sanitizer. */
ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	static volatile uint8_t sink;

	(void)fd;
	for (size_t i = 0; i < len; i++)
		sink ^= ((const uint8_t *)buf)[i];
	(void)sink;
	return (ssize_t)len;
}

#endif
