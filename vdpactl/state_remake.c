// SPDX-License-Identifier: GPL-2.0-or-later
/* A device that is deleted and made anew: as it was, or with what is asked of it.  And one that gets another address. */
#include <errno.h>
#include <string.h>

#include "args.h"
#include "bind.h"
#include "state.h"
#include "state_diff.h"
#include "vduse.h"

int state_spec(const struct state_device *d, struct vdpa_spec **spec)
{
	if (vdpa_spec_new(spec) < 0 || vdpa_spec_set_name(*spec, d->name) < 0 ||
	    vdpa_spec_set_mgmtdev(*spec, d->mgmtdev) < 0)
		return -ENOMEM;
	if (d->has & STATE_HAS_MAC)
		vdpa_spec_set_mac(*spec, d->mac);
	if (d->has & STATE_HAS_MTU)
		vdpa_spec_set_mtu(*spec, (uint16_t)d->mtu);
	if (d->has & STATE_HAS_MAX_VQP)
		vdpa_spec_set_max_vqp(*spec, (uint16_t)d->max_vqp);
	if (d->has & STATE_HAS_FEATURES)
		vdpa_spec_set_features(*spec, d->features);
	return 0;
}

struct state_device state_device_keep(struct app *app, const struct state_device *want,
				      const struct state_device *have)
{
	static const unsigned int attrs[] = { STATE_HAS_MAC, STATE_HAS_MTU, STATE_HAS_MAX_VQP };
	struct state_device out = *want, old;
	bool known;

	if (!have->mgmtdev || strcmp(want->mgmtdev, have->mgmtdev))
		return out;
	old = state_device_reduced(app, have, &known);
	if (!known)
		old = state_device_told(have);
	if (old.has & ~want->has & STATE_HAS_FEATURES) {
		out.features = old.features;
		out.has |= STATE_HAS_FEATURES;
	}
	for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++) {
		uint64_t feature = state_feature_of(attrs[i]);

		if (want->has & attrs[i] && !(want->has & STATE_HAS_FEATURES))
			out.features |= feature;
		else if (old.has & attrs[i] &&
			 (!(out.has & STATE_HAS_FEATURES) || out.features & feature))
			out.has |= attrs[i];
	}
	if (!(want->has & STATE_HAS_MAC))
		memcpy(out.mac, old.mac, sizeof(out.mac));
	if (!(want->has & STATE_HAS_MTU))
		out.mtu = old.mtu;
	if (!(want->has & STATE_HAS_MAX_VQP))
		out.max_vqp = old.max_vqp;
	return out;
}

/* ---- what a parent takes ---- */

bool state_is_not_taken(const struct vdpa_error *err)
{
	const char *extack = err ? vdpa_error_get_extack(err) : NULL;

	/* Looked at before the parent does anything, in words that have been longer. */
	return extack && strstr(extack, "attributes are not supported");
}

static int add(struct app *app, const struct state_device *d)
{
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;
	int r = state_spec(d, &spec);

	return r ? r : vdpa_dev_add(app->ctx, spec, 0);
}

int state_add_kept(struct app *app, const struct state_device *d, unsigned int given)
{
	/* The first are left out first. */
	static const unsigned int attrs[] = { STATE_HAS_FEATURES, STATE_HAS_MAX_VQP, STATE_HAS_MTU,
					      STATE_HAS_MAC };
	const unsigned int n = sizeof(attrs) / sizeof(*attrs);
	int r = -EOPNOTSUPP;

	for (unsigned int set = 0; set < 1u << n; set++) {
		struct state_device fewer = *d;
		unsigned int out = 0;

		for (unsigned int i = 0; i < n; i++)
			out |= set >> i & 1 ? attrs[i] : 0;
		if (out & ~(d->has & ~given))
			continue;
		fewer.has &= ~out;
		r = add(app, &fewer);
		if (r != -EOPNOTSUPP || !state_is_not_taken(vdpa_ctx_get_error(app->ctx)))
			break;
	}
	return r;
}

/* ---- another address ---- */

/* Nothing but the address: there is no more that can be changed. */
static int set_mac(struct app *app, const char *name, const uint8_t mac[6])
{
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;

	if (vdpa_spec_new(&spec) < 0 || vdpa_spec_set_name(spec, name) < 0)
		return -ENOMEM;
	vdpa_spec_set_mac(spec, mac);
	return vdpa_dev_set(app->ctx, spec);
}

/* Did it take? Some answer "not supported" with success and a text. */
static bool has_mac(struct app *app, const char *name, const uint8_t mac[6])
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *c = NULL;
	uint8_t is[6];

	return !vdpa_ctx_get_warning(app->ctx) && vdpa_config_get(app->ctx, name, &c) == 0 &&
	       vdpa_config_get_mac(c, is) && !memcmp(is, mac, sizeof(is));
}

static enum status fail_mac(struct app *app, const char *name, int err, bool *refused)
{
	if (err == -ENOMEM)
		return diag_error(app, name, NULL, NULL);
	if (!refused || (err != -EOPNOTSUPP && err != -EINVAL))
		return diag_ctx(app, name);
	*refused = true;
	return ST_OK;
}

