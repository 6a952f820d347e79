/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small reads below a directory of sysfs; internal.h has the ones that the
 * rest of the library uses too.  What these return is the caller's to free;
 * NULL comes with errno set, ENOMEM only when memory ran out.
 */
#ifndef LIBVDPAMGMT_SYSFS_H
#define LIBVDPAMGMT_SYSFS_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

/* As sysfs_read() and sysfs_link_name(), for the entry called name of a directory. */
char *sysfs_read_at(const char *dir, const char *name);
char *sysfs_link_at(const char *dir, const char *name);
/* The directory that path is in ("/" at the top). */
char *sysfs_parent(const char *path);
/* true when dir is a device of that subsystem (a bus or a class); false also sets errno. */
bool sysfs_has_subsystem(const char *dir, const char *subsystem);
/* The device number in dir's `dev` file; 0 or a negative errno. */
int sysfs_read_dev(const char *dir, dev_t *number);
/* true when name is prefix and then decimal digits: "virtio12". */
bool is_numbered(const char *name, const char *prefix);
/* The next entry of d but "." and ".."; NULL at the end, errno 0 unless reading failed. */
const struct dirent *next_entry(DIR *d);

#endif
