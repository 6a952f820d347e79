/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file: who may have an image beside whom, vdused and QEMU. */
#include <fcntl.h>

#include "diskfile.h"

#define SIZE (1 << 20)
/* QEMU's, for whoever writes and whoever reads. */
#define WRITES 101
#define READS 100

static int setup(void **state)
{
	(void)state;
	make_file(".", SIZE);
	return 0;
}

static bool opens(bool readonly)
{
	struct backend_params params = { .readonly = readonly };
	struct err err = { "" };
	struct backend *b;

	if (!backend_open(uri, &params, &b, &err)) {
		backend_close(b);
		return true;
	}
	assert_non_null(strstr(err.text, "in use by another process"));
	return false;
}

static struct backend *have(bool readonly)
{
	struct backend_params params = { .readonly = readonly };
	struct backend *b;
	struct err err;

	assert_int_equal(backend_open(uri, &params, &b, &err), 0);
	return b;
}

/* A look takes nothing from who has it: no lock that keeps others away, and none of its own away. */
static void test_look(void **state)
{
	struct backend_params params = { .look = true };
	struct backend *b, *looks;
	struct err err;

	(void)state;
	b = have(false);
	assert_int_equal(backend_open(uri, &params, &looks, &err), 0);
	assert_false(looks->info.discard);
	assert_string_equal(looks->info.identity, b->info.identity);
	assert_int_equal(looks->info.size, b->info.size);
	backend_close(looks);
	assert_false(opens(true));
	backend_close(b);
	assert_int_equal(backend_open(uri, &params, &looks, &err), 0);
	assert_true(opens(false));
	backend_close(looks);
}

/* ---- QEMU ---- */

static bool have_qemu(void)
{
	static int have = -1;

	if (have < 0)
		have = !system("qemu-io --version >/dev/null 2>&1");
	if (!have)
		print_message("# SKIP qemu-io is not installed\n");
	return have;
}

static bool is_locked(int fd, off_t at)
{
	struct flock lk = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	assert_int_equal(fcntl(fd, F_OFD_GETLK, &lk), 0);
	return lk.l_type != F_UNLCK;
}

/* Does QEMU open it now? */
static bool qemu_opens(bool readonly)
{
	char line[200];

	snprintf(line, sizeof(line), "qemu-io %s -f raw -c 'read 0 512' %s >/dev/null 2>&1",
		 readonly ? "-r" : "", path);
	return !system(line);
}

/* It has it open until it is hung up on. */
static FILE *start_qemu(bool readonly)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	double until = seconds() + 20;
	char line[200];
	FILE *f;

	snprintf(line, sizeof(line), "exec qemu-io %s -f raw %s >/dev/null", readonly ? "-r" : "",
		 path);
	f = popen(line, "w");
	assert_non_null(f);
	while (!is_locked(fd, readonly ? READS : WRITES) && seconds() < until)
		usleep(10000);
	assert_true(is_locked(fd, READS));
	close(fd);
	return f;
}

static void test_qemu_after(void **state)
{
	struct backend *b;

	(void)state;
	if (!have_qemu())
		return;
	b = have(false);
	assert_false(qemu_opens(false));
	assert_false(qemu_opens(true));
	backend_close(b);
	b = have(true);
	assert_false(qemu_opens(false));
	assert_true(qemu_opens(true));
	backend_close(b);
	assert_true(qemu_opens(false));
}

static void test_qemu_before(void **state)
{
	FILE *f;

	(void)state;
	if (!have_qemu())
		return;
	f = start_qemu(false);
	assert_false(opens(false));
	assert_false(opens(true));
	pclose(f);
	f = start_qemu(true);
	assert_false(opens(false));
	assert_true(opens(true));
	pclose(f);
	assert_true(opens(false));
}

/* ---- without QEMU ---- */

/* Whether a reader and a writer are let in beside whom holds this byte for reading. */
static void check_beside(off_t byte, bool reader)
{
	struct flock lk = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lk), 0);
	assert_int_equal(opens(true), reader);
	assert_false(opens(false));
	close(fd);
}

static void test_bytes(void **state)
{
	(void)state;
	check_beside(100, true); /* reads */
	check_beside(101, false); /* writes */
	check_beside(103, false); /* resizes */
	check_beside(200, false); /* wants to be the only reader */
	check_beside(201, true); /* wants no writer */
	check_beside(203, true);
}

static void test_each_other(void **state)
{
	struct backend *b, *c;

	(void)state;
	b = have(false);
	assert_false(opens(true));
	assert_false(opens(false));
	backend_close(b);
	b = have(true);
	c = have(true);
	assert_false(opens(false));
	backend_close(b);
	assert_false(opens(false));
	backend_close(c);
	assert_true(opens(false));
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(test_qemu_after),
		ON(test_qemu_before),
		ON(test_bytes),
		ON(test_each_other),
		ON(test_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
