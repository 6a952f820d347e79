// SPDX-License-Identifier: GPL-2.0-or-later
/* Management devices, and each device: driver, node, users, addresses, the chain of MTUs. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "devs.h"

#define LISTED_MAX 8
#define LOW_MEMLOCK (64ull << 20)

/* ---- management devices ---- */

static size_t count_devices(const struct vdpa_dev_list *devs, const char *handle)
{
	size_t n = 0;

	for (size_t i = 0; devs && i < vdpa_dev_list_get_size(devs); i++) {
		const char *m = vdpa_dev_get_mgmtdev(vdpa_dev_list_get(devs, i));

		n += m && !strcmp(m, handle);
	}
	return n;
}

void check_parents(struct check *c)
{
	CLEANUP(cleanup_vdpa_mgmtdev_list_unref_cb) struct vdpa_mgmtdev_list *list = NULL;
	CLEANUP(cleanup_vdpa_dev_list_unref_cb) struct vdpa_dev_list *devs = NULL;
	CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT;
	size_t n, listed;

	if (!c->connected)
		return;
	if (vdpa_mgmtdev_list(c->app->ctx, &list) < 0) {
		check_add_error(c, CHECK_PROBLEM, "parents", vdpa_ctx_get_error(c->app->ctx));
		return;
	}
	n = vdpa_mgmtdev_list_get_size(list);
	/* With thousands of both, who has which device is the business of dev show. */
	if (n <= LISTED_MAX && vdpa_dev_list(c->app->ctx, &devs) < 0)
		devs = NULL;
	listed = n > LISTED_MAX && !c->app->opt.details ? LISTED_MAX : n;
	for (size_t i = 0; i < listed; i++) {
		const char *handle = vdpa_mgmtdev_get_handle(vdpa_mgmtdev_list_get(list, i));
		size_t made = count_devices(devs, handle);

		strbuf_addf(&text, "%s%s", i ? ", " : ": ", handle);
		if (made)
			strbuf_addf(&text, " (%zu device%s)", made, made == 1 ? "" : "s");
	}
	check_add(c, CHECK_OK, "parents", NULL, "%zu management device%s%s%s", n, n == 1 ? "" : "s",
		  text.len ? text.s : "", listed < n ? ", ..." : "");
}

/* ---- MTU ---- */

/* The interface of a PCI function itself, not one of those that stand for its VFs. */
static bool function_netdev(struct check *c, const char *pci, char name[64])
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;
	char port[64];

	strbuf_addf(&path, "%s/sys/bus/pci/devices/%s/net", c->root, pci);
	d = path.failed ? NULL : opendir(path.s);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strlen(e->d_name) > 63)
			continue;
		if (check_read(c, port, sizeof(port), "/sys/class/net/%s/phys_port_name",
			       e->d_name) &&
		    strstr(port, "pf"))
			continue;
		snprintf(name, 64, "%.63s", e->d_name);
		return true;
	}
	return false;
}

/* The same of a physical function, whose directory has as many as it has representors: asked once. */
static bool physical_netdev(struct check *c, const char *pf)
{
	if (strcmp(c->pf, pf) != 0) {
		snprintf(c->pf, sizeof(c->pf), "%s", pf);
		if (!function_netdev(c, pf, c->pf_netdev))
			*c->pf_netdev = '\0';
	}
	return *c->pf_netdev;
}

static void compare_mtu(struct check *c, const char *dev, unsigned int mtu, const char *what,
			const char *ifname)
{
	CLEANUP(cleanup_vdpa_netdev_unref_cb) struct vdpa_netdev *netdev = NULL;
	CLEANUP(strbuf_free) struct strbuf hint = STRBUF_INIT;

	if (vdpa_netdev_get(c->app->ctx, ifname, &netdev) < 0 || vdpa_netdev_get_mtu(netdev) >= mtu)
		return;
	strbuf_addf(&hint, "`ip link set dev %s mtu %u`", ifname, mtu);
	check_add(c, CHECK_WARNING, dev, hint.s,
		  "its MTU is %u, that of %s %s is %u: longer frames are dropped there", mtu, what,
		  ifname, vdpa_netdev_get_mtu(netdev));
}

