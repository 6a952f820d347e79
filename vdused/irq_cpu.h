/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On which processor the kernel hands a queue's interrupts to its driver.
 *
 * A worker of the kernel does that (virtio_vdpa), on one processor after the other of
 * those in the queue's irq_cb_affinity: by default on each in turn, which is mostly
 * one that slept. Next to the thread that serves the queue it starts at once, and
 * what it copies is still in that processor's cache.
 *
 * A mask that somebody chose is left alone: what a driver with several queues asked
 * for, and what was written there meanwhile.
 */
#ifndef VDUSED_IRQ_CPU_H
#define VDUSED_IRQ_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: there is nothing to follow with. */
struct irq_cpu {
	/* The processor that the mask was given, plus 1; 0: it is as it was found. In the state file, for the next process. */
	uint32_t *kept;
	int fd; /* irq_cb_affinity; valid with `kept` */
	bool follows; /* the mask is ours */
	uint64_t moved_ns; /* when it was written last */
};

/* Opens the mask of a queue, which takes privileges. Kernels without one: it stays as it is. */
void irq_cpu_open(struct irq_cpu *ic, const char *device, unsigned queue, uint32_t *kept);
void irq_cpu_close(struct irq_cpu *ic);

/* The queue starts in this thread: is the mask anybody's choice? */
void irq_cpu_start(struct irq_cpu *ic);
/* An interrupt comes: if the thread has moved since, so does the mask; true when that took time. */
bool irq_cpu_follow(struct irq_cpu *ic, uint64_t now_ns);
/* The queue has stopped: every processor again. */
void irq_cpu_stop(struct irq_cpu *ic);

/* ---- the mask as text, for tests ---- */

/* Room for a mask; processors with larger numbers are not followed to. */
#define IRQ_CPU_MAX 4096
#define IRQ_CPU_TEXT_LEN (IRQ_CPU_MAX / 32 * 9 + 1)

/* "60,00000000\n": the mask of processors 37 and 38, so 2 from 37 on. At most IRQ_CPU_MAX is the last; its length. */
unsigned irq_cpu_format(char text[IRQ_CPU_TEXT_LEN], unsigned first, unsigned count);
/* How many processors are in a mask; *first is the lowest one. 0: it is no mask. */
unsigned irq_cpu_parse(const char *text, unsigned *first);

#endif
