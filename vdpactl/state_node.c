// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom the char devices of vhost_vdpa belong to: as the file says, and as they do. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "state.h"
#include "state_diff.h"
#include "text.h"

/* As the kernel makes them. */
#define DEFAULT_MODE 0600

void state_node_free(struct state_node *n)
{
	free(n->owner);
	free(n->group);
	free(n->mode);
	*n = (struct state_node){ 0 };
}

enum status state_node_resolve(struct app *app, const char *name, struct state_node *n)
{
	const struct {
		const char *key, *text;
	} words[] = { { "owner", n->owner }, { "group", n->group }, { "mode", n->mode } };
	enum status status = ST_OK;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *expected =
			words[i].text ? link_owner_set(&n->is, words[i].key, words[i].text) : NULL;

		if (expected)
			status = diag_fail(
				app, name, EINVAL, NULL,
				"the char device of \"%s\" is not given away: %s \"%s\" is not %s",
				name, words[i].key, words[i].text, expected);
	}
	return status;
}

bool state_node_differs(const struct state_node *want, const struct state_node *have)
{
	const struct link_owner *a = &want->is, *b = &have->is;

	return (a->has_uid && (!b->has_uid || a->uid != b->uid)) ||
	       (a->has_gid && (!b->has_gid || a->gid != b->gid)) ||
	       (a->has_mode && (!b->has_mode || a->mode != b->mode));
}

bool state_node_is_given(const struct state_node *n)
{
	return n->is.has_uid || n->is.has_gid || n->is.has_mode;
}

/* What udev gives to every device is not what a new one has anywhere else. */
static bool has_conf(void)
{
	return access(LINK_CONF, F_OK) == 0;
}

void state_node_keep(struct state_node *want, const struct state_node *have)
{
	struct link_owner kept = have->is;

	if (!has_conf()) {
		kept.has_uid = kept.has_uid && kept.uid;
		kept.has_gid = kept.has_gid && kept.gid;
		kept.has_mode = kept.has_mode && kept.mode != DEFAULT_MODE;
	}
	link_owner_fill(&want->is, &kept);
}

/* ---- as text ---- */

static void add_user(struct strbuf *sb, uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		text_escaped(sb, pw->pw_name);
	else
		text_u64(sb, uid);
}

static void add_group(struct strbuf *sb, gid_t gid)
{
	const struct group *gr = getgrgid(gid);

	if (gr)
		text_escaped(sb, gr->gr_name);
	else
		text_u64(sb, gid);
}

bool state_node_tell(struct state_node *n, unsigned int *has)
{
	bool all = has_conf();
	const struct link_owner *o = &n->is;
	CLEANUP(strbuf_free) struct strbuf owner = STRBUF_INIT, group = STRBUF_INIT;
	CLEANUP(strbuf_free) struct strbuf mode = STRBUF_INIT;

	*has &= ~STATE_HAS_NODE;
	if (o->has_uid && (all || o->uid)) {
		add_user(&owner, o->uid);
		n->owner = owner.failed ? NULL : strdup(owner.s);
		*has |= STATE_HAS_OWNER;
	}
	if (o->has_gid && (all || o->gid)) {
		add_group(&group, o->gid);
		n->group = group.failed ? NULL : strdup(group.s);
		*has |= STATE_HAS_GROUP;
	}
	if (o->has_mode && (all || o->mode != DEFAULT_MODE)) {
		strbuf_addf(&mode, "%03o", (unsigned int)o->mode);
		n->mode = mode.failed ? NULL : strdup(mode.s);
		*has |= STATE_HAS_MODE;
	}
	return (!(*has & STATE_HAS_OWNER) || n->owner) && (!(*has & STATE_HAS_GROUP) || n->group) &&
	       (!(*has & STATE_HAS_MODE) || n->mode);
}

/* ", KEY ", where something differs */
static void add_key(struct strbuf *sb, const char *key)
{
	strbuf_addf(sb, "%s%s ", sb->len ? ", " : "", key);
}

void state_node_diff_text(struct strbuf *sb, const struct state_node *want,
			  const struct state_node *have)
{
	const struct link_owner *a = &want->is, *b = &have->is;

	if (a->has_uid ? !b->has_uid || a->uid != b->uid : want->owner != NULL) {
		add_key(sb, "owner");
		if (b->has_uid)
			add_user(sb, b->uid);
		strbuf_add(sb, b->has_uid ? " -> " : "none -> ");
		if (a->has_uid)
			add_user(sb, a->uid);
		else
			text_escaped(sb, want->owner);
	}
	if (a->has_gid ? !b->has_gid || a->gid != b->gid : want->group != NULL) {
		add_key(sb, "group");
		if (b->has_gid)
			add_group(sb, b->gid);
		strbuf_add(sb, b->has_gid ? " -> " : "none -> ");
		if (a->has_gid)
			add_group(sb, a->gid);
		else
			text_escaped(sb, want->group);
	}
	if (a->has_mode && (!b->has_mode || a->mode != b->mode)) {
		add_key(sb, "mode");
		if (b->has_mode)
			strbuf_addf(sb, "%03o", (unsigned int)b->mode);
		strbuf_addf(sb, "%s%03o", b->has_mode ? " -> " : "none -> ", (unsigned int)a->mode);
	}
}
