// SPDX-License-Identifier: GPL-2.0-or-later
/* Structs to the file's text: an object a line, so that two files can be compared. */
#include <string.h>

#include "json_dl.h"
#include "state.h"
#include "text.h"

static json_t *make_value(const struct state_key *k, const void *object)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	const void *at = (const char *)object + k->offset;

	switch (k->kind) {
	case STATE_KIND_NUMBER:
	case STATE_KIND_ONE_OF_TWO:
		return json_make_u64(*(const uint64_t *)at);
	case STATE_KIND_BOOL:
		return json_make_bool(*(const bool *)at);
	case STATE_KIND_MAC:
		text_mac(&sb, at);
		return json_make_string(sb.s ? sb.s : "");
	case STATE_KIND_FEATURES:
		text_hex(&sb, ((const struct state_device *)object)->features);
		return json_make_string(sb.s ? sb.s : "");
	default:
		return json_make_string(*(const char *const *)at);
	}
}

static void add_object(struct strbuf *sb, const struct state_key *keys, const void *object,
		       unsigned int has)
{
	struct json_out out;

	json_out_init(&out, sb, false);
	json_out_begin(&out, NULL);
	for (const struct state_key *k = keys; k->name; k++) {
		json_t *value = has & k->has ? make_value(k, object) : NULL;

		json_out_member(&out, k->name, value);
		json_drop(value);
	}
	json_out_end(&out);
}

static void add_array(struct strbuf *sb, const char *key, const struct state_key *keys,
		      const void *array, size_t n, size_t size, size_t has_at)
{
	const char *object = array;

	strbuf_addf(sb, ",\n\"%s\":[", key);
	for (size_t i = 0; i < n; i++, object += size) {
		strbuf_add(sb, i ? ",\n" : "\n");
		add_object(sb, keys, object, *(const unsigned int *)(object + has_at));
	}
	strbuf_add(sb, n ? "\n]" : "]");
}

void state_write(struct strbuf *sb, const struct state *s)
{
	strbuf_addf(sb, "{\"version\":%d", STATE_VERSION);
	add_array(sb, "devices", state_device_keys, s->devices, s->n_devices, sizeof(*s->devices),
		  offsetof(struct state_device, has));
	add_array(sb, "vduse", state_vduse_keys, s->vduse, s->n_vduse, sizeof(*s->vduse),
		  offsetof(struct state_vduse, has));
	strbuf_add(sb, "}\n");
}
