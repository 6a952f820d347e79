// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices for virtual machines: arguments of QEMU, elements of a libvirt domain. */
#include <errno.h>
#include <string.h>

#include "args.h"
#include "export.h"
#include "text.h"
#include "vduse.h"

static bool is_readonly(const struct export_dev *d)
{
	uint64_t value = 0;

	return d->config && vdpa_config_get_blk(d->config, VDPA_BLK_READ_ONLY, &value) && value;
}

static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* ---- qemu ---- */

void export_shell_word(struct strbuf *sb, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_./:@%+=,-";

	if (*word && !word[strspn(word, plain)]) {
		strbuf_add(sb, word);
		return;
	}
	strbuf_addc(sb, '\'');
	for (const char *p = word; *p; p++) {
		if (*p == '\'')
			strbuf_add(sb, "'\\''");
		else
			strbuf_addc(sb, *p);
	}
	strbuf_addc(sb, '\'');
}

/* A value in an option of QEMU, where a comma ends it. */
static void qemu_value(struct strbuf *sb, const char *value)
{
	for (const char *p = value; *p; p++) {
		strbuf_addc(sb, *p);
		if (*p == ',')
			strbuf_addc(sb, ',');
	}
}

/* "-OPTION VALUE", the value one word; takes what is in value, which it empties. */
static void qemu_option(struct strbuf *sb, const char *option, struct strbuf *value)
{
	strbuf_addf(sb, "%s%s ", sb->len && sb->s[sb->len - 1] != '\n' ? " " : "", option);
	if (value->failed || !value->s)
		sb->failed = true;
	else
		export_shell_word(sb, value->s);
	strbuf_clear(value);
}

/* QEMU 10.0's generic device offers its guest rings of this size, and vdused serves none larger than it said. */
#define GENERIC_QUEUE_SIZE 1024

static void note_queue_size(struct app *app, const struct export_dev *d)
{
	uint16_t size;

	if (vduse_is_device(d->sysdev) && vdpa_dev_get_max_vq_size(d->dev, &size) &&
	    size < GENERIC_QUEUE_SIZE)
		diag_note(
			app,
			"\"%s\" has virtqueues of %u descriptors, QEMU's generic device offers %u whatever it has: add it with queue_size %u",
			d->name, size, GENERIC_QUEUE_SIZE, GENERIC_QUEUE_SIZE);
}

/* The whole device as it is, from QEMU 8.0 on; also for classes that QEMU has no device of. */
static void qemu_generic(struct app *app, const struct export_dev *d, struct strbuf *sb)
{
	CLEANUP(strbuf_free) struct strbuf value = STRBUF_INIT;

	note_queue_size(app, d);

	strbuf_add(&value, "vhost-vdpa-device-pci,vhostdev=");
	qemu_value(&value, export_node(d));
	qemu_option(sb, "-device", &value);
}

static void qemu_net(const struct export_dev *d, struct strbuf *sb)
{
	CLEANUP(strbuf_free) struct strbuf value = STRBUF_INIT;
	const char *id = base_of(d->chardev);
	unsigned int pairs = export_pairs(d);
	uint8_t mac[6];
	uint16_t mtu;

	strbuf_addf(&value, "vhost-vdpa,id=%s,vhostdev=", id);
	qemu_value(&value, export_node(d));
	if (pairs > 1)
		strbuf_addf(&value, ",queues=%u", pairs);
	qemu_option(sb, "-netdev", &value);
	strbuf_addf(&value, "virtio-net-pci,netdev=%s", id);
	if (export_mac(d, mac)) {
		strbuf_add(&value, ",mac=");
		text_mac(&value, mac);
	}
	/* An interrupt for each queue, one for the control queue and one for the configuration. */
	if (pairs > 1)
		strbuf_addf(&value, ",mq=on,vectors=%u", 2 * pairs + 2);
	if (export_mtu(d, &mtu))
		strbuf_addf(&value, ",host_mtu=%u", mtu);
	qemu_option(sb, "-device", &value);
}

/* libblkio's driver; it insists on O_DIRECT for what is shared with the guest. */
static void qemu_block(const struct export_dev *d, struct strbuf *sb)
{
	CLEANUP(strbuf_free) struct strbuf value = STRBUF_INIT;
	const char *id = base_of(d->chardev);
	uint64_t queues = 1;

	strbuf_addf(&value, "driver=virtio-blk-vhost-vdpa,node-name=%s,path=", id);
	qemu_value(&value, export_node(d));
	strbuf_add(&value, ",cache.direct=on");
	if (is_readonly(d))
		strbuf_add(&value, ",read-only=on");
	qemu_option(sb, "-blockdev", &value);
	strbuf_addf(&value, "virtio-blk-pci,drive=%s", id);
	if (d->config && vdpa_config_get_blk(d->config, VDPA_BLK_NUM_QUEUES, &queues) && queues > 1)
		strbuf_addf(&value, ",num-queues=%u", (unsigned int)queues);
	qemu_option(sb, "-device", &value);
}

