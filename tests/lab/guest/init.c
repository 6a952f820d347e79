// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's process 1: host's root under an overlay, modules, parents, then one command.
 *
 * Everything it is told stands in /job, NUL-terminated KEY=VALUE records in the order of use:
 *   release, modules    kernel release and the directory that becomes /lib/modules/RELEASE
 *   bind                file or directory that a tmpfs would hide and that stays visible (see mount_tmpfs)
 *   share               the host's writable directory, at the same path
 *   keep                file or link that is read again and again, to be copied into memory; repeats
 *   load                comma list: "standard" (the list in /modules/standard) or names for modprobe
 *   parents             comma list: ifcvf, vp_vdpa, mlx5
 *   cwd, env, arg       of the command; env and arg repeat
 *   tty                 "ROWS COLS": command on /dev/hvc0 in place of the ports
 *
 * What it says goes through three virtio-serial ports named out, err and status. The host's end of a port
 * is a file behind a device without ioeventfd, so a write(2) that returned is in the host's file:
 * leaving right after the last write loses nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define ROOT "/root"

struct job job;
static int status_port = -1;

_Noreturn void leave(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "b", 1) != 1)
		syscall(SYS_reboot, 0xfee1dead, 672274793, 0x01234567, NULL);
	for (;;)
		pause();
}

void report(const char *format, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	/* Before the port exists only the console is left, and the host takes a missing status for a failure. */
	if (write(status_port < 0 ? STDERR_FILENO : status_port, line, (size_t)n) != n)
		leave();
}

static void must_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
	if (mount(source, target, type, flags, data) < 0)
		die("cannot mount %s on %s: %s", type ? type : source, target, strerror(errno));
}

static void make_dirs(const char *path)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	mkdir(copy, 0755);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, strlen(text));
	int saved = errno;
	close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

static char *read_all(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t done = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("cannot open %s: %s", path, strerror(errno));
	char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		die("no memory for %s", path);
	while (done < (size_t)st.st_size) {
		ssize_t n = read(fd, text + done, (size_t)st.st_size - done);
		if (n <= 0)
			die("cannot read %s", path);
		done += (size_t)n;
	}
	close(fd);
	text[done] = '\0';
	*size = done;
	return text;
}

static void read_job(void)
{
	size_t size;
	char *text = read_all("/job", &size);
	const struct {
		const char *key;
		const char **slot;
	} single[] = {
		{ "release", &job.release }, { "modules", &job.modules }, { "share", &job.share }, { "load", &job.load },
		{ "parents", &job.parents }, { "cwd", &job.cwd },	  { "tty", &job.tty },
	};

	for (char *p = text; p < text + size; p += strlen(p) + 1) {
		char *next = p + strlen(p), *value = strchr(p, '=');

		if (!value)
			die("bad record in the job: %s", p);
		*value++ = '\0';
		for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
			if (!strcmp(p, single[i].key))
				*single[i].slot = value;
		if (!strcmp(p, "bind") && job.binds < sizeof(job.bind) / sizeof(job.bind[0]))
			job.bind[job.binds++] = value;
		else if (!strcmp(p, "keep") && job.keeps < MAX_ITEMS)
			job.keep[job.keeps++] = value;
		else if (!strcmp(p, "env") && job.envs < MAX_ITEMS)
			job.env[job.envs++] = value;
		else if (!strcmp(p, "arg") && job.args < MAX_ITEMS)
			job.arg[job.args++] = value;
		p = next;
	}
	if (!job.release || !job.modules || !job.cwd || !job.args)
		die("the job lacks a record");
}

