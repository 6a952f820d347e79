/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about sysfs and procfs share among themselves. */
#ifndef LIBVDPAMGMT_SYSDEV_H
#define LIBVDPAMGMT_SYSDEV_H

#include "internal.h"

#define SYSDEV_HAS_VF (1u << 0)
#define SYSDEV_HAS_SF (1u << 1)
#define SYSDEV_HAS_NUMA_NODE (1u << 2)

struct vdpa_sysdev {
	atomic_uint refs;
	unsigned int has; /* SYSDEV_HAS_* */
	uint32_t vf;
	uint32_t sf;
	int numa_node;
	char *sys; /* owned: the context's sysfs, for the representor */
	char *name; /* owned */
	char *path; /* owned, as all strings here; the others may be NULL */
	char *driver;
	char *driver_override;
	char *chardev;
	dev_t number; /* of chardev */
	char *virtio;
	char *netdev;
	char *blockdev;
	char *node; /* of chardev or blockdev */
	char *parent;
	char *parent_bus;
	char *parent_driver;
	char *pci;
	char *pf;
	_Atomic(char *) representor; /* "" none; NULL: nobody has asked yet */
};

/* ---- sysdev.c ---- */

/* Lists for other files; _add takes the reference over, also when it fails.  0 or -ENOMEM. */
int sysdev_list_new(struct vdpa_sysdev_list **list);
int sysdev_list_add(struct vdpa_sysdev_list *list, struct vdpa_sysdev *s);

/* ---- sysnames.c ---- */

/*
 * Called with the directory and the name of a vdpa device; what it returns ends the walk unless it
 * is 0.
 */
typedef int (*sysdev_child_cb)(const char *dir, const char *name, void *data);
/*
 * sysdev_children: the vdpa devices right below dir and, with below_auxiliary, those below its auxiliary
 * devices.  Returns 0, what cb returned, or -ENOMEM.
 */
int sysdev_children(const char *dir, bool below_auxiliary, sysdev_child_cb cb, void *data);
/* The name of a vdpa device right below dir, the caller's; NULL with errno. */
char *sysdev_child(const char *dir);

/* ---- location.c ---- */

/* Fills in what depends on where the device lives; 0 or -ENOMEM. */
int read_location(struct vdpa_sysdev *s);
/* The number of the subfunction at dir; false when it is none. */
bool sysfs_read_sfnum(const char *dir, uint32_t *number);

/* ---- representor.c ---- */

struct representor {
	char *ifname; /* owned */
	char *pci; /* owned: the function that the interface belongs to, or NULL */
	char *switch_id; /* owned, or NULL */
	bool external; /* of a function that another machine sees */
	bool is_sf; /* stands for an SF, not for a VF */
	uint32_t controller; /* when external */
	uint32_t pf; /* the physical function's number in the port's name */
	uint32_t number; /* of the VF or SF */
};

struct representors;

/* 1 and what the interface stands for, 0 when it is no representor, or -ENOMEM. */
int representor_read(const char *sys, const char *ifname, struct representor *r);
void representor_release(struct representor *r);
/* 1 when it is one of the physical function called pf, 0 when not, or -ENOMEM. */
int representor_belongs(const char *sys, const struct representor *r, const char *pf);
/* All of this network namespace; NULL when memory ran out. */
struct representors *representors_read(const char *sys);
struct representors *representors_free(struct representors *all);
/* *ifname: the one that stands for the device, borrowed from all; NULL for none.  0 or -ENOMEM. */
int representor_find(const char *sys, const struct representors *all, const struct vdpa_sysdev *s,
		     const char **ifname);

#define BUS_INFO_LEN 32 /* with the NUL; the kernel cuts longer names */

/* ---- sysvirtio.c ---- */

/*
 * find_virtio: the directory of the virtio device that virtio_vdpa made for
 * the vdpa device called name, whose own directory is path.  *virtio is the
 * caller's; NULL when there is none or when it can't be told from a sibling's.
 * Returns 0 or -ENOMEM.
 */
int find_virtio(struct vdpa_ctx *ctx, const char *name, const char *path, char **virtio);

/*
 * virtio_bus_info: what an interface of the virtio device in that directory says of the device that
 * it belongs to; false when none does.
 */
bool virtio_bus_info(const char *virtio, char bus_info[BUS_INFO_LEN]);

/*
 * While ctx->virtios has one, each directory is read once for all devices that find_virtio() is
 * asked for.  `names` are all n devices, sorted, and stay the caller's.
 */
struct virtio_places *virtio_places_new(char *const *names, size_t n);
void virtio_places_free(struct virtio_places *all);

/* ---- businfo.c ---- */

/*
 * netdev_bus_info: which device a virtio_net interface of this network
 * namespace belongs to.  false when there is no such interface or another
 * driver's.  (Alone in its file, so that tests can bring their own.)
 */
bool netdev_bus_info(const char *ifname, char bus_info[BUS_INFO_LEN]);

/* ---- ifshown.c ---- */

/*
 * netdev_is_here: false when the interface whose directory of sysfs this is is none of this network
 * namespace, also when that has one of the same name.
 */
bool netdev_is_here(const char *dir);

/* ---- users.c ---- */

/*
 * find_users: the processes that have a character device with that number
 * open; with first_only the search ends at the first.  Returns 0 or -errno (recorded).
 */
int find_users(struct vdpa_ctx *ctx, dev_t number, bool first_only, struct vdpa_user_list **list);
/* false when it is certain that no vhost-vdpa char device is open at all. */
bool vhost_vdpa_in_use(struct vdpa_ctx *ctx);

#endif
