/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static struct {
	const char *name;
	bool to_syslog;
} out;

void log_init(const char *name, bool to_syslog)
{
	out.name = name;
	out.to_syslog = to_syslog;
	if (to_syslog)
		openlog("vdused", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

__attribute__((format(printf, 2, 0))) static void say(int priority, const char *fmt, va_list ap)
{
	int saved = errno;
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (out.to_syslog)
		syslog(priority, "%s%s%s", out.name ? out.name : "", out.name ? ": " : "", text);
	else
		fprintf(stderr, "vdused%s%s: %s\n", out.name ? " " : "", out.name ? out.name : "", text);
	errno = saved;
}

#define DEFINE_LOG(name, priority)           \
	void name(const char *fmt, ...)      \
	{                                    \
		va_list ap;                  \
		va_start(ap, fmt);           \
		say(priority, fmt, ap);      \
		va_end(ap);                  \
	}

DEFINE_LOG(log_error, LOG_ERR)
DEFINE_LOG(log_warn, LOG_WARNING)
DEFINE_LOG(log_info, LOG_INFO)
