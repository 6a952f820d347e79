/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request and its answer, whatever the answer looks like. */
#include "env.h"

#include "libvdpamgmt/nl.h"

/* ---- one object ---- */

struct fault_case {
	const char *what;
	enum fake_fault fault;
	int64_t value;
	unsigned int times;
	int result;
	unsigned int requests;
};

static const struct fault_case object_cases[] = {
	{ "lost once", FAULT_LOST, 0, 1, 0, 2 },
	{ "lost four times", FAULT_LOST, 0, 4, 0, 5 },
	{ "lost for good", FAULT_LOST, 0, 9, -ENOBUFS, 5 },
	{ "silence", FAULT_SILENCE, 0, 1, -ETIMEDOUT, 1 },
	{ "a signal", FAULT_RECV, EINTR, 1, 0, 1 },
	{ "EAGAIN", FAULT_RECV, EAGAIN, 1, -ETIMEDOUT, 1 },
	{ "an error of the socket", FAULT_RECV, EIO, 1, -EIO, 1 },
	{ "send refused", FAULT_SEND, EPERM, 1, -EPERM, 0 },
	{ "no room to send, once", FAULT_SEND, ENOBUFS, 1, 0, 1 },
	{ "empty datagram", FAULT_SHORT, 0, 1, -ETIMEDOUT, 1 },
	{ "torn header", FAULT_SHORT, 10, 1, -EBADMSG, 1 },
	{ "short datagram", FAULT_SHORT, 40, 1, -EBADMSG, 1 },
	{ "length 0", FAULT_LENGTH, 0, 1, -EBADMSG, 1 },
	{ "length 15", FAULT_LENGTH, 15, 1, -EBADMSG, 1 },
	{ "length without a command", FAULT_LENGTH, 17, 1, -EBADMSG, 1 },
	{ "length without attributes", FAULT_LENGTH, 20, 1, -EBADMSG, 1 },
	{ "length beyond the datagram", FAULT_LENGTH, 4000, 1, -EBADMSG, 1 },
	{ "length that is negative as an int", FAULT_LENGTH, 0x80000040, 1, -EBADMSG, 1 },
	{ "the largest length", FAULT_LENGTH, 0xffffffff, 1, -EBADMSG, 1 },
	{ "wrong sequence number", FAULT_SEQ, 0, 1, -ETIMEDOUT, 1 },
	{ "wrong port", FAULT_PORTID, 0, 1, -ETIMEDOUT, 1 },
	{ "wrong family", FAULT_TYPE, 0x20, 1, -EBADMSG, 1 },
	{ "unknown control message", FAULT_TYPE, 7, 1, -EBADMSG, 1 },
	{ "nothing but a no-op", FAULT_TYPE, NLMSG_NOOP, 1, -ETIMEDOUT, 1 },
	{ "end of a dump", FAULT_TYPE, NLMSG_DONE, 1, -EBADMSG, 1 },
	{ "wrong command", FAULT_COMMAND, VDPA_COMMAND_DEV_GET, 1, -EBADMSG, 1 },
	{ "positive errno", FAULT_ERRNO, EINVAL, 1, -EBADMSG, 1 },
	{ "errno out of range", FAULT_ERRNO, -4096, 1, -EBADMSG, 1 },
	{ "the least errno", FAULT_ERRNO, -4095, 1, -4095, 1 },
	{ "no object, no error", FAULT_ERRNO, 0, 1, -EBADMSG, 1 },
	{ "an error", FAULT_ERRNO, -EIO, 1, -EIO, 1 },
	{ "an error that looks like a lost answer", FAULT_ERRNO, -ENOBUFS, 1, -ENOBUFS, 1 },
	{ "short error", FAULT_ERRNO_SHORT, 4, 1, -EBADMSG, 1 },
	{ "empty error", FAULT_ERRNO_SHORT, 0, 1, -EBADMSG, 1 },
	{ "interrupted once", FAULT_INTERRUPTED, 0, 1, 0, 2 },
	{ "overrun", FAULT_MESSAGE, NLMSG_OVERRUN, 1, 0, 2 },
	{ "no-op in front", FAULT_MESSAGE, NLMSG_NOOP, 1, 0, 1 },
	{ "end in front", FAULT_MESSAGE, NLMSG_DONE, 1, -EBADMSG, 1 },
	{ "longer than the buffer", FAULT_CUT, 40000, 2, 0, 2 },
	{ "longer than anything", FAULT_CUT, 2 << 20, 1, -EBADMSG, 1 },
	{ "late answer in front", FAULT_STALE, 0, 1, 0, 1 },
	{ "answers to others in front", FAULT_NOISE, 20, 1, 0, 1 },
	{ "noise without end", FAULT_NOISE, 3000, 1, -ETIMEDOUT, 1 },
	{ "two objects", FAULT_TWICE, 0, 1, 0, 1 },
};

