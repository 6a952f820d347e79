/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong with answers, as often as the test says. */
#include "fake_kernel.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

/* ---- plans ---- */

static void plan(struct fake *k, struct fake_plan p)
{
	for (size_t i = 0; i < FAKE_PLANS; i++) {
		if (!k->plans[i].times) {
			k->plans[i] = p;
			return;
		}
	}
	abort();
}

void fake_fault(struct fake *k, unsigned int command, enum fake_fault what, int64_t value,
		unsigned int times)
{
	plan(k, (struct fake_plan){ command, false, (int)what, 0, value, times });
}

void fake_edit(struct fake *k, unsigned int command, enum fake_edit what, unsigned int attr,
	       int64_t value, unsigned int times)
{
	plan(k, (struct fake_plan){ command, true, (int)what, attr, value, times });
}

struct fake_plan *fake_take(struct fake *k, unsigned int command, bool is_edit, int what)
{
	for (size_t i = 0; i < FAKE_PLANS; i++) {
		struct fake_plan *p = &k->plans[i];

		if (p->times && p->command == command && p->is_edit == is_edit && p->what == what) {
			p->times--;
			return p;
		}
	}
	return NULL;
}

static struct fake_plan *take(struct fake *k, unsigned int command, enum fake_fault what)
{
	return fake_take(k, command, false, (int)what);
}

/* ---- datagrams ---- */

static void in_front(struct fake *k, const void *data, size_t len, int err)
{
	struct fake_datagram *d = fake_datagram(data, len, err);

	d->next = k->queue;
	k->queue = d;
}

static void replace_front(struct fake *k, const void *data, size_t len)
{
	struct fake_datagram *d = k->queue;

	k->queue = d->next;
	free(d);
	in_front(k, data, len, 0);
}

/* A longer or shorter first datagram. */
static void resize_front(struct fake *k, size_t len)
{
	uint8_t *buf = fake_alloc(len + 1);

	memcpy(buf, k->queue->data, len < k->queue->len ? len : k->queue->len);
	replace_front(k, buf, len);
	free(buf);
}

static void error_in_place(struct fake *k, int32_t err, size_t payload)
{
	struct nlmsghdr old = *(struct nlmsghdr *)(void *)k->queue->data;
	uint8_t buf[64];
	struct nlmsghdr *nlh = fake_begin(buf, &old, NLMSG_ERROR, NLM_F_CAPPED);
	uint8_t *body = mnl_nlmsg_put_extra_header(nlh, payload);

	memset(body, 0, payload);
	if (payload >= sizeof(err))
		memcpy(body, &err, sizeof(err));
	replace_front(k, buf, nlh->nlmsg_len);
	k->dumping = false;
}

static void append_noop(struct fake *k, size_t len)
{
	size_t at = k->queue->len;
	struct nlmsghdr *nlh;

	resize_front(k, at + len);
	nlh = (void *)(k->queue->data + at);
	nlh->nlmsg_type = NLMSG_NOOP;
	nlh->nlmsg_len = (uint32_t)len;
}

static void late_answer(struct fake *k, uint32_t seq, uint32_t portid)
{
	struct nlmsghdr req = { .nlmsg_seq = seq };
	uint8_t buf[64];
	struct nlmsghdr *nlh = fake_begin(buf, &req, NLMSG_ERROR, NLM_F_CAPPED);

	memset(mnl_nlmsg_put_extra_header(nlh, sizeof(struct nlmsgerr)), 0,
	       sizeof(struct nlmsgerr));
	nlh->nlmsg_pid = portid;
	in_front(k, buf, nlh->nlmsg_len, 0);
}

/* Faults that touch the header of the first message. */
static void damage_header(struct fake *k, unsigned int command)
{
	struct nlmsghdr *nlh = (void *)k->queue->data;
	struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct fake_plan *p;

	if (take(k, command, FAULT_SEQ))
		nlh->nlmsg_seq -= 1;
	if (take(k, command, FAULT_PORTID))
		nlh->nlmsg_pid += 1;
	if ((p = take(k, command, FAULT_TYPE)))
		nlh->nlmsg_type = (uint16_t)p->value;
	if ((p = take(k, command, FAULT_COMMAND)))
		genl->cmd = (uint8_t)p->value;
	if (take(k, command, FAULT_INTERRUPTED))
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
	if ((p = take(k, command, FAULT_LENGTH)))
		nlh->nlmsg_len = (uint32_t)p->value;
}

