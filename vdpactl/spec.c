// SPDX-License-Identifier: GPL-2.0-or-later
/* From the arguments to what a device shall be. */
#include <errno.h>

#include "command.h"
#include "mac.h"
#include "make.h"
#include "text.h"

/* "MAC, MTU are not offered by PARENT, which offers CSUM, ..." */
static void unoffered_text(struct strbuf *sb, const struct args *args, uint32_t id,
			   uint64_t missing, uint64_t offered)
{
	features_list(sb, id, missing, ",");
	strbuf_addf(sb, " %s not offered by management device \"%s\", which offers ",
		    missing & (missing - 1) ? "are" : "is", args->mgmtdev);
	if (offered)
		features_list(sb, id, offered, ",");
	else
		strbuf_add(sb, "none");
}

static enum status bad_feature(struct app *app, const struct args *args, uint32_t id,
			       uint64_t offered, const char *bad, size_t bad_len)
{
	CLEANUP(strbuf_free) struct strbuf names = STRBUF_INIT;

	features_list(&names, id, offered, ",");
	return diag_usage(app,
			  "%s: device_features \"%s\": \"%.*s\" is not a feature, expected a "
			  "hexadecimal number or names like those that \"%s\" offers: %s",
			  app->path, args->features_text, (int)bad_len, bad, args->mgmtdev,
			  names.len ? names.s : "none");
}

/* Names to bits, which only the parent's class gives a meaning. */
static enum status parse_names(struct app *app, const struct args *args, uint64_t *features)
{
	CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT;
	const struct vdpa_mgmtdev *m = app_mgmtdev(app, args->mgmtdev);
	uint64_t classes = 0, offered = 0;
	const char *bad = NULL;
	size_t bad_len = 0;
	uint32_t id;

	if (!m)
		return diag_ctx(app, args->name);
	vdpa_mgmtdev_get_classes(m, &classes);
	id = features_id(false, classes);
	if (!vdpa_mgmtdev_get_features(m, &offered) && !(args->has & HAS_FORCE))
		return diag_fail(app, args->name, EOPNOTSUPP, NULL,
				 "management device \"%s\" does not tell which features it offers",
				 args->mgmtdev);
	if (vdpa_features_parse(id, args->features_text, offered, features, &bad, &bad_len) < 0)
		return bad_feature(app, args, id, offered, bad ? bad : "", bad_len);
	if (!(*features & ~offered) || args->has & HAS_FORCE)
		return ST_OK;
	unoffered_text(&text, args, id, *features & ~offered, offered);
	return diag_fail(app, args->name, EOPNOTSUPP, "\"force\" asks the kernel all the same",
			 "device_features: %s", text.s ? text.s : "");
}

/*
 * Drivers refuse a feature that they lack without a word; the number of a
 * feature word is the kernel's to judge, so this is looked at afterwards.
 */
enum status make_refused(struct app *app, const struct args *args)
{
	CLEANUP(strbuf_free) struct strbuf hint = STRBUF_INIT;
	struct vdpa_error *err = vdpa_error_ref(vdpa_ctx_get_error(app->ctx));
	int errnum = err ? vdpa_error_get_errno(err) : ENOMEM;
	uint64_t classes = 0, offered;
	const struct vdpa_mgmtdev *m;
	enum status status;

	if (args->has & HAS_FEATURES && !args->features_text && !app->legacy &&
	    (errnum == EINVAL || errnum == EOPNOTSUPP) && !vdpa_error_get_extack(err)) {
		m = app_mgmtdev(app, args->mgmtdev);
		if (m && vdpa_mgmtdev_get_features(m, &offered) && args->features & ~offered) {
			vdpa_mgmtdev_get_classes(m, &classes);
			unoffered_text(&hint, args, features_id(false, classes),
				       args->features & ~offered, offered);
		}
	}
	status = diag_error(app, args->name, err, hint.len ? hint.s : NULL);
	vdpa_error_unref(err);
	return status;
}

static enum status fill_name(struct app *app, const struct args *args, struct vdpa_spec *spec)
{
	if (vdpa_spec_set_name(spec, args->name) < 0)
		return diag_usage(app, "%s: name \"%s\" cannot be sent to the kernel", app->path,
				  args->name);
	if (vdpa_spec_set_mgmtdev(spec, args->mgmtdev) < 0)
		return diag_usage(app, "%s: mgmtdev \"%s\" is not BUS/NAME or NAME", app->path,
				  args->mgmtdev);
	return ST_OK;
}

static enum status fill_attributes(struct app *app, const struct args *args, struct vdpa_spec *spec)
{
	uint64_t features = args->features;
	enum status status;
	uint8_t mac[6];

	if (args->has & HAS_MAC) {
		status = mac_of_args(app, args, true, mac);
		if (status)
			return status;
		vdpa_spec_set_mac(spec, mac);
		if (args->mac_random && app->opt.verbose)
			diag_note(app, "mac %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
				  mac[3], mac[4], mac[5]);
	}
	if (args->has & HAS_MTU)
		vdpa_spec_set_mtu(spec, args->mtu);
	if (args->has & (HAS_MAX_VQP | HAS_MAX_VQS))
		vdpa_spec_set_max_vqp(spec, args->max_vqp);
	if (args->has & HAS_FEATURES) {
		status = args->features_text ? parse_names(app, args, &features) : ST_OK;
		if (status)
			return status;
		vdpa_spec_set_features(spec, features);
	}
	return ST_OK;
}

static enum status check_arguments(struct app *app, const struct args *args)
{
	bool force = args->has & HAS_FORCE;
	enum status status = force ? ST_OK : value_check_name(app, args->name);

	if (!status && args->has & HAS_MAC && !args->mac_random && !force && !app->legacy)
		status = value_check_mac(app, args->mac, true);
	return status;
}

enum status make_spec(struct app *app, const struct args *args, struct vdpa_spec **spec)
{
	enum status status = check_arguments(app, args);

	if (!status)
		status = app_connect(app);
	if (status)
		return status;
	if (vdpa_spec_new(spec) < 0)
		return diag_error(app, NULL, NULL, NULL);
	status = fill_name(app, args, *spec);
	return status ? status : fill_attributes(app, args, *spec);
}
