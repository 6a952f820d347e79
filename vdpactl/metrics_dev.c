// SPDX-License-Identifier: GPL-2.0-or-later
/* Parents, devices and their virtqueues.  Each listing is one dump, whatever the number of devices. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "devs.h"
#include "metrics.h"
#include "view.h"

#define SECTOR 512u
/* Virtqueue numbers have 16 bits. */
#define QUEUES_MAX 65536u
/* Parents without statistics that are remembered: those of many devices are few. */
#define SILENT_MAX 8

/* How many devices have the same parent, driver and class. */
struct group {
	char *mgmtdev; /* owned; "" without; so is the next */
	char *driver;
	const char *class;
	uint64_t n;
};

struct scan {
	struct metrics *m;
	struct vdpa_ctx *ctx;
	void *groups; /* tree of struct group */
	const struct vdpa_config **configs; /* owned array, by name */
	size_t n_configs;
	const char *silent[SILENT_MAX]; /* borrowed handles */
	size_t n_silent;
	bool no_vstats; /* they need a privilege */
};

/* The word for the device's class, or its number in buf; "" when it is not known. */
static const char *class_of(const struct vdpa_dev *dev, char buf[16])
{
	const char *class;
	uint32_t id;

	if (!vdpa_dev_get_id(dev, &id))
		return "";
	class = vdpa_class_name(id);
	if (class)
		return class;
	snprintf(buf, 16, "%u", id);
	return buf;
}

/* ---- management devices ---- */

static void add_mgmtdev(struct scan *s, const struct vdpa_mgmtdev *dev)
{
	CLEANUP(strbuf_free) struct strbuf names = STRBUF_INIT;
	const char *handle = vdpa_mgmtdev_get_handle(dev);
	struct metrics *m = s->m;
	uint64_t classes = 0;
	uint32_t n;

	vdpa_mgmtdev_get_classes(dev, &classes);
	for (uint32_t id = 1; id < 64; id++) {
		const char *name = vdpa_class_name(id);

		if (classes >> id & 1 && name)
			strbuf_addf(&names, "%s%s", names.len ? "," : "", name);
		else if (classes >> id & 1)
			strbuf_addf(&names, "%s%u", names.len ? "," : "", id);
	}
	metric_begin(m, METRIC_MGMTDEV_INFO);
	metric_label(m, "mgmtdev", handle);
	metric_label(m, "classes", names.s ? names.s : "");
	metric_end(m, 1);
	/* Some drivers can't tell, and say 0. */
	if (vdpa_mgmtdev_get_max_vqs(dev, &n) && n) {
		metric_begin(m, METRIC_MGMTDEV_MAX_VQS);
		metric_label(m, "mgmtdev", handle);
		metric_end(m, n);
	}
	if (vdpa_mgmtdev_get_max_devices(s->ctx, dev, &n)) {
		metric_begin(m, METRIC_MGMTDEV_MAX_DEVICES);
		metric_label(m, "mgmtdev", handle);
		metric_end(m, n);
	}
}

static enum status add_mgmtdevs(struct scan *s)
{
	CLEANUP(cleanup_vdpa_mgmtdev_list_unref_cb) struct vdpa_mgmtdev_list *list = NULL;

	if (vdpa_mgmtdev_list(s->ctx, &list) < 0)
		return diag_ctx(s->m->app, NULL);
	for (size_t i = 0; i < vdpa_mgmtdev_list_get_size(list); i++)
		add_mgmtdev(s, vdpa_mgmtdev_list_get(list, i));
	return ST_OK;
}

/* ---- groups ---- */

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int r = strcmp(x->mgmtdev, y->mgmtdev);

	if (!r)
		r = strcmp(x->driver, y->driver);
	return r ? r : strcmp(x->class, y->class);
}

static void group_free(void *p)
{
	struct group *g = p;

	free(g->mgmtdev);
	free(g->driver);
	free(g);
}

