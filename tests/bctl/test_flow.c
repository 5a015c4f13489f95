// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time and block I/O: records of any length, percentiles, units for people;
 * what pools did in an interval, and in what order they are shown
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "board.h"
#include "decode.h"
#include "fake.h"
#include "flow.h"
#include "hist.h"
#include "print.h"
#include "tap.h"
#include "text.h"

#define CPU_ALL	(BC_CPU_F_USAGE | BC_CPU_F_WAIT | BC_CPU_F_THROTTLED | BC_CPU_F_LOAD | \
		 BC_CPU_F_ENTITLEMENT)

/* What is known of a pool whose message has so many bytes of a record. */
static int decode(int attr, const void *rec, int len, struct bcn_pool *pool)
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
	} rec = {
		.cpu = { .known = CPU_ALL, .usage = 5, .user = 3, .system = 2, .reservable = 9 },
	};
	struct bcn_pool pool;
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
	struct bcn_pool pool;

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
	struct bc_setting list[2] = { { .id = 1, .value = 2 }, { .id = 9, .value = 4 } };
	struct bc_setting one;
	struct bcn_pool pool;

	ok(decode(BC_A_SETTINGS, list, sizeof(list) - 4, &pool) == -EBADMSG,
	   "half_a_setting_is_malformed");
	ok(!decode(BC_A_SETTINGS, list, 0, &pool) && !pool.nsettings, "no_setting");
	ok(!decode(BC_A_SETTINGS, list, sizeof(list), &pool) && pool.nsettings == 2,
	   "two_settings");
	pool.settings = (const char *)list;
	bcn_pool_setting(&pool, 1, &one);
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

#define GIGA	1000000000ULL

static struct bc_record failures[3];

/* A pool with so much CPU time, so much read, and so many refusals. */
static struct bcn_pool made(uint32_t id, uint32_t parent, const char *name, uint64_t incarnation,
			   uint64_t usage, uint64_t bytes)
{
	return (struct bcn_pool){
		.has = { 1ULL << BC_A_ID | (id ? 1ULL << BC_A_PARENT_ID : 0) },
		.id = id, .parent_id = parent, .name = name, .incarnation = incarnation,
		.created = 5 * GIGA, .table = (const char *)failures, .records = 3,
		.record_size = sizeof(failures[0]),
		.cpu = { .known = BC_CPU_F_USAGE, .usage = usage },
		.io = { .known = BC_IO_F_AMOUNT, .bytes = { bytes } },
	};
}

static void refused(uint64_t numproc, uint64_t oom)
{
	failures[0] = (struct bc_record){ .res = BC_RES_NUMPROC, .held = 7, .failcnt = numproc };
	failures[1] = (struct bc_record){ .res = BC_RES_OOMGUARPAGES, .failcnt = oom };
	failures[2] = (struct bc_record){ .res = BC_RES_PHYSPAGES, .held = 3, .failcnt = 1000,
					  .flags = BC_RECORD_F_NO_FAILCNT };
}

/* "usage/bytes/refusals" of a pool, "-" for what is not known. */
static const char *flowed(const struct bc_flows *flows, size_t i)
{
	static const enum bc_counter which[] = { BC_N_USAGE, BC_N_READ_BYTES, BC_N_REFUSALS };
	static char text[128];
	size_t len = 0, j;

	for (j = 0; j < 3; j++)
		if (BC_FLOWED(&flows->v[i], which[j]))
			len += snprintf(text + len, sizeof(text) - len, "%s%" PRIu64, j ? "/" : "",
					flows->v[i].diff[which[j]]);
		else
			len += snprintf(text + len, sizeof(text) - len, "%s-", j ? "/" : "");
	return text;
}

