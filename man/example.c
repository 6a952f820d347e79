// SPDX-License-Identifier: GPL-2.0-or-later
/* example [MAC [MTU]]: makes a simulated net device, shows what there is, deletes it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vdpamgmt.h>

#define NAME "example0"

/* r is what a call returned; one that takes no context leaves no error in one. */
static void print_error(const struct vdpa_ctx *ctx, int r)
{
	const struct vdpa_error *err = ctx ? vdpa_ctx_get_error(ctx) : NULL;

	if (!err || vdpa_error_get_errno(err) != -r) {
		fprintf(stderr, "error: %s\n", strerror(-r));
		return;
	}
	fprintf(stderr, "error: %s\n", vdpa_error_get_message(err));
	if (vdpa_error_get_extack(err))
		fprintf(stderr, "kernel: %s\n", vdpa_error_get_extack(err));
	if (vdpa_error_get_hint(err))
		fprintf(stderr, "hint: %s\n", vdpa_error_get_hint(err));
}

static int list_parents(struct vdpa_ctx *ctx)
{
	struct vdpa_mgmtdev_list *list;
	uint32_t max_vqs;
	int r = vdpa_mgmtdev_list(ctx, &list);

	if (r < 0)
		return r;
	for (size_t i = 0; i < vdpa_mgmtdev_list_get_size(list); i++) {
		const struct vdpa_mgmtdev *m = vdpa_mgmtdev_list_get(list, i);

		printf("parent %s", vdpa_mgmtdev_get_handle(m));
		if (vdpa_mgmtdev_get_max_vqs(m, &max_vqs))
			printf(", up to %" PRIu32 " virtqueues", max_vqs);
		printf("\n");
	}
	vdpa_mgmtdev_list_unref(list);
	return 0;
}

static int add(struct vdpa_ctx *ctx, const char *mac, const char *mtu)
{
	struct vdpa_spec *spec;
	uint8_t o[6];
	int r = vdpa_spec_new(&spec);

	if (r < 0)
		return r;
	r = vdpa_spec_set_name(spec, NAME);
	if (r == 0)
		r = vdpa_spec_set_mgmtdev(spec, "vdpasim_net");
	if (r == 0 && mac) {
		if (sscanf(mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &o[0], &o[1], &o[2], &o[3],
			   &o[4], &o[5]) == 6)
			vdpa_spec_set_mac(spec, o);
		else
			r = -EINVAL;
	}
	if (mtu)
		vdpa_spec_set_mtu(spec, (uint16_t)strtoul(mtu, NULL, 10));
	if (r == 0)
		r = vdpa_dev_add(ctx, spec, 0);
	vdpa_spec_unref(spec);
	return r;
}

static int list_devices(struct vdpa_ctx *ctx)
{
	struct vdpa_config_list *list;
	uint8_t mac[6];
	uint16_t mtu;
	int r = vdpa_config_list(ctx, &list);

	if (r < 0)
		return r;
	for (size_t i = 0; i < vdpa_config_list_get_size(list); i++) {
		const struct vdpa_config *c = vdpa_config_list_get(list, i);
		const struct vdpa_error *err = vdpa_config_get_error(c);

		printf("device %s", vdpa_config_get_name(c));
		if (err)
			printf(", %s", vdpa_error_get_message(err));
		if (vdpa_config_get_mac(c, mac))
			printf(", MAC %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
			       mac[3], mac[4], mac[5]);
		if (vdpa_config_get_mtu(c, &mtu))
			printf(", MTU %u", mtu);
		printf("\n");
	}
	vdpa_config_list_unref(list);
	return 0;
}

int main(int argc, char **argv)
{
	struct vdpa_ctx *ctx = NULL;
	int r = vdpa_ctx_new(&ctx);

	if (r == 0)
		r = list_parents(ctx);
	if (r == 0)
		r = add(ctx, argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL);
	if (r == 0) {
		r = list_devices(ctx);
		if (r < 0)
			print_error(ctx, r);
		r = vdpa_dev_del(ctx, NAME, 0);
	}
	if (r < 0)
		print_error(ctx, r);
	vdpa_ctx_unref(ctx);
	return r < 0;
}
