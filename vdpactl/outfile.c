// SPDX-License-Identifier: GPL-2.0-or-later
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vduse.h"

static int write_all(int fd, const struct strbuf *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t n = write(fd, text->s + done, text->len - done);

		if (n < 0 && errno != EINTR)
			return errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? errno : 0;
}

/* Not every file system can; the file is there in any case. */
static void sync_dir(const char *path)
{
	CLEANUP_FREE char *dir = strdup(path);
	CLEANUP_CLOSE int fd = -1;
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash)
		slash[slash == dir] = '\0';
	fd = dir ? open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0)
		(void)fsync(fd);
}

/* Where it is to be, and as what. */
struct place {
	const char *path;
	mode_t mode;
	bool is_there; /* then it stays the same one's: */
	uid_t uid;
	gid_t gid;
};

/* Who is not root may not give a file away: then it is the writer's. */
static int take_over(int fd, const struct place *p)
{
	if (p->is_there && fchown(fd, p->uid, p->gid) < 0 && errno != EPERM)
		return errno;
	return fchmod(fd, p->mode) < 0 ? errno : 0;
}

/* Behind the name: who reads *.json or *.prom in that directory does not see the half of it. */
static int replace(const struct place *p, const struct strbuf *text)
{
	CLEANUP(strbuf_free) struct strbuf temporary = STRBUF_INIT;
	int fd, r;

	strbuf_addf(&temporary, "%s.XXXXXX", p->path);
	if (temporary.failed || text->failed)
		return ENOMEM;
	fd = mkostemp(temporary.s, O_CLOEXEC);
	if (fd < 0)
		return errno;
	r = write_all(fd, text);
	if (!r)
		r = take_over(fd, p);
	if (close(fd) < 0 && !r)
		r = errno;
	if (!r && rename(temporary.s, p->path) < 0)
		r = errno;
	if (r)
		unlink(temporary.s);
	else
		sync_dir(p->path);
	return r;
}

static enum status fail(struct app *app, const char *file, int errnum)
{
	return diag_fail(app, NULL, errnum, NULL, "cannot write %s: %s", file, strerror(errnum));
}

/* A signal that ends the program waits until the other name is gone. */
static int replace_whole(const struct place *p, const struct strbuf *text)
{
	sigset_t before;
	int r;

	vduse_hold_signals(&before);
	r = replace(p, text);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

enum status outfile_write(struct app *app, const char *file, mode_t mode, const struct strbuf *text)
{
	CLEANUP_FREE char *path = realpath(file, NULL);
	struct place place = { .path = path ? path : file, .mode = mode };
	struct stat st;
	int r;

	if (!path && errno != ENOENT)
		return fail(app, file, errno);
	if (!path && lstat(file, &st) == 0)
		return diag_fail(app, NULL, ENOENT, NULL,
				 "cannot write %s: it is a link to what is not there", file);
	if (path && stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return diag_fail(app, NULL, EINVAL, "without a file it goes to stdout",
					 "cannot write %s: it is no regular file", file);
		place.mode = st.st_mode & 0777;
		place.is_there = true;
		place.uid = st.st_uid;
		place.gid = st.st_gid;
	}
	r = replace_whole(&place, text);
	return r ? fail(app, file, r) : ST_OK;
}
