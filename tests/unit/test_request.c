/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changes something: the octets sent, and the kernel's refusals. */
#include <signal.h>

#include "env.h"

/* ---- what is sent ---- */

struct expected {
	uint16_t type;
	const void *data;
	uint16_t len;
};

/* The last request is command cmd with exactly these attributes, in this order. */
static void check_sent(struct env *e, uint8_t cmd, const struct expected *attrs, size_t n)
{
	uint8_t want[512] = { 0 };
	struct nlmsghdr *nlh = (void *)want;
	size_t len = 20;

	nlh->nlmsg_type = FAKE_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = e->k->last_seq;
	want[16] = cmd;
	want[17] = 1;
	for (size_t i = 0; i < n; i++) {
		struct nlattr *attr = (void *)(want + len);

		attr->nla_type = attrs[i].type;
		attr->nla_len = (uint16_t)(attrs[i].len + 4);
		memcpy(attr + 1, attrs[i].data, attrs[i].len);
		len += MNL_ALIGN(attr->nla_len);
	}
	nlh->nlmsg_len = (uint32_t)len;
	assert_int_equal(e->k->last_len, len);
	assert_memory_equal(e->k->last, want, len);
}

#define ATTR(type, v)                   \
	{                               \
		(type), &(v), sizeof(v) \
	}
#define TEXT(type, s)                  \
	{                              \
		(type), (s), sizeof(s) \
	}

/* Was SIGTERM held back while the last request was sent? */
static bool term_blocked;

static int watching_send(void *data, const void *buf, size_t len)
{
	sigset_t now;

	sigprocmask(SIG_SETMASK, NULL, &now);
	term_blocked = sigismember(&now, SIGTERM);
	return fake_transport.send(data, buf, len);
}

static bool add_blocks_signals(struct vdpa_ctx *ctx, const char *mgmtdev, bool bulk)
{
	struct vdpa_bulk *b = NULL;
	struct vdpa_spec *spec;
	sigset_t now;

	assert_int_equal(vdpa_spec_new(&spec), 0);
	assert_int_equal(vdpa_spec_set_name(spec, bulk ? "many" : "one"), 0);
	assert_int_equal(vdpa_spec_set_mgmtdev(spec, mgmtdev), 0);
	if (bulk) {
		assert_int_equal(vdpa_bulk_new(ctx, &b), 0);
		assert_int_equal(vdpa_bulk_add(b, spec), 0);
		(void)!vdpa_bulk_run(b, VDPA_BULK_PIPELINE);
	} else {
		(void)!vdpa_dev_add(ctx, spec, VDPA_FORCE);
	}
	vdpa_bulk_unref(b);
	vdpa_spec_unref(spec);
	sigprocmask(SIG_SETMASK, NULL, &now);
	assert_false(sigismember(&now, SIGTERM));
	return term_blocked;
}

/* A fatal signal in the middle of an addition crashes the kernel's simulators; others may be interrupted. */
static void test_add_signals(void **state)
{
	struct vdpa_transport watching = fake_transport;
	struct env *e = *state;

	watching.send = watching_send;
	assert_int_equal(vdpa_ctx_set_transport(e->ctx, &watching, e->k), 0);
	assert_true(add_blocks_signals(e->ctx, "vdpasim_net", false));
	assert_true(add_blocks_signals(e->ctx, "vdpasim_blk", true));
	assert_false(add_blocks_signals(e->ctx, "vduse", false));
	assert_false(add_blocks_signals(e->ctx, "vduse", true));
	e->ctx = vdpa_ctx_unref(e->ctx);
	e->ctx = fake_ctx(e->k);
}

static void test_add_all(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0xff, 0, 1 };
	const uint16_t mtu = 9000, pairs = 8;
	const uint64_t features = 0x400028 | 1ULL << 63;
	const struct expected want[] = {
		TEXT(VDPA_ATTRIBUTE_MGMTDEV_BUS, "pci"),
		TEXT(VDPA_ATTRIBUTE_MGMTDEV_NAME, "0000:65:00.2"),
		TEXT(VDPA_ATTRIBUTE_NAME, "x"),
		ATTR(VDPA_ATTRIBUTE_MAC, mac),
		ATTR(VDPA_ATTRIBUTE_MTU, mtu),
		ATTR(VDPA_ATTRIBUTE_MAX_VQP, pairs),
		ATTR(VDPA_ATTRIBUTE_FEATURES, features),
	};
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("pci/0000:65:00.2", "x");

	vdpa_spec_set_features(spec, features);
	vdpa_spec_set_max_vqp(spec, pairs);
	vdpa_spec_set_mtu(spec, mtu);
	vdpa_spec_set_mac(spec, mac);
	assert_int_equal(vdpa_dev_add(e->ctx, spec, 0), 0);
	check_sent(e, VDPA_COMMAND_DEV_ADD, want, 7);
	assert_memory_equal(fake_find(e->k, "x")->mac, mac, 6);
	assert_null(vdpa_ctx_get_warning(e->ctx));
	vdpa_spec_unref(spec);
}

