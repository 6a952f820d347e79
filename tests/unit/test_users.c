/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a device open.  /dev/null (1:3) stands for a vhost-vdpa char device. */
#include <fcntl.h>

#include "sysdev.h"
#include "tree.h"

static void add_device(struct tree *t)
{
	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "1:3\n");
}

static struct vdpa_user_list *get(struct tree *t, const char *name)
{
	struct vdpa_user_list *list = NULL;

	assert_int_equal(vdpa_user_list(t->ctx, name, &list), 0);
	return list;
}

static void check_size(struct tree *t, size_t want)
{
	struct vdpa_user_list *list = get(t, "sim0");

	assert_int_equal(vdpa_user_list_get_size(list), want);
	vdpa_user_list_unref(list);
}

static void test_scan(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list;

	add_device(t);
	tree_process(t, 1234, "qemu-system-x86\n", "/dev/null");
	tree_link(t, "proc/1234/fd/4", "/dev/null");
	tree_process(t, 77, "other\n", "/dev/zero");
	tree_process(t, 78, "file\n", "proc/77/comm");
	tree_link(t, "proc/79/fd/0", "/nonexistent");
	tree_mkdir(t, "proc/80"); /* vanishing */
	tree_link(t, "proc/81/fd/0", "/dev/null"); /* without a comm any more */
	tree_link(t, "proc/sys/fd/0", "/dev/null");
	tree_link(t, "proc/99999999999/fd/0", "/dev/null");
	list = get(t, "sim0");
	assert_int_equal(vdpa_user_list_get_size(list), 2);
	for (size_t i = 0; i < 2; i++) {
		bool qemu = vdpa_user_list_get_pid(list, i) == 1234;

		if (!qemu)
			assert_int_equal(vdpa_user_list_get_pid(list, i), 81);
		assert_string_equal(vdpa_user_list_get_comm(list, i),
				    qemu ? "qemu-system-x86" : "?");
	}
	assert_int_equal(vdpa_user_list_get_pid(list, 2), 0);
	assert_null(vdpa_user_list_get_comm(list, 2));
	assert_null(vdpa_user_list_unref(list));
	assert_null(vdpa_user_list_unref(NULL));
}

static void test_refcnt(void **state)
{
	struct tree *t = *state;

	add_device(t);
	tree_process(t, 1234, "qemu\n", "/dev/null");
	check_size(t, 1); /* built in: no count */
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "2\n");
	check_size(t, 1);
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "0\n");
	check_size(t, 0);
}

static void test_not_vhost(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list = NULL;

	tree_vdpa(t, "sys/devices", "sim0", "virtio_vdpa");
	tree_process(t, 1234, "qemu\n", "/dev/null");
	check_size(t, 0);
	assert_int_equal(vdpa_user_list(t->ctx, "nobody", &list), -ENODEV);
	assert_null(list);
}

/* The real /proc: this process, with two descriptors, counts once. */
static void test_self(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list;
	int found = 0;
	int a = open("/dev/null", O_RDWR);
	int b = open("/dev/null", O_RDWR);

	assert_true(a >= 0 && b >= 0);
	assert_int_equal(vdpa_ctx_set_roots(t->ctx, NULL, NULL, "/proc"), 0);
	add_device(t);
	list = get(t, "sim0");
	for (size_t i = 0; i < vdpa_user_list_get_size(list); i++)
		found += vdpa_user_list_get_pid(list, i) == getpid();
	assert_int_equal(found, 1);
	vdpa_user_list_unref(list);
	close(a);
	close(b);
}

static void check_hidden(struct tree *t, bool want)
{
	struct vdpa_user_list *list = NULL;
	struct stat st;

	assert_int_equal(stat("/dev/null", &st), 0);
	assert_int_equal(find_users(t->ctx, st.st_rdev, false, &list), 0);
	assert_int_equal(vdpa_user_list_is_complete(list), !want);
	vdpa_user_list_unref(list);
}

