// SPDX-License-Identifier: GPL-2.0-or-later
/* The guest's one command: started, its output passed on, its end awaited. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define EXIT_LAB 125

static _Noreturn void start_command(int out, int err)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (job.tty) {
		struct winsize size = { 24, 80, 0, 0 };
		int fd = open("/dev/hvc0", O_RDWR);

		if (sscanf(job.tty, "%hu %hu", &size.ws_row, &size.ws_col) != 2)
			size = (struct winsize){ 24, 80, 0, 0 };
		ioctl(fd, TIOCSCTTY, 0);
		ioctl(fd, TIOCSWINSZ, &size);
		dup2(fd, STDIN_FILENO);
		out = err = fd;
	} else {
		int fd = open("/dev/null", O_RDONLY);

		dup2(fd, STDIN_FILENO);
		close(fd);
	}
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (out > STDERR_FILENO)
		close(out);
	if (chdir(job.cwd) < 0) {
		dprintf(STDERR_FILENO, "lab: the guest has no directory %s: %s\n", job.cwd, strerror(errno));
		_exit(EXIT_LAB);
	}
	execvp(job.arg[0], job.arg);
	int code = errno == ENOENT ? 127 : 126;
	dprintf(STDERR_FILENO, "lab: cannot run %s: %s\n", job.arg[0], strerror(errno));
	_exit(code);
}

/* Moves what the pipe holds now to the port, and nothing that comes meanwhile: it ends beside a writer that does not. */
static void relay(int pipe_fd, int port)
{
	static char buffer[32768];
	int left = 0;

	ioctl(pipe_fd, FIONREAD, &left);
	while (left > 0) {
		ssize_t n = read(pipe_fd, buffer, (size_t)left < sizeof(buffer) ? (size_t)left : sizeof(buffer));
		if (n <= 0)
			return;
		left -= (int)n;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(port, buffer + done, (size_t)(n - done));
			if (w < 0 && errno == EAGAIN)
				usleep(1000);
			else if (w < 0)
				die("cannot write to a port: %s", strerror(errno));
			else
				done += w;
		}
	}
}

/* The command's wait status, once it is dead; other orphans are reaped on the way. */
static bool reap(pid_t command, int *status)
{
	int s;
	bool ended = false;

	for (pid_t pid; (pid = waitpid(-1, &s, WNOHANG)) > 0;)
		if (pid == command) {
			*status = s;
			ended = true;
		}
	return ended;
}

int run_command(void)
{
	int out[2], err[2], status = 0, ports[2] = { -1, -1 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		die("cannot make pipes: %s", strerror(errno));
	if (!job.tty && ((ports[0] = wait_port("out")) < 0 || (ports[1] = wait_port("err")) < 0))
		die("the output ports are missing");
	pid_t pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (!pid)
		start_command(out[1], err[1]);
	close(out[1]);
	close(err[1]);

	struct pollfd fds[] = { { out[0], POLLIN, 0 }, { err[0], POLLIN, 0 }, { signals, POLLIN, 0 } };
	for (bool ended = false; !ended;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		/* Dead first, then the pipes once more: all it wrote is in them by then. Whoever still holds them is not waited for. */
		struct signalfd_siginfo info;
		while (read(signals, &info, sizeof(info)) > 0)
			;
		ended = reap(pid, &status);
		for (int i = 0; i < 2; i++) {
			if (fds[i].fd < 0)
				continue;
			relay(fds[i].fd, ports[i]);
			if ((fds[i].revents & (POLLIN | POLLHUP)) == POLLHUP)
				fds[i].fd = -1;
		}
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