static void check_mtu(struct check *c, const char *name, const struct vdpa_sysdev *s,
		      const struct vdpa_config *config)
{
	const char *pci = vdpa_sysdev_get_pci(s), *pf = vdpa_sysdev_get_pf(s);
	char ifname[64];
	uint16_t mtu;

	if (!config || !vdpa_config_get_mtu(config, &mtu))
		return;
	if (vdpa_sysdev_get_representor(s))
		compare_mtu(c, name, mtu, "its representor", vdpa_sysdev_get_representor(s));
	if (pf && physical_netdev(c, pf))
		compare_mtu(c, name, mtu, "its physical function's", c->pf_netdev);
	if (pci && pf && strcmp(pci, pf) != 0 && function_netdev(c, pci, ifname))
		compare_mtu(c, name, mtu, "its virtual function's", ifname);
}

/* ---- users ---- */

/* true with the soft limit, when there is one. */
static bool read_memlock(const struct check *c, pid_t pid, unsigned long long *limit)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_FCLOSE FILE *f = NULL;
	char line[256];

	strbuf_addf(&path, "%s/proc/%d/limits", c->root, (int)pid);
	f = path.failed ? NULL : fopen(path.s, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Max locked memory", 17))
			return sscanf(line + 17, "%llu", limit) == 1;
	}
	return false;
}

static void check_users(struct check *c, const char *name, struct strbuf *text)
{
	CLEANUP(cleanup_vdpa_user_list_unref_cb) struct vdpa_user_list *users = NULL;
	size_t n;

	if (vdpa_user_list(c->app->ctx, name, &users) < 0)
		return;
	n = vdpa_user_list_get_size(users);
	for (size_t i = 0; i < n; i++) {
		pid_t pid = vdpa_user_list_get_pid(users, i);
		unsigned long long limit;

		strbuf_addf(text, "%s%s (process %d)", i ? ", " : ", used by ",
			    vdpa_user_list_get_comm(users, i), (int)pid);
		if (!read_memlock(c, pid, &limit) || limit >= LOW_MEMLOCK)
			continue;
		check_add(c, CHECK_WARNING, name,
			  "give it a limit above the memory of its guest (`prlimit --memlock`, "
			  "LimitMEMLOCK= of systemd)",
			  "its user, process %d, may lock %llu octets: beyond that mapping memory "
			  "for the device fails with ENOMEM",
			  (int)pid, limit);
	}
}

/* ---- one device ---- */

static void check_node(struct check *c, const char *name, const struct vdpa_sysdev *s)
{
	const char *node = vdpa_sysdev_get_node(s), *driver = vdpa_sysdev_get_driver(s);

	if (node && access(node, F_OK) < 0)
		check_add(c, CHECK_PROBLEM, name,
			  "look whether devtmpfs is mounted on /dev, or give the node to this "
			  "container",
			  "its node %s is missing", node);
	if (driver && !strcmp(driver, "vhost_vdpa") && !vdpa_sysdev_get_chardev(s))
		check_add(c, CHECK_PROBLEM, name, "look at the kernel's log",
			  "vhost_vdpa has it and made no char device");
	if (driver && !strcmp(driver, "virtio_vdpa") && !vdpa_sysdev_get_virtio(s))
		check_add(c, CHECK_INFO, name, NULL,
			  "which virtio device belongs to it can't be told from sysfs");
}

static void check_config(struct check *c, const char *name, const struct vdpa_sysdev *s,
			 const struct vdpa_config *config)
{
	static const uint8_t zero[6];
	uint8_t mac[6];

	check_mtu(c, name, s, config);
	if (config && vdpa_sysdev_get_netdev(s) && vdpa_config_get_mac(config, mac) &&
	    !memcmp(mac, zero, 6))
		check_add(c, CHECK_WARNING, name,
			  "`vdpactl dev set name NAME mac MAC`, or add it with "
			  "\"mac\"",
			  "its MAC address is all zero: some drivers refuse to start it");
}

static void describe(struct strbuf *text, const struct vdpa_dev *dev, const struct vdpa_sysdev *s)
{
	const char *driver = vdpa_sysdev_get_driver(s), *node = vdpa_sysdev_get_node(s);
	const char *parent = vdpa_dev_get_mgmtdev(dev), *class;
	uint32_t id;

	class = vdpa_dev_get_id(dev, &id) ? vdpa_class_name(id) : NULL;
	strbuf_addf(text, "%s device of %s, bound to %s", class ? class : "a",
		    parent ? parent : "an unmanaged parent", driver ? driver : "nothing");
	if (node)
		strbuf_addf(text, ", %s", node);
	if (vdpa_sysdev_get_netdev(s))
		strbuf_addf(text, ", %s", vdpa_sysdev_get_netdev(s));
}

