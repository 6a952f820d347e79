// SPDX-License-Identifier: GPL-2.0-or-later
/* Words to values: what each kind of argument accepts, and what it says when it does not. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "command.h"

#define NAME_MAX_OCTETS 255
#define VQS_MAX (2 * 65535 + 1)

const char *value_expected(const struct arg *arg, bool legacy)
{
	switch (arg->kind) {
	case VALUE_NAME:
	case VALUE_DEV:
		return "a device name";
	case VALUE_MGMTDEV:
		return "a management device (BUS/NAME or NAME)";
	case VALUE_MAC:
		return legacy ? "a MAC address of six octets" :
				"a MAC address of six octets or \"random\"";
	case VALUE_U16:
		return "a decimal number from 0 to 65535";
	case VALUE_VQS:
		return "a decimal number from 2 to 131071";
	case VALUE_FEATURES:
		return legacy ? "a hexadecimal number" : "a hexadecimal number or feature names";
	case VALUE_QIDX:
		return legacy ? "a decimal number from 0 to 4294967295" :
				"a queue's decimal number, \"all\" or \"ctrlvq\"";
	case VALUE_VDUSE:
		return "the name of a VDUSE device";
	case VALUE_TEXT:
	case VALUE_CHOICE:
	case VALUE_NUMBER:
		return arg->expected;
	case VALUE_SIZE:
		return "a number of octets (or of K, M, G, T: 64M)";
	case VALUE_NONE:
		break;
	}
	return "nothing";
}

static enum status refuse(struct app *app, const struct arg *arg, const char *text)
{
	return diag_usage(app, "%s: %s \"%s\" is not %s", app->path,
			  arg->word ? arg->word : arg->metavar, text,
			  value_expected(arg, app->legacy));
}

/* strtoul() let blanks and a plus sign through, and so do we. */
static const char *skip_lead(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return *text == '+' ? text + 1 : text;
}

enum status value_check_name(struct app *app, const char *name)
{
	const char *hint = app->legacy ? NULL : "\"force\" sends it to the kernel all the same";
	size_t len = strlen(name);

	if (!len)
		return diag_usage_hint(app, hint, "%s: name \"\" is empty, a device needs a name",
				       app->path);
	if (len > NAME_MAX_OCTETS)
		return diag_usage_hint(
			app, hint, "%s: name \"%.32s...\" has %zu octets, at most %d are possible",
			app->path, name, len, NAME_MAX_OCTETS);
	if (strchr(name, '/'))
		return diag_usage_hint(
			app, hint,
			"%s: name \"%s\" contains a '/', which the kernel would replace "
			"so that the device is not found by its name",
			app->path, name);
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return diag_usage_hint(app, hint, "%s: name \"%s\" cannot be a name in sysfs",
				       app->path, name);
	return ST_OK;
}

enum status value_check_mac(struct app *app, const uint8_t mac[6], bool may_force)
{
	static const uint8_t zero[6];
	const char *hint = may_force ? "\"force\" sends it to the kernel all the same" : NULL;

	if (!memcmp(mac, zero, sizeof(zero)))
		return diag_usage_hint(app, hint,
				       "%s: mac \"00:00:00:00:00:00\" is all zero, expected the "
				       "address of one interface",
				       app->path);
	if (mac[0] & 1)
		return diag_usage_hint(app, hint,
				       "%s: mac \"%02x:%02x:%02x:%02x:%02x:%02x\" is a multicast "
				       "address, expected the address of one interface",
				       app->path, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return ST_OK;
}

static enum status parse_handle(struct app *app, const struct arg *arg, const char *text,
				struct args *args)
{
	const char *slash = strchr(text, '/');
	bool bad = !*text || (slash && (slash == text || !slash[1] || strchr(slash + 1, '/')));

	if (bad && app->legacy && !(slash && strchr(slash + 1, '/')))
		bad = false; /* the kernel answers */
	if (bad)
		return refuse(app, arg, text);
	args->mgmtdev = text;
	return ST_OK;
}

static enum status parse_u16(struct app *app, const struct arg *arg, const char *text,
			     struct args *args)
{
	uint64_t v;

	if (parse_dec(skip_lead(text), UINT16_MAX, &v) < 0)
		return refuse(app, arg, text);
	if (arg->has & HAS_MTU)
		args->mtu = (uint16_t)v;
	else
		args->max_vqp = (uint16_t)v;
	return ST_OK;
}

static enum status parse_vqs(struct app *app, const struct arg *arg, const char *text,
			     struct args *args)
{
	uint64_t v;
	int r = parse_dec(skip_lead(text), VQS_MAX, &v);

