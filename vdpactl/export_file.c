// SPDX-License-Identifier: GPL-2.0-or-later
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/random.h>

static int write_all(int fd, const struct strbuf *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t n = write(fd, text->s + done, text->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

/* A file beside name, with a name that nobody guesses; *tmp is the caller's. */
static int open_beside(int dir, const char *name, struct strbuf *tmp)
{
	const char *slash = strrchr(name, '/');
	uint32_t random = 0;
	int fd;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	if (slash)
		strbuf_addn(tmp, name, (size_t)(slash - name) + 1);
	strbuf_addf(tmp, ".vdpactl.%08x", random);
	if (tmp->failed)
		return -ENOMEM;
	fd = openat(dir, tmp->s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? -errno : fd;
}

int export_write(int dir, const char *name, const struct strbuf *text)
{
	CLEANUP(strbuf_free) struct strbuf tmp = STRBUF_INIT;
	CLEANUP_CLOSE int fd = open_beside(dir, name, &tmp);
	int r = fd < 0 ? fd : write_all(fd, text);

	if (!r && renameat(dir, tmp.s, dir, name) < 0)
		r = -errno;
	if (r && fd >= 0)
		unlinkat(dir, tmp.s, 0);
	return r;
}
