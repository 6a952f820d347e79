/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Back ends: where the blocks of a disk are kept.
 *
 *   virtio-blk queue --> backend_submit() --> gate --> ops->submit() ... req->done()
 *
 * A back end is opened once by the process (backend_open(), main thread, still
 * privileged) and then once more by each thread that does I/O (backend_queue_open()
 * in that thread).  All calls on a queue are made by its thread, and `done` is
 * called there: from within submit, flush, dispatch or cancel.
 *
 * The gate (backend.c) checks what a back end may take for granted: the range
 * is inside the size, lengths are multiples of the logical block, the octets
 * of the scatter list are `len`, a read-only back end sees no writes, and no
 * operation that its capabilities lack.  Errors of the peer end at the gate or
 * before it.
 *
 * To add one: backend_NAME.c with a `const struct backend_ops`, a line in the
 * table of backend.c, a section in vdused-backends.7.
 */
#ifndef VDUSED_BACKEND_H
#define VDUSED_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vdused/err.h"
#include "vdused/loop.h"

enum backend_op {
	BACKEND_READ,
	BACKEND_WRITE,
	BACKEND_FLUSH, /* what was completed before is durable after */
	BACKEND_DISCARD, /* contents become undefined */
	BACKEND_WRITE_ZEROES,
	BACKEND_SECURE_ERASE,
};

enum {
	BACKEND_FUA = 1, /* WRITE, WRITE_ZEROES, DISCARD: durable before done */
	BACKEND_MAY_UNMAP = 2, /* WRITE_ZEROES: the space may be given back */
};

struct backend_req;
typedef void backend_done_fn(struct backend_req *req, int result);

struct backend_req {
	/* The caller's, unchanged until done. */
	enum backend_op op;
	unsigned flags;
	uint64_t offset, len; /* octets; 0 for FLUSH */
	/*
	 * READ, WRITE: `len` octets of memory that may vanish (EFAULT, see guard.h).
	 * The back end may overwrite the iovecs.
	 */
	struct iovec *iov;
	unsigned niov; /* any number */
	/*
	 * Result 0 or a negative errno: EIO, ENOSPC, EROFS, EFAULT (the memory is gone),
	 * EOPNOTSUPP, ENOTCONN (gave up reconnecting), ECANCELED.  READ and WRITE are never short.
	 */
	backend_done_fn *done;

	/* The back end's while it has the request. */
	struct backend_req *next;
	uint64_t done_len; /* of a transfer in pieces */
	void *buffer;
	int result;
	unsigned state;
};

#define BACKEND_IDENTITY_LEN 64

/* What a back end is, as told once it is open. Sizes in octets. */
struct backend_info {
	/* Text that another disk has not, also when it came to the same URI; "": one is as good as another. */
	char identity[BACKEND_IDENTITY_LEN];
	uint64_t size; /* a multiple of logical_block */
	uint32_t logical_block; /* 512..4096, a power of 2: smallest unit of I/O */
	uint32_t physical_block; /* 0: not known */
	uint32_t optimal_io; /* 0: not known */
	uint32_t discard_granularity; /* 0: not known */
	unsigned max_queues; /* that may be open at a time; 0: any number */
	bool readonly;
	bool flush; /* has volatile caches, BACKEND_FLUSH makes sense; else writes are durable when done */
	bool discard, write_zeroes, secure_erase;
};

/* How to open it. */
struct backend_params {
	/* Set by backend_open(): what follows "SCHEME:", or all of the URI (backend_ops.whole_uri). */
	const char *target;
	bool readonly; /* nothing but reads will come; open it so */
	bool buffered; /* through the page cache (file) */
	uint32_t logical_block; /* asked for, or 0: the back end's choice */
	/* An earlier process served this device: its contents stay, and its last requests may still be ending. */
	bool resume;
	/* Only looked at, while another process serves it: no queue is opened, nothing is locked or changed. */
	bool look;
	const char *memory; /* mem: the file that outlives the process; NULL: none */
	unsigned reconnect_s; /* nbd: how long to try again before requests fail; 0: for ever */
};

struct backend;
struct backend_queue;

