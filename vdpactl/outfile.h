/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that commands write beside what they print. */
#ifndef VDPACTL_OUTFILE_H
#define VDPACTL_OUTFILE_H

#include <sys/types.h>

#include "app.h"

/*
 * Replaces the file as a whole: whoever reads it finds the old one or the new
 * one, also after a crash.  What is there keeps its mode, a new one gets `mode`; a
 * link is followed.  What is no regular file is refused; failures are reported.
 */
enum status outfile_write(struct app *app, const char *file, mode_t mode,
			  const struct strbuf *text);

#endif
