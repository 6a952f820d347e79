// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A state file to structs: refused with its place when anything is not as it
 * should be.  Keys follow the tables of state_keys.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/parse.h"
#include "json_dl.h"
#include "json_locate.h"
#include "state.h"
#include "vduse.h"

#define STEPS_MAX 4

/* The text, and where in it the reader is. */
struct reader {
	struct app *app;
	const char *file;
	const char *text;
	size_t len;
	struct json_step steps[STEPS_MAX];
	size_t depth;
};

static void enter_key(struct reader *r, const char *key)
{
	r->steps[r->depth++] = (struct json_step){ .key = key };
}

static void enter_index(struct reader *r, size_t index)
{
	r->steps[r->depth++] = (struct json_step){ .index = index };
}

static void leave(struct reader *r)
{
	r->depth--;
}

/* Reports at a place of the file. */
static enum status refuse_at(struct reader *r, struct json_place place, const char *message)
{
	struct app *app = r->app;
	const char *file = app->file;
	unsigned long line = app->line, column = app->column;

	app->file = r->file;
	app->line = place.line;
	app->column = place.column;
	diag_fail(app, NULL, EINVAL, NULL, "%s", message);
	app->file = file;
	app->line = line;
	app->column = column;
	return ST_USAGE;
}

/* Reports what is wrong with the value at which the reader is, or with its key. */
__attribute__((format(printf, 3, 4))) static enum status refuse(struct reader *r, bool at_key,
								const char *fmt, ...)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	struct json_place place = { 1, 1 };
	va_list ap;

	json_locate(r->text, r->len, r->steps, r->depth, at_key, &place);
	json_path_text(&sb, r->steps, r->depth);
	strbuf_add(&sb, ": ");
	va_start(ap, fmt);
	strbuf_addv(&sb, fmt, ap);
	va_end(ap);
	return refuse_at(r, place, sb.failed ? "out of memory" : sb.s);
}

static enum status no_memory(struct reader *r)
{
	return diag_error(r->app, NULL, NULL, NULL);
}

/* ---- values ---- */

/* The value as a message shows it: a string shortened, the type of anything else. */
static const char *shown(const json_t *value, char buf[64])
{
	switch (json_typeof(value)) {
	case JSON_STRING: {
		const char *s = json_dl.json_string_value(value);

		snprintf(buf, 64, strlen(s) > 40 ? "\"%.40s...\"" : "\"%.40s\"", s);
		return buf;
	}
	case JSON_INTEGER:
		snprintf(buf, 64, "%lld", (long long)json_dl.json_integer_value(value));
		return buf;
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		break;
	}
	return "an object";
}

static enum status unexpected(struct reader *r, const json_t *value, const char *expected)
{
	char buf[64];

	return refuse(r, false, "%s is not %s", shown(value, buf), expected);
}

/* A word that completes "is not ...". */
static const char *expected_text(const struct state_key *k, char *buf, size_t size)
{
	size_t len = 0;

	switch (k->kind) {
	case STATE_KIND_NAME:
	case STATE_KIND_VDUSE_NAME:
		return "a device name";
	case STATE_KIND_MGMTDEV:
		return "a management device, \"BUS/NAME\" or \"NAME\"";
	case STATE_KIND_TEXT:
		return "a text";
	case STATE_KIND_MAC:
		return "a MAC address of six octets";
	case STATE_KIND_FEATURES:
		return "\"0x\" and hexadecimal digits, or names of features separated by commas";
	case STATE_KIND_BOOL:
		return "true or false";
	case STATE_KIND_NUMBER:
		snprintf(buf, size, "%s from %llu to %llu",
			 k->power_of_two ? "a power of two" : "a whole number",
			 (unsigned long long)k->min, (unsigned long long)k->max);
		return buf;
	case STATE_KIND_ONE_OF_TWO:
		snprintf(buf, size, "%llu or %llu", (unsigned long long)k->min,
			 (unsigned long long)k->max);
		return buf;
	case STATE_KIND_CHOICE:
		break;
	}
	for (const char *const *c = k->choices; *c && len < size; c++)
		len += (size_t)snprintf(buf + len, size - len, "%s\"%s\"",
					c == k->choices ? "" :
					c[1]		? ", " :
							  " or ",
					*c);
	return buf;
}

static enum status set_text(struct reader *r, char **to, const char *s)
{
	*to = strdup(s);
	return *to ? ST_OK : no_memory(r);
}

