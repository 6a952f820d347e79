/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device dies, and another takes over.  A child is the device; while it
 * works it goes on by single instructions, and whenever one of them has changed what it shares
 * with the world, a death at that moment is tried on a copy: no request may be
 * lost, and none may be seen as completed twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vdriver.h"
#include "vdused/guard.h"
#include "vdused/vring_impl.h"

#define SIZE 8
#define TOKENS 44

/* All that outlives the device. */
struct shared {
	struct vdriver v;
	uint32_t added; /* tokens 1..added */
	uint8_t completed[TOKENS]; /* by token, as the driver has seen */
	uint32_t device_runs; /* else the driver is at work, and the device can't die now */
	uint8_t arena[ARENA_SIZE] __attribute__((aligned(4096)));
};

/* Where a device that dies leaves a difference: rings and log. */
#define WATCHED ARENA_TABLES

static struct shared *shared_new(void)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return s == MAP_FAILED ? NULL : s;
}

static void driver_adds(struct shared *s, unsigned n, unsigned how)
{
	for (; n; n--) {
		uint32_t t = s->added + 1;

		if (t < TOKENS &&
		    vdriver_add(&s->v, t, 1 + t % 2, t % 3, how & VDRIVER_INDIRECT && t % 4))
			s->added++;
	}
}

static void driver_gets(struct shared *s)
{
	for (uint32_t token; (token = vdriver_get(&s->v, NULL));)
		if (s->completed[token]++)
			abort();
}

static uint32_t token_of(const struct vchain *c)
{
	uint32_t token = 0;

	if (guard_gather(&token, c->iov, c->nout, 0, sizeof(token)))
		abort();
	return token;
}

struct device {
	struct vring vr;
	struct vchain chain;
	uint16_t held[SIZE];
	unsigned n;
};

static int device_start(struct device *d, struct shared *s, bool resume, uint16_t base)
{
	struct iova_map *map = vdriver_map(&s->v);
	int ret = vring_start(&d->vr, &s->v.setup, map, s->arena + ARENA_LOG, resume, base);

	iova_map_unref(map);
	return ret;
}

static void device_pops(struct device *d, unsigned n)
{
	while (n-- && vring_pop(&d->vr, &d->chain) == 1)
		d->held[d->n++] = d->chain.id;
}

/* Of what is held the i'th. */
static void device_pushes(struct device *d, unsigned i)
{
	if (i >= d->n)
		return;
	vring_push(&d->vr, d->held[i], 1);
	memmove(&d->held[i], &d->held[i + 1], (--d->n - i) * sizeof(d->held[0]));
}

/* What the child does. Batches of several and of one, in and out of order, around the ring. */
static void device_lives(struct shared *s, unsigned how, uint16_t base)
{
	struct device d = { 0 };
	unsigned seed = how + 1;

	if (device_start(&d, s, false, base))
		abort();
	while (s->added < TOKENS - 20) {
		driver_gets(s);
		driver_adds(s, 3, how);
		__atomic_store_n(&s->device_runs, 1, __ATOMIC_SEQ_CST);
		raise(SIGTRAP);
		device_pops(&d, 2 + seed % 3);
		for (unsigned k = 0; k < 1 + (seed >> 9) % 3; k++) {
			seed = seed * 1103515245 + 12345;
			device_pushes(&d, (seed >> 16) % (d.n ? d.n : 1));
		}
		vring_publish(&d.vr);
		__atomic_store_n(&s->device_runs, 0, __ATOMIC_SEQ_CST);
	}
	vring_stop(&d.vr);
	free(d.chain.iov);
}

/* All that was taken up runs again: those the driver waits for, oldest first. */
static void resumed(struct device *d, struct shared *s, unsigned seed)
{
	uint32_t last = 0;

	while (vring_pop_resumed(&d->vr, &d->chain) == 1) {
		uint32_t token = token_of(&d->chain);

		assert_true(token > last);
		assert_int_equal(s->v.token[d->chain.id], token);
		assert_int_equal(s->completed[token], 0);
		last = token;
		d->held[d->n++] = d->chain.id;
		/* Each shape as it was. */
		assert_int_equal(d->chain.nout, 1 + token % 2);
		assert_int_equal(d->chain.nin, token % 3);
	}
	assert_string_equal(d->vr.why, "");
	assert_int_equal(d->n, d->vr.in_flight);
	while (d->n) {
		seed = seed * 1103515245 + 12345;
		device_pushes(d, (seed >> 16) % d->n);
		if (seed >> 24 & 1) {
			vring_publish(&d->vr);
			driver_gets(s);
		}
	}
}

