/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is a disk, made for one test at a time. */
#ifndef TESTS_UNIT_DISKFILE_H
#define TESTS_UNIT_DISKFILE_H

#include "disk.h"

static char path[64], uri[80];

static inline void make_file(const char *dir, off_t size)
{
	int fd;

	snprintf(path, sizeof(path), "%s/vdused-test-XXXXXX", dir);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
	snprintf(uri, sizeof(uri), "file:%s", path);
}

static inline int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

#endif
