/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From uevents to events: whose they are, what is passed over, what is told when some were lost. */
#include "businfo.h"
#include "fake_uevent.h"

#define SIM "devices/sim0"
#define VF "devices/pci0000:00/0000:65:00.2"
#define PF "devices/pci0000:00/0000:03:00.0"
#define LONG_NAME "0123456789012345678901234567890" /* 31 octets: as much as an interface tells */

static int setup(void **state)
{
	forget_bus_infos();
	uevent_open_error = 0;
	uevent_n_errors = 0;
	return tree_setup(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, tree_teardown)

static struct vdpa_monitor *monitor(struct tree *t, unsigned int what)
{
	struct vdpa_monitor *m = NULL;

	assert_int_equal(vdpa_monitor_new(t->ctx, what, &m), 0);
	return m;
}

/* The next event in words: "netdev add sim0 eth0", "driver bind sim0 vhost_vdpa"; "" for none. */
static const char *next(struct vdpa_monitor *m)
{
	static char text[512];
	struct vdpa_event *e = NULL;
	const char *subject = "", *dev, *driver, *node, *old;
	int r = vdpa_monitor_next(m, &e);

	assert_int_equal(r, e ? 1 : 0);
	if (!e)
		return "";
	switch (vdpa_event_get_subject(e)) {
	case VDPA_MONITOR_DEV:
		subject = "dev ";
		break;
	case VDPA_MONITOR_DRIVER:
		subject = "driver ";
		break;
	case VDPA_MONITOR_NETDEV:
		subject = "netdev ";
		break;
	case VDPA_MONITOR_BLOCK:
		subject = "block ";
		break;
	default:
		assert_int_equal(vdpa_event_get_type(e), VDPA_EVENT_RESYNC);
		assert_int_equal(vdpa_event_get_seqnum(e), 0);
	}
	dev = vdpa_event_get_dev(e);
	driver = vdpa_event_get_driver(e);
	node = vdpa_event_get_node(e);
	old = vdpa_event_get_old_node(e);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s%s", subject,
		 vdpa_event_type_name(vdpa_event_get_type(e)), *subject ? " " : "",
		 dev	  ? dev :
		 *subject ? "?" :
			    "",
		 driver ? " " : "", driver ? driver : "", node ? " " : "", node ? node : "",
		 old ? " from " : "", old ? old : "");
	assert_null(vdpa_event_unref(e));
	return text;
}

static void test_life(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);

	assert_true(vdpa_monitor_get_fd(m) >= 0);
	assert_string_equal(next(m), "");
	uevent_of("add", SIM, "vdpa", "");
	uevent_of("add", SIM "/virtio0", "virtio", "");
	uevent_of("add", SIM "/virtio0/net/eth0", "net", "|INTERFACE=eth0|IFINDEX=7");
	uevent_of("add", SIM "/virtio0/net/eth0/queues/rx-0", "queues", "");
	uevent_of("bind", SIM "/virtio0", "virtio", "|DRIVER=virtio_net");
	uevent_of("bind", SIM, "vdpa", "|DRIVER=virtio_vdpa");
	uevent_of("move", SIM "/virtio0/net/net7", "net",
		  "|DEVPATH_OLD=/" SIM "/virtio0/net/eth0|INTERFACE=net7");
	uevent_of("remove", SIM "/virtio0/net/net7", "net", "");
	uevent_of("remove", SIM "/virtio0", "virtio", "");
	uevent_of("unbind", SIM, "vdpa", "");
	uevent_of("unbind", SIM, "vdpa", "");
	uevent_of("remove", SIM, "vdpa", "");
	assert_string_equal(next(m), "dev add sim0");
	assert_string_equal(next(m), "netdev add sim0 eth0");
	assert_string_equal(next(m), "driver bind sim0 virtio_vdpa");
	assert_string_equal(next(m), "netdev move sim0 net7 from eth0");
	assert_string_equal(next(m), "netdev remove sim0 net7");
	assert_string_equal(next(m), "driver unbind sim0 virtio_vdpa");
	assert_string_equal(next(m), "driver unbind sim0");
	assert_string_equal(next(m), "dev remove sim0");
	assert_string_equal(next(m), "");
	assert_null(vdpa_monitor_unref(m));
	assert_null(vdpa_monitor_unref(NULL));
	assert_null(vdpa_event_type_name(VDPA_EVENT_RESERVED));
}