static enum status check_name(struct reader *r, const struct state_key *k, const char *s)
{
	size_t len = strlen(s);

	if (!len)
		return refuse(r, false, "a device needs a name, this one is empty");
	if (len > k->max)
		return refuse(r, false, "a name of %zu octets is too long, at most %u are possible",
			      len, (unsigned int)k->max);
	if (k->kind == STATE_KIND_VDUSE_NAME && !vduse_is_name(s))
		return refuse(
			r, false,
			"\"%s\" is not letters, digits, '.', '_' and '-', the first a letter, "
			"digit or '_', and not \"control\"",
			s);
	if (strchr(s, '/'))
		return refuse(r, false,
			      "\"%s\" contains a '/', which the kernel would replace so that the "
			      "device is not found by its name",
			      s);
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return refuse(r, false, "\"%s\" cannot be a name in sysfs", s);
	return ST_OK;
}

static bool is_handle(const char *s)
{
	const char *slash = strchr(s, '/');

	return *s && (!slash || (slash > s && slash[1] && !strchr(slash + 1, '/')));
}

static enum status read_mac(struct reader *r, const json_t *value, const char *s, uint8_t *mac)
{
	static const uint8_t zero[6];

	if (parse_mac(s, mac) < 0)
		return unexpected(r, value, "a MAC address of six octets");
	if (!memcmp(mac, zero, sizeof(zero)))
		return refuse(r, false, "\"%s\" is all zero, expected the address of one interface",
			      s);
	if (mac[0] & 1)
		return refuse(
			r, false,
			"\"%s\" is a multicast address, expected the address of one interface", s);
	return ST_OK;
}

/* Names for some class of devices; which of them it may be is known when the parent is. */
static bool are_features(const char *s)
{
	static const uint32_t classes[] = { VDPA_ID_NET, VDPA_ID_BLOCK, 0 };
	uint64_t features;
	const char *bad;
	size_t len;

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (vdpa_features_parse(classes[i], s, UINT64_MAX, &features, &bad, &len) == 0)
			return true;
	}
	return false;
}

/* A word of bits, or names that only the parent gives a meaning. */
static enum status read_features(struct reader *r, const json_t *value, const char *s,
				 struct state_device *d)
{
	if (!strncmp(s, "0x", 2) || !strncmp(s, "0X", 2))
		return parse_hex(s + 2, &d->features) < 0 ?
			       unexpected(r, value,
					  "\"0x\" and up to 16 hexadecimal digits, or names of "
					  "features separated by commas") :
			       ST_OK;
	if (!*s || (*s >= '0' && *s <= '9') || !are_features(s))
		return unexpected(r, value,
				  "\"0x\" and hexadecimal digits, or names of features separated "
				  "by commas");
	return set_text(r, &d->features_text, s);
}

static enum status read_string(struct reader *r, const struct state_key *k, const json_t *value,
			       void *object)
{
	const char *s = json_dl.json_string_value(value);
	void *to = (char *)object + k->offset;
	enum status status;
	char buf[128];

	switch (k->kind) {
	case STATE_KIND_NAME:
	case STATE_KIND_VDUSE_NAME:
		status = check_name(r, k, s);
		return status ? status : set_text(r, to, s);
	case STATE_KIND_MGMTDEV:
		if (!is_handle(s))
			break;
		if (!strcmp(s, "vduse"))
			return refuse(r, false,
				      "devices of \"vduse\" belong into \"vduse\", with what their "
				      "daemon needs");
		return set_text(r, to, s);
	case STATE_KIND_TEXT:
		if (!*s)
			return refuse(r, false, "it is empty, expected a text");
		if (strlen(s) > k->max)
			return refuse(r, false, "it has %zu octets, at most %u are possible",
				      strlen(s), (unsigned int)k->max);
		return set_text(r, to, s);
	case STATE_KIND_MAC:
		return read_mac(r, value, s, to);
	case STATE_KIND_FEATURES:
		return read_features(r, value, s, object);
	default:
		for (const char *const *c = k->choices; *c; c++) {
			if (!strcmp(*c, s)) {
				*(const char **)to = *c;
				return ST_OK;
			}
		}
	}
	return unexpected(r, value, expected_text(k, buf, sizeof(buf)));
}

static bool is_wanted_number(const struct state_key *k, uint64_t n)
{
	if (k->kind == STATE_KIND_ONE_OF_TWO)
		return n == k->min || n == k->max;
	return n >= k->min && n <= k->max && !(k->power_of_two && n & (n - 1));
}

