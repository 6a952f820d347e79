// SPDX-License-Identifier: GPL-2.0-or-later
#include "args.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static bool is_new(const struct arg *arg)
{
	return arg->match == MATCH_NEW;
}

const struct arg *args_find_exact(const struct command *cmd, const char *word)
{
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		if (a->word && !strcmp(word, a->word))
			return a;
	}
	return NULL;
}

/* Words of `vdpa`, in its order of matching. */
static const struct arg *find_old(const struct command *cmd, const char *word)
{
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		if (!a->word || is_new(a))
			continue;
		if (a->match == MATCH_PREFIX ? match_prefix(word, a->word) : !strcmp(word, a->word))
			return a;
	}
	return NULL;
}

static const struct arg *find_new(const struct command *cmd, const char *word)
{
	const struct arg *hit = NULL;

	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		if (!a->word || !is_new(a))
			continue;
		if (!strcmp(word, a->word))
			return a;
		if (strlen(word) < NEW_PREFIX_MIN || !match_prefix(word, a->word))
			continue;
		if (hit)
			return NULL;
		hit = a;
	}
	return hit;
}

const struct arg *args_find(const struct command *cmd, const char *word, bool legacy)
{
	const struct arg *arg = find_old(cmd, word);

	return arg || legacy ? arg : find_new(cmd, word);
}

static enum status unknown_argument(struct app *app, const struct command *cmd, const char *word)
{
	CLEANUP(strbuf_free) struct strbuf expected = STRBUF_INIT;
	CLEANUP(strbuf_free) struct strbuf hint = STRBUF_INIT;
	unsigned int distance = UINT_MAX;
	const char *best = NULL;

	if (app->legacy)
		return diag_usage(app, "Unknown option \"%s\"", word);
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		if (!a->word)
			continue;
		strbuf_addf(&expected, "%s%s", expected.len ? ", " : "", a->word);
		nearest(word, a->word, &best, &distance);
	}
	if (!expected.len)
		return diag_usage(app, "%s: unexpected argument \"%s\"", app->path, word);
	if (best)
		strbuf_addf(&hint, "did you mean \"%s\"?", best);
	return diag_usage_hint(app, best ? hint.s : NULL,
			       "%s: unknown argument \"%s\", expected one of: %s", app->path, word,
			       expected.s ? expected.s : "");
}

static const char *word_of(const struct command *cmd, uint64_t has)
{
	for (const struct arg *a = cmd->args; !ARG_IS_END(a); a++) {
		if (a->has & has)
			return a->word;
	}
	return "";
}

/* One keyword and its value, at argv[0].  Returns the words used, or 0 after a report. */
static int parse_keyword(struct app *app, const struct command *cmd, const struct arg *arg,
			 int argc, char **argv, struct args *args)
{
	if (!app->legacy && args->has & arg->has) {
		diag_usage(app, "%s: %s is given twice", app->path, arg->word);
		return 0;
	}
	if (args->has & arg->conflicts) {
		diag_usage(app, "%s: %s and %s cannot be given together", app->path, arg->word,
			   word_of(cmd, arg->conflicts));
		return 0;
	}
	args->has |= arg->has;
	if (arg->kind == VALUE_NONE)
		return 1;
	if (arg->optional && (argc < 2 || !isdigit((unsigned char)argv[1][0]))) {
		*(uint64_t *)value_slot(arg, args) = arg->otherwise;
		return 1;
	}
	if (argc < 2) {
		diag_usage(app, "%s: %s is expected after \"%s\"", app->path,
			   value_expected(arg, app->legacy), arg->word);
		return 0;
	}
	return value_parse(app, arg, argv[1], args) ? 0 : 2;
}

/* The words of one positional argument, from argv[n].  Returns the next n, or -1 after a report. */
static int parse_item(struct app *app, const struct command *cmd, const struct arg *arg, int n,
		      int argc, char **argv, struct args *args)
{
	do {
		if (value_parse(app, arg, argv[n], args))
			return -1;
		args->items[n] = argv[n];
		n++;
	} while (n < argc && arg->repeat && !app->legacy && !args_find_exact(cmd, argv[n]));
	args->has |= arg->has;
	return n;
}

/* Does the word stand for a keyword where the positional argument could? */
static bool is_keyword(const struct command *cmd, const struct arg *arg, const char *word)
{
	const struct arg *keyword = args_find_exact(cmd, word);

	if (!keyword)
		return false;
	return !arg->required || (arg->or_words && keyword->kind != VALUE_NONE);
}

/* The words in front that are no keywords.  Returns how many, or -1 after a report. */
static int parse_items(struct app *app, const struct command *cmd, int argc, char **argv,
		       struct args *args)
{
	int n = 0;

	args->items = calloc((size_t)argc + 1, sizeof(*args->items));
	if (!args->items) {
		diag_error(app, NULL, NULL, NULL);
		return -1;
	}
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a) && !a->word; a++) {
		if (n == argc && a->required && app->legacy)
			diag_usage(app, "String parameter expected");
		else if (n == argc && a->required)
			diag_usage(app, "%s: %s is expected", app->path,
				   value_expected(a, app->legacy));
		if (n == argc && a->required)
			return -1;
		/* Where a word is not needed, one that has a meaning of its own keeps it. */
		if (n == argc || (!app->legacy && is_keyword(cmd, a, argv[n])))
			break;
		n = parse_item(app, cmd, a, n, argc, argv, args);
		if (n < 0)
			return -1;
	}
	args->n_items = (size_t)n;
	return n;
}

static enum status check_required(struct app *app, const struct command *cmd,
				  const struct args *args)
{
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		if (!a->required || a->or_words || args->has & a->has)
			continue;
		/* `vdpa dev set name X` alone is a request that the kernel answers. */
		if (app->legacy && !a->legacy_missing)
			continue;
		if (app->legacy)
			return diag_usage(app, "%s", a->legacy_missing);
		return diag_usage(app, "%s: \"%s %s\" is missing", app->path, a->word, a->metavar);
	}
	return ST_OK;
}

enum status args_parse(struct app *app, const struct command *cmd, int argc, char **argv,
		       struct args *args)
{
	int used = parse_items(app, cmd, argc, argv, args);

	if (used < 0)
		return ST_USAGE;
	while (used < argc) {
		const struct arg *arg = args_find(cmd, argv[used], app->legacy);
		int n;

		if (!arg)
			return unknown_argument(app, cmd, argv[used]);
		n = parse_keyword(app, cmd, arg, argc - used, argv + used, args);
		if (!n)
			return ST_USAGE;
		used += n;
	}
	return check_required(app, cmd, args);
}

void args_release(struct args *args)
{
	free(args->items);
}
