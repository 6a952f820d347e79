// SPDX-License-Identifier: GPL-2.0-or-later
#include "command.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const struct command group_mgmtdev = {
	.name = "mgmtdev",
	.summary = "the management devices, which vDPA devices are made from",
	.match = MATCH_PREFIX,
	.subs = (const struct command *const[]){ &cmd_mgmtdev_show, NULL },
	.help_match = MATCH_PREFIX,
	.bare = BARE_FIRST_NEW,
};

static const struct command group_config = {
	.name = "config",
	.summary = "the configuration that a driver of the device sees",
	.match = MATCH_PREFIX,
	.subs = (const struct command *const[]){ &cmd_dev_config_show, NULL },
	.help_match = MATCH_PREFIX,
	.bare = BARE_FIRST,
};

static const struct command group_vstats = {
	.name = "vstats",
	.summary = "the statistics that the device's vendor counts for each virtqueue",
	.match = MATCH_EXACT,
	.subs = (const struct command *const[]){ &cmd_dev_vstats_show, NULL },
	.help_match = MATCH_EXACT,
	.bare = BARE_ERROR,
};

static const struct command group_dev = {
	.name = "dev",
	.summary = "the vDPA devices",
	.match = MATCH_PREFIX,
	.subs =
		(const struct command *const[]){
			&cmd_dev_show,
			&cmd_dev_add,
			&cmd_dev_del,
			&group_config,
			&group_vstats,
			&cmd_dev_set,
			&cmd_dev_replace,
			&cmd_dev_bind,
			&cmd_dev_unbind,
			&cmd_dev_wait,
			&cmd_dev_resolve,
			&cmd_dev_users,
			&cmd_dev_export,
			&cmd_dev_link,
			&cmd_dev_unlink,
			NULL,
		},
	.help_match = MATCH_PREFIX,
	.bare = BARE_FIRST,
};

static const struct command group_vduse = {
	.name = "vduse",
	.summary = "devices that a program serves: VDUSE",
	.match = MATCH_NEW,
	.subs =
		(const struct command *const[]){
			&cmd_vduse_show,
			&cmd_vduse_add,
			&cmd_vduse_attach,
			&cmd_vduse_del,
			&cmd_vduse_restart,
			&cmd_vduse_rescue,
			&cmd_vduse_resize,
			NULL,
		},
	.help_match = MATCH_EXACT,
	.bare = BARE_FIRST,
};

static const struct command group_features = {
	.name = "features",
	.summary = "virtio feature bits: names, words, and what sets of them share",
	.match = MATCH_NEW,
	.subs =
		(const struct command *const[]){
			&cmd_features_decode,
			&cmd_features_encode,
			&cmd_features_diff,
			&cmd_features_common,
			NULL,
		},
	.help_match = MATCH_EXACT,
	.bare = BARE_HELP,
};

const struct command command_root = {
	.name = "",
	.summary = "show and manage vDPA devices",
	.subs =
		(const struct command *const[]){
			&group_mgmtdev,
			&group_dev,
			&group_vduse,
			&cmd_save,
			&cmd_apply,
			&cmd_restore,
			&group_features,
			&cmd_check,
			&cmd_monitor,
			&cmd_metrics,
			NULL,
		},
	.help_match = MATCH_PREFIX,
	.bare = BARE_HELP,
};

bool command_is_new(const struct command *cmd)
{
	return cmd->match == MATCH_NEW;
}

static bool matches(const char *word, const struct command *cmd)
{
	if (cmd->match == MATCH_PREFIX)
		return match_prefix(word, cmd->name) ||
		       (cmd->alias && match_prefix(word, cmd->alias));
	return !strcmp(word, cmd->name) || (cmd->alias && !strcmp(word, cmd->alias));
}

bool command_is_help(const struct command *group, const char *word)
{
	return group->help_match == MATCH_PREFIX ? match_prefix(word, "help") :
						   !strcmp(word, "help");
}

