/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static struct {
	const char *name;
	enum { TO_STDERR, TO_JOURNAL, TO_SYSLOG } where;
} out;

/* A service whose stderr was sent elsewhere has the variable, too: it names the stream that is meant. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
}

void log_init(const char *name, bool to_syslog)
{
	out.name = name;
	out.where = to_syslog ? TO_SYSLOG : stderr_is_journal() ? TO_JOURNAL : TO_STDERR;
	if (to_syslog)
		openlog("vdused", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

static const char *word_of(int priority)
{
	return priority == LOG_ERR ? "error: " : priority == LOG_WARNING ? "warning: " : "";
}

__attribute__((format(printf, 2, 0))) static void say(int priority, const char *fmt, va_list ap)
{
	const char *name = out.name ? out.name : "", *blank = out.name ? " " : "";
	int saved = errno;
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	switch (out.where) {
	case TO_SYSLOG:
		syslog(priority, "%s%s%s", name, out.name ? ": " : "", text);
		break;
	case TO_JOURNAL:
		fprintf(stderr, "<%d>vdused%s%s: %s\n", priority, blank, name, text);
		break;
	default:
		fprintf(stderr, "vdused%s%s: %s%s\n", blank, name, word_of(priority), text);
	}
	errno = saved;
}

#define DEFINE_LOG(name, priority)      \
	void name(const char *fmt, ...) \
	{                               \
		va_list ap;             \
		va_start(ap, fmt);      \
		say(priority, fmt, ap); \
		va_end(ap);             \
	}

DEFINE_LOG(log_error, LOG_ERR)
DEFINE_LOG(log_warn, LOG_WARNING)
DEFINE_LOG(log_info, LOG_INFO)
