/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "msg.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "uapi.h"

static struct nlmsghdr *header(const struct msg *m)
{
	return m->buf;
}

static bool reserve(struct msg *m, size_t need)
{
	size_t cap = m->cap ? m->cap : 256;
	void *buf;

	if (need <= m->cap)
		return true;
	while (cap < need)
		cap *= 2;
	buf = realloc(m->buf, cap);
	if (!buf) {
		m->err = -ENOMEM;
		return false;
	}
	m->buf = buf;
	m->cap = cap;
	return true;
}

void msg_begin(struct msg *m, uint16_t type, uint16_t flags, uint8_t cmd, uint8_t version)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *nlh;

	m->err = 0;
	if (!reserve(m, MNL_NLMSG_HDRLEN + GENL_HDRLEN))
		return;
	nlh = mnl_nlmsg_put_header(m->buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
}

void msg_put(struct msg *m, uint16_t attr, const void *data, size_t len)
{
	if (m->err)
		return;
	if (len > UINT16_MAX - MNL_ATTR_HDRLEN) {
		m->err = -EMSGSIZE;
		return;
	}
	if (!reserve(m, msg_len(m) + MNL_ATTR_HDRLEN + MNL_ALIGN(len)))
		return;
	/* libmnl 1.0.4 leaves the padding as it was. */
	memset((uint8_t *)m->buf + msg_len(m), 0, MNL_ATTR_HDRLEN + MNL_ALIGN(len));
	mnl_attr_put(header(m), attr, len, data);
}

void msg_put_str(struct msg *m, uint16_t attr, const char *s)
{
	msg_put(m, attr, s, strlen(s) + 1);
}

void msg_put_u16(struct msg *m, uint16_t attr, uint16_t v)
{
	msg_put(m, attr, &v, sizeof(v));
}

void msg_put_u32(struct msg *m, uint16_t attr, uint32_t v)
{
	msg_put(m, attr, &v, sizeof(v));
}

void msg_put_u64(struct msg *m, uint16_t attr, uint64_t v)
{
	msg_put(m, attr, &v, sizeof(v));
}

void msg_put_handle(struct msg *m, const char *handle)
{
	const char *slash = strchr(handle, '/');

	if (slash) {
		size_t len = (size_t)(slash - handle);
		char *bus = strndup(handle, len);

		if (!bus) {
			m->err = -ENOMEM;
			return;
		}
		msg_put(m, VDPA_NL_ATTR_MGMTDEV_BUS, bus, len + 1);
		free(bus);
		handle = slash + 1;
	}
	msg_put_str(m, VDPA_NL_ATTR_MGMTDEV_NAME, handle);
}

size_t msg_len(const struct msg *m)
{
	return header(m)->nlmsg_len;
}

unsigned int msg_attr_at(const struct msg *m, size_t offset)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, header(m), sizeof(struct genlmsghdr)) {
		size_t at = (size_t)((const uint8_t *)attr - (const uint8_t *)m->buf);

		if (offset >= at && offset < at + attr->nla_len)
			return mnl_attr_get_type(attr);
	}
	return 0;
}

void msg_free(struct msg *m)
{
	free(m->buf);
	*m = (struct msg)MSG_INIT;
}
