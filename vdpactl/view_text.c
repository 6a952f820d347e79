// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/sysmacros.h>

#include "app.h"
#include "text.h"
#include "view.h"

/* A line that belongs to the record that the line before it began. */
static void next_line(struct strbuf *sb, const struct view *v)
{
	strbuf_add(sb, v->oneline ? "\\  " : "\n  ");
}

/* " key value" */
static void string(struct strbuf *sb, const char *key, const char *value)
{
	if (!value)
		return;
	strbuf_addc(sb, ' ');
	strbuf_add(sb, key);
	strbuf_addc(sb, ' ');
	text_escaped(sb, value);
}

static void number(struct strbuf *sb, const char *key, uint64_t value)
{
	strbuf_addc(sb, ' ');
	strbuf_add(sb, key);
	strbuf_addc(sb, ' ');
	text_u64(sb, value);
}

/* "key value ": config and vstats have the blank behind */
static void number_before(struct strbuf *sb, const char *key, uint64_t value)
{
	text_escaped(sb, key);
	strbuf_addc(sb, ' ');
	text_u64(sb, value);
	strbuf_addc(sb, ' ');
}

static void feature_names(struct strbuf *sb, const struct view *v, uint32_t id, uint64_t features)
{
	if (v->numeric) {
		strbuf_addc(sb, ' ');
		text_hex(sb, features);
		return;
	}
	for (unsigned int bit = 0; bit < 64; bit++) {
		const char *name;

		if (!(features >> bit & 1))
			continue;
		name = view_feature_name(v, id, bit);
		strbuf_add(sb, name ? " " : " bit_");
		if (name)
			strbuf_add(sb, name);
		else
			text_u64(sb, bit);
	}
}

static void feature_line(struct strbuf *sb, const struct view *v, const char *key, uint32_t id,
			 uint64_t features)
{
	next_line(sb, v);
	strbuf_add(sb, key);
	feature_names(sb, v, id, features);
}

void view_text_mgmtdev(struct strbuf *sb, const struct view *v, const struct vdpa_mgmtdev *m)
{
	uint64_t classes = 0, features;
	uint32_t max_vqs;

	text_escaped(sb, vdpa_mgmtdev_get_handle(m));
	strbuf_add(sb, ": ");
	if (vdpa_mgmtdev_get_classes(m, &classes)) {
		next_line(sb, v);
		strbuf_add(sb, "supported_classes");
		for (uint32_t id = 1; id < 64; id++) {
			if (!(classes >> id & 1))
				continue;
			strbuf_addc(sb, ' ');
			if (v->numeric)
				text_u64(sb, id);
			else
				strbuf_add(sb, legacy_class_name(id));
		}
	}
	if (vdpa_mgmtdev_get_max_vqs(m, &max_vqs)) {
		next_line(sb, v);
		strbuf_add(sb, "max_supported_vqs ");
		text_u64(sb, max_vqs);
	}
	if (vdpa_mgmtdev_get_features(m, &features))
		feature_line(sb, v, "dev_features", features_id(v->legacy, classes), features);
	strbuf_addc(sb, '\n');
}

static void chardev_number(struct strbuf *sb, const struct vdpa_sysdev *s)
{
	dev_t dev;

	if (!vdpa_sysdev_get_chardev_number(s, &dev))
		return;
	number(sb, "chardev_number", major(dev));
	strbuf_addc(sb, ':');
	text_u64(sb, minor(dev));
}

static void netdev(struct strbuf *sb, const struct vdpa_netdev *n)
{
	uint8_t mac[6];

	number(sb, "mtu", vdpa_netdev_get_mtu(n));
	if (vdpa_netdev_get_mac(n, mac)) {
		strbuf_add(sb, " mac ");
		text_mac(sb, mac);
	}
	string(sb, "operstate", vdpa_netdev_get_operstate(n));
}

