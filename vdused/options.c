/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"
#include "vdused/backend.h"
#include "vdused/runtime.h"
#include "vdused/uapi.h"
#include "vdused/vduse.h"

#define QUEUES_MAX 64
/* Linux sends requests of four descriptors whatever it is told. */
#define QUEUE_SIZE_MIN 4
#define QUEUE_SIZE_MAX 1024
#define ARGS_MAX 64

enum kind { FLAG, SWITCH, TEXT, NUMBER };

/* One option: where its value goes, and whether it belongs to the device. */
struct option_spec {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t min, max;
	bool saved; /* else it is how this process runs */
};

#define AT(field) offsetof(struct options, field)

static const struct option_spec specs[] = {
	{ "name", TEXT, AT(name), 0, 0, true },
	{ "backend", TEXT, AT(backend), 0, 0, true },
	{ "serial", TEXT, AT(serial), 0, 0, true },
	{ "queues", NUMBER, AT(queues), 1, QUEUES_MAX, true },
	{ "queue-size", NUMBER, AT(queue_size), QUEUE_SIZE_MIN, QUEUE_SIZE_MAX, true },
	{ "block-size", NUMBER, AT(block_size), 512, 4096, true },
	{ "readonly", FLAG, AT(readonly), 0, 0, true },
	{ "packed", FLAG, AT(packed), 0, 0, true },
	{ "in-order", SWITCH, AT(in_order), 0, 0, true },
	{ "poll-us", NUMBER, AT(poll_us), 0, 1000, true },
	{ "reconnect", NUMBER, AT(reconnect_s), 0, 1000000, true },
	{ "threads", NUMBER, AT(threads), 0, QUEUES_MAX, true },
	{ "api-version", NUMBER, AT(api_version), 0, 1, true },
	{ "user", TEXT, AT(user), 0, 0, true },
	{ "config", TEXT, AT(config), 0, 0, false },
	{ "runtime-dir", TEXT, AT(runtime_dir), 0, 0, false },
	{ "daemonize", FLAG, AT(daemonize), 0, 0, false },
	{ "fail-requests", FLAG, AT(fail_requests), 0, 0, false },
	{ "check", FLAG, AT(check), 0, 0, false },
	{ "ready-fd", NUMBER, AT(ready_fd), 0, INT32_MAX, false },
};

#define SPECS (sizeof(specs) / sizeof(*specs))

static const char help[] =
	"Usage: vdused block --name NAME --backend URI [OPTION...]\n"
	"       vdused block --name NAME --config FILE [OPTION...]\n"
	"       vdused resume --name NAME [--fail-requests | --check] [OPTION...]\n"
	"\n"
	"Serves a virtio block device over VDUSE; `vdpactl vduse add` runs it for you.\n"
	"\n"
	"  --name NAME          the device's name\n"
	"  --backend URI        file:PATH, mem:SIZE, null:SIZE, nbd://..., nbd+unix://..., nbds://...\n"
	"  --queues N           virtqueues, 1 to 64 (default 1)\n"
	"  --queue-size N       descriptors of each, a power of 2 up to 1024 (default 256)\n"
	"  --block-size N       512 or 4096 (default: the back end's)\n"
	"  --serial TEXT        up to 20 octets (default: the name)\n"
	"  --readonly           the driver may only read\n"
	"  --cache MODE         direct (default) or buffered: how file: does I/O\n"
	"  --packed             offer packed rings\n"
	"  --in-order on|off    offer to give requests back in the order they came (default off)\n"
	"  --threads N          threads for the queues (default: one each)\n"
	"  --poll-us N          look at the rings for up to N microseconds before sleeping (default: what pays)\n"
	"  --reconnect SECONDS  nbd: try so long to connect again, then fail requests (default 0: for ever)\n"
	"  --api-version N      of VDUSE, 0 (default) or 1\n"
	"  --user USER          run as this user once set up (default: vdused, else nobody)\n"
	"  --config FILE        options of the device, a KEY VALUE a line: the words of `vdpactl vduse add`\n"
	"  --runtime-dir DIR    default: $VDUSED_RUNTIME_DIR, else " RUNTIME_DIR "\n"
	"  --daemonize          go on in the background once it serves\n"
	"  --ready-fd FD        write \"ready PID\" or \"error SENTENCE\" there\n"
	"  --fail-requests      resume: answer every request with an error\n"
	"  --check              resume: look whether it could, while another one serves\n"
	"  --help, --version\n";

