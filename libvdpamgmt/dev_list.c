/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "list.h"
#include "names.h"
#include "nl.h"

DEFINE_LIST(vdpa_dev)

static int list_reply(const struct nlmsghdr *nlh, const struct attrs *attrs, void *data)
{
	struct vdpa_dev *dev;
	int r;

	(void)nlh;
	dev = dev_from_attrs(attrs, &r);
	return dev ? vdpa_dev_list_push(data, dev) : r;
}

static void list_restart(void *data)
{
	vdpa_dev_list_clear(data);
}

static int dump(struct vdpa_ctx *ctx, struct vdpa_dev_list *l)
{
	struct nl_request rq = NL_REQUEST_INIT(VDPA_COMMAND_DEV_GET, "list devices", NULL);
	int r = nl_begin(ctx, &rq, NLM_F_DUMP);

	if (r < 0)
		return r;
	rq.reply = list_reply;
	rq.restart = list_restart;
	rq.data = l;
	return nl_run(ctx, &rq);
}

static const char *name_at(const void *list, size_t i)
{
	return ((const struct vdpa_dev_list *)list)->v[i]->name;
}

/* A device that the dump left out: read alone; one that is gone by now is no error. */
static int add_missing(struct vdpa_ctx *ctx, struct vdpa_dev_list *l, const char *name)
{
	struct vdpa_dev *dev = NULL;
	int r = vdpa_dev_get(ctx, name, &dev);

	if (r == -ENODEV)
		return 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		dev = dev_new(name, vdpa_error_ref(ctx->error));
	return vdpa_dev_list_push(l, dev);
}

static bool unmanaged(const struct vdpa_dev *dev)
{
	return !dev->managed && !dev->error;
}

/* Managed first, each group in its order. */
static int unmanaged_last(struct vdpa_dev_list *l)
{
	CLEANUP_FREE struct vdpa_dev **sorted = calloc(l->n + 1, sizeof(struct vdpa_dev *));
	size_t n = 0;

	if (!sorted)
		return -ENOMEM;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < l->n; i++)
			if (unmanaged(l->v[i]) == pass)
				sorted[n++] = l->v[i];
	memcpy(l->v, sorted, l->n * sizeof(struct vdpa_dev *));
	return 0;
}

static int complete(struct vdpa_ctx *ctx, struct vdpa_dev_list *l)
{
	struct names_diff diff;
	int r = names_diff(ctx, l->n, name_at, l, &diff);

	if (r < 0)
		return r;
	vdpa_dev_list_keep(l, diff.keep);
	for (char **name = diff.missing; !r && *name; name++)
		r = add_missing(ctx, l, *name);
	if (!r && *diff.missing && l->n)
		r = unmanaged_last(l);
	names_diff_free(&diff);
	return r;
}

int vdpa_dev_list(struct vdpa_ctx *ctx, struct vdpa_dev_list **list)
{
	struct vdpa_dev_list *l = vdpa_dev_list_new();
	int r = l ? dump(ctx, l) : ctx_fail(ctx, ENOMEM, "out of memory");

	if (!r && complete(ctx, l) < 0)
		r = ctx_fail(ctx, ENOMEM, "cannot list devices: out of memory");
	if (r < 0)
		vdpa_dev_list_unref(l);
	else
		*list = l;
	return r;
}
