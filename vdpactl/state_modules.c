// SPDX-License-Identifier: GPL-2.0-or-later
/* What has to be there before devices can be made: modules, parents. */
#include <errno.h>
#include <string.h>

#include "bind.h"
#include "state.h"
#include "vduse.h"

#define MODULES_MAX 16
#define POLL_MS 200
/* Parents mostly come together. */
#define SETTLE_MS 1000

/* ---- modules ---- */

struct modules {
	const char *argv[3 + MODULES_MAX + 1];
	size_t n;
};

static const struct modules no_modules = { .argv = { "modprobe", "-q", "-a" } };

static void want_module(struct modules *m, const char *module)
{
	char path[128];

	for (size_t i = 3; i < 3 + m->n; i++) {
		if (!strcmp(m->argv[i], module))
			return;
	}
	snprintf(path, sizeof(path), "/sys/module/%s", module);
	if (m->n < MODULES_MAX && access(path, F_OK) < 0)
		m->argv[3 + m->n++] = module;
}

static void want_driver(struct modules *m, struct modules *drivers, const char *driver)
{
	if (!driver || !strcmp(driver, "none"))
		return;
	if (!bind_has_driver("vdpa", driver))
		want_module(drivers, driver);
	if (strcmp(driver, "virtio_vdpa"))
		return;
	/* Which of them is known when the device is there; a distribution has both as modules or built in. */
	if (!bind_has_driver("virtio", "virtio_net"))
		want_module(m, "virtio_net");
	if (!bind_has_driver("virtio", "virtio_blk"))
		want_module(m, "virtio_blk");
}

void state_load_modules(struct app *app, const struct state *state, int timeout_ms)
{
	struct modules m = no_modules, drivers = no_modules;
	int64_t end = app_now_ms() + timeout_ms;
	const char *last = "";

	if (geteuid() != 0)
		return;
	if (access("/sys/bus/vdpa", F_OK) < 0)
		want_module(&drivers, "vdpa");
	for (size_t i = 0; i < state->n_devices; i++) {
		const struct state_device *d = &state->devices[i];
		const char *module;

		want_driver(&m, &drivers, d->driver);
		if (!strcmp(last, d->mgmtdev))
			continue;
		last = d->mgmtdev;
		module = vdpa_parent_get_module(app->ctx, last);
		if (module)
			want_module(&m, module);
	}
	if (state->n_vduse)
		want_module(&m, "vduse");
	for (size_t i = 0; i < state->n_vduse; i++)
		want_driver(&m, &drivers, state->vduse[i].driver);
	if (drivers.n)
		(void)!bind_modprobe_drivers(app, drivers.argv, timeout_ms);
	timeout_ms = (int)(end - app_now_ms());
	if (m.n && timeout_ms > 0)
		(void)bind_modprobe(app, m.argv, timeout_ms);
}

/* ---- parents ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The handles that the state names, each once; the array is the caller's. */
static const char **named_parents(const struct state *state, size_t *n)
{
	const char **handles = calloc(state->n_devices + 1, sizeof(*handles));
	size_t kept = 0;

	for (size_t i = 0; handles && i < state->n_devices; i++)
		handles[i] = state->devices[i].mgmtdev;
	if (handles)
		qsort(handles, state->n_devices, sizeof(*handles), compare);
	for (size_t i = 0; handles && i < state->n_devices; i++) {
		if (!kept || strcmp(handles[kept - 1], handles[i]))
			handles[kept++] = handles[i];
	}
	*n = kept;
	return handles;
}

/* Takes those that are there out of the array; how many are left, or -1 after a report. */
static long drop_present(struct app *app, const char **handles, size_t n)
{
	CLEANUP(cleanup_vdpa_mgmtdev_list_unref_cb) struct vdpa_mgmtdev_list *list = NULL;
	int r = vdpa_mgmtdev_list(app->ctx, &list);

	/* The module of the family itself may come late, too. */
	if (r == -EPROTONOSUPPORT)
		return (long)n;
	if (r < 0) {
		diag_ctx(app, NULL);
		return -1;
	}
	for (size_t i = 0; i < vdpa_mgmtdev_list_get_size(list) && n; i++) {
		const char *handle = vdpa_mgmtdev_get_handle(vdpa_mgmtdev_list_get(list, i));
		const char **hit = bsearch(&handle, handles, n, sizeof(*handles), compare);

		if (!hit)
			continue;
		memmove(hit, hit + 1, (size_t)(handles + n - hit - 1) * sizeof(*handles));
		n--;
	}
	return (long)n;
}

static bool is_waited_for(const char **handles, size_t n, const struct state_device *d)
{
	const char *handle = d->mgmtdev;

	return n && bsearch(&handle, handles, n, sizeof(*handles), compare);
}

enum status state_split_ready(struct app *app, struct state *state, size_t *n)
{
	CLEANUP_FREE const char **handles = NULL;
	CLEANUP_FREE struct state_device *late = NULL;
	size_t n_handles, n_late = 0;
	long left;

	*n = 0;
	handles = named_parents(state, &n_handles);
	late = calloc(state->n_devices + 1, sizeof(*late));
	if (!handles || !late)
		return diag_error(app, NULL, NULL, NULL);
	left = drop_present(app, handles, n_handles);
	if (left < 0)
		return ST_ERROR;
	for (size_t i = 0; i < state->n_devices; i++) {
		const struct state_device *d = &state->devices[i];

		if (is_waited_for(handles, (size_t)left, d))
			late[n_late++] = *d;
		else
			state->devices[(*n)++] = *d;
	}
	memcpy(state->devices + *n, late, n_late * sizeof(*late));
	return ST_OK;
}

/* The kernel has no event for them. */
enum status state_wait_parents(struct app *app, const struct state *state, int64_t end)
{
	CLEANUP_FREE const char **handles = NULL;
	int64_t came = INT64_MAX; /* the last one that did */
	size_t n;

	handles = named_parents(state, &n);
	if (!handles)
		return diag_error(app, NULL, NULL, NULL);
	while (n) {
		long missing = drop_present(app, handles, n);
		int64_t now = app_now_ms(), left;

		if (missing < 0)
			return ST_ERROR;
		if ((size_t)missing < n)
			came = now;
		n = (size_t)missing;
		if (!n || now >= end || now - SETTLE_MS >= came || vduse_interrupted(app))
			break;
		app_nap_ms(POLL_MS);
		left = end - app_now_ms();
		if (left > BIND_MODPROBE_MS)
			left = BIND_MODPROBE_MS;
		if (left > 0)
			state_load_modules(app, state, (int)left);
	}
	return ST_OK;
}
