/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "list.h"
#include "nl.h"

#define HAS_ID (1u << 0)
#define HAS_NEGOTIATED (1u << 1)
#define HAS_MAX_VQP (1u << 2)

struct counter {
	char *name; /* owned */
	uint64_t value;
};

struct vdpa_vstats {
	atomic_uint refs;
	unsigned int has; /* HAS_* */
	uint32_t id;
	uint32_t index;
	uint64_t negotiated;
	uint16_t max_vqp;
	char *name; /* owned */
	struct counter *counters; /* owned */
	size_t n;
};

static void vstats_release(struct vdpa_vstats *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->counters[i].name);
	free(s->counters);
	free(s->name);
	free(s);
}

DEFINE_REFS(vdpa_vstats, vstats_release)
DEFINE_LIST(vdpa_vstats)

static int push_counter(struct vdpa_vstats *s, const char *name, uint64_t value)
{
	struct counter *c = reallocarray(s->counters, s->n + 1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	s->counters = c;
	c[s->n].value = value;
	c[s->n].name = strdup(name);
	if (!c[s->n].name)
		return -ENOMEM;
	s->n++;
	return 0;
}

/* Names and values alternate in the message; a value without a name is malformed. */
static int read_counters(struct vdpa_vstats *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	const char *name = NULL;
	int r = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case VDPA_NL_ATTR_VENDOR_NAME:
			if (name)
				return -EBADMSG;
			name = mnl_attr_get_str(attr);
			break;
		case VDPA_NL_ATTR_VENDOR_VALUE:
			if (!name)
				return -EBADMSG;
			r = push_counter(s, name, attr_uint(attr));
			if (r < 0)
				return r;
			name = NULL;
			break;
		}
	}
	return name ? -EBADMSG : 0;
}

static int vstats_reply(const struct nlmsghdr *nlh, const struct attrs *attrs, void *data)
{
	const char *name = attrs_str(attrs, VDPA_NL_ATTR_DEV_NAME);
	struct vdpa_vstats **out = data, *s;
	uint64_t v;
	int r;

	if (!name)
		return -EBADMSG;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	vdpa_vstats_unref(*out);
	*out = s;
	s->name = strdup(name);
	if (!s->name)
		return -ENOMEM;
	if (attrs_uint(attrs, VDPA_NL_ATTR_DEV_ID, &v)) {
		s->has |= HAS_ID;
		s->id = (uint32_t)v;
	}
	if (attrs_uint(attrs, VDPA_NL_ATTR_QUEUE_INDEX, &v))
		s->index = (uint32_t)v;
	if (attrs_uint(attrs, VDPA_NL_ATTR_NEGOTIATED_FEATURES, &s->negotiated))
		s->has |= HAS_NEGOTIATED;
	if (attrs_uint(attrs, VDPA_NL_ATTR_NET_MAX_VQP, &v)) {
		s->has |= HAS_MAX_VQP;
		s->max_vqp = (uint16_t)v;
	}
	r = read_counters(s, nlh);
	return r;
}

static int get_queue(struct vdpa_ctx *ctx, const char *name, uint32_t index,
		     struct vdpa_vstats **stats)
{
	struct nl_request rq =
		NL_REQUEST_INIT(VDPA_COMMAND_VSTATS_GET, "show statistics of device", name);
	struct vdpa_vstats *s = NULL;
	int r = nl_begin(ctx, &rq, 0);

	if (r < 0)
		return r;
	msg_put_str(&rq.msg, VDPA_NL_ATTR_DEV_NAME, name);
	msg_put_u32(&rq.msg, VDPA_NL_ATTR_QUEUE_INDEX, index);
	rq.reply = vstats_reply;
	rq.data = &s;
	r = nl_run(ctx, &rq);
	if (r < 0)
		return vdpa_vstats_unref(s), r;
	s->index = index;
	*stats = s;
	return 0;
}

/*
 * Where the control virtqueue is: behind the data queues of all pairs, which
 * are one unless MQ or RSS was negotiated.
 */
static bool ctrl_index(uint64_t negotiated, bool has_pairs, uint16_t pairs, uint32_t *index)
{
	const uint64_t many = 1ULL << VIRTIO_BIT_NET_MQ | 1ULL << VIRTIO_BIT_NET_RSS;

	if (!(negotiated & (1ULL << VIRTIO_BIT_NET_CTRL_VQ)))
		return false;
	*index = 2u * ((negotiated & many) && has_pairs && pairs ? pairs : 1u);
	return true;
}

/*
 * The index is not asked of queue 0's statistics: a data queue that is not
 * running may have none while the control queue has.
 */
