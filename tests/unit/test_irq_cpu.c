/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file has the part of the mask, and this program tells on which processor it runs, and of how many. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "vdused/irq_cpu.h"

#define MS 1000000ull
#define ALL "ffffffff,ffffffff,ffffffff,ffffffff\n"

static int here;
static uint32_t kept;
static struct irq_cpu ic;

int sched_getcpu(void)
{
	return here;
}

static long processors = 128;

long sysconf(int name)
{
	switch (name) {
	case _SC_NPROCESSORS_ONLN:
	case _SC_NPROCESSORS_CONF:
		return processors;
	case _SC_PAGESIZE:
		return getpagesize();
	default:
		return -1;
	}
}

static void write_mask(const char *text)
{
	assert_int_equal(ftruncate(ic.fd, 0), 0);
	assert_int_equal(pwrite(ic.fd, text, strlen(text), 0), strlen(text));
}

static void begin(const char *mask, uint32_t was_kept)
{
	kept = was_kept;
	ic = (struct irq_cpu){ .kept = &kept,
			       .fd = memfd_create("mask", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
	assert_true(ic.fd >= 0);
	write_mask(mask);
	irq_cpu_start(&ic);
}

static int end(void **state)
{
	(void)state;
	irq_cpu_close(&ic);
	return 0;
}

/* What comes after a shorter mask's line is of an earlier one. */
static void assert_mask(const char *text)
{
	char is[200] = "";

	assert_true(pread(ic.fd, is, sizeof(is) - 1, 0) >= (ssize_t)strlen(text));
	is[strlen(text)] = '\0';
	assert_string_equal(is, text);
}

static void assert_format(unsigned first, unsigned count, const char *expected)
{
	char text[IRQ_CPU_TEXT_LEN];
	unsigned lowest;

	assert_int_equal(irq_cpu_format(text, first, count), strlen(expected));
	assert_string_equal(text, expected);
	assert_int_equal(irq_cpu_parse(text, &lowest), count);
	assert_int_equal(lowest, first);
}

static void test_text(void **state)
{
	char text[IRQ_CPU_TEXT_LEN];
	unsigned first;

	(void)state;
	assert_format(0, 1, "1\n");
	assert_format(0, 2, "3\n");
	assert_format(31, 1, "80000000\n");
	assert_format(32, 1, "1,00000000\n");
	assert_format(37, 2, "60,00000000\n");
	assert_format(31, 2, "1,80000000\n");
	assert_format(0, 96, "ffffffff,ffffffff,ffffffff\n");
	assert_int_equal(irq_cpu_format(text, IRQ_CPU_MAX - 1, 1), IRQ_CPU_TEXT_LEN - 1);
	assert_int_equal(irq_cpu_format(text, 0, IRQ_CPU_MAX), IRQ_CPU_TEXT_LEN - 1);
	assert_int_equal(irq_cpu_parse("5\n", &first), 2);
	assert_int_equal(irq_cpu_parse("0,00000000\n", &first), 0);
	assert_int_equal(irq_cpu_parse("", &first), 0);
	assert_int_equal(irq_cpu_parse("0-3\n", &first), 0);
	assert_int_equal(irq_cpu_parse("g\n", &first), 0);
}

static void test_follows(void **state)
{
	(void)state;
	begin(ALL, 0);
	here = 3;
	assert_true(irq_cpu_follow(&ic, 10 * MS));
	assert_mask("8\n");
	assert_int_equal(kept, 4);
	assert_false(irq_cpu_follow(&ic, 20 * MS));
	here = 40;
	assert_true(irq_cpu_follow(&ic, 30 * MS));
	assert_mask("100,00000000\n");
	/* Too soon again. */
	here = 5;
	assert_false(irq_cpu_follow(&ic, 30 * MS + 10));
	assert_mask("100,00000000\n");
	assert_true(irq_cpu_follow(&ic, 31 * MS));
	assert_mask("20\n");
	here = IRQ_CPU_MAX;
	assert_false(irq_cpu_follow(&ic, 40 * MS));
	here = -1;
	assert_false(irq_cpu_follow(&ic, 50 * MS));
	assert_mask("20\n");
}

static void test_stops(void **state)
{
	(void)state;
	begin(ALL, 0);
	here = 3;
	assert_true(irq_cpu_follow(&ic, 10 * MS));
	irq_cpu_stop(&ic);
	assert_mask(ALL);
	assert_int_equal(kept, 0);
	assert_false(irq_cpu_follow(&ic, 20 * MS));
	assert_mask(ALL);
}

static void assert_left_alone(const char *mask)
{
	begin(mask, 0);
	here = 3;
	assert_false(irq_cpu_follow(&ic, 10 * MS));
	irq_cpu_stop(&ic);
	assert_mask(mask);
	irq_cpu_close(&ic);
}

static void test_chosen_before(void **state)
{
	(void)state;
	assert_left_alone("2\n");
	assert_left_alone("7fffffff,ffffffff,ffffffff,ffffffff\n");
	/* Where there is only one there is nothing to choose. */
	processors = 1;
	assert_left_alone("1\n");
	processors = 128;
}

static void test_chosen_meanwhile(void **state)
{
	(void)state;
	begin(ALL, 0);
	here = 3;
	assert_true(irq_cpu_follow(&ic, 10 * MS));
	write_mask(ALL);
	here = 4;
	irq_cpu_follow(&ic, 20 * MS);
	assert_mask(ALL);
	assert_int_equal(kept, 0);
	here = 5;
	assert_false(irq_cpu_follow(&ic, 30 * MS));
	assert_mask(ALL);
	/* Nor is it taken back at the end. */
	irq_cpu_start(&ic);
	here = 6;
	assert_true(irq_cpu_follow(&ic, 40 * MS));
	write_mask("2\n");
	irq_cpu_stop(&ic);
	assert_mask("2\n");
	assert_int_equal(kept, 0);
}

static void test_killed(void **state)
{
	(void)state;
	begin("8\n", 4);
	here = 2;
	assert_true(irq_cpu_follow(&ic, 10 * MS));
	assert_mask("4\n");
	irq_cpu_close(&ic);
	/* Another one was chosen since. */
	begin("10\n", 4);
	assert_int_equal(kept, 0);
	assert_false(irq_cpu_follow(&ic, 10 * MS));
	assert_mask("10\n");
}

static void test_cannot_be_written(void **state)
{
	int fd;

	(void)state;
	begin(ALL, 0);
	assert_int_equal(fcntl(ic.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	here = 3;
	fd = ic.fd;
	irq_cpu_follow(&ic, 10 * MS);
	assert_mask(ALL);
	here = 4;
	assert_false(irq_cpu_follow(&ic, 20 * MS));
	assert_int_equal(ic.fd, fd);
}

static void test_none(void **state)
{
	struct irq_cpu none = { 0 };

	(void)state;
	irq_cpu_open(&none, "no such device", 0, &kept);
	assert_null(none.kept);
	kept = 9;
	irq_cpu_start(&none);
	assert_false(irq_cpu_follow(&none, 10 * MS));
	irq_cpu_stop(&none);
	irq_cpu_close(&none);
	assert_int_equal(kept, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test_teardown(test_follows, end),
		cmocka_unit_test_teardown(test_stops, end),
		cmocka_unit_test(test_chosen_before),
		cmocka_unit_test_teardown(test_chosen_meanwhile, end),
		cmocka_unit_test_teardown(test_killed, end),
		cmocka_unit_test_teardown(test_cannot_be_written, end),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
