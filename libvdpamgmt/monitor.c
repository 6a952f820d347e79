/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From uevents to events of vDPA devices.
 *
 * The socket is open before sysfs is read, so that nothing falls in between.
 * What sysfs told is not told again: uevents up to the number that the kernel
 * had given out before the reading are passed over.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "owners.h"
#include "uevent.h"

/* What udev's own daemon asks for; the kernel takes memory only as messages come. */
#define BUFFER_DEFAULT (128 * 1024 * 1024)
/* Uevents of others that are passed over before the caller gets its turn. */
#define STRANGERS_MAX 1000
/* Events that are thrown away in a row after some were lost. */
#define DRAIN_MAX 1000000

struct vdpa_monitor {
	atomic_uint refs;
	struct vdpa_ctx *ctx; /* a reference */
	unsigned int what; /* VDPA_MONITOR_* */
	int fd; /* owned */
	struct owners *owners; /* owned */
	uint64_t known; /* the number of the last uevent whose effect was read from sysfs */
	bool lost; /* an event; the caller was not told yet */
	char buf[UEVENT_MAX + 1];
};

struct vdpa_event {
	atomic_uint refs;
	enum vdpa_event_type type;
	unsigned int subject;
	uint64_t seqnum;
	char *dev; /* owned, as all strings; NULL when there is none */
	char *driver;
	char *node;
	char *old_node;
};

/* ---- the event ---- */

static void event_release(struct vdpa_event *e)
{
	free(e->dev);
	free(e->driver);
	free(e->node);
	free(e->old_node);
	free(e);
}

DEFINE_UNREF(vdpa_event, event_release)
DEFINE_CLEANUP(struct vdpa_event, vdpa_event_unref)

static int set_string(char **where, const char *value)
{
	if (value)
		*where = strdup(value);
	return value && !*where ? -ENOMEM : 0;
}

static struct vdpa_event *event_new(enum vdpa_event_type type, unsigned int subject)
{
	struct vdpa_event *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	atomic_init(&e->refs, 1);
	e->type = type;
	e->subject = subject;
	return e;
}

enum vdpa_event_type vdpa_event_get_type(const struct vdpa_event *e)
{
	return e->type;
}

const char *vdpa_event_type_name(enum vdpa_event_type type)
{
	static const char *const names[] = {
		[VDPA_EVENT_ADD] = "add",	[VDPA_EVENT_REMOVE] = "remove",
		[VDPA_EVENT_BIND] = "bind",	[VDPA_EVENT_UNBIND] = "unbind",
		[VDPA_EVENT_CHANGE] = "change", [VDPA_EVENT_MOVE] = "move",
		[VDPA_EVENT_RESYNC] = "resync",
	};

	return (size_t)type < sizeof(names) / sizeof(*names) ? names[type] : NULL;
}

unsigned int vdpa_event_get_subject(const struct vdpa_event *e)
{
	return e->subject;
}

const char *vdpa_event_get_dev(const struct vdpa_event *e)
{
	return e->dev;
}

const char *vdpa_event_get_driver(const struct vdpa_event *e)
{
	return e->driver;
}

const char *vdpa_event_get_node(const struct vdpa_event *e)
{
	return e->node;
}

const char *vdpa_event_get_old_node(const struct vdpa_event *e)
{
	return e->old_node;
}

uint64_t vdpa_event_get_seqnum(const struct vdpa_event *e)
{
	return e->seqnum;
}

/* ---- from uevents to events ---- */

