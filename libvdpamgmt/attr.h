/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the attributes of a reply.  What passes attrs_parse() has the size
 * that its type demands, strings end in a NUL inside their attribute, and
 * order does not matter.
 */
#ifndef LIBVDPAMGMT_ATTR_H
#define LIBVDPAMGMT_ATTR_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "uapi.h"

struct attrs {
	const struct nlattr *at[VDPA_NL_ATTR_MAX + 1]; /* into the message; NULL = not given */
};

/* 0, or -EBADMSG when an attribute is not of its type or the message is torn. */
int attrs_parse(const struct nlmsghdr *nlh, struct attrs *attrs);
/* The same verdict for one attribute; unknown types pass. */
int attr_check(const struct nlattr *attr);

/* Values; the string is NULL, the others false, when not given. */
const char *attrs_str(const struct attrs *attrs, unsigned int type);
bool attrs_uint(const struct attrs *attrs, unsigned int type, uint64_t *value);
/* An integer of 1, 2, 4 or 8 octets. */
uint64_t attr_uint(const struct nlattr *attr);

#endif
