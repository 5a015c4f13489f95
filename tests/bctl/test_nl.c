// SPDX-License-Identifier: GPL-2.0
/*
 * Requests and messages: every way in which an answer can end or be broken
 *
 * Each test puts its own kernel below nl.c. The last one feeds mutations of good
 * datagrams; what counts there is that the sanitizers stay silent and that no
 * damaged message is taken apart beyond its end.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <linux/beancounter.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "decode.h"
#include "fake.h"
#include "nl.h"
#include "sock.h"
#include "tap.h"

static struct bcn *nl;
static int requests;

static struct nl_msg *pool_msg(uint32_t seq, int flags, size_t record_size, size_t table)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, seq, flags, BC_CMD_POOL_GET);
	char buf[8192];
	struct bc_record rec = { .res = BC_RES_NUMPROC, .held = 5, .limit = BC_UNLIMITED };

	memset(buf, 0x5a, sizeof(buf));
	memcpy(buf, &rec, sizeof(rec));
	nla_put_u32(msg, BC_A_ID, 3);
	nla_put_string(msg, BC_A_NAME, "web");
	nla_put_string(msg, BC_A_CGROUP_PATH, "/bc/web");
	nla_put_u32(msg, BC_A_RECORD_SIZE, record_size);
	nla_put(msg, BC_A_TABLE, table, buf);
	nla_put_u32(msg, BC_A_MAX + 1, 1);
	return msg;
}

/* ---- kernels ---- */

static void k_answer(const struct nlmsghdr *req)
{
	fake_answer_msg(pool_msg(req->nlmsg_seq, 0, sizeof(struct bc_record), 64));
	fake_ack(req, 0, NULL, 0);
}

static void k_refuse(const struct nlmsghdr *req)
{
	/* The one attribute of the request is a flag. */
	fake_ack(req, -EINVAL, "barrier is above limit", NLMSG_HDRLEN + GENL_HDRLEN);
}

/* As without NETLINK_CAP_ACK: the request stands between number and words. */
static void k_refuse_echo(const struct nlmsghdr *req)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsgerr body = { .error = -EINVAL, .msg = *req };

	nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_ERROR, 0, NLM_F_ACK_TLVS);
	nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	nlmsg_append(msg, (void *)(req + 1), req->nlmsg_len - sizeof(*req), NLMSG_ALIGNTO);
	nla_put(msg, NLMSGERR_ATTR_MSG, 5, "words-without-end");
	fake_answer_msg(msg);
}

/* It claims an echo that is longer than the message. */
static void k_refuse_lying(const struct nlmsghdr *req)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsgerr body = { .error = -EINVAL, .msg = *req };

	body.msg.nlmsg_len = 0xfffffff0;
	nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_ERROR, 0, NLM_F_ACK_TLVS);
	nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	nla_put_string(msg, NLMSGERR_ATTR_MSG, "words");
	fake_answer_msg(msg);
}

static void k_again(const struct nlmsghdr *req)
{
	requests++;
	fake_ack(req, -EAGAIN, NULL, 0);
}

static void k_positive(const struct nlmsghdr *req)
{
	fake_ack(req, 22, NULL, 0);
}

static void k_huge(const struct nlmsghdr *req)
{
	fake_ack(req, -70000, NULL, 0);
}

static void k_short_error(const struct nlmsghdr *req)
{
	struct nlmsghdr hdr = { sizeof(hdr), NLMSG_ERROR, 0, req->nlmsg_seq, 0 };

	fake_answer(&hdr, sizeof(hdr));
}

static void k_short_done(const struct nlmsghdr *req)
{
	struct nlmsghdr hdr = { sizeof(hdr), NLMSG_DONE, 0, req->nlmsg_seq, 0 };

	fake_answer(&hdr, sizeof(hdr));
}

static void k_dump(const struct nlmsghdr *req)
{
	int flags = NLM_F_MULTI | (++requests <= 3 ? NLM_F_DUMP_INTR : 0);

	fake_answer_msg(pool_msg(req->nlmsg_seq, NLM_F_MULTI, 64, 64));
	fake_answer_msg(pool_msg(req->nlmsg_seq, flags, 64, 64));
	fake_done(req, 0, 0);
}

/* Only the end mark tells. */
static void k_dump_intr_done(const struct nlmsghdr *req)
{
	fake_answer_msg(pool_msg(req->nlmsg_seq, NLM_F_MULTI, 64, 64));
	fake_done(req, ++requests <= 3 ? NLM_F_DUMP_INTR : 0, 0);
}

