// SPDX-License-Identifier: GPL-2.0-or-later
#include "known.h"

#include <errno.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"

#define DEVICES "/sys/bus/vdpa/devices"

/* ---- the tree ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct known_dev *)a)->name, ((const struct known_dev *)b)->name);
}

static struct known_dev *find(const struct known *k, const char *name)
{
	const struct known_dev key = { .name = (char *)(uintptr_t)name };
	void *node = tfind(&key, &k->devs, compare);

	return node ? *(struct known_dev **)node : NULL;
}

static void dev_free(void *p)
{
	struct known_dev *d = p;

	free(d->name);
	free(d->driver);
	free(d->netdev);
	free(d->blockdev);
	free(d);
}

void known_free(struct known *k)
{
	tdestroy(k->devs, dev_free);
	*k = (struct known){ 0 };
}

static void drop(struct known *k, struct known_dev *d)
{
	tdelete(d, &k->devs, compare);
	k->size--;
	dev_free(d);
}

/* A device's directory gets another number when it is made again. */
static uint64_t inode_of(const char *name)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	struct stat st;

	strbuf_addf(&path, DEVICES "/%s", name);
	return !path.failed && stat(path.s, &st) == 0 ? st.st_ino : 0;
}

static struct known_dev *insert(struct known *k, const char *name)
{
	struct known_dev *d = calloc(1, sizeof(*d));

	if (d)
		d->name = strdup(name);
	if (!d || !d->name || !tsearch(d, &k->devs, compare)) {
		if (d)
			dev_free(d);
		return NULL;
	}
	d->ino = inode_of(name);
	k->size++;
	return d;
}

/* 1: it is another value; 0: it is the same; -ENOMEM. */
static int set(char **where, const char *value)
{
	char *copy;

	if (value ? *where && !strcmp(*where, value) : !*where)
		return 0;
	copy = value ? strdup(value) : NULL;
	if (value && !copy)
		return -ENOMEM;
	free(*where);
	*where = copy;
	return 1;
}

/* ---- from sysfs ---- */

static int read_one(struct known *k, const struct vdpa_sysdev *s)
{
	struct known_dev *d = insert(k, vdpa_sysdev_get_name(s));

	if (!d || set(&d->driver, vdpa_sysdev_get_driver(s)) < 0 ||
	    set(&d->netdev, vdpa_sysdev_get_netdev(s)) < 0 ||
	    set(&d->blockdev, vdpa_sysdev_get_blockdev(s)) < 0)
		return -ENOMEM;
	return 0;
}

int known_read(struct known *k, struct vdpa_ctx *ctx)
{
	CLEANUP(cleanup_vdpa_sysdev_list_unref_cb) struct vdpa_sysdev_list *list = NULL;
	int r = vdpa_sysdev_list(ctx, &list);

	*k = (struct known){ 0 };
	/* Without the bus there are no devices: the module may be loaded later. */
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; !r && i < vdpa_sysdev_list_get_size(list); i++)
		r = read_one(k, vdpa_sysdev_list_get(list, i));
	if (r < 0)
		known_free(k);
	return r;
}

/* ---- events ---- */

/* Of an interface or a disk, which is where. */
static int apply_node(char **where, const struct vdpa_event *e)
{
	const char *node = vdpa_event_get_node(e);

	switch (vdpa_event_get_type(e)) {
	case VDPA_EVENT_ADD:
	case VDPA_EVENT_MOVE:
		return set(where, node);
	case VDPA_EVENT_REMOVE:
		return *where && !strcmp(*where, node) ? set(where, NULL) : 0;
	default:
		return 1;
	}
}

static int apply_dev(struct known *k, struct known_dev *d, const struct vdpa_event *e)
{
	if (vdpa_event_get_type(e) == VDPA_EVENT_ADD) {
		if (d)
			return 0;
		return insert(k, vdpa_event_get_dev(e)) ? 1 : -ENOMEM;
	}
	if (!d)
		return 0;
	drop(k, d);
	return 1;
}

