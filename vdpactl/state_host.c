// SPDX-License-Identifier: GPL-2.0-or-later
/* The devices that are there, as save writes and apply compares them. */
#include <errno.h>
#include <string.h>

#include "state.h"

void state_host_free(struct state_host *host)
{
	for (size_t i = 0; i < host->n_devices; i++)
		state_device_free(&host->devices[i]);
	for (size_t i = 0; i < host->n_vduse; i++)
		state_vduse_free(&host->vduse[i].is);
	free(host->devices);
	free(host->vduse);
	*host = (struct state_host){ 0 };
}

/* ---- one device ---- */

/* One link, where vdpa_sysdev_get() would read a dozen files of each of 10,000 devices. */
static bool read_driver(struct state_device *d)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	char target[512];
	const char *base;
	ssize_t n;

	strbuf_addf(&path, "/sys/bus/vdpa/devices/%s/driver", d->name);
	n = path.failed ? -1 : readlink(path.s, target, sizeof(target) - 1);
	if (n < 0) {
		d->driver = state_driver(NULL);
		return !path.failed;
	}
	target[n] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	d->driver = state_driver(base);
	if (!d->driver)
		d->other_driver = strdup(base);
	return d->driver || d->other_driver;
}

static void read_config(const struct vdpa_config *c, struct state_device *d)
{
	uint16_t number;

	if (vdpa_config_get_mac(c, d->mac))
		d->has |= STATE_HAS_MAC;
	if (vdpa_config_get_mtu(c, &number)) {
		d->has |= STATE_HAS_MTU;
		d->mtu = number;
	}
	if (vdpa_config_get_max_vqp(c, &number)) {
		d->has |= STATE_HAS_MAX_VQP;
		d->max_vqp = number;
	}
	if (vdpa_config_get_features(c, &d->features))
		d->has |= STATE_HAS_FEATURES;
}

bool state_device_of(const struct vdpa_dev *dev, const struct vdpa_config *config,
		     struct state_device *d)
{
	const char *mgmtdev = vdpa_dev_get_mgmtdev(dev);
	uint32_t id;

	*d = (struct state_device){ .has = STATE_HAS_NAME | STATE_HAS_DRIVER };
	d->is_net = vdpa_dev_get_id(dev, &id) && id == VDPA_ID_NET;
	d->name = strdup(vdpa_dev_get_name(dev));
	if (d->name && mgmtdev) {
		d->mgmtdev = strdup(mgmtdev);
		d->has |= STATE_HAS_MGMTDEV;
	}
	if (!d->name || (mgmtdev && !d->mgmtdev) || !read_driver(d)) {
		state_device_free(d);
		return false;
	}
	if (d->driver && !strcmp(d->driver, "vhost_vdpa"))
		link_owner_read(d->name, &d->node.is);
	if (config)
		read_config(config, d);
	return true;
}

/* An address that no interface can have stands for none. */
static bool is_address(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, sizeof(zero)) && !(mac[0] & 1);
}

struct state_device state_device_told(const struct state_device *d)
{
	struct state_device out = *d;

	if (!is_address(d->mac))
		out.has &= ~STATE_HAS_MAC;
	if (d->mtu < 68)
		out.has &= ~STATE_HAS_MTU;
	if (!d->max_vqp)
		out.has &= ~STATE_HAS_MAX_VQP;
	if (!d->driver)
		out.has &= ~STATE_HAS_DRIVER;
	return out;
}

struct state_device state_device_reduced(struct app *app, const struct state_device *d, bool *known)
{
	struct state_device out = state_device_told(d);
	unsigned int attrs = 0;

	*known = vdpa_parent_get_attrs(app->ctx, d->mgmtdev, &attrs);
	if (!(attrs & VDPA_PARENT_MAC))
		out.has &= ~STATE_HAS_MAC;
	if (!(attrs & VDPA_PARENT_MTU))
		out.has &= ~STATE_HAS_MTU;
	if (!(attrs & VDPA_PARENT_MAX_VQP))
		out.has &= ~STATE_HAS_MAX_VQP;
	if (!(attrs & VDPA_PARENT_FEATURES))
		out.has &= ~STATE_HAS_FEATURES;
	return out;
}

/* ---- all of them ---- */

