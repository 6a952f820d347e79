// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Completion: the shell passes its words, this prints the candidates for one
 * of them, one a line; when described, a tab and what it means follows those
 * that have a help text.  Nothing is ever reported: no candidates, no output.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/parse.h"
#include "command.h"
#include "vduse.h"

struct complete {
	struct app *app;
	bool legacy; /* the words are for `vdpa` */
	bool described;
	const char *current; /* what the candidates begin with */
	char **words; /* before it, without options; owned array */
	int n;
};

/* help may be NULL */
static void offer_joined(struct complete *c, const char *head, size_t head_len, const char *tail,
			 const char *help)
{
	struct strbuf *out = &c->app->out;
	size_t len = strlen(c->current);
	size_t start = out->len;

	for (const char *p = tail; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return; /* it would not be one line, or not harmless on a terminal */
	}
	strbuf_addn(out, head, head_len);
	strbuf_add(out, tail);
	if (out->failed)
		return;
	if (strncmp(out->s + start, c->current, len)) {
		out->len = start;
		return;
	}
	if (c->described && help)
		strbuf_addf(out, "\t%s", help);
	strbuf_addc(out, '\n');
}

static void offer_described(struct complete *c, const char *word, const char *help)
{
	offer_joined(c, "", 0, word, help);
}

static void offer(struct complete *c, const char *word)
{
	offer_described(c, word, NULL);
}

static bool connect_quietly(struct complete *c)
{
	struct app *app = c->app;

	if (!app->ctx && vdpa_ctx_new(&app->ctx) < 0)
		return false;
	return vdpa_ctx_connect(app->ctx) == 0;
}

static void offer_devices(struct complete *c, char *const *used, int n_used)
{
	CLEANUP(cleanup_vdpa_dev_list_unref_cb) struct vdpa_dev_list *list = NULL;

	if (!connect_quietly(c) || vdpa_dev_list(c->app->ctx, &list) < 0)
		return;
	for (size_t i = 0; i < vdpa_dev_list_get_size(list); i++) {
		const char *name = vdpa_dev_get_name(vdpa_dev_list_get(list, i));
		bool again = false;

		for (int k = 0; k < n_used && !again; k++)
			again = !strcmp(used[k], name);
		if (!again)
			offer(c, name);
	}
}

static void offer_vduse(struct complete *c)
{
	CLEANUP(vduse_names_free) struct vduse_names names = { 0 };

	if (vduse_names(&names) < 0)
		return;
	for (size_t i = 0; i < names.size; i++)
		offer(c, names.names[i]);
}

static void offer_mgmtdevs(struct complete *c)
{
	CLEANUP(cleanup_vdpa_mgmtdev_list_unref_cb) struct vdpa_mgmtdev_list *list = NULL;

	if (!connect_quietly(c) || vdpa_mgmtdev_list(c->app->ctx, &list) < 0)
		return;
	for (size_t i = 0; i < vdpa_mgmtdev_list_get_size(list); i++)
		offer(c, vdpa_mgmtdev_get_handle(vdpa_mgmtdev_list_get(list, i)));
}

/* The word behind a keyword that was given before, or NULL. */
static const char *given(const struct complete *c, const struct command *cmd, int first,
			 uint64_t has)
{
	for (int i = first; i + 1 < c->n; i++) {
		const struct arg *arg = args_find(cmd, c->words[i], c->legacy);

		if (arg && arg->has == has)
			return c->words[i + 1];
		if (arg && arg->kind != VALUE_NONE)
			i++;
	}
	return NULL;
}

static bool in_list(const char *list, size_t len, const char *name)
{
	size_t n = strlen(name);

	while (len) {
		const char *comma = memchr(list, ',', len);
		size_t item = comma ? (size_t)(comma - list) : len;
		size_t dash = item && *list == '-';

		if (item - dash == n && !strncasecmp(list + dash, name, n))
			return true;
		if (!comma)
			break;
		len -= item + 1;
		list = comma + 1;
	}
	return false;
}

