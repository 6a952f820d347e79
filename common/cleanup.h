/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scope tools: what a variable holds is released when the variable goes out of scope. */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free_cb(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_cb(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose_cb(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir_cb(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define CLEANUP_FREE CLEANUP(cleanup_free_cb)
#define CLEANUP_CLOSE CLEANUP(cleanup_close_cb) /* an int fd; -1 is empty */
#define CLEANUP_FCLOSE CLEANUP(cleanup_fclose_cb)
#define CLEANUP_CLOSEDIR CLEANUP(cleanup_closedir_cb)

/*
 * DEFINE_CLEANUP: CLEANUP_##name for a pointer type whose release function
 * takes the pointer (NULL included).
 */
#define DEFINE_CLEANUP(type, release)                       \
	static inline void cleanup_##release##_cb(type **p) \
	{                                                   \
		release(*p);                                \
	}

/* TAKE: the pointer's value, leaving NULL behind, to hand an object out of its scope. */
#define TAKE(p)                             \
	({                                  \
		__typeof__(p) take_p = (p); \
		(p) = NULL;                 \
		take_p;                     \
	})

#endif