static void k_dump_intr(const struct nlmsghdr *req)
{
	requests++;
	fake_answer_msg(pool_msg(req->nlmsg_seq, NLM_F_MULTI | NLM_F_DUMP_INTR, 64, 64));
	fake_done(req, 0, 0);
}

static void k_dump_error(const struct nlmsghdr *req)
{
	fake_answer_msg(pool_msg(req->nlmsg_seq, NLM_F_MULTI, 64, 64));
	fake_done(req, 0, -ENOMEM);
}

static void k_dump_words(const struct nlmsghdr *req)
{
	struct nl_msg *msg = nlmsg_alloc();
	int err = -EPERM;

	nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_DONE, 0, NLM_F_MULTI | NLM_F_ACK_TLVS);
	nlmsg_append(msg, &err, sizeof(err), NLMSG_ALIGNTO);
	nla_put_string(msg, NLMSGERR_ATTR_MSG, "not for you");
	fake_answer_msg(msg);
}

static void k_dump_acked(const struct nlmsghdr *req)
{
	fake_ack(req, 0, NULL, 0);
	fake_answer_msg(pool_msg(req->nlmsg_seq, NLM_F_MULTI, 64, 64));
	fake_done(req, 0, 0);
}

static void k_dump_endless(const struct nlmsghdr *req)
{
	fake_answer_msg(pool_msg(req->nlmsg_seq, NLM_F_MULTI, 64, 64));
}

static void k_stale(const struct nlmsghdr *req)
{
	struct nlmsghdr old = *req;

	old.nlmsg_seq--;
	fake_ack(&old, -EIO, "stale", 0);
	fake_answer_msg(pool_msg(old.nlmsg_seq, 0, 64, 64));
	k_answer(req);
}

static void k_foreign(const struct nlmsghdr *req)
{
	fake_answer_msg(fake_new(FAKE_FAMILY + 1, req->nlmsg_seq, 0, 1));
	fake_ack(req, 0, NULL, 0);
}

static void k_headless(const struct nlmsghdr *req)
{
	struct nlmsghdr hdr = { sizeof(hdr), FAKE_FAMILY, 0, req->nlmsg_seq, 0 };

	fake_answer(&hdr, sizeof(hdr));
	fake_ack(req, 0, NULL, 0);
}

static void k_overrun(const struct nlmsghdr *req)
{
	struct nlmsghdr hdr = { sizeof(hdr), NLMSG_OVERRUN, 0, req->nlmsg_seq, 0 };

	fake_answer(&hdr, sizeof(hdr));
}

static void k_cut(const struct nlmsghdr *req)
{
	struct nl_msg *msg = pool_msg(req->nlmsg_seq, 0, 64, 64);

	fake_answer(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len - 4);
	nlmsg_free(msg);
	fake_ack(req, 0, NULL, 0);
}

static void k_crumbs(const struct nlmsghdr *req)
{
	fake_answer(req, 3);
}

/* ---- requests ---- */

static int call(void (*kernel)(const struct nlmsghdr *), int flags, struct bc_msgs *answer)
{
	struct nl_msg *msg = bc_nl_new(nl, BC_CMD_POOL_GET, flags);
	int ret;

	/* What an earlier test left unread belongs to nobody now. */
	bc_sock_close(NULL);
	requests = 0;
	fake_handler = kernel;
	nla_put_flag(msg, BC_A_DETAIL);
	ret = bc_nl_call(nl, msg, answer);
	nlmsg_free(msg);
	return ret;
}

static void expect(const char *name, void (*kernel)(const struct nlmsghdr *), int flags,
		   int want, size_t count, const char *words)
{
	struct bc_msgs answer = { 0 };
	int ret = call(kernel, flags, &answer);

	if (!ok(ret == want && (ret || answer.count == count) &&
		!strcmp(bcn_message(nl), words), "%s", name))
		printf("# ret %d, %zu messages, words \"%s\"\n", ret, answer.count,
		       bcn_message(nl));
	bc_msgs_clear(&answer);
}

