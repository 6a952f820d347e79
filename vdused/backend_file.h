/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the back end file:PATH.
 *
 *   backend_file.c        open, locks, queues
 *   backend_file_info.c   what was opened: blocks, size, capabilities, identity
 *   backend_file_io.c     what a request asks of the kernel, step by step; doing it at once
 *   backend_file_uring.c  a queue that does it by io_uring
 */
#ifndef VDUSED_BACKEND_FILE_H
#define VDUSED_BACKEND_FILE_H

#include <sys/types.h>

#include "vdused/backend_inline.h"

/* At most so much goes through a private buffer at a time. */
#define FILE_BOUNCE (1024 * 1024)
/* What a queue holds of such buffers. */
#define FILE_BOUNCES_MAX (32 * FILE_BOUNCE)
/* How often EAGAIN and EINTR are answered by trying again. */
#define FILE_RETRIES 200

struct file {
	struct backend b;
	int fd;
	bool blkdev;
	bool direct;
	bool in_memory; /* reads and writes don't sleep for a disk */
	char *map; /* in memory and writable: all of it as it was when it was opened, or NULL */
	size_t map_len;
	uint32_t mem_align, len_align; /* of each piece of memory; 1 unless direct */
	bool dense; /* no hole is known; any thread */
	int sync_error; /* what durable requests fail with for good, see file_ended(); any thread */
	/* Learnt from the first refusal, by any thread. */
	bool no_punch, no_zero_range;
};

/* Tests choose: how a file is accessed whatever it is. */
enum file_way { FILE_WAY_AUTO, FILE_WAY_INLINE, FILE_WAY_URING };
extern enum file_way backend_file_way;

/* One operation of the kernel. */
struct file_step {
	enum {
		FILE_READV,
		FILE_WRITEV,
		FILE_READ,
		FILE_WRITE,
		FILE_FSYNC,
		FILE_FALLOCATE,
		FILE_BLKDISCARD, /* has no asynchronous form */
	} call;
	const struct iovec *iov;
	unsigned niov;
	void *buf;
	uint64_t offset;
	uint64_t len;
	int rw_flags; /* RWF_DSYNC */
	int mode; /* of fallocate */
};

/* Of what is open: `info`, and how it is accessed. 0, or a negative errno and the sentence. */
int file_find_info(struct file *f, const struct backend_params *params, struct err *err);
/* Its size now, in whole blocks. */
int file_find_size(const struct file *f, uint32_t logical_block, uint64_t *size, struct err *err);

/* What is to be done next: 1 and the step; 0: the request is done; or what it fails with. */
int file_next(struct file *f, struct backend_req *req, struct file_step *step);
/* Octets of req->buffer, when it has one. */
size_t file_bounce_len(const struct backend_req *req);
/* Takes what the step gave (octets or a negative errno): 0, -EAGAIN to wait before the next try, or the failure. */
int file_ended(struct file *f, struct backend_req *req, int64_t res);
/* Does a step at once: octets or a negative errno. */
int64_t file_do(struct file *f, const struct file_step *step);
/* Steps on the spot. */
extern const struct inline_ops file_inline_ops;
/* The request leaves: its buffer goes, and it is completed. */
void file_complete(struct backend_queue *q, struct backend_req *req, int result);

/* A queue by io_uring; -EOPNOTSUPP where there is none to be had. */
int file_uring_open(struct file *f, struct loop *loop, struct backend_queue **q, struct err *err);
void file_uring_close(struct backend_queue *q);
void file_uring_submit(struct backend_queue *q, struct backend_req *req);
void file_uring_flush(struct backend_queue *q);
bool file_uring_poll(struct backend_queue *q);
void file_uring_cancel(struct backend_queue *q);

/* What all queues of files begin with. */
struct file_queue {
	union {
		struct backend_queue q;
		struct inline_queue iq; /* unless uring */
	};
	bool uring;
};

#endif
