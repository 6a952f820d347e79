// SPDX-License-Identifier: GPL-2.0-or-later
/* Help, made from the descriptors alone: no kernel is asked. */
#include <stdio.h>
#include <string.h>

#include "command.h"

#define LINE_WIDTH 78
#define ARG_COLUMN 22

/* Usage of one command: words that don't fit go below the first argument. */
struct usage_line {
	struct strbuf *sb;
	size_t start; /* where the line began in sb */
	size_t indent;
};

static void add_item(struct usage_line *u, const char *item)
{
	size_t width = u->sb->len - u->start;

	if (width + 1 + strlen(item) > LINE_WIDTH && width > u->indent) {
		strbuf_addc(u->sb, '\n');
		u->start = u->sb->len;
		for (size_t i = 0; i < u->indent; i++)
			strbuf_addc(u->sb, ' ');
	}
	strbuf_addc(u->sb, ' ');
	strbuf_add(u->sb, item);
}

/* An item and its explanation, which goes on below itself. */
static void add_entry(struct strbuf *sb, const char *item, const char *text)
{
	size_t room = LINE_WIDTH - ARG_COLUMN;

	if (strlen(item) > ARG_COLUMN - 3)
		strbuf_addf(sb, "  %s\n%*s", item, ARG_COLUMN, "");
	else
		strbuf_addf(sb, "  %-*s ", ARG_COLUMN - 3, item);
	while (strlen(text) > room) {
		const char *end = text + room;

		while (end > text && *end != ' ')
			end--;
		if (end == text)
			break;
		strbuf_addn(sb, text, (size_t)(end - text));
		strbuf_addf(sb, "\n%*s", ARG_COLUMN, "");
		text = end + 1;
	}
	strbuf_add(sb, text);
	strbuf_addc(sb, '\n');
}

/* "[ mtu MTU ]", "DEV...", ... */
static void arg_text(char *buf, size_t size, const struct arg *arg, bool legacy)
{
	bool required = arg->required && (legacy || !arg->or_words);
	const char *open = required ? "" : "[ ", *close = required ? "" : " ]";
	const char *metavar = arg->metavar ? arg->metavar : "";

	if (legacy && arg->kind == VALUE_MAC)
		metavar = "MAC";
	if (legacy && arg->kind == VALUE_FEATURES)
		metavar = "HEX";
	if (legacy && arg->kind == VALUE_QIDX)
		metavar = "QUEUE_INDEX";
	if (!arg->word)
		snprintf(buf, size, "%s%s%s%s", open, metavar, arg->repeat && !legacy ? "..." : "",
			 close);
	else
		snprintf(buf, size, "%s%s%s%s%s%s", open, arg->word,
			 arg->optional ? " [ " :
			 *metavar      ? " " :
					 "",
			 metavar, arg->optional ? " ]" : "", close);
}

static void add_command(struct strbuf *sb, const struct app *app, const struct command *cmd,
			const char *path, const char *label)
{
	struct usage_line u = { .sb = sb, .start = sb->len };
	char item[64];

	strbuf_addf(sb, "%s%s %s", label, app->name, path);
	u.indent = sb->len - u.start;
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		if (app->legacy && a->match == MATCH_NEW)
			continue;
		arg_text(item, sizeof(item), a, app->legacy);
		add_item(&u, item);
	}
	strbuf_addc(sb, '\n');
}

/* All commands below a group, one usage each. */
static void add_group(struct strbuf *sb, const struct app *app, const struct command *group,
		      const char *path, bool *first)
{
	for (size_t i = 0; group->subs[i]; i++) {
		const struct command *cmd = group->subs[i];
		char below[64];

		if (app->legacy && command_is_new(cmd))
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? " " : "", cmd->name);
		if (cmd->subs) {
			add_group(sb, app, cmd, below, first);
			continue;
		}
		add_command(sb, app, cmd, below, *first ? "Usage: " : "       ");
		*first = false;
	}
}

