// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse add */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "command.h"
#include "json_dl.h"
#include "make.h"
#include "vduse.h"

#define SERIAL_OCTETS 20

struct command_line {
	const char *words[32];
	char numbers[8][24];
	size_t n;
	size_t n_numbers;
};

static void put(struct command_line *c, const char *option, const char *value)
{
	c->words[c->n++] = option;
	if (value)
		c->words[c->n++] = value;
}

static void put_number(struct command_line *c, const char *option, uint64_t value)
{
	char *text = c->numbers[c->n_numbers++];

	snprintf(text, sizeof(c->numbers[0]), "%llu", (unsigned long long)value);
	put(c, option, text);
}

enum status vduse_start_block(struct app *app, const struct args *args, bool *lives)
{
	const struct vduse_args *v = &args->vduse;
	struct command_line c = { 0 };

	put(&c, v->type, NULL);
	put(&c, "--name", args->name);
	put(&c, "--backend", v->backend);
	if (args->has & HAS_QUEUES)
		put_number(&c, "--queues", v->queues);
	if (args->has & HAS_QUEUE_SIZE)
		put_number(&c, "--queue-size", v->queue_size);
	if (args->has & HAS_READONLY)
		put(&c, "--readonly", NULL);
	if (args->has & HAS_BLOCK_SIZE)
		put(&c, "--block-size", v->block_size);
	if (args->has & HAS_SERIAL)
		put(&c, "--serial", v->serial);
	if (args->has & HAS_CACHE)
		put(&c, "--cache", v->cache);
	if (args->has & HAS_PACKED)
		put(&c, "--packed", NULL);
	if (args->has & HAS_IN_ORDER)
		put(&c, "--in-order", v->in_order);
	if (args->has & HAS_RECONNECT)
		put_number(&c, "--reconnect", v->reconnect);
	if (args->has & HAS_THREADS)
		put_number(&c, "--threads", v->threads);
	if (args->has & HAS_POLL_US)
		put_number(&c, "--poll-us", v->poll_us);
	if (args->has & HAS_USER)
		put(&c, "--user", v->user);
	return vduse_start(app, args->name, c.words, lives);
}

static enum status check_arguments(struct app *app, const struct args *args)
{
	const struct vduse_args *v = &args->vduse;
	enum status status = vduse_check_name(app, args->name);

	if (status)
		return status;
	if (args->has & HAS_QUEUE_SIZE && v->queue_size & (v->queue_size - 1))
		return diag_usage(app,
				  "%s: queue_size \"%llu\" is not a power of two, expected one "
				  "from 4 to 1024",
				  app->path, (unsigned long long)v->queue_size);
	if (args->has & HAS_SERIAL && strlen(v->serial) > SERIAL_OCTETS)
		return diag_usage(app, "%s: serial \"%s\" has %zu octets, at most %d are possible",
				  app->path, v->serial, strlen(v->serial), SERIAL_OCTETS);
	return ST_OK;
}

/* Before anything is started: what would only fail later. */
static enum status check_free(struct app *app, const char *name)
{
	if (vduse_lock_state(name) == VDUSE_HELD)
		return diag_fail(app, name, EEXIST, NULL, "a daemon serves \"%s\" already", name);
	if (vduse_device_exists(name))
		return diag_fail(app, name, EEXIST, "`vduse show` tells whose it is",
				 "VDUSE device \"%s\" exists already", name);
	if (vduse_is_taken(name))
		return diag_fail(app, name, EEXIST, NULL, "device \"%s\" exists already", name);
	return ST_OK;
}

enum status vduse_take_back(struct app *app, const char *name)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	enum status status;
	bool gone, broken;

	if (vduse_get_device(app, name, &s) < 0)
		return ST_OK;
	status = vduse_check_alive(app, name, s, true, &gone, &broken);
	if (!status && vdpa_dev_del(app->ctx, name, gone ? 0 : VDPA_SERVED) < 0)
		status = diag_ctx(app, name);
	link_tidy(name);
	return status;
}

