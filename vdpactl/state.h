/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a host as a file: what save, apply and restore share.
 *
 *   cmd_save.c     state_host.c, state_vduse.c -> state_write.c -> the file
 *   cmd_apply.c    state_read.c, state_value.c  -> struct state, what shall be
 *   cmd_restore.c  state_host.c, state_vduse.c  -> struct state_host, what is
 *                  state_plan.c (state_diff.c)  -> struct plan, what is to be done
 *                  state_run.c, state_drivers.c, state_remake.c -> done
 *                  state_view.c                 -> told
 *
 *                  state_node.c                 -> owners of char devices, for all of these
 *
 * state_keys.c has the tables of the file's keys; reading, writing and the test
 * of schema/vdpactl-state-1.json follow them.
 *
 * Nothing is kept beside the kernel's own state: whoever is killed in the middle
 * leaves a host that the next apply compares with its file again.
 */
#ifndef VDPACTL_STATE_H
#define VDPACTL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app.h"
#include "link.h"
#include "progress.h"
#include "vduse.h"

/* The version of the file's format. */
#define STATE_VERSION 1
/* Where `restore` looks. */
#define STATE_FILE "/etc/vdpactl/vdpactl.json"
/* A larger file is refused: 100,000 devices take about 20 MiB. */
#define STATE_OCTETS_MAX (32u << 20)

/* ---- model: state_model.c ---- */

/* Presence bits of both kinds of device. */
#define STATE_HAS_NAME (1u << 0)
#define STATE_HAS_MGMTDEV (1u << 1)
#define STATE_HAS_MAC (1u << 2)
#define STATE_HAS_MTU (1u << 3)
#define STATE_HAS_MAX_VQP (1u << 4)
#define STATE_HAS_FEATURES (1u << 5)
#define STATE_HAS_DRIVER (1u << 6)
#define STATE_HAS_TYPE (1u << 7)
#define STATE_HAS_BACKEND (1u << 8)
#define STATE_HAS_QUEUES (1u << 9)
#define STATE_HAS_QUEUE_SIZE (1u << 10)
#define STATE_HAS_READONLY (1u << 11)
#define STATE_HAS_BLOCK_SIZE (1u << 12)
#define STATE_HAS_SERIAL (1u << 13)
#define STATE_HAS_CACHE (1u << 14)
#define STATE_HAS_PACKED (1u << 15)
#define STATE_HAS_RECONNECT (1u << 16)
#define STATE_HAS_THREADS (1u << 17)
#define STATE_HAS_POLL_US (1u << 18)
#define STATE_HAS_USER (1u << 19)
#define STATE_HAS_IN_ORDER (1u << 20)
#define STATE_HAS_OWNER (1u << 21)
#define STATE_HAS_GROUP (1u << 22)
#define STATE_HAS_MODE (1u << 23)
#define STATE_HAS_NODE (STATE_HAS_OWNER | STATE_HAS_GROUP | STATE_HAS_MODE)

/* Whom the char device belongs to. */
struct state_node {
	char *owner; /* owned, as the others: as the file has it; of what is there, after state_node_tell() */
	char *group;
	char *mode;
	struct link_owner
		is; /* after state_node_resolve(); of what is there, all of it or nothing */
};

/* A vDPA device of a parent.  What has no bit in `has` is not given, or was not told. */
struct state_device {
	unsigned int has;
	char *name; /* owned, as the other strings but driver */
	char *mgmtdev; /* handle; of a device that is there, NULL: unmanaged */
	uint8_t mac[6];
	uint64_t mtu;
	uint64_t max_vqp;
	uint64_t features;
	char *features_text; /* as the file has it, until state_plan() knows the parent */
	const char *driver; /* one of state_driver()'s; NULL: not given, or another one */
	char *other_driver; /* of one that is there: the name of another one */
	bool is_net; /* of one that is there */
	struct state_node node;
	size_t index; /* in the file's array */
};

/* A VDUSE device that vdused serves. */
struct state_vduse {
	unsigned int has;
	char *name; /* owned, as backend, serial and user */
	const char *type;
	char *backend;
	char *serial;
	char *user;
	const char *cache;
	const char *in_order;
	const char *driver;
	uint64_t queues;
	uint64_t queue_size;
	uint64_t block_size; /* 0: the back end's */
	uint64_t reconnect;
	uint64_t threads;
	uint64_t poll_us;
	bool readonly;
	bool packed;
	struct state_node node;
};