static int find_ctrl(struct vdpa_ctx *ctx, const char *name, uint32_t *index)
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *config = NULL;
	uint64_t negotiated = 0;
	uint16_t pairs = 1;
	uint32_t id = 0;
	bool has_pairs;
	int r = vdpa_config_get(ctx, name, &config);

	if (r < 0)
		return r;
	if (!vdpa_config_get_id(config, &id) || id != VDPA_ID_NET)
		return ctx_fail(
			ctx, ENOENT,
			"cannot show statistics of device \"%s\": only a net device has a control virtqueue",
			name);
	if (!vdpa_config_get_negotiated_features(config, &negotiated)) {
		r = ctx_fail(
			ctx, EAGAIN,
			"cannot show statistics of device \"%s\": no driver has negotiated its features yet",
			name);
		if (ctx->error)
			hint_request(ctx, ctx->error, VDPA_COMMAND_VSTATS_GET, NULL);
		return r;
	}
	has_pairs = vdpa_config_get_max_vqp(config, &pairs);
	if (!ctrl_index(negotiated, has_pairs, pairs, index))
		return ctx_fail(
			ctx, ENOENT,
			"cannot show statistics of device \"%s\": it has no control virtqueue (CTRL_VQ was not negotiated)",
			name);
	return 0;
}

int vdpa_vstats_get(struct vdpa_ctx *ctx, const char *name, uint32_t index,
		    struct vdpa_vstats **stats)
{
	int r = index == VDPA_QUEUE_INDEX_CTRL ? find_ctrl(ctx, name, &index) : 0;

	return r < 0 ? r : get_queue(ctx, name, index, stats);
}

/*
 * Not every index up to max_vqs is a queue of what was negotiated (EINVAL,
 * ERANGE), and one that is not running may have no counters (EAGAIN).
 */
static bool only_this_queue(const struct vdpa_error *err)
{
	return error_is_verdict(err) &&
	       (err->errnum == EINVAL || err->errnum == ERANGE || err->errnum == EAGAIN);
}

/* Virtqueue numbers have 16 bits. */
#define QUEUES_MAX 65536u

static int collect(struct vdpa_ctx *ctx, const char *name, uint32_t queues,
		   struct vdpa_vstats_list *l)
{
	CLEANUP(cleanup_vdpa_error_unref_cb) struct vdpa_error *first = NULL;

	for (uint32_t i = 0; i < queues && i < QUEUES_MAX; i++) {
		struct vdpa_vstats *s = NULL;
		int r = get_queue(ctx, name, i, &s);

		if (r < 0 && !only_this_queue(ctx->error))
			return r;
		if (r < 0 && !first)
			first = vdpa_error_ref(ctx->error);
		if (!r && vdpa_vstats_list_push(l, s) < 0)
			return ctx_fail(ctx, ENOMEM, "out of memory");
	}
	return l->n || !first ? 0 : ctx_set_error(ctx, TAKE(first));
}

int vdpa_vstats_list(struct vdpa_ctx *ctx, const char *name, struct vdpa_vstats_list **list)
{
	CLEANUP(cleanup_vdpa_vstats_list_unref_cb) struct vdpa_vstats_list *l = NULL;
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	uint32_t queues = 0;
	int r = vdpa_dev_get(ctx, name, &dev);

	if (r < 0)
		return r;
	l = vdpa_vstats_list_new();
	if (!l)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	(void)vdpa_dev_get_max_vqs(dev, &queues);
	r = collect(ctx, name, queues ? queues : 1, l);
	if (!r)
		*list = TAKE(l);
	return r;
}

const char *vdpa_vstats_get_name(const struct vdpa_vstats *s)
{
	return s->name;
}

uint32_t vdpa_vstats_get_index(const struct vdpa_vstats *s)
{
	return s->index;
}

enum vdpa_queue_type vdpa_vstats_get_queue_type(const struct vdpa_vstats *s)
{
	uint32_t ctrl;

	if (!(s->has & HAS_ID) || s->id != VDPA_ID_NET)
		return VDPA_QUEUE_OTHER;
	if ((s->has & HAS_NEGOTIATED) &&
	    ctrl_index(s->negotiated, s->has & HAS_MAX_VQP, s->max_vqp, &ctrl) && s->index == ctrl)
		return VDPA_QUEUE_CTRL;
	return s->index & 1 ? VDPA_QUEUE_TX : VDPA_QUEUE_RX;
}

bool vdpa_vstats_get_id(const struct vdpa_vstats *s, uint32_t *id)
{
	if (s->has & HAS_ID)
		*id = s->id;
	return s->has & HAS_ID;
}

bool vdpa_vstats_get_negotiated_features(const struct vdpa_vstats *s, uint64_t *features)
{
	if (s->has & HAS_NEGOTIATED)
		*features = s->negotiated;
	return s->has & HAS_NEGOTIATED;
}

bool vdpa_vstats_get_max_vqp(const struct vdpa_vstats *s, uint16_t *max_vqp)
{
	if (s->has & HAS_MAX_VQP)
		*max_vqp = s->max_vqp;
	return s->has & HAS_MAX_VQP;
}

size_t vdpa_vstats_get_size(const struct vdpa_vstats *s)
{
	return s->n;
}

const char *vdpa_vstats_get_counter(const struct vdpa_vstats *s, size_t i, uint64_t *value)
{
	if (i >= s->n)
		return NULL;
	*value = s->counters[i].value;
	return s->counters[i].name;
}
