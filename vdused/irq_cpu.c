/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/irq_cpu.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A thread that is moved to and fro is not run after each time. */
#define MOVE_NS 1000000

/* Those of 32 processors from `base` on that are in [first, end). */
static uint32_t group(unsigned base, unsigned first, unsigned end)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 32; i++)
		bits |= (uint32_t)(base + i >= first && base + i < end) << i;
	return bits;
}

unsigned irq_cpu_format(char text[IRQ_CPU_TEXT_LEN], unsigned first, unsigned count)
{
	unsigned end = first + count, base = (end - 1) / 32 * 32;
	int len = snprintf(text, IRQ_CPU_TEXT_LEN, "%x", group(base, first, end));

	for (; base; base -= 32)
		len += snprintf(text + len, IRQ_CPU_TEXT_LEN - (size_t)len, ",%08x",
				group(base - 32, first, end));
	text[len++] = '\n';
	text[len] = '\0';
	return (unsigned)len;
}

/* Digits from the highest processors down, in groups of eight. */
unsigned irq_cpu_parse(const char *text, unsigned *first)
{
	size_t len = strcspn(text, "\n");
	unsigned count = 0, bit = 0;

	*first = 0;
	while (len) {
		char c = text[--len];
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
							(unsigned)(c - 'a') + 10;

		if (c == ',')
			continue;
		if (digit > 15)
			return 0;
		if (digit && !count)
			*first = bit + (unsigned)__builtin_ctz(digit);
		count += (unsigned)__builtin_popcount(digit);
		bit += 4;
	}
	return count;
}

void irq_cpu_open(struct irq_cpu *ic, const char *device, unsigned queue, uint32_t *kept)
{
	char path[160];

	snprintf(path, sizeof(path), "/sys/class/vduse/%s/vq%u/irq_cb_affinity", device, queue);
	ic->fd = open(path, O_RDWR | O_CLOEXEC);
	ic->kept = ic->fd >= 0 ? kept : NULL;
	ic->follows = false;
}

void irq_cpu_close(struct irq_cpu *ic)
{
	if (ic->kept)
		close(ic->fd);
	ic->kept = NULL;
}

static unsigned read_mask(const struct irq_cpu *ic, unsigned *first)
{
	char text[2 * IRQ_CPU_TEXT_LEN];
	ssize_t len = pread(ic->fd, text, sizeof(text) - 1, 0);

	*first = 0;
	if (len < 0)
		return 0;
	text[len] = '\0';
	return irq_cpu_parse(text, first);
}

static bool write_mask(const struct irq_cpu *ic, unsigned first, unsigned count)
{
	char text[IRQ_CPU_TEXT_LEN];
	unsigned len = irq_cpu_format(text, first, count);

	return pwrite(ic->fd, text, len, 0) == (ssize_t)len;
}

/* Nobody has written another one since we, or an earlier process that was killed, did. */
static bool is_ours(const struct irq_cpu *ic)
{
	unsigned first;

	return *ic->kept && read_mask(ic, &first) == 1 && *ic->kept == first + 1;
}

void irq_cpu_start(struct irq_cpu *ic)
{
	unsigned first, count;

	ic->follows = false;
	ic->moved_ns = 0;
	if (!ic->kept)
		return;
	ic->follows = is_ours(ic);
	if (ic->follows)
		return;
	*ic->kept = 0;
	count = read_mask(ic, &first);
	ic->follows = count > 1 && count >= (unsigned long)sysconf(_SC_NPROCESSORS_ONLN);
}

bool irq_cpu_follow(struct irq_cpu *ic, uint64_t now_ns)
{
	int cpu;

	if (!ic->follows)
		return false;
	cpu = sched_getcpu();
	if (cpu < 0 || cpu >= IRQ_CPU_MAX || *ic->kept == (uint32_t)cpu + 1 ||
	    now_ns - ic->moved_ns < MOVE_NS)
		return false;
	ic->moved_ns = now_ns;
	ic->follows = !*ic->kept || is_ours(ic);
	*ic->kept = ic->follows ? (uint32_t)cpu + 1 : 0;
	if (ic->follows)
		ic->follows = write_mask(ic, (unsigned)cpu, 1);
	return true;
}

void irq_cpu_stop(struct irq_cpu *ic)
{
	long all = sysconf(_SC_NPROCESSORS_CONF);

	if (ic->follows && is_ours(ic) && all <= IRQ_CPU_MAX)
		write_mask(ic, 0, (unsigned)all);
	if (ic->kept)
		*ic->kept = 0;
	ic->follows = false;
}
