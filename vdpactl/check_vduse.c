// SPDX-License-Identifier: GPL-2.0-or-later
/* Do the daemons of VDUSE devices live, and serve? */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "json_dl.h"
#include "vduse.h"

/* For all daemons together. */
#define ASK_MS 10000

static void ask_daemon(struct check *c, const char *name)
{
	CLEANUP(vduse_status_free) struct vduse_status s = { 0 };
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;

	/* It says so itself, once is enough. */
	c->no_json = c->no_json || json_load(c->app);
	if (c->no_json)
		check_add(c, CHECK_WARNING, name, "install libjansson (Debian: libjansson4)",
			  "its daemon lives and was not asked: the talk with it needs libjansson");
	else if (vduse_get_status(c->app, name, &s, &err) < 0)
		check_add(
			c, CHECK_PROBLEM, name,
			"look what it waits for, or kill it and `vdpactl vduse restart` the device",
			"its daemon lives and does not answer%s%s", err.len ? ": " : "",
			err.len ? err.s : "");
	else if (s.broken)
		check_add(c, CHECK_PROBLEM, name, "`vdpactl vduse del`, and add it again",
			  "the kernel gave it up, as its daemon did not answer in time");
	else if (s.failing)
		check_add(c, CHECK_WARNING, name, "`vdpactl vduse restart` serves it again",
			  "its daemon answers every request with an error");
	else
		check_add(c, CHECK_OK, name, NULL, "vdused serves it, process %d", (int)s.pid);
}

/* Somebody else's: whoever has the node open is its daemon. */
static void find_daemon(struct check *c, const char *name)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	CLEANUP(strbuf_free) struct strbuf node = STRBUF_INIT;

	strbuf_addf(&node, "/dev/vduse/%s", name);
	if (node.failed || vdpa_user_list_node(c->app->ctx, node.s, &users) < 0)
		return;
	if (vdpa_user_list_get_size(users))
		check_add(c, CHECK_OK, name, NULL, "%s serves it, process %d",
			  vdpa_user_list_get_comm(users, 0), (int)vdpa_user_list_get_pid(users, 0));
	else if (geteuid() != 0)
		check_add(c, CHECK_INFO, name, NULL,
			  "whether a process serves it can't be seen without privileges");
	else
		check_add(c, CHECK_PROBLEM, name,
			  "start its daemon again; do not delete it before, the kernel may wait "
			  "without end",
			  "no process has its VDUSE device open: whoever uses it waits");
}

/* `each`: also those of other programs, whose daemon has to be looked for. */
static void check_one(struct check *c, const char *name, bool each)
{
	int r = vduse_lock_state(name);

	if (r == -EACCES)
		check_add(c, CHECK_INFO, name, NULL,
			  "its daemon's directory can't be read without privileges");
	else if (r < 0)
		check_add(c, CHECK_WARNING, name, NULL, "its daemon's directory can't be read: %s",
			  strerror(-r));
	else if (r == VDUSE_HELD)
		ask_daemon(c, name);
	else if (r == VDUSE_NO_DIR && each)
		find_daemon(c, name);
	else if (r == VDUSE_NO_DIR)
		return;
	else if (vduse_device_exists(name))
		check_add(
			c, CHECK_PROBLEM, name,
			"`vdpactl vduse rescue` serves it again; do not delete it before by other "
			"means, the kernel may wait without end",
			"its daemon is dead: whoever uses it waits");
	else
		check_add(c, CHECK_INFO, name, "`vdpactl vduse del` removes it",
			  "a daemon that is dead left its directory");
}

static bool is_named(const char *name, char **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

void check_vduse(struct check *c, char **names, size_t n)
{
	CLEANUP(vduse_names_free) struct vduse_names all = { 0 };
	int64_t end = app_now_ms() + app_limit_ms(c->app, ASK_MS);
	int r = vduse_names(&all);

	if (r < 0) {
		check_add(c, CHECK_INFO, "vduse", NULL, "cannot look into %s: %s",
			  vduse_runtime_dir(), strerror(-r));
		return;
	}
	for (size_t i = 0; i < all.size; i++) {
		if (!c->all && !is_named(all.names[i], names, n))
			continue;
		if (app_now_ms() >= end) {
			check_add(c, CHECK_WARNING, "vduse", "`vdpactl check NAME` asks one",
				  "daemons do not answer in time: \"%s\" and those after it were "
				  "not asked",
				  all.names[i]);
			return;
		}
		check_one(c, all.names[i], !c->all || all.size <= CHECK_EACH_MAX);
	}
}