static void offer_features(struct complete *c, const struct command *cmd, int first)
{
	const char *comma = strrchr(c->current, ','), *handle = given(c, cmd, first, HAS_MGMTDEV);
	size_t list_len = comma ? (size_t)(comma - c->current) : 0;
	size_t head_len = comma ? list_len + 1 : 0;
	uint64_t classes = 1ull << VDPA_ID_NET, offered = UINT64_MAX;
	const struct vdpa_mgmtdev *m = NULL;
	uint32_t id;

	if (c->legacy)
		return;
	if (handle && connect_quietly(c))
		m = app_mgmtdev(c->app, handle);
	if (m && vdpa_mgmtdev_get_features(m, &offered))
		vdpa_mgmtdev_get_classes(m, &classes);
	head_len += c->current[head_len] == '-';
	id = features_id(false, classes);
	for (unsigned int bit = 0; bit < 64; bit++) {
		const char *name = vdpa_feature_name(id, bit);

		if (name && offered >> bit & 1 && !in_list(c->current, list_len, name))
			offer_joined(c, c->current, head_len, name, NULL);
	}
}

static void offer_queues(struct complete *c, const char *name)
{
	CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
	uint32_t n = 0;

	if (!c->legacy) {
		offer(c, "all");
		offer(c, "ctrlvq");
	}
	if (!connect_quietly(c) || vdpa_dev_get(c->app->ctx, name, &dev) < 0)
		return;
	vdpa_dev_get_max_vqs(dev, &n);
	for (uint32_t i = 0; i < n && i < 65536; i++) {
		char number[12];

		snprintf(number, sizeof(number), "%u", i);
		offer(c, number);
	}
}

static void offer_value(struct complete *c, const struct command *cmd, const struct arg *arg,
			int first)
{
	switch (arg->kind) {
	case VALUE_DEV:
		offer_devices(c, NULL, 0);
		break;
	case VALUE_MGMTDEV:
		offer_mgmtdevs(c);
		break;
	case VALUE_MAC:
		if (!c->legacy)
			offer(c, "random");
		break;
	case VALUE_FEATURES:
		offer_features(c, cmd, first);
		break;
	case VALUE_QIDX:
		offer_queues(c, c->words[first]);
		break;
	case VALUE_VDUSE:
		offer_vduse(c);
		break;
	case VALUE_CHOICE:
		for (const char *const *choice = arg->choices; *choice; choice++)
			offer(c, *choice);
		break;
	case VALUE_TEXT:
	case VALUE_NUMBER:
	case VALUE_SIZE:
	case VALUE_NAME:
	case VALUE_U16:
	case VALUE_VQS:
	case VALUE_NONE:
		break;
	}
}

static void offer_keywords(struct complete *c, const struct command *cmd, uint64_t used)
{
	for (const struct arg *a = cmd->args; a && !ARG_IS_END(a); a++) {
		if (!a->word || used & (a->has | a->conflicts))
			continue;
		if (!c->legacy || a->match != MATCH_NEW)
			offer_described(c, a->word, a->help);
	}
}

/* Further words of a positional argument that repeats: those that were not given yet. */
static void offer_more(struct complete *c, const struct arg *arg, int first)
{
	if (arg->kind == VALUE_DEV)
		offer_devices(c, c->words + first, c->n - first);
	else if (arg->kind == VALUE_MGMTDEV)
		offer_mgmtdevs(c);
}

/* Positional words.  Returns where the keywords begin, or -1 when all is offered. */
static int complete_items(struct complete *c, const struct command *cmd, int first)
{
	const struct arg *arg = cmd->args;
	int i = first;

	for (; arg && !ARG_IS_END(arg) && !arg->word; arg++) {
		if (i == c->n) {
			offer_value(c, cmd, arg, first);
			/* Keywords, too, in place of what may be left out; "help" in place of the first. */
			return arg->required && (c->legacy || !arg->or_words) ? -1 : i;
		}
		if ((!arg->required || arg->or_words) && !c->legacy &&
		    args_find_exact(cmd, c->words[i]))
			break;
		i++;
		if (!arg->repeat || c->legacy)
			continue;
		while (i < c->n && !args_find_exact(cmd, c->words[i]))
			i++;
		if (i == c->n)
			offer_more(c, arg, first);
	}
	return i;
}

