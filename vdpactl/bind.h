/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which driver gets a device: what all commands that make or bind devices share.
 *
 * With the bus's autoprobe on, DEV_NEW probes whichever driver was loaded first,
 * with the locks of the whole vdpa family held.  So a command that wants a
 * certain driver, or none, switches it off meanwhile, under a lock file that every
 * vdpactl takes, and binds the driver later, with the device's lock alone.
 */
#ifndef VDPACTL_BIND_H
#define VDPACTL_BIND_H

#include "app.h"

/* Where locks between commands are. */
#define BIND_LOCK_DIR "/run/vdpactl"

/*
 * Locks a file of that directory, which is made: its descriptor, to be closed, or
 * -ETIMEDOUT, -EINTR (a held signal came) or -errno.
 */
int bind_lock(const struct app *app, const char *path, int timeout_ms);

/* Autoprobe is off from _off to _back; whoever is killed in between is made up for by the next one. */
struct autoprobe {
	int fd; /* of the locked file; negative: there is nothing to put back */
	bool was;
};

/*
 * Waits for other commands; name is the device that a failure is reported for.  While it is off
 * already this does nothing, and bind_autoprobe_back() of that neither.  What deletes a device to
 * make it anew calls this first: it might not get its turn afterwards.
 */
enum status bind_autoprobe_off(struct app *app, const char *name, struct autoprobe *a);
void bind_autoprobe_back(struct app *app, struct autoprobe *a);
/*
 * bind_autoprobe_keep: until the descriptor is closed, no other command has autoprobe off, and what
 * one that was killed left is put right; for additions that leave the driver to the host.
 * -1 where that can't be: then nothing is kept.
 */
int bind_autoprobe_keep(struct app *app);

/* Is there a driver of that name on the bus? */
bool bind_has_driver(const char *bus, const char *driver);
/* What a module may take to load. */
#define BIND_MODPROBE_MS 30000
/* Runs modprobe (argv[0] is its name), silently: its exit status or -errno. */
int bind_modprobe(const struct app *app, const char *const *argv, int timeout_ms);
/*
 * The same for drivers of the vdpa bus, with autoprobe off: else the kernel would give a new driver every
 * device that has none, and wait for the daemon of one that is VDUSE's.
 */
enum status bind_modprobe_drivers(struct app *app, const char *const *argv, int timeout_ms);
/* Loads the drivers of the virtio devices that classes (bit N: virtio ID N) make, if it can. */
void bind_load_virtio(struct app *app, uint64_t classes);
/* Sees to it that the vdpa bus has the driver; loads its module. */
enum status bind_load_driver(struct app *app, const char *driver);

/* Milliseconds to wait: seconds, or DEV_WAIT_DEFAULT for what --timeout or the program says. */
int bind_wait_ms(const struct app *app, uint64_t seconds);
/*
 * bind_wait: waits until the condition holds; *sysdev as vdpa_dev_wait(), may be NULL.  Ends
 * early when vduse_interrupted().
 */
enum status bind_wait(struct app *app, const char *name, enum vdpa_condition condition,
		      int timeout_ms, struct vdpa_sysdev **sysdev);
/*
 * Binds the device (flags as for vdpa_dev_bind()) and waits until its node or interface is there; on failure
 * it stays bound.  The signals of vduse_interrupted() are to be blocked.
 */
enum status bind_driver(struct app *app, const char *name, const char *driver, unsigned int flags,
			int timeout_ms, struct vdpa_sysdev **sysdev);

#endif
