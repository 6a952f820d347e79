// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dev replace: the same device whatever there is before.  It is compared as
 * `apply` compares; a MAC address and the driver are changed in place, anything else
 * means to delete the device and to make it anew.
 */
#include <errno.h>
#include <string.h>

#include "bind.h"
#include "command.h"
#include "dev_args.h"
#include "devs.h"
#include "make.h"
#include "state.h"
#include "state_diff.h"
#include "vduse.h"

enum result {
	RESULT_UNCHANGED,
	RESULT_CREATED,
	RESULT_CHANGED,
	RESULT_RECREATED,
};

static const char *const result_words[] = { "unchanged", "created", "changed", "recreated" };

struct replace {
	struct app *app;
	const struct args *args; /* without "force", which is not that of `dev add` here ... */
	bool force; /* ... but takes what is in use */
	struct vdpa_spec *spec; /* owned; what is asked for */
	struct make_plan plan;
	struct state_device want; /* the same; its strings are args' */
	struct state_device have; /* owned */
	enum result result;
};

/* ---- comparing ---- */

static void read_want(struct replace *r)
{
	struct state_device *want = &r->want;
	uint16_t number;

	want->name = (char *)(uintptr_t)r->args->name;
	want->mgmtdev = (char *)(uintptr_t)r->args->mgmtdev;
	want->driver = r->plan.driver;
	if (r->plan.owned)
		want->node.is = r->plan.owner;
	if (vdpa_spec_get_mac(r->spec, want->mac))
		want->has |= STATE_HAS_MAC;
	if (vdpa_spec_get_mtu(r->spec, &number)) {
		want->has |= STATE_HAS_MTU;
		want->mtu = number;
	}
	if (vdpa_spec_get_max_vqp(r->spec, &number)) {
		want->has |= STATE_HAS_MAX_VQP;
		want->max_vqp = number;
	}
	if (vdpa_spec_get_features(r->spec, &want->features))
		want->has |= STATE_HAS_FEATURES;
}

/* Any address is one that chance may have given, so that it need not be another one. */
static void take_random_mac(struct replace *r)
{
	static const uint8_t zero[6];

	if (r->args->mac_random && r->have.has & STATE_HAS_MAC &&
	    memcmp(r->have.mac, zero, sizeof(zero)))
		memcpy(r->want.mac, r->have.mac, sizeof(r->want.mac));
}

/* A class without a configuration has none that could differ. */
static enum status read_have(struct replace *r, const struct vdpa_dev *dev)
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *config = NULL;
	const char *name = r->args->name;
	int err;

	if (!vdpa_dev_get_mgmtdev(dev))
		return diag_fail(r->app, name, EOPNOTSUPP, NULL,
				 "cannot replace device \"%s\": its driver made it by itself",
				 name);
	err = vdpa_config_get(r->app->ctx, name, &config);
	if (err < 0 && err != -EOPNOTSUPP)
		return diag_ctx(r->app, name);
	if (!state_device_of(dev, config, &r->have))
		return diag_error(r->app, name, NULL, NULL);
	take_random_mac(r);
	return ST_OK;
}

/* ---- changing ---- */

/* What is not given is as it was: the driver, and whom its char device belongs to. */
static void keep_driver(struct replace *r)
{
	if (!r->plan.driver)
		r->plan.driver = r->have.driver ? r->have.driver : r->have.other_driver;
	if (strcmp(r->plan.driver, "vhost_vdpa"))
		return;
	state_node_keep(&r->want.node, &r->have.node);
	r->plan.owned = state_node_is_given(&r->want.node);
	r->plan.owner = r->want.node.is;
}

static enum status add_kept(struct replace *r, const struct state_device *kept)
{
	int err = state_add_kept(r->app, kept, r->want.has);

	if (err == -ENOMEM)
		return diag_error(r->app, r->args->name, NULL, NULL);
	if (err < 0)
		return make_refused(r->app, r->args);
	if (vdpa_ctx_get_warning(r->app->ctx))
		diag_warning(r->app, vdpa_ctx_get_warning(r->app->ctx));
	return ST_OK;
}