/* Another device takes over; it may die at once and be replaced in turn. */
static void take_over(struct shared *s, unsigned how, unsigned variant)
{
	struct device d = { 0 };

	/* The driver goes on while there is no device, or does not. */
	if (variant & 1) {
		driver_gets(s);
		driver_adds(s, 8, how);
	}
	if (variant & 2) {
		assert_int_equal(device_start(&d, s, true, 0), 0);
		vring_stop(&d.vr);
	}
	assert_int_equal(device_start(&d, s, true, 0), 0);
	/* Done before: seen. Not seen: runs again. */
	driver_gets(s);
	resumed(&d, s, variant * 77 + 1);
	device_pops(&d, SIZE);
	while (d.n)
		device_pushes(&d, d.n / 2);
	vring_publish(&d.vr);
	driver_gets(s);
	driver_adds(s, 3, how);
	device_pops(&d, SIZE);
	while (d.n)
		device_pushes(&d, 0);
	vring_publish(&d.vr);
	driver_gets(s);
	assert_string_equal(d.vr.why, "");
	for (uint32_t t = 1; t <= s->added; t++)
		assert_int_equal(s->completed[t], 1);
	assert_int_equal(s->v.free, SIZE);
	inflight_stop(&d.vr.log);
	vring_stop(&d.vr);
	free(d.chain.iov);
}

static void die_here(const struct shared *s, struct shared *copy, unsigned how)
{
	for (unsigned variant = 0; variant < 4; variant++) {
		memcpy(copy, s, sizeof(*s));
		copy->v.arena = copy->arena;
		take_over(copy, how, variant);
	}
}

static pid_t device_fork(struct shared *s, unsigned how, uint16_t base)
{
	pid_t pid = fork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(77);
		raise(SIGSTOP);
		device_lives(s, how, base);
		_exit(0);
	}
	return pid;
}

