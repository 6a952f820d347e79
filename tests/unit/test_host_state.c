/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state file: where its values stand, what is kept, and that its schema is the table of its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vdpactl/json_dl.h"
#include "vdpactl/json_locate.h"
#include "vdpactl/state.h"
#include "vdpactl/state_diff.h"
#include "vdpactl/vduse.h"

#define TEXT(s) s, sizeof(s) - 1
#define KEY(k)             \
	{                  \
		.key = (k) \
	}
#define AT(i)                             \
	{                                 \
		.key = NULL, .index = (i) \
	}

/* ---- json_locate ---- */

static void check_place(const char *text, const struct json_step *steps, size_t n, bool at_key,
			unsigned long line, unsigned long column)
{
	struct json_place place = { 0, 0 };

	assert_true(json_locate(text, strlen(text), steps, n, at_key, &place));
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void test_locate(void **state)
{
	static const char text[] = "\n{ \"x\": [1, \"]}\\\"\", {\"y\":[[]]} ],\n"
				   "  \"a\\u0062\\ud83d\\ude00\\n\" : [ 1,\n"
				   "\t{\"\xc3\xa9\xc3\xa9\": 7, \"deep\": {\"er\":null}}]}";
	const struct json_step elem[] = { KEY("x"), AT(1) };
	const struct json_step odd[] = { KEY("ab\xf0\x9f\x98\x80\n"), AT(1), KEY("deep"),
					 KEY("er") };
	const struct json_step wrong[] = { KEY("ab\xf0\x9f\x98\x80"), AT(1) };
	const struct json_step beyond[] = { KEY("x"), AT(3) };
	struct json_place place;

	(void)state;
	check_place(text, NULL, 0, false, 2, 1);
	check_place(text, elem, 1, true, 2, 3);
	check_place(text, elem, 1, false, 2, 8);
	check_place(text, elem, 2, false, 2, 12);
	check_place(text, odd, 1, true, 3, 3);
	check_place(text, odd, 2, false, 4, 2);
	/* A character is one column, however many octets it has. */
	check_place(text, odd, 4, true, 4, 21);
	check_place(text, odd, 4, false, 4, 26);
	assert_false(json_locate(TEXT(text), wrong, 2, false, &place));
	assert_false(json_locate(TEXT(text), beyond, 2, false, &place));
	assert_false(json_locate(TEXT("[1,2]"), wrong, 1, false, &place));
	assert_false(json_locate(TEXT("{\"a"), wrong, 1, false, &place));
	assert_false(json_locate(TEXT("{\"a\\u00"), wrong, 1, false, &place));
	assert_false(json_locate(TEXT(""), wrong, 1, false, &place));
}

static void test_path(void **state)
{
	const struct json_step steps[] = { KEY("devices"), AT(3),     KEY("a \"b\\"),
					   KEY(""),	   KEY("1x"), KEY("_x1") };
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	json_path_text(&sb, steps, 6);
	assert_string_equal(sb.s, "$.devices[3][\"a \\\"b\\\\\"][\"\"][\"1x\"]._x1");
	strbuf_free(&sb);
}

/* ---- made anew ---- */

static void test_keep(void **state)
{
	const uint64_t mtu = 1 << 3, mac = 1 << 5, other = UINT64_C(1) << 32;
	char parent[] = "vdpasim_net", elsewhere[] = "vdpasim_blk", name[] = "n";
	struct state_device have = {
		.has = STATE_HAS_MAC | STATE_HAS_MTU | STATE_HAS_FEATURES | STATE_HAS_DRIVER,
		.name = name,
		.mgmtdev = parent,
		.mac = { 2, 0, 0, 0, 0, 1 },
		.mtu = 1500,
		.features = mtu | mac | other,
		.driver = "vhost_vdpa",
		.is_net = true,
	};
	struct state_device want = { .name = name, .mgmtdev = parent }, got;
	struct app app = { 0 };

	(void)state;
	assert_int_equal(app_context(&app), ST_OK);
	/* What is asked for is taken, the rest is as it was; the driver is not kept here. */
	want.has = STATE_HAS_MTU;
	want.mtu = 9000;
	got = state_device_keep(&app, &want, &have);
	assert_int_equal(got.has, STATE_HAS_MTU | STATE_HAS_MAC | STATE_HAS_FEATURES);
	assert_int_equal(got.mtu, 9000);
	assert_memory_equal(got.mac, have.mac, 6);
	assert_true(got.features == have.features);
	/* A feature that an attribute needs comes with it ... */
	have.features = mac | other;
	have.has &= ~STATE_HAS_MTU;
	got = state_device_keep(&app, &want, &have);
	assert_true(got.features == (mac | mtu | other));
	/* ... and an attribute goes with the feature that is not asked for. */
	want.has = STATE_HAS_FEATURES;
	want.features = mtu | other;
	got = state_device_keep(&app, &want, &have);
	assert_int_equal(got.has, STATE_HAS_FEATURES);
	assert_true(got.features == want.features);
	want.features = mac;
	got = state_device_keep(&app, &want, &have);
	assert_int_equal(got.has, STATE_HAS_FEATURES | STATE_HAS_MAC);
	/* Who says which features wants no others, whatever else is asked for. */
	want.has = STATE_HAS_FEATURES | STATE_HAS_MTU;
	want.features = other;
	got = state_device_keep(&app, &want, &have);
	assert_true(got.features == other);
	/* All of it. */
	want.has = 0;
	want.mtu = 0;
	have.has |= STATE_HAS_MTU;
	have.features |= mtu;
	got = state_device_keep(&app, &want, &have);
	assert_int_equal(got.has, STATE_HAS_FEATURES | STATE_HAS_MAC | STATE_HAS_MTU);
	assert_int_equal(got.mtu, have.mtu);
	assert_memory_equal(got.mac, have.mac, 6);
	/* Another parent: nothing of the old one. */
	want.mgmtdev = elsewhere;
	want.has = 0;
	got = state_device_keep(&app, &want, &have);
	assert_int_equal(got.has, 0);
	vdpa_ctx_unref(app.ctx);
}

/* ---- what a daemon left ---- */

static void test_options(void **state)
{
	static const char text[] = "--name\0d\0--backend\0mem:1M\0--queues\0"
				   "2\0--readonly\0"
				   "--in-order\0on\0"
				   "--poll-us\0"
				   "0\0--api-version\0"
				   "1\0--cache\0direct";
	struct state_vduse v = { 0 }, bad = { 0 };
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	assert_true(state_vduse_options(text, sizeof(text), &v));
	state_object_text(&sb, state_vduse_keys, &v, v.has);
	assert_string_equal(sb.s, "backend mem:1M queues 2 readonly true cache direct "
				  "in_order on poll_us 0");
	strbuf_free(&sb);
	assert_false(state_vduse_options(text, sizeof(text) - 1, &bad)); /* no NUL at its end */
	state_vduse_free(&bad);
	assert_false(state_vduse_options(text, 7, &bad)); /* a value is missing */
	state_vduse_free(&bad);
	assert_false(state_vduse_options(TEXT("--name\0d\0--backend\0x\0--new\0"), &bad));
	state_vduse_free(&bad);
	assert_false(state_vduse_options(TEXT("--name\0d\0--backend\0x\0--queues\0y\0"), &bad));
	state_vduse_free(&bad);
	assert_false(state_vduse_options("", 0, &bad));
	/* What is not given is vdused's default: the same device. */
	state_vduse_defaults(&v);
	bad = v;
	bad.has = 0;
	state_vduse_defaults(&bad);
	assert_true(bad.queues == 1 && bad.poll_us == UINT64_MAX);
	assert_string_equal(bad.in_order, "off");
	bad.queues = 2;
	assert_false(state_vduse_same(&v, &bad));
	bad.poll_us = 0;
	assert_false(state_vduse_same(&v, &bad));
	bad.in_order = "on";
	assert_true(state_vduse_same(&v, &bad));
	state_vduse_free(&v);
}

/* A name that was read, and what is there then. */
int __wrap_vduse_names(struct vduse_names *names);

int __wrap_vduse_names(struct vduse_names *names)
{
	names->names = calloc(1, sizeof(*names->names));
	assert_non_null(names->names);
	names->names[0] = strdup("vanished");
	names->size = 1;
	return 0;
}

static void test_vanished(void **state)
{
	struct state_host host = { 0 };
	struct app app = { 0 };

	(void)state;
	assert_int_equal(app_context(&app), ST_OK);
	setenv("VDUSED_RUNTIME_DIR", "/no/where", 1);
	assert_int_equal(state_vduse_read(&app, &host), ST_OK);
	assert_int_equal(host.n_vduse, 0);
	state_host_free(&host);
	vdpa_ctx_unref(app.ctx);
}

/* ---- how a plan ended ---- */

static void test_plan_status(void **state)
{
	struct plan_item items[] = {
		{ .action = PLAN_ADD, .result = PLAN_FAILED, .status = ST_BUSY },
		{ .action = PLAN_CHANGE, .result = PLAN_OPEN },
		{ .action = PLAN_KEEP },
		{ .action = PLAN_ADD, .result = PLAN_DONE },
	};
	struct plan failed = { items, 2 }, busy = { items, 3 }, good = { items + 2, 2 },
		    none = { 0 };

	(void)state;
	assert_int_equal(plan_status(&failed, ST_OK), ST_BUSY);
	assert_int_equal(plan_status(&busy, ST_OK), ST_PARTLY);
	assert_int_equal(plan_status(&good, ST_OK), ST_OK);
	/* What was not even planned. */
	assert_int_equal(plan_status(&good, ST_TIMEOUT), ST_PARTLY);
	assert_int_equal(plan_status(&failed, ST_TIMEOUT), ST_BUSY);
	assert_int_equal(plan_status(&none, ST_TIMEOUT), ST_TIMEOUT);
}

/* ---- the schema ---- */

static json_t *load_schema(struct app *app)
{
	const char *top = getenv("TOP_SRCDIR");
	char path[512], *text = malloc(65536);
	json_t *root;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/schema/vdpactl-state-1.json", top ? top : ".");
	f = fopen(path, "re");
	if (!f) {
		free(text);
		skip();
	}
	len = fread(text, 1, 65536, f);
	fclose(f);
	assert_int_equal(json_load(app), ST_OK);
	root = json_dl.json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	free(text);
	return root;
}

static json_t *get(json_t *o, const char *key)
{
	return json_dl.json_object_get(o, key);
}

static void check_number(json_t *o, const char *key, uint64_t want)
{
	assert_non_null(get(o, key));
	assert_int_equal(json_dl.json_integer_value(get(o, key)), want);
}

static void check_type(json_t *o, const char *want)
{
	assert_non_null(get(o, "type"));
	assert_string_equal(json_dl.json_string_value(get(o, "type")), want);
}

static void check_choices(json_t *array, const char *const *choices)
{
	size_t n = 0;

	for (; choices[n]; n++)
		assert_string_equal(json_dl.json_string_value(json_dl.json_array_get(array, n)),
				    choices[n]);
	assert_int_equal(json_dl.json_array_size(array), n);
}

static void check_enum_of_numbers(json_t *array, const struct state_key *k)
{
	size_t n = json_dl.json_array_size(array);

	assert_true(n);
	assert_int_equal(json_dl.json_integer_value(json_dl.json_array_get(array, 0)), k->min);
	assert_int_equal(json_dl.json_integer_value(json_dl.json_array_get(array, n - 1)), k->max);
	if (k->kind == STATE_KIND_ONE_OF_TWO)
		assert_int_equal(n, 2);
	else
		assert_int_equal(k->min << (n - 1), k->max);
}

static void check_key(json_t *definitions, json_t *p, const struct state_key *k)
{
	switch (k->kind) {
	case STATE_KIND_NUMBER:
	case STATE_KIND_ONE_OF_TWO:
		if (k->kind == STATE_KIND_ONE_OF_TWO || k->power_of_two) {
			check_enum_of_numbers(get(p, "enum"), k);
			return;
		}
		check_type(p, "integer");
		check_number(p, "minimum", k->min);
		check_number(p, "maximum", k->max);
		return;
	case STATE_KIND_BOOL:
		check_type(p, "boolean");
		return;
	case STATE_KIND_CHOICE:
		check_choices(get(get(p, "$ref") ? get(definitions, "driver") : p, "enum"),
			      k->choices);
		return;
	default:
		check_type(p, "string");
		if (k->max)
			check_number(p, "maxLength", k->max);
	}
}

static bool is_required(json_t *object, const char *key)
{
	json_t *required = get(object, "required");

	for (size_t i = 0; i < json_dl.json_array_size(required); i++) {
		if (!strcmp(json_dl.json_string_value(json_dl.json_array_get(required, i)), key))
			return true;
	}
	return false;
}

static void check_keys(json_t *definitions, const char *name, const struct state_key *keys)
{
	json_t *object = get(definitions, name), *properties = get(object, "properties");
	size_t n = 0;

	assert_true(json_is_false(get(object, "additionalProperties")));
	for (const struct state_key *k = keys; k->name; k++) {
		json_t *p = get(properties, k->name);

		if (!p)
			fail_msg("the schema's %s has no \"%s\"", name, k->name);
		check_key(definitions, p, k);
		assert_int_equal(is_required(object, k->name), k->required);
		n++;
	}
	for (void *it = json_dl.json_object_iter(properties); it;
	     it = json_dl.json_object_iter_next(properties, it))
		n--;
	assert_int_equal(n, 0);
}

static void test_schema(void **state)
{
	struct app app = { 0 };
	json_t *schema = load_schema(&app), *definitions = get(schema, "definitions");

	(void)state;
	check_keys(definitions, "device", state_device_keys);
	check_keys(definitions, "vduse", state_vduse_keys);
	check_number(get(get(schema, "properties"), "version"), "const", STATE_VERSION);
	json_drop(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locate),	    cmocka_unit_test(test_path),
		cmocka_unit_test(test_keep),	    cmocka_unit_test(test_options),
		cmocka_unit_test(test_schema),	    cmocka_unit_test(test_vanished),
		cmocka_unit_test(test_plan_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
