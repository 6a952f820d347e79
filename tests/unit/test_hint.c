/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a failure to advice. */
#include <sys/stat.h>
#include <unistd.h>

#include "env.h"

static const struct {
	unsigned int command;
	int errnum;
	unsigned int attr;
	const char *extack;
	const char *mgmtdev; /* NULL: no spec */
	unsigned int has;
	const char *hint; /* part of it; NULL: none */
} cases[] = {
	{ VDPA_COMMAND_DEV_GET, EPERM, 0, NULL, NULL, 0, "CAP_NET_ADMIN" },
	{ VDPA_COMMAND_DEV_ADD, EACCES, 0, NULL, "vduse", 0, "CAP_NET_ADMIN" },
	{ VDPA_COMMAND_DEV_GET, EIO, 0, NULL, NULL, 0, NULL },
	{ VDPA_COMMAND_DEV_GET, ENODEV, 0, "vdpa: device not found", NULL, 0, NULL },
	{ VDPA_COMMAND_DEV_ADD, ERANGE, VDPA_ATTRIBUTE_MTU, NULL, "vduse", 0, "mtu: expected 68" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, VDPA_ATTRIBUTE_FEATURES, NULL, "vduse", 0,
	  "does not take device_features (since Linux 6.1)" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, VDPA_ATTRIBUTE_MAX_VQP, NULL, "vduse", 0, "5.17" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, VDPA_ATTRIBUTE_MAC, NULL, "vduse", 0, "5.16" },
	{ VDPA_COMMAND_VSTATS_GET, EINVAL, VDPA_ATTRIBUTE_QUEUE_INDEX, NULL, NULL, 0, "5.19" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, VDPA_ATTRIBUTE_NAME, NULL, "vduse", 0, "blames name" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, 0,
	  "vdpa: Missing features 0x400020 for provided attributes", "vdpasim_net", 0, "MAC,MQ" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, 0,
	  "vdpa: Missing features 0x8000000000000000 for provided attributes", "vdpasim_net", 0,
	  "" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, 0, "vdpa: Missing features for you", "vdpasim_net", 0, "" },
	{ VDPA_COMMAND_DEV_ADD, EOPNOTSUPP, 0,
	  "vdpa: Some provided attributes are not supported: 0x103400", "nothing", 0,
	  "does not take mac, max_vqp, mtu, device_features" },
	{ VDPA_COMMAND_DEV_ADD, EOPNOTSUPP, 0,
	  "vdpa: Some provided attributes are not supported: 0x20", "vduse", 0,
	  "does not take attribute 5; vduse takes none of them" },
	{ VDPA_COMMAND_DEV_ADD, EOPNOTSUPP, 0,
	  "vdpa: Some provided attributes are not supported: 0x2000", "auxiliary/pds_core.vDPA.1",
	  0, "takes mac max_vqp device_features" },
	{ VDPA_COMMAND_DEV_ADD, EOPNOTSUPP, 0,
	  "vdpa: Some provided attributes are not supported: 0xfffffffffffffffffffff", "vduse", 0,
	  "does not take" },
	{ VDPA_COMMAND_DEV_ADD, ENODEV, 0, NULL, "vdpasim_blk", 0, "modprobe vdpa_sim_blk" },
	{ VDPA_COMMAND_DEV_ADD, ENODEV, 0, NULL, "0000:65:00.2", 0, "BUS/NAME" },
	{ VDPA_COMMAND_DEV_ADD, ENODEV, 0, NULL, "pci/0000:65:00.2", 0, "PCI function" },
	{ VDPA_COMMAND_DEV_ADD, ENOSPC, 0, NULL, "pci/0000:65:00.2", 0, "is in use" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, 0, NULL, "vduse", 0, "there is no VDUSE device \"x\"" },
	{ VDPA_COMMAND_DEV_ADD, EOPNOTSUPP, 0, NULL, "nothing", SPEC_HAS_FEATURES,
	  "ACCESS_PLATFORM" },
	{ VDPA_COMMAND_DEV_ADD, EOPNOTSUPP, 0, NULL, "nothing", 0, NULL },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, 0, NULL, "vdpasim_net", 0, "mgmtdev show vdpasim_net" },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, 0, "vdpa: its own words", "vdpasim_net", 0, NULL },
	{ VDPA_COMMAND_DEV_ADD, EEXIST, 0, NULL, "vdpasim_net", 0, NULL },
	{ VDPA_COMMAND_DEV_ADD, EINVAL, 0, NULL, NULL, 0, NULL },
	{ VDPA_COMMAND_VSTATS_GET, EAGAIN, 0, NULL, NULL, 0, "no driver has negotiated" },
	{ VDPA_COMMAND_VSTATS_GET, EOPNOTSUPP, 0, NULL, NULL, 0, "keeps no statistics" },
	{ VDPA_COMMAND_ATTR_SET, EOPNOTSUPP, 0, NULL, NULL, 0, "does not change attributes" },
	{ VDPA_COMMAND_ATTR_SET, EBUSY, 0, NULL, NULL, 0, "unbind it first" },
	{ VDPA_COMMAND_DEV_DEL, EINVAL, 0, NULL, NULL, 0, "made this device by itself" },
	{ VDPA_COMMAND_DEV_DEL, ENODEV, 0, NULL, NULL, 0, NULL },
};

