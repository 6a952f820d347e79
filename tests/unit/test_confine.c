/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system call filter, in a child that sets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vdused/confine.h"

/* Which of these went wrong: the child's exit status; 0: none, 99: there was no filter. */
static int confined(int (*first_wrong)(void))
{
	struct err err;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || confine_syscalls(&err))
			_exit(99);
		_exit(first_wrong());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool refused(long result)
{
	return result == -1 && errno == EPERM;
}

/* Signal 0 would reach it, were it not for the filter: it is of the same user. */
static int others(void)
{
	struct rlimit limit;
	pid_t parent = getppid();

	if (!refused(syscall(SYS_tgkill, parent, parent, 0)))
		return 1;
	if (!refused(syscall(SYS_prlimit64, parent, RLIMIT_NOFILE, NULL, &limit)))
		return 2;
	if (!refused(kill(parent, 0)))
		return 3;
	return 0;
}

static int itself(void)
{
	struct rlimit limit;

	if (syscall(SYS_tgkill, getpid(), getpid(), 0))
		return 1;
	return getrlimit(RLIMIT_NOFILE, &limit) ? 2 : 0;
}

static int ring(void)
{
	struct io_uring_params params = { 0 };

	return refused(syscall(SYS_io_uring_setup, 4, &params)) ? 0 : 1;
}

static void test_others(void **state)
{
	(void)state;
	assert_int_equal(confined(others), 0);
}

static void test_itself(void **state)
{
	(void)state;
	assert_int_equal(confined(itself), 0);
}

static void test_ring(void **state)
{
	(void)state;
	/* Where there are none at all, that says nothing. */
	if (syscall(SYS_io_uring_setup, 4, NULL) == -1 && errno != EFAULT)
		skip();
	assert_int_equal(confined(ring), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
