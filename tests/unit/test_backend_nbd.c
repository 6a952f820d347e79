/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd: against nbdkit, which is killed, restarted and replaced meanwhile. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "disk.h"

#define SIZE (4u << 20)
#define MAX_ARGS 16

static char dir[64], sock[96], image[96], uri[256];
static pid_t server;

static bool have_nbdkit(void)
{
	static int have = -1;

	if (have < 0)
		have = !system("nbdkit --version >/dev/null 2>&1");
	if (!have)
		print_message("# SKIP nbdkit is not installed\n");
	return have;
}

static bool listens(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	memcpy(addr.sun_path, sock, strlen(sock) + 1);
	yes = !connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return yes;
}

/* nbdkit with these words, which end with NULL; waits until it listens. */
static void start_server(const char *const *words)
{
	const char *argv[MAX_ARGS + 8] = { "nbdkit", "-f", "-t", "8", "-U", sock };
	double until = seconds() + 20;

	for (int i = 0; words[i]; i++) {
		assert_true(i < MAX_ARGS);
		argv[6 + i] = words[i];
	}
	unlink(sock);
	server = fork();
	assert_true(server >= 0);
	if (!server) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 2);
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	while (!listens()) {
		assert_true(seconds() < until);
		usleep(10000);
	}
}

static void stop_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
	unlink(sock);
}

#define SERVER(...) start_server((const char *const[]){ __VA_ARGS__, NULL })

static void restart_after(useconds_t us, const char *const *words)
{
	stop_server();
	usleep(us);
	start_server(words);
}

static int group_setup(void **state)
{
	FILE *f;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/vdused-nbd-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	snprintf(image, sizeof(image), "%s/image", dir);
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", sock);
	f = fopen(image, "w");
	assert_non_null(f);
	fclose(f);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	unlink(image);
	rmdir(dir);
	return 0;
}

/* Each test: a new image, no server. */
static int setup(void **state)
{
	(void)state;
	assert_int_equal(truncate(image, 0), 0);
	assert_int_equal(truncate(image, SIZE), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stop_server();
	return 0;
}

static struct disk *open_disk(unsigned reconnect_s)
{
	struct disk *d = calloc(1, sizeof(*d));

	d->params.reconnect_s = reconnect_s;
	disk_open(d, uri);
	return d;
}

static void close_disk(struct disk *d)
{
	disk_close(d);
	free(d);
}

#define NEEDS_NBDKIT()              \
	do {                        \
		(void)state;        \
		if (!have_nbdkit()) \
			skip();     \
	} while (0)

/* ---- I/O ---- */

static void check_disk(void)
{
	struct disk *d = open_disk(0);
	void *state = d;

	disk_test_model(&state);
	disk_test_many(&state);
	disk_test_memory_gone(&state);
	close_disk(d);
}

static void test_memory(void **state)
{
	NEEDS_NBDKIT();
	SERVER("memory", "4M");
	check_disk();
}

static void test_file(void **state)
{
	NEEDS_NBDKIT();
	SERVER("file", image);
	check_disk();
}

static unsigned count_in_log(const char *word)
{
	FILE *f = fopen(image, "r");
	char line[512];
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, word) != NULL;
	fclose(f);
	return n;
}

/* A server that knows no FUA gets a flush instead, after the last piece. */
static void test_no_fua(void **state)
{
	size_t len = (4 << 20) + 512;
	char *buf = calloc(1, len), log[160];
	struct iovec iov = { buf, len };
	struct disk *d;

	NEEDS_NBDKIT();
	snprintf(log, sizeof(log), "logfile=%s", image);
	SERVER("--filter=log", "--filter=fua", "memory", "8M", log);
	d = open_disk(0);
	assert_int_equal(do_io(d, BACKEND_WRITE, 0, 0, len, &iov, 1), 0);
	assert_int_equal(count_in_log(" Write "), 2);
	assert_int_equal(count_in_log(" Flush "), 0);
	assert_int_equal(do_io(d, BACKEND_WRITE, BACKEND_FUA, 0, len, &iov, 1), 0);
	assert_int_equal(count_in_log(" Flush "), 1);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, BACKEND_FUA, 0, 512), 0);
	assert_int_equal(count_in_log(" Flush "), 2);
	close_disk(d);
	stop_server();
	free(buf);

	SERVER("--filter=fua", "memory", "4M");
	check_disk();
}

/* Limits of the server that it insists on. */
static void test_blocks(void **state)
{
	struct disk *d;
	void *disk;

	NEEDS_NBDKIT();
	SERVER("--filter=blocksize-policy", "memory", "4M", "blocksize-minimum=4096",
	       "blocksize-preferred=8192", "blocksize-maximum=65536",
	       "blocksize-error-policy=error");
	d = open_disk(0);
	disk = d;
	assert_int_equal(d->b->info.logical_block, 4096);
	assert_int_equal(d->b->info.optimal_io, 8192);
	disk_test_model(&disk);
	close_disk(d);
}

