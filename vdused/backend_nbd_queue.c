/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/backend_nbd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "vdused/guard.h"

/* Commands without data are short, but some servers know no lengths of 4 GiB. */
#define PLAIN_PIECE (1u << 30)
#define POOL_OCTETS (32u << 20)
/* What a queue's commands may hold of private memory; the driver's requests that need more wait. */
#define FILLING_MAX (64u << 20)

/* ---- commands ---- */

static struct nbd_cmd *add_cmd(struct nbd_queue *q)
{
	struct nbd_cmd *cmd = calloc(1, sizeof(*cmd));

	/* Twice as long at each power of 2. */
	if (cmd && !(q->slots & (q->slots - 1))) {
		size_t len = q->slots ? 2 * (size_t)q->slots : 1;
		struct nbd_cmd **slot = reallocarray(q->slot, len, sizeof(*slot));

		if (!slot) {
			free(cmd);
			return NULL;
		}
		q->slot = slot;
	}
	if (cmd) {
		cmd->slot = q->slots;
		q->slot[q->slots++] = cmd;
	}
	return cmd;
}

void nbd_free_cmds(struct nbd_queue *q)
{
	for (uint32_t i = 0; i < q->slots; i++) {
		free(q->slot[i]->data);
		free(q->slot[i]);
	}
	free(q->slot);
}

static struct nbd_cmd *new_cmd(struct nbd_queue *q, struct backend_req *req)
{
	struct nbd_cmd *cmd = TAILQ_FIRST(&q->pool);

	if (cmd) {
		TAILQ_REMOVE(&q->pool, cmd, link);
		q->pooled -= cmd->capacity;
	} else {
		cmd = add_cmd(q);
	}
	if (cmd) {
		cmd->q = q;
		cmd->req = req;
		cmd->sent = cmd->filled = cmd->plain = cmd->sync = false;
		cmd->unsynced = cmd->changes = false;
		cmd->fault = 0;
	}
	return cmd;
}

/* The command holds so much memory from now on. */
static void count(struct nbd_queue *q, struct nbd_cmd *cmd, size_t octets)
{
	q->filling += octets - cmd->counted;
	cmd->counted = octets;
}

/* The command is of no more use. */
static void put_cmd(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	count(q, cmd, 0);
	if (q->pooled + cmd->capacity > POOL_OCTETS) {
		free(cmd->data);
		cmd->data = NULL;
		cmd->capacity = 0;
	}
	q->pooled += cmd->capacity;
	TAILQ_INSERT_HEAD(&q->pool, cmd, link);
}

/* Nor is its request's. */
static void finish(struct nbd_queue *q, struct nbd_cmd *cmd, int result)
{
	struct backend_req *req = cmd->req;

	put_cmd(q, cmd);
	backend_complete(&q->q, req, result);
}

static bool make_room(struct nbd_cmd *cmd, size_t len)
{
	if (cmd->capacity >= len)
		return true;
	free(cmd->data);
	cmd->data = malloc(len);
	cmd->capacity = cmd->data ? len : 0;
	return cmd->data;
}

/* What the next piece is, with its data if it is written. */
static int prepare(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	struct backend_req *req = cmd->req;
	uint64_t left = req->len - req->done_len;
	bool data = req->op == BACKEND_READ || req->op == BACKEND_WRITE;
	uint32_t max = data ? q->max_piece : PLAIN_PIECE;

	/* On its second way: on a connection with smaller pieces it has to be cut anew. */
	if (cmd->filled && cmd->piece <= max)
		return 0;
	cmd->piece = left < max ? (size_t)left : max;
	if (!data || cmd->sync || (req->op == BACKEND_READ && q->wire.fd >= 0))
		return 0;
	if (!make_room(cmd, cmd->piece))
		return -ENOMEM;
	count(q, cmd, cmd->piece);
	if (req->op == BACKEND_READ)
		return 0;
	cmd->filled = true;
	return guard_gather(cmd->data, req->iov, req->niov, req->done_len, cmd->piece);
}

void nbd_cmd_ended(struct nbd_cmd *cmd, int error)
{
	struct nbd_queue *q = cmd->q;

	cmd->error = error;
	cmd->sent = false;
	TAILQ_REMOVE(&q->sent, cmd, link);
	TAILQ_INSERT_TAIL(&q->ended, cmd, link);
}

