/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that vanishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vdused/guard.h"

#define PAGE 4096

/*
 * Two pages of a file, the second of which is gone.  The handlers are installed
 * here because cmocka puts its own in place before each test.
 */
static uint8_t *half_a_mapping(void)
{
	CLEANUP_CLOSE int fd = memfd_create("half", MFD_CLOEXEC);
	uint8_t *p;

	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	assert_int_equal(guard_install(), 0);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	memset(p, 7, 2 * PAGE);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	return p;
}

static void test_copy(void **state)
{
	uint8_t *p = half_a_mapping(), buf[PAGE];

	(void)state;
	/* Again and again: the signal is not blocked after the first. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(guard_copy(buf, p + 100, 1000), 0);
		assert_int_equal(buf[999], 7);
		assert_int_equal(guard_copy(buf, p + PAGE - 100, 1000), -EFAULT);
		assert_int_equal(guard_copy(p + PAGE, buf, 1), -EFAULT);
		assert_int_equal(guard_zero(p + PAGE - 1, 2), -EFAULT);
		assert_null(guard_current);
	}
	assert_int_equal(guard_zero(p + 100, 10), 0);
	assert_int_equal(p[99] + p[100] + p[109] + p[110], 14);
	munmap(p, 2 * PAGE);
	/* A mapping that is gone is SIGSEGV. */
	p = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(guard_copy(buf, p, 1), -EFAULT);
	munmap(p, PAGE);
}

static void test_gather(void **state)
{
	char a[] = "abc", b[] = "defgh", buf[16] = "";
	struct iovec iov[] = { { a, 3 }, { a, 0 }, { b, 5 }, { NULL, 4 }, { b, 1 } };

	(void)state;
	for (size_t skip = 0; skip <= 8; skip++)
		for (size_t len = 0; skip + len <= 8; len++) {
			memset(buf, '-', sizeof(buf));
			assert_int_equal(guard_gather(buf, iov, 5, skip, len), 0);
			assert_memory_equal(buf, "abcdefgh" + skip, len);
			assert_int_equal(buf[len], '-');
		}
	/* What is not there is met only by who goes there. */
	assert_int_equal(guard_gather(buf, iov, 5, 0, 9), -EFAULT);
	assert_int_equal(guard_gather(buf, iov, 5, 12, 1), 0);
	assert_int_equal(buf[0], 'd');
	/* Nor does a list have more than it has. */
	assert_int_equal(guard_gather(buf, iov, 5, 12, 2), -EFAULT);
	assert_int_equal(guard_gather(buf, iov, 5, 13, 0), 0);
}

static void test_scatter(void **state)
{
	uint8_t *p = half_a_mapping();
	char a[] = "abc", b[] = "defgh";
	struct iovec iov[] = { { a, 3 }, { b, 5 }, { NULL, 4 }, { p + PAGE - 2, 4 } };

	(void)state;
	assert_int_equal(guard_scatter(iov, 4, 1, "12345", 5), 0);
	assert_string_equal(a, "a12");
	assert_string_equal(b, "345gh");
	assert_int_equal(guard_scatter(iov, 4, 7, "xy", 2), -EFAULT);
	assert_int_equal(guard_scatter(iov, 4, 12, "xy", 2), 0);
	assert_int_equal(p[PAGE - 1], 'y');
	assert_int_equal(guard_scatter(iov, 4, 12, "xyz", 3), -EFAULT);
	munmap(p, 2 * PAGE);
}

/* The inner one is left, and then the outer one. */
static void test_nested(void **state)
{
	uint8_t *p = half_a_mapping();
	struct guard outer;
	volatile int inner_left = 0;

	(void)state;
	if (!guard_enter(&outer)) {
		struct guard inner;

		if (!guard_enter(&inner)) {
			p[PAGE] = 1;
			fail();
		}
		inner_left++;
		assert_ptr_equal(guard_current, &outer);
		p[PAGE] = 1;
		fail();
	}
	assert_int_equal(inner_left, 1);
	assert_null(guard_current);
	munmap(p, 2 * PAGE);
}

static void *in_thread(void *p)
{
	return (void *)(intptr_t)guard_copy(p, "x", 1);
}

/* A guard protects its own thread. */
static void test_threads(void **state)
{
	uint8_t *p = half_a_mapping();
	struct guard g;
	pthread_t t;
	void *ret;

	(void)state;
	if (guard_enter(&g))
		fail();
	assert_int_equal(pthread_create(&t, NULL, in_thread, p + PAGE), 0);
	assert_int_equal(pthread_join(t, &ret), 0);
	assert_int_equal((intptr_t)ret, -EFAULT);
	assert_ptr_equal(guard_current, &g);
	guard_leave(&g);
	munmap(p, 2 * PAGE);
}

/* How a child ends that does not guard, or is sent the signal. */
static int ends_by(uint8_t *p, bool sent)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct guard g;

		alarm(10);
		if (sent && !guard_enter(&g))
			kill(getpid(), SIGBUS);
		else
			*(volatile uint8_t *)p = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void test_unguarded(void **state)
{
	uint8_t *p = half_a_mapping();

	(void)state;
	assert_int_equal(ends_by(p + PAGE, false), SIGBUS);
	assert_int_equal(ends_by(p + PAGE, true), SIGBUS);
	munmap(p, 2 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),	cmocka_unit_test(test_gather),
		cmocka_unit_test(test_scatter), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_unguarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