static void complete_arguments(struct complete *c, const struct command *cmd, int first)
{
	int i = complete_items(c, cmd, first);
	uint64_t used = 0;

	if (i < 0)
		return;
	while (i < c->n) {
		const struct arg *arg = args_find(cmd, c->words[i], c->legacy);

		if (!arg)
			return;
		used |= arg->has;
		i++;
		if (arg->kind == VALUE_NONE)
			continue;
		if (i == c->n && !arg->optional) {
			offer_value(c, cmd, arg, first);
			return;
		}
		if (!arg->optional || (i < c->n && isdigit((unsigned char)c->words[i][0])))
			i++;
	}
	offer_keywords(c, cmd, used);
	if (i == first && !c->legacy)
		offer(c, "help");
}

static void complete_words(struct complete *c)
{
	const struct command *cmd = &command_root;
	int i = 0;

	while (cmd->subs) {
		if (i == c->n)
			break;
		if (command_is_help(cmd, c->words[i])) {
			i++;
			if (c->legacy)
				return;
			continue;
		}
		cmd = command_find(cmd, c->words[i++], c->legacy);
		if (!cmd)
			return;
	}
	if (!cmd->subs) {
		complete_arguments(c, cmd, i);
		return;
	}
	for (size_t k = 0; cmd->subs[k]; k++) {
		if (c->legacy && command_is_new(cmd->subs[k]))
			continue;
		offer_described(c, cmd->subs[k]->name, cmd->subs[k]->summary);
		if (cmd->subs[k]->alias)
			offer_described(c, cmd->subs[k]->alias, cmd->subs[k]->summary);
	}
	offer(c, "help");
}

static void offer_options(struct complete *c)
{
	char word[32];

	for (const struct option_desc *d = option_table; d->name; d++) {
		if (c->legacy && !d->legacy)
			continue;
		snprintf(word, sizeof(word), "--%s", d->name);
		offer_described(c, word, d->help);
		if (c->legacy)
			snprintf(word, sizeof(word), "-%c", d->letter);
		else
			snprintf(word, sizeof(word), "-%s", d->name);
		offer_described(c, word, d->help);
	}
}

/* An option whose value is the next word. */
static bool takes_value(const char *word)
{
	for (const struct option_desc *d = option_table; d->name; d++) {
		if (!d->metavar)
			continue;
		if (word[1] == d->letter && !word[2])
			return true;
		if (!strcmp(word + 1 + (word[1] == '-'), d->name))
			return true;
	}
	return false;
}

/* Copies the words that are no options.  Returns false when current is an option's value. */
static bool take_words(struct complete *c, int n, char **words)
{
	for (int i = 0; i < n; i++) {
		const char *word = words[i];
		bool value = c->n && !strcmp(c->words[c->n - 1], "device_features");

		if (word[0] != '-' || !word[1] || value)
			c->words[c->n++] = words[i];
		else if (!c->legacy && takes_value(word) && ++i == n)
			return false;
	}
	return true;
}

void complete_print(struct app *app, bool described, int argc, char **argv)
{
	CLEANUP_FREE char **words = NULL;
	struct complete c = { .app = app, .described = described, .current = "" };
	const char *slash;
	uint64_t index;

	if (argc < 2 || parse_dec(argv[0], 1000000, &index) < 0 || !index)
		return;
	argc--;
	argv++;
	slash = strrchr(argv[0], '/');
	c.legacy = !strcmp(slash ? slash + 1 : argv[0], "vdpa");
	if (index < (uint64_t)argc)
		c.current = argv[index];
	if (index > (uint64_t)argc)
		index = (uint64_t)argc;
	words = calloc((size_t)argc, sizeof(*words));
	if (!words)
		return;
	c.words = words;
	if (take_words(&c, (int)index - 1, argv + 1)) {
		if (c.current[0] == '-' && !(c.n && !strcmp(c.words[c.n - 1], "device_features")))
			offer_options(&c);
		else
			complete_words(&c);
	}
	if (app->out.failed)
		strbuf_free(&app->out);
	out_flush_quietly(app);
}