	if (r == -EINVAL)
		return refuse(app, arg, text);
	if (r < 0)
		return diag_usage(app,
				  "%s: max_vqs \"%s\" is too large, the nearest are %d (%d pairs) "
				  "and %d (with the control queue)",
				  app->path, text, VQS_MAX - 1, VQS_MAX / 2, VQS_MAX);
	if (v < 2)
		return diag_usage(app,
				  "%s: max_vqs \"%s\" makes no pair of queues, the nearest are 2 "
				  "(one pair) and 3 (with the control queue)",
				  app->path, text);
	args->max_vqp = (uint16_t)(v / 2);
	return ST_OK;
}

static enum status parse_features(struct app *app, const struct arg *arg, const char *text,
				  struct args *args)
{
	const char *digits = app->legacy ? skip_lead(text) : text;

	if (!app->legacy && !strncasecmp(digits, "0x", 2))
		digits += 2;
	args->features_text = NULL;
	if (!app->legacy && digits[strspn(digits, "0123456789abcdefABCDEF")]) {
		args->features_text = text;
		return ST_OK;
	}
	if (!*digits || parse_hex(digits, &args->features) < 0)
		return refuse(app, arg, text);
	return ST_OK;
}

static enum status parse_qidx(struct app *app, const struct arg *arg, const char *text,
			      struct args *args)
{
	uint64_t v;

	args->qidx_all = !app->legacy && !strcmp(text, "all");
	if (args->qidx_all)
		return ST_OK;
	if (!app->legacy && !strcmp(text, "ctrlvq")) {
		args->qidx = VDPA_QUEUE_INDEX_CTRL;
		return ST_OK;
	}
	if (parse_dec(skip_lead(text), UINT32_MAX, &v) < 0)
		return refuse(app, arg, text);
	/* The largest number has a meaning of its own in the library; the kernel refuses both. */
	args->qidx = (uint32_t)v == VDPA_QUEUE_INDEX_CTRL ? UINT32_MAX - 1 : (uint32_t)v;
	return ST_OK;
}

void *value_slot(const struct arg *arg, struct args *args)
{
	return (char *)args + arg->offset;
}

static enum status parse_choice(struct app *app, const struct arg *arg, const char *text,
				struct args *args)
{
	for (const char *const *c = arg->choices; *c; c++) {
		if (strcmp(text, *c))
			continue;
		*(const char **)value_slot(arg, args) = *c;
		return ST_OK;
	}
	return refuse(app, arg, text);
}

static enum status parse_number(struct app *app, const struct arg *arg, const char *text,
				struct args *args)
{
	uint64_t v;

	if (parse_dec(text, arg->max, &v) < 0 || v < arg->min)
		return refuse(app, arg, text);
	*(uint64_t *)value_slot(arg, args) = v;
	return ST_OK;
}

static enum status parse_octets(struct app *app, const struct arg *arg, const char *text,
				struct args *args)
{
	uint64_t v;

	if (parse_size(text, &v) < 0 || v > INT64_MAX)
		return refuse(app, arg, text);
	*(uint64_t *)value_slot(arg, args) = v;
	return ST_OK;
}

enum status value_parse(struct app *app, const struct arg *arg, char *text, struct args *args)
{
	switch (arg->kind) {
	case VALUE_DEV:
		if (!*text && !app->legacy)
			return refuse(app, arg, text);
		args->name = text;
		return ST_OK;
	case VALUE_VDUSE:
		if (!*text)
			return refuse(app, arg, text);
		args->name = text;
		return ST_OK;
	case VALUE_NAME:
		args->name = text;
		return ST_OK;
	case VALUE_MGMTDEV:
		return parse_handle(app, arg, text, args);
	case VALUE_MAC:
		args->mac_random = !app->legacy && !strcmp(text, "random");
		if (!args->mac_random && parse_mac(text, args->mac) < 0)
			return refuse(app, arg, text);
		return ST_OK;
	case VALUE_U16:
		return parse_u16(app, arg, text, args);
	case VALUE_VQS:
		return parse_vqs(app, arg, text, args);
	case VALUE_FEATURES:
		return parse_features(app, arg, text, args);
	case VALUE_QIDX:
		return parse_qidx(app, arg, text, args);
	case VALUE_TEXT:
		if (!*text)
			return refuse(app, arg, text);
		*(const char **)value_slot(arg, args) = text;
		return ST_OK;
	case VALUE_CHOICE:
		return parse_choice(app, arg, text, args);
	case VALUE_NUMBER:
		return parse_number(app, arg, text, args);
	case VALUE_SIZE:
		return parse_octets(app, arg, text, args);
	case VALUE_NONE:
		break;
	}
	return ST_OK;
}