static void test_block_asked(void **state)
{
	struct backend_params params = { .logical_block = 512 };
	struct err err = { "" };
	struct backend *b;

	NEEDS_NBDKIT();
	SERVER("--filter=blocksize-policy", "memory", "4M", "blocksize-minimum=4096",
	       "blocksize-preferred=8192", "blocksize-maximum=65536");
	assert_int_equal(backend_open(uri, &params, &b, &err), -EINVAL);
	assert_non_null(strstr(err.text, "takes no blocks smaller than 4096 octets"));
}

static void test_errors(void **state)
{
	char buf[4096] = { 0 };
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("--filter=error", "memory", "4M", "error-pwrite=ENOSPC", "error-pwrite-rate=100%",
	       "error-pread=EIO", "error-pread-rate=100%", "error-zero=EPERM",
	       "error-zero-rate=100%", "error-trim=EINVAL", "error-trim-rate=100%");
	d = open_disk(0);
	assert_int_equal(do_write(d, 0, buf, 4096), -ENOSPC);
	assert_int_equal(do_read(d, 0, buf, 4096), -EIO);
	assert_int_equal(do_plain(d, BACKEND_WRITE_ZEROES, BACKEND_MAY_UNMAP, 0, 4096), -EROFS);
	assert_int_equal(do_plain(d, BACKEND_DISCARD, 0, 0, 4096), -EIO);
	assert_int_equal(do_plain(d, BACKEND_FLUSH, 0, 0, 0), 0);
	close_disk(d);
}

/* ---- the connection ---- */

enum { N = 300 };

struct batch {
	struct io io[N];
	struct iovec iov[N];
	char *buf;
};

static struct batch *start_batch(struct disk *d, enum backend_op op)
{
	struct batch *b = calloc(1, sizeof(*b));

	b->buf = malloc(N * 4096);
	for (unsigned i = 0; i < N; i++) {
		b->iov[i] = (struct iovec){ b->buf + (size_t)i * 4096, 4096 };
		memset(b->iov[i].iov_base, op == BACKEND_WRITE ? (int)i + 1 : 0, 4096);
		io_start(d, &b->io[i], op, 0, (uint64_t)i * 4096, 4096, &b->iov[i], 1);
	}
	backend_flush(d->q);
	return b;
}

static void end_batch(struct disk *d, struct batch *b, int result)
{
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(io_wait(d, &b->io[i]), result);
	assert_int_equal(d->q->in_flight, 0);
	free(b->buf);
	free(b);
}

static unsigned count_ended(const struct batch *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N; i++)
		n += b->io[i].ended;
	return n;
}

static void check_contents(struct disk *d)
{
	char buf[4096];

	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(do_read(d, (uint64_t)i * 4096, buf, 4096), 0);
		assert_int_equal(buf[0], (char)(i + 1));
		assert_int_equal(buf[4095], (char)(i + 1));
	}
}

/* Three times in the middle of it; no request is lost, none fails. */
static void test_restart(void **state)
{
	const char *const words[] = { "--filter=delay", "file",	      image,
				      "wdelay=5ms",	"rdelay=1ms", NULL };
	struct disk *d;

	NEEDS_NBDKIT();
	start_server(words);
	d = open_disk(0);
	for (int round = 0; round < 3; round++) {
		struct batch *b = start_batch(d, BACKEND_WRITE);

		while (count_ended(b) < 20)
			loop_run_once(&d->loop, 1000);
		assert_true(count_ended(b) < N);
		restart_after(round * 150000, words);
		end_batch(d, b, 0);
		assert_int_equal(do_plain(d, BACKEND_FLUSH, 0, 0, 0), 0);
	}
	check_contents(d);
	close_disk(d);
}

/* Submitted while there is no server. */
static void test_wait(void **state)
{
	const char *const words[] = { "file", image, NULL };
	struct disk *d;
	struct batch *b;

	NEEDS_NBDKIT();
	start_server(words);
	d = open_disk(0);
	stop_server();
	b = start_batch(d, BACKEND_WRITE);
	for (int i = 0; i < 10; i++)
		loop_run_once(&d->loop, 30);
	assert_int_equal(count_ended(b), 0);
	start_server(words);
	end_batch(d, b, 0);
	check_contents(d);
	close_disk(d);
}

static void test_give_up(void **state)
{
	char buf[512] = { 0 };
	double start, until;
	struct batch *b;
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("file", image);
	d = open_disk(1);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	stop_server();
	start = seconds();
	b = start_batch(d, BACKEND_READ);
	end_batch(d, b, -ENOTCONN);
	assert_true(seconds() - start > 0.9);
	assert_true(seconds() - start < 4);

	/* From now on at once. */
	start = seconds();
	assert_int_equal(do_write(d, 0, buf, 512), -ENOTCONN);
	assert_true(seconds() - start < 0.5);

	/* But not for ever. */
	SERVER("file", image);
	until = seconds() + 10;
	while (do_write(d, 0, buf, 512) == -ENOTCONN && seconds() < until)
		loop_run_once(&d->loop, 100);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	close_disk(d);
}

