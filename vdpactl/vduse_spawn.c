// SPDX-License-Identifier: GPL-2.0-or-later
/* Other programs: the daemon, and those that run to their end. */
#include "vduse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define READY_FD 3
#define LINE_MAX_OCTETS 4096
#define POLL_MS 5
#define SLICE_MS 100 /* how late a signal may be noticed */
#define END_MS 5000 /* from a daemon's line to the end of the process that started it */
#define SETTLE_MS 2000 /* from a signal: whether a daemon that is just starting does */
#define KILLED_MS 1000 /* a killed process needs at most, unless the kernel keeps it */

/*
 * Starts the program in a process group of its own, so that a terminal's
 * signals are not for it; ready becomes its descriptor 3, err its stderr, which
 * else is /dev/null; -1 is for none.
 */
static int spawn(const char *file, const char *const *argv, int ready, int err, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	sigemptyset(&none);
	sigfillset(&all);
	r = err < 0 ? posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) :
		      posix_spawn_file_actions_adddup2(&actions, err, 2);
	if (!r && ready >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, ready, READY_FD);
	/* What this program was started with is not for one that outlives it. */
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(&actions, READY_FD + (ready >= 0));
	if (!r)
		r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (!r)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							    POSIX_SPAWN_SETSIGDEF);
	if (!r)
		r = posix_spawnattr_setsigmask(&attr, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(&attr, &all);
	if (!r)
		r = posix_spawnp(pid, file, &actions, &attr, (char *const *)(uintptr_t)argv,
				 environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int vduse_reap(pid_t pid, int64_t end)
{
	bool killed = false;
	int status;

	for (;;) {
		pid_t r = waitpid(pid, &status, WNOHANG);

		if (r == pid)
			return killed ? -ETIMEDOUT : status;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (app_now_ms() >= end) {
			/* One that waits in the kernel does not end by that. */
			if (killed)
				return -ETIMEDOUT;
			kill(-pid, SIGKILL);
			killed = true;
			end = app_now_ms() + KILLED_MS;
		}
		app_nap_ms(POLL_MS);
	}
}

int vduse_run(const char *file, const char *const *args, int timeout_ms)
{
	int64_t end = app_now_ms() + timeout_ms;
	pid_t pid;
	int r;

	r = spawn(file, args, -1, -1, &pid);
	if (r)
		return r;
	r = vduse_reap(pid, end);
	if (r < 0)
		return r;
	return WIFEXITED(r) ? WEXITSTATUS(r) : -EINTR;
}

/* ---- the daemon ---- */

static const char *daemon_path(void)
{
	const char *path = getenv("VDPACTL_VDUSED");

	if (path && *path)
		return path;
	return access(SBINDIR "/vdused", X_OK) == 0 ? SBINDIR "/vdused" : "vdused";
}

/*
 * The daemon's line, without its end, appended: 0, -EPIPE when there is none, -ETIMEDOUT, -EINTR
 * (not without app) or -errno.
 */
static int read_line(const struct app *app, int fd, struct strbuf *line, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (line->len < LINE_MAX_OCTETS) {
		char c;
		ssize_t n;
		int r = poll(&p, 1, SLICE_MS);

		if (app && vduse_interrupted(app))
			return -EINTR;
		if (!r && app_now_ms() >= end)
			return -ETIMEDOUT;
		if (r <= 0)
			continue;
		n = read(fd, &c, 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EPIPE;
		if (n == 1 && c == '\n')
			return line->failed ? -ENOMEM : 0;
		strbuf_addc(line, c);
	}
	return -EMSGSIZE;
}

/* The first line in the pipe, without the program's name in front; the caller's, or NULL. */
static char *read_stderr(int fd)
{
	char buf[LINE_MAX_OCTETS + 1];
	ssize_t n = read(fd, buf, LINE_MAX_OCTETS);
	const char *text = buf;

	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (!strncmp(text, "vdused: ", 8))
		text += 8;
	return *text ? strdup(text) : NULL;
}

/* One daemon that is started, or tried. */
struct start {
	const char *name; /* of the device */
	const char *path;
	bool try;
};

static enum status fail_start(struct app *app, const struct start *s, const char *why)
{
	if (s->try)
		return diag_fail(app, s->name, EIO, "the present one goes on",
				 "another daemon could not take \"%s\" over: %s", s->name, why);
	return diag_fail(app, s->name, EIO, NULL, "the daemon of \"%s\" does not start: %s",
			 s->name, why);
}

/* It said nothing where it should: the most that is known of why. */
static enum status fail_silent(struct app *app, const struct start *s, int err, int end)
{
	CLEANUP(strbuf_free) struct strbuf why = STRBUF_INIT;
	CLEANUP_FREE char *said = read_stderr(err);

	if (said)
		return fail_start(app, s, said);
	if (end >= 0 && WIFEXITED(end))
		strbuf_addf(&why, "%s ended with status %d", s->path, WEXITSTATUS(end));
	else
		strbuf_addf(&why, "%s ended early", s->path);
	return fail_start(app, s, why.failed ? "it ended early" : why.s);
}

/*
 * The same for whoever starts it.  One that found another daemon in its place is about to say so:
 * a signal does not come before that.
 */
static int read_ready(struct app *app, int fd, struct strbuf *line, int timeout_ms)
{
	int r = read_line(app, fd, line, app_now_ms() + timeout_ms);

	if (r != -EINTR)
		return r;
	r = read_line(NULL, fd, line, app_now_ms() + SETTLE_MS);
	return r == -ETIMEDOUT ? -EINTR : r;
}

static enum status wait_ready(struct app *app, const struct start *s, const int fds[2], pid_t pid,
			      bool *lives)
{
	CLEANUP(strbuf_free) struct strbuf line = STRBUF_INIT;
	int ms = app_limit_ms(app, VDUSE_START_MS);
	int r = read_ready(app, fds[0], &line, ms);
	int64_t end = app_now_ms();
	int ended;

	/* Who was to start it is killed then; the daemon has a session of its own. */
	*lives = r == -ETIMEDOUT || r == -EINTR;
	ended = vduse_reap(pid, *lives ? end : end + END_MS);
	if (r == -ETIMEDOUT)
		return diag_fail(app, s->name, ETIMEDOUT, NULL,
				 "%s \"%s\" is not ready after %d seconds",
				 s->try ? "a try to take over" : "the daemon of", s->name,
				 ms / 1000);
	if (r == -EINTR)
		return diag_fail(app, s->name, EINTR, NULL, "interrupted");
	if (r == -ENOMEM)
		return diag_error(app, NULL, NULL, NULL);
	if (!r && line.s && !strncmp(line.s, "ready ", 6)) {
		*lives = true;
		return ST_OK;
	}
	if (!r && line.s && !strncmp(line.s, "error ", 6))
		return fail_start(app, s, line.s + 6);
	return fail_silent(app, s, fds[1], ended);
}

/* Two pipes, for the daemon's line and its stderr; all four or none are open. */
static int open_pipes(int line[2], int err[2])
{
	int r;

	if (pipe2(line, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC | O_NONBLOCK) == 0)
		return 0;
	r = -errno;
	close(line[0]);
	close(line[1]);
	return r;
}

/* Runs it with its own words and those of tail, both NULL-terminated. */
static enum status start(struct app *app, const struct start *s, const char *const *args,
			 const char *const *tail, bool *lives)
{
	CLEANUP_FREE const char **argv = NULL;
	size_t n = 0, n_tail = 0;
	enum status status;
	int line[2], err[2];
	pid_t pid;
	int r;

	*lives = false;
	while (args[n])
		n++;
	while (tail[n_tail])
		n_tail++;
	argv = calloc(n + n_tail + 2, sizeof(*argv));
	if (!argv)
		return diag_error(app, NULL, NULL, NULL);
	argv[0] = "vdused";
	memcpy(argv + 1, args, n * sizeof(*argv));
	memcpy(argv + 1 + n, tail, n_tail * sizeof(*argv));
	r = open_pipes(line, err);
	if (r)
		return diag_fail(app, s->name, -r, NULL, "no pipe: %s", strerror(-r));
	r = spawn(s->path, argv, line[1], err[1], &pid);
	close(line[1]);
	close(err[1]);
	if (r)
		status = diag_fail(app, s->name, r == -ENOENT ? ENOSYS : -r,
				   "install vdused, or set VDPACTL_VDUSED to its path",
				   "cannot run the VDUSE daemon \"%s\": %s", s->path, strerror(-r));
	else
		status = wait_ready(app, s, (int[]){ line[0], err[0] }, pid, lives);
	close(line[0]);
	close(err[0]);
	return status;
}

enum status vduse_start(struct app *app, const char *name, const char *const *args, bool *lives)
{
	static const char *const tail[] = { "--daemonize", "--ready-fd", "3", NULL };
	const struct start s = { .name = name, .path = daemon_path() };

	return start(app, &s, args, tail, lives);
}

enum status vduse_try(struct app *app, const char *name, const char *const *args)
{
	static const char *const tail[] = { "--ready-fd", "3", NULL };
	const struct start s = { .name = name, .path = daemon_path(), .try = true };
	bool lives;

	return start(app, &s, args, tail, &lives);
}
