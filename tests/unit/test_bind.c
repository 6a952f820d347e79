/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written to bind and unbind devices, what is refused, and the wait for a node. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>

#include "tree.h"

#define DRIVERS "sys/bus/vdpa/drivers"

static void add_drivers(struct tree *t)
{
	tree_write(t, DRIVERS "/virtio_vdpa/bind", "");
	tree_write(t, DRIVERS "/virtio_vdpa/unbind", "");
	tree_write(t, DRIVERS "/vhost_vdpa/bind", "");
	tree_write(t, DRIVERS "/vhost_vdpa/unbind", "");
}

static void check_file(struct tree *t, const char *path, const char *text)
{
	char *full = tree_path(t, "%s", path);
	char *got = sysfs_read(full);

	assert_non_null(got);
	assert_string_equal(got, text);
	free(got);
	free(full);
}

static void check_fails(struct tree *t, int result, int errnum, const char *message)
{
	assert_int_equal(result, -errnum);
	assert_string_equal(tree_message(t), message);
}

static void test_bind(void **state)
{
	struct tree *t = *state;

	add_drivers(t);
	tree_vdpa(t, "sys/devices", "sim0", NULL);
	assert_int_equal(vdpa_dev_bind(t->ctx, "sim0", "vhost_vdpa", 0), 0);
	check_file(t, DRIVERS "/vhost_vdpa/bind", "sim0");
	check_file(t, DRIVERS "/virtio_vdpa/unbind", "");
	/* Files don't forget what was in them: the longer text stays at the end. */
	tree_write(t, "sys/devices/sim0/driver_override", "");
	tree_bind(t, "sys/devices/sim0", "vdpa", "virtio_vdpa");
	assert_int_equal(vdpa_dev_bind(t->ctx, "sim0", "vhost_vdpa", 0), 0);
	check_file(t, DRIVERS "/virtio_vdpa/unbind", "sim0");
	check_file(t, "sys/devices/sim0/driver_override", "vhost_vdpa");
}

static void test_bind_again(void **state)
{
	struct tree *t = *state;

	add_drivers(t);
	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	assert_int_equal(vdpa_dev_bind(t->ctx, "sim0", "vhost_vdpa", 0), 0);
	check_file(t, DRIVERS "/vhost_vdpa/bind", "");
	check_file(t, "sys/devices/sim0/driver_override", "(null)");
}

static void test_no_driver(void **state)
{
	struct tree *t = *state;
	const char *hint;

	tree_vdpa(t, "sys/devices", "sim0", NULL);
	check_fails(t, vdpa_dev_bind(t->ctx, "sim0", "virtio_vdpa", 0), EOPNOTSUPP,
		    "can't bind device \"sim0\": the vdpa bus has no driver \"virtio_vdpa\"");
	hint = vdpa_error_get_hint(vdpa_ctx_get_error(t->ctx));
	assert_string_equal(hint, "load it: `modprobe virtio_vdpa`");
	assert_int_equal(vdpa_dev_bind(t->ctx, "sim0", "../drivers", 0), -EOPNOTSUPP);
	assert_int_equal(vdpa_dev_bind(t->ctx, "none", "virtio_vdpa", 0), -ENODEV);
}

static void test_bind_fails(void **state)
{
	struct tree *t = *state;

	tree_mkdir(t, DRIVERS "/vhost_vdpa");
	tree_vdpa(t, "sys/devices", "sim0", NULL);
	tree_write(t, "sys/devices/sim0/driver_override", "");
	check_fails(t, vdpa_dev_bind(t->ctx, "sim0", "vhost_vdpa", 0), ENOENT,
		    "can't bind device \"sim0\" to vhost_vdpa: No such file or directory");
	/* What it was before, on top of what the attempt wrote. */
	check_file(t, "sys/devices/sim0/driver_override", "");
}

/* What the kernel and others do while a driver is taken away: `unbind` is a FIFO that is full until then. */
struct meanwhile {
	struct tree *t;
	const char *driver; /* the device's then; NULL: none */
	char *unbind; /* the FIFO */
	int fifo;
};

/* How often this process has the file open. */
static int count_open(const char *path)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	char target[256];
	int count = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

		target[n < 0 ? 0 : n] = '\0';
		count += !strcmp(target, path);
	}
	closedir(d);
	return count;
}

