// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stands in for vdused where there is no kernel to serve: it has the runtime
 * directory, the lock and the control socket of a daemon, and no device.
 *
 *   fake_vdused block|resume --name NAME ... [--ready-fd FD]
 *
 * What it does at its start is told by FAKE: "error" says a sentence on FD,
 * "stderr" says it there, "exit" says nothing; else it goes on in the
 * background, for a minute at most.  With --check it says that it could, or, by FAKE
 * "check", that it could not, or, by "check-exit", nothing.  Its arguments stand in DIR/NAME/arguments.
 * A request "status" is answered by the line in DIR/NAME/status, or not at
 * all without that file; "resize" is refused; "stop" is obeyed, but as the word
 * in DIR/NAME/stop says: "mute" neither ends nor answers, "quit" ends without an
 * answer, "term" sends SIGTERM to who asks before it obeys, "linger" takes half a
 * second from its answer to its end.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *option(int argc, char **argv, const char *name)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	}
	return NULL;
}

static void start_badly(const char *how, int ready)
{
	if (!strcmp(how, "error"))
		dprintf(ready, "error the disk is on fire\n");
	else if (!strcmp(how, "stderr"))
		fputs("vdused: the disk is on fire\nand more\n", stderr);
	else if (strcmp(how, "exit"))
		return;
	exit(7);
}

static void check(const char *how, int ready)
{
	if (!strcmp(how, "check"))
		dprintf(ready, "error the disk is on fire\n");
	else if (strcmp(how, "check-exit"))
		dprintf(ready, "ready 0\n");
	exit(strncmp(how, "check", 5) ? 0 : 7);
}

static void take_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open("lock", O_RDWR | O_CREAT, 0600);

	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
		err(1, "lock");
}

static int listen_here(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "control" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(addr.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4) < 0)
		err(1, "control");
	return fd;
}

static void write_arguments(int argc, char **argv)
{
	FILE *f = fopen("arguments", "w");

	if (!f)
		err(1, "arguments");
	for (int i = 1; i < argc; i++)
		fprintf(f, "%s%s", i > 1 ? " " : "", argv[i]);
	fputc('\n', f);
	if (fclose(f))
		err(1, "arguments");
}

static void answer_status(int fd)
{
	char buf[65536];
	int from = open("status", O_RDONLY);
	ssize_t n;

	if (from < 0)
		return;
	while ((n = read(from, buf, sizeof(buf))) > 0) {
		if (write(fd, buf, (size_t)n) != n)
			break;
	}
	close(from);
}

static void say(int fd, const char *line)
{
	if (write(fd, line, strlen(line)) < 0)
		warn("answer");
}

static bool lingers;

/* false: nothing more is to be done. */
static bool stop_oddly(int client)
{
	char how[16] = "";
	struct ucred who;
	socklen_t len = sizeof(who);
	int fd = open("stop", O_RDONLY);

	if (fd < 0)
		return true;
	if (read(fd, how, sizeof(how) - 1) < 0)
		err(1, "stop");
	close(fd);
	unlink("stop");
	if (!strncmp(how, "quit", 4))
		exit(0);
	if (!strncmp(how, "term", 4) &&
	    getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0)
		kill(who.pid, SIGTERM);
	lingers = !strncmp(how, "linger", 6);
	return strncmp(how, "mute", 4);
}

/* Ends the program when it is asked to stop. */
static void serve(int fd, const char *name)
{
	char line[256];
	ssize_t n = read(fd, line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	if (strstr(line, "\"status\"")) {
		answer_status(fd);
		return; /* the connection stays open, whether it was answered or not */
	}
	if (!strstr(line, "\"stop\"")) {
		say(fd, "{\"ok\":false,\"error\":\"the tape measure is lost\"}\n");
		return;
	}
	if (!stop_oddly(fd))
		return;
	if (strstr(line, "true")) {
		unlink("control");
		unlink("status");
		unlink("arguments");
		unlink("lock");
		if (chdir("..") < 0 || rmdir(name) < 0)
			err(1, "%s", name);
	}
	say(fd, "{\"ok\":true}\n");
	if (lingers)
		usleep(500000);
	exit(0);
}

int main(int argc, char **argv)
{
	const char *dir = getenv("VDUSED_RUNTIME_DIR"), *how = getenv("FAKE");
	const char *name = option(argc, argv, "--name");
	const char *ready = option(argc, argv, "--ready-fd");
	int fd;

	if (!dir || !name)
		errx(2, "VDUSED_RUNTIME_DIR and --name are needed");
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--check"))
			check(how ? how : "", ready ? atoi(ready) : -1);
	}
	start_badly(how ? how : "", ready ? atoi(ready) : -1);
	if (chdir(dir) < 0 || (mkdir(name, 0700) < 0 && access(name, F_OK) < 0) || chdir(name) < 0)
		err(1, "%s/%s", dir, name);
	if (fork())
		_exit(0);
	setsid();
	alarm(60);
	take_lock();
	write_arguments(argc, argv);
	fd = listen_here();
	if (ready) {
		dprintf(atoi(ready), "ready %d\n", (int)getpid());
		close(atoi(ready));
	}
	for (int std = 0; std < 3; std++) {
		close(std);
		if (open("/dev/null", O_RDWR) < 0)
			return 1;
	}
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client >= 0)
			serve(client, name);
	}
}
