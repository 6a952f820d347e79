/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for devices: woken by uevents, and right without them. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "fake_uevent.h"

#define PATIENCE_MS 20000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* In place of libc's: with `patient` no time passes until an event comes, or far too late. */
static bool patient, missed;

#define IN_PLACE_OF_LIBC __attribute__((visibility("default")))

IN_PLACE_OF_LIBC
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (!patient)
		return (int)syscall(SYS_clock_gettime, clock, ts);
	*ts = (struct timespec){ .tv_sec = 1 };
	return 0;
}

IN_PLACE_OF_LIBC
int poll(struct pollfd *fds, nfds_t n, int ms)
{
	const struct timespec timeout = { .tv_sec = PATIENCE_MS / 1000 };
	int r;

	if (!patient)
		return ppoll(fds, n,
			     &(struct timespec){ .tv_sec = ms / 1000,
						 .tv_nsec = ms % 1000 * 1000000L },
			     NULL);
	r = ppoll(fds, n, &timeout, NULL);
	missed = r == 0;
	patient = !missed;
	return r;
}

static int setup(void **state)
{
	patient = missed = false;
	uevent_open_error = 0;
	uevent_n_errors = 0;
	return tree_setup(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, tree_teardown)

/* What another thread does to the tree after some time. */
struct later {
	struct tree *t;
	int ms;
	void (*act)(struct tree *t);
	pthread_t thread;
};

static void *later_run(void *data)
{
	struct later *l = data;
	const struct timespec ts = { .tv_sec = l->ms / 1000, .tv_nsec = l->ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
	l->act(l->t);
	return NULL;
}

static void later(struct later *l)
{
	assert_int_equal(pthread_create(&l->thread, NULL, later_run, l), 0);
}

static void make_device(struct tree *t)
{
	tree_vdpa(t, "sys/devices", "sim0", "vhost_vdpa");
}

static void make_device_and_tell(struct tree *t)
{
	make_device(t);
	uevent_of("add", "devices/sim0", "vdpa", "");
}

static void test_conditions(void **state)
{
	struct tree *t = *state;
	struct vdpa_sysdev *s = NULL;

	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_ABSENT, 0, &s), 0);
	assert_null(s);
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_PRESENT, 0, NULL), -ETIMEDOUT);
	assert_string_equal(tree_message(t), "device \"sim0\" is not present after 0 ms");
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_BOUND, 0, NULL), -ENODEV);
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_RESERVED, 0, NULL), -EINVAL);
	make_device(t);
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_PRESENT, -5, &s), 0);
	assert_string_equal(vdpa_sysdev_get_driver(s), "vhost_vdpa");
	vdpa_sysdev_unref(s);
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_CHARDEV, 30, NULL), -ETIMEDOUT);
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_ABSENT, 30, NULL), -ETIMEDOUT);
	assert_string_equal(vdpa_condition_name(VDPA_WAIT_ABSENT), "absent");
	assert_null(vdpa_condition_name(VDPA_WAIT_RESERVED));
}

/* It takes the event to see it: no nap is over before. */
static void test_event(void **state)
{
	struct later l = { .t = *state, .ms = 100, .act = make_device_and_tell };

	later(&l);
	patient = true;
	assert_int_equal(vdpa_dev_wait(l.t->ctx, "sim0", VDPA_WAIT_PRESENT, 2 * PATIENCE_MS, NULL),
			 0);
	pthread_join(l.thread, NULL);
	assert_false(missed);
}

static void no_event(void **state, int open_error)
{
	struct later l = { .t = *state, .ms = 300, .act = make_device };
	int64_t start = now_ms();

	uevent_open_error = open_error;
	later(&l);
	assert_int_equal(vdpa_dev_wait(l.t->ctx, "sim0", VDPA_WAIT_PRESENT, 20000, NULL), 0);
	assert_true(now_ms() - start >= 300);
	pthread_join(l.thread, NULL);
}

/* As in a container that gets no uevents, or where they were lost. */
static void test_no_event(void **state)
{
	no_event(state, 0);
}

static void test_no_socket(void **state)
{
	no_event(state, EPERM);
}

static void make_node(struct tree *t)
{
	tree_write(t, "dev/vhost-vdpa-0", "");
}

static void test_node_after_event(void **state)
{
	struct tree *t = *state;
	struct later l = { .t = t, .ms = 100, .act = make_node };

	make_device(t);
	tree_chardev(t, "sys/devices/sim0", "vhost-vdpa-0", "236:0\n");
	later(&l);
	assert_int_equal(vdpa_dev_wait(t->ctx, "sim0", VDPA_WAIT_CHARDEV, 20000, NULL), 0);
	pthread_join(l.thread, NULL);
}

/* Events of others and a socket that fails: the time does not pass in a busy loop. */
static int64_t cpu_ms(void)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
	       (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000;
}

static void tell_others(struct tree *t)
{
	(void)t;
	for (int i = 0; i < 20; i++)
		uevent_of("add", "devices/platform/serial0", "tty", "");
	uevent_of("add", "devices/other", "vdpa", "");
	uevent_send("nonsense");
}

static void test_idle(void **state)
{
	struct later l = { .t = *state, .ms = 100, .act = tell_others };
	int64_t start = now_ms(), cpu = cpu_ms();

	later(&l);
	assert_int_equal(vdpa_dev_wait(l.t->ctx, "sim0", VDPA_WAIT_PRESENT, 600, NULL), -ETIMEDOUT);
	assert_true(now_ms() - start >= 600);
	pthread_join(l.thread, NULL);
	assert_true(cpu_ms() - cpu < 200);
}

static void test_broken_socket(void **state)
{
	struct later l = { .t = *state, .ms = 100, .act = tell_others };
	int64_t cpu = cpu_ms();

	uevent_fails(EIO);
	uevent_fails(ENOBUFS);
	later(&l);
	assert_int_equal(vdpa_dev_wait(l.t->ctx, "sim0", VDPA_WAIT_PRESENT, 600, NULL), -ETIMEDOUT);
	pthread_join(l.thread, NULL);
	assert_int_equal(uevent_n_errors, 0);
	assert_true(cpu_ms() - cpu < 300);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static pthread_t waiter;

static void signal_waiter(struct tree *t)
{
	(void)t;
	pthread_kill(waiter, SIGUSR1);
}

static void test_interrupted(void **state)
{
	struct later l = { .t = *state, .ms = 100, .act = signal_waiter };
	const struct sigaction sa = { .sa_handler = on_alarm };

	waiter = pthread_self();
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	later(&l);
	assert_int_equal(vdpa_dev_wait(l.t->ctx, "sim0", VDPA_WAIT_PRESENT, 20000, NULL), -EINTR);
	pthread_join(l.thread, NULL);
	assert_non_null(strstr(tree_message(l.t), "cannot wait for device \"sim0\": Interrupted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conditions),	     TEST(test_event),
		TEST(test_no_event),	     TEST(test_no_socket),
		TEST(test_node_after_event), TEST(test_idle),
		TEST(test_broken_socket),    TEST(test_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