/* libnbd calls this with the handle locked: no more than taking note. */
static int note_end(void *user_data, int *error)
{
	struct nbd_cmd *cmd = user_data;

	if (!cmd->q->dropping)
		nbd_cmd_ended(cmd, *error);
	return 1;
}

static int64_t issue(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	nbd_completion_callback done = { .callback = note_end, .user_data = cmd };
	struct backend_req *req = cmd->req;
	uint64_t at = req->offset + req->done_len;
	uint32_t flags = (req->flags & BACKEND_FUA) && q->fua ? LIBNBD_CMD_FLAG_FUA : 0;

	if (cmd->sync)
		return nbd_aio_flush(q->h, done, 0);
	switch (req->op) {
	case BACKEND_READ:
		return nbd_aio_pread(q->h, cmd->data, cmd->piece, at, done, 0);
	case BACKEND_WRITE:
		return nbd_aio_pwrite(q->h, cmd->data, cmd->piece, at, done, flags);
	case BACKEND_DISCARD:
		return nbd_aio_trim(q->h, cmd->piece, at, done, flags);
	case BACKEND_WRITE_ZEROES:
		if (!(req->flags & BACKEND_MAY_UNMAP))
			flags |= LIBNBD_CMD_FLAG_NO_HOLE;
		return nbd_aio_zero(q->h, cmd->piece, at, done, flags);
	default:
		return nbd_aio_flush(q->h, done, 0);
	}
}

static void send_cmd(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	int rc = prepare(q, cmd);

	if (rc) {
		finish(q, cmd, rc == -EFAULT ? rc : -EIO);
		return;
	}
	cmd->sent = true;
	cmd->plain = q->wire.fd >= 0;
	cmd->unsynced |= (cmd->req->flags & BACKEND_FUA) && !q->fua;
	TAILQ_INSERT_TAIL(&q->sent, cmd, link);
	if (cmd->plain) {
		nbd_wire_issue(q, cmd);
		return;
	}
	if (issue(q, cmd) >= 0 || !cmd->sent)
		return;
	/* Refused on the spot: by a connection that is gone, or because libnbd thinks it wrong. */
	nbd_cmd_ended(cmd, nbd_aio_is_ready(q->h) || nbd_aio_is_processing(q->h) ? EIO : ENOTCONN);
}

static bool held_back(struct nbd_queue *q)
{
	return __atomic_load_n(&nbd_export_of(q)->changing, __ATOMIC_ACQUIRE) > 0;
}

/* Is there memory for it? One that has its own needs none, and one alone gets it. */
static bool fits(struct nbd_queue *q, const struct nbd_cmd *cmd)
{
	return q->filling < FILLING_MAX || cmd->counted || TAILQ_EMPTY(&q->sent);
}

/*
 * The export has grown since this connection was made, as another queue's found out.  On this
 * one the server refuses what is beyond: the next one is made once nothing is outstanding here.
 */
static bool knows_all_of(struct nbd_queue *q, const struct nbd_cmd *cmd)
{
	if (cmd->req->offset + cmd->req->len <= q->size)
		return true;
	if (TAILQ_EMPTY(&q->sent) && TAILQ_EMPTY(&q->ended))
		nbd_link_drop(q, "the export has grown");
	return false;
}

void nbd_send_waiting(struct nbd_queue *q)
{
	struct nbd_cmd *cmd = NULL;

	while (q->up && !q->leaving && (cmd = TAILQ_FIRST(&q->waiting)) && !held_back(q) &&
	       fits(q, cmd) && knows_all_of(q, cmd)) {
		TAILQ_REMOVE(&q->waiting, cmd, link);
		send_cmd(q, cmd);
	}
	/* The end of its own orphans a queue sees for itself. */
	if (q->up && cmd && !q->changing && held_back(q))
		nbd_link_look_again(q);
}

void nbd_forget_orphans(struct nbd_queue *q)
{
	__atomic_fetch_sub(&nbd_export_of(q)->changing, q->changing, __ATOMIC_RELEASE);
	q->changing = 0;
}

