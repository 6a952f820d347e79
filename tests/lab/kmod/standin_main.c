// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mlx5_standin - stand-in for the vDPA management behaviour of mlx5 hardware
 *
 * For the test lab only. It answers the vdpa netlink family the way the
 * mlx5_vdpa driver of Linux 6.12 answers it, on machines without such
 * hardware, and offers a few parents no hardware offers. No data queue ever
 * moves a packet: nothing measured here says anything about mlx5. README.md
 * lists the parents, the parameters and what is left out.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "standin.h"

unsigned int standin_sf_count = 4;
module_param_named(sf_count, standin_sf_count, uint, 0444);
MODULE_PARM_DESC(sf_count, "Number of auxiliary/mlx5_core.sf.N parents (4)");

char *standin_sf_pf;
module_param_named(sf_pf, standin_sf_pf, charp, 0444);
MODULE_PARM_DESC(sf_pf, "PCI function the SFs hang below in sysfs (none)");

char *standin_pci[STANDIN_PCI_MAX];
unsigned int standin_pci_count;
module_param_array_named(pci, standin_pci, charp, &standin_pci_count, 0444);
MODULE_PARM_DESC(pci, "Driverless PCI functions to make parents of, DDDD:BB:DD.F[,...]");

unsigned int standin_max_vqs = 257;
module_param_named(max_vqs, standin_max_vqs, uint, 0444);
MODULE_PARM_DESC(max_vqs, "Virtqueues of a parent, control queue included (257)");

unsigned long long standin_features = F_MLX5;
module_param_named(features, standin_features, ullong, 0444);
MODULE_PARM_DESC(features, "Features of the mlx5 parents (0x300cb982b)");

bool standin_vport_mac;
module_param_named(vport_mac, standin_vport_mac, bool, 0444);
MODULE_PARM_DESC(vport_mac, "Parents have a MAC of their own to fall back on (N)");

static unsigned int extra;
module_param(extra, uint, 0444);
MODULE_PARM_DESC(extra, "Number of unmanaged devices vdpaN (0)");

static unsigned int odd_id;
module_param(odd_id, uint, 0444);
MODULE_PARM_DESC(odd_id, "Virtio id of the devices of parent mlx5_standin_odd (0, no such parent)");

unsigned int standin_hostile;
module_param_named(hostile, standin_hostile, uint, 0644);
MODULE_PARM_DESC(hostile, "Parent mlx5_standin_hostile: 1 odd statistics, 2 malformed ones too (0, no such parent)");

int standin_fail_add;
module_param_named(fail_add, standin_fail_add, int, 0644);
MODULE_PARM_DESC(fail_add, "Fail every dev_add with this errno (0, off)");

int standin_fail_stats;
module_param_named(fail_stats, standin_fail_stats, int, 0644);
MODULE_PARM_DESC(fail_stats, "Fail statistics of data queues with this errno (0, off)");

bool standin_stats_hw;
module_param_named(stats_hw, standin_stats_hw, bool, 0644);
MODULE_PARM_DESC(stats_hw, "Data queues answer EAGAIN unless running, as hardware does (N)");

unsigned long long standin_stats_scale = 1000;
module_param_named(stats_scale, standin_stats_scale, ullong, 0644);
MODULE_PARM_DESC(stats_scale, "Queue i: received (i+1)*scale, completed i*scale+scale/2 (1000)");

bool standin_mac_busy;
module_param_named(mac_busy, standin_mac_busy, bool, 0644);
MODULE_PARM_DESC(mac_busy, "Setting the MAC of a running device is EBUSY, as on later kernels (N)");

static LIST_HEAD(standin_extras);
static struct device *standin_root;
static struct standin_parent *standin_odd_parent;
static struct standin_parent *standin_hostile_parent;

/* Parents without a bus */

static struct device *standin_root_add(const char *name)
{
	struct device *root = root_device_register(name);

	if (!IS_ERR(root))
		dma_coerce_mask_and_coherent(root, DMA_BIT_MASK(64));
	return root;
}

