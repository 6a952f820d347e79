/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests, octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libvdpamgmt/msg.h"
#include "libvdpamgmt/uapi.h"

/* Memory that was used before, so that octets nobody writes are seen. */
static void begin_dirty(struct msg *m, uint16_t flags)
{
	*m = (struct msg)MSG_INIT;
	m->cap = 4096;
	m->buf = malloc(m->cap);
	assert_non_null(m->buf);
	memset(m->buf, 0xee, m->cap);
	msg_begin(m, 0x1f, flags, 3, 1);
}

static void test_header(void **state)
{
	const struct nlmsghdr *nlh;
	struct msg m;

	(void)state;
	begin_dirty(&m, NLM_F_ACK);
	nlh = m.buf;
	assert_int_equal(m.err, 0);
	assert_int_equal(msg_len(&m), 20);
	assert_int_equal(nlh->nlmsg_type, 0x1f);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(nlh->nlmsg_seq, 0);
	assert_int_equal(nlh->nlmsg_pid, 0);
	assert_memory_equal((uint8_t *)m.buf + 16, "\3\1\0\0", 4);
	msg_free(&m);
	assert_null(m.buf);
}

static void check_attr(const struct msg *m, size_t at, uint16_t type, const void *data,
		       uint16_t len)
{
	const struct nlattr *attr = (const void *)((const uint8_t *)m->buf + at);

	assert_int_equal(attr->nla_len, len + 4);
	assert_int_equal(attr->nla_type, type);
	assert_memory_equal(attr + 1, data, len);
	assert_memory_equal((const uint8_t *)(attr + 1) + len, "\0\0\0", MNL_ALIGN(len) - len);
}

static void test_attributes(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	const uint16_t v16 = 1500;
	const uint32_t v32 = 0x12345678;
	const uint64_t v64 = 0x123456789abcdef0;
	struct msg m;

	(void)state;
	begin_dirty(&m, 0);
	msg_put_str(&m, 4, "a");
	msg_put(&m, 10, mac, sizeof(mac));
	msg_put_u16(&m, 13, v16);
	msg_put_u32(&m, 17, v32);
	msg_put_u64(&m, 20, v64);
	msg_put_str(&m, 4, "");
	check_attr(&m, 20, 4, "a", 2);
	check_attr(&m, 28, 10, mac, 6);
	check_attr(&m, 40, 13, &v16, 2);
	check_attr(&m, 48, 17, &v32, 4);
	check_attr(&m, 56, 20, &v64, 8);
	check_attr(&m, 68, 4, "", 1);
	assert_int_equal(msg_len(&m), 76);
	assert_int_equal(m.err, 0);
	msg_free(&m);
}

static void test_handle(void **state)
{
	struct msg m;

	(void)state;
	begin_dirty(&m, 0);
	msg_put_handle(&m, "pci/0000:65:00.2");
	check_attr(&m, 20, 1, "pci", 4);
	check_attr(&m, 28, 2, "0000:65:00.2", 13);
	msg_free(&m);
	begin_dirty(&m, 0);
	msg_put_handle(&m, "vduse");
	check_attr(&m, 20, 2, "vduse", 6);
	assert_int_equal(msg_len(&m), 32);
	msg_free(&m);
}

static void test_growth(void **state)
{
	static char name[60000];
	struct msg m = MSG_INIT;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	msg_begin(&m, 0x1f, 0, 3, 1);
	for (int i = 0; i < 10; i++)
		msg_put_str(&m, 4, name);
	assert_int_equal(m.err, 0);
	for (size_t i = 0; i < 10; i++)
		check_attr(&m, 20 + i * 60004, 4, name, sizeof(name));
	msg_free(&m);
}

/* An attribute's length has 16 bits, its header included. */
static void test_limit(void **state)
{
	static char name[65532];
	struct msg m = MSG_INIT;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	msg_begin(&m, 0x1f, 0, 3, 1);
	msg_put(&m, 4, name, sizeof(name));
	assert_int_equal(m.err, -EMSGSIZE);
	assert_int_equal(msg_len(&m), 20);
	msg_put_u16(&m, 13, 1);
	assert_int_equal(msg_len(&m), 20);
	msg_begin(&m, 0x1f, 0, 3, 1);
	assert_int_equal(m.err, 0);
	msg_put(&m, 4, name, sizeof(name) - 1);
	assert_int_equal(m.err, 0);
	check_attr(&m, 20, 4, name, sizeof(name) - 1);
	msg_free(&m);
}

static void test_attr_at(void **state)
{
	static const struct {
		size_t offset;
		unsigned int attr;
	} cases[] = { { 0, 0 },	  { 16, 0 },  { 19, 0 },      { 20, 4 }, { 25, 4 },
		      { 26, 0 },  { 28, 13 }, { 33, 13 },     { 34, 0 }, { 36, 20 },
		      { 47, 20 }, { 48, 0 },  { SIZE_MAX, 0 } };
	struct msg m = MSG_INIT;

	(void)state;
	msg_begin(&m, 0x1f, 0, 3, 1);
	msg_put_str(&m, 4, "a");
	msg_put_u16(&m, 13, 1);
	msg_put_u64(&m, 20, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(msg_attr_at(&m, cases[i].offset), cases[i].attr);
	msg_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header), cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_handle), cmocka_unit_test(test_growth),
		cmocka_unit_test(test_limit),  cmocka_unit_test(test_attr_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