struct state {
	struct state_device *devices; /* owned array */
	size_t n_devices;
	struct state_vduse *vduse; /* owned array */
	size_t n_vduse;
	/* Where it was read, for what shows to be wrong later. */
	const char *file; /* borrowed */
	char *text; /* owned */
	size_t len;
};

void state_device_free(struct state_device *d);
void state_vduse_free(struct state_vduse *v);
void state_free(struct state *s);
/* Fills in what is not given, but for the driver: two with the same values are served alike. */
void state_vduse_defaults(struct state_vduse *v);
/* One of the known drivers' names for that text (NULL: "none"), or NULL for another driver. */
const char *state_driver(const char *text);

/* ---- the file's keys: state_keys.c ---- */

enum state_kind {
	STATE_KIND_NAME, /* char *: of a device */
	STATE_KIND_VDUSE_NAME, /* char *: of a VDUSE device */
	STATE_KIND_MGMTDEV, /* char * */
	STATE_KIND_TEXT, /* char *, not empty, up to max octets */
	STATE_KIND_MODE, /* char *: octal digits */
	STATE_KIND_MAC, /* uint8_t[6] */
	STATE_KIND_FEATURES, /* features and features_text of struct state_device */
	STATE_KIND_CHOICE, /* const char *, one of choices */
	STATE_KIND_NUMBER, /* uint64_t, from min to max */
	STATE_KIND_ONE_OF_TWO, /* uint64_t, min or max */
	STATE_KIND_BOOL, /* bool */
};

struct state_key {
	const char *name;
	enum state_kind kind;
	unsigned int has;
	bool required;
	bool power_of_two; /* of a number */
	uint64_t min, max;
	const char *const *choices; /* NULL-terminated */
	size_t offset; /* in struct state_device or state_vduse */
};

/* Each ends with a NULL name. */
extern const struct state_key state_device_keys[];
extern const struct state_key state_vduse_keys[];

/* ---- the file: state_read.c, state_write.c ---- */

/*
 * Reads and validates a file ("-": standard input): all of it, or a report with
 * file, line, column and path.  Loads JSON.
 */
enum status state_read(struct app *app, const char *file, struct state *state);
/* The same of text in memory; file is for reports. */
enum status state_parse(struct app *app, const char *file, const char *text, size_t len,
			struct state *state);
/* Reports what is wrong with the features of a device of the file, as state_read() does. */
enum status state_refuse_features(struct app *app, const struct state *state,
				  const struct state_device *d, const char *message);
/* As JSON text, a device a line.  JSON is loaded. */
void state_write(struct strbuf *sb, const struct state *state);

/* ---- what is: state_host.c, state_vduse.c ---- */

enum vduse_owner {
	VDUSE_OURS,
	VDUSE_OTHERS, /* another program's */
	VDUSE_UNITS, /* vdused@.service's: it has a file in /etc/vdpactl/vduse.d */
};

/* A VDUSE device that is there, or what is left of one. */
struct host_vduse {
	struct state_vduse is; /* with all defaults filled in; only name and driver unless known */
	enum vduse_owner owner;
	bool known; /* its options could be read */
	bool served; /* a daemon lives */
	bool exists; /* the VDUSE device does */
	bool attached; /* its vdpa device exists */
};

struct state_host {
	struct state_device *devices; /* owned; by strcmp of the name, without those of VDUSE; an
					 unmanaged one has no mgmtdev */
	size_t n_devices;
	struct host_vduse *vduse; /* owned; by strcmp of the name */
	size_t n_vduse;
};

/* Asks the kernel and the daemons' directory; failures are reported.  The app is connected. */
enum status state_host_read(struct app *app, struct state_host *host);
void state_host_free(struct state_host *host);
const struct state_device *state_host_device(const struct state_host *host, const char *name);
const struct host_vduse *state_host_vduse(const struct state_host *host, const char *name);
/* The VDUSE part alone. */
enum status state_vduse_read(struct app *app, struct state_host *host);
/* Is the device vdused@.service's? */
bool state_is_units(const char *name);
/* What a device of vdused was started with; `text` are the saved options. */
bool state_vduse_options(const char *text, size_t len, struct state_vduse *v);
/*
 * The same of that device.  false when they can't be read or are not understood; what is in *v is
 * the caller's also then.
 */