static const char *last_component(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* The type of event that an action is for that subject; false: none. */
static bool find_type(const char *action, unsigned int subject, enum vdpa_event_type *type)
{
	static const struct {
		enum vdpa_event_type type;
		unsigned int subjects;
	} known[] = {
		{ VDPA_EVENT_ADD, VDPA_MONITOR_DEV | VDPA_MONITOR_NETDEV | VDPA_MONITOR_BLOCK },
		{ VDPA_EVENT_REMOVE, VDPA_MONITOR_DEV | VDPA_MONITOR_NETDEV | VDPA_MONITOR_BLOCK },
		{ VDPA_EVENT_BIND, VDPA_MONITOR_DRIVER },
		{ VDPA_EVENT_UNBIND, VDPA_MONITOR_DRIVER },
		{ VDPA_EVENT_CHANGE, VDPA_MONITOR_BLOCK },
		{ VDPA_EVENT_MOVE, VDPA_MONITOR_NETDEV },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		*type = known[i].type;
		if (known[i].subjects & subject && strcmp(action, vdpa_event_type_name(*type)) == 0)
			return true;
	}
	return false;
}

/* 1 with *event, 0 when nobody asked for it, or -ENOMEM. */
static int make_event(struct vdpa_monitor *m, const struct uevent *u, enum vdpa_event_type type,
		      unsigned int subject, const char *dev, struct vdpa_event **event)
{
	CLEANUP(cleanup_vdpa_event_unref_cb) struct vdpa_event *e = NULL;
	bool is_node = subject & (VDPA_MONITOR_NETDEV | VDPA_MONITOR_BLOCK);

	if (!(m->what & subject))
		return 0;
	e = event_new(type, subject);
	if (!e || set_string(&e->dev, dev) < 0)
		return -ENOMEM;
	e->seqnum = u->seqnum;
	if (subject == VDPA_MONITOR_DRIVER &&
	    set_string(&e->driver, u->driver ? u->driver : owners_driver(m->owners, u->devpath)) <
		    0)
		return -ENOMEM;
	if (is_node && set_string(&e->node, last_component(u->devpath)) < 0)
		return -ENOMEM;
	if (type == VDPA_EVENT_MOVE && u->devpath_old &&
	    set_string(&e->old_node, last_component(u->devpath_old)) < 0)
		return -ENOMEM;
	*event = TAKE(e);
	return 1;
}

/* Of the device itself or its driver.  The tables change behind the event, which they are for. */
static int take_vdpa(struct vdpa_monitor *m, const struct uevent *u, struct vdpa_event **event)
{
	const char *name = last_component(u->devpath);
	unsigned int subject = VDPA_MONITOR_DEV;
	enum vdpa_event_type type;
	int r, kept = 0;

	if (!find_type(u->action, subject, &type)) {
		subject = VDPA_MONITOR_DRIVER;
		if (!find_type(u->action, subject, &type))
			return 0;
	}
	/* A driver's own directory is of that subsystem, too, and is no device. */
	if (!*name || strncmp(u->devpath, "/devices/", strlen("/devices/")) != 0)
		return 0;
	r = make_event(m, u, type, subject, name, event);
	if (type == VDPA_EVENT_ADD)
		kept = owners_add(m->owners, u->devpath);
	else if (type == VDPA_EVENT_REMOVE)
		owners_remove(m->owners, u->devpath);
	else if (type == VDPA_EVENT_BIND)
		kept = owners_bind(m->owners, u->devpath, u->driver);
	else
		kept = owners_bind(m->owners, u->devpath, NULL);
	if (kept < 0 && r > 0)
		*event = vdpa_event_unref(*event);
	return kept < 0 ? kept : r;
}

static int take_node(struct vdpa_monitor *m, const struct uevent *u, unsigned int subject,
		     struct vdpa_event **event)
{
	enum vdpa_event_type type;
	const char *dev = NULL;
	int r;

	if (!find_type(u->action, subject, &type))
		return 0;
	if (subject == VDPA_MONITOR_BLOCK && u->devtype && strcmp(u->devtype, "disk") != 0)
		return 0;
	r = owners_find(m->owners, u->devpath, &dev);
	if (r < 0 || r == OWNER_NONE)
		return r;
	return make_event(m, u, type, subject, dev, event);
}

/* 1 with *event, 0 when it is none that was asked for, or -ENOMEM. */
static int take(struct vdpa_monitor *m, const struct uevent *u, struct vdpa_event **event)
{
	if (!u->subsystem || u->synthetic || (u->seqnum && u->seqnum <= m->known))
		return 0;
	if (strcmp(u->subsystem, "vdpa") == 0)
		return take_vdpa(m, u, event);
	if (strcmp(u->subsystem, "net") == 0)
		return take_node(m, u, VDPA_MONITOR_NETDEV, event);
	if (strcmp(u->subsystem, "block") == 0)
		return take_node(m, u, VDPA_MONITOR_BLOCK, event);
	if (strcmp(u->subsystem, "virtio") == 0 && strcmp(u->action, "remove") == 0)
		owners_forget_virtio(m->owners, u->devpath);
	return 0;
}

/* ---- the monitor ---- */

static void monitor_release(struct vdpa_monitor *m)
{
	if (m->fd >= 0)
		close(m->fd);
	owners_free(m->owners);
	vdpa_ctx_unref(m->ctx);
	free(m);
}

DEFINE_UNREF(vdpa_monitor, monitor_release)
DEFINE_CLEANUP(struct vdpa_monitor, vdpa_monitor_unref)

/* Reads sysfs.  An old kernel, or a container, may have no number: nothing is passed over then. */
static int read_state(struct vdpa_monitor *m)
{
	CLEANUP_FREE char *path = format_string("%s/kernel/uevent_seqnum", m->ctx->sys);
	CLEANUP_FREE char *text = path ? sysfs_read(path) : NULL;
	uint64_t known;

	if (!path)
		return ctx_fail(m->ctx, ENOMEM, "out of memory");
	if (text && parse_dec(text, UINT64_MAX, &known) == 0)
		m->known = known;
	return owners_read(m->owners);
}

int vdpa_monitor_new(struct vdpa_ctx *ctx, unsigned int what, struct vdpa_monitor **monitor)
{
	CLEANUP(cleanup_vdpa_monitor_unref_cb) struct vdpa_monitor *m = NULL;
	int r;

	if (!what || what & ~VDPA_MONITOR_ALL)
		return ctx_fail(ctx, EINVAL, "0x%x is nothing to monitor", what);
	m = calloc(1, sizeof(*m));
	if (!m)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	atomic_init(&m->refs, 1);
	m->ctx = vdpa_ctx_ref(ctx);
	m->what = what;
	m->fd = uevent_open();
	if (m->fd < 0)
		return ctx_fail(ctx, -m->fd, "cannot listen to the kernel's events: %s",
				errno_text(-m->fd));
	/* It works with what there is, too. */
	(void)uevent_set_buffer(m->fd, BUFFER_DEFAULT);
	m->owners = owners_new(ctx);
	if (!m->owners)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	r = read_state(m);
	if (!r)
		*monitor = TAKE(m);
	return r;
}

int vdpa_monitor_set_buffer(struct vdpa_monitor *m, size_t octets)
{
	int r = uevent_set_buffer(m->fd, octets);

	if (r < 0)
		return ctx_fail(m->ctx, -r, "cannot set the buffer of events to %zu octets: %s",
				octets, errno_text(-r));
	return 0;
}

int vdpa_monitor_get_fd(const struct vdpa_monitor *m)
{
	return m->fd;
}

/*
 * Until its queue was empty once, the kernel drops what comes and tells so no
 * second time: so that has to be before sysfs is read.  false when events come too
 * fast for that.
 */
static bool drain(struct vdpa_monitor *m)
{
	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = uevent_recv(m->fd, m->buf, UEVENT_MAX);

		if (n < 0 && n != -ENOBUFS)
			return true;
	}
	return false;
}

