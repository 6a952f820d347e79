/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a failure to advice: what the kernel's words and numbers mean, and what helps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "common/strbuf.h"
#include "nl.h"

/* ---- no family ---- */

static bool path_exists(const char *root, const char *below)
{
	CLEANUP_FREE char *path = format_string("%s/%s", root, below);

	return path && access(path, F_OK) == 0;
}

/* false too when it can't be told (no permission). */
static bool in_other_netns(const struct vdpa_ctx *ctx)
{
	CLEANUP_FREE char *mine = format_string("%s/self/ns/net", ctx->proc);
	CLEANUP_FREE char *init = format_string("%s/1/ns/net", ctx->proc);
	struct stat a, b;

	if (!mine || !init || stat(mine, &a) < 0 || stat(init, &b) < 0)
		return false;
	return a.st_ino != b.st_ino || a.st_dev != b.st_dev;
}

/* Does the running kernel's module index know a module of this name? */
static bool has_module_file(const char *module)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	CLEANUP_FREE char *line = NULL;
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE char *want = format_string("/%s.ko", module);
	struct utsname uts;
	size_t cap = 0;

	if (uname(&uts) < 0 || !want)
		return false;
	path = format_string("/lib/modules/%s/modules.dep", uts.release);
	f = path ? fopen(path, "re") : NULL;
	while (f && getline(&line, &cap, f) > 0) {
		char *colon = strchr(line, ':');

		if (colon)
			*colon = '\0';
		if (strstr(line, want))
			return true;
	}
	return false;
}

void hint_no_family(struct vdpa_ctx *ctx, struct vdpa_error *err)
{
	if (in_other_netns(ctx))
		error_hint(
			err,
			"this process is in a network namespace of its own and the vdpa family exists only in the initial one: try `nsenter -t 1 -n`");
	else if (path_exists(ctx->sys, "module/vdpa"))
		error_hint(
			err,
			"the vdpa module is loaded: this network namespace is probably not the initial one, where alone the family exists");
	else if (has_module_file("vdpa"))
		error_hint(
			err,
			"the vdpa module is not loaded: `modprobe vdpa`, then the parent's driver (vdpa_sim_net, vduse, mlx5_vdpa, ...)");
	else
		error_hint(
			err,
			"no vdpa module is loaded and none is installed for this kernel (CONFIG_VDPA, CONFIG_VDPA_USER, CONFIG_MLX5_VDPA, ...)");
}

/* ---- decoding ---- */

/* The 0x... number in a kernel text, or 0. */
static uint64_t number_in(const char *text)
{
	const char *hex = text ? strstr(text, "0x") : NULL;

	return hex ? strtoull(hex, NULL, 16) : 0;
}

/* Names of the attributes whose numbers are bits of mask: the kernel blames in this form. */
static char *attr_names(uint64_t mask)
{
	struct strbuf sb = STRBUF_INIT;

	for (unsigned int i = 0; i < 64; i++) {
		const char *name = vdpa_attribute_name(i);

		if (!(mask & (1ULL << i)))
			continue;
		if (sb.len)
			strbuf_add(&sb, ", ");
		if (name)
			strbuf_add(&sb, name);
		else
			strbuf_addf(&sb, "attribute %u", i);
	}
	return strbuf_take(&sb);
}

static char *feature_names(uint64_t mask)
{
	struct strbuf sb = STRBUF_INIT;

	for (unsigned int i = 0; i < 64; i++) {
		const char *name = vdpa_feature_name(VDPA_ID_NET, i);

		if (!(mask & (1ULL << i)))
			continue;
		if (sb.len)
			strbuf_addc(&sb, ',');
		if (name)
			strbuf_add(&sb, name);
		else
			strbuf_addf(&sb, "bit_%u", i);
	}
	return strbuf_take(&sb);
}

