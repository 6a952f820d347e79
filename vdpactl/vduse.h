/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of vduse share: the runtime directory of the daemons, the
 * talk with them, starting them, and binding what they serve.
 *
 *   cmd_vduse_*.c -> vduse_bind.c   modules, DEV_NEW; then bind.c: driver, node
 *                    vduse_use.c    who uses the node
 *                    vduse_look.c   the same of many, by one look
 *                    vduse_spawn.c  programs: vdused, modprobe
 *                    vduse_client.c one request over a daemon's socket
 *                    vduse_status.c its answer
 *                    vduse_files.c  the runtime directory, VDUSE devices in /dev and sysfs
 *
 * Everything here that waits has a deadline.
 */
#ifndef VDPACTL_VDUSE_H
#define VDPACTL_VDUSE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "app.h"

struct args;

/* Milliseconds: a daemon's start; its answer; its end; DEV_DEL's preparations. */
#define VDUSE_START_MS 30000
#define VDUSE_STATUS_MS 2000
#define VDUSE_STOP_MS 30000
#define VDUSE_FLUSH_MS 30000
/* For the node, unless "wait" says otherwise. */
#define VDUSE_WAIT_SECONDS 10

/* ---- vduse_files.c ---- */

/* The names in the runtime directory and those of VDUSE devices, sorted, each once. */
struct vduse_names {
	char **names; /* owned, as the strings */
	size_t size;
};

/* 0 or -errno; what does not exist has no names. */
int vduse_names(struct vduse_names *names);
void vduse_names_free(struct vduse_names *names);

/* The default or $VDUSED_RUNTIME_DIR. */
const char *vduse_runtime_dir(void);
/* Can it be a VDUSE device's name? */
bool vduse_is_name(const char *name);
/* Refuses what can't be a VDUSE device's name. */
enum status vduse_check_name(struct app *app, const char *name);
/* An O_PATH descriptor of the device's directory, or -errno. */
int vduse_open_dir(const char *name);
/* Is there a VDUSE device, or a vdpa device of whatever parent, of that name? */
bool vduse_device_exists(const char *name);
bool vduse_is_taken(const char *name);
/* Is it the vdpa device of a VDUSE device? */
bool vduse_is_device(const struct vdpa_sysdev *s);
/* As vdpa_sysdev_get(), but another parent's device of that name is none: -ENODEV. */
int vduse_get_device(struct app *app, const char *name, struct vdpa_sysdev **s);

enum vduse_lock {
	VDUSE_NO_DIR, /* nothing in the runtime directory */
	VDUSE_FREE, /* its daemon is gone */
	VDUSE_HELD, /* its daemon lives */
};

/* Who has the device's lock, or -errno. */
int vduse_lock_state(const char *name);
/* Waits until its daemon is gone; 0, -ETIMEDOUT or -errno. */
int vduse_wait_gone(const char *name, int timeout_ms);
/*
 * Without a daemon: destroys the VDUSE device, if there is one, and removes
 * the device's directory.  0, -EBUSY (a daemon has come) or -errno.
 */
int vduse_remove(const char *name);

/* ---- vduse_client.c ---- */

/*
 * vduse_request: sends one line of JSON to the device's daemon and takes its
 * answer, an object whose "ok" is true; *answer (the caller's, json_drop) may
 * be NULL for nothing but that.  *pid is the daemon's as soon as it is known;
 * may be NULL.  Returns 0 or -errno: -ETIMEDOUT no answer in time, -ENODEV no
 * daemon, -EPROTO no sense in it, -EREMOTEIO it refused; err has a sentence then.
 * json_load() must have been called.
 */
int vduse_request(const char *name, const char *line, int timeout_ms, json_t **answer, pid_t *pid,
		  struct strbuf *err);

/* ---- vduse_status.c ---- */

#define VDUSE_COUNTERS 10

extern const char *const vduse_counter_names[VDUSE_COUNTERS];

