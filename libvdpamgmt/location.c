/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where in the machine a vdpa device lives: the PCI function above it, which
 * VF of which physical function that is, the number of the subfunction in between.
 * What sysfs does not show, or stops to show meanwhile, is not known.
 */
#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "sysdev.h"
#include "sysfs.h"

/* Only a lack of memory is a failure. */
static int optional(const char *found)
{
	return !found && errno == ENOMEM ? -ENOMEM : 0;
}

/* A number in a file of sysfs; false when there is none. */
static bool read_number(const char *dir, const char *name, uint64_t max, uint64_t *value)
{
	CLEANUP_FREE char *text = sysfs_read_at(dir, name);

	return text && parse_dec(text, max, value) == 0;
}

bool sysfs_read_sfnum(const char *dir, uint32_t *number)
{
	uint64_t v;

	if (!read_number(dir, "sfnum", UINT32_MAX, &v))
		return false;
	*number = (uint32_t)v;
	return true;
}

/* "0000:65:00.2" to its place among the functions of its domain; false when it is none. */
static bool routing_id(const char *pci, uint32_t *id)
{
	unsigned int domain, bus, dev, fn;
	char end;

	if (sscanf(pci, "%8x:%2x:%2x.%1x%c", &domain, &bus, &dev, &fn, &end) != 4)
		return false;
	*id = bus << 8 | (dev & 0x1f) << 3 | (fn & 7);
	return true;
}

/* Is VF number index of the physical function at dir the function called pci? */
static int is_vf(const char *dir, uint64_t index, const char *pci)
{
	CLEANUP_FREE char *name = format_string("virtfn%llu", (unsigned long long)index);
	CLEANUP_FREE char *vf = name ? sysfs_link_at(dir, name) : NULL;

	if (!vf)
		return errno == ENOMEM ? -ENOMEM : 0;
	return strcmp(vf, pci) == 0;
}

/* The VFs stand at regular distances: where pci is one of them, which. */
static bool guess_vf(const char *dir, const char *pf, const char *pci, uint64_t *index)
{
	uint64_t offset, stride;
	uint32_t first, id;

	if (!routing_id(pf, &first) || !routing_id(pci, &id) ||
	    !read_number(dir, "sriov_offset", UINT16_MAX, &offset) ||
	    !read_number(dir, "sriov_stride", UINT16_MAX, &stride))
		return false;
	if (!stride || id < first + offset)
		return false;
	*index = (id - first - offset) / stride;
	return true;
}

/* The index of a VF whose place is not regular, from the links of the physical function. */
static int search_vf(const char *dir, struct vdpa_sysdev *s)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = next_entry(d))) {
		uint64_t index;
		int r;

		if (!is_numbered(e->d_name, "virtfn") ||
		    parse_dec(e->d_name + strlen("virtfn"), UINT32_MAX, &index) < 0)
			continue;
		r = is_vf(dir, index, s->pci);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		s->vf = (uint32_t)index;
		s->has |= SYSDEV_HAS_VF;
		return 0;
	}
	return errno == ENOMEM ? -ENOMEM : 0;
}

static int read_vf(const char *function, struct vdpa_sysdev *s)
{
	CLEANUP_FREE char *dir = format_string("%s/physfn", function);
	uint64_t index;
	int r;

	if (!dir)
		return -ENOMEM;
	if (guess_vf(dir, s->pf, s->pci, &index)) {
		r = is_vf(dir, index, s->pci);
		if (r > 0) {
			s->vf = (uint32_t)index;
			s->has |= SYSDEV_HAS_VF;
		}
		if (r)
			return r < 0 ? r : 0;
	}
	return search_vf(dir, s);
}

static void read_numa_node(const char *function, struct vdpa_sysdev *s)
{
	uint64_t node;

	/* -1: the machine does not say */
	if (!read_number(function, "numa_node", INT32_MAX, &node))
		return;
	s->numa_node = (int)node;
	s->has |= SYSDEV_HAS_NUMA_NODE;
}

/* The PCI function at dir. */
static int read_function(const char *dir, struct vdpa_sysdev *s)
{
	s->pci = strdup(strrchr(dir, '/') + 1);
	if (!s->pci)
		return -ENOMEM;
	read_numa_node(dir, s);
	s->pf = sysfs_link_at(dir, "physfn");
	if (s->pf)
		return read_vf(dir, s);
	if (errno == ENOMEM)
		return -ENOMEM;
	s->pf = strdup(s->pci);
	return s->pf ? 0 : -ENOMEM;
}

int read_location(struct vdpa_sysdev *s)
{
	CLEANUP_FREE char *dir = sysfs_parent(s->path);

	while (dir && strcmp(dir, "/") != 0) {
		CLEANUP_FREE char *bus = sysfs_link_at(dir, "subsystem");
		char *up;
		int r = optional(bus);

		if (r < 0)
			return r;
		if (bus && strcmp(bus, "pci") == 0)
			return read_function(dir, s);
		if (bus && strcmp(bus, "auxiliary") == 0 && sysfs_read_sfnum(dir, &s->sf))
			s->has |= SYSDEV_HAS_SF;
		up = sysfs_parent(dir);
		free(dir);
		dir = up;
	}
	return dir ? 0 : -ENOMEM;
}

const char *vdpa_sysdev_get_pci(const struct vdpa_sysdev *sysdev)
{
	return sysdev->pci;
}

const char *vdpa_sysdev_get_pf(const struct vdpa_sysdev *sysdev)
{
	return sysdev->pf;
}

bool vdpa_sysdev_get_vf(const struct vdpa_sysdev *sysdev, uint32_t *index)
{
	if (sysdev->has & SYSDEV_HAS_VF)
		*index = sysdev->vf;
	return sysdev->has & SYSDEV_HAS_VF;
}

bool vdpa_sysdev_get_sf(const struct vdpa_sysdev *sysdev, uint32_t *number)
{
	if (sysdev->has & SYSDEV_HAS_SF)
		*number = sysdev->sf;
	return sysdev->has & SYSDEV_HAS_SF;
}

bool vdpa_sysdev_get_numa_node(const struct vdpa_sysdev *sysdev, int *node)
{
	if (sysdev->has & SYSDEV_HAS_NUMA_NODE)
		*node = sysdev->numa_node;
	return sysdev->has & SYSDEV_HAS_NUMA_NODE;
}