static void test_disk(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);

	uevent_of("add", "devices/virtual/vduse/d0/d0", "vdpa", "");
	uevent_of("add", "devices/virtual/vduse/d0/d0/virtio3/block/vda", "block", "|DEVTYPE=disk");
	uevent_of("add", "devices/virtual/vduse/d0/d0/virtio3/block/vda/vda1", "block",
		  "|DEVTYPE=partition");
	uevent_of("change", "devices/virtual/vduse/d0/d0/virtio3/block/vda", "block",
		  "|DEVTYPE=disk|RESIZE=1");
	uevent_of("remove", "devices/virtual/vduse/d0/d0/virtio3/block/vda", "block",
		  "|DEVTYPE=disk");
	assert_string_equal(next(m), "dev add d0");
	assert_string_equal(next(m), "block add d0 vda");
	assert_string_equal(next(m), "block change d0 vda");
	assert_string_equal(next(m), "block remove d0 vda");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
}

static void test_others(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);

	tree_vdpa(t, "sys/devices", "sim0", NULL);
	uevent_of("add", "devices/pci0000:00/0000:00:03.0/virtio1/net/eth1", "net", "");
	uevent_of("add", "devices/virtual/net/veth0", "net", "");
	uevent_of("add", "devices/virtual/block/loop0", "block", "|DEVTYPE=disk");
	uevent_of("add", "bus/vdpa/drivers/virtio_vdpa", "drivers", "");
	uevent_of("add", "bus/vdpa/drivers/virtio_vdpa", "vdpa", "");
	uevent_of("add", "module/vdpa", "module", "");
	uevent_of("change", SIM, "vdpa", "");
	uevent_of("online", SIM, "vdpa", "");
	uevent_of("add", "devices/", "vdpa", "");
	uevent_of("add", "net", "net", "");
	uevent_of("add", "block/x", "block", "");
	uevent_of("bind", SIM "/virtio0/net/eth0", "net", "");
	uevent_send("add@/devices/sim1|SEQNUM=5");
	uevent_send("garbage");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
}

static void test_what(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_NETDEV);

	uevent_of("add", SIM, "vdpa", "");
	uevent_of("bind", SIM, "vdpa", "|DRIVER=virtio_vdpa");
	uevent_of("add", SIM "/virtio0/net/eth0", "net", "");
	uevent_of("add", SIM "/virtio0/block/vda", "block", "|DEVTYPE=disk");
	assert_string_equal(next(m), "netdev add sim0 eth0");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
	m = NULL;
	assert_int_equal(vdpa_monitor_new(t->ctx, 0, &m), -EINVAL);
	assert_int_equal(vdpa_monitor_new(t->ctx, 16, &m), -EINVAL);
	assert_string_equal(tree_message(t), "0x10 is nothing to monitor");
	uevent_open_error = EPERM;
	assert_int_equal(vdpa_monitor_new(t->ctx, VDPA_MONITOR_ALL, &m), -EPERM);
	assert_string_equal(tree_message(t),
			    "cannot listen to the kernel's events: Operation not permitted");
	assert_null(m);
}

/* What was there before is known, its driver, too. */
static void test_before(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m;

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_write(t, "sys/kernel/uevent_seqnum", "900\n");
	m = monitor(t, VDPA_MONITOR_ALL);
	uevent_send("add@/devices/sim0|SUBSYSTEM=vdpa|SEQNUM=900");
	uevent_send("remove@/devices/sim0|SUBSYSTEM=vdpa|SEQNUM=12");
	uevent_send("unbind@/devices/sim0|SUBSYSTEM=vdpa|SEQNUM=901");
	assert_string_equal(next(m), "driver unbind sim0 vhost_vdpa");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
}

/* ---- hardware: the virtio device stands beside the vdpa device, or above ---- */

static void test_vf(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);

	tree_device(t, "sys/" VF, "pci", "vp-vdpa");
	tree_vdpa(t, "sys/" VF, "vf", "virtio_vdpa");
	tree_virtio(t, "sys/" VF, "virtio3", "block/vda");
	uevent_of("add", VF "/vf", "vdpa", "");
	uevent_of("add", VF "/virtio3/block/vda", "block", "|DEVTYPE=disk");
	assert_string_equal(next(m), "dev add vf");
	assert_string_equal(next(m), "block add vf vda");
	/* Gone from sysfs, it is still known whose it was, until the virtio device went. */
	uevent_of("remove", VF "/virtio3/block/vda", "block", "|DEVTYPE=disk");
	uevent_of("remove", VF "/virtio3", "virtio", "");
	uevent_of("unbind", VF "/vf", "vdpa", "");
	uevent_of("remove", VF "/vf", "vdpa", "");
	tree_bind(t, "sys/" VF "/vf", "vdpa", NULL);
	assert_string_equal(next(m), "block remove vf vda");
	assert_string_equal(next(m), "driver unbind vf");
	assert_string_equal(next(m), "dev remove vf");
	assert_string_equal(next(m), "");
	uevent_of("add", VF "/virtio3/block/vda", "block", "|DEVTYPE=disk");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
}

