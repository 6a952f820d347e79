/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's family can do. */
#include <linux/genetlink.h>

#include "env.h"

static void test_all(void **state)
{
	struct env *e = *state;
	struct vdpa_caps *caps;
	uint64_t min = 7, max = 7;

	assert_int_equal(vdpa_caps_get(e->ctx, &caps), 0);
	for (unsigned int c = 0; c < 130; c++)
		assert_int_equal(vdpa_caps_has_command(caps, c), c >= 2 && c <= 8);
	assert_true(vdpa_caps_has_policy(caps));
	assert_int_equal(vdpa_caps_get_max_attr(caps), VDPA_NL_ATTR_MAX);
	assert_true(vdpa_caps_has_attr(caps, VDPA_COMMAND_DEV_ADD, VDPA_ATTRIBUTE_FEATURES));
	assert_true(vdpa_caps_has_attr(caps, VDPA_COMMAND_ATTR_SET, VDPA_ATTRIBUTE_MAC));
	assert_false(vdpa_caps_has_attr(caps, VDPA_COMMAND_DEV_ADD, VDPA_NL_ATTR_DEV_ID));
	assert_false(vdpa_caps_has_attr(caps, 9, VDPA_ATTRIBUTE_MAC));
	assert_false(vdpa_caps_has_attr(caps, 1000, VDPA_ATTRIBUTE_MAC));
	assert_false(vdpa_caps_has_attr(caps, VDPA_COMMAND_DEV_ADD, 1000));
	assert_true(
		vdpa_caps_get_range(caps, VDPA_COMMAND_DEV_ADD, VDPA_ATTRIBUTE_MTU, &min, &max));
	assert_int_equal(min, 68);
	assert_int_equal(max, 65535);
	assert_false(
		vdpa_caps_get_range(caps, VDPA_COMMAND_DEV_ADD, VDPA_ATTRIBUTE_MAC, &min, &max));
	assert_false(vdpa_caps_get_range(caps, 64, 64, &min, &max));
	assert_int_equal(min, 68);
	assert_ptr_equal(vdpa_caps_ref(caps), caps);
	vdpa_caps_unref(caps);
	assert_null(vdpa_caps_unref(caps));
}

/* Before Linux 5.10 nobody could ask. */
static void test_old_kernel(void **state)
{
	struct env *e = *state;
	struct vdpa_caps *caps;

	e->k->no_policy = true;
	e->k->commands = 0x3c;
	assert_int_equal(vdpa_caps_get(e->ctx, &caps), 0);
	assert_false(vdpa_caps_has_policy(caps));
	assert_false(vdpa_caps_has_attr(caps, VDPA_COMMAND_DEV_ADD, VDPA_ATTRIBUTE_NAME));
	assert_true(vdpa_caps_has_command(caps, VDPA_COMMAND_DEV_ADD));
	assert_false(vdpa_caps_has_command(caps, VDPA_COMMAND_ATTR_SET));
	vdpa_caps_unref(caps);
}

static const struct {
	enum fake_fault fault;
	int64_t value;
	int errnum;
} failures[] = {
	{ FAULT_SILENCE, 0, ETIMEDOUT }, { FAULT_SHORT, 30, EBADMSG },
	{ FAULT_LENGTH, 17, EBADMSG },	 { FAULT_LENGTH, 0x80000040, EBADMSG },
	{ FAULT_TYPE, 0x1f, EBADMSG },	 { FAULT_COMMAND, CTRL_CMD_NEWFAMILY, EBADMSG },
	{ FAULT_ERRNO, -EPERM, EPERM },	 { FAULT_ERRNO, -4095, 4095 },
	{ FAULT_ERRNO, 1, EBADMSG },	 { FAULT_ERRNO, 0, EBADMSG },
	{ FAULT_DONE, -EIO, EIO },	 { FAULT_NOISE, 2000, ETIMEDOUT },
	{ FAULT_LOST, 0, ENOBUFS },
};

static void test_failures(void **state)
{
	struct env *e = *state;

	e->k->round_bytes = 100;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct vdpa_caps *caps = NULL;

		fake_fault(e->k, FAKE_GETPOLICY, failures[i].fault, failures[i].value, 1);
		check_error(e, vdpa_caps_get(e->ctx, &caps), failures[i].errnum, NULL);
		assert_null(caps);
		/* The dump that was broken off is not in the way. */
		assert_int_equal(vdpa_caps_get(e->ctx, &caps), 0);
		vdpa_caps_unref(caps);
	}
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 20; c++)
		assert_int_equal(vdpa_command_name(c) != NULL, c >= 2 && c <= 8);
	assert_string_equal(vdpa_command_name(VDPA_COMMAND_VSTATS_GET), "dev vstats show");
	assert_string_equal(vdpa_attribute_name(VDPA_ATTRIBUTE_FEATURES), "device_features");
	assert_string_equal(vdpa_attribute_name(VDPA_ATTRIBUTE_MGMTDEV_BUS), "mgmtdev");
	assert_null(vdpa_attribute_name(0));
	assert_null(vdpa_attribute_name(VDPA_NL_ATTR_DEV_ID));
	assert_null(vdpa_attribute_name(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_all),
		ENV_TEST(test_old_kernel),
		ENV_TEST(test_failures),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
