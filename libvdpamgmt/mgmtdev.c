/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "list.h"
#include "nl.h"

#define HAS_CLASSES (1u << 0)
#define HAS_MAX_VQS (1u << 1)
#define HAS_FEATURES (1u << 2)

struct vdpa_mgmtdev {
	atomic_uint refs;
	unsigned int has;
	uint64_t classes;
	uint32_t max_vqs;
	uint64_t features;
	char *bus; /* owned; NULL without */
	char *handle; /* owned */
	const char *name; /* in handle */
};

static void mgmtdev_release(struct vdpa_mgmtdev *m)
{
	free(m->bus);
	free(m->handle);
	free(m);
}

DEFINE_REFS(vdpa_mgmtdev, mgmtdev_release)
DEFINE_LIST(vdpa_mgmtdev)

static struct vdpa_mgmtdev *mgmtdev_new(const char *bus, const char *name)
{
	struct vdpa_mgmtdev *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	atomic_init(&m->refs, 1);
	m->bus = bus ? strdup(bus) : NULL;
	m->handle = bus ? format_string("%s/%s", bus, name) : strdup(name);
	if (!m->handle || (bus && !m->bus))
		return vdpa_mgmtdev_unref(m);
	m->name = m->handle + (bus ? strlen(bus) + 1 : 0);
	return m;
}

static int mgmtdev_reply(const struct nlmsghdr *nlh, const struct attrs *attrs, void *data)
{
	const char *name = attrs_str(attrs, VDPA_NL_ATTR_MGMTDEV_NAME);
	struct vdpa_mgmtdev *m;
	uint64_t v;

	(void)nlh;
	if (!name)
		return -EBADMSG;
	m = mgmtdev_new(attrs_str(attrs, VDPA_NL_ATTR_MGMTDEV_BUS), name);
	if (!m)
		return -ENOMEM;
	if (attrs_uint(attrs, VDPA_NL_ATTR_MGMTDEV_CLASSES, &m->classes))
		m->has |= HAS_CLASSES;
	if (attrs_uint(attrs, VDPA_NL_ATTR_MGMTDEV_MAX_VQS, &v)) {
		m->has |= HAS_MAX_VQS;
		m->max_vqs = (uint32_t)v;
	}
	if (attrs_uint(attrs, VDPA_NL_ATTR_SUPPORTED_FEATURES, &m->features))
		m->has |= HAS_FEATURES;
	return vdpa_mgmtdev_list_push(data, m);
}

static void mgmtdev_restart(void *data)
{
	vdpa_mgmtdev_list_clear(data);
}

int vdpa_mgmtdev_list(struct vdpa_ctx *ctx, struct vdpa_mgmtdev_list **list)
{
	struct nl_request rq =
		NL_REQUEST_INIT(VDPA_COMMAND_MGMTDEV_GET, "list management devices", NULL);
	struct vdpa_mgmtdev_list *l = vdpa_mgmtdev_list_new();
	int r = l ? nl_begin(ctx, &rq, NLM_F_DUMP) : ctx_fail(ctx, ENOMEM, "out of memory");

	if (!r) {
		rq.reply = mgmtdev_reply;
		rq.restart = mgmtdev_restart;
		rq.data = l;
		r = nl_run(ctx, &rq);
	}
	if (r < 0)
		vdpa_mgmtdev_list_unref(l);
	else
		*list = l;
	return r;
}

bool is_mgmtdev_handle(const char *handle)
{
	const char *slash = strchr(handle, '/');

	if (!slash)
		return *handle;
	return slash != handle && slash[1] && !strchr(slash + 1, '/');
}

int vdpa_mgmtdev_get(struct vdpa_ctx *ctx, const char *handle, struct vdpa_mgmtdev **mgmtdev)
{
	struct nl_request rq =
		NL_REQUEST_INIT(VDPA_COMMAND_MGMTDEV_GET, "show management device", handle);
	CLEANUP(cleanup_vdpa_mgmtdev_list_unref_cb) struct vdpa_mgmtdev_list *l = NULL;
	int r;

	if (!is_mgmtdev_handle(handle))
		return ctx_fail(ctx, EINVAL, "management device \"%s\": expected BUS/NAME or NAME",
				handle);
	l = vdpa_mgmtdev_list_new();
	r = l ? nl_begin(ctx, &rq, 0) : ctx_fail(ctx, ENOMEM, "out of memory");
	if (r < 0)
		return r;
	msg_put_handle(&rq.msg, handle);
	rq.reply = mgmtdev_reply;
	rq.restart = mgmtdev_restart;
	rq.data = l;
	r = nl_run(ctx, &rq);
	if (r == -ENODEV)
		hint_no_mgmtdev(ctx, ctx->error, handle);
	if (r < 0)
		return r;
	*mgmtdev = vdpa_mgmtdev_ref(vdpa_mgmtdev_list_get(l, 0));
	return 0;
}

const char *vdpa_mgmtdev_get_handle(const struct vdpa_mgmtdev *m)
{
	return m->handle;
}

const char *vdpa_mgmtdev_get_bus(const struct vdpa_mgmtdev *m)
{
	return m->bus;
}

const char *vdpa_mgmtdev_get_name(const struct vdpa_mgmtdev *m)
{
	return m->name;
}

bool vdpa_mgmtdev_get_classes(const struct vdpa_mgmtdev *m, uint64_t *classes)
{
	if (m->has & HAS_CLASSES)
		*classes = m->classes;
	return m->has & HAS_CLASSES;
}

bool vdpa_mgmtdev_get_max_vqs(const struct vdpa_mgmtdev *m, uint32_t *max_vqs)
{
	if (m->has & HAS_MAX_VQS)
		*max_vqs = m->max_vqs;
	return m->has & HAS_MAX_VQS;
}

bool vdpa_mgmtdev_get_features(const struct vdpa_mgmtdev *m, uint64_t *features)
{
	if (m->has & HAS_FEATURES)
		*features = m->features;
	return m->has & HAS_FEATURES;
}

bool vdpa_mgmtdev_get_max_devices(struct vdpa_ctx *ctx, const struct vdpa_mgmtdev *m, uint32_t *max)
{
	const struct parent_info *info = parent_lookup(ctx, vdpa_mgmtdev_get_handle(m));

	if (!info || info->many)
		return false;
	*max = 1;
	return true;
}
