// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dev replace: the same device whatever there is before.  What can be read back
 * is compared; a MAC address is changed in place, anything else means to delete
 * the device and to make it anew.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "command.h"
#include "dev_args.h"
#include "devs.h"
#include "make.h"
#include "vduse.h"

enum difference {
	DIFF_NONE,
	DIFF_MAC, /* nothing but that */
	DIFF_MORE,
};

enum result {
	RESULT_UNCHANGED,
	RESULT_CREATED,
	RESULT_CHANGED,
	RESULT_RECREATED,
};

static const char *const result_words[] = { "unchanged", "created", "changed", "recreated" };

struct replace {
	struct app *app;
	const struct args *args;
	struct vdpa_spec *spec; /* owned */
	struct make_plan plan;
	enum result result;
};

/* ---- comparing ---- */

static bool same_mac(const struct replace *r, const struct vdpa_config *c)
{
	static const uint8_t zero[6];
	uint8_t want[6], now[6];

	if (!vdpa_spec_get_mac(r->spec, want))
		return true;
	if (!vdpa_config_get_mac(c, now))
		return false;
	/* Any address is one that chance may have given. */
	if (r->args->mac_random)
		return memcmp(now, zero, sizeof(now));
	return !memcmp(now, want, sizeof(now));
}

static bool same_rest(const struct vdpa_spec *spec, const struct vdpa_config *c)
{
	uint64_t features, want_features;
	uint16_t now, want;

	if (vdpa_spec_get_mtu(spec, &want) && (!vdpa_config_get_mtu(c, &now) || now != want))
		return false;
	/* Without MQ there is one pair, and the kernel does not say so. */
	if (vdpa_spec_get_max_vqp(spec, &want) &&
	    (vdpa_config_get_max_vqp(c, &now) ? now : 1) != want)
		return false;
	return !vdpa_spec_get_features(spec, &want_features) ||
	       (vdpa_config_get_features(c, &features) && features == want_features);
}

static bool has_attributes(const struct replace *r)
{
	return r->args->has & (HAS_MAC | HAS_MTU | HAS_MAX_VQP | HAS_MAX_VQS | HAS_FEATURES);
}

static enum status compare(const struct replace *r, const struct vdpa_dev *dev,
			   enum difference *diff)
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *c = NULL;
	const char *handle = vdpa_dev_get_mgmtdev(dev);
	uint8_t mac[6];

	*diff = DIFF_NONE;
	if (!handle)
		return diag_fail(r->app, r->args->name, EOPNOTSUPP, NULL,
				 "cannot replace device \"%s\": its driver made it by itself",
				 r->args->name);
	if (strcmp(handle, r->args->mgmtdev)) {
		*diff = DIFF_MORE;
		return ST_OK;
	}
	if (!has_attributes(r))
		return ST_OK;
	if (vdpa_config_get(r->app->ctx, r->args->name, &c) < 0)
		return diag_ctx(r->app, r->args->name);
	if (!same_rest(r->spec, c))
		*diff = DIFF_MORE;
	else if (!same_mac(r, c))
		*diff = vdpa_config_get_mac(c, mac) ? DIFF_MAC : DIFF_MORE;
	return ST_OK;
}

/* ---- what is in the way ---- */

static bool is_up(const char *ifname)
{
	char path[128], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/flags", ifname);
	f = fopen(path, "re");
	if (f) {
		(void)!fgets(text, sizeof(text), f);
		fclose(f);
	}
	return strtoul(text, NULL, 0) & 1;
}

/* The device would vanish from under its user. */
static enum status check_unused(const struct replace *r, const struct vdpa_sysdev *s)
{
	const char *ifname = vdpa_sysdev_get_netdev(s);

	if (r->args->has & HAS_FORCE)
		return ST_OK;
	if (ifname && is_up(ifname))
		return diag_fail(r->app, r->args->name, EBUSY,
				 "take it down first; \"force\" takes it away all the same",
				 "busy: interface %s is up", ifname);
	return vduse_check_unused(r->app, r->args->name, s);
}

/* ---- changing ---- */

/* Nothing but the address: there is no more that can be changed. */
static int set_mac(const struct replace *r)
{
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;
	uint8_t mac[6] = { 0 };

	if (vdpa_spec_new(&spec) < 0 || vdpa_spec_set_name(spec, r->args->name) < 0)
		return -ENOMEM;
	vdpa_spec_get_mac(r->spec, mac);
	vdpa_spec_set_mac(spec, mac);
	return vdpa_dev_set(r->app->ctx, spec);
}

