/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something that happens between the opening of a lock's file and its locking; for tests linked with --wrap=fcntl. */
#ifndef TESTS_UNIT_LOCKHOOK_H
#define TESTS_UNIT_LOCKHOOK_H

#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

static void (*before_lock)(void); /* called once */

int __wrap_fcntl(int fd, int cmd, ...);

static int hooked_fcntl(int fd, int cmd, unsigned long arg)
{
	void (*hook)(void) = before_lock;

	if (cmd == F_OFD_SETLK && hook) {
		before_lock = NULL;
		hook();
	}
	return (int)syscall(SYS_fcntl, fd, cmd, arg);
}

int __wrap_fcntl(int fd, int cmd, ...)
{
	unsigned long arg;
	va_list ap;

	va_start(ap, cmd);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	return hooked_fcntl(fd, cmd, arg);
}

/* The same under the name that it has with large files. */
int __wrap_fcntl64(int fd, int cmd, ...) __attribute__((alias("__wrap_fcntl")));

#endif