void vduse_hold_signals(sigset_t *before)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_BLOCK, &ending, before);
}

/* Takes back what was done; the failure was reported and stays the command's. */
static void undo(struct app *app, const char *name)
{
	enum status status;

	app->must_finish = true;
	status = vduse_take_back(app, name);
	if (!status)
		status = vduse_destroy(app, name);
	app->must_finish = false;
	if (status)
		diag_note(app, "\"%s\" is left as it is: `vdpactl vduse show %s`", name, name);
}

static enum status make(struct app *app, const struct args *args, const struct make_plan *plan)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *sysdev = NULL;
	uint64_t wait = args->has & HAS_WAIT ? args->vduse.wait : VDUSE_WAIT_SECONDS;
	bool lives;
	enum status status = vduse_start_block(app, args, &lives);

	/* What is there now, if anything, was made by somebody else. */
	if (!lives)
		return status;
	if (!status && vduse_interrupted(app))
		status = diag_fail(app, args->name, EINTR, NULL, "interrupted");
	if (!status)
		status = vduse_attach(app, args->name);
	if (!status && plan->driver)
		status = bind_driver(app, args->name, plan->driver, vduse_served(app, args->name),
				     (int)wait * 1000, &sysdev);
	if (!status && plan->owned)
		status = link_make(app, args->name, &plan->owner);
	if (!status)
		status = vduse_print(app, args->name, true);
	if (!status && vduse_interrupted(app))
		status = diag_fail(app, args->name, EINTR, NULL, "interrupted");
	if (status)
		undo(app, args->name);
	return status;
}

static enum status run(struct app *app, const struct args *args)
{
	const char *driver = args->has & HAS_DRIVER ? args->vduse.driver : "virtio_vdpa";
	struct make_plan plan = { .driver = strcmp(driver, "none") ? driver : NULL };
	enum status status = check_arguments(app, args);
	sigset_t before;

