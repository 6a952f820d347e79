// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse del */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "json_dl.h"
#include "link.h"
#include "vduse.h"

/* From a daemon's answer to its process's end, and from that to nothing left. */
#define END_MS 5000
/* From the errors that users of a disk got to their end. */
#define CLOSE_MS 2000
#define POLL_MS 20
/* After that no more are begun before these are finished: one may take half a minute to be written back. */
#define BEGIN_MS 1000

DEFINE_CLEANUP(struct vdpa_bulk, vdpa_bulk_unref)

enum status vduse_destroy(struct app *app, const char *name)
{
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;
	int r = vduse_lock_state(name);

	if (r == VDUSE_HELD) {
		r = vduse_request(name, "{\"command\":\"stop\",\"destroy\":true}\n",
				  app_limit_ms(app, VDUSE_STOP_MS), NULL, NULL, &err);
		if (r && r != -ENODEV)
			return diag_fail(app, name, -r, NULL,
					 "the daemon of \"%s\" does not stop: %s", name,
					 err.s ? err.s : strerror(-r));
		r = vduse_wait_gone(name, app_limit_ms(app, END_MS));
	}
	if (r == -ETIMEDOUT)
		return diag_fail(app, name, ETIMEDOUT, NULL, "the daemon of \"%s\" does not end",
				 name);
	/* It has done this already, unless it died before it could. */
	if (r >= 0)
		r = vduse_remove(name);
	if (r < 0)
		return diag_fail(app, name, -r, NULL, "cannot remove VDUSE device \"%s\": %s", name,
				 strerror(-r));
	return ST_OK;
}

/* Its daemon is gone: what a driver asked of it may wait for an answer for ever. */
static enum status revive(struct app *app, const char *name, bool force)
{
	CLEANUP(strbuf_free) struct strbuf hint = STRBUF_INIT;

	if (force)
		return vduse_resume(app, name, true);
	strbuf_addf(&hint,
		    "`vdpactl vduse rescue %s` serves it again; \"force\" answers them with errors",
		    name);
	return diag_fail(app, name, EBUSY, hint.s,
			 "busy: the daemon of \"%s\" is gone, and requests may wait for it", name);
}

/* Who just got an error for what was waiting is about to close the disk. */
static void let_users_close(struct app *app, const char *node)
{
	int64_t end = app_now_ms() + app_limit_ms(app, CLOSE_MS);

	while (node && app_now_ms() < end) {
		CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;

		if (vdpa_user_list_node(app->ctx, node, &users) < 0 ||
		    !vdpa_user_list_get_size(users))
			return;
		app_nap_ms(POLL_MS);
	}
}

/* Requests that the block layer waits for: "0 0" when there are none. */
static bool has_requests(const struct vdpa_sysdev *s)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_FCLOSE FILE *f = NULL;
	unsigned long reads = 1, writes = 0;
	const char *disk = vdpa_sysdev_get_blockdev(s);

	if (!disk)
		return false;
	strbuf_addf(&path, "/sys/block/%s/inflight", disk);
	f = path.failed ? NULL : fopen(path.s, "re");
	return f && fscanf(f, "%lu %lu", &reads, &writes) == 2 && (reads || writes);
}

static enum status check_broken(struct app *app, const char *name, const struct vdpa_sysdev *s,
				bool force)
{
	if (has_requests(s))
		return diag_fail(app, name, EBUSY, "only a restart of the host ends that",
				 "busy: the kernel gave \"%s\" up with requests in flight, which "
				 "nobody can answer any more",
				 name);
	if (!force)
		return diag_fail(app, name, EIO, "\"force\" deletes it all the same",
				 "the kernel gave \"%s\" up: nothing can be written back", name);
	return ST_OK;
}

enum status vduse_check_alive(struct app *app, const char *name, const struct vdpa_sysdev *s,
			      bool force, bool *gone, bool *broken)
{
	CLEANUP(strbuf_free) struct strbuf err = STRBUF_INIT;
	struct vduse_status status;
	int r;

	*broken = false;
	*gone = vduse_lock_state(name) != VDUSE_HELD;
	if (*gone)
		return ST_OK;
	r = vduse_get_status(app, name, &status, &err);
	*broken = !r && status.broken;
	vduse_status_free(&status);
	if (r)
		return diag_fail(app, name, -r, "end its process, then `vduse rescue`",
				 "cannot delete \"%s\": %s", name, err.s ? err.s : strerror(-r));
	return *broken ? check_broken(app, name, s, force) : ST_OK;
}

/* Sees to it that nothing is in the way of deleting the vdpa device, which is *s; NULL: there is none. */
static enum status clear_way(struct app *app, const char *name, bool force, struct vdpa_sysdev **s)
{
	bool gone, broken;
	enum status status;
	const char *driver;
	int r;

