/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: one, and all of them whatever the kernel's dump leaves out. */
#include <sys/stat.h>
#include <unistd.h>

#include "env.h"

/* ---- one ---- */

static void test_get(void **state)
{
	struct env *e = *state;
	struct fake_dev *d = fake_dev(e->k, "pci/0000:65:00.2", "x", VDPA_ID_NET);
	struct vdpa_dev *dev;
	uint32_t v32 = 0;
	uint16_t v16 = 0;

	d->vendor_id = 0xfedcba98;
	d->max_vqs = 65;
	d->max_vq_size = 32768;
	d->min_vq_size = 0;
	assert_int_equal(vdpa_dev_get(e->ctx, "x", &dev), 0);
	assert_null(vdpa_ctx_get_error(e->ctx));
	assert_string_equal(vdpa_dev_get_name(dev), "x");
	assert_null(vdpa_dev_get_error(dev));
	assert_true(vdpa_dev_is_managed(dev));
	assert_string_equal(vdpa_dev_get_mgmtdev(dev), "pci/0000:65:00.2");
	assert_string_equal(vdpa_dev_get_mgmtdev_bus(dev), "pci");
	assert_string_equal(vdpa_dev_get_mgmtdev_name(dev), "0000:65:00.2");
	assert_true(vdpa_dev_get_id(dev, &v32) && v32 == VDPA_ID_NET);
	assert_true(vdpa_dev_get_vendor_id(dev, &v32) && v32 == 0xfedcba98);
	assert_true(vdpa_dev_get_max_vqs(dev, &v32) && v32 == 65);
	assert_true(vdpa_dev_get_max_vq_size(dev, &v16) && v16 == 32768);
	v16 = 7;
	assert_true(vdpa_dev_get_min_vq_size(dev, &v16) && v16 == 0);
	assert_ptr_equal(vdpa_dev_ref(dev), dev);
	vdpa_dev_unref(dev);
	assert_null(vdpa_dev_unref(dev));
}

static void test_not_given(void **state)
{
	struct env *e = *state;
	struct vdpa_dev *dev;
	uint32_t v32 = 7;
	uint16_t v16 = 7;

	env_devices(e, 1);
	fake_edit(e->k, VDPA_COMMAND_DEV_GET, EDIT_DROP, VDPA_NL_ATTR_DEV_MIN_VQ_SIZE, 0, 1);
	assert_int_equal(vdpa_dev_get(e->ctx, "d0", &dev), 0);
	assert_false(vdpa_dev_get_min_vq_size(dev, &v16));
	assert_true(vdpa_dev_get_max_vq_size(dev, &v16) && v16 == 256);
	assert_null(vdpa_dev_get_mgmtdev_bus(dev));
	assert_string_equal(vdpa_dev_get_mgmtdev(dev), "vdpasim_net");
	assert_string_equal(vdpa_dev_get_mgmtdev_name(dev), "vdpasim_net");
	vdpa_dev_unref(dev);
	fake_edit(e->k, VDPA_COMMAND_DEV_GET, EDIT_DROP, VDPA_NL_ATTR_DEV_VENDOR_ID, 0, 1);
	fake_edit(e->k, VDPA_COMMAND_DEV_GET, EDIT_REVERSE, 0, 0, 1);
	assert_int_equal(vdpa_dev_get(e->ctx, "d0", &dev), 0);
	assert_false(vdpa_dev_get_vendor_id(dev, &v32));
	assert_int_equal(v32, 7);
	assert_true(vdpa_dev_get_max_vqs(dev, &v32) && v32 == 3);
	vdpa_dev_unref(dev);
}

