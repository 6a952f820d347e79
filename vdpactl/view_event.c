// SPDX-License-Identifier: GPL-2.0-or-later
/* What happened, one line each. */
#include "json_dl.h"
#include "text.h"
#include "watch.h"

static const char *subject_name(unsigned int subject)
{
	switch (subject) {
	case VDPA_MONITOR_DEV:
		return "dev";
	case VDPA_MONITOR_DRIVER:
		return "driver";
	case VDPA_MONITOR_NETDEV:
		return "netdev";
	case VDPA_MONITOR_BLOCK:
		return "block";
	}
	return NULL;
}

static const char *node_key(unsigned int subject)
{
	return subject == VDPA_MONITOR_BLOCK ? "blockdev" : "netdev";
}

/* " key value" */
static void string(struct strbuf *sb, const char *key, const char *value)
{
	if (!value)
		return;
	strbuf_addf(sb, " %s ", key);
	text_escaped(sb, value);
}

void view_text_event(struct strbuf *sb, const struct happening *h)
{
	const char *subject = subject_name(h->subject);

	strbuf_addc(sb, '[');
	watch_time(sb);
	strbuf_add(sb, "] ");
	if (subject)
		strbuf_addf(sb, "%s ", subject);
	strbuf_add(sb, h->event);
	if (subject) {
		strbuf_addc(sb, ' ');
		text_escaped(sb, h->dev ? h->dev : "?");
	}
	string(sb, "driver", h->driver);
	string(sb, node_key(h->subject), h->node);
	string(sb, "from", h->old_node);
	strbuf_addc(sb, '\n');
}

static void put_string(struct json_out *j, const char *key, const char *value)
{
	json_t *v = value ? json_make_string(value) : NULL;

	json_out_member(j, key, v);
	json_drop(v);
}

void view_json_event(struct strbuf *sb, const struct happening *h)
{
	CLEANUP(strbuf_free) struct strbuf time = STRBUF_INIT;
	struct json_out j;

	watch_time(&time);
	json_out_init(&j, sb, false);
	json_out_begin(&j, NULL);
	put_string(&j, "time", time.s);
	put_string(&j, "event", h->event);
	put_string(&j, "subject", subject_name(h->subject));
	put_string(&j, "dev", h->dev);
	put_string(&j, "driver", h->driver);
	put_string(&j, node_key(h->subject), h->node);
	put_string(&j, "old_netdev", h->old_node);
	if (h->seqnum) {
		json_t *v = json_make_u64(h->seqnum);

		json_out_member(&j, "seqnum", v);
		json_drop(v);
	}
	json_out_end(&j);
	strbuf_addc(sb, '\n');
	if (time.failed)
		sb->failed = true;
}
