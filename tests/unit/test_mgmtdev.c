/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Management devices: list and get. */
#include "env.h"

static void test_list(void **state)
{
	struct env *e = *state;
	struct vdpa_mgmtdev_list *list;
	struct vdpa_mgmtdev *m, *kept;
	uint64_t v64 = 0;
	uint32_t v32 = 9;

	assert_int_equal(vdpa_mgmtdev_list(e->ctx, &list), 0);
	assert_int_equal(vdpa_mgmtdev_list_get_size(list), 3);
	m = vdpa_mgmtdev_list_get(list, 0);
	assert_string_equal(vdpa_mgmtdev_get_handle(m), "vdpasim_net");
	assert_string_equal(vdpa_mgmtdev_get_name(m), "vdpasim_net");
	assert_null(vdpa_mgmtdev_get_bus(m));
	assert_true(vdpa_mgmtdev_get_classes(m, &v64) && v64 == 1u << VDPA_ID_NET);
	assert_true(vdpa_mgmtdev_get_features(m, &v64) && v64 == 0x328820028ULL);
	/* Zero is a value. */
	assert_true(vdpa_mgmtdev_get_max_vqs(vdpa_mgmtdev_list_get(list, 1), &v32) && v32 == 0);
	assert_false(vdpa_mgmtdev_get_max_devices(e->ctx, m, &v32));
	kept = vdpa_mgmtdev_ref(vdpa_mgmtdev_list_get(list, 2));
	assert_null(vdpa_mgmtdev_list_get(list, 3));
	assert_null(vdpa_mgmtdev_list_unref(list));
	assert_string_equal(vdpa_mgmtdev_get_handle(kept), "pci/0000:65:00.2");
	assert_string_equal(vdpa_mgmtdev_get_bus(kept), "pci");
	assert_string_equal(vdpa_mgmtdev_get_name(kept), "0000:65:00.2");
	assert_null(vdpa_mgmtdev_unref(kept));
	assert_null(vdpa_mgmtdev_unref(NULL));
	assert_null(vdpa_mgmtdev_list_unref(NULL));
}

/* What came before a list was interrupted is not there twice. */
static void test_list_again(void **state)
{
	struct env *e = *state;
	struct vdpa_mgmtdev_list *list;

	fake_fault(e->k, VDPA_COMMAND_MGMTDEV_GET, FAULT_INTERRUPTED, 0, 2);
	assert_int_equal(vdpa_mgmtdev_list(e->ctx, &list), 0);
	assert_int_equal(e->k->requests[VDPA_COMMAND_MGMTDEV_GET], 3);
	assert_int_equal(vdpa_mgmtdev_list_get_size(list), 3);
	vdpa_mgmtdev_list_unref(list);
}

static void test_empty_list(void **state)
{
	struct env *e = *state;
	struct vdpa_mgmtdev_list *list;

	e->k->n_mgmtdevs = 0;
	assert_int_equal(vdpa_mgmtdev_list(e->ctx, &list), 0);
	assert_int_equal(vdpa_mgmtdev_list_get_size(list), 0);
	assert_null(vdpa_mgmtdev_list_get(list, 0));
	vdpa_mgmtdev_list_unref(list);
}

/* Linux 5.12 to 5.16 told the name and the classes only. */
static void test_not_given(void **state)
{
	struct env *e = *state;
	struct vdpa_mgmtdev *m;
	uint64_t v64 = 77;
	uint32_t v32 = 77;

	fake_edit(e->k, VDPA_COMMAND_MGMTDEV_GET, EDIT_DROP, VDPA_NL_ATTR_MGMTDEV_MAX_VQS, 0, 1);
	fake_edit(e->k, VDPA_COMMAND_MGMTDEV_GET, EDIT_UNKNOWN, 999, 11, 1);
	fake_edit(e->k, VDPA_COMMAND_MGMTDEV_GET, EDIT_REVERSE, 0, 0, 1);
	assert_int_equal(vdpa_mgmtdev_get(e->ctx, "vdpasim_net", &m), 0);
	assert_false(vdpa_mgmtdev_get_max_vqs(m, &v32));
	assert_int_equal(v32, 77);
	assert_true(vdpa_mgmtdev_get_features(m, &v64));
	vdpa_mgmtdev_unref(m);
	fake_edit(e->k, VDPA_COMMAND_MGMTDEV_GET, EDIT_DROP, VDPA_NL_ATTR_SUPPORTED_FEATURES, 0, 1);
	v64 = 77;
	assert_int_equal(vdpa_mgmtdev_get(e->ctx, "vdpasim_net", &m), 0);
	assert_false(vdpa_mgmtdev_get_features(m, &v64));
	assert_int_equal(v64, 77);
	vdpa_mgmtdev_unref(m);
	fake_edit(e->k, VDPA_COMMAND_MGMTDEV_GET, EDIT_DROP, VDPA_NL_ATTR_MGMTDEV_CLASSES, 0, 1);
	assert_int_equal(vdpa_mgmtdev_get(e->ctx, "vdpasim_net", &m), 0);
	assert_false(vdpa_mgmtdev_get_classes(m, &v64));
	vdpa_mgmtdev_unref(m);
}

