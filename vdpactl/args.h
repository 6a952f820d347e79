/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arguments of a command: tables say what there is, args_parse turns
 * words into values and presence bits, following the table.
 */
#ifndef VDPACTL_ARGS_H
#define VDPACTL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app.h"

/* How a word of the command line stands for a name. */
enum match_rule {
	MATCH_PREFIX, /* `vdpa` has it: any beginning will do */
	MATCH_EXACT, /* `vdpa` has it */
	MATCH_NEW, /* `vdpa` lacks it: exact, or the only one with these three or more letters */
};

/* The fewest letters that may stand for a word that `vdpa` does not have. */
#define NEW_PREFIX_MIN 3

enum value_kind {
	VALUE_NONE, /* a flag */
	VALUE_NAME, /* of a device to be made or changed */
	VALUE_DEV, /* an existing device */
	VALUE_MGMTDEV, /* a management device's handle */
	VALUE_MAC,
	VALUE_U16, /* a decimal number */
	VALUE_VQS, /* a number of virtqueues, kept as pairs */
	VALUE_FEATURES,
	VALUE_QIDX,
	VALUE_VDUSE, /* an existing VDUSE device */
	/* These are stored at arg->offset of struct args: */
	VALUE_TEXT, /* as it is, not empty: const char * */
	VALUE_CHOICE, /* one of arg->choices: const char * */
	VALUE_NUMBER, /* decimal, from arg->min to arg->max: uint64_t */
	VALUE_SIZE, /* octets, with an optional K, M, G or T: uint64_t */
};

/* Presence bits. */
#define HAS_NAME (1ull << 0)
#define HAS_MGMTDEV (1ull << 1)
#define HAS_MAC (1ull << 2)
#define HAS_MTU (1ull << 3)
#define HAS_MAX_VQP (1ull << 4)
#define HAS_MAX_VQS (1ull << 5) /* max_vqp is valid too */
#define HAS_FEATURES (1ull << 6)
#define HAS_QIDX (1ull << 7)
#define HAS_IF_EXISTS (1ull << 8)
#define HAS_FORCE (1ull << 9)
#define HAS_ITEMS (1ull << 10)
#define HAS_TYPE (1ull << 11)
#define HAS_BACKEND (1ull << 12)
#define HAS_QUEUES (1ull << 13)
#define HAS_QUEUE_SIZE (1ull << 14)
#define HAS_READONLY (1ull << 15)
#define HAS_BLOCK_SIZE (1ull << 16)
#define HAS_SERIAL (1ull << 17)
#define HAS_CACHE (1ull << 18)
#define HAS_PACKED (1ull << 19)
#define HAS_RECONNECT (1ull << 20)
#define HAS_DRIVER (1ull << 21)
#define HAS_WAIT (1ull << 22)
#define HAS_FAIL (1ull << 23)
#define HAS_SIZE (1ull << 24)
#define HAS_THREADS (1ull << 25)
#define HAS_POLL_US (1ull << 26)
#define HAS_USER (1ull << 27)
#define HAS_CONFIG (1ull << 28)
#define HAS_KEY (1ull << 29)
#define HAS_PRUNE (1ull << 30)
#define HAS_OWNER (1ull << 31)
#define HAS_GROUP (1ull << 32)
#define HAS_MODE (1ull << 33)
#define HAS_FORMAT (1ull << 34)
#define HAS_INTERVAL (1ull << 35)
#define HAS_COUNT (1ull << 36)
#define HAS_INITIAL (1ull << 37)
#define HAS_FILE (1ull << 38)
#define HAS_CONDITION (1ull << 39)
#define HAS_TIMEOUT (1ull << 40)
#define HAS_OUTPUT (1ull << 41)
#define HAS_WORDS (1ull << 42)
#define HAS_IN_ORDER (1ull << 43)
#define HAS_PERSIST (1ull << 44)
#define HAS_FROM_UDEV (1ull << 50)
#define HAS_GENERIC (1ull << 51)
#define HAS_BY_NAME (1ull << 52)

