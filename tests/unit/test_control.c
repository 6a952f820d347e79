/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: what it tells, and to whom. */
#include "controlworld.h"

/* ---- status ---- */

static void test_status(void **state)
{
	int fd = client();
	json_t *s = ask(fd, "{\"command\":\"status\"}\n"), *q;

	(void)state;
	assert_true(flag(s, "ok"));
	assert_string_equal(text(s, "name"), "disk-of-test");
	assert_string_equal(text(s, "type"), "block");
	assert_int_equal(number(s, "pid"), getpid());
	assert_string_equal(text(s, "version"), PACKAGE_VERSION);
	assert_int_equal(number(s, "api_version"), 0);
	assert_string_equal(text(s, "backend"), "fake:");
	assert_false(flag(s, "readonly"));
	assert_int_equal(number(s, "size"), 0x100000);
	assert_int_equal(number(s, "block_size"), 512);
	assert_string_equal(text(s, "serial"), "disk");
	assert_int_equal(number(s, "queues"), QUEUES);
	assert_int_equal(number(s, "queue_size"), 64);
	assert_false(flag(s, "driver_ok"));
	assert_string_equal(text(s, "features"), "0x300000000");
	assert_false(flag(s, "failing"));
	assert_false(flag(s, "broken"));
	assert_true(number(s, "uptime") >= 0 && number(s, "uptime") < 100);
	assert_int_equal(json_object_size(s), 20);
	q = json_object_get(s, "statistics");
	assert_int_equal(json_object_size(q), VQ_STATS);
	assert_int_equal(number(q, "reads"), 21);
	q = json_object_get(s, "virtqueues");
	assert_int_equal(json_array_size(q), QUEUES);
	for (unsigned i = 0; i < QUEUES; i++) {
		const json_t *one = json_array_get(q, i);

		assert_int_equal(number(one, "index"), i);
		assert_int_equal(number(one, "size"), 0);
		assert_int_equal(number(one, "in_flight"), 0);
		assert_false(flag(one, "ready"));
		assert_false(flag(one, "packed"));
		assert_true(json_is_null(json_object_get(one, "broken")));
		assert_int_equal(json_object_size(one), 6 + VQ_STATS);
		for (unsigned k = 0; k < VQ_STATS; k++)
			assert_int_equal(number(one, vq_stat_names[k]), k == VQ_READS ? 10 + i : 0);
	}
	json_decref(s);
	close(fd);
}

static void test_status_changes(void **state)
{
	int fd = client();
	json_t *s;

	(void)state;
	t->dev.status = VIRTIO_CONFIG_S_DRIVER_OK;
	t->dev.broken = true;
	t->dev.backend = NULL;
	t->options.backend = NULL;
	t->options.serial = NULL;
	t->dev.blk.readonly = true;
	t->vqs[1].state = VQ_RUNNING;
	t->vqs[1].ring.setup = (struct vring_setup){ .size = 64, .packed = true };
	t->vqs[1].in_flight = 3;
	strcpy(t->vqs[1].ring.why, "it is \"odd\"");
	s = ask(fd, "{\"command\":\"status\"}\n");
	assert_true(flag(s, "driver_ok") && flag(s, "broken") && flag(s, "failing"));
	assert_true(flag(s, "readonly"));
	assert_string_equal(text(s, "backend"), "");
	assert_string_equal(text(s, "serial"), "");
	s = (json_decref(s), ask(fd, "{\"command\":\"status\"}\n"));
	{
		const json_t *one = json_array_get(json_object_get(s, "virtqueues"), 1);

		assert_true(flag(one, "ready") && flag(one, "packed"));
		assert_int_equal(number(one, "size"), 64);
		assert_int_equal(number(one, "in_flight"), 3);
		assert_string_equal(text(one, "broken"), "it is \"odd\"");
	}
	json_decref(s);
	t->vqs[1].state = VQ_IDLE;
	close(fd);
}

/* Paths and serial numbers are octets, JSON is UTF-8. */
static void test_not_utf8(void **state)
{
	int fd = client();
	json_t *s;

	(void)state;
	t->options.serial = "a\xff"
			    "b";
	t->options.backend = "file:/\xe4\xc3\xa4";
	s = ask(fd, "{\"command\":\"status\"}\n");
	assert_true(flag(s, "ok"));
	assert_string_equal(text(s, "serial"), "a?b");
	assert_string_equal(text(s, "backend"), "file:/???");
	json_decref(s);
	t->options.backend = "file:/\xc3\xa4";
	s = ask(fd, "{\"command\":\"status\"}\n");
	assert_string_equal(text(s, "backend"), "file:/\xc3\xa4");
	json_decref(s);
	close(fd);
}