static void check_object(const struct fault_case *c)
{
	struct vdpa_dev *dev = NULL;
	struct env e;
	int r;

	env_open(&e, false);
	env_devices(&e, 2);
	fake_fault(e.k, VDPA_COMMAND_DEV_GET, c->fault, c->value, c->times);
	r = vdpa_dev_get(e.ctx, "d1", &dev);
	if (r != c->result || e.k->requests[VDPA_COMMAND_DEV_GET] != c->requests)
		print_error("%s: %d after %u requests\n", c->what, r,
			    e.k->requests[VDPA_COMMAND_DEV_GET]);
	assert_int_equal(r, c->result);
	assert_int_equal(e.k->requests[VDPA_COMMAND_DEV_GET], c->requests);
	if (r < 0)
		check_error(&e, r, -c->result, NULL);
	else
		assert_string_equal(vdpa_dev_get_name(dev), "d1");
	vdpa_dev_unref(dev);

	/* Whatever it was, it is over. */
	memset(e.k->plans, 0, sizeof(e.k->plans));
	assert_int_equal(vdpa_dev_get(e.ctx, "d0", &dev), 0);
	assert_string_equal(vdpa_dev_get_name(dev), "d0");
	vdpa_dev_unref(dev);
	env_close(&e);
}

static void test_object(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(object_cases) / sizeof(object_cases[0]); i++)
		check_object(&object_cases[i]);
}

/* ---- a dump ---- */

static const struct fault_case dump_cases[] = {
	{ "lost once", FAULT_LOST, 0, 1, 0, 2 },
	{ "lost for good", FAULT_LOST, 0, 9, -ENOBUFS, 5 },
	{ "silence", FAULT_SILENCE, 0, 1, -ETIMEDOUT, 1 },
	{ "torn header", FAULT_SHORT, 15, 1, -EBADMSG, 1 },
	{ "short datagram", FAULT_SHORT, 130, 1, -EBADMSG, 1 },
	{ "length 0", FAULT_LENGTH, 0, 1, -EBADMSG, 1 },
	{ "wrong family", FAULT_TYPE, 0x20, 1, -EBADMSG, 1 },
	{ "wrong command", FAULT_COMMAND, VDPA_COMMAND_DEV_GET, 1, -EBADMSG, 1 },
	{ "an error", FAULT_ERRNO, -EBUSY, 1, -EBUSY, 1 },
	{ "an acknowledgement", FAULT_ERRNO, 0, 1, -EBADMSG, 1 },
	{ "interrupted once", FAULT_INTERRUPTED, 0, 1, 0, 2 },
	{ "interrupted for good", FAULT_INTERRUPTED, 0, 9, -EINTR, 5 },
	{ "ended by an error", FAULT_DONE, -EIO, 1, -EIO, 1 },
	{ "ended by nonsense", FAULT_DONE, 5, 1, -EBADMSG, 1 },
	{ "overrun", FAULT_MESSAGE, NLMSG_OVERRUN, 1, 0, 2 },
	{ "longer than the buffer", FAULT_CUT, 60000, 1, 0, 2 },
	{ "late answer in front", FAULT_STALE, 0, 1, 0, 1 },
	{ "answers to others in front", FAULT_NOISE, 20, 1, 0, 1 },
};

