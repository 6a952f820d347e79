/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <pthread.h>
#include <string.h>

#include "common/dlsyms.h"
#include "sysdev.h"

struct nl_addr;
struct nl_sock;
struct rtnl_link;

/* libnl's functions with its documented signatures: its headers are not needed to build. */
#define LIBNL_SYMBOLS(X)                                                                         \
	X(struct nl_sock *, nl_socket_alloc, (void))                                             \
	X(void, nl_socket_free, (struct nl_sock *))                                              \
	X(int, nl_connect, (struct nl_sock *, int))                                              \
	X(const char *, nl_geterror, (int))                                                      \
	X(unsigned int, nl_addr_get_len, (const struct nl_addr *))                               \
	X(void *, nl_addr_get_binary_addr, (const struct nl_addr *))                             \
	X(int, rtnl_link_get_kernel, (struct nl_sock *, int, const char *, struct rtnl_link **)) \
	X(void, rtnl_link_put, (struct rtnl_link *))                                             \
	X(char *, rtnl_link_get_name, (struct rtnl_link *))                                      \
	X(int, rtnl_link_get_ifindex, (struct rtnl_link *))                                      \
	X(unsigned int, rtnl_link_get_mtu, (struct rtnl_link *))                                 \
	X(struct nl_addr *, rtnl_link_get_addr, (struct rtnl_link *))                            \
	X(uint8_t, rtnl_link_get_operstate, (struct rtnl_link *))                                \
	X(char *, rtnl_link_operstate2str, (uint8_t, char *, size_t))

#define MEMBER(type, name, args) type(*name) args;
#define ENTRY(type, name, args) { #name, &libnl.name },

/* Filled once, never changed after. */
static struct {
	LIBNL_SYMBOLS(MEMBER)
} libnl;
static const char *libnl_missing;
static pthread_once_t libnl_once = PTHREAD_ONCE_INIT;

static void libnl_load(void)
{
	static const char *const sonames[] = { "libnl-3.so.200", "libnl-route-3.so.200", NULL };
	const struct dl_symbol symbols[] = { LIBNL_SYMBOLS(ENTRY) };

	libnl_missing = dl_load(sonames, symbols, sizeof(symbols) / sizeof(*symbols));
}

/* libnl's own error numbers */
#define NLE_NOMEM 5
#define NLE_OBJ_NOTFOUND 12
#define NLE_PERM 28
#define NLE_NODEV 31

static int libnl_errno(int nle)
{
	switch (-nle) {
	case NLE_NOMEM:
		return ENOMEM;
	case NLE_OBJ_NOTFOUND:
	case NLE_NODEV:
		return ENODEV;
	case NLE_PERM:
		return EPERM;
	default:
		return EIO;
	}
}

struct vdpa_netdev {
	atomic_uint refs;
	char *name; /* owned */
	unsigned int ifindex;
	unsigned int mtu;
	bool has_mac;
	uint8_t mac[6];
	char operstate[32];
};

static void netdev_release(struct vdpa_netdev *netdev)
{
	free(netdev->name);
	free(netdev);
}

DEFINE_UNREF(vdpa_netdev, netdev_release)

static void cleanup_socket_cb(struct nl_sock **sock)
{
	if (*sock)
		libnl.nl_socket_free(*sock);
}

static void cleanup_link_cb(struct rtnl_link **link)
{
	if (*link)
		libnl.rtnl_link_put(*link);
}

static struct vdpa_netdev *netdev_new(struct rtnl_link *link)
{
	CLEANUP(cleanup_vdpa_netdev_unref_cb) struct vdpa_netdev *n = calloc(1, sizeof(*n));
	const char *name = libnl.rtnl_link_get_name(link);
	struct nl_addr *addr = libnl.rtnl_link_get_addr(link);

	if (!n)
		return NULL;
	atomic_init(&n->refs, 1);
	n->name = strdup(name ? name : "");
	if (!n->name)
		return NULL;
	n->ifindex = (unsigned int)libnl.rtnl_link_get_ifindex(link);
	n->mtu = libnl.rtnl_link_get_mtu(link);
	if (addr && libnl.nl_addr_get_len(addr) == sizeof(n->mac)) {
		memcpy(n->mac, libnl.nl_addr_get_binary_addr(addr), sizeof(n->mac));
		n->has_mac = true;
	}
	libnl.rtnl_link_operstate2str(libnl.rtnl_link_get_operstate(link), n->operstate,
				      sizeof(n->operstate));
	for (char *p = n->operstate; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return TAKE(n);
}

static int fail_get(struct vdpa_ctx *ctx, const char *ifname, int nle)
{
	int err = libnl_errno(nle);

	if (err == ENODEV)
		return ctx_fail(ctx, ENODEV, "no network interface is named \"%s\"", ifname);
	return ctx_fail(ctx, err, "can't read network interface \"%s\": %s", ifname,
			libnl.nl_geterror(nle));
}

int vdpa_netdev_get(struct vdpa_ctx *ctx, const char *ifname, struct vdpa_netdev **netdev)
{
	CLEANUP(cleanup_socket_cb) struct nl_sock *sock = NULL;
	CLEANUP(cleanup_link_cb) struct rtnl_link *link = NULL;
	CLEANUP_FREE char *dir = NULL;
	int r;

	pthread_once(&libnl_once, libnl_load);
	if (libnl_missing) {
		ctx_fail(ctx, ENOSYS, "libnl-route-3 can't be used: %s is missing", libnl_missing);
		ctx_hint(ctx, "install libnl-route-3 to see network interfaces");
		return -ENOSYS;
	}
	if (!*ifname || strlen(ifname) >= IF_NAMESIZE || strchr(ifname, '/'))
		return ctx_fail(ctx, ENODEV, "no network interface is named \"%s\"", ifname);
	dir = format_string("%s/class/net/%s", ctx->sys, ifname);
	if (!dir)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	if (!netdev_is_here(dir))
		return ctx_fail(ctx, ENODEV,
				"network interface \"%s\" of %s is in another network namespace",
				ifname, ctx->sys);
	sock = libnl.nl_socket_alloc();
	if (!sock)
		return ctx_fail(ctx, ENOMEM, "out of memory");
	r = libnl.nl_connect(sock, NETLINK_ROUTE);
	if (r == 0)
		r = libnl.rtnl_link_get_kernel(sock, 0, ifname, &link);
	if (r < 0)
		return fail_get(ctx, ifname, r);
	*netdev = netdev_new(link);
	return *netdev ? 0 : ctx_fail(ctx, ENOMEM, "out of memory");
}

const char *vdpa_netdev_get_name(const struct vdpa_netdev *netdev)
{
	return netdev->name;
}

unsigned int vdpa_netdev_get_ifindex(const struct vdpa_netdev *netdev)
{
	return netdev->ifindex;
}

unsigned int vdpa_netdev_get_mtu(const struct vdpa_netdev *netdev)
{
	return netdev->mtu;
}

bool vdpa_netdev_get_mac(const struct vdpa_netdev *netdev, uint8_t mac[6])
{
	if (netdev->has_mac)
		memcpy(mac, netdev->mac, sizeof(netdev->mac));
	return netdev->has_mac;
}

const char *vdpa_netdev_get_operstate(const struct vdpa_netdev *netdev)
{
	return netdev->operstate;
}
