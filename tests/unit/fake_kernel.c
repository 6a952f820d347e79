/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket and the dumps. */
#include "fake_kernel.h"

#include <errno.h>
#include <ftw.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void *fake_alloc(size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		abort();
	return p;
}

struct fake_datagram *fake_datagram(const void *data, size_t len, int err)
{
	struct fake_datagram *d = fake_alloc(sizeof(*d) + len);

	d->len = len;
	d->err = err;
	if (len)
		memcpy(d->data, data, len);
	return d;
}

static void append(struct fake_datagram **queue, struct fake_datagram *d)
{
	while (*queue)
		queue = &(*queue)->next;
	*queue = d;
}

void fake_queue(struct fake *k, const void *data, size_t len)
{
	append(&k->queue, fake_datagram(data, len, 0));
}

void fake_raw(struct fake *k, const void *data, size_t len)
{
	k->is_raw = true;
	append(&k->raw, fake_datagram(data, len, 0));
}

void fake_drop(struct fake_datagram **queue)
{
	while (*queue) {
		struct fake_datagram *d = *queue;

		*queue = d->next;
		free(d);
	}
}

/* ---- messages ---- */

struct nlmsghdr *fake_begin(void *buf, const struct nlmsghdr *req, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = req->nlmsg_seq;
	nlh->nlmsg_pid = FAKE_PORTID;
	return nlh;
}

void fake_ack(struct fake *k, const struct nlmsghdr *req, int err, const char *text,
	      const struct nlattr *at)
{
	static uint8_t buf[65536 * 3];
	struct nlmsghdr *nlh = fake_begin(buf, req, NLMSG_ERROR, 0);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = err;
	e->msg = *req;
	if (err && k->no_cap_ack) {
		size_t rest = req->nlmsg_len - sizeof(*req);

		memcpy(mnl_nlmsg_put_extra_header(nlh, rest), req + 1, rest);
	} else {
		nlh->nlmsg_flags |= NLM_F_CAPPED;
	}
	if (text || at)
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
	if (text)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	if (at)
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS,
				 (uint32_t)((const char *)at - (const char *)req));
	fake_queue(k, buf, nlh->nlmsg_len);
}

/* ---- dumps ---- */

static void start_dump(struct fake *k, const struct nlmsghdr *req, unsigned int command)
{
	if (k->dumping) {
		fake_ack(k, req, -EBUSY, NULL, NULL);
		return;
	}
	k->dumping = true;
	k->dump = *req;
	k->dump_command = command;
	k->dump_at = 0;
	k->dump_rounds = 0;
}

static void end_dump(struct fake *k, int err)
{
	uint8_t buf[64];
	struct nlmsghdr *nlh = fake_begin(buf, &k->dump, NLMSG_DONE, NLM_F_MULTI);

	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(err)), &err, sizeof(err));
	fake_queue(k, buf, nlh->nlmsg_len);
	k->dumping = false;
}

/* What the kernel does at each read of the socket: one datagram more, or the end. */
static void next_round(struct fake *k)
{
	static uint8_t all[65536 * 2], one[65536 * 2];
	struct fake_plan *p;
	size_t len = 0;
	int n = 0;

	for (;;) {
		size_t at = k->dump_at;

		n = k->dump_command == FAKE_GETPOLICY ?
			    fake_policy_object(k, &at, one) :
			    fake_dump_object(k, k->dump_command, &at, one);
		if (n <= 0 || (size_t)n > sizeof(all) - len ||
		    (len && len + (size_t)n > k->round_bytes))
			break;
		memcpy(all + len, one, (size_t)n);
		len += MNL_ALIGN((size_t)n);
		k->dump_at = at + 1;
	}
	if (len)
		fake_queue(k, all, len);
	else
		end_dump(k, 0);
	if (k->dump_rounds++ == 0) {
		fake_damage(k, k->dump_command);
		if (k->between_rounds)
			k->between_rounds(k);
		p = fake_take(k, k->dump_command, false, FAULT_DONE);
		if (p && k->dumping)
			end_dump(k, (int)p->value);
	}
}

/* ---- the transport ---- */

static int transport_open(void *data, uint32_t *portid)
{
	struct fake *k = data;

	if (k->open_error)
		return k->open_error;
	k->opens++;
	*portid = FAKE_PORTID;
	return 0;
}