static void test_add_least(void **state)
{
	const struct expected want[] = {
		TEXT(VDPA_ATTRIBUTE_MGMTDEV_NAME, "vdpasim_blk"),
		TEXT(VDPA_ATTRIBUTE_NAME, "x"),
	};
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("vdpasim_blk", "x");

	assert_int_equal(vdpa_dev_add(e->ctx, spec, 0), 0);
	check_sent(e, VDPA_COMMAND_DEV_ADD, want, 2);
	vdpa_spec_unref(spec);
}

/* Zero is not the same as not given. */
static void test_add_zeros(void **state)
{
	static const uint8_t mac[6];
	const uint16_t zero = 0;
	const uint64_t zero64 = 0;
	const struct expected want[] = {
		TEXT(VDPA_ATTRIBUTE_MGMTDEV_NAME, "vdpasim_net"),
		TEXT(VDPA_ATTRIBUTE_NAME, "x"),
		ATTR(VDPA_ATTRIBUTE_MAC, mac),
		ATTR(VDPA_ATTRIBUTE_MTU, zero),
		ATTR(VDPA_ATTRIBUTE_MAX_VQP, zero),
		ATTR(VDPA_ATTRIBUTE_FEATURES, zero64),
	};
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("vdpasim_net", "x");

	vdpa_spec_set_mac(spec, mac);
	vdpa_spec_set_mtu(spec, 0);
	vdpa_spec_set_max_vqp(spec, 0);
	vdpa_spec_set_features(spec, 0);
	check_error(e, vdpa_dev_add(e->ctx, spec, 0), ERANGE, NULL);
	check_sent(e, VDPA_COMMAND_DEV_ADD, want, 6);
	vdpa_spec_unref(spec);
}

static void test_set_and_del(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	const struct expected want[] = { TEXT(VDPA_ATTRIBUTE_NAME, "d0"),
					 ATTR(VDPA_ATTRIBUTE_MAC, mac) };
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("vdpasim_net", "d0");

	env_devices(e, 1);
	vdpa_spec_set_mac(spec, mac);
	assert_int_equal(vdpa_dev_set(e->ctx, spec), 0);
	check_sent(e, VDPA_COMMAND_ATTR_SET, want, 2);
	assert_memory_equal(fake_find(e->k, "d0")->mac, mac, 6);
	assert_int_equal(vdpa_dev_del(e->ctx, "d0", 0), 0);
	check_sent(e, VDPA_COMMAND_DEV_DEL, want, 1);
	assert_null(fake_find(e->k, "d0"));
	vdpa_spec_unref(spec);
}

/* ---- refusals ---- */

static const struct {
	const char *mgmtdev, *name;
	unsigned int has; /* SPEC_HAS_* */
	uint16_t mtu, pairs;
	uint64_t features;
	int errnum;
	const char *message;
	unsigned int attr;
	const char *hint; /* part of it */
} refusals[] = {
	{ "vdpasim_net", "x", SPEC_HAS_MTU, 67, 0, 0, ERANGE,
	  "cannot add device \"x\": integer out of range (Numerical result out of range)",
	  VDPA_ATTRIBUTE_MTU, "68 to 65535" },
	{ "pci/0000:65:00.2", "x", SPEC_HAS_MAX_VQP, 0, 0, 0, EINVAL,
	  "cannot add device \"x\": At least one pair of VQs is required (Invalid argument)", 0,
	  NULL },
	{ "vdpasim_net", "x", SPEC_HAS_MAC | SPEC_HAS_MTU | SPEC_HAS_FEATURES, 1500, 0, 0, EINVAL,
	  "cannot add device \"x\": Missing features 0x28 for provided attributes (Invalid argument)",
	  0, "MTU,MAC" },
	{ "vdpasim_blk", "x", SPEC_HAS_MAC | SPEC_HAS_MTU, 1500, 0, 0, EOPNOTSUPP,
	  "cannot add device \"x\": Some provided attributes are not supported: 0x2400 (Operation not supported)",
	  0, "does not take mac, mtu; vdpasim_blk takes none of them" },
	{ "vdpasim_net", "x", SPEC_HAS_MAX_VQP, 0, 2, 0, EOPNOTSUPP, NULL, 0,
	  "does not take max_vqp; vdpasim_net takes mac mtu device_features" },
	{ "vduse", "x", 0, 0, 0, 0, ENODEV,
	  "cannot add device \"x\": Fail to find the specified management device (No such device)",
	  0, "modprobe vduse" },
	{ "0000:65:00.2", "x", 0, 0, 0, 0, ENODEV, NULL, 0, "pci/0000:65:00.2?" },
	{ "pci/0000:65:00.3", "x", 0, 0, 0, 0, ENODEV, NULL, 0, "once a vDPA driver is bound" },
	{ "pci/0000:65:00.2", "x", 0, 0, 0, 0, ENOSPC,
	  "cannot add device \"x\": No space left on device", 0, "the parent is in use" },
	{ "vdpasim_net", "", 0, 0, 0, 0, EINVAL, "cannot add device \"\": Invalid argument", 0,
	  NULL },
};

