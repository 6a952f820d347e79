// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory that changes while the device reads it, negotiation, resets, events. */
#include <endian.h>
#include <err.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vhost_hostile.h"

#define DRIVER (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* ---- what is changed after it was checked ---- */

/* Requests until one is not completed: the ring was broken. */
static void many(struct hostile *h, void (*add)(struct hostile *h), void (*fn)(struct hostile *h, unsigned turn))
{
	uint32_t written;

	hostile_hurry(h, fn);
	for (unsigned i = 0; i < 100; i++) {
		add(h);
		ring_publish(h->ring);
		ring_kick(h->ring);
		if (!ring_wait(h->ring, 50))
			break;
		/* What is completed need not be what was asked for. */
		ring_get(h->ring, &written);
	}
	hostile_calm();
}

static void table_flips(struct hostile *h, unsigned turn)
{
	static const uint32_t lens[] = { 16, UINT32_MAX, 4096, 0 };
	uint8_t *entry = h->slot.va + SLOT_TABLE + turn % 3 * 16;

	memcpy(entry + 8, &lens[turn / 3 % 4], 4);
	poke16(entry + 14, turn & 1 ? 0xffff : (uint16_t)(turn % 3 + 1));
	poke16(entry + 12, (uint16_t)(turn & 2 ? 0xffff : VRING_DESC_F_NEXT));
}

static void table_changes(struct hostile *h)
{
	many(h, hostile_add_table, table_flips);
}

static void desc_flips(struct hostile *h, unsigned turn)
{
	uint8_t *desc = h->ring->memory + RING_DESC + turn % h->ring->size * 16;
	uint32_t len = turn & 1 ? UINT32_MAX : 4096;

	memcpy(desc + 8, &len, 4);
	if (!h->ring->packed)
		poke16(desc + 14, turn & 4 ? 0xffff : (uint16_t)(turn % 7));
}

static void desc_changes(struct hostile *h)
{
	many(h, hostile_add, desc_flips);
}

static void header_flips(struct hostile *h, unsigned turn)
{
	uint32_t type = turn % 16;
	uint64_t sector = turn & 16 ? UINT64_MAX : 8;

	memcpy(slot_data(&h->slot) - 16, &type, 4);
	memcpy(slot_data(&h->slot) - 8, &sector, 8);
}

static void header_changes(struct hostile *h)
{
	many(h, hostile_add, header_flips);
}

static void add_discard(struct hostile *h)
{
	hostile_make(h, VIRTIO_BLK_T_DISCARD, 0, 64);
	hostile_add(h);
}

static void range_flips(struct hostile *h, unsigned turn)
{
	uint64_t sector = turn & 1 ? UINT64_MAX - 7 : 8;
	uint32_t count = turn & 2 ? UINT32_MAX : 8;

	for (unsigned i = 0; i < 4; i++) {
		memcpy(slot_data(&h->slot) + i * 16, &sector, 8);
		memcpy(slot_data(&h->slot) + i * 16 + 8, &count, 4);
	}
}

static void ranges_change(struct hostile *h)
{
	many(h, add_discard, range_flips);
}

static void avail_flips(struct hostile *h, unsigned turn)
{
	poke16(h->ring->memory + RING_DRIVER + 2, (uint16_t)(turn & 1));
	if (turn % 16 == 0)
		ring_kick_always(h->ring);
}

static void avail_back_and_forth(struct hostile *h)
{
	hostile_add(h);
	hostile_hurry(h, avail_flips);
	nap(100);
	hostile_calm();
}

/* ---- negotiation ---- */

static void no_features_ok(struct hostile *h)
{
	h->refused = vdpa_set_status(&h->d.dev, DRIVER | VIRTIO_CONFIG_S_DRIVER_OK) == DRIVER;
}

static void more_features(struct hostile *h)
{
	h->refused = !vdpa_set_features(&h->d.dev, h->d.dev.features | FEATURE(13) | FEATURE(50));
}

/* ---- resets ---- */

static void add_some(struct hostile *h, unsigned queue)
{
	static struct request r[QUEUES_MAX][32];
	struct ring *ring = &h->d.ring[queue];

	for (unsigned i = 0; i < 32; i++) {
		struct slot s = disk_slot(&h->d, queue * 32 + i);

		request_make(&r[queue][i], &s, i % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, i * 16, 8192);
		if (!ring_add(ring, r[queue][i].piece, r[queue][i].n, NULL, 0, &r[queue][i]))
			errx(1, "the ring is too small");
	}
	ring_publish(ring);
	ring_kick_always(ring);
}

static void reset_in_flight(struct hostile *h)
{
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned i = 0; i < h->d.queues && i < 2; i++)
			add_some(h, i);
		if (round % 2)
			usleep(500 * round);
		if (!disk_restart(&h->d))
			errx(1, "after reset %u the device can't be started", round + 1);
	}
	hostile_in(h);
	hostile_add(h);
}

static void reset_at_once(struct hostile *h)
{
	for (unsigned round = 0; round < 10; round++)
		if (!disk_restart(&h->d))
			errx(1, "after reset %u the device can't be started", round + 1);
	hostile_add(h);
}

/* ---- where a queue stands ---- */

static void state_outside(struct hostile *h)
{
	unsigned base;

	h->refused = !vdpa_get_base(&h->d.dev, h->d.dev.queues, &base);
}

