/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/parse.h"
#include "internal.h"

/* An attribute of sysfs is a page at most. */
#define SYSFS_MAX 4096

char *format_string(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

char *sysfs_read(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char buf[SYSFS_MAX + 1];
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return NULL;
	do {
		n = read(fd, buf + len, SYSFS_MAX - len);
		if (n < 0 && errno != EINTR)
			return NULL;
		if (n > 0)
			len += (size_t)n;
	} while (n && len < SYSFS_MAX);
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return strdup(buf);
}

char *sysfs_link_name(const char *path)
{
	char target[PATH_MAX];
	const char *slash;
	ssize_t n;

	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return strdup(slash ? slash + 1 : target);
}

bool is_file_name(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}

char *sysfs_read_at(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = format_string("%s/%s", dir, name);

	return path ? sysfs_read(path) : NULL;
}

char *sysfs_link_at(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = format_string("%s/%s", dir, name);

	return path ? sysfs_link_name(path) : NULL;
}

char *sysfs_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash != path ? strndup(path, (size_t)(slash - path)) : strdup("/");
}

bool sysfs_has_subsystem(const char *dir, const char *subsystem)
{
	CLEANUP_FREE char *name = sysfs_link_at(dir, "subsystem");

	if (!name)
		return false;
	errno = 0;
	return strcmp(name, subsystem) == 0;
}

int sysfs_read_dev(const char *dir, dev_t *number)
{
	CLEANUP_FREE char *text = sysfs_read_at(dir, "dev");
	uint64_t major, minor;
	char *colon;

	if (!text)
		return -errno;
	colon = strchr(text, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (parse_dec(text, UINT32_MAX, &major) || parse_dec(colon + 1, UINT32_MAX, &minor))
		return -EINVAL;
	*number = makedev((unsigned int)major, (unsigned int)minor);
	return 0;
}

bool is_numbered(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(name, prefix, n) != 0 || !name[n])
		return false;
	return strspn(name + n, "0123456789") == strlen(name + n);
}

const struct dirent *next_entry(DIR *d)
{
	const struct dirent *e;

	do {
		errno = 0;
		e = readdir(d);
	} while (e && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0));
	return e;
}
