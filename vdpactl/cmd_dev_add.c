// SPDX-License-Identifier: GPL-2.0-or-later
/* dev add */
#include <errno.h>

#include "command.h"
#include "dev_args.h"
#include "devs.h"
#include "make.h"
#include "vduse.h"

static enum status make(struct app *app, const struct args *args, const struct vdpa_spec *spec,
			const struct make_plan *plan)
{
	const struct outcome outcome = OUTCOME_NONE;
	enum status status = make_device(app, args, spec, plan);

	if (status)
		return status;
	status = devs_print_outcome(app, args->name, &outcome);
	if (!status && vduse_interrupted(app))
		status = diag_fail(app, args->name, EINTR, NULL, "interrupted");
	if (status)
		make_take_back(app, args->name);
	return status;
}

static enum status run(struct app *app, const struct args *args)
{
	CLEANUP(cleanup_vdpa_spec_unref_cb) struct vdpa_spec *spec = NULL;
	enum status status = ST_OK;
	struct make_plan plan;
	sigset_t before;

	/* `vdpa` and `vdpactl` without the new words print nothing. */
	if (make_has_more(args))
		status = app_open_section(app, "dev");
	if (!status)
		status = make_spec(app, args, &spec);
	if (!status)
		status = make_plan(app, args, &plan);
	if (status)
		return status;
	if (!make_has_more(args))
		return make_device(app, args, spec, &plan);
	/* Whoever interrupts this gets what was done undone first. */
	vduse_hold_signals(&before);
	status = make(app, args, spec, &plan);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

const struct arg dev_add_args[] = {
	{
		.word = "name",
		.match = MATCH_PREFIX,
		.kind = VALUE_NAME,
		.has = HAS_NAME,
		.metavar = "NAME",
		.help = "of the new device, 1 to 255 octets without '/'",
		.required = true,
		.legacy_missing = "device name is not set.",
	},
	{
		.word = "mgmtdev",
		.match = MATCH_PREFIX,
		.kind = VALUE_MGMTDEV,
		.has = HAS_MGMTDEV,
		.metavar = "MGMTDEV",
		.help = "the management device to make it from, as in mgmtdev show",
		.required = true,
		.legacy_missing = "management device handle not set.",
	},
	{
		.word = "mac",
		.match = MATCH_EXACT,
		.kind = VALUE_MAC,
		.has = HAS_MAC,
		.metavar = "MAC|random",
		.help = "address of a net device",
	},
	{
		.word = "mtu",
		.match = MATCH_EXACT,
		.kind = VALUE_U16,
		.has = HAS_MTU,
		.metavar = "MTU",
		.help = "of a net device, in octets",
	},
	{
		.word = "max_vqp",
		.match = MATCH_PREFIX,
		.kind = VALUE_U16,
		.has = HAS_MAX_VQP,
		.metavar = "N",
		.help = "pairs of virtqueues that a net device may use",
		.conflicts = HAS_MAX_VQS,
	},
	{
		.word = "max_vqs",
		.match = MATCH_NEW,
		.kind = VALUE_VQS,
		.has = HAS_MAX_VQS,
		.metavar = "N",
		.help = "the same as a number of virtqueues; an odd one counts the control queue",
		.conflicts = HAS_MAX_VQP,
	},
	{
		.word = "device_features",
		.match = MATCH_EXACT,
		.kind = VALUE_FEATURES,
		.has = HAS_FEATURES,
		.metavar = "HEX|NAMES",
		.help = "features to offer: a word of bits, or names like MAC,MTU (exactly those) "
			"or -CSUM,-MQ (all but those)",
	},
	{
		.word = "driver",
		.match = MATCH_NEW,
		.kind = VALUE_CHOICE,
		.has = HAS_DRIVER,
		.metavar = "DRIVER",
		.help = "vhost_vdpa: a char device for a virtual machine; virtio_vdpa: an "
			"interface or disk of this host; none: bind nothing",
		.choices = dev_drivers,
		.expected = "\"vhost_vdpa\", \"virtio_vdpa\" or \"none\"",
		.offset = offsetof(struct args, dev.driver),
	},
	DEV_ARG_WAIT,
	LINK_ARGS(0),
	DEV_ARG_FORCE("leave out the checks that protect the host; the kernel decides"),
	ARG_END,
};

const struct command cmd_dev_add = {
	.name = "add",
	.summary = "make a device (needs CAP_NET_ADMIN)",
	.match = MATCH_PREFIX,
	.args = dev_add_args,
	.run = run,
};