/* How many moments there were; -1: this system does not let us watch. */
static int watch(unsigned how, uint16_t base)
{
	struct shared *s = shared_new(), *copy = malloc(sizeof(*copy) + 4096);
	struct shared *aligned = (void *)(((uintptr_t)copy + 4095) & ~(uintptr_t)4095);
	uint8_t *seen = calloc(1, WATCHED);
	int moments = 0, status;
	pid_t pid;

	vdriver_init(&s->v, s->arena, SIZE, how, base);
	pid = device_fork(s, how, base);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		assert_true(WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP);
		if (s->device_runs && memcmp(seen, s->arena, WATCHED)) {
			memcpy(seen, s->arena, WATCHED);
			die_here(s, aligned, how);
			moments++;
		}
		if (ptrace(s->device_runs ? PTRACE_SINGLESTEP : PTRACE_CONT, pid, NULL, NULL)) {
			kill(pid, SIGKILL);
			moments = -1;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		moments = -1;
	else
		assert_int_equal(status, 0);
	munmap(s, sizeof(*s));
	free(copy);
	free(seen);
	return moments;
}

static void watched(unsigned how)
{
	int moments = watch(how, how & VDRIVER_PACKED ? 0x8003 : 65520);

	if (moments < 0) {
		print_message("no ptrace here\n");
		skip();
	}
	/* A few stores for each of the requests, at the least. */
	assert_true(moments > 4 * (TOKENS - 20));
}

static void test_split(void **state)
{
	(void)state;
	watched(0);
}

static void test_split_indirect(void **state)
{
	(void)state;
	watched(VDRIVER_INDIRECT | VDRIVER_EVENT_IDX);
}

static void test_packed(void **state)
{
	(void)state;
	watched(VDRIVER_PACKED);
}

static void test_packed_indirect(void **state)
{
	(void)state;
	watched(VDRIVER_PACKED | VDRIVER_INDIRECT | VDRIVER_EVENT_IDX);
}

static void test_split_in_order(void **state)
{
	(void)state;
	watched(VDRIVER_IN_ORDER | VDRIVER_INDIRECT);
}

static void test_packed_in_order(void **state)
{
	(void)state;
	watched(VDRIVER_IN_ORDER | VDRIVER_PACKED);
}

/* ---- what can't be resumed ---- */

/* A ring with three requests taken, the second of which is pushed. */
static void furnish(struct device *d, struct shared *s, unsigned how)
{
	uint16_t base = how & VDRIVER_PACKED ? 0x8000 : 7;

	memset(s, 0, sizeof(*s));
	memset(d, 0, sizeof(*d));
	vdriver_init(&s->v, s->arena, SIZE, how, base);
	assert_int_equal(device_start(d, s, false, base), 0);
	driver_adds(s, 3, how);
	device_pops(d, 3);
	device_pushes(d, 1);
}

static void refused(struct device *d, struct shared *s, const char *why)
{
	vring_stop(&d->vr);
	assert_int_equal(device_start(d, s, true, 0), -EINVAL);
	assert_string_equal(d->vr.why, why);
	free(d->chain.iov);
}

static void test_denied(void **state)
{
	struct shared *s = shared_new();
	struct device d;
	struct inflight log;

	(void)state;
	/* The driver moves the used index. */
	furnish(&d, s, 0);
	ring_store16(s->arena + ARENA_DEVICE + 2, 8);
	refused(&d, s, "the used index is 8, the log of requests in flight says 7");
	/* Or takes back what was published, while its end was being written. */
	for (unsigned how = 0; how < 2; how++) {
		char why[64];

		furnish(&d, s, how);
		log = d.vr.log;
		inflight_batch_add(&log, d.vr.done[0].id);
		inflight_publish_begin(&log, how ? 0x8000 | d.vr.done[0].ndesc : 8);
		log.slot[d.vr.done[0].id].taken = 0;
		snprintf(why, sizeof(why), "request %u was completed, and the ring denies it",
			 d.vr.done[0].id);
		refused(&d, s, why);
	}
	/* Packed: what is in flight is not available. */
	furnish(&d, s, VDRIVER_PACKED);
	ring_store16(s->arena + ARENA_DESC + 14, 0);
	refused(&d, s, "descriptor 0 is not in flight, as the log of such requests says");
	/* A log of something else, and none. */
	furnish(&d, s, 0);
	s->v.setup.packed = true;
	refused(&d, s, "the log of requests in flight is not one of this ring");
	furnish(&d, s, 0);
	inflight_stop(&d.vr.log);
	refused(&d, s, "the log of requests in flight is not one of this ring");
	munmap(s, sizeof(*s));
}

/* What is in flight was changed meanwhile, and is looked at as if it were new. */
static void test_changed(void **state)
{
	struct shared *s = shared_new();
	struct device d;
	uint16_t head;

	(void)state;
	furnish(&d, s, 0);
	head = d.held[0];
	vring_stop(&d.vr);
	vdriver_desc(&s->v, ARENA_DESC, head, 0, 0, DESC_NEXT, head);
	assert_int_equal(device_start(&d, s, true, 0), 0);
	assert_int_equal(vring_pop_resumed(&d.vr, &d.chain), -1);
	assert_non_null(strstr(d.vr.why, "is a loop"));
	assert_int_equal(vring_pop_resumed(&d.vr, &d.chain), -1);
	vring_stop(&d.vr);
	free(d.chain.iov);
	/* The copies of packed descriptors come from the log, wherever they point. */
	furnish(&d, s, VDRIVER_PACKED);
	d.vr.log.desc[0].flags = DESC_WRITE;
	d.vr.log.desc[1].flags = 0;
	vring_stop(&d.vr);
	assert_int_equal(device_start(&d, s, true, 0), 0);
	assert_int_equal(vring_pop_resumed(&d.vr, &d.chain), -1);
	assert_non_null(strstr(d.vr.why, "readable descriptor after a writable one"));
	vring_stop(&d.vr);
	free(d.chain.iov);
	munmap(s, sizeof(*s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),	       cmocka_unit_test(test_split_indirect),
		cmocka_unit_test(test_packed),	       cmocka_unit_test(test_packed_indirect),
		cmocka_unit_test(test_split_in_order), cmocka_unit_test(test_packed_in_order),
		cmocka_unit_test(test_denied),	       cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