static void add_summaries(struct strbuf *sb, const struct command *group, const char *path)
{
	for (size_t i = 0; group->subs[i]; i++) {
		const struct command *cmd = group->subs[i];
		char below[64];

		snprintf(below, sizeof(below), "%s%s%s", path, *path ? " " : "", cmd->name);
		if (cmd->subs)
			add_summaries(sb, cmd, below);
		else
			add_entry(sb, below, cmd->summary);
	}
}

static void add_arguments(struct strbuf *sb, const struct command *cmd)
{
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		char item[64];

		snprintf(item, sizeof(item), "%s%s%s%s", a->word ? a->word : "",
			 a->word && a->metavar ? " " : "", a->metavar ? a->metavar : "",
			 a->repeat ? "..." : "");
		add_entry(sb, item, a->help);
	}
}

static void add_options(struct strbuf *sb)
{
	strbuf_add(sb, "\nOptions, before or behind the words (-json is --json):\n");
	for (const struct option_desc *d = option_table; d->name; d++) {
		char item[48];

		snprintf(item, sizeof(item), "-%c, --%s%s%s", d->letter, d->name,
			 d->metavar ? " " : "", d->metavar ? d->metavar : "");
		add_entry(sb, item, d->help);
	}
}

static void add_root(struct strbuf *sb, const struct app *app)
{
	struct usage_line u = { .sb = sb, .indent = strlen("       OPTIONS := {") };
	const char *bar = "";
	char item[48];

	strbuf_addf(sb, "Usage: %s [ OPTIONS ] OBJECT { COMMAND | help }\n", app->name);
	u.start = sb->len;
	strbuf_add(sb, app->legacy ? "where  OBJECT := {" : "       OBJECT := {");
	for (size_t i = 0; command_root.subs[i]; i++) {
		if (app->legacy && command_is_new(command_root.subs[i]))
			continue;
		snprintf(item, sizeof(item), "%s%s", bar, command_root.subs[i]->name);
		add_item(&u, item);
		bar = "| ";
	}
	strbuf_add(sb, " }\n");
	u.start = sb->len;
	strbuf_add(sb, "       OPTIONS := {");
	for (const struct option_desc *d = option_table; d->name; d++) {
		if (app->legacy && !d->legacy)
			continue;
		snprintf(item, sizeof(item), "%s-%c[%s]%s%s", d == option_table ? "" : "| ",
			 d->letter, d->name + 1, d->metavar ? " " : "",
			 d->metavar ? d->metavar : "");
		add_item(&u, item);
	}
	strbuf_add(sb, " }\n");
}

static void add_new(struct strbuf *sb, const struct app *app, const struct command *cmd,
		    const char *path)
{
	bool first = true;

	if (cmd == &command_root) {
		add_root(sb, app);
		strbuf_add(sb, "\nCommands:\n");
		add_summaries(sb, cmd, path);
		add_options(sb);
		strbuf_addf(sb, "\n'%s COMMAND help' tells more about a command.\n", app->name);
	} else if (cmd->subs) {
		add_group(sb, app, cmd, path, &first);
		strbuf_addc(sb, '\n');
		add_summaries(sb, cmd, path);
	} else {
		add_command(sb, app, cmd, path, "Usage: ");
		strbuf_addf(sb, "\n%c%s.\n", cmd->summary[0] & ~0x20, cmd->summary + 1);
		if (!ARG_IS_END(cmd->args))
			strbuf_addc(sb, '\n');
		add_arguments(sb, cmd);
	}
}

void usage_print(struct app *app, const struct command *cmd, const char *path)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	bool first = true;

	if (!app->legacy) {
		app->document = DOC_SUPPRESSED;
		add_new(&app->out, app, cmd, path);
		return;
	}
	if (cmd == &command_root)
		add_root(&sb, app);
	else
		add_group(&sb, app, cmd, path, &first);
	diag_write(sb.s, sb.len);
}