static void test_do(void)
{
	static const char bad[] = "the answer of the kernel is malformed";

	expect("do_with_answer_and_ack", k_answer, 0, 0, 1, "");
	expect("do_refused_with_words", k_refuse, 0, -EINVAL, 0, "barrier is above limit");
	ok(bcn_blamed(nl, NULL) == BC_A_DETAIL, "do_refused_blames_an_attribute");
	expect("do_refused_with_echoed_request", k_refuse_echo, 0, -EINVAL, 0, "words");
	ok(!bcn_blamed(nl, NULL), "blame_is_forgotten");
	expect("do_refused_with_too_long_an_echo", k_refuse_lying, 0, -EINVAL, 0, "");
	expect("do_refused_by_eagain", k_again, 0, -EAGAIN, 0, "");
	ok(requests == 1, "do_is_not_sent_again");
	expect("positive_error_is_no_success", k_positive, 0, -EBADMSG, 0, bad);
	expect("impossible_error_is_no_success", k_huge, 0, -EBADMSG, 0, bad);
	expect("short_error_is_no_success", k_short_error, 0, -EBADMSG, 0, bad);
	expect("stale_messages_are_skipped", k_stale, 0, 0, 1, "");
	expect("foreign_message_is_malformed", k_foreign, 0, -EBADMSG, 0, bad);
	expect("message_without_generic_header_is_malformed", k_headless, 0, -EBADMSG, 0, bad);
	expect("overrun_is_an_error", k_overrun, 0, -ENOBUFS, 0, "");
	expect("cut_message_is_malformed", k_cut, 0, -EBADMSG, 0, bad);
	expect("three_bytes_are_malformed", k_crumbs, 0, -EBADMSG, 0, bad);
}

static void test_dump(void)
{
	expect("dump_interrupted_three_times", k_dump, NLM_F_DUMP, 0, 2, "");
	ok(requests == 4, "interrupted_dump_is_asked_for_again");
	expect("dump_interrupted_at_its_end", k_dump_intr_done, NLM_F_DUMP, 0, 1, "");
	ok(requests == 4, "dump_interrupted_at_its_end_is_asked_for_again");
	expect("dump_always_interrupted", k_dump_intr, NLM_F_DUMP, -EAGAIN, 0,
	       "pools come and go too fast to list them consistently");
	ok(requests == 20, "interrupted_dump_has_bounded_retries");
	expect("dump_with_error_at_its_end", k_dump_error, NLM_F_DUMP, -ENOMEM, 0, "");
	expect("dump_with_words_at_its_end", k_dump_words, NLM_F_DUMP, -EPERM, 0, "not for you");
	expect("dump_with_short_end", k_short_done, NLM_F_DUMP, -EBADMSG, 0,
	       "the answer of the kernel is malformed");
	expect("ack_does_not_end_a_dump", k_dump_acked, NLM_F_DUMP, 0, 1, "");
	expect("dump_without_end_is_no_success", k_dump_endless, NLM_F_DUMP, -ETIMEDOUT, 0,
	       "the kernel does not answer");
	expect("dump_refused", k_refuse, NLM_F_DUMP, -EINVAL, 0, "barrier is above limit");
}

static void k_absent(const struct nlmsghdr *req)
{
	fake_ack(req, -ENOENT, NULL, 0);
}

static void k_family_empty(const struct nlmsghdr *req)
{
	fake_answer_msg(fake_new(GENL_ID_CTRL, req->nlmsg_seq, 0, CTRL_CMD_NEWFAMILY));
	fake_ack(req, 0, NULL, 0);
}

static void k_family_many(const struct nlmsghdr *req)
{
	struct nl_msg *msg = fake_new(GENL_ID_CTRL, req->nlmsg_seq, 0, CTRL_CMD_NEWFAMILY);
	struct nlattr *groups, *group;
	int i;

	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAKE_FAMILY);
	nla_put_u32(msg, CTRL_ATTR_VERSION, BC_GENL_VERSION);
	groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
	for (i = 0; i < 30; i++) {
		group = nla_nest_start(msg, i + 1);
		if (i % 3)
			nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME,
				       "a group with quite a long name");
		nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, 40 + i);
		nla_nest_end(msg, group);
	}
	nla_nest_end(msg, groups);
	fake_answer_msg(msg);
	fake_ack(req, 0, NULL, 0);
}

