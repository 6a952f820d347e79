/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Out of memory: each call is made again and again, and each time one
 * allocation more succeeds before one fails.  That ends in -ENOMEM (or does not
 * matter), never in a crash, a leak or half an answer.  Linked with --wrap.
 */
#include "env.h"
#include "fake_uevent.h"

static long left = -1; /* allocations until one fails; -1 = none does */
static bool failed;

static bool fails(void)
{
	if (left < 0 || left-- > 0)
		return false;
	left = -1;
	failed = true;
	errno = ENOMEM;
	return true;
}

#define WRAP(type, name, params, args)                      \
	type __real_##name params;                          \
	type __wrap_##name params;                          \
	type __wrap_##name params                           \
	{                                                   \
		return fails() ? NULL : __real_##name args; \
	}

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t m, size_t n), (m, n))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t m, size_t n), (p, m, n))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))

int __real_vasprintf(char **s, const char *fmt, va_list ap);
int __wrap_vasprintf(char **s, const char *fmt, va_list ap);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **s, const char *fmt, va_list ap)
{
	return fails() ? -1 : __real_vasprintf(s, fmt, ap);
}

/* The fake kernel's own memory is not at stake. */
#define SUSPENDED(call)             \
	({                          \
		long saved = left;  \
		__typeof__(call) r; \
		left = -1;          \
		r = (call);         \
		left = saved;       \
		r;                  \
	})

static int quiet_open(void *data, uint32_t *portid)
{
	return SUSPENDED(fake_transport.open(data, portid));
}

static int quiet_send(void *data, const void *buf, size_t len)
{
	return SUSPENDED(fake_transport.send(data, buf, len));
}

static ssize_t quiet_recv(void *data, void *buf, size_t len, int timeout_ms)
{
	return SUSPENDED(fake_transport.recv(data, buf, len, timeout_ms));
}

static void quiet_close(void *data)
{
	fake_transport.close(data);
}

static const struct vdpa_transport quiet = {
	.size = sizeof(struct vdpa_transport),
	.open = quiet_open,
	.send = quiet_send,
	.recv = quiet_recv,
	.close = quiet_close,
};

/* ---- the calls ---- */

static int call_mgmtdev_list(struct vdpa_ctx *ctx)
{
	struct vdpa_mgmtdev_list *list = NULL;
	int r = vdpa_mgmtdev_list(ctx, &list);

	assert_int_equal(r < 0, list == NULL);
	if (list)
		assert_int_equal(vdpa_mgmtdev_list_get_size(list), 3);
	vdpa_mgmtdev_list_unref(list);
	return r;
}

static int call_mgmtdev_get(struct vdpa_ctx *ctx)
{
	struct vdpa_mgmtdev *m = NULL;
	int r = vdpa_mgmtdev_get(ctx, "pci/0000:65:00.2", &m);

	assert_int_equal(r < 0, m == NULL);
	vdpa_mgmtdev_unref(m);
	return r;
}

static int call_dev_list(struct vdpa_ctx *ctx)
{
	struct vdpa_dev_list *list = NULL;
	int r = vdpa_dev_list(ctx, &list);

	assert_int_equal(r < 0, list == NULL);
	if (list)
		assert_int_equal(vdpa_dev_list_get_size(list), 22);
	vdpa_dev_list_unref(list);
	return r;
}

static int call_dev_get(struct vdpa_ctx *ctx)
{
	struct vdpa_dev *dev = NULL;
	int r = vdpa_dev_get(ctx, "d0", &dev);

	assert_int_equal(r < 0, dev == NULL);
	vdpa_dev_unref(dev);
	return r;
}

static int call_config_list(struct vdpa_ctx *ctx)
{
	struct vdpa_config_list *list = NULL;
	int r = vdpa_config_list(ctx, &list);

	assert_int_equal(r < 0, list == NULL);
	if (list)
		assert_int_equal(vdpa_config_list_get_size(list), 21);
	vdpa_config_list_unref(list);
	return r;
}

static int call_vstats_list(struct vdpa_ctx *ctx)
{
	struct vdpa_vstats_list *list = NULL;
	int r = vdpa_vstats_list(ctx, "d0", &list);

	assert_int_equal(r < 0, list == NULL);
	vdpa_vstats_list_unref(list);
	return r;
}

