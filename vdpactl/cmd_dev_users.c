// SPDX-License-Identifier: GPL-2.0-or-later
/* dev users */
#include "command.h"
#include "dev_args.h"
#include "json_dl.h"
#include "text.h"
#include "view.h"

static void print_text(struct app *app, const struct vdpa_user_list *users)
{
	for (size_t i = 0; i < vdpa_user_list_get_size(users); i++) {
		text_u64(&app->out, (uint64_t)vdpa_user_list_get_pid(users, i));
		strbuf_addc(&app->out, ' ');
		text_escaped(&app->out, vdpa_user_list_get_comm(users, i));
		strbuf_addc(&app->out, '\n');
	}
}

static void print_json(struct app *app, const char *name, const struct vdpa_user_list *users)
{
	json_t *o = json_make_object();

	json_put(o, "users", view_json_users(users, 0, vdpa_user_list_get_size(users)));
	out_member(app, name, o);
}

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	enum status status = app_open_section(app, "dev");

	if (!status)
		status = app_context(app);
	if (status)
		return status;
	if (vdpa_sysdev_get(app->ctx, args->name, &s) < 0 ||
	    vdpa_user_list_devs(app->ctx, &s, 1, &users) < 0)
		return diag_ctx(app, args->name);
	if (!vdpa_user_list_is_complete(users))
		diag_note(app,
			  geteuid() ?
				  "processes of other users are left out: to see them needs root" :
				  "processes that can't be seen from here are left out: those "
				  "of other PID namespaces, or that /proc hides");
	if (app->opt.json)
		print_json(app, args->name, users);
	else
		print_text(app, users);
	return ST_OK;
}

static const struct arg args[] = {
	DEV_ARG_ONE,
	ARG_END,
};

const struct command cmd_dev_users = {
	.name = "users",
	.summary = "show which processes have a device's node open",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