struct backend_ops {
	const char *const *schemes; /* of its URIs, without the colon; ends with NULL */
	const char *usage; /* what its URI looks like: "mem:SIZE" */
	bool whole_uri; /* params->target is all of the URI */
	/*
	 * Sets *b, with `info` filled in; or a negative errno and the sentence.  The gate
	 * puts the URI in front of sentences and has checked params->logical_block.
	 * params->look: without `discard`; -EOPNOTSUPP when it can't but be disturbed.
	 */
	int (*open)(const struct backend_params *params, struct backend **b, struct err *err);
	void (*close)(struct backend *b);
	/* `loop` is the thread's. */
	int (*queue_open)(struct backend *b, struct loop *loop, struct backend_queue **q,
			  struct err *err);
	/* Nothing is in flight. */
	void (*queue_close)(struct backend_queue *q);
	/* Takes the request; it may be done before this returns, or may wait for flush. */
	void (*submit)(struct backend_queue *q, struct backend_req *req);
	/* What was submitted has to be started now. NULL: submit does. */
	void (*flush)(struct backend_queue *q);
	/*
	 * Looks for completions without sleeping; true if there were any.  NULL: none come but by
	 * the loop, which runs rarely while the thread has other things to do.
	 */
	bool (*poll)(struct backend_queue *q);
	/*
	 * Ends all that is in flight as soon as possible, with ECANCELED where it did
	 * not end by itself; the memory of a request is not touched after its done.
	 * NULL: the requests end soon enough.
	 */
	void (*cancel)(struct backend_queue *q);
	/* Looks again at the size (main thread): backend_set_size() when it changed. NULL: can't. */
	int (*refresh)(struct backend *b, struct err *err);
	/*
	 * Makes it larger, while other threads do I/O: new blocks read as zeros, and are there
	 * before backend_set_size() says so (main thread).  NULL: its size is not ours to choose.
	 */
	int (*grow)(struct backend *b, uint64_t size, struct err *err);
};

/* Embedded at the start of each back end's own structs. */
struct backend {
	const struct backend_ops *ops;
	char *uri; /* the gate's */
	struct backend_info info; /* constant but for size, see backend_size() */
};

struct backend_queue {
	struct backend *backend;
	struct loop *loop;
	unsigned in_flight; /* kept by the gate */
};

/* Opens what the URI names. 0 or a negative errno and the sentence, which names the URI. */
int backend_open(const char *uri, struct backend_params *params, struct backend **b,
		 struct err *err);
void backend_close(struct backend *b); /* NULL is allowed */
int backend_refresh(struct backend *b, struct err *err);
/*
 * Gives a back end that has no size of its own another one.  It can't shrink: what
 * a driver still uses would be lost.  -EOPNOTSUPP, -EINVAL, ... and the sentence.
 */
int backend_grow(struct backend *b, uint64_t size, struct err *err);

/* The size while other threads may be looking at it. */
static inline uint64_t backend_size(const struct backend *b)
{
	return __atomic_load_n(&b->info.size, __ATOMIC_ACQUIRE);
}

static inline void backend_set_size(struct backend *b, uint64_t size)
{
	__atomic_store_n(&b->info.size, size, __ATOMIC_RELEASE);
}

int backend_queue_open(struct backend *b, struct loop *loop, struct backend_queue **q,
		       struct err *err);
void backend_queue_close(struct backend_queue *q); /* NULL is allowed */
void backend_submit(struct backend_queue *q, struct backend_req *req);
void backend_flush(struct backend_queue *q);
bool backend_poll(struct backend_queue *q);
void backend_cancel(struct backend_queue *q);
/* "file:PATH, mem:SIZE, ...": the schemes there are, for messages. */
const char *backend_schemes(void);

/* ---- for the back ends ---- */

/* The request is done. */
void backend_complete(struct backend_queue *q, struct backend_req *req, int result);
/* A line in the daemon's log: what happens while nobody waits for an answer. Keeps errno. */
__attribute__((format(printf, 1, 2))) void backend_log(const char *fmt, ...);
/* "SIZE" of a back end that has no other: a multiple of the logical block, not 0. */
int backend_parse_size(const char *text, uint32_t logical_block, uint64_t *size, struct err *err);

extern const struct backend_ops backend_file_ops, backend_mem_ops, backend_nbd_ops,
	backend_null_ops;

#endif