static void transport_close(void *data)
{
	struct fake *k = data;

	k->closes++;
	fake_drop(&k->queue);
	k->dumping = false;
}

static unsigned int command_of(const struct nlmsghdr *req)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(req);

	if (req->nlmsg_type != GENL_ID_CTRL)
		return genl->cmd;
	return genl->cmd == CTRL_CMD_GETFAMILY ? FAKE_GETFAMILY : FAKE_GETPOLICY;
}

static void one_request(struct fake *k, const struct nlmsghdr *req)
{
	unsigned int command = command_of(req);
	struct fake_datagram *before = k->queue;

	k->queue = NULL;
	k->requests[command & 127]++;
	k->last_seq = req->nlmsg_seq;
	memcpy(k->last_request, req, req->nlmsg_len);
	if (req->nlmsg_type == GENL_ID_CTRL && command == FAKE_GETFAMILY)
		fake_get_family(k, req);
	else if (command == FAKE_GETPOLICY && k->no_policy)
		fake_ack(k, req, -EOPNOTSUPP, NULL, NULL);
	else if (!(req->nlmsg_type == GENL_ID_CTRL) && !(k->commands & (1ULL << (command & 63))))
		fake_ack(k, req, -EOPNOTSUPP, NULL, NULL);
	else if ((req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		start_dump(k, req, command);
	else
		fake_request(k, req);
	fake_damage(k, command);
	append(&before, k->queue);
	k->queue = before;
}

static int transport_send(void *data, const void *buf, size_t len)
{
	struct fake *k = data;
	const struct nlmsghdr *req;
	struct fake_plan *p;
	int left = (int)len;

	k->sends++;
	free(k->last);
	k->last = fake_alloc(len);
	k->last_len = len;
	memcpy(k->last, buf, len);
	req = (const void *)k->last;
	p = fake_take(k, command_of(req), false, FAULT_SEND);
	if (p)
		return -(int)p->value;
	k->last_seq = req->nlmsg_seq;
	if (k->is_raw)
		return 0;
	for (; mnl_nlmsg_ok(req, left); req = mnl_nlmsg_next(req, &left))
		one_request(k, req);
	return left > 0 ? -EINVAL : 0;
}

static ssize_t transport_recv(void *data, void *buf, size_t len, int timeout_ms)
{
	struct fake *k = data;
	struct fake_datagram **queue = k->is_raw ? &k->raw : &k->queue;
	struct fake_datagram *d;
	ssize_t n;

	(void)timeout_ms;
	if (!k->is_raw && !k->queue && k->dumping)
		next_round(k);
	d = *queue;
	if (!d)
		return -ETIMEDOUT;
	*queue = d->next;
	n = d->err ? d->err : (ssize_t)d->len;
	if (n > 0)
		memcpy(buf, d->data, d->len < len ? d->len : len);
	free(d);
	return n;
}

const struct vdpa_transport fake_transport = {
	.size = sizeof(struct vdpa_transport),
	.open = transport_open,
	.send = transport_send,
	.recv = transport_recv,
	.close = transport_close,
};

/* ---- life ---- */

struct fake *fake_new(void)
{
	struct fake *k = fake_alloc(sizeof(*k));

	k->commands = 0x1fc;
	k->round_bytes = 4096;
	return k;
}

static int remove_path(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fake_free(struct fake *k)
{
	while (k->n_devs)
		fake_remove(k, k->devs[0]->name);
	if (*k->root)
		nftw(k->root, remove_path, 16, FTW_DEPTH | FTW_PHYS);
	fake_drop(&k->queue);
	fake_drop(&k->raw);
	free(k->devs);
	free(k->mgmtdevs);
	free(k->last);
	free(k);
}

struct vdpa_ctx *fake_ctx(struct fake *k)
{
	const char *root = *k->root ? k->root : "/nonexistent";
	struct vdpa_ctx *ctx;
	char sys[64], dev[64], proc[64];

	snprintf(sys, sizeof(sys), "%s/sys", root);
	snprintf(dev, sizeof(dev), "%s/dev", root);
	snprintf(proc, sizeof(proc), "%s/proc", root);
	if (vdpa_ctx_new(&ctx) < 0 || vdpa_ctx_set_roots(ctx, sys, dev, proc) < 0 ||
	    vdpa_ctx_set_transport(ctx, &fake_transport, k) < 0)
		abort();
	return ctx;
}