static void state_told(struct hostile *h)
{
	unsigned base = 0;

	if (!hostile_ordinary(&h->d, 0, 5000))
		errx(1, "an ordinary request does not work");
	if (!vdpa_get_base(&h->d.dev, 0, &base))
		err(1, "VHOST_GET_VRING_BASE");
	if ((base & 0xffff) != ring_base(h->ring))
		errx(1, "the queue stands at %#x, the device says %#x", ring_base(h->ring), base);
	hostile_add(h);
}

static void late_queue(struct hostile *h)
{
	h->d.late[0] = true;
}

static void enable_late(struct hostile *h)
{
	hostile_add(h);
	ring_publish(h->ring);
	ring_kick_always(h->ring);
	nap(50);
	vdpa_enable(&h->d.dev, 0);
}

/* ---- events ---- */

static bool used_is(const struct hostile *h, uint16_t idx)
{
	return __atomic_load_n((uint16_t *)(h->ring->memory + RING_DEVICE + 2), __ATOMIC_ACQUIRE) == htole16(idx);
}

static void used_scribbled(struct hostile *h)
{
	memset(h->ring->memory + RING_DEVICE, 0xff, 4 + 8 * h->ring->size + 2);
	hostile_add(h);
	ring_publish(h->ring);
	ring_kick_always(h->ring);
	for (unsigned i = 0; i < 500 && !used_is(h, 1); i++)
		nap(10);
	if (!used_is(h, 1))
		errx(1, "the used index did not become 1");
}

static void scribble_events(struct hostile *h, uint64_t with)
{
	uint8_t *driver = h->ring->memory + RING_DRIVER, *device = h->ring->memory + RING_DEVICE;

	if (h->ring->packed) {
		memcpy(driver, &with, 4);
		memcpy(device, (uint8_t *)&with + 4, 4);
		return;
	}
	poke16(driver, (uint16_t)with);
	poke16(driver + 4 + 2 * h->ring->size, (uint16_t)(with >> 16));
	poke16(device, (uint16_t)(with >> 32));
	poke16(device + 4 + 8 * h->ring->size, (uint16_t)(with >> 48));
}

static void events_wild(struct hostile *h)
{
	uint64_t state = 4711;
	uint32_t written;

	for (unsigned i = 0; i < 50; i++) {
		hostile_add(h);
		scribble_events(h, random_next(&state));
		ring_publish(h->ring);
		ring_kick_always(h->ring);
		/* There may be no interrupt. */
		for (unsigned k = 0; k < 5000 && !ring_has(h->ring); k++)
			nap(1);
		if (ring_get(h->ring, &written) != &h->r || request_status(&h->r, &h->slot))
			errx(1, "request %u was not served", i);
	}
	hostile_add(h);
}

static void kick_again(struct hostile *h, unsigned turn)
{
	(void)turn;
	ring_kick_always(h->ring);
}

static void kick_storm(struct hostile *h)
{
	hostile_hurry(h, kick_again);
	nap(50);
	for (unsigned i = 0; i < 5; i++)
		if (!hostile_ordinary(&h->d, h->d.queues > 1, 10000))
			errx(1, "an ordinary request does not work among kicks");
	hostile_calm();
	hostile_add(h);
}

#define VERSION_1 FEATURE(VIRTIO_F_VERSION_1)
#define PLATFORM FEATURE(VIRTIO_F_ACCESS_PLATFORM)
#define EVENT_IDX FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define CAN_DISCARD FEATURE(VIRTIO_BLK_F_DISCARD)

const struct hostile_case hostile_life_cases[] = {
	{ "table-changes", "13", ANY, BOTH, NULL, table_changes, 0, INDIRECT, false },
	{ "descriptors-change", "13", ANY, BOTH, NULL, desc_changes, 0, 0, false },
	{ "header-changes", "13", ANY, BOTH, NULL, header_changes, 0, 0, false },
	{ "ranges-change", "33", ANY, BOTH, NULL, ranges_change, 0, CAN_DISCARD, false },
	{ "avail-back-and-forth", "40", ANY, SPLIT, NULL, avail_back_and_forth, 0, 0, false },
	{ "no-features-ok", "37", REFUSED, BOTH, no_features_ok, NULL, 0, 0, false },
	{ "no-version-1", "37", REFUSED, BOTH, NULL, NULL, VERSION_1, 0, false },
	{ "no-access-platform", "37", REFUSED, BOTH, NULL, NULL, PLATFORM, 0, false },
	{ "more-features", "37", REFUSED, BOTH, more_features, NULL, 0, 0, false },
	{ "no-event-idx", "39", SERVED, BOTH, NULL, NULL, EVENT_IDX, 0, false },
	{ "reset-in-flight", "35", SERVED, BOTH, NULL, reset_in_flight, 0, 0, false },
	{ "reset-at-once", "35", SERVED, BOTH, NULL, reset_at_once, 0, 0, false },
	{ "state-outside", "38", REFUSED, BOTH, state_outside, NULL, 0, 0, false },
	{ "state-told", "38", SERVED, BOTH, NULL, state_told, 0, 0, false },
	{ "late-queue", "35", SERVED, BOTH, late_queue, enable_late, 0, 0, false },
	{ "used-scribbled", "39", SERVED, SPLIT, NULL, used_scribbled, 0, 0, false },
	{ "events-wild", "39", SERVED, BOTH, NULL, events_wild, 0, 0, false },
	{ "kick-storm", "40", SERVED, BOTH, NULL, kick_storm, 0, 0, false },
	{ 0 },
};