bool state_vduse_saved(const char *name, struct state_vduse *v);
/*
 * One device as state_diff() compares it; config may be NULL (a class that has
 * none).  Its driver is read from sysfs.  false without memory.
 */
bool state_device_of(const struct vdpa_dev *dev, const struct vdpa_config *config,
		     struct state_device *d);

/* ---- owners of char devices: state_node.c ---- */

void state_node_free(struct state_node *n);
/* From the file's texts to numbers of this host, as far as they are known here; reports what is not. */
enum status state_node_resolve(struct app *app, const char *name, struct state_node *n);
/* In what `want` gives. */
bool state_node_differs(const struct state_node *want, const struct state_node *have);
bool state_node_is_given(const struct state_node *n);
/* What `want` does not give becomes what `have` has, unless every new device on this host has that. */
void state_node_keep(struct state_node *want, const struct state_node *have);
/* Numbers to texts, and presence bits in *has, of what not every new device has; false without memory. */
bool state_node_tell(struct state_node *n, unsigned int *has);
/* "owner root -> qemu, mode 600 -> 660", after what is there already */
void state_node_diff_text(struct strbuf *sb, const struct state_node *want,
			  const struct state_node *have);

/* ---- what is to be done: state_plan.c ---- */

struct apply_options {
	const char *file;
	bool prune;
	bool force;
	int wait_ms; /* for parents that are not there */
	bool late; /* a part is done already: what is wrong with a device's features fails that one alone */
};

enum plan_action {
	PLAN_KEEP,
	PLAN_ADD,
	PLAN_CHANGE, /* as it is: its address, its driver, its daemon */
	PLAN_RECREATE,
	PLAN_DELETE,
};

enum plan_result {
	PLAN_OPEN,
	PLAN_DONE,
	PLAN_FAILED,
};

struct plan_item {
	enum plan_action action;
	enum plan_result result;
	const char *name; /* borrowed, as what follows */
	const struct state_device *want, *have;
	const struct state_vduse *vwant;
	const struct host_vduse *vhave;
	unsigned int differs; /* STATE_DIFF_* */
	unsigned int todo; /* STEP_*, while it runs; empty: done */
	enum status status; /* of a failed one */
	enum status give; /* why STEP_GIVE is going to fail, which was reported; or ST_OK */
};

struct plan {
	struct plan_item *items; /* owned; the file's in its order, then those to delete */
	size_t size;
};

/*
 * state_plan: compares.  Turns names of features in state into bits; what is
 * wrong with them is reported, and nothing is planned, unless late.  An item that can't be
 * done for a reason that shows now is reported and has failed.
 */
enum status state_plan(struct app *app, const struct apply_options *o, struct state *state,
		       const struct state_host *host, struct plan *plan);
void plan_free(struct plan *plan);
/*
 * The driver that an item's device shall have, "none" for none; NULL: the host decides.  One that is
 * recreated keeps its driver where the file names none.
 */
const char *plan_driver(const struct plan_item *item);
/* Marks an item whose failure was reported. */
void plan_fail(struct plan_item *item, enum status status);
/*
 * How the plan ended: what was so already is as good as done, so that it is the same each time.
 * rest is the failure of what could not be planned, or ST_OK.
 */
enum status plan_status(const struct plan *plan, enum status rest);

/* ---- doing it: state_modules.c, state_run.c, state_drivers.c ---- */

/* Steps of an item, in their order. */
#define STEP_DELETE (1u << 0)
#define STEP_START (1u << 1) /* the daemon */
#define STEP_ADD (1u << 2)
#define STEP_MAC (1u << 3)
#define STEP_BIND (1u << 4)
#define STEP_GIVE (1u << 5) /* the char device to its owner */

#define RUNNER_CHUNK 256 /* requests between two looks at signals */

/* What carries out a plan. */
struct runner {
	struct app *app;
	struct plan *plan;
	bool force;
	bool stopped; /* by a signal: nothing more is begun */
	int wait_ms; /* that may still be spent on nodes that do not come */
	struct progress progress;
	struct vduse_ahead ahead; /* of the step that takes devices away */
	/* Devices that are deleted, read together up to that item of the plan; owned, NULL: each alone. */
	struct vdpa_sysdev_list *devices;
	size_t next_device, devices_end;
	bool has_conf; /* LINK_CONF was read: */
	struct link_owner conf;
};