static void check_one(struct check *c, const struct vdpa_dev *dev, const struct vdpa_sysdev *s,
		      bool each)
{
	CLEANUP(cleanup_vdpa_config_unref_cb) struct vdpa_config *config = NULL;
	CLEANUP(strbuf_free) struct strbuf text = STRBUF_INIT;
	const char *name = vdpa_dev_get_name(dev);
	int r = vdpa_config_get(c->app->ctx, name, &config);

	if (r == -EOPNOTSUPP)
		check_add(
			c, CHECK_INFO, name, "`vdpactl dev config show` goes on",
			"the kernel has no configuration of its class: iproute2's `vdpa dev config "
			"show` stops here, and leaves out the devices behind it");
	/* One that has gone, and one that is not managed, are no failures. */
	else if (r < 0 && r != -ENODEV && r != -EINVAL)
		check_add_error(c, CHECK_PROBLEM, name, vdpa_ctx_get_error(c->app->ctx));
	describe(&text, dev, s);
	if (each && vdpa_sysdev_get_chardev(s))
		check_users(c, name, &text);
	if (each)
		check_add(c, CHECK_OK, name, NULL, "%s", text.s ? text.s : "");
	check_node(c, name, s);
	check_config(c, name, s, r < 0 ? NULL : config);
}

/* ---- all of them ---- */

/* Without the family sysfs still tells of the devices. */
static void list_names(struct check *c)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;
	size_t n = 0;

	strbuf_addf(&path, "%s/sys/bus/vdpa/devices", c->root);
	d = path.failed ? NULL : opendir(path.s);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' && (!e->d_name[1] || !strcmp(e->d_name, "..")))
			continue;
		if (n++ < LISTED_MAX)
			strbuf_addf(&text, "%s%s", text.len ? ", " : ": ", e->d_name);
	}
	if (d)
		check_add(c, CHECK_INFO, "devices", NULL,
			  "%zu in sysfs%s%s; nothing else is known of them without the family", n,
			  text.len ? text.s : "", n > LISTED_MAX ? ", ..." : "");
}

static void check_named(struct check *c, char **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP(cleanup_vdpa_dev_unref_cb) struct vdpa_dev *dev = NULL;
		CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *s = NULL;

		if (vdpa_dev_get(c->app->ctx, names[i], &dev) < 0 ||
		    vdpa_sysdev_get(c->app->ctx, names[i], &s) < 0)
			check_add_error(c, CHECK_PROBLEM, names[i],
					vdpa_ctx_get_error(c->app->ctx));
		else
			check_one(c, dev, s, true);
	}
}

/* One that went away meanwhile is none. */
static void check_list(struct check *c, const struct vdpa_dev_list *list, bool each)
{
	CLEANUP(cleanup_vdpa_sysdev_list_unref_cb) struct vdpa_sysdev_list *sysdevs = NULL;

	if (vdpa_sysdev_list(c->app->ctx, &sysdevs) < 0) {
		check_add_error(c, CHECK_PROBLEM, "devices", vdpa_ctx_get_error(c->app->ctx));
		return;
	}
	for (size_t i = 0; i < vdpa_dev_list_get_size(list); i++) {
		const struct vdpa_dev *dev = vdpa_dev_list_get(list, i);
		const struct vdpa_sysdev *s = devs_find_sysdev(sysdevs, vdpa_dev_get_name(dev));

		if (vdpa_dev_get_error(dev))
			check_add_error(c, CHECK_PROBLEM, vdpa_dev_get_name(dev),
					vdpa_dev_get_error(dev));
		else if (s)
			check_one(c, dev, s, each);
	}
}

void check_devices(struct check *c, char **names, size_t n)
{
	CLEANUP(cleanup_vdpa_dev_list_unref_cb) struct vdpa_dev_list *list = NULL;
	size_t size;
	bool each;

	if (!c->connected) {
		list_names(c);
		return;
	}
	if (!c->all) {
		check_named(c, names, n);
		return;
	}
	if (vdpa_dev_list(c->app->ctx, &list) < 0) {
		check_add_error(c, CHECK_PROBLEM, "devices", vdpa_ctx_get_error(c->app->ctx));
		return;
	}
	size = vdpa_dev_list_get_size(list);
	each = size <= CHECK_EACH_MAX;
	check_add(c, CHECK_OK, "devices", NULL, "%zu%s", size,
		  each ? "" :
			 "; only what is remarkable is told of each, and users are not looked for");
	if (size)
		check_list(c, list, each);
}
