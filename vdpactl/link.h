/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node of a device that vhost_vdpa has: whom it belongs to, and a link to
 * it that has the device's name, as the number in /dev/vhost-vdpa-N is chance.
 *
 * The node is never opened for input and output, which would reset the device.
 */
#ifndef VDPACTL_LINK_H
#define VDPACTL_LINK_H

#include <sys/types.h>

#include "app.h"

struct args;

#define LINK_DIR "/dev/vdpa/by-name"
#define LINK_CONF "/etc/vdpactl/links.conf"

/* Whom the node shall belong to; what is not given stays as it is. */
struct link_owner {
	bool has_uid, has_gid, has_mode;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* From the words owner, group and mode of a command (args->link); reports what is wrong. */
enum status link_owner_of_args(struct app *app, const struct args *args, struct link_owner *owner);
/* From LINK_CONF, for what is not given yet; that there is no such file is no failure. */
enum status link_owner_of_conf(struct app *app, struct link_owner *owner);

/*
 * link_make: gives the device's node to its owner and makes the link, or puts
 * it right; failures are reported.  Fails with ST_NOT_FOUND for a device that is
 * not there, with ST_UNSUPPORTED for one without a char device.
 */
enum status link_make(struct app *app, const char *name, const struct link_owner *owner);
/*
 * link_drop: removes the device's link, but not one that leads to a node that is
 * not its; the node stays as it is.  No link is no failure.
 */
enum status link_drop(struct app *app, const char *name);
/* The path of the device's link, if that leads to its node now: true with *path filled. */
bool link_find(struct app *app, const char *name, struct strbuf *path);

#endif
