// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VDUSE device for tests: it exists, answers the kernel's messages and does
 * no I/O.  Prints "ready" once the device can be added to the vdpa bus; on
 * SIGTERM or SIGINT it destroys the device and exits.
 */
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/vduse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ID_FS 26 /* VIRTIO_ID_FS, which old headers name and old kernels refuse */

#define FEATURES_ALWAYS (1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_ACCESS_PLATFORM)

static const char usage[] =
	"Usage: vduse_stub [OPTION]... NAME\n"
	"       vduse_stub --destroy NAME\n"
	"  --type net|block|fs|ID  virtio device ID (default block)\n"
	"  --queues N              number of virtqueues (default 1)\n"
	"  --queue-size N          their size (default 128)\n"
	"  --features HEX          besides VERSION_1 and ACCESS_PLATFORM\n"
	"  --capacity N            sectors of a block device (default 0: nobody reads them)\n"
	"  --mac XX:...            of a net device (default 02:00:00:00:00:01)\n"
	"  --mtu N                 of a net device (default 1500)\n"
	"  --no-vq-setup           leave the virtqueues as they are: not ready\n"
	"  --ignore-messages       never answer\n"
	"  --destroy               only destroy a device that a process left behind\n";

struct stub {
	const char *name;
	uint32_t id;
	uint32_t queues;
	uint16_t queue_size;
	uint64_t features;
	uint64_t capacity;
	uint8_t mac[6];
	uint16_t mtu;
	bool no_vq_setup;
	bool ignore_messages;
	bool destroy;
};

union space {
	struct virtio_blk_config blk;
	struct virtio_net_config net;
	char fs[40]; /* tag[36], le32 number of request queues */
};

/* All values differ, so that a test can tell them apart. The machine is little endian. */
static uint32_t fill_space(const struct stub *s, union space *space)
{
	memset(space, 0, sizeof(*space));
	switch (s->id) {
	case VIRTIO_ID_BLOCK:
		space->blk = (struct virtio_blk_config){
			.capacity = s->capacity,
			.size_max = 65536,
			.seg_max = 62,
			.blk_size = 1024,
			.physical_block_exp = 2,
			.alignment_offset = 1,
			.min_io_size = 8,
			.opt_io_size = 16,
			.num_queues = (uint16_t)s->queues,
			.max_discard_sectors = 2048,
			.max_discard_seg = 3,
			.discard_sector_alignment = 4,
			.max_write_zeroes_sectors = 4096,
			.max_write_zeroes_seg = 5,
		};
		return sizeof(space->blk);
	case VIRTIO_ID_NET:
		space->net.status = VIRTIO_NET_S_LINK_UP;
		space->net.max_virtqueue_pairs = 1;
		space->net.mtu = s->mtu;
		memcpy(space->net.mac, s->mac, sizeof(s->mac));
		return sizeof(space->net);
	default:
		memcpy(space->fs, "stub", 4);
		space->fs[36] = (char)(s->queues - 1);
		return sizeof(space->fs);
	}
}

static uint64_t number(const char *text, int base, uint64_t max)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, base);
	if (errno || end == text || *end || v > max)
		errx(2, "bad number: %s", text);
	return v;
}

static uint32_t device_id(const char *text)
{
	if (strcmp(text, "net") == 0)
		return VIRTIO_ID_NET;
	if (strcmp(text, "block") == 0)
		return VIRTIO_ID_BLOCK;
	if (strcmp(text, "fs") == 0)
		return ID_FS;
	return (uint32_t)number(text, 10, UINT32_MAX);
}

static void parse_mac(const char *text, uint8_t mac[6])
{
	char rest;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5], &rest) != 6)
		errx(2, "bad MAC address: %s", text);
}

