/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbdkit for tests of the back end nbd: one server at a time, on a socket of its own. */
#ifndef TESTS_UNIT_NBDKIT_H
#define TESTS_UNIT_NBDKIT_H

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

static char dir[64], sock[96], image[96], keys[96], tls_option[128], uri[256];
static pid_t server;

static inline bool have_nbdkit(void)
{
	static int have = -1;

	if (have < 0)
		have = !system("nbdkit --version >/dev/null 2>&1");
	if (!have)
		print_message("# SKIP nbdkit is not installed\n");
	return have;
}

static inline bool listens(void)
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
static inline void start_server(const char *const *words)
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

static inline void stop_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
	unlink(sock);
}

#define SERVER(...) start_server((const char *const[]){ __VA_ARGS__, NULL })

static inline void restart_after(useconds_t us, const char *const *words)
{
	stop_server();
	usleep(us);
	start_server(words);
}

static inline int group_setup(void **state)
{
	FILE *f;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/vdused-nbd-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	snprintf(image, sizeof(image), "%s/image", dir);
	snprintf(keys, sizeof(keys), "%s/keys", dir);
	snprintf(tls_option, sizeof(tls_option), "--tls-psk=%s", keys);
	f = fopen(keys, "w");
	assert_non_null(f);
	fputs("disk:00112233445566778899aabbccddeeff\n", f);
	fclose(f);
	f = fopen(image, "w");
	assert_non_null(f);
	fclose(f);
	return 0;
}

static inline int group_teardown(void **state)
{
	(void)state;
	unlink(image);
	unlink(keys);
	rmdir(dir);
	return 0;
}

/* Each test: a new image, no server. */
static inline int setup(void **state)
{
	(void)state;
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", sock);
	assert_int_equal(truncate(image, 0), 0);
	assert_int_equal(truncate(image, SIZE), 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	stop_server();
	return 0;
}

/* The test's disk is encrypted on its way. */
static inline void use_tls(void)
{
	snprintf(uri, sizeof(uri), "nbds+unix://disk@/?socket=%s&tls-psk-file=%s", sock, keys);
}

static inline struct disk *open_disk(unsigned reconnect_s)
{
	struct disk *d = calloc(1, sizeof(*d));

	d->params.reconnect_s = reconnect_s;
	disk_open(d, uri);
	return d;
}

static inline void close_disk(struct disk *d)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
