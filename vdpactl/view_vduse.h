/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VDUSE device to text and to JSON. */
#ifndef VDPACTL_VIEW_VDUSE_H
#define VDPACTL_VIEW_VDUSE_H

#include "view.h"
#include "vduse.h"

enum vduse_daemon {
	VDUSE_DAEMON_SERVING,
	VDUSE_DAEMON_FAILING, /* it answers every request with an error */
	VDUSE_DAEMON_BROKEN, /* the kernel gave the device up */
	VDUSE_DAEMON_SILENT, /* it lives and does not answer */
	VDUSE_DAEMON_GONE,
	VDUSE_DAEMON_OTHER, /* another program's device */
};

struct vduse_view {
	const char *name;
	enum vduse_daemon daemon;
	struct vduse_status status; /* as far as a daemon told it; the caller's */
	bool attached; /* there is a vdpa device */
	bool statistics; /* shall be shown */
	const char *driver; /* borrowed; NULL when unbound */
	const char *node; /* borrowed; NULL without */
};

void view_text_vduse(struct strbuf *sb, const struct view *v, const struct vduse_view *d);
/* "NAME: NODE" */
void view_text_vduse_node(struct strbuf *sb, const struct vduse_view *d);
json_t *view_json_vduse(const struct view *v, const struct vduse_view *d);

#endif
