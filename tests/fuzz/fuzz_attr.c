/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any octets for the kernel's answers to any request.  Where the answers come
 * from a seed, each message gets the sequence number of the request plus the
 * number that it has itself (modulo 64): so a pipeline can be answered too.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"
#include "tests/unit/fake_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct replay {
	struct fake *family; /* answers where the family is, unless that is what is fuzzed */
	bool asked_family;
	enum op op;
	bool as_it_is;
	uint32_t seq; /* of the first message sent last */
	const uint8_t *data;
	size_t left;
};

static int replay_open(void *data, uint32_t *portid)
{
	struct replay *r = data;

	*portid = 0;
	return r->data ? 0 : -EIO;
}

static int replay_send(void *data, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	struct replay *r = data;

	if (len < sizeof(*nlh) || nlh->nlmsg_len > len)
		abort();
	r->seq = nlh->nlmsg_seq;
	r->asked_family = r->op != OP_CONNECT && nlh->nlmsg_type == GENL_ID_CTRL &&
			  ((const struct genlmsghdr *)(nlh + 1))->cmd == CTRL_CMD_GETFAMILY;
	return r->asked_family ? fake_transport.send(r->family, buf, len) : 0;
}

static void number(const struct replay *r, uint8_t *buf, size_t len)
{
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= len;) {
		struct nlmsghdr *nlh = (void *)(buf + at);

		nlh->nlmsg_seq = r->seq + (nlh->nlmsg_seq & 63);
		if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > len - at)
			return;
		at += MNL_ALIGN(nlh->nlmsg_len);
	}
}

static ssize_t replay_recv(void *data, void *buf, size_t len, int timeout_ms)
{
	struct replay *r = data;
	size_t n, given;

	if (r->asked_family)
		return fake_transport.recv(r->family, buf, len, timeout_ms);
	if (r->left < 2)
		return -ETIMEDOUT;
	n = r->data[0] | (size_t)r->data[1] << 8;
	r->data += 2;
	r->left -= 2;
	/* The longest length stands for a lost datagram. */
	if (n == 0xffff)
		return -ENOBUFS;
	given = n < r->left ? n : r->left;
	memset(buf, 0, n < len ? n : len);
	memcpy(buf, r->data, given < len ? given : len);
	if (!r->as_it_is)
		number(r, buf, n < len ? n : len);
	r->data += given;
	r->left -= given;
	return (ssize_t)n;
}

static void replay_close(void *data)
{
	(void)data;
}

static const struct vdpa_transport replay_transport = {
	.size = sizeof(struct vdpa_transport),
	.open = replay_open,
	.send = replay_send,
	.recv = replay_recv,
	.close = replay_close,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replay r = { 0 };
	struct vdpa_ctx *ctx;

	if (!size)
		return 0;
	r.family = fake_new();
	r.op = (enum op)((data[0] & 0x7f) % OPS);
	r.as_it_is = data[0] & OP_AS_IT_IS;
	r.data = data + 1;
	r.left = size - 1;
	if (vdpa_ctx_new(&ctx) < 0 ||
	    vdpa_ctx_set_roots(ctx, "/nonexistent", "/nonexistent", "/nonexistent") < 0 ||
	    vdpa_ctx_set_transport(ctx, &replay_transport, &r) < 0)
		abort();
	(void)op_run(ctx, r.op);
	vdpa_ctx_unref(ctx);
	fake_free(r.family);
	return 0;
}