/* What the parent takes in `dev add`, as far as it is known. */
static char *parent_takes(const struct parent_info *p)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "%s takes", p->driver);
	if (!p->attrs)
		strbuf_add(&sb, " none of them");
	if (p->attrs & PARENT_TAKES_MAC)
		strbuf_add(&sb, " mac");
	if (p->attrs & PARENT_TAKES_MTU)
		strbuf_add(&sb, " mtu");
	if (p->attrs & PARENT_TAKES_MAX_VQP)
		strbuf_add(&sb, " max_vqp");
	if (p->attrs & PARENT_TAKES_FEATURES)
		strbuf_add(&sb, " device_features");
	return strbuf_take(&sb);
}

/* ---- dev add ---- */

void hint_no_mgmtdev(struct vdpa_ctx *ctx, struct vdpa_error *err, const char *handle)
{
	const struct parent_info *p = parent_lookup(ctx, handle);

	if (p && p->module)
		error_hint(err,
			   "load its driver: `modprobe %s`; `mgmtdev show` lists what there is",
			   p->module);
	else if (!strchr(handle, '/'))
		error_hint(
			err,
			"a parent on a bus is named BUS/NAME (pci/%s?); `mgmtdev show` lists what there is",
			handle);
	else
		error_hint(
			err,
			"`mgmtdev show` lists what there is; a PCI function appears once a vDPA driver is bound to it");
}

static void hint_not_taken(struct vdpa_ctx *ctx, struct vdpa_error *err,
			   const struct vdpa_spec *spec)
{
	CLEANUP_FREE char *names = attr_names(number_in(err->extack));
	const struct parent_info *p = parent_lookup(ctx, spec->mgmtdev);
	CLEANUP_FREE char *takes = p ? parent_takes(p) : NULL;

	error_hint(err, "this parent does not take %s%s%s", names ? names : "them",
		   takes ? "; " : "", takes ? takes : "");
}

static void hint_vduse(struct vdpa_ctx *ctx, struct vdpa_error *err, const char *name)
{
	CLEANUP_FREE char *node = format_string("vduse/%s", name);

	if (node && !path_exists(ctx->dev, node))
		error_hint(
			err,
			"there is no VDUSE device \"%s\": its daemon creates it (%s/%s) before it can be added, as `vduse add` does",
			name, ctx->dev, node);
	else
		error_hint(
			err,
			"the VDUSE device \"%s\" exists but its daemon has not set up every virtqueue yet",
			name);
}

static void hint_add(struct vdpa_ctx *ctx, struct vdpa_error *err, const struct vdpa_spec *spec)
{
	const char *ext = err->extack ? err->extack : "";
	const struct parent_info *p = parent_lookup(ctx, spec->mgmtdev);

	if (strstr(ext, "Missing features")) {
		CLEANUP_FREE char *names = feature_names(number_in(ext));

		error_hint(err, "the attributes given need these in device_features too: %s",
			   names ? names : "");
	} else if (strstr(ext, "attributes are not supported")) {
		hint_not_taken(ctx, err, spec);
	} else if (err->errnum == ENODEV) {
		hint_no_mgmtdev(ctx, err, spec->mgmtdev);
	} else if (err->errnum == ENOSPC) {
		error_hint(
			err,
			"the parent is in use (one device a parent) or has not that many virtqueues left: see `dev show`");
	} else if (err->errnum == EINVAL && !strcmp(spec->mgmtdev, "vduse")) {
		hint_vduse(ctx, err, spec->name);
	} else if (err->errnum == EOPNOTSUPP && (spec->has & SPEC_HAS_FEATURES)) {
		error_hint(
			err,
			"device_features may need VERSION_1 and ACCESS_PLATFORM; the kernel log tells more");
	} else if (err->errnum == EINVAL && p && !err->extack) {
		error_hint(
			err,
			"a value is not possible for this parent (features that it does not offer, too many virtqueue pairs): `mgmtdev show %s`; the kernel log tells more",
			spec->mgmtdev);
	}
}

