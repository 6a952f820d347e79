// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "args.h"
#include "bind.h"
#include "common/conf.h"
#include "common/parse.h"

#define DEV_DIR "/dev"
#define TOP_DIR "vdpa"
#define NAMES_DIR "by-name"
#define UP "../../" /* from there to DEV_DIR */
#define TARGET_MAX 256

/* As the kernel makes it, root's in all. */
#define NEW_MODE 0600

#define LOCK_FILE BIND_LOCK_DIR "/link.lock"
#define LOCK_MS 5000

/* ---- owners ---- */

static bool parse_mode(const char *text, mode_t *mode)
{
	unsigned int m = 0;

	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '7' || m > 0777)
			return false;
		m = m * 8 + (unsigned int)(*p - '0');
	}
	*mode = m;
	return *text && m <= 0777;
}

static bool parse_user(const char *text, uid_t *uid)
{
	const struct passwd *pw = getpwnam(text);
	uint64_t n;

	if (!pw && parse_dec(text, UINT32_MAX - 1, &n) < 0)
		return false;
	*uid = pw ? pw->pw_uid : (uid_t)n;
	return true;
}

static bool parse_group(const char *text, gid_t *gid)
{
	const struct group *gr = getgrnam(text);
	uint64_t n;

	if (!gr && parse_dec(text, UINT32_MAX - 1, &n) < 0)
		return false;
	*gid = gr ? gr->gr_gid : (gid_t)n;
	return true;
}

const char *link_owner_set(struct link_owner *o, const char *key, const char *text)
{
	if (!strcmp(key, "owner")) {
		o->has_uid = parse_user(text, &o->uid);
		return o->has_uid ? NULL : "the name or number of a user";
	}
	if (!strcmp(key, "group")) {
		o->has_gid = parse_group(text, &o->gid);
		return o->has_gid ? NULL : "the name or number of a group";
	}
	o->has_mode = parse_mode(text, &o->mode);
	return o->has_mode ? NULL : "an octal number from 0 to 777";
}

enum status link_owner_of_args(struct app *app, const struct args *args, struct link_owner *owner)
{
	const struct {
		uint64_t has;
		const char *key;
		const char *text;
	} words[] = {
		{ HAS_OWNER, "owner", args->link.owner },
		{ HAS_GROUP, "group", args->link.group },
		{ HAS_MODE, "mode", args->link.mode },
	};

	*owner = (struct link_owner){ 0 };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *expected;

		if (!(args->has & words[i].has))
			continue;
		expected = link_owner_set(owner, words[i].key, words[i].text);
		if (expected)
			return diag_usage(app, "%s: %s \"%s\" is not %s", app->path, words[i].key,
					  words[i].text, expected);
	}
	return ST_OK;
}

void link_owner_fill(struct link_owner *owner, const struct link_owner *more)
{
	if (!owner->has_uid)
		owner->uid = more->uid;
	if (!owner->has_gid)
		owner->gid = more->gid;
	if (!owner->has_mode)
		owner->mode = more->mode;
	owner->has_uid |= more->has_uid;
	owner->has_gid |= more->has_gid;
	owner->has_mode |= more->has_mode;
}

static bool is_given(const struct link_owner *o, const char *key)
{
	return *key == 'o' ? o->has_uid : *key == 'g' ? o->has_gid : o->has_mode;
}

enum status link_owner_of_conf(struct app *app, struct link_owner *owner)
{
	CLEANUP(conf_free) struct conf conf = CONF_INIT;
	const char *key, *value;
	int r = conf_read(&conf, LINK_CONF);

	if (r == -ENOENT || r == -ENOTDIR)
		return ST_OK;
	if (r < 0)
		return diag_fail(app, NULL, -r, NULL, "cannot read %s: %s", LINK_CONF,
				 strerror(-r));
	while (conf_next(&conf, &key, &value)) {
		const char *expected;

		if (strcmp(key, "owner") && strcmp(key, "group") && strcmp(key, "mode"))
			return diag_fail(app, NULL, EINVAL, "expected owner, group or mode",
					 "%s:%u: \"%s\" is not known", LINK_CONF, conf.line, key);
		if (is_given(owner, key))
			continue;
		expected = link_owner_set(owner, key, value);
		if (expected)
			return diag_fail(app, NULL, EINVAL, NULL, "%s:%u: %s \"%s\" is not %s",
					 LINK_CONF, conf.line, key, value, expected);
	}
	return ST_OK;
}

/* ---- the node ---- */

/* What sysfs says about the device's char device. */
struct node {
	char name[32]; /* "vhost-vdpa-N" */
	dev_t number;
};

/* 0, -ENODEV (no such device) or -ENXIO (no char device). */
static int find_node(struct app *app, const char *name, struct node *node)
{
	CLEANUP(cleanup_vdpa_sysdev_unref_cb) struct vdpa_sysdev *sysdev = NULL;
	int r = vdpa_sysdev_get(app->ctx, name, &sysdev);
	const char *path;

	if (r < 0)
		return r;
	path = vdpa_sysdev_get_chardev(sysdev);
	if (!path || !vdpa_sysdev_get_chardev_number(sysdev, &node->number))
		return -ENXIO;
	snprintf(node->name, sizeof(node->name), "%s", strrchr(path, '/') + 1);
	return 0;
}

