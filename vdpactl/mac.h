/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VDPACTL_MAC_H
#define VDPACTL_MAC_H

#include "args.h"

/* The address that the arguments ask for: checked, or made up for "random". */
enum status mac_of_args(struct app *app, const struct args *args, bool may_force, uint8_t mac[6]);

#endif
