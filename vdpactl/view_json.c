// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "app.h"
#include "json_dl.h"
#include "text.h"
#include "view.h"

static void put_string(json_t *o, const char *key, const char *value)
{
	if (value)
		json_put(o, key, json_make_string(value));
}

static void put_u64(json_t *o, const char *key, uint64_t value)
{
	json_put(o, key, json_make_u64(value));
}

static void put_mac(json_t *o, const char *key, const uint8_t mac[6])
{
	char s[18];

	snprintf(s, sizeof(s), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	json_put(o, key, json_make_string(s));
}

static json_t *feature(const struct view *v, uint32_t id, unsigned int bit)
{
	const char *name = view_feature_name(v, id, bit);
	char s[16];

	if (name)
		return json_make_string(name);
	if (v->legacy)
		return json_make_u64(bit);
	snprintf(s, sizeof(s), "bit_%u", bit);
	return json_make_string(s);
}

static void put_features(json_t *o, const struct view *v, const char *key, uint32_t id,
			 uint64_t features)
{
	json_t *array;

	if (v->numeric) {
		char s[20];

		snprintf(s, sizeof(s), "0x%" PRIx64, features);
		json_put(o, key, json_make_string(s));
		return;
	}
	array = json_make_array();
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (features >> bit & 1)
			json_append(array, feature(v, id, bit));
	}
	json_put(o, key, array);
}

json_t *view_json_mgmtdev(const struct view *v, const struct vdpa_mgmtdev *m)
{
	uint64_t classes = 0, features;
	json_t *o = json_make_object();
	uint32_t max_vqs;

	if (vdpa_mgmtdev_get_classes(m, &classes)) {
		json_t *array = json_make_array();

		for (uint32_t id = 1; id < 64; id++) {
			if (!(classes >> id & 1))
				continue;
			json_append(array, v->numeric ? json_make_u64(id) :
							json_make_string(legacy_class_name(id)));
		}
		json_put(o, "supported_classes", array);
	}
	if (vdpa_mgmtdev_get_max_vqs(m, &max_vqs))
		put_u64(o, "max_supported_vqs", max_vqs);
	if (vdpa_mgmtdev_get_features(m, &features))
		put_features(o, v, "dev_features", features_id(v->legacy, classes), features);
	return o;
}

static json_t *netdev(const char *name, const struct vdpa_netdev *n)
{
	json_t *o = json_make_object();
	uint8_t mac[6];

	put_string(o, "name", name);
	if (!n)
		return o;
	put_u64(o, "mtu", vdpa_netdev_get_mtu(n));
	if (vdpa_netdev_get_mac(n, mac))
		put_mac(o, "mac", mac);
	put_string(o, "operstate", vdpa_netdev_get_operstate(n));
	return o;
}

static void put_location(json_t *o, const struct vdpa_sysdev *s)
{
	uint32_t n;
	int node;

	put_string(o, "pci", vdpa_sysdev_get_pci(s));
	put_string(o, "pf", vdpa_sysdev_get_pf(s));
	if (vdpa_sysdev_get_vf(s, &n))
		put_u64(o, "vf", n);
	if (vdpa_sysdev_get_sf(s, &n))
		put_u64(o, "sf", n);
	put_string(o, "representor", vdpa_sysdev_get_representor(s));
	if (vdpa_sysdev_get_numa_node(s, &node))
		put_u64(o, "numa_node", (uint64_t)node);
}

json_t *view_json_users(const struct vdpa_user_list *users, size_t first, size_t n)
{
	json_t *array = json_make_array();

	for (size_t i = first; i < first + n; i++) {
		json_t *o = json_make_object();

		put_u64(o, "pid", (uint64_t)vdpa_user_list_get_pid(users, i));
		put_string(o, "comm", vdpa_user_list_get_comm(users, i));
		json_append(array, o);
	}
	return array;
}

static void put_state(json_t *o, const struct dev_view *d)
{
	uint64_t features;

	if (d->config)
		json_put(o, "negotiated",
			 json_make_bool(vdpa_config_get_negotiated_features(d->config, &features)));
	if (d->n_users)
		json_put(o, "users", view_json_users(d->users, d->first_user, d->n_users));
}

static void put_sysdev(json_t *o, const struct vdpa_sysdev *s, const struct vdpa_netdev *n)
{
	const char *ifname = vdpa_sysdev_get_netdev(s);
	dev_t dev;

	put_string(o, "driver", vdpa_sysdev_get_driver(s));
	put_string(o, "driver_override", vdpa_sysdev_get_driver_override(s));
	put_string(o, "chardev", vdpa_sysdev_get_chardev(s));
	if (vdpa_sysdev_get_chardev_number(s, &dev)) {
		char number[24];

		snprintf(number, sizeof(number), "%u:%u", major(dev), minor(dev));
		json_put(o, "chardev_number", json_make_string(number));
	}
	put_string(o, "virtio", vdpa_sysdev_get_virtio(s));
	if (ifname)
		json_put(o, "netdev", netdev(ifname, n));
	put_string(o, "blockdev", vdpa_sysdev_get_blockdev(s));
	put_string(o, "parent", vdpa_sysdev_get_parent(s));
	put_string(o, "parent_bus", vdpa_sysdev_get_parent_bus(s));
	put_string(o, "parent_driver", vdpa_sysdev_get_parent_driver(s));
	put_location(o, s);
}

