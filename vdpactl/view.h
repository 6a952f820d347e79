/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects to text and to JSON: pure functions, both views from the same
 * input.  By default they give what iproute2's vdpa prints, to the byte.
 */
#ifndef VDPACTL_VIEW_H
#define VDPACTL_VIEW_H

#include <stdbool.h>

#include "common/strbuf.h"
#include "json_out.h"
#include "vdpamgmt.h"

struct app;

struct view {
	bool legacy;
	bool details;
	bool oneline; /* text */
	bool numeric;
};

struct view view_of(const struct app *app);

/* A device and what else is known of it; all but dev may be NULL. */
struct dev_view {
	const struct vdpa_dev *dev;
	const struct vdpa_sysdev *sysdev;
	const struct vdpa_netdev *netdev;
	const struct vdpa_vstats_list *vstats;
	const struct vdpa_config *config;
	const struct vdpa_user_list *users; /* n_users of them, from first_user on */
	size_t first_user;
	size_t n_users;
};

void view_text_mgmtdev(struct strbuf *sb, const struct view *v, const struct vdpa_mgmtdev *m);
void view_text_dev(struct strbuf *sb, const struct view *v, const struct dev_view *d);
void view_text_config(struct strbuf *sb, const struct view *v, const struct vdpa_config *c);
/* index: say which queue it is */
void view_text_vstats(struct strbuf *sb, const struct view *v, const struct vdpa_vstats *s,
		      bool index);
void view_text_vstats_list(struct strbuf *sb, const struct view *v, const char *name,
			   const struct vdpa_vstats_list *list);

json_t *view_json_mgmtdev(const struct view *v, const struct vdpa_mgmtdev *m);
json_t *view_json_dev(const struct view *v, const struct dev_view *d);
/* n of the users, from first on */
json_t *view_json_users(const struct vdpa_user_list *users, size_t first, size_t n);
json_t *view_json_config(const struct view *v, const struct vdpa_config *c);
json_t *view_json_vstats(const struct view *v, const struct vdpa_vstats *s, bool index);
json_t *view_json_vstats_list(const struct view *v, const struct vdpa_vstats_list *list);

/* Statistics of virtqueues at two times; all is borrowed. */
struct rates_view {
	const char *name;
	struct vdpa_vstats *const *before;
	size_t n_before; /* 0: this is the first look */
	struct vdpa_vstats *const *now;
	size_t n_now;
	uint64_t us; /* between the two; 0 with the first */
	const char *message; /* why there are none now; or NULL */
	int errnum; /* of that */
};

/* Both say the time first.  JSON is a document on one line; json_load() must have been called. */
void view_text_rates(struct strbuf *sb, const struct rates_view *v);
void view_json_rates(struct strbuf *sb, const struct rates_view *v);

/* ---- what both views share ---- */

/* The word for a queue's type, or NULL for a queue of no net device. */
const char *view_queue_type(const struct vdpa_vstats *s);
/* The name of a feature bit as that view prints it, or NULL. */
const char *view_feature_name(const struct view *v, uint32_t id, unsigned int bit);

#endif
