/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon has to say: to stderr, as "vdused NAME: error: ..." or "warning: ...",
 * or to syslog once it has no stderr.  Where stderr is the journal (JOURNAL_STREAM) "<N>" in front is
 * the level, as sd-daemon(3) has it, and no word.  One line a call, without a newline at the end; any thread.
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