int known_apply(struct known *k, const struct vdpa_event *e)
{
	const char *name = vdpa_event_get_dev(e);
	struct known_dev *d = name ? find(k, name) : NULL;

	/* Whose it is could not be told: so there is nothing to compare it with. */
	if (!name)
		return 1;
	if (vdpa_event_get_subject(e) == VDPA_MONITOR_DEV)
		return apply_dev(k, d, e);
	/* What is left of a device whose end was seen already. */
	if (!d)
		return 0;
	switch (vdpa_event_get_subject(e)) {
	case VDPA_MONITOR_DRIVER:
		return set(&d->driver, vdpa_event_get_type(e) == VDPA_EVENT_BIND ?
					       vdpa_event_get_driver(e) :
					       NULL);
	case VDPA_MONITOR_NETDEV:
		return apply_node(&d->netdev, e);
	case VDPA_MONITOR_BLOCK:
		return apply_node(&d->blockdev, e);
	}
	return 0;
}

/* ---- what there is, and differences ---- */

struct walk {
	const struct known *other;
	happening_cb cb;
	void *data;
};

static void tell(const struct walk *w, const char *event, unsigned int subject,
		 const struct known_dev *d)
{
	struct happening h = { .event = event, .subject = subject, .dev = d->name };

	if (subject == VDPA_MONITOR_DRIVER)
		h.driver = d->driver;
	else if (subject == VDPA_MONITOR_NETDEV)
		h.node = d->netdev;
	else if (subject == VDPA_MONITOR_BLOCK)
		h.node = d->blockdev;
	if (subject == VDPA_MONITOR_DEV || h.driver || h.node)
		w->cb(&h, w->data);
}

/* The events of a device that came, or of one that is there. */
static void tell_new(const struct walk *w, const struct known_dev *d, bool present)
{
	tell(w, present ? "present" : "add", VDPA_MONITOR_DEV, d);
	tell(w, present ? "present" : "bind", VDPA_MONITOR_DRIVER, d);
	tell(w, present ? "present" : "add", VDPA_MONITOR_NETDEV, d);
	tell(w, present ? "present" : "add", VDPA_MONITOR_BLOCK, d);
}

static void tell_gone(const struct walk *w, const struct known_dev *d)
{
	tell(w, "remove", VDPA_MONITOR_BLOCK, d);
	tell(w, "remove", VDPA_MONITOR_NETDEV, d);
	tell(w, "unbind", VDPA_MONITOR_DRIVER, d);
	tell(w, "remove", VDPA_MONITOR_DEV, d);
}

static bool differs(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

static void tell_changed(const struct walk *w, const struct known_dev *from,
			 const struct known_dev *to)
{
	bool driver = differs(from->driver, to->driver);
	bool netdev = differs(from->netdev, to->netdev);
	bool block = differs(from->blockdev, to->blockdev);

	if (block)
		tell(w, "remove", VDPA_MONITOR_BLOCK, from);
	if (netdev)
		tell(w, "remove", VDPA_MONITOR_NETDEV, from);
	if (driver) {
		tell(w, "unbind", VDPA_MONITOR_DRIVER, from);
		tell(w, "bind", VDPA_MONITOR_DRIVER, to);
	}
	if (netdev)
		tell(w, "add", VDPA_MONITOR_NETDEV, to);
	if (block)
		tell(w, "add", VDPA_MONITOR_BLOCK, to);
}

static bool is_same(const struct known_dev *a, const struct known_dev *b)
{
	return !a->ino || !b->ino || a->ino == b->ino;
}

static void present_cb(const void *node, VISIT visit, void *data)
{
	if (visit == postorder || visit == leaf)
		tell_new(data, *(struct known_dev *const *)node, true);
}

static void gone_cb(const void *node, VISIT visit, void *data)
{
	const struct known_dev *d = *(struct known_dev *const *)node;
	const struct walk *w = data;
	const struct known_dev *to;

	if (visit != postorder && visit != leaf)
		return;
	to = find(w->other, d->name);
	if (!to || !is_same(d, to))
		tell_gone(w, d);
}

static void new_cb(const void *node, VISIT visit, void *data)
{
	const struct known_dev *d = *(struct known_dev *const *)node;
	const struct walk *w = data;
	const struct known_dev *from;

	if (visit != postorder && visit != leaf)
		return;
	from = find(w->other, d->name);
	if (from && is_same(from, d))
		tell_changed(w, from, d);
	else
		tell_new(w, d, false);
}

void known_list(const struct known *k, happening_cb cb, void *data)
{
	struct walk w = { .cb = cb, .data = data };

	twalk_r(k->devs, present_cb, &w);
}

void known_compare(const struct known *from, const struct known *to, happening_cb cb, void *data)
{
	struct walk w = { .other = to, .cb = cb, .data = data };

	twalk_r(from->devs, gone_cb, &w);
	w.other = from;
	twalk_r(to->devs, new_cb, &w);
}
