/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many requests: in turn and in windows. */
#include <sys/stat.h>
#include <unistd.h>

#include "env.h"

#define STOP 0u
#define NOT_TRIED 1

static struct vdpa_bulk *begin(struct env *e)
{
	struct vdpa_bulk *b;

	assert_int_equal(vdpa_bulk_new(e->ctx, &b), 0);
	return b;
}

static void queue_add(struct vdpa_bulk *b, const char *mgmtdev, const char *name)
{
	struct vdpa_spec *spec = env_spec(mgmtdev, name);

	assert_int_equal(vdpa_bulk_add(b, spec), 0);
	vdpa_spec_unref(spec);
}

static void queue_many(struct vdpa_bulk *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		queue_add(b, "vdpasim_net", name);
	}
}

static int result(const struct vdpa_bulk *b, size_t i)
{
	const struct vdpa_error *err = NULL;
	int r = vdpa_bulk_get_result(b, i, &err);

	assert_int_equal(err != NULL, r < 0);
	if (err)
		assert_int_equal(vdpa_error_get_errno(err), -r);
	return r;
}

static void check_results(const struct vdpa_bulk *b, const int *results, size_t n)
{
	assert_int_equal(vdpa_bulk_get_size(b), n);
	for (size_t i = 0; i < n; i++)
		if (result(b, i) != results[i])
			fail_msg("item %zu: %d instead of %d", i, result(b, i), results[i]);
}

/* a succeeds, b fails, c would succeed. */
static struct vdpa_bulk *three(struct env *e)
{
	struct vdpa_bulk *b = begin(e);

	queue_add(b, "vdpasim_net", "a");
	queue_add(b, "nowhere", "b");
	queue_add(b, "vdpasim_net", "c");
	return b;
}

static const struct {
	unsigned int flags;
	int results[3];
	size_t devices;
} modes[] = {
	{ STOP, { 0, -ENODEV, NOT_TRIED }, 1 },
	{ VDPA_BULK_KEEP_GOING, { 0, -ENODEV, 0 }, 2 },
	/* What travels in the same window is carried out all the same. */
	{ VDPA_BULK_PIPELINE, { 0, -ENODEV, 0 }, 2 },
	{ VDPA_BULK_PIPELINE | VDPA_BULK_KEEP_GOING, { 0, -ENODEV, 0 }, 2 },
};

static void test_modes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct vdpa_bulk *b;
		struct env e;

		env_open(&e, true);
		b = three(&e);
		check_error(
			&e, vdpa_bulk_run(b, modes[i].flags), ENODEV,
			"cannot add device \"b\": Fail to find the specified management device (No such device)");
		check_results(b, modes[i].results, 3);
		assert_int_equal(e.k->n_devs, modes[i].devices);
		check_error(&e, vdpa_bulk_run(b, modes[i].flags), EALREADY, NULL);
		check_error(&e, vdpa_bulk_del(b, "x"), EALREADY, NULL);
		assert_null(vdpa_bulk_unref(b));
		env_close(&e);
	}
}

static void test_queue(void **state)
{
	struct env *e = *state;
	struct vdpa_bulk *b = begin(e);
	struct vdpa_spec *spec = env_spec(NULL, "x");

	check_error(e, vdpa_bulk_add(b, spec), EINVAL,
		    "cannot add a device: its management device is not set");
	vdpa_spec_unref(spec);
	assert_int_equal(vdpa_bulk_get_size(b), 0);
	assert_null(vdpa_bulk_get_name(b, 0));
	assert_int_equal(vdpa_bulk_get_result(b, 0, NULL), NOT_TRIED);
	assert_int_equal(vdpa_bulk_del(b, "y"), 0);
	assert_string_equal(vdpa_bulk_get_name(b, 0), "y");
	assert_int_equal(result(b, 0), NOT_TRIED);
	vdpa_bulk_unref(b);

	b = begin(e);
	assert_int_equal(vdpa_bulk_run(b, VDPA_BULK_PIPELINE), 0);
	vdpa_bulk_unref(b);
	assert_int_equal(e->k->sends, 0);
	assert_null(vdpa_bulk_unref(NULL));
}

static void test_thousand(void **state)
{
	static const unsigned int flags[] = { 0, VDPA_BULK_PIPELINE };
	struct env *e = *state;

	for (size_t f = 0; f < 2; f++) {
		struct vdpa_bulk *b = begin(e);
		unsigned int sends;

		queue_many(b, 1000);
		assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
		sends = e->k->sends;
		assert_int_equal(vdpa_bulk_run(b, flags[f]), 0);
		assert_int_equal(e->k->sends - sends, flags[f] ? 16 : 1000);
		assert_int_equal(e->k->n_devs, 1000);
		for (size_t i = 0; i < 1000; i++)
			assert_string_equal(e->k->devs[i]->name, vdpa_bulk_get_name(b, i));
		vdpa_bulk_unref(b);

		b = begin(e);
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(vdpa_bulk_del(b, e->k->devs[i]->name), 0);
		assert_int_equal(vdpa_bulk_run(b, flags[f]), 0);
		assert_int_equal(e->k->n_devs, 0);
		vdpa_bulk_unref(b);
	}
}