static void test_malformed(void **state)
{
	static const struct {
		enum fake_edit edit;
		unsigned int attr;
		int64_t value;
		int result;
	} cases[] = {
		{ EDIT_DROP, VDPA_NL_ATTR_DEV_NAME, 0, -EBADMSG },
		{ EDIT_DROP, VDPA_NL_ATTR_DEV_ID, 0, -EBADMSG },
		{ EDIT_DROP, VDPA_NL_ATTR_MGMTDEV_NAME, 0, -EBADMSG },
		{ EDIT_UNTERMINATED, VDPA_NL_ATTR_DEV_NAME, 0, -EBADMSG },
		{ EDIT_SIZE, VDPA_NL_ATTR_DEV_NAME, 0, -EBADMSG },
		{ EDIT_SIZE, VDPA_NL_ATTR_DEV_ID, 2, -EBADMSG },
		{ EDIT_SIZE, VDPA_NL_ATTR_DEV_ID, 8, -EBADMSG },
		{ EDIT_SIZE, VDPA_NL_ATTR_DEV_MAX_VQ_SIZE, 4, -EBADMSG },
		{ EDIT_TORN, 0, 8, -EBADMSG },
		{ EDIT_TWICE, VDPA_NL_ATTR_DEV_NAME, 0, 0 },
		{ EDIT_UNKNOWN, 4000, 400, 0 },
		{ EDIT_UNKNOWN, VDPA_NL_ATTR_MAX + 1, 0, 0 },
	};
	struct env *e = *state;

	env_devices(e, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vdpa_dev *dev = NULL;

		fake_edit(e->k, VDPA_COMMAND_DEV_GET, cases[i].edit, cases[i].attr, cases[i].value,
			  1);
		assert_int_equal(vdpa_dev_get(e->ctx, "d0", &dev), cases[i].result);
		if (cases[i].result)
			assert_null(dev);
		else
			assert_string_equal(vdpa_dev_get_name(dev), "d0");
		vdpa_dev_unref(dev);
	}
}

static void test_no_such(void **state)
{
	struct env *e = *state;
	struct vdpa_dev *dev = NULL;

	check_error(e, vdpa_dev_get(e->ctx, "x", &dev), ENODEV,
		    "cannot show device \"x\": device not found (No such device)");
	check_error(e, vdpa_dev_get(e->ctx, "", &dev), ENODEV, NULL);
	assert_null(dev);
}

/* D16: a device that no management device made. */
static void test_unmanaged(void **state)
{
	struct env *e = *state;
	struct vdpa_dev *dev = NULL;
	uint32_t v = 7;

	fake_dev(e->k, NULL, "vdpa7", VDPA_ID_NET);
	assert_int_equal(vdpa_dev_get(e->ctx, "vdpa7", &dev), 0);
	assert_string_equal(vdpa_dev_get_name(dev), "vdpa7");
	assert_false(vdpa_dev_is_managed(dev));
	assert_null(vdpa_dev_get_error(dev));
	assert_null(vdpa_dev_get_mgmtdev(dev));
	assert_null(vdpa_dev_get_mgmtdev_bus(dev));
	assert_null(vdpa_dev_get_mgmtdev_name(dev));
	assert_false(vdpa_dev_get_id(dev, &v));
	assert_int_equal(v, 7);
	dev = vdpa_dev_unref(dev);

	/* Where sysfs does not know it either, the kernel's refusal stands. */
	fake_fault(e->k, VDPA_COMMAND_DEV_GET, FAULT_ERRNO, -EINVAL, 1);
	check_error(e, vdpa_dev_get(e->ctx, "y", &dev), EINVAL,
		    "cannot show device \"y\": Invalid argument");
	assert_null(dev);
}

/* Entries of the fake sysfs; path is below it. */
static void make_dir(struct env *e, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/sys/%s", e->k->root, path);
	assert_int_equal(mkdir(full, 0755), 0);
}

static void make_link(struct env *e, const char *path, const char *target)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/sys/%s", e->k->root, path);
	assert_int_equal(symlink(target, full), 0);
}