static int resync(struct vdpa_monitor *m, struct vdpa_event **event)
{
	struct vdpa_event *e;
	int r;

	if (!drain(m))
		return 0;
	e = event_new(VDPA_EVENT_RESYNC, 0);
	if (!e)
		return ctx_fail(m->ctx, ENOMEM, "out of memory");
	r = read_state(m);
	if (r < 0) {
		vdpa_event_unref(e);
		return r;
	}
	m->lost = false;
	*event = e;
	return 1;
}

int vdpa_monitor_next(struct vdpa_monitor *m, struct vdpa_event **event)
{
	for (int i = 0; i < STRANGERS_MAX; i++) {
		ssize_t n = m->lost ? -ENOBUFS : uevent_recv(m->fd, m->buf, UEVENT_MAX);
		struct uevent u;
		int r;

		if (n == -EAGAIN)
			return 0;
		m->lost = n == -ENOBUFS;
		if (m->lost)
			return resync(m, event);
		if (n < 0)
			return ctx_fail(m->ctx, (int)-n, "cannot read the kernel's events: %s",
					errno_text((int)-n));
		if (!uevent_parse(m->buf, (size_t)n, &u))
			continue;
		r = take(m, &u, event);
		m->lost = r < 0;
		if (r < 0)
			return ctx_fail(m->ctx, -r, "out of memory");
		if (r)
			return r;
	}
	return 0;
}
