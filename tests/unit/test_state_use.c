/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether devices are in use: what is read to tell it of many siblings, and what cannot be told. */
#include "tree.h"
#include "sysdev.h"

/* The library's own header has the same. */
#undef DEFINE_CLEANUP
#define DEFINE_CLEANUP(type, release)
#include "vdpactl/state.h"

#define PF "sys/devices/pci0000:00/0000:03:00.0"
#define MANY (RUNNER_CHUNK + 20)

static size_t bus_infos_asked;

/* In place of the library's own: vdpat7 is of the device sf7. */
bool netdev_bus_info(const char *ifname, char bus_info[BUS_INFO_LEN])
{
	bus_infos_asked++;
	snprintf(bus_info, BUS_INFO_LEN, "sf%s", ifname + strlen("vdpat"));
	return true;
}

static char names[MANY][16];

static void make_siblings(struct tree *t)
{
	tree_device(t, PF, "pci", "mlx5_core");
	for (size_t i = 0; i < MANY; i++) {
		char *sf = format_string(PF "/mlx5_core.sf.%zu", i);
		char *child = format_string("net/vdpat%zu", i);
		char virtio[16];

		snprintf(names[i], sizeof(names[i]), "sf%zu", i);
		snprintf(virtio, sizeof(virtio), "virtio%zu", i);
		tree_device(t, sf, "auxiliary", "mlx5_core.sf");
		tree_vdpa(t, sf, names[i], "virtio_vdpa");
		tree_virtio(t, PF, virtio, child);
		free(child);
		free(sf);
	}
}

static void check_all(struct tree *t, size_t leave_out)
{
	static const struct state_device have;
	static struct plan_item items[MANY];
	struct plan plan = { .items = items, .size = MANY };
	struct app app = { .ctx = t->ctx, .name = "test" };
	struct runner r = { .app = &app, .plan = &plan };

	for (size_t i = 0; i < MANY; i++)
		items[i] = (struct plan_item){
			.action = PLAN_DELETE, .name = names[i], .have = &have, .todo = STEP_DELETE
		};
	for (size_t i = 0; i < MANY; i++) {
		if (i != leave_out)
			assert_int_equal(runner_check_unused(&r, &items[i]), ST_OK);
	}
	vdpa_sysdev_list_unref(r.devices);
}

/* Each place once for a chunk of them, not for each. */
static void test_siblings(void **state)
{
	struct tree *t = *state;

	make_siblings(t);
	bus_infos_asked = 0;
	check_all(t, MANY);
	assert_int_equal(bus_infos_asked, MANY * ((MANY + RUNNER_CHUNK - 1) / RUNNER_CHUNK));
	/* One that no signal or failure left to be asked for. */
	bus_infos_asked = 0;
	check_all(t, 3);
	assert_int_equal(bus_infos_asked, MANY * ((MANY + RUNNER_CHUNK - 1) / RUNNER_CHUNK));
}

/* It went by itself: the others are still told, and it is not in use. */
static void test_gone(void **state)
{
	struct tree *t = *state;
	char *link = tree_path(t, "sys/bus/vdpa/devices/sf5");

	make_siblings(t);
	assert_int_equal(unlink(link), 0);
	check_all(t, MANY);
	free(link);
}

#define VF "sys/devices/pci0000:00/0000:65:00.2"

static void check_one(struct tree *t, const char *name, enum status status)
{
	struct app app = { .ctx = t->ctx, .name = "test" };

	assert_int_equal(state_check_unused(&app, name, false), status);
	assert_int_equal(state_check_unused(&app, name, true), ST_OK);
}

/* An interface in another network namespace does not say which of the siblings it is of. */
static void test_untold(void **state)
{
	struct tree *t = *state;

	tree_device(t, VF, "pci", "mlx5_core");
	tree_vdpa(t, VF, "a", "virtio_vdpa");
	tree_vdpa(t, VF, "b", "virtio_vdpa");
	tree_vdpa(t, VF, "c", "vhost_vdpa");
	check_one(t, "a", ST_OK);
	tree_virtio(t, VF, "virtio1", NULL);
	check_one(t, "a", ST_BUSY);
	check_one(t, "b", ST_BUSY);
	check_one(t, "c", ST_OK);
	tree_device(t, PF, "pci", "mlx5_core");
	tree_device(t, PF "/mlx5_core.sf.2", "auxiliary", "mlx5_core.sf");
	tree_vdpa(t, PF, "pf", "virtio_vdpa");
	tree_vdpa(t, PF "/mlx5_core.sf.2", "sf2", "virtio_vdpa");
	check_one(t, "sf2", ST_OK);
	tree_virtio(t, PF, "virtio4", NULL);
	check_one(t, "sf2", ST_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_siblings, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(test_gone, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(test_untold, tree_setup, tree_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