/* ---- clients ---- */

static void test_bad_requests(void **state)
{
	static const char *const lines[] = {
		"\n",
		"x\n",
		"{\n",
		"[]\n",
		"1\n",
		"\"status\"\n",
		"null\n",
		"{}\n",
		"{\"command\":1}\n",
		"{\"command\":null}\n",
		"{\"command\":{\"command\":\"status\"}}\n",
		"{\"command\":\"status\"} x\n",
		"{\"command\":\"status\",\"command\":\"status\"}\n",
		"{\"command\":\"\xff\"}\n",
	};
	int fd = client();
	json_t *s;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		say(fd, lines[i]);
		expect_error(fd, "expected a JSON object with the string \"command\"");
	}
	assert_int_equal(send(fd, "{}\0{\n", 5, 0), 5);
	expect_error(fd, "expected a JSON object with the string \"command\"");
	say(fd, "{\"command\":\"\"}\n");
	expect_error(fd, "unknown command: expected status, stop or resize");
	say(fd, "{\"command\":\"Status\"}\n");
	expect_error(fd, "unknown command: expected status, stop or resize");
	s = ask(fd, "{\"command\":\"status\",\"more\":[1]}\n");
	assert_true(flag(s, "ok"));
	json_decref(s);
	close(fd);
}

static void test_long_line(void **state)
{
	char line[CONTROL_LINE_MAX + 1];
	int fd = client();
	json_t *s;

	(void)state;
	/* The longest that fits, in pieces. */
	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"command\":\"status\"}", 20);
	line[CONTROL_LINE_MAX - 1] = '\n';
	for (unsigned at = 0; at < CONTROL_LINE_MAX; at += 512) {
		assert_string_equal(hear(fd), "");
		assert_int_equal(send(fd, line + at, 512, 0), 512);
	}
	s = json_loads(hear(fd), 0, NULL);
	assert_true(flag(s, "ok"));
	json_decref(s);
	line[CONTROL_LINE_MAX - 1] = ' ';
	line[CONTROL_LINE_MAX] = '\0';
	say(fd, line);
	expect_error(fd, "the line is too long");
	assert_null(hear(fd));
	close(fd);
}

static void test_two_in_one(void **state)
{
	int fd = client();
	json_t *s;

	(void)state;
	say(fd, "{\"command\":\"x\"}\n{\"command\":\"status\"}\n{\"comm");
	expect_error(fd, "unknown command: expected status, stop or resize");
	s = json_loads(hear(fd), 0, NULL);
	assert_true(flag(s, "ok"));
	json_decref(s);
	assert_string_equal(hear(fd), "");
	say(fd, "and\":\"y\"}\n");
	expect_error(fd, "unknown command: expected status, stop or resize");
	close(fd);
}

static void test_many_clients(void **state)
{
	int fds[CONTROL_CLIENTS_MAX + 1];
	json_t *s;

	(void)state;
	for (unsigned i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
		fds[i] = client();
		run();
	}
	assert_null(hear(fds[CONTROL_CLIENTS_MAX]));
	close(fds[CONTROL_CLIENTS_MAX]);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		s = ask(fds[i], "{\"command\":\"status\"}\n");
		assert_true(flag(s, "ok"));
		json_decref(s);
	}
	/* One goes, in the middle of a line; the next one does not inherit it. */
	say(fds[3], "{\"command\":");
	run();
	close(fds[3]);
	run();
	fds[3] = client();
	s = ask(fds[3], "{\"command\":\"status\"}\n");
	assert_true(flag(s, "ok"));
	json_decref(s);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	run();
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		assert_int_equal(t->control.clients[i].source.fd, -1);
}

/* It asks and is gone; it asks and never reads. */
static void test_rude_clients(void **state)
{
	int fd = client();

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		say(fd, "{\"command\":\"status\"}\n{\"command\":\"status\"}\n");
	close(fd);
	run();
	assert_int_equal(t->control.clients[0].source.fd, -1);
	fd = client();
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	run();
	for (unsigned i = 0; i < 10000 && t->control.clients[0].source.fd >= 0; i++) {
		send(fd, "{\"command\":\"status\"}\n", 21, MSG_NOSIGNAL);
		run();
	}
	assert_int_equal(t->control.clients[0].source.fd, -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_status),	 EACH(test_status_changes), EACH(test_not_utf8),
		EACH(test_bad_requests), EACH(test_long_line),	    EACH(test_two_in_one),
		EACH(test_many_clients), EACH(test_rude_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