static void test_cases(void **state)
{
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vdpa_spec *spec = cases[i].mgmtdev ? env_spec(cases[i].mgmtdev, "x") : NULL;
		struct vdpa_error *err = error_new(cases[i].errnum, "message", cases[i].extack);
		const char *hint;

		assert_non_null(err);
		err->attr = cases[i].attr;
		if (spec)
			spec->has = cases[i].has;
		hint_request(e->ctx, err, cases[i].command, spec);
		hint = vdpa_error_get_hint(err);
		if (!cases[i].hint != !hint || (hint && !strstr(hint, cases[i].hint)))
			fail_msg("case %zu: %s", i, hint ? hint : "(none)");
		if (hint)
			assert_null(strchr(hint, '\n'));
		vdpa_error_unref(err);
		vdpa_spec_unref(spec);
	}
}

/* What the family does not serve is told apart from what a driver does not do. */
static void test_missing_command(void **state)
{
	static const struct {
		unsigned int command;
		const char *since;
	} commands[] = { { VDPA_COMMAND_ATTR_SET, "6.12" },
			 { VDPA_COMMAND_VSTATS_GET, "5.19" },
			 { VDPA_COMMAND_CONFIG_GET, "5.17" } };
	struct env *e = *state;

	e->k->commands = 0x3c;
	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	for (size_t i = 0; i < 3; i++) {
		struct vdpa_error *err = error_new(EOPNOTSUPP, "message", NULL);

		hint_request(e->ctx, err, commands[i].command, NULL);
		assert_non_null(strstr(vdpa_error_get_hint(err), "no such command (since Linux "));
		assert_non_null(strstr(vdpa_error_get_hint(err), commands[i].since));
		vdpa_error_unref(err);
	}
}

static void test_vduse(void **state)
{
	struct env *e = *state;
	struct vdpa_spec *spec = env_spec("vduse", "x");
	struct vdpa_error *err = error_new(EINVAL, "message", NULL);
	char path[128];

	snprintf(path, sizeof(path), "%s/dev/vduse", e->k->root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/dev/vduse/x", e->k->root);
	assert_int_equal(mkdir(path, 0755), 0);
	hint_request(e->ctx, err, VDPA_COMMAND_DEV_ADD, spec);
	assert_non_null(strstr(vdpa_error_get_hint(err), "has not set up every virtqueue"));
	vdpa_error_unref(err);
	vdpa_spec_unref(spec);
}

static void make_netns(struct env *e, const char *process, const char *dir)
{
	char path[128], target[128];

	snprintf(path, sizeof(path), "%s/proc/%s", e->k->root, process);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/%s/ns", e->k->root, process);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/%s/ns/net", e->k->root, process);
	snprintf(target, sizeof(target), "%s/%s", e->k->root, dir);
	assert_int_equal(symlink(target, path), 0);
}

static const char *no_family(struct env *e)
{
	e->k->no_family = true;
	assert_int_equal(vdpa_ctx_connect(e->ctx), -EPROTONOSUPPORT);
	return vdpa_error_get_hint(vdpa_ctx_get_error(e->ctx));
}

static void test_netns(void **state)
{
	struct env *e = *state;

	make_netns(e, "self", "proc");
	make_netns(e, "1", "dev");
	assert_non_null(strstr(no_family(e), "nsenter -t 1 -n"));
}

static void test_module(void **state)
{
	struct env *e = *state;
	char path[128];

	make_netns(e, "self", "proc");
	make_netns(e, "1", "proc");
	assert_non_null(strstr(no_family(e), "module is loaded and none is installed") ?:
				strstr(no_family(e), "modprobe vdpa"));
	snprintf(path, sizeof(path), "%s/sys/module", e->k->root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/sys/module/vdpa", e->k->root);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_non_null(strstr(no_family(e), "the vdpa module is loaded"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(test_cases), ENV_TEST(test_missing_command), ENV_TEST(test_vduse),
		ENV_TEST(test_netns), ENV_TEST(test_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
