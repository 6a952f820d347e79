// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VDUSE devices that are there, and what their daemons were started with:
 * vdused leaves that in its runtime directory for whoever takes over.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/parse.h"
#include "state.h"
#include "vduse.h"

#define UNITS_DIR "/etc/vdpactl/vduse.d"
#define OPTIONS_MAX 65536

bool state_is_units(const char *name)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;

	strbuf_addf(&path, UNITS_DIR "/%s.conf", name);
	return !path.failed && access(path.s, F_OK) == 0;
}

/* ---- the saved options ---- */

/* An option of vdused is the key with '-' for '_'. */
static const struct state_key *find_key(const char *option)
{
	for (const struct state_key *k = state_vduse_keys; k->name; k++) {
		const char *a = k->name, *b = option;

		while (*a && (*a == '_' ? '-' : *a) == *b) {
			a++;
			b++;
		}
		if (!*a && !*b && !(k->has & (STATE_HAS_DRIVER | STATE_HAS_TYPE | STATE_HAS_NODE)))
			return k;
	}
	return NULL;
}

static bool set_option(const struct state_key *k, const char *value, struct state_vduse *v)
{
	void *to = (char *)v + k->offset;

	switch (k->kind) {
	case STATE_KIND_NUMBER:
	case STATE_KIND_ONE_OF_TWO:
		return parse_dec(value, k->max, to) == 0;
	case STATE_KIND_CHOICE:
		for (const char *const *c = k->choices; *c; c++) {
			if (!strcmp(*c, value)) {
				*(const char **)to = *c;
				return true;
			}
		}
		return false;
	default:
		free(*(char **)to);
		*(char **)to = strdup(value);
		return *(char **)to;
	}
}

/* Also of a later vdused, whose unknown options make this false. */
bool state_vduse_options(const char *text, size_t len, struct state_vduse *v)
{
	const char *end = text + len;

	if (!len || end[-1])
		return false;
	for (const char *p = text; p < end; p += strlen(p) + 1) {
		const struct state_key *k = strncmp(p, "--", 2) ? NULL : find_key(p + 2);
		/* Of VDUSE's interface, which nobody but its developers chooses. */
		bool other = !k && !strcmp(p, "--api-version");

		if (!k && !other)
			return false;
		if (k && k->kind == STATE_KIND_BOOL) {
			*(bool *)((char *)v + k->offset) = true;
			v->has |= k->has;
			continue;
		}
		p += strlen(p) + 1;
		if (p >= end || (k && !set_option(k, p, v)))
			return false;
		v->has |= k ? k->has : 0;
	}
	return v->name && v->backend;
}

bool state_vduse_saved(const char *name, struct state_vduse *v)
{
	CLEANUP_CLOSE int dir = vduse_open_dir(name);
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_FREE char *text = malloc(OPTIONS_MAX);
	ssize_t n;

	if (dir < 0 || !text)
		return false;
	fd = openat(dir, "options", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, text, OPTIONS_MAX);
	return n > 0 && state_vduse_options(text, (size_t)n, v) && !strcmp(v->name, name);
}

/* ---- one device ---- */

static void read_driver(struct app *app, struct host_vduse *h)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	const char *driver;

	h->attached = vduse_get_device(app, h->is.name, &s) == 0;
	if (!h->attached)
		return;
	driver = state_driver(vdpa_sysdev_get_driver(s));
	if (driver) {
		h->is.driver = driver;
		h->is.has |= STATE_HAS_DRIVER;
	}
	if (vdpa_sysdev_get_chardev(s))
		link_owner_read(h->is.name, &h->is.node.is);
}

/* What state_vduse_options() wrote must not hide the name, which is this one's. */
static bool learn(struct host_vduse *h)
{
	struct state_vduse v = { 0 };
	bool known = state_vduse_saved(h->is.name, &v);

	if (!known) {
		state_vduse_free(&v);
		return false;
	}
	state_vduse_free(&h->is);
	h->is = v;
	h->is.type = "block";
	h->is.has |= STATE_HAS_TYPE;
	state_vduse_defaults(&h->is);
	return true;
}

/* *gone: it vanished since its name was read; nothing is in h then. */
static enum status read_one(struct app *app, const char *name, struct host_vduse *h, bool *gone)
{
	int lock = vduse_lock_state(name);

	h->exists = vduse_device_exists(name);
	*gone = lock == VDUSE_NO_DIR && !h->exists;
	if (*gone)
		return ST_OK;
	h->is.name = strdup(name);
	if (!h->is.name)
		return diag_error(app, NULL, NULL, NULL);
	h->is.has = STATE_HAS_NAME;
	if (lock < 0)
		return diag_fail(app, name, -lock, lock == -EACCES ? "this needs root" : NULL,
				 "cannot look into %s/%s: %s", vduse_runtime_dir(), name,
				 strerror(-lock));
	h->served = lock == VDUSE_HELD;
	h->owner = lock == VDUSE_NO_DIR ? VDUSE_OTHERS :
		   state_is_units(name) ? VDUSE_UNITS :
					  VDUSE_OURS;
	h->known = h->owner == VDUSE_OURS && learn(h);
	read_driver(app, h);
	return ST_OK;
}

enum status state_vduse_read(struct app *app, struct state_host *host)
{
	CLEANUP(vduse_names_free) struct vduse_names names = { 0 };
	enum status status = ST_OK;
	int r = vduse_names(&names);

	if (r < 0)
		return diag_fail(app, NULL, -r, r == -EACCES ? "this needs root" : NULL,
				 "cannot look into %s: %s", vduse_runtime_dir(), strerror(-r));
	host->vduse = calloc(names.size + 1, sizeof(*host->vduse));
	if (!host->vduse)
		return diag_error(app, NULL, NULL, NULL);
	for (size_t i = 0; i < names.size && !status; i++) {
		bool gone;

		status = read_one(app, names.names[i], &host->vduse[host->n_vduse], &gone);
		host->n_vduse += !gone;
	}
	return status;
}
