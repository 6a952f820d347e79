// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * features decode, encode, diff, common: sets of virtio feature bits.
 *
 * A set is written as a word in hexadecimal or as names, or it is what a
 * management device or a device offers; only the last two ask the kernel.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "common/parse.h"
#include "items.h"
#include "json_dl.h"
#include "text.h"

struct set {
	const char *word; /* as the command line has it */
	uint64_t bits;
	uint32_t id; /* the class that its names are of; 0 when the word does not tell */
};

static uint32_t id_of_args(const struct args *args)
{
	if (!(args->has & HAS_TYPE))
		return VDPA_ID_NET;
	return strcmp(args->features_of.type, "block") == 0 ? VDPA_ID_BLOCK : VDPA_ID_NET;
}

/* ---- words to sets ---- */

/*
 * Names that stand for themselves: what "all" and "-NAME" mean depends on what
 * is offered, which shows when two different offers give two results.
 */
static enum status parse_names(struct app *app, uint32_t id, const char *text, uint64_t *bits)
{
	const char *bad = NULL;
	size_t bad_len = 0;
	uint64_t all;

	if (vdpa_features_parse(id, text, 0, bits, &bad, &bad_len) < 0)
		return diag_usage(app,
				  "%s: \"%.*s\" is not the name of a feature of %s devices, "
				  "expected names like MAC,MTU or bit_N",
				  app->path, (int)bad_len, bad, vdpa_class_name(id));
	if (vdpa_features_parse(id, text, UINT64_MAX, &all, &bad, &bad_len) < 0 || all != *bits)
		return diag_usage(app,
				  "%s: \"%s\" is no set by itself: \"all\" and \"-NAME\" are "
				  "relative to what a device offers",
				  app->path, text);
	return ST_OK;
}

/* A device may be called "fe0"; with 0x in front a word of bits can't be taken for one. */
static bool is_device(const char *word)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	uint64_t bits;

	if (parse_hex(word, &bits) < 0)
		return false;
	strbuf_addf(&path, "/sys/bus/vdpa/devices/%s", word);
	return !path.failed && access(path.s, F_OK) == 0;
}

/* Names or a word of bits, which need no kernel; also when they are wrong. */
static bool is_literal(const char *word)
{
	const char *bad;
	size_t bad_len;
	uint64_t bits;

	if (strchr(word, ',') || !strncasecmp(word, "0x", 2))
		return true;
	if (is_device(word))
		return false;
	return vdpa_features_parse(VDPA_ID_NET, word, 0, &bits, &bad, &bad_len) == 0 ||
	       vdpa_features_parse(VDPA_ID_BLOCK, word, 0, &bits, &bad, &bad_len) == 0;
}

static enum status offered_by_parent(struct app *app, struct set *set)
{
	const struct vdpa_mgmtdev *m = app_mgmtdev(app, set->word);
	uint64_t classes = 0;

	if (!m)
		return diag_ctx(app, set->word);
	if (!vdpa_mgmtdev_get_features(m, &set->bits))
		return diag_fail(app, set->word, EOPNOTSUPP, NULL,
				 "management device \"%s\" does not tell which features it offers",
				 set->word);
	vdpa_mgmtdev_get_classes(m, &classes);
	set->id = features_id(false, classes);
	return ST_OK;
}

static enum status offered_by_device(struct app *app, struct set *set)
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *config = NULL;
	int r = vdpa_config_get(app->ctx, set->word, &config);

	if (r < 0)
		return diag_ctx(app, set->word);
	if (!vdpa_config_get_features(config, &set->bits))
		return diag_fail(app, set->word, EOPNOTSUPP, "Linux 6.1 and later do",
				 "the kernel does not tell which features \"%s\" offers",
				 set->word);
	vdpa_config_get_id(config, &set->id);
	return ST_OK;
}

/* A management device, else a device. */
static enum status offered(struct app *app, struct set *set)
{
	enum status status = app_connect(app);

	if (status)
		return status;
	if (strchr(set->word, '/') || app_mgmtdev(app, set->word))
		return offered_by_parent(app, set);
	return offered_by_device(app, set);
}

/* The one class that all of them are of; literals are of any. */
static enum status common_id(struct app *app, const struct args *args, const struct set *sets,
			     size_t n, uint32_t *id)
{
	const struct set *first = NULL;

	*id = id_of_args(args);
	for (size_t i = 0; i < n; i++) {
		if (!sets[i].id)
			continue;
		if (first && first->id != sets[i].id)
			return diag_usage(app,
					  "%s: the features of \"%s\" and of \"%s\" are those of "
					  "different classes, %s and %s, and can't be compared",
					  app->path, first->word, sets[i].word,
					  vdpa_class_name(first->id) ?: "?",
					  vdpa_class_name(sets[i].id) ?: "?");
		first = &sets[i];
		*id = sets[i].id;
	}
	if (first && args->has & HAS_TYPE && *id != id_of_args(args))
		return diag_usage(app, "%s: type %s, but \"%s\" is of class %s", app->path,
				  args->features_of.type, first->word, vdpa_class_name(*id) ?: "?");
	return ST_OK;
}

