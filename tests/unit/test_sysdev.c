/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which device is what in sysfs, in the layouts of simulators, VDUSE and hardware. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "businfo.h"
#include "tree.h"

#define VF "sys/devices/pci0000:00/0000:65:00.2"
#define PF "sys/devices/pci0000:00/0000:03:00.0"
#define UUID "7f5c1a52-8f0e-4c8e-9d0c-0f6a4b2c9d1e"

static int setup(void **state)
{
	forget_bus_infos();
	return tree_setup(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, tree_teardown)

static struct vdpa_sysdev *get(struct tree *t, const char *name)
{
	struct vdpa_sysdev *s = NULL;

	assert_int_equal(vdpa_sysdev_get(t->ctx, name, &s), 0);
	return s;
}

static void check_virtio(struct tree *t, const char *name, const char *virtio, const char *netdev,
			 const char *blockdev)
{
	struct vdpa_sysdev *s = get(t, name);

	check_string(vdpa_sysdev_get_virtio(s), virtio);
	check_string(vdpa_sysdev_get_netdev(s), netdev);
	check_string(vdpa_sysdev_get_blockdev(s), blockdev);
	vdpa_sysdev_unref(s);
}

static void check_parent(struct tree *t, const char *name, const char *parent, const char *bus,
			 const char *driver)
{
	struct vdpa_sysdev *s = get(t, name);

	check_string(vdpa_sysdev_get_parent(s), parent);
	check_string(vdpa_sysdev_get_parent_bus(s), bus);
	check_string(vdpa_sysdev_get_parent_driver(s), driver);
	vdpa_sysdev_unref(s);
}

static void test_vdpasim(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev *s;
	char *path = tree_path(t, "sys/devices/sim0");

	tree_vdpa(t, "sys/devices", "sim0", "virtio_vdpa");
	tree_virtio(t, "sys/devices/sim0", "virtio3", "net/eth0");
	s = get(t, "sim0");
	assert_string_equal(vdpa_sysdev_get_path(s), path);
	assert_string_equal(vdpa_sysdev_get_driver(s), "virtio_vdpa");
	assert_null(vdpa_sysdev_get_driver_override(s));
	assert_null(vdpa_sysdev_get_chardev(s));
	assert_false(vdpa_sysdev_get_chardev_number(s, &(dev_t){ 0 }));
	assert_ptr_equal(vdpa_sysdev_ref(s), s);
	assert_null(vdpa_sysdev_unref(s));
	assert_null(vdpa_sysdev_unref(s));
	check_virtio(t, "sim0", "virtio3", "eth0", NULL);
	check_parent(t, "sim0", NULL, NULL, NULL);
	free(path);
}

static void test_vduse(void **state)
{
	struct tree *t = *state;

	tree_vduse(t, "disk", "240:5", "virtio_vdpa");
	tree_virtio(t, "sys/devices/virtual/vduse/disk/disk", "virtio0", "block/vda");
	check_virtio(t, "disk", "virtio0", NULL, "vda");
	check_parent(t, "disk", "disk", "vduse", NULL);
	/* named after what it is not */
	tree_vduse(t, "virtio1", "240:6", "virtio_vdpa");
	check_virtio(t, "virtio1", NULL, NULL, NULL);
}

static void test_vhost(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev *s;
	dev_t number;
	char *path = tree_path(t, "dev/vhost-vdpa-17");

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_write(t, "sys/devices/sim0/driver_override", "vhost_vdpa\n");
	tree_mkdir(t, "sys/devices/sim0/vhost-vdpa-");
	tree_mkdir(t, "sys/devices/sim0/vhost-vdpa-1x");
	tree_mkdir(t, "sys/devices/sim0/vhost-vdpa-18"); /* without a number */
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-17", "236:1048575\n");
	s = get(t, "sim0");
	check_string(vdpa_sysdev_get_driver(s), "vhost_vdpa");
	check_string(vdpa_sysdev_get_driver_override(s), "vhost_vdpa");
	check_string(vdpa_sysdev_get_chardev(s), path);
	assert_true(vdpa_sysdev_get_chardev_number(s, &number));
	assert_int_equal(major(number), 236);
	assert_int_equal(minor(number), 1048575);
	assert_null(vdpa_sysdev_get_virtio(s));
	vdpa_sysdev_unref(s);
	free(path);
}

static void test_unbound(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev *s;

	tree_device(t, VF, "pci", "ifcvf");
	tree_vdpa(t, VF, "foo", NULL);
	tree_virtio(t, VF, "virtio3", "net/eth0");
	s = get(t, "foo");
	assert_null(vdpa_sysdev_get_driver(s));
	assert_null(vdpa_sysdev_get_chardev(s));
	assert_null(vdpa_sysdev_get_virtio(s));
	vdpa_sysdev_unref(s);
	check_parent(t, "foo", "0000:65:00.2", "pci", "ifcvf");
}

static void test_vf_only_child(void **state)
{
	struct tree *t = *state;

	tree_device(t, VF, "pci", "vp-vdpa");
	tree_vdpa(t, VF, "foo", "virtio_vdpa");
	tree_virtio(t, VF, "virtio7", "block/vdb");
	/* a sibling that virtio_vdpa doesn't drive, and a device elsewhere */
	tree_vdpa(t, VF, "virtio9", "vhost_vdpa");
	tree_vdpa(t, "sys/devices", "sim0", "virtio_vdpa");
	check_virtio(t, "foo", "virtio7", NULL, "vdb");
}

static void test_vf_netdev(void **state)
{
	struct tree *t = *state;

	tree_device(t, VF, "pci", "mlx5_core");
	tree_vdpa(t, VF, "foo", "virtio_vdpa");
	tree_vdpa(t, VF, "bar", "virtio_vdpa");
	tree_virtio(t, VF, "virtio7", "net/eth7");
	tree_virtio(t, VF, "virtio8", "net/eth8");
	/* nobody knows */
	check_virtio(t, "foo", NULL, NULL, NULL);
	set_bus_info(0, "eth7", "bar");
	set_bus_info(1, "eth8", "foo");
	check_virtio(t, "foo", "virtio8", "eth8", NULL);
	check_virtio(t, "bar", "virtio7", "eth7", NULL);
}

static void test_vf_other_child(void **state)
{
	struct tree *t = *state;

	tree_device(t, VF, "pci", "mlx5_core");
	tree_vdpa(t, VF, "foo", "virtio_vdpa");
	tree_virtio(t, VF, "virtio7", "net/eth7");
	check_virtio(t, "foo", "virtio7", "eth7", NULL);
	/* the only one, and yet not its own: it just came or went */
	set_bus_info(0, "eth7", "gone");
	check_virtio(t, "foo", NULL, NULL, NULL);
}

static void test_sf_siblings(void **state)
{
	struct tree *t = *state;

	tree_device(t, PF, "pci", "mlx5_core");
	tree_device(t, PF "/mlx5_core.sf.2", "auxiliary", "mlx5_core.sf");
	tree_device(t, PF "/mlx5_core.sf.3", "auxiliary", "mlx5_core.sf");
	tree_vdpa(t, PF "/mlx5_core.sf.2", "sf2", "virtio_vdpa");
	tree_virtio(t, PF, "virtio4", NULL);
	/* alone so far */
	check_virtio(t, "sf2", "virtio4", NULL, NULL);
	check_parent(t, "sf2", "mlx5_core.sf.2", "auxiliary", "mlx5_core.sf");
	/* its sibling counts, even before it has a virtio device */
	tree_vdpa(t, PF "/mlx5_core.sf.3", "sf3", "virtio_vdpa");
	check_virtio(t, "sf2", NULL, NULL, NULL);
	tree_virtio(t, PF, "virtio5", "net/eth5");
	set_bus_info(0, "eth5", "sf3");
	check_virtio(t, "sf3", "virtio5", "eth5", NULL);
	check_virtio(t, "sf2", NULL, NULL, NULL);
}

static void test_pf_with_sf(void **state)
{
	struct tree *t = *state;

	tree_device(t, PF, "pci", "mlx5_core");
	tree_device(t, PF "/mlx5_core.sf.2", "auxiliary", "mlx5_core.sf");
	tree_vdpa(t, PF, "pf", "virtio_vdpa");
	tree_vdpa(t, PF "/mlx5_core.sf.2", "sf2", "virtio_vdpa");
	tree_virtio(t, PF, "virtio4", NULL);
	check_virtio(t, "pf", NULL, NULL, NULL);
	check_virtio(t, "sf2", NULL, NULL, NULL);
	tree_bind(t, PF "/mlx5_core.sf.2/sf2", "vdpa", "vhost_vdpa");
	check_virtio(t, "pf", "virtio4", NULL, NULL);
	check_virtio(t, "sf2", NULL, NULL, NULL);
}

/* bus_info holds 31 octets: a longer name is a proof only while no other begins so. */
static void test_long_names(void **state)
{
	struct tree *t = *state;

	tree_device(t, PF, "pci", "mlx5_core");
	tree_device(t, PF "/mlx5_core.sf.2", "auxiliary", "mlx5_core.sf");
	tree_device(t, PF "/mlx5_core.sf.3", "auxiliary", "mlx5_core.sf");
	tree_vdpa(t, PF "/mlx5_core.sf.2", UUID, "virtio_vdpa");
	tree_vdpa(t, PF "/mlx5_core.sf.3", "sf3", "virtio_vdpa");
	tree_virtio(t, PF, "virtio4", "net/eth4");
	tree_virtio(t, PF, "virtio5", "net/eth5");
	set_bus_info(0, "eth4", "sf3");
	set_bus_info(1, "eth5", UUID);
	check_virtio(t, UUID, "virtio5", "eth5", NULL);
	tree_vdpa(t, "sys/devices", UUID "-2", NULL);
	check_virtio(t, UUID, NULL, NULL, NULL);
}

/* The system calls that look at drivers, buses and parents: the library's go through here. */
static size_t links_read;

ssize_t readlink(const char *path, char *buf, size_t size)
{
	links_read++;
	return syscall(SYS_readlinkat, AT_FDCWD, path, buf, size);
}

#define MANY 60

static size_t links_of_list(struct tree *t)
{
	struct vdpa_sysdev_list *list = NULL;

	links_read = 0;
	bus_infos_asked = 0;
	assert_int_equal(vdpa_sysdev_list(t->ctx, &list), 0);
	vdpa_sysdev_list_unref(list);
	return links_read;
}

/* A list of siblings costs no more a device the more there are. */
static void test_many_siblings(void **state)
{
	static char names[MANY][2][16];
	struct tree *t = *state;
	struct vdpa_sysdev_list *list = NULL;
	size_t links = 0;

	tree_device(t, PF, "pci", "mlx5_core");
	for (size_t i = 0; i < MANY; i++) {
		char *sf = format_string(PF "/mlx5_core.sf.%zu", i);
		char *child;
		char virtio[16];

		snprintf(names[i][0], sizeof(names[i][0]), "eth%zu", i);
		snprintf(names[i][1], sizeof(names[i][1]), "sf%02zu", MANY - i);
		snprintf(virtio, sizeof(virtio), "virtio%zu", i);
		child = format_string("net/%s", names[i][0]);
		tree_device(t, sf, "auxiliary", "mlx5_core.sf");
		tree_vdpa(t, sf, names[i][1], "virtio_vdpa");
		tree_virtio(t, PF, virtio, child);
		set_bus_info(i, names[i][0], names[i][1]);
		free(sf);
		free(child);
		/* The newest alone: none of the others is asked. */
		bus_infos_asked = 0;
		check_virtio(t, names[i][1], virtio, names[i][0], NULL);
		assert_int_equal(bus_infos_asked, 1);
		if (i + 1 == MANY / 2)
			links = links_of_list(t);
	}
	assert_in_range(links_of_list(t), 1, links * 2 + 10);
	assert_int_equal(bus_infos_asked, MANY);
	assert_int_equal(vdpa_sysdev_list(t->ctx, &list), 0);
	for (size_t i = 0; i < MANY; i++) {
		struct vdpa_sysdev *s = vdpa_sysdev_list_get(list, i);
		char virtio[16];

		snprintf(virtio, sizeof(virtio), "virtio%zu", MANY - i - 1);
		check_string(vdpa_sysdev_get_virtio(s), virtio);
	}
	vdpa_sysdev_list_unref(list);
}

/* VFs whose interfaces are in containers: each is the only one in its place, whatever there is elsewhere. */
static void test_many_functions(void **state)
{
	struct tree *t = *state;
	size_t links = 0;

	for (size_t i = 0; i < MANY; i++) {
		char *vf = format_string("sys/devices/pci0000:00/0000:65:%02zx.0", i);
		char name[16], virtio[16];

		snprintf(name, sizeof(name), "vf%zu", i);
		snprintf(virtio, sizeof(virtio), "virtio%zu", i);
		tree_device(t, vf, "pci", "mlx5_core");
		tree_vdpa(t, vf, name, "virtio_vdpa");
		tree_virtio(t, vf, virtio, NULL);
		free(vf);
		if (i + 1 == MANY / 2)
			links = links_of_list(t);
	}
	assert_in_range(links_of_list(t), 1, links * 2 + 10);
	check_virtio(t, "vf7", "virtio7", NULL, NULL);
}

/* Some of many, in their order; one that is not there fails all. */
static void test_named(void **state)
{
	static const char *const names[] = { "c", "a", "c", "nobody" };
	struct tree *t = *state;
	struct vdpa_sysdev_list *list = NULL;

	tree_vdpa(t, "sys/devices", "a", "vhost_vdpa");
	tree_vdpa(t, "sys/devices", "b", NULL);
	tree_vdpa(t, "sys/devices", "c", NULL);
	assert_int_equal(vdpa_sysdev_list_named(t->ctx, names, 3, &list), 0);
	assert_int_equal(vdpa_sysdev_list_get_size(list), 3);
	for (size_t i = 0; i < 3; i++)
		check_string(vdpa_sysdev_get_name(vdpa_sysdev_list_get(list, i)), names[i]);
	list = vdpa_sysdev_list_unref(list);
	assert_int_equal(vdpa_sysdev_list_named(t->ctx, names, 4, &list), -ENODEV);
	assert_string_equal(tree_message(t), "no vDPA device is named \"nobody\"");
	assert_null(list);
}

/* What sysfs of another network namespace calls lo is not this one's. */
static void test_bus_info_elsewhere(void **state)
{
	struct tree *t = *state;

	tree_device(t, VF, "pci", "mlx5_core");
	tree_vdpa(t, VF, "foo", "virtio_vdpa");
	tree_vdpa(t, VF, "bar", "virtio_vdpa");
	tree_virtio(t, VF, "virtio7", "net/lo");
	set_bus_info(0, "lo", "foo");
	check_virtio(t, "foo", "virtio7", "lo", NULL);
	tree_write(t, VF "/virtio7/net/lo/ifindex", "4000000\n");
	check_virtio(t, "foo", NULL, NULL, NULL);
}

static void test_missing(void **state)
{
	static const char *const names[] = { "nobody", "", ".", "..", "a/b", "/", "../devices" };
	struct tree *t = *state;
	struct vdpa_sysdev *s = NULL;

	tree_vdpa(t, "sys/devices", "sim0", NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(vdpa_sysdev_get(t->ctx, names[i], &s), -ENODEV);
		assert_null(s);
		assert_int_equal(vdpa_error_get_errno(vdpa_ctx_get_error(t->ctx)), ENODEV);
	}
	/* a dead link: it went just now */
	tree_link(t, "sys/bus/vdpa/devices/dead", "sys/devices/dead");
	assert_int_equal(vdpa_sysdev_get(t->ctx, "dead", &s), -ENODEV);
}

static void test_hostile_names(void **state)
{
	static const char *const names[] = { "a b",   "%s%n", "new\nline", "a!b",    "-rf",
					     "\"'\\", "\xff", "\x1b[31m",  "driver", "$(id)" };
	struct tree *t = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path;
		struct vdpa_sysdev *s;

		tree_vdpa(t, "sys/devices", names[i], "virtio_vdpa");
		path = tree_path(t, "sys/devices/%s", names[i]);
		s = get(t, names[i]);
		assert_string_equal(vdpa_sysdev_get_path(s), path);
		vdpa_sysdev_unref(s);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vdpasim),	   TEST(test_vduse),
		TEST(test_vhost),	   TEST(test_unbound),
		TEST(test_vf_only_child),  TEST(test_vf_netdev),
		TEST(test_vf_other_child), TEST(test_sf_siblings),
		TEST(test_pf_with_sf),	   TEST(test_long_names),
		TEST(test_many_siblings),  TEST(test_many_functions),
		TEST(test_named),	   TEST(test_bus_info_elsewhere),
		TEST(test_missing),	   TEST(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
