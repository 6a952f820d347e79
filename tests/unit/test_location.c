/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a device lives, and which interface stands for it. */
#include <dirent.h>
#include <fcntl.h>

#include "nic.h"
#include "sysdev.h"

#define N(number) ((number) + 1)

struct want {
	const char *pci;
	const char *pf;
	int vf; /* N(number); 0: none */
	int sf;
	int numa_node;
	const char *representor;
};

static void same(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got ? got : "(none)", want);
}

static void check_sysdev(const struct vdpa_sysdev *s, const struct want *w)
{
	uint32_t n = 0;
	int node = 0;

	same(vdpa_sysdev_get_pci(s), w->pci);
	same(vdpa_sysdev_get_pf(s), w->pf);
	assert_int_equal(vdpa_sysdev_get_vf(s, &n) ? N((int)n) : 0, w->vf);
	assert_int_equal(vdpa_sysdev_get_sf(s, &n) ? N((int)n) : 0, w->sf);
	assert_int_equal(vdpa_sysdev_get_numa_node(s, &node) ? N(node) : 0, w->numa_node);
	same(vdpa_sysdev_get_representor(s), w->representor);
	/* It was found, or not: asked again it is the same. */
	same(vdpa_sysdev_get_representor(s), w->representor);
}

/* By itself, and in the list of all. */
static void check(struct tree *t, const char *name, struct want w)
{
	struct vdpa_sysdev_list *list = NULL;
	struct vdpa_sysdev *s = NULL;
	bool found = false;

	assert_int_equal(vdpa_sysdev_get(t->ctx, name, &s), 0);
	assert_string_equal(vdpa_sysdev_get_name(s), name);
	check_sysdev(s, &w);
	vdpa_sysdev_unref(s);
	assert_int_equal(vdpa_sysdev_list(t->ctx, &list), 0);
	for (size_t i = 0; i < vdpa_sysdev_list_get_size(list); i++) {
		s = vdpa_sysdev_list_get(list, i);
		if (strcmp(vdpa_sysdev_get_name(s), name) != 0)
			continue;
		check_sysdev(s, &w);
		found = true;
	}
	assert_true(found);
	assert_null(vdpa_sysdev_list_unref(list));
}

#define WANT(...) ((struct want){ __VA_ARGS__ })

static void test_software(void **state)
{
	struct tree *t = *state;

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_vduse(t, "disk", "240:5", NULL);
	nic_netdev(t, "rep", NULL, "pf0vf0\n", NULL);
	check(t, "sim0", WANT());
	check(t, "disk", WANT());
}

static void test_physical(void **state)
{
	struct tree *t = *state;

	tree_device(t, NIC_PF, "pci", "vp-vdpa");
	tree_write_at(t, NIC_PF, "numa_node", "1\n");
	tree_vdpa(t, NIC_PF, "a", NULL);
	check(t, "a", WANT(.pci = "0000:65:00.0", .pf = "0000:65:00.0", .numa_node = N(1)));
	tree_write_at(t, NIC_PF, "numa_node", "-1\n");
	check(t, "a", WANT(.pci = "0000:65:00.0", .pf = "0000:65:00.0"));
	tree_write_at(t, NIC_PF, "numa_node", "junk");
	check(t, "a", WANT(.pci = "0000:65:00.0", .pf = "0000:65:00.0"));
}

#define VF_WANT .pci = "0000:65:00.2", .pf = "0000:65:00.0"

static void test_vf(void **state)
{
	struct tree *t = *state;

	tree_device(t, NIC_PF, "pci", "mlx5_core");
	nic_vf(t, NIC_PF, NIC_BUS "0000:65:00.7", "0");
	nic_vf(t, NIC_PF, NIC_VF, "3");
	tree_vdpa(t, NIC_VF, "a", "vhost_vdpa");
	tree_mkdir(t, NIC_PF "/virtfnx");
	tree_mkdir(t, NIC_PF "/virtfn99999999999");
	check(t, "a", WANT(VF_WANT, .vf = N(3)));
	/* Where the function says how its VFs lie, that is looked at, and no more believed than the links. */
	tree_write_at(t, NIC_PF, "sriov_offset", "2\n");
	tree_write_at(t, NIC_PF, "sriov_stride", "1\n");
	check(t, "a", WANT(VF_WANT, .vf = N(3)));
	tree_link_at(t, NIC_PF, "virtfn0", NIC_VF);
	check(t, "a", WANT(VF_WANT, .vf = N(0)));
	tree_write_at(t, NIC_PF, "sriov_offset", "9\n");
	tree_link_at(t, NIC_PF, "virtfn0", NIC_BUS "0000:65:00.7");
	check(t, "a", WANT(VF_WANT, .vf = N(3)));
	tree_write_at(t, NIC_PF, "sriov_offset", "0\n");
	tree_write_at(t, NIC_PF, "sriov_stride", "0\n");
	check(t, "a", WANT(VF_WANT, .vf = N(3)));
}

