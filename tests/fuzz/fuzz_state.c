/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any octets as a state file: read, validated, planned for a host without
 * devices, told in both forms and written again.  What is accepted and written
 * must be accepted again.  Nothing is printed (linked with --wrap=write).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/sink.h"
#include "tests/unit/fake_kernel.h"
#include "vdpactl/json_dl.h"
#include "vdpactl/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void plan(struct app *app, struct state *state)
{
	const struct apply_options o = { .file = "f", .prune = true };
	const struct state_host host = { 0 };
	struct plan p;

	if (state_plan(app, &o, state, &host, &p))
		return;
	for (size_t i = 0; i < p.size; i++) {
		if (p.items[i].action != PLAN_ADD)
			abort();
	}
	app->opt.json = false;
	plan_print(app, &p, true);
	strbuf_clear(&app->out);
	app->opt.json = true;
	json_out_init(&app->json, &app->out, false);
	json_out_begin(&app->json, NULL);
	plan_print(app, &p, true);
	strbuf_clear(&app->out);
	plan_free(&p);
}

static bool has_names(const struct state *state)
{
	for (size_t i = 0; i < state->n_devices; i++) {
		if (state->devices[i].features_text)
			return true;
	}
	return false;
}

static void write_again(struct app *app, const struct state *state)
{
	struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	struct state again;

	state_write(&first, state);
	if (state_parse(app, "f", first.s, first.len, &again))
		abort();
	state_write(&second, &again);
	if (first.len != second.len || memcmp(first.s, second.s, first.len))
		abort();
	state_free(&again);
	strbuf_free(&first);
	strbuf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake *k = fake_new_usual();
	char *text = malloc(size + 1);
	struct state state;
	struct app app;

	app_init(&app, "vdpactl");
	app.ctx = fake_ctx(k);
	app.opt.json = true;
	memcpy(text, data, size);
	/* Behind the text stands what must not be read. */
	text = realloc(text, size ? size : 1);
	if (!state_parse(&app, "f", text, size, &state)) {
		/* Names of features become a word where their parent is. */
		if (!has_names(&state))
			write_again(&app, &state);
		plan(&app, &state);
		state_free(&state);
	}
	free(text);
	app_close(&app);
	fake_free(k);
	return 0;
}
