/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const op_names[OPS] = {
	[OP_CONNECT] = "connect",
	[OP_MGMTDEV_LIST] = "mgmtdev_list",
	[OP_MGMTDEV_GET] = "mgmtdev_get",
	[OP_DEV_LIST] = "dev_list",
	[OP_DEV_GET] = "dev_get",
	[OP_CONFIG_LIST] = "config_list",
	[OP_CONFIG_GET] = "config_get",
	[OP_VSTATS_GET] = "vstats_get",
	[OP_VSTATS_CTRL] = "vstats_ctrl",
	[OP_VSTATS_LIST] = "vstats_list",
	[OP_CAPS] = "caps",
	[OP_ADD] = "add",
	[OP_SET] = "set",
	[OP_DEL] = "del",
	[OP_BULK] = "bulk",
	[OP_PIPELINE] = "pipeline",
};

static volatile uint64_t sink; /* what was read goes here, so that it is read */

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void eat(const char *s)
{
	sink += s ? strlen(s) : 0;
}

static void eat_error(const struct vdpa_error *err)
{
	if (!err)
		return;
	must(vdpa_error_get_errno(err) > 0 && vdpa_error_get_errno(err) <= 4095);
	must(vdpa_error_get_message(err) && *vdpa_error_get_message(err));
	eat(vdpa_error_get_message(err));
	eat(vdpa_error_get_extack(err));
	eat(vdpa_error_get_hint(err));
	sink += vdpa_error_get_attr(err) + vdpa_error_is_local(err);
}

static void eat_mgmtdev(const struct vdpa_mgmtdev *m)
{
	uint64_t v64;
	uint32_t v32;

	eat(vdpa_mgmtdev_get_bus(m));
	eat(vdpa_mgmtdev_get_name(m));
	must(strlen(vdpa_mgmtdev_get_handle(m)) >= strlen(vdpa_mgmtdev_get_name(m)));
	if (vdpa_mgmtdev_get_classes(m, &v64) && vdpa_mgmtdev_get_features(m, &v64) &&
	    vdpa_mgmtdev_get_max_vqs(m, &v32))
		sink += v64 + v32;
}

static void eat_dev(const struct vdpa_dev *dev)
{
	uint32_t v32 = 0;
	uint16_t v16 = 0;

	must(vdpa_dev_get_name(dev) != NULL);
	eat(vdpa_dev_get_name(dev));
	eat_error(vdpa_dev_get_error(dev));
	must(vdpa_dev_is_managed(dev) == (vdpa_dev_get_mgmtdev(dev) != NULL));
	eat(vdpa_dev_get_mgmtdev(dev));
	eat(vdpa_dev_get_mgmtdev_bus(dev));
	eat(vdpa_dev_get_mgmtdev_name(dev));
	if (vdpa_dev_get_id(dev, &v32) && vdpa_dev_get_vendor_id(dev, &v32) &&
	    vdpa_dev_get_max_vqs(dev, &v32) && vdpa_dev_get_max_vq_size(dev, &v16) &&
	    vdpa_dev_get_min_vq_size(dev, &v16))
		sink += v32 + v16;
}

static void eat_config(const struct vdpa_config *c)
{
	uint64_t v64 = 0;
	uint32_t v32 = 0;
	uint16_t v16 = 0;
	uint8_t mac[6] = { 0 };

	must(vdpa_config_get_name(c) != NULL);
	eat(vdpa_config_get_name(c));
	eat_error(vdpa_config_get_error(c));
	if (vdpa_config_get_mac(c, mac))
		sink += mac[5];
	for (int i = 0; i <= VDPA_BLK_FIELDS; i++)
		if (vdpa_config_get_blk(c, (enum vdpa_blk_field)i, &v64))
			sink += v64;
	if (vdpa_config_get_id(c, &v32) && vdpa_config_get_features(c, &v64) &&
	    vdpa_config_get_negotiated_features(c, &v64) && vdpa_config_get_net_status(c, &v16) &&
	    vdpa_config_get_mtu(c, &v16) && vdpa_config_get_max_vqp(c, &v16))
		sink += v64 + v32 + v16;
}

static void eat_vstats(const struct vdpa_vstats *s)
{
	uint64_t v64 = 0;

	eat(vdpa_vstats_get_name(s));
	sink += vdpa_vstats_get_index(s) + (uint64_t)vdpa_vstats_get_queue_type(s);
	for (size_t i = 0; i < vdpa_vstats_get_size(s); i++) {
		must(vdpa_vstats_get_counter(s, i, &v64) != NULL);
		eat(vdpa_vstats_get_counter(s, i, &v64));
		sink += v64;
	}
}

/* Runs a call that yields an object, looks at it (or at each of a list) and drops it. */
#define GET(type, call)                         \
	({                                      \
		struct type *o = NULL;          \
		int ret = (call);               \
		must((ret < 0) == (o == NULL)); \
		if (o)                          \
			EAT_##type(o);          \
		type##_unref(o);                \
		ret;                            \
	})
