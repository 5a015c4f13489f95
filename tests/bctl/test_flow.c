// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time and block I/O: records of any length, percentiles, units for people
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "decode.h"
#include "fake.h"
#include "hist.h"
#include "print.h"
#include "tap.h"
#include "text.h"

#define CPU_ALL	(BC_CPU_F_USAGE | BC_CPU_F_WAIT | BC_CPU_F_THROTTLED | BC_CPU_F_LOAD | \
		 BC_CPU_F_ENTITLEMENT)

/* What is known of a pool whose message has so many bytes of a record. */
static int decode(int attr, const void *rec, int len, struct bc_pool *pool)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, 1, 0, BC_CMD_POOL_GET);
	int ret;

	nla_put_u32(msg, BC_A_ID, 7);
	nla_put_string(msg, BC_A_NAME, "web");
	nla_put(msg, attr, len, rec);
	ret = bc_decode_pool(nlmsg_hdr(msg), pool);
	nlmsg_free(msg);
	return ret;
}

static void test_cpu_lengths(void)
{
	struct {
		struct bc_cpu cpu;
		uint64_t more[4];
	} rec = { .cpu = { .known = CPU_ALL, .usage = 5, .user = 3, .system = 2, .reservable = 9 } };
	struct bc_pool pool;
	int len, bad = 0;

	ok(!decode(BC_A_CPU, &rec, sizeof(rec.cpu), &pool) && pool.cpu.known == CPU_ALL &&
	   pool.cpu.usage == 5 && pool.cpu.reservable == 9, "record_of_the_same_length");
	memset(rec.more, 0xff, sizeof(rec.more));
	ok(!decode(BC_A_CPU, &rec, sizeof(rec), &pool) && pool.cpu.known == CPU_ALL &&
	   pool.cpu.reservable == 9, "longer_record_is_cut_off");
	ok(!decode(BC_A_CPU, &rec, offsetof(struct bc_cpu, throttled), &pool) &&
	   pool.cpu.known == (BC_CPU_F_USAGE | BC_CPU_F_WAIT) && pool.cpu.usage == 5,
	   "of_a_shorter_record_the_rest_is_unknown");
	ok(!decode(BC_A_CPU, &rec, offsetof(struct bc_cpu, load) + 8, &pool) &&
	   !(pool.cpu.known & BC_CPU_F_LOAD) && pool.cpu.known & BC_CPU_F_THROTTLED,
	   "half_of_a_figure_is_unknown");
	ok(!decode(BC_A_CPU, &rec, 8, &pool) && !pool.cpu.known, "mask_alone");
	for (len = 0; len < 8; len++)
		bad += decode(BC_A_CPU, &rec, len, &pool) != -EBADMSG;
	ok(!bad, "record_without_its_mask_is_malformed");
	for (len = 8; len <= (int)sizeof(rec); len++)
		bad += decode(BC_A_CPU, &rec, len, &pool) || (pool.cpu.known & ~CPU_ALL);
	ok(!bad, "any_other_length_is_fine");
}

static void test_io_lengths(void)
{
	struct bc_io rec = {
		.known = BC_IO_F_AMOUNT | BC_IO_F_TIMES | BC_IO_F_THROTTLED | BC_IO_F_DIRTY,
		.bytes = { 1, 2, 3 }, .cancelled = 4,
	};
	struct bc_pool pool;

	ok(!decode(BC_A_IO, &rec, sizeof(rec), &pool) && pool.io.known == rec.known &&
	   pool.io.cancelled == 4, "io_record");
	ok(!decode(BC_A_IO, &rec, offsetof(struct bc_io, in_flight), &pool) &&
	   pool.io.known == BC_IO_F_AMOUNT && pool.io.bytes[2] == 3, "shorter_io_record");
	ok(!decode(BC_A_IO, &rec, offsetof(struct bc_io, dirtied), &pool) &&
	   pool.io.known == (BC_IO_F_AMOUNT | BC_IO_F_TIMES | BC_IO_F_THROTTLED),
	   "io_record_without_dirty");
	ok(!pool.cpu.known, "what_was_not_sent_is_unknown");
}

static void test_settings(void)
{
	struct bc_setting list[2] = { { .id = 1, .value = 2, .flags = 3 }, { .id = 9, .value = 4 } };
	struct bc_setting one;
	struct bc_pool pool;

	ok(decode(BC_A_SETTINGS, list, sizeof(list) - 4, &pool) == -EBADMSG,
	   "half_a_setting_is_malformed");
	ok(!decode(BC_A_SETTINGS, list, 0, &pool) && !pool.nsettings, "no_setting");
	ok(!decode(BC_A_SETTINGS, list, sizeof(list), &pool) && pool.nsettings == 2, "two_settings");
	pool.settings = (const char *)list;
	bc_pool_setting(&pool, 1, &one);
	ok(one.id == 9 && one.value == 4, "the_second_one");
}

static void percentile(const __u64 *buckets, unsigned int percent, uint64_t want, const char *name)
{
	uint64_t have = bc_hist_percentile(buckets, percent);

	if (!ok(have == want, "percentile_%s", name))
		printf("# %" PRIu64 " instead of %" PRIu64 "\n", have, want);
}

static void test_hist(void)
{
	__u64 b[BC_IO_BUCKETS] = { 0 };
	unsigned int p;
	uint64_t last = 0, ns;
	int i, bad = 0;

	percentile(b, 50, 0, "of_nothing_is_0");
	b[0] = 1;
	percentile(b, 50, 1000, "of_one_request_is_the_end_of_its_bucket");
	b[0] = 100;
	percentile(b, 50, 500, "is_interpolated");
	b[0] = 0;
	b[3] = 50;
	b[4] = 50;
	percentile(b, 50, 8000, "at_the_border_of_two_buckets");
	percentile(b, 51, 8160, "just_above_it");
	percentile(b, 100, 16000, "the_slowest_one");
	b[BC_IO_BUCKETS - 1] = 2;
	percentile(b, 99, (1ULL << 30) * 1000, "in_the_bucket_without_an_end");
	memset(b, 0, sizeof(b));
	b[10] = 1ULL << 60;
	percentile(b, 99, 512000 + 506880, "does_not_overflow");
	for (i = 0; i < BC_IO_BUCKETS; i++)
		b[i] = (i * 7919) % 13;
	for (p = 1; p <= 100; p++) {
		ns = bc_hist_percentile(b, p);
		bad += ns < last;
		last = ns;
	}
	ok(!bad, "percentiles_rise");
}

static void test_text(void)
{
	static const struct {
		uint64_t num;
		const char *time, *percent;
	} cases[] = {
		{ 0, "0", "0%" }, { 999, "999ns", "0.0%" }, { 1000, "1us", "0.0%" },
		{ 1500000, "1.5ms", "0.2%" }, { 1500000000, "1.500s", "150%" },
		{ 125000000, "125.0ms", "12.5%" }, { 8192000000000, "8192.000s", "819200%" },
		{ 9999999999, "9.999s", "1000.0%" },
	};
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bc_time(text, sizeof(text), cases[i].num);
		is(text, cases[i].time, "time_%" PRIu64, cases[i].num);
		bc_percent(text, sizeof(text), cases[i].num);
		is(text, cases[i].percent, "percent_%" PRIu64, cases[i].num);
	}
}

int main(void)
{
	test_cpu_lengths();
	test_io_lengths();
	test_settings();
	test_hist();
	test_text();
	return tap_end();
}
