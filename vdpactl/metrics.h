/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics in the text format of Prometheus.  Samples come device by device and
 * are printed metric by metric, as the format wants them.
 *
 *   cmd_metrics.c -> metrics_dev.c    parents, devices, their virtqueues
 *                    metrics_vduse.c  daemons of VDUSE devices
 *                    metrics.c        the format
 */
#ifndef VDPACTL_METRICS_H
#define VDPACTL_METRICS_H

#include <stdint.h>

#include "app.h"

enum metric {
	METRIC_BUILD_INFO,
	METRIC_MGMTDEV_INFO,
	METRIC_MGMTDEV_MAX_VQS,
	METRIC_MGMTDEV_MAX_DEVICES,
	METRIC_DEVICES,
	METRIC_DEVICE_INFO,
	METRIC_DEVICE_MAX_VQS,
	METRIC_DEVICE_NEGOTIATED,
	METRIC_DEVICE_LINK_UP,
	METRIC_DEVICE_MTU,
	METRIC_DEVICE_MAX_VQ_PAIRS,
	METRIC_DEVICE_CAPACITY,
	METRIC_DEVICE_READ_ONLY,
	METRIC_QUEUE_VENDOR,
	METRIC_VDUSE_INFO,
	METRIC_VDUSE_UP,
	METRIC_VDUSE_UPTIME,
	METRIC_VDUSE_CAPACITY,
	METRIC_VDUSE_REQUESTS,
	METRIC_VDUSE_BYTES,
	METRIC_VDUSE_ERRORS,
	METRIC_VDUSE_KICKS,
	METRIC_VDUSE_INTERRUPTS,
	METRIC_VDUSE_IN_FLIGHT,
	METRIC_VDUSE_BROKEN,
	METRIC_SCRAPE_ERROR,
	METRIC_SCRAPE_COMPLETE,
	METRIC_SCRAPE_DURATION,
	METRICS
};

struct metrics {
	struct app *app;
	struct strbuf samples[METRICS]; /* the lines of each */
	enum metric open; /* the one whose sample is begun */
	bool labels; /* that sample has some */
};

/* ---- metrics.c ---- */

/* A sample: begun, then its labels (NULL: it has no such label), then its value. */
void metric_begin(struct metrics *m, enum metric metric);
void metric_label(struct metrics *m, const char *label, const char *value);
void metric_label_u64(struct metrics *m, const char *label, uint64_t value);
void metric_end(struct metrics *m, uint64_t value);
/* The same of a single label, which is "name" unless NULL. */
void metric_of(struct metrics *m, enum metric metric, const char *name, uint64_t value);
/* A value of so many microseconds, in seconds; no labels. */
void metric_seconds(struct metrics *m, enum metric metric, uint64_t us);
/* A part of a device could not be read: errnum is positive. */
void metric_error(struct metrics *m, const char *name, const char *part, int errnum);
/* All of it into sb, each metric behind its HELP and TYPE. */
void metrics_print(struct metrics *m, struct strbuf *sb);
void metrics_free(struct metrics *m);
/* What a label's value looks like, without the quotes. */
void metric_escape(struct strbuf *sb, const char *value);

/* ---- metrics_dev.c, metrics_vduse.c ---- */

/* A failure to list devices is reported; a device's own is a sample. */
enum status metrics_devices(struct metrics *m);
void metrics_vduse(struct metrics *m);

#endif
