/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between devices of a state file and those that are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vdpactl/link.h"
#include "vdpactl/state.h"
#include "vdpactl/state_diff.h"

/* ---- state_diff ---- */

static void check_diff(const struct state_device *want, const struct state_device *have,
		       unsigned int differs, const char *text)
{
	struct strbuf sb = STRBUF_INIT;

	assert_int_equal(state_diff(want, have), differs);
	state_diff_text(&sb, want, have, differs);
	assert_string_equal(sb.s ? sb.s : "", text);
	strbuf_free(&sb);
}

static void test_diff(void **state)
{
	char parent[] = "p", other[] = "q", name[] = "n";
	struct state_device have = {
		.has = STATE_HAS_MAC | STATE_HAS_MTU | STATE_HAS_FEATURES | STATE_HAS_DRIVER,
		.name = name,
		.mgmtdev = parent,
		.mac = { 2, 0, 0, 0, 0, 1 },
		.mtu = 1500,
		.features = 0x20,
		.driver = "none",
		.is_net = true,
	};
	struct state_device want = { .name = name, .mgmtdev = parent };

	(void)state;
	check_diff(&want, &have, 0, "");
	want.has = STATE_HAS_MAC | STATE_HAS_MTU | STATE_HAS_FEATURES | STATE_HAS_MAX_VQP;
	want.driver = "vhost_vdpa";
	want.mgmtdev = other;
	want.max_vqp = 2;
	memcpy(want.mac, "\2\0\0\0\0\2", 6);
	check_diff(&want, &have,
		   STATE_DIFF_PARENT | STATE_DIFF_MAC | STATE_DIFF_MTU | STATE_DIFF_MAX_VQP |
			   STATE_DIFF_FEATURES | STATE_DIFF_DRIVER,
		   "mgmtdev p -> q, mac 02:00:00:00:00:01 -> 02:00:00:00:00:02, mtu 1500 -> 0, "
		   "max_vqp 1 -> 2, device_features 0x20 -> 0x0, driver none -> vhost_vdpa");
	/* One pair is what a device has that does not tell; what else is not told counts as equal. */
	want = have;
	want.has |= STATE_HAS_MAX_VQP;
	want.max_vqp = 1;
	check_diff(&want, &have, 0, "");
	have.has = 0;
	have.mtu = 9;
	want.features = 1;
	check_diff(&want, &have, 0, "");
	have.is_net = false;
	want.max_vqp = 7;
	check_diff(&want, &have, 0, "");
	have.driver = NULL;
	have.other_driver = other;
	check_diff(&want, &have, STATE_DIFF_DRIVER, "driver q -> none");
	want.driver = NULL;
	want.node.is = (struct link_owner){ .has_mode = true, .mode = 0640 };
	check_diff(&want, &have, STATE_DIFF_NODE, "mode none -> 640");
}

/* Made without the feature that an attribute goes with, on a parent that has it. */
static void test_lacking(void **state)
{
	const uint64_t mac = 1 << 5, mtu = 1 << 3;
	struct state_device have = { .has = STATE_HAS_FEATURES, .features = mac, .is_net = true };
	struct state_device want = { .has = STATE_HAS_MTU, .mtu = 1500 };
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	assert_int_equal(state_diff_lacking(&want, &have, mac | mtu),
			 STATE_DIFF_LACKING | STATE_DIFF_MTU);
	assert_true(STATE_DIFF_LACKING & STATE_DIFF_FIXED);
	state_diff_text(&sb, &want, &have, STATE_DIFF_LACKING | STATE_DIFF_MTU);
	assert_string_equal(sb.s, "mtu 0 -> 1500");
	strbuf_free(&sb);
	assert_int_equal(state_diff_lacking(&want, &have, mac), 0);
	want.has |= STATE_HAS_FEATURES;
	assert_int_equal(state_diff_lacking(&want, &have, mac | mtu), 0);
	want.has = STATE_HAS_MAC;
	assert_int_equal(state_diff_lacking(&want, &have, mac | mtu), 0);
	have.features = 0;
	assert_int_equal(state_diff_lacking(&want, &have, mac),
			 STATE_DIFF_LACKING | STATE_DIFF_MAC);
	have.is_net = false;
	assert_int_equal(state_diff_lacking(&want, &have, mac), 0);
	have.is_net = true;
	have.has = STATE_HAS_FEATURES | STATE_HAS_MAC;
	assert_int_equal(state_diff_lacking(&want, &have, mac), 0);
	have.has = 0;
	assert_int_equal(state_diff_lacking(&want, &have, mac), 0);
}

