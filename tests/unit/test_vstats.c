/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of virtqueues: which queue is which, and what drivers may call their counters. */
#include "env.h"

#define BIT(n) (1ULL << (n))
#define CTRL_VQ BIT(VIRTIO_BIT_NET_CTRL_VQ)
#define MQ BIT(VIRTIO_BIT_NET_MQ)
#define RSS BIT(VIRTIO_BIT_NET_RSS)

static const struct fake_counter counters[] = { { "received_desc", 100 },
						{ "completed_desc", UINT64_MAX - 1000 } };

static struct fake_dev *make(struct env *e, uint64_t negotiated, uint16_t pairs, uint32_t queues)
{
	struct fake_dev *d = fake_dev(e->k, "vdpasim_net", "x", VDPA_ID_NET);

	d->active = true;
	d->negotiated = d->features = negotiated;
	d->max_vqp = pairs;
	d->max_vqs = queues;
	d->stat_queues = queues;
	d->counters = counters;
	d->n_counters = 2;
	return d;
}

static const struct {
	uint64_t negotiated;
	uint16_t pairs;
	uint32_t index;
	enum vdpa_queue_type type;
} types[] = {
	{ 0, 1, 0, VDPA_QUEUE_RX },
	{ 0, 1, 1, VDPA_QUEUE_TX },
	{ 0, 1, 2, VDPA_QUEUE_RX },
	/* D4: without MQ there is one pair, and the kernel does not say so. */
	{ CTRL_VQ, 1, 0, VDPA_QUEUE_RX },
	{ CTRL_VQ, 1, 1, VDPA_QUEUE_TX },
	{ CTRL_VQ, 1, 2, VDPA_QUEUE_CTRL },
	{ CTRL_VQ, 32, 2, VDPA_QUEUE_CTRL },
	{ CTRL_VQ, 32, 64, VDPA_QUEUE_RX },
	{ CTRL_VQ | MQ, 32, 2, VDPA_QUEUE_RX },
	{ CTRL_VQ | MQ, 32, 63, VDPA_QUEUE_TX },
	{ CTRL_VQ | MQ, 32, 64, VDPA_QUEUE_CTRL },
	{ CTRL_VQ | RSS, 4, 8, VDPA_QUEUE_CTRL },
	{ CTRL_VQ | MQ, 16384, 32768, VDPA_QUEUE_CTRL },
	{ MQ, 32, 64, VDPA_QUEUE_RX },
	{ CTRL_VQ | MQ, 0, 0, VDPA_QUEUE_RX },
};

static void test_types(void **state)
{
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct vdpa_vstats *s = NULL;

		make(e, types[i].negotiated, types[i].pairs, 40000);
		assert_int_equal(vdpa_vstats_get(e->ctx, "x", types[i].index, &s), 0);
		if (vdpa_vstats_get_queue_type(s) != types[i].type)
			fail_msg("case %zu: type %d", i, (int)vdpa_vstats_get_queue_type(s));
		assert_int_equal(vdpa_vstats_get_index(s), types[i].index);
		vdpa_vstats_unref(s);
		fake_remove(e->k, "x");
	}
}

static void test_get(void **state)
{
	struct env *e = *state;
	struct fake_dev *d = make(e, MQ, 4, 9);
	struct vdpa_vstats *s = NULL;
	uint64_t v64 = 0;
	uint32_t v32 = 0;
	uint16_t v16 = 7;

	assert_int_equal(vdpa_vstats_get(e->ctx, "x", 3, &s), 0);
	assert_string_equal(vdpa_vstats_get_name(s), "x");
	assert_true(vdpa_vstats_get_id(s, &v32) && v32 == VDPA_ID_NET);
	assert_true(vdpa_vstats_get_negotiated_features(s, &v64) && v64 == MQ);
	assert_true(vdpa_vstats_get_max_vqp(s, &v16) && v16 == 4);
	assert_int_equal(vdpa_vstats_get_size(s), 2);
	assert_string_equal(vdpa_vstats_get_counter(s, 0, &v64), "received_desc");
	assert_int_equal(v64, 103);
	assert_string_equal(vdpa_vstats_get_counter(s, 1, &v64), "completed_desc");
	assert_true(v64 == UINT64_MAX - 997);
	assert_null(vdpa_vstats_get_counter(s, 2, &v64));
	vdpa_vstats_unref(s);

	d->negotiated = 0;
	v16 = 7;
	assert_int_equal(vdpa_vstats_get(e->ctx, "x", 0, &s), 0);
	assert_false(vdpa_vstats_get_max_vqp(s, &v16));
	assert_int_equal(v16, 7);
	assert_null(vdpa_vstats_unref(s));
}

