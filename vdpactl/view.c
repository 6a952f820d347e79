// SPDX-License-Identifier: GPL-2.0-or-later
#include "view.h"

#include "app.h"

struct view view_of(const struct app *app)
{
	return (struct view){
		.legacy = app->legacy,
		.details = app->opt.details,
		.oneline = app->opt.oneline,
		.numeric = app->opt.numeric,
	};
}

const char *view_queue_type(const struct vdpa_vstats *s)
{
	switch (vdpa_vstats_get_queue_type(s)) {
	case VDPA_QUEUE_RX:
		return "rx";
	case VDPA_QUEUE_TX:
		return "tx";
	case VDPA_QUEUE_CTRL:
		return "control_vq";
	case VDPA_QUEUE_OTHER:
		break;
	}
	return NULL;
}

const char *view_feature_name(const struct view *v, uint32_t id, unsigned int bit)
{
	return v->legacy ? legacy_feature_name(id, bit) : vdpa_feature_name(id, bit);
}