/* Until none of its threads can answer any more. */
static void freeze_server(void)
{
	siginfo_t info;

	assert_return_code(kill(server, SIGSTOP), errno);
	assert_return_code(waitid(P_PID, (id_t)server, &info, WSTOPPED | WNOWAIT), errno);
}

static void test_cancel(void **state)
{
	char buf[512] = { 0 };
	struct batch *b;
	struct disk *d;
	double start;

	NEEDS_NBDKIT();
	SERVER("memory", "4M");
	d = open_disk(0);
	freeze_server();
	b = start_batch(d, BACKEND_READ);
	loop_run_once(&d->loop, 50);
	start = seconds();
	backend_cancel(d->q);
	assert_int_equal(d->q->in_flight, 0);
	end_batch(d, b, -ECANCELED);
	assert_true(seconds() - start < 2);
	/* A new one: nbdkit may abort when a client leaves with replies under way. */
	stop_server();
	SERVER("memory", "4M");
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	close_disk(d);

	/* While there is no connection. */
	d = open_disk(0);
	stop_server();
	b = start_batch(d, BACKEND_WRITE);
	loop_run_once(&d->loop, 50);
	backend_cancel(d->q);
	end_batch(d, b, -ECANCELED);
	close_disk(d);
}

static void test_other_disk(void **state)
{
	char buf[512] = { 0 };
	struct err err;
	struct disk *d;
	double until;

	NEEDS_NBDKIT();
	SERVER("memory", "4M");
	d = open_disk(0);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	restart_after(0, (const char *const[]){ "memory", "2M", NULL });
	assert_int_equal(do_write(d, 0, buf, 512), -EIO);
	assert_int_equal(do_read(d, 0, buf, 512), -EIO);

	/* Larger is right, and is told to who asks. */
	restart_after(0, (const char *const[]){ "memory", "8M", NULL });
	until = seconds() + 15;
	while (do_write(d, 0, buf, 512) == -EIO && seconds() < until)
		loop_run_once(&d->loop, 100);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	assert_int_equal(d->b->info.size, 4 << 20);
	assert_int_equal(backend_refresh(d->b, &err), 0);
	assert_int_equal(d->b->info.size, 8 << 20);
	assert_int_equal(do_write(d, (8 << 20) - 512, buf, 512), 0);
	close_disk(d);
}

/* ---- opening ---- */

static void test_no_server(void **state)
{
	struct backend_params params = { .reconnect_s = 0 };
	struct err err = { "" };
	struct backend *b;

	(void)state;
	assert_int_equal(backend_open(uri, &params, &b, &err), -ENOTCONN);
	assert_memory_equal(err.text, uri, strlen(uri));
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(backend_open("nbd://127.0.0.1:1/x", &params, &b, &err), -ENOTCONN);
	assert_non_null(strstr(err.text, "Connection refused"));
}

static void test_several_queues(void **state)
{
	char buf[512] = { 0 };
	struct backend_queue *q2;
	struct err err = { "" };
	struct disk *d;

	NEEDS_NBDKIT();
	SERVER("--filter=multi-conn", "memory", "4M", "multi-conn-mode=disable");
	d = open_disk(0);
	assert_int_equal(d->b->info.max_queues, 1);
	assert_int_equal(backend_queue_open(d->b, &d->loop, &q2, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "does not allow several connections: queues 1"));
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	/* One after the other is no matter. */
	backend_queue_close(d->q);
	assert_int_equal(backend_queue_open(d->b, &d->loop, &d->q, &err), 0);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	close_disk(d);
	stop_server();

	SERVER("memory", "4M");
	d = open_disk(0);
	assert_int_equal(d->b->info.max_queues, 0);
	assert_int_equal(backend_queue_open(d->b, &d->loop, &q2, &err), 0);
	assert_int_equal(do_write(d, 0, buf, 512), 0);
	backend_queue_close(q2);
	close_disk(d);
}

static void test_readonly(void **state)
{
	struct disk d = { .params = { .readonly = false } };
	struct err err = { "" };
	char buf[512] = { 0 };

	NEEDS_NBDKIT();
	SERVER("-r", "memory", "4M");
	assert_int_equal(backend_open(uri, &d.params, &d.b, &err), -EROFS);
	assert_non_null(strstr(err.text, "the server exports it read-only"));
	d.params.readonly = true;
	disk_open(&d, uri);
	assert_int_equal(do_read(&d, 0, buf, 512), 0);
	assert_int_equal(do_write(&d, 0, buf, 512), -EROFS);
	disk_close(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_server),	   TEST(test_memory),	TEST(test_file),
		TEST(test_no_fua),	   TEST(test_blocks),	TEST(test_block_asked),
		TEST(test_errors),	   TEST(test_restart),	TEST(test_wait),
		TEST(test_give_up),	   TEST(test_cancel),	TEST(test_other_disk),
		TEST(test_several_queues), TEST(test_readonly),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