static void location(struct strbuf *sb, const struct vdpa_sysdev *s)
{
	uint32_t n;
	int node;

	string(sb, "pci", vdpa_sysdev_get_pci(s));
	string(sb, "pf", vdpa_sysdev_get_pf(s));
	if (vdpa_sysdev_get_vf(s, &n))
		number(sb, "vf", n);
	if (vdpa_sysdev_get_sf(s, &n))
		number(sb, "sf", n);
	string(sb, "representor", vdpa_sysdev_get_representor(s));
	if (vdpa_sysdev_get_numa_node(s, &node))
		number(sb, "numa_node", (uint64_t)node);
}

/* " users 312 (qemu),..." */
static void users(struct strbuf *sb, const struct dev_view *d)
{
	for (size_t i = 0; i < d->n_users; i++) {
		const char *comm = vdpa_user_list_get_comm(d->users, d->first_user + i);

		strbuf_add(sb, i ? "," : " users ");
		text_u64(sb, (uint64_t)vdpa_user_list_get_pid(d->users, d->first_user + i));
		strbuf_add(sb, " (");
		text_escaped(sb, comm ? comm : "");
		strbuf_addc(sb, ')');
	}
}

static void sysdev(struct strbuf *sb, const struct vdpa_sysdev *s, const struct vdpa_netdev *n)
{
	string(sb, "driver", vdpa_sysdev_get_driver(s));
	string(sb, "driver_override", vdpa_sysdev_get_driver_override(s));
	string(sb, "chardev", vdpa_sysdev_get_chardev(s));
	chardev_number(sb, s);
	string(sb, "virtio", vdpa_sysdev_get_virtio(s));
	string(sb, "netdev", vdpa_sysdev_get_netdev(s));
	if (n)
		netdev(sb, n);
	string(sb, "blockdev", vdpa_sysdev_get_blockdev(s));
	string(sb, "parent", vdpa_sysdev_get_parent(s));
	string(sb, "parent_bus", vdpa_sysdev_get_parent_bus(s));
	string(sb, "parent_driver", vdpa_sysdev_get_parent_driver(s));
	location(sb, s);
}

/* The counters of one queue, "key value " each. */
static void counters(struct strbuf *sb, const struct vdpa_vstats *s, bool index)
{
	const char *type = view_queue_type(s);
	size_t n = vdpa_vstats_get_size(s);

	if (index)
		number_before(sb, "queue_index", vdpa_vstats_get_index(s));
	if (type) {
		strbuf_add(sb, "queue_type ");
		strbuf_add(sb, type);
		strbuf_addc(sb, ' ');
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t value = 0;
		const char *name = vdpa_vstats_get_counter(s, i, &value);

		number_before(sb, name, value);
	}
}

static void dev_details(struct strbuf *sb, const struct dev_view *d)
{
	uint64_t features;
	uint16_t size;

	if (vdpa_dev_get_min_vq_size(d->dev, &size))
		number(sb, "min_vq_size", size);
	if (d->sysdev)
		sysdev(sb, d->sysdev, d->netdev);
	string(sb, "managed", vdpa_dev_is_managed(d->dev) ? "true" : "false");
	if (d->config)
		string(sb, "negotiated",
		       vdpa_config_get_negotiated_features(d->config, &features) ? "true" :
										   "false");
	users(sb, d);
}

void view_text_dev(struct strbuf *sb, const struct view *v, const struct dev_view *d)
{
	size_t queues = d->vstats ? vdpa_vstats_list_get_size(d->vstats) : 0;
	uint16_t size;
	uint32_t n;

	text_escaped(sb, vdpa_dev_get_name(d->dev));
	strbuf_addc(sb, ':');
	if (vdpa_dev_get_id(d->dev, &n)) {
		if (v->numeric)
			number(sb, "type", n);
		else
			string(sb, "type", legacy_type_name(n));
	}
	string(sb, "mgmtdev", vdpa_dev_get_mgmtdev(d->dev));
	if (vdpa_dev_get_vendor_id(d->dev, &n))
		number(sb, "vendor_id", n);
	if (vdpa_dev_get_max_vqs(d->dev, &n))
		number(sb, "max_vqs", n);
	if (vdpa_dev_get_max_vq_size(d->dev, &size))
		number(sb, "max_vq_size", size);
	if (v->details)
		dev_details(sb, d);
	for (size_t i = 0; i < queues; i++) {
		next_line(sb, v);
		strbuf_add(sb, "vstats ");
		counters(sb, vdpa_vstats_list_get(d->vstats, i), true);
	}
	strbuf_addc(sb, '\n');
}

