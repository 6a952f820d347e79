/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read of sysfs: the names on the bus, small files, device numbers. */
#include "sysdev.h"
#include "sysfs.h"
#include "tree.h"

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tree_setup, tree_teardown)

static void test_names(void **state)
{
	struct tree *t = *state;
	char **names = NULL;
	size_t n = 0;

	assert_int_equal(sysdev_names(t->ctx, &names, &n), 0);
	assert_int_equal(n, 0);
	assert_null(names[0]);
	free_names(names);
	tree_vdpa(t, "sys/devices", "b", NULL);
	tree_vdpa(t, "sys/devices", "a10", NULL);
	tree_vdpa(t, "sys/devices", "a2", NULL);
	assert_int_equal(sysdev_names(t->ctx, &names, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(names[0], "a10");
	assert_string_equal(names[1], "a2");
	assert_string_equal(names[2], "b");
	assert_null(names[3]);
	free_names(names);
	free_names(NULL);
}

static void test_no_bus(void **state)
{
	static const char *const wanted[] = { "sim0" };
	struct tree *t = *state;
	struct vdpa_sysdev_list *list = NULL;
	char **names = NULL;
	size_t n = 0;
	char *path = tree_path(t, "sys/bus/vdpa/devices");

	assert_int_equal(rmdir(path), 0);
	assert_int_equal(sysdev_names(t->ctx, &names, &n), -ENOENT);
	assert_int_equal(vdpa_sysdev_list(t->ctx, &list), -ENOENT);
	assert_int_equal(vdpa_sysdev_list_named(t->ctx, wanted, 1, &list), -ENODEV);
	assert_string_equal(tree_message(t), "no vDPA device is named \"sim0\"");
	assert_null(list);
	free(path);
}

static void test_files(void **state)
{
	struct tree *t = *state;
	char *path = tree_path(t, "files/file");
	char *s;

	tree_write(t, "files/file", "one\ntwo\n");
	s = sysfs_read(path);
	check_string(s, "one");
	free(s);
	tree_write(t, "files/file", "");
	s = sysfs_read(path);
	check_string(s, "");
	free(s);
	assert_null(sysfs_link_name(path));
	assert_int_equal(errno, EINVAL);
	free(path);
	assert_null(sysfs_read("/nonexistent/file"));
	assert_int_equal(errno, ENOENT);
	assert_null(sysfs_read("/"));
	assert_true(is_numbered("virtio0", "virtio"));
	assert_false(is_numbered("virtio", "virtio"));
	assert_false(is_numbered("virtio1a", "virtio"));
	assert_false(is_numbered("virtiox", "virtio"));
}

static void check_dev(struct tree *t, const char *text, int want)
{
	char *dir = tree_path(t, "d");
	dev_t number = 0;

	tree_write(t, "d/dev", text);
	assert_int_equal(sysfs_read_dev(dir, &number), want);
	free(dir);
}

static void test_device_numbers(void **state)
{
	struct tree *t = *state;

	check_dev(t, "1:3\n", 0);
	check_dev(t, "", -EINVAL);
	check_dev(t, "1", -EINVAL);
	check_dev(t, "1:", -EINVAL);
	check_dev(t, ":3", -EINVAL);
	check_dev(t, "1:3:4", -EINVAL);
	check_dev(t, "-1:3", -EINVAL);
	check_dev(t, "1:4294967296", -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_no_bus),
		TEST(test_files),
		TEST(test_device_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
