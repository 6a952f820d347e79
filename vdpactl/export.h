/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dev export: devices in the words of what runs virtual machines and containers.
 *
 *   cmd_dev_export.c -> export_dev.c       all that is known of a device
 *                       export_vm.c        qemu, libvirt
 *                       export_cdi.c       cdi, deviceinfo
 *                       export_commands.c  commands
 *                       export_file.c      files that appear whole or not at all
 *
 * Names are the kernel's and may hold anything: each format escapes, or refuses, them.
 */
#ifndef VDPACTL_EXPORT_H
#define VDPACTL_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "app.h"

/* Strings are borrowed from the objects, which the device owns. */
struct export_dev {
	const char *name; /* the command line's */
	size_t position; /* among the devices of the command */
	struct vdpa_dev *dev;
	struct vdpa_config *config; /* NULL for a class without */
	struct vdpa_sysdev *sysdev;
	struct strbuf link; /* owned: with by_name, the path that has the device's name */
	uint32_t id; /* 0 when not known */
	const char *driver; /* NULL when unbound */
	const char *chardev; /* NULL unless vhost_vdpa has it */
	const char *netdev;
	const char *blockdev;
	const char *virtio;
};

struct export
{
	struct app *app;
	const struct args *args;
	struct export_dev *devs; /* owned array */
	size_t n;
};

/* ---- export_dev.c ---- */

/* What the kernel's family tells; reports what fails; the device is to be released in any case. */
enum status export_dev_get(struct app *app, const char *name, struct export_dev *d);
/* And what sysfs does. */
enum status export_dev_place(struct app *app, struct vdpa_sysdev *sysdev, bool by_name,
			     struct export_dev *d);
void export_dev_free(struct export_dev *d);
/* Refuses a device that no char device leads to. */
enum status export_need_chardev(struct app *app, const struct export_dev *d, const char *who);
/* What to open: the link by the name, when it was asked for, or the char device. */
const char *export_node(const struct export_dev *d);
/* A pair of queues for each, at least one. */
unsigned int export_pairs(const struct export_dev *d);
/* A MAC address that is not all zero. */
bool export_mac(const struct export_dev *d, uint8_t mac[6]);
bool export_mtu(const struct export_dev *d, uint16_t *mtu);

/* ---- the formats: one device into sb, or all of a class ---- */

enum status export_qemu(struct export *x, const struct export_dev *d, struct strbuf *sb);
enum status export_libvirt(struct export *x, const struct export_dev *d, struct strbuf *sb);
enum status export_deviceinfo(struct export *x, const struct export_dev *d, struct strbuf *sb);
enum status export_commands(struct export *x, const struct export_dev *d, struct strbuf *sb);
/* The specification of all devices with that virtio device ID. */
enum status export_cdi(struct export *x, uint32_t id, struct strbuf *sb);

/* One word of a POSIX shell, quoted when needed. */
void export_shell_word(struct strbuf *sb, const char *word);

#endif
