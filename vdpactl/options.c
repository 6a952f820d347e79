// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <getopt.h>
#include <string.h>

#include "app.h"
#include "command.h"
#include "common/parse.h"

#define TIMEOUT_MAX 1000000

const struct option_desc option_table[] = {
	{ 'V', "Version", "version", NULL, "print the version", true },
	{ 'h', "help", NULL, NULL, "print help for the command", true },
	{ 'j', "json", NULL, NULL, "print JSON", true },
	{ 'p', "pretty", NULL, NULL, "with -json: on several lines, indented", true },
	{ 'd', "details", NULL, NULL, "print more fields", false },
	{ 'o', "oneline", NULL, NULL, "print each record on one line", false },
	{ 's', "statistics", "stats", NULL, "dev show, vduse show: print queue statistics too",
	  false },
	{ 'n', "no-nice-names", "numeric", NULL, "print numbers instead of names", false },
	{ 'b', "batch", NULL, "FILE", "run the commands in FILE, - for standard input", false },
	{ 'f', "force", NULL, NULL, "with -batch: go on after a command that failed", false },
	{ 'q', "quiet", NULL, NULL, "no hints, notes and warnings", false },
	{ 'v', "verbose", NULL, NULL, "tell more about errors", false },
	{ 'D', "dry-run", NULL, NULL, "dev del: tell what would be done, and do nothing", false },
	{ 'T', "timeout", NULL, "SEC", "how long a command may wait for something in all", false },
	{ 0, NULL, NULL, NULL, NULL, false },
};

static void set_action(struct options *opt, enum option_action action)
{
	if (opt->action == ACTION_RUN)
		opt->action = action;
}

static bool set_timeout(struct options *opt, const char *value)
{
	uint64_t seconds;

	if (parse_dec(value, TIMEOUT_MAX, &seconds) < 0)
		return false;
	opt->timeout = (unsigned int)seconds;
	opt->has_timeout = true;
	return true;
}

/* false when the value is none of that option. */
static bool apply(struct options *opt, char letter, const char *value)
{
	switch (letter) {
	case 'V':
		set_action(opt, ACTION_VERSION);
		break;
	case 'h':
		set_action(opt, ACTION_HELP);
		break;
	case 'j':
		opt->json = true;
		break;
	case 'p':
		opt->pretty = true;
		break;
	case 'd':
		opt->details = true;
		break;
	case 'o':
		opt->oneline = true;
		break;
	case 's':
		opt->statistics = true;
		break;
	case 'n':
		opt->numeric = true;
		break;
	case 'b':
		opt->batch = value;
		break;
	case 'f':
		opt->force = true;
		break;
	case 'q':
		opt->quiet = true;
		break;
	case 'v':
		opt->verbose = true;
		break;
	case 'D':
		opt->dry_run = true;
		break;
	case 'T':
		return set_timeout(opt, value);
	}
	return true;
}

/* The option with that long name, or the only one that it abbreviates. */
static const struct option_desc *find_long(const char *name, size_t len)
{
	const struct option_desc *hit = NULL;

	for (const struct option_desc *d = option_table; d->name; d++) {
		if (strlen(d->name) == len && !memcmp(d->name, name, len))
			return d;
		if (d->alias && strlen(d->alias) == len && !memcmp(d->alias, name, len))
			return d;
	}
	for (const struct option_desc *d = option_table; d->name; d++) {
		if (strncmp(d->name, name, len))
			continue;
		if (hit)
			return NULL;
		hit = d;
	}
	return hit;
}

static const struct option_desc *find_letter(char letter)
{
	for (const struct option_desc *d = option_table; d->name; d++) {
		if (d->letter == letter)
			return d;
	}
	return NULL;
}

enum parsed {
	PARSED_UNKNOWN, /* not an option; nothing was applied */
	PARSED_ONE,
	PARSED_WITH_NEXT, /* the next word was its value */
	PARSED_NO_VALUE, /* ... but there is no next word */
	PARSED_EXTRA_VALUE, /* --name=value of one that takes none */
	PARSED_BAD_VALUE,
};

static enum parsed parse_long(struct options *opt, const char *word, const char *next)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct option_desc *d = len ? find_long(word, len) : NULL;

	if (!d)
		return PARSED_UNKNOWN;
	if (!d->metavar && equals)
		return PARSED_EXTRA_VALUE;
	if (!d->metavar || equals)
		return apply(opt, d->letter, equals ? equals + 1 : NULL) ? PARSED_ONE :
									   PARSED_BAD_VALUE;
	if (!next)
		return PARSED_NO_VALUE;
	return apply(opt, d->letter, next) ? PARSED_WITH_NEXT : PARSED_BAD_VALUE;
}

