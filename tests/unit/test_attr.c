/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of replies: what is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include <cmocka.h>

#include "libvdpamgmt/attr.h"

static uint8_t buf[4096];

static struct nlmsghdr *begin(void)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
	return nlh;
}

/* Bit N of sizes: an attribute of N octets passes. */
static const struct {
	uint16_t first, last;
	uint32_t sizes;
} numbers[] = {
	{ VDPA_NL_ATTR_MGMTDEV_CLASSES, VDPA_NL_ATTR_MGMTDEV_CLASSES, 1u << 8 },
	{ VDPA_NL_ATTR_DEV_ID, VDPA_NL_ATTR_DEV_MAX_VQS, 1u << 4 },
	{ VDPA_NL_ATTR_DEV_MAX_VQ_SIZE, VDPA_NL_ATTR_DEV_MIN_VQ_SIZE, 1u << 2 },
	{ VDPA_NL_ATTR_NET_MACADDR, VDPA_NL_ATTR_NET_MACADDR, 1u << 6 },
	{ VDPA_NL_ATTR_NET_STATUS, VDPA_NL_ATTR_NET_STATUS, 1u << 1 | 1u << 2 },
	{ VDPA_NL_ATTR_NET_MAX_VQP, VDPA_NL_ATTR_NET_MTU, 1u << 2 },
	{ VDPA_NL_ATTR_NEGOTIATED_FEATURES, VDPA_NL_ATTR_NEGOTIATED_FEATURES, 1u << 8 },
	{ VDPA_NL_ATTR_MGMTDEV_MAX_VQS, VDPA_NL_ATTR_MGMTDEV_MAX_VQS, 1u << 4 },
	{ VDPA_NL_ATTR_SUPPORTED_FEATURES, VDPA_NL_ATTR_SUPPORTED_FEATURES, 1u << 8 },
	{ VDPA_NL_ATTR_QUEUE_INDEX, VDPA_NL_ATTR_QUEUE_INDEX, 1u << 4 },
	{ VDPA_NL_ATTR_VENDOR_VALUE, VDPA_NL_ATTR_BLK_CAPACITY, 1u << 8 },
	{ 22, 24, 1u << 4 },
	{ 25, 25, 1u << 2 },
	{ 26, 27, 1u << 1 },
	{ 28, 28, 1u << 2 },
	{ 29, 34, 1u << 4 },
	{ 35, VDPA_NL_ATTR_BLK_FLUSH, 1u << 1 },
	{ 37, 40, UINT32_MAX }, /* unknown: of any size */
	{ 16383, 16383, UINT32_MAX },
	{ 0, 0, UINT32_MAX }, /* padding */
};

static void test_sizes(void **state)
{
	static const uint8_t data[16];
	struct attrs attrs;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (uint16_t type = numbers[i].first; type <= numbers[i].last; type++) {
			for (size_t size = 0; size <= sizeof(data); size++) {
				struct nlmsghdr *nlh = begin();
				bool fits = numbers[i].sizes & 1u << size;

				mnl_attr_put(nlh, type, size, data);
				if (attrs_parse(nlh, &attrs) != (fits ? 0 : -EBADMSG))
					fail_msg("attribute %u of %zu octets", type, size);
			}
		}
	}
}

static void test_strings(void **state)
{
	static const uint16_t types[] = { VDPA_NL_ATTR_MGMTDEV_BUS, VDPA_NL_ATTR_MGMTDEV_NAME,
					  VDPA_NL_ATTR_DEV_NAME, VDPA_NL_ATTR_VENDOR_NAME };
	static const struct {
		const char *data;
		size_t len;
		const char *text; /* NULL: refused */
	} cases[] = {
		{ "", 0, NULL },     { "\0", 1, "" },	  { "abc", 3, NULL },
		{ "abc", 4, "abc" }, { "a\0bc", 4, "a" }, { "\xff\n%s", 5, "\xff\n%s" },
	};
	struct attrs attrs;

	(void)state;
	for (size_t t = 0; t < 4; t++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct nlmsghdr *nlh = begin();

			mnl_attr_put(nlh, types[t], cases[i].len, cases[i].data);
			if (!cases[i].text) {
				assert_int_equal(attrs_parse(nlh, &attrs), -EBADMSG);
				continue;
			}
			assert_int_equal(attrs_parse(nlh, &attrs), 0);
			assert_string_equal(attrs_str(&attrs, types[t]), cases[i].text);
		}
	}
}

