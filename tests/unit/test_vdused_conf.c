/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdused's options, those of --config included. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vdused/options.h"

#define ARGV(...) ((const char *[]){ "vdused", __VA_ARGS__, NULL })

static char path[] = "test_vdused_conf.XXXXXX";
static struct err err;

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int parse(struct options *o, const char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	err.text[0] = '\0';
	return options_parse(o, argc, (char **)(uintptr_t)argv, &err);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int parse_file(struct options *o, const char *text)
{
	write_file(text);
	return parse(o, ARGV("block", "--name", "d", "--config", path));
}

/* The sentence begins with "FILE:" and the rest. */
static void refused(const char *text, const char *want)
{
	struct options o;
	size_t len = strlen(path);

	assert_int_equal(parse_file(&o, text), -EINVAL);
	assert_memory_equal(err.text, path, len);
	assert_string_equal(err.text + len, want);
	options_free(&o);
}

static void test_every_key(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(
		parse_file(
			&o,
			"type block\nbackend file:/a b\nserial s 1\nqueues 4\nqueue_size 64\n"
			"block_size 4096\nreadonly\npacked\nin_order on\ncache buffered\nreconnect 7\n"
			"poll_us 5\nthreads 2\napi_version 1\nuser u\ndriver any thing\nwait x\n"),
		0);
	assert_int_equal(o.mode, MODE_BLOCK);
	assert_string_equal(o.name, "d");
	assert_string_equal(o.backend, "file:/a b");
	assert_string_equal(o.serial, "s 1");
	assert_string_equal(o.user, "u");
	assert_int_equal(o.queues, 4);
	assert_int_equal(o.queue_size, 64);
	assert_int_equal(o.block_size, 4096);
	assert_true(o.readonly && o.packed && o.in_order && o.buffered);
	assert_int_equal(o.reconnect_s, 7);
	assert_int_equal(o.poll_us, 5);
	assert_int_equal(o.threads, 2);
	assert_int_equal(o.api_version, 1);
	options_free(&o);
}

static void test_command_line_wins(void **state)
{
	struct options o;

	(void)state;
	write_file("backend mem:1M\nqueues 4\ncache buffered\n");
	assert_int_equal(parse(&o, ARGV("block", "--queues", "2", "--config", path, "--name", "d",
					"--cache", "direct")),
			 0);
	assert_string_equal(o.backend, "mem:1M");
	assert_int_equal(o.queues, 2);
	assert_false(o.buffered);
	options_free(&o);
}

static void test_refused(void **state)
{
	(void)state;
	refused("# x\nqueues 0\n", ":2: queues \"0\": expected a number from 1 to 64");
	refused("queue-size 64", ":1: \"queue-size\" is no key: see vdused(8)");
	refused("name x", ":1: \"name\" is no key: see vdused(8)");
	refused("ready_fd 3", ":1: \"ready_fd\" is no key: see vdused(8)");
	refused("daemonize", ":1: \"daemonize\" is no key: see vdused(8)");
	refused("config x", ":1: \"config\" is no key: see vdused(8)");
	refused("\n\nreadonly yes", ":3: readonly \"yes\": expected no value");
	refused("backend", ":1: backend: its value is missing");
	refused("type net", ":1: type \"net\": expected block");
	refused("cache off", ":1: cache \"off\": expected direct or buffered");
	refused("in_order", ":1: in_order: its value is missing");
	refused("packed\npacked", ":2: packed is given twice");
}

static void test_no_file(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, ARGV("block", "--name", "d", "--config", "test_vdused_conf.none")),
			 -ENOENT);
	assert_string_equal(err.text, "--config test_vdused_conf.none: No such file or directory");
	assert_int_equal(parse(&o, ARGV("resume", "--name", "d", "--config", path)), -EINVAL);
	assert_int_equal(parse_file(&o, "queues 2\n"), -EINVAL);
	assert_memory_equal(err.text, "--backend is missing", 20);
	options_free(&o);
}

/* What is saved is what the file said, and not the file. */
static void test_saved(void **state)
{
	struct strbuf sb = STRBUF_INIT, again = STRBUF_INIT;
	struct options o, loaded;

	(void)state;
	assert_int_equal(parse_file(&o, "backend mem:1M\nqueues 4\nreadonly\n"), 0);
	options_save(&o, &sb);
	assert_false(sb.failed);
	assert_null(memmem(sb.s, sb.len, path, strlen(path)));
	assert_int_equal(parse(&loaded, ARGV("resume", "--name", "d")), 0);
	assert_int_equal(options_load(&loaded, sb.s, sb.len, &err), 0);
	assert_string_equal(loaded.backend, "mem:1M");
	assert_int_equal(loaded.queues, 4);
	assert_true(loaded.readonly);
	options_save(&loaded, &again);
	assert_int_equal(again.len, sb.len);
	assert_memory_equal(again.s, sb.s, sb.len);
	options_free(&loaded);
	options_free(&o);
	strbuf_free(&again);
	strbuf_free(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key), cmocka_unit_test(test_command_line_wins),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_saved),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
