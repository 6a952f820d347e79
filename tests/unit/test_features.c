/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feature bits: names, bits, lists. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vdpamgmt.h"

#define NET VDPA_ID_NET
#define BLK VDPA_ID_BLOCK
#define BIT(n) (UINT64_C(1) << (n))

static const uint32_t classes[] = { NET, BLK, 0, 26, UINT32_MAX };

/* Every name of a class leads back to its bit, in any case. */
static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		for (unsigned int bit = 0; bit < 64; bit++) {
			const char *name = vdpa_feature_name(classes[i], bit);
			char lower[64] = "";

			if (!name)
				continue;
			assert_int_equal(vdpa_feature_bit(classes[i], name), bit);
			for (size_t k = 0; name[k]; k++)
				lower[k] = (char)tolower((unsigned char)name[k]);
			assert_int_equal(vdpa_feature_bit(classes[i], lower), bit);
			/* a list of names is never taken for a number */
			assert_true(strspn(name, "0123456789abcdefABCDEF") < strlen(name));
		}
		assert_null(vdpa_feature_name(classes[i], 64));
		assert_null(vdpa_feature_name(classes[i], UINT32_MAX));
	}
}

static void test_bit_n(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		char name[16];

		snprintf(name, sizeof(name), "bit_%d", bit);
		assert_int_equal(vdpa_feature_bit(NET, name), bit);
	}
	assert_int_equal(vdpa_feature_bit(NET, "BIT_7"), 7);
	assert_int_equal(vdpa_feature_bit(NET, "bit_64"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, "bit_"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, "bit_-1"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, "bit_1x"), -ENOENT);
}

/* Bits are wire values: these are the specification's. */
static void test_known(void **state)
{
	(void)state;
	assert_int_equal(vdpa_feature_bit(NET, "MTU"), 3);
	assert_int_equal(vdpa_feature_bit(NET, "MAC"), 5);
	assert_int_equal(vdpa_feature_bit(NET, "CTRL_VQ"), 17);
	assert_int_equal(vdpa_feature_bit(NET, "MQ"), 22);
	assert_int_equal(vdpa_feature_bit(NET, "RSS"), 60);
	assert_int_equal(vdpa_feature_bit(NET, "SPEED_DUPLEX"), 63);
	assert_int_equal(vdpa_feature_bit(BLK, "MQ"), 12);
	assert_int_equal(vdpa_feature_bit(BLK, "FLUSH"), 9);
	assert_int_equal(vdpa_feature_bit(BLK, "ZONED"), 17);
	assert_int_equal(vdpa_feature_bit(BLK, "VERSION_1"), 32);
	assert_int_equal(vdpa_feature_bit(99, "RING_PACKED"), 34);
	assert_int_equal(vdpa_feature_bit(99, "ADMIN_VQ"), 41);
	assert_string_equal(vdpa_feature_name(NET, 28), "RING_INDIRECT_DESC");
	assert_null(vdpa_feature_name(99, 5));
	assert_null(vdpa_feature_name(NET, 4));
}

static void test_aliases(void **state)
{
	(void)state;
	assert_int_equal(vdpa_feature_bit(NET, "INDIRECT_DESC"), 28);
	assert_int_equal(vdpa_feature_bit(NET, "EVENT_IDX"), 29);
	assert_int_equal(vdpa_feature_bit(NET, "IOMMU_PLATFORM"), 33);
	assert_int_equal(vdpa_feature_bit(NET, "VIRTIO_RING_F_INDIRECT_DESC"), 28);
	assert_int_equal(vdpa_feature_bit(BLK, "virtio_ring_f_event_idx"), 29);
	assert_int_equal(vdpa_feature_bit(BLK, "VIRTIO_F_VERSION_1"), 32);
	assert_int_equal(vdpa_feature_bit(NET, "VIRTIO_NET_F_MQ"), 22);
	assert_int_equal(vdpa_feature_bit(BLK, "virtio_blk_f_mq"), 12);
	/* another class's prefix must not end in this class's bit */
	assert_int_equal(vdpa_feature_bit(NET, "VIRTIO_BLK_F_MQ"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(BLK, "VIRTIO_NET_F_MQ"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, "VIRTIO_F_MAC"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, "VIRTIO_NET_F_"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, ""), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, "MA"), -ENOENT);
	assert_int_equal(vdpa_feature_bit(NET, "MACS"), -ENOENT);
}