static void test_since(void)
{
	struct bc_flows then = { 0 }, now = { 0 };
	struct bcn_pool a[] = { made(0, 0, "host", 1, 100, 10), made(1, 0, "web", 2, 50, 10),
			       made(2, 0, "db", 3, 50, 10), made(3, 0, "old", 4, 9, 9) };
	struct bcn_pool b[] = { made(0, 0, "host", 1, 350, 10), made(2, 0, "db", 3, 40, UINT64_MAX),
			       made(1, 0, "web", 7, 1000, 1000), made(9, 0, "new", 8, 77, 77) };

	refused(3, 5);
	ok(!bc_flows_take(&then, a, 4, 100 * GIGA, 4096) && !bc_flows_since(&then, &now) &&
	   !then.interval && !then.v[0].flowed, "the_first_look_has_no_interval");
	ok(then.v[0].has_memory && then.v[0].memory == 3 * 4096 && then.v[0].tasks == 7,
	   "held_is_known_at_once");
	refused(10, 50);
	b[3].created = 101 * GIGA;
	ok(!bc_flows_take(&now, b, 4, 102 * GIGA + 500000000, 4096) &&
	   !bc_flows_since(&now, &then) && now.interval == 2500000000,
	   "the_interval_is_between_the_times_of_the_looks");
	is(flowed(&now, 0), "250/0/7", "differences; a_kill_is_no_refusal");
	is(flowed(&now, 1), "-/18446744073709551605/7", "a_counter_that_fell_is_unknown");
	is(flowed(&now, 2), "-/-/-", "another_incarnation_is_another_pool");
	is(flowed(&now, 3), "77/77/10", "a_new_pool_began_at_0");
	ok(bc_flow_rate(now.v[0].diff[BC_N_USAGE], now.interval, 1) == 100, "rate_per_second");
	a[0].cpu.known = 0;
	b[0].created++;
	bc_flows_take(&now, b, 1, 103 * GIGA, 4096);
	bc_flows_since(&now, &then);
	is(flowed(&now, 0), "-/-/-", "loaded_again_is_another_pool");
	bc_flows_take(&then, a, 1, 100 * GIGA, 4096);
	bc_flows_take(&now, a, 1, 100 * GIGA, 4096);
	bc_flows_since(&now, &then);
	ok(!now.interval && !now.v[0].flowed, "no_time_no_rates");
	bc_flows_take(&now, a, 1, 99 * GIGA, 4096);
	bc_flows_since(&now, &then);
	ok(!now.interval, "time_that_goes_back_neither");
	bc_flows_take(&now, b, 1, 103 * GIGA, 4096);
	now.v[0].created--;
	bc_flows_since(&now, &then);
	is(flowed(&now, 0), "-/0/0", "what_was_not_known_then_is_not_known_now");
	bc_flows_clear(&now);
	bc_flows_clear(&then);
}

/* New pools: one alone, and two that were put above one that was there. */
static void test_above(void)
{
	struct bc_flows then = { 0 }, now = { 0 };
	struct bcn_pool a[] = { made(0, 0, "host", 1, 10, 10), made(1, 0, "web", 2, 10, 10) };
	struct bcn_pool b[] = { made(0, 0, "host", 1, 20, 20), made(2, 0, "top", 3, 20, 20),
			       made(3, 2, "mid", 4, 20, 20), made(1, 3, "web", 2, 20, 20),
			       made(4, 3, "new", 5, 3, 3) };

	refused(0, 0);
	bc_flows_take(&then, a, 2, 100 * GIGA, 4096);
	b[1].created = b[2].created = b[4].created = 101 * GIGA;
	bc_flows_take(&now, b, 5, 102 * GIGA, 4096);
	bc_flows_since(&now, &then);
	is(flowed(&now, 0), "10/10/0", "the_host_is_old");
	is(flowed(&now, 1), "-/-/0", "above_others_twice");
	is(flowed(&now, 2), "-/-/0", "above_others");
	is(flowed(&now, 3), "10/10/0", "who_was_there_goes_on");
	is(flowed(&now, 4), "3/3/0", "a_new_one_beside_it_began_at_0");
	bc_flows_clear(&now);
	bc_flows_clear(&then);
}

static void test_rate(void)
{
	ok(bc_flow_rate(1, 3 * GIGA, 1) == 0 && bc_flow_rate(2, 3 * GIGA, 1) == 1,
	   "rates_are_rounded");
	ok(bc_flow_rate(5, 10 * GIGA, 10) == 5, "rates_are_scaled");
	ok(bc_flow_rate(UINT64_MAX, GIGA, 1) == UINT64_MAX, "rates_do_not_overflow");
	ok(bc_flow_rate(UINT64_MAX, 1, 1) == UINT64_MAX, "and_stay_at_the_end");
	ok(bc_flow_rate(UINT64_MAX, UINT64_MAX, 1) == GIGA, "in_584_years");
}

/* The board as "name:depth" with a '.' at the last sibling. */
static const char *shown(const struct bc_flows *flows, const struct bc_order *order)
{
	static char text[512];
	struct bc_board board = { 0 };
	size_t len = 0, i;
	int ret = bc_board_fill(&board, flows, order);

	snprintf(text, sizeof(text), "%s", ret == -ENOENT ? "absent" : "");
	for (i = 0; i < board.count; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s:%u%s", i ? " " : "",
				board.rows[i].flow->name, board.rows[i].depth,
				board.rows[i].last ? "." : "");
	bc_board_clear(&board);
	return text;
}

