/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which virtio device belongs to a vdpa device.
 *
 * virtio_vdpa puts the virtio device below the device that does the DMA.  For
 * simulators and VDUSE that is the vdpa device itself, and all is plain.  For
 * hardware it is the parent (a PCI function) or, with an auxiliary device as
 * the parent, the PCI function above that one, where all its siblings' virtio
 * devices stand too.  sysfs has no link between the two, so it takes a proof:
 *
 * 1. it is below the vdpa device;
 * 2. or its network interface says so: ETHTOOL_GDRVINFO's bus_info is the
 *    vdpa device's name, cut at 31 octets;
 * 3. or it is the only virtio device there, and this is the only vdpa device
 *    there that virtio_vdpa drives.
 */
#include <errno.h>
#include <string.h>

#include "sysdev.h"
#include "sysfs.h"

#define PLACES 2

struct search {
	struct vdpa_ctx *ctx;
	const char *name;
	char *places[PLACES]; /* owned: where virtio devices of this parent stand */
	char *only; /* owned: a virtio device found there */
	size_t count; /* how many were found */
	bool others; /* one of them is proven to be a sibling's */
};

static void search_free(struct search *s)
{
	for (size_t i = 0; i < PLACES; i++)
		free(s->places[i]);
	free(s->only);
}

/* The next virtio device in d, whose path is dir; NULL with errno 0 at the end. */
static char *next_virtio(DIR *d, const char *dir)
{
	const struct dirent *e;

	while ((e = next_entry(d))) {
		char *path;

		if (!is_numbered(e->d_name, "virtio"))
			continue;
		path = format_string("%s/%s", dir, e->d_name);
		if (!path || sysfs_has_subsystem(path, "virtio"))
			return path;
		free(path);
	}
	return NULL;
}

static int child_virtio(const char *path, char **virtio)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(path);

	if (d)
		*virtio = next_virtio(d, path);
	return !*virtio && errno == ENOMEM ? -ENOMEM : 0;
}

/* The places below which path's device, and its siblings, have their virtio devices. */
static int find_places(const char *path, char *places[PLACES])
{
	CLEANUP_FREE char *parent = sysfs_parent(path);
	CLEANUP_FREE char *bus = NULL;

	if (!parent)
		return -ENOMEM;
	bus = sysfs_link_at(parent, "subsystem");
	if (!bus)
		return errno == ENOMEM ? -ENOMEM : 0;
	if (strcmp(bus, "auxiliary") == 0) {
		places[1] = sysfs_parent(parent);
		if (!places[1])
			return -ENOMEM;
	}
	places[0] = TAKE(parent);
	return 0;
}

/* true when no other vdpa device's name begins with the octets of bus_info. */
static bool is_unique_name(struct search *s, const char *bus_info)
{
	CLEANUP_FREE char *bus = format_string("%s/bus/vdpa/devices", s->ctx->sys);
	CLEANUP_CLOSEDIR DIR *d = bus ? opendir(bus) : NULL;
	const struct dirent *e;

	if (!d)
		return false;
	while ((e = next_entry(d))) {
		if (strncmp(e->d_name, bus_info, BUS_INFO_LEN - 1) == 0 &&
		    strcmp(e->d_name, s->name) != 0)
			return false;
	}
	return errno == 0;
}

enum proof { PROOF_NONE, PROOF_MINE, PROOF_OTHER };

/* What a virtio device's network interface says about whose it is. */
static enum proof ask_netdev(struct search *s, const char *virtio)
{
	CLEANUP_FREE char *net = format_string("%s/net", virtio);
	CLEANUP_CLOSEDIR DIR *d = net ? opendir(net) : NULL;
	const struct dirent *e;
	char info[BUS_INFO_LEN];

	if (!d)
		return PROOF_NONE;
	while ((e = next_entry(d))) {
		if (!netdev_bus_info(e->d_name, info))
			continue;
		if (strncmp(info, s->name, BUS_INFO_LEN - 1) != 0)
			return PROOF_OTHER;
		if (strlen(info) < BUS_INFO_LEN - 1 || is_unique_name(s, info))
			return PROOF_MINE;
	}
	return PROOF_NONE;
}

/* Looks at every virtio device in one place; *virtio is set when one is proven by its netdev. */
static int search_place(struct search *s, const char *place, char **virtio)
{
	CLEANUP_CLOSEDIR DIR *d = opendir(place);
	char *path;

	while (d && (path = next_virtio(d, place))) {
		enum proof proof = ask_netdev(s, path);

		if (proof == PROOF_MINE) {
			*virtio = path;
			return 0;
		}
		if (proof == PROOF_OTHER)
			s->others = true;
		free(s->only);
		s->only = path;
		s->count++;
	}
	return errno == ENOMEM ? -ENOMEM : 0;
}

/* true when virtio_vdpa drives the vdpa device at link and it uses one of the places. */
static bool uses_places(struct search *s, const char *link)
{
	CLEANUP_FREE char *driver = sysfs_link_at(link, "driver");
	CLEANUP_FREE char *path = NULL;
	char *places[PLACES] = { NULL };
	bool uses = false;

	if (!driver || strcmp(driver, "virtio_vdpa") != 0)
		return false;
	path = realpath(link, NULL);
	/* When in doubt, it does. */
	if (!path || find_places(path, places) < 0)
		return true;
	for (size_t i = 0; i < PLACES; i++) {
		for (size_t j = 0; j < PLACES; j++) {
			if (places[i] && s->places[j] && strcmp(places[i], s->places[j]) == 0)
				uses = true;
		}
		free(places[i]);
	}
	return uses;
}

/* true when this is the only vdpa device with a virtio device in these places. */
static bool is_alone(struct search *s)
{
	CLEANUP_FREE char *bus = format_string("%s/bus/vdpa/devices", s->ctx->sys);
	CLEANUP_CLOSEDIR DIR *d = bus ? opendir(bus) : NULL;
	const struct dirent *e;

	if (!d)
		return false;
	while ((e = next_entry(d))) {
		CLEANUP_FREE char *link = NULL;

		if (strcmp(e->d_name, s->name) == 0)
			continue;
		link = format_string("%s/%s", bus, e->d_name);
		if (!link || uses_places(s, link))
			return false;
	}
	return errno == 0;
}

int find_virtio(struct vdpa_ctx *ctx, const char *name, const char *path, char **virtio)
{
	CLEANUP(search_free) struct search s = { .ctx = ctx, .name = name };
	int r;

	*virtio = NULL;
	r = child_virtio(path, virtio);
	if (r < 0 || *virtio)
		return r;
	r = find_places(path, s.places);
	for (size_t i = 0; i < PLACES && r == 0; i++) {
		if (!s.places[i])
			continue;
		r = search_place(&s, s.places[i], virtio);
		if (*virtio)
			return 0;
	}
	if (r == 0 && s.count == 1 && !s.others && is_alone(&s))
		*virtio = TAKE(s.only);
	return r;
}
