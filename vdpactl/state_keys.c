// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of the file's objects.  schema/vdpactl-state-1.json says the same; a test compares the two. */
#include "state.h"

static const char *const drivers[] = { "vhost_vdpa", "virtio_vdpa", "none", NULL };
static const char *const types[] = { "block", NULL };
static const char *const caches[] = { "direct", "buffered", NULL };
static const char *const switches[] = { "on", "off", NULL };

#define DEVICE(field) offsetof(struct state_device, field)
#define VDUSE(field) offsetof(struct state_vduse, field)

const struct state_key state_device_keys[] = {
	{ "name", STATE_KIND_NAME, STATE_HAS_NAME, true, .max = 255, .offset = DEVICE(name) },
	{ "mgmtdev", STATE_KIND_MGMTDEV, STATE_HAS_MGMTDEV, true, .offset = DEVICE(mgmtdev) },
	{ "mac", STATE_KIND_MAC, STATE_HAS_MAC, .offset = DEVICE(mac) },
	{ "mtu", STATE_KIND_NUMBER, STATE_HAS_MTU, .min = 68, .max = 65535, .offset = DEVICE(mtu) },
	{ "max_vqp", STATE_KIND_NUMBER, STATE_HAS_MAX_VQP, .min = 1, .max = 65535,
	  .offset = DEVICE(max_vqp) },
	{ "device_features", STATE_KIND_FEATURES, STATE_HAS_FEATURES },
	{ "driver", STATE_KIND_CHOICE, STATE_HAS_DRIVER, .choices = drivers,
	  .offset = DEVICE(driver) },
	{ "owner", STATE_KIND_TEXT, STATE_HAS_OWNER, .max = 255, .offset = DEVICE(node.owner) },
	{ "group", STATE_KIND_TEXT, STATE_HAS_GROUP, .max = 255, .offset = DEVICE(node.group) },
	{ "mode", STATE_KIND_MODE, STATE_HAS_MODE, .max = 4, .offset = DEVICE(node.mode) },
	{ NULL },
};

const struct state_key state_vduse_keys[] = {
	{ "name", STATE_KIND_VDUSE_NAME, STATE_HAS_NAME, true, .max = 128, .offset = VDUSE(name) },
	{ "type", STATE_KIND_CHOICE, STATE_HAS_TYPE, true, .choices = types,
	  .offset = VDUSE(type) },
	{ "backend", STATE_KIND_TEXT, STATE_HAS_BACKEND, true, .max = 4096,
	  .offset = VDUSE(backend) },
	{ "queues", STATE_KIND_NUMBER, STATE_HAS_QUEUES, .min = 1, .max = 64,
	  .offset = VDUSE(queues) },
	{ "queue_size", STATE_KIND_NUMBER, STATE_HAS_QUEUE_SIZE, .power_of_two = true, .min = 4,
	  .max = 1024, .offset = VDUSE(queue_size) },
	{ "readonly", STATE_KIND_BOOL, STATE_HAS_READONLY, .offset = VDUSE(readonly) },
	{ "block_size", STATE_KIND_ONE_OF_TWO, STATE_HAS_BLOCK_SIZE, .min = 512, .max = 4096,
	  .offset = VDUSE(block_size) },
	{ "serial", STATE_KIND_TEXT, STATE_HAS_SERIAL, .max = 20, .offset = VDUSE(serial) },
	{ "cache", STATE_KIND_CHOICE, STATE_HAS_CACHE, .choices = caches, .offset = VDUSE(cache) },
	{ "packed", STATE_KIND_BOOL, STATE_HAS_PACKED, .offset = VDUSE(packed) },
	{ "in_order", STATE_KIND_CHOICE, STATE_HAS_IN_ORDER, .choices = switches,
	  .offset = VDUSE(in_order) },
	{ "reconnect", STATE_KIND_NUMBER, STATE_HAS_RECONNECT, .max = 1000000,
	  .offset = VDUSE(reconnect) },
	{ "threads", STATE_KIND_NUMBER, STATE_HAS_THREADS, .max = 64, .offset = VDUSE(threads) },
	{ "poll_us", STATE_KIND_NUMBER, STATE_HAS_POLL_US, .max = 1000, .offset = VDUSE(poll_us) },
	{ "user", STATE_KIND_TEXT, STATE_HAS_USER, .max = 255, .offset = VDUSE(user) },
	{ "driver", STATE_KIND_CHOICE, STATE_HAS_DRIVER, .choices = drivers,
	  .offset = VDUSE(driver) },
	{ "owner", STATE_KIND_TEXT, STATE_HAS_OWNER, .max = 255, .offset = VDUSE(node.owner) },
	{ "group", STATE_KIND_TEXT, STATE_HAS_GROUP, .max = 255, .offset = VDUSE(node.group) },
	{ "mode", STATE_KIND_MODE, STATE_HAS_MODE, .max = 4, .offset = VDUSE(node.mode) },
	{ NULL },
};