static void test_malformed(void **state)
{
	static const struct {
		enum fake_edit edit;
		unsigned int attr;
		int64_t value;
	} cases[] = {
		{ EDIT_DROP, VDPA_NL_ATTR_MGMTDEV_NAME, 0 },
		{ EDIT_UNTERMINATED, VDPA_NL_ATTR_MGMTDEV_NAME, 0 },
		{ EDIT_SIZE, VDPA_NL_ATTR_MGMTDEV_NAME, 0 },
		{ EDIT_UNTERMINATED, VDPA_NL_ATTR_MGMTDEV_BUS, 0 },
		{ EDIT_SIZE, VDPA_NL_ATTR_MGMTDEV_CLASSES, 4 },
		{ EDIT_SIZE, VDPA_NL_ATTR_MGMTDEV_MAX_VQS, 2 },
		{ EDIT_SIZE, VDPA_NL_ATTR_SUPPORTED_FEATURES, 9 },
		{ EDIT_TORN, 0, 1 },
	};
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vdpa_mgmtdev_list *list = NULL;
		struct vdpa_mgmtdev *m = NULL;

		fake_edit(e->k, VDPA_COMMAND_MGMTDEV_GET, cases[i].edit, cases[i].attr,
			  cases[i].value, 4);
		check_error(
			e, vdpa_mgmtdev_get(e->ctx, "pci/0000:65:00.2", &m), EBADMSG,
			"cannot show management device \"pci/0000:65:00.2\": the kernel's answer is malformed");
		check_error(e, vdpa_mgmtdev_list(e->ctx, &list), EBADMSG,
			    "cannot list management devices: the kernel's answer is malformed");
		assert_null(m);
		assert_null(list);
		memset(e->k->plans, 0, sizeof(e->k->plans));
	}
}

static void test_handles(void **state)
{
	static const char *const bad[] = { "", "/", "pci/", "/x", "a/b/c", "//" };
	struct env *e = *state;
	struct vdpa_mgmtdev *m = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_error(e, vdpa_mgmtdev_get(e->ctx, bad[i], &m), EINVAL, NULL);
		assert_true(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	}
	assert_int_equal(e->k->sends, 0);
	check_error(
		e, vdpa_mgmtdev_get(e->ctx, "0000:65:00.2", &m), ENODEV,
		"cannot show management device \"0000:65:00.2\": Fail to find the specified mgmt device (No such device)");
	assert_string_equal(vdpa_error_get_extack(vdpa_ctx_get_error(e->ctx)),
			    "vdpa: Fail to find the specified mgmt device");
	assert_false(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	check_error(e, vdpa_mgmtdev_get(e->ctx, "pci/vdpasim_net", &m), ENODEV, NULL);
	assert_null(m);
}

/* D3: names have no limit that a buffer could have. */
static void test_long_names(void **state)
{
	static const int sizes[] = { 63, 64, 128, 300, 2000, 8000 };
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct vdpa_mgmtdev *m;

		fake_edit(e->k, VDPA_COMMAND_MGMTDEV_GET, EDIT_NAME, VDPA_NL_ATTR_MGMTDEV_NAME,
			  sizes[i], 1);
		assert_int_equal(vdpa_mgmtdev_get(e->ctx, "pci/0000:65:00.2", &m), 0);
		assert_int_equal(strlen(vdpa_mgmtdev_get_name(m)), sizes[i]);
		assert_int_equal(strlen(vdpa_mgmtdev_get_handle(m)), 4 + sizes[i]);
		vdpa_mgmtdev_unref(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_list),	   ENV_TEST(test_list_again), ENV_TEST(test_empty_list),
		ENV_TEST(test_not_given),  ENV_TEST(test_malformed),  ENV_TEST(test_handles),
		ENV_TEST(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