void nbd_fail_waiting(struct nbd_queue *q, int result)
{
	struct nbd_cmds failed = TAILQ_HEAD_INITIALIZER(failed);
	struct nbd_cmd *cmd;

	/* New ones may come meanwhile. */
	TAILQ_CONCAT(&failed, &q->waiting, link);
	while ((cmd = TAILQ_FIRST(&failed))) {
		TAILQ_REMOVE(&failed, cmd, link);
		finish(q, cmd, result);
	}
}

/*
 * What it wrote without FUA may have been in the memory of a server that died: a flush that
 * comes now says nothing of it.
 */
static void start_over(struct nbd_cmd *cmd)
{
	if (!cmd->req || !cmd->unsynced)
		return;
	if (cmd->req->done_len)
		cmd->filled = false;
	cmd->req->done_len = 0;
	cmd->sync = cmd->unsynced = false;
}

static void start_all_over(struct nbd_queue *q)
{
	struct nbd_cmd *cmd;

	for (cmd = TAILQ_FIRST(&q->waiting); cmd; cmd = TAILQ_NEXT(cmd, link))
		start_over(cmd);
	for (cmd = TAILQ_FIRST(&q->ended); cmd; cmd = TAILQ_NEXT(cmd, link)) {
		/* Its flush was answered: all is well. */
		if (!cmd->req || !cmd->unsynced || (cmd->sync && !cmd->error))
			continue;
		start_over(cmd);
		if (!cmd->error)
			cmd->error = ENOTCONN;
	}
}

void nbd_take_back(struct nbd_queue *q)
{
	struct nbd_cmds again = TAILQ_HEAD_INITIALIZER(again);
	struct nbd_cmd *cmd;

	while ((cmd = TAILQ_FIRST(&q->sent))) {
		TAILQ_REMOVE(&q->sent, cmd, link);
		cmd->sent = false;
		if (cmd->req)
			TAILQ_INSERT_TAIL(&again, cmd, link);
		else
			put_cmd(q, cmd);
	}
	nbd_forget_orphans(q);
	TAILQ_CONCAT(&again, &q->waiting, link);
	TAILQ_CONCAT(&q->waiting, &again, link);
	start_all_over(q);
}

void nbd_submit(struct backend_queue *bq, struct backend_req *req)
{
	struct nbd_queue *q = (struct nbd_queue *)bq;
	struct nbd_cmd *cmd = q->failing ? NULL : new_cmd(q, req);

	if (!cmd) {
		backend_complete(bq, req, q->failing ? q->failing : -EIO);
		return;
	}
	TAILQ_INSERT_TAIL(&q->waiting, cmd, link);
	if (q->up)
		nbd_send_waiting(q);
	/* On a plain socket it goes out with the others that come now. */
	if (q->wire.fd < 0)
		nbd_settle(q);
}

void nbd_submit_end(struct backend_queue *bq)
{
	struct nbd_queue *q = (struct nbd_queue *)bq;

	if (q->wire.unsent)
		nbd_settle(q);
}

/* Nothing came: the socket is only asked when something may. */
static bool look(struct nbd_queue *q)
{
	struct pollfd fd = { .events = POLLIN };

	if (TAILQ_EMPTY(&q->sent))
		return false;
	if (q->wire.fd >= 0)
		return nbd_wire_receive(q);
	fd.fd = nbd_aio_get_fd(q->h);
	if (!(nbd_aio_get_direction(q->h) & LIBNBD_AIO_DIRECTION_READ) || poll(&fd, 1, 0) <= 0)
		return false;
	nbd_aio_notify_read(q->h);
	return true;
}

bool nbd_look(struct backend_queue *bq)
{
	struct nbd_queue *q = (struct nbd_queue *)bq;
	bool any = q->up && look(q);

	if (any || q->wire.unsent || q->wire.why)
		nbd_settle(q);
	return any;
}

/* ---- what came of them ---- */

/* The protocol's errors as those of the contract. */
static int result_of(const struct backend_req *req, int error)
{
	switch (error) {
	case ENOSPC:
	case EOPNOTSUPP:
		return -error;
	case EPERM:
	case EROFS:
		return req->op == BACKEND_READ ? -EIO : -EROFS;
	default:
		return -EIO;
	}
}