static int call_caps(struct vdpa_ctx *ctx)
{
	struct vdpa_caps *caps = NULL;
	int r = vdpa_caps_get(ctx, &caps);

	assert_int_equal(r < 0, caps == NULL);
	vdpa_caps_unref(caps);
	return r;
}

static int call_sysdev_list(struct vdpa_ctx *ctx)
{
	struct vdpa_sysdev_list *list = NULL;
	int r = vdpa_sysdev_list(ctx, &list);

	assert_int_equal(r < 0, list == NULL);
	vdpa_sysdev_list_unref(list);
	return r;
}

static int call_resolve(struct vdpa_ctx *ctx)
{
	struct vdpa_sysdev_list *list = NULL;
	int r = vdpa_resolve(ctx, "d0", NULL, &list);

	assert_int_equal(r < 0, list == NULL);
	vdpa_sysdev_list_unref(list);
	return r;
}

static int call_resolve_nothing(struct vdpa_ctx *ctx)
{
	struct vdpa_sysdev_list *list = NULL;
	int r = vdpa_resolve(ctx, "pci/0000:00:00.0", NULL, &list);

	assert_null(list);
	return r == -ENODEV ? 0 : r;
}

static int add(struct vdpa_ctx *ctx, const char *mgmtdev)
{
	struct vdpa_spec *spec = NULL;
	int r = vdpa_spec_new(&spec);

	if (!r)
		r = vdpa_spec_set_name(spec, "new");
	if (!r)
		r = vdpa_spec_set_mgmtdev(spec, mgmtdev);
	if (!r)
		r = vdpa_dev_add(ctx, spec, 0);
	vdpa_spec_unref(spec);
	return r;
}

static int call_add(struct vdpa_ctx *ctx)
{
	return add(ctx, "vdpasim_net");
}

/* The error itself, its text and its hint need memory, too. */
static int call_add_refused(struct vdpa_ctx *ctx)
{
	int r = add(ctx, "pci/nothing");

	if (r != -ENODEV)
		return r ? r : 1;
	assert_non_null(vdpa_error_get_message(vdpa_ctx_get_error(ctx)));
	return 0;
}

static int call_add_lost(struct vdpa_ctx *ctx)
{
	int r;

	fake_fault(ctx->transport_data, VDPA_COMMAND_DEV_ADD, FAULT_LOST, 0, 1);
	r = add(ctx, "vdpasim_net");
	/* The loss stands where its settlement fails. */
	return r == -ENOBUFS ? -ENOMEM : r;
}

static int call_warning(struct vdpa_ctx *ctx)
{
	struct vdpa_spec *spec = NULL;
	int r = vdpa_spec_new(&spec);

	if (!r)
		r = vdpa_spec_set_name(spec, "b");
	if (!r) {
		vdpa_spec_set_mac(spec, (const uint8_t *)"\2\0\0\0\0\1");
		r = vdpa_dev_set(ctx, spec);
	}
	vdpa_spec_unref(spec);
	return r;
}

static int bulk(struct vdpa_ctx *ctx, unsigned int flags)
{
	struct vdpa_spec *spec = NULL;
	struct vdpa_bulk *b = NULL;
	int r = vdpa_bulk_new(ctx, &b);

	if (!r)
		r = vdpa_spec_new(&spec);
	if (!r)
		r = vdpa_spec_set_name(spec, "new");
	if (!r)
		r = vdpa_spec_set_mgmtdev(spec, "vdpasim_net");
	if (!r)
		r = vdpa_bulk_add(b, spec);
	if (!r)
		r = vdpa_bulk_del(b, "d0");
	if (!r)
		r = vdpa_bulk_run(b, flags);
	vdpa_spec_unref(spec);
	vdpa_bulk_unref(b);
	return r;
}

static int call_bulk(struct vdpa_ctx *ctx)
{
	return bulk(ctx, 0);
}

static int call_pipeline(struct vdpa_ctx *ctx)
{
	return bulk(ctx, VDPA_BULK_PIPELINE);
}

