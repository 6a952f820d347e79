/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "vdused/copy.h"

__thread struct guard *guard_current;

static struct sigaction before[2]; /* what SIGBUS and SIGSEGV did before */

static void fault_cb(int sig, siginfo_t *info, void *context)
{
	struct guard *g = guard_current;

	(void)context;
	/* Only what an access has raised is the guard's; kill() sends codes up to 0. */
	if (g && info->si_code > 0) {
		guard_current = g->outer;
		siglongjmp(g->env, 1);
	}
	/* The access is made again, and dies. */
	sigaction(sig, &before[sig == SIGSEGV], NULL);
	if (info->si_code <= 0)
		raise(sig);
}

int guard_install(void)
{
	/* Not deferred: it is left by a jump, and has to come again. */
	struct sigaction sa = { .sa_sigaction = fault_cb, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, &sa, &before[0]) || sigaction(SIGSEGV, &sa, &before[1]))
		return -errno;
	return 0;
}

int guard_copy(void *dst, const void *src, size_t len)
{
	struct guard g;

	if (guard_enter(&g))
		return -EFAULT;
	memcpy(dst, src, len);
	guard_leave(&g);
	return 0;
}

int guard_zero(void *dst, size_t len)
{
	struct guard g;

	if (guard_enter(&g))
		return -EFAULT;
	memset(dst, 0, len);
	guard_leave(&g);
	return 0;
}

/*
 * Of gather and scatter: to the list or from it. Runs inside a guard, and has a
 * frame of its own, whose variables the jump does not touch.
 */
__attribute__((noinline)) static int copy_pieces(const struct iovec *iov, size_t niov, size_t skip,
						 uint8_t *buf, size_t len, bool to_list)
{
	for (size_t i = 0; i < niov && len; i++) {
		size_t n = iov[i].iov_len;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		if (!iov[i].iov_base)
			return -EFAULT;
		n = n - skip < len ? n - skip : len;
		if (to_list)
			copy_bytes((uint8_t *)iov[i].iov_base + skip, buf, n);
		else
			copy_bytes(buf, (uint8_t *)iov[i].iov_base + skip, n);
		buf += n;
		len -= n;
		skip = 0;
	}
	return len ? -EFAULT : 0;
}

static int guarded_pieces(const struct iovec *iov, size_t niov, size_t skip, uint8_t *buf,
			  size_t len, bool to_list)
{
	struct guard g;
	int ret;

	if (guard_enter(&g))
		return -EFAULT;
	ret = copy_pieces(iov, niov, skip, buf, len, to_list);
	guard_leave(&g);
	return ret;
}

int guard_gather(void *dst, const struct iovec *iov, size_t niov, size_t skip, size_t len)
{
	return guarded_pieces(iov, niov, skip, dst, len, false);
}

int guard_scatter(const struct iovec *iov, size_t niov, size_t skip, const void *src, size_t len)
{
	return guarded_pieces(iov, niov, skip, (uint8_t *)(uintptr_t)src, len, true);
}
