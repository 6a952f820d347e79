/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments that several commands of dev have. */
#ifndef VDPACTL_DEV_ARGS_H
#define VDPACTL_DEV_ARGS_H

#include "args.h"

/* "vhost_vdpa", "virtio_vdpa", "none"; devs.c has them. */
extern const char *const dev_drivers[];

/* The seconds that a command waits when nobody says more. */
#define DEV_WAIT_SECONDS 10
#define DEV_WAIT_MAX 1000000
#define DEV_WAIT_EXPECTED "a decimal number of seconds from 0 to 1000000"

/* The device that the command is about. */
#define DEV_ARG_ONE                                                    \
	{                                                              \
		.kind = VALUE_DEV, .has = HAS_ITEMS, .metavar = "DEV", \
		.help = "name of the device", .required = true,        \
	}

/* What "force" does is each command's own. */
#define DEV_ARG_FORCE(_help)                                                               \
	{                                                                                  \
		.word = "force", .match = MATCH_NEW, .kind = VALUE_NONE, .has = HAS_FORCE, \
		.help = (_help),                                                           \
	}

/* For what a driver makes: "wait [ SEC ]". */
#define DEV_ARG_WAIT                                                                         \
	{                                                                                    \
		.word = "wait", .match = MATCH_NEW, .kind = VALUE_NUMBER, .has = HAS_WAIT,   \
		.metavar = "SEC",                                                            \
		.help = "for the device node or interface, at most that long (default: 10)", \
		.optional = true, .otherwise = DEV_WAIT_DEFAULT, .max = DEV_WAIT_MAX,        \
		.expected = DEV_WAIT_EXPECTED, .offset = offsetof(struct args, dev.wait),    \
	}

/* Which devices: three arguments. */
#define DEV_ARG_OF_MGMTDEV                                                                        \
	{                                                                                         \
		.word = "mgmtdev", .match = MATCH_NEW, .kind = VALUE_MGMTDEV, .has = HAS_MGMTDEV, \
		.metavar = "MGMTDEV", .help = "only those of that management device",             \
	}
#define DEV_ARG_OF_TYPE                                                                        \
	{                                                                                      \
		.word = "type", .match = MATCH_NEW, .kind = VALUE_CHOICE, .has = HAS_TYPE,     \
		.metavar = "TYPE", .help = "only net or only block devices",                   \
		.choices = (const char *const[]){ "net", "block", NULL },                      \
		.expected = "\"net\" or \"block\"", .offset = offsetof(struct args, dev.type), \
	}
#define DEV_ARG_OF_DRIVER                                                                          \
	{                                                                                          \
		.word = "driver", .match = MATCH_NEW, .kind = VALUE_CHOICE, .has = HAS_DRIVER,     \
		.metavar = "DRIVER",                                                               \
		.help = "only those that vhost_vdpa, virtio_vdpa or none has",                     \
		.choices = dev_drivers, .expected = "\"vhost_vdpa\", \"virtio_vdpa\" or \"none\"", \
		.offset = offsetof(struct args, dev.driver),                                       \
	}

#endif