/* The VFs of a large function go on on the next bus. */
static void test_vf_next_bus(void **state)
{
	struct tree *t = *state;

	tree_device(t, NIC_PF, "pci", "mlx5_core");
	tree_write_at(t, NIC_PF, "sriov_offset", "2\n");
	tree_write_at(t, NIC_PF, "sriov_stride", "2\n");
	nic_vf(t, NIC_PF, NIC_BUS "0000:66:00.4", "129");
	tree_vdpa(t, NIC_BUS "0000:66:00.4", "a", NULL);
	check(t, "a", WANT(.pci = "0000:66:00.4", .pf = "0000:65:00.0", .vf = N(129)));
}

static void test_sf(void **state)
{
	struct tree *t = *state;

	tree_device(t, NIC_PF, "pci", "mlx5_core");
	tree_write_at(t, NIC_PF, "numa_node", "0\n");
	nic_sf(t, NIC_SF, "88\n");
	tree_vdpa(t, NIC_SF, "a", NULL);
	check(t, "a",
	      WANT(.pci = "0000:65:00.0", .pf = "0000:65:00.0", .sf = N(88), .numa_node = N(0)));
	/* The number is not the one in the auxiliary device's name. */
	nic_netdev(t, "r4", NIC_PF, "pf0sf4\n", NULL);
	nic_netdev(t, "r88", NIC_PF, "pf0sf88\n", NULL);
	nic_netdev(t, "v88", NIC_PF, "pf0vf88\n", NULL);
	check(t, "a",
	      WANT(.pci = "0000:65:00.0", .pf = "0000:65:00.0", .sf = N(88), .numa_node = N(0),
		   .representor = "r88"));
	tree_write_at(t, NIC_SF, "sfnum", "eighty-eight\n");
	check(t, "a", WANT(.pci = "0000:65:00.0", .pf = "0000:65:00.0", .numa_node = N(0)));
	/* On an auxiliary device that lies below no function. */
	nic_sf(t, "sys/devices/standin/mlx5_core.sf.1", "1001\n");
	tree_vdpa(t, "sys/devices/standin/mlx5_core.sf.1", "b", NULL);
	check(t, "b", WANT(.sf = N(1001)));
}

static void vf_device(struct tree *t)
{
	tree_device(t, NIC_PF, "pci", "mlx5_core");
	tree_device(t, NIC_PF1, "pci", "mlx5_core");
	nic_vf(t, NIC_PF, NIC_VF, "2");
	tree_vdpa(t, NIC_VF, "a", "vhost_vdpa");
}

static void test_representor_names(void **state)
{
	static const char *const none[] = { "p0",	 "pf0",	    "vf2",	 "pf0vf",
					    "pf0vf22",	 "pf0vf2 ", "pf0vf2x",	 "pf0vf-2",
					    "pfvf2",	 "c1vf2",   "pf0vf02x3", "pf0vf9999999",
					    "pf0vf2sf2", "xpf0vf2", "" };
	struct tree *t = *state;

	vf_device(t);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		nic_netdev(t, "rep", NIC_PF, none[i], "aa");
		check(t, "a", WANT(VF_WANT, .vf = N(2)));
	}
	nic_netdev(t, "rep", NIC_PF, "pf0vf2\n", NULL);
	check(t, "a", WANT(VF_WANT, .vf = N(2), .representor = "rep"));
	/* The only one, although of a function on the other side; but this side's comes first. */
	nic_netdev(t, "rep", NIC_PF, "c1pf0vf2\n", NULL);
	check(t, "a", WANT(VF_WANT, .vf = N(2), .representor = "rep"));
	nic_netdev(t, "local", NIC_PF, "pf0vf2\n", NULL);
	check(t, "a", WANT(VF_WANT, .vf = N(2), .representor = "local"));
	/* Two that could be it are none. */
	nic_netdev(t, "local2", NIC_PF, "pf1vf2\n", NULL);
	check(t, "a", WANT(VF_WANT, .vf = N(2)));
}

static void test_representor_neighbours(void **state)
{
	struct tree *t = *state;

	vf_device(t);
	nic_netdev(t, "other", NIC_PF1, "pf1vf2\n", "aabb\n");
	nic_netdev(t, "bridge", NULL, NULL, NULL);
	check(t, "a", WANT(VF_WANT, .vf = N(2)));
	/* Without a device of its own: an interface of the function has to be at the same switch. */
	nic_netdev(t, "rep", NULL, "pf0vf2\n", "aabb\n");
	check(t, "a", WANT(VF_WANT, .vf = N(2)));
	nic_netdev(t, "uplink", NIC_PF, "p0\n", "aabb\n");
	check(t, "a", WANT(VF_WANT, .vf = N(2), .representor = "rep"));
	/* A card's functions can share a switch; the number tells them apart. */
	nic_netdev(t, "rep", NULL, "pf1vf2\n", "aabb\n");
	check(t, "a", WANT(VF_WANT, .vf = N(2)));
	nic_netdev(t, "rep", NULL, "pf0vf2\n", "\n");
	check(t, "a", WANT(VF_WANT, .vf = N(2)));
}