const char *options_help(void)
{
	return help;
}

static int usage(struct err *err, const char *what, const char *value, const char *expected)
{
	return err_set(err, -EINVAL, "%s \"%.100s\": expected %s", what, value, expected);
}

static int set_number(struct options *o, const struct option_spec *spec, const char *label, const char *value,
		      struct err *err)
{
	uint64_t n;

	if (parse_dec(value, spec->max, &n) || n < spec->min)
		return err_set(err, -EINVAL, "%s \"%.100s\": expected a number from %llu to %llu", label, value,
			       (unsigned long long)spec->min, (unsigned long long)spec->max);
	*(unsigned *)((char *)o + spec->offset) = (unsigned)n;
	return 0;
}

static int set_cache(struct options *o, const char *label, const char *value, struct err *err)
{
	if (strcmp(value, "direct") && strcmp(value, "buffered"))
		return usage(err, label, value, "direct or buffered");
	o->buffered = !strcmp(value, "buffered");
	return 0;
}

static int set_switch(struct options *o, const struct option_spec *spec, const char *label, const char *value,
		      struct err *err)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return usage(err, label, value, "on or off");
	*(bool *)((char *)o + spec->offset) = !strcmp(value, "on");
	return 0;
}

/* Of what has one. */
static int set_value(struct options *o, const struct option_spec *spec, const char *label, const char *value,
		     struct err *err)
{
	if (spec->kind == NUMBER)
		return set_number(o, spec, label, value, err);
	if (spec->kind == SWITCH)
		return set_switch(o, spec, label, value, err);
	*(const char **)((char *)o + spec->offset) = value;
	return 0;
}

static void set_flag(struct options *o, const struct option_spec *spec)
{
	*(bool *)((char *)o + spec->offset) = true;
}

/* One option with what follows it; *used says whether that was its value. */
static int set_option(struct options *o, const char *arg, const char *value, bool *used, struct err *err)
{
	const struct option_spec *spec = NULL;

	*used = true;
	if (!strcmp(arg, "--cache"))
		return value ? set_cache(o, arg, value, err) :
			       err_set(err, -EINVAL, "--cache: its value is missing");
	for (size_t i = 0; i < SPECS && !spec; i++)
		if (!strncmp(arg, "--", 2) && !strcmp(arg + 2, specs[i].name))
			spec = &specs[i];
	if (!spec)
		return err_set(err, -EINVAL, "\"%.100s\" is no option: see vdused --help", arg);
	if (spec->kind == FLAG) {
		*used = false;
		set_flag(o, spec);
		return 0;
	}
	if (!value)
		return err_set(err, -EINVAL, "--%s: its value is missing", spec->name);
	return set_value(o, spec, arg, value, err);
}

static int set_all(struct options *o, int argc, char **argv, struct err *err)
{
	for (int i = 0; i < argc; i++) {
		bool used;
		int ret = set_option(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, err);

		if (ret)
			return ret;
		i += used;
	}
	return 0;
}

/* ---- --config ---------------------------------------------------------------------- */

/* Keys are the words of `vdpactl vduse add`: options with '_' for '-'. */
static bool is_key(const char *key, const char *name)
{
	while (*key && *key == (*name == '-' ? '_' : *name)) {
		key++;
		name++;
	}
	return !*key && !*name;
}

