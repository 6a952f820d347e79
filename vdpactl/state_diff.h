/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between a device as it shall be and as it is.
 *
 * Only what `want` gives is compared, and only with what `have` tells: an
 * attribute that the kernel does not report (it reports those that belong to the
 * offered features) counts as equal, for making the device again would not make
 * it show.  One exception: without a number of queue pairs a net device has one.
 */
#ifndef VDPACTL_STATE_DIFF_H
#define VDPACTL_STATE_DIFF_H

#include "common/strbuf.h"
#include "state.h"

#define STATE_DIFF_PARENT (1u << 0)
#define STATE_DIFF_MAC (1u << 1)
#define STATE_DIFF_MTU (1u << 2)
#define STATE_DIFF_MAX_VQP (1u << 3)
#define STATE_DIFF_FEATURES (1u << 4)
#define STATE_DIFF_DRIVER (1u << 5)
#define STATE_DIFF_LACKING (1u << 6) /* state_diff_lacking() */
/* These are fixed when a device is made; so is the MAC where the parent can't change it. */
#define STATE_DIFF_FIXED                                                                  \
	(STATE_DIFF_PARENT | STATE_DIFF_MTU | STATE_DIFF_MAX_VQP | STATE_DIFF_FEATURES | \
	 STATE_DIFF_LACKING)
#define STATE_DIFF_NODE (1u << 10) /* whom the char device belongs to; of both */
/* Of VDUSE devices. */
#define STATE_DIFF_OPTIONS (1u << 7)
#define STATE_DIFF_DAEMON (1u << 8) /* it has none */
#define STATE_DIFF_DETACHED (1u << 9) /* it has no vDPA device */

/*
 * state_diff: STATE_DIFF_*, 0 when nothing differs.  Both have a name, which is
 * not compared; want's features are bits (STATE_HAS_FEATURES without
 * features_text).  have comes from state_device_of().
 */
unsigned int state_diff(const struct state_device *want, const struct state_device *have);
/*
 * What the device does not tell because it was made without the feature, and
 * would with those that its parent offers: STATE_DIFF_LACKING with STATE_DIFF_MAC
 * or _MTU; 0 when want gives the features itself.
 */
unsigned int state_diff_lacking(const struct state_device *want, const struct state_device *have,
				uint64_t offered);
/* The feature that an attribute goes with (STATE_HAS_MAC, _MTU, _MAX_VQP), or 0. */
uint64_t state_feature_of(unsigned int has);
/* "mtu 1500 -> 9000, driver none -> vhost_vdpa" */
void state_diff_text(struct strbuf *sb, const struct state_device *want,
		     const struct state_device *have, unsigned int differs);

/* The same for what vdused is started with; both with state_vduse_defaults(). */
bool state_vduse_same(const struct state_vduse *want, const struct state_vduse *have);
void state_vduse_diff_text(struct strbuf *sb, const struct state_vduse *want,
			   const struct state_vduse *have);
/* "backend file:/x queues 2": what is given of an object, but its name, in the order of keys. */
void state_object_text(struct strbuf *sb, const struct state_key *keys, const void *object,
		       unsigned int has);

#endif
