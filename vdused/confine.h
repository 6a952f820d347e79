/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up what is not needed once everything is open. */
#ifndef VDUSED_CONFINE_H
#define VDUSED_CONFINE_H

#include "vdused/err.h"

/*
 * Becomes `user` (NULL: vdused, or nobody where there is no such user) with no
 * group but its own, keeps no capability and can't get any again.  A process
 * that is not root keeps its user.
 */
int confine_user(const char *user, struct err *err);
/* Is there the user that confine_user() would become? */
int confine_check_user(const char *user, struct err *err);
/* From now on only the system calls that serving needs, in every thread; others fail with EPERM. */
int confine_syscalls(struct err *err);

#endif