/* The second vdpa device on the function, and one too many virtio devices. */
static void test_siblings(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m;

	tree_device(t, "sys/" VF, "pci", "vp-vdpa");
	tree_vdpa(t, "sys/" VF, "a", "virtio_vdpa");
	tree_vdpa(t, "sys/" VF, "b", "vhost_vdpa");
	tree_virtio(t, "sys/" VF, "virtio3", "block/vda");
	m = monitor(t, VDPA_MONITOR_ALL);
	uevent_of("change", VF "/virtio3/block/vda", "block", "|DEVTYPE=disk");
	assert_string_equal(next(m), "block change a vda");
	tree_virtio(t, "sys/" VF, "virtio4", "block/vdb");
	uevent_of("add", VF "/virtio4/block/vdb", "block", "|DEVTYPE=disk");
	assert_string_equal(next(m), "block add ? vdb");
	vdpa_monitor_unref(m);
	tree_bind(t, "sys/" VF "/b", "vdpa", "virtio_vdpa");
	m = monitor(t, VDPA_MONITOR_BLOCK);
	uevent_of("change", VF "/virtio3/block/vda", "block", "|DEVTYPE=disk");
	assert_string_equal(next(m), "block change ? vda");
	vdpa_monitor_unref(m);
}

/* Subfunctions: all virtio devices stand below the PF; the interface tells whose it is. */
static void test_sf(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m;

	tree_device(t, "sys/" PF, "pci", "mlx5_core");
	tree_device(t, "sys/" PF "/mlx5_core.sf.2", "auxiliary", NULL);
	tree_device(t, "sys/" PF "/mlx5_core.sf.3", "auxiliary", NULL);
	tree_vdpa(t, "sys/" PF "/mlx5_core.sf.2", "two", "virtio_vdpa");
	tree_vdpa(t, "sys/" PF "/mlx5_core.sf.3", LONG_NAME "-3", "virtio_vdpa");
	tree_virtio(t, "sys/" PF, "virtio2", "net/eth2");
	tree_virtio(t, "sys/" PF, "virtio3", "net/eth3");
	tree_virtio(t, "sys/" PF, "virtio4", "net/eth4");
	set_bus_info(0, "eth2", "two");
	set_bus_info(1, "eth3", LONG_NAME);
	set_bus_info(2, "eth4", "none of these");
	m = monitor(t, VDPA_MONITOR_ALL);
	/* Seen when the monitor began, and gone since. */
	tree_bind(t, "sys/" PF "/mlx5_core.sf.2/two", "vdpa", NULL);
	forget_bus_infos();
	set_bus_info(0, "eth4", "none of these");
	uevent_of("remove", PF "/virtio2/net/eth2", "net", "");
	uevent_of("remove", PF "/virtio3/net/eth3", "net", "");
	uevent_of("remove", PF "/virtio4/net/eth4", "net", "");
	assert_string_equal(next(m), "netdev remove two eth2");
	assert_string_equal(next(m), "netdev remove " LONG_NAME "-3 eth3");
	assert_string_equal(next(m), "netdev remove ? eth4");
	/* Two names that begin alike can't be told apart by 31 octets. */
	tree_vdpa(t, "sys/" PF "/mlx5_core.sf.2", LONG_NAME "-2", "virtio_vdpa");
	uevent_of("add", PF "/mlx5_core.sf.2/" LONG_NAME "-2", "vdpa", "");
	tree_virtio(t, "sys/" PF, "virtio5", "net/eth5");
	set_bus_info(0, "eth5", LONG_NAME);
	uevent_of("add", PF "/virtio5/net/eth5", "net", "");
	assert_string_equal(next(m), "dev add " LONG_NAME "-2");
	assert_string_equal(next(m), "netdev add ? eth5");
	vdpa_monitor_unref(m);
}

/* A device, an interface and a virtio device that are named like something else. */
static void test_names(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);

	uevent_of("add", "devices/virtio7", "vdpa", "");
	uevent_of("add", "devices/virtio7/virtio8/net/virtio9", "net", "");
	uevent_of("add", "devices/virtio7/net/eth1", "net", "");
	uevent_of("add", "devices/virtio7/virtio/net/eth1", "net", "");
	uevent_of("add", "devices/a!b", "vdpa", "");
	uevent_of("add", "devices/%%s\n", "vdpa", "");
	assert_string_equal(next(m), "dev add virtio7");
	assert_string_equal(next(m), "netdev add virtio7 virtio9");
	assert_string_equal(next(m), "dev add a!b");
	assert_string_equal(next(m), "dev add %%s\n");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
}

/* ---- what was lost ---- */

