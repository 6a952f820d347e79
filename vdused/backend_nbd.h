/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the back end nbd:.
 *
 *   backend_nbd.c        the export: open, sizes, what the server can; connecting while one waits
 *   backend_nbd_queue.c  requests as commands of the protocol
 *   backend_nbd_wire.c   commands on a plain socket, many by one system call
 *   backend_nbd_link.c   a queue's connection in the loop: lost, tried again, given up
 *
 * libnbd connects and negotiates.  A socket that is not encrypted is ours from
 * then on, and libnbd's handle is closed; on an encrypted one (nbds) it goes on
 * to send commands, at four system calls each.
 *
 * Each queue has a connection of its own.  A request's data always goes through
 * private memory: the driver could take its memory away in the middle of a
 * send() or recv(), and that would cost the connection and everyone's requests.
 *
 * A command waits, is sent, and has ended; while there is no connection all
 * wait.  When a connection is lost, what was sent is sent again on the next
 * one: all commands can be repeated.  So is all of a request that has to be durable
 * and was not yet flushed, where the server has no FUA.  Writes that were completed but not yet
 * flushed are taken to be safe with the server; a server that crashes together
 * with its cache loses them, and the next flush does not tell.
 *
 * A request that is cancelled ends at once: nothing of the server's touches its
 * memory.  Its command, once it is with the server, is an orphan, whose answer
 * interests nobody but for this: while one that changes the disk is outstanding
 * on any connection of the export, nothing new is sent on any, which it could
 * overtake and undo.
 *
 * This holds as long as the connection does.  What a server received over one
 * that was lost it may still do, at any time, and the protocol has no way to ask:
 * orphans are not waited for any more then, as what is sent again is not.  Servers
 * that end a connection only when its commands have ended leave no gap, and neither
 * does this side: a server that says that it is shutting down is left when all that it
 * has is answered.
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
	unsigned changing; /* orphans of all queues that change the disk; any thread */
	uint64_t seen_size; /* of the newest connection; any thread */
};

struct nbd_queue;
struct nbd_lookup;

/* What goes to the server ahead of data. */
struct nbd_wire_request {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie, offset;
	uint32_t len;
} __attribute__((packed));

struct nbd_cmd {
	TAILQ_ENTRY(nbd_cmd) link;
	struct nbd_queue *q;
	struct backend_req *req; /* NULL: an orphan */
	bool sent; /* neither waiting nor ended */
	bool filled; /* data is what is to be written */
	bool plain; /* it went out on a plain socket: what it reads comes to the request, not to data */
	bool sync; /* what is left is the flush that stands for FUA */
	bool unsynced; /* a piece of it went without the FUA that it asks for */
	bool changes; /* an orphan that is waited for */
	int error; /* of what ended, an errno */
	size_t piece; /* octets from req->done_len on */
	void *data;
	size_t capacity;
	size_t counted; /* its part of the queue's `filling` */
	/* On a plain socket. */
	uint32_t slot, turn; /* make its cookie: where it is found, and how often it was issued */
	struct nbd_wire_request head;
	size_t left; /* octets of head and data still to be sent */
	int fault; /* of the request's memory, while data came */
};

TAILQ_HEAD(nbd_cmds, nbd_cmd);

struct nbd_wire {
	int fd; /* -1: the connection is libnbd's, if there is one */
	const char *why; /* it is of no more use; NULL: it is */
	struct nbd_cmd *
		unsent; /* the first of `sent` that is not all with the kernel; those after it aren't either */
	char *in;
	size_t have; /* octets in it */
	struct nbd_cmd *reading; /* whose data come */
	size_t read; /* octets of them that came */
};

struct nbd_queue {
	struct backend_queue q;
	struct nbd_handle *h; /* an attempt, or a connection that stays libnbd's */
	struct nbd_wire wire;
	bool up; /* commands are sent on either */
	bool dropping; /* it is being closed: what it says doesn't count */
	bool settling;
	bool leaving; /* the server is shutting down: nothing new is sent, it ends once all is answered */
	bool fua; /* the server has it */
	uint32_t max_piece;
	uint64_t size; /* of the export as this connection knows it */
	struct nbd_cmds waiting, sent, ended, pool;
	unsigned changing; /* its part of the export's */
	size_t pooled; /* octets of data in the pool */
	size_t filling; /* octets of data of commands that began */
	struct nbd_cmd **slot; /* all commands, by number */
	uint32_t slots;

	struct loop_source sock, timer, looked_up;
	struct nbd_lookup *lookup; /* a thread resolves the name of the host; NULL: none does */
	uint32_t events; /* of sock in the loop; 0: not there */
	int64_t up_since, lost_since; /* CLOCK_MONOTONIC */
	int64_t attempt_until, next_attempt;
	int64_t next_look; /* for what another queue's orphans hold back; 0: nothing is */
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
void nbd_submit_end(struct backend_queue *bq);
bool nbd_look(struct backend_queue *bq);
void nbd_free_cmds(struct nbd_queue *q);
/* Ends all requests with ECANCELED. */
void nbd_cancel(struct nbd_queue *q);
/* There is no connection any more: what was sent waits again. */
void nbd_take_back(struct nbd_queue *q);
/* One that was sent has ended: it is looked at by nbd_settle(). */
void nbd_cmd_ended(struct nbd_cmd *cmd, int error);
/* Its orphans are not waited for any more. */
void nbd_forget_orphans(struct nbd_queue *q);
/* Gives the waiting commands to the connection, if there is one, as far as memory and orphans allow. */
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
/* Something waits for the orphans of other queues: looks again soon. */
void nbd_link_look_again(struct nbd_queue *q);
/* Ends the connection, to make another soon. */
void nbd_link_drop(struct nbd_queue *q, const char *why);
int nbd_link_open(struct nbd_queue *q, struct err *err);
void nbd_link_close(struct nbd_queue *q);

/* Makes the socket of a handle that is ready the queue's and closes the handle; false: it has to stay libnbd's. */
bool nbd_wire_take(struct nbd_queue *q, struct nbd_handle *h);
/* Ends the connection, if there is one. What was sent is the caller's to mend. */
void nbd_wire_drop(struct nbd_queue *q);
/* The same with a word to the server; nothing is in flight. */
void nbd_wire_hang_up(struct nbd_queue *q);
/* The command, the newest in `sent`, goes out with the next nbd_wire_send(). */
void nbd_wire_issue(struct nbd_queue *q, struct nbd_cmd *cmd);
/* Takes a command back that has not begun to go out; false: it has. */
bool nbd_wire_withdraw(struct nbd_queue *q, struct nbd_cmd *cmd);
/* Sends as much as the socket takes now, and takes what there is; true when there was anything. Failures: wire.why. */
void nbd_wire_send(struct nbd_queue *q);
bool nbd_wire_receive(struct nbd_queue *q);

#endif