struct vduse_queue {
	uint64_t index;
	bool ready;
	bool packed;
	uint64_t size;
	uint64_t in_flight;
	char *broken; /* owned; NULL when it works */
	uint64_t counters[VDUSE_COUNTERS];
};

/* What a daemon says of itself; strings are owned, and NULL when it did not say. */
struct vduse_status {
	char *type;
	char *version;
	char *backend;
	char *serial;
	char *features; /* hexadecimal: those that the driver took */
	pid_t pid;
	bool readonly;
	bool driver_ok;
	bool failing; /* answers every request with an error */
	bool broken; /* the kernel gave it up: nothing but deleting it helps */
	uint64_t api_version;
	uint64_t size;
	uint64_t block_size;
	uint64_t queues;
	uint64_t queue_size;
	uint64_t uptime;
	uint64_t counters[VDUSE_COUNTERS];
	struct vduse_queue *virtqueues; /* owned array */
	size_t n_virtqueues;
};

/* 0, -ENOMEM, or what vduse_request() returns. */
int vduse_get_status(const struct app *app, const char *name, struct vduse_status *status,
		     struct strbuf *err);
/* VDPA_SERVED when the device's daemon answers, else 0. */
unsigned int vduse_served(const struct app *app, const char *name);
void vduse_status_free(struct vduse_status *status);

/* ---- vduse_spawn.c ---- */

/*
 * vduse_start: runs the daemon with the arguments of vdused (NULL-terminated,
 * without its name) until it serves the device; what goes wrong is reported
 * as the device's failure.  *lives: there is that daemon, or there may be.
 */
enum status vduse_start(struct app *app, const char *name, const char *const *args, bool *lives);
/* The same for arguments that only look whether one could take the device over. */
enum status vduse_try(struct app *app, const char *name, const char *const *args);
/* Runs a program to its end, silently: its exit status, or -errno. */
int vduse_run(const char *file, const char *const *args, int timeout_ms);
/*
 * Waits for the end of a child, which leads a process group, and kills that at
 * the deadline: its wait status, -ETIMEDOUT or -errno.
 */
int vduse_reap(pid_t pid, int64_t end);

/* ---- vduse_bind.c ---- */

/* Loads what a VDUSE device bound to driver (NULL for none) needs. */
enum status vduse_load_modules(struct app *app, const char *driver);
/*
 * Makes the vdpa device, bound to nothing: while it is made, no driver may be
 * probed inside the locks of the vdpa family.
 */
enum status vduse_attach(struct app *app, const char *name);
/* A signal came that asks the program to end, and it need not finish first; they are to be blocked. */
bool vduse_interrupted(const struct app *app);

/* ---- vduse_look.c ---- */

struct look_node;
struct look_place;

/* Places where devices are used. */
struct look_places {
	struct look_place *v; /* owned; by number and node */
	size_t n;
};

/* Who has the nodes of some devices, as it was a moment ago. */
struct vduse_look {
	struct look_node *nodes; /* owned; by path: char devices, disks and their partitions */
	size_t n_nodes;
	struct look_places mounts; /* where */
	struct look_places loops; /* the loop devices on them */
	struct vdpa_user_list *users; /* owned */
	int64_t end; /* by app_now_ms(): then it is too old */
};

/* Looks at these devices together; false without memory. */
bool vduse_look_at(struct app *app, const char *const *names, size_t n, struct vduse_look *l);
void vduse_look_free(struct vduse_look *l);
/* Users [*first, *first + *n) have the node; false when it was not looked at. */
bool vduse_look_users(const struct vduse_look *l, const char *node, size_t *first, size_t *n);
/* Those of the device of that number ("253:0") and node. */
void vduse_look_places(const struct look_places *p, const char *number, const char *node,
		       void (*cb)(void *data, const char *where), void *data);
/* The fields of a line, up to max; the text is cut. */
size_t vduse_split(char *line, char **fields, size_t max);

/*
 * The devices whose use the command is going to ask about, in that order.  While app->ahead points
 * to it, those that follow are looked at with the one that is asked about.
 */
