/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device that is made anew on a parent that is not known: with what this one takes of what the old one had. */
#include "env.h"

/* The library's own header has the same. */
#undef DEFINE_CLEANUP
#define DEFINE_CLEANUP(type, release)
#include "vdpactl/state.h"

#define ALL (STATE_HAS_MAC | STATE_HAS_MTU | STATE_HAS_MAX_VQP | STATE_HAS_FEATURES)
#define BIT(n) (1ULL << (n))

static const uint64_t attributes[] = { BIT(VDPA_NL_ATTR_NET_MACADDR), BIT(VDPA_NL_ATTR_NET_MTU),
				       BIT(VDPA_NL_ATTR_NET_MAX_VQP), BIT(VDPA_NL_ATTR_FEATURES) };
static const unsigned int bits[] = { STATE_HAS_MAC, STATE_HAS_MTU, STATE_HAS_MAX_VQP,
				     STATE_HAS_FEATURES };

static const struct state_device device = {
	.has = STATE_HAS_NAME | ALL,
	.name = (char *)(uintptr_t) "x",
	.mgmtdev = (char *)(uintptr_t) "unknown",
	.mac = { 2, 0, 0, 0, 0, 1 },
	.mtu = 1400,
	.max_vqp = 2,
	.features = BIT(3) | BIT(5) | BIT(22),
};

/* Of the set's attributes. */
static uint64_t taken(unsigned int set)
{
	uint64_t takes = 0;

	for (size_t i = 0; i < 4; i++)
		takes |= set >> i & 1 ? attributes[i] : 0;
	return takes;
}

static void check_made(const struct fake_dev *d, unsigned int set)
{
	assert_non_null(d);
	assert_int_equal(!memcmp(d->mac, device.mac, 6), set & 1);
	assert_int_equal(d->mtu == 1400, set >> 1 & 1);
	assert_int_equal(d->max_vqp == 2, set >> 2 & 1);
	assert_int_equal(d->features == device.features, set >> 3 & 1);
}

/* Exactly what the parent does not take is left out. */
static void test_takes(void **state)
{
	struct env *e = *state;
	struct app app = { .ctx = e->ctx, .name = "test" };
	struct fake_mgmtdev *m = fake_mgmtdev(e->k, NULL, "unknown");

	for (unsigned int set = 0; set < 16; set++) {
		m->takes = taken(set);
		assert_int_equal(state_add_kept(&app, &device, 0), 0);
		check_made(fake_find(e->k, "x"), set);
		fake_remove(e->k, "x");
	}
}

/* But never what was given, and nothing when the parent fails otherwise. */
static void test_given(void **state)
{
	struct env *e = *state;
	struct app app = { .ctx = e->ctx, .name = "test" };
	struct fake_mgmtdev *m = fake_mgmtdev(e->k, NULL, "unknown");

	for (size_t i = 0; i < 4; i++) {
		m->takes = UINT64_MAX & ~attributes[i];
		assert_int_equal(state_add_kept(&app, &device, bits[i]), -EOPNOTSUPP);
		assert_null(fake_find(e->k, "x"));
		assert_int_equal(state_add_kept(&app, &device, ALL & ~bits[i]), 0);
		check_made(fake_find(e->k, "x"), 15 & ~(1u << i));
		fake_remove(e->k, "x");
	}
	m->takes = UINT64_MAX;
	e->k->requests[VDPA_COMMAND_DEV_ADD] = 0;
	fake_fault(e->k, VDPA_COMMAND_DEV_ADD, FAULT_ERRNO, -EOPNOTSUPP, 1);
	assert_int_equal(state_add_kept(&app, &device, 0), -EOPNOTSUPP);
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_ADD], 1);
}

/* What the file gives and what was told, where the library knows no better. */
static void test_keep(void **state)
{
	struct env *e = *state;
	struct app app = { .ctx = e->ctx, .name = "test" };
	struct state_device want = {
		.has = STATE_HAS_NAME | STATE_HAS_MTU,
		.name = device.name,
		.mgmtdev = device.mgmtdev,
		.mtu = 9000,
	};
	struct state_device none = device, kept = state_device_keep(&app, &want, &device);

	assert_int_equal(kept.has & ALL, ALL);
	assert_int_equal(kept.mtu, 9000);
	assert_int_equal(kept.max_vqp, 2);
	assert_int_equal(kept.features, device.features);
	assert_memory_equal(kept.mac, device.mac, 6);
	/* What nobody can have given is not kept. */
	memset(none.mac, 0, 6);
	none.max_vqp = 0;
	kept = state_device_keep(&app, &want, &none);
	assert_int_equal(kept.has & ALL, STATE_HAS_MTU | STATE_HAS_FEATURES);
	want.mgmtdev = (char *)(uintptr_t) "other";
	kept = state_device_keep(&app, &want, &device);
	assert_int_equal(kept.has & ALL, STATE_HAS_MTU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_takes),
		ENV_TEST(test_given),
		ENV_TEST(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