static void check_names(const struct vdpa_dev_list *list, unsigned int n)
{
	assert_int_equal(vdpa_dev_list_get_size(list), n);
	for (unsigned int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		assert_string_equal(vdpa_dev_get_name(vdpa_dev_list_get(list, i)), name);
	}
}

static void check_dump(const struct fault_case *c)
{
	struct vdpa_dev_list *list = NULL;
	struct env e;
	int r;

	env_open(&e, false);
	env_devices(&e, 100);
	fake_fault(e.k, VDPA_COMMAND_DEV_GET, c->fault, c->value, c->times);
	r = vdpa_dev_list(e.ctx, &list);
	if (r != c->result || e.k->requests[VDPA_COMMAND_DEV_GET] != c->requests)
		print_error("%s: %d after %u requests\n", c->what, r,
			    e.k->requests[VDPA_COMMAND_DEV_GET]);
	assert_int_equal(r, c->result);
	assert_int_equal(e.k->requests[VDPA_COMMAND_DEV_GET], c->requests);
	if (!r)
		check_names(list, 100);
	vdpa_dev_list_unref(list);

	/* A dump that was broken off is not in the way of the next one. */
	memset(e.k->plans, 0, sizeof(e.k->plans));
	assert_int_equal(vdpa_dev_list(e.ctx, &list), 0);
	check_names(list, 100);
	vdpa_dev_list_unref(list);
	env_close(&e);
}

static void test_dump(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dump_cases) / sizeof(dump_cases[0]); i++)
		check_dump(&dump_cases[i]);
}

/* The bound on datagrams that say nothing is none on those that do. */
static void test_many_datagrams(void **state)
{
	struct env *e = *state;
	struct vdpa_dev_list *list;

	env_devices(e, 3 * NL_STRANGERS_MAX / 2);
	e->k->round_bytes = 1;
	assert_int_equal(vdpa_dev_list(e->ctx, &list), 0);
	check_names(list, 3 * NL_STRANGERS_MAX / 2);
	vdpa_dev_list_unref(list);
}

/* ---- sequence numbers ---- */

static void test_seq(void **state)
{
	struct env *e = *state;
	struct vdpa_dev *dev;

	env_devices(e, 1);
	e->ctx->seq = UINT32_MAX - 1;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vdpa_dev_get(e->ctx, "d0", &dev), 0);
		vdpa_dev_unref(dev);
		assert_int_not_equal(e->k->last_seq, 0);
	}
	assert_int_equal(e->k->last_seq, 3);
}

/* ---- the kernel's words ---- */

/* An NLMSG_ERROR in answer to the next request. */
struct verdict {
	uint8_t buf[512];
	struct nlmsghdr *nlh;
};

static void verdict_begin(struct env *e, struct verdict *v, int err, uint16_t flags)
{
	struct nlmsghdr req = { .nlmsg_seq = e->k->last_seq + 1, .nlmsg_len = 36 };
	struct nlmsgerr *body;

	v->nlh = fake_begin(v->buf, &req, NLMSG_ERROR, flags);
	body = mnl_nlmsg_put_extra_header(v->nlh, sizeof(*body));
	body->error = err;
	body->msg = req;
}

static int verdict_play(struct env *e, struct verdict *v)
{
	struct vdpa_dev *dev = NULL;
	int r;

	fake_raw(e->k, v->buf, v->nlh->nlmsg_len);
	r = vdpa_dev_get(e->ctx, "d0", &dev);
	vdpa_dev_unref(dev);
	return r;
}

static const char *extack_of(struct env *e)
{
	return vdpa_error_get_extack(vdpa_ctx_get_error(e->ctx));
}