/*
 * The driver of a virtio device reads its address once, so that it is bound anew.
 * *diff becomes DIFF_MORE when the parent does not change addresses.
 */
static enum status change_mac(struct replace *r, const struct vdpa_sysdev *s, enum difference *diff)
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *c = NULL;
	const char *name = r->args->name, *driver = vdpa_sysdev_get_driver(s);
	bool virtio = driver && !strcmp(driver, "virtio_vdpa");
	enum status status = virtio ? check_unused(r, s) : ST_OK;
	int err;

	if (status)
		return status;
	err = set_mac(r);
	/* Some answer "not supported" with success and a text. */
	if (!err && vdpa_ctx_get_warning(r->app->ctx))
		err = -EOPNOTSUPP;
	if (!err && (vdpa_config_get(r->app->ctx, name, &c) < 0 || !same_mac(r, c)))
		err = -EOPNOTSUPP;
	if (err == -EOPNOTSUPP || err == -EINVAL) {
		*diff = DIFF_MORE;
		return ST_OK;
	}
	if (err < 0)
		return err == -ENOMEM ? diag_error(r->app, name, NULL, NULL) :
					diag_ctx(r->app, name);
	r->result = RESULT_CHANGED;
	if (virtio && (vdpa_dev_unbind(r->app->ctx, name, 0) < 0 ||
		       vdpa_dev_bind(r->app->ctx, name, driver, 0) < 0))
		return diag_ctx(r->app, name);
	return ST_OK;
}

static enum status make_anew(struct replace *r, const struct vdpa_sysdev *s)
{
	const char *name = r->args->name, *driver = vdpa_sysdev_get_driver(s);
	enum status status = check_unused(r, s);

	if (status)
		return status;
	if (vdpa_dev_del(r->app->ctx, name, r->args->has & HAS_FORCE ? VDPA_FORCE : 0) < 0)
		return diag_ctx(r->app, name);
	/* Where no driver was asked for it keeps the one that it had. */
	if (!r->plan.driver)
		r->plan.driver = driver ? driver : "none";
	status = make_device(r->app, r->args, r->spec, &r->plan);
	if (status)
		diag_note(r->app, "\"%s\" was deleted, and could not be made anew", name);
	r->result = RESULT_RECREATED;
	return status;
}

/* The driver that the device is to have, when it has another one. */
static enum status change_driver(struct replace *r)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	const char *driver, *name = r->args->name;

	if (!make_has_more(r->args))
		return ST_OK;
	if (vdpa_sysdev_get(r->app->ctx, name, &s) < 0)
		return diag_ctx(r->app, name);
	driver = vdpa_sysdev_get_driver(s);
	if (r->plan.driver && strcmp(driver ? driver : "none", r->plan.driver)) {
		enum status status = driver ? check_unused(r, s) : ST_OK;

		if (status)
			return status;
		if (r->result == RESULT_UNCHANGED)
			r->result = RESULT_CHANGED;
	}
	return make_bound(r->app, name, &r->plan, r->args->has & HAS_FORCE);
}

static enum status adjust(struct replace *r, const struct vdpa_dev *dev)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;
	enum difference diff;
	enum status status = compare(r, dev, &diff);

	if (!status && vdpa_sysdev_get(r->app->ctx, r->args->name, &s) < 0)
		status = diag_ctx(r->app, r->args->name);
	if (!status && diff == DIFF_MAC)
		status = change_mac(r, s, &diff);
	if (status)
		return status;
	return diff == DIFF_MORE ? make_anew(r, s) : change_driver(r);
}

static enum status replace(struct replace *r)
{
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	int err = vdpa_dev_get(r->app->ctx, r->args->name, &dev);

	if (err == -ENODEV) {
		r->result = RESULT_CREATED;
		return make_device(r->app, r->args, r->spec, &r->plan);
	}
	return err < 0 ? diag_ctx(r->app, r->args->name) : adjust(r, dev);
}

static enum status run(struct app *app, const struct args *args)
{
	struct replace r = { .app = app, .args = args };
	enum status status = app_open_section(app, "dev");
	sigset_t before;

	if (!status)
		status = make_spec(app, args, &r.spec);
	if (!status)
		status = make_plan(app, args, &r.plan);
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

		status = devs_print_outcome(app, args->name, &outcome);
	}
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
