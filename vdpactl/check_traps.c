// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is known to be wrong, or easily fatal, in a range of kernels.  The ranges
 * are those of upstream releases that were looked at; a distribution may have
 * repaired its own.
 */
#include "check.h"

#define ANY 0u
#define EVER 1000000u

static const struct trap {
	unsigned int from; /* the first release that has it */
	unsigned int before; /* the first that does not, as far as is known */
	const char *module; /* that brings it, or NULL */
	enum check_level level;
	const char *text;
	const char *hint;
} traps[] = {
	{ ANY, EVER, "vhost_vdpa", CHECK_INFO,
	  "a device that is deleted while a process has its /dev/vhost-vdpa-N open makes the kernel "
	  "wait without end for that process, and every vdpa command with it",
	  "delete devices with `vdpactl dev del`, which refuses this and names the process" },
	{ ANY, EVER, "vduse", CHECK_INFO,
	  "a VDUSE device that is deleted when its daemon is dead makes the kernel wait without end "
	  "for the requests in flight",
	  "`vdpactl vduse rescue NAME` starts a daemon that ends them" },
	{ ANY, EVER, "vduse", CHECK_INFO,
	  "with drivers_autoprobe on, adding a VDUSE device by `vdpa dev add` holds the locks of all "
	  "vdpa requests until its daemon has answered, and without end if msg_timeout is 0",
	  "`vdpactl vduse add` and `vdpactl vduse attach` bind it later" },
	{ KERNEL(6, 12), KERNEL(7, 2), "mlx5_vdpa", CHECK_WARNING,
	  "`dev set NAME mac MAC` on mlx5 makes the NIC go on with the old address",
	  "delete the device and add it with the new address, or update the kernel" },
	{ ANY, KERNEL(6, 12), "mlx5_vdpa", CHECK_INFO,
	  "adding a device of a name that exists is refused only after mlx5 touched the hardware, "
	  "which has crashed kernels",
	  "add devices with `vdpactl dev add`, which looks before" },
	{ KERNEL(6, 12), KERNEL(6, 13), "vdpa_sim", CHECK_WARNING,
	  "a signal that kills a process in the middle of adding a simulated device crashes the "
	  "kernel",
	  "let `dev add` end by itself; the simulators are no drivers for production" },
	{ KERNEL(7, 2), KERNEL(7, 3), "vduse", CHECK_INFO,
	  "the module vduse is referenced once more by each VDUSE device that was added and deleted, "
	  "so that it can't be removed any more",
	  "nothing else suffers; it ends with a reboot" },
	{ ANY, EVER, "vp_vdpa", CHECK_WARNING,
	  "a second device on one PCI function of vp_vdpa ends in a crash when it is deleted",
	  "add devices with `vdpactl dev add` without \"force\", which refuses the second one" },
	{ ANY, EVER, "ifcvf", CHECK_WARNING,
	  "a second device on one PCI function of ifcvf drives the same hardware",
	  "add devices with `vdpactl dev add` without \"force\", which refuses the second one" },
	{ ANY, KERNEL(6, 1), "vdpa", CHECK_INFO,
	  "the kernel's listing of configurations stops at a device whose features are not negotiated",
	  "`vdpactl dev config show` asks for each device" },
};

void check_traps(struct check *c)
{
	for (size_t i = 0; i < sizeof(traps) / sizeof(*traps); i++) {
		const struct trap *t = &traps[i];

		if (c->version < t->from || c->version >= t->before)
			continue;
		if (t->module && !check_module_loaded(c, t->module))
			continue;
		check_add(c, t->level, t->module ? t->module : "kernel", t->hint, "%s", t->text);
	}
}