/*
 * Loads the modules of drivers and parents that the state names, for that long
 * at most; what fails shows later.
 */
void state_load_modules(struct app *app, const struct state *state, int timeout_ms);
/*
 * Puts the devices whose parents are there before those that would have to
 * wait, in the file's order otherwise; *n of them are ready.
 */
enum status state_split_ready(struct app *app, struct state *state, size_t *n);
/*
 * Waits until the parents that the state names are there, or some have come and no more
 * follow, or the monotonic time end in milliseconds; what is not there then fails later.
 * Signals are held.
 */
enum status state_wait_parents(struct app *app, const struct state *state, int64_t end);
/*
 * Carries out what is open in the plan, as far as it goes, and goes on after
 * failures, which are reported.  Signals are held; one ends it between two
 * steps.
 */
void plan_run(struct app *app, struct plan *plan, bool force);
/* One step of the item is over: reports nothing. */
void runner_step(struct runner *r, struct plan_item *item, unsigned int step, enum status status);
/* The items that want the step and are picked will be asked whether they are in use, in this order. */
void runner_look_ahead(struct runner *r, unsigned int step,
		       bool (*pick)(const struct plan_item *item));
/* false when a signal came, or when the item does not need the step. */
bool runner_wants(struct runner *r, const struct plan_item *item, unsigned int step);
/*
 * Binds a device (flags as for vdpa_dev_bind()), unless it is bound to that driver, and waits for
 * what this makes.
 */
enum status runner_give(struct runner *r, const char *name, const char *driver, unsigned int flags);
/* Gives the devices their drivers, and waits for what these make. */
void runner_bind(struct runner *r);
/* Gives char devices to their owners. */
void runner_own(struct runner *r);
/* What the device can be made with again, as far as its parent is known; the strings stay d's. */
struct state_device state_device_reduced(struct app *app, const struct state_device *d,
					 bool *known);
/* The same, whatever its parent takes. */
struct state_device state_device_told(const struct state_device *d);
/* ---- made anew: state_remake.c ---- */

/* 0 or -ENOMEM; *spec is the caller's also then.  Without features_text. */
int state_spec(const struct state_device *d, struct vdpa_spec **spec);
/*
 * What a device is made anew with: `want`, and of what that does not give, on
 * the same parent, what `have` has and what goes with want's features.  The
 * strings stay want's.
 */
struct state_device state_device_keep(struct app *app, const struct state_device *want,
				      const struct state_device *have);
/*
 * Makes a device that state_device_keep() told of: 0 or -errno, with the failure in app->ctx.  What is not in
 * `given` is left out where the kernel says that the parent does not take it, so that nobody gave it
 * to the old one either.
 */
int state_add_kept(struct app *app, const struct state_device *d, unsigned int given);
/* Is that what the kernel says? */
bool state_is_not_taken(const struct vdpa_error *err);
/* The device is deleted and was not made anew: makes it as it was; how that went is noted. */
void state_put_back(struct app *app, const struct state_device *have);
/* The same of a disk whose options are known; not what it held in memory. */
void state_put_back_vduse(struct app *app, const struct host_vduse *have);
/* Starts the daemon of a disk that is not there. */
enum status state_start(struct app *app, const struct state_vduse *v);
/*
 * Gives a device that is there another address.  The driver of a virtio device reads
 * it once: such a device is refused when it is in use, and bound anew.  A parent that does
 * not change addresses is a failure, or *refused, which is set then and false before.
 */
enum status state_set_mac(struct app *app, const struct state_device *have, const uint8_t mac[6],
			  bool force, bool *refused);
bool state_reads_mac_once(const struct state_device *have);

/* ---- state_use.c ---- */

/*
 * Refuses to pull a device away from under a disk that is in use, or (not with
 * force) an interface that is up.  That a char device is open is the library's
 * to find.
 */
enum status state_check_unused(struct app *app, const char *name, bool force);
/* The same for a deletion of the plan, asked in its order: siblings' virtio devices are looked for once. */
enum status runner_check_unused(struct runner *r, const struct plan_item *item);

/* ---- telling it: state_view.c ---- */

/* What was done, or is to be (dry_run), as lines or into the open section. */
void plan_print(struct app *app, const struct plan *plan, bool dry_run);

/* ---- cmd_apply.c ---- */

enum status state_apply(struct app *app, const struct apply_options *o);

#endif
