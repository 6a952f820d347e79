/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's command line, and what it keeps of it for the next daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "vdused/options.h"
#include "vdused/runtime.h"

#define ARGS_MAX 80

static struct options o;
static struct err err;

/* "block --name x" and so on, cut at the spaces. */
static int parse(const char *line)
{
	static char text[8192], program[] = "vdused", empty[] = "";
	char *argv[ARGS_MAX] = { program };
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *p = strtok(text, " "); p; p = strtok(NULL, " "))
		argv[argc++] = strcmp(p, "''") ? p : empty;
	strcpy(err.text, "");
	return options_parse(&o, argc, argv, &err);
}

static void good(const char *line)
{
	if (parse(line))
		fail_msg("%s: %s", line, err.text);
}

static void bad(const char *line, const char *why)
{
	assert_int_equal(parse(line), -EINVAL);
	assert_string_equal(err.text, why);
}

#define BASE "block --name x --backend mem:1M "

static void bad_option(const char *option, const char *why)
{
	char line[1024];

	snprintf(line, sizeof(line), BASE "%s", option);
	bad(line, why);
}

static void test_defaults(void **state)
{
	(void)state;
	unsetenv("VDUSED_RUNTIME_DIR");
	good(BASE);
	assert_int_equal(o.mode, MODE_BLOCK);
	assert_string_equal(o.name, "x");
	assert_string_equal(o.backend, "mem:1M");
	assert_string_equal(o.serial, "x");
	assert_int_equal(o.queues, 1);
	assert_int_equal(o.queue_size, 256);
	assert_int_equal(o.block_size, 0);
	assert_false(o.readonly || o.buffered || o.packed || o.in_order || o.daemonize || o.fail_requests);
	assert_int_equal(o.poll_us, POLL_US_BY_COST);
	assert_int_equal(o.reconnect_s, 0);
	assert_int_equal(o.threads, 0);
	assert_int_equal(o.api_version, 0);
	assert_null(o.user);
	assert_string_equal(o.runtime_dir, RUNTIME_DIR);
	assert_int_equal(o.ready_fd, -1);
	setenv("VDUSED_RUNTIME_DIR", "/elsewhere", 1);
	good(BASE);
	assert_string_equal(o.runtime_dir, "/elsewhere");
	setenv("VDUSED_RUNTIME_DIR", "", 1);
	good(BASE);
	assert_string_equal(o.runtime_dir, RUNTIME_DIR);
	unsetenv("VDUSED_RUNTIME_DIR");
}

static void test_every_option(void **state)
{
	(void)state;
	good(BASE "--serial abc --queues 64 --queue-size 1024 --block-size 4096 --readonly "
		  "--packed --in-order on --cache buffered --poll-us 1000 --reconnect 1000000 --threads 64 "
		  "--api-version 1 --user nobody --runtime-dir /d --daemonize --ready-fd 0");
	assert_string_equal(o.serial, "abc");
	assert_int_equal(o.queues, 64);
	assert_int_equal(o.queue_size, 1024);
	assert_int_equal(o.block_size, 4096);
	assert_true(o.readonly && o.buffered && o.packed && o.in_order && o.daemonize);
	assert_int_equal(o.poll_us, 1000);
	assert_int_equal(o.reconnect_s, 1000000);
	assert_int_equal(o.threads, 64);
	assert_int_equal(o.api_version, 1);
	assert_string_equal(o.user, "nobody");
	assert_string_equal(o.runtime_dir, "/d");
	assert_int_equal(o.ready_fd, 0);
	good(BASE "--in-order on --in-order off");
	assert_false(o.in_order);
	/* The last one counts. */
	good(BASE "--queues 2 --cache buffered --queues 1 --cache direct --queue-size 4 "
		  "--block-size 512 --poll-us 0 --threads 0 --api-version 0 --reconnect 0 "
		  "--ready-fd 2147483647");
	assert_int_equal(o.queues, 1);
	assert_int_equal(o.queue_size, 4);
	assert_int_equal(o.block_size, 512);
	assert_false(o.buffered);
	assert_int_equal(o.ready_fd, INT32_MAX);
	good("resume --name x --fail-requests");
	assert_int_equal(o.mode, MODE_RESUME);
	assert_true(o.fail_requests);
	assert_null(o.backend);
}

static void test_modes(void **state)
{
	(void)state;
	good("--help");
	assert_int_equal(o.mode, MODE_HELP);
	good("block --nonsense --version");
	assert_int_equal(o.mode, MODE_VERSION);
	assert_non_null(strstr(options_help(), "--fail-requests"));
	bad("", "nothing to do: expected block or resume; see vdused --help");
	bad("net --name x", "command \"net\": expected block or resume");
	bad("''", "command \"\": expected block or resume");
}

