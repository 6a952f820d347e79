/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text format of Prometheus: escapes, groups, what was not given. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vdpactl/metrics.h"

static void check_escaped(const char *value, const char *want)
{
	struct strbuf sb = STRBUF_INIT;

	metric_escape(&sb, value);
	assert_string_equal(sb.s ? sb.s : "", want);
	strbuf_free(&sb);
}

static void test_escape(void **state)
{
	(void)state;
	check_escaped("", "");
	check_escaped("rx packets", "rx packets");
	check_escaped("\xc3\xbc %s {}", "\xc3\xbc %s {}");
	check_escaped("a\"b\\c", "a\\\"b\\\\c");
	check_escaped("a\nb\x01", "a\\\\x0ab\\\\x01");
	check_escaped("\xff", "\\\\xff");
}

static void test_print(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	struct metrics m = { 0 };

	(void)state;
	metric_of(&m, METRIC_DEVICE_MTU, "b", 1500);
	metric_begin(&m, METRIC_QUEUE_VENDOR);
	metric_label(&m, "name", "a");
	metric_label(&m, "type", NULL);
	metric_label_u64(&m, "queue", 3);
	metric_end(&m, UINT64_MAX);
	metric_error(&m, "x", "config", EIO);
	metric_of(&m, METRIC_DEVICE_MTU, "a", 9000);
	metric_of(&m, METRIC_DEVICE_MTU, NULL, 1);
	metric_seconds(&m, METRIC_SCRAPE_DURATION, 1000042);
	metrics_print(&m, &sb);
	assert_string_equal(
		sb.s,
		"# HELP vdpa_device_mtu_bytes MTU of a net device.\n"
		"# TYPE vdpa_device_mtu_bytes gauge\n"
		"vdpa_device_mtu_bytes{name=\"b\"} 1500\n"
		"vdpa_device_mtu_bytes{name=\"a\"} 9000\n"
		"vdpa_device_mtu_bytes 1\n"
		"# HELP vdpa_queue_vendor_total What the vendor's driver counts for a virtqueue, under its names.\n"
		"# TYPE vdpa_queue_vendor_total counter\n"
		"vdpa_queue_vendor_total{name=\"a\",queue=\"3\"} 18446744073709551615\n"
		"# HELP vdpa_scrape_error 1 for each part of a device that could not be read.\n"
		"# TYPE vdpa_scrape_error gauge\n"
		"vdpa_scrape_error{name=\"x\",part=\"config\",code=\"EIO\"} 1\n"
		"# HELP vdpa_scrape_duration_seconds Time that it took to collect all this.\n"
		"# TYPE vdpa_scrape_duration_seconds gauge\n"
		"vdpa_scrape_duration_seconds 1.000042\n");
	strbuf_free(&sb);
	metrics_free(&m);
}

/* Every metric has a name, a type and a text, and each is another. */
static void test_table(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	struct metrics m = { 0 };
	size_t n = 0;

	(void)state;
	for (int i = 0; i < METRICS; i++)
		metric_of(&m, (enum metric)i, NULL, 0);
	metrics_print(&m, &sb);
	for (const char *p = sb.s; (p = strstr(p, "# TYPE ")); n++)
		p += strlen("# TYPE ");
	assert_int_equal(n, METRICS);
	assert_null(strstr(sb.s, "(null)"));
	strbuf_free(&sb);
	metrics_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
