/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/strbuf.h"
#include "internal.h"

static void error_release(struct vdpa_error *err)
{
	free(err->message);
	free(err->extack);
	free(err->hint);
	free(err);
}

struct vdpa_error *vdpa_error_ref(const struct vdpa_error *err)
{
	struct vdpa_error *e = (struct vdpa_error *)err;

	if (e)
		atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

DEFINE_UNREF(vdpa_error, error_release)

struct vdpa_error *error_new(int errnum, const char *message, const char *extack)
{
	struct vdpa_error *err = calloc(1, sizeof(*err));

	if (!err)
		return NULL;
	atomic_init(&err->refs, 1);
	err->errnum = errnum;
	err->message = message ? strdup(message) : NULL;
	err->extack = extack ? strdup(extack) : NULL;
	return err;
}

/* What is left to say when there is no memory for an error; its own reference is never dropped. */
static struct vdpa_error out_of_memory = { .refs = 1, .errnum = ENOMEM, .local = true };

int ctx_set_error(struct vdpa_ctx *ctx, struct vdpa_error *err)
{
	vdpa_error_unref(ctx->error);
	ctx->error = err ? err : vdpa_error_ref(&out_of_memory);
	return -ctx->error->errnum;
}

void error_mark_lost(struct vdpa_error *err)
{
	if (err == &out_of_memory)
		return;
	err->local = false;
	err->lost = true;
}

const char *errno_text(int errnum)
{
	const char *s = strerrordesc_np(errnum);

	return s ? s : "unknown error";
}

int ctx_fail(struct vdpa_ctx *ctx, int errnum, const char *fmt, ...)
{
	CLEANUP(strbuf_free) struct strbuf sb = STRBUF_INIT;
	struct vdpa_error *err;
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&sb, fmt, ap);
	va_end(ap);
	err = error_new(errnum, sb.s, NULL);
	if (err)
		err->local = true;
	errnum = ctx_set_error(ctx, err);
	errno = saved;
	return errnum;
}

__attribute__((format(printf, 2, 0))) static void set_hint(struct vdpa_error *err, const char *fmt,
							   va_list ap)
{
	struct strbuf sb = STRBUF_INIT;

	if (!err || err == &out_of_memory)
		return;
	strbuf_addv(&sb, fmt, ap);
	free(err->hint);
	err->hint = strbuf_take(&sb);
}

void error_hint(struct vdpa_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_hint(err, fmt, ap);
	va_end(ap);
}

void ctx_hint(struct vdpa_ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_hint(ctx->error, fmt, ap);
	va_end(ap);
}

int vdpa_error_get_errno(const struct vdpa_error *err)
{
	return err->errnum;
}

const char *vdpa_error_get_message(const struct vdpa_error *err)
{
	return err->message ? err->message : errno_text(err->errnum);
}

const char *vdpa_error_get_extack(const struct vdpa_error *err)
{
	return err->extack;
}

const char *vdpa_error_get_hint(const struct vdpa_error *err)
{
	return err->hint;
}

unsigned int vdpa_error_get_attr(const struct vdpa_error *err)
{
	return err->attr;
}

bool vdpa_error_is_local(const struct vdpa_error *err)
{
	return err->local;
}
