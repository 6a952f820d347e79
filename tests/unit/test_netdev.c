/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network interfaces through libnl-route-3, and the loader of optional libraries. */
#include <net/if.h>

#include "common/dlsyms.h"
#include "tree.h"

static const char *const libc[] = { "libc.so.6", NULL };

static void test_loader(void **state)
{
	size_t (*length)(const char *) = NULL;
	int (*untouched)(void) = NULL;
	const struct dl_symbol good[] = { { "strlen", &length } };
	const struct dl_symbol bad[] = { { "getpid", &untouched },
					 { "no_such_symbol", &untouched } };
	const char *const missing[] = { "libc.so.6", "libno-such-library.so.0", NULL };

	(void)state;
	if (dl_load(libc, good, 1))
		skip(); /* not glibc */
	assert_int_equal(length("four"), 4);
	assert_string_equal(dl_load(libc, bad, 2), "no_such_symbol");
	assert_null(untouched);
	assert_string_equal(dl_load(missing, bad, 1), "libno-such-library.so.0");
	assert_null(untouched);
}

static void test_loopback(void **state)
{
	struct tree *t = *state;
	struct vdpa_netdev *n = NULL;
	const char *state_name;
	uint8_t mac[6];
	int r;

	r = vdpa_netdev_get(t->ctx, "lo", &n);
	if (r == -ENOSYS) {
		assert_non_null(strstr(tree_message(t), "libnl"));
		skip();
	}
	assert_int_equal(r, 0);
	assert_string_equal(vdpa_netdev_get_name(n), "lo");
	assert_int_equal(vdpa_netdev_get_ifindex(n), if_nametoindex("lo"));
	assert_true(vdpa_netdev_get_mtu(n) >= 68);
	if (vdpa_netdev_get_mac(n, mac))
		assert_memory_equal(mac, "\0\0\0\0\0\0", 6);
	state_name = vdpa_netdev_get_operstate(n);
	assert_true(*state_name);
	assert_int_equal(strspn(state_name, "abcdefghijklmnopqrstuvwxyz"), strlen(state_name));
	assert_null(vdpa_netdev_unref(n));
	assert_null(vdpa_netdev_unref(NULL));
}

/* sysfs of another network namespace has an interface of the same name. */
static void test_other_namespace(void **state)
{
	struct tree *t = *state;
	struct vdpa_netdev *n = NULL;
	char *ifindex = format_string("%u\n", if_nametoindex("lo"));
	int r = vdpa_netdev_get(t->ctx, "lo", &n);

	n = vdpa_netdev_unref(n);
	if (r == -ENOSYS)
		skip();
	tree_write(t, "sys/class/net/lo/ifindex", ifindex);
	assert_int_equal(vdpa_netdev_get(t->ctx, "lo", &n), 0);
	n = vdpa_netdev_unref(n);
	tree_write(t, "sys/class/net/lo/address", "00:00:00:00:00:00\n");
	assert_int_equal(vdpa_netdev_get(t->ctx, "lo", &n), 0);
	n = vdpa_netdev_unref(n);
	tree_write(t, "sys/class/net/lo/address", "02:00:00:00:00:01\n");
	assert_int_equal(vdpa_netdev_get(t->ctx, "lo", &n), -ENODEV);
	assert_non_null(strstr(tree_message(t), "another network namespace"));
	tree_write(t, "sys/class/net/lo/ifindex", "4000000\n");
	tree_write(t, "sys/class/net/lo/address", "00:00:00:00:00:00\n");
	assert_int_equal(vdpa_netdev_get(t->ctx, "lo", &n), -ENODEV);
	free(ifindex);
}

static void test_missing(void **state)
{
	static const char *const names[] = { "no-such-if", "", "0123456789abcdef", "a/b" };
	struct tree *t = *state;
	struct vdpa_netdev *n = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int r = vdpa_netdev_get(t->ctx, names[i], &n);

		if (r == -ENOSYS)
			skip();
		assert_int_equal(r, -ENODEV);
		assert_null(n);
		assert_non_null(strstr(tree_message(t), names[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loader),
		TREE_TEST(test_loopback),
		TREE_TEST(test_other_namespace),
		TREE_TEST(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
