/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "list.h"
#include "names.h"
#include "nl.h"

#define HAS_ID (1u << 0)
#define HAS_NEGOTIATED (1u << 1)
#define HAS_FEATURES (1u << 2)
#define HAS_MAC (1u << 3)
#define HAS_STATUS (1u << 4)
#define HAS_MAX_VQP (1u << 5)
#define HAS_MTU (1u << 6)
#define HAS_BLK(field) (1u << (8 + (field)))

struct vdpa_config {
	atomic_uint refs;
	unsigned int has; /* HAS_* */
	uint32_t id;
	uint64_t negotiated;
	uint64_t features;
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_vqp;
	uint16_t mtu;
	uint64_t *blk; /* owned: VDPA_BLK_FIELDS values; NULL when none was given */
	struct vdpa_error *error; /* owned; NULL when it could be read */
	char *name; /* owned */
};

_Static_assert(VDPA_BLK_FIELDS == VDPA_NL_ATTR_BLK_FLUSH - VDPA_NL_ATTR_BLK_CAPACITY + 1,
	       "block fields stand in the order of the kernel's attributes");

static void config_release(struct vdpa_config *c)
{
	vdpa_error_unref(c->error);
	free(c->blk);
	free(c->name);
	free(c);
}

DEFINE_REFS(vdpa_config, config_release)
DEFINE_LIST(vdpa_config)

static struct vdpa_config *config_new(const char *name, struct vdpa_error *error)
{
	struct vdpa_config *c = calloc(1, sizeof(*c));

	if (!c) {
		vdpa_error_unref(error);
		return NULL;
	}
	atomic_init(&c->refs, 1);
	c->error = error;
	c->name = strdup(name);
	return c->name ? c : vdpa_config_unref(c);
}

static void read_net(struct vdpa_config *c, const struct attrs *attrs)
{
	uint64_t v;

	if (attrs->at[VDPA_NL_ATTR_NET_MACADDR]) {
		c->has |= HAS_MAC;
		memcpy(c->mac, mnl_attr_get_payload(attrs->at[VDPA_NL_ATTR_NET_MACADDR]), 6);
	}
	if (attrs_uint(attrs, VDPA_NL_ATTR_NET_STATUS, &v)) {
		c->has |= HAS_STATUS;
		c->status = (uint16_t)v;
	}
	if (attrs_uint(attrs, VDPA_NL_ATTR_NET_MAX_VQP, &v)) {
		c->has |= HAS_MAX_VQP;
		c->max_vqp = (uint16_t)v;
	}
	if (attrs_uint(attrs, VDPA_NL_ATTR_NET_MTU, &v)) {
		c->has |= HAS_MTU;
		c->mtu = (uint16_t)v;
	}
}

static int read_blk(struct vdpa_config *c, const struct attrs *attrs)
{
	for (unsigned int i = 0; i < VDPA_BLK_FIELDS; i++) {
		uint64_t v;

		if (!attrs_uint(attrs, VDPA_NL_ATTR_BLK_CAPACITY + i, &v))
			continue;
		if (!c->blk)
			c->blk = calloc(VDPA_BLK_FIELDS, sizeof(*c->blk));
		if (!c->blk)
			return -ENOMEM;
		c->blk[i] = v;
		c->has |= HAS_BLK(i);
	}
	return 0;
}

static struct vdpa_config *config_from_attrs(const struct attrs *attrs, int *r)
{
	const char *name = attrs_str(attrs, VDPA_NL_ATTR_DEV_NAME);
	struct vdpa_config *c;
	uint64_t v;

	*r = -EBADMSG;
	if (!name || !attrs_uint(attrs, VDPA_NL_ATTR_DEV_ID, &v))
		return NULL;
	*r = -ENOMEM;
	c = config_new(name, NULL);
	if (!c)
		return NULL;
	c->has |= HAS_ID;
	c->id = (uint32_t)v;
	if (attrs_uint(attrs, VDPA_NL_ATTR_NEGOTIATED_FEATURES, &c->negotiated))
		c->has |= HAS_NEGOTIATED;
	if (attrs_uint(attrs, VDPA_NL_ATTR_FEATURES, &c->features))
		c->has |= HAS_FEATURES;
	read_net(c, attrs);
	if (read_blk(c, attrs) < 0)
		return vdpa_config_unref(c);
	*r = 0;
	return c;
}

static int config_reply(const struct nlmsghdr *nlh, const struct attrs *attrs, void *data)
{
	struct vdpa_config *c;
	int r;

	(void)nlh;
	c = config_from_attrs(attrs, &r);
	return c ? vdpa_config_list_push(data, c) : r;
}

static void config_restart(void *data)
{
	vdpa_config_list_clear(data);
}

/* name NULL: a dump of all. */
static int request(struct vdpa_ctx *ctx, const char *name, struct vdpa_config_list *l)
{
	struct nl_request rq = NL_REQUEST_INIT(
		VDPA_COMMAND_CONFIG_GET,
		name ? "show configuration of device" : "list device configurations", name);
	int r = nl_begin(ctx, &rq, name ? 0 : NLM_F_DUMP);

	if (r < 0)
		return r;
	if (name)
		msg_put_str(&rq.msg, VDPA_NL_ATTR_DEV_NAME, name);
	rq.reply = config_reply;
	rq.restart = config_restart;
	rq.data = l;
	return nl_run(ctx, &rq);
}