static void test_connect(void)
{
	struct bcn *other = NULL;

	fake_handler = k_absent;
	ok(!bcn_open(&other) && bcn_connect(other) == -ENOENT, "absent_family_is_enoent");
	fake_handler = k_family_empty;
	ok(bcn_connect(other) == -EBADMSG, "family_without_id_is_malformed");
	fake_handler = k_family_many;
	ok(!bcn_connect(other), "more_groups_than_expected");
	fake_handler = fake_family;
	ok(!bcn_connect(other) && bcn_subscribe(other, "nothing") == -ENOENT &&
	   *bcn_message(other), "unknown_group_is_enoent");
	setenv("BCTL_FAKE_MODE", "version", 1);
	ok(bcn_connect(other) == -EPROTO && strstr(bcn_message(other), "version 99"),
	   "another_version_of_the_interface_is_refused");
	unsetenv("BCTL_FAKE_MODE");
	bcn_close(other);
}

/* ---- messages ---- */

static int decode_msg(struct nl_msg *msg, struct bcn_pool *pool)
{
	int ret = bc_decode_pool(nlmsg_hdr(msg), pool);

	nlmsg_free(msg);
	return ret;
}

/* Of a module that knows of no integrals. */
static void test_old_record(void)
{
	struct nl_msg *msg = pool_msg(1, 0, 72, 144);
	struct bcn_pool pool;
	struct bc_record rec;

	ok(!bc_decode_pool(nlmsg_hdr(msg), &pool) && pool.records == 2, "older_records_are_read");
	bcn_pool_record(&pool, 0, &rec);
	ok(rec.held == 5 && !rec.integral, "older_record_has_its_members");
	bcn_pool_record(&pool, 1, &rec);
	ok(rec.peak == 0x5a5a5a5a5a5a5a5aULL && !(rec.flags & BC_RECORD_F_INTEGRAL) && !rec.integral,
	   "what_an_older_record_does_not_have_is_not_known");
	nlmsg_free(msg);
}

static void test_records(void)
{
	struct nl_msg *msg = pool_msg(1, 0, 96, 192);
	struct bcn_pool pool;
	struct bc_record rec;

	ok(!bc_decode_pool(nlmsg_hdr(msg), &pool) && pool.records == 2 && pool.record_size == 96,
	   "longer_records_are_read");
	bcn_pool_record(&pool, 0, &rec);
	ok(rec.res == BC_RES_NUMPROC && rec.held == 5 && rec.limit == BC_UNLIMITED,
	   "longer_record_has_the_known_members");
	bcn_pool_record(&pool, 1, &rec);
	ok(rec.res == 0x5a5a5a5a, "second_record_begins_at_the_record_size");
	ok(!strcmp(pool.cgroup, "bc/web"), "leading_slash_of_a_cgroup_is_dropped");
	ok(!BCN_HAS(&pool, BC_A_STATE) && BCN_HAS(&pool, BC_A_ID), "absent_attribute_is_absent");
	nlmsg_free(msg);
	ok(decode_msg(pool_msg(1, 0, 64, 64), &pool) == -EBADMSG, "shorter_record_is_malformed");
	ok(decode_msg(pool_msg(1, 0, 0, 72), &pool) == -EBADMSG, "record_size_0_is_malformed");
	test_old_record();
	ok(decode_msg(pool_msg(1, 0, 72, 100), &pool) == -EBADMSG, "odd_table_is_malformed");
	ok(decode_msg(pool_msg(1, 0, 0xffffffff, 72), &pool) == -EBADMSG,
	   "record_size_beyond_the_table_is_malformed");
	ok(!decode_msg(pool_msg(1, 0, 72, 0), &pool) && !pool.records, "empty_table_is_empty");
}