/* A failure in the midst of a window stops before the next one. */
static void test_stop_at_window(void **state)
{
	struct env *e = *state;
	struct vdpa_bulk *b = begin(e);

	queue_many(b, 30);
	queue_add(b, "nowhere", "bad");
	for (unsigned int i = 30; i < 200; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		queue_add(b, "vdpasim_net", name);
	}
	assert_int_equal(vdpa_bulk_run(b, VDPA_BULK_PIPELINE), -ENODEV);
	for (size_t i = 0; i < 201; i++)
		assert_int_equal(result(b, i), i == 30 ? -ENODEV : i < 64 ? 0 : NOT_TRIED);
	vdpa_bulk_unref(b);
}

/* What an earlier item decides waits for it: the guards look before a window is sent. */
static void test_same_name(void **state)
{
	static const int stopped[] = { 0, 0, 0, -EEXIST, NOT_TRIED };
	struct env *e = *state;
	struct vdpa_bulk *b = begin(e);

	queue_add(b, "vdpasim_net", "x");
	assert_int_equal(vdpa_bulk_del(b, "x"), 0);
	queue_add(b, "vdpasim_net", "x");
	queue_add(b, "vdpasim_net", "x");
	assert_int_equal(vdpa_bulk_del(b, "x"), 0);
	check_error(e, vdpa_bulk_run(b, VDPA_BULK_PIPELINE), EEXIST, "device \"x\" exists already");
	check_results(b, stopped, 5);
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_ADD], 2);
	vdpa_bulk_unref(b);
}

/* A parent whose driver breaks with a second device: it is refused in one bulk, too. */
static void test_unchecked_parent(void **state)
{
	static const int results[] = { 0, -EBUSY };
	struct env *e = *state;
	struct vdpa_bulk *b = begin(e);
	char path[256], target[256];
	static const char *const dirs[] = { "sys/bus/pci", "sys/bus/pci/devices",
					    "sys/bus/pci/devices/0000:65:00.2",
					    "sys/bus/pci/drivers", "sys/bus/pci/drivers/ifcvf" };

	e->k->mgmtdevs[2].single = false;
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", e->k->root, dirs[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	snprintf(target, sizeof(target), "%s/sys/bus/pci/drivers/ifcvf", e->k->root);
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:65:00.2/driver", e->k->root);
	assert_int_equal(symlink(target, path), 0);
	e->k->child_of = "sys/bus/pci/devices/0000:65:00.2";
	queue_add(b, "pci/0000:65:00.2", "one");
	queue_add(b, "pci/0000:65:00.2", "two");
	assert_int_equal(vdpa_bulk_run(b, VDPA_BULK_PIPELINE | VDPA_BULK_KEEP_GOING), -EBUSY);
	check_results(b, results, 2);
	assert_int_equal(e->k->n_devs, 1);
	vdpa_bulk_unref(b);
}

/* ---- lost answers ---- */

static const struct {
	enum fake_fault fault;
	int64_t value;
	int errnum;
} losses[] = {
	{ FAULT_LOST, 0, ENOBUFS },
	{ FAULT_SILENCE, 0, ETIMEDOUT },
	{ FAULT_SHORT, 17, EBADMSG },
	{ FAULT_ERRNO, 5, EBADMSG },
	{ FAULT_LENGTH, 0x80000040, EBADMSG },
	{ FAULT_NOISE, 1500, ETIMEDOUT },
	/* Here the other answers are read. */
	{ FAULT_SEQ, 0, ENODEV },
	{ FAULT_PORTID, 0, ENODEV },
	{ FAULT_STALE, 0, ENODEV },
	{ FAULT_MESSAGE, NLMSG_OVERRUN, ENODEV },
};