/* ---- any request ---- */

/* Which release of Linux first had the attribute in a request. */
static const char *attr_since(unsigned int attr)
{
	switch (attr) {
	case VDPA_ATTRIBUTE_MAC:
	case VDPA_ATTRIBUTE_MTU:
		return "5.16";
	case VDPA_ATTRIBUTE_MAX_VQP:
		return "5.17";
	case VDPA_ATTRIBUTE_QUEUE_INDEX:
		return "5.19";
	case VDPA_ATTRIBUTE_FEATURES:
		return "6.1";
	}
	return NULL;
}

static bool command_missing(const struct vdpa_ctx *ctx, unsigned int command)
{
	return ctx->nl && ctx->nl->commands && !(ctx->nl->commands & (1ULL << command));
}

static bool hint_by_attr(struct vdpa_error *err)
{
	const char *name = vdpa_attribute_name(err->attr);

	if (!name)
		return false;
	if (err->errnum == ERANGE && err->attr == VDPA_ATTRIBUTE_MTU)
		error_hint(err, "mtu: expected 68 to 65535");
	else if (err->errnum == EINVAL && attr_since(err->attr))
		error_hint(err, "this kernel does not take %s (since Linux %s)", name,
			   attr_since(err->attr));
	else
		error_hint(err, "the kernel blames %s", name);
	return true;
}

static void hint_by_command(struct vdpa_ctx *ctx, struct vdpa_error *err, unsigned int command,
			    const struct vdpa_spec *spec)
{
	if (err->extack && strstr(err->extack, "unmanaged")) {
		error_hint(
			err,
			"its driver made this device by itself: the kernel neither shows its configuration nor changes it");
		return;
	}
	switch (command) {
	case VDPA_COMMAND_DEV_ADD:
		if (spec)
			hint_add(ctx, err, spec);
		break;
	case VDPA_COMMAND_CONFIG_GET:
		if (err->errnum == EOPNOTSUPP)
			error_hint(
				err,
				"the kernel shows the configuration of net and block devices only");
		break;
	case VDPA_COMMAND_VSTATS_GET:
		if (err->errnum == EAGAIN)
			error_hint(
				err,
				"no driver has negotiated features yet: bind virtio_vdpa, or start what uses the vhost-vdpa device");
		else if (err->errnum == EOPNOTSUPP)
			error_hint(err, "its driver keeps no statistics");
		else if (err->errnum == EINVAL || err->errnum == ERANGE)
			error_hint(
				err,
				"there is no such queue now: `dev show` tells how many there can be (max_vqs), the negotiated features how many there are");
		break;
	case VDPA_COMMAND_ATTR_SET:
		if (err->errnum == EOPNOTSUPP)
			error_hint(
				err,
				"its driver does not change attributes of an existing device, or not to this value");
		else if (err->errnum == EBUSY)
			error_hint(err, "a driver is active on the device: unbind it first");
		break;
	case VDPA_COMMAND_DEV_DEL:
		if (err->errnum == EINVAL)
			error_hint(
				err,
				"its driver made this device by itself: unbind or remove the parent instead");
		break;
	}
}

void hint_request(struct vdpa_ctx *ctx, struct vdpa_error *err, unsigned int command,
		  const struct vdpa_spec *spec)
{
	if (err->errnum == EPERM || err->errnum == EACCES)
		error_hint(err, "this needs CAP_NET_ADMIN in the initial user namespace (root)");
	else if (command_missing(ctx, command))
		error_hint(err, "this kernel's vdpa family has no such command%s",
			   command == VDPA_COMMAND_ATTR_SET   ? " (since Linux 6.12)" :
			   command == VDPA_COMMAND_VSTATS_GET ? " (since Linux 5.19)" :
			   command == VDPA_COMMAND_CONFIG_GET ? " (since Linux 5.17)" :
								"");
	else if (!hint_by_attr(err))
		hint_by_command(ctx, err, command, spec);
}
