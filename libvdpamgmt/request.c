/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <errno.h>

static void put_spec(struct msg *m, const struct vdpa_spec *spec)
{
	msg_put_str(m, VDPA_NL_ATTR_DEV_NAME, spec->name);
	if (spec->has & SPEC_HAS_MAC)
		msg_put(m, VDPA_NL_ATTR_NET_MACADDR, spec->mac, sizeof(spec->mac));
	if (spec->has & SPEC_HAS_MTU)
		msg_put_u16(m, VDPA_NL_ATTR_NET_MTU, spec->mtu);
	if (spec->has & SPEC_HAS_MAX_VQP)
		msg_put_u16(m, VDPA_NL_ATTR_NET_MAX_VQP, spec->max_vqp);
	if (spec->has & SPEC_HAS_FEATURES)
		msg_put_u64(m, VDPA_NL_ATTR_FEATURES, spec->features);
}

int request_add(struct vdpa_ctx *ctx, const struct vdpa_spec *spec, unsigned int flags,
		struct nl_request *rq)
{
	const struct parent_info *parent;
	int r;

	*rq = (struct nl_request)NL_REQUEST_INIT(VDPA_COMMAND_DEV_ADD, "add device", spec->name);
	rq->spec = spec;
	if (!spec->name || !spec->mgmtdev)
		return ctx_fail(ctx, EINVAL, "cannot add a device: its %s is not set",
				spec->name ? "management device" : "name");
	r = nl_begin(ctx, rq, NLM_F_ACK);
	if (!r && !(flags & VDPA_FORCE))
		r = guard_add(ctx, spec);
	if (r < 0) {
		msg_free(&rq->msg);
		return r;
	}
	/* The simulators can't undo an addition whose kernel thread a fatal signal prevented. */
	parent = parent_lookup(ctx, spec->mgmtdev);
	rq->whole = parent && parent->add_whole;
	msg_put_handle(&rq->msg, spec->mgmtdev);
	put_spec(&rq->msg, spec);
	return 0;
}

int request_del(struct vdpa_ctx *ctx, const char *name, unsigned int flags, struct nl_request *rq)
{
	int r;

	*rq = (struct nl_request)NL_REQUEST_INIT(VDPA_COMMAND_DEV_DEL, "delete device", name);
	r = nl_begin(ctx, rq, NLM_F_ACK);
	if (!r && !(flags & VDPA_FORCE))
		r = guard_del(ctx, name, flags);
	if (r < 0) {
		msg_free(&rq->msg);
		return r;
	}
	msg_put_str(&rq->msg, VDPA_NL_ATTR_DEV_NAME, name);
	return 0;
}

int request_settle(struct vdpa_ctx *ctx, const struct nl_request *rq, int r)
{
	CLEANUP(cleanup_vdpa_error_unref_cb) struct vdpa_error *lost = NULL;
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	int there;

	if (!r || !ctx->error->lost)
		return r;
	lost = vdpa_error_ref(ctx->error);
	there = vdpa_dev_get(ctx, rq->name, &dev);
	if (rq->command == VDPA_COMMAND_DEV_ADD ? !there : there == -ENODEV)
		return 0;
	return ctx_set_error(ctx, vdpa_error_ref(lost));
}

int vdpa_dev_add(struct vdpa_ctx *ctx, const struct vdpa_spec *spec, unsigned int flags)
{
	struct nl_request rq;
	int r = ctx_check_flags(ctx, flags, VDPA_FORCE);

	if (!r)
		r = request_add(ctx, spec, flags, &rq);
	return r < 0 ? r : request_settle(ctx, &rq, nl_run(ctx, &rq));
}

int vdpa_dev_del(struct vdpa_ctx *ctx, const char *name, unsigned int flags)
{
	struct nl_request rq;
	int r = ctx_check_flags(ctx, flags, VDPA_FORCE | VDPA_SERVED);

	if (!r)
		r = request_del(ctx, name, flags, &rq);
	return r < 0 ? r : request_settle(ctx, &rq, nl_run(ctx, &rq));
}

int vdpa_dev_set(struct vdpa_ctx *ctx, const struct vdpa_spec *spec)
{
	struct nl_request rq = NL_REQUEST_INIT(VDPA_COMMAND_ATTR_SET, "change device", spec->name);
	int r;

	if (!spec->name)
		return ctx_fail(ctx, EINVAL, "cannot change a device: its name is not set");
	r = nl_begin(ctx, &rq, NLM_F_ACK);
	if (r < 0)
		return r;
	rq.spec = spec;
	put_spec(&rq.msg, spec);
	return nl_run(ctx, &rq);
}