const struct command *command_find(const struct command *group, const char *word, bool legacy)
{
	const struct command *hit = NULL;

	for (size_t i = 0; group->subs[i]; i++) {
		if (!command_is_new(group->subs[i]) && matches(word, group->subs[i]))
			return group->subs[i];
	}
	if (legacy)
		return NULL;
	for (size_t i = 0; group->subs[i]; i++) {
		if (command_is_new(group->subs[i]) && matches(word, group->subs[i]))
			return group->subs[i];
	}
	for (size_t i = 0; group->subs[i]; i++) {
		if (!command_is_new(group->subs[i]) || strlen(word) < NEW_PREFIX_MIN ||
		    !match_prefix(word, group->subs[i]->name))
			continue;
		if (hit)
			return NULL;
		hit = group->subs[i];
	}
	return hit;
}

static void append_path(char *path, size_t size, const char *name)
{
	size_t len = strlen(path);

	snprintf(path + len, size - len, "%s%s", len ? " " : "", name);
}

const struct command *command_resolve(const struct command *from, bool legacy, int argc,
				      char **argv, char *path, size_t size)
{
	const struct command *cmd = from;

	for (int i = 0; i < argc && cmd->subs; i++) {
		const struct command *next = command_find(cmd, argv[i], legacy);

		if (!next || command_is_help(cmd, argv[i]))
			break;
		cmd = next;
		append_path(path, size, cmd->name);
	}
	return cmd;
}

static enum status unknown_word(struct app *app, const struct command *group, const char *word)
{
	CLEANUP(strbuf_free) struct strbuf expected = STRBUF_INIT;
	unsigned int distance = UINT_MAX;
	const char *what = group == &command_root ? "Object" : "Command";
	const char *best = NULL;
	char hint[64];

	if (app->legacy)
		return diag_usage(app, "%s \"%s\" not found", what, word);
	for (size_t i = 0; group->subs[i]; i++) {
		strbuf_addf(&expected, "%s, ", group->subs[i]->name);
		nearest(word, group->subs[i]->name, &best, &distance);
		if (group->subs[i]->alias)
			nearest(word, group->subs[i]->alias, &best, &distance);
	}
	nearest(word, "help", &best, &distance);
	if (best)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", best);
	return diag_usage_hint(app, best ? hint : NULL,
			       "%s \"%s\" not found, expected one of: %shelp", what, word,
			       expected.s ? expected.s : "");
}

/* No word follows a group: the command that runs then, or NULL with the status. */
static const struct command *bare_command(struct app *app, const struct command *group,
					  enum status *status)
{
	enum bare_rule rule = group->bare;

	*status = ST_OK;
	if (rule == BARE_FIRST_NEW)
		rule = app->legacy ? BARE_HELP : BARE_FIRST;
	if (rule == BARE_FIRST)
		return group->subs[0];
	if (rule == BARE_ERROR)
		*status = diag_usage(app, "%s: a command is expected", app->path);
	if (rule == BARE_HELP || app->legacy)
		usage_print(app, group, app->path);
	return NULL;
}

static enum status run_leaf(struct app *app, const struct command *cmd, int argc, char **argv)
{
	CLEANUP(args_release) struct args args = { 0 };
	enum status status;

	app->command = cmd;
	if (!app->legacy && argc == 1 && !strcmp(argv[0], "help")) {
		usage_print(app, cmd, app->path);
		return ST_OK;
	}
	if (app->opt.dry_run && !cmd->dry_run)
		return diag_usage(app, "%s: --dry-run cannot be used with this command", app->path);
	status = args_parse(app, cmd, argc, argv, &args);
	return status ? status : cmd->run(app, &args);
}

enum status command_run(struct app *app, int argc, char **argv)
{
	const struct command *cmd = &command_root;
	enum status status;

	app->path[0] = '\0';
	app->command = cmd;
	while (cmd->subs) {
		const struct command *next;

		if (!argc) {
			next = bare_command(app, cmd, &status);
			if (!next)
				return status;
		} else if (command_is_help(cmd, argv[0])) {
			if (!app->legacy)
				cmd = command_resolve(cmd, false, argc - 1, argv + 1, app->path,
						      sizeof(app->path));
			usage_print(app, cmd, app->path);
			return ST_OK;
		} else {
			next = command_find(cmd, argv[0], app->legacy);
			if (!next)
				return unknown_word(app, cmd, argv[0]);
			argc--;
			argv++;
		}
		cmd = next;
		app->command = cmd;
		append_path(app->path, sizeof(app->path), cmd->name);
	}
	return run_leaf(app, cmd, argc, argv);
}