	r = vduse_get_device(app, name, s);
	if (r == -ENODEV)
		return ST_OK;
	if (r < 0)
		return diag_ctx(app, name);
	status = vduse_check_alive(app, name, *s, force, &gone, &broken);
	/* A virtual machine that uses it is found below; one that ended left no request. */
	driver = vdpa_sysdev_get_driver(*s);
	if (!status && gone && driver && !strcmp(driver, "virtio_vdpa")) {
		status = revive(app, name, force);
		if (!status)
			let_users_close(app, vdpa_sysdev_get_node(*s));
	}
	if (!status)
		status = vduse_check_unused(app, name, *s);
	if (!status && vdpa_sysdev_get_blockdev(*s) && !broken)
		status = vduse_flush(app, name, vdpa_sysdev_get_node(*s), force);
	return status;
}

/* Takes the vdpa device away from its driver and deletes it. */
static enum status detach(struct app *app, const char *name)
{
	/* It may have died since it answered: all this may have taken a minute. */
	if (vdpa_dev_del(app->ctx, name, vduse_served(app, name)) < 0 &&
	    vdpa_error_get_errno(vdpa_ctx_get_error(app->ctx)) != ENODEV)
		return diag_ctx(app, name);
	link_tidy(name);
	return ST_OK;
}

static enum status check_ours(struct app *app, const char *name)
{
	int lock = vduse_lock_state(name);

	if (lock < 0)
		return diag_fail(app, name, -lock, lock == -EACCES ? "this needs root" : NULL,
				 "cannot look into %s/%s: %s", vduse_runtime_dir(), name,
				 strerror(-lock));
	if (lock != VDUSE_NO_DIR)
		return ST_OK;
	if (!vduse_device_exists(name))
		return diag_fail(app, name, ENODEV, NULL, "no VDUSE device is named \"%s\"", name);
	return diag_fail(app, name, EOPNOTSUPP,
			 "`dev del` deletes its vDPA device, its program the VDUSE device",
			 "VDUSE device \"%s\" is another program's", name);
}

/* ---- several ---- */

/* *together: it has a char device, so that deleting it takes a search for who has that open. */
static enum status begin(struct app *app, const char *name, bool force, bool *together)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	enum status status = check_ours(app, name);

	*together = false;
	if (!status)
		status = clear_way(app, name, force, &s);
	if (status || !s)
		return status;
	*together = vdpa_sysdev_get_chardev(s);
	return *together ? ST_OK : detach(app, name);
}

/* One search serves them all. */
static void detach_together(struct app *app, struct vduse_deletion *const *v, size_t n)
{
	CLEANUP(cleanup_vdpa_bulk_unref_cb) struct vdpa_bulk *bulk = NULL;
	bool ready = vdpa_bulk_new(app->ctx, &bulk) == 0;

	for (size_t i = 0; i < n && ready; i++)
		ready = vdpa_bulk_del(bulk, v[i]->name) == 0;
	if (ready)
		(void)!vdpa_bulk_run(bulk, VDPA_BULK_KEEP_GOING | VDPA_BULK_PIPELINE);
	for (size_t i = 0; i < n; i++) {
		const struct vdpa_error *err = NULL;
		int r = ready ? vdpa_bulk_get_result(bulk, i, &err) : 1;

		if (r > 0) /* out of memory */
			v[i]->status = diag_error(app, v[i]->name, NULL, NULL);
		else if (r < 0 && r != -ENODEV)
			v[i]->status = diag_error(app, v[i]->name, err, NULL);
		else
			link_tidy(v[i]->name);
	}
}

size_t vduse_delete_all(struct app *app, struct vduse_deletion *v, size_t n, bool force)
{
	struct vduse_deletion *together[VDUSE_DELETIONS];
	int64_t end = app_now_ms() + BEGIN_MS;
	size_t n_together = 0, begun = 0;

	while (begun < n && !vduse_interrupted(app) && (!begun || app_now_ms() < end)) {
		struct vduse_deletion *d = &v[begun++];
		bool is_together;

		d->status = begin(app, d->name, force, &is_together);
		if (is_together)
			together[n_together++] = d;
	}
	if (n_together)
		detach_together(app, together, n_together);
	for (size_t i = 0; i < begun; i++) {
		if (!v[i].status)
			v[i].status = vduse_destroy(app, v[i].name);
	}
	return begun;
}

static enum status run(struct app *app, const struct args *args)
{
	enum status status = vduse_check_name(app, args->name);
	struct vduse_deletion deletion = { .name = args->name };

	if (!status)
		status = json_load(app);
	if (!status)
		status = app_context(app);
	if (!status && !vduse_delete_all(app, &deletion, 1, args->has & HAS_FORCE))
		status = diag_fail(app, args->name, EINTR, NULL, "interrupted");
	return status ? status : deletion.status;
}

static const struct arg args[] = {
	{
		.kind = VALUE_VDUSE,
		.has = HAS_ITEMS,
		.metavar = "NAME",
		.help = "the device to delete, which must not be in use",
		.required = true,
	},
	{
		.word = "force",
		.match = MATCH_NEW,
		.kind = VALUE_NONE,
		.has = HAS_FORCE,
		.help = "requests that wait for a daemon that is gone fail, and what can't be "
			"written back is lost",
	},
	ARG_END,
};

const struct command cmd_vduse_del = {
	.name = "del",
	.summary = "write back, delete, and end the daemon (root)",
	.match = MATCH_NEW,
	.args = args,
	.run = run,
};
