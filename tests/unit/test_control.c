/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket, before a device that is filled in by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "blkworld.h"
#include "vdused/control.h"

#define QUEUES 2

static struct {
	struct loop loop;
	struct device dev;
	struct options options;
	struct control control;
	struct vq vqs[QUEUES];
	struct state_header header;
	struct fake fake;
	struct sockaddr_un address;
	socklen_t address_len;
} * t;

static int set_up(void **state)
{
	struct blk_options blk = { .queues = QUEUES, .queue_size = 64, .serial = "disk" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)state;
	t = calloc(1, sizeof(*t));
	t->options = (struct options){
		.name = "disk-of-test", .backend = "fake:", .serial = "disk", .queue_size = 64
	};
	fake_init(&t->fake, 0x100000);
	device_init(&t->dev);
	t->dev.options = &t->options;
	t->dev.loop = &t->loop;
	t->dev.backend = &t->fake.b;
	t->dev.state.header = &t->header;
	t->dev.vqs = t->vqs;
	t->dev.vq_count = QUEUES;
	t->dev.timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	t->dev.driver_features = UINT64_C(0x300000000);
	clock_gettime(CLOCK_MONOTONIC, &t->dev.started);
	blk_init(&t->dev.blk, &t->fake.b, &blk);
	for (unsigned i = 0; i < QUEUES; i++) {
		t->vqs[i].index = i;
		t->vqs[i].kick.fd = -1;
		t->vqs[i].stats[VQ_READS] = 10 + i;
	}
	control_clear(&t->control);
	t->address.sun_family = AF_UNIX;
	/* Of this name space only, and with a name that the kernel chooses. */
	assert_int_equal(bind(fd, (struct sockaddr *)&t->address, sizeof(sa_family_t)), 0);
	t->address_len = sizeof(t->address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&t->address, &t->address_len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(loop_init(&t->loop), 0);
	return control_init(&t->control, fd, &t->dev);
}

static int tear_down(void **state)
{
	(void)state;
	control_fini(&t->control);
	assert_int_equal(t->control.listener.fd, -1);
	close(t->dev.timer.fd);
	loop_fini(&t->loop);
	free(t);
	return 0;
}

static void run(void)
{
	while (loop_run_once(&t->loop, 0) > 0)
		;
}

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&t->address, t->address_len), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* One line, without its end; NULL: the connection is at its end; "": nothing yet. */
static const char *hear(int fd)
{
	static char line[65536];
	size_t len = 0;

	run();
	for (;; len++) {
		ssize_t n = recv(fd, line + len, 1, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			assert_int_equal(len, 0);
			return "";
		}
		if (n <= 0)
			return NULL;
		if (line[len] == '\n')
			break;
	}
	line[len] = '\0';
	return line;
}

static void expect_error(int fd, const char *text)
{
	const char *line = hear(fd);
	json_t *answer;

	assert_non_null(line);
	answer = json_loads(line, 0, NULL);
	if (!answer)
		fail_msg("no JSON: %s", line);
	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_string_equal(json_string_value(json_object_get(answer, "error")), text);
	json_decref(answer);
}

static json_t *ask(int fd, const char *text)
{
	const char *line;
	json_t *answer;

	say(fd, text);
	line = hear(fd);
	assert_non_null(line);
	answer = json_loads(line, 0, NULL);
	if (!answer)
		fail_msg("no JSON: %s", line);
	return answer;
}

/* ---- status ---- */

static int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("%s is no integer", key);
	return json_integer_value(v);
}

static const char *text(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		fail_msg("%s is no string", key);
	return json_string_value(v);
}

static bool flag(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_boolean(v))
		fail_msg("%s is no boolean", key);
	return json_is_true(v);
}

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

/* ---- stop and resize ---- */

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

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_status),	   EACH(test_status_changes), EACH(test_not_utf8),
		EACH(test_bad_requests),   EACH(test_long_line),      EACH(test_two_in_one),
		EACH(test_many_clients),   EACH(test_rude_clients),   EACH(test_resize),
		EACH(test_stop),	   EACH(test_stop_twice),     EACH(test_stopper_leaves),
		EACH(test_stop_by_signal), EACH(test_destroy_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