/* The piece is done: 0 if the request is, 1 if there is more to it, or what it fails with. */
static int next_piece(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	struct backend_req *req = cmd->req;

	if (cmd->sync || req->op == BACKEND_FLUSH)
		return 0;
	/* The connection that it came by may be gone by now. */
	if (req->op == BACKEND_READ && !cmd->plain)
		cmd->fault =
			guard_scatter(req->iov, req->niov, req->done_len, cmd->data, cmd->piece);
	if (cmd->fault)
		return -EFAULT;
	req->done_len += cmd->piece;
	cmd->filled = false;
	count(q, cmd, 0);
	if (req->done_len < req->len)
		return 1;
	cmd->sync = cmd->unsynced && q->q.backend->info.flush;
	return cmd->sync;
}

static void bury(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	/* One of a connection that was lost meanwhile is forgotten already. */
	if (cmd->changes && q->changing) {
		q->changing--;
		__atomic_fetch_sub(&nbd_export_of(q)->changing, 1, __ATOMIC_RELEASE);
	}
	put_cmd(q, cmd);
}

static void digest(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	int rc;

	if (!cmd->req) {
		bury(q, cmd);
		return;
	}
	/* The connection is gone, or soon will be. */
	if (cmd->error == ENOTCONN || cmd->error == ESHUTDOWN) {
		TAILQ_INSERT_TAIL(&q->waiting, cmd, link);
		if (cmd->error == ESHUTDOWN)
			q->leaving = q->up;
		else if (q->up)
			nbd_link_drop(q, "connection lost");
		return;
	}
	q->worked = true;
	rc = cmd->error ? result_of(cmd->req, cmd->error) : next_piece(q, cmd);
	if (rc <= 0)
		finish(q, cmd, rc);
	else if (q->up && !q->leaving)
		send_cmd(q, cmd);
	else
		TAILQ_INSERT_HEAD(&q->waiting, cmd, link);
}

static void digest_ended(struct nbd_queue *q)
{
	struct nbd_cmd *cmd;

	while ((cmd = TAILQ_FIRST(&q->ended))) {
		TAILQ_REMOVE(&q->ended, cmd, link);
		digest(q, cmd);
	}
}

/*
 * A server that is shutting down may still be at what it has not answered: on the next connection
 * that would be overtaken, and then be undone.
 */
static void leave(struct nbd_queue *q)
{
	if (q->leaving && TAILQ_EMPTY(&q->sent))
		nbd_link_drop(q, "the server is shutting down");
}

void nbd_settle(struct nbd_queue *q)
{
	/* A done() that submits comes here again; the outer call goes on. */
	if (q->settling)
		return;
	q->settling = true;
	do {
		digest_ended(q);
		leave(q);
		nbd_send_waiting(q);
		nbd_wire_send(q);
		nbd_link_check(q);
	} while (!TAILQ_EMPTY(&q->ended));
	q->settling = false;
	nbd_link_watch(q);
}

/* ---- cancelling ---- */

/* The command goes on without its request. */
static void orphan(struct nbd_queue *q, struct nbd_cmd *cmd)
{
	cmd->changes = cmd->req->op != BACKEND_READ && cmd->req->op != BACKEND_FLUSH;
	/* Before its request ends: the driver must not be able to send a newer one unnoticed. */
	if (cmd->changes) {
		q->changing++;
		__atomic_fetch_add(&nbd_export_of(q)->changing, 1, __ATOMIC_RELEASE);
	}
	cmd->req = NULL;
}

void nbd_cancel(struct nbd_queue *q)
{
	struct nbd_cmd *cmd, *next;

	q->settling = true;
	digest_ended(q);
	for (cmd = TAILQ_FIRST(&q->sent); cmd; cmd = next) {
		struct backend_req *req = cmd->req;

		next = TAILQ_NEXT(cmd, link);
		if (!req)
			continue;
		if (nbd_wire_withdraw(q, cmd)) {
			TAILQ_REMOVE(&q->sent, cmd, link);
			cmd->sent = false;
			put_cmd(q, cmd);
		} else {
			orphan(q, cmd);
		}
		backend_complete(&q->q, req, -ECANCELED);
	}
	q->settling = false;
	nbd_fail_waiting(q, -ECANCELED);
	nbd_settle(q);
}
