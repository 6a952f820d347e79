// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel, its modules, who asks, and the vdpa bus. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "bind.h"
#include "check.h"

#define CAP_NET_ADMIN 12
#define LOW_MEMLOCK (64ull << 20)

/* ---- kernel ---- */

static void check_kernel(struct check *c)
{
	struct utsname u;
	unsigned int major, minor;

	if (uname(&u) < 0)
		return;
	snprintf(c->release, sizeof(c->release), "%s", u.release);
	if (sscanf(u.release, "%u.%u", &major, &minor) == 2)
		c->version = KERNEL(major, minor);
	check_add(c, CHECK_OK, "kernel", NULL, "%s %s %s", u.sysname, u.release, u.machine);
}

/* ---- modules ---- */

enum presence {
	MODULE_ABSENT,
	MODULE_AVAILABLE,
	MODULE_LOADED, /* or a part of the kernel */
};

static struct module {
	const char *name;
	bool parent; /* makes management devices */
} const modules[] = {
	{ "vdpa", false },	  { "vhost_vdpa", false }, { "virtio_vdpa", false },
	{ "vduse", true },	  { "mlx5_vdpa", true },   { "ifcvf", true },
	{ "vp_vdpa", true },	  { "pds_vdpa", true },	   { "octep_vdpa", true },
	{ "alibaba_eni", true },  { "snet_vdpa", true },   { "vdpa_sim_net", true },
	{ "vdpa_sim_blk", true },
};

#define MODULES (sizeof(modules) / sizeof(*modules))

bool check_module_loaded(const struct check *c, const char *module)
{
	return check_exists(c, "/sys/module/%s", module);
}

/* path is "kernel/drivers/.../NAME.ko.xz": where '-' and '_' are the same. */
static bool is_module(const char *path, size_t len, const char *name)
{
	const char *base = memrchr(path, '/', len);
	size_t n = strlen(name);

	base = base ? base + 1 : path;
	if ((size_t)(path + len - base) < n + 3 || strncmp(base + n, ".ko", 3) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((base[i] == '-' ? '_' : base[i]) != name[i])
			return false;
	}
	return true;
}

/* One of the files that depmod writes: each line begins with a path. */
static bool scan_modules(const struct check *c, const char *file, enum presence found,
			 enum presence state[MODULES])
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_FREE char *line = NULL;
	CLEANUP_FCLOSE FILE *f = NULL;
	size_t size = 0;

	strbuf_addf(&path, "%s/lib/modules/%s/%s", c->root, c->release, file);
	f = path.failed ? NULL : fopen(path.s, "re");
	if (!f)
		return false;
	while (getline(&line, &size, f) > 0) {
		size_t len = strcspn(line, ":\n");

		for (size_t i = 0; i < MODULES; i++) {
			if (state[i] < found && is_module(line, len, modules[i].name))
				state[i] = found;
		}
	}
	return true;
}

static void list_modules(struct check *c, const enum presence state[MODULES], enum presence which,
			 const char *what)
{
	CLEANUP(strbuf_free) struct strbuf list = STRBUF_INIT;

	for (size_t i = 0; i < MODULES; i++) {
		if (state[i] == which)
			strbuf_addf(&list, " %s", modules[i].name);
	}
	if (list.len)
		check_add(c, CHECK_OK, "modules", NULL, "%s:%s", what, list.s);
}

