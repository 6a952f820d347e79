/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sentence about what went wrong, without a full stop, for whoever shows it. */
#ifndef VDUSED_ERR_H
#define VDUSED_ERR_H

struct err {
	char text[320];
};

/* Stores the sentence and returns `code`, a negative errno; e may be NULL. Keeps errno. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int code, const char *fmt, ...);

#endif
