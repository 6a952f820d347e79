/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-blk queue whose driver is the test.  The reactor's struct is used
 * without its thread, unless the test starts one; the back end is a real one,
 * or one whose completions the test gives.
 */
#ifndef TESTS_UNIT_BLKWORLD_H
#define TESTS_UNIT_BLKWORLD_H

#include "vdriver.h"
#include "vdused/blk.h"
#include "vdused/reactor.h"

/* ---- a back end in the test's hands ---- */

#define FAKE_MAX 512

struct fake_seen {
	enum backend_op op;
	unsigned flags;
	uint64_t offset, len;
};

struct fake {
	struct backend b;
	struct backend_queue *q; /* the one that was opened last */
	bool hold; /* requests wait for fake_end() */
	bool busy; /* whoever looks for completions hears that there were some */
	bool deaf; /* cancelling changes nothing */
	int result; /* of the others */
	struct backend_req *held[FAKE_MAX];
	unsigned held_count; /* atomic */
	struct fake_seen seen[FAKE_MAX];
	unsigned seen_count;
	void (*on_submit)(void); /* while a request is submitted, or NULL */
	unsigned cancelled;
	struct loop_source timer; /* completes all, from the loop: fake_end_later() */
};

/* A disk of `size` octets with everything that a back end can have. */
void fake_init(struct fake *f, uint64_t size);
/* Ends the request held[i]; the later ones move up. */
void fake_end(struct fake *f, unsigned i, int result);
/* From now on what is held ends by itself each `ns`, in the loop of the queue: before it is opened. */
void fake_end_later(struct fake *f, long ns);

/* ---- the driver ---- */

/* What the device can reach, beside the rings. */
#define DATA_IOVA UINT64_C(0x1000000)
#define DATA_LEN 0x100000u
#define GONE_IOVA UINT64_C(0x2000000) /* mapped, and its memory vanished */
#define GONE_LEN 0x2000u
#define ONLY_READ_IOVA UINT64_C(0x3000000) /* the same memory as DATA */
#define NOWHERE_IOVA UINT64_C(0x4000000)

struct piece {
	uint64_t addr;
	uint32_t len;
	bool write;
};

struct blkworld {
	struct vdriver v;
	struct vq vq;
	struct vq *vqp;
	struct reactor r;
	struct blk blk;
	struct vduse vduse; /* no device: interrupts go nowhere */
	struct iova_map *map;
	uint8_t *arena, *data;
	uint8_t log[131072] __attribute__((aligned(8)));
	struct backend *backend;
	uint32_t written; /* of the last request */
	bool thread;
};

struct blkworld_params {
	unsigned how; /* VDRIVER_* */
	struct fake *fake; /* or else uri */
	const char *uri;
	struct blk_options options; /* zero: the usual ones */
	uint64_t without; /* features that the driver does not take */
	bool thread; /* the test starts the reactor itself */
};

void blkworld_open(struct blkworld *w, const struct blkworld_params *p);
void blkworld_close(struct blkworld *w);
/* The queue's ring begins, as device_run.c does it. */
void blkworld_ring(struct blkworld *w, unsigned how);
/* Makes a request of these pieces available; false: the ring is full. */
bool driver_add(struct vdriver *v, uint32_t token, const struct piece *pieces, unsigned n);
/* A turn of the reactor. */
void blkworld_turn(struct blkworld *w);

/* Writes a header into the data at `at`. */
void put_header(struct blkworld *w, unsigned at, uint32_t type, uint64_t sector);
static inline uint8_t *data_at(struct blkworld *w, unsigned at)
{
	return w->data + at;
}

/*
 * One request in the usual form: header at 0, status at 0x800, data
 * [0x1000, 0x1000 + len) of the device's side; its status, 0xff while it has none.
 */
enum { AT_HEADER = 0, AT_STATUS = 0x800, AT_DATA = 0x1000 };
uint8_t blkworld_do(struct blkworld *w, uint32_t type, uint64_t sector, uint32_t len, bool write);
/* The same of any pieces; the status octet is expected at AT_STATUS. */
uint8_t blkworld_chain(struct blkworld *w, const struct piece *pieces, unsigned n);

/*
 * One of several reads of a sector: of sector `token` up to 1023, each of 64 in a page of its own; false: the
 * ring is full.  Nobody is kicked.
 */
bool blkworld_read(struct blkworld *w, uint32_t token);
/* The status octet of that, 0xff while it has none. */
uint8_t blkworld_read_status(const struct blkworld *w, uint32_t token);
/* Is it still in flight? (It must not have been given back.) */
void blkworld_pending(struct blkworld *w, unsigned in_flight);

#endif