static void test_bounds(void **state)
{
	static const struct {
		const char *name;
		unsigned min;
		uint64_t max;
	} numbers[] = {
		{ "queues", 1, 64 },	 { "queue-size", 4, 1024 },	{ "block-size", 512, 4096 },
		{ "poll-us", 0, 1000 },	 { "reconnect", 0, 1000000 },	{ "threads", 0, 64 },
		{ "api-version", 0, 1 }, { "ready-fd", 0, 2147483647 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		char values[6][32] = { "''", "-1", "x", "1x", "99999999999999999999", "" };

		snprintf(values[5], sizeof(values[5]), "%llu",
			 (unsigned long long)numbers[i].max + 1);
		for (unsigned k = 0; k < 6; k++) {
			char option[256], why[512];

			snprintf(option, sizeof(option), "--%s %s", numbers[i].name, values[k]);
			snprintf(why, sizeof(why), "--%s \"%s\": expected a number from %u to %llu",
				 numbers[i].name, k ? values[k] : "", numbers[i].min,
				 (unsigned long long)numbers[i].max);
			bad_option(option, why);
		}
	}
	bad_option("--queues 0", "--queues \"0\": expected a number from 1 to 64");
	bad_option("--queue-size 2", "--queue-size \"2\": expected a number from 4 to 1024");
	bad_option("--block-size 511", "--block-size \"511\": expected a number from 512 to 4096");
}

static void test_sentences(void **state)
{
	static const char *const names[] = { "name",	"backend",    "serial",	  "queues",
					     "cache",	"queue-size", "user",	  "block-size",
					     "poll-us", "reconnect",  "ready-fd", "runtime-dir",
					     "threads", "api-version" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char option[64], why[64];

		snprintf(option, sizeof(option), "--%s", names[i]);
		snprintf(why, sizeof(why), "--%s: its value is missing", names[i]);
		bad_option(option, why);
	}
	bad_option("--queue-size 1000", "--queue-size \"1000\": expected a power of 2");
	bad_option("--block-size 1024", "--block-size \"1024\": expected 512 or 4096");
	bad_option("--cache none", "--cache \"none\": expected direct or buffered");
	bad_option("--in-order yes", "--in-order \"yes\": expected on or off");
	bad_option("--serial 012345678901234567890",
		   "--serial \"012345678901234567890\": expected at most 20 octets");
	bad_option("--queues=4", "\"--queues=4\" is no option: see vdused --help");
	bad_option("queues", "\"queues\" is no option: see vdused --help");
	bad_option("--", "\"--\" is no option: see vdused --help");
	bad_option("--fail-requests", "--fail-requests goes with resume only");
	bad("block --backend mem:1M", "--name is missing");
	bad("resume", "--name is missing");
	assert_int_equal(parse("block --name x"), -EINVAL);
	assert_non_null(strstr(err.text, "--backend is missing: expected one of "));
	assert_int_equal(parse("resume --name a/b"), -EINVAL);
	assert_non_null(strstr(err.text, "\"a/b\" can't be a VDUSE device's name"));
	assert_int_equal(parse("block --backend mem:1M --name control"), -EINVAL);
	assert_int_equal(parse("block --backend mem:1M --name .x"), -EINVAL);
	assert_int_equal(parse("block --backend mem:1M --name -x"), -EINVAL);
	good("block --backend mem:1M --name _x.-");
	good("resume --name x --check");
	bad("block --name x --backend mem:1M --check", "--check goes with resume only");
	bad("resume --name x --check --fail-requests",
	    "--check and --fail-requests don't go together");
	good(BASE "--serial 01234567890123456789");
}

/* ---- what is saved ---- */

static struct strbuf saved = STRBUF_INIT;

static void save(void)
{
	strbuf_free(&saved);
	saved = (struct strbuf)STRBUF_INIT;
	options_save(&o, &saved);
	assert_false(saved.failed);
}

static int load(const char *name, size_t len)
{
	char line[200];

	snprintf(line, sizeof(line), "resume --name %s", name);
	good(line);
	return options_load(&o, saved.s, len, &err);
}

static void test_round_trip(void **state)
{
	static const char *const lines[] = {
		BASE,
		BASE "--readonly",
		BASE "--packed --in-order on --cache buffered --block-size 512",
		BASE "--serial '' --queues 7 --queue-size 4",
		BASE "--serial abc --queues 64 --queue-size 1024 --block-size 4096 --readonly "
		     "--packed --cache buffered --poll-us 1000 --reconnect 1000000 --threads 64 "
		     "--api-version 1 --user nobody",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct options before;

		good(lines[i]);
		before = o;
		save();
		if (load("x", saved.len))
			fail_msg("%s: %s", lines[i], err.text);
		assert_int_equal(o.mode, MODE_RESUME);
		assert_string_equal(o.backend, "mem:1M");
		assert_string_equal(o.serial, i == 3 ? "" : i == 4 ? "abc" : "x");
		assert_int_equal(o.queues, before.queues);
		assert_int_equal(o.queue_size, before.queue_size);
		assert_int_equal(o.block_size, before.block_size);
		assert_int_equal(o.readonly, before.readonly);
		assert_int_equal(o.packed, before.packed);
		assert_int_equal(o.in_order, before.in_order);
		assert_int_equal(o.buffered, before.buffered);
		assert_int_equal(o.poll_us, before.poll_us);
		assert_int_equal(o.reconnect_s, before.reconnect_s);
		assert_int_equal(o.threads, before.threads);
		assert_int_equal(o.api_version, before.api_version);
		assert_int_equal(!o.user, !before.user);
	}
	assert_string_equal(o.user, "nobody");
}

/* How a process runs is not what a device is. */
static void test_not_saved(void **state)
{
	(void)state;
	good(BASE "--daemonize --ready-fd 3 --runtime-dir /elsewhere");
	save();
	assert_int_equal(load("x", saved.len), 0);
	assert_false(o.daemonize);
	assert_int_equal(o.ready_fd, -1);
	assert_string_equal(o.runtime_dir, RUNTIME_DIR);
}

/* The serial number that is the name may be longer than one that is given. */
static void test_long_name(void **state)
{
	const char *name = "a-name-that-is-longer-than-twenty-octets";
	char line[200];

	(void)state;
	snprintf(line, sizeof(line), "block --backend mem:1M --name %s", name);
	good(line);
	save();
	if (load(name, saved.len))
		fail_msg("%s", err.text);
	assert_string_equal(o.serial, name);
}

static void damaged(const char *text, size_t len, const char *why)
{
	strbuf_free(&saved);
	saved = (struct strbuf)STRBUF_INIT;
	for (size_t i = 0; i < len; i++)
		strbuf_addc(&saved, text[i]);
	assert_int_equal(load("x", saved.len), -EINVAL);
	assert_string_equal(err.text, why);
}

#define DAMAGED(text, why) damaged(text, sizeof(text), why)

static void test_damaged(void **state)
{
	char many[ARGS_MAX * 9];
	const char *lost = "the saved options are damaged";

	(void)state;
	good(BASE);
	save();
	assert_int_equal(load("x", 0), -EINVAL);
	assert_string_equal(err.text, lost);
	/* Cut anywhere: an error or fewer options, but never a read past the end. */
	for (size_t len = 1; len < saved.len; len++) {
		char *copy = malloc(len);

		memcpy(copy, saved.s, len);
		good("resume --name x");
		if (options_load(&o, copy, len, &err) && copy[len - 1])
			assert_string_equal(err.text, lost);
		else
			assert_int_equal(copy[len - 1], 0);
		free(copy);
	}
	assert_int_equal(load("y", saved.len), -EINVAL);
	assert_string_equal(err.text, "the saved options are another device's");
	DAMAGED("--name\0x\0--backend", "--backend: its value is missing");
	DAMAGED("--name\0x\0nonsense", "\"nonsense\" is no option: see vdused --help");
	DAMAGED("--name\0x\0--queues\0"
		"65\0--backend\0mem:1M",
		"--queues \"65\": expected a number from 1 to 64");
	DAMAGED("--name\0x\0--backend\0m\0--block-size\0"
		"600",
		"--block-size \"600\": expected 512 or 4096");
	/* Nothing of how the process runs comes from there. */
	DAMAGED("--name\0x\0--backend\0m\0--ready-fd\0"
		"1",
		lost);
	DAMAGED("--name\0x\0--backend\0m\0--fail-requests", lost);
	DAMAGED("--name\0x\0--backend\0m\0--daemonize", lost);
	DAMAGED("--name\0x\0--backend\0m\0--runtime-dir\0/", lost);
	for (unsigned i = 0; i < ARGS_MAX; i++)
		memcpy(many + 9 * i, "--packed", 9);
	damaged(many, sizeof(many), lost);
}

static int teardown(void **state)
{
	(void)state;
	strbuf_free(&saved);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_modes),	  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sentences), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_not_saved), cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