static void test_add_refused(void **state)
{
	struct env *e = *state;

	fake_dev(e->k, "pci/0000:65:00.2", "first", VDPA_ID_NET);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct vdpa_spec *spec = env_spec(refusals[i].mgmtdev, refusals[i].name);
		const struct vdpa_error *err;

		spec->has = refusals[i].has;
		spec->mtu = refusals[i].mtu;
		spec->max_vqp = refusals[i].pairs;
		spec->features = refusals[i].features;
		check_error(e, vdpa_dev_add(e->ctx, spec, 0), refusals[i].errnum,
			    refusals[i].message);
		err = vdpa_ctx_get_error(e->ctx);
		assert_int_equal(vdpa_error_get_attr(err), refusals[i].attr);
		assert_false(vdpa_error_is_local(err));
		if (refusals[i].hint)
			check_hint(e, refusals[i].hint);
		vdpa_spec_unref(spec);
	}
	assert_int_equal(e->k->n_devs, 1);
}

static void test_exists(void **state)
{
	struct env *e = *state, blind;
	struct vdpa_spec *spec = env_spec("vdpasim_net", "d0");

	env_devices(e, 1);
	/* Seen in sysfs: the kernel is not asked (some drivers touch the hardware first). */
	check_error(e, vdpa_dev_add(e->ctx, spec, 0), EEXIST, "device \"d0\" exists already");
	assert_true(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_ADD], 0);
	check_error(e, vdpa_dev_add(e->ctx, spec, VDPA_FORCE), EEXIST,
		    "cannot add device \"d0\": File exists");
	assert_false(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	assert_null(vdpa_error_get_extack(vdpa_ctx_get_error(e->ctx)));
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_ADD], 1);
	env_open(&blind, false);
	env_devices(&blind, 1);
	check_error(&blind, vdpa_dev_add(blind.ctx, spec, 0), EEXIST, NULL);
	env_close(&blind);
	vdpa_spec_unref(spec);
}

/* A flag of a later version, or of another call, is refused, not passed over. */
static void test_flags(void **state)
{
	struct env *e = *state;
	struct vdpa_bulk *b = NULL;
	struct vdpa_spec *spec = env_spec("vdpasim_net", "x");

	check_error(e, vdpa_dev_add(e->ctx, spec, VDPA_SERVED), EINVAL,
		    "0x2 are no flags of this call");
	check_error(e, vdpa_dev_del(e->ctx, "d0", VDPA_SERVED | VDPA_BULK_PIPELINE), EINVAL,
		    "0x200 are no flags of this call");
	assert_int_equal(vdpa_bulk_new(e->ctx, &b), 0);
	assert_int_equal(vdpa_bulk_add(b, spec), 0);
	check_error(e, vdpa_bulk_run(b, VDPA_BULK_PIPELINE | 4), EINVAL,
		    "0x4 are no flags of this call");
	assert_int_equal(e->k->sends, 0);
	assert_int_equal(vdpa_bulk_run(b, VDPA_BULK_PIPELINE | VDPA_FORCE), 0);
	vdpa_bulk_unref(b);
	vdpa_spec_unref(spec);
}

