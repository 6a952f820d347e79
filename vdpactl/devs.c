// SPDX-License-Identifier: GPL-2.0-or-later
#include "devs.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "dev_args.h"
#include "items.h"

/* From that many devices on, a listing of all is cheaper than asking for each. */
#define MANY 32

const char *const dev_drivers[] = { "vhost_vdpa", "virtio_vdpa", "none", NULL };

void devs_free(struct devs *d)
{
	for (size_t i = 0; i < d->n; i++) {
		vdpa_dev_unref(d->v[i].dev);
		vdpa_sysdev_unref(d->v[i].sysdev);
		vdpa_config_unref(d->v[i].config);
		vdpa_netdev_unref(d->v[i].netdev);
	}
	free(d->v);
	vdpa_user_list_unref(d->users);
	*d = (struct devs){ 0 };
}

/* Takes over the references. */
static bool push(struct devs *d, struct vdpa_dev *dev, struct vdpa_sysdev *sysdev)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 16;
		struct dev_item *v = reallocarray(d->v, cap, sizeof(*v));

		if (!v) {
			vdpa_dev_unref(dev);
			vdpa_sysdev_unref(sysdev);
			return false;
		}
		d->v = v;
		d->cap = cap;
	}
	d->v[d->n++] = (struct dev_item){ .dev = dev, .sysdev = sysdev };
	return true;
}

static const char *name_of(const struct devs *d, size_t i)
{
	return vdpa_dev_get_name(d->v[i].dev);
}

struct vdpa_sysdev *devs_find_sysdev(const struct vdpa_sysdev_list *list, const char *name)
{
	size_t low = 0, high = list ? vdpa_sysdev_list_get_size(list) : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct vdpa_sysdev *s = vdpa_sysdev_list_get(list, middle);
		int order = strcmp(vdpa_sysdev_get_name(s), name);

		if (!order)
			return s;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- which ---- */

/* All devices, from which some are taken. */
struct pool {
	struct vdpa_dev_list *list; /* owned */
	struct vdpa_sysdev_list *sysdevs; /* owned; NULL unless drivers matter */
	size_t n;
	size_t *sorted; /* owned: indices into list, by name */
	bool *taken; /* owned */
};

static void pool_free(struct pool *p)
{
	vdpa_dev_list_unref(p->list);
	vdpa_sysdev_list_unref(p->sysdevs);
	free(p->sorted);
	free(p->taken);
}

static int compare_names(const void *a, const void *b, void *data)
{
	const struct vdpa_dev_list *list = data;

	return strcmp(vdpa_dev_get_name(vdpa_dev_list_get(list, *(const size_t *)a)),
		      vdpa_dev_get_name(vdpa_dev_list_get(list, *(const size_t *)b)));
}

static enum status pool_fill(struct app *app, const struct args *args, struct pool *p)
{
	if (vdpa_dev_list(app->ctx, &p->list) < 0 ||
	    (args->has & HAS_DRIVER && vdpa_sysdev_list(app->ctx, &p->sysdevs) < 0))
		return diag_ctx(app, NULL);
	p->n = vdpa_dev_list_get_size(p->list);
	p->sorted = calloc(p->n + 1, sizeof(*p->sorted));
	p->taken = calloc(p->n + 1, sizeof(*p->taken));
	if (!p->sorted || !p->taken)
		return diag_error(app, NULL, NULL, NULL);
	for (size_t i = 0; i < p->n; i++)
		p->sorted[i] = i;
	qsort_r(p->sorted, p->n, sizeof(*p->sorted), compare_names, p->list);
	return ST_OK;
}

/* The index of the device of that name, or p->n. */
static size_t pool_find(const struct pool *p, const char *name)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t i = p->sorted[middle];
		int order = strcmp(vdpa_dev_get_name(vdpa_dev_list_get(p->list, i)), name);

		if (!order)
			return i;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return p->n;
}

static bool has_driver(const struct pool *p, const char *name, const char *driver)
{
	const struct vdpa_sysdev *s = devs_find_sysdev(p->sysdevs, name);
	const char *now = s ? vdpa_sysdev_get_driver(s) : NULL;

	return s && !strcmp(now ? now : "none", driver);
}

static bool passes(const struct pool *p, const struct args *args, const struct vdpa_dev *dev)
{
	const char *handle = vdpa_dev_get_mgmtdev(dev);
	uint32_t id = 0;

	if (args->has & HAS_MGMTDEV && (!handle || strcmp(handle, args->mgmtdev)))
		return false;
	vdpa_dev_get_id(dev, &id);
	if (args->has & HAS_TYPE &&
	    id != (strcmp(args->dev.type, "block") ? VDPA_ID_NET : VDPA_ID_BLOCK))
		return false;
	return !(args->has & HAS_DRIVER) || has_driver(p, vdpa_dev_get_name(dev), args->dev.driver);
}

