// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the cases, each in a process of its own. */
#include "vhost_blk.h"

#include <endian.h>
#include <err.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vhost_hostile.h"

#define NOTHING_MS 50 /* no completion for so long: there will be none */
#define SOON_MS 8000
#define CASE_SECONDS 30

static const struct hostile_case *const lists[] = { hostile_ring_cases, hostile_mem_cases,
						    hostile_blk_cases, hostile_life_cases };
static const char *const outcomes[] = {
	[STOPS] = "the queue stops",   [SERVED] = "served",	    [IOERR] = "IOERR", [UNSUPP] = "UNSUPP",
	[REFUSED] = "refused", [ANY] = "anything, then a reset helps",
};

/* ---- for the cases ---- */

void hostile_make(struct hostile *h, uint32_t type, uint64_t sector, uint32_t len)
{
	request_make(&h->r, &h->slot, type, sector, len);
}

void hostile_out(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_OUT, 8, 4096);
}

void hostile_in(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_IN, 8, 4096);
}

static void must_fit(bool added)
{
	if (!added)
		errx(1, "the ring is too small");
}

void hostile_add(struct hostile *h)
{
	must_fit(ring_add(h->ring, h->r.piece, h->r.n, NULL, 0, &h->r));
}

void hostile_add_table(struct hostile *h)
{
	must_fit(ring_add(h->ring, h->r.piece, h->r.n, h->slot.va + SLOT_TABLE,
			  h->slot.iova + SLOT_TABLE, &h->r));
}

static bool one_request(struct disk *d, unsigned queue, uint32_t type, int timeout_ms)
{
	struct slot s = disk_slot(d, HOSTILE_SLOTS - 1);
	struct ring *ring = &d->ring[queue];
	struct request r;
	uint32_t written;

	request_make(&r, &s, type, d->unit, d->unit * SECTOR);
	must_fit(ring_add(ring, r.piece, r.n, NULL, 0, &r));
	ring_publish(ring);
	ring_kick(ring);
	return ring_wait(ring, timeout_ms) && ring_get(ring, &written) == &r &&
	       request_status(&r, &s) == VIRTIO_BLK_S_OK;
}

bool hostile_ordinary(struct disk *d, unsigned queue, int timeout_ms)
{
	struct slot s = disk_slot(d, HOSTILE_SLOTS - 1);
	uint8_t want = (uint8_t)getpid();

	if (disk_has(d, VIRTIO_BLK_F_RO))
		return one_request(d, queue, VIRTIO_BLK_T_IN, timeout_ms);
	memset(slot_data(&s), want, SECTOR);
	if (!one_request(d, queue, VIRTIO_BLK_T_OUT, timeout_ms))
		return false;
	memset(slot_data(&s), ~want, SECTOR);
	return one_request(d, queue, VIRTIO_BLK_T_IN, timeout_ms) && slot_data(&s)[SECTOR - 1] == want;
}

void extra_map(struct hostile *h, unsigned perm0, unsigned perm1)
{
	mem_make(&h->extra[0], EXTRA_LEN, IOVA_EXTRA);
	mem_make(&h->extra[1], EXTRA_LEN, IOVA_EXTRA + EXTRA_LEN);
	if (perm0)
		vdpa_map(&h->d.dev, &h->extra[0], perm0);
	if (perm1)
		vdpa_map(&h->d.dev, &h->extra[1], perm1);
}

void poke16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_RELEASE);
}

static struct {
	pthread_t thread;
	struct hostile *h;
	void (*fn)(struct hostile *h, unsigned turn);
	bool end;
} hurry;

static void *hurrying(void *arg)
{
	(void)arg;
	for (unsigned turn = 0; !__atomic_load_n(&hurry.end, __ATOMIC_ACQUIRE); turn++)
		hurry.fn(hurry.h, turn);
	return NULL;
}

void hostile_hurry(struct hostile *h, void (*fn)(struct hostile *h, unsigned turn))
{
	hurry.h = h;
	hurry.fn = fn;
	hurry.end = false;
	if (pthread_create(&hurry.thread, NULL, hurrying, NULL))
		errx(1, "no thread");
}

void hostile_calm(void)
{
	__atomic_store_n(&hurry.end, true, __ATOMIC_RELEASE);
	pthread_join(hurry.thread, NULL);
}

/* ---- a case ---- */

static bool came(struct hostile *h, int timeout_ms)
{
	struct pollfd pfd = { .fd = h->ring->call, .events = POLLIN };

	if (h->blind)
		return poll(&pfd, 1, timeout_ms) > 0;
	return ring_wait(h->ring, timeout_ms);
}

