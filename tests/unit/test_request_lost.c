/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changes something, when the answer does not come or is none. */
#include "env.h"

static const struct {
	enum fake_fault fault;
	int64_t value;
	int errnum;
} losses[] = {
	{ FAULT_LOST, 0, ENOBUFS },
	{ FAULT_SILENCE, 0, ETIMEDOUT },
	{ FAULT_SHORT, 10, EBADMSG },
	{ FAULT_CUT, 50000, ENOBUFS },
	{ FAULT_MESSAGE, NLMSG_OVERRUN, ENOBUFS },
	{ FAULT_RECV, EIO, EIO },
};

#define LOSSES (sizeof(losses) / sizeof(losses[0]))

/* Carried out, but the answer did not come: nothing is sent twice, and the device tells. */
static void test_lost_but_done(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("vdpasim_net", "x");

	for (unsigned int i = 0; i < LOSSES; i++) {
		fake_fault(e->k, VDPA_COMMAND_DEV_ADD, losses[i].fault, losses[i].value, 1);
		assert_int_equal(vdpa_dev_add(e->ctx, spec, 0), 0);
		assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_ADD], i + 1);
		fake_fault(e->k, VDPA_COMMAND_DEV_DEL, losses[i].fault, losses[i].value, 1);
		assert_int_equal(vdpa_dev_del(e->ctx, "x", 0), 0);
		assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_DEL], i + 1);
	}
	vdpa_spec_unref(spec);
}

/* Refused, and the answer did not come either: the loss is reported, and as what it is. */
static void test_lost_and_not_done(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("nothing", "x");

	fake_dev(e->k, "vdpasim_net", "busy", VDPA_ID_NET)->keep = true;
	for (unsigned int i = 0; i < LOSSES; i++) {
		const struct vdpa_error *err;

		fake_fault(e->k, VDPA_COMMAND_DEV_ADD, losses[i].fault, losses[i].value, 1);
		check_error(e, vdpa_dev_add(e->ctx, spec, 0), losses[i].errnum, NULL);
		err = vdpa_ctx_get_error(e->ctx);
		assert_non_null(strstr(vdpa_error_get_message(err), "cannot add device \"x\": "));
		assert_false(vdpa_error_is_local(err));
		assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_ADD], i + 1);
		fake_fault(e->k, VDPA_COMMAND_DEV_DEL, losses[i].fault, losses[i].value, 1);
		/* By now the buffer has grown, and the answer fits. */
		check_error(e, vdpa_dev_del(e->ctx, "busy", 0),
			    losses[i].fault == FAULT_CUT ? EBUSY : losses[i].errnum, NULL);
		assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_DEL], i + 1);
	}
	vdpa_spec_unref(spec);
}

/* The kernel's own ENOBUFS or ETIMEDOUT is an answer. */
static void test_verdict_like_loss(void **state)
{
	struct env *e = *state;

	env_devices(e, 1);
	fake_fault(e->k, VDPA_COMMAND_DEV_DEL, FAULT_ERRNO, -ENOBUFS, 1);
	check_error(e, vdpa_dev_del(e->ctx, "d0", 0), ENOBUFS,
		    "cannot delete device \"d0\": No buffer space available");
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_GET], 0);
}

/* Not sent: nothing to settle. */
static void test_send_fails(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("vdpasim_net", "x");

	fake_fault(e->k, VDPA_COMMAND_DEV_ADD, FAULT_SEND, ENOBUFS, 1);
	check_error(e, vdpa_dev_add(e->ctx, spec, 0), ENOBUFS,
		    "cannot add device \"x\": no room for the request (socket buffer full)");
	assert_true(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_GET], 0);
	assert_int_equal(e->k->n_devs, 0);
	vdpa_spec_unref(spec);
}

/* An object is no answer to a request that asked for none. */
static void test_unexpected_object(void **state)
{
	struct env *e = *state;

	env_devices(e, 1);
	fake_fault(e->k, VDPA_COMMAND_DEV_DEL, FAULT_TYPE, FAKE_FAMILY, 1);
	fake_find(e->k, "d0")->keep = true;
	check_error(e, vdpa_dev_del(e->ctx, "d0", 0), EBADMSG, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_lost_but_done),	  ENV_TEST(test_lost_and_not_done),
		ENV_TEST(test_verdict_like_loss), ENV_TEST(test_send_fails),
		ENV_TEST(test_unexpected_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