static void test_board(void)
{
	struct bcn_pool a[] = {
		made(0, 0, "host", 1, 0, 0), made(1, 0, "web", 2, 0, 0), made(2, 0, "db", 3, 0, 0),
		made(3, 1, "w1", 4, 0, 0), made(4, 1, "w2", 5, 0, 0), made(5, 3, "w1a", 6, 0, 0),
		made(6, 99, "orphan", 7, 0, 0),
	};
	static const uint64_t usage[] = { 90, 30, 40, 10, 20, 10, 0 };
	struct bc_order order = { .key = BC_KEY_CPU, .tree = true };
	struct bc_flows then = { 0 }, now = { 0 };
	struct bc_board board = { 0 };
	char text[128];
	int i;

	bc_flows_take(&then, a, 7, GIGA, 4096);
	for (i = 0; i < 7; i++)
		a[i].cpu.usage = usage[i];
	a[6].cpu.known = 0;
	bc_flows_take(&now, a, 7, 2 * GIGA, 4096);
	bc_flows_since(&now, &then);
	is(shown(&now, &order), "host:0. db:1 web:1. w2:2 w1:2. w1a:3. orphan:0.", "tree_by_cpu");
	order.reversed = true;
	is(shown(&now, &order), "host:0. web:1 w1:2 w1a:3. w2:2. db:1. orphan:0.", "reversed");
	order.tree = false;
	is(shown(&now, &order), "w1:0 w1a:0 w2:0 web:0 db:0 host:0 orphan:0",
	   "flat_and_reversed_with_the_unknown_at_the_end");
	order.reversed = false;
	is(shown(&now, &order), "host:0 db:0 web:0 w2:0 w1:0 w1a:0 orphan:0", "flat");
	order.key = BC_KEY_NAME;
	is(shown(&now, &order), "db:0 host:0 orphan:0 w1:0 w1a:0 w2:0 web:0", "by_name");
	order.root = "web";
	is(shown(&now, &order), "w1:0 w1a:0 w2:0 web:0", "subtree_flat");
	order.tree = true;
	is(shown(&now, &order), "web:0. w1:1 w1a:2. w2:1.", "subtree_as_a_tree");
	bc_board_fill(&board, &now, &order);
	bc_row_branch(&board.rows[2], false, text, sizeof(text));
	is(text, "| `-", "branch_in_ascii");
	bc_row_branch(&board.rows[1], true, text, sizeof(text));
	is(text, "\u251c\u2500", "branch_in_utf8");
	bc_row_branch(&board.rows[0], true, text, sizeof(text));
	is(text, "", "no_branch_at_the_root");
	bc_board_clear(&board);
	order.root = "nobody";
	is(shown(&now, &order), "absent", "absent_root");
	now.v[1].state = BC_POOL_DYING;
	order.root = "web";
	is(shown(&now, &order), "absent", "a_dying_root_is_absent");
	ok(bc_key_find("cpu") == BC_KEY_CPU && bc_key_find("n") == BC_KEY_NAME &&
	   bc_key_find("x") < 0 && bc_key_find("") < 0 && bc_key_find("cp") < 0, "keys_are_found");
	bc_flows_clear(&then);
	bc_flows_clear(&now);
}

/* Trees of any shape: everybody once, children below their parents, siblings sorted. */
static void test_random_trees(void)
{
	static struct bcn_pool pools[2000];
	static char names[2000][16];
	struct bc_order order = { .key = BC_KEY_CPU, .tree = true };
	struct bc_flows then = { 0 }, now = { 0 };
	struct bc_board board = { 0 };
	uint64_t state = 0xb0a4d, seen;
	int round, n, i, parent, bad = 0;
	char text[256];
	size_t j;

	for (round = 0; round < 60; round++) {
		n = 1 + tap_random(&state) % (round % 10 ? 50 : 2000);
		for (i = 0; i < n; i++) {
			snprintf(names[i], sizeof(names[i]), "p%d", i);
			parent = i ? tap_random(&state) % (round % 3 || i < 2 ? i : 2) : 0;
			pools[i] = made(i, parent, names[i], i + 1, 0, 0);
			if (round % 4 == 1 && i)	/* one long chain */
				pools[i].parent_id = i - 1;
		}
		bc_flows_take(&then, pools, n, GIGA, 4096);
		for (i = 0; i < n; i++)
			pools[i].cpu.usage = tap_random(&state) % 20;
		bc_flows_take(&now, pools, n, 2 * GIGA, 4096);
		bc_flows_since(&now, &then);
		bad += bc_board_fill(&board, &now, &order) || board.count != (size_t)n;
		for (j = 0, seen = 0; j < board.count; j++) {
			const struct bc_row *row = &board.rows[j], *before = row;

			seen += row->flow->id;
			while (j && before > board.rows && before->depth >= row->depth)
				before--;
			bad += j && (int)(before->flow - now.v) != row->flow->parent;
			bc_row_branch(row, true, text, sizeof(text));
			bad += strlen(text) >= sizeof(text) - 1;
		}
		bad += seen != (uint64_t)n * (n - 1) / 2;
	}
	ok(!bad, "trees_of_any_shape");
	bc_board_clear(&board);
	bc_flows_clear(&then);
	bc_flows_clear(&now);
}

int main(void)
{
	test_cpu_lengths();
	test_io_lengths();
	test_settings();
	test_hist();
	test_text();
	test_since();
	test_above();
	test_rate();
	test_board();
	test_random_trees();
	return tap_end();
}
