// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics.h"

#include <inttypes.h>
#include <string.h>

#include "text.h"

static const struct {
	const char *name;
	const char *type;
	const char *help;
} table[METRICS] = {
	[METRIC_BUILD_INFO] = { "vdpactl_build_info", "gauge", "The program that made this." },
	[METRIC_MGMTDEV_INFO] = { "vdpa_mgmtdev_info", "gauge",
				  "A management device, and the classes of devices that it makes." },
	[METRIC_MGMTDEV_MAX_VQS] = { "vdpa_mgmtdev_max_vqs", "gauge",
				     "Virtqueues that one of its devices can have." },
	[METRIC_MGMTDEV_MAX_DEVICES] = { "vdpa_mgmtdev_max_devices", "gauge",
					 "Devices that it can have at a time, where there is a limit." },
	[METRIC_DEVICES] = { "vdpa_devices", "gauge",
			     "Devices by management device, driver and class." },
	[METRIC_DEVICE_INFO] = { "vdpa_device_info", "gauge",
				 "A device, and what its driver made of it." },
	[METRIC_DEVICE_MAX_VQS] = { "vdpa_device_max_vqs", "gauge", "Its virtqueues." },
	[METRIC_DEVICE_NEGOTIATED] = { "vdpa_device_negotiated", "gauge",
				       "1 while a driver or guest has negotiated features with it." },
	[METRIC_DEVICE_LINK_UP] = { "vdpa_device_link_up", "gauge",
				    "Link state that the driver of a net device sees." },
	[METRIC_DEVICE_MTU] = { "vdpa_device_mtu_bytes", "gauge", "MTU of a net device." },
	[METRIC_DEVICE_MAX_VQ_PAIRS] = { "vdpa_device_max_vq_pairs", "gauge",
					 "Pairs of virtqueues of a net device." },
	[METRIC_DEVICE_CAPACITY] = { "vdpa_device_capacity_bytes", "gauge",
				     "Size of a block device." },
	[METRIC_DEVICE_READ_ONLY] = { "vdpa_device_read_only", "gauge",
				      "1 when a block device can't be written to." },
	[METRIC_QUEUE_VENDOR] = { "vdpa_queue_vendor_total", "counter",
				  "What the vendor's driver counts for a virtqueue, under its names." },
	[METRIC_VDUSE_INFO] = { "vdpa_vduse_info", "gauge",
				"A VDUSE device and the daemon that serves it." },
	[METRIC_VDUSE_UP] = { "vdpa_vduse_up", "gauge",
			      "1 when its daemon answers and serves requests." },
	[METRIC_VDUSE_UPTIME] = { "vdpa_vduse_uptime_seconds", "gauge",
				  "How long its daemon has been running." },
	[METRIC_VDUSE_CAPACITY] = { "vdpa_vduse_capacity_bytes", "gauge", "Size of its disk." },
	[METRIC_VDUSE_REQUESTS] = { "vdpa_vduse_requests_total", "counter",
				    "Requests that the daemon completed." },
	[METRIC_VDUSE_BYTES] = { "vdpa_vduse_bytes_total", "counter",
				 "Data that the daemon read and wrote." },
	[METRIC_VDUSE_ERRORS] = { "vdpa_vduse_errors_total", "counter",
				  "Requests that ended with an error." },
	[METRIC_VDUSE_KICKS] = { "vdpa_vduse_kicks_total", "counter",
				 "Notifications by the driver." },
	[METRIC_VDUSE_INTERRUPTS] = { "vdpa_vduse_interrupts_total", "counter",
				      "Notifications to the driver." },
	[METRIC_VDUSE_IN_FLIGHT] = { "vdpa_vduse_in_flight", "gauge",
				     "Requests without an answer yet." },
	[METRIC_VDUSE_BROKEN] = { "vdpa_vduse_queue_broken", "gauge",
				  "1 when the daemon gave a virtqueue up, as its driver broke the rules." },
	[METRIC_SCRAPE_ERROR] = { "vdpa_scrape_error", "gauge",
				  "1 for each part of a device that could not be read." },
	[METRIC_SCRAPE_COMPLETE] = { "vdpa_scrape_complete", "gauge",
				     "0 when a part was left out as a whole, for want of permission or time." },
	[METRIC_SCRAPE_DURATION] = { "vdpa_scrape_duration_seconds", "gauge",
				     "Time that it took to collect all this." },
};

static struct strbuf *line(struct metrics *m)
{
	return &m->samples[m->open];
}

void metric_begin(struct metrics *m, enum metric metric)
{
	m->open = metric;
	m->labels = false;
	strbuf_add(line(m), table[metric].name);
}

void metric_escape(struct strbuf *sb, const char *value)
{
	CLEANUP(strbuf_free) struct strbuf plain = STRBUF_INIT;

	text_escaped(&plain, value);
	for (const char *p = plain.s; p && *p; p++) {
		if (*p == '"' || *p == '\\')
			strbuf_addc(sb, '\\');
		strbuf_addc(sb, *p);
	}
	sb->failed = sb->failed || plain.failed;
}

static void begin_label(struct metrics *m, const char *label)
{
	strbuf_addc(line(m), m->labels ? ',' : '{');
	strbuf_add(line(m), label);
	strbuf_add(line(m), "=\"");
	m->labels = true;
}

void metric_label(struct metrics *m, const char *label, const char *value)
{
	if (!value)
		return;
	begin_label(m, label);
	metric_escape(line(m), value);
	strbuf_addc(line(m), '"');
}

void metric_label_u64(struct metrics *m, const char *label, uint64_t value)
{
	begin_label(m, label);
	text_u64(line(m), value);
	strbuf_addc(line(m), '"');
}

void metric_end(struct metrics *m, uint64_t value)
{
	strbuf_add(line(m), m->labels ? "} " : " ");
	text_u64(line(m), value);
	strbuf_addc(line(m), '\n');
}

void metric_of(struct metrics *m, enum metric metric, const char *name, uint64_t value)
{
	metric_begin(m, metric);
	metric_label(m, "name", name);
	metric_end(m, value);
}

void metric_seconds(struct metrics *m, enum metric metric, uint64_t us)
{
	metric_begin(m, metric);
	strbuf_addf(line(m), " %" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}

void metric_error(struct metrics *m, const char *name, const char *part, int errnum)
{
	const char *code = strerrorname_np(errnum);

	metric_begin(m, METRIC_SCRAPE_ERROR);
	metric_label(m, "name", name);
	metric_label(m, "part", part);
	metric_label(m, "code", code ? code : "?");
	metric_end(m, 1);
}

void metrics_print(struct metrics *m, struct strbuf *sb)
{
	for (size_t i = 0; i < METRICS; i++) {
		const struct strbuf *s = &m->samples[i];

		sb->failed = sb->failed || s->failed;
		if (!s->len)
			continue;
		strbuf_addf(sb, "# HELP %s %s\n# TYPE %s %s\n", table[i].name, table[i].help,
			    table[i].name, table[i].type);
		strbuf_addn(sb, s->s, s->len);
		strbuf_free(&m->samples[i]);
	}
}

void metrics_free(struct metrics *m)
{
	for (size_t i = 0; i < METRICS; i++)
		strbuf_free(&m->samples[i]);
}