void fake_damage(struct fake *k, unsigned int command)
{
	struct fake_plan *p;

	if (!k->queue)
		return;
	damage_header(k, command);
	if ((p = take(k, command, FAULT_ERRNO)))
		error_in_place(k, (int32_t)p->value, sizeof(struct nlmsgerr));
	if ((p = take(k, command, FAULT_ERRNO_SHORT)))
		error_in_place(k, -EINVAL, (size_t)p->value);
	if (take(k, command, FAULT_TWICE)) {
		size_t len = k->queue->len;

		resize_front(k, len * 2);
		memcpy(k->queue->data + len, k->queue->data, len);
	}
	if ((p = take(k, command, FAULT_CUT)))
		append_noop(k, (size_t)p->value);
	if ((p = take(k, command, FAULT_SHORT)))
		resize_front(k, (size_t)p->value);
	if ((p = take(k, command, FAULT_MESSAGE))) {
		struct nlmsghdr nlh = *(struct nlmsghdr *)(void *)k->queue->data;

		nlh.nlmsg_len = sizeof(nlh);
		nlh.nlmsg_type = (uint16_t)p->value;
		in_front(k, &nlh, sizeof(nlh), 0);
	}
	if (take(k, command, FAULT_STALE))
		late_answer(k, k->last_seq - 1, FAKE_PORTID);
	p = take(k, command, FAULT_NOISE);
	for (int64_t i = 0; p && i < p->value; i++)
		late_answer(k, k->last_seq, FAKE_PORTID + 1);
	if (take(k, command, FAULT_LOST)) {
		fake_drop(&k->queue);
		in_front(k, NULL, 0, -ENOBUFS);
	}
	if (take(k, command, FAULT_SILENCE)) {
		fake_drop(&k->queue);
		in_front(k, NULL, 0, -ETIMEDOUT);
	}
	if ((p = take(k, command, FAULT_RECV)))
		in_front(k, NULL, 0, -(int)p->value);
}

/* ---- attributes ---- */

#define ATTRS_MAX 512

struct attr_list {
	struct {
		uint16_t type;
		size_t len;
		const uint8_t *data;
	} v[ATTRS_MAX];
	size_t n;
};

static void push(struct attr_list *l, uint16_t type, size_t len, const void *data)
{
	if (l->n == ATTRS_MAX)
		abort();
	l->v[l->n].type = type;
	l->v[l->n].len = len;
	l->v[l->n++].data = data;
}

static void reverse(struct attr_list *l)
{
	for (size_t i = 0; i < l->n / 2; i++) {
		struct attr_list t = { .n = 0 };

		t.v[0] = l->v[i];
		l->v[i] = l->v[l->n - 1 - i];
		l->v[l->n - 1 - i] = t.v[0];
	}
}

/* One attribute as the plan wants it; false when it is to be left out. */
static bool edit_one(const struct fake_plan *p, const struct nlattr *a, struct attr_list *l,
		     uint8_t *space)
{
	uint16_t type = (uint16_t)mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);
	size_t value = (size_t)p->value;

	if (type == p->attr && p->what == EDIT_DROP)
		return false;
	memcpy(space, mnl_attr_get_payload(a), len);
	if (type == p->attr && p->what == EDIT_NAME) {
		memset(space, 'n', value);
		space[value] = '\0';
		len = (uint16_t)(value + 1);
	} else if (type == p->attr && p->what == EDIT_SIZE) {
		memset(space + len, 0, value);
		len = (uint16_t)value;
	} else if (type == p->attr && p->what == EDIT_UNTERMINATED) {
		space[len - 1] = 'x';
	}
	push(l, a->nla_type, len, space);
	if (type == p->attr && p->what == EDIT_TWICE)
		push(l, a->nla_type, len, space);
	return true;
}

static void edit(const struct fake_plan *p, struct nlmsghdr *nlh)
{
	static uint8_t space[65536 * 8];
	static struct attr_list l;
	const struct nlattr *a;
	struct nlattr *last = NULL;
	size_t at = 0;

	l.n = 0;
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (edit_one(p, a, &l, space + at))
			at += MNL_ALIGN(l.v[l.n - 1].len + 1);
	}
	if (p->what == EDIT_UNKNOWN) {
		memset(space + at, 0xa5, (size_t)p->value);
		push(&l, (uint16_t)p->attr, (size_t)p->value, space + at);
	}
	if (p->what == EDIT_REVERSE)
		reverse(&l);
	nlh->nlmsg_len = MNL_NLMSG_HDRLEN + GENL_HDRLEN;
	for (size_t i = 0; i < l.n; i++) {
		last = mnl_nlmsg_get_payload_tail(nlh);
		mnl_attr_put(nlh, l.v[i].type, l.v[i].len, l.v[i].data);
	}
	if (p->what == EDIT_TORN && last)
		last->nla_len = (uint16_t)(last->nla_len + p->value);
}

void fake_apply_edits(struct fake *k, unsigned int command, struct nlmsghdr *nlh)
{
	for (int what = EDIT_DROP; what <= EDIT_TORN; what++) {
		const struct fake_plan *p = fake_take(k, command, true, what);

		if (p)
			edit(p, nlh);
	}
}