/* After an event that could not be kept there is a resync. */
static int call_monitor(struct vdpa_ctx *ctx)
{
	struct vdpa_monitor *m = NULL;
	struct vdpa_event *e = NULL;
	int r = vdpa_monitor_new(ctx, VDPA_MONITOR_ALL, &m);

	assert_int_equal(r < 0, m == NULL);
	if (r < 0)
		return r;
	uevent_of("add", "devices/m", "vdpa", "");
	uevent_of("bind", "devices/m", "vdpa", "|DRIVER=virtio_vdpa");
	uevent_of("move", "devices/m/virtio0/net/b", "net",
		  "|DEVPATH_OLD=/devices/m/virtio0/net/a");
	uevent_of("unbind", "devices/m", "vdpa", "");
	while ((r = vdpa_monitor_next(m, &e)) > 0)
		e = vdpa_event_unref(e);
	assert_null(e);
	if (r < 0) {
		assert_int_equal(vdpa_monitor_next(m, &e), 1);
		assert_int_equal(vdpa_event_get_type(e), VDPA_EVENT_RESYNC);
	}
	vdpa_event_unref(e);
	vdpa_monitor_unref(m);
	return r;
}

static int call_no_family(struct vdpa_ctx *ctx)
{
	int r;

	((struct fake *)ctx->transport_data)->no_family = true;
	r = vdpa_ctx_connect(ctx);
	return r == -EPROTONOSUPPORT ? 0 : r;
}

/* ---- the sweep ---- */

/* 20 devices, one that cuts dumps, an unmanaged one. */
static struct env furnish(void)
{
	static const struct fake_counter counters[] = { { "one", 1 }, { "two", 2 } };
	struct env e;

	e.k = fake_new_usual();
	fake_sysfs(e.k);
	env_devices(&e, 10);
	fake_dev(e.k, "vdpasim_blk", "b", VDPA_ID_BLOCK);
	fake_dev(e.k, "vdpasim_net", "fs", 26);
	for (int i = 0; i < 9; i++)
		fake_dev(e.k, "vdpasim_net", (char[]){ 'z', (char)('0' + i), 0 }, VDPA_ID_NET);
	fake_dev(e.k, NULL, "alone", VDPA_ID_NET);
	e.k->devs[0]->active = true;
	e.k->devs[0]->stat_queues = 3;
	e.k->devs[0]->counters = counters;
	e.k->devs[0]->n_counters = 2;
	e.ctx = NULL;
	return e;
}

static int attempt(struct env *e, int (*call)(struct vdpa_ctx *ctx), long n)
{
	char sys[64], dev[64], proc[64];
	struct vdpa_ctx *ctx = NULL;
	int r;

	snprintf(sys, sizeof(sys), "%s/sys", e->k->root);
	snprintf(dev, sizeof(dev), "%s/dev", e->k->root);
	snprintf(proc, sizeof(proc), "%s/proc", e->k->root);
	failed = false;
	left = n;
	r = vdpa_ctx_new(&ctx);
	if (!r)
		r = vdpa_ctx_set_roots(ctx, sys, dev, proc);
	if (!r)
		r = vdpa_ctx_set_transport(ctx, &quiet, e->k);
	if (!r)
		r = call(ctx);
	left = -1;
	vdpa_ctx_unref(ctx);
	return r;
}

static void sweep(const char *name, int (*call)(struct vdpa_ctx *ctx))
{
	long n = 0;

	do {
		struct env e = furnish();
		int r = attempt(&e, call, n++);

		if (r && (r != -ENOMEM || !failed))
			fail_msg("%s: %d when allocation %ld fails", name, r, n);
		assert_int_equal(e.k->opens, e.k->closes);
		fake_free(e.k);
	} while (failed);
	/* One run was whole, and others were not. */
	assert_true(n > 10);
}

#define SWEEP(name)                           \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		sweep(#name, call_##name);    \
	}

SWEEP(monitor)
SWEEP(mgmtdev_list)
SWEEP(mgmtdev_get)
SWEEP(dev_list)
SWEEP(dev_get)
SWEEP(config_list)
SWEEP(vstats_list)
SWEEP(caps)
SWEEP(sysdev_list)
SWEEP(resolve)
SWEEP(resolve_nothing)
SWEEP(add)
SWEEP(add_refused)
SWEEP(add_lost)
SWEEP(warning)
SWEEP(bulk)
SWEEP(pipeline)
SWEEP(no_family)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monitor),
		cmocka_unit_test(test_mgmtdev_list),
		cmocka_unit_test(test_mgmtdev_get),
		cmocka_unit_test(test_dev_list),
		cmocka_unit_test(test_dev_get),
		cmocka_unit_test(test_config_list),
		cmocka_unit_test(test_vstats_list),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_refused),
		cmocka_unit_test(test_add_lost),
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_no_family),
		cmocka_unit_test(test_sysdev_list),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_resolve_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
