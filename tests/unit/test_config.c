/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations: net and block, and all of them although the kernel's dump stops early. */
#include "env.h"

#define BIT(n) (1ULL << (n))

static void test_net(void **state)
{
	struct env *e = *state;
	struct fake_dev *d = fake_dev(e->k, "vdpasim_net", "x", VDPA_ID_NET);
	struct vdpa_config *c;
	uint8_t mac[6];
	uint64_t v64 = 0;
	uint32_t v32 = 0;
	uint16_t v16 = 0;

	memcpy(d->mac, "\2\0\0\0\0\7", 6);
	d->features = BIT(3) | BIT(5) | BIT(16) | BIT(22) | BIT(63);
	d->active = true;
	d->negotiated = 0;
	d->max_vqp = 32768;
	d->status = 3;
	d->mtu = 65535;
	assert_int_equal(vdpa_config_get(e->ctx, "x", &c), 0);
	assert_string_equal(vdpa_config_get_name(c), "x");
	assert_null(vdpa_config_get_error(c));
	assert_true(vdpa_config_get_id(c, &v32) && v32 == VDPA_ID_NET);
	assert_true(vdpa_config_get_features(c, &v64) && v64 == d->features);
	assert_true(vdpa_config_get_negotiated_features(c, &v64) && v64 == 0);
	assert_true(vdpa_config_get_mac(c, mac));
	assert_memory_equal(mac, d->mac, 6);
	assert_true(vdpa_config_get_net_status(c, &v16) && v16 == 3);
	assert_true(vdpa_config_get_max_vqp(c, &v16) && v16 == 32768);
	assert_true(vdpa_config_get_mtu(c, &v16) && v16 == 65535);
	assert_false(vdpa_config_get_blk(c, VDPA_BLK_CAPACITY, &v64));
	assert_null(vdpa_config_unref(c));
}

/* What the device does not offer is not reported, and no value is touched. */
static void test_net_not_given(void **state)
{
	struct env *e = *state;
	struct fake_dev *d = fake_dev(e->k, "vdpasim_net", "x", VDPA_ID_NET);
	struct vdpa_config *c;
	uint8_t mac[6] = "abcdef";
	uint64_t v64 = 7;
	uint16_t v16 = 7;

	d->features = 0;
	assert_int_equal(vdpa_config_get(e->ctx, "x", &c), 0);
	assert_false(vdpa_config_get_negotiated_features(c, &v64));
	assert_false(vdpa_config_get_mac(c, mac));
	assert_memory_equal(mac, "abcdef", 6);
	assert_false(vdpa_config_get_net_status(c, &v16));
	assert_false(vdpa_config_get_max_vqp(c, &v16));
	assert_false(vdpa_config_get_mtu(c, &v16));
	assert_int_equal(v16, 7);
	assert_int_equal(v64, 7);
	assert_true(vdpa_config_get_features(c, &v64) && v64 == 0);
	vdpa_config_unref(c);
}

/* The kernel's header says u8, the kernel sends u16: both are read. */
static void test_status_size(void **state)
{
	struct env *e = *state;
	struct vdpa_config *c;
	uint16_t v16 = 0;

	env_devices(e, 1);
	e->k->devs[0]->features = BIT(16);
	e->k->devs[0]->status = 0;
	for (int size = 1; size <= 2; size++) {
		fake_edit(e->k, VDPA_COMMAND_CONFIG_GET, EDIT_SIZE, VDPA_NL_ATTR_NET_STATUS, size,
			  1);
		v16 = 7;
		assert_int_equal(vdpa_config_get(e->ctx, "d0", &c), 0);
		assert_true(vdpa_config_get_net_status(c, &v16) && v16 == 0);
		vdpa_config_unref(c);
	}
	fake_edit(e->k, VDPA_COMMAND_CONFIG_GET, EDIT_SIZE, VDPA_NL_ATTR_NET_STATUS, 4, 1);
	check_error(e, vdpa_config_get(e->ctx, "d0", &c), EBADMSG, NULL);
}

