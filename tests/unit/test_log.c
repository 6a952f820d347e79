/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The levels of log lines, for people and for the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vdused/log.h"

static int fd, old;

/* From here on stderr is a file. */
static int capture(void **state)
{
	char path[] = "/tmp/vdused-log-XXXXXX";

	(void)state;
	fflush(stderr);
	fd = mkstemp(path);
	old = dup(STDERR_FILENO);
	unlink(path);
	return fd < 0 || old < 0 || dup2(fd, STDERR_FILENO) < 0 ? -1 : 0;
}

static int give_back(void **state)
{
	(void)state;
	dup2(old, STDERR_FILENO);
	close(old);
	close(fd);
	return unsetenv("JOURNAL_STREAM");
}

/* All three levels, and what they printed. */
static const char *lines(const char *name)
{
	static char text[512];
	ssize_t n;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	log_init(name, false);
	errno = EXDEV;
	log_error("e %d", 1);
	log_warn("w %d", 2);
	log_info("i %d", 3);
	assert_int_equal(errno, EXDEV);
	n = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

#define WORDS "vdused d: error: e 1\nvdused d: warning: w 2\nvdused d: i 3\n"

static void test_words(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(lines("d"), WORDS);
	assert_string_equal(lines(NULL), "vdused: error: e 1\nvdused: warning: w 2\nvdused: i 3\n");
}

static void test_journal(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_string_equal(lines("d"), "<3>vdused d: e 1\n<4>vdused d: w 2\n<6>vdused d: i 3\n");
	/* Somewhere else, or nonsense. */
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_string_equal(lines("d"), WORDS);
	setenv("JOURNAL_STREAM", "here", 1);
	assert_string_equal(lines("d"), WORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words, capture, give_back),
		cmocka_unit_test_setup_teardown(test_journal, capture, give_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