static void expect_stop(struct hostile *h)
{
	if (came(h, NOTHING_MS))
		errx(1, "the request was completed (status %u), the queue should have stopped",
		     request_status(&h->r, &h->slot));
	if (!h->blind && h->d.queues > 1 && !hostile_ordinary(&h->d, 1, SOON_MS))
		errx(1, "the other queue stopped, too");
}

static void expect_status(struct hostile *h, uint8_t want)
{
	uint32_t written;

	if (!came(h, SOON_MS))
		errx(1, "the request was not completed");
	if (ring_get(h->ring, &written) != &h->r)
		errx(1, "another request was completed");
	if (request_status(&h->r, &h->slot) != want)
		errx(1, "status %u, expected %u", request_status(&h->r, &h->slot), want);
}

static void expect(struct hostile *h, enum outcome outcome)
{
	ring_publish(h->ring);
	ring_kick_always(h->ring);
	switch (outcome) {
	case STOPS:
		expect_stop(h);
		break;
	case SERVED:
		expect_status(h, VIRTIO_BLK_S_OK);
		break;
	case IOERR:
		expect_status(h, VIRTIO_BLK_S_IOERR);
		break;
	case UNSUPP:
		expect_status(h, VIRTIO_BLK_S_UNSUPP);
		break;
	default:
		break;
	}
}

static void open_again(const struct options *o)
{
	const struct disk_params params = { .path = o->path, .packed = o->packed, .slots = HOSTILE_SLOTS };
	static struct disk d;

	disk_open(&d, &params);
	if (!disk_go(&d))
		errx(1, "after a reset the device can't be started");
	if (!hostile_ordinary(&d, 0, SOON_MS))
		errx(1, "after a reset an ordinary request does not work");
	disk_close(&d);
}

/* False: it does not apply to this device. */
static bool run(const struct options *o, const struct hostile_case *c)
{
	const struct disk_params params = { .path = o->path, .packed = o->packed, .queues = o->queues,
					    .slots = HOSTILE_SLOTS, .without = c->without };
	static struct hostile h;
	bool started;

	disk_open(&h.d, &params);
	if (c->needs & ~h.d.dev.features)
		return false;
	h.ring = &h.d.ring[0];
	h.slot = disk_slot(&h.d, 0);
	hostile_in(&h);
	if (c->before)
		c->before(&h);
	started = !h.refused && disk_go(&h.d);
	if (c->outcome == REFUSED && started)
		errx(1, "it was not refused");
	if (c->outcome != REFUSED && !started && !c->may_refuse)
		errx(1, "the device can't be started");
	if (started) {
		if (c->act)
			c->act(&h);
		else
			hostile_add(&h);
		if (!h.done)
			expect(&h, c->outcome);
	}
	disk_close(&h.d);
	open_again(o);
	return true;
}

/* ---- all of them ---- */

enum { PASSED = 0, LEFT_OUT = 77 };

static bool run_process(const struct options *o, const struct hostile_case *c)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		alarm(CASE_SECONDS);
		_exit(run(o, c) ? PASSED : LEFT_OUT);
	}
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	if (WIFSIGNALED(status))
		printf("not ok %s # signal %d\n", c->name, WTERMSIG(status));
	else if (WEXITSTATUS(status) == LEFT_OUT)
		printf("ok %s # left out\n", c->name);
	else
		printf("%s %s\n", WEXITSTATUS(status) ? "not ok" : "ok", c->name);
	return WIFEXITED(status) && (WEXITSTATUS(status) == PASSED || WEXITSTATUS(status) == LEFT_OUT);
}

static bool chosen(const struct hostile_case *c, char **names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(names[i], "all") || !strcmp(names[i], c->name))
			return true;
	return false;
}

int blk_hostile(const struct options *o, char **names, unsigned count)
{
	unsigned ran = 0, failed = 0;

	for (unsigned l = 0; l < sizeof(lists) / sizeof(*lists); l++)
		for (const struct hostile_case *c = lists[l]; c->name; c++) {
			if (!(c->rings & (o->packed ? PACKED : SPLIT)) || !chosen(c, names, count))
				continue;
			ran++;
			failed += !run_process(o, c);
		}
	if (!ran)
		errx(2, "there is no such case");
	printf("%u cases, %u failed\n", ran, failed);
	return failed > 0;
}

int blk_hostile_list(void)
{
	static const char *const rings[] = { "", "split", "packed", "both" };

	for (unsigned l = 0; l < sizeof(lists) / sizeof(*lists); l++)
		for (const struct hostile_case *c = lists[l]; c->name; c++)
			printf("%-28s %-8s %-7s %s\n", c->name, c->why, rings[c->rings], outcomes[c->outcome]);
	return 0;
}