static void test_blk(void **state)
{
	static const uint64_t values[16] = { 1ULL << 40, UINT32_MAX, 512, 126, 65535, 3, 0, 8,
					     64,	 65535,	     1,	  8,   4096,  1, 1, 0 };
	struct env *e = *state;
	struct vdpa_config *c;

	fake_dev(e->k, "vdpasim_blk", "x", VDPA_ID_BLOCK)->blk = values;
	assert_int_equal(vdpa_config_get(e->ctx, "x", &c), 0);
	for (int i = 0; i < VDPA_BLK_FIELDS; i++) {
		uint64_t v = 7;

		assert_true(vdpa_config_get_blk(c, (enum vdpa_blk_field)i, &v));
		assert_true(v == values[i]);
		assert_non_null(vdpa_blk_field_name((enum vdpa_blk_field)i));
	}
	assert_false(vdpa_config_get_blk(c, VDPA_BLK_FIELDS, &(uint64_t){ 0 }));
	assert_false(vdpa_config_get_blk(c, VDPA_BLK_FIELD_RESERVED, &(uint64_t){ 0 }));
	assert_null(vdpa_blk_field_name(VDPA_BLK_FIELDS));
	assert_null(vdpa_blk_field_name((enum vdpa_blk_field) - 1));
	assert_string_equal(vdpa_blk_field_name(VDPA_BLK_FLUSH), "flush");
	vdpa_config_unref(c);

	e->k->devs[0]->blk = NULL;
	assert_int_equal(vdpa_config_get(e->ctx, "x", &c), 0);
	assert_true(vdpa_config_get_blk(c, VDPA_BLK_CAPACITY, &(uint64_t){ 0 }));
	assert_false(vdpa_config_get_blk(c, VDPA_BLK_SIZE_MAX, &(uint64_t){ 0 }));
	vdpa_config_unref(c);
}

static void test_errors(void **state)
{
	struct env *e = *state;
	struct vdpa_config *c = NULL;

	check_error(e, vdpa_config_get(e->ctx, "x", &c), ENODEV,
		    "cannot show configuration of device \"x\": device not found (No such device)");
	fake_dev(e->k, "vdpasim_net", "fs", 26);
	check_error(e, vdpa_config_get(e->ctx, "fs", &c), EOPNOTSUPP,
		    "cannot show configuration of device \"fs\": Operation not supported");
	fake_dev(e->k, NULL, "alone", VDPA_ID_NET);
	check_error(
		e, vdpa_config_get(e->ctx, "alone", &c), EINVAL,
		"cannot show configuration of device \"alone\": unmanaged vdpa device (Invalid argument)");
	env_devices(e, 1);
	fake_edit(e->k, VDPA_COMMAND_CONFIG_GET, EDIT_DROP, VDPA_NL_ATTR_DEV_NAME, 0, 1);
	check_error(e, vdpa_config_get(e->ctx, "d0", &c), EBADMSG, NULL);
	fake_edit(e->k, VDPA_COMMAND_CONFIG_GET, EDIT_DROP, VDPA_NL_ATTR_DEV_ID, 0, 1);
	check_error(e, vdpa_config_get(e->ctx, "d0", &c), EBADMSG, NULL);
	fake_edit(e->k, VDPA_COMMAND_CONFIG_GET, EDIT_SIZE, VDPA_NL_ATTR_NET_MACADDR, 7, 1);
	check_error(e, vdpa_config_get(e->ctx, "d0", &c), EBADMSG, NULL);
	assert_null(c);
}

/* ---- all ---- */

/* "name" or "!name" for one with an error, in order. */
static void check_list(struct env *e, const char *const *names)
{
	struct vdpa_config_list *list = NULL;
	size_t n = 0;

	assert_int_equal(vdpa_config_list(e->ctx, &list), 0);
	for (; names[n]; n++) {
		const struct vdpa_config *c = vdpa_config_list_get(list, n);
		bool failed = *names[n] == '!';

		assert_non_null(c);
		assert_string_equal(vdpa_config_get_name(c), names[n] + failed);
		assert_int_equal(vdpa_config_get_error(c) != NULL, failed);
	}
	assert_int_equal(vdpa_config_list_get_size(list), n);
	assert_null(vdpa_config_list_get(list, n));
	assert_null(vdpa_config_list_unref(list));
}