static void test_attributes(void)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, 1, 0, BC_CMD_POOL_GET);
	struct bcn_notice notice;
	struct bcn_pool pool;
	struct bcn_info info;
	struct bcn_res res;

	ok(bc_decode_pool(nlmsg_hdr(msg), &pool) == -EBADMSG, "pool_without_name_is_malformed");
	ok(bc_decode_res(nlmsg_hdr(msg), &res) == -EBADMSG, "resource_without_name_is_malformed");
	ok(bc_decode_notice(nlmsg_hdr(msg), &notice) == -EBADMSG, "event_without_kind_is_malformed");
	ok(!bc_decode_info(nlmsg_hdr(msg), &info) && !info.has[0] && !info.has[1], "empty_info_is_empty");
	nla_put(msg, BC_A_NAME, 3, "web");
	nla_put_u32(msg, BC_A_ID, 1);
	ok(bc_decode_pool(nlmsg_hdr(msg), &pool) == -EBADMSG, "string_without_end_is_malformed");
	nlmsg_free(msg);
	msg = fake_new(FAKE_FAMILY, 1, 0, BC_CMD_POOL_GET);
	nla_put(msg, BC_A_NAME, 0, "");
	nla_put_u32(msg, BC_A_ID, 1);
	ok(bc_decode_pool(nlmsg_hdr(msg), &pool) == -EBADMSG, "empty_string_is_malformed");
	nlmsg_free(msg);
	msg = fake_new(FAKE_FAMILY, 1, 0, BC_CMD_POOL_GET);
	nla_put_string(msg, BC_A_NAME, "web");
	nla_put_u16(msg, BC_A_ID, 1);
	ok(bc_decode_pool(nlmsg_hdr(msg), &pool) == -EBADMSG, "short_number_is_malformed");
	nlmsg_free(msg);
	msg = fake_new(FAKE_FAMILY, 1, 0, BC_CMD_POOL_GET);
	nla_put_u32(msg, BC_A_GENERATION, 1);
	ok(bc_decode_info(nlmsg_hdr(msg), &info) == -EBADMSG, "short_u64_is_malformed");
	nlmsg_free(msg);
}

static void test_closed(void)
{
	struct nl_msg *msg = pool_msg(0, 0, sizeof(struct bc_record), sizeof(struct bc_record));
	struct bcn_closed closed;

	ok(bc_decode_closed(nlmsg_hdr(msg), &closed) == -EBADMSG,
	   "closing_record_without_serial_is_malformed");
	nla_put_u64(msg, BC_A_SERIAL, 77);
	nla_put_u64(msg, BC_A_INCARNATION, 12);
	nla_put_u64(msg, BC_A_CLOSED, 5);
	nla_put_u32(msg, BC_A_CAUSE, BC_CAUSE_UNLOAD);
	ok(!bc_decode_closed(nlmsg_hdr(msg), &closed) && closed.serial == 77 &&
	   closed.closed == 5 && closed.cause == BC_CAUSE_UNLOAD && closed.pool.incarnation == 12 &&
	   closed.pool.records == 1, "closing_record_is_read");
	ok(BCN_HAS(&closed, BC_A_CAUSE) && !BCN_HAS(&closed, BC_A_DIED) &&
	   !BCN_HAS(&closed, BC_A_PARENT_INCARNATION), "attributes_above_63_are_told_apart");
	nlmsg_free(msg);
}

/* ---- mutations ---- */

static uint64_t chance = 0xbeac0;

static void mutate(unsigned char *buf, size_t *len)
{
	static const uint32_t sizes[] = { 0, 1, 3, 4, 15, 16, 19, 20, 0x7fffffff, 0xffffffff };
	int n = tap_random(&chance) % 4;
	size_t at;

	while (n-- && *len > 4) {
		at = tap_random(&chance) % (*len - 3);
		switch (tap_random(&chance) % 5) {
		case 0:
			buf[at] ^= 1 << tap_random(&chance) % 8;
			break;
		case 1:
			buf[at] = tap_random(&chance);
			break;
		case 2:
			memcpy(buf + (at & ~3), &sizes[tap_random(&chance) % 10], 4);
			break;
		case 3:
			*len = at;
			break;
		case 4:	/* the length of an attribute or message */
			at &= ~3;
			buf[at] = tap_random(&chance) % 64;
			buf[at + 1] = 0;
			break;
		}
	}
}

static void answer_mutated(struct nl_msg *msg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	size_t len = hdr->nlmsg_len;
	unsigned char *copy = malloc(len);

	/* A copy of its own size, so that reading on is seen. */
	memcpy(copy, hdr, len);
	mutate(copy, &len);
	fake_answer(copy, len);
	free(copy);
	nlmsg_free(msg);
}