struct vduse_ahead {
	const char **names; /* owned array */
	size_t n;
	size_t at, end; /* names [at, end) are in the look */
	struct vduse_look look;
};

void vduse_ahead_free(struct vduse_ahead *a);
/* A look that is not too old and has the device, or NULL. */
const struct vduse_look *vduse_look_ahead(struct app *app, const char *name);

/* ---- vduse_use.c ---- */

/* Refuses, with the users named, what is mounted, swapped on, held, below a loop device or open. */
enum status vduse_check_unused(struct app *app, const char *name, const struct vdpa_sysdev *s);
/*
 * Writes back what the kernel has cached for the disk, as its only user; with
 * force a back end that fails is no failure.
 */
enum status vduse_flush(struct app *app, const char *name, const char *node, bool force);

/* ---- cmd_vduse_add.c, cmd_vduse_del.c, cmd_vduse_run.c ---- */

/* Starts the daemon that `vduse add` with these arguments would; *lives as vduse_start(). */
enum status vduse_start_block(struct app *app, const struct args *args, bool *lives);
/* One of several that are deleted together, and how that went. */
#define VDUSE_DELETIONS 64
struct vduse_deletion {
	const char *name;
	enum status status;
};
/*
 * What `vduse del` does, of up to VDUSE_DELETIONS; JSON is loaded, the app has a context.  Returns how
 * many, the first ones, were begun and finished: some when they take long, none when a signal came.
 */
size_t vduse_delete_all(struct app *app, struct vduse_deletion *v, size_t n, bool force);
/* Deletes the vdpa device that was just made, if there is one; to be called with must_finish. */
enum status vduse_take_back(struct app *app, const char *name);
/* Blocks the signals that vduse_interrupted() looks for. */
void vduse_hold_signals(sigset_t *before);
/* Is there something of ours of that name?  Its lock's state goes to *lock; loads JSON. */
enum status vduse_check_served(struct app *app, const char *name, int *lock);
/* Reports that it has no daemon. */
enum status vduse_fail_gone(struct app *app, const char *name);
/* Starts a daemon for a device whose own is gone. */
enum status vduse_resume(struct app *app, const char *name, bool fail);
/*
 * Refuses what would wait for an answer that does not come: the daemon is
 * gone (*gone, which is reported by no one), does not answer, or the kernel
 * gave the device up (only with force, and nothing in flight).
 */
enum status vduse_check_alive(struct app *app, const char *name, const struct vdpa_sysdev *s,
			      bool force, bool *gone, bool *broken);
/* Stops the daemon, destroys the VDUSE device and its directory; the vdpa device is deleted. */
enum status vduse_destroy(struct app *app, const char *name);

/* ---- cmd_vduse_show.c ---- */

/* Prints a device: its whole record, or just its node. */
enum status vduse_print(struct app *app, const char *name, bool brief);

/* Arguments of more than one command. */
#define VDUSE_DRIVER_ARG(text)                                                                 \
	{                                                                                      \
		.word = "driver", .match = MATCH_NEW, .kind = VALUE_CHOICE, .has = HAS_DRIVER, \
		.metavar = "DRIVER", .help = text,                                             \
		.choices = (const char *const[]){ "virtio_vdpa", "vhost_vdpa", "none", NULL }, \
		.expected = "\"virtio_vdpa\", \"vhost_vdpa\" or \"none\"",                     \
		.offset = offsetof(struct args, vduse.driver),                                 \
	}

#define VDUSE_WAIT_ARG                                                                            \
	{                                                                                         \
		.word = "wait", .match = MATCH_NEW, .kind = VALUE_NUMBER, .has = HAS_WAIT,        \
		.metavar = "SEC", .help = "for the device node, at most that long (default: 10)", \
		.expected = "a decimal number of seconds from 0 to 3600", .max = 3600,            \
		.offset = offsetof(struct args, vduse.wait),                                      \
	}

#endif
