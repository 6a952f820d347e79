/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of parents, by the handles of their management devices. */
#include "tree.h"

#define VF "sys/devices/pci0000:00/0000:65:00.2"
#define PF "sys/devices/pci0000:00/0000:03:00.0"

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tree_setup, tree_teardown)

static void check_row(struct tree *t, const char *handle, const char *driver)
{
	const struct parent_info *info = parent_lookup(t->ctx, handle);

	check_string(info ? info->driver : NULL, driver);
}

static void check_public(struct tree *t)
{
	unsigned int attrs = 0xff;

	assert_true(vdpa_parent_get_attrs(t->ctx, "auxiliary/pds_core.vDPA.1", &attrs));
	assert_int_equal(attrs, VDPA_PARENT_MAC | VDPA_PARENT_MAX_VQP | VDPA_PARENT_FEATURES);
	assert_true(vdpa_parent_get_attrs(t->ctx, "vdpasim_blk", &attrs));
	assert_int_equal(attrs, 0);
	attrs = 0xff;
	assert_false(vdpa_parent_get_attrs(t->ctx, "pci/0000:03:00.7", &attrs));
	assert_int_equal(attrs, 0xff);
	check_string(vdpa_parent_get_module(t->ctx, "vdpasim_net"), "vdpa_sim_net");
	check_string(vdpa_parent_get_module(t->ctx, "pci/0000:03:00.7"), NULL);
}

static void test_parents(void **state)
{
	struct tree *t = *state;

	tree_device(t, VF, "pci", "ifcvf");
	tree_device(t, PF, "pci", "mlx5_core");
	check_row(t, "pci/0000:65:00.2", "ifcvf");
	check_row(t, "pci/0000:03:00.0", "mlx5_core");
	check_row(t, "pci/0000:03:00.7", NULL);
	check_row(t, "auxiliary/mlx5_core.sf.4", "mlx5_core.sf");
	check_row(t, "auxiliary/pds_core.vDPA.1", "pds_vdpa.vDPA");
	check_row(t, "vdpasim_net", "vdpasim_net");
	check_row(t, "vdpasim_blk", "vdpasim_blk");
	check_row(t, "vduse", "vduse");
	check_row(t, "ifcvf", NULL); /* a driver, but no handle */
	check_row(t, "", NULL);
	check_row(t, "/", NULL);
	check_row(t, "pci/", NULL);
	check_row(t, "/0000:65:00.2", NULL);
	check_row(t, "pci/../pci/devices/0000:65:00.2", NULL);
	check_row(t, "../pci/0000:65:00.2", NULL);
	tree_bind(t, VF, "pci", "vp-vdpa");
	assert_true(parent_lookup(t->ctx, "pci/0000:65:00.2")->unchecked);
	tree_bind(t, VF, "pci", "octep_vdpa");
	assert_true(parent_lookup(t->ctx, "pci/0000:65:00.2")->unchecked);
	check_public(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
