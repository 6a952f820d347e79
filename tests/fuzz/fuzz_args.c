/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any words for the command, any octets for a batch file and for completion.
 * Commands run against the fake kernel; nothing is printed (linked with
 * --wrap=write).  The first octet, modulo 4, says what the rest is: D a command
 * line, A one for `vdpa`, B a batch file, C words to complete.  Words end with a
 * NUL or a newline.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/sink.h"
#include "tests/unit/fake_kernel.h"
#include "vdpactl/app.h"
#include "vdpactl/batch_lex.h"
#include "vdpactl/bind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
enum status __wrap_bind_load_driver(struct app *app, const char *driver);
void __wrap_bind_load_virtio(struct app *app, uint64_t classes);
enum status __wrap_bind_autoprobe_off(struct app *app, const char *name, struct autoprobe *a);
int __wrap_bind_autoprobe_keep(struct app *app);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);

#define WORDS_MAX 64

enum mode { MODE_COMMAND, MODE_LEGACY, MODE_BATCH, MODE_COMPLETE, MODES };

/* Nothing of this machine is touched. */
enum status __wrap_bind_load_driver(struct app *app, const char *driver)
{
	return diag_fail(app, NULL, EOPNOTSUPP, NULL, "no driver \"%s\"", driver);
}

void __wrap_bind_load_virtio(struct app *app, uint64_t classes)
{
	(void)app;
	(void)classes;
}

enum status __wrap_bind_autoprobe_off(struct app *app, const char *name, struct autoprobe *a)
{
	(void)app;
	(void)name;
	a->fd = -1;
	return ST_OK;
}

int __wrap_bind_autoprobe_keep(struct app *app)
{
	(void)app;
	return -1;
}

/* No file that is there is replaced by what a command was to write. */
int __wrap_rename(const char *from, const char *to)
{
	(void)from;
	(void)to;
	errno = EROFS;
	return -1;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	(void)from_dir;
	(void)to_dir;
	return __wrap_rename(from, to);
}

static struct fake *furnish(void)
{
	static const struct fake_counter counters[] = { { "received_desc", 1 }, { "x y", 2 } };
	struct fake *k = fake_new_usual();
	struct fake_dev *d = fake_dev(k, "vdpasim_net", "d0", VDPA_ID_NET);

	d->features = d->negotiated = UINT64_MAX;
	d->active = true;
	d->stat_queues = 3;
	d->counters = counters;
	d->n_counters = 2;
	fake_dev(k, "vdpasim_blk", "b", VDPA_ID_BLOCK);
	fake_dev(k, "vdpasim_net", "fs", 26);
	return k;
}

static void check(enum status status)
{
	if (status > ST_PARTLY)
		abort();
}

/* A command line without its first word. */
static void run_command(struct app *app, int argc, char **argv)
{
	bool bad = !options_parse(app, &argc, argv);

	if (bad)
		check(app_finish(app, ST_USAGE));
	/* and nothing waits */
	app->opt.has_timeout = true;
	app->opt.timeout = 0;
	if (!bad && !app->opt.batch)
		check(app_run(app, argc, argv));
}

static void run_legacy(struct app *app, int argc, char **argv)
{
	optind = 0;
	opterr = 0;
	if (options_parse_legacy(app, &argc, argv))
		check(app_run(app, argc - 1, argv + 1));
}

static void run_batch(struct app *app, const uint8_t *data, size_t size)
{
	struct batch_command cmd = BATCH_COMMAND_INIT;
	FILE *f = size ? fmemopen((void *)data, size, "r") : NULL;
	unsigned long line = 0;

	while (f && batch_next(f, &cmd) > 0) {
		if (cmd.line <= line)
			abort();
		line = cmd.line;
		if (cmd.problem)
			continue;
		if (cmd.argc < 1 || cmd.argv[cmd.argc] || cmd.words.len > BATCH_COMMAND_MAX)
			abort();
		app->opt = (struct options){ 0 };
		app->path[0] = '\0';
		run_command(app, cmd.argc, cmd.argv);
	}
	batch_release(&cmd);
	if (f)
		fclose(f);
}

/* The words in text, behind the program's name; text is cut up. */
static int split(char *text, size_t size, char **argv)
{
	int argc = 1;

	for (size_t at = 0; at < size && argc < WORDS_MAX; argc++) {
		argv[argc] = text + at;
		while (at < size && text[at] && text[at] != '\n')
			at++;
		text[at++] = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

static void run_words(struct app *app, enum mode mode, const uint8_t *data, size_t size)
{
	char *argv[WORDS_MAX + 1] = { (char[]){ "vdpactl" } };
	char *text = malloc(size + 1);
	int argc;

	if (!text)
		abort();
	memcpy(text, data, size);
	argc = split(text, size, argv);
	if (mode == MODE_COMMAND)
		run_command(app, argc - 1, argv + 1);
	else if (mode == MODE_LEGACY)
		run_legacy(app, argc, argv);
	else
		complete_print(app, argc & 1, argc - 1, argv + 1);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum mode mode;
	struct app app;
	struct fake *k;

	if (!size)
		return 0;
	mode = (enum mode)(data[0] % MODES);
	k = furnish();
	app_init(&app, mode == MODE_LEGACY ? "vdpa" : "vdpactl");
	app.ctx = fake_ctx(k);
	if (mode == MODE_BATCH)
		run_batch(&app, data + 1, size - 1);
	else
		run_words(&app, mode, data + 1, size - 1);
	app_close(&app);
	fake_free(k);
	return 0;
}