/* Loads the modules named by the lines of LIST, from the initramfs, in that order. */
static void load_list(const char *list)
{
	size_t size;
	char *text = read_all(list, &size), *save = NULL, path[256];

	for (char *name = strtok_r(text, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		snprintf(path, sizeof(path), "/modules/%s.ko", name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			die("cannot load module %s: %s", name, strerror(errno));
		close(fd);
	}
	free(text);
}

static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, word, n) && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

static int open_port(const char *name, int flags)
{
	char path[300], text[64];
	DIR *dir = opendir("/sys/class/virtio-ports");

	for (struct dirent *e; dir && (e = readdir(dir));) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			continue;
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (strcmp(text, name) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		closedir(dir);
		return open(path, flags | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return -1;
}

/* Ports are announced by control messages after the driver is there: they may come a moment later. */
int wait_port(const char *name)
{
	for (int i = 0; i < 2000; i++) {
		int fd = open_port(name, O_WRONLY);
		if (fd >= 0)
			return fd;
		usleep(5000);
	}
	return -1;
}

/*
 * A tmpfs goes over /tmp and /run. What job.bind names there (the caller's working directory, the checkout and
 * the like) is put back on top, as the overlay shows it.
 */
static void mount_tmpfs(const char *where, const char *mode)
{
	char from[4096], to[4096], path[64];
	size_t n = strlen(where);

	snprintf(path, sizeof(path), ROOT "%s", where);
	must_mount(path, "/hidden", NULL, MS_BIND, NULL);
	must_mount("tmpfs", path, "tmpfs", 0, mode);
	for (size_t i = 0; i < job.binds; i++) {
		if (strncmp(job.bind[i], where, n) != 0 || job.bind[i][n] != '/')
			continue;
		snprintf(from, sizeof(from), "/hidden%s", job.bind[i] + n);
		snprintf(to, sizeof(to), ROOT "%s", job.bind[i]);
		struct stat st;
		if (stat(from, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			mkdir(to, 0755);
		else
			close(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		must_mount(from, to, NULL, MS_BIND, NULL);
	}
	umount2("/hidden", MNT_DETACH);
}

static void mount_root(void)
{
	char path[4096];

	must_mount("root", "/lower", "9p", MS_RDONLY, "trans=virtio,version=9p2000.L,msize=262144,cache=loose");
	must_mount("tmpfs", "/upper", "tmpfs", 0, "mode=755");
	mkdir("/upper/data", 0755);
	mkdir("/upper/work", 0755);
	must_mount("overlay", ROOT, "overlay", 0, "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work");
	/* Before any tmpfs: the cache may lie below /tmp. */
	snprintf(path, sizeof(path), ROOT "/lib/modules/%s", job.release);
	make_dirs(path);
	char *from;
	if (asprintf(&from, ROOT "%s", job.modules) < 0)
		die("no memory");
	must_mount(from, path, NULL, MS_BIND, NULL);
	free(from);
	mount_tmpfs("/tmp", "mode=1777");
	mount_tmpfs("/run", "mode=755");
	if (job.share) {
		snprintf(path, sizeof(path), ROOT "%s", job.share);
		make_dirs(path);
		must_mount("share", path, "9p", 0, "trans=virtio,version=9p2000.L,msize=262144,cache=mmap");
	}
	for (const char *const *p = (const char *const[]){ "/proc", "/sys", "/dev", NULL }; *p; p++) {
		snprintf(path, sizeof(path), ROOT "%s", *p);
		make_dirs(path);
		must_mount(*p, path, NULL, MS_MOVE, NULL);
	}
	if (chdir(ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		die("cannot enter the root: %s", strerror(errno));
}

static void finish_root(void)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	must_mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666,mode=620");
	must_mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	const char *const links[][2] = { { "/proc/self/fd", "/dev/fd" },
					 { "/proc/self/fd/0", "/dev/stdin" },
					 { "/proc/self/fd/1", "/dev/stdout" },
					 { "/proc/self/fd/2", "/dev/stderr" } };
	for (size_t i = 0; i < 4; i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			die("cannot make %s: %s", links[i][1], strerror(errno));
	mkdir("/run/lock", 01777);
	if (sethostname("lab", 3) < 0 || s < 0 || ioctl(s, SIOCSIFFLAGS, &lo) < 0)
		die("cannot set the host name or bring lo up: %s", strerror(errno));
	close(s);
}

/* Each opening of a host's file is three requests to the host, and each link on the way is another. The overlay copies
 * a file whose owner is set, be it the same. */
static void keep_files(void)
{
	struct stat st;

	for (size_t i = 0; i < job.keeps; i++)
		if (lstat(job.keep[i], &st) < 0 || lchown(job.keep[i], st.st_uid, st.st_gid) < 0)
			die("cannot keep %s: %s", job.keep[i], strerror(errno));
}

/* Tests act as other users, too, from a tree that may lie in root's home: in the overlay they get there. */
static void open_way(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/", dir);
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (job.share && !strcmp(path, job.share))
			return; /* the host's own */
		if (!stat(path, &st) && !(st.st_mode & S_IXOTH) && chmod(path, (st.st_mode | S_IXOTH) & 07777) < 0)
			die("cannot open the way to %s: %s", dir, strerror(errno));
		*p = '/';
	}
}

static void run_modprobe(const char *name, const char *first, const char *second)
{
	const char *const argv[] = { "modprobe", "--", name, first, second, NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die("modprobe %s failed", name);
}

static void load_modules(void)
{
	char names[1024], *save = NULL;

	snprintf(names, sizeof(names), "%s", job.load ? job.load : "");
	for (char *name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save))
		if (strcmp(name, "standard") != 0)
			run_modprobe(name, NULL, NULL);
}

static void bind_pci(const char *address, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", address);
	write_file(path, address);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
	if (write_file(path, driver) < 0 || write_file("/sys/bus/pci/drivers_probe", address) < 0)
		die("cannot bind %s to %s: %s", address, driver, strerror(errno));
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/%s", driver, address);
	if (access(path, F_OK) < 0)
		die("%s did not take %s", driver, address);
}

static void make_parents(void)
{
	if (listed(job.parents, "ifcvf")) {
		run_modprobe("ifcvf", NULL, NULL);
		bind_pci("0000:00:0a.0", "ifcvf");
	}
	if (listed(job.parents, "vp_vdpa")) {
		run_modprobe("vp_vdpa", NULL, NULL);
		bind_pci("0000:00:0b.0", "vp-vdpa");
	}
	if (listed(job.parents, "mlx5"))
		run_modprobe("mlx5_standin", "pci=0000:03:00.2", "sf_pf=0000:03:00.0");
}

static void sync_share(void)
{
	int fd = job.share ? open(job.share, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		syncfs(fd);
}

int main(void)
{
	for (const char *const *p = (const char *const[]){ "/proc", "/sys", "/dev", "/lower", "/upper", "/hidden", ROOT, NULL }; *p; p++)
		mkdir(*p, 0755);
	must_mount("devtmpfs", "/dev", "devtmpfs", 0, "mode=755");
	int console = open("/dev/console", O_RDWR);
	for (int fd = 0; console >= 0 && fd < 3; fd++)
		dup2(console, fd);
	must_mount("proc", "/proc", "proc", 0, NULL);
	must_mount("sysfs", "/sys", "sysfs", 0, NULL);
	status_port = wait_port("status");
	if (status_port < 0)
		die("no status port");
	report("booted\n");
	read_job();
	load_list("/modules/boot");
	if (listed(job.load, "standard"))
		load_list("/modules/standard");
	mount_root();
	finish_root();
	open_way(job.cwd);
	keep_files();
	for (size_t i = 0; i < job.envs; i++)
		putenv(job.env[i]);
	load_modules();
	make_parents();
	report("started\n");
	int code = run_command();
	sync_share();
	report("exit %d\n", code);
	leave();
}