/* The index has 32 bits in the message whatever the byte order (D5). */
static void test_request(void **state)
{
	struct env *e = *state;
	struct vdpa_vstats *s = NULL;
	const struct nlattr *attr;
	bool seen = false;

	make(e, 0, 1, 3);
	check_error(
		e, vdpa_vstats_get(e->ctx, "x", 0x10000, &s), ERANGE,
		"cannot show statistics of device \"x\": queue index exceeds max value (Numerical result out of range)");
	mnl_attr_for_each(attr, (struct nlmsghdr *)(void *)e->k->last_request, 4) {
		if (mnl_attr_get_type(attr) != VDPA_NL_ATTR_QUEUE_INDEX)
			continue;
		assert_int_equal(mnl_attr_get_payload_len(attr), 4);
		assert_int_equal(mnl_attr_get_u32(attr), 0x10000);
		seen = true;
	}
	assert_true(seen);
	assert_null(s);
}

static void test_ctrl(void **state)
{
	struct env *e = *state;
	struct vdpa_vstats *s = NULL;
	struct fake_dev *d = make(e, CTRL_VQ | MQ, 32, 65);

	assert_int_equal(vdpa_vstats_get(e->ctx, "x", VDPA_QUEUE_INDEX_CTRL, &s), 0);
	assert_int_equal(vdpa_vstats_get_index(s), 64);
	assert_int_equal(vdpa_vstats_get_queue_type(s), VDPA_QUEUE_CTRL);
	vdpa_vstats_unref(s);
	/* Offered is not negotiated: one pair then. */
	d->negotiated = CTRL_VQ;
	assert_int_equal(vdpa_vstats_get(e->ctx, "x", VDPA_QUEUE_INDEX_CTRL, &s), 0);
	assert_int_equal(vdpa_vstats_get_index(s), 2);
	s = vdpa_vstats_unref(s);
	d->negotiated = MQ;
	check_error(e, vdpa_vstats_get(e->ctx, "x", VDPA_QUEUE_INDEX_CTRL, &s), ENOENT, NULL);
	d->active = false;
	check_error(e, vdpa_vstats_get(e->ctx, "x", VDPA_QUEUE_INDEX_CTRL, &s), EAGAIN, NULL);
	fake_dev(e->k, "vdpasim_blk", "b", VDPA_ID_BLOCK);
	check_error(e, vdpa_vstats_get(e->ctx, "b", VDPA_QUEUE_INDEX_CTRL, &s), ENOENT, NULL);
	check_error(e, vdpa_vstats_get(e->ctx, "y", VDPA_QUEUE_INDEX_CTRL, &s), ENODEV, NULL);
	assert_null(s);
}

static void test_errors(void **state)
{
	struct env *e = *state;
	struct fake_dev *d = make(e, CTRL_VQ, 1, 3);
	struct vdpa_vstats_list *list = NULL;
	struct vdpa_vstats *s = NULL;

	check_error(e, vdpa_vstats_get(e->ctx, "x", 3, &s), EINVAL, NULL);
	check_error(e, vdpa_vstats_get(e->ctx, "y", 0, &s), ENODEV, NULL);
	d->active = false;
	check_error(e, vdpa_vstats_get(e->ctx, "x", 0, &s), EAGAIN, NULL);
	check_hint(e, "no driver has negotiated features yet");
	check_error(e, vdpa_vstats_list(e->ctx, "x", &list), EAGAIN, NULL);
	d->stat_queues = 0;
	check_error(e, vdpa_vstats_get(e->ctx, "x", 0, &s), EOPNOTSUPP, NULL);
	check_hint(e, "keeps no statistics");
	check_error(e, vdpa_vstats_list(e->ctx, "x", &list), EOPNOTSUPP, NULL);
	e->k->no_privilege = true;
	check_error(e, vdpa_vstats_get(e->ctx, "x", 0, &s), EPERM, NULL);
	check_hint(e, "CAP_NET_ADMIN");
	check_error(e, vdpa_vstats_list(e->ctx, "y", &list), ENODEV, NULL);
	assert_null(s);
	assert_null(list);
}

/* Names are the driver's: nothing in them means anything here. */
static void test_hostile_names(void **state)
{
	static char giant[2001];
	static const struct fake_counter hostile[] = {
		{ "%s%n%d", 1 }, { "rx packets", 2 }, { "", 3 },    { "\n\033[2J\xff", 4 },
		{ "same", 5 },	 { "same", 6 },	      { giant, 7 },
	};
	struct env *e = *state;
	struct fake_dev *d = make(e, 0, 1, 3);
	struct vdpa_vstats *s = NULL;

	memset(giant, 'g', sizeof(giant) - 1);
	d->counters = hostile;
	d->n_counters = sizeof(hostile) / sizeof(hostile[0]);
	assert_int_equal(vdpa_vstats_get(e->ctx, "x", 0, &s), 0);
	assert_int_equal(vdpa_vstats_get_size(s), d->n_counters);
	for (size_t i = 0; i < d->n_counters; i++) {
		uint64_t v = 0;

		assert_string_equal(vdpa_vstats_get_counter(s, i, &v), hostile[i].name);
		assert_int_equal(v, hostile[i].value);
	}
	vdpa_vstats_unref(s);
}

