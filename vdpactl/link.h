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

#include "args.h"

#define LINK_DIR "/dev/vdpa/by-name"
#define LINK_CONF "/etc/vdpactl/links.conf"

/* The words for that in a command's table; `others` are presence bits that can't stand beside them. */
#define LINK_ARG(_word, _has, _metavar, _help, _expected, _field, others)               \
	{                                                                               \
		.word = (_word), .match = MATCH_NEW, .kind = VALUE_TEXT, .has = (_has), \
		.metavar = (_metavar), .help = (_help), .expected = (_expected),        \
		.offset = offsetof(struct args, link._field), .conflicts = (others),    \
	}
#define LINK_ARGS(others)                                                                   \
	LINK_ARG("owner", HAS_OWNER, "USER", "give its char device to this user",           \
		 "the name or number of a user", owner, others),                            \
		LINK_ARG("group", HAS_GROUP, "GROUP", "give its char device to this group", \
			 "the name or number of a group", group, others),                   \
		LINK_ARG("mode", HAS_MODE, "MODE",                                          \
			 "permissions of its char device, an octal number",                 \
			 "an octal number from 0 to 777", mode, others)
#define HAS_LINK_OWNER (HAS_OWNER | HAS_GROUP | HAS_MODE)

/* Whom the node shall belong to; what is not given stays as it is. */
struct link_owner {
	bool has_uid, has_gid, has_mode;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* From the words owner, group and mode of a command (args->link); reports what is wrong. */
enum status link_owner_of_args(struct app *app, const struct args *args, struct link_owner *owner);
/* One of "owner", "group" and "mode" by its text: NULL, or what was expected. */
const char *link_owner_set(struct link_owner *owner, const char *key, const char *text);
/* What is not given yet, from another one. */
void link_owner_fill(struct link_owner *owner, const struct link_owner *more);
/* Whom the device's char device belongs to; nothing when it has none in /dev. */
void link_owner_read(const char *name, struct link_owner *owner);
/* From LINK_CONF, for what is not given yet; that there is no such file is no failure. */
enum status link_owner_of_conf(struct app *app, struct link_owner *owner);

/*
 * link_make: gives the device's node to its owner and makes the link, or puts
 * it right; failures are reported.  Fails with ST_NOT_FOUND for a device that is
 * not there, with ST_UNSUPPORTED for one without a char device.
 */
enum status link_make(struct app *app, const char *name, const struct link_owner *owner);
/* link_make_new: the same, but a node that was given to somebody before stays with that owner. */
enum status link_make_new(struct app *app, const char *name, const struct link_owner *owner);
/*
 * link_drop: removes the device's link, but not one that leads to a node that is
 * not its; the node stays as it is.  No link is no failure.
 */
enum status link_drop(struct app *app, const char *name);
/*
 * link_tidy: the device is gone, or has another driver: removes a link to a node
 * that it had, for the next device may get that node.  Quiet, and cheap where
 * there are no links.
 */
void link_tidy(const char *name);
/* The path of the device's link, if that leads to its node now: true with *path filled. */
bool link_find(struct app *app, const char *name, struct strbuf *path);

#endif