enum status state_set_mac(struct app *app, const struct state_device *have, const uint8_t mac[6],
			  bool force, bool *refused)
{
	const char *name = have->name;
	bool virtio = state_reads_mac_once(have);
	enum status status = virtio ? state_check_unused(app, name, force) : ST_OK;
	int err;

	if (status)
		return status;
	err = set_mac(app, name, mac);
	if (err < 0)
		return fail_mac(app, name, err, refused);
	if (!has_mac(app, name, mac)) {
		if (!refused)
			return diag_fail(app, name, EOPNOTSUPP, NULL,
					 "\"%s\" does not take another MAC address", name);
		*refused = true;
		return ST_OK;
	}
	if (virtio && (vdpa_dev_unbind(app->ctx, name, 0) < 0 ||
		       vdpa_dev_bind(app->ctx, name, have->driver, 0) < 0))
		return diag_ctx(app, name);
	return ST_OK;
}

bool state_reads_mac_once(const struct state_device *have)
{
	return have->driver && !strcmp(have->driver, "virtio_vdpa");
}

/* ---- a daemon ---- */

static const struct {
	unsigned int state;
	uint64_t args;
} given[] = {
	{ STATE_HAS_QUEUES, HAS_QUEUES },	  { STATE_HAS_QUEUE_SIZE, HAS_QUEUE_SIZE },
	{ STATE_HAS_BLOCK_SIZE, HAS_BLOCK_SIZE }, { STATE_HAS_SERIAL, HAS_SERIAL },
	{ STATE_HAS_CACHE, HAS_CACHE },		  { STATE_HAS_IN_ORDER, HAS_IN_ORDER },
	{ STATE_HAS_RECONNECT, HAS_RECONNECT },	  { STATE_HAS_THREADS, HAS_THREADS },
	{ STATE_HAS_POLL_US, HAS_POLL_US },	  { STATE_HAS_USER, HAS_USER },
};

enum status state_start(struct app *app, const struct state_vduse *v)
{
	struct args args = {
		.name = v->name,
		.vduse = {
			.type = v->type,
			.backend = v->backend,
			.serial = v->serial,
			.cache = v->cache,
			.in_order = v->in_order,
			.block_size = v->block_size == 512 ? "512" : "4096",
			.user = v->user,
			.threads = v->threads,
			.poll_us = v->poll_us,
			.queues = v->queues,
			.queue_size = v->queue_size,
			.reconnect = v->reconnect,
		},
	};
	bool lives;

	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
		if (v->has & given[i].state)
			args.has |= given[i].args;
	}
	if (v->readonly)
		args.has |= HAS_READONLY;
	if (v->packed)
		args.has |= HAS_PACKED;
	return vduse_start_block(app, &args, &lives);
}

/* ---- as it was ---- */

/* Its char device, to whom that belonged, and the link, which went with the old one. */
static int give_again(struct app *app, const char *name, const char *driver,
		      const struct state_node *had)
{
	struct state_node node = { 0 };
	enum status status;

	if (strcmp(driver, "vhost_vdpa"))
		return 0;
	state_node_keep(&node, had);
	app->as_notes = !state_node_is_given(&node);
	status = link_make(app, name, &node.is);
	status = app->as_notes ? ST_OK : status;
	app->as_notes = false;
	return status ? -EIO : 0;
}

static int make_again(struct app *app, const struct state_device *d)
{
	struct autoprobe autoprobe;
	const char *driver = d->driver ? d->driver : d->other_driver;
	int ret;

	/* Without it the host's driver may come first, which is better than no device. */
	(void)bind_autoprobe_off(app, d->name, &autoprobe);
	ret = state_add_kept(app, d, 0);
	bind_autoprobe_back(app, &autoprobe);
	if (!ret && driver && strcmp(driver, "none"))
		ret = vdpa_dev_bind(app->ctx, d->name, driver, 0);
	else if (!ret)
		ret = vdpa_dev_unbind(app->ctx, d->name, 0);
	return ret ? ret : give_again(app, d->name, driver ? driver : "none", &d->node);
}

static void tell_put_back(struct app *app, const char *name, bool done)
{
	diag_note(app, done ? "\"%s\" is as it was" : "\"%s\" could not be made as it was", name);
}

void state_put_back(struct app *app, const struct state_device *have)
{
	bool known;
	struct state_device old = state_device_reduced(app, have, &known);
	int ret;

	if (!known)
		old = state_device_told(have);
	app->must_finish = true;
	ret = make_again(app, &old);
	app->must_finish = false;
	tell_put_back(app, have->name, !ret);
}

static enum status serve_again(struct app *app, const struct host_vduse *have)
{
	const char *name = have->is.name, *driver = have->is.driver;
	enum status status = state_start(app, &have->is);

	if (!status && have->attached)
		status = vduse_attach(app, name);
	if (status || !have->attached || !driver || !strcmp(driver, "none"))
		return status;
	if (vdpa_dev_bind(app->ctx, name, driver, 0) < 0)
		return diag_ctx(app, name);
	if (give_again(app, name, driver, &have->is.node))
		status = ST_ERROR;
	return status;
}

void state_put_back_vduse(struct app *app, const struct host_vduse *have)
{
	enum status status;

	app->must_finish = true;
	status = serve_again(app, have);
	app->must_finish = false;
	tell_put_back(app, have->is.name, !status);
}
