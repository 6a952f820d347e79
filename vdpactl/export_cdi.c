// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices for containers: specifications of the Container Device Interface, and
 * device information of the Kubernetes Network Plumbing Working Group.
 *
 * A runtime refuses a CDI file whose version is older than its fields, so each has
 * the oldest that has them.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "export.h"
#include "json_dl.h"
#include "text.h"

#define CDI_VENDOR "vdpactl"
#define CDI_FIRST "0.3.0"
#define CDI_DIGIT "0.5.0" /* a name may begin with a digit */
#define CDI_NETDEV "1.1.0"
#define DEVICEINFO_VERSION "1.1.0"

static json_t *string(const char *s)
{
	return json_make_string(s);
}

/* What a runtime lets through as the name of a device. */
static bool is_cdi_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || !isalnum((unsigned char)name[0]) || !isalnum((unsigned char)name[len - 1]))
		return false;
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_-.:", *p))
			return false;
	}
	return true;
}

/* No numbers: a runtime looks them up when the container starts. */
static json_t *device_nodes(const char *path)
{
	json_t *node = json_make_object(), *nodes = json_make_array();

	json_put(node, "path", string(path));
	json_put(node, "permissions", string("rw"));
	json_append(nodes, node);
	return nodes;
}

static json_t *net_devices(const char *ifname)
{
	json_t *dev = json_make_object(), *devs = json_make_array();

	json_put(dev, "hostInterfaceName", string(ifname));
	json_put(dev, "name", string(ifname));
	json_append(devs, dev);
	return devs;
}

static void raise_version(const char **version, const char *to)
{
	if (strcmp(*version, to) < 0)
		*version = to;
}

/* NULL when there is nothing that a container could be given. */
static json_t *cdi_edits(const struct export_dev *d, const char **version)
{
	json_t *edits;

	if (!d->chardev && !d->netdev && !d->blockdev)
		return NULL;
	edits = json_make_object();
	if (d->netdev) {
		json_put(edits, "netDevices", net_devices(d->netdev));
		raise_version(version, CDI_NETDEV);
	} else {
		json_put(edits, "deviceNodes", device_nodes(vdpa_sysdev_get_node(d->sysdev)));
	}
	return edits;
}

static enum status cdi_add(struct export *x, const struct export_dev *d, json_t *devices,
			   const char **version)
{
	json_t *edits, *o;

	if (!is_cdi_name(d->name))
		return diag_fail(x->app, d->name, EOPNOTSUPP, NULL,
				 "\"%s\" is no name of a CDI device: these have letters, digits, "
				 "'_', '-', '.' and ':', at both ends a letter or digit",
				 d->name);
	edits = cdi_edits(d, version);
	if (!edits)
		return diag_fail(x->app, d->name, EOPNOTSUPP,
				 "bind it to vhost_vdpa or virtio_vdpa first",
				 "\"%s\" has neither a device node nor a network interface",
				 d->name);
	if (isdigit((unsigned char)d->name[0]))
		raise_version(version, CDI_DIGIT);
	o = json_make_object();
	json_put(o, "name", string(d->name));
	json_put(o, "containerEdits", edits);
	json_append(devices, o);
	return ST_OK;
}

static void print(struct strbuf *sb, json_t *document, bool pretty)
{
	struct json_out j;

	json_out_init(&j, sb, pretty);
	json_out_value(&j, document);
	strbuf_addc(sb, '\n');
	json_drop(document);
}

enum status export_cdi(struct export *x, uint32_t id, struct strbuf *sb)
{
	CLEANUP(strbuf_free) struct strbuf kind = STRBUF_INIT;
	json_t *devices = json_make_array(), *o;
	const char *class = vdpa_class_name(id), *version = CDI_FIRST;
	enum status status = ST_OK;

	for (size_t i = 0; i < x->n && !status; i++) {
		if (x->devs[i].id == id)
			status = cdi_add(x, &x->devs[i], devices, &version);
	}
	if (status) {
		json_drop(devices);
		return status;
	}
	strbuf_addf(&kind, CDI_VENDOR "/%s", class ? class : "other");
	o = json_make_object();
	json_put(o, "cdiVersion", string(version));
	json_put(o, "kind", string(kind.s ? kind.s : ""));
	json_put(o, "devices", devices);
	print(sb, o, x->app->opt.pretty);
	return ST_OK;
}

enum status export_deviceinfo(struct export *x, const struct export_dev *d, struct strbuf *sb)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	json_t *vdpa, *o;

	if (d->virtio)
		strbuf_addf(&path, "/sys/bus/virtio/devices/%s", d->virtio);
	else if (d->chardev)
		strbuf_add(&path, export_node(d));
	else
		return diag_fail(x->app, d->name, EOPNOTSUPP,
				 "bind it to vhost_vdpa or virtio_vdpa first",
				 "\"%s\" has neither a char device nor a virtio device", d->name);
	vdpa = json_make_object();
	json_put(vdpa, "parent-device", string(d->name));
	json_put(vdpa, "driver", string(d->virtio ? "virtio" : "vhost"));
	json_put(vdpa, "path", string(path.s ? path.s : ""));
	if (vdpa_sysdev_get_pci(d->sysdev))
		json_put(vdpa, "pci-address", string(vdpa_sysdev_get_pci(d->sysdev)));
	if (vdpa_sysdev_get_pf(d->sysdev))
		json_put(vdpa, "pf-pci-address", string(vdpa_sysdev_get_pf(d->sysdev)));
	if (vdpa_sysdev_get_representor(d->sysdev))
		json_put(vdpa, "representor-device",
			 string(vdpa_sysdev_get_representor(d->sysdev)));
	o = json_make_object();
	json_put(o, "type", string("vdpa"));
	json_put(o, "version", string(DEVICEINFO_VERSION));
	json_put(o, "vdpa", vdpa);
	print(sb, o, x->app->opt.pretty);
	return ST_OK;
}
