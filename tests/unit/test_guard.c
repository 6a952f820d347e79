/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is refused, and what must not be. */
#include "tree.h"

#define VF "sys/devices/pci0000:00/0000:65:00.2"
#define VF_HANDLE "pci/0000:65:00.2"

static int add(struct tree *t, const char *mgmtdev, const char *name)
{
	struct vdpa_spec spec = { .name = (char *)name, .mgmtdev = (char *)mgmtdev };

	return guard_add(t->ctx, &spec);
}

static void check_refused(struct tree *t, int result, int errnum, const char *message)
{
	const struct vdpa_error *err = vdpa_ctx_get_error(t->ctx);

	assert_int_equal(result, -errnum);
	assert_non_null(err);
	assert_true(vdpa_error_is_local(err));
	assert_int_equal(vdpa_error_get_errno(err), errnum);
	assert_string_equal(vdpa_error_get_message(err), message);
}

static void check_hint(struct tree *t, const char *part)
{
	const char *hint = vdpa_error_get_hint(vdpa_ctx_get_error(t->ctx));

	assert_non_null(hint);
	assert_non_null(strstr(hint, part));
}

static void test_add_name(void **state)
{
	struct tree *t = *state;

	tree_vdpa(t, "sys/devices", "x", NULL);
	tree_vdpa(t, "sys/devices", "a!b", NULL);
	check_refused(t, add(t, "vdpasim_net", "x"), EEXIST, "device \"x\" exists already");
	check_refused(t, add(t, "vdpasim_net", "a/b"), EEXIST, "device \"a/b\" exists already");
	assert_int_equal(add(t, "vdpasim_net", "y"), 0);
	assert_int_equal(add(t, "vdpasim_net", NULL), 0);
	assert_int_equal(add(t, "vdpasim_net", ""), 0);
	assert_int_equal(add(t, "vdpasim_net", "."), 0);
	assert_int_equal(add(t, "vdpasim_net", ".."), 0);
	assert_int_equal(add(t, "vdpasim_net", "../devices"), 0);
	assert_int_equal(add(t, NULL, "y"), 0);
}

static void check_unchecked(struct tree *t, const char *driver)
{
	tree_bind(t, VF, "pci", driver);
	assert_int_equal(add(t, VF_HANDLE, "second"), -EBUSY);
	assert_non_null(strstr(tree_message(t), "pci/0000:65:00.2 has device \"first\" already"));
	check_hint(t, "force");
}

static void test_add_second(void **state)
{
	struct tree *t = *state;

	tree_device(t, VF, "pci", "ifcvf");
	tree_virtio(t, VF, "virtio0", NULL);
	assert_int_equal(add(t, VF_HANDLE, "first"), 0);
	tree_vdpa(t, VF, "first", NULL);
	check_unchecked(t, "ifcvf");
	check_unchecked(t, "vp-vdpa");
	check_unchecked(t, "octep_vdpa");
	/* those that say so themselves, and unknown ones */
	tree_bind(t, VF, "pci", "mlx5_core");
	assert_int_equal(add(t, VF_HANDLE, "second"), 0);
	tree_bind(t, VF, "pci", NULL);
	assert_int_equal(add(t, VF_HANDLE, "second"), 0);
	tree_vduse(t, "disk", "1:3", NULL);
	assert_int_equal(add(t, "vduse", "disk2"), 0);
}

static void test_del_missing(void **state)
{
	static const char *const names[] = { "nobody", "", ".", "..", "a/b" };
	struct tree *t = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(guard_del(t->ctx, names[i], 0), 0);
}

static void test_del_open(void **state)
{
	struct tree *t = *state;
	char *want = format_string("busy: %s/dev/vhost-vdpa-0 is open in 1234 (qemu-system-x86)",
				   t->root);
	char *more = format_string("%s, 77 (x)", want);
	char *other = format_string("busy: %s/dev/vhost-vdpa-0 is open in 77 (x), 1234 "
				    "(qemu-system-x86)",
				    t->root);

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "1:3\n");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), 0);
	tree_process(t, 1234, "qemu-system-x86\n", "/dev/null");
	check_refused(t, guard_del(t->ctx, "sim0", 0), EBUSY, want);
	check_hint(t, "force");
	tree_process(t, 77, "x\n", "/dev/null");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), -EBUSY);
	assert_true(!strcmp(tree_message(t), more) || !strcmp(tree_message(t), other));
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "0\n");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), 0);
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "2\n");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), -EBUSY);
	tree_bind(t, "sys/devices/sim0", "vdpa", NULL);
	assert_int_equal(guard_del(t->ctx, "sim0", 0), 0);
	tree_bind(t, "sys/devices/sim0", "vdpa", "virtio_vdpa");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), 0);
	free(want);
	free(more);
	free(other);
}

/* With a device in use by someone out of sight, only a caller whom the kernel would let is refused. */
static void test_del_hidden(void **state)
{
	struct tree *t = *state;
	char *want =
		format_string("busy: %s/dev/vhost-vdpa-0 may be open in a process that can't be "
			      "seen from here (another PID namespace, or no right to look)",
			      t->root);

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "1:3\n");
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "2\n");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), 0);
	tree_write(t, "proc/self/ns/pid", "");
	check_refused(t, guard_del(t->ctx, "sim0", 0), EBUSY, want);
	check_hint(t, "force");
	tree_write(t, "proc/self/status", "Name:\tx\nCapEff:\t0000000000000fff\n");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), 0);
	tree_write(t, "proc/self/status", "Name:\tx\nCapEff:\t0000000000001000\n");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), -EBUSY);
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "0\n");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), 0);
	free(want);
}