static void check(const char *text, uint64_t offered, uint64_t want)
{
	const char *bad = NULL;
	size_t bad_len = 0;
	uint64_t features = ~want;

	assert_int_equal(vdpa_features_parse(NET, text, offered, &features, &bad, &bad_len), 0);
	assert_true(features == want);
	assert_null(bad);
}

static void check_bad(const char *text, size_t at, size_t len)
{
	uint64_t features = 0x5a;
	const char *bad = NULL;
	size_t bad_len = 999;

	assert_int_equal(vdpa_features_parse(NET, text, 0xff, &features, &bad, &bad_len), -EINVAL);
	assert_int_equal(bad - text, at);
	assert_int_equal(bad_len, len);
	assert_true(features == 0x5a);
}

static void test_numbers(void **state)
{
	(void)state;
	check("0", 0xff, 0);
	check("12", 0xff, 0x12);
	check("0x300010028", 0, UINT64_C(0x300010028));
	check("0XfF", 0, 0xff);
	check("ffffffffffffffff", 0, UINT64_MAX);
	check_bad("10000000000000000", 0, 17);
	check_bad("0x", 0, 2);
	check_bad("0xg", 0, 3);
	check_bad("0x1,MAC", 0, 3);
}

static void test_lists(void **state)
{
	uint64_t offered = BIT(3) | BIT(5) | BIT(22) | BIT(32);

	(void)state;
	check("MAC", offered, BIT(5));
	check("MAC,mtu", offered, BIT(5) | BIT(3));
	check("MAC,MAC", offered, BIT(5));
	check("STATUS", offered, BIT(16)); /* the kernel judges what isn't offered */
	check("bit_44,VIRTIO_F_VERSION_1", offered, BIT(44) | BIT(32));
	check("all", offered, offered);
	check("ALL,STATUS", offered, offered | BIT(16));
	check("-MQ", offered, offered & ~BIT(22));
	check("-MQ,-bit_3", offered, offered & ~BIT(22) & ~BIT(3));
	check("all,-MQ", offered, offered & ~BIT(22));
	check("-MQ,all", offered, offered & ~BIT(22));
	check("-MQ,-MQ", offered, offered & ~BIT(22));
	check("-STATUS", offered, offered);
	check("-MQ,STATUS", offered, (offered & ~BIT(22)) | BIT(16));
}

static void test_bad_lists(void **state)
{
	(void)state;
	check_bad("", 0, 0);
	check_bad(",", 0, 0);
	check_bad("MAC,", 4, 0);
	check_bad(",MAC", 0, 0);
	check_bad("MAC,,MTU", 4, 0);
	check_bad("MAC,NOPE,MTU", 4, 4);
	check_bad("MAC, MTU", 4, 4);
	check_bad("-", 0, 1);
	check_bad("MAC,-", 4, 1);
	check_bad("--MAC", 0, 5);
	check_bad("+MAC", 0, 4);
	check_bad("-all", 0, 4);
	check_bad("MAC,-MAC", 4, 4);
	check_bad("-MAC,MAC", 5, 3);
	check_bad("MAC,BLK_SIZE", 4, 8);
	check_bad("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAX",
		  0, 77);
}

static void test_classes(void **state)
{
	(void)state;
	assert_string_equal(vdpa_class_name(1), "net");
	assert_string_equal(vdpa_class_name(2), "block");
	assert_string_equal(vdpa_class_name(26), "fs");
	assert_null(vdpa_class_name(0));
	assert_null(vdpa_class_name(14));
	assert_null(vdpa_class_name(42));
	assert_null(vdpa_class_name(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bit_n),
		cmocka_unit_test(test_known),	   cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_numbers),	   cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bad_lists),  cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
