/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Representors: interfaces of a NIC in switchdev mode that stand for its VFs
 * and SFs.  The kernel has no link from one to the other; what it has is the
 * representor's phys_port_name ("pf0vf2", "pf0sf88", and with a "c1" in front
 * for functions that another machine sees), and the NIC that it belongs to:
 * by its own device, or by the switch that it shares with an interface of the NIC.
 *
 * Whoever asks for many devices reads all interfaces once.
 */
#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "sysdev.h"
#include "sysfs.h"

struct representors {
	struct representor *v; /* owned; sorted by number */
	size_t n, cap;
};

static void representor_clear(struct representor *r)
{
	free(r->ifname);
	free(r->pci);
	free(r->switch_id);
}

struct representors *representors_free(struct representors *all)
{
	if (all) {
		for (size_t i = 0; i < all->n; i++)
			representor_clear(&all->v[i]);
		free(all->v);
	}
	free(all);
	return NULL;
}

/* The number behind word at *s, which moves on behind it; false when it is not there. */
static bool take_number(const char **s, const char *word, uint32_t *number)
{
	const char *digits = *s + strlen(word);
	size_t len = strspn(strncmp(*s, word, strlen(word)) == 0 ? digits : "", "0123456789");
	char text[11];
	uint64_t v;

	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, digits, len);
	text[len] = '\0';
	if (parse_dec(text, UINT32_MAX, &v) < 0)
		return false;
	*number = (uint32_t)v;
	*s = digits + len;
	return true;
}

/* "[cN]pfNvfN" or "[cN]pfNsfN" and no more. */
static bool parse_port(const char *port, struct representor *r)
{
	r->external = take_number(&port, "c", &r->controller);
	if (!take_number(&port, "pf", &r->pf))
		return false;
	r->is_sf = take_number(&port, "sf", &r->number);
	if (!r->is_sf && !take_number(&port, "vf", &r->number))
		return false;
	return !*port;
}

int representor_read(const char *sys, const char *ifname, struct representor *r)
{
	CLEANUP_FREE char *dir = format_string("%s/class/net/%s", sys, ifname);
	CLEANUP_FREE char *device = dir ? format_string("%s/device", dir) : NULL;
	/* Most interfaces answer EOPNOTSUPP. */
	CLEANUP_FREE char *port = device ? sysfs_read_at(dir, "phys_port_name") : NULL;

	*r = (struct representor){ 0 };
	if (!device)
		return -ENOMEM;
	if (!port || !parse_port(port, r))
		return !port && errno == ENOMEM ? -ENOMEM : 0;
	errno = 0;
	r->ifname = strdup(ifname);
	if (r->ifname && sysfs_has_subsystem(device, "pci"))
		r->pci = sysfs_link_name(device);
	if (errno != ENOMEM)
		r->switch_id = sysfs_read_at(dir, "phys_switch_id");
	if (errno != ENOMEM)
		return 1;
	representor_clear(r);
	return -ENOMEM;
}

void representor_release(struct representor *r)
{
	representor_clear(r);
}

static int compare(const void *a, const void *b)
{
	const struct representor *x = a, *y = b;

	if (x->is_sf != y->is_sf)
		return x->is_sf ? 1 : -1;
	if (x->number != y->number)
		return x->number > y->number ? 1 : -1;
	/* Those of this machine first. */
	return x->external - y->external;
}

static int add(const char *sys, struct representors *all, const char *ifname)
{
	int r;

	if (all->n == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 16;
		struct representor *v = reallocarray(all->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		all->v = v;
		all->cap = cap;
	}
	r = representor_read(sys, ifname, &all->v[all->n]);
	if (r > 0)
		all->n++;
	return r;
}

struct representors *representors_read(const char *sys)
{
	struct representors *all = calloc(1, sizeof(*all));
	CLEANUP_FREE char *dir = format_string("%s/class/net", sys);
	CLEANUP_CLOSEDIR DIR *d = all && dir ? opendir(dir) : NULL;
	const struct dirent *e;

	if (!all || !dir)
		return representors_free(all);
	while (d && (e = next_entry(d))) {
		if (add(sys, all, e->d_name) < 0)
			return representors_free(all);
	}
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), compare);
	return all;
}

/* 1 when an interface of the function is at that switch, 0 when not, or -ENOMEM. */
static int has_switch(const char *sys, const char *pf, const char *switch_id)
{
	CLEANUP_FREE char *dir = format_string("%s/bus/pci/devices/%s/net", sys, pf);
	CLEANUP_CLOSEDIR DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *e;

	while (d && (e = next_entry(d))) {
		CLEANUP_FREE char *net = format_string("%s/%s", dir, e->d_name);
		CLEANUP_FREE char *id = net ? sysfs_read_at(net, "phys_switch_id") : NULL;

		if (!net)
			return -ENOMEM;
		if (id && *id && strcmp(id, switch_id) == 0)
			return 1;
	}
	return errno == ENOMEM ? -ENOMEM : 0;
}

/* The functions of one card may share a switch: then the number in the port's name decides. */
static bool is_number_of(const char *pf, uint32_t number)
{
	const char *dot = strrchr(pf, '.');
	uint64_t v;

	return dot && parse_hex(dot + 1, &v) == 0 && v == number;
}

int representor_belongs(const char *sys, const struct representor *r, const char *pf)
{
	if (r->pci)
		return strcmp(r->pci, pf) == 0;
	if (!r->switch_id || !*r->switch_id || !is_number_of(pf, r->pf))
		return 0;
	return has_switch(sys, pf, r->switch_id);
}

/* The first of those with that number; all->n when there is none. */
static size_t first_of(const struct representors *all, const struct representor *key)
{
	size_t low = 0, high = all->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&all->v[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int representor_find(const char *sys, const struct representors *all, const struct vdpa_sysdev *s,
		     const char **ifname)
{
	const struct representor *found = NULL;
	struct representor key = { .is_sf = s->has & SYSDEV_HAS_SF };

	*ifname = NULL;
	if (!all)
		return -ENOMEM;
	key.number = key.is_sf ? s->sf : s->vf;
	if (!s->pf || !(s->has & (SYSDEV_HAS_SF | SYSDEV_HAS_VF)))
		return 0;
	for (size_t i = first_of(all, &key); i < all->n; i++) {
		const struct representor *v = &all->v[i];
		int r;

		if (v->is_sf != key.is_sf || v->number != key.number)
			break;
		r = representor_belongs(sys, v, s->pf);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (found && found->external == v->external)
			return 0; /* it can't be told */
		if (!found)
			found = v;
	}
	*ifname = found ? found->ifname : NULL;
	return 0;
}
