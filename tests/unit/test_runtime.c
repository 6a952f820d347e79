/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runtime directory: what is believed, what is not, and the lock. */
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
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/lockhook.h"
#include "vdused/runtime.h"

static char top[64], base[128];
static struct runtime rt;
static struct err err;

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/disk%s%s", base, *file ? "/" : "", file);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_runtime.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(base, sizeof(base), "%s/a/b", top);
	rt = (struct runtime)RUNTIME_INIT;
	strcpy(err.text, "");
	umask(077);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	runtime_close(&rt);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void open_new(void)
{
	if (runtime_open(&rt, base, "disk", true, &err))
		fail_msg("%s", err.text);
}

/* The sentence names the path. */
static void expect_err(int ret, int code, const char *text)
{
	assert_int_equal(ret, code);
	assert_non_null(strstr(err.text, top));
	if (!strstr(err.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, err.text);
}

static void put(const char *file, const char *text, mode_t mode)
{
	int fd = open(path_of(file), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_made(void **state)
{
	struct stat st;

	(void)state;
	open_new();
	assert_true(rt.made);
	assert_string_equal(rt.path, path_of(""));
	assert_int_equal(stat(path_of(""), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	put("options.new", "half", 0600);
	assert_int_equal(stat(path_of("lock"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	runtime_close(&rt);
	runtime_close(&rt);
	open_new();
	assert_false(rt.made);
	runtime_remove(&rt);
	assert_int_equal(stat(path_of(""), &st), -1);
	assert_int_equal(stat(base, &st), 0);
}

static void test_not_there(void **state)
{
	(void)state;
	expect_err(runtime_open(&rt, base, "disk", false, &err), -ENOENT, "No such file");
	runtime_close(&rt);
	open_new();
	runtime_close(&rt);
	expect_err(runtime_open(&rt, base, "other", false, &err), -ENOENT, "No such file");
}

/* Only a directory of ours that nobody else may use. */
static void test_bad_directory(void **state)
{
	static const mode_t modes[] = { 0755, 0710, 0701, 0770 };

	(void)state;
	open_new();
	runtime_close(&rt);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		chmod(path_of(""), modes[i]);
		expect_err(runtime_open(&rt, base, "disk", i % 2, &err), -EPERM,
			   "that nobody else may use");
		runtime_close(&rt);
	}
	chmod(path_of(""), 0700);
	if (!geteuid()) {
		assert_int_equal(chown(path_of(""), 12345, 0), 0);
		expect_err(runtime_open(&rt, base, "disk", false, &err), -EPERM,
			   "expected a directory of user 0");
		runtime_close(&rt);
	}
}

static void test_directory_is_link(void **state)
{
	char other[256];

	(void)state;
	open_new();
	runtime_close(&rt);
	snprintf(other, sizeof(other), "%s/other", base);
	assert_int_equal(rename(path_of(""), other), 0);
	assert_int_equal(symlink(other, path_of("")), 0);
	expect_err(runtime_open(&rt, base, "disk", true, &err), -ENOTDIR, "can't be opened");
	runtime_close(&rt);
	assert_int_equal(unlink(path_of("")), 0);
	/* A file in its place. */
	put("", "x", 0600);
	expect_err(runtime_open(&rt, base, "disk", true, &err), -ENOTDIR, "can't be opened");
}

static void test_lock(void **state)
{
	struct runtime second = RUNTIME_INIT;
	int status;
	pid_t pid;

	(void)state;
	open_new();
	/* Neither this process nor another one gets it again. */
	assert_int_equal(runtime_open(&second, base, "disk", true, &err), -EBUSY);
	assert_string_equal(err.text, "disk is served by another vdused already");
	runtime_close(&second);
	pid = fork();
	if (!pid) {
		runtime_close(&rt);
		_exit(runtime_open(&second, base, "disk", false, &err) == -EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The child had a copy of the lock's descriptor, whose end did not free it. */
	assert_int_equal(status, 0);
	assert_int_equal(runtime_open(&second, base, "disk", true, &err), -EBUSY);
	runtime_close(&second);
	runtime_close(&rt);
	assert_int_equal(runtime_open(&second, base, "disk", false, &err), 0);
	runtime_close(&second);
}

/* Who died holding it holds it no more. */
static void test_lock_of_the_dead(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(runtime_open(&rt, base, "disk", true, &err) ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_new();
	assert_false(rt.made);
}

static void delete_it(void)
{
	unlink(path_of("lock"));
	rmdir(path_of(""));
}

/* Its own device would be served without a directory. */
static void test_lock_of_the_deleted(void **state)
{
	(void)state;
	before_lock = delete_it;
	assert_int_equal(runtime_open(&rt, base, "disk", true, &err), -EBUSY);
	assert_string_equal(err.text, "disk was just deleted, try again");
	runtime_close(&rt);
	open_new();
}

static struct runtime winner = RUNTIME_INIT;

static void take_it(void)
{
	assert_int_equal(runtime_open(&winner, base, "disk", true, &err), 0);
}

/* Who made the directory but lost the lock to another one does not remove what is the other's. */
static void test_lock_lost(void **state)
{
	(void)state;
	before_lock = take_it;
	assert_int_equal(runtime_open(&rt, base, "disk", true, &err), -EBUSY);
	assert_false(rt.made);
	runtime_close(&winner);
}

/* It is looked at whoever has the lock, and nothing is made. */
static void test_look(void **state)
{
	struct runtime look = RUNTIME_INIT;
	struct stat st;

	(void)state;
	expect_err(runtime_look(&look, base, "disk", &err), -ENOENT, "No such file");
	runtime_close(&look);
	assert_int_equal(stat(base, &st), -1);
	open_new();
	assert_int_equal(runtime_look(&look, base, "disk", &err), 0);
	runtime_close(&look);
	assert_int_equal(chmod(path_of(""), 0755), 0);
	expect_err(runtime_look(&look, base, "disk", &err), -EPERM, "that nobody else may use");
	runtime_close(&look);
}

static void test_lock_is_link(void **state)
{
	(void)state;
	open_new();
	runtime_close(&rt);
	assert_int_equal(unlink(path_of("lock")), 0);
	assert_int_equal(symlink("/etc/passwd", path_of("lock")), 0);
	expect_err(runtime_open(&rt, base, "disk", true, &err), -ELOOP, "lock");
}

/* ---- files ---- */

static void refused(const char *file, int code)
{
	int fd = runtime_file(&rt, file, false, &err);

	if (fd >= 0)
		fail_msg("%s was opened", file);
	expect_err(fd, code, file);
}

static void test_files(void **state)
{
	char content[8] = "";
	int fd;

	(void)state;
	open_new();
	refused("state", -ENOENT);
	put("state", "old", 0600);
	fd = runtime_file(&rt, "state", false, &err);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, content, 8), 3);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	fd = runtime_file(&rt, "state", true, &err);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, content, 8), 0);
	assert_int_equal(write(fd, "new", 3), 3);
	close(fd);
	chmod(path_of("state"), 0644);
	refused("state", -EPERM);
	chmod(path_of("state"), 0620);
	refused("state", -EPERM);
	chmod(path_of("state"), 0600);
	if (!geteuid()) {
		assert_int_equal(chown(path_of("state"), 12345, 0), 0);
		refused("state", -EPERM);
	}
}

static void test_odd_files(void **state)
{
	char other[256];

	(void)state;
	open_new();
	put("real", "x", 0600);
	assert_int_equal(symlink("real", path_of("state")), 0);
	refused("state", -ELOOP);
	assert_int_equal(unlink(path_of("state")), 0);
	snprintf(other, sizeof(other), "%s", path_of("real"));
	assert_int_equal(link(other, path_of("state")), 0);
	refused("state", -EPERM);
	assert_int_equal(unlink(path_of("state")), 0);
	assert_int_equal(mkdir(path_of("state"), 0700), 0);
	refused("state", -EISDIR);
	assert_int_equal(rmdir(path_of("state")), 0);
	/* A pipe must not make us wait. */
	assert_int_equal(mkfifo(path_of("state"), 0600), 0);
	refused("state", -EPERM);
}

/* A new file takes the place of a link, and leaves what it led to alone. */
static void test_create_replaces(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	open_new();
	put("real", "keep", 0600);
	assert_int_equal(symlink("real", path_of("state")), 0);
	fd = runtime_file(&rt, "state", true, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(lstat(path_of("state"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(lstat(path_of("real"), &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(mkdir(path_of("dir"), 0700), 0);
	fd = runtime_file(&rt, "dir", true, &err);
	expect_err(fd, -EISDIR, "can't be replaced");
}

static void expect_content(const char *file, const char *text)
{
	char content[64] = "";
	int fd = runtime_file(&rt, file, false, &err);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, content, sizeof(content) - 1), strlen(text));
	assert_string_equal(content, text);
	close(fd);
}

static void test_write(void **state)
{
	int old;

	(void)state;
	open_new();
	assert_int_equal(runtime_write(&rt, "options", "one", 3, &err), 0);
	old = open(path_of("options"), O_RDONLY);
	assert_int_equal(runtime_write(&rt, "options", "two2", 4, &err), 0);
	expect_content("options", "two2");
	/* Who has it open reads the old one to its end. */
	assert_int_equal(lseek(old, 0, SEEK_END), 3);
	close(old);
	assert_int_equal(access(path_of("options.new"), F_OK), -1);
	/* What an earlier process left. */
	put("options.new", "half", 0644);
	assert_int_equal(runtime_write(&rt, "options", "three", 5, &err), 0);
	expect_content("options", "three");
	assert_int_equal(runtime_write(&rt, "options", "", 0, &err), 0);
	expect_content("options", "");
}

/* It fails: the old one is still there. */
static void test_write_fails(void **state)
{
	(void)state;
	open_new();
	assert_int_equal(runtime_write(&rt, "options", "one", 3, &err), 0);
	assert_int_equal(mkdir(path_of("options.new"), 0700), 0);
	expect_err(runtime_write(&rt, "options", "two", 3, &err), -EISDIR, "can't be replaced");
	expect_content("options", "one");
	assert_int_equal(rmdir(path_of("options.new")), 0);
	assert_int_equal(mkdir(path_of("dir"), 0700), 0);
	expect_err(runtime_write(&rt, "dir", "two", 3, &err), -EISDIR, "can't be replaced");
}

static void test_socket(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int listener, fd;

	(void)state;
	open_new();
	put("control", "a file of this name", 0600);
	listener = runtime_socket(&rt, &err);
	assert_true(listener >= 0);
	assert_int_equal(stat(path_of("control"), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	close(listener);
	listener = runtime_socket(&rt, &err); /* again */
	assert_true(listener >= 0);
	strcpy(sun.sun_path, path_of("control"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	close(listener);
	runtime_remove(&rt);
	assert_int_equal(stat(path_of(""), &st), -1);
}

/* Paths that no socket address could hold, and those that are too long for anything. */
static void test_long_paths(void **state)
{
	char deep[600];
	int fd;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/%0100d/%0100d", top, 1, 2);
	assert_int_equal(runtime_open(&rt, deep, "disk", true, &err), 0);
	fd = runtime_socket(&rt, &err);
	assert_true(fd >= 0);
	close(fd);
	runtime_close(&rt);
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(runtime_open(&rt, deep, "disk", true, &err), -ENAMETOOLONG);
	runtime_close(&rt);
	assert_int_equal(runtime_open(&rt, "", "disk", true, &err), -ENAMETOOLONG);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* A start that failed may be of a name that another daemon serves, with another directory. */
static void test_memory(void **state)
{
	char name[64], memory[128];
	struct stat st;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "test-%d", (int)getpid());
	snprintf(memory, sizeof(memory), VDUSED_MEMORY_PREFIX "%s", name);
	fd = open(memory, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(runtime_open(&rt, base, name, true, &err), 0);
	runtime_remove(&rt);
	assert_int_equal(stat(rt.path, &st), -1);
	assert_int_equal(stat(memory, &st), 0);
	runtime_remove_memory(&rt);
	assert_int_equal(stat(memory, &st), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_made),
		EACH(test_not_there),
		EACH(test_bad_directory),
		EACH(test_directory_is_link),
		EACH(test_lock),
		EACH(test_lock_of_the_dead),
		EACH(test_lock_of_the_deleted),
		EACH(test_lock_lost),
		EACH(test_look),
		EACH(test_lock_is_link),
		EACH(test_files),
		EACH(test_odd_files),
		EACH(test_create_replaces),
		EACH(test_write),
		EACH(test_write_fails),
		EACH(test_socket),
		EACH(test_long_paths),
		EACH(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
