/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left of a device without a daemon is removed, and nothing of one that has come meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "common/vdused_paths.h"
#include "tests/unit/lockhook.h"
#include "vdpactl/vduse.h"

static char top[64], name[32], memory[128];

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s%s%s", top, name, *file ? "/" : "", file);
	return path;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *file)
{
	return access(path_of(file), F_OK) == 0;
}

static void make_dir(void)
{
	assert_int_equal(mkdir(path_of(""), 0700), 0);
	touch(path_of("lock"));
	touch(path_of("state"));
	touch(path_of("options"));
}

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_vduse_files.XXXXXX");
	if (!mkdtemp(top) || setenv("VDUSED_RUNTIME_DIR", top, 1))
		return -1;
	snprintf(name, sizeof(name), "test.%d", (int)getpid());
	snprintf(memory, sizeof(memory), VDUSED_MEMORY_PREFIX "%s", name);
	before_lock = NULL;
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	unlink(memory);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void test_nothing(void **state)
{
	(void)state;
	/* It may be of one that is being made. */
	touch(memory);
	assert_int_equal(vduse_remove(name), 0);
	assert_int_equal(access(memory, F_OK), 0);
}

static void test_left(void **state)
{
	(void)state;
	make_dir();
	touch(memory);
	assert_int_equal(vduse_remove(name), 0);
	assert_false(is_there(""));
	assert_int_equal(access(memory, F_OK), -1);
	/* By one that died before it made its lock. */
	assert_int_equal(mkdir(path_of(""), 0700), 0);
	assert_int_equal(vduse_remove(name), 0);
	assert_false(is_there(""));
}

static void test_held(void **state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	(void)state;
	make_dir();
	fd = open(path_of("lock"), O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_int_equal(vduse_remove(name), -EBUSY);
	assert_true(is_there("lock") && is_there("state") && is_there("options"));
	close(fd);
	assert_int_equal(vduse_remove(name), 0);
}

static void remove_all(void)
{
	unlink(path_of("lock"));
	unlink(path_of("state"));
	unlink(path_of("options"));
	rmdir(path_of(""));
}

static void replace_all(void)
{
	remove_all();
	make_dir();
}

static void test_meanwhile(void **state)
{
	(void)state;
	make_dir();
	before_lock = replace_all;
	assert_int_equal(vduse_remove(name), -EBUSY);
	assert_true(is_there("lock") && is_there("state") && is_there("options"));
	before_lock = remove_all;
	assert_int_equal(vduse_remove(name), 0);
	assert_false(is_there(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_held, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_meanwhile, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