static void net_config(struct strbuf *sb, const struct vdpa_config *c)
{
	uint16_t status, n;
	uint8_t mac[6];

	if (vdpa_config_get_mac(c, mac)) {
		strbuf_add(sb, "mac ");
		text_mac(sb, mac);
		strbuf_addc(sb, ' ');
	}
	if (vdpa_config_get_net_status(c, &status)) {
		strbuf_add(sb, status & 1 ? "link up " : "link down ");
		strbuf_add(sb, status & 2 ? "link_announce true " : "link_announce false ");
	}
	if (vdpa_config_get_max_vqp(c, &n))
		number_before(sb, "max_vq_pairs", n);
	if (vdpa_config_get_mtu(c, &n))
		number_before(sb, "mtu", n);
}

static void blk_config(struct strbuf *sb, const struct vdpa_config *c)
{
	for (int field = 0; field < VDPA_BLK_FIELDS; field++) {
		const char *key = vdpa_blk_field_name((enum vdpa_blk_field)field);
		uint64_t value;

		if (!key || !vdpa_config_get_blk(c, (enum vdpa_blk_field)field, &value))
			continue;
		if (field != VDPA_BLK_READ_ONLY && field != VDPA_BLK_FLUSH) {
			number_before(sb, key, value);
			continue;
		}
		strbuf_add(sb, key);
		strbuf_add(sb, value ? " true " : " false ");
	}
}

void view_text_config(struct strbuf *sb, const struct view *v, const struct vdpa_config *c)
{
	uint64_t features;
	uint32_t id = 0;

	vdpa_config_get_id(c, &id);
	text_escaped(sb, vdpa_config_get_name(c));
	strbuf_add(sb, ": ");
	if (id == VDPA_ID_NET)
		net_config(sb, c);
	if (id == VDPA_ID_BLOCK && v->details)
		blk_config(sb, c);
	if ((id == VDPA_ID_NET || v->details) && vdpa_config_get_negotiated_features(c, &features))
		feature_line(sb, v, "negotiated_features", id, features);
	if (v->details && vdpa_config_get_features(c, &features))
		feature_line(sb, v, "device_features", id, features);
	strbuf_addc(sb, '\n');
}

static uint32_t vstats_id(const struct vdpa_vstats *s)
{
	uint32_t id = 0;

	vdpa_vstats_get_id(s, &id);
	return id;
}

void view_text_vstats(struct strbuf *sb, const struct view *v, const struct vdpa_vstats *s,
		      bool index)
{
	uint64_t features;

	text_escaped(sb, vdpa_vstats_get_name(s));
	strbuf_add(sb, ": ");
	if (!v->legacy || vstats_id(s) == VDPA_ID_NET)
		counters(sb, s, index || v->details);
	if (!index && v->details && vdpa_vstats_get_negotiated_features(s, &features))
		feature_line(sb, v, "negotiated_features", vstats_id(s), features);
	strbuf_addc(sb, '\n');
}

void view_text_vstats_list(struct strbuf *sb, const struct view *v, const char *name,
			   const struct vdpa_vstats_list *list)
{
	size_t n = vdpa_vstats_list_get_size(list);
	uint64_t features;

	for (size_t i = 0; i < n; i++)
		view_text_vstats(sb, v, vdpa_vstats_list_get(list, i), true);
	if (!v->details || !n)
		return;
	if (!vdpa_vstats_get_negotiated_features(vdpa_vstats_list_get(list, 0), &features))
		return;
	text_escaped(sb, name);
	strbuf_add(sb, ": negotiated_features");
	feature_names(sb, v, vstats_id(vdpa_vstats_list_get(list, 0)), features);
	strbuf_addc(sb, '\n');
}