/* What only `vdpactl vduse attach` looks at. */
static bool is_for_vdpactl(const char *key)
{
	return !strcmp(key, "driver") || !strcmp(key, "wait");
}

static const struct option_spec *find_key(const char *key)
{
	for (size_t i = 0; i < SPECS; i++)
		if (specs[i].saved && specs[i].offset != AT(name) && is_key(key, specs[i].name))
			return &specs[i];
	return NULL;
}

static int set_pair(struct options *o, const char *key, const char *value, struct err *err)
{
	const struct option_spec *spec = find_key(key);
	bool known = spec || is_for_vdpactl(key) || !strcmp(key, "cache") || !strcmp(key, "type");

	if (!known)
		return err_set(err, -EINVAL, "\"%.100s\" is no key: see vdused(8)", key);
	if (spec && spec->kind == FLAG) {
		if (*value)
			return usage(err, key, value, "no value");
		set_flag(o, spec);
		return 0;
	}
	if (!*value)
		return err_set(err, -EINVAL, "%s: its value is missing", key);
	if (spec)
		return set_value(o, spec, key, value, err);
	if (!strcmp(key, "cache"))
		return set_cache(o, key, value, err);
	return !strcmp(key, "type") && strcmp(value, "block") ? usage(err, key, value, "block") : 0;
}

static bool stands_before(const char *const *keys, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static int load_config(struct options *o, const char *path, struct err *err)
{
	const char *key, *value, *keys[ARGS_MAX];
	struct err why = { "" };
	size_t n = 0;
	int ret = conf_read(&o->conf, path);

	if (ret)
		return err_set(err, ret, "--config %.200s: %s", path, strerror(-ret));
	while (!ret && conf_next(&o->conf, &key, &value)) {
		if (stands_before(keys, n, key))
			ret = err_set(&why, -EINVAL, "%s is given twice", key);
		else
			ret = set_pair(o, key, value, &why);
		if (n < ARGS_MAX)
			keys[n++] = key;
	}
	return ret ? err_set(err, ret, "%.200s:%u: %s", path, o->conf.line, why.text) : 0;
}

/* ---- all of it ------------------------------------------------------------------------ */

static int check_device(struct options *o, struct err *err)
{
	if (!o->backend)
		return err_set(err, -EINVAL, "--backend is missing: expected one of %s", backend_schemes());
	if (o->queue_size & (o->queue_size - 1))
		return err_set(err, -EINVAL, "--queue-size \"%u\": expected a power of 2", o->queue_size);
	if (o->block_size && o->block_size != 512 && o->block_size != 4096)
		return err_set(err, -EINVAL, "--block-size \"%u\": expected 512 or 4096", o->block_size);
	if (!o->serial)
		o->serial = o->name;
	else if (strlen(o->serial) > VIRTIO_BLK_ID_BYTES)
		return usage(err, "--serial", o->serial, "at most 20 octets");
	return 0;
}

static void set_defaults(struct options *o)
{
	const char *dir = getenv("VDUSED_RUNTIME_DIR");

	memset(o, 0, sizeof(*o));
	o->queues = 1;
	o->queue_size = 256;
	o->poll_us = POLL_US_BY_COST;
	o->runtime_dir = dir && *dir ? dir : RUNTIME_DIR;
	o->ready_fd = -1;
}

int options_parse(struct options *o, int argc, char **argv, struct err *err)
{
	int ret;

	set_defaults(o);
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--version")) {
			o->mode = argv[i][2] == 'h' ? MODE_HELP : MODE_VERSION;
			return 0;
		}
	if (argc < 2)
		return err_set(err, -EINVAL, "nothing to do: expected block or resume; see vdused --help");
	if (strcmp(argv[1], "block") && strcmp(argv[1], "resume"))
		return usage(err, "command", argv[1], "block or resume");
	o->mode = argv[1][0] == 'b' ? MODE_BLOCK : MODE_RESUME;
	ret = set_all(o, argc - 2, argv + 2, err);
	if (!ret && o->config && o->mode == MODE_RESUME)
		ret = err_set(err, -EINVAL, "--config goes with block only: resume has the options of the device");
	/* The command line once more, over what the file says. */
	if (!ret && o->config)
		ret = load_config(o, o->config, err);
	if (!ret && o->config)
		ret = set_all(o, argc - 2, argv + 2, err);
	if (ret)
		return ret;
	if (!o->name)
		return err_set(err, -EINVAL, "--name is missing");
	ret = vduse_check_name(o->name, err);
	if (!ret && o->mode == MODE_RESUME && o->check && o->fail_requests)
		ret = err_set(err, -EINVAL, "--check and --fail-requests don't go together");
	if (ret || o->mode == MODE_RESUME)
		return ret;
	if (o->fail_requests || o->check)
		return err_set(err, -EINVAL, "%s goes with resume only", o->check ? "--check" : "--fail-requests");
	return check_device(o, err);
}

