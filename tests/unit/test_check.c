/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `check` says of devices that the kernel answers oddly about. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "vdpactl/check.h"

/* The device's finding of that level, or NULL. */
static const struct finding *find(const struct check *c, const char *name, enum check_level level)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->findings[i].level == level && !strcmp(c->findings[i].subject, name))
			return &c->findings[i];
	}
	return NULL;
}

/* The level of what is said, beside "ok", of a device whose configuration is that error. */
static void check_config(struct fake *k, int errnum, enum check_level level)
{
	struct app app = { .ctx = fake_ctx(k) };
	struct check c = { .app = &app, .root = "", .connected = true };
	char *names[] = { (char *)(uintptr_t) "x" };
	const struct finding *f;

	fake_fault(k, VDPA_COMMAND_CONFIG_GET, FAULT_ERRNO, -errnum, 1);
	check_devices(&c, names, 1);
	assert_non_null(find(&c, "x", CHECK_OK));
	f = find(&c, "x", CHECK_PROBLEM);
	assert_int_equal(f != NULL, level == CHECK_PROBLEM);
	if (f)
		assert_non_null(strstr(f->text, strerror(errnum)));
	assert_int_equal(find(&c, "x", CHECK_INFO) != NULL, level == CHECK_INFO);
	check_free(&c);
	vdpa_ctx_unref(app.ctx);
}

static void test_config_errors(void **state)
{
	struct fake *k = fake_new_usual();

	(void)state;
	fake_sysfs(k);
	fake_dev(k, "vdpasim_net", "x", VDPA_ID_NET);
	check_config(k, EIO, CHECK_PROBLEM);
	check_config(k, EOPNOTSUPP, CHECK_INFO);
	check_config(k, ENODEV, CHECK_OK);
	check_config(k, EINVAL, CHECK_OK);
	fake_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