/* All sets, and the class of devices that they are of: what the kernel knows first. */
static enum status resolve(struct app *app, const struct args *args, struct set *sets, size_t n,
			   uint32_t *id)
{
	enum status status = ST_OK;

	for (size_t i = 0; i < n && !status; i++) {
		if (!*sets[i].word)
			return diag_usage(app, "%s: a set of features is expected, not \"\"",
					  app->path);
		if (!is_literal(sets[i].word))
			status = offered(app, &sets[i]);
	}
	if (!status)
		status = common_id(app, args, sets, n, id);
	for (size_t i = 0; i < n && !status; i++) {
		if (is_literal(sets[i].word))
			status = parse_names(app, *id, sets[i].word, &sets[i].bits);
	}
	return status;
}

/* ---- output ---- */

/* "0x28 MTU MAC" */
static void text_set(struct app *app, uint32_t id, uint64_t bits)
{
	text_hex(&app->out, bits);
	if (bits && !app->opt.numeric) {
		strbuf_addc(&app->out, ' ');
		features_list(&app->out, id, bits, " ");
	}
	strbuf_addc(&app->out, '\n');
}

static json_t *json_hex(uint64_t bits)
{
	CLEANUP(strbuf_free) struct strbuf hex = STRBUF_INIT;

	text_hex(&hex, bits);
	return json_make_string(hex.s ? hex.s : "");
}

static json_t *json_names(uint32_t id, uint64_t bits)
{
	json_t *names = json_make_array();

	for (unsigned int bit = 0; bit < 64; bit++) {
		const char *name = vdpa_feature_name(id, bit);
		char number[12];

		if (!(bits >> bit & 1))
			continue;
		snprintf(number, sizeof(number), "bit_%u", bit);
		json_append(names, json_make_string(name ? name : number));
	}
	return names;
}

static json_t *json_set(uint32_t id, uint64_t bits)
{
	json_t *o = json_make_object();

	json_put(o, "features", json_hex(bits));
	json_put(o, "names", json_names(id, bits));
	return o;
}

/* The members of the whole answer, when that is one set. */
static void print_json(struct app *app, uint32_t id, uint64_t bits)
{
	const char *class = vdpa_class_name(id);

	if (class)
		out_member(app, "type", json_make_string(class));
	out_member(app, "features", json_hex(bits));
	out_member(app, "names", json_names(id, bits));
}

/* ---- decode, encode ---- */

static enum status run_decode(struct app *app, const struct args *args)
{
	uint32_t id = id_of_args(args);
	uint64_t bits;
	enum status status;

	if (parse_hex(args->features_of.text, &bits) < 0)
		return diag_usage(app, "%s: \"%s\" is not a hexadecimal number of up to 64 bits",
				  app->path, args->features_of.text);
	status = app_open_section(app, "features");
	if (status)
		return status;
	if (app->opt.json)
		print_json(app, id, bits);
	else
		text_set(app, id, bits);
	return ST_OK;
}

static enum status run_encode(struct app *app, const struct args *args)
{
	uint32_t id = id_of_args(args);
	uint64_t bits;
	enum status status = parse_names(app, id, args->features_of.text, &bits);

	if (!status)
		status = app_open_section(app, "features");
	if (status)
		return status;
	if (app->opt.json) {
		print_json(app, id, bits);
	} else if (app->opt.details) {
		text_set(app, id, bits);
	} else {
		text_hex(&app->out, bits);
		strbuf_addc(&app->out, '\n');
	}
	return ST_OK;
}

/* ---- diff ---- */

static void print_part(struct app *app, const char *key, uint32_t id, uint64_t bits)
{
	if (app->opt.json) {
		out_member(app, key, json_set(id, bits));
		return;
	}
	strbuf_addf(&app->out, "%s: ", key);
	text_set(app, id, bits);
}

static enum status run_diff(struct app *app, const struct args *args)
{
	struct set sets[2] = { { .word = args->features_of.text },
			       { .word = args->features_of.other } };
	enum status status;
	uint32_t id;

	status = resolve(app, args, sets, 2, &id);
	if (!status)
		status = app_open_section(app, "features");
	if (status)
		return status;
	print_part(app, "first", id, sets[0].bits & ~sets[1].bits);
	print_part(app, "second", id, sets[1].bits & ~sets[0].bits);
	print_part(app, "common", id, sets[0].bits & sets[1].bits);
	return ST_OK;
}