static void test_extack_capped(void **state)
{
	struct env *e = *state;
	struct verdict v;

	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	verdict_begin(e, &v, -EPERM, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	mnl_attr_put_u32(v.nlh, NLMSGERR_ATTR_OFFS, 20);
	mnl_attr_put_strz(v.nlh, NLMSGERR_ATTR_MSG, "vdpa: no % way");
	check_error(e, verdict_play(e, &v), EPERM,
		    "cannot show device \"d0\": no % way (Operation not permitted)");
	assert_string_equal(extack_of(e), "vdpa: no % way");
	assert_int_equal(vdpa_error_get_attr(vdpa_ctx_get_error(e->ctx)), VDPA_ATTRIBUTE_NAME);
	assert_false(vdpa_error_is_local(vdpa_ctx_get_error(e->ctx)));
	check_hint(e, "CAP_NET_ADMIN");
}

static void test_extack_with_request(void **state)
{
	struct env *e = *state;
	struct verdict v;

	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	verdict_begin(e, &v, -EIO, NLM_F_ACK_TLVS);
	memset(mnl_nlmsg_put_extra_header(v.nlh, 20), 0xff, 20);
	mnl_attr_put_strz(v.nlh, NLMSGERR_ATTR_MSG, "broken");
	check_error(e, verdict_play(e, &v), EIO,
		    "cannot show device \"d0\": broken (Input/output error)");
	assert_string_equal(extack_of(e), "broken");
}

/* Texts and offsets that must not be believed. */
static void test_extack_hostile(void **state)
{
	struct env *e = *state;
	struct verdict v;

	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	verdict_begin(e, &v, -EIO, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	mnl_attr_put(v.nlh, NLMSGERR_ATTR_MSG, 4, "text");
	mnl_attr_put_u16(v.nlh, NLMSGERR_ATTR_OFFS, 20);
	check_error(e, verdict_play(e, &v), EIO, "cannot show device \"d0\": Input/output error");
	assert_null(extack_of(e));
	assert_int_equal(vdpa_error_get_attr(vdpa_ctx_get_error(e->ctx)), 0);

	verdict_begin(e, &v, -EIO, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	mnl_attr_put_strz(v.nlh, NLMSGERR_ATTR_MSG, "");
	mnl_attr_put_u32(v.nlh, NLMSGERR_ATTR_OFFS, 0xffffff00);
	check_error(e, verdict_play(e, &v), EIO, "cannot show device \"d0\": Input/output error");
	assert_null(extack_of(e));

	verdict_begin(e, &v, -EIO, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	mnl_attr_put_strz(v.nlh, NLMSGERR_ATTR_MSG, "cut off");
	v.nlh->nlmsg_len -= 4;
	check_error(e, verdict_play(e, &v), EIO, NULL);
	assert_null(extack_of(e));
}

/* Requests in errors that are longer than the error. */
static void test_extack_request_length(void **state)
{
	static const uint32_t lengths[] = { 0, 15, 200, 0x80000000, 0xfffffffd, 0xffffffff };
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct nlmsgerr *body;
		struct verdict v;

		e->k->is_raw = false;
		assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
		verdict_begin(e, &v, -EIO, NLM_F_ACK_TLVS);
		mnl_attr_put_strz(v.nlh, NLMSGERR_ATTR_MSG, "text");
		body = mnl_nlmsg_get_payload(v.nlh);
		body->msg.nlmsg_len = lengths[i];
		check_error(e, verdict_play(e, &v), EBADMSG, NULL);
	}
}

/* The end of a dump may carry words, too. */
static void test_extack_done(void **state)
{
	struct nlmsghdr req = { 0 };
	struct env *e = *state;
	struct vdpa_mgmtdev_list *list = NULL;
	struct verdict v;
	int32_t err = -EIO;

	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	req.nlmsg_seq = e->k->last_seq + 1;
	v.nlh = fake_begin(v.buf, &req, NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS);
	memcpy(mnl_nlmsg_put_extra_header(v.nlh, sizeof(err)), &err, sizeof(err));
	mnl_attr_put_strz(v.nlh, NLMSGERR_ATTR_MSG, "no more");
	fake_raw(e->k, v.buf, v.nlh->nlmsg_len);
	check_error(e, vdpa_mgmtdev_list(e->ctx, &list), EIO,
		    "cannot list management devices: no more (Input/output error)");
	assert_string_equal(extack_of(e), "no more");
	assert_null(list);
}

/* libmnl 1.0.4 takes this for a whole message. */
static void test_negative_length(void **state)
{
	struct env *e = *state;
	struct vdpa_dev *dev = NULL;
	struct verdict v;
	size_t len;

	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	verdict_begin(e, &v, -EIO, NLM_F_CAPPED);
	len = v.nlh->nlmsg_len;
	v.nlh->nlmsg_len |= 0x80000000;
	fake_raw(e->k, v.buf, len);
	check_error(e, vdpa_dev_get(e->ctx, "d0", &dev), EBADMSG, NULL);
	assert_null(dev);
}

/* ---- the controller ---- */

static const struct fault_case connect_cases[] = {
	{ "lost once", FAULT_LOST, 0, 1, 0, 2 },
	{ "lost for good", FAULT_LOST, 0, 9, -ENOBUFS, 5 },
	{ "silence", FAULT_SILENCE, 0, 1, -ETIMEDOUT, 1 },
	{ "torn header", FAULT_SHORT, 10, 1, -EBADMSG, 1 },
	{ "length 0", FAULT_LENGTH, 0, 1, -EBADMSG, 1 },
	{ "length that is negative as an int", FAULT_LENGTH, 0x80000040, 1, -EBADMSG, 1 },
	{ "nothing about the family", FAULT_LENGTH, 20, 1, -EBADMSG, 1 },
	{ "wrong type", FAULT_TYPE, 0x20, 1, -EBADMSG, 1 },
	{ "wrong command", FAULT_COMMAND, CTRL_CMD_GETFAMILY, 1, -EBADMSG, 1 },
	{ "an error", FAULT_ERRNO, -EPERM, 1, -EPERM, 1 },
	{ "an acknowledgement", FAULT_ERRNO, 0, 1, -EBADMSG, 1 },
	{ "short error", FAULT_ERRNO_SHORT, 3, 1, -EBADMSG, 1 },
	{ "longer than the buffer", FAULT_CUT, 50000, 2, 0, 2 },
	{ "late answer in front", FAULT_STALE, 0, 1, 0, 1 },
	{ "noise without end", FAULT_NOISE, 3000, 1, -ETIMEDOUT, 1 },
};

static void test_connect(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(connect_cases) / sizeof(connect_cases[0]); i++) {
		const struct fault_case *c = &connect_cases[i];
		struct env e;
		int r;

		env_open(&e, false);
		fake_fault(e.k, FAKE_GETFAMILY, c->fault, c->value, c->times);
		r = vdpa_ctx_connect(e.ctx);
		if (r != c->result)
			print_error("%s: %d\n", c->what, r);
		assert_int_equal(r, c->result);
		assert_int_equal(e.k->requests[FAKE_GETFAMILY], c->requests);
		assert_int_equal(e.k->opens - e.k->closes, r ? 0 : 1);
		env_close(&e);
	}
}

static void test_no_family(void **state)
{
	struct env *e = *state;

	e->k->no_family = true;
	check_error(e, vdpa_ctx_connect(e->ctx), EPROTONOSUPPORT,
		    "the kernel has no vdpa netlink family here");
	assert_non_null(vdpa_error_get_hint(vdpa_ctx_get_error(e->ctx)));
	e->k->no_family = false;
	e->k->open_error = -EAFNOSUPPORT;
	check_error(
		e, vdpa_ctx_connect(e->ctx), EAFNOSUPPORT,
		"cannot open a generic netlink socket: Address family not supported by protocol");
	e->k->open_error = 0;
	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	assert_int_equal(vdpa_ctx_connect(e->ctx), 0);
	assert_int_equal(e->k->opens, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_object),	cmocka_unit_test(test_dump),
		ENV_TEST(test_many_datagrams),	ENV_TEST(test_seq),
		ENV_TEST(test_extack_capped),	ENV_TEST(test_extack_with_request),
		ENV_TEST(test_extack_hostile),	ENV_TEST(test_extack_request_length),
		ENV_TEST(test_extack_done),	ENV_TEST(test_negative_length),
		cmocka_unit_test(test_connect), ENV_TEST(test_no_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
