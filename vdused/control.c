/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vdused/log.h"

static void cleanup_json_cb(json_t **j)
{
	json_decref(*j);
}

#define CLEANUP_JSON CLEANUP(cleanup_json_cb)

static void drop(struct control_client *client)
{
	struct control *c = client->control;

	if (c->stopper == client)
		c->stopper = NULL;
	loop_del(c->dev->loop, &client->source);
	close(client->source.fd);
	client->source.fd = -1;
}

/* Takes the answer over. A client that does not read is dropped. */
static void answer(struct control_client *client, json_t *reply)
{
	json_t *owned CLEANUP_JSON = reply;
	char *text CLEANUP_FREE = owned ? json_dumps(owned, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	if (!text) {
		drop(client);
		return;
	}
	text[len++] = '\n'; /* in the place of the NUL */
	if (send(client->source.fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
		drop(client);
}

/* Octets as JSON: where they are no UTF-8, question marks stand for what is not ASCII. */
static json_t *text_of(const char *s)
{
	json_t *text = json_string(s ? s : "");
	char *ascii CLEANUP_FREE = text ? NULL : strdup(s);

	for (char *p = ascii; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	return text || !ascii ? text : json_string(ascii);
}

static void answer_error(struct control_client *client, const char *text)
{
	answer(client, json_pack("{s:b, s:o}", "ok", 0, "error", text_of(text)));
}

/* ---- status ---------------------------------------------------------------------- */

static void add_counters(json_t *object, const uint64_t counters[VQ_STATS])
{
	for (int i = 0; i < VQ_STATS; i++)
		json_object_set_new(object, vq_stat_names[i], json_integer((json_int_t)counters[i]));
}

static json_t *queue_status(const struct vq *vq)
{
	uint64_t counters[VQ_STATS];
	bool ready = vq_state(vq) != VQ_IDLE;
	json_t *q = json_pack("{s:i, s:b, s:i, s:b, s:i, s:s?}", "index", (int)vq->index, "ready", ready, "size",
			      ready ? (int)vq->ring.setup.size : 0, "packed", ready && vq->ring.setup.packed,
			      "in_flight", (int)__atomic_load_n(&vq->in_flight, __ATOMIC_RELAXED), "broken",
			      vring_broken(&vq->ring) ? vq->ring.why : NULL);

	for (int i = 0; i < VQ_STATS; i++)
		counters[i] = vq_counter(vq, (enum vq_stat)i);
	if (q)
		add_counters(q, counters);
	return q;
}

static json_t *all_counters(const struct device *dev)
{
	json_t *statistics = json_object();
	uint64_t sums[VQ_STATS] = { 0 };

	for (unsigned q = 0; q < dev->vq_count; q++)
		for (int i = 0; i < VQ_STATS; i++)
			sums[i] += vq_counter(&dev->vqs[q], (enum vq_stat)i);
	if (statistics)
		add_counters(statistics, sums);
	return statistics;
}

static json_t *status(const struct device *dev)
{
	const struct options *o = dev->options;
	json_t *queues = json_array();
	struct timespec now;
	char features[24];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(features, sizeof(features), "0x%llx", (unsigned long long)dev->driver_features);
	for (unsigned i = 0; queues && i < dev->vq_count; i++)
		json_array_append_new(queues, queue_status(&dev->vqs[i]));
	return json_pack("{s:b, s:s, s:s, s:i, s:s, s:i, s:o, s:b, s:I, s:i, s:o, s:i, s:i, s:b, s:s, s:b, s:b, s:I, s:o, s:o}",
			 "ok", 1, "name", o->name, "type", "block", "pid", (int)getpid(), "version", PACKAGE_VERSION,
			 "api_version", (int)dev->vduse.api_version, "backend", text_of(o->backend),
			 "readonly", dev->blk.readonly, "size", (json_int_t)(dev->blk.capacity * 512), "block_size",
			 (int)dev->blk.block_size, "serial", text_of(o->serial), "queues",
			 (int)dev->vq_count, "queue_size", (int)o->queue_size, "driver_ok",
			 (dev->status & VIRTIO_CONFIG_S_DRIVER_OK) != 0, "features", features, "failing",
			 dev->backend == NULL, "broken", dev->broken, "uptime",
			 (json_int_t)(now.tv_sec - dev->started.tv_sec), "statistics", all_counters(dev),
			 "virtqueues", queues);
}

/* ---- commands -------------------------------------------------------------------- */

static struct control *stopping; /* of device_quiesce(), which knows only the device */

static void stopped(struct device *dev)
{
	struct control *c = stopping;
	struct err err;

	if (c->destroy && device_destroy(dev, &err)) {
		log_warn("%s", err.text);
		if (c->stopper)
			answer_error(c->stopper, err.text);
		c->stopper = NULL;
		c->destroy = false;
		/* Without privileges it could not be opened again: another daemon may take it over. */
		c->finished = c->dev->vduse.fd < 0;
		return;
	}
	c->destroyed = c->destroy;
	c->finished = true;
	if (c->stopper)
		answer(c->stopper, json_pack("{s:b}", "ok", 1));
}

/*
 * Is it on the vdpa bus?  Another parent's device may have the name: the place tells, which is
 * .../vduse/NAME/NAME.  The kernel refuses to destroy what got there since.
 */
static bool is_attached(const char *name)
{
	char path[64 + VDUSE_NAME_MAX], want[16 + 2 * VDUSE_NAME_MAX], target[1024];
	size_t len = (size_t)snprintf(want, sizeof(want), "/vduse/%s/%s", name, name);
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", name);
	n = readlink(path, target, sizeof(target));
	return n >= (ssize_t)len && !memcmp(target + n - len, want, len);
}

static void stop(struct control_client *client, bool destroy)
{
	struct control *c = client->control;

	if (destroy && is_attached(c->dev->options->name)) {
		answer_error(client, "the vdpa device is still there: delete it first");
		return;
	}
	if (c->finished || c->dev->drained) {
		answer_error(client, "it is being stopped already");
		return;
	}
	stopping = c;
	c->stopper = client;
	c->destroy = destroy;
	device_quiesce(c->dev, stopped);
}

static void resize(struct control_client *client, const json_t *size)
{
	json_int_t octets = json_integer_value(size);
	struct err err;

	if (size && octets <= 0)
		answer_error(client, "expected \"size\" to be a number of octets");
	else if (device_resize(client->control->dev, (uint64_t)octets, &err))
		answer_error(client, err.text);
	else
		answer(client, json_pack("{s:b, s:I}", "ok", 1, "size",
					 (json_int_t)(client->control->dev->blk.capacity * 512)));
}

static void command(struct control_client *client, const char *line)
{
	json_t *request CLEANUP_JSON = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "command"));

	if (!name)
		answer_error(client, "expected a JSON object with the string \"command\"");
	else if (!strcmp(name, "status"))
		answer(client, status(client->control->dev));
	else if (!strcmp(name, "stop"))
		stop(client, json_is_true(json_object_get(request, "destroy")));
	else if (!strcmp(name, "resize"))
		resize(client, json_object_get(request, "size"));
	else
		answer_error(client, "unknown command: expected status, stop or resize");
}

/* ---- connections ------------------------------------------------------------------ */

static void client_ready(struct loop_source *src, uint32_t events)
{
	struct control_client *client = (struct control_client *)src;
	ssize_t n = recv(src->fd, client->line + client->len, sizeof(client->line) - client->len, MSG_DONTWAIT);
	char *end;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(client);
		return;
	}
	client->len += (size_t)n;
	while (src->fd >= 0 && (end = memchr(client->line, '\n', client->len))) {
		size_t used = (size_t)(end - client->line) + 1;

		*end = '\0';
		command(client, client->line);
		client->len -= used;
		memmove(client->line, client->line + used, client->len);
	}
	if (src->fd >= 0 && client->len == sizeof(client->line)) {
		answer_error(client, "the line is too long");
		if (src->fd >= 0)
			drop(client);
	}
}

static void listener_ready(struct loop_source *src, uint32_t events)
{
	struct control *c = (struct control *)((char *)src - offsetof(struct control, listener));
	int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *client = &c->clients[i];

		if (client->source.fd >= 0)
			continue;
		client->control = c;
		client->len = 0;
		client->source.fd = fd;
		client->source.ready = client_ready;
		if (loop_add(c->dev->loop, &client->source, EPOLLIN))
			drop(client);
		return;
	}
	close(fd);
}

void control_clear(struct control *c)
{
	memset(c, 0, sizeof(*c));
	c->listener.fd = -1;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		c->clients[i].source.fd = -1;
}

int control_init(struct control *c, int listener, struct device *dev)
{
	c->dev = dev;
	c->listener.fd = listener;
	c->listener.ready = listener_ready;
	return loop_add(dev->loop, &c->listener, EPOLLIN);
}

void control_stop(struct control *c)
{
	stopping = c;
	if (!c->finished)
		device_quiesce(c->dev, stopped);
}

void control_fini(struct control *c)
{
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i].source.fd >= 0)
			drop(&c->clients[i]);
	if (c->listener.fd >= 0)
		close(c->listener.fd);
	c->listener.fd = -1;
}