static void test_incomplete(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec(NULL, NULL);

	check_error(e, vdpa_dev_add(e->ctx, spec, 0), EINVAL,
		    "cannot add a device: its name is not set");
	check_error(e, vdpa_dev_set(e->ctx, spec), EINVAL,
		    "cannot change a device: its name is not set");
	assert_int_equal(vdpa_spec_set_name(spec, "x"), 0);
	check_error(e, vdpa_dev_add(e->ctx, spec, 0), EINVAL,
		    "cannot add a device: its management device is not set");
	assert_true(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	assert_int_equal(e->k->sends, 0);
	vdpa_spec_unref(spec);
}

static void test_set_refused(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec(NULL, "d0");

	check_error(e, vdpa_dev_set(e->ctx, spec), ENODEV,
		    "cannot change device \"d0\": device not found (No such device)");
	env_devices(e, 1);
	check_error(e, vdpa_dev_set(e->ctx, spec), EOPNOTSUPP, NULL);
	vdpa_spec_set_mac(spec, (const uint8_t *)"\1\0\0\0\0\0");
	check_error(e, vdpa_dev_set(e->ctx, spec), EOPNOTSUPP,
		    "cannot change device \"d0\": Invalid MAC address (Operation not supported)");
	e->k->no_privilege = true;
	check_error(e, vdpa_dev_set(e->ctx, spec), EPERM, NULL);
	check_hint(e, "CAP_NET_ADMIN");
	vdpa_spec_unref(spec);
}

/* D22: "fine" with words is a warning, and the next request has none. */
static void test_warning(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec(NULL, "b");

	fake_dev(e->k, "vdpasim_blk", "b", VDPA_ID_BLOCK);
	vdpa_spec_set_mac(spec, (const uint8_t *)"\2\0\0\0\0\1");
	assert_int_equal(vdpa_dev_set(e->ctx, spec), 0);
	assert_string_equal(vdpa_ctx_get_warning(e->ctx),
			    "vdpa: mgmtdev does not support network class attributes");
	assert_int_equal(vdpa_dev_del(e->ctx, "b", 0), 0);
	assert_null(vdpa_ctx_get_warning(e->ctx));
	vdpa_spec_unref(spec);
}

/* A kernel without the command (dev set came with 6.12). */
static void test_old_kernel(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec(NULL, "d0");

	e->k->commands = 0x3c;
	env_devices(e, 1);
	check_error(e, vdpa_dev_set(e->ctx, spec), EOPNOTSUPP, NULL);
	check_hint(e, "since Linux 6.12");
	vdpa_spec_unref(spec);
}

static void test_del_refused(void **state)
{
	struct env *e = *state;

	check_error(e, vdpa_dev_del(e->ctx, "x", 0), ENODEV,
		    "cannot delete device \"x\": device not found (No such device)");
	fake_dev(e->k, NULL, "vdpa0", VDPA_ID_NET);
	check_error(
		e, vdpa_dev_del(e->ctx, "vdpa0", 0), EINVAL,
		"cannot delete device \"vdpa0\": Only user created device can be deleted by user (Invalid argument)");
	check_hint(e, "made this device by itself");
}

/* The error of a kernel that returns the whole request. */
static void test_uncapped(void **state)
{
	struct env *e = *state;

	e->k->no_cap_ack = true;
	check_error(
		e, vdpa_dev_del(e->ctx, "a-rather-long-name", 0), ENODEV,
		"cannot delete device \"a-rather-long-name\": device not found (No such device)");
}

static void test_giant_names(void **state)
{
	struct env *e = *state;
	char *name = calloc(1, 70000);
	struct vdpa_spec *spec;

	memset(name, 'n', 65530);
	spec = env_spec("vdpasim_net", name);
	assert_int_equal(vdpa_dev_add(e->ctx, spec, 0), 0);
	vdpa_spec_unref(spec);
	assert_non_null(fake_find(e->k, name));
	assert_int_equal(vdpa_dev_del(e->ctx, name, 0), 0);
	assert_int_equal(e->k->n_devs, 0);
	memset(name, 'n', 69999);
	check_error(e, vdpa_dev_del(e->ctx, name, 0), EMSGSIZE, NULL);
	assert_true(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	assert_int_equal(e->k->requests[VDPA_COMMAND_DEV_DEL], 1);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_add_signals), ENV_TEST(test_add_all),	ENV_TEST(test_add_least),
		ENV_TEST(test_add_zeros),   ENV_TEST(test_set_and_del), ENV_TEST(test_add_refused),
		ENV_TEST(test_exists),	    ENV_TEST(test_flags),	ENV_TEST(test_incomplete),
		ENV_TEST(test_set_refused), ENV_TEST(test_warning),	ENV_TEST(test_old_kernel),
		ENV_TEST(test_del_refused), ENV_TEST(test_uncapped),	ENV_TEST(test_giant_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
