/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the back end nbd:.
 *
 *   backend_nbd.c        the export: open, sizes, what the server can; connecting while one waits
 *   backend_nbd_queue.c  requests as commands of the protocol
 *   backend_nbd_link.c   a queue's connection in the loop: lost, tried again, given up
 *
 * Each queue has a connection of its own.  A request's data always goes through
 * private memory: the driver could take its memory away in the middle of a
 * send() or recv(), and that would cost the connection and everyone's requests.
 *
 * A command waits, is sent, and has ended; while there is no connection all
 * wait.  When a connection is lost, what was sent is sent again on the next
 * one: all commands can be repeated.  Writes that were completed but not yet
 * flushed are taken to be safe with the server; a server that crashes together
 * with its cache loses them, and the next flush does not tell.
 */
#ifndef VDUSED_BACKEND_NBD_H
#define VDUSED_BACKEND_NBD_H

#include <libnbd.h>
#include <stddef.h>
#include <sys/queue.h>

#include "vdused/backend.h"

#define NBD_SECOND_NS INT64_C(1000000000)
/* How long to connect and to negotiate, each time. */
#define NBD_ATTEMPT_NS (5 * NBD_SECOND_NS)
/* Data of one command; more is sent in turn. */
#define NBD_PIECE (4u << 20)

struct nbd_export {
	struct backend b;
	struct nbd_handle *first; /* made by open, for the first queue */
	unsigned reconnect_s;
	bool multi_conn;
	unsigned queues; /* open ones; any thread */
	uint64_t seen_size; /* of the newest connection; any thread */
};

struct nbd_queue;

struct nbd_cmd {
	TAILQ_ENTRY(nbd_cmd) link;
	struct nbd_queue *q;
	struct backend_req *req;
	bool sent; /* neither waiting nor ended */
	bool filled; /* data is what is to be written */
	bool sync; /* what is left is the flush that stands for FUA */
	int error; /* of what ended, an errno */
	size_t piece; /* octets from req->done_len on */
	void *data;
	size_t capacity;
};

TAILQ_HEAD(nbd_cmds, nbd_cmd);

struct nbd_queue {
	struct backend_queue q;
	struct nbd_handle *h; /* NULL: no connection and no attempt */
	bool up; /* commands are sent on it */
	bool dropping; /* it is being closed: what it says doesn't count */
	bool settling;
	bool fua; /* the server has it */
	uint32_t max_piece;
	struct nbd_cmds waiting, sent, ended, pool;
	size_t pooled; /* octets of data in the pool */

	struct loop_source sock, timer;
	uint32_t events; /* of sock in the loop; 0: not there */
	int64_t up_since, lost_since; /* CLOCK_MONOTONIC */
	int64_t attempt_until, next_attempt;
	int64_t delay;
	bool worked; /* this connection was of use */
	int failing; /* 0, or what requests fail with while there is no connection */
};

static inline struct nbd_export *nbd_export_of(struct nbd_queue *q)
{
	return (struct nbd_export *)q->q.backend;
}

int64_t nbd_now(void);
/* A handle on its way to the server; NULL and the sentence. */
struct nbd_handle *nbd_dial_start(const char *uri, struct err *err);
/* The same, waited for. */
struct nbd_handle *nbd_dial(const char *uri, struct err *err);
/* Says goodbye, but not for long. NULL is allowed. */
void nbd_hang_up(struct nbd_handle *h);
/* Is what the handle leads to still the disk that the driver knows? If not, why not. */
const char *nbd_unfit(const struct nbd_export *e, struct nbd_handle *h);

void nbd_submit(struct backend_queue *bq, struct backend_req *req);
/* Gives the waiting commands to the connection, if there is one. */
void nbd_send_waiting(struct nbd_queue *q);
/* Ends what waits. */
void nbd_fail_waiting(struct nbd_queue *q, int result);
/* Looks at all that may have come of a call into libnbd. */
void nbd_settle(struct nbd_queue *q);

/* The queue's connection is h, which is ready. */
void nbd_link_up(struct nbd_queue *q, struct nbd_handle *h);
/* Follows the state of the handle. */
void nbd_link_check(struct nbd_queue *q);
/* Tells the loop what the handle waits for. */
void nbd_link_watch(struct nbd_queue *q);
/* Ends the connection, to make another soon. */
void nbd_link_drop(struct nbd_queue *q, const char *why);
int nbd_link_open(struct nbd_queue *q, struct err *err);
void nbd_link_close(struct nbd_queue *q);

#endif