static void judge_modules(struct check *c, const enum presence state[MODULES], bool known)
{
	bool parent = false;

	for (size_t i = 0; i < MODULES; i++)
		parent |= modules[i].parent && state[i] == MODULE_LOADED;
	if (state[0] == MODULE_AVAILABLE)
		check_add(c, CHECK_WARNING, "modules", "load it: `modprobe vdpa`",
			  "vdpa is not loaded, and nothing loads it by itself");
	else if (state[0] == MODULE_ABSENT)
		check_add(
			c, CHECK_PROBLEM, "modules",
			known ? "use a kernel with CONFIG_VDPA" :
				"look whether this kernel has CONFIG_VDPA, and where its modules are",
			known ? "this kernel has no module vdpa" :
				"vdpa is not loaded, and /lib/modules/%s can't be read",
			c->release);
	else if (!parent)
		check_add(c, CHECK_INFO, "modules",
			  "load the driver of your hardware, or one of vduse, vdpa_sim_net, "
			  "vdpa_sim_blk",
			  "no driver is loaded that would make management devices");
	for (size_t i = 1; i < 3; i++) {
		if (state[0] == MODULE_LOADED && state[i] == MODULE_ABSENT && known)
			check_add(c, CHECK_WARNING, "modules", NULL,
				  "this kernel has no module %s: devices can't be bound to it",
				  modules[i].name);
	}
}

static void check_modules(struct check *c)
{
	enum presence state[MODULES] = { 0 };
	bool known = scan_modules(c, "modules.dep", MODULE_AVAILABLE, state);

	scan_modules(c, "modules.builtin", MODULE_LOADED, state);
	for (size_t i = 0; i < MODULES; i++) {
		if (check_module_loaded(c, modules[i].name))
			state[i] = MODULE_LOADED;
	}
	/* Without parameters a part of the kernel is no entry there, but the bus is. */
	if (check_exists(c, "/sys/bus/vdpa"))
		state[0] = MODULE_LOADED;
	list_modules(c, state, MODULE_LOADED, "loaded");
	list_modules(c, state, MODULE_AVAILABLE, "available");
	judge_modules(c, state, known);
}

/* ---- who asks ---- */

static void check_namespace(struct check *c)
{
	CLEANUP(strbuf_free) struct strbuf mine = STRBUF_INIT, first = STRBUF_INIT;
	struct stat a, b;

	strbuf_addf(&mine, "%s/proc/self/ns/net", c->root);
	strbuf_addf(&first, "%s/proc/1/ns/net", c->root);
	if (mine.failed || first.failed)
		return;
	if (stat(mine.s, &a) < 0 || stat(first.s, &b) < 0)
		check_add(c, CHECK_INFO, "netns", NULL,
			  "whether this is the network namespace of process 1 can't be seen: %s",
			  strerror(errno));
	else if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
		check_add(
			c, CHECK_WARNING, "netns", "`nsenter -t 1 -n vdpactl check`",
			"this is not the network namespace of process 1; the kernel's vdpa family "
			"is in the initial one alone");
	else
		check_add(c, CHECK_OK, "netns", NULL, "the network namespace of process 1");
}

static bool has_net_admin(const struct check *c)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_FCLOSE FILE *f = NULL;
	unsigned long long caps;
	char line[256];

	strbuf_addf(&path, "%s/proc/self/status", c->root);
	f = path.failed ? NULL : fopen(path.s, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			return caps >> CAP_NET_ADMIN & 1;
	}
	return false;
}

static void check_privileges(struct check *c)
{
	bool admin = has_net_admin(c);

	if (geteuid() == 0 && admin)
		check_add(c, CHECK_OK, "privileges", NULL, "root, CAP_NET_ADMIN");
	else
		check_add(c, CHECK_INFO, "privileges", "run it as root to see everything",
			  "user %u, %s CAP_NET_ADMIN: other users' processes and the daemons of "
			  "VDUSE devices are not seen, and nothing can be changed",
			  (unsigned int)geteuid(), admin ? "with" : "without");
}

static void check_memlock(struct check *c)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_MEMLOCK, &r) < 0 || !check_module_loaded(c, "vhost_vdpa"))
		return;
	if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur >= LOW_MEMLOCK)
		return;
	check_add(c, CHECK_INFO, "memlock",
		  "give the process that opens /dev/vhost-vdpa-N a limit above the memory of its "
		  "guest (`ulimit -l`, LimitMEMLOCK= of systemd)",
		  "a process started here may lock %llu octets; vhost_vdpa locks all memory of a "
		  "guest, also for root, and fails with ENOMEM beyond the limit",
		  (unsigned long long)r.rlim_cur);
}

