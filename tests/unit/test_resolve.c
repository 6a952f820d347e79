/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a key to devices.  /dev/null (1:3) stands for a char device; block devices are found by name here. */
#include "businfo.h"
#include "nic.h"

static int setup(void **state)
{
	forget_bus_infos();
	return tree_setup(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, tree_teardown)

/* names: those found, with a blank behind each. */
static void check(struct tree *t, const char *key, const char *kind, const char *names)
{
	struct vdpa_sysdev_list *list = NULL;
	char got[256] = "";
	const char *what = NULL;
	int r = vdpa_resolve(t->ctx, key, &what, &list);

	if (!names) {
		assert_int_equal(r, -ENODEV);
		assert_null(list);
		assert_non_null(strstr(tree_message(t), "no vDPA device belongs to \""));
		return;
	}
	if (r)
		fail_msg("%s: %d %s", key, r, tree_message(t));
	for (size_t i = 0; i < vdpa_sysdev_list_get_size(list); i++) {
		strcat(got, vdpa_sysdev_get_name(vdpa_sysdev_list_get(list, i)));
		strcat(got, " ");
	}
	assert_string_equal(got, names);
	assert_string_equal(what, kind);
	vdpa_sysdev_list_unref(list);
}

static void test_software(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev_list *list = NULL;
	char *path;

	tree_vdpa(t, "sys/devices", "sim0", "virtio_vdpa");
	tree_virtio(t, "sys/devices/sim0", "virtio3", "net/eth0");
	tree_link(t, "sys/devices/sim0/virtio3/net/eth0/device", "sys/devices/sim0/virtio3");
	tree_link(t, "sys/class/net/eth0", "sys/devices/sim0/virtio3/net/eth0");
	tree_vduse(t, "disk", "1:3", "virtio_vdpa");
	tree_virtio(t, "sys/devices/virtual/vduse/disk/disk", "virtio4", "block/vda");
	tree_mkdir(t, "sys/devices/virtual/vduse/disk/disk/virtio4/block/vda/vda1");
	tree_link(t, "sys/class/block/vda",
		  "sys/devices/virtual/vduse/disk/disk/virtio4/block/vda");
	tree_link(t, "sys/class/block/vda1",
		  "sys/devices/virtual/vduse/disk/disk/virtio4/block/vda/vda1");
	check(t, "sim0", "device", "sim0 ");
	check(t, "eth0", "netdev", "sim0 ");
	check(t, "virtio3", "virtio", "sim0 ");
	check(t, "virtio/virtio3", "virtio", "sim0 ");
	check(t, "vda", "blockdev", "disk ");
	check(t, "vda1", "blockdev", "disk ");
	check(t, "virtio4", "virtio", "disk ");
	/* the device of the VDUSE daemon itself */
	tree_link(t, "sys/dev/char/1:3", "sys/devices/virtual/vduse/disk");
	check(t, "/dev/null", "chardev", "disk ");
	/* a name wins over what else is called so */
	tree_vdpa(t, "sys/devices", "eth0", NULL);
	check(t, "eth0", "device", "eth0 ");
	/* nobody has to ask what it was */
	path = tree_path(t, "dev");
	assert_int_equal(vdpa_resolve(t->ctx, "sim0", NULL, &list), 0);
	vdpa_sysdev_list_unref(list);
	free(path);
}

static void test_chardev(void **state)
{
	struct tree *t = *state;
	char *link = tree_path(t, "dev/vdpa/by-name/sim0"), *again = tree_path(t, "dev/again");

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-7", "1:3\n");
	check(t, "/dev/null", NULL, NULL);
	tree_link(t, "sys/dev/char/1:3", "sys/devices/sim0/vhost-vdpa-7");
	check(t, "/dev/null", "chardev", "sim0 ");
	tree_link(t, "dev/vdpa/by-name/sim0", "/dev/null");
	tree_link(t, "dev/again", "dev/vdpa/by-name/sim0");
	check(t, link, "chardev", "sim0 ");
	check(t, again, "chardev", "sim0 ");
	/* by its name in the context's /dev */
	tree_link(t, "dev/vhost-vdpa-7", "/dev/null");
	check(t, "vhost-vdpa-7", "chardev", "sim0 ");
	check(t, "vhost-vdpa-8", NULL, NULL);
	/* no node here, and one that another device had when it was copied */
	tree_vdpa(t, "sys/devices", "sim1", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim1", "vhost-vdpa-8", "1:7\n");
	tree_link(t, "sys/dev/char/1:7", "sys/devices/sim1/vhost-vdpa-8");
	check(t, "vhost-vdpa-8", "chardev", "sim1 ");
	tree_link(t, "dev/vhost-vdpa-8", "/dev/null");
	check(t, "vhost-vdpa-8", "chardev", "sim1 ");
	check(t, "vhost-vdpa-9", NULL, NULL);
	check(t, "/dev/zero", NULL, NULL);
	check(t, "/dev", NULL, NULL);
	check(t, "/etc/passwd", NULL, NULL);
	free(again);
	free(link);
}

static void hardware(struct tree *t)
{
	tree_device(t, NIC_PF, "pci", "mlx5_core");
	nic_vf(t, NIC_PF, NIC_VF, "0");
	nic_sf(t, NIC_SF, "88\n");
	nic_sf(t, NIC_PF "/mlx5_core.sf.5", "89\n");
	tree_device(t, NIC_PF "/mlx5_core.eth.0", "auxiliary", "mlx5_core.eth");
	tree_vdpa(t, NIC_VF, "vf", "virtio_vdpa");
	tree_vdpa(t, NIC_SF, "sf88", "virtio_vdpa");
	tree_vdpa(t, NIC_PF "/mlx5_core.sf.5", "sf89", "virtio_vdpa");
	nic_netdev(t, "uplink", NIC_PF, "p0\n", "aa\n");
	nic_netdev(t, "repvf", NIC_PF, "pf0vf0\n", "aa\n");
	nic_netdev(t, "repsf", NIC_PF, "pf0sf89\n", "aa\n");
}

static void test_hardware(void **state)
{
	struct tree *t = *state;

	hardware(t);
	check(t, "0000:65:00.2", "pci", "vf ");
	check(t, "65:00.2", "pci", "vf ");
	check(t, "pci/0000:65:00.2", "pci", "vf ");
	check(t, "mlx5_core.sf.4", "auxiliary", "sf88 ");
	check(t, "auxiliary/mlx5_core.sf.5", "auxiliary", "sf89 ");
	check(t, "repvf", "representor", "vf ");
	check(t, "repsf", "representor", "sf89 ");
	check(t, "uplink", NULL, NULL);
	check(t, "mlx5_core.eth.0", NULL, NULL);
	check(t, "auxiliary/0000:65:00.2", NULL, NULL);
	check(t, "usb/0000:65:00.2", NULL, NULL);
}

/* Those of its subfunctions too; in whatever order the directory has them. */
static void test_function(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev_list *list = NULL;

	hardware(t);
	assert_int_equal(vdpa_resolve(t->ctx, "0000:65:00.0", NULL, &list), 0);
	assert_int_equal(vdpa_sysdev_list_get_size(list), 2);
	vdpa_sysdev_list_unref(list);
}

/* The virtio devices of subfunctions are all below the physical function. */
static void test_siblings(void **state)
{
	struct tree *t = *state;

	hardware(t);
	tree_virtio(t, NIC_VF, "virtio1", NULL);
	tree_virtio(t, NIC_PF, "virtio4", "net/eth4");
	tree_virtio(t, NIC_PF, "virtio5", "net/eth5");
	check(t, "virtio1", "virtio", "vf ");
	check(t, "virtio4", NULL, NULL);
	set_bus_info(0, "eth5", "sf88");
	check(t, "virtio5", "virtio", "sf88 ");
	check(t, "virtio4", NULL, NULL);
	tree_link(t, NIC_PF "/virtio5/net/eth5/device", NIC_PF "/virtio5");
	tree_link(t, "sys/class/net/eth5", NIC_PF "/virtio5/net/eth5");
	check(t, "eth5", "netdev", "sf88 ");
	/* An interface that names somebody else's device proves nothing. */
	set_bus_info(0, "eth5", "vf");
	check(t, "virtio5", NULL, NULL);
}

static void test_nothing(void **state)
{
	static const char *const keys[] = { "",	      ".",	 "..",		"/",
					    "//",     "../x",	 "a/b/c",	"pci/",
					    "pci/..", "virtio",	 "vhost-vdpa-", "%s%n",
					    "\xff",   "pci/a/b", "0000:65:00.9" };
	struct tree *t = *state;

	hardware(t);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		check(t, keys[i], NULL, NULL);
	tree_link(t, "sys/class/net/loop", "sys/class/net/loop");
	tree_link(t, "sys/class/net/self/device", "sys/class/net/self/device");
	tree_link(t, "sys/bus/virtio/devices/virtio9", "sys/gone");
	check(t, "loop", NULL, NULL);
	check(t, "self", NULL, NULL);
	check(t, "virtio9", NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_software), TEST(test_chardev),  TEST(test_hardware),
		TEST(test_function), TEST(test_siblings), TEST(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
