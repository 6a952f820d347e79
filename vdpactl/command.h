/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree of commands.  A command's file ends with its const descriptor;
 * help, argument parsing and completion all read the descriptors.
 */
#ifndef VDPACTL_COMMAND_H
#define VDPACTL_COMMAND_H

#include "app.h"
#include "args.h"

/* What a group does when no word follows. */
enum bare_rule {
	BARE_HELP,
	BARE_FIRST, /* runs its first command */
	BARE_FIRST_NEW, /* the same, but `vdpa` prints help */
	BARE_ERROR,
};

struct command {
	const char *name;
	const char *alias; /* another word for it, or NULL */
	const char *summary;
	enum match_rule match;
	/* a command: */
	bool dry_run; /* it knows app->opt.dry_run; the others are refused with that */
	const struct arg *args; /* ends with an ARG_END; NULL for none */
	enum status (*run)(struct app *app, const struct args *args);
	/* a group: */
	const struct command *const *subs; /* NULL-terminated, in the order of matching */
	enum match_rule help_match;
	enum bare_rule bare;
};

extern const struct command command_root;

extern const struct command cmd_save;
extern const struct command cmd_apply;
extern const struct command cmd_restore;
extern const struct command cmd_mgmtdev_show;
extern const struct command cmd_dev_show;
extern const struct command cmd_dev_add;
extern const struct command cmd_dev_del;
extern const struct command cmd_dev_set;
extern const struct command cmd_dev_replace;
extern const struct command cmd_dev_bind;
extern const struct command cmd_dev_unbind;
extern const struct command cmd_dev_wait;
extern const struct command cmd_dev_resolve;
extern const struct command cmd_dev_users;
extern const struct command cmd_dev_config_show;
extern const struct command cmd_dev_vstats_show;
extern const struct command cmd_dev_export;
extern const struct command cmd_dev_link;
extern const struct command cmd_dev_unlink;
extern const struct command cmd_features_decode;
extern const struct command cmd_features_encode;
extern const struct command cmd_features_diff;
extern const struct command cmd_features_common;
extern const struct command cmd_check;
extern const struct command cmd_vduse_show;
extern const struct command cmd_vduse_add;
extern const struct command cmd_vduse_attach;
extern const struct command cmd_vduse_del;
extern const struct command cmd_vduse_restart;
extern const struct command cmd_vduse_rescue;
extern const struct command cmd_vduse_resize;
extern const struct command cmd_monitor;
extern const struct command cmd_metrics;

/* The command of the group that the word stands for, or NULL. */
const struct command *command_find(const struct command *group, const char *word, bool legacy);
/* true when the word asks for the group's help. */
bool command_is_help(const struct command *group, const char *word);
/* true when `vdpa` does not have it. */
bool command_is_new(const struct command *cmd);
enum status command_run(struct app *app, int argc, char **argv);
/* The deepest command or group that the words lead to below from; its words are added to path. */
const struct command *command_resolve(const struct command *from, bool legacy, int argc,
				      char **argv, char *path, size_t size);

/* ---- match.c ---- */

/* word is a non-empty beginning of name */
bool match_prefix(const char *word, const char *name);
/* Changes that turn a into b: insert, delete, replace or swap a letter; large for long words. */
unsigned int edit_distance(const char *a, const char *b);
/* Keeps in *best the nearest name so far, if it is near; *distance starts at UINT_MAX. */
void nearest(const char *word, const char *name, const char **best, unsigned int *distance);

#endif
