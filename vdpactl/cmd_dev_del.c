// SPDX-License-Identifier: GPL-2.0-or-later
/* dev del */
#include <errno.h>

#include "command.h"
#include "dev_args.h"
#include "devs.h"
#include "json_dl.h"
#include "link.h"
#include "text.h"

static enum status delete_one(struct app *app, const struct args *args, const char *name)
{
	unsigned int flags = args->has & HAS_FORCE ? VDPA_FORCE : 0;
	int r = vdpa_dev_del(app->ctx, name, flags);

	if (r == -ENODEV && args->has & HAS_IF_EXISTS)
		return ST_OK;
	if (r < 0)
		return diag_ctx(app, name);
	if (!app->legacy)
		link_tidy(name);
	if (vdpa_ctx_get_warning(app->ctx))
		diag_warning(app, vdpa_ctx_get_warning(app->ctx));
	return ST_OK;
}

/* ---- names ---- */

/* true when the words are names and nothing else has to be looked for. */
static bool are_names(const struct app *app, const struct args *args)
{
	return app->legacy || (!devs_has_filter(args) && !devs_has_pattern(args));
}

static enum status delete_names(struct app *app, const struct args *args)
{
	struct tally tally = { 0 };

	for (size_t i = 0; i < args->n_items; i++)
		tally_add(&tally, delete_one(app, args, args->items[i]));
	return tally_status(&tally);
}

/* ---- many ---- */

DEFINE_CLEANUP(struct vdpa_bulk, vdpa_bulk_unref)

static enum status fill_bulk(struct app *app, const struct devs *devs, struct vdpa_bulk **bulk)
{
	if (vdpa_bulk_new(app->ctx, bulk) < 0)
		return diag_ctx(app, NULL);
	for (size_t i = 0; i < devs->n; i++) {
		if (vdpa_bulk_del(*bulk, vdpa_dev_get_name(devs->v[i].dev)) < 0)
			return diag_ctx(app, NULL);
	}
	return ST_OK;
}

/* One that went by itself meanwhile is what was wanted. */
static enum status delete_selected(struct app *app, const struct args *args,
				   const struct devs *devs, struct tally *tally)
{
	CLEANUP(cleanup_vdpa_bulk_unref_cb) struct vdpa_bulk *bulk = NULL;
	unsigned int flags = VDPA_BULK_KEEP_GOING | VDPA_BULK_PIPELINE;
	enum status status = fill_bulk(app, devs, &bulk);

	if (status)
		return status;
	(void)!vdpa_bulk_run(bulk, flags | (args->has & HAS_FORCE ? VDPA_FORCE : 0));
	for (size_t i = 0; i < devs->n; i++) {
		const struct vdpa_error *err = NULL;
		int r = vdpa_bulk_get_result(bulk, i, &err);

		if (r > 0) /* out of memory */
			status = diag_error(app, vdpa_bulk_get_name(bulk, i), NULL, NULL);
		else if (r < 0 && r != -ENODEV)
			status = diag_error(app, vdpa_bulk_get_name(bulk, i), err, NULL);
		else
			status = ST_OK;
		if (!status)
			link_tidy(vdpa_bulk_get_name(bulk, i));
		tally_add(tally, status);
	}
	return ST_OK;
}

/* ---- telling only ---- */

/* Whoever may not delete is told so by the kernel, and not this. */
static bool may_be_hidden(const struct args *args, const struct devs *devs,
			  const struct dev_item *it)
{
	return it->sysdev && vdpa_sysdev_get_chardev(it->sysdev) && !it->n_users && !geteuid() &&
	       !(args->has & HAS_FORCE) && !vdpa_user_list_is_complete(devs->users);
}

static enum status tell_one(struct app *app, const struct args *args, const struct devs *devs,
			    size_t i)
{
	CLEANUP(strbuf_free) struct strbuf who = STRBUF_INIT;
	const struct dev_item *it = &devs->v[i];
	const char *name = vdpa_dev_get_name(it->dev);
	json_t *o;

	if (may_be_hidden(args, devs, it))
		return diag_fail(app, name, EBUSY, NULL,
				 "busy: %s may be open in a process that can't be seen from here",
				 vdpa_sysdev_get_chardev(it->sysdev));
	if (it->n_users && vdpa_sysdev_get_chardev(it->sysdev) && !(args->has & HAS_FORCE)) {
		devs_users_text(&who, devs, i);
		return diag_fail(app, name, EBUSY, NULL, "busy: %s is open in %s",
				 vdpa_sysdev_get_chardev(it->sysdev), who.s ? who.s : "a process");
	}
	if (!app->opt.json) {
		text_escaped(&app->out, name);
		strbuf_add(&app->out, ": would be deleted\n");
		return ST_OK;
	}
	o = json_make_object();
	json_put(o, "action", json_make_string("delete"));
	out_member(app, name, o);
	return ST_OK;
}

static enum status tell(struct app *app, const struct args *args, struct devs *devs,
			struct tally *tally)
{
	enum status status;

	devs_sysdevs(app, devs);
	status = devs_users(app, devs);
	for (size_t i = 0; i < devs->n && !status; i++)
		tally_add(tally, tell_one(app, args, devs, i));
	return status;
}

static enum status select_and_delete(struct app *app, const struct args *args)
{
	CLEANUP(devs_free) struct devs devs = { 0 };
	bool if_exists = args->has & HAS_IF_EXISTS;
	struct tally tally = { 0 };
	enum status status = devs_select(app, args, if_exists, &devs, &tally);

	if (!status && !devs.n && !tally.bad && !if_exists)
		return diag_fail(app, NULL, ENODEV, NULL, "no device matches");
	if (!status && app->opt.dry_run)
		status = tell(app, args, &devs, &tally);
	else if (!status && devs.n)
		status = delete_selected(app, args, &devs, &tally);
	return status ? status : tally_status(&tally);
}

static enum status run(struct app *app, const struct args *args)
{
	enum status status = ST_OK;

	if (app->opt.dry_run)
		status = app_open_section(app, "dev");
	if (!status)
		status = app_connect(app);
	if (status)
		return status;
	if (are_names(app, args) && !app->opt.dry_run)
		return delete_names(app, args);
	return select_and_delete(app, args);
}

static const struct arg args[] = {
	{
		.kind = VALUE_DEV,
		.has = HAS_ITEMS,
		.metavar = "DEV",
		.help = "devices to delete, or patterns like 'vm*'; all are tried",
		.required = true,
		.or_words = true,
		.repeat = true,
	},
	DEV_ARG_OF_MGMTDEV,
	DEV_ARG_OF_TYPE,
	DEV_ARG_OF_DRIVER,
	{
		.word = "if_exists",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_IF_EXISTS,
		.help = "a device that is not there is no failure",
	},
	DEV_ARG_FORCE("delete a device that is in use, too"),
	ARG_END,
};

const struct command cmd_dev_del = {
	.name = "del",
	.summary = "delete devices (needs CAP_NET_ADMIN)",
	.match = MATCH_PREFIX,
	.dry_run = true,
	.args = args,
	.run = run,
};