static int compare_devices(const void *a, const void *b)
{
	const struct state_device *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int compare_configs(const void *a, const void *b)
{
	return strcmp(vdpa_config_get_name(*(struct vdpa_config *const *)a),
		      vdpa_config_get_name(*(struct vdpa_config *const *)b));
}

/* The list's configurations by name; the array is the caller's. */
static struct vdpa_config **sort_configs(const struct vdpa_config_list *list, size_t n)
{
	struct vdpa_config **sorted = calloc(n + 1, sizeof(*sorted));

	for (size_t i = 0; sorted && i < n; i++)
		sorted[i] = vdpa_config_list_get(list, i);
	if (sorted)
		qsort(sorted, n, sizeof(*sorted), compare_configs);
	return sorted;
}

static const struct vdpa_config *find_config(struct vdpa_config **sorted, size_t n,
					     const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, vdpa_config_get_name(sorted[middle]));

		if (!order)
			return sorted[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Those of VDUSE are told by their daemons; a class without configuration has none to tell. */
static enum status add_device(struct app *app, const struct vdpa_dev *dev,
			      const struct vdpa_config *config, struct state_host *host)
{
	const struct vdpa_error *err = vdpa_dev_get_error(dev);
	const char *name = vdpa_dev_get_name(dev), *mgmtdev = vdpa_dev_get_mgmtdev(dev);

	if (!err && config)
		err = vdpa_config_get_error(config);
	if (err && vdpa_error_get_errno(err) == EOPNOTSUPP && !vdpa_dev_get_error(dev)) {
		err = NULL;
		config = NULL;
	}
	if (err && vdpa_error_get_errno(err) == ENODEV)
		return ST_OK;
	if (err)
		return diag_error(app, name, err, NULL);
	if (mgmtdev && !strcmp(mgmtdev, "vduse"))
		return ST_OK;
	if (!state_device_of(dev, config, &host->devices[host->n_devices]))
		return diag_error(app, NULL, NULL, NULL);
	host->n_devices++;
	return ST_OK;
}

static enum status read_devices(struct app *app, struct state_host *host)
{
	CLEANUP(cleanup_vdpa_dev_list_unref_cb) struct vdpa_dev_list *devs = NULL;
	CLEANUP(cleanup_vdpa_config_list_unref_cb) struct vdpa_config_list *configs = NULL;
	CLEANUP_FREE struct vdpa_config **sorted = NULL;
	enum status status = ST_OK;
	size_t n, n_configs;

	if (vdpa_dev_list(app->ctx, &devs) < 0)
		return diag_ctx(app, NULL);
	n = vdpa_dev_list_get_size(devs);
	if (n && vdpa_config_list(app->ctx, &configs) < 0)
		return diag_ctx(app, NULL);
	n_configs = configs ? vdpa_config_list_get_size(configs) : 0;
	sorted = sort_configs(configs, n_configs);
	host->devices = calloc(n + 1, sizeof(*host->devices));
	if (!sorted || !host->devices)
		return diag_error(app, NULL, NULL, NULL);
	for (size_t i = 0; i < n && !status; i++) {
		const struct vdpa_dev *dev = vdpa_dev_list_get(devs, i);

		status = add_device(app, dev,
				    find_config(sorted, n_configs, vdpa_dev_get_name(dev)), host);
	}
	qsort(host->devices, host->n_devices, sizeof(*host->devices), compare_devices);
	return status;
}

enum status state_host_read(struct app *app, struct state_host *host)
{
	enum status status;

	*host = (struct state_host){ 0 };
	status = read_devices(app, host);
	if (!status)
		status = state_vduse_read(app, host);
	if (status)
		state_host_free(host);
	return status;
}

const struct state_device *state_host_device(const struct state_host *host, const char *name)
{
	const struct state_device want = { .name = (char *)(uintptr_t)name };

	return host->n_devices ? bsearch(&want, host->devices, host->n_devices,
					 sizeof(*host->devices), compare_devices) :
				 NULL;
}

static int compare_vduse(const void *a, const void *b)
{
	const struct host_vduse *x = a, *y = b;

	return strcmp(x->is.name, y->is.name);
}

const struct host_vduse *state_host_vduse(const struct state_host *host, const char *name)
{
	const struct host_vduse want = { .is = { .name = (char *)(uintptr_t)name } };

	return host->n_vduse ? bsearch(&want, host->vduse, host->n_vduse, sizeof(*host->vduse),
				       compare_vduse) :
			       NULL;
}