static struct standin_parent *standin_busless_add(const char *name,
						  enum standin_kind kind, u32 id)
{
	struct device *root = standin_root_add(name);
	struct standin_parent *p;

	if (IS_ERR(root))
		return ERR_CAST(root);
	p = standin_parent_add(root, root, kind, id, 0);
	if (IS_ERR(p))
		root_device_unregister(root);
	return p;
}

static void standin_busless_del(struct standin_parent *p)
{
	struct device *root;

	if (IS_ERR_OR_NULL(p))
		return;
	root = p->mgmt.device;
	standin_parent_del(p);
	root_device_unregister(root);
}

/* Unmanaged devices, as drivers without a management device make them */

static int standin_extra_add(void)
{
	struct standin_dev *sd;
	int err;

	sd = standin_dev_alloc(standin_root, standin_root, NULL, VIRTIO_ID_NET,
			       F_REQUIRED | F(VIRTIO_NET_F_MAC) |
			       F(VIRTIO_NET_F_STATUS), 2);
	if (IS_ERR(sd))
		return PTR_ERR(sd);
	eth_random_addr(sd->config.net.mac);
	sd->config.net.status = __cpu_to_virtio16(true, VIRTIO_NET_S_LINK_UP);
	err = vdpa_register_device(&sd->vdpa, 2);
	if (err) {
		put_device(&sd->vdpa.dev);
		return err;
	}
	list_add(&sd->list, &standin_extras);
	return 0;
}

static void standin_extras_del(void)
{
	struct standin_dev *sd, *next;

	list_for_each_entry_safe(sd, next, &standin_extras, list) {
		list_del(&sd->list);
		vdpa_unregister_device(&sd->vdpa);
	}
}

/* Module */

static int standin_populate(void)
{
	unsigned int i;
	int err;

	err = standin_sfs_add(standin_root);
	if (err)
		return err;
	if (odd_id) {
		standin_odd_parent = standin_busless_add("mlx5_standin_odd",
							 STANDIN_ODD, odd_id);
		if (IS_ERR(standin_odd_parent))
			return PTR_ERR(standin_odd_parent);
	}
	if (standin_hostile) {
		standin_hostile_parent =
			standin_busless_add("mlx5_standin_hostile",
					    STANDIN_HOSTILE, VIRTIO_ID_NET);
		if (IS_ERR(standin_hostile_parent))
			return PTR_ERR(standin_hostile_parent);
	}
	for (i = 0; i < extra && !err; i++)
		err = standin_extra_add();
	return err;
}

static void standin_depopulate(void)
{
	standin_extras_del();
	standin_busless_del(standin_hostile_parent);
	standin_busless_del(standin_odd_parent);
	standin_sfs_del();
}

static int __init standin_init(void)
{
	int err;

	if (standin_max_vqs < 3 || standin_max_vqs > 4097 ||
	    standin_sf_count > STANDIN_SF_MAX)
		return -EINVAL;

	standin_root = standin_root_add(KBUILD_MODNAME);
	if (IS_ERR(standin_root))
		return PTR_ERR(standin_root);
	/* Both names are the real driver's: each refuses to join the other. */
	err = standin_pci_register();
	if (err)
		goto err_root;
	err = standin_sf_register();
	if (err)
		goto err_pci;
	err = standin_populate();
	if (err)
		goto err_populate;
	return 0;

err_populate:
	standin_depopulate();
	standin_sf_unregister();
err_pci:
	standin_pci_unregister();
err_root:
	root_device_unregister(standin_root);
	return err;
}

static void __exit standin_exit(void)
{
	standin_depopulate();
	standin_sf_unregister();
	standin_pci_unregister();
	root_device_unregister(standin_root);
}

module_init(standin_init);
module_exit(standin_exit);

MODULE_DESCRIPTION("Stand-in for the vDPA management behaviour of mlx5 hardware");
MODULE_AUTHOR("The vdpactl authors");
MODULE_LICENSE("GPL");