struct arg {
	const char *word; /* NULL: positional, then it stands before all that have one */
	enum match_rule match;
	enum value_kind kind;
	uint64_t has;
	const char *metavar;
	const char *help;
	bool required;
	bool or_words; /* positional and required: words with a value may stand in its place (not in `vdpa`) */
	bool repeat; /* positional, the last such: more than one, but not in `vdpa` */
	bool optional; /* VALUE_NUMBER with a word: the number may be left out */
	uint64_t conflicts; /* presence bits that can't stand beside it */
	const char
		*expected; /* of VALUE_TEXT, _CHOICE and _NUMBER: "a decimal number from 1 to 9" */
	const char *const *choices; /* NULL-terminated */
	uint64_t min, max;
	uint64_t otherwise; /* what an optional number is when it is left out */
	size_t offset; /* in struct args */
	const char *legacy_missing; /* what `vdpa` says when a required one is not there */
};

#define ARG_END              \
	{                    \
		.help = NULL \
	}
#define ARG_IS_END(a) (!(a)->help)

/* What only the commands of vduse take. */
struct vduse_args {
	const char *type;
	const char *backend;
	const char *serial;
	const char *cache;
	const char *in_order;
	const char *driver;
	const char *block_size;
	const char *user;
	uint64_t threads;
	uint64_t poll_us;
	const char *config;
	uint64_t queues;
	uint64_t queue_size;
	uint64_t reconnect; /* seconds */
	uint64_t wait; /* seconds */
	uint64_t size; /* octets */
};

/* What only the commands of dev take. */
struct dev_args {
	const char *driver;
	const char *type;
	const char *condition;
	const char *key;
	uint64_t wait; /* seconds, or DEV_WAIT_DEFAULT */
};

/* "wait" without a number. */
#define DEV_WAIT_DEFAULT UINT64_MAX

/* What only save, apply and restore take. */
struct state_args {
	const char *file;
	uint64_t wait; /* seconds */
};

/* What only the commands of features take. */
struct features_args {
	const char *type;
	const char *text; /* what to decode or encode; the first one of two */
	const char *other;
};

/* Whom a char device shall belong to. */
struct link_args {
	const char *owner;
	const char *group;
	const char *mode;
};

/* What only dev export takes. */
struct export_args {
	const char *format;
	const char *output;
};

/* What only the commands that watch and measure take. */
struct watch_args {
	const char *what;
	const char *file;
	uint64_t count;
	uint64_t interval; /* seconds */
	uint64_t timeout; /* seconds */
	uint64_t buffer; /* octets */
};

struct args {
	uint64_t has; /* HAS_* */
	char **items; /* owned array of the positional words, which are argv's; all of them */
	size_t n_items;
	const char *name;
	const char *mgmtdev;
	uint8_t mac[6];
	bool mac_random;
	uint16_t mtu;
	uint16_t max_vqp;
	const char *features_text; /* names; NULL when features has the value */
	uint64_t features;
	uint32_t qidx; /* or VDPA_QUEUE_INDEX_CTRL */
	bool qidx_all;
	struct vduse_args vduse;
	struct dev_args dev;
	struct state_args state;
	struct features_args features_of;
	struct link_args link;
	struct export_args export;
	struct watch_args watch;
};

/* Reports what is wrong. */
enum status args_parse(struct app *app, const struct command *cmd, int argc, char **argv,
		       struct args *args);
void args_release(struct args *args);
/* The argument of the command that the word names, or NULL. */
const struct arg *args_find(const struct command *cmd, const char *word, bool legacy);
/* The same among a list of devices, where only the full word is not a device. */
const struct arg *args_find_exact(const struct command *cmd, const char *word);

/* ---- values.c ---- */

/* Where the value of an argument with an offset goes; its kind tells the type. */
void *value_slot(const struct arg *arg, struct args *args);

/* The value of one argument; reports what is wrong. */
enum status value_parse(struct app *app, const struct arg *arg, char *text, struct args *args);
/* What the value should look like ("a decimal number from 0 to 65535"). */
const char *value_expected(const struct arg *arg, bool legacy);
/* Refuses names that the kernel would change or choke on. */
enum status value_check_name(struct app *app, const char *name);
/* Refuses addresses that no interface can have. */
enum status value_check_mac(struct app *app, const uint8_t mac[6], bool may_force);

#endif