	if (!status)
		status = make_owner(app, args, &plan);
	if (!status)
		status = json_load(app);
	if (!status)
		status = app_open_section(app, "vduse");
	if (!status)
		status = check_free(app, args->name);
	if (!status)
		status = vduse_load_modules(app, plan.driver);
	if (!status)
		status = app_connect(app);
	if (status)
		return status;
	/* Whoever interrupts this gets what was done undone first. */
	vduse_hold_signals(&before);
	status = make(app, args, &plan);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static const struct arg args[] = {
	{
		.word = "name",
		.match = MATCH_NEW,
		.kind = VALUE_NAME,
		.has = HAS_NAME,
		.metavar = "NAME",
		.help = "of the new device: letters, digits, '.', '_' and '-'",
		.required = true,
	},
	{
		.word = "type",
		.match = MATCH_NEW,
		.kind = VALUE_CHOICE,
		.has = HAS_TYPE,
		.metavar = "TYPE",
		.help = "block: a disk",
		.required = true,
		.choices = (const char *const[]){ "block", NULL },
		.expected = "\"block\"",
		.offset = offsetof(struct args, vduse.type),
	},
	{
		.word = "backend",
		.match = MATCH_NEW,
		.kind = VALUE_TEXT,
		.has = HAS_BACKEND,
		.metavar = "URI",
		.help = "what holds the data, as vdused-backends(7) lists it: file:/PATH, ...",
		.required = true,
		.expected = "a back end's URI",
		.offset = offsetof(struct args, vduse.backend),
	},
	{
		.word = "queues",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_QUEUES,
		.metavar = "N",
		.help = "virtqueues, 1 to 64 (default: 1)",
		.expected = "a decimal number from 1 to 64",
		.min = 1,
		.max = 64,
		.offset = offsetof(struct args, vduse.queues),
	},
	{
		.word = "queue_size",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_QUEUE_SIZE,
		.metavar = "N",
		.help = "descriptors of a virtqueue, a power of two from 4 to 1024 (default: 256)",
		.expected = "a decimal number from 4 to 1024",
		.min = 4,
		.max = 1024,
		.offset = offsetof(struct args, vduse.queue_size),
	},
	{
		.word = "readonly",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_READONLY,
		.help = "a disk that can't be written to",
	},
	{
		.word = "block_size",
		.match = MATCH_NEW,
		.kind = VALUE_CHOICE,
		.has = HAS_BLOCK_SIZE,
		.metavar = "SIZE",
		.help = "octets of a logical block, 512 or 4096 (default: the back end's)",
		.choices = (const char *const[]){ "512", "4096", NULL },
		.expected = "512 or 4096",
		.offset = offsetof(struct args, vduse.block_size),
	},
	{
		.word = "serial",
		.match = MATCH_NEW,
		.kind = VALUE_TEXT,
		.has = HAS_SERIAL,
		.metavar = "TEXT",
		.help = "serial number, up to 20 octets (default: the name)",
		.expected = "a serial number",
		.offset = offsetof(struct args, vduse.serial),
	},
	{
		.word = "cache",
		.match = MATCH_NEW,
		.kind = VALUE_CHOICE,
		.has = HAS_CACHE,
		.metavar = "MODE",
		.help = "of a file: direct goes past the host's page cache, buffered through it",
		.choices = (const char *const[]){ "direct", "buffered", NULL },
		.expected = "\"direct\" or \"buffered\"",
		.offset = offsetof(struct args, vduse.cache),
	},
	{
		.word = "packed",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_PACKED,
		.help = "offer packed virtqueues",
	},
	{
		.word = "in_order",
		.match = MATCH_NEW,
		.kind = VALUE_CHOICE,
		.has = HAS_IN_ORDER,
		.metavar = "MODE",
		.help = "on: offer to give requests back in the order they came (default: off)",
		.choices = (const char *const[]){ "on", "off", NULL },
		.expected = "\"on\" or \"off\"",
		.offset = offsetof(struct args, vduse.in_order),
	},
	{
		.word = "reconnect",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_RECONNECT,
		.metavar = "SEC",
		.help = "nbd: how long requests wait for a connection before they fail (default: 0, for ever)",
		.expected = "a decimal number of seconds from 0 to 1000000",
		.max = 1000000,
		.offset = offsetof(struct args, vduse.reconnect),
	},
	{
		.word = "threads",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_THREADS,
		.metavar = "N",
		.help = "threads that serve the virtqueues (default: one each)",
		.expected = "a decimal number from 0 to 64",
		.max = 64,
		.offset = offsetof(struct args, vduse.threads),
	},
	{
		.word = "poll_us",
		.match = MATCH_NEW,
		.kind = VALUE_NUMBER,
		.has = HAS_POLL_US,
		.metavar = "N",
		.help = "how many microseconds a thread looks for requests before it sleeps (default: what pays)",
		.expected = "a decimal number from 0 to 1000",
		.max = 1000,
		.offset = offsetof(struct args, vduse.poll_us),
	},
	{
		.word = "user",
		.match = MATCH_NEW,
		.kind = VALUE_TEXT,
		.has = HAS_USER,
		.metavar = "USER",
		.help = "whom the daemon becomes (default: vdused, else nobody)",
		.expected = "a user's name",
		.offset = offsetof(struct args, vduse.user),
	},
	VDUSE_DRIVER_ARG("virtio_vdpa: a disk of this host (default); vhost_vdpa: a char device for "
			 "a virtual machine; none: bind nothing"),
	VDUSE_WAIT_ARG,
	LINK_ARGS(0),
	ARG_END,
};

const struct command cmd_vduse_add = {
	.name = "add",
	.summary = "start a daemon for a new device, and bind it (root)",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
