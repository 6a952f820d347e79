/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vhost-vdpa device as its user sees it: /dev/vhost-vdpa-N, its status and
 * features, and the memory that it may reach.  What can't be done ends the
 * program with exit status 1.
 */
#ifndef TESTS_KERNEL_VHOST_VDPA_H
#define TESTS_KERNEL_VHOST_VDPA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEATURE(bit) (UINT64_C(1) << (bit))

/* enum of the kernel's VHOST_ACCESS_* */
enum { MEM_RO = 1, MEM_WO = 2, MEM_RW = 3 };

struct vdpa {
	int fd;
	uint64_t offered, features;
	unsigned queues, queue_size; /* what it has at most */
};

/* Shared memory; the device finds it at `iova` once it is mapped. */
struct vdpa_mem {
	int fd;
	uint8_t *va;
	uint64_t iova;
	size_t len;
};

/* Where the parts of a ring are for the device. */
struct vdpa_ring {
	uint64_t desc, driver, device;
};

/* Opens it and goes on to DRIVER. */
void vdpa_open(struct vdpa *d, const char *path);
/* Resets it. */
void vdpa_close(struct vdpa *d);
/* The status that it has then. */
uint8_t vdpa_set_status(struct vdpa *d, uint8_t status);
/* False: the kernel refused them. Else they are d->features. */
bool vdpa_set_features(struct vdpa *d, uint64_t features);
/* As much of the configuration space as fits; the rest is zero. */
void vdpa_config(const struct vdpa *d, void *config, size_t len);

void mem_make(struct vdpa_mem *m, size_t len, uint64_t iova);
void mem_free(struct vdpa_mem *m);
void vdpa_map(const struct vdpa *d, const struct vdpa_mem *m, unsigned perm);
void vdpa_unmap(const struct vdpa *d, const struct vdpa_mem *m);

/* False: the kernel refused it. `base` as the device counts: split: index; packed: position | wrap << 15. */
bool vdpa_set_num(const struct vdpa *d, unsigned queue, unsigned num);
bool vdpa_set_base(const struct vdpa *d, unsigned queue, unsigned base);
bool vdpa_get_base(const struct vdpa *d, unsigned queue, unsigned *base);
bool vdpa_set_ring(const struct vdpa *d, unsigned queue, const struct vdpa_ring *ring);
void vdpa_set_events(const struct vdpa *d, unsigned queue, int kick, int call);
void vdpa_enable(const struct vdpa *d, unsigned queue);

#endif
