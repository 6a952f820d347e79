/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon has to say: to stderr, as "vdused NAME: ...", or to syslog
 * once it has no stderr.  One line a call, without a newline at the end; any thread.
 */
#ifndef VDUSED_LOG_H
#define VDUSED_LOG_H

#include <stdbool.h>

/* `name` (the device's) stays the caller's. */
void log_init(const char *name, bool to_syslog);
__attribute__((format(printf, 1, 2))) void log_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);

#endif
