// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A user of a vhost-vdpa char device for tests, as QEMU is one: opens it,
 * negotiates as far as told, prints "ready" and holds it until it is killed.
 * It gives up by itself after a while: what waits in the kernel for the last
 * one to close the device can't be killed, so a test that fails must not
 * leave it waiting.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATIENCE 30 /* seconds */

static const char usage[] =
	"Usage: vhost_open [OPTION]... /dev/vhost-vdpa-N\n"
	"  --negotiate       go on to FEATURES_OK, with all features that the device offers\n"
	"  --features HEX    the same with those features only\n"
	"  --driver-ok       go on to DRIVER_OK\n"
	"  --fork N          N children have it open too\n";

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

static void set_status(int fd, uint8_t status)
{
	uint8_t now = 0;

	if (ioctl(fd, VHOST_VDPA_SET_STATUS, &status) < 0)
		err(1, "VHOST_VDPA_SET_STATUS %#x", status);
	if (ioctl(fd, VHOST_VDPA_GET_STATUS, &now) < 0 || now != status)
		errx(1, "the device's status is %#x, not %#x", now, status);
}

static void negotiate(int fd, uint64_t mask, bool driver_ok)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	uint64_t features;

	if (ioctl(fd, VHOST_SET_OWNER, NULL) < 0)
		err(1, "VHOST_SET_OWNER");
	set_status(fd, status);
	if (ioctl(fd, VHOST_GET_FEATURES, &features) < 0)
		err(1, "VHOST_GET_FEATURES");
	features &= mask;
	if (ioctl(fd, VHOST_SET_FEATURES, &features) < 0)
		err(1, "VHOST_SET_FEATURES %#llx", (unsigned long long)features);
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	set_status(fd, status);
	if (driver_ok)
		set_status(fd, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "negotiate", no_argument, NULL, 'n' },
		{ "features", required_argument, NULL, 'f' },
		{ "driver-ok", no_argument, NULL, 'd' },
		{ "fork", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	bool negotiates = false, driver_ok = false;
	uint64_t mask = UINT64_MAX, children = 0;
	int c, fd;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			negotiates = true;
			break;
		case 'f':
			negotiates = true;
			mask = number(optarg, 16, UINT64_MAX);
			break;
		case 'd':
			negotiates = driver_ok = true;
			break;
		case 'k':
			children = number(optarg, 10, 1000);
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind != 1) {
		fputs(usage, stderr);
		return 2;
	}
	alarm(PATIENCE);
	fd = open(argv[optind], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", argv[optind]);
	if (negotiates)
		negotiate(fd, mask, driver_ok);
	for (uint64_t i = 0; i < children; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid == 0) {
			alarm(PATIENCE);
			pause();
			_exit(0);
		}
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
