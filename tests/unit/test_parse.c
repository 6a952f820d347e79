/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/parse.h"

#define UNTOUCHED UINT64_C(0xdeadbeef)

static void check_dec(const char *text, uint64_t max, int want, uint64_t value)
{
	uint64_t v = UNTOUCHED;

	assert_int_equal(parse_dec(text, max, &v), want);
	assert_true(v == (want ? UNTOUCHED : value));
}

static void check_hex(const char *text, int want, uint64_t value)
{
	uint64_t v = UNTOUCHED;

	assert_int_equal(parse_hex(text, &v), want);
	assert_true(v == (want ? UNTOUCHED : value));
}

static void test_dec(void **state)
{
	(void)state;
	check_dec("0", 0, 0, 0);
	check_dec("1", 0, -ERANGE, 0);
	check_dec("65535", 65535, 0, 65535);
	check_dec("65536", 65535, -ERANGE, 0);
	check_dec("007", 7, 0, 7);
	check_dec("18446744073709551615", UINT64_MAX, 0, UINT64_MAX);
	check_dec("18446744073709551616", UINT64_MAX, -ERANGE, 0);
	check_dec("99999999999999999999999", UINT64_MAX, -ERANGE, 0);
	check_dec("99999999999999999999999x", UINT64_MAX, -EINVAL, 0);
	check_dec("", 9, -EINVAL, 0);
	check_dec(" 1", 9, -EINVAL, 0);
	check_dec("1 ", 9, -EINVAL, 0);
	check_dec("+1", 9, -EINVAL, 0);
	check_dec("-1", 9, -EINVAL, 0);
	check_dec("1.5", 9, -EINVAL, 0);
	check_dec("0x1", 9, -EINVAL, 0);
	check_dec("a", 99, -EINVAL, 0);
	check_dec("\xb2", 9, -EINVAL, 0);
}

static void test_hex(void **state)
{
	(void)state;
	check_hex("0", 0, 0);
	check_hex("12", 0, 0x12);
	check_hex("0x12", 0, 0x12);
	check_hex("0XaB", 0, 0xab);
	check_hex("ffffffffffffffff", 0, UINT64_MAX);
	check_hex("0x0000ffffffffffffffff", 0, UINT64_MAX);
	check_hex("10000000000000000", -ERANGE, 0);
	check_hex("", -EINVAL, 0);
	check_hex("0x", -EINVAL, 0);
	check_hex("x1", -EINVAL, 0);
	check_hex("0x0x1", -EINVAL, 0);
	check_hex("1g", -EINVAL, 0);
	check_hex("-1", -EINVAL, 0);
	check_hex("1\n", -EINVAL, 0);
}

static void check_size(const char *text, int want, uint64_t octets)
{
	uint64_t v = UNTOUCHED;

	assert_int_equal(parse_size(text, &v), want);
	assert_true(v == (want ? UNTOUCHED : octets));
}

static void test_size(void **state)
{
	(void)state;
	check_size("0", 0, 0);
	check_size("512", 0, 512);
	check_size("4K", 0, 4096);
	check_size("4k", 0, 4096);
	check_size("3M", 0, UINT64_C(3) << 20);
	check_size("2g", 0, UINT64_C(2) << 30);
	check_size("16T", 0, UINT64_C(16) << 40);
	check_size("18446744073709551615", 0, UINT64_MAX);
	check_size("18446744073709551616", -ERANGE, 0);
	check_size("16777215T", 0, UINT64_C(16777215) << 40);
	check_size("16777216T", -ERANGE, 0);
	check_size("99999999999999999999999M", -ERANGE, 0);
	check_size("", -EINVAL, 0);
	check_size("K", -EINVAL, 0);
	check_size("1P", -EINVAL, 0);
	check_size("1KB", -EINVAL, 0);
	check_size("1KK", -EINVAL, 0);
	check_size("1 K", -EINVAL, 0);
	check_size("-1K", -EINVAL, 0);
	check_size("1.5G", -EINVAL, 0);
	check_size("0x10", -EINVAL, 0);
}

static void check_mac(const char *text, int want, const char *octets)
{
	uint8_t mac[6] = { 9, 9, 9, 9, 9, 9 };

	assert_int_equal(parse_mac(text, mac), want);
	assert_memory_equal(mac, want ? "\x09\x09\x09\x09\x09\x09" : octets, 6);
}

static void test_mac(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		"0",
		"00:11:22:33:44",
		"00:11:22:33:44:",
		"00:11:22:33:44:55:",
		"00:11:22:33:44:55:66",
		"00:11:22:33:44:555",
		"00:11:22:33::55",
		":00:11:22:33:44",
		"00-11-22-33-44-55",
		"001122334455",
		"00:11:22:33:44:5g",
		" 00:11:22:33:44:55",
		"00:11:22:33:44:55 ",
		"1.2.3.4",
	};

	(void)state;
	check_mac("00:11:22:33:44:55", 0, "\x00\x11\x22\x33\x44\x55");
	check_mac("aA:Bb:c:D:0:f", 0, "\xaa\xbb\x0c\x0d\x00\x0f");
	check_mac("ff:ff:ff:ff:ff:ff", 0, "\xff\xff\xff\xff\xff\xff");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_mac(bad[i], -EINVAL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dec),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
