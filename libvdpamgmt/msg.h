/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building one request.  Every put checks its room; what does not fit is
 * remembered in err (-ENOMEM, -EMSGSIZE: longer than an attribute can be),
 * which the sender looks at once.
 */
#ifndef LIBVDPAMGMT_MSG_H
#define LIBVDPAMGMT_MSG_H

#include <stddef.h>
#include <stdint.h>

struct msg {
	void *buf; /* owned; begins with a struct nlmsghdr whose length is kept right */
	size_t cap;
	int err;
};

#define MSG_INIT           \
	{                  \
		NULL, 0, 0 \
	}

/* Begins a generic netlink message; flags are NLM_F_*.  Discards what m held. */
void msg_begin(struct msg *m, uint16_t type, uint16_t flags, uint8_t cmd, uint8_t version);
void msg_put(struct msg *m, uint16_t attr, const void *data, size_t len);
void msg_put_str(struct msg *m, uint16_t attr, const char *s);
void msg_put_u16(struct msg *m, uint16_t attr, uint16_t v);
void msg_put_u32(struct msg *m, uint16_t attr, uint32_t v);
void msg_put_u64(struct msg *m, uint16_t attr, uint64_t v);
/* A parent's handle "BUS/NAME" or "NAME" as its one or two attributes. */
void msg_put_handle(struct msg *m, const char *handle);
size_t msg_len(const struct msg *m);
/* The attribute that lies at that offset of the message, 0 for none. */
unsigned int msg_attr_at(const struct msg *m, size_t offset);
void msg_free(struct msg *m);

#endif