/* ---- VDUSE ---- */

/* Two whose daemons do the same, whatever driver and owner the devices have. */
static void test_vduse_same(void **state)
{
	char name[] = "n", backend[] = "mem:1M", serial[] = "s", owner[] = "nobody";
	const struct state_vduse have = { .name = name, .backend = backend, .queues = 1 };
	struct state_vduse want = have;
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	want.driver = "vhost_vdpa";
	want.node.owner = owner;
	assert_true(state_vduse_same(&want, &have));
	want.serial = serial;
	assert_false(state_vduse_same(&want, &have));
	assert_false(state_vduse_same(&have, &want));
	want.readonly = true;
	want.queues = 2;
	state_vduse_diff_text(&sb, &want, &have);
	assert_string_equal(sb.s, "queues 1 -> 2, readonly false -> true, serial none -> s");
	strbuf_free(&sb);
}

/* ---- whom a node belongs to ---- */

static void test_node_differs(void **state)
{
	const struct state_node owned = { .is = { .has_uid = true } };
	const struct state_node grouped = { .is = { .has_gid = true } };
	const struct state_node moded = { .is = { .has_mode = true } };
	const struct state_node none = { 0 }, all = { .is = { true, true, true, 7, 8, 0640 } };
	struct state_node other = all;

	(void)state;
	/* What root has is not the same as what is not known. */
	assert_true(state_node_differs(&owned, &none));
	assert_true(state_node_differs(&grouped, &none));
	assert_true(state_node_differs(&moded, &none));
	assert_false(state_node_differs(&none, &all));
	assert_false(state_node_differs(&all, &other));
	other.is.mode = 0600;
	assert_true(state_node_differs(&all, &other));
	other.is = all.is;
	other.is.gid = 7;
	assert_true(state_node_differs(&all, &other));
}

/* Of what every new one is like nothing is kept or told, but where udev may give them away. */
static void test_node_of_host(void **state)
{
	struct state_node have = { .is = { true, true, true, 0, 54321, 0600 } }, want = { 0 };
	unsigned int has = STATE_HAS_OWNER | STATE_HAS_MODE | STATE_HAS_NAME;

	(void)state;
	if (access(LINK_CONF, F_OK) == 0)
		skip();
	state_node_keep(&want, &have);
	assert_false(want.is.has_uid || want.is.has_mode);
	assert_true(want.is.has_gid && want.is.gid == 54321);
	assert_true(state_node_tell(&have, &has));
	assert_int_equal(has, STATE_HAS_GROUP | STATE_HAS_NAME);
	assert_string_equal(have.group, "54321");
	assert_null(have.owner);
	assert_null(have.mode);
	state_node_free(&have);
}

/* ---- what can be given again ---- */

static unsigned int reduced(struct app *app, const struct state_device *d)
{
	bool known;
	unsigned int has = state_device_reduced(app, d, &known).has;

	assert_true(known);
	return has;
}

/* A parent's answer that no parent would take. */
static void test_reduced(void **state)
{
	const unsigned int attrs = STATE_HAS_MAC | STATE_HAS_MTU | STATE_HAS_MAX_VQP;
	char sim[] = "vdpasim_net", pds[] = "auxiliary/pds_core.vDPA.1";
	struct state_device d = { .has = attrs, .mgmtdev = sim, .mac = { 2 }, .mtu = 68 };
	struct app app = { 0 };

	(void)state;
	assert_int_equal(app_context(&app), ST_OK);
	assert_int_equal(reduced(&app, &d), STATE_HAS_MAC | STATE_HAS_MTU);
	d.mtu = 67;
	assert_int_equal(reduced(&app, &d), STATE_HAS_MAC);
	d.mac[0] = 3; /* of a group */
	assert_int_equal(reduced(&app, &d), 0);
	memset(d.mac, 0, sizeof(d.mac));
	assert_int_equal(reduced(&app, &d), 0);
	d.mgmtdev = pds;
	assert_int_equal(reduced(&app, &d), 0);
	d.max_vqp = 1;
	assert_int_equal(reduced(&app, &d), STATE_HAS_MAX_VQP);
	vdpa_ctx_unref(app.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),	     cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_vduse_same),   cmocka_unit_test(test_node_differs),
		cmocka_unit_test(test_node_of_host), cmocka_unit_test(test_reduced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
