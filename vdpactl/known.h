/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is, as far as a reader of events was told.  From it follow which
 * event is news and, after events were lost, what has to be told.
 */
#ifndef VDPACTL_KNOWN_H
#define VDPACTL_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "vdpamgmt.h"

struct known_dev {
	char *name; /* owned, as all strings; the others may be NULL */
	char *driver;
	char *netdev;
	char *blockdev;
	uint64_t ino; /* tells it from an earlier device of that name; 0 when it is not known */
};

struct known {
	void *devs; /* tree of struct known_dev */
	size_t size;
};

/* What happened, or what there is; the strings are borrowed and may be NULL. */
struct happening {
	const char *event; /* "add", "present", ... */
	unsigned int subject; /* VDPA_MONITOR_*; 0: of none */
	const char *dev;
	const char *driver;
	const char *node;
	const char *old_node;
	uint64_t seqnum; /* 0 when it has none */
};

typedef void (*happening_cb)(const struct happening *h, void *data);

void known_free(struct known *k);
/* Reads what there is; 0 or -errno with the failure in ctx. */
int known_read(struct known *k, struct vdpa_ctx *ctx);
/* 1: it is news; 0: k has it already; -ENOMEM. */
int known_apply(struct known *k, const struct vdpa_event *e);
/* All that there is, as events "present". */
void known_list(const struct known *k, happening_cb cb, void *data);
/* What leads from one to the other, as events. */
void known_compare(const struct known *from, const struct known *to, happening_cb cb, void *data);

#endif