int vdpa_config_get(struct vdpa_ctx *ctx, const char *name, struct vdpa_config **config)
{
	CLEANUP(cleanup_vdpa_config_list_unref_cb)
	struct vdpa_config_list *l = vdpa_config_list_new();
	int r = l ? request(ctx, name, l) : ctx_fail(ctx, ENOMEM, "out of memory");

	if (!r)
		*config = vdpa_config_ref(vdpa_config_list_get(l, 0));
	return r;
}

static const char *name_at(const void *list, size_t i)
{
	return ((const struct vdpa_config_list *)list)->v[i]->name;
}

/* The kernel says EINVAL for a device that nobody manages: it has no place in this list. */
static int add_missing(struct vdpa_ctx *ctx, struct vdpa_config_list *l, const char *name)
{
	int r = request(ctx, name, l);

	if (!r || r == -ENODEV || r == -EINVAL)
		return 0;
	if (r == -ENOMEM)
		return r;
	return vdpa_config_list_push(l, config_new(name, vdpa_error_ref(ctx->error)));
}

/*
 * An error inside the dump is a device's, not the list's: the rest is read one
 * by one, as far as sysfs tells what there is.
 */
static int complete(struct vdpa_ctx *ctx, struct vdpa_config_list *l, int r)
{
	CLEANUP(cleanup_vdpa_error_unref_cb) struct vdpa_error *cut = NULL;
	struct names_diff diff;

	if (r < 0 && !error_is_verdict(ctx->error))
		return r;
	if (r < 0)
		cut = vdpa_error_ref(ctx->error);
	r = names_diff(ctx, l->n, name_at, l, &diff);
	if (r < 0)
		return ctx_fail(ctx, ENOMEM, "cannot list device configurations: out of memory");
	vdpa_config_list_keep(l, diff.keep);
	for (char **name = diff.missing; !r && *name; name++)
		r = add_missing(ctx, l, *name);
	if (r < 0)
		r = ctx_fail(ctx, ENOMEM, "cannot list device configurations: out of memory");
	else if (cut && !diff.saw_bus)
		r = ctx_set_error(ctx, TAKE(cut));
	names_diff_free(&diff);
	return r;
}

int vdpa_config_list(struct vdpa_ctx *ctx, struct vdpa_config_list **list)
{
	struct vdpa_config_list *l = vdpa_config_list_new();
	int r = l ? request(ctx, NULL, l) : ctx_fail(ctx, ENOMEM, "out of memory");

	if (l)
		r = complete(ctx, l, r);
	if (r < 0)
		vdpa_config_list_unref(l);
	else
		*list = l;
	return r;
}

const char *vdpa_config_get_name(const struct vdpa_config *c)
{
	return c->name;
}

const struct vdpa_error *vdpa_config_get_error(const struct vdpa_config *c)
{
	return c->error;
}

bool vdpa_config_get_mac(const struct vdpa_config *c, uint8_t mac[6])
{
	if (c->has & HAS_MAC)
		memcpy(mac, c->mac, 6);
	return c->has & HAS_MAC;
}

#define DEFINE_GETTER(name, field, type, bit)                                 \
	bool vdpa_config_get_##name(const struct vdpa_config *c, type *value) \
	{                                                                     \
		if (c->has & (bit))                                           \
			*value = c->field;                                    \
		return c->has & (bit);                                        \
	}

DEFINE_GETTER(id, id, uint32_t, HAS_ID)
DEFINE_GETTER(negotiated_features, negotiated, uint64_t, HAS_NEGOTIATED)
DEFINE_GETTER(features, features, uint64_t, HAS_FEATURES)
DEFINE_GETTER(net_status, status, uint16_t, HAS_STATUS)
DEFINE_GETTER(max_vqp, max_vqp, uint16_t, HAS_MAX_VQP)
DEFINE_GETTER(mtu, mtu, uint16_t, HAS_MTU)

bool vdpa_config_get_blk(const struct vdpa_config *c, enum vdpa_blk_field field, uint64_t *value)
{
	if ((unsigned int)field >= VDPA_BLK_FIELDS || !(c->has & HAS_BLK(field)))
		return false;
	*value = c->blk[field];
	return true;
}

const char *vdpa_blk_field_name(enum vdpa_blk_field field)
{
	static const char *const names[VDPA_BLK_FIELDS] = {
		[VDPA_BLK_CAPACITY] = "capacity",
		[VDPA_BLK_SIZE_MAX] = "size_max",
		[VDPA_BLK_BLOCK_SIZE] = "blk_size",
		[VDPA_BLK_SEG_MAX] = "seg_max",
		[VDPA_BLK_NUM_QUEUES] = "num_queues",
		[VDPA_BLK_PHYSICAL_BLOCK_EXP] = "physical_block_exp",
		[VDPA_BLK_ALIGNMENT_OFFSET] = "alignment_offset",
		[VDPA_BLK_MIN_IO_SIZE] = "min_io_size",
		[VDPA_BLK_OPT_IO_SIZE] = "opt_io_size",
		[VDPA_BLK_MAX_DISCARD_SECTORS] = "max_discard_sectors",
		[VDPA_BLK_MAX_DISCARD_SEG] = "max_discard_seg",
		[VDPA_BLK_DISCARD_SECTOR_ALIGNMENT] = "discard_sector_alignment",
		[VDPA_BLK_MAX_WRITE_ZEROES_SECTORS] = "max_write_zeroes_sectors",
		[VDPA_BLK_MAX_WRITE_ZEROES_SEG] = "max_write_zeroes_seg",
		[VDPA_BLK_READ_ONLY] = "read_only",
		[VDPA_BLK_FLUSH] = "flush",
	};

	return (unsigned int)field < VDPA_BLK_FIELDS ? names[field] : NULL;
}
