/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket, before a device that is filled in by hand. */
#ifndef TESTS_UNIT_CONTROLWORLD_H
#define TESTS_UNIT_CONTROLWORLD_H

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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	(void)state;
	control_fini(&t->control);
	assert_int_equal(t->control.listener.fd, -1);
	close(t->dev.timer.fd);
	loop_fini(&t->loop);
	free(t);
	return 0;
}

static inline void run(void)
{
	while (loop_run_once(&t->loop, 0) > 0)
		;
}

static inline int client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&t->address, t->address_len), 0);
	return fd;
}

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* One line, without its end; NULL: the connection is at its end; "": nothing yet. */
static inline const char *hear(int fd)
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

static inline void expect_error(int fd, const char *text)
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

static inline json_t *ask(int fd, const char *text)
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

static inline int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("%s is no integer", key);
	return json_integer_value(v);
}

static inline const char *text(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		fail_msg("%s is no string", key);
	return json_string_value(v);
}

static inline bool flag(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_boolean(v))
		fail_msg("%s is no boolean", key);
	return json_is_true(v);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