/* Whether each was carried out is looked up; the refused one has the loss for an answer. */
static void test_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		struct vdpa_bulk *b;
		struct env e;
		int r;

		env_open(&e, true);
		b = begin(&e);
		queue_many(b, 10);
		queue_add(b, "nowhere", "bad");
		fake_fault(e.k, VDPA_COMMAND_DEV_ADD, losses[i].fault, losses[i].value, 1);
		r = vdpa_bulk_run(b, VDPA_BULK_PIPELINE);
		if (r != -losses[i].errnum)
			fail_msg("case %zu: %d", i, r);
		for (size_t j = 0; j < 10; j++)
			assert_int_equal(result(b, j), 0);
		assert_int_equal(e.k->requests[VDPA_COMMAND_DEV_ADD], 11);
		assert_int_equal(e.k->n_devs, 10);
		/* What is left of the answers is left behind. */
		assert_int_equal(
			e.k->opens,
			losses[i].fault == FAULT_STALE || losses[i].fault == FAULT_MESSAGE ? 1 : 2);
		vdpa_bulk_unref(b);
		env_close(&e);
	}
}

static void test_send_fails(void **state)
{
	struct env *e = *state;
	struct vdpa_bulk *b = begin(e);

	queue_many(b, 100);
	fake_fault(e->k, VDPA_COMMAND_DEV_ADD, FAULT_SEND, ENOBUFS, 1);
	check_error(e, vdpa_bulk_run(b, VDPA_BULK_PIPELINE), ENOBUFS, NULL);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(result(b, i), i < 64 ? -ENOBUFS : NOT_TRIED);
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_GET], 0);
	assert_int_equal(e->k->n_devs, 0);
	vdpa_bulk_unref(b);
}

/* ---- giants ---- */

static char *giant(char letter, size_t n)
{
	char *name = calloc(1, n + 1);

	assert_non_null(name);
	memset(name, letter, n);
	return name;
}

/* Names that fill a window, that fit no window, and that fit no message. */
static void test_giants(void **state)
{
	static const size_t sizes[] = {
		1, 7000, 7000, 7000, 16300, 16360, 20000, 65531, 1, 60000, 1
	};
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	struct env *e = *state;
	struct vdpa_bulk *b = begin(e);

	for (size_t i = 0; i < n; i++) {
		char *name = giant((char)('a' + i), sizes[i]);

		queue_add(b, "vdpasim_net", name);
		free(name);
	}
	check_error(e, vdpa_bulk_run(b, VDPA_BULK_PIPELINE | VDPA_BULK_KEEP_GOING), EMSGSIZE, NULL);
	for (size_t i = 0, j = 0; i < n; i++) {
		assert_int_equal(result(b, i), sizes[i] == 65531 ? -EMSGSIZE : 0);
		if (sizes[i] != 65531)
			assert_string_equal(e->k->devs[j++]->name, vdpa_bulk_get_name(b, i));
	}
	assert_int_equal(e->k->n_devs, n - 1);
	vdpa_bulk_unref(b);
}

/* The connection is lost with a giant, in front of those that wait in its window. */
static void test_giant_lost(void **state)
{
	struct env *e = *state;
	struct vdpa_bulk *b = begin(e);
	char *name = giant('g', 20000);

	queue_add(b, "vdpasim_net", name);
	free(name);
	queue_many(b, 100);
	fake_fault(e->k, VDPA_COMMAND_DEV_ADD, FAULT_LOST, 0, 1);
	/* The kernel does not fit this name in an answer: it can't be looked up either. */
	assert_int_equal(vdpa_bulk_run(b, VDPA_BULK_PIPELINE | VDPA_BULK_KEEP_GOING), -ENOBUFS);
	assert_int_equal(result(b, 0), -ENOBUFS);
	for (size_t i = 1; i <= 100; i++)
		assert_int_equal(result(b, i), 0);
	assert_int_equal(e->k->n_devs, 101);
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_ADD], 101);
	assert_int_equal(e->k->opens, 2 + e->k->requests[VDPA_COMMAND_DEV_GET] - 1);
	vdpa_bulk_unref(b);
}

/* Without a connection every item tried says so. */
static void test_no_family(void **state)
{
	static const unsigned int flags[] = { 0, VDPA_BULK_PIPELINE };
	struct env *e = *state;

	e->k->no_family = true;
	for (size_t f = 0; f < 2; f++) {
		struct vdpa_bulk *b = begin(e);

		queue_many(b, 3);
		check_error(e, vdpa_bulk_run(b, flags[f]), EPROTONOSUPPORT, NULL);
		assert_int_equal(result(b, 0), -EPROTONOSUPPORT);
		assert_int_equal(result(b, 1), NOT_TRIED);
		vdpa_bulk_unref(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes), ENV_TEST(test_queue),
		ENV_TEST(test_thousand),      ENV_TEST(test_stop_at_window),
		ENV_TEST(test_same_name),     ENV_TEST(test_unchecked_parent),
		cmocka_unit_test(test_lost),  ENV_TEST(test_send_fails),
		ENV_TEST(test_giants),	      ENV_TEST(test_giant_lost),
		ENV_TEST(test_no_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