static enum status read_value(struct reader *r, const struct state_key *k, const json_t *value,
			      void *object)
{
	bool number = k->kind == STATE_KIND_NUMBER || k->kind == STATE_KIND_ONE_OF_TWO;
	void *to = (char *)object + k->offset;
	char buf[128];

	if (k->kind == STATE_KIND_BOOL && json_is_boolean(value)) {
		*(bool *)to = json_is_true(value);
		return ST_OK;
	}
	if (number && json_is_integer(value)) {
		json_int_t n = json_dl.json_integer_value(value);

		if (n >= 0 && is_wanted_number(k, (uint64_t)n)) {
			*(uint64_t *)to = (uint64_t)n;
			return ST_OK;
		}
	}
	if (!number && k->kind != STATE_KIND_BOOL && json_is_string(value))
		return read_string(r, k, value, object);
	return unexpected(r, value, expected_text(k, buf, sizeof(buf)));
}

/* ---- objects ---- */

static enum status unknown_key(struct reader *r, const struct state_key *keys)
{
	CLEANUP(strbuf_free) struct strbuf names = STRBUF_INIT;

	for (const struct state_key *k = keys; k->name; k++)
		strbuf_addf(&names, "%s%s", names.len ? ", " : "", k->name);
	return refuse(r, true, "unknown key, expected one of: %s", names.s ? names.s : "");
}

/* An element of an array; the reader is at it. */
static enum status read_object(struct reader *r, const struct state_key *keys, json_t *value,
			       void *object, unsigned int *has)
{
	if (!json_is_object(value))
		return unexpected(r, value, "an object");
	for (void *it = json_dl.json_object_iter(value); it;
	     it = json_dl.json_object_iter_next(value, it)) {
		const char *name = json_dl.json_object_iter_key(it);
		const struct state_key *k = keys;
		enum status status;

		while (k->name && strcmp(k->name, name))
			k++;
		enter_key(r, name);
		status = k->name ? read_value(r, k, json_dl.json_object_iter_value(it), object) :
				   unknown_key(r, keys);
		if (status)
			return status;
		leave(r);
		*has |= k->has;
	}
	for (const struct state_key *k = keys; k->name; k++) {
		if (k->required && !(*has & k->has))
			return refuse(r, false, "the key \"%s\" is missing", k->name);
	}
	return ST_OK;
}

static enum status read_devices(struct reader *r, json_t *array, struct state *state)
{
	size_t n = json_dl.json_array_size(array);

	state->devices = calloc(n + 1, sizeof(*state->devices));
	if (!state->devices)
		return no_memory(r);
	for (size_t i = 0; i < n; i++) {
		struct state_device *d = &state->devices[i];
		enum status status;

		state->n_devices++;
		enter_index(r, i);
		status = read_object(r, state_device_keys, json_dl.json_array_get(array, i), d,
				     &d->has);
		if (status)
			return status;
		leave(r);
	}
	return ST_OK;
}

static enum status read_vduse(struct reader *r, json_t *array, struct state *state)
{
	size_t n = json_dl.json_array_size(array);

	state->vduse = calloc(n + 1, sizeof(*state->vduse));
	if (!state->vduse)
		return no_memory(r);
	for (size_t i = 0; i < n; i++) {
		struct state_vduse *v = &state->vduse[i];
		enum status status;

		state->n_vduse++;
		enter_index(r, i);
		status = read_object(r, state_vduse_keys, json_dl.json_array_get(array, i), v,
				     &v->has);
		if (status)
			return status;
		leave(r);
		if (!(v->has & STATE_HAS_DRIVER))
			v->driver = state_driver("virtio_vdpa");
		state_vduse_defaults(v);
	}
	return ST_OK;
}

/* ---- the whole ---- */

static enum status read_member(struct reader *r, const char *name, json_t *value,
			       struct state *state)
{
	if (!strcmp(name, "version")) {
		if (json_is_integer(value) && json_dl.json_integer_value(value) == STATE_VERSION)
			return ST_OK;
		return unexpected(r, value, "1, the only version that this vdpactl knows");
	}
	/* Editors want to be told the schema. */
	if (!strcmp(name, "$schema"))
		return json_is_string(value) ? ST_OK : unexpected(r, value, "a text");
	if (strcmp(name, "devices") && strcmp(name, "vduse"))
		return refuse(r, true,
			      "unknown key, expected one of: version, devices, vduse, $schema");
	if (!json_is_array(value))
		return unexpected(r, value, "an array");
	return *name == 'd' ? read_devices(r, value, state) : read_vduse(r, value, state);
}

