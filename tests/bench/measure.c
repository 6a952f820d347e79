/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure RUNS SETUP LABEL=COMMAND...
 *
 * Runs the commands in turn, RUNS rounds of all, so that what slows the
 * machine slows each alike, and prints for each its label, the median,
 * smallest and largest wall-clock time in microseconds and the largest
 * resident set in KiB.  Before each command SETUP runs by the shell, untimed ("" = none).
 * COMMAND is split at blanks and executed without a shell; stdout goes to /dev/null.
 * A command that fails ends everything with status 1: a figure of a failure is none.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 64

struct side {
	const char *label;
	char *words[WORDS_MAX];
	long *us; /* one a run */
	long rss; /* KiB, the largest */
};

static void split(struct side *s, char *arg)
{
	char *equals = strchr(arg, '=');
	size_t n = 0;

	if (!equals)
		errx(2, "\"%s\": expected LABEL=COMMAND", arg);
	*equals = '\0';
	s->label = arg;
	for (char *w = strtok(equals + 1, " "); w; w = strtok(NULL, " ")) {
		if (n == WORDS_MAX - 1)
			errx(2, "%s: more than %d words", s->label, WORDS_MAX - 1);
		s->words[n++] = w;
	}
	if (!n)
		errx(2, "%s: no command", s->label);
}

static long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000L + ts.tv_nsec / 1000;
}

static void run_child(char **words)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(words[0], words);
	_exit(127);
}

static long run_once(struct side *s)
{
	struct rusage usage;
	long start = now_us();
	pid_t pid = fork();
	int status;

	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		run_child(s->words);
	if (wait4(pid, &status, 0, &usage) < 0)
		err(1, "wait4");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "%s: %s failed (status %d)", s->label, s->words[0],
		     WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	if (usage.ru_maxrss > s->rss)
		s->rss = usage.ru_maxrss;
	return now_us() - start;
}

static int by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int runs = argc > 3 ? atoi(argv[1]) : 0;
	int n = argc - 3;
	struct side *sides;

	if (runs < 1)
		errx(2, "usage: measure RUNS SETUP LABEL=COMMAND...");
	sides = calloc((size_t)n, sizeof(*sides));
	if (!sides)
		err(1, "calloc");
	for (int i = 0; i < n; i++) {
		split(&sides[i], argv[3 + i]);
		sides[i].us = calloc((size_t)runs, sizeof(long));
		if (!sides[i].us)
			err(1, "calloc");
	}
	for (int r = 0; r < runs; r++) {
		for (int i = 0; i < n; i++) {
			if (*argv[2] && system(argv[2]) != 0)
				errx(1, "setup failed: %s", argv[2]);
			sides[i].us[r] = run_once(&sides[i]);
		}
	}
	for (int i = 0; i < n; i++) {
		qsort(sides[i].us, (size_t)runs, sizeof(long), by_value);
		printf("%s %ld %ld %ld %ld\n", sides[i].label, sides[i].us[runs / 2],
		       sides[i].us[0], sides[i].us[runs - 1], sides[i].rss);
		free(sides[i].us);
	}
	free(sides);
	return 0;
}
