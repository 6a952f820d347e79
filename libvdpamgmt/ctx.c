/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "nl.h"

static void ctx_release(struct vdpa_ctx *ctx)
{
	nl_close(ctx);
	free(ctx->sys);
	free(ctx->dev);
	free(ctx->proc);
	free(ctx->warning);
	vdpa_error_unref(ctx->error);
	free(ctx);
}

DEFINE_REFS(vdpa_ctx, ctx_release)

int vdpa_ctx_new(struct vdpa_ctx **out)
{
	struct vdpa_ctx *ctx = calloc(1, sizeof(*ctx));
	int r;

	if (!ctx)
		return -ENOMEM;
	atomic_init(&ctx->refs, 1);
	ctx->transport = &transport_socket;
	r = vdpa_ctx_set_roots(ctx, "/sys", "/dev", "/proc");
	if (r < 0) {
		ctx_release(ctx);
		return r;
	}
	*out = ctx;
	return 0;
}

static int set_string(char **where, const char *value)
{
	char *copy;

	if (!value)
		return 0;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*where);
	*where = copy;
	return 0;
}

int vdpa_ctx_set_roots(struct vdpa_ctx *ctx, const char *sys, const char *dev, const char *proc)
{
	int r = set_string(&ctx->sys, sys);

	if (!r)
		r = set_string(&ctx->dev, dev);
	if (!r)
		r = set_string(&ctx->proc, proc);
	return r < 0 ? ctx_fail(ctx, -r, "out of memory") : 0;
}

int vdpa_ctx_set_transport(struct vdpa_ctx *ctx, const struct vdpa_transport *ops, void *data)
{
	if (ops->size < sizeof(*ops) || !ops->open || !ops->send || !ops->recv || !ops->close)
		return ctx_fail(ctx, EINVAL,
				"cannot use this transport: it is too small or lacks a function");
	if (ctx->nl)
		return ctx_fail(ctx, EBUSY, "cannot use another transport: already connected");
	ctx->transport = ops;
	ctx->transport_data = data;
	return 0;
}

int ctx_check_flags(struct vdpa_ctx *ctx, unsigned int flags, unsigned int known)
{
	flags &= ~known;
	return flags ? ctx_fail(ctx, EINVAL, "0x%x are no flags of this call", flags) : 0;
}

int vdpa_ctx_connect(struct vdpa_ctx *ctx)
{
	return nl_connect(ctx);
}

const struct vdpa_error *vdpa_ctx_get_error(const struct vdpa_ctx *ctx)
{
	return ctx->error;
}

const char *vdpa_ctx_get_warning(const struct vdpa_ctx *ctx)
{
	return ctx->warning;
}
