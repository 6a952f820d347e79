/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff_run PEER OURS [PREPARE STATE UNDO]
 *
 * Reads command lines (words separated by blanks, '#' comments) from stdin
 * and runs each through PEER and through OURS: their stdout must be the same
 * to the byte and their exit status the same.  With the three batch files for
 * the command vdpactl ($VDPACTL), PREPARE runs before each side, the output of
 * STATE is compared after it, and UNDO cleans up: the lines change something.
 * Prints every difference; exit status 1 when there was one, 2 for bad usage.
 * One process for all lines: a shell would cost five a comparison.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 64
#define DEADLINE_S 20

struct outcome {
	char *out; /* owned */
	size_t len;
	int status; /* exit status, or 128 + signal */
};

static void exec_child(char **words, int out, bool quiet)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    (quiet && dup2(null, STDERR_FILENO) < 0))
		_exit(126);
	alarm(DEADLINE_S);
	execvp(words[0], words);
	_exit(127);
}

static void read_all(int fd, struct outcome *o)
{
	size_t cap = 0;
	ssize_t n;

	do {
		if (o->len + 4096 > cap) {
			cap = cap * 2 + 8192;
			o->out = realloc(o->out, cap);
			if (!o->out)
				err(2, "realloc");
		}
		n = read(fd, o->out + o->len, cap - o->len);
		if (n > 0)
			o->len += (size_t)n;
	} while (n > 0);
}

static struct outcome run(char **words, bool quiet)
{
	struct outcome o = { 0 };
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		err(2, "pipe");
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (pid == 0)
		exec_child(words, fds[1], quiet);
	close(fds[1]);
	read_all(fds[0], &o);
	close(fds[0]);
	if (waitpid(pid, &status, 0) < 0)
		err(2, "waitpid");
	o.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return o;
}

static struct outcome run_batch(const char *file, bool json)
{
	const char *words[] = {
		getenv("VDPACTL"), "-q", "-force", json ? "-dj" : "-d", "-b", file, NULL
	};

	return run((char **)words, false);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->status == b->status && a->len == b->len && !memcmp(a->out, b->out, a->len);
}

static void show(const char *who, const struct outcome *o)
{
	printf("  %s: status %d, stdout:\n", who, o->status);
	fwrite(o->out, 1, o->len, stdout);
	puts("");
}

struct side {
	struct outcome result;
	struct outcome state;
};

static struct side run_side(char *program, char **words, char **batches)
{
	struct side s = { 0 };
	struct outcome o;

	if (batches) {
		o = run_batch(batches[0], false);
		if (o.status)
			errx(2, "preparing failed: status %d", o.status);
		free(o.out);
	}
	words[0] = program;
	s.result = run(words, true);
	if (batches) {
		s.state = run_batch(batches[1], true);
		o = run_batch(batches[2], false);
		free(o.out);
	}
	return s;
}

static bool compare(char **programs, char **words, const char *line, char **batches)
{
	struct side theirs = run_side(programs[0], words, batches);
	struct side ours = run_side(programs[1], words, batches);
	bool result = same(&theirs.result, &ours.result);
	bool state = same(&theirs.state, &ours.state);

	if (!result || !state)
		printf("differs: vdpa %s", line);
	if (!result) {
		show(programs[0], &theirs.result);
		show("ours", &ours.result);
	}
	if (!state) {
		show("state after theirs", &theirs.state);
		show("state after ours", &ours.state);
	}
	free(theirs.result.out);
	free(theirs.state.out);
	free(ours.result.out);
	free(ours.state.out);
	return result && state;
}

int main(int argc, char **argv)
{
	char *line = NULL, *copy, *words[WORDS_MAX];
	size_t cap = 0, lines = 0, bad = 0;

	if ((argc != 3 && argc != 6) || !getenv("VDPACTL"))
		errx(2, "usage: VDPACTL=... diff_run PEER OURS [PREPARE STATE UNDO]");
	while (getline(&line, &cap, stdin) > 0) {
		size_t n = 1;

		if (*line == '#')
			continue;
		copy = strdup(line);
		if (!copy)
			err(2, "strdup");
		for (char *w = strtok(copy, " \t\n"); w && n < WORDS_MAX - 1;
		     w = strtok(NULL, " \t\n"))
			words[n++] = w;
		words[n] = NULL;
		lines++;
		bad += !compare(argv + 1, words, line, argc == 6 ? argv + 3 : NULL);
		free(copy);
	}
	free(line);
	printf("%zu command lines, %zu differ\n", lines, bad);
	if (!lines)
		errx(2, "no command lines");
	return bad ? 1 : 0;
}