static enum status read_root(struct reader *r, json_t *root, struct state *state)
{
	if (!json_is_object(root))
		return unexpected(r, root, "an object");
	if (!json_dl.json_object_get(root, "version"))
		return refuse(r, false, "the key \"version\" is missing");
	for (void *it = json_dl.json_object_iter(root); it;
	     it = json_dl.json_object_iter_next(root, it)) {
		const char *name = json_dl.json_object_iter_key(it);
		enum status status;

		enter_key(r, name);
		status = read_member(r, name, json_dl.json_object_iter_value(it), state);
		if (status)
			return status;
		leave(r);
	}
	return ST_OK;
}

/* ---- each name once ---- */

struct named {
	const char *name;
	size_t order; /* in the file: devices, then vduse */
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void enter_device(struct reader *r, const struct state *s, size_t order)
{
	enter_key(r, order < s->n_devices ? "devices" : "vduse");
	enter_index(r, order < s->n_devices ? order : order - s->n_devices);
}

static enum status refuse_twice(struct reader *r, const struct state *s, const struct named *first,
				const struct named *second)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;

	enter_device(r, s, first->order);
	json_path_text(&path, r->steps, r->depth);
	r->depth = 0;
	enter_device(r, s, second->order);
	enter_key(r, "name");
	return refuse(r, false, "%s has the name \"%s\", too", path.s ? path.s : "", first->name);
}

static enum status check_names(struct reader *r, const struct state *s)
{
	size_t n = s->n_devices + s->n_vduse;
	CLEANUP_FREE struct named *all = calloc(n + 1, sizeof(*all));

	if (!all)
		return no_memory(r);
	for (size_t i = 0; i < n; i++)
		all[i] = (struct named){ i < s->n_devices ? s->devices[i].name :
							    s->vduse[i - s->n_devices].name,
					 i };
	qsort(all, n, sizeof(*all), compare_named);
	for (size_t i = 1; i < n; i++) {
		if (!strcmp(all[i - 1].name, all[i].name))
			return refuse_twice(r, s, &all[i - 1], &all[i]);
	}
	return ST_OK;
}

enum status state_parse(struct app *app, const char *file, const char *text, size_t len,
			struct state *state)
{
	struct reader r = { .app = app, .file = file, .text = text, .len = len };
	enum status status = json_load(app);
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	json_error_t error;
	json_t *root;

	*state = (struct state){ 0 };
	if (status)
		return status;
	root = json_dl.json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		strbuf_addf(&sb, "this is not JSON: %s", error.text);
		return refuse_at(
			&r,
			(struct json_place){ error.line > 0 ? (unsigned long)error.line : 1,
					     error.column > 0 ? (unsigned long)error.column : 1 },
			sb.failed ? "out of memory" : sb.s);
	}
	status = read_root(&r, root, state);
	if (!status)
		status = check_names(&r, state);
	json_drop(root);
	if (status)
		state_free(state);
	return status;
}

/* ---- the file ---- */

static enum status too_large(struct app *app, const char *file)
{
	return diag_fail(app, NULL, EFBIG, NULL, "%s is larger than %u MiB, no state file is", file,
			 STATE_OCTETS_MAX >> 20);
}

static enum status read_all(struct app *app, const char *file, int fd, struct strbuf *sb)
{
	struct stat st;
	char buf[16384];

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > STATE_OCTETS_MAX)
		return too_large(app, file);
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return diag_fail(app, NULL, errno, NULL, "cannot read %s: %s", file,
					 strerror(errno));
		if (n == 0)
			return sb->failed ? diag_error(app, NULL, NULL, NULL) : ST_OK;
		strbuf_addn(sb, buf, (size_t)n);
		if (sb->len > STATE_OCTETS_MAX)
			return too_large(app, file);
	}
}

enum status state_read(struct app *app, const char *file, struct state *state)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	CLEANUP_CLOSE int fd = -1;
	enum status status;

	*state = (struct state){ 0 };
	if (strcmp(file, "-")) {
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return diag_fail(app, NULL, errno, NULL, "cannot read %s: %s", file,
					 strerror(errno));
	} else {
		file = "stdin";
	}
	status = read_all(app, file, fd < 0 ? STDIN_FILENO : fd, &sb);
	return status ? status : state_parse(app, file, sb.s ? sb.s : "", sb.len, state);
}
