/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running device, for device.c. */
#ifndef VDUSED_DEVICE_RUN_H
#define VDUSED_DEVICE_RUN_H

#include "vdused/device.h"

/* Puts the device's sources into the main loop. 0 or a negative errno. */
int device_watch(struct device *dev);
int device_watch_messages(struct device *dev);
/* Starts every queue that the driver has made ready. `resume`: with what an earlier process left. */
void device_run(struct device *dev, bool resume);

#endif
