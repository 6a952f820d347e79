/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define BLANKS " \t\r"

/* 0 with the octets in *len, or -errno. */
static int read_all(int fd, char *text, size_t *len)
{
	ssize_t n;

	while ((n = read(fd, text + *len, CONF_MAX - *len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		*len += (size_t)n;
		if (*len == CONF_MAX)
			return -EFBIG;
	}
	return memchr(text, '\0', *len) ? -EINVAL : 0;
}

int conf_read(struct conf *conf, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	int r;

	if (fd < 0)
		return -errno;
	text = malloc(CONF_MAX);
	if (!text)
		return -ENOMEM;
	r = read_all(fd, text, &len);
	if (r)
		return r;
	text[len] = '\0';
	*conf = (struct conf){ .text = text, .next = text };
	text = NULL;
	return 0;
}

/* Cuts the blanks off the end. */
static void trim(char *s)
{
	size_t len = strlen(s);

	while (len && strchr(BLANKS, s[len - 1]))
		s[--len] = '\0';
}

bool conf_next(struct conf *conf, const char **key, const char **value)
{
	while (conf->next && *conf->next) {
		char *line = conf->next, *end = strchr(line, '\n'), *rest;

		if (end)
			*end = '\0';
		conf->next = end ? end + 1 : NULL;
		conf->line++;
		line += strspn(line, BLANKS);
		if (!*line || *line == '#')
			continue;
		trim(line);
		rest = line + strcspn(line, BLANKS);
		*key = line;
		if (*rest)
			*rest++ = '\0';
		*value = rest + strspn(rest, BLANKS);
		return true;
	}
	return false;
}

void conf_free(struct conf *conf)
{
	free(conf->text);
	*conf = (struct conf)CONF_INIT;
}
