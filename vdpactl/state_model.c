// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "state.h"

#define QUEUE_SIZE 256
#define POLL_US UINT64_MAX /* as long as pays, which no number says */

void state_device_free(struct state_device *d)
{
	free(d->name);
	free(d->mgmtdev);
	free(d->features_text);
	free(d->other_driver);
	state_node_free(&d->node);
	*d = (struct state_device){ 0 };
}

void state_vduse_free(struct state_vduse *v)
{
	free(v->name);
	free(v->backend);
	free(v->serial);
	free(v->user);
	state_node_free(&v->node);
	*v = (struct state_vduse){ 0 };
}

void state_free(struct state *s)
{
	for (size_t i = 0; i < s->n_devices; i++)
		state_device_free(&s->devices[i]);
	for (size_t i = 0; i < s->n_vduse; i++)
		state_vduse_free(&s->vduse[i]);
	free(s->devices);
	free(s->vduse);
	free(s->text);
	*s = (struct state){ 0 };
}

/* As vdused has them, see options.c there. */
void state_vduse_defaults(struct state_vduse *v)
{
	if (!(v->has & STATE_HAS_TYPE))
		v->type = "block";
	if (!(v->has & STATE_HAS_QUEUES))
		v->queues = 1;
	if (!(v->has & STATE_HAS_QUEUE_SIZE))
		v->queue_size = QUEUE_SIZE;
	if (!(v->has & STATE_HAS_POLL_US))
		v->poll_us = POLL_US;
	if (!(v->has & STATE_HAS_CACHE))
		v->cache = "direct";
	if (!(v->has & STATE_HAS_IN_ORDER))
		v->in_order = "off";
}

const char *state_driver(const char *text)
{
	static const char *const names[] = { "vhost_vdpa", "virtio_vdpa", "none" };

	if (!text)
		return "none";
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(text, names[i]))
			return names[i];
	}
	return NULL;
}