static void test_torn_pairs(void **state)
{
	static const struct {
		enum fake_edit edit;
		unsigned int attr;
		int64_t value;
	} cases[] = {
		{ EDIT_DROP, VDPA_NL_ATTR_VENDOR_NAME, 0 },
		{ EDIT_DROP, VDPA_NL_ATTR_VENDOR_VALUE, 0 },
		{ EDIT_TWICE, VDPA_NL_ATTR_VENDOR_NAME, 0 },
		{ EDIT_TWICE, VDPA_NL_ATTR_VENDOR_VALUE, 0 },
		{ EDIT_REVERSE, 0, 0 },
		{ EDIT_SIZE, VDPA_NL_ATTR_VENDOR_VALUE, 4 },
		{ EDIT_UNTERMINATED, VDPA_NL_ATTR_VENDOR_NAME, 0 },
		{ EDIT_DROP, VDPA_NL_ATTR_DEV_NAME, 0 },
		{ EDIT_TORN, 0, 1 },
	};
	struct env *e = *state;

	make(e, 0, 1, 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vdpa_vstats *s = NULL;

		fake_edit(e->k, VDPA_COMMAND_VSTATS_GET, cases[i].edit, cases[i].attr,
			  cases[i].value, 1);
		if (vdpa_vstats_get(e->ctx, "x", 0, &s) != -EBADMSG)
			fail_msg("case %zu was believed", i);
		assert_null(s);
	}
}

static void test_list(void **state)
{
	struct env *e = *state;
	struct fake_dev *d = make(e, CTRL_VQ | MQ, 2, 5);
	struct vdpa_vstats_list *list;
	struct vdpa_vstats *kept;

	assert_int_equal(vdpa_vstats_list(e->ctx, "x", &list), 0);
	assert_int_equal(vdpa_vstats_list_get_size(list), 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(vdpa_vstats_get_index(vdpa_vstats_list_get(list, i)), i);
	assert_int_equal(vdpa_vstats_get_queue_type(vdpa_vstats_list_get(list, 4)),
			 VDPA_QUEUE_CTRL);
	kept = vdpa_vstats_ref(vdpa_vstats_list_get(list, 4));
	assert_null(vdpa_vstats_list_get(list, 5));
	vdpa_vstats_list_unref(list);
	assert_string_equal(vdpa_vstats_get_name(kept), "x");
	vdpa_vstats_unref(kept);

	/* Queues that the driver has no counters for are left out. */
	d->stat_queues = 3;
	assert_int_equal(vdpa_vstats_list(e->ctx, "x", &list), 0);
	assert_int_equal(vdpa_vstats_list_get_size(list), 3);
	vdpa_vstats_list_unref(list);
}

/* A device that claims four thousand million queues does not keep us for that long. */
static void test_list_bound(void **state)
{
	struct env *e = *state;
	struct vdpa_vstats_list *list;

	make(e, 0, 1, 2)->max_vqs = UINT32_MAX;
	assert_int_equal(vdpa_vstats_list(e->ctx, "x", &list), 0);
	assert_int_equal(vdpa_vstats_list_get_size(list), 2);
	assert_int_equal(e->k->requests[VDPA_COMMAND_VSTATS_GET], 65536);
	vdpa_vstats_list_unref(list);
}

/* A lost answer is not taken for a queue without counters. */
static void test_list_lost(void **state)
{
	struct env *e = *state;
	struct vdpa_vstats_list *list = NULL;

	make(e, 0, 1, 2);
	fake_fault(e->k, VDPA_COMMAND_VSTATS_GET, FAULT_SILENCE, 0, 1);
	check_error(e, vdpa_vstats_list(e->ctx, "x", &list), ETIMEDOUT, NULL);
	fake_fault(e->k, VDPA_COMMAND_VSTATS_GET, FAULT_RECV, EINVAL, 1);
	check_error(e, vdpa_vstats_list(e->ctx, "x", &list), EINVAL, NULL);
	assert_null(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_types),	   ENV_TEST(test_get),	  ENV_TEST(test_request),
		ENV_TEST(test_ctrl),	   ENV_TEST(test_errors), ENV_TEST(test_hostile_names),
		ENV_TEST(test_torn_pairs), ENV_TEST(test_list),	  ENV_TEST(test_list_bound),
		ENV_TEST(test_list_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
