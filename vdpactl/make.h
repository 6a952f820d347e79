/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a device, from the arguments of `dev add` to what its driver makes of it.
 *
 *   make_spec    what it shall be; connects
 *   make_plan    what becomes of it: driver, waiting; loads modules
 *   make_device  make_added: DEV_NEW; make_ready: driver, waiting; what fails takes all of it back
 *
 * The last ones are to be called with the signals of vduse_interrupted() blocked.
 */
#ifndef VDPACTL_MAKE_H
#define VDPACTL_MAKE_H

#include "args.h"
#include "link.h"

struct make_plan {
	const char *driver; /* NULL: what the host does with new devices; "none" */
	bool wait;
	int wait_ms;
	bool owned; /* its char device is given to: */
	struct link_owner owner;
};

/* The arguments of `dev add` and `dev replace`. */
extern const struct arg dev_add_args[];

/* Was a driver asked for, or waiting?  Then a line, or a record, is printed. */
bool make_has_more(const struct args *args);
enum status make_spec(struct app *app, const struct args *args, struct vdpa_spec **spec);
enum status make_plan(struct app *app, const struct args *args, struct make_plan *plan);
enum status make_device(struct app *app, const struct args *args, const struct vdpa_spec *spec,
			const struct make_plan *plan);
enum status make_added(struct app *app, const struct args *args, const struct vdpa_spec *spec,
		       const struct make_plan *plan);
enum status make_ready(struct app *app, const struct args *args, const struct make_plan *plan);
/* Whom the char device shall belong to, by the arguments and LINK_CONF; usage is wrong when the driver makes none. */
enum status make_owner(struct app *app, const struct args *args, struct make_plan *plan);
/* Binds an existing device, waits and gives it to its owner, as the plan says. */
enum status make_bound(struct app *app, const char *name, const struct make_plan *plan, bool force);
/* Deletes the device that was just made; a failure is noted. */
void make_take_back(struct app *app, const char *name);
/* Reports why the kernel refused to make it. */
enum status make_refused(struct app *app, const struct args *args);

#endif