static void parse(int argc, char **argv, struct stub *s)
{
	static const struct option options[] = {
		{ "type", required_argument, NULL, 't' },
		{ "queues", required_argument, NULL, 'q' },
		{ "queue-size", required_argument, NULL, 's' },
		{ "features", required_argument, NULL, 'f' },
		{ "capacity", required_argument, NULL, 'c' },
		{ "mac", required_argument, NULL, 'm' },
		{ "mtu", required_argument, NULL, 'u' },
		{ "no-vq-setup", no_argument, NULL, 'n' },
		{ "ignore-messages", no_argument, NULL, 'i' },
		{ "destroy", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 't':
			s->id = device_id(optarg);
			break;
		case 'q':
			s->queues = (uint32_t)number(optarg, 10, UINT16_MAX);
			break;
		case 's':
			s->queue_size = (uint16_t)number(optarg, 10, UINT16_MAX);
			break;
		case 'f':
			s->features |= number(optarg, 16, UINT64_MAX);
			break;
		case 'c':
			s->capacity = number(optarg, 10, UINT64_MAX);
			break;
		case 'm':
			parse_mac(optarg, s->mac);
			break;
		case 'u':
			s->mtu = (uint16_t)number(optarg, 10, UINT16_MAX);
			break;
		case 'n':
			s->no_vq_setup = true;
			break;
		case 'i':
			s->ignore_messages = true;
			break;
		case 'd':
			s->destroy = true;
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (argc - optind != 1 || strlen(argv[optind]) >= VDUSE_NAME_MAX) {
		fputs(usage, stderr);
		exit(2);
	}
	s->name = argv[optind];
}

static void create(int control, const struct stub *s)
{
	struct vduse_dev_config *config;
	union space space;
	uint32_t size = fill_space(s, &space);

	config = calloc(1, sizeof(*config) + size);
	if (!config)
		err(1, "calloc");
	memcpy(config->name, s->name, strlen(s->name));
	config->device_id = s->id;
	config->features = s->features;
	config->vq_num = s->queues;
	config->vq_align = 4096;
	config->config_size = size;
	memcpy(config->config, &space, size);
	if (ioctl(control, VDUSE_CREATE_DEV, config) < 0)
		err(1, "VDUSE_CREATE_DEV %s", s->name);
	free(config);
}

static void destroy(int control, const char *name)
{
	char arg[VDUSE_NAME_MAX] = "";

	memcpy(arg, name, strlen(name));
	if (ioctl(control, VDUSE_DESTROY_DEV, arg) < 0)
		err(1, "VDUSE_DESTROY_DEV %s", name);
}

static int open_device(const struct stub *s)
{
	char path[sizeof("/dev/vduse/") + VDUSE_NAME_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/vduse/%s", s->name);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	for (uint32_t i = 0; i < s->queues && !s->no_vq_setup; i++) {
		struct vduse_vq_config vq = { .index = i, .max_size = s->queue_size };

		if (ioctl(fd, VDUSE_VQ_SETUP, &vq) < 0)
			err(1, "VDUSE_VQ_SETUP %u", i);
	}
	return fd;
}

/* Everything the kernel asks is fine, and a virtqueue starts at index 0. */
static void answer(int fd)
{
	struct vduse_dev_request request;
	struct vduse_dev_response response = { .result = VDUSE_REQ_RESULT_OK };

	if (read(fd, &request, sizeof(request)) != sizeof(request))
		return;
	response.request_id = request.request_id;
	if (request.type == VDUSE_GET_VQ_STATE)
		response.vq_state.index = request.vq_state.index;
	/* ENOENT: the kernel waits no longer. */
	if (write(fd, &response, sizeof(response)) < 0 && errno != ENOENT)
		warn("answer to message %u", request.type);
}

static void serve(int fd, int signals, bool ignore_messages)
{
	struct pollfd p[2] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = ignore_messages ? -1 : fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (p[0].revents)
			return;
		if (p[1].revents & POLLERR)
			p[1].fd = -1; /* broken for good: a message timed out */
		else if (p[1].revents & POLLIN)
			answer(fd);
	}
}

int main(int argc, char **argv)
{
	struct stub s = {
		.id = VIRTIO_ID_BLOCK,
		.queues = 1,
		.queue_size = 128,
		.features = FEATURES_ALWAYS,
		.mac = { 2, 0, 0, 0, 0, 1 },
		.mtu = 1500,
	};
	uint64_t version = 0;
	int control, signals, fd;
	sigset_t set;

	parse(argc, argv, &s);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	control = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	if (signals < 0 || control < 0)
		err(1, "/dev/vduse/control");
	/* To ask first would make this version 1 on Linux 7. */
	if (ioctl(control, VDUSE_SET_API_VERSION, &version) < 0)
		err(1, "VDUSE_SET_API_VERSION");
	if (!s.destroy) {
		create(control, &s);
		fd = open_device(&s);
		puts("ready");
		fflush(stdout);
		serve(fd, signals, s.ignore_messages);
		close(fd);
	}
	destroy(control, s.name);
	return 0;
}