/* The number in a file "MAJOR:MINOR". */
static bool read_number(int dir, const char *entry, dev_t *number)
{
	CLEANUP_CLOSE int fd = -1;
	unsigned int maj, min;
	char path[64], text[32];
	ssize_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s/dev", entry) >= sizeof(path))
		return false;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%u:%u", &maj, &min) != 2)
		return false;
	*number = makedev(maj, min);
	return true;
}

/* Two files, where vdpa_sysdev_get() would read a dozen of each of 10,000 devices. */
void link_owner_read(const char *name, struct link_owner *owner)
{
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	CLEANUP_CLOSEDIR DIR *d = NULL;
	const struct dirent *e;
	char node[64];
	struct stat st;
	dev_t number;

	*owner = (struct link_owner){ 0 };
	strbuf_addf(&path, "/sys/bus/vdpa/devices/%s", name);
	d = path.failed ? NULL : opendir(path.s);
	while (d && (e = readdir(d)) && strncmp(e->d_name, "vhost-vdpa-", 11))
		;
	if (!d || !e || !read_number(dirfd(d), e->d_name, &number) ||
	    (size_t)snprintf(node, sizeof(node), DEV_DIR "/%s", e->d_name) >= sizeof(node) ||
	    lstat(node, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != number)
		return;
	*owner = (struct link_owner){
		.has_uid = true,
		.has_gid = true,
		.has_mode = true,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.mode = st.st_mode & 0777,
	};
}

static enum status fail(struct app *app, const char *name, int errnum, const char *what)
{
	return diag_fail(app, name, errnum,
			 errnum == EPERM || errnum == EACCES ? "this needs root" : NULL,
			 "cannot %s of \"%s\": %s", what, name, strerror(errnum));
}

static int change_mode(int fd, mode_t mode)
{
	char path[40];

	/* fchmod() refuses a descriptor that is nothing but a place. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode);
}

/* fd is the node's, opened with O_PATH. */
static enum status give(struct app *app, const char *name, int fd, const struct link_owner *owner)
{
	uid_t uid = owner->has_uid ? owner->uid : (uid_t)-1;
	gid_t gid = owner->has_gid ? owner->gid : (gid_t)-1;

	if ((owner->has_uid || owner->has_gid) && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return fail(app, name, errno, "change the owner of the char device");
	if (owner->has_mode && change_mode(fd, owner->mode) < 0)
		return fail(app, name, errno, "change the mode of the char device");
	return ST_OK;
}

/*
 * A descriptor of the very device that sysfs tells of, whatever has become of
 * the name meanwhile, or -errno.
 */
static int open_node(int dev, const struct node *node)
{
	CLEANUP_CLOSE int fd = openat(dev, node->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != node->number)
		return -ESTALE;
	r = fd;
	fd = -1;
	return r;
}

/* ---- the link ---- */

static int open_below(int at, const char *name, bool make)
{
	int fd;

	if (make && mkdirat(at, name, 0755) == 0)
		(void)fchmodat(at, name, 0755, 0); /* whatever the umask */
	else if (make && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The directory of links, and the one above it in *top; -errno. */
static int open_names(int dev, bool make, int *top)
{
	*top = open_below(dev, TOP_DIR, make);
	return *top < 0 ? *top : open_below(*top, NAMES_DIR, make);
}

/* Replaces what is there in one step: whoever looks finds one link or the other. */
static int put_link(int dev, const char *name, const struct node *node)
{
	CLEANUP_CLOSE int top = -1;
	CLEANUP_CLOSE int names = open_names(dev, true, &top);
	char target[TARGET_MAX], tmp[32];
	int r = 0;

	if (names < 0)
		return names;
	snprintf(target, sizeof(target), UP "%s", node->name);
	snprintf(tmp, sizeof(tmp), ".link.%d", (int)getpid());
	unlinkat(top, tmp, 0);
	if (symlinkat(target, top, tmp) < 0)
		return -errno;
	if (renameat(top, tmp, names, name) < 0) {
		r = -errno;
		unlinkat(top, tmp, 0);
	}
	return r;
}

/* Where the device's link leads: 0 or -errno. */
static int read_link(int names, const char *name, char target[TARGET_MAX])
{
	ssize_t n = readlinkat(names, name, target, TARGET_MAX - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return 0;
}

static bool leads_to(const char *target, const char *node)
{
	size_t n = strlen(UP);

	return !strncmp(target, UP, n) && !strcmp(target + n, node);
}

/* One of ours, whichever device it leads to. */
static bool is_ours(const char *target)
{
	return !strncmp(target, UP "vhost-vdpa-", strlen(UP "vhost-vdpa-"));
}

static enum status check_name(struct app *app, const char *name)
{
	if (*name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..") &&
	    strlen(name) <= 255)
		return ST_OK;
	return diag_usage(app, "%s: \"%.64s\" cannot be the name of a link", app->path, name);
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/*
 * Did nobody give it to an owner yet?  As the kernel makes it may be what somebody asked for: that one
 * made the link, too, after the node.
 */
static bool is_new(int dev, const char *name, const struct node *node, int fd)
{
	CLEANUP_CLOSE int top = -1;
	CLEANUP_CLOSE int names = open_names(dev, false, &top);
	char target[TARGET_MAX];
	struct stat st, link;

	if (fstat(fd, &st) < 0 || st.st_uid || st.st_gid || (st.st_mode & 07777) != NEW_MODE)
		return false;
	return names < 0 || read_link(names, name, target) < 0 || !leads_to(target, node->name) ||
	       fstatat(names, name, &link, AT_SYMLINK_NOFOLLOW) < 0 ||
	       is_older(&link.st_ctim, &st.st_ctim);
}

static enum status make_link(struct app *app, const char *name, const struct link_owner *owner,
			     bool only_new)
{
	CLEANUP_CLOSE int dev = open(DEV_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_CLOSE int lock = -1;
	struct node node;
	enum status status = check_name(app, name);
	int r;

	if (!status)
		status = app_context(app);
	if (status)
		return status;
	r = find_node(app, name, &node);
	if (r == -ENXIO)
		return diag_fail(app, name, EOPNOTSUPP, "bind it to vhost_vdpa first",
				 "\"%s\" has no char device", name);
	if (r < 0)
		return diag_ctx(app, name);
	fd = dev < 0 ? -errno : open_node(dev, &node);
	if (fd == -ESTALE)
		return diag_fail(app, name, ESTALE, NULL,
				 DEV_DIR "/%s is not the char device %u:%u of \"%s\"", node.name,
				 major(node.number), minor(node.number), name);
	if (fd < 0)
		return fail(app, name, -fd, "find the char device");
	/* Between a look at the owner and what follows from it, nobody else gives; the unprivileged fail below. */
	lock = bind_lock(app, LOCK_FILE, app_limit_ms(app, LOCK_MS));
	if (!only_new || is_new(dev, name, &node, fd))
		status = give(app, name, fd, owner);
	if (status)
		return status;
	r = put_link(dev, name, &node);
	return r < 0 ? fail(app, name, -r, "make the link " LINK_DIR) : ST_OK;
}

enum status link_make(struct app *app, const char *name, const struct link_owner *owner)
{
	return make_link(app, name, owner, false);
}

enum status link_make_new(struct app *app, const char *name, const struct link_owner *owner)
{
	return make_link(app, name, owner, true);
}

enum status link_drop(struct app *app, const char *name)
{
	CLEANUP_CLOSE int dev = open(DEV_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int top = -1;
	CLEANUP_CLOSE int names = dev < 0 ? -errno : open_names(dev, false, &top);
	char target[TARGET_MAX];
	struct node node;
	enum status status = check_name(app, name);
	int r;

	if (!status)
		status = app_context(app);
	if (status)
		return status;
	r = names < 0 ? names : read_link(names, name, target);
	if (r == -ENOENT)
		return ST_OK;
	if (r < 0 && r != -EINVAL)
		return fail(app, name, -r, "read the link " LINK_DIR);
	/* Of a device that has no node any more, every link of ours is a left one. */
	if (!r && find_node(app, name, &node) == 0 ? !leads_to(target, node.name) :
						     r < 0 || !is_ours(target))
		return diag_fail(app, name, EBUSY, NULL,
				 LINK_DIR "/%s does not lead to the char device of \"%s\"", name,
				 name);
	if (unlinkat(names, name, 0) < 0 && errno != ENOENT)
		return fail(app, name, errno, "remove the link " LINK_DIR);
	return ST_OK;
}

void link_tidy(const char *name)
{
	CLEANUP_CLOSE int dev = open(DEV_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int top = -1;
	CLEANUP_CLOSE int names = dev < 0 ? -errno : open_names(dev, false, &top);
	CLEANUP(strbuf_free) struct strbuf path = STRBUF_INIT;
	char target[TARGET_MAX];

	if (names < 0 || strchr(name, '/') || read_link(names, name, target) < 0 ||
	    !is_ours(target))
		return;
	strbuf_addf(&path, "/sys/bus/vdpa/devices/%s/%s", name, target + strlen(UP));
	if (!path.failed && access(path.s, F_OK) < 0 && errno == ENOENT)
		unlinkat(names, name, 0);
}

bool link_find(struct app *app, const char *name, struct strbuf *path)
{
	CLEANUP_CLOSE int dev = open(DEV_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int top = -1;
	CLEANUP_CLOSE int names = dev < 0 ? -errno : open_names(dev, false, &top);
	char target[TARGET_MAX];
	struct node node;

	if (names < 0 || read_link(names, name, target) < 0 || find_node(app, name, &node) < 0 ||
	    !leads_to(target, node.name))
		return false;
	strbuf_addf(path, LINK_DIR "/%s", name);
	return !path->failed;
}
