/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each test of the library's requests starts with: a fake kernel and a context on it. */
#ifndef TESTS_UNIT_ENV_H
#define TESTS_UNIT_ENV_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "libvdpamgmt/internal.h"

struct env {
	struct fake *k;
	struct vdpa_ctx *ctx;
};

static inline void env_open(struct env *e, bool sysfs)
{
	e->k = fake_new_usual();
	if (sysfs)
		fake_sysfs(e->k);
	e->ctx = fake_ctx(e->k);
}

static inline void env_close(struct env *e)
{
	unsigned int opens = e->k->opens;

	assert_null(vdpa_ctx_unref(e->ctx));
	assert_int_equal(e->k->closes, opens);
	fake_free(e->k);
}

static inline int env_setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	env_open(e, true);
	*state = e;
	return 0;
}

static inline int env_teardown(void **state)
{
	env_close(*state);
	free(*state);
	return 0;
}

#define ENV_TEST(fn) cmocka_unit_test_setup_teardown(fn, env_setup, env_teardown)

/* N managed devices d0, d1, ... of the simulator. */
static inline void env_devices(struct env *e, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		fake_dev(e->k, "vdpasim_net", name, VDPA_ID_NET);
	}
}

#define NAMES(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

/* r is -errnum, and so is the context's error, whose message is `message`. */
static inline void check_error(struct env *e, int r, int errnum, const char *message)
{
	const struct vdpa_error *err = vdpa_ctx_get_error(e->ctx);

	assert_int_equal(r, -errnum);
	assert_non_null(err);
	assert_int_equal(vdpa_error_get_errno(err), errnum);
	if (message)
		assert_string_equal(vdpa_error_get_message(err), message);
}

static inline void check_hint(struct env *e, const char *part)
{
	const char *hint = vdpa_error_get_hint(vdpa_ctx_get_error(e->ctx));

	if (!part) {
		assert_null(hint);
		return;
	}
	assert_non_null(hint);
	if (!strstr(hint, part))
		assert_string_equal(hint, part);
}

static inline struct vdpa_spec *env_spec(const char *mgmtdev, const char *name)
{
	struct vdpa_spec *spec;

	assert_int_equal(vdpa_spec_new(&spec), 0);
	if (mgmtdev)
		assert_int_equal(vdpa_spec_set_mgmtdev(spec, mgmtdev), 0);
	if (name)
		assert_int_equal(vdpa_spec_set_name(spec, name), 0);
	return spec;
}

#endif
