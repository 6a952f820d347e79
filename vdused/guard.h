/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Touching memory that can vanish.
 *
 * Rings and buffers are files mapped from someone else, who may cut them
 * short at any moment; a page that is gone is a SIGBUS (SIGSEGV for a mapping
 * that is gone).  Code between guard_enter() and guard_leave() is left at once
 * when that happens:
 *
 *	struct guard g;
 *
 *	if (guard_enter(&g))
 *		return -EFAULT;		// arrives here a second time
 *	... plain loads, stores and memcpy, no calls that hold or allocate anything ...
 *	guard_leave(&g);
 *
 * Local variables changed inside are undefined on the way out.  Guards nest
 * and belong to their thread.  Outside of a guard the signals kill as ever.
 */
#ifndef VDUSED_GUARD_H
#define VDUSED_GUARD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct guard {
	sigjmp_buf env;
	struct guard *outer;
};

extern __thread struct guard *guard_current;

/* Installs the handlers, once a process. 0 or -errno. */
int guard_install(void);

/* 0 on the way in, 1 when memory inside was gone. */
#define guard_enter(g)                      \
	({                                  \
		(g)->outer = guard_current; \
		guard_current = (g);        \
		sigsetjmp((g)->env, 0);     \
	})

static inline void guard_leave(struct guard *g)
{
	/* No access inside is moved behind this by the compiler. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	guard_current = g->outer;
}

/* Guarded copies: 0 or -EFAULT, then some of it may have been copied. */
int guard_copy(void *dst, const void *src, size_t len);
int guard_zero(void *dst, size_t len);
/*
 * Between a buffer and octets [skip, skip + len) of a scatter list, which has
 * that many: from it (gather) and to it (scatter).
 */
int guard_gather(void *dst, const struct iovec *iov, size_t niov, size_t skip, size_t len);
int guard_scatter(const struct iovec *iov, size_t niov, size_t skip, const void *src, size_t len);

#endif
