/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state file: taken over only when it is this device's, of this boot, and whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vdused/inflight.h"
#include "vdused/state.h"

static const struct state_device device = {
	.features = UINT64_C(0x300001234),
	.device_id = 2,
	.api_version = 0,
	.queues = 3,
	.queue_size = 64,
	.block_size = 512,
};

static char base[64];
static struct runtime rt;
static struct state st;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	strcpy(base, "/tmp/test_state.XXXXXX");
	umask(077);
	rt = (struct runtime)RUNTIME_INIT;
	st = (struct state){ NULL, 0 };
	return !mkdtemp(base) || runtime_open(&rt, base, "disk", true, &err);
}

static int tear_down(void **state)
{
	(void)state;
	state_close(&st);
	runtime_remove(&rt);
	runtime_close(&rt);
	return rmdir(base);
}

static const char *file(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/disk/state", base);
	return path;
}

static void create(const struct state_device *d)
{
	state_close(&st);
	if (state_create(&st, &rt, d, &err))
		fail_msg("%s", err.text);
}

static int attach(const struct state_device *d)
{
	state_close(&st);
	strcpy(err.text, "");
	return state_attach(&st, &rt, d, &err);
}

static void refused(const struct state_device *d, const char *why)
{
	char text[256];

	assert_int_equal(attach(d), -EINVAL);
	snprintf(text, sizeof(text), "%s: %s", file(), why);
	assert_string_equal(err.text, text);
	assert_null(st.header);
}

