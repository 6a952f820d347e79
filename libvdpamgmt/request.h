/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The three requests that change something: how each is built, checked
 * before it is sent, and judged when the kernel's answer was lost.
 * Used one by one (request.c) and many at a time (bulk.c).
 */
#ifndef LIBVDPAMGMT_REQUEST_H
#define LIBVDPAMGMT_REQUEST_H

#include "nl.h"

/* The request to add spec's device, or to delete name; msg begun and filled. 0 or -errno. */
int request_add(struct vdpa_ctx *ctx, const struct vdpa_spec *spec, unsigned int flags,
		struct nl_request *rq);
int request_del(struct vdpa_ctx *ctx, const char *name, unsigned int flags, struct nl_request *rq);
/*
 * request_settle: where the kernel's answer was lost or is not understood,
 * look whether the device is there and answer for it.  r for any other result.
 */
int request_settle(struct vdpa_ctx *ctx, const struct nl_request *rq, int r);

#endif