struct selection {
	struct app *app;
	const struct args *args;
	struct devs *d;
	struct tally *tally;
	struct pool pool;
	bool if_exists;
};

/* false when memory ran out */
static bool take(struct selection *s, size_t i)
{
	struct vdpa_dev *dev = vdpa_dev_list_get(s->pool.list, i);
	const struct vdpa_error *err = vdpa_dev_get_error(dev);
	const char *name = vdpa_dev_get_name(dev);

	if (s->pool.taken[i])
		return true;
	if (!err && !passes(&s->pool, s->args, dev))
		return true;
	s->pool.taken[i] = true;
	if (!err)
		return push(s->d, vdpa_dev_ref(dev),
			    vdpa_sysdev_ref(devs_find_sysdev(s->pool.sysdevs, name)));
	tally_add(s->tally, diag_error(s->app, name, err, NULL));
	return true;
}

static bool is_pattern(const char *word)
{
	return strpbrk(word, "*?[");
}

static bool take_pattern(struct selection *s, const char *pattern)
{
	bool any = false;

	for (size_t i = 0; i < s->pool.n; i++) {
		const char *name = vdpa_dev_get_name(vdpa_dev_list_get(s->pool.list, i));

		if (fnmatch(pattern, name, 0))
			continue;
		any = true;
		if (!take(s, i))
			return false;
	}
	if (!any && !s->if_exists)
		tally_add(s->tally, diag_fail(s->app, pattern, ENODEV, NULL,
					      "no device matches \"%s\"", pattern));
	return true;
}

/* A device by its name, asked of the kernel. */
static bool take_named(struct selection *s, const char *name)
{
	struct vdpa_dev *dev = NULL;
	int r = vdpa_dev_get(s->app->ctx, name, &dev);

	if (!r)
		return push(s->d, dev, NULL);
	if (r != -ENODEV || !s->if_exists)
		tally_add(s->tally, diag_ctx(s->app, name));
	return true;
}

static bool take_word(struct selection *s, const char *word)
{
	size_t i = pool_find(&s->pool, word);

	if (i < s->pool.n)
		return take(s, i);
	return is_pattern(word) ? take_pattern(s, word) : take_named(s, word);
}

static bool take_all(struct selection *s)
{
	for (size_t i = 0; i < s->pool.n; i++) {
		if (!take(s, i))
			return false;
	}
	return true;
}

bool devs_has_filter(const struct args *args)
{
	return args->has & (HAS_MGMTDEV | HAS_TYPE | HAS_DRIVER);
}

bool devs_has_pattern(const struct args *args)
{
	for (size_t i = 0; i < args->n_items && args->items[i]; i++) {
		if (is_pattern(args->items[i]))
			return true;
	}
	return false;
}

/* Only names, so that there is no need for a list of all. */
static bool only_names(const struct app *app, const struct args *args, size_t n)
{
	if (app->legacy)
		return n;
	return n && !devs_has_filter(args) && !devs_has_pattern(args);
}

static bool fill(struct selection *s, size_t n)
{
	char **words = s->args->items;

	if (only_names(s->app, s->args, n)) {
		for (size_t i = 0; i < n; i++) {
			if (!take_named(s, words[i]))
				return false;
		}
		return true;
	}
	if (!n)
		return take_all(s);
	for (size_t i = 0; i < n; i++) {
		if (!take_word(s, words[i]))
			return false;
	}
	return true;
}

enum status devs_select(struct app *app, const struct args *args, bool if_exists, struct devs *d,
			struct tally *tally)
{
	struct selection s = {
		.app = app, .args = args, .d = d, .tally = tally, .if_exists = if_exists
	};
	long n = items_unique(args->items, args->n_items);
	enum status status = ST_OK;

	if (n < 0)
		return diag_error(app, NULL, NULL, NULL);
	d->all = !n && !devs_has_filter(args);
	if (!only_names(app, args, (size_t)n))
		status = pool_fill(app, args, &s.pool);
	if (!status && !fill(&s, (size_t)n))
		status = diag_error(app, NULL, NULL, NULL);
	pool_free(&s.pool);
	return status;
}

/* ---- what of them ---- */

void devs_sysdevs(struct app *app, struct devs *d)
{
	CLEANUP(cleanup_vdpa_sysdev_list_unref_cb) struct vdpa_sysdev_list *list = NULL;

	if (d->n >= MANY && vdpa_sysdev_list(app->ctx, &list) < 0)
		list = NULL;
	for (size_t i = 0; i < d->n; i++) {
		struct dev_item *it = &d->v[i];

		if (it->sysdev)
			continue;
		if (list)
			it->sysdev = vdpa_sysdev_ref(devs_find_sysdev(list, name_of(d, i)));
		else if (vdpa_sysdev_get(app->ctx, name_of(d, i), &it->sysdev) < 0)
			it->sysdev = NULL;
	}
}

