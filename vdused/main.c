/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdused: serves one device.
 *
 *   options --> runtime directory, lock --> device_open --> control socket
 *           --> unprivileged --> threads --> ready --> loop
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vdused/confine.h"
#include "vdused/control.h"
#include "vdused/copy.h"
#include "vdused/device.h"
#include "vdused/guard.h"
#include "vdused/log.h"
#include "vdused/options.h"

#if defined(__SANITIZE_ADDRESS__)
#define LEAK_CHECKER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAK_CHECKER 1
#endif
#endif

#ifdef LEAK_CHECKER
/* It looks with ptrace, which the system call filter forbids: the end would be one without end. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

#define OPTIONS_MAX 65536
/* A stop by signal waits so long for what is in flight; the log keeps the rest. */
#define STOP_SECONDS 10

struct daemon {
	struct options options;
	char *saved; /* what the options of `resume` point into */
	struct runtime rt;
	struct loop loop;
	struct device dev;
	struct control control;
	struct loop_source signals;
	time_t stop_by; /* 0: no signal came yet */
	bool at_once; /* a second one, or its time is over */
	int waiting; /* the pipe to the process that daemonised; -1: none */
	int cleaner; /* the socket to the process that start_cleaner() made; -1: none */
};

static time_t seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- telling who waits -------------------------------------------------------------- */

/* The last line that goes there. False: who was to read it has gone. */
static bool tell(int *fd, const char *text)
{
	bool heard = *fd < 0 || write(*fd, text, strlen(text)) >= 0 || errno != EPIPE;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return heard;
}

/* The service manager's readiness protocol: a datagram to the socket in NOTIFY_SOCKET. */
static void notify_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd CLEANUP_CLOSE = -1;
	size_t len = path ? strlen(path) : 0;

	if (!len || len >= sizeof(sun.sun_path) || (*path != '/' && *path != '@'))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(sun.sun_path, path, len);
	if (*path == '@')
		sun.sun_path[0] = '\0';
	if (fd >= 0)
		sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sun,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

/* ---- becoming a daemon ---------------------------------------------------------------- */

/* The parent: exits as the child's first line says. */
static _Noreturn void wait_for_child(int fd)
{
	char line[512];
	ssize_t n = 0, got;

	while (n < (ssize_t)sizeof(line) - 1 && (got = read(fd, line + n, sizeof(line) - 1 - (size_t)n)) > 0)
		n += got;
	line[n] = '\0';
	if (!strncmp(line, "ready ", 6))
		_exit(0);
	if (!n)
		fputs("vdused: it ended before it could serve\n", stderr);
	_exit(1);
}

static int daemonize(struct daemon *d, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, -errno, "no pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "can't fork: %s", strerror(errno));
	if (pid) {
		close(fds[1]);
		wait_for_child(fds[0]);
	}
	close(fds[0]);
	d->waiting = fds[1];
	setsid();
	return 0;
}

/* After everything that could fail has said so on stderr. */
static void detach_stdio(void)
{
	int fd CLEANUP_CLOSE = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd <= 2)
		fd = -1;
}

/* ---- undoing ----------------------------------------------------------------------------- */

static void remove_files(struct daemon *d)
{
	if (d->rt.made)
		runtime_remove(&d->rt);
	if (d->dev.created)
		runtime_remove_memory(&d->rt);
}

/* All that it has of the daemon's is the directory: a device that is open elsewhere can't be destroyed. */
static _Noreturn void clean(struct daemon *d, int told)
{
	int fds[] = { told, d->rt.base, d->rt.dir };
	const int n = sizeof(fds) / sizeof(*fds);
	char c = 0;

	for (int i = 0; i < n; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, n);
	for (int i = 0; i < n; i++)
		dup2(fds[i], i);
	closefrom(n);
	d->rt.base = 1;
	d->rt.dir = 2;
	if (write(0, &c, 1) == 1 && read(0, &c, 1) == 1)
		remove_files(d);
	_exit(0);
}

/*
 * What is root's can't be removed without privileges, and some steps need to be made without
 * them: should one of those fail, a process that kept them removes it.  It ends with the start.
 */
