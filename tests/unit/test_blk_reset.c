/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where serving a ring stops: at its budget, at what the main thread wishes, and at the driver's reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <endian.h>
#include <errno.h>

#include "blkworld.h"

static struct blkworld *w;
static struct fake fake;

static int setup(void **state)
{
	const struct blkworld_params p = { .how = **(unsigned **)state, .fake = &fake };

	w = calloc(1, sizeof(*w));
	fake_init(&fake, 0x100000);
	blkworld_open(w, &p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	blkworld_close(w);
	free(w);
	return 0;
}

static void test_budget(void **state)
{
	(void)state;
	fake.hold = true;
	for (unsigned i = 1; i <= 5; i++)
		assert_true(blkworld_read(w, i));
	assert_true(blk_service(&w->vq, 2));
	assert_int_equal(fake.held_count, 2);
	assert_true(blk_service(&w->vq, 256));
	assert_int_equal(fake.held_count, 5);
	assert_false(blk_service(&w->vq, 256));
	backend_cancel(w->r.backend);
	blkworld_turn(w);
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(blkworld_read_status(w, i), VIRTIO_BLK_S_IOERR);
}

/* What completes is not given back, nor is any status written. */
static void test_drop(void **state)
{
	(void)state;
	fake.hold = true;
	for (unsigned i = 1; i <= 4; i++)
		assert_true(blkworld_read(w, i));
	blkworld_pending(w, 4);
	vq_drain(&w->vq, true);
	while (fake.held_count)
		fake_end(&fake, 0, fake.held_count % 2 ? 0 : -EIO);
	assert_int_equal(w->vq.in_flight, 0);
	assert_false(w->vq.dirty);
	vring_publish(&w->vq.ring); /* even so */
	assert_int_equal(vdriver_get(&w->v, NULL), 0);
	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(blkworld_read_status(w, i), 0xff);
}

static void reset_at_second(void)
{
	if (fake.seen_count != 2)
		return;
	vq_drain(&w->vq, true);
	w->r.asked = false; /* it is the reset that counts, and resuming heeds no wishes */
}

/* The driver resets while a back end takes its time over each request: the rest is its own again. */
static void test_reset_between(void **state)
{
	(void)state;
	fake.on_submit = reset_at_second;
	for (unsigned i = 1; i <= 4; i++)
		assert_true(blkworld_read(w, i));
	assert_true(blk_service(&w->vq, 256));
	assert_int_equal(fake.seen_count, 2);
	assert_false(blk_service(&w->vq, 256));
	assert_int_equal(fake.seen_count, 2);
}

/* What an earlier process had in flight is resumed, and the driver resets meanwhile: nothing is given back. */
static void test_reset_while_resuming(void **state)
{
	struct vring_setup setup = w->vq.ring.setup;

	(void)state;
	fake.hold = true;
	for (unsigned i = 1; i <= 4; i++)
		assert_true(blkworld_read(w, i));
	blkworld_pending(w, 4);
	w->vq.drop = true;
	backend_cancel(w->r.backend);
	vring_stop(&w->vq.ring);
	assert_int_equal(vring_start(&w->vq.ring, &setup, w->map, w->log, true, 0), 0);
	w->vq.drop = fake.hold = false;
	fake.seen_count = 0;
	fake.on_submit = reset_at_second;
	blk_resume(&w->vq);
	assert_int_equal(fake.seen_count, 2);
	assert_int_equal(vdriver_get(&w->v, NULL), 0);
}

static void wish_at_second(void)
{
	if (fake.seen_count == 2)
		w->r.asked = true;
}

/* A wish, such as another address space, comes before the next request. */
static void test_wish_between(void **state)
{
	(void)state;
	fake.hold = true;
	fake.on_submit = wish_at_second;
	for (unsigned i = 1; i <= 4; i++)
		assert_true(blkworld_read(w, i));
	assert_true(blk_service(&w->vq, 256));
	assert_int_equal(fake.held_count, 2);
	w->r.asked = false;
	assert_true(blk_service(&w->vq, 256));
	assert_int_equal(fake.held_count, 4);
	backend_cancel(w->r.backend);
	blkworld_turn(w);
}

/* Of several ranges the one under way can't be cancelled; the next ones are not begun. */
static void test_reset_between_ranges(void **state)
{
	(void)state;
	fake.hold = true;
	for (unsigned i = 0; i < 4; i++) {
		struct virtio_blk_discard_write_zeroes r = { htole64(i * 8), htole32(8), 0 };

		memcpy(data_at(w, AT_DATA + i * sizeof(r)), &r, sizeof(r));
	}
	assert_int_equal(blkworld_do(w, VIRTIO_BLK_T_DISCARD, 0, 64, false), 0xff);
	fake_end(&fake, 0, 0);
	assert_int_equal(fake.held_count, 1);
	vq_drain(&w->vq, true);
	fake_end(&fake, 0, 0);
	assert_int_equal(fake.held_count, 0);
	assert_int_equal(fake.seen_count, 2);
	assert_int_equal(w->vq.in_flight, 0);
	assert_int_equal(*data_at(w, AT_STATUS), 0xff);
}

static unsigned split, packed = VDRIVER_PACKED;

#define ON(f, how)                                                  \
	{                                                           \
#f " (" #how ")", f, setup, teardown, &(unsigned *) \
		{                                                   \
			&(how)                                      \
		}                                                   \
	}
#define EACH(f) ON(f, split), ON(f, packed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_budget),	  EACH(test_drop),
		EACH(test_reset_between), EACH(test_reset_while_resuming),
		EACH(test_wish_between),  EACH(test_reset_between_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
