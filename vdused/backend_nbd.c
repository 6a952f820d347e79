/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/backend.h"

#include <errno.h>
#include <stddef.h>

static const char *const nbd_schemes[] = { "nbd", NULL };

static int nbd_open(const struct backend_params *params, struct backend **b, struct err *err)
{
	(void)params;
	(void)b;
	return err_set(err, -EOPNOTSUPP, "not there yet");
}

const struct backend_ops backend_nbd_ops = {
	.schemes = nbd_schemes,
	.usage = "nbd://HOST[:PORT]/EXPORT",
	.whole_uri = true,
	.open = nbd_open,
};