/* From the deletion to the new device, which is waited for without the lock that others need. */
static enum status remake(struct replace *r, const struct state_device *kept,
			  struct autoprobe *autoprobe)
{
	const char *name = r->args->name;
	enum status status;

	if (vdpa_dev_del(r->app->ctx, name, r->force ? VDPA_FORCE : 0) < 0)
		return diag_ctx(r->app, name);
	link_tidy(name);
	status = add_kept(r, kept);
	if (!status) {
		bind_autoprobe_back(r->app, autoprobe);
		status = make_ready(r->app, r->args, &r->plan);
	}
	if (status)
		state_put_back(r->app, &r->have);
	return status;
}

static enum status make_anew(struct replace *r)
{
	struct state_device kept = state_device_keep(r->app, &r->want, &r->have);
	const char *name = r->args->name;
	enum status status = state_check_unused(r->app, name, r->force);
	struct autoprobe autoprobe;

	if (!status)
		status = bind_autoprobe_off(r->app, name, &autoprobe);
	if (status)
		return status;
	keep_driver(r);
	r->result = RESULT_RECREATED;
	status = remake(r, &kept, &autoprobe);
	bind_autoprobe_back(r->app, &autoprobe);
	return status;
}

/* The driver that the device is to have, and whom its char device belongs to. */
static enum status change_driver(struct replace *r, unsigned int differs)
{
	enum status status = ST_OK;

	if (!make_has_more(r->args))
		return ST_OK;
	if (differs & STATE_DIFF_DRIVER && (!r->have.driver || strcmp(r->have.driver, "none")))
		status = state_check_unused(r->app, r->args->name, r->force);
	if (status)
		return status;
	if (differs & (STATE_DIFF_DRIVER | STATE_DIFF_NODE) && r->result == RESULT_UNCHANGED)
		r->result = RESULT_CHANGED;
	return make_bound(r->app, r->args->name, &r->plan, r->force);
}

static enum status adjust(struct replace *r)
{
	const struct vdpa_mgmtdev *m = app_mgmtdev(r->app, r->args->mgmtdev);
	unsigned int differs = state_diff(&r->want, &r->have);
	enum status status = ST_OK;
	uint64_t offered;
	bool anew;

	if (m && vdpa_mgmtdev_get_features(m, &offered))
		differs |= state_diff_lacking(&r->want, &r->have, offered);
	anew = differs & STATE_DIFF_FIXED;
	if (!anew && differs & STATE_DIFF_MAC)
		status = state_set_mac(r->app, &r->have, r->want.mac, r->force, &anew);
	if (status)
		return status;
	if (!anew && differs & STATE_DIFF_MAC)
		r->result = RESULT_CHANGED;
	return anew ? make_anew(r) : change_driver(r, differs);
}

static enum status replace(struct replace *r)
{
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	int err = vdpa_dev_get(r->app->ctx, r->args->name, &dev);
	enum status status;

	if (err == -ENODEV) {
		r->result = RESULT_CREATED;
		return make_device(r->app, r->args, r->spec, &r->plan);
	}
	if (err < 0)
		return diag_ctx(r->app, r->args->name);
	read_want(r);
	status = read_have(r, dev);
	return status ? status : adjust(r);
}

static enum status run(struct app *app, const struct args *given)
{
	struct args args = *given;
	struct replace r = { .app = app, .args = &args, .force = args.has & HAS_FORCE };
	enum status status = app_open_section(app, "dev");
	sigset_t before;

	args.has &= ~HAS_FORCE;
	if (!status)
		status = make_spec(app, &args, &r.spec);
	if (!status)
		status = make_plan(app, &args, &r.plan);
	if (!status) {
		vduse_hold_signals(&before);
		status = replace(&r);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	if (!status) {
		const struct outcome outcome = {
			.word = result_words[r.result],
			.key = "result",
			.changed = r.result != RESULT_UNCHANGED,
		};

		status = devs_print_outcome(app, args.name, &outcome);
	}
	state_device_free(&r.have);
	vdpa_spec_unref(r.spec);
	return status;
}

const struct command cmd_dev_replace = {
	.name = "replace",
	.summary = "make a device, or make the one of that name so (needs CAP_NET_ADMIN)",
	.match = MATCH_NEW,
	.args = dev_add_args,
	.run = run,
};
