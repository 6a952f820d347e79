/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdused/confine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * What the loops, the threads, io_uring, libnbd with its TLS, jansson and syslog come
 * down to.  The rings of io_uring are there already, and no more are made.
 */
static const int allowed[] = {
	SCMP_SYS(accept4), SCMP_SYS(access), SCMP_SYS(brk), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(close), SCMP_SYS(connect), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(fallocate),
	SCMP_SYS(fcntl), SCMP_SYS(fdatasync), SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(fsync), SCMP_SYS(ftruncate), SCMP_SYS(futex),
	SCMP_SYS(getcpu), SCMP_SYS(getdents64), SCMP_SYS(geteuid), SCMP_SYS(getpeername), SCMP_SYS(getpid), SCMP_SYS(getrandom),
	SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(gettid), SCMP_SYS(gettimeofday), SCMP_SYS(getuid),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(ioctl),
	SCMP_SYS(lseek), SCMP_SYS(madvise), SCMP_SYS(membarrier), SCMP_SYS(mmap), SCMP_SYS(mprotect),
	SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(nanosleep), SCMP_SYS(newfstatat), SCMP_SYS(open),
	SCMP_SYS(openat), SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(prctl), SCMP_SYS(pread64),
	SCMP_SYS(preadv), SCMP_SYS(preadv2), SCMP_SYS(pwrite64), SCMP_SYS(pwritev),
	SCMP_SYS(pwritev2), SCMP_SYS(read), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(readv),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg), SCMP_SYS(restart_syscall), SCMP_SYS(rmdir),
	SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto),
	SCMP_SYS(set_robust_list), SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(sigaltstack),
	SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(statx), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(uname), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(write),
	SCMP_SYS(writev),
	/* 32-bit processors. */
	SCMP_SYS(_llseek), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(fcntl64),
	SCMP_SYS(fstat64), SCMP_SYS(fstatat64), SCMP_SYS(fstatfs64), SCMP_SYS(ftruncate64), SCMP_SYS(futex_time64),
	SCMP_SYS(mmap2), SCMP_SYS(ppoll_time64), SCMP_SYS(recvmmsg_time64), SCMP_SYS(timerfd_settime64),
};

static int become(const struct passwd *pw, struct err *err)
{
	if (setgroups(0, NULL) || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return err_set(err, -errno, "can't become user %s: %s", pw->pw_name, strerror(errno));
	return 0;
}

static int drop_capabilities(struct err *err)
{
	cap_t none = cap_init();
	int ret = none ? cap_set_proc(none) : -1;

	if (ret)
		ret = err_set(err, -errno, "the capabilities can't be dropped: %s", strerror(errno));
	cap_free(none);
	return ret;
}

/* *pw: NULL when it stays who it is. */
static int find_user(const char *user, const struct passwd **pw, struct err *err)
{
	*pw = NULL;
	if (geteuid() != 0)
		return 0;
	*pw = getpwnam(user ? user : "vdused");
	if (!*pw && !user)
		*pw = getpwnam("nobody");
	if (*pw)
		return 0;
	return err_set(err, -ENOENT, "--user \"%.64s\": expected a user that exists",
		       user ? user : "nobody");
}

int confine_check_user(const char *user, struct err *err)
{
	const struct passwd *pw;

	return find_user(user, &pw, err);
}

int confine_user(const char *user, struct err *err)
{
	const struct passwd *pw;
	int ret = find_user(user, &pw, err);

	if (ret)
		return ret;
	if (pw && pw->pw_uid)
		ret = become(pw, err);
	if (!ret)
		ret = drop_capabilities(err);
	if (!ret && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		ret = err_set(err, -errno, "no_new_privs can't be set: %s", strerror(errno));
	/* Others of the same user must not read what is in here. */
	if (!ret)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return ret;
}

static int allow(scmp_filter_ctx ctx, int call, unsigned count, struct scmp_arg_cmp first)
{
	int ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, count, &first);

	/* Not on this architecture. */
	return ret == -EDOM || ret == -EINVAL ? 0 : ret;
}

/* What it may do to itself and to nobody else: abort(), and asking for its limits. */
static int allow_own(scmp_filter_ctx ctx)
{
	int ret = allow(ctx, SCMP_SYS(tgkill), 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));

	return ret ? ret : allow(ctx, SCMP_SYS(prlimit64), 1, SCMP_A0_32(SCMP_CMP_EQ, 0));
}

int confine_syscalls(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	for (size_t i = 0; !ret && i < sizeof(allowed) / sizeof(*allowed); i++)
		ret = allow(ctx, allowed[i], 0, (struct scmp_arg_cmp){ 0 });
	if (!ret)
		ret = allow_own(ctx);
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret ? err_set(err, ret, "the system call filter can't be set: %s", strerror(-ret)) : 0;
}
