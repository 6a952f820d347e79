/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options in front of, between or behind the words of a command. */
#ifndef VDPACTL_OPTIONS_H
#define VDPACTL_OPTIONS_H

#include <stdbool.h>

struct app;

enum option_action {
	ACTION_RUN,
	ACTION_HELP,
	ACTION_VERSION,
};

struct options {
	enum option_action action;
	bool json;
	bool pretty;
	bool details;
	bool oneline;
	bool statistics;
	bool numeric;
	bool force;
	bool quiet;
	bool verbose;
	bool dry_run; /* only where struct command says so; command.c refuses it elsewhere */
	bool has_timeout;
	unsigned int timeout; /* seconds: what a command may wait in all, see app_limit_ms() */
	const char *batch; /* a file, "-", or NULL */
};

struct option_desc {
	char letter;
	const char *name;
	const char *alias; /* another spelling, never abbreviated; or NULL */
	const char *metavar; /* NULL: takes no value */
	const char *help;
	bool legacy; /* `vdpa` has it */
};

/* All options, ending with a NULL name. */
extern const struct option_desc option_table[];

/*
 * options_parse: takes the options out of the words argv[0..*argc) into
 * app->opt; the words that are left move to the front.  Returns false after
 * reporting bad usage.
 */
bool options_parse(struct app *app, int *argc, char **argv);
/* The same for `vdpa`: argv[0] is the program's name, and stays. */
bool options_parse_legacy(struct app *app, int *argc, char **argv);

#endif
