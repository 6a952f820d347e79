/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make_seeds DIR: writes what the fake kernel answers to each request, whole and
 * damaged, as seeds for fuzz_attr.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"
#include "tests/unit/fake_kernel.h"

struct recorder {
	struct fake *k;
	enum op op;
	bool asked_family;
	uint32_t seq;
	FILE *out;
};

static int record_open(void *data, uint32_t *portid)
{
	return fake_transport.open(((struct recorder *)data)->k, portid);
}

static void record_close(void *data)
{
	fake_transport.close(((struct recorder *)data)->k);
}

static int record_send(void *data, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	struct recorder *r = data;

	r->seq = nlh->nlmsg_seq;
	r->asked_family = r->op != OP_CONNECT && nlh->nlmsg_type == GENL_ID_CTRL &&
			  ((const struct genlmsghdr *)(nlh + 1))->cmd == CTRL_CMD_GETFAMILY;
	return fake_transport.send(r->k, buf, len);
}

static void write_length(FILE *out, size_t n)
{
	fputc((int)(n & 255), out);
	fputc((int)(n >> 8), out);
}

static ssize_t record_recv(void *data, void *buf, size_t len, int timeout_ms)
{
	struct recorder *r = data;
	ssize_t n = fake_transport.recv(r->k, buf, len, timeout_ms);
	uint8_t copy[16384];

	if (r->asked_family)
		return n;
	if (n == -ENOBUFS)
		write_length(r->out, 0xffff);
	if (n <= 0 || (size_t)n > sizeof(copy))
		return n;
	memcpy(copy, buf, (size_t)n);
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= (size_t)n;) {
		struct nlmsghdr *nlh = (void *)(copy + at);

		nlh->nlmsg_seq = (nlh->nlmsg_seq - r->seq) & 63;
		if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > (size_t)n - at)
			break;
		at += MNL_ALIGN(nlh->nlmsg_len);
	}
	write_length(r->out, (size_t)n);
	fwrite(copy, 1, (size_t)n, r->out);
	return n;
}

static const struct vdpa_transport recorder = {
	.size = sizeof(struct vdpa_transport),
	.open = record_open,
	.send = record_send,
	.recv = record_recv,
	.close = record_close,
};

static struct fake *furnish(void)
{
	static const struct fake_counter counters[] = { { "received_desc", 1 }, { "x y", 2 } };
	static const uint64_t blk[16] = { 1 << 20, 65536, 512, 126, 4 };
	struct fake *k = fake_new_usual();
	struct fake_dev *d = fake_dev(k, "vdpasim_net", "d0", VDPA_ID_NET);

	d->features = d->negotiated = UINT64_MAX;
	d->active = true;
	d->stat_queues = 3;
	d->counters = counters;
	d->n_counters = 2;
	fake_dev(k, "pci/0000:65:00.2", "vdpa:0000:65:00.2", VDPA_ID_NET);
	fake_dev(k, "vdpasim_blk", "b", VDPA_ID_BLOCK)->blk = blk;
	k->round_bytes = 300;
	return k;
}

static const struct {
	const char *name;
	bool is_edit;
	int what;
	unsigned int attr;
	int64_t value;
} variants[] = {
	{ "plain", false, -1, 0, 0 },
	{ "lost", false, FAULT_LOST, 0, 0 },
	{ "short", false, FAULT_SHORT, 0, 25 },
	{ "length", false, FAULT_LENGTH, 0, 0x80000040 },
	{ "error", false, FAULT_ERRNO, 0, -EINVAL },
	{ "positive", false, FAULT_ERRNO, 0, 5 },
	{ "interrupted", false, FAULT_INTERRUPTED, 0, 0 },
	{ "done", false, FAULT_DONE, 0, -EIO },
	{ "overrun", false, FAULT_MESSAGE, 0, NLMSG_OVERRUN },
	{ "stale", false, FAULT_STALE, 0, 0 },
	{ "unknown", true, EDIT_UNKNOWN, 77, 13 },
	{ "reverse", true, EDIT_REVERSE, 0, 0 },
	{ "torn", true, EDIT_TORN, 0, 3 },
	{ "twice", true, EDIT_TWICE, VDPA_NL_ATTR_DEV_NAME, 0 },
	{ "name", true, EDIT_NAME, VDPA_NL_ATTR_DEV_NAME, 300 },
	{ "unterminated", true, EDIT_UNTERMINATED, VDPA_NL_ATTR_DEV_NAME, 0 },
};

static unsigned int command_of(enum op op)
{
	static const uint8_t commands[OPS] = {
		[OP_CONNECT] = FAKE_GETFAMILY,
		[OP_MGMTDEV_LIST] = VDPA_COMMAND_MGMTDEV_GET,
		[OP_MGMTDEV_GET] = VDPA_COMMAND_MGMTDEV_GET,
		[OP_DEV_LIST] = VDPA_COMMAND_DEV_GET,
		[OP_DEV_GET] = VDPA_COMMAND_DEV_GET,
		[OP_CONFIG_LIST] = VDPA_COMMAND_CONFIG_GET,
		[OP_CONFIG_GET] = VDPA_COMMAND_CONFIG_GET,
		[OP_VSTATS_GET] = VDPA_COMMAND_VSTATS_GET,
		[OP_VSTATS_CTRL] = VDPA_COMMAND_VSTATS_GET,
		[OP_VSTATS_LIST] = VDPA_COMMAND_VSTATS_GET,
		[OP_CAPS] = FAKE_GETPOLICY,
		[OP_ADD] = VDPA_COMMAND_DEV_ADD,
		[OP_SET] = VDPA_COMMAND_ATTR_SET,
		[OP_DEL] = VDPA_COMMAND_DEV_DEL,
		[OP_BULK] = VDPA_COMMAND_DEV_ADD,
		[OP_PIPELINE] = VDPA_COMMAND_DEV_ADD,
	};

	return commands[op];
}

static void make(const char *dir, enum op op, size_t variant)
{
	struct recorder r = { .k = furnish(), .op = op };
	struct vdpa_ctx *ctx;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s-%s", dir, op_names[op], variants[variant].name);
	r.out = fopen(path, "wb");
	if (!r.out) {
		perror(path);
		exit(1);
	}
	fputc((int)op, r.out);
	if (variants[variant].is_edit)
		fake_edit(r.k, command_of(op), (enum fake_edit)variants[variant].what,
			  variants[variant].attr, variants[variant].value, 1);
	else if (variants[variant].what >= 0)
		fake_fault(r.k, command_of(op), (enum fake_fault)variants[variant].what,
			   variants[variant].value, 1);
	if (vdpa_ctx_new(&ctx) < 0 ||
	    vdpa_ctx_set_roots(ctx, "/nonexistent", "/nonexistent", "/nonexistent") < 0 ||
	    vdpa_ctx_set_transport(ctx, &recorder, &r) < 0)
		abort();
	(void)op_run(ctx, op);
	vdpa_ctx_unref(ctx);
	fake_free(r.k);
	fclose(r.out);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 1;
	}
	for (int op = 0; op < OPS; op++)
		for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++)
			make(argv[1], (enum op)op, v);
	return 0;
}