/* Letters in one word, -jpd; the value of the last may follow at once. */
static enum parsed parse_cluster(struct options *opt, const char *word, const char *next)
{
	struct options result = *opt;

	for (const char *c = word; *c; c++) {
		const struct option_desc *d = find_letter(*c);

		if (!d)
			return PARSED_UNKNOWN;
		if (!d->metavar) {
			apply(&result, *c, NULL);
			continue;
		}
		if (!c[1] && !next)
			return PARSED_NO_VALUE;
		if (!apply(&result, *c, c[1] ? c + 1 : next))
			return PARSED_BAD_VALUE;
		*opt = result;
		return c[1] ? PARSED_ONE : PARSED_WITH_NEXT;
	}
	*opt = result;
	return PARSED_ONE;
}

static enum parsed parse_word(struct options *opt, const char *word, const char *next,
			      bool may_be_value)
{
	enum parsed parsed;

	if (word[1] == '-')
		return parse_long(opt, word + 2, next);
	if (word[2]) {
		parsed = parse_long(opt, word + 1, next);
		if (parsed != PARSED_UNKNOWN || may_be_value)
			return parsed;
	}
	return parse_cluster(opt, word + 1, next);
}

/*
 * "-CSUM" behind device_features is a value, unless it is an option's name or
 * letter; letters in one word ("-bit_27": -b it_27) are not looked for there.
 */
static bool is_value(const char *previous)
{
	return previous && !strcmp(previous, "device_features");
}

/* What the value of the option in that word should look like; only two take one. */
static const char *expected_value(const char *word)
{
	bool letters = word[1] != '-' && !word[2];
	const char *name = word + 1 + (word[1] == '-');
	const struct option_desc *d = letters ? find_letter(*name) :
						find_long(name, strcspn(name, "="));

	if (!d)
		d = find_letter(word[strlen(word) - 1]);
	return d && d->letter == 'b' ? "a file name" : "a decimal number of seconds up to 1000000";
}

static void report(struct app *app, enum parsed parsed, const char *word)
{
	if (parsed == PARSED_UNKNOWN)
		diag_usage(app, "unknown option \"%s\"", word);
	else if (parsed == PARSED_NO_VALUE)
		diag_usage(app, "option \"%s\" needs %s", word, expected_value(word));
	else if (parsed == PARSED_BAD_VALUE)
		diag_usage(app, "option \"%s\" needs a decimal number of seconds up to %d", word,
			   TIMEOUT_MAX);
	else
		diag_usage(app, "option \"%s\" takes no value", word);
}

bool options_parse(struct app *app, int *argc, char **argv)
{
	int n = *argc, words = 0;
	bool only_words = false;

	for (int i = 0; i < n; i++) {
		const char *word = argv[i];
		enum parsed parsed;
		bool may_be_value;

		if (only_words || word[0] != '-' || !word[1]) {
			argv[words++] = argv[i];
			continue;
		}
		if (!strcmp(word, "--")) {
			only_words = true;
			continue;
		}
		may_be_value = is_value(words ? argv[words - 1] : NULL);
		parsed = parse_word(&app->opt, word, i + 1 < n ? argv[i + 1] : NULL, may_be_value);
		if (parsed == PARSED_UNKNOWN && may_be_value) {
			argv[words++] = argv[i];
		} else if (parsed == PARSED_WITH_NEXT) {
			i++;
		} else if (parsed != PARSED_ONE && app->opt.action == ACTION_RUN) {
			report(app, parsed, word);
			return false;
		}
	}
	*argc = words;
	return true;
}

bool options_parse_legacy(struct app *app, int *argc, char **argv)
{
	static const struct option long_options[] = {
		{ "Version", no_argument, NULL, 'V' },
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	while (app->opt.action == ACTION_RUN &&
	       (letter = getopt_long(*argc, argv, "Vjpsh", long_options, NULL)) >= 0) {
		if (letter == '?' || letter == 's') {
			app->document = DOC_SUPPRESSED;
			diag_usage(app, "Unknown option.");
			usage_print(app, &command_root, "");
			return false;
		}
		apply(&app->opt, (char)letter, NULL);
	}
	for (int i = optind; i < *argc; i++)
		argv[i - optind + 1] = argv[i];
	*argc -= optind - 1;
	return true;
}
