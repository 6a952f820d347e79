/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back ends that get another size. */
#include "diskfile.h"

/* What has no size of its own gets one, which the next process finds. */
static void test_grow(void **state)
{
	char memory[64], buf[4096], zeros[4096] = { 0 };
	struct err err = { "" };

	(void)state;
	snprintf(memory, sizeof(memory), "/dev/shm/vdused-test-%d", (int)getpid());
	for (unsigned kind = 0; kind < 3; kind++) {
		struct disk d = { .params = { .memory = kind == 1 ? memory : NULL } };

		disk_open(&d, kind == 2 ? "null:1M" : "mem:1M");
		memset(buf, 5, sizeof(buf));
		assert_int_equal(do_write(&d, (1 << 20) - 4096, buf, 4096), 0);
		assert_int_equal(do_write(&d, 1 << 20, buf, 4096), -EIO);
		assert_int_equal(backend_grow(d.b, 1 << 19, &err), -EINVAL);
		assert_non_null(strstr(err.text, ":1M: it has 1048576 octets and can only grow"));
		assert_int_equal(backend_grow(d.b, (1 << 20) + 1, &err), -EINVAL);
		assert_non_null(strstr(err.text, "the size is not a multiple of 512 octets"));
		assert_int_equal(backend_grow(d.b, UINT64_C(1) << 63, &err), -EINVAL);
		assert_int_equal(backend_grow(d.b, 1 << 20, &err), 0);
		assert_int_equal(d.b->info.size, 1 << 20);
		for (unsigned mib = 2; mib <= 4; mib++) {
			uint64_t end = (uint64_t)mib << 20;

			assert_int_equal(backend_grow(d.b, end, &err), 0);
			assert_int_equal(d.b->info.size, end);
			assert_int_equal(do_read(&d, end - 4096, buf, 4096), 0);
			assert_memory_equal(buf, zeros, 4096);
			memset(buf, (int)mib, sizeof(buf));
			assert_int_equal(do_write(&d, end - 4096, buf, 4096), 0);
		}
		assert_int_equal(do_read(&d, (1 << 20) - 4096, buf, 4096), 0);
		assert_int_equal(buf[0], kind == 2 ? 0 : 5);
		assert_int_equal(do_plain(&d, BACKEND_DISCARD, 0, 0, 3 << 20), 0);
		disk_close(&d);
	}
	/* The file has grown; the next process is told how far, by others. */
	{
		struct disk d = { .params = { .memory = memory, .resume = true } };

		disk_open(&d, "mem:1M");
		assert_int_equal(d.b->info.size, 1 << 20);
		assert_int_equal(backend_grow(d.b, 4 << 20, &err), 0);
		assert_int_equal(do_read(&d, (4 << 20) - 4096, buf, 4096), 0);
		assert_int_equal(buf[0], 4);
		disk_close(&d);
	}
	unlink(memory);
}

/* A file has its own. */
static void test_file(void **state)
{
	struct disk d = { .params = { .buffered = true } };
	struct err err;

	(void)state;
	make_file(".", 4096);
	disk_open(&d, uri);
	assert_int_equal(backend_grow(d.b, 8192, &err), -EOPNOTSUPP);
	disk_close(&d);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
