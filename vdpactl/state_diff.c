// SPDX-License-Identifier: GPL-2.0-or-later
#include "state_diff.h"

#include <string.h>

#include "text.h"

static bool both(const struct state_device *want, const struct state_device *have, unsigned int has)
{
	return want->has & have->has & has;
}

unsigned int state_diff(const struct state_device *want, const struct state_device *have)
{
	unsigned int differs = 0;

	if (want->mgmtdev && (!have->mgmtdev || strcmp(want->mgmtdev, have->mgmtdev)))
		differs |= STATE_DIFF_PARENT;
	if (both(want, have, STATE_HAS_MAC) && memcmp(want->mac, have->mac, sizeof(want->mac)))
		differs |= STATE_DIFF_MAC;
	if (both(want, have, STATE_HAS_MTU) && want->mtu != have->mtu)
		differs |= STATE_DIFF_MTU;
	if (want->has & STATE_HAS_MAX_VQP && have->is_net &&
	    want->max_vqp != (have->has & STATE_HAS_MAX_VQP ? have->max_vqp : 1))
		differs |= STATE_DIFF_MAX_VQP;
	if (both(want, have, STATE_HAS_FEATURES) && want->features != have->features)
		differs |= STATE_DIFF_FEATURES;
	if (want->driver && (!have->driver || strcmp(want->driver, have->driver)))
		differs |= STATE_DIFF_DRIVER;
	if (state_node_differs(&want->node, &have->node))
		differs |= STATE_DIFF_NODE;
	return differs;
}

uint64_t state_feature_of(unsigned int has)
{
	switch (has) {
	case STATE_HAS_MTU:
		return UINT64_C(1) << 3; /* VIRTIO_NET_F_MTU */
	case STATE_HAS_MAC:
		return UINT64_C(1) << 5; /* VIRTIO_NET_F_MAC */
	case STATE_HAS_MAX_VQP:
		return UINT64_C(1) << 22; /* VIRTIO_NET_F_MQ */
	default:
		return 0;
	}
}

unsigned int state_diff_lacking(const struct state_device *want, const struct state_device *have,
				uint64_t offered)
{
	static const struct {
		unsigned int has, differs;
	} attrs[] = { { STATE_HAS_MAC, STATE_DIFF_MAC }, { STATE_HAS_MTU, STATE_DIFF_MTU } };
	unsigned int lacking = 0;

	if (want->has & STATE_HAS_FEATURES || !(have->has & STATE_HAS_FEATURES) || !have->is_net)
		return 0;
	for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++) {
		uint64_t feature = state_feature_of(attrs[i].has);

		if (want->has & ~have->has & attrs[i].has && offered & ~have->features & feature)
			lacking |= STATE_DIFF_LACKING | attrs[i].differs;
	}
	return lacking;
}

/* ---- values as text ---- */

static void add_value(struct strbuf *sb, const struct state_key *k, const void *object,
		      unsigned int has)
{
	const void *at = (const char *)object + k->offset;
	const char *text;

	switch (k->kind) {
	case STATE_KIND_MAC:
		if (has & k->has)
			text_mac(sb, at);
		else
			strbuf_add(sb, "none");
		return;
	case STATE_KIND_FEATURES: {
		const struct state_device *d = object;

		if (d->features_text)
			text_escaped(sb, d->features_text);
		else
			text_hex(sb, d->features);
		return;
	}
	case STATE_KIND_BOOL:
		strbuf_add(sb, *(const bool *)at ? "true" : "false");
		return;
	case STATE_KIND_NUMBER:
	case STATE_KIND_ONE_OF_TWO:
		text_u64(sb, *(const uint64_t *)at);
		return;
	default:
		text = *(const char *const *)at;
		text_escaped(sb, text ? text : "none");
	}
}

void state_object_text(struct strbuf *sb, const struct state_key *keys, const void *object,
		       unsigned int has)
{
	for (const struct state_key *k = keys; k->name; k++) {
		if (!(has & k->has) || k->has == STATE_HAS_NAME)
			continue;
		strbuf_addf(sb, "%s%s ", sb->len ? " " : "", k->name);
		add_value(sb, k, object, has);
	}
}

static void add_change(struct strbuf *sb, const struct state_key *k, const void *want,
		       unsigned int want_has, const void *have, unsigned int have_has)
{
	strbuf_addf(sb, "%s%s ", sb->len ? ", " : "", k->name);
	add_value(sb, k, have, have_has);
	strbuf_add(sb, " -> ");
	add_value(sb, k, want, want_has);
}

void state_diff_text(struct strbuf *sb, const struct state_device *want,
		     const struct state_device *have, unsigned int differs)
{
	static const struct {
		unsigned int has, differs;
	} bits[] = {
		{ STATE_HAS_MGMTDEV, STATE_DIFF_PARENT },
		{ STATE_HAS_MAC, STATE_DIFF_MAC },
		{ STATE_HAS_MTU, STATE_DIFF_MTU },
		{ STATE_HAS_MAX_VQP, STATE_DIFF_MAX_VQP },
		{ STATE_HAS_FEATURES, STATE_DIFF_FEATURES },
		{ STATE_HAS_DRIVER, STATE_DIFF_DRIVER },
	};
	struct state_device old = *have;

	if (!(old.has & STATE_HAS_MAX_VQP))
		old.max_vqp = 1;
	if (!(old.has & STATE_HAS_MTU))
		old.mtu = 0;
	if (!old.driver)
		old.driver = old.other_driver;
	for (const struct state_key *k = state_device_keys; k->name; k++) {
		for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
			if (bits[i].has == k->has && bits[i].differs & differs)
				add_change(sb, k, want, want->has, &old, old.has);
		}
	}
	if (differs & STATE_DIFF_NODE)
		state_node_diff_text(sb, &want->node, &have->node);
}

/* ---- VDUSE ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_value(const struct state_key *k, const struct state_vduse *a,
		       const struct state_vduse *b)
{
	const void *x = (const char *)a + k->offset, *y = (const char *)b + k->offset;

	if (k->kind == STATE_KIND_BOOL)
		return *(const bool *)x == *(const bool *)y;
	if (k->kind == STATE_KIND_NUMBER || k->kind == STATE_KIND_ONE_OF_TWO)
		return *(const uint64_t *)x == *(const uint64_t *)y;
	return same_text(*(const char *const *)x, *(const char *const *)y);
}

/* The driver is not the daemon's, nor what that makes. */
static bool is_option(const struct state_key *k)
{
	return !(k->has & (STATE_HAS_NAME | STATE_HAS_DRIVER | STATE_HAS_NODE));
}

bool state_vduse_same(const struct state_vduse *want, const struct state_vduse *have)
{
	for (const struct state_key *k = state_vduse_keys; k->name; k++) {
		if (is_option(k) && !same_value(k, want, have))
			return false;
	}
	return true;
}

void state_vduse_diff_text(struct strbuf *sb, const struct state_vduse *want,
			   const struct state_vduse *have)
{
	for (const struct state_key *k = state_vduse_keys; k->name; k++) {
		if (is_option(k) && !same_value(k, want, have))
			add_change(sb, k, want, want->has, have, have->has);
	}
}