#define DISK "sys/devices/virtual/vduse/disk/disk"

static void test_del_vduse(void **state)
{
	struct tree *t = *state;

	tree_vduse(t, "disk", "1:3", "virtio_vdpa");
	/* no virtio driver, no message to the daemon */
	assert_int_equal(guard_del(t->ctx, "disk", 0), 0);
	tree_virtio(t, DISK, "virtio2", "block/vda");
	check_refused(t, guard_del(t->ctx, "disk", 0), EBUSY,
		      "busy: no daemon serves VDUSE device \"disk\": the kernel would wait 30 s, "
		      "and without end with I/O in flight");
	check_hint(t, "force");
	tree_write(t, "sys/devices/virtual/vduse/disk/msg_timeout", "0\n");
	check_refused(t, guard_del(t->ctx, "disk", 0), EBUSY,
		      "busy: no daemon serves VDUSE device \"disk\": the kernel would wait "
		      "without end");
	/* One that has answered is not looked for. */
	assert_int_equal(guard_del(t->ctx, "disk", VDPA_SERVED), 0);
	tree_process(t, 1234, "daemon\n", "/dev/null");
	assert_int_equal(guard_del(t->ctx, "disk", 0), 0);
}

/* That somebody serves it says nothing of who uses it. */
static void test_del_served_open(void **state)
{
	struct tree *t = *state;

	tree_vduse(t, "disk", "1:3", "vhost_vdpa");
	tree_chardev(t, DISK, "vhost-vdpa-0", "1:5\n");
	tree_process(t, 1234, "qemu\n", "/dev/zero");
	assert_int_equal(guard_del(t->ctx, "disk", VDPA_SERVED), -EBUSY);
}

static void test_del_vduse_not_virtio(void **state)
{
	struct tree *t = *state;

	tree_vduse(t, "disk", "1:3", "vhost_vdpa");
	tree_chardev(t, DISK, "vhost-vdpa-0", "1:5\n");
	assert_int_equal(guard_del(t->ctx, "disk", 0), 0);
	tree_bind(t, DISK, "vdpa", NULL);
	assert_int_equal(guard_del(t->ctx, "disk", 0), 0);
}

/* In a container nobody can tell that there is no daemon. */
static void test_del_vduse_unseen(void **state)
{
	struct tree *t = *state;

	tree_vduse(t, "disk", "1:3", "virtio_vdpa");
	tree_virtio(t, DISK, "virtio2", "block/vda");
	tree_write(t, "proc/self/ns/pid", "");
	assert_int_equal(guard_del(t->ctx, "disk", 0), 0);
	assert_int_equal(vdpa_ctx_set_roots(t->ctx, NULL, NULL, "/nonexistent"), 0);
	assert_int_equal(guard_del(t->ctx, "disk", 0), 0);
}

/* Several at once: who was seen unused is not looked for again. */
static void test_look(void **state)
{
	struct tree *t = *state;
	struct guard_look look;

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "1:3\n");
	tree_vdpa(t, "sys/devices", "sim1", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim1", "vhost-vdpa-1", "1:5\n");
	tree_vdpa(t, "sys/devices", "sim2", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim2", "vhost-vdpa-2", "1:7\n");
	tree_process(t, 77, "x\n", "/dev/null");
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "0\n");
	assert_false(guard_look_begin(t->ctx, &look, 4));
	guard_look_free(&look);
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "2\n");
	assert_true(guard_look_begin(t->ctx, &look, 4));
	guard_look_add(t->ctx, &look, "sim0");
	guard_look_add(t->ctx, &look, "sim1");
	guard_look_add(t->ctx, &look, "nobody");
	guard_look_end(t->ctx, &look);
	t->ctx->look = &look;
	tree_process(t, 78, "later\n", "/dev/zero");
	tree_link(t, "proc/78/fd/4", "/dev/full");
	assert_int_equal(guard_del(t->ctx, "sim0", 0), -EBUSY);
	assert_int_equal(guard_del(t->ctx, "sim1", 0), 0);
	assert_int_equal(guard_del(t->ctx, "sim2", 0), -EBUSY); /* was not looked for */
	assert_int_equal(guard_del(t->ctx, "nobody", 0), 0);
	t->ctx->look = NULL;
	guard_look_free(&look);
	assert_int_equal(guard_del(t->ctx, "sim1", 0), -EBUSY);
}

/* From another PID namespace a look at many at once sees no more than one at a single device. */
static void test_look_hidden(void **state)
{
	struct tree *t = *state;
	struct guard_look look;

	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "1:3\n");
	tree_write(t, "proc/self/ns/pid", "");
	assert_true(guard_look_begin(t->ctx, &look, 4));
	guard_look_add(t->ctx, &look, "sim0");
	guard_look_end(t->ctx, &look);
	t->ctx->look = &look;
	assert_int_equal(guard_del(t->ctx, "sim0", 0), -EBUSY);
	assert_non_null(strstr(tree_message(t), "may be open in a process that can't be seen"));
	t->ctx->look = NULL;
	guard_look_free(&look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_add_name),
		TREE_TEST(test_add_second),
		TREE_TEST(test_del_missing),
		TREE_TEST(test_del_open),
		TREE_TEST(test_look_hidden),
		TREE_TEST(test_del_hidden),
		TREE_TEST(test_del_vduse),
		TREE_TEST(test_del_served_open),
		TREE_TEST(test_del_vduse_not_virtio),
		TREE_TEST(test_del_vduse_unseen),
		TREE_TEST(test_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