/* Bound to virtio_vdpa, its virtio device tells what it is. */
static void test_unmanaged_id(void **state)
{
	static const struct {
		const char *text;
		bool known;
		uint32_t id;
	} cases[] = { { "0x0002\n", true, 2 },
		      { "0xffffffff\n", true, UINT32_MAX },
		      { "0x100000000\n", false, 0 },
		      { "\n", false, 0 },
		      { "two\n", false, 0 } };
	struct env *e = *state;
	char path[256];

	fake_dev(e->k, NULL, "vdpa7", VDPA_ID_BLOCK);
	make_link(e, "bus/vdpa/devices/vdpa7/driver", "../virtio_vdpa");
	make_dir(e, "bus/vdpa/devices/vdpa7/virtio3");
	make_link(e, "bus/vdpa/devices/vdpa7/virtio3/subsystem", "../virtio");
	make_dir(e, "bus/virtio");
	make_dir(e, "bus/virtio/devices");
	make_link(e, "bus/virtio/devices/virtio3", "../../vdpa/devices/vdpa7/virtio3");
	snprintf(path, sizeof(path), "%s/sys/bus/virtio/devices/virtio3/device", e->k->root);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vdpa_dev *dev = NULL;
		uint32_t id = 0;
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(cases[i].text, f);
		fclose(f);
		assert_int_equal(vdpa_dev_get(e->ctx, "vdpa7", &dev), 0);
		assert_int_equal(vdpa_dev_get_id(dev, &id), cases[i].known);
		assert_int_equal(id, cases[i].id);
		vdpa_dev_unref(dev);
	}
}

static void test_long_names(void **state)
{
	static const int sizes[] = { 63, 64, 127, 128, 255, 300, 2000, 8000 };
	struct env *e = *state;

	env_devices(e, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct vdpa_dev *dev;

		fake_edit(e->k, VDPA_COMMAND_DEV_GET, EDIT_NAME, VDPA_NL_ATTR_DEV_NAME, sizes[i],
			  1);
		assert_int_equal(vdpa_dev_get(e->ctx, "d0", &dev), 0);
		assert_int_equal(strlen(vdpa_dev_get_name(dev)), sizes[i]);
		vdpa_dev_unref(dev);
	}
}

/* ---- all ---- */

static void check_list(struct env *e, const char *const *names)
{
	struct vdpa_dev_list *list = NULL;
	size_t n = 0;

	assert_int_equal(vdpa_dev_list(e->ctx, &list), 0);
	for (; names[n]; n++) {
		assert_non_null(vdpa_dev_list_get(list, n));
		assert_string_equal(vdpa_dev_get_name(vdpa_dev_list_get(list, n)), names[n]);
	}
	assert_int_equal(vdpa_dev_list_get_size(list), n);
	assert_null(vdpa_dev_list_get(list, n));
	assert_null(vdpa_dev_list_unref(list));
}

static void test_list(void **state)
{
	struct env *e = *state;

	check_list(e, (const char *const[]){ NULL });
	env_devices(e, 3);
	check_list(e, NAMES("d0", "d1", "d2"));
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_GET], 2);
}

static void test_list_unmanaged_last(void **state)
{
	struct env *e = *state;

	fake_dev(e->k, NULL, "a-unmanaged", VDPA_ID_NET);
	env_devices(e, 2);
	fake_dev(e->k, NULL, "z-unmanaged", VDPA_ID_NET);
	check_list(e, NAMES("d0", "d1", "a-unmanaged", "z-unmanaged"));
}

static void remove_first(struct fake *k)
{
	fake_remove(k, k->devs[0]->name);
}

/* D15: the kernel resumes a dump by position: a device that goes makes it skip one. */
static void test_list_skip(void **state)
{
	struct env *e = *state;
	struct vdpa_dev_list *list;

	env_devices(e, 60);
	e->k->round_bytes = 400;
	e->k->between_rounds = remove_first;
	assert_int_equal(vdpa_dev_list(e->ctx, &list), 0);
	assert_int_equal(vdpa_dev_list_get_size(list), 59);
	for (size_t i = 0; i < 59; i++) {
		const char *name = vdpa_dev_get_name(vdpa_dev_list_get(list, i));

		assert_string_not_equal(name, "d0");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(name,
						vdpa_dev_get_name(vdpa_dev_list_get(list, j)));
	}
	vdpa_dev_list_unref(list);
}