#define EACH(type, l, eat)                                           \
	do {                                                         \
		for (size_t i = 0; i < type##_list_get_size(l); i++) \
			eat(type##_list_get(l, i));                  \
		must(!type##_list_get(l, type##_list_get_size(l)));  \
	} while (0)
#define EAT_vdpa_mgmtdev(o) eat_mgmtdev(o)
#define EAT_vdpa_dev(o) eat_dev(o)
#define EAT_vdpa_config(o) eat_config(o)
#define EAT_vdpa_vstats(o) eat_vstats(o)
#define EAT_vdpa_mgmtdev_list(o) EACH(vdpa_mgmtdev, o, eat_mgmtdev)
#define EAT_vdpa_dev_list(o) EACH(vdpa_dev, o, eat_dev)
#define EAT_vdpa_config_list(o) EACH(vdpa_config, o, eat_config)
#define EAT_vdpa_vstats_list(o) EACH(vdpa_vstats, o, eat_vstats)
#define EAT_vdpa_caps(o) eat_caps(o)

static void eat_caps(const struct vdpa_caps *caps)
{
	uint64_t min = 0, max = 0;

	sink += vdpa_caps_get_max_attr(caps) + vdpa_caps_has_policy(caps);
	for (unsigned int c = 0; c < 70; c++) {
		sink += vdpa_caps_has_command(caps, c);
		for (unsigned int a = 0; a < 70; a++) {
			sink += vdpa_caps_has_attr(caps, c, a);
			if (vdpa_caps_get_range(caps, c, a, &min, &max))
				sink += min + max;
		}
	}
}

static struct vdpa_spec *make_spec(const char *name)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct vdpa_spec *spec;

	must(!vdpa_spec_new(&spec) && !vdpa_spec_set_name(spec, name) &&
	     !vdpa_spec_set_mgmtdev(spec, "vdpasim_net"));
	vdpa_spec_set_mac(spec, mac);
	vdpa_spec_set_mtu(spec, 1500);
	return spec;
}

static int run_spec(struct vdpa_ctx *ctx, enum op op)
{
	struct vdpa_spec *spec = make_spec(op == OP_ADD ? "new" : "d0");
	int r = op == OP_ADD ? vdpa_dev_add(ctx, spec, 0) : vdpa_dev_set(ctx, spec);

	vdpa_spec_unref(spec);
	return r;
}

static int run_bulk(struct vdpa_ctx *ctx, unsigned int flags)
{
	struct vdpa_bulk *b;
	int r;

	must(!vdpa_bulk_new(ctx, &b));
	for (int i = 0; i < 6; i++) {
		char name[] = { 'b', (char)('0' + i), 0 };
		struct vdpa_spec *spec = make_spec(name);

		must(!vdpa_bulk_add(b, spec));
		vdpa_spec_unref(spec);
	}
	must(!vdpa_bulk_del(b, "d0") && !vdpa_bulk_del(b, "b0"));
	r = vdpa_bulk_run(b, flags);
	for (size_t i = 0; i < vdpa_bulk_get_size(b); i++) {
		const struct vdpa_error *err = NULL;
		int result = vdpa_bulk_get_result(b, i, &err);

		must((result < 0) == (err != NULL));
		must(!r ? !result : result <= 1);
		eat_error(err);
	}
	vdpa_bulk_unref(b);
	return r;
}

static int run(struct vdpa_ctx *ctx, enum op op)
{
	switch (op) {
	case OP_MGMTDEV_LIST:
		return GET(vdpa_mgmtdev_list, vdpa_mgmtdev_list(ctx, &o));
	case OP_MGMTDEV_GET:
		return GET(vdpa_mgmtdev, vdpa_mgmtdev_get(ctx, "pci/0000:65:00.2", &o));
	case OP_DEV_LIST:
		return GET(vdpa_dev_list, vdpa_dev_list(ctx, &o));
	case OP_DEV_GET:
		return GET(vdpa_dev, vdpa_dev_get(ctx, "d0", &o));
	case OP_CONFIG_LIST:
		return GET(vdpa_config_list, vdpa_config_list(ctx, &o));
	case OP_CONFIG_GET:
		return GET(vdpa_config, vdpa_config_get(ctx, "d0", &o));
	case OP_VSTATS_GET:
		return GET(vdpa_vstats, vdpa_vstats_get(ctx, "d0", 1, &o));
	case OP_VSTATS_CTRL:
		return GET(vdpa_vstats, vdpa_vstats_get(ctx, "d0", VDPA_QUEUE_INDEX_CTRL, &o));
	case OP_VSTATS_LIST:
		return GET(vdpa_vstats_list, vdpa_vstats_list(ctx, "d0", &o));
	case OP_CAPS:
		return GET(vdpa_caps, vdpa_caps_get(ctx, &o));
	case OP_ADD:
	case OP_SET:
		return run_spec(ctx, op);
	case OP_DEL:
		return vdpa_dev_del(ctx, "d0", 0);
	case OP_BULK:
		return run_bulk(ctx, VDPA_BULK_KEEP_GOING);
	case OP_PIPELINE:
		return run_bulk(ctx, VDPA_BULK_PIPELINE);
	default:
		return vdpa_ctx_connect(ctx);
	}
}

int op_run(struct vdpa_ctx *ctx, enum op op)
{
	int r = run(ctx, op);

	must(r <= 0);
	if (r < 0)
		must(vdpa_ctx_get_error(ctx) &&
		     vdpa_error_get_errno(vdpa_ctx_get_error(ctx)) == -r);
	eat_error(vdpa_ctx_get_error(ctx));
	eat(vdpa_ctx_get_warning(ctx));
	return r;
}