static void test_list(void **state)
{
	struct env *e = *state;

	check_list(e, (const char *const[]){ NULL });
	env_devices(e, 2);
	fake_dev(e->k, NULL, "alone", VDPA_ID_NET);
	check_list(e, NAMES("d0", "d1"));
}

/* D14: one device that has no configuration hides all behind it. */
static void test_list_cut(void **state)
{
	struct env *e = *state;
	struct vdpa_config_list *list;

	env_devices(e, 2);
	fake_dev(e->k, "vdpasim_net", "fs", 26);
	fake_dev(e->k, "vdpasim_net", "w", VDPA_ID_NET);
	fake_dev(e->k, "vdpasim_net", "broken", VDPA_ID_NET)->broken = EIO;
	fake_dev(e->k, "vdpasim_blk", "z", VDPA_ID_BLOCK);
	check_list(e, NAMES("d0", "d1", "!broken", "!fs", "w", "z"));
	assert_int_equal(vdpa_config_list(e->ctx, &list), 0);
	assert_int_equal(vdpa_error_get_errno(vdpa_config_get_error(vdpa_config_list_get(list, 2))),
			 EIO);
	assert_int_equal(vdpa_error_get_errno(vdpa_config_get_error(vdpa_config_list_get(list, 3))),
			 EOPNOTSUPP);
	vdpa_config_list_unref(list);
}

/* A dump that ends in an error is complete all the same, where sysfs tells what there is. */
static void test_list_error(void **state)
{
	struct vdpa_config_list *list = NULL;
	struct env *e = *state, blind;

	env_devices(e, 60);
	e->k->round_bytes = 400;
	fake_fault(e->k, VDPA_COMMAND_CONFIG_GET, FAULT_DONE, -EIO, 1);
	assert_int_equal(vdpa_config_list(e->ctx, &list), 0);
	assert_int_equal(vdpa_config_list_get_size(list), 60);
	list = vdpa_config_list_unref(list);

	env_open(&blind, false);
	env_devices(&blind, 60);
	blind.k->round_bytes = 400;
	fake_fault(blind.k, VDPA_COMMAND_CONFIG_GET, FAULT_DONE, -EIO, 1);
	check_error(&blind, vdpa_config_list(blind.ctx, &list), EIO,
		    "cannot list device configurations: Input/output error");
	assert_null(list);
	env_close(&blind);
}

/* Trouble on the way is not a device's. */
static void test_list_lost(void **state)
{
	struct env *e = *state;
	struct vdpa_config_list *list = NULL;

	env_devices(e, 3);
	fake_fault(e->k, VDPA_COMMAND_CONFIG_GET, FAULT_SILENCE, 0, 1);
	check_error(e, vdpa_config_list(e->ctx, &list), ETIMEDOUT, NULL);
	fake_fault(e->k, VDPA_COMMAND_CONFIG_GET, FAULT_LOST, 0, 5);
	check_error(e, vdpa_config_list(e->ctx, &list), ENOBUFS, NULL);
	fake_edit(e->k, VDPA_COMMAND_CONFIG_GET, EDIT_DROP, VDPA_NL_ATTR_DEV_ID, 0, 1);
	check_error(e, vdpa_config_list(e->ctx, &list), EBADMSG, NULL);
	assert_null(list);
	check_list(e, NAMES("d0", "d1", "d2"));
}

static void remove_two(struct fake *k)
{
	fake_remove(k, "d0");
	fake_remove(k, "d3");
}

static void test_list_change(void **state)
{
	struct env *e = *state;

	env_devices(e, 6);
	e->k->round_bytes = 200;
	e->k->between_rounds = remove_two;
	check_list(e, NAMES("d1", "d4", "d5", "d2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_net),	    ENV_TEST(test_net_not_given),
		ENV_TEST(test_status_size), ENV_TEST(test_blk),
		ENV_TEST(test_errors),	    ENV_TEST(test_list),
		ENV_TEST(test_list_cut),    ENV_TEST(test_list_error),
		ENV_TEST(test_list_lost),   ENV_TEST(test_list_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