static int start_cleaner(struct daemon *d, struct err *err)
{
	int fds[2];
	pid_t pid;
	char c;

	signal(SIGCHLD, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return err_set(err, -errno, "no socket: %s", strerror(errno));
	pid = fork();
	if (!pid)
		clean(d, fds[1]);
	close(fds[1]);
	/* It has nothing open any more. */
	if (pid < 0 || read(fds[0], &c, 1) != 1) {
		close(fds[0]);
		return err_set(err, -EAGAIN, "can't fork");
	}
	d->cleaner = fds[0];
	return 0;
}

/* It ends; its end of the socket goes when it is done. */
static void end_cleaner(struct daemon *d, bool remove)
{
	char c = 0;

	if (d->cleaner < 0)
		return;
	if (remove && (write(d->cleaner, &c, 1) != 1 || read(d->cleaner, &c, 1) < 0))
		log_warn("%s is left behind", d->rt.path);
	close(d->cleaner);
	d->cleaner = -1;
}

static int fail_start(struct daemon *d, const char *why)
{
	char line[400];

	log_error("%s", why);
	snprintf(line, sizeof(line), "error %s\n", why);
	/* One that stays can be resumed. */
	if (device_undo(&d->dev)) {
		if (d->cleaner < 0)
			remove_files(d);
		end_cleaner(d, true);
	}
	tell(&d->options.ready_fd, line);
	tell(&d->waiting, line);
	return 1;
}

/* ---- options kept for the next process ------------------------------------------------- */

static int save_options(struct daemon *d, struct err *err)
{
	struct strbuf sb CLEANUP(strbuf_free) = STRBUF_INIT;

	options_save(&d->options, &sb);
	if (sb.failed)
		return err_set(err, -ENOMEM, "out of memory");
	return runtime_write(&d->rt, "options", sb.s, sb.len, err);
}

static int load_options(struct daemon *d, struct err *err)
{
	int fd CLEANUP_CLOSE = runtime_file(&d->rt, "options", false, err);
	ssize_t n;

	if (fd < 0)
		return fd;
	d->saved = malloc(OPTIONS_MAX);
	if (!d->saved)
		return err_set(err, -ENOMEM, "out of memory");
	n = read(fd, d->saved, OPTIONS_MAX);
	if (n < 0)
		return err_set(err, -errno, "%s/options: %s", d->rt.path, strerror(errno));
	return options_load(&d->options, d->saved, (size_t)n, err);
}

/* ---- signals ------------------------------------------------------------------------------ */

static void signal_event(struct loop_source *src, uint32_t events)
{
	struct daemon *d = (struct daemon *)((char *)src - offsetof(struct daemon, signals));
	struct signalfd_siginfo info;

	(void)events;
	if (read(src->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (d->stop_by) {
		d->at_once = true;
		return;
	}
	d->stop_by = seconds() + STOP_SECONDS;
	control_stop(&d->control);
}

static int watch_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	d->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	d->signals.ready = signal_event;
	return d->signals.fd < 0 ? -errno : loop_add(&d->loop, &d->signals, EPOLLIN);
}

/* ---- the way up, and down ------------------------------------------------------------------ */

static int set_up(struct daemon *d, struct err *err)
{
	bool resume = d->options.mode == MODE_RESUME;
	int listener, ret;

	ret = runtime_open(&d->rt, d->options.runtime_dir, d->options.name, !resume, err);
	if (!ret && resume)
		ret = load_options(d, err);
	if (ret)
		return ret;
	copy_choose();
	ret = guard_install();
	if (!ret)
		ret = loop_init(&d->loop);
	if (!ret)
		ret = watch_signals(d);
	if (ret)
		return err_set(err, ret, "the event loop can't be made: %s", strerror(-ret));
	ret = device_open(&d->dev, &d->options, &d->rt, &d->loop, err);
	if (!ret && !resume)
		ret = save_options(d, err);
	if (ret)
		return ret;
	listener = runtime_socket(&d->rt, err);
	if (listener < 0)
		return listener;
	ret = control_init(&d->control, listener, &d->dev);
	if (ret)
		return err_set(err, ret, "the control socket can't be watched: %s", strerror(-ret));
	if (d->dev.created)
		ret = start_cleaner(d, err);
	/* All that a path of the caller's leads to is open. */
	if (!ret && d->options.daemonize && chdir("/"))
		ret = err_set(err, -errno, "/: %s", strerror(errno));
	if (!ret)
		ret = confine_user(d->options.user, err);
	if (!ret)
		ret = device_start(&d->dev, err);
	return ret ? ret : confine_syscalls(err);
}

static void serve(struct daemon *d)
{
	while (!d->control.finished) {
		loop_run_once(&d->loop, d->stop_by ? 1000 : -1);
		d->at_once |= d->stop_by && seconds() > d->stop_by;
		if (!d->at_once || d->control.finished)
			continue;
		log_warn("stopping with requests in flight: they go on with the next vdused");
		/* As if it had been killed: nothing may be released that they still use. */
		_exit(0);
	}
}

/* --check: says on its ready_fd what a start would, as far as it can be known. */
static int check(struct daemon *d)
{
	const struct options *o = &d->options;
	struct err err = { "" };
	char line[400] = "ready 0\n";
	int ret = runtime_look(&d->rt, o->runtime_dir, o->name, &err);

	if (!ret)
		ret = load_options(d, &err);
	if (!ret)
		ret = device_look(&d->dev, o, &d->rt, &err);
	if (!ret)
		ret = confine_check_user(o->user, &err);
	if (ret) {
		log_error("%s", err.text);
		snprintf(line, sizeof(line), "error %s\n", err.text);
	}
	tell(&d->options.ready_fd, line);
	return ret ? 1 : 0;
}

/* The descriptors of stdio are taken away, or written to by others, before the line is. */
static void keep_from_stdio(int *fd)
{
	if (*fd >= 0 && *fd <= STDERR_FILENO)
		*fd = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static int run(struct daemon *d)
{
	char line[400];
	struct err err = { "" };

	keep_from_stdio(&d->options.ready_fd);
	if (d->options.daemonize && daemonize(d, &err)) {
		log_error("%s", err.text);
		return 1;
	}
	if (set_up(d, &err))
		return fail_start(d, err.text);
	if (d->options.daemonize) {
		detach_stdio();
		log_init(d->options.name, true);
	}
	snprintf(line, sizeof(line), "ready %d\n", (int)getpid());
	/* A device that nobody knows of is served to nobody; one that was there before has its driver. */
	if ((!tell(&d->options.ready_fd, line) && d->dev.created) ||
	    (!tell(&d->waiting, line) && d->dev.created))
		return fail_start(d, "whoever started it has gone");
	end_cleaner(d, false);
	notify_manager("READY=1");
	serve(d);
	notify_manager("STOPPING=1");
	return 0;
}

int main(int argc, char **argv)
{
	static struct daemon d = { .rt = RUNTIME_INIT, .waiting = -1, .cleaner = -1, .loop.epfd = -1 };
	struct err err;
	int status;

	umask(077);
	device_init(&d.dev);
	control_clear(&d.control);
	if (options_parse(&d.options, argc, argv, &err)) {
		log_init(NULL, false);
		log_error("%s", err.text);
		options_free(&d.options);
		return 2;
	}
	if (d.options.mode == MODE_HELP) {
		fputs(options_help(), stdout);
		return fflush(stdout) ? 1 : 0;
	}
	if (d.options.mode == MODE_VERSION) {
		puts("vdused " PACKAGE_VERSION);
		return fflush(stdout) ? 1 : 0;
	}
	log_init(d.options.name, false);
	status = d.options.check ? check(&d) : run(&d);
	control_fini(&d.control);
	if (d.control.destroyed) {
		runtime_remove(&d.rt);
		runtime_remove_memory(&d.rt);
	}
	device_close(&d.dev);
	loop_fini(&d.loop);
	runtime_close(&d.rt);
	free(d.saved);
	options_free(&d.options);
	return status;
}