enum status export_qemu(struct export *x, const struct export_dev *d, struct strbuf *sb)
{
	enum status status = export_need_chardev(x->app, d, "QEMU");

	if (status)
		return status;
	if (x->args->has & HAS_GENERIC || (d->id != VDPA_ID_NET && d->id != VDPA_ID_BLOCK))
		qemu_generic(x->app, d, sb);
	else if (d->id == VDPA_ID_NET)
		qemu_net(d, sb);
	else
		qemu_block(d, sb);
	strbuf_addc(sb, '\n');
	return ST_OK;
}

/* ---- libvirt ---- */

/* " NAME='VALUE'"; false when XML has no way to say it. */
static bool xml_attribute(struct strbuf *sb, const char *name, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;

	strbuf_addf(sb, " %s='", name);
	while (*p) {
		size_t len = text_utf8(p);

		if (!len || (*p < 0x20 && !strchr("\t\n\r", *p)))
			return false;
		if (*p == '&')
			strbuf_add(sb, "&amp;");
		else if (*p == '<')
			strbuf_add(sb, "&lt;");
		else if (*p == '\'')
			strbuf_add(sb, "&apos;");
		else if (*p < 0x20)
			strbuf_addf(sb, "&#%u;", *p); /* as itself it would be read as a blank */
		else
			strbuf_addn(sb, p, len);
		p += len;
	}
	strbuf_addc(sb, '\'');
	return true;
}

static bool xml_net(const struct export_dev *d, struct strbuf *sb)
{
	unsigned int pairs = export_pairs(d);
	uint8_t mac[6];

	/* An <mtu> is refused with this type: the device offers its own. */
	strbuf_add(sb, "<interface type='vdpa'>\n");
	if (export_mac(d, mac)) {
		strbuf_add(sb, "  <mac address='");
		text_mac(sb, mac);
		strbuf_add(sb, "'/>\n");
	}
	strbuf_add(sb, "  <source");
	if (!xml_attribute(sb, "dev", export_node(d)))
		return false;
	strbuf_add(sb, "/>\n  <model type='virtio'/>\n");
	if (pairs > 1)
		strbuf_addf(sb, "  <driver queues='%u'/>\n", pairs);
	strbuf_add(sb, "</interface>\n");
	return true;
}

/* "vda", ..., "vdz", "vdaa", ... */
static void disk_name(struct strbuf *sb, size_t position)
{
	char name[16], *p = name + sizeof(name) - 1;

	*p = '\0';
	for (position++; position; position = (position - 1) / 26)
		*--p = (char)('a' + (position - 1) % 26);
	strbuf_addf(sb, "vd%s", p);
}

static bool xml_block(const struct export_dev *d, struct strbuf *sb)
{
	strbuf_add(sb, "<disk type='vhostvdpa' device='disk'>\n"
		       "  <driver name='qemu' type='raw' cache='none'/>\n  <source");
	if (!xml_attribute(sb, "dev", export_node(d)))
		return false;
	strbuf_add(sb, "/>\n  <target dev='");
	disk_name(sb, d->position);
	strbuf_add(sb, "' bus='virtio'/>\n");
	if (is_readonly(d))
		strbuf_add(sb, "  <readonly/>\n");
	strbuf_add(sb, "</disk>\n");
	return true;
}

enum status export_libvirt(struct export *x, const struct export_dev *d, struct strbuf *sb)
{
	enum status status = export_need_chardev(x->app, d, "libvirt");
	const char *class = vdpa_class_name(d->id);

	if (status)
		return status;
	if (d->id != VDPA_ID_NET && d->id != VDPA_ID_BLOCK)
		return diag_fail(x->app, d->name, EOPNOTSUPP,
				 "format qemu has arguments for any class",
				 "libvirt knows vDPA devices of the classes net and block, and "
				 "\"%s\" is of class %s",
				 d->name, class ? class : "unknown");
	if (d->id == VDPA_ID_NET ? xml_net(d, sb) : xml_block(d, sb))
		return ST_OK;
	return diag_fail(x->app, d->name, EOPNOTSUPP, NULL,
			 "the name \"%s\" has characters that XML has no way to write", d->name);
}