static int compare_configs(const void *a, const void *b)
{
	struct vdpa_config *const *x = a, *const *y = b;

	return strcmp(vdpa_config_get_name(*x), vdpa_config_get_name(*y));
}

static int compare_to_config(const void *key, const void *b)
{
	struct vdpa_config *const *y = b;

	return strcmp(key, vdpa_config_get_name(*y));
}

static void join_configs(struct devs *d, const struct vdpa_config_list *list)
{
	size_t n = vdpa_config_list_get_size(list);
	CLEANUP_FREE struct vdpa_config **sorted = calloc(n + 1, sizeof(struct vdpa_config *));

	if (!sorted)
		return;
	for (size_t i = 0; i < n; i++)
		sorted[i] = vdpa_config_list_get(list, i);
	qsort(sorted, n, sizeof(*sorted), compare_configs);
	for (size_t i = 0; i < d->n; i++) {
		struct vdpa_config **found =
			bsearch(name_of(d, i), sorted, n, sizeof(*sorted), compare_to_config);

		if (found && !vdpa_config_get_error(*found))
			d->v[i].config = vdpa_config_ref(*found);
	}
}

/* A device without a configuration, or one that is gone, has none. */
static void get_configs(struct app *app, struct devs *d)
{
	CLEANUP(cleanup_vdpa_config_list_unref_cb) struct vdpa_config_list *list = NULL;

	if (d->n >= MANY && vdpa_config_list(app->ctx, &list) == 0) {
		join_configs(d, list);
		return;
	}
	for (size_t i = 0; i < d->n; i++) {
		struct dev_item *it = &d->v[i];

		if (!vdpa_dev_is_managed(it->dev) ||
		    vdpa_config_get(app->ctx, name_of(d, i), &it->config) < 0)
			it->config = NULL;
	}
}

static void get_netdevs(struct app *app, struct devs *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct dev_item *it = &d->v[i];
		const char *ifname = it->sysdev ? vdpa_sysdev_get_netdev(it->sysdev) : NULL;

		if (ifname && vdpa_netdev_get(app->ctx, ifname, &it->netdev) < 0)
			it->netdev = NULL;
	}
}

/* The users are in the order of the devices. */
static void share_out_users(struct devs *d)
{
	size_t n = vdpa_user_list_get_size(d->users), at = 0;

	for (size_t i = 0; i < d->n && at < n; i++) {
		struct dev_item *it = &d->v[i];

		it->first_user = at;
		while (it->sysdev && at < n &&
		       !strcmp(vdpa_user_list_get_dev(d->users, at), name_of(d, i)))
			at++;
		it->n_users = at - it->first_user;
	}
}

void devs_users_text(struct strbuf *sb, const struct devs *d, size_t i)
{
	const struct dev_item *it = &d->v[i];

	for (size_t k = it->first_user; k < it->first_user + it->n_users; k++)
		strbuf_addf(sb, "%s%d (%s)", sb->len ? ", " : "",
			    (int)vdpa_user_list_get_pid(d->users, k),
			    vdpa_user_list_get_comm(d->users, k));
}

enum status devs_users(struct app *app, struct devs *d)
{
	CLEANUP_FREE struct vdpa_sysdev **v = calloc(d->n + 1, sizeof(struct vdpa_sysdev *));
	size_t n = 0;

	if (!v)
		return diag_error(app, NULL, NULL, NULL);
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].sysdev)
			v[n++] = d->v[i].sysdev;
	}
	if (vdpa_user_list_devs(app->ctx, v, n, &d->users) < 0)
		return diag_ctx(app, NULL);
	share_out_users(d);
	return ST_OK;
}

enum status devs_details(struct app *app, struct devs *d)
{
	devs_sysdevs(app, d);
	get_configs(app, d);
	get_netdevs(app, d);
	return devs_users(app, d);
}

enum status devs_one(struct app *app, const char *name, struct devs *d)
{
	struct vdpa_dev *dev = NULL;

	if (vdpa_dev_get(app->ctx, name, &dev) < 0)
		return diag_ctx(app, name);
	if (!push(d, dev, NULL))
		return diag_error(app, NULL, NULL, NULL);
	return devs_details(app, d);
}

struct dev_view devs_view(const struct devs *d, size_t i)
{
	const struct dev_item *it = &d->v[i];

	return (struct dev_view){
		.dev = it->dev,
		.sysdev = it->sysdev,
		.config = it->config,
		.netdev = it->netdev,
		.users = d->users,
		.first_user = it->first_user,
		.n_users = it->n_users,
	};
}
