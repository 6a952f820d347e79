/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library's requests, each followed by a look at everything that it returned. */
#ifndef TESTS_FUZZ_OPS_H
#define TESTS_FUZZ_OPS_H

#include "libvdpamgmt/vdpamgmt.h"

enum op {
	OP_CONNECT,
	OP_MGMTDEV_LIST,
	OP_MGMTDEV_GET,
	OP_DEV_LIST,
	OP_DEV_GET,
	OP_CONFIG_LIST,
	OP_CONFIG_GET,
	OP_VSTATS_GET,
	OP_VSTATS_CTRL,
	OP_VSTATS_LIST,
	OP_CAPS,
	OP_ADD,
	OP_SET,
	OP_DEL,
	OP_BULK,
	OP_PIPELINE,
	OPS
};

extern const char *const op_names[OPS];
/* What can be asserted of any answer is asserted: aborts when it does not hold. */
int op_run(struct vdpa_ctx *ctx, enum op op);

/*
 * A seed: the op (with OP_AS_IT_IS or without), then each datagram behind its
 * length (two octets, low first; 0xffff alone: a lost one).
 */
#define OP_AS_IT_IS 0x80 /* don't put the right sequence numbers in */

#endif
