/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's command line. */
#ifndef VDUSED_OPTIONS_H
#define VDUSED_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/strbuf.h"
#include "vdused/err.h"

enum options_mode {
	MODE_BLOCK,
	MODE_RESUME,
	MODE_HELP,
	MODE_VERSION,
};

/* As long as pays on this machine. */
#define POLL_US_BY_COST UINT32_MAX

struct options {
	enum options_mode mode;
	/* What makes the device; saved for `vdused resume`. Strings live as long as argv and `conf`. */
	const char *name;
	const char *backend;
	const char *serial; /* the name, cut to 20 octets, if not given */
	unsigned queues, queue_size;
	uint32_t block_size; /* 0: the back end's */
	bool readonly, buffered, packed, in_order;
	unsigned poll_us; /* or POLL_US_BY_COST */
	unsigned reconnect_s;
	unsigned threads; /* 0: one a queue */
	unsigned api_version;
	const char *user; /* NULL: the default one */
	/* How this process runs. */
	const char *config; /* a file with options of the device */
	struct conf conf; /* what is in it */
	const char *runtime_dir;
	bool daemonize;
	bool fail_requests;
	bool check; /* resume: nothing but look whether it could */
	int ready_fd; /* -1: none */
};

/*
 * 0, or a negative errno and the sentence.  What argv says wins over what the
 * file of --config says.
 */
int options_parse(struct options *o, int argc, char **argv, struct err *err);
void options_free(struct options *o);
/* The device's part as arguments, each ended by NUL; sb is the caller's. */
void options_save(const struct options *o, struct strbuf *sb);
/* Takes the device's part from what options_save() made; `text` stays in use. */
int options_load(struct options *o, char *text, size_t len, struct err *err);
/* The text of --help. */
const char *options_help(void);

#endif