static void k_mutated(const struct nlmsghdr *req)
{
	struct nlmsgerr body = { .error = -EINVAL, .msg = *req };
	struct nl_msg *msg;
	int err = 0;

	answer_mutated(pool_msg(req->nlmsg_seq, NLM_F_MULTI, 64, 128));
	msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, 0, BC_CMD_EVENT);
	nla_put_u32(msg, BC_A_EVENT, 1);
	nla_put_string(msg, BC_A_COMM, "stress");
	nla_put_string(msg, BC_A_RES_NAME, "numproc");
	nla_put_u32(msg, BC_A_RES, 5);
	nla_put_u32(msg, BC_A_RES_UNIT, 0);
	nla_put_u64(msg, BC_A_AMOUNT, 1);
	answer_mutated(msg);
	msg = nlmsg_alloc();
	if (tap_random(&chance) % 2) {
		nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_ERROR, 0, NLM_F_ACK_TLVS);
		nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
		nlmsg_append(msg, (void *)(req + 1), req->nlmsg_len - sizeof(*req), NLMSG_ALIGNTO);
	} else {
		nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_DONE, 0, NLM_F_MULTI | NLM_F_ACK_TLVS);
		nlmsg_append(msg, &err, sizeof(err), NLMSG_ALIGNTO);
	}
	nla_put_string(msg, NLMSGERR_ATTR_MSG, "no");
	nla_put_u32(msg, NLMSGERR_ATTR_OFFS, 20);
	answer_mutated(msg);
}

/* Read everything a decoded message points to. */
static size_t touch(struct nlmsghdr *hdr)
{
	struct bcn_closed closed;
	struct bcn_notice notice;
	struct bc_record rec;
	struct bcn_pool pool;
	struct bcn_info info;
	struct bcn_res res;
	size_t sum = 0, i;

	if (!bc_decode_pool(hdr, &pool)) {
		sum += strlen(pool.name) + (pool.cgroup ? strlen(pool.cgroup) : 0);
		for (i = 0; i < pool.records; i++) {
			bcn_pool_record(&pool, i, &rec);
			sum += rec.res;
		}
	}
	if (!bc_decode_closed(hdr, &closed))
		sum += strlen(closed.pool.name);
	if (!bc_decode_res(hdr, &res))
		sum += strlen(res.name);
	if (!bc_decode_notice(hdr, &notice) && notice.comm)
		sum += strlen(notice.comm);
	if (!bc_decode_info(hdr, &info) && info.version)
		sum += strlen(info.version);
	return sum | 1;
}

static void test_mutations(void)
{
	struct bc_msgs answer = { 0 };
	size_t i, sum = 0, decoded = 0;
	int n, whole = 0;
	time_t end = time(NULL) + 8;

	for (n = 0; n < 60000 && time(NULL) < end; n++) {
		whole += !call(k_mutated, n % 2 ? NLM_F_DUMP : 0, &answer);
		for (i = 0; i < answer.count; i++)
			sum += touch(answer.hdr[i]);
		decoded += answer.count;
		bc_msgs_clear(&answer);
		bc_sock_close(NULL);
		if (!bc_nl_next(nl, 0, &answer))
			bc_msgs_clear(&answer);
		bc_msgs_clear(&answer);
	}
	ok(n >= 1000 && sum, "mutated_datagrams_do_no_harm");
	printf("# %d exchanges, %zu messages taken apart, %d ended well\n", n, decoded, whole);
	ok(whole > n / 100 && whole < n - n / 100, "mutations_reach_both_sides");
}

static void test_events(void)
{
	struct bc_msgs events = { 0 };
	struct nl_msg *msg = fake_new(FAKE_FAMILY, 0, 0, BC_CMD_EVENT);

	bc_sock_close(NULL);
	nla_put_u32(msg, BC_A_EVENT, BC_EVENT_POOL_NEW);
	fake_answer_msg(msg);
	fake_answer_msg(fake_new(FAKE_FAMILY + 1, 0, 0, BC_CMD_EVENT));
	fake_answer("abc", 3);
	ok(!bc_nl_next(nl, 0, &events) && events.count == 1, "event_is_received");
	bc_msgs_clear(&events);
	ok(!bc_nl_next(nl, 0, &events) && !events.count, "message_of_another_family_is_skipped");
	ok(bc_nl_next(nl, 0, &events) == -EBADMSG, "malformed_event_is_reported");
	ok(bc_nl_next(nl, 0, &events) == -ETIMEDOUT, "no_event_is_a_time_out");
	bc_msgs_clear(&events);
}

int main(void)
{
	fake_handler = fake_family;
	if (bcn_open(&nl) || bcn_connect(nl))
		return 1;
	test_do();
	test_dump();
	test_connect();
	test_records();
	test_attributes();
	test_closed();
	test_events();
	test_mutations();
	bcn_close(nl);
	return tap_end();
}