/* ---- common ---- */

static void print_lacks(struct app *app, const struct set *sets, size_t n, uint32_t id,
			uint64_t all)
{
	json_t *object = app->opt.json ? json_make_object() : NULL;

	for (size_t i = 0; i < n; i++) {
		uint64_t lacks = all & ~sets[i].bits;

		if (object) {
			json_put(object, sets[i].word, json_names(id, lacks));
			continue;
		}
		text_escaped(&app->out, sets[i].word);
		strbuf_add(&app->out, lacks ? " lacks " : " lacks nothing");
		features_list(&app->out, id, lacks, " ");
		strbuf_addc(&app->out, '\n');
	}
	if (object)
		out_member(app, "lacks", object);
}

static enum status run_common(struct app *app, const struct args *args)
{
	long n = items_unique(args->items, args->n_items);
	CLEANUP_FREE struct set *sets = n > 0 ? calloc((size_t)n, sizeof(*sets)) : NULL;
	uint64_t shared = UINT64_MAX, all = 0;
	enum status status;
	uint32_t id;

	if (!sets)
		return diag_error(app, NULL, NULL, NULL);
	for (long i = 0; i < n; i++)
		sets[i].word = args->items[i];
	status = resolve(app, args, sets, (size_t)n, &id);
	if (!status)
		status = app_open_section(app, "features");
	if (status)
		return status;
	for (long i = 0; i < n; i++) {
		shared &= sets[i].bits;
		all |= sets[i].bits;
	}
	if (app->opt.json)
		print_json(app, id, shared);
	else
		text_set(app, id, shared);
	if (app->opt.details)
		print_lacks(app, sets, (size_t)n, id, all);
	return ST_OK;
}

/* ---- descriptors ---- */

static const char *const types[] = { "net", "block", NULL };

#define ARG_TYPE                                                                           \
	{                                                                                  \
		.word = "type", .match = MATCH_NEW, .kind = VALUE_CHOICE, .has = HAS_TYPE, \
		.metavar = "CLASS",                                                        \
		.help = "net or block: what the names are of (default: what the other "    \
			"arguments are of, else net)",                                     \
		.expected = "net or block", .choices = types,                              \
		.offset = offsetof(struct args, features_of.type),                         \
	}

static const struct arg decode_args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_ITEMS,
		.metavar = "HEX",
		.help = "a feature word",
		.required = true,
		.expected = "a hexadecimal number",
		.offset = offsetof(struct args, features_of.text),
	},
	ARG_TYPE,
	ARG_END,
};

static const struct arg encode_args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_ITEMS,
		.metavar = "NAMES",
		.help = "names of features with commas between them",
		.required = true,
		.expected = "names of features",
		.offset = offsetof(struct args, features_of.text),
	},
	ARG_TYPE,
	ARG_END,
};

static const struct arg diff_args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_ITEMS,
		.metavar = "A",
		.help = "a feature word in hexadecimal, names, a management device or a device",
		.required = true,
		.expected = "a set of features",
		.offset = offsetof(struct args, features_of.text),
	},
	{
		.kind = VALUE_TEXT,
		.has = HAS_WORDS,
		.metavar = "B",
		.help = "the same",
		.required = true,
		.expected = "a second set of features",
		.offset = offsetof(struct args, features_of.other),
	},
	ARG_TYPE,
	ARG_END,
};

static const struct arg common_args[] = {
	{
		.kind = VALUE_TEXT,
		.has = HAS_ITEMS,
		.metavar = "MGMTDEV|DEV|HEX",
		.help = "management devices, devices, feature words or names",
		.required = true,
		.repeat = true,
		.expected = "a set of features",
		.offset = offsetof(struct args, features_of.text),
	},
	ARG_TYPE,
	ARG_END,
};

const struct command cmd_features_decode = {
	.name = "decode",
	.summary = "the names of the bits of a feature word",
	.match = MATCH_NEW,
	.args = decode_args,
	.run = run_decode,
};

const struct command cmd_features_encode = {
	.name = "encode",
	.summary = "the feature word of names",
	.match = MATCH_NEW,
	.args = encode_args,
	.run = run_encode,
};

const struct command cmd_features_diff = {
	.name = "diff",
	.summary = "what only one of two sets of features has",
	.match = MATCH_NEW,
	.args = diff_args,
	.run = run_diff,
};

const struct command cmd_features_common = {
	.name = "common",
	.summary = "what all of several sets of features have",
	.match = MATCH_NEW,
	.args = common_args,
	.run = run_common,
};
