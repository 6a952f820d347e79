// SPDX-License-Identifier: GPL-2.0-or-later
/* A device as the command line that makes it again. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "export.h"
#include "state.h"
#include "text.h"
#include "vduse.h"

/* A parent refuses what it does not take. One that is not known here gets all that can be read. */
static unsigned int taken(const struct export *x, const struct export_dev *d)
{
	unsigned int attrs;

	if (vdpa_parent_get_attrs(x->app->ctx, vdpa_dev_get_mgmtdev(d->dev), &attrs))
		return attrs;
	return VDPA_PARENT_MAC | VDPA_PARENT_MTU | VDPA_PARENT_MAX_VQP | VDPA_PARENT_FEATURES;
}

/* " KEY VALUE" */
static void word(struct strbuf *sb, const char *key, const char *value)
{
	strbuf_addf(sb, " %s ", key);
	export_shell_word(sb, value);
}

static void number(struct strbuf *sb, const char *key, uint64_t value)
{
	strbuf_addf(sb, " %s ", key);
	text_u64(sb, value);
}

static void add_attributes(const struct export *x, const struct export_dev *d, struct strbuf *sb)
{
	unsigned int takes = d->config ? taken(x, d) : 0;
	uint64_t features;
	uint16_t value;
	uint8_t mac[6];

	if (takes & VDPA_PARENT_MAC && export_mac(d, mac)) {
		strbuf_add(sb, " mac ");
		text_mac(sb, mac);
	}
	if (takes & VDPA_PARENT_MTU && export_mtu(d, &value))
		number(sb, "mtu", value);
	if (takes & VDPA_PARENT_MAX_VQP && vdpa_config_get_max_vqp(d->config, &value))
		number(sb, "max_vqp", value);
	if (takes & VDPA_PARENT_FEATURES && vdpa_config_get_features(d->config, &features)) {
		strbuf_add(sb, " device_features ");
		text_hex(sb, features);
	}
}

/* And whom its char device belongs to, unless that is as every new one. */
static void add_driver(const struct export_dev *d, struct strbuf *sb)
{
	struct state_node node = { 0 };
	unsigned int has = 0;

	word(sb, "driver", d->driver ? d->driver : "none");
	if (d->chardev)
		link_owner_read(d->name, &node.is);
	if (!state_node_tell(&node, &has))
		sb->failed = true;
	if (node.owner)
		word(sb, "owner", node.owner);
	if (node.group)
		word(sb, "group", node.group);
	if (node.mode)
		word(sb, "mode", node.mode);
	state_node_free(&node);
}

/* A value that begins as an option does is none behind "--". */
static void command(struct strbuf *sb, const char *verb, const struct strbuf *words)
{
	bool dashed = !words->failed && (strstr(words->s, " -") || strstr(words->s, " '-"));

	strbuf_addf(sb, "vdpactl %s%s%s\n", dashed ? "-- " : "", verb, words->s ? words->s : "");
	sb->failed = sb->failed || words->failed;
}

static enum status dev_add(struct export *x, const struct export_dev *d, struct strbuf *sb)
{
	CLEANUP(strbuf_free) struct strbuf words = STRBUF_INIT;

	if (!vdpa_dev_is_managed(d->dev))
		return diag_fail(x->app, d->name, EOPNOTSUPP, NULL,
				 "\"%s\" was made by its driver, no command makes it", d->name);
	word(&words, "name", d->name);
	word(&words, "mgmtdev", vdpa_dev_get_mgmtdev(d->dev));
	add_attributes(x, d, &words);
	add_driver(d, &words);
	command(sb, "dev add", &words);
	return ST_OK;
}

/* " KEY VALUE", or " KEY"; what is not given is vdused's default there as here. */
static void vduse_word(struct strbuf *sb, const struct state_key *k, const struct state_vduse *v)
{
	const void *at = (const char *)v + k->offset;

	switch (k->kind) {
	case STATE_KIND_BOOL:
		if (*(const bool *)at)
			strbuf_addf(sb, " %s", k->name);
		return;
	case STATE_KIND_NUMBER:
	case STATE_KIND_ONE_OF_TWO:
		number(sb, k->name, *(const uint64_t *)at);
		return;
	default:
		word(sb, k->name, *(const char *const *)at);
	}
}

static enum status vduse_add(struct export *x, const struct export_dev *d, struct strbuf *sb)
{
	CLEANUP(strbuf_free) struct strbuf words = STRBUF_INIT;
	struct state_vduse v = { 0 };

	if (vduse_lock_state(d->name) == VDUSE_NO_DIR)
		return diag_fail(x->app, d->name, EOPNOTSUPP, NULL,
				 "\"%s\" is served by a program that is not vdused", d->name);
	if (!state_vduse_saved(d->name, &v)) {
		state_vduse_free(&v);
		return diag_fail(x->app, d->name, geteuid() ? EACCES : EOPNOTSUPP,
				 geteuid() ? "this needs root" : NULL,
				 "cannot read or understand what vdused serves \"%s\" with: %s/%s/options",
				 d->name, vduse_runtime_dir(), d->name);
	}
	v.type = "block";
	v.has = (v.has | STATE_HAS_TYPE) & ~STATE_HAS_DRIVER;
	for (const struct state_key *k = state_vduse_keys; k->name; k++) {
		if (v.has & k->has)
			vduse_word(&words, k, &v);
	}
	add_driver(d, &words);
	command(sb, "vduse add", &words);
	state_vduse_free(&v);
	return ST_OK;
}

enum status export_commands(struct export *x, const struct export_dev *d, struct strbuf *sb)
{
	const char *mgmtdev = vdpa_dev_get_mgmtdev(d->dev);

	if (mgmtdev && !strcmp(mgmtdev, "vduse"))
		return vduse_add(x, d, sb);
	return dev_add(x, d, sb);
}
