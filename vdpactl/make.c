// SPDX-License-Identifier: GPL-2.0-or-later
#include "make.h"

#include <errno.h>
#include <string.h>

#include "bind.h"
#include "command.h"
#include "vduse.h"

bool make_has_more(const struct args *args)
{
	return args->has & (HAS_DRIVER | HAS_WAIT);
}

static bool is_none(const char *driver)
{
	return driver && !strcmp(driver, "none");
}

/* The driver of the virtio device may have to be loaded, too, where no udev does that. */
static void load_virtio_driver(struct app *app, const char *handle)
{
	const struct vdpa_mgmtdev *m = app_mgmtdev(app, handle);
	uint64_t classes = 0;

	if (m && vdpa_mgmtdev_get_classes(m, &classes))
		bind_load_virtio(app, classes);
}

enum status make_owner(struct app *app, const struct args *args, struct make_plan *plan)
{
	enum status status;

	plan->owned = args->has & HAS_LINK_OWNER;
	if (!plan->owned)
		return ST_OK;
	if (!plan->driver || strcmp(plan->driver, "vhost_vdpa"))
		return diag_usage(
			app,
			"%s: owner, group and mode are of a char device, which only driver vhost_vdpa makes",
			app->path);
	status = link_owner_of_args(app, args, &plan->owner);
	return status ? status : link_owner_of_conf(app, &plan->owner);
}

enum status make_plan(struct app *app, const struct args *args, struct make_plan *plan)
{
	enum status status;

	*plan = (struct make_plan){
		.driver = args->has & HAS_DRIVER ? args->dev.driver : NULL,
		.wait = args->has & HAS_WAIT,
		.wait_ms = bind_wait_ms(app, args->dev.wait),
	};
	if (plan->wait && is_none(plan->driver))
		return diag_usage(app, "%s: there is nothing to wait for with driver none",
				  app->path);
	status = make_owner(app, args, plan);
	if (!status && plan->driver && !is_none(plan->driver))
		status = bind_load_driver(app, plan->driver);
	if (!status && plan->driver && !strcmp(plan->driver, "virtio_vdpa"))
		load_virtio_driver(app, args->mgmtdev);
	return status;
}

void make_take_back(struct app *app, const char *name)
{
	if (vdpa_dev_del(app->ctx, name, 0) < 0 &&
	    vdpa_error_get_errno(vdpa_ctx_get_error(app->ctx)) != ENODEV)
		diag_note(app, "\"%s\" was made and is left: %s", name,
			  vdpa_error_get_message(vdpa_ctx_get_error(app->ctx)));
	link_tidy(name);
}

enum status make_bound(struct app *app, const char *name, const struct make_plan *plan, bool force)
{
	enum status status = ST_OK;

	if (is_none(plan->driver)) {
		if (vdpa_dev_unbind(app->ctx, name, force ? VDPA_FORCE : 0) < 0)
			status = diag_ctx(app, name);
		link_tidy(name);
		return status;
	}
	if (plan->driver && vdpa_dev_bind(app->ctx, name, plan->driver, force ? VDPA_FORCE : 0) < 0)
		return diag_ctx(app, name);
	link_tidy(name);
	if (plan->wait)
		status = bind_wait(app, name, VDPA_WAIT_USABLE, plan->wait_ms, NULL);
	else if (plan->driver && vduse_interrupted(app))
		status = diag_fail(app, name, EINTR, NULL, "interrupted");
	if (!status && plan->owned)
		status = link_make(app, name, &plan->owner);
	return status;
}

static enum status add(struct app *app, const struct args *args, const struct vdpa_spec *spec)
{
	if (vdpa_dev_add(app->ctx, spec, args->has & HAS_FORCE ? VDPA_FORCE : 0) < 0)
		return make_refused(app, args);
	if (vdpa_ctx_get_warning(app->ctx))
		diag_warning(app, vdpa_ctx_get_warning(app->ctx));
	return ST_OK;
}

/* No driver is probed inside the locks of the vdpa family, and none that was not asked for. */
static enum status add_unbound(struct app *app, const struct args *args,
			       const struct vdpa_spec *spec)
{
	struct autoprobe autoprobe;
	enum status status = bind_autoprobe_off(app, args->name, &autoprobe);

	if (status)
		return status;
	status = add(app, args, spec);
	bind_autoprobe_back(app, &autoprobe);
	return status;
}

/* The host's way, undisturbed by those who change it for a moment. */
static enum status add_bound(struct app *app, const struct args *args, const struct vdpa_spec *spec)
{
	int fd = bind_autoprobe_keep(app);
	enum status status = add(app, args, spec);

	if (fd >= 0)
		close(fd);
	return status;
}

enum status make_added(struct app *app, const struct args *args, const struct vdpa_spec *spec,
		       const struct make_plan *plan)
{
	return plan->driver ? add_unbound(app, args, spec) : add_bound(app, args, spec);
}

enum status make_ready(struct app *app, const struct args *args, const struct make_plan *plan)
{
	enum status status = make_bound(app, args->name, plan, args->has & HAS_FORCE);

	if (status)
		make_take_back(app, args->name);
	return status;
}

enum status make_device(struct app *app, const struct args *args, const struct vdpa_spec *spec,
			const struct make_plan *plan)
{
	enum status status = make_added(app, args, spec, plan);

	return status ? status : make_ready(app, args, plan);
}