/* Sets octets of the header; with `sum` the checksum is right again. */
static void poke(size_t offset, const void *data, size_t len, bool sum)
{
	int fd = open(file(), O_RDWR);
	uint8_t header[sizeof(struct state_header)];
	struct state_header *h = (struct state_header *)header;
	uint32_t crc = UINT32_MAX;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
	memcpy(header + offset, data, len);
	for (size_t i = offsetof(struct state_header, boot_id);
	     i < offsetof(struct state_header, status); i++) {
		crc ^= header[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	if (sum)
		h->checksum = ~crc;
	assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
	close(fd);
}

static void test_create_and_attach(void **state)
{
	struct inflight log;
	struct stat info;

	(void)state;
	create(&device);
	assert_int_equal(st.header->status, 0);
	assert_int_equal(stat(file(), &info), 0);
	assert_int_equal(info.st_size, st.len);
	assert_true(info.st_blocks * 512 >= info.st_size); /* no holes: no SIGBUS later */
	for (unsigned i = 0; i < device.queues; i++) {
		uint8_t *area = state_queue(&st, i);
		size_t len = inflight_area_size(device.queue_size);

		assert_int_equal((uintptr_t)area % 4096, 0);
		assert_true(area + len <= (uint8_t *)st.header + st.len);
		if (i)
			assert_true(area >= (uint8_t *)state_queue(&st, i - 1) + len);
		inflight_reset(&log, area, 64, false, (uint16_t)(100 + i));
		inflight_take(&log, (uint16_t)i, 1, NULL);
	}
	st.header->status = 15;
	st.header->driver_features = 77;
	st.header->capacity = 88;
	assert_int_equal(attach(&device), 0);
	assert_memory_equal(&st.header->device, &device, sizeof(device));
	assert_int_equal(st.header->status, 15);
	assert_int_equal(st.header->driver_features, 77);
	assert_int_equal(st.header->capacity, 88);
	for (unsigned i = 0; i < device.queues; i++) {
		uint16_t ids[64];

		assert_int_equal(inflight_attach(&log, state_queue(&st, i), 64, false), 0);
		assert_int_equal(inflight_list(&log, ids), 1);
		assert_int_equal(ids[0], i);
	}
	assert_int_equal(attach(NULL), 0);
	/* A new one forgets. */
	create(&device);
	assert_int_equal(st.header->status, 0);
	assert_int_equal(inflight_attach(&log, state_queue(&st, 0), 64, false), -EINVAL);
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(attach(&device), -ENOENT);
	assert_null(st.header);
	state_close(&st);
}

static void test_damaged(void **state)
{
	const size_t end = offsetof(struct state_header, status);

	(void)state;
	for (size_t i = 0; i < sizeof(struct state_header); i++) {
		uint8_t octet;

		create(&device);
		octet = ((uint8_t *)st.header)[i] ^ 0x10;
		poke(i, &octet, 1, false);
		if (i < 8)
			refused(&device, "it is no state file of vdused");
		else if (i < 12)
			refused(&device, "it was written by another version of vdused");
		else if (i < end)
			refused(&device, "it is damaged (wrong checksum)");
		else
			assert_int_equal(attach(&device), 0);
	}
}

static void test_other_boot(void **state)
{
	(void)state;
	create(&device);
	poke(offsetof(struct state_header, boot_id), "00000000", 8, true);
	refused(&device, "it is from before the machine was started");
	refused(NULL, "it is from before the machine was started");
}

static void test_other_device(void **state)
{
	struct state_device d = device;

	(void)state;
	create(&device);
	d.queues = 2;
	refused(&d, "the device has other virtqueues");
	d = device;
	d.queue_size = 128;
	refused(&d, "the device has other virtqueues");
	d = device;
	d.device_id = 1;
	refused(&d, "the device is of another type");
	d = device;
	d.api_version = 1;
	refused(&d, "the device is of another type");
	d = device;
	d.features ^= UINT64_C(1) << 33;
	refused(&d, "the device offers other features (did the back end change?)");
	d = device;
	d.block_size = 4096;
	refused(&d, "the device offers other features (did the back end change?)");
	assert_int_equal(attach(&device), 0);
}

static void test_length(void **state)
{
	static const struct {
		off_t len;
		const char *why;
	} cut[] = {
		{ 0, "it is too short" },
		{ 1, "it is too short" },
		{ sizeof(struct state_header), "it is too short" },
		{ STATE_HEADER_LEN - 1, "it is too short" },
		{ STATE_HEADER_LEN, "it has the wrong length" },
		{ STATE_HEADER_LEN + 1, "it has the wrong length" },
	};
	off_t whole;

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
		create(&device);
		assert_int_equal(truncate(file(), cut[i].len), 0);
		refused(&device, cut[i].why);
		refused(NULL, cut[i].why);
	}
	create(&device);
	whole = (off_t)st.len;
	assert_int_equal(truncate(file(), whole - 1), 0);
	refused(&device, "it has the wrong length");
	assert_int_equal(truncate(file(), whole + 1), 0);
	refused(&device, "it has the wrong length");
	assert_int_equal(truncate(file(), whole), 0);
	assert_int_equal(attach(&device), 0);
}

/* Nothing is known of the device but what the file says, and that may be anything. */
static void test_absurd(void **state)
{
	static const uint32_t numbers[] = { 0,		1,	    4,		63,	   65,
					    32767,	32768,	    32769,	65535,	   65536,
					    0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
	const size_t at = offsetof(struct state_header, device.queues);
	const size_t n = sizeof(numbers) / sizeof(*numbers);

	(void)state;
	create(&device);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			const uint32_t two[2] = { numbers[i], numbers[k] };

			poke(at, two, sizeof(two), true);
			refused(NULL, i && k ? "it has the wrong length" : "it has no virtqueues");
		}
	/* The length fits, and there is nothing in it. */
	assert_int_equal(truncate(file(), STATE_HEADER_LEN), 0);
	for (size_t k = 0; k < n; k++) {
		const uint32_t two[2] = { 0, numbers[k] };

		poke(at, two, sizeof(two), true);
		refused(NULL, "it has no virtqueues");
	}
}

static void test_not_ours(void **state)
{
	(void)state;
	create(&device);
	assert_int_equal(chmod(file(), 0640), 0);
	assert_int_equal(attach(&device), -EPERM);
	assert_non_null(strstr(err.text, "that nobody else may use"));
	assert_null(st.header);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* A child that dies while it stores into the log of queue `at` (3: it lives). */
static void reset_until(unsigned at)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		if (at < 3)
			mprotect(state_queue(&st, at), 4096, PROT_READ);
		state_reset(&st);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WIFSIGNALED(status), at < 3);
}

/* Whenever it dies: who says that the device runs has the whole log and the driver's features. */
static void test_reset(void **state)
{
	(void)state;
	for (unsigned at = 0; at <= 3; at++) {
		create(&device);
		st.header->status = 15;
		st.header->driver_features = 1;
		for (unsigned i = 0; i < 3; i++)
			((struct inflight_area *)state_queue(&st, i))->active = 1;
		reset_until(at);
		assert_int_equal(st.header->status, 0);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(((struct inflight_area *)state_queue(&st, i))->active, i >= at);
		assert_int_equal(st.header->driver_features, at < 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_create_and_attach),
		EACH(test_missing),
		EACH(test_damaged),
		EACH(test_other_boot),
		EACH(test_other_device),
		EACH(test_length),
		EACH(test_absurd),
		EACH(test_not_ours),
		EACH(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
