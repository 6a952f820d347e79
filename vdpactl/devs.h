/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which devices a command is about, and what there is to know of them.
 *
 *   devs_select    names, patterns and filters -> devices
 *   devs_details   sysfs, configuration, interfaces and users of all of them
 *   devs_print     text or JSON
 */
#ifndef VDPACTL_DEVS_H
#define VDPACTL_DEVS_H

#include "args.h"
#include "view.h"

struct dev_item {
	struct vdpa_dev *dev; /* owned, as the rest; NULL is not known or not there */
	struct vdpa_sysdev *sysdev;
	struct vdpa_config *config;
	struct vdpa_netdev *netdev;
	size_t first_user; /* in devs.users */
	size_t n_users;
};

struct devs {
	struct dev_item *v; /* owned */
	size_t n, cap;
	struct vdpa_user_list *users; /* owned */
	bool all; /* nothing narrowed the selection down */
};

void devs_free(struct devs *d);

/*
 * devs_select: the devices that the arguments name: words (which may be
 * patterns, unless a device is called exactly so), narrowed down by mgmtdev, type and
 * driver; without words all that these leave over.  Each stands there once: in the order
 * of the words, and of the kernel's list below a pattern.  What is not there is reported
 * and goes to the tally, unless if_exists.
 * Returns why the list itself could not be had.
 */
enum status devs_select(struct app *app, const struct args *args, bool if_exists, struct devs *d,
			struct tally *tally);
/* true when one of the words is a pattern. */
bool devs_has_pattern(const struct args *args);
/* true when the command line narrows the devices down. */
bool devs_has_filter(const struct args *args);
/* Needs no privilege; what can't be seen is left out. */
enum status devs_details(struct app *app, struct devs *d);
/* What sysfs has of them. */
void devs_sysdevs(struct app *app, struct devs *d);
/* "312 (qemu), ..." */
void devs_users_text(struct strbuf *sb, const struct devs *d, size_t i);
/* The users of all devices of d whose sysdev is known. */
enum status devs_users(struct app *app, struct devs *d);
/* One device with all details. */
enum status devs_one(struct app *app, const char *name, struct devs *d);
struct dev_view devs_view(const struct devs *d, size_t i);
/* The one of that name in a list as vdpa_sysdev_list() makes it (NULL: an empty one), or NULL; borrowed. */
struct vdpa_sysdev *devs_find_sysdev(const struct vdpa_sysdev_list *list, const char *name);

/* ---- devs_print.c ---- */

/* What is told beside the device. */
struct outcome {
	const char *word; /* "created", "netdev"; behind the name; NULL for nothing */
	const char *key; /* of word in JSON; NULL: it is not there */
	int changed; /* a boolean in JSON; -1: not told */
};

#define OUTCOME_NONE          \
	{                     \
		.changed = -1 \
	}

/* Its node or interface as text, its whole record as JSON. */
enum status devs_print_outcome(struct app *app, const char *name, const struct outcome *o);

#endif