static void test_values(void **state)
{
	struct nlmsghdr *nlh = begin();
	struct attrs attrs;
	uint64_t v = 7;

	(void)state;
	mnl_attr_put_u64(nlh, VDPA_NL_ATTR_FEATURES | NLA_F_NET_BYTEORDER, 0xfedcba9876543210);
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_DEV_ID, 0xfedcba98);
	mnl_attr_put_u16(nlh, VDPA_NL_ATTR_NET_MTU, 0xfedc);
	mnl_attr_put_u8(nlh, VDPA_NL_ATTR_NET_STATUS, 0xfe);
	mnl_attr_put_u16(nlh, VDPA_NL_ATTR_NET_MAX_VQP, 1);
	mnl_attr_put_u16(nlh, VDPA_NL_ATTR_NET_MAX_VQP, 2);
	assert_int_equal(attrs_parse(nlh, &attrs), 0);
	assert_true(attrs_uint(&attrs, VDPA_NL_ATTR_FEATURES, &v));
	assert_true(v == 0xfedcba9876543210);
	assert_true(attrs_uint(&attrs, VDPA_NL_ATTR_DEV_ID, &v) && v == 0xfedcba98);
	assert_true(attrs_uint(&attrs, VDPA_NL_ATTR_NET_MTU, &v) && v == 0xfedc);
	assert_true(attrs_uint(&attrs, VDPA_NL_ATTR_NET_STATUS, &v) && v == 0xfe);
	/* Of two, the last. */
	assert_true(attrs_uint(&attrs, VDPA_NL_ATTR_NET_MAX_VQP, &v) && v == 2);
	v = 7;
	assert_false(attrs_uint(&attrs, VDPA_NL_ATTR_DEV_VENDOR_ID, &v));
	assert_int_equal(v, 7);
	assert_null(attrs_str(&attrs, VDPA_NL_ATTR_DEV_NAME));
}

/* An attribute that claims more than the message holds, and octets that are no attribute. */
static void test_torn(void **state)
{
	static const uint16_t lengths[] = { 0, 1, 3, 9, 12, 13, 255, 65535 };
	struct attrs attrs;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct nlmsghdr *nlh = begin();
		struct nlattr *attr = mnl_nlmsg_get_payload_tail(nlh);

		mnl_attr_put_u32(nlh, 1000, 1);
		attr->nla_len = lengths[i];
		assert_int_equal(attrs_parse(nlh, &attrs), -EBADMSG);
	}
	for (unsigned int rest = 1; rest < 8; rest++) {
		struct nlmsghdr *nlh = begin();

		mnl_attr_put_u32(nlh, VDPA_NL_ATTR_DEV_ID, 1);
		memset(mnl_nlmsg_get_payload_tail(nlh), 0, 12);
		nlh->nlmsg_len += rest;
		assert_int_equal(attrs_parse(nlh, &attrs), -EBADMSG);
	}
}

static void test_check(void **state)
{
	struct nlmsghdr *nlh = begin();
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(nlh);

	(void)state;
	mnl_attr_put_u32(nlh, VDPA_NL_ATTR_VENDOR_VALUE, 1);
	assert_int_equal(attr_check(attr), -EBADMSG);
	attr->nla_type = 5000;
	assert_int_equal(attr_check(attr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),  cmocka_unit_test(test_strings),
		cmocka_unit_test(test_values), cmocka_unit_test(test_torn),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
