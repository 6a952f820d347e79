/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/conf.h"

static char path[] = "test_conf.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int read_back(struct conf *conf, const void *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	return conf_read(conf, path);
}

static void check_pair(struct conf *conf, unsigned line, const char *key, const char *value)
{
	const char *k, *v;

	assert_true(conf_next(conf, &k, &v));
	assert_int_equal(conf->line, line);
	assert_string_equal(k, key);
	assert_string_equal(v, value);
}

static void check_end(struct conf *conf)
{
	const char *k, *v;

	assert_false(conf_next(conf, &k, &v));
	assert_false(conf_next(conf, &k, &v));
	conf_free(conf);
}

static void test_pairs(void **state)
{
	static const char text[] = "# a comment\n"
				   "type block\n"
				   "\n"
				   " \t backend\tfile:/a b#c \t\r\n"
				   "  # another\n"
				   "readonly\n"
				   "#\n"
				   "queues 4";
	struct conf conf = CONF_INIT;

	(void)state;
	assert_int_equal(read_back(&conf, text, strlen(text)), 0);
	check_pair(&conf, 2, "type", "block");
	check_pair(&conf, 4, "backend", "file:/a b#c");
	check_pair(&conf, 6, "readonly", "");
	check_pair(&conf, 8, "queues", "4");
	check_end(&conf);
}

static void test_nothing(void **state)
{
	struct conf conf = CONF_INIT;

	(void)state;
	check_end(&conf);
	assert_int_equal(read_back(&conf, "", 0), 0);
	check_end(&conf);
	assert_int_equal(read_back(&conf, "\n \n#", 4), 0);
	check_end(&conf);
}

static void test_no_text(void **state)
{
	CLEANUP_FREE char *large = malloc(CONF_MAX);
	struct conf conf = CONF_INIT;

	(void)state;
	assert_int_equal(conf_read(&conf, "test_conf.none"), -ENOENT);
	assert_int_equal(conf_read(&conf, "."), -EISDIR);
	assert_int_equal(read_back(&conf, "a\0b\n", 4), -EINVAL);
	assert_non_null(large);
	memset(large, '#', CONF_MAX);
	assert_int_equal(read_back(&conf, large, CONF_MAX), -EFBIG);
	assert_int_equal(read_back(&conf, large, CONF_MAX - 1), 0);
	check_end(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_no_text),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