static bool belongs_to_process(const char *arg)
{
	for (size_t i = 0; i < SPECS; i++)
		if (!specs[i].saved && !strncmp(arg, "--", 2) && !strcmp(arg + 2, specs[i].name))
			return true;
	return false;
}

/* Arguments that options_save() made. */
static int set_saved(struct options *o, int argc, char **argv, struct err *err)
{
	bool used;
	int ret = 0;

	for (int i = 0; i < argc && !ret; i += 1 + used) {
		if (belongs_to_process(argv[i]))
			return err_set(err, -EINVAL, "the saved options are damaged");
		ret = set_option(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, err);
	}
	return ret;
}

void options_free(struct options *o)
{
	conf_free(&o->conf);
}

static void save(struct strbuf *sb, const char *name, const char *value)
{
	strbuf_addf(sb, "--%s", name);
	strbuf_addc(sb, '\0');
	if (!value)
		return;
	strbuf_add(sb, value);
	strbuf_addc(sb, '\0');
}

/* Some defaults are no numbers that could be given. */
static bool was_given(const struct option_spec *spec, unsigned n)
{
	return n >= spec->min && n <= spec->max;
}

void options_save(const struct options *o, struct strbuf *sb)
{
	for (size_t i = 0; i < SPECS; i++) {
		const void *field = (const char *)o + specs[i].offset;
		char number[16];

		if (!specs[i].saved)
			continue;
		/* A serial number that is the name by default may be longer than one that is given. */
		if (specs[i].offset == AT(serial) && o->serial == o->name)
			continue;
		if (specs[i].kind == TEXT && *(char *const *)field) {
			save(sb, specs[i].name, *(char *const *)field);
		} else if (specs[i].kind == FLAG && *(const bool *)field) {
			save(sb, specs[i].name, NULL);
		} else if (specs[i].kind == SWITCH && *(const bool *)field) {
			save(sb, specs[i].name, "on");
		} else if (specs[i].kind == NUMBER && was_given(&specs[i], *(const unsigned *)field)) {
			snprintf(number, sizeof(number), "%u", *(const unsigned *)field);
			save(sb, specs[i].name, number);
		}
	}
	save(sb, "cache", o->buffered ? "buffered" : "direct");
}

int options_load(struct options *o, char *text, size_t len, struct err *err)
{
	const char *name = o->name;
	char *argv[ARGS_MAX];
	int argc = 0, ret;

	if (!len || text[len - 1] != '\0')
		return err_set(err, -EINVAL, "the saved options are damaged");
	for (char *p = text; p < text + len; p += strlen(p) + 1) {
		if (argc == ARGS_MAX)
			return err_set(err, -EINVAL, "the saved options are damaged");
		argv[argc++] = p;
	}
	ret = set_saved(o, argc, argv, err);
	if (ret)
		return ret;
	if (!o->name || strcmp(o->name, name))
		return err_set(err, -EINVAL, "the saved options are another device's");
	return check_device(o, err);
}
