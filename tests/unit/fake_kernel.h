/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A `vdpa` family without a kernel, behind the library's transport hook: a
 * model of management devices and devices that answers as Linux 6.12 does, and
 * that can be told to go wrong.
 *
 *   fake_new -> fake_mgmtdev, fake_dev: what there is
 *            -> fake_fault, fake_edit:  what goes wrong, how often
 *            -> fake_ctx:               a context that talks to it
 *
 * It keeps what was sent.  With fake_sysfs() the devices also stand in a
 * directory that the context takes for sysfs.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_H
#define TESTS_UNIT_FAKE_KERNEL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "libvdpamgmt/uapi.h"
#include "libvdpamgmt/vdpamgmt.h"

#define FAKE_PORTID 4242u
#define FAKE_FAMILY 0x1f
/* To fake_fault and fake_edit: the controller's commands, beside enum vdpa_command. */
#define FAKE_GETFAMILY 100u
#define FAKE_GETPOLICY 101u

struct fake_mgmtdev {
	const char *bus; /* NULL without */
	const char *name;
	uint64_t classes;
	uint32_t max_vqs;
	uint64_t features;
	uint64_t takes; /* bit N: attribute N in DEV_NEW */
	bool single; /* a second device gets ENOSPC */
};

struct fake_counter {
	const char *name;
	uint64_t value;
};

struct fake_dev {
	char *name;
	const struct fake_mgmtdev *mgmtdev; /* NULL: unmanaged */
	uint32_t id, vendor_id, max_vqs;
	uint16_t max_vq_size, min_vq_size;
	uint64_t features, negotiated;
	bool active; /* FEATURES_OK */
	uint8_t mac[6];
	uint16_t status, max_vqp, mtu;
	const uint64_t *blk; /* sixteen values; NULL: only a capacity */
	const struct fake_counter *counters; /* of each queue; queue N's values are N more */
	size_t n_counters;
	uint32_t stat_queues; /* that have counters */
	int broken; /* errno for whatever asks about it */
	bool keep; /* DEV_DEL is refused with EBUSY */
};

/* What befalls the first datagram of an answer, or the whole answer. */
enum fake_fault {
	FAULT_LOST, /* recv: -ENOBUFS, the answer is gone */
	FAULT_SILENCE, /* recv: -ETIMEDOUT */
	FAULT_RECV, /* recv: -value, then the answer */
	FAULT_SEND, /* send: -value, nothing is carried out */
	FAULT_SHORT, /* the datagram ends after value octets */
	FAULT_LENGTH, /* nlmsg_len is value */
	FAULT_SEQ, /* of another request */
	FAULT_PORTID, /* to another socket */
	FAULT_TYPE, /* nlmsg_type is value */
	FAULT_COMMAND, /* genl command is value */
	FAULT_ERRNO, /* an error message with value (as it is) instead */
	FAULT_ERRNO_SHORT, /* an error message of value payload octets */
	FAULT_INTERRUPTED, /* NLM_F_DUMP_INTR */
	FAULT_DONE, /* NLMSG_DONE with value after the first datagram */
	FAULT_MESSAGE, /* an empty message of type value in front */
	FAULT_CUT, /* value octets of NLMSG_NOOP behind, to outgrow a buffer */
	FAULT_STALE, /* a late answer to an earlier request in front */
	FAULT_NOISE, /* value datagrams of others in front */
	FAULT_TWICE, /* the object again behind it */
};

/* What befalls the attributes of each object in an answer. */
enum fake_edit {
	EDIT_DROP, /* attr is missing */
	EDIT_TWICE, /* attr stands there twice */
	EDIT_SIZE, /* attr has value octets */
	EDIT_UNTERMINATED, /* attr has no NUL */
	EDIT_UNKNOWN, /* a new attribute attr of value octets */
	EDIT_REVERSE, /* all attributes in the other order */
	EDIT_NAME, /* attr is a string of value letters */
	EDIT_TORN, /* the last attribute claims value octets too many */
};

struct fake_datagram {
	struct fake_datagram *next;
	int err; /* recv returns this instead */
	size_t len;
	uint8_t data[];
};

struct fake_plan {
	unsigned int command;
	bool is_edit;
	int what; /* enum fake_fault or fake_edit */
	unsigned int attr;
	int64_t value;
	unsigned int times;
};

#define FAKE_PLANS 16

struct fake {
	struct fake_mgmtdev *mgmtdevs;
	size_t n_mgmtdevs;
	struct fake_dev **devs;
	size_t n_devs;

	bool no_family, no_policy, no_privilege, no_cap_ack;
	uint64_t commands; /* bit N: served */
	size_t round_bytes; /* of one dump datagram */
	void (*between_rounds)(struct fake *k); /* called once after a dump's first datagram */
	int open_error;

