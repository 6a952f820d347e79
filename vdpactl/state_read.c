// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A state file to structs: refused with its place when anything is not as it
 * should be.  Keys follow the tables of state_keys.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "json_dl.h"
#include "state_reader.h"

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

/* ---- objects ---- */

static enum status unknown_key(struct reader *r, const struct state_key *keys)
{
	CLEANUP(strbuf_free) struct strbuf names = STRBUF_INIT;

	for (const struct state_key *k = keys; k->name; k++)
		strbuf_addf(&names, "%s%s", names.len ? ", " : "", k->name);
	return reader_refuse(r, true, "unknown key, expected one of: %s", names.s ? names.s : "");
}

/* An element of an array; the reader is at it. */
static enum status read_object(struct reader *r, const struct state_key *keys, json_t *value,
			       void *object, unsigned int *has)
{
	if (!json_is_object(value))
		return reader_unexpected(r, value, "an object");
	for (void *it = json_dl.json_object_iter(value); it;
	     it = json_dl.json_object_iter_next(value, it)) {
		const char *name = json_dl.json_object_iter_key(it);
		const struct state_key *k = keys;
		enum status status;

		while (k->name && strcmp(k->name, name))
			k++;
		enter_key(r, name);
		status = k->name ? reader_value(r, k, json_dl.json_object_iter_value(it), object) :
				   unknown_key(r, keys);
		if (status)
			return status;
		leave(r);
		*has |= k->has;
	}
	for (const struct state_key *k = keys; k->name; k++) {
		if (k->required && !(*has & k->has))
			return reader_refuse(r, false, "the key \"%s\" is missing", k->name);
	}
	return ST_OK;
}

/* Only one driver makes a char device. */
static enum status check_node(struct reader *r, const struct state_key *keys, unsigned int has,
			      const char *driver)
{
	if (driver && !strcmp(driver, "vhost_vdpa"))
		return ST_OK;
	for (const struct state_key *k = keys; k->name; k++) {
		if (!(has & k->has & STATE_HAS_NODE))
			continue;
		enter_key(r, k->name);
		return reader_refuse(
			r, true,
			"it is of a char device, which only \"driver\":\"vhost_vdpa\" makes");
	}
	return ST_OK;
}

static enum status read_devices(struct reader *r, json_t *array, struct state *state)
{
	size_t n = json_dl.json_array_size(array);

	state->devices = calloc(n + 1, sizeof(*state->devices));
	if (!state->devices)
		return reader_no_memory(r);
	for (size_t i = 0; i < n; i++) {
		struct state_device *d = &state->devices[i];
		enum status status;

		state->n_devices++;
		d->index = i;
		enter_index(r, i);
		status = read_object(r, state_device_keys, json_dl.json_array_get(array, i), d,
				     &d->has);
		if (!status)
			status = check_node(r, state_device_keys, d->has, d->driver);
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
		return reader_no_memory(r);
	for (size_t i = 0; i < n; i++) {
		struct state_vduse *v = &state->vduse[i];
		enum status status;

		state->n_vduse++;
		enter_index(r, i);
		status = read_object(r, state_vduse_keys, json_dl.json_array_get(array, i), v,
				     &v->has);
		if (!status)
			status = check_node(r, state_vduse_keys, v->has, v->driver);
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
		return reader_unexpected(r, value, "1, the only version that this vdpactl knows");
	}
	/* Editors want to be told the schema. */
	if (!strcmp(name, "$schema"))
		return json_is_string(value) ? ST_OK : reader_unexpected(r, value, "a text");
	if (strcmp(name, "devices") && strcmp(name, "vduse"))
		return reader_refuse(
			r, true, "unknown key, expected one of: version, devices, vduse, $schema");
	if (!json_is_array(value))
		return reader_unexpected(r, value, "an array");
	return *name == 'd' ? read_devices(r, value, state) : read_vduse(r, value, state);
}

static enum status read_root(struct reader *r, json_t *root, struct state *state)
{
	if (!json_is_object(root))
		return reader_unexpected(r, root, "an object");
	if (!json_dl.json_object_get(root, "version"))
		return reader_refuse(r, false, "the key \"version\" is missing");
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
	return reader_refuse(r, false, "%s has the name \"%s\", too", path.s ? path.s : "",
			     first->name);
}

static enum status check_names(struct reader *r, const struct state *s)
{
	size_t n = s->n_devices + s->n_vduse;
	CLEANUP_FREE struct named *all = calloc(n + 1, sizeof(*all));

	if (!all)
		return reader_no_memory(r);
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
		return reader_refuse_at(
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
	if (!status)
		status = state_parse(app, file, sb.s ? sb.s : "", sb.len, state);
	if (status)
		return status;
	state->file = file;
	state->text = sb.s;
	state->len = sb.len;
	sb = (struct strbuf)STRBUF_INIT;
	return ST_OK;
}