/* Classes without a name are counted together. */
static int count(struct scan *s, const char *mgmtdev, const char *driver, uint32_t id)
{
	const char *class = vdpa_class_name(id);
	struct group key = { .mgmtdev = (char *)(uintptr_t)mgmtdev,
			     .driver = (char *)(uintptr_t)driver,
			     .class = class ? class : "other" };
	void *node = tfind(&key, &s->groups, compare_groups);
	struct group *g;

	if (node) {
		(*(struct group **)node)->n++;
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	*g = (struct group){ strdup(mgmtdev), strdup(driver), key.class, 1 };
	if (g->mgmtdev && g->driver && tsearch(g, &s->groups, compare_groups))
		return 0;
	group_free(g);
	return -ENOMEM;
}

static void group_cb(const void *node, VISIT visit, void *data)
{
	const struct group *g = *(struct group *const *)node;
	struct metrics *m = data;

	if (visit != postorder && visit != leaf)
		return;
	metric_begin(m, METRIC_DEVICES);
	metric_label(m, "mgmtdev", g->mgmtdev);
	metric_label(m, "driver", g->driver);
	metric_label(m, "class", g->class);
	metric_end(m, g->n);
}

/* ---- configurations ---- */

static int compare_configs(const void *a, const void *b)
{
	return strcmp(vdpa_config_get_name(*(const struct vdpa_config *const *)a),
		      vdpa_config_get_name(*(const struct vdpa_config *const *)b));
}

static int compare_name(const void *name, const void *config)
{
	return strcmp(name, vdpa_config_get_name(*(const struct vdpa_config *const *)config));
}

static int sort_configs(struct scan *s, const struct vdpa_config_list *list)
{
	size_t n = vdpa_config_list_get_size(list);

	s->configs = calloc(n + 1, sizeof(*s->configs));
	if (!s->configs)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		s->configs[i] = vdpa_config_list_get(list, i);
	s->n_configs = n;
	qsort(s->configs, n, sizeof(*s->configs), compare_configs);
	return 0;
}

static const struct vdpa_config *find_config(const struct scan *s, const char *name)
{
	const struct vdpa_config **c =
		bsearch(name, s->configs, s->n_configs, sizeof(*s->configs), compare_name);

	return c ? *c : NULL;
}

static void add_config(struct scan *s, const char *name, const struct vdpa_config *c)
{
	const struct vdpa_error *err = vdpa_config_get_error(c);
	struct metrics *m = s->m;
	uint64_t value;
	uint16_t n;

	/* A class without a configuration has none to read. */
	if (err && vdpa_error_get_errno(err) != EOPNOTSUPP)
		metric_error(m, name, "config", vdpa_error_get_errno(err));
	if (err)
		return;
	metric_of(m, METRIC_DEVICE_NEGOTIATED, name,
		  vdpa_config_get_negotiated_features(c, &value));
	if (vdpa_config_get_net_status(c, &n))
		metric_of(m, METRIC_DEVICE_LINK_UP, name, n & 1);
	if (vdpa_config_get_mtu(c, &n))
		metric_of(m, METRIC_DEVICE_MTU, name, n);
	if (vdpa_config_get_max_vqp(c, &n))
		metric_of(m, METRIC_DEVICE_MAX_VQ_PAIRS, name, n);
	if (vdpa_config_get_blk(c, VDPA_BLK_CAPACITY, &value))
		metric_of(m, METRIC_DEVICE_CAPACITY, name, value * SECTOR);
	if (vdpa_config_get_blk(c, VDPA_BLK_READ_ONLY, &value))
		metric_of(m, METRIC_DEVICE_READ_ONLY, name, value);
}

/* ---- virtqueues ---- */

/* A name that stands there again would be the same sample twice. */
static bool is_repeated(const struct vdpa_vstats *v, size_t at, const char *name)
{
	uint64_t value;

	for (size_t i = 0; i < at; i++) {
		if (!strcmp(vdpa_vstats_get_counter(v, i, &value), name))
			return true;
	}
	return false;
}

static void add_queue(struct scan *s, const char *name, const struct vdpa_vstats *v)
{
	const char *type = view_queue_type(v);
	struct metrics *m = s->m;

	for (size_t i = 0; i < vdpa_vstats_get_size(v); i++) {
		uint64_t value = 0;
		const char *counter = vdpa_vstats_get_counter(v, i, &value);

		if (is_repeated(v, i, counter))
			continue;
		metric_begin(m, METRIC_QUEUE_VENDOR);
		metric_label(m, "name", name);
		metric_label_u64(m, "queue", vdpa_vstats_get_index(v));
		metric_label(m, "type", type ? type : "");
		metric_label(m, "counter", counter);
		metric_end(m, value);
	}
}

/* true when the device's other virtqueues are worth asking about. */
static bool add_queue_error(struct scan *s, const struct vdpa_dev *dev, int r)
{
	switch (r) {
	case -EAGAIN: /* not negotiated, or not running */
	case -EINVAL: /* not every number up to max_vqs is a virtqueue of what was negotiated */
	case -ERANGE:
		return true;
	case -ENODEV:
		return false;
	case -EOPNOTSUPP:
		if (s->n_silent < SILENT_MAX)
			s->silent[s->n_silent++] = vdpa_dev_get_mgmtdev(dev);
		return false;
	case -EPERM:
		s->no_vstats = true;
		return false;
	}
	metric_error(s->m, vdpa_dev_get_name(dev), "vstats", -r);
	return false;
}

static bool is_silent(const struct scan *s, const struct vdpa_dev *dev)
{
	for (size_t i = 0; i < s->n_silent; i++) {
		if (!strcmp(s->silent[i], vdpa_dev_get_mgmtdev(dev)))
			return true;
	}
	return false;
}

static void add_queues(struct scan *s, const struct vdpa_dev *dev, const struct vdpa_config *c)
{
	uint32_t queues = 1;
	uint64_t features;

	/* Without a driver there are no statistics yet. */
	if (s->no_vstats || !vdpa_dev_is_managed(dev) || is_silent(s, dev) ||
	    (c && !vdpa_config_get_error(c) && !vdpa_config_get_negotiated_features(c, &features)))
		return;
	vdpa_dev_get_max_vqs(dev, &queues);
	for (uint32_t i = 0; i < queues && i < QUEUES_MAX; i++) {
		CLEANUP(cleanup_vdpa_vstats_unref_cb) struct vdpa_vstats *v = NULL;
		int r = vdpa_vstats_get(s->ctx, vdpa_dev_get_name(dev), i, &v);

		if (!r)
			add_queue(s, vdpa_dev_get_name(dev), v);
		else if (!add_queue_error(s, dev, r))
			break;
	}
}

/* ---- devices ---- */

static void add_info(struct scan *s, const struct vdpa_dev *dev, const struct vdpa_sysdev *sysdev,
		     const char *driver)
{
	struct metrics *m = s->m;
	char number[16];
	uint32_t n;

	metric_begin(m, METRIC_DEVICE_INFO);
	metric_label(m, "name", vdpa_dev_get_name(dev));
	metric_label(m, "mgmtdev", vdpa_dev_get_mgmtdev(dev));
	metric_label(m, "driver", driver);
	metric_label(m, "class", class_of(dev, number));
	metric_label(m, "netdev", vdpa_sysdev_get_netdev(sysdev));
	metric_label(m, "node", vdpa_sysdev_get_node(sysdev));
	metric_label(m, "parent", vdpa_sysdev_get_parent(sysdev));
	metric_end(m, 1);
	if (vdpa_dev_get_max_vqs(dev, &n))
		metric_of(m, METRIC_DEVICE_MAX_VQS, vdpa_dev_get_name(dev), n);
}

/* 0, or -ENOMEM */
static int add_device(struct scan *s, const struct vdpa_dev *dev, const struct vdpa_sysdev *sysdev)
{
	const char *name = vdpa_dev_get_name(dev), *mgmtdev, *driver;
	const struct vdpa_config *config = find_config(s, name);
	uint32_t id = 0;

	/* It went away meanwhile. */
	if (!sysdev)
		return 0;
	if (vdpa_dev_get_error(dev)) {
		metric_error(s->m, name, "device", vdpa_error_get_errno(vdpa_dev_get_error(dev)));
		return 0;
	}
	driver = vdpa_sysdev_get_driver(sysdev) ? vdpa_sysdev_get_driver(sysdev) : "none";
	mgmtdev = vdpa_dev_get_mgmtdev(dev) ? vdpa_dev_get_mgmtdev(dev) : "";
	vdpa_dev_get_id(dev, &id);
	add_info(s, dev, sysdev, driver);
	if (config)
		add_config(s, name, config);
	add_queues(s, dev, config);
	return count(s, mgmtdev, driver, id);
}

static enum status add_devices(struct scan *s)
{
	CLEANUP(cleanup_vdpa_dev_list_unref_cb) struct vdpa_dev_list *devs = NULL;
	CLEANUP(cleanup_vdpa_config_list_unref_cb) struct vdpa_config_list *configs = NULL;
	CLEANUP(cleanup_vdpa_sysdev_list_unref_cb) struct vdpa_sysdev_list *sysdevs = NULL;
	int r = 0;

	if (vdpa_dev_list(s->ctx, &devs) < 0 || vdpa_config_list(s->ctx, &configs) < 0 ||
	    (vdpa_dev_list_get_size(devs) && vdpa_sysdev_list(s->ctx, &sysdevs) < 0))
		return diag_ctx(s->m->app, NULL);
	r = sort_configs(s, configs);
	for (size_t i = 0; !r && i < vdpa_dev_list_get_size(devs); i++) {
		const struct vdpa_dev *dev = vdpa_dev_list_get(devs, i);

		r = add_device(s, dev, devs_find_sysdev(sysdevs, vdpa_dev_get_name(dev)));
	}
	free(s->configs);
	if (r < 0)
		return diag_error(s->m->app, NULL, NULL, NULL);
	twalk_r(s->groups, group_cb, s->m);
	return ST_OK;
}

enum status metrics_devices(struct metrics *m)
{
	struct scan s = { .m = m, .ctx = m->app->ctx };
	enum status status = add_mgmtdevs(&s);

	if (!status)
		status = add_devices(&s);
	tdestroy(s.groups, group_free);
	if (s.no_vstats)
		diag_note(m->app, "statistics are left out: they need CAP_NET_ADMIN");
	metric_begin(m, METRIC_SCRAPE_COMPLETE);
	metric_label(m, "part", "vstats");
	metric_end(m, !s.no_vstats);
	return status;
}