static void *unbound(void *arg)
{
	const struct meanwhile *m = arg;
	char buf[4096];

	while (count_open(m->unbind) < 2)
		usleep(1000);
	tree_bind(m->t, "sys/devices/sim0", "vdpa", m->driver);
	while (read(m->fifo, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

/* From virtio_vdpa to vhost_vdpa, which can't be bound: writing to its `bind` fails. */
static int bind_in_vain(struct tree *t, const char *meanwhile)
{
	struct meanwhile m = { .t = t, .driver = meanwhile };
	const char buf[4096] = { 0 };
	pthread_t thread;
	int r;

	m.unbind = tree_path(t, DRIVERS "/virtio_vdpa/unbind");
	tree_vdpa(t, "sys/devices", "sim0", "virtio_vdpa");
	tree_write(t, "sys/devices/sim0/driver_override", "");
	tree_write(t, DRIVERS "/virtio_vdpa/bind", "");
	tree_link(t, DRIVERS "/vhost_vdpa/bind", "/dev/full");
	assert_int_equal(mkfifo(m.unbind, 0600), 0);
	m.fifo = open(m.unbind, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(m.fifo >= 0);
	while (write(m.fifo, buf, sizeof(buf)) > 0)
		;
	assert_int_equal(pthread_create(&thread, NULL, unbound, &m), 0);
	r = vdpa_dev_bind(t->ctx, "sim0", "vhost_vdpa", 0);
	pthread_join(thread, NULL);
	close(m.fifo);
	free(m.unbind);
	return r;
}

static void test_bound_back(void **state)
{
	struct tree *t = *state;

	check_fails(t, bind_in_vain(t, NULL), ENOSPC,
		    "can't bind device \"sim0\" to vhost_vdpa: No space left on device");
	check_file(t, DRIVERS "/virtio_vdpa/bind", "sim0");
}

static void test_bound_by_another(void **state)
{
	struct tree *t = *state;

	assert_int_equal(bind_in_vain(t, "vhost_vdpa"), 0);
	check_file(t, "sys/devices/sim0/driver_override", "vhost_vdpa");
	check_file(t, DRIVERS "/virtio_vdpa/bind", "");
}

static void test_unbind(void **state)
{
	struct tree *t = *state;

	add_drivers(t);
	tree_vdpa(t, "sys/devices", "sim0", NULL);
	assert_int_equal(vdpa_dev_unbind(t->ctx, "sim0", 0), 0);
	tree_bind(t, "sys/devices/sim0", "vdpa", "vhost_vdpa");
	assert_int_equal(vdpa_dev_unbind(t->ctx, "sim0", 0), 0);
	check_file(t, DRIVERS "/vhost_vdpa/unbind", "sim0");
	assert_int_equal(vdpa_dev_unbind(t->ctx, "none", 0), -ENODEV);
}

static void test_open(void **state)
{
	struct tree *t = *state;

	add_drivers(t);
	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "1:3\n");
	tree_process(t, 1234, "qemu\n", "/dev/null");
	assert_int_equal(vdpa_dev_unbind(t->ctx, "sim0", 0), -EBUSY);
	assert_non_null(strstr(tree_message(t), "open in 1234 (qemu)"));
	assert_int_equal(vdpa_dev_bind(t->ctx, "sim0", "virtio_vdpa", 0), -EBUSY);
	check_file(t, DRIVERS "/vhost_vdpa/unbind", "");
	assert_int_equal(vdpa_dev_unbind(t->ctx, "sim0", VDPA_FORCE), 0);
	check_file(t, DRIVERS "/vhost_vdpa/unbind", "sim0");
}

/* A flag of a later version is refused, not passed over. */
static void test_flags(void **state)
{
	struct tree *t = *state;

	add_drivers(t);
	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	assert_int_equal(vdpa_dev_bind(t->ctx, "sim0", "virtio_vdpa", VDPA_FORCE | 4), -EINVAL);
	assert_string_equal(tree_message(t), "0x4 are no flags of this call");
	assert_int_equal(vdpa_dev_unbind(t->ctx, "sim0", 1u << 31), -EINVAL);
	check_file(t, DRIVERS "/vhost_vdpa/unbind", "");
	assert_int_equal(vdpa_dev_unbind(t->ctx, "sim0", VDPA_FORCE | VDPA_SERVED), 0);
	check_file(t, DRIVERS "/vhost_vdpa/unbind", "sim0");
}

/* /dev/zero (1:5) stands for the VDUSE device that its daemon has open. */
static void test_unserved(void **state)
{
	struct tree *t = *state;

	add_drivers(t);
	tree_vduse(t, "d0", "1:5\n", NULL);
	assert_int_equal(vdpa_dev_bind(t->ctx, "d0", "vhost_vdpa", 0), 0);
	tree_write(t, DRIVERS "/virtio_vdpa/bind", "");
	assert_int_equal(vdpa_dev_bind(t->ctx, "d0", "virtio_vdpa", 0), -EBUSY);
	assert_non_null(strstr(tree_message(t), "no daemon serves VDUSE device \"d0\""));
	check_file(t, DRIVERS "/virtio_vdpa/bind", "");
	assert_int_equal(vdpa_dev_bind(t->ctx, "d0", "virtio_vdpa", VDPA_FORCE), 0);
	tree_write(t, DRIVERS "/virtio_vdpa/bind", "");
	tree_process(t, 1234, "vdused\n", "/dev/zero");
	assert_int_equal(vdpa_dev_bind(t->ctx, "d0", "virtio_vdpa", 0), 0);
	check_file(t, DRIVERS "/virtio_vdpa/bind", "d0");
}

static void test_wait(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev *s = NULL;
	char *node = tree_path(t, "dev/vhost-vdpa-0");

	tree_vdpa(t, "sys/devices", "sim0", NULL);
	check_fails(t, vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_USABLE, 1000, &s), EINVAL,
		    "device \"sim0\" is bound to no driver");
	check_fails(t, vdpa_dev_wait(t->ctx, "none", VDPA_WAIT_USABLE, 1000, &s), ENODEV,
		    "no vDPA device is named \"none\"");
	tree_bind(t, "sys/devices/sim0", "vdpa", "vhost_vdpa");
	check_fails(t, vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_USABLE, 0, &s), ETIMEDOUT,
		    "vhost_vdpa made no char device of device \"sim0\" within 0 ms");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "1:3\n");
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_USABLE, 20, &s), -ETIMEDOUT);
	tree_write(t, "dev/vhost-vdpa-0", "");
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_USABLE, 0, &s), 0);
	assert_string_equal(vdpa_sysdev_get_node(s), node);
	vdpa_sysdev_unref(s);
	free(node);
}

