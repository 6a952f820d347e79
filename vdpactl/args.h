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
#define HAS_NAME (1u << 0)
#define HAS_MGMTDEV (1u << 1)
#define HAS_MAC (1u << 2)
#define HAS_MTU (1u << 3)
#define HAS_MAX_VQP (1u << 4)
#define HAS_MAX_VQS (1u << 5) /* max_vqp is valid too */
#define HAS_FEATURES (1u << 6)
#define HAS_QIDX (1u << 7)
#define HAS_IF_EXISTS (1u << 8)
#define HAS_FORCE (1u << 9)
#define HAS_ITEMS (1u << 10)
#define HAS_TYPE (1u << 11)
#define HAS_BACKEND (1u << 12)
#define HAS_QUEUES (1u << 13)
#define HAS_QUEUE_SIZE (1u << 14)
#define HAS_READONLY (1u << 15)
#define HAS_BLOCK_SIZE (1u << 16)
#define HAS_SERIAL (1u << 17)
#define HAS_CACHE (1u << 18)
#define HAS_PACKED (1u << 19)
#define HAS_RECONNECT (1u << 20)
#define HAS_DRIVER (1u << 21)
#define HAS_WAIT (1u << 22)
#define HAS_FAIL (1u << 23)
#define HAS_SIZE (1u << 24)
#define HAS_THREADS (1u << 25)
#define HAS_POLL_US (1u << 26)
#define HAS_USER (1u << 27)
#define HAS_CONFIG (1u << 28)
#define HAS_IN_ORDER (1u << 29)

struct arg {
	const char *word; /* NULL: positional, then it is the table's first */
	enum match_rule match;
	enum value_kind kind;
	unsigned int has;
	const char *metavar;
	const char *help;
	bool required;
	bool repeat; /* positional: more than one, but not in `vdpa` */
	unsigned int conflicts; /* presence bits that can't stand beside it */
	const char
		*expected; /* of VALUE_TEXT, _CHOICE and _NUMBER: "a decimal number from 1 to 9" */
	const char *const *choices; /* NULL-terminated */
	uint64_t min, max;
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

struct args {
	unsigned int has; /* HAS_* */
	char **items; /* owned array of the positional words, which are argv's */
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

/* The value of one argument; reports what is wrong. */
enum status value_parse(struct app *app, const struct arg *arg, char *text, struct args *args);
/* What the value should look like ("a decimal number from 0 to 65535"). */
const char *value_expected(const struct arg *arg, bool legacy);
/* Refuses names that the kernel would change or choke on. */
enum status value_check_name(struct app *app, const char *name);
/* Refuses addresses that no interface can have. */
enum status value_check_mac(struct app *app, const uint8_t mac[6], bool may_force);

#endif