/* ---- the family ---- */

static void list_commands(struct check *c, const struct vdpa_caps *caps)
{
	CLEANUP(strbuf_free) struct strbuf list = STRBUF_INIT;

	for (unsigned int i = VDPA_COMMAND_MGMTDEV_GET; i <= VDPA_COMMAND_ATTR_SET; i++) {
		if (vdpa_caps_has_command(caps, i))
			strbuf_addf(&list, "%s%s", list.len ? ", " : "", vdpa_command_name(i));
	}
	check_add(c, CHECK_OK, "family", NULL, "serves %s; attributes up to %u",
		  list.len ? list.s : "nothing", vdpa_caps_get_max_attr(caps));
}

static void check_family(struct check *c)
{
	struct vdpa_caps *caps = NULL;

	if (vdpa_ctx_connect(c->app->ctx) < 0) {
		/* Without the bus the modules are to blame, and were. */
		if (check_exists(c, "/sys/bus/vdpa"))
			check_add_error(c, CHECK_PROBLEM, "family",
					vdpa_ctx_get_error(c->app->ctx));
		return;
	}
	c->connected = true;
	if (vdpa_caps_get(c->app->ctx, &caps) < 0) {
		check_add_error(c, CHECK_WARNING, "family", vdpa_ctx_get_error(c->app->ctx));
		return;
	}
	list_commands(c, caps);
	if (!vdpa_caps_has_command(caps, VDPA_COMMAND_ATTR_SET))
		check_add(c, CHECK_INFO, "family", NULL,
			  "this kernel can't change devices (`dev set`): Linux 6.12 can");
	if (!vdpa_caps_has_command(caps, VDPA_COMMAND_VSTATS_GET))
		check_add(c, CHECK_INFO, "family", NULL,
			  "this kernel has no statistics (`dev vstats`): Linux 5.19 has");
	vdpa_caps_unref(caps);
}

/* ---- the bus ---- */

/* The file has text while somebody has switched autoprobe off for a moment, or was killed then. */
static bool is_left(const struct check *c)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	char text[8];
	bool locked;
	int fd;

	if (!check_read(c, text, sizeof(text), "/run/vdpactl/bind.lock"))
		return false;
	strbuf_addf(&path, "%s/run/vdpactl/bind.lock", c->root);
	fd = path.failed ? -1 : open(path.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_SH | LOCK_NB) < 0;
	close(fd);
	return !locked;
}

static void check_autoprobe(struct check *c)
{
	bool on;

	if (!check_exists(c, "/sys/bus/vdpa"))
		return;
	if (vdpa_autoprobe_get(c->app->ctx, &on) < 0)
		check_add_error(c, CHECK_INFO, "autoprobe", vdpa_ctx_get_error(c->app->ctx));
	else if (on)
		check_add(c, CHECK_OK, "autoprobe", NULL,
			  "on: new devices go to the driver that was loaded first");
	else if (is_left(c))
		check_add(c, CHECK_WARNING, "autoprobe",
			  "the next `dev add ... driver` or `vduse add` switches it on again, or "
			  "`echo 1 >/sys/bus/vdpa/drivers_autoprobe` does",
			  "off, left so by a vdpactl that was killed: new devices are bound to "
			  "nothing");
	else
		check_add(c, CHECK_INFO, "autoprobe", NULL,
			  "off: new devices are bound to nothing unless `dev add` names a driver");
}

static void check_nodes(struct check *c)
{
	if (check_module_loaded(c, "vduse") && !check_exists(c, "/dev/vduse/control"))
		check_add(
			c, CHECK_WARNING, "/dev/vduse/control",
			"let udev or devtmpfs make it, or give it to this container",
			"missing, although the module vduse is loaded: no VDUSE device can be made");
}

void check_host(struct check *c)
{
	check_kernel(c);
	check_modules(c);
	check_namespace(c);
	check_privileges(c);
	check_family(c);
	check_autoprobe(c);
	check_nodes(c);
	check_memlock(c);
}