static void test_wait_disk(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev *s = NULL;
	char *node = tree_path(t, "dev/vda");

	tree_vduse(t, "d0", "1:5\n", "virtio_vdpa");
	check_fails(t, vdpa_dev_wait(t->ctx, "d0", VDPA_WAIT_USABLE, 0, &s), ETIMEDOUT,
		    "virtio_vdpa made no virtio device of device \"d0\" within 0 ms");
	tree_virtio(t, "sys/devices/virtual/vduse/d0/d0", "virtio0", "block/vda");
	assert_int_equal(vdpa_dev_wait(t->ctx, "d0", VDPA_WAIT_USABLE, 0, &s), -ETIMEDOUT);
	tree_write(t, "dev/vda", "");
	assert_int_equal(vdpa_dev_wait(t->ctx, "d0", VDPA_WAIT_USABLE, 0, &s), 0);
	assert_string_equal(vdpa_sysdev_get_node(s), node);
	vdpa_sysdev_unref(s);
	free(node);
}

static void test_autoprobe(void **state)
{
	struct tree *t = *state;
	bool on = false;

	assert_int_equal(vdpa_autoprobe_get(t->ctx, &on), -ENOENT);
	assert_int_equal(vdpa_autoprobe_set(t->ctx, true), -ENOENT);
	tree_write(t, "sys/bus/vdpa/drivers_autoprobe", "1\n");
	assert_int_equal(vdpa_autoprobe_get(t->ctx, &on), 0);
	assert_true(on);
	assert_int_equal(vdpa_autoprobe_set(t->ctx, false), 0);
	assert_int_equal(vdpa_autoprobe_get(t->ctx, &on), 0);
	assert_false(on);
}

static void test_node_users(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list = NULL;
	char *file = tree_path(t, "dev/file");

	tree_write(t, "dev/file", "");
	tree_process(t, 1234, "dd\n", "/dev/null");
	tree_process(t, 1235, "cat\n", "/dev/zero");
	assert_int_equal(vdpa_user_list_node(t->ctx, "/dev/null", &list), 0);
	assert_int_equal(vdpa_user_list_get_size(list), 1);
	assert_int_equal(vdpa_user_list_get_pid(list, 0), 1234);
	vdpa_user_list_unref(list);
	assert_int_equal(vdpa_user_list_node(t->ctx, "/nonexistent", &list), -ENODEV);
	assert_int_equal(vdpa_user_list_node(t->ctx, file, &list), -EINVAL);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_bind),	    TREE_TEST(test_bind_again),
		TREE_TEST(test_no_driver),  TREE_TEST(test_bind_fails),
		TREE_TEST(test_unbind),	    TREE_TEST(test_open),
		TREE_TEST(test_flags),	    TREE_TEST(test_unserved),
		TREE_TEST(test_wait),	    TREE_TEST(test_wait_disk),
		TREE_TEST(test_autoprobe),  TREE_TEST(test_node_users),
		TREE_TEST(test_bound_back), TREE_TEST(test_bound_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
