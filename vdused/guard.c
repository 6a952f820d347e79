/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/guard.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

__thread struct guard *guard_current;

static void fault(int sig)
{
	struct guard *g = guard_current;

	if (g) {
		guard_current = g->outer;
		siglongjmp(g->env, 1);
	}
	signal(sig, SIG_DFL);
}

int guard_install(void)
{
	struct sigaction sa = { .sa_handler = fault, .sa_flags = SA_NODEFER };

	if (sigaction(SIGBUS, &sa, NULL) || sigaction(SIGSEGV, &sa, NULL))
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

static int copy_iov(char *buf, const struct iovec *iov, size_t niov, size_t skip, size_t len,
		    int gather)
{
	for (; niov && len; iov++, niov--) {
		size_t n = iov->iov_len;
		char *p = iov->iov_base;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		p += skip;
		n -= skip;
		skip = 0;
		if (n > len)
			n = len;
		if (gather ? guard_copy(buf, p, n) : guard_copy(p, buf, n))
			return -EFAULT;
		buf += n;
		len -= n;
	}
	return 0;
}

int guard_gather(void *dst, const struct iovec *iov, size_t niov, size_t skip, size_t len)
{
	return copy_iov(dst, iov, niov, skip, len, 1);
}

int guard_scatter(const struct iovec *iov, size_t niov, size_t skip, const void *src, size_t len)
{
	return copy_iov((char *)src, iov, niov, skip, len, 0);
}
