/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's memory as the kernel hands it out, region by region. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdused/vduse.h"

#define REGION 0x10000

static unsigned regions; /* how many the kernel has */
static int at_end; /* what it says of the next one */
static unsigned unmapped;

int __real_munmap(void *p, size_t len);
int __wrap_munmap(void *p, size_t len);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_munmap(void *p, size_t len)
{
	unmapped++;
	return __real_munmap(p, len);
}

static int give(struct vduse_iotlb_entry *e)
{
	uint64_t i = e->start / REGION;
	int fd;

	if (i >= regions) {
		errno = at_end;
		return -1;
	}
	fd = memfd_create("memory", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, REGION), 0);
	assert_int_equal(pwrite(fd, &i, 1, 0), 1);
	e->start = i * REGION;
	e->last = e->start + REGION - 1;
	e->perm = VDUSE_ACCESS_RW;
	return fd;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	assert_int_equal(request, VDUSE_IOTLB_GET_FD);
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return give(arg);
}

static int map(struct iova_map **m)
{
	struct vduse v = { .fd = -1, .control = -1 };
	struct err err = { "" };
	bool linear = true;
	int ret = vduse_map(&v, m, &linear, &err);

	assert_false(linear);
	assert_int_equal(err.text[0] != '\0', ret != 0);
	return ret;
}

static void test_all(void **state)
{
	struct iova_map *m;

	(void)state;
	regions = 3;
	at_end = EINVAL;
	assert_int_equal(map(&m), 0);
	assert_int_equal(m->count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(*(uint8_t *)iova_translate_whole(m, i * REGION, REGION,
								  IOVA_READ | IOVA_WRITE),
				 i);
	unmapped = 0;
	iova_map_unref(m);
	assert_int_equal(unmapped, 3);
}

/* It is tried again for as long as the driver wants the device: each time all of it would stay. */
static void test_not_all(void **state)
{
	struct iova_map *m;

	(void)state;
	regions = 2;
	at_end = EMFILE;
	unmapped = 0;
	assert_int_equal(map(&m), -EMFILE);
	assert_int_equal(unmapped, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_not_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