static json_t *queue(const struct vdpa_vstats *s, bool index)
{
	const char *type = view_queue_type(s);
	json_t *o = json_make_object();
	size_t n = vdpa_vstats_get_size(s);

	if (index)
		put_u64(o, "queue_index", vdpa_vstats_get_index(s));
	put_string(o, "queue_type", type);
	for (size_t i = 0; i < n; i++) {
		uint64_t value = 0;
		const char *name = vdpa_vstats_get_counter(s, i, &value);

		put_u64(o, name, value);
	}
	return o;
}

static json_t *queues(const struct vdpa_vstats_list *list)
{
	size_t n = vdpa_vstats_list_get_size(list);
	json_t *array = json_make_array();

	for (size_t i = 0; i < n; i++)
		json_append(array, queue(vdpa_vstats_list_get(list, i), true));
	return array;
}

json_t *view_json_dev(const struct view *v, const struct dev_view *d)
{
	json_t *o = json_make_object();
	uint16_t size;
	uint32_t n;

	if (vdpa_dev_get_id(d->dev, &n))
		json_put(o, "type",
			 v->numeric ? json_make_u64(n) : json_make_string(legacy_type_name(n)));
	put_string(o, "mgmtdev", vdpa_dev_get_mgmtdev(d->dev));
	if (vdpa_dev_get_vendor_id(d->dev, &n))
		put_u64(o, "vendor_id", n);
	if (vdpa_dev_get_max_vqs(d->dev, &n))
		put_u64(o, "max_vqs", n);
	if (vdpa_dev_get_max_vq_size(d->dev, &size))
		put_u64(o, "max_vq_size", size);
	if (v->details) {
		if (vdpa_dev_get_min_vq_size(d->dev, &size))
			put_u64(o, "min_vq_size", size);
		if (d->sysdev)
			put_sysdev(o, d->sysdev, d->netdev);
		json_put(o, "managed", json_make_bool(vdpa_dev_is_managed(d->dev)));
		put_state(o, d);
	}
	if (d->vstats)
		json_put(o, "vstats", queues(d->vstats));
	return o;
}

static void put_link(json_t *o, const struct vdpa_config *c, const char *link, const char *announce)
{
	uint16_t status;

	if (!vdpa_config_get_net_status(c, &status))
		return;
	put_string(o, link, status & 1 ? "up" : "down");
	json_put(o, announce, json_make_bool(status & 2));
}

static void put_net_config(json_t *o, const struct vdpa_config *c)
{
	uint8_t mac[6];
	uint16_t n;

	if (vdpa_config_get_mac(c, mac))
		put_mac(o, "mac", mac);
	/* The blanks are vdpa's, and parsers have come to expect them. */
	put_link(o, c, "link ", "link_announce ");
	if (vdpa_config_get_max_vqp(c, &n))
		put_u64(o, "max_vq_pairs", n);
	if (vdpa_config_get_mtu(c, &n))
		put_u64(o, "mtu", n);
}

static void put_blk_config(json_t *o, const struct vdpa_config *c)
{
	for (int field = 0; field < VDPA_BLK_FIELDS; field++) {
		const char *key = vdpa_blk_field_name((enum vdpa_blk_field)field);
		uint64_t value;

		if (!key || !vdpa_config_get_blk(c, (enum vdpa_blk_field)field, &value))
			continue;
		if (field == VDPA_BLK_READ_ONLY || field == VDPA_BLK_FLUSH)
			json_put(o, key, json_make_bool(value));
		else
			put_u64(o, key, value);
	}
}

json_t *view_json_config(const struct view *v, const struct vdpa_config *c)
{
	json_t *o = json_make_object();
	uint64_t features;
	uint32_t id = 0;

	vdpa_config_get_id(c, &id);
	if (id == VDPA_ID_NET)
		put_net_config(o, c);
	if (id == VDPA_ID_BLOCK && v->details)
		put_blk_config(o, c);
	if ((id == VDPA_ID_NET || v->details) && vdpa_config_get_negotiated_features(c, &features))
		put_features(o, v, "negotiated_features", id, features);
	if (!v->details)
		return o;
	if (id == VDPA_ID_NET)
		put_link(o, c, "link", "link_announce");
	if (vdpa_config_get_features(c, &features))
		put_features(o, v, "device_features", id, features);
	return o;
}

static void put_negotiated(json_t *o, const struct view *v, const struct vdpa_vstats *s)
{
	uint64_t features;
	uint32_t id = 0;

	vdpa_vstats_get_id(s, &id);
	if (v->details && vdpa_vstats_get_negotiated_features(s, &features))
		put_features(o, v, "negotiated_features", id, features);
}

json_t *view_json_vstats(const struct view *v, const struct vdpa_vstats *s, bool index)
{
	uint32_t id = 0;
	json_t *o;

	vdpa_vstats_get_id(s, &id);
	if (v->legacy && id != VDPA_ID_NET)
		return json_make_object();
	o = queue(s, index || v->details);
	put_negotiated(o, v, s);
	return o;
}

json_t *view_json_vstats_list(const struct view *v, const struct vdpa_vstats_list *list)
{
	json_t *o = json_make_object();

	json_put(o, "queues", queues(list));
	if (vdpa_vstats_list_get_size(list))
		put_negotiated(o, v, vdpa_vstats_list_get(list, 0));
	return o;
}