/* Links that lead nowhere, round in circles or to something else. */
static void test_hostile(void **state)
{
	struct tree *t = *state;

	vf_device(t);
	tree_link_at(t, NIC_VF, "physfn", NIC_VF "/physfn");
	tree_link_at(t, NIC_PF, "virtfn2", NIC_PF "/virtfn2");
	check(t, "a", WANT(.pci = "0000:65:00.2", .pf = "physfn"));
	tree_link_at(t, NIC_VF, "physfn", "sys/gone");
	check(t, "a", WANT(.pci = "0000:65:00.2", .pf = "gone"));
	tree_link_at(t, NIC_VF, "subsystem", NIC_VF);
	check(t, "a", WANT());
	tree_link(t, "sys/class/net/loop", "sys/class/net/loop");
	tree_link(t, "sys/class/net/dead", "sys/gone");
	tree_write(t, "sys/class/net/bonding_masters", "\n");
	tree_link_at(t, NIC_VF, "subsystem", "sys/bus/pci");
	tree_link_at(t, NIC_VF, "physfn", NIC_PF);
	tree_link_at(t, NIC_PF, "virtfn2", NIC_VF);
	nic_netdev(t, "rep", NIC_PF, "pf0vf2\n", NULL);
	check(t, "a", WANT(VF_WANT, .vf = N(2), .representor = "rep"));
}

/* One that goes while the list is made is left out; a bus that is not there is a failure. */
static void test_list(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev_list *list = NULL;
	char *path;

	tree_vdpa(t, "sys/devices", "b", NULL);
	tree_vdpa(t, "sys/devices", "a", NULL);
	tree_link(t, "sys/bus/vdpa/devices/dead", "sys/devices/dead");
	assert_int_equal(vdpa_sysdev_list(t->ctx, &list), 0);
	assert_int_equal(vdpa_sysdev_list_get_size(list), 2);
	assert_string_equal(vdpa_sysdev_get_name(vdpa_sysdev_list_get(list, 0)), "a");
	assert_string_equal(vdpa_sysdev_get_name(vdpa_sysdev_list_get(list, 1)), "b");
	assert_null(vdpa_sysdev_list_get(list, 2));
	list = vdpa_sysdev_list_unref(list);
	path = tree_path(t, "sys/bus/vdpa");
	free(t->ctx->sys);
	t->ctx->sys = strdup("/nonexistent");
	assert_int_equal(vdpa_sysdev_list(t->ctx, &list), -ENOENT);
	assert_null(list);
	free(path);
}

/* Directories are opened through here. */
static size_t net_read;

DIR *opendir(const char *path)
{
	const char *end = strlen(path) > 10 ? path + strlen(path) - 10 : path;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	net_read += strcmp(end, "/class/net") == 0;
	return fd < 0 ? NULL : fdopendir(fd);
}

/* Who asks for many devices at once has all interfaces looked at once. */
static void test_representors_of_many(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	struct tree *t = *state;
	struct vdpa_sysdev_list *list = NULL;

	tree_device(t, NIC_PF, "pci", "mlx5_core");
	for (size_t i = 0; i < 3; i++) {
		char *sf = format_string(NIC_PF "/mlx5_core.sf.%zu", i);
		char *number = format_string("%zu\n", 80 + i);
		char *port = format_string("pf0sf%s", number);
		char *ifname = format_string("r%zu", i);

		nic_sf(t, sf, number);
		tree_vdpa(t, sf, names[i], NULL);
		nic_netdev(t, ifname, NIC_PF, port, NULL);
		free(sf);
		free(number);
		free(port);
		free(ifname);
	}
	net_read = 0;
	assert_int_equal(vdpa_sysdev_list_named(t->ctx, names, 3, &list), 0);
	for (size_t i = 0; i < 3; i++) {
		char want[] = { 'r', (char)('0' + i), '\0' };

		same(vdpa_sysdev_get_representor(vdpa_sysdev_list_get(list, i)), want);
	}
	assert_int_equal(net_read, 1);
	vdpa_sysdev_list_unref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_software),
		TREE_TEST(test_physical),
		TREE_TEST(test_vf),
		TREE_TEST(test_vf_next_bus),
		TREE_TEST(test_sf),
		TREE_TEST(test_representor_names),
		TREE_TEST(test_representor_neighbours),
		TREE_TEST(test_hostile),
		TREE_TEST(test_list),
		TREE_TEST(test_representors_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
