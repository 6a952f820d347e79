/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events are news, and what leads from one state to another. */
#include "common/strbuf.h"
#include "fake_uevent.h"
#include "vdpactl/known.h"

#define SIM "devices/known-sim0" /* not on this machine */

static struct vdpa_monitor *monitor;

static int setup(void **state)
{
	struct tree *t;
	int r = tree_setup(state);

	t = *state;
	assert_int_equal(vdpa_monitor_new(t->ctx, VDPA_MONITOR_ALL, &monitor), 0);
	return r;
}

static int teardown(void **state)
{
	monitor = vdpa_monitor_unref(monitor);
	return tree_teardown(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* Is the event news to k? */
static int apply(struct known *k, const char *action, const char *path, const char *subsystem,
		 const char *more)
{
	struct vdpa_event *e = NULL;
	int r;

	uevent_of(action, path, subsystem, more);
	assert_int_equal(vdpa_monitor_next(monitor, &e), 1);
	r = known_apply(k, e);
	vdpa_event_unref(e);
	return r;
}

static void test_apply(void **state)
{
	struct known k = { 0 };

	(void)state;
	assert_int_equal(apply(&k, "bind", SIM, "vdpa", "|DRIVER=x"), 0); /* of an unknown one */
	assert_int_equal(apply(&k, "remove", SIM, "vdpa", ""), 0);
	assert_int_equal(apply(&k, "add", SIM, "vdpa", ""), 1);
	assert_int_equal(apply(&k, "add", SIM, "vdpa", ""), 0);
	assert_int_equal(k.size, 1);
	assert_int_equal(apply(&k, "unbind", SIM, "vdpa", ""), 0);
	assert_int_equal(apply(&k, "add", SIM "/virtio0/net/a", "net", ""), 1);
	assert_int_equal(apply(&k, "add", SIM "/virtio0/net/a", "net", ""), 0);
	assert_int_equal(apply(&k, "move", SIM "/virtio0/net/b", "net", ""), 1);
	assert_int_equal(apply(&k, "move", SIM "/virtio0/net/b", "net", ""), 0);
	assert_int_equal(apply(&k, "remove", SIM "/virtio0/net/a", "net", ""), 0);
	assert_int_equal(apply(&k, "remove", SIM "/virtio0/net/b", "net", ""), 1);
	assert_int_equal(apply(&k, "add", SIM "/virtio0/block/d", "block", ""), 1);
	assert_int_equal(apply(&k, "change", SIM "/virtio0/block/d", "block", ""), 1);
	assert_int_equal(apply(&k, "bind", SIM, "vdpa", "|DRIVER=virtio_vdpa"), 1);
	assert_int_equal(apply(&k, "bind", SIM, "vdpa", "|DRIVER=virtio_vdpa"), 0);
	assert_int_equal(apply(&k, "bind", SIM, "vdpa", "|DRIVER=vhost_vdpa"), 1);
	assert_int_equal(apply(&k, "unbind", SIM, "vdpa", ""), 1);
	assert_int_equal(apply(&k, "remove", SIM, "vdpa", ""), 1);
	assert_int_equal(k.size, 0);
	known_free(&k);
}

static void collect_cb(const struct happening *h, void *data)
{
	struct strbuf *sb = data;

	strbuf_addf(sb, "%u %s %s%s%s%s%s\n", h->subject, h->event, h->dev, h->driver ? " " : "",
		    h->driver ? h->driver : "", h->node ? " " : "", h->node ? h->node : "");
}

static void check_compare(const struct known *from, const struct known *to, const char *want)
{
	struct strbuf sb = STRBUF_INIT;

	known_compare(from, to, collect_cb, &sb);
	assert_string_equal(sb.s ? sb.s : "", want);
	strbuf_free(&sb);
}

static void test_compare(void **state)
{
	struct known a = { 0 }, b = { 0 }, none = { 0 };
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	apply(&a, "add", SIM, "vdpa", "");
	apply(&a, "add", SIM "/virtio0/net/n", "net", "");
	apply(&a, "bind", SIM, "vdpa", "|DRIVER=virtio_vdpa");
	check_compare(&none, &none, "");
	check_compare(&a, &a, "");
	check_compare(&none, &a,
		      "1 add known-sim0\n2 bind known-sim0 virtio_vdpa\n4 add known-sim0 n\n");
	check_compare(
		&a, &none,
		"4 remove known-sim0 n\n2 unbind known-sim0 virtio_vdpa\n1 remove known-sim0\n");
	apply(&b, "add", SIM, "vdpa", "");
	apply(&b, "add", SIM "/virtio0/block/d", "block", "");
	apply(&b, "bind", SIM, "vdpa", "|DRIVER=vhost_vdpa");
	check_compare(&a, &b,
		      "4 remove known-sim0 n\n2 unbind known-sim0 virtio_vdpa\n"
		      "2 bind known-sim0 vhost_vdpa\n8 add known-sim0 d\n");
	/* One whose number could not be read may be the same. */
	(*(struct known_dev **)b.devs)->ino = 2;
	check_compare(&a, &b,
		      "4 remove known-sim0 n\n2 unbind known-sim0 virtio_vdpa\n"
		      "2 bind known-sim0 vhost_vdpa\n8 add known-sim0 d\n");
	/* Made again, it is another. */
	(*(struct known_dev **)a.devs)->ino = 1;
	check_compare(
		&a, &b,
		"4 remove known-sim0 n\n2 unbind known-sim0 virtio_vdpa\n1 remove known-sim0\n"
		"1 add known-sim0\n2 bind known-sim0 vhost_vdpa\n8 add known-sim0 d\n");
	known_list(&b, collect_cb, &sb);
	assert_string_equal(
		sb.s,
		"1 present known-sim0\n2 present known-sim0 vhost_vdpa\n8 present known-sim0 d\n");
	strbuf_free(&sb);
	known_free(&a);
	known_free(&b);
	known_free(&none);
}

/* What there is comes from where the context looks. */
static void test_read(void **state)
{
	struct tree *t = *state;
	struct known k, none = { 0 };
	struct strbuf sb = STRBUF_INIT;

	tree_vdpa(t, "sys/devices", "known-a", "vhost_vdpa");
	tree_vdpa(t, "sys/devices", "known-b", NULL);
	tree_vdpa(t, "sys/devices", "known-c", "virtio_vdpa");
	tree_virtio(t, "sys/devices/known-c", "virtio0", "net/eth0");
	tree_vdpa(t, "sys/devices", "known-d", "virtio_vdpa");
	tree_virtio(t, "sys/devices/known-d", "virtio1", "block/vda");
	assert_int_equal(known_read(&k, t->ctx), 0);
	assert_int_equal(k.size, 4);
	known_list(&k, collect_cb, &sb);
	assert_string_equal(sb.s, "1 present known-a\n2 present known-a vhost_vdpa\n"
				  "1 present known-b\n"
				  "1 present known-c\n2 present known-c virtio_vdpa\n"
				  "4 present known-c eth0\n"
				  "1 present known-d\n2 present known-d virtio_vdpa\n"
				  "8 present known-d vda\n");
	strbuf_free(&sb);
	known_free(&k);
	assert_int_equal(vdpa_ctx_set_roots(t->ctx, "/nonexistent", NULL, NULL), 0);
	assert_int_equal(known_read(&none, t->ctx), 0);
	assert_int_equal(none.size, 0);
}

/* Of two devices of a function nobody can tell whose disk it is: that is always news. */
static void test_untold(void **state)
{
	static const char vf[] = "devices/pci0000:00/0000:65:00.2";
	struct tree *t = *state;
	struct known k = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "sys/%s", vf);
	tree_device(t, path, "pci", "vp-vdpa");
	tree_vdpa(t, path, "a", "virtio_vdpa");
	tree_vdpa(t, path, "b", "virtio_vdpa");
	tree_virtio(t, path, "virtio3", "block/vda");
	vdpa_monitor_unref(monitor);
	assert_int_equal(vdpa_monitor_new(t->ctx, VDPA_MONITOR_ALL, &monitor), 0);
	snprintf(path, sizeof(path), "%s/virtio3/block/vda", vf);
	assert_int_equal(apply(&k, "change", path, "block", "|DEVTYPE=disk"), 1);
	assert_int_equal(apply(&k, "change", path, "block", "|DEVTYPE=disk"), 1);
	assert_int_equal(k.size, 0);
	known_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_apply), TEST(test_compare), TEST(test_read),
					    TEST(test_untold) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
