// SPDX-License-Identifier: GPL-2.0-or-later
#include "export.h"

#include <errno.h>
#include <string.h>

#include "link.h"

enum status export_dev_get(struct app *app, const char *name, struct export_dev *d)
{
	d->name = name;
	if (vdpa_dev_get(app->ctx, name, &d->dev) < 0)
		return diag_ctx(app, name);
	vdpa_dev_get_id(d->dev, &d->id);
	/* Not every class has one. */
	if (vdpa_config_get(app->ctx, name, &d->config) < 0)
		d->config = NULL;
	return ST_OK;
}

enum status export_dev_place(struct app *app, struct vdpa_sysdev *sysdev, bool by_name,
			     struct export_dev *d)
{
	d->sysdev = vdpa_sysdev_ref(sysdev);
	d->driver = vdpa_sysdev_get_driver(d->sysdev);
	d->chardev = vdpa_sysdev_get_chardev(d->sysdev);
	d->netdev = vdpa_sysdev_get_netdev(d->sysdev);
	d->blockdev = vdpa_sysdev_get_blockdev(d->sysdev);
	d->virtio = vdpa_sysdev_get_virtio(d->sysdev);
	if (by_name && d->chardev && !link_find(app, d->name, &d->link))
		return diag_fail(app, d->name, ENOENT, "make it with `dev link`",
				 "no link in %s leads to the char device of \"%s\"", LINK_DIR,
				 d->name);
	return ST_OK;
}

void export_dev_free(struct export_dev *d)
{
	vdpa_dev_unref(d->dev);
	vdpa_config_unref(d->config);
	vdpa_sysdev_unref(d->sysdev);
	strbuf_free(&d->link);
}

enum status export_need_chardev(struct app *app, const struct export_dev *d, const char *who)
{
	if (d->chardev)
		return ST_OK;
	return diag_fail(app, d->name, EOPNOTSUPP, "bind it to vhost_vdpa first",
			 "%s takes devices that vhost_vdpa has, and \"%s\" is bound to %s", who,
			 d->name, d->driver ? d->driver : "no driver");
}

const char *export_node(const struct export_dev *d)
{
	return d->link.len ? d->link.s : d->chardev;
}

unsigned int export_pairs(const struct export_dev *d)
{
	uint16_t n = 1;

	if (d->config)
		vdpa_config_get_max_vqp(d->config, &n);
	return n ? n : 1;
}

bool export_mac(const struct export_dev *d, uint8_t mac[6])
{
	static const uint8_t zero[6];

	return d->config && vdpa_config_get_mac(d->config, mac) && memcmp(mac, zero, 6) != 0;
}

bool export_mtu(const struct export_dev *d, uint16_t *mtu)
{
	return d->config && vdpa_config_get_mtu(d->config, mtu) && *mtu;
}