	unsigned int opens, closes, sends; /* calls */
	unsigned int requests[128]; /* that came, by command */
	uint8_t *last; /* the last datagram that came */
	size_t last_len;
	uint8_t last_request[65536 * 2]; /* its last message */
	uint32_t last_seq;

	/* Its own business. */
	struct fake_plan plans[FAKE_PLANS];
	struct fake_datagram *queue;
	bool dumping;
	struct nlmsghdr dump; /* the request that is being answered */
	unsigned int dump_command;
	size_t dump_at, dump_rounds;
	struct fake_datagram *raw; /* fake_raw(): answers in place of all others */
	bool is_raw;
	char root[32]; /* a temporary directory; "" = none */
	const char *child_of; /* a directory of it where new devices appear too */
};

struct fake *fake_new(void);
void fake_free(struct fake *k);
/* vdpasim_net, vdpasim_blk and pci/0000:65:00.2, with no devices. */
struct fake *fake_new_usual(void);
extern const struct vdpa_transport fake_transport;
/* A context on k; without fake_sysfs() its sysfs is empty. */
struct vdpa_ctx *fake_ctx(struct fake *k);
/* Before fake_ctx: devices appear as directories in k->root/sys/bus/vdpa/devices. */
void fake_sysfs(struct fake *k);

struct fake_mgmtdev *fake_mgmtdev(struct fake *k, const char *bus, const char *name);
/* A device with usual values; mgmtdev is "BUS/NAME", "NAME" or NULL. */
struct fake_dev *fake_dev(struct fake *k, const char *mgmtdev, const char *name, uint32_t id);
struct fake_dev *fake_find(struct fake *k, const char *name);
void fake_remove(struct fake *k, const char *name);

/* The next `times` answers to command go wrong in this way. */
void fake_fault(struct fake *k, unsigned int command, enum fake_fault what, int64_t value,
		unsigned int times);
void fake_edit(struct fake *k, unsigned int command, enum fake_edit what, unsigned int attr,
	       int64_t value, unsigned int times);
/* From now on, answer with these octets only: each call adds a datagram. */
void fake_raw(struct fake *k, const void *data, size_t len);

/*
 * ---- among fake_kernel.c (socket), fake_ctrl.c (controller), fake_model.c
 * (devices), fake_request.c (commands), fake_fault.c (what goes wrong) ----
 */

struct fake_datagram *fake_datagram(const void *data, size_t len, int err);
void fake_drop(struct fake_datagram **queue);
void fake_damage(struct fake *k, unsigned int command);
void fake_get_family(struct fake *k, const struct nlmsghdr *req);
/* Message number i of a policy dump: first the commands, then an attribute each. */
int fake_policy_object(struct fake *k, size_t *i, void *buf);
void fake_queue(struct fake *k, const void *data, size_t len);
void *fake_alloc(size_t n);
/* The plan for command, used up by one; NULL when there is none. */
struct fake_plan *fake_take(struct fake *k, unsigned int command, bool is_edit, int what);
/* Begins an answer in buf, of type and to req. */
struct nlmsghdr *fake_begin(void *buf, const struct nlmsghdr *req, uint16_t type, uint16_t flags);
void fake_ack(struct fake *k, const struct nlmsghdr *req, int err, const char *text,
	      const struct nlattr *at);
const struct fake_mgmtdev *fake_find_mgmtdev(const struct fake *k, const char *bus,
					     const char *name);
struct fake_dev *fake_new_dev(struct fake *k, const struct fake_mgmtdev *m, const char *name,
			      uint32_t id);
/* Answers of the family: the header, and whole objects; 0 or -errno. */
struct nlmsghdr *fake_object(void *buf, const struct nlmsghdr *req, uint16_t flags, uint8_t cmd);
int fake_fill_mgmtdev(const struct fake_mgmtdev *m, const struct nlmsghdr *req, uint16_t flags,
		      void *buf);
int fake_fill_dev(const struct fake_dev *d, const struct nlmsghdr *req, uint16_t flags, void *buf);
int fake_fill_config(const struct fake_dev *d, const struct nlmsghdr *req, uint16_t flags,
		     void *buf);
/* One request of the vdpa family. */
void fake_request(struct fake *k, const struct nlmsghdr *req);
/* The object number i of a dump into buf: its length, 0 when there is none, or -errno. */
int fake_dump_object(struct fake *k, unsigned int command, size_t *i, void *buf);
void fake_apply_edits(struct fake *k, unsigned int command, struct nlmsghdr *nlh);

#endif
