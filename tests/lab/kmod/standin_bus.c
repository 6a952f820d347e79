// SPDX-License-Identifier: GPL-2.0-or-later
/* Where parents come from: PCI functions and subfunctions. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "standin.h"

/*
 * PCI functions. Every function without a driver is offered to us; we take
 * those named in the pci parameter or in their driver_override.
 */
#define STANDIN_PCI_OVERRIDE	1	/* of pci_device_id.driver_data */

static bool pci_taken[STANDIN_PCI_MAX];

static int standin_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	bool wanted = id->driver_data == STANDIN_PCI_OVERRIDE;
	struct standin_parent *p;
	unsigned int i;
	int err;

	for (i = 0; i < standin_pci_count; i++) {
		if (!strcmp(standin_pci[i], pci_name(pdev))) {
			pci_taken[i] = true;
			wanted = true;
		}
	}
	if (!wanted)
		return -ENODEV;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	p = standin_parent_add(&pdev->dev, &pdev->dev, STANDIN_MLX5,
			       VIRTIO_ID_NET, pci_dev_id(pdev));
	if (IS_ERR(p))
		return PTR_ERR(p);
	pci_set_drvdata(pdev, p);
	return 0;
}

static void standin_pci_remove(struct pci_dev *pdev)
{
	standin_parent_del(pci_get_drvdata(pdev));
}

static const struct pci_device_id standin_pci_ids[] = {
	{ PCI_DEVICE_DRIVER_OVERRIDE(PCI_ANY_ID, PCI_ANY_ID, true),
	  .driver_data = STANDIN_PCI_OVERRIDE },
	{ PCI_DEVICE(PCI_ANY_ID, PCI_ANY_ID) },
	{ }
};

static struct pci_driver standin_pci_driver = {
	.name		= MLX5_DRIVER_NAME,
	.id_table	= standin_pci_ids,
	.probe		= standin_pci_probe,
	.remove		= standin_pci_remove,
};

int standin_pci_register(void)
{
	unsigned int i;
	int err;

	err = pci_register_driver(&standin_pci_driver);
	if (err)
		return err;
	for (i = 0; i < standin_pci_count; i++) {
		if (!pci_taken[i]) {
			pr_err("no PCI function %s without a driver\n", standin_pci[i]);
			err = -ENODEV;
		}
	}
	if (err)
		pci_unregister_driver(&standin_pci_driver);
	return err;
}

void standin_pci_unregister(void)
{
	pci_unregister_driver(&standin_pci_driver);
}

/* Subfunctions, on the auxiliary bus */

static LIST_HEAD(standin_sfs);
static struct pci_dev *standin_pf;

static int standin_sf_probe(struct auxiliary_device *adev,
			    const struct auxiliary_device_id *id)
{
	struct standin_parent *p;

	p = standin_parent_add(&adev->dev, adev->dev.parent, STANDIN_MLX5,
			       VIRTIO_ID_NET, adev->id);
	if (IS_ERR(p))
		return PTR_ERR(p);
	auxiliary_set_drvdata(adev, p);
	return 0;
}

static void standin_sf_remove(struct auxiliary_device *adev)
{
	standin_parent_del(auxiliary_get_drvdata(adev));
}

static const struct auxiliary_device_id standin_sf_ids[] = {
	{ .name = MLX5_DRIVER_NAME "." MLX5_SF_NAME },
	{ }
};

static struct auxiliary_driver standin_sf_driver = {
	.name		= MLX5_SF_NAME,
	.probe		= standin_sf_probe,
	.remove		= standin_sf_remove,
	.id_table	= standin_sf_ids,
};

static ssize_t sfnum_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  STANDIN_SFNUM_BASE + to_auxiliary_dev(dev)->id);
}
static DEVICE_ATTR_RO(sfnum);

static struct attribute *standin_sf_attrs[] = {
	&dev_attr_sfnum.attr,
	NULL
};
ATTRIBUTE_GROUPS(standin_sf);

static void standin_sf_release(struct device *dev)
{
	kfree(container_of(to_auxiliary_dev(dev), struct standin_sf, adev));
}

static int standin_sf_add(struct device *pf, u32 number)
{
	struct standin_sf *sf;
	int err;

	sf = kzalloc(sizeof(*sf), GFP_KERNEL);
	if (!sf)
		return -ENOMEM;
	sf->adev.name = MLX5_SF_NAME;
	sf->adev.id = number;
	sf->adev.dev.parent = pf;
	sf->adev.dev.release = standin_sf_release;
	sf->adev.dev.groups = standin_sf_groups;
	err = auxiliary_device_init(&sf->adev);
	if (err) {
		kfree(sf);
		return err;
	}
	/* Its modalias would have udev load the real driver for it. */
	dev_set_uevent_suppress(&sf->adev.dev, true);
	err = __auxiliary_device_add(&sf->adev, MLX5_DRIVER_NAME);
	if (err) {
		auxiliary_device_uninit(&sf->adev);
		return err;
	}
	list_add(&sf->list, &standin_sfs);
	return 0;
}

static struct pci_dev *standin_find_pci(const char *name)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (!strcmp(pci_name(pdev), name))
			return pdev;
	}
	return NULL;
}

int standin_sfs_add(struct device *root)
{
	struct device *pf = root;
	unsigned int i;
	int err = 0;

	if (standin_sf_pf) {
		standin_pf = standin_find_pci(standin_sf_pf);
		if (!standin_pf) {
			pr_err("no PCI function %s\n", standin_sf_pf);
			return -ENODEV;
		}
		pf = &standin_pf->dev;
	}
	for (i = 1; i <= standin_sf_count && !err; i++)
		err = standin_sf_add(pf, i);
	return err;
}

void standin_sfs_del(void)
{
	struct standin_sf *sf, *next;

	list_for_each_entry_safe(sf, next, &standin_sfs, list) {
		list_del(&sf->list);
		auxiliary_device_delete(&sf->adev);
		auxiliary_device_uninit(&sf->adev);
	}
	pci_dev_put(standin_pf);
	standin_pf = NULL;
}

int standin_sf_register(void)
{
	return __auxiliary_driver_register(&standin_sf_driver, THIS_MODULE,
					   MLX5_DRIVER_NAME);
}

void standin_sf_unregister(void)
{
	auxiliary_driver_unregister(&standin_sf_driver);
}
