/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contexts, transports, specs and errors. */
#include "env.h"

static void test_refs(void **state)
{
	struct vdpa_ctx *ctx;

	(void)state;
	assert_int_equal(vdpa_ctx_new(&ctx), 0);
	assert_null(vdpa_ctx_get_error(ctx));
	assert_null(vdpa_ctx_get_warning(ctx));
	assert_ptr_equal(vdpa_ctx_ref(ctx), ctx);
	assert_null(vdpa_ctx_unref(ctx));
	assert_string_equal(ctx->sys, "/sys");
	assert_string_equal(ctx->dev, "/dev");
	assert_string_equal(ctx->proc, "/proc");
	assert_int_equal(vdpa_ctx_set_roots(ctx, NULL, "/x", NULL), 0);
	assert_string_equal(ctx->sys, "/sys");
	assert_string_equal(ctx->dev, "/x");
	assert_null(vdpa_ctx_unref(ctx));
	assert_null(vdpa_ctx_unref(NULL));
	assert_null(vdpa_ctx_ref(NULL));
}

static void test_transport(void **state)
{
	struct env *e = *state;
	struct vdpa_transport t = fake_transport;

	t.size--;
	assert_int_equal(vdpa_ctx_set_transport(e->ctx, &t, e->k), -EINVAL);
	t.size++;
	t.open = NULL;
	assert_int_equal(vdpa_ctx_set_transport(e->ctx, &t, e->k), -EINVAL);
	t = fake_transport;
	t.send = NULL;
	assert_int_equal(vdpa_ctx_set_transport(e->ctx, &t, e->k), -EINVAL);
	t = fake_transport;
	t.recv = NULL;
	assert_int_equal(vdpa_ctx_set_transport(e->ctx, &t, e->k), -EINVAL);
	t = fake_transport;
	t.close = NULL;
	check_error(e, vdpa_ctx_set_transport(e->ctx, &t, e->k), EINVAL,
		    "cannot use this transport: it is too small or lacks a function");
	assert_int_equal(e->k->opens, 0);
	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	assert_int_equal(e->k->opens, 1);
	check_error(e, vdpa_ctx_set_transport(e->ctx, &fake_transport, e->k), EBUSY,
		    "cannot use another transport: already connected");
}

/* An error outlives what it was read from. */
static void test_error(void **state)
{
	struct env *e = *state;
	struct vdpa_error *err;
	struct vdpa_dev *dev;

	check_error(e, vdpa_dev_get(e->ctx, "x", &dev), ENODEV, NULL);
	err = vdpa_error_ref(vdpa_ctx_get_error(e->ctx));
	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	check_error(e, vdpa_dev_get(e->ctx, "y", &dev), ENODEV, NULL);
	assert_string_equal(vdpa_error_get_message(err),
			    "cannot show device \"x\": device not found (No such device)");
	assert_string_equal(vdpa_error_get_extack(err), "vdpa: device not found");
	assert_null(vdpa_error_get_hint(err));
	assert_int_equal(vdpa_error_get_attr(err), 0);
	assert_null(vdpa_error_unref(err));
	assert_null(vdpa_error_unref(NULL));
}

static void test_error_text(void **state)
{
	struct vdpa_error *err = error_new(4095, NULL, NULL);

	(void)state;
	assert_string_equal(vdpa_error_get_message(err), "unknown error");
	error_hint(err, "%s", "one");
	error_hint(err, "%s %d", "two", 2);
	assert_string_equal(vdpa_error_get_hint(err), "two 2");
	error_hint(NULL, "nothing");
	vdpa_error_unref(err);
	assert_string_equal(errno_text(ENODEV), "No such device");
}

static void test_fail(void **state)
{
	struct env *e = *state;

	errno = ESRCH;
	check_error(e, ctx_fail(e->ctx, EIO, "%s", "100% wrong"), EIO, "100% wrong");
	assert_int_equal(errno, ESRCH);
	assert_true(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	ctx_hint(e->ctx, "try %d", 1);
	check_hint(e, "try 1");
	/* Without memory for an error there still is one. */
	check_error(e, ctx_set_error(e->ctx, NULL), ENOMEM, "Cannot allocate memory");
	ctx_hint(e->ctx, "nobody may change that one");
	error_mark_lost((struct vdpa_error *)vdpa_ctx_get_error(e->ctx));
	check_hint(e, NULL);
	assert_true(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
}

static void test_spec(void **state)
{
	static const char *const bad[] = { "", "/", "a/", "/b", "a/b/c" };
	struct vdpa_spec *spec = env_spec(NULL, NULL);
	uint8_t mac[6] = "abcdef";
	uint64_t v64 = 7;
	uint16_t v16 = 7;

	(void)state;
	assert_null(vdpa_spec_get_name(spec));
	assert_null(vdpa_spec_get_mgmtdev(spec));
	assert_false(vdpa_spec_get_mac(spec, mac));
	assert_memory_equal(mac, "abcdef", 6);
	assert_false(vdpa_spec_get_mtu(spec, &v16));
	assert_false(vdpa_spec_get_max_vqp(spec, &v16));
	assert_false(vdpa_spec_get_features(spec, &v64));
	assert_int_equal(v16, 7);
	assert_int_equal(v64, 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vdpa_spec_set_mgmtdev(spec, bad[i]), -EINVAL);
	assert_int_equal(vdpa_spec_set_mgmtdev(spec, "pci/x"), 0);
	assert_int_equal(vdpa_spec_set_mgmtdev(spec, "y"), 0);
	assert_string_equal(vdpa_spec_get_mgmtdev(spec), "y");
	assert_int_equal(vdpa_spec_set_name(spec, "n"), 0);
	assert_int_equal(vdpa_spec_set_name(spec, vdpa_spec_get_name(spec)), 0);
	assert_string_equal(vdpa_spec_get_name(spec), "n");
	vdpa_spec_set_mac(spec, (const uint8_t *)"\0\0\0\0\0\0");
	vdpa_spec_set_mtu(spec, 0);
	vdpa_spec_set_max_vqp(spec, 0);
	vdpa_spec_set_features(spec, 0);
	assert_true(vdpa_spec_get_mac(spec, mac));
	assert_memory_equal(mac, "\0\0\0\0\0\0", 6);
	assert_true(vdpa_spec_get_mtu(spec, &v16) && v16 == 0);
	assert_true(vdpa_spec_get_max_vqp(spec, &v16) && v16 == 0);
	assert_true(vdpa_spec_get_features(spec, &v64) && v64 == 0);
	assert_ptr_equal(vdpa_spec_ref(spec), spec);
	vdpa_spec_unref(spec);
	assert_null(vdpa_spec_unref(spec));
}

/* The bulk holds on to its context. */
static void test_bulk_keeps_ctx(void **state)
{
	struct fake *k = fake_new_usual();
	struct vdpa_ctx *ctx = fake_ctx(k);
	struct vdpa_bulk *b;

	(void)state;
	assert_int_equal(vdpa_bulk_new(ctx, &b), 0);
	vdpa_ctx_unref(ctx);
	assert_int_equal(vdpa_bulk_del(b, "x"), 0);
	assert_int_equal(vdpa_bulk_run(b, 0), -ENODEV);
	assert_int_equal(k->closes, 0);
	vdpa_bulk_unref(b);
	assert_int_equal(k->closes, 1);
	fake_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refs),
		ENV_TEST(test_transport),
		ENV_TEST(test_error),
		cmocka_unit_test(test_error_text),
		ENV_TEST(test_fail),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_bulk_keeps_ctx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