static void test_hidden(void **state)
{
	struct tree *t = *state;
	char *dir = tree_path(t, "proc/1234/fd");

	tree_process(t, 1234, "qemu\n", "/dev/null");
	check_hidden(t, false);
	assert_int_equal(chmod(dir, 0), 0);
	assert_int_equal(geteuid() ? 0 : seteuid(65534), 0);
	check_hidden(t, true);
	assert_int_equal(getuid() ? 0 : seteuid(0), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	/* any inode but that of the initial namespace */
	tree_write(t, "proc/self/ns/pid", "");
	check_hidden(t, true);
	free(dir);
}

/* The directory can be read, and what is in it can't be followed. */
static void test_hidden_file(void **state)
{
	struct tree *t = *state;
	char *secret = tree_path(t, "secret"), *file = tree_path(t, "secret/file");

	tree_write(t, "secret/file", "");
	tree_process(t, 1234, "qemu\n", "/dev/zero");
	tree_link(t, "proc/1234/fd/4", file);
	check_hidden(t, false);
	assert_int_equal(chmod(secret, 0), 0);
	assert_int_equal(geteuid() ? 0 : seteuid(65534), 0);
	check_hidden(t, true);
	assert_int_equal(getuid() ? 0 : seteuid(0), 0);
	assert_int_equal(chmod(secret, 0755), 0);
	free(secret);
	free(file);
}

/* /proc mounted with hidepid=invisible. */
static void test_hidden_processes(void **state)
{
	struct tree *t = *state;
	char *init = tree_path(t, "proc/1");

	tree_process(t, 1234, "qemu\n", "/dev/zero");
	check_hidden(t, false);
	assert_int_equal(rmdir(init), 0);
	check_hidden(t, true);
	free(init);
}

/* Its first thread has ended: proc/PID/fd is empty. */
static void test_threads(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list;

	add_device(t);
	tree_write(t, "proc/5/comm", "threads\n");
	tree_mkdir(t, "proc/5/fd");
	tree_mkdir(t, "proc/5/task/5/fd");
	tree_link(t, "proc/5/task/6/fd/3", "/dev/null");
	tree_link(t, "proc/5/task/7/fd/3", "/dev/null");
	list = get(t, "sim0");
	assert_int_equal(vdpa_user_list_get_size(list), 1);
	assert_int_equal(vdpa_user_list_get_pid(list, 0), 5);
	assert_string_equal(vdpa_user_list_get_comm(list, 0), "threads");
	vdpa_user_list_unref(list);
}

static void test_first_only(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list = NULL;
	struct stat st;

	assert_int_equal(stat("/dev/null", &st), 0);
	for (int pid = 1; pid < 6; pid++)
		tree_process(t, pid, "x\n", "/dev/null");
	assert_int_equal(find_users(t->ctx, st.st_rdev, true, &list), 0);
	assert_int_equal(vdpa_user_list_get_size(list), 1);
	vdpa_user_list_unref(list);
}

static void test_no_proc(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list = NULL;

	add_device(t);
	assert_int_equal(vdpa_ctx_set_roots(t->ctx, NULL, NULL, "/nonexistent"), 0);
	assert_int_equal(vdpa_user_list(t->ctx, "sim0", &list), -ENOENT);
	assert_null(list);
}

static struct vdpa_user_list *users_of_all(struct tree *t)
{
	struct vdpa_sysdev_list *devs = NULL;
	struct vdpa_user_list *list = NULL;
	struct vdpa_sysdev *v[8] = { NULL };
	size_t n;

	assert_int_equal(vdpa_sysdev_list(t->ctx, &devs), 0);
	n = vdpa_sysdev_list_get_size(devs);
	assert_true(n <= 8);
	for (size_t i = 0; i < n; i++)
		v[i] = vdpa_sysdev_list_get(devs, i);
	assert_int_equal(vdpa_user_list_devs(t->ctx, v, n, &list), 0);
	vdpa_sysdev_list_unref(devs);
	return list;
}

static void check_user(const struct vdpa_user_list *list, size_t i, const char *dev, int pid)
{
	assert_string_equal(vdpa_user_list_get_dev(list, i), dev);
	assert_int_equal(vdpa_user_list_get_pid(list, i), pid);
}

/* /dev/zero (1:5) is another device's; one process has both. */
static void test_many(void **state)
{
	struct tree *t = *state;
	struct vdpa_user_list *list;

	list = users_of_all(t);
	assert_int_equal(vdpa_user_list_get_size(list), 0);
	vdpa_user_list_unref(list);
	add_device(t);
	tree_vdpa(t, "sys/devices", "a", "vhost_vdpa");
	tree_chardev(t, "sys/devices/a", "vhost-vdpa-1", "1:5\n");
	tree_vdpa(t, "sys/devices", "unbound", NULL);
	tree_vdpa(t, "sys/devices", "disk", "virtio_vdpa");
	tree_virtio(t, "sys/devices/disk", "virtio0", "block/vda");
	tree_process(t, 9, "both\n", "/dev/null");
	tree_link(t, "proc/9/fd/4", "/dev/zero");
	tree_link(t, "proc/9/fd/5", "/dev/null");
	tree_process(t, 7, "one\n", "/dev/null");
	tree_process(t, 8, "none\n", "/dev/full");
	list = users_of_all(t);
	assert_int_equal(vdpa_user_list_get_size(list), 3);
	check_user(list, 0, "a", 9);
	check_user(list, 1, "sim0", 7);
	check_user(list, 2, "sim0", 9);
	assert_string_equal(vdpa_user_list_get_comm(list, 1), "one");
	assert_null(vdpa_user_list_get_dev(list, 3));
	vdpa_user_list_unref(list);
	/* One got the node that another had when it was looked at. */
	tree_vdpa(t, "sys/devices", "b", "vhost_vdpa");
	tree_chardev(t, "sys/devices/b", "vhost-vdpa-2", "1:5\n");
	tree_vdpa(t, "sys/devices", "c", "vhost_vdpa");
	tree_chardev(t, "sys/devices/c", "vhost-vdpa-3", "1:5\n");
	list = users_of_all(t);
	assert_int_equal(vdpa_user_list_get_size(list), 5);
	check_user(list, 0, "a", 9);
	check_user(list, 1, "b", 9);
	check_user(list, 2, "c", 9);
	vdpa_user_list_unref(list);
	/* Nobody can have one open: /proc is not even read. */
	tree_write(t, "sys/module/vhost_vdpa/refcnt", "0\n");
	list = users_of_all(t);
	assert_int_equal(vdpa_user_list_get_size(list), 0);
	vdpa_user_list_unref(list);
}

/* One search for all nodes, which are told by their paths; what is no node has no users. */
static void test_nodes(void **state)
{
	static const char *const paths[] = { "/dev/zero", "/nonexistent", "/", "/dev/null",
					     "/dev/zero" };
	struct tree *t = *state;
	struct vdpa_user_list *list = NULL;

	tree_process(t, 9, "both\n", "/dev/null");
	tree_link(t, "proc/9/fd/4", "/dev/zero");
	tree_process(t, 7, "one\n", "/dev/null");
	assert_int_equal(vdpa_user_list_nodes(t->ctx, paths, 5, &list), 0);
	assert_int_equal(vdpa_user_list_get_size(list), 4);
	check_user(list, 0, "/dev/zero", 9);
	check_user(list, 1, "/dev/null", 7);
	check_user(list, 2, "/dev/null", 9);
	check_user(list, 3, "/dev/zero", 9);
	vdpa_user_list_unref(list);
	list = NULL;
	assert_int_equal(vdpa_user_list_nodes(t->ctx, paths + 1, 2, &list), 0);
	assert_int_equal(vdpa_user_list_get_size(list), 0);
	vdpa_user_list_unref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_scan),	   TREE_TEST(test_refcnt),
		TREE_TEST(test_not_vhost), TREE_TEST(test_self),
		TREE_TEST(test_hidden),	   TREE_TEST(test_first_only),
		TREE_TEST(test_no_proc),   TREE_TEST(test_many),
		TREE_TEST(test_nodes),	   TREE_TEST(test_hidden_file),
		TREE_TEST(test_threads),   TREE_TEST(test_hidden_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
