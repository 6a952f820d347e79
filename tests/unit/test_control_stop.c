/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: what it does: stop and resize. */
#include "controlworld.h"

static int grow(struct backend *b, uint64_t size, struct err *err)
{
	(void)err;
	backend_set_size(b, size);
	return 0;
}

static void test_resize(void **state)
{
	struct backend_ops ops;
	int fd = client();
	json_t *s;

	(void)state;
	t->header.capacity = t->dev.blk.capacity;
	t->fake.b.info.size = 0x200000;
	s = ask(fd, "{\"command\":\"resize\"}\n");
	assert_true(flag(s, "ok"));
	assert_int_equal(number(s, "size"), 0x200000);
	json_decref(s);
	assert_int_equal(t->header.capacity, 0x1000);
	say(fd, "{\"command\":\"resize\",\"size\":1048576}\n");
	expect_error(fd, "the size is the back end's: change it there, then resize without "
			 "\"size\"");
	say(fd, "{\"command\":\"resize\",\"size\":-1}\n");
	expect_error(fd, "expected \"size\" to be a number of octets");
	say(fd, "{\"command\":\"resize\",\"size\":\"1M\"}\n");
	expect_error(fd, "expected \"size\" to be a number of octets");
	ops = *t->fake.b.ops;
	ops.grow = grow;
	t->fake.b.ops = &ops;
	s = ask(fd, "{\"command\":\"resize\",\"size\":4194304}\n");
	assert_true(flag(s, "ok"));
	assert_int_equal(number(s, "size"), 0x400000);
	json_decref(s);
	assert_int_equal(t->header.capacity, 0x2000);
	assert_int_equal(t->dev.blk.config.capacity, htole64(0x2000));
	t->dev.backend = NULL;
	say(fd, "{\"command\":\"resize\"}\n");
	expect_error(fd, "every request fails: there is no back end");
	close(fd);
}

static void test_stop(void **state)
{
	int fd = client();
	json_t *s = ask(fd, "{\"command\":\"stop\"}\n");

	(void)state;
	assert_true(flag(s, "ok"));
	json_decref(s);
	assert_true(t->control.finished);
	assert_false(t->control.destroyed);
	close(fd);
}

static void busy(bool yes)
{
	/* What another reason to drain has begun goes on. */
	t->dev.phase = DEVICE_DRAINING;
	t->vqs[0].state = yes ? VQ_DRAINING : VQ_IDLE;
}

static void end_of_drain(void)
{
	void (*drained)(struct device *) = t->dev.drained;

	assert_non_null(drained);
	busy(false);
	t->dev.phase = DEVICE_STOPPED;
	t->dev.drained = NULL;
	drained(&t->dev);
}

/* The second one is told so, the first one gets its answer. */
static void test_stop_twice(void **state)
{
	int first = client(), second = client();

	(void)state;
	busy(true);
	say(first, "{\"command\":\"stop\"}\n");
	assert_string_equal(hear(first), "");
	say(second, "{\"command\":\"stop\",\"destroy\":true}\n");
	expect_error(second, "it is being stopped already");
	assert_false(t->control.destroy);
	say(first, "{\"command\":\"stop\"}\n");
	expect_error(first, "it is being stopped already");
	end_of_drain();
	assert_string_equal(hear(first), "{\"ok\":true}");
	assert_true(t->control.finished);
	assert_string_equal(hear(second), "");
	/* It is over. */
	say(second, "{\"command\":\"stop\",\"destroy\":true}\n");
	expect_error(second, "it is being stopped already");
	assert_false(t->control.destroy);
	close(first);
	close(second);
}

/* Who asked goes away: it stops all the same. */
static void test_stopper_leaves(void **state)
{
	int fd = client(), other;

	(void)state;
	busy(true);
	say(fd, "{\"command\":\"stop\"}\n");
	run();
	assert_non_null(t->control.stopper);
	close(fd);
	run();
	assert_null(t->control.stopper);
	/* The next one in its place gets nothing of it. */
	other = client();
	run();
	end_of_drain();
	assert_true(t->control.finished);
	assert_string_equal(hear(other), "");
	close(other);
}

static void test_stop_by_signal(void **state)
{
	int fd = client();

	(void)state;
	busy(true);
	say(fd, "{\"command\":\"stop\"}\n");
	run();
	control_stop(&t->control);
	end_of_drain();
	assert_string_equal(hear(fd), "{\"ok\":true}");
	assert_true(t->control.finished);
	close(fd);
}

/* The device can't be destroyed, nor opened again: that is said, and a next daemon may take it over. */
static void test_destroy_fails(void **state)
{
	int fd = client();
	json_t *s = ask(fd, "{\"command\":\"stop\",\"destroy\":true}\n");

	(void)state;
	assert_false(flag(s, "ok"));
	json_decref(s);
	assert_false(t->control.destroy);
	control_stop(&t->control);
	assert_true(t->control.finished);
	assert_false(t->control.destroyed);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_resize),	   EACH(test_stop),	      EACH(test_stop_twice),
		EACH(test_stopper_leaves), EACH(test_stop_by_signal), EACH(test_destroy_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