static void test_resync(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m;

	tree_write(t, "sys/kernel/uevent_seqnum", "10\n");
	m = monitor(t, VDPA_MONITOR_ALL);
	/* What is still queued when some were lost is thrown away: the kernel drops more until that is done. */
	uevent_send("add@/devices/sim0|SUBSYSTEM=vdpa|SEQNUM=11");
	uevent_send("remove@/devices/sim1|SUBSYSTEM=vdpa|SEQNUM=20");
	uevent_fails(ENOBUFS);
	uevent_fails(ENOBUFS);
	tree_vdpa(t, "sys/devices", "sim1", "vhost_vdpa");
	tree_write(t, "sys/kernel/uevent_seqnum", "15\n");
	assert_string_equal(next(m), "resync");
	/* From before the listing; then one that came while it was made. */
	uevent_send("add@/devices/sim1|SUBSYSTEM=vdpa|SEQNUM=15");
	uevent_send("unbind@/devices/sim1|SUBSYSTEM=vdpa|SEQNUM=16");
	assert_string_equal(next(m), "driver unbind sim1 vhost_vdpa");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
}

/* udevadm trigger: nothing happened. */
static void test_synthetic(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m;

	tree_vdpa(t, "sys/devices", "sim0", NULL);
	m = monitor(t, VDPA_MONITOR_ALL);
	uevent_of("remove", SIM, "vdpa", "|SYNTH_UUID=0");
	assert_string_equal(next(m), "");
	uevent_of("remove", SIM, "vdpa", "|SYNTH_UUIDS=0");
	assert_string_equal(next(m), "dev remove sim0");
	vdpa_monitor_unref(m);
}

static void test_resync_fails(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);
	char *dir = tree_path(t, "sys/bus/vdpa/devices");
	struct vdpa_event *e = NULL;

	assert_int_equal(rmdir(dir), 0);
	tree_write(t, "sys/bus/vdpa/devices", "");
	uevent_fails(ENOBUFS);
	assert_int_equal(vdpa_monitor_next(m, &e), -ENOTDIR);
	assert_null(e);
	assert_int_equal(unlink(dir), 0);
	assert_string_equal(next(m), "resync");
	assert_string_equal(next(m), "");
	uevent_fails(EIO);
	assert_int_equal(vdpa_monitor_next(m, &e), -EIO);
	assert_string_equal(tree_message(t), "cannot read the kernel's events: Input/output error");
	assert_string_equal(next(m), "");
	vdpa_monitor_unref(m);
	free(dir);
}

static void test_no_bus(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m;
	char *dir = tree_path(t, "sys/bus/vdpa/devices");

	assert_int_equal(rmdir(dir), 0);
	free(dir);
	m = monitor(t, VDPA_MONITOR_ALL);
	uevent_of("add", SIM, "vdpa", "");
	assert_string_equal(next(m), "dev add sim0");
	vdpa_monitor_unref(m);
}

static void test_buffer(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);

	assert_int_equal(uevent_buffer, 128 * 1024 * 1024);
	assert_int_equal(vdpa_monitor_set_buffer(m, 4096), 0);
	assert_int_equal(uevent_buffer, 4096);
	assert_int_equal(vdpa_monitor_set_buffer(m, 1), -EPERM);
	assert_string_equal(tree_message(t),
			    "cannot set the buffer of events to 1 octets: Operation not permitted");
	vdpa_monitor_unref(m);
}

/* Others' events can't keep the caller: after some he gets his turn, and what is left, too. */
static void test_strangers(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);
	unsigned int turns = 1;

	for (int i = 0; i < 2500; i++) {
		/* The socketpair holds only some. */
		if (i % 100 == 0) {
			assert_string_equal(next(m), "");
		}
		uevent_of("add", "devices/platform/x", "tty", "");
	}
	uevent_of("add", SIM, "vdpa", "");
	while (strcmp(next(m), "dev add sim0") != 0)
		assert_true(++turns < 4);
	vdpa_monitor_unref(m);
}

static void test_many(void **state)
{
	struct tree *t = *state;
	struct vdpa_monitor *m = monitor(t, VDPA_MONITOR_ALL);
	char path[64], want[64];

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < 20000; i++) {
			const char *action = pass ? "remove" : "add";

			snprintf(path, sizeof(path), "devices/many%d", i);
			snprintf(want, sizeof(want), "dev %s many%d", action, i);
			uevent_of(action, path, "vdpa", "");
			assert_string_equal(next(m), want);
		}
	}
	vdpa_monitor_unref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life),   TEST(test_disk),	 TEST(test_others),	  TEST(test_what),
		TEST(test_before), TEST(test_vf),	 TEST(test_siblings),	  TEST(test_sf),
		TEST(test_names),  TEST(test_resync),	 TEST(test_resync_fails), TEST(test_no_bus),
		TEST(test_synthetic),
		TEST(test_buffer), TEST(test_strangers), TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
