/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DEFINE_LIST(type): the public struct type##_list, an array that owns one
 * reference to each element, with type##_list_get_size, _get and _unref, and
 * the internal _new, _push (takes the reference over, also when it fails), _clear
 * and _keep (drops the elements whose flag is false).
 */
#ifndef LIBVDPAMGMT_LIST_H
#define LIBVDPAMGMT_LIST_H

#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define DEFINE_LIST(type)                                                                 \
	struct type##_list {                                                              \
		atomic_uint refs;                                                         \
		struct type **v;                                                          \
		size_t n, cap;                                                            \
	};                                                                                \
	static void type##_list_clear(struct type##_list *l)                              \
	{                                                                                 \
		while (l->n)                                                              \
			type##_unref(l->v[--l->n]);                                       \
	}                                                                                 \
	static void type##_list_release(struct type##_list *l)                            \
	{                                                                                 \
		type##_list_clear(l);                                                     \
		free(l->v);                                                               \
		free(l);                                                                  \
	}                                                                                 \
	DEFINE_UNREF(type##_list, type##_list_release)                                    \
	static struct type##_list *type##_list_new(void)                                  \
	{                                                                                 \
		struct type##_list *l = calloc(1, sizeof(*l));                            \
		if (l)                                                                    \
			atomic_init(&l->refs, 1);                                         \
		return l;                                                                 \
	}                                                                                 \
	static int type##_list_push(struct type##_list *l, struct type *o)                \
	{                                                                                 \
		if (o && l->n == l->cap) {                                                \
			size_t cap = l->cap ? l->cap * 2 : 16;                            \
			struct type **v = reallocarray(l->v, cap, sizeof(struct type *)); \
			if (!v) {                                                         \
				type##_unref(o);                                          \
				return -ENOMEM;                                           \
			}                                                                 \
			l->v = v;                                                         \
			l->cap = cap;                                                     \
		}                                                                         \
		if (!o)                                                                   \
			return -ENOMEM;                                                   \
		l->v[l->n++] = o;                                                         \
		return 0;                                                                 \
	}                                                                                 \
	__attribute__((unused)) static void type##_list_keep(struct type##_list *l,       \
							     const bool *keep)            \
	{                                                                                 \
		size_t n = 0;                                                             \
		for (size_t i = 0; i < l->n; i++) {                                       \
			if (keep[i])                                                      \
				l->v[n++] = l->v[i];                                      \
			else                                                              \
				type##_unref(l->v[i]);                                    \
		}                                                                         \
		l->n = n;                                                                 \
	}                                                                                 \
	size_t type##_list_get_size(const struct type##_list *l)                          \
	{                                                                                 \
		return l->n;                                                              \
	}                                                                                 \
	struct type *type##_list_get(const struct type##_list *l, size_t i)               \
	{                                                                                 \
		return i < l->n ? l->v[i] : NULL;                                         \
	}

#endif