static void insert_in_front(struct fake *k)
{
	struct fake_dev *d = fake_dev(k, "vdpasim_net", "new", VDPA_ID_NET);

	memmove(k->devs + 1, k->devs, (k->n_devs - 1) * sizeof(*k->devs));
	k->devs[0] = d;
}

/* D15 the other way: a device that comes makes it repeat one. */
static void test_list_repeat(void **state)
{
	struct env *e = *state;

	env_devices(e, 6);
	e->k->round_bytes = 200;
	e->k->between_rounds = insert_in_front;
	check_list(e, NAMES("d0", "d1", "d2", "d3", "d4", "d5", "new"));
}

/* Without sysfs only the repetition can be seen. */
static void test_list_repeat_no_sysfs(void **state)
{
	struct env e;

	(void)state;
	env_open(&e, false);
	env_devices(&e, 6);
	e.k->round_bytes = 200;
	e.k->between_rounds = insert_in_front;
	check_list(&e, NAMES("d0", "d1", "d2", "d3", "d4", "d5"));
	env_close(&e);
}

static void remove_all(struct fake *k)
{
	while (k->n_devs)
		fake_remove(k, k->devs[0]->name);
}

static void test_list_vanish(void **state)
{
	struct env *e = *state;

	env_devices(e, 6);
	e->k->round_bytes = 200;
	e->k->between_rounds = remove_all;
	check_list(e, (const char *const[]){ NULL });
}

/* D14: the kernel ends a dump at the first device that it can't describe. */
static void test_list_broken(void **state)
{
	struct env *e = *state;
	const struct vdpa_error *err;
	struct vdpa_dev_list *list;
	struct vdpa_dev *dev;

	env_devices(e, 1);
	fake_dev(e->k, "vdpasim_net", "broken", VDPA_ID_NET)->broken = EIO;
	fake_dev(e->k, "vdpasim_net", "last", VDPA_ID_NET);
	assert_int_equal(vdpa_dev_list(e->ctx, &list), 0);
	assert_int_equal(vdpa_dev_list_get_size(list), 3);
	assert_string_equal(vdpa_dev_get_name(vdpa_dev_list_get(list, 0)), "d0");
	assert_string_equal(vdpa_dev_get_name(vdpa_dev_list_get(list, 2)), "last");
	dev = vdpa_dev_list_get(list, 1);
	assert_string_equal(vdpa_dev_get_name(dev), "broken");
	assert_null(vdpa_dev_get_mgmtdev(dev));
	err = vdpa_dev_get_error(dev);
	assert_non_null(err);
	assert_int_equal(vdpa_error_get_errno(err), EIO);
	assert_string_equal(vdpa_error_get_message(err),
			    "cannot show device \"broken\": Input/output error");
	vdpa_dev_list_unref(list);
}

/* In sysfs when it is looked at, gone when it is asked for. */
static void test_list_gone(void **state)
{
	struct env *e = *state;
	char path[128];

	env_devices(e, 1);
	snprintf(path, sizeof(path), "%s/sys/bus/vdpa/devices/ghost", e->k->root);
	assert_int_equal(mkdir(path, 0755), 0);
	check_list(e, NAMES("d0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_get),
		ENV_TEST(test_not_given),
		ENV_TEST(test_malformed),
		ENV_TEST(test_no_such),
		ENV_TEST(test_unmanaged),
		ENV_TEST(test_unmanaged_id),
		ENV_TEST(test_long_names),
		ENV_TEST(test_list),
		ENV_TEST(test_list_unmanaged_last),
		ENV_TEST(test_list_skip),
		ENV_TEST(test_list_repeat),
		cmocka_unit_test(test_list_repeat_no_sysfs),
		ENV_TEST(test_list_vanish),
		ENV_TEST(test_list_broken),
		ENV_TEST(test_list_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
