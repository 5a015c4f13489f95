// SPDX-License-Identifier: GPL-2.0
/*
 * The arithmetic of usage: the calendar, shares, sets of time, percentiles, decimals
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "calendar.h"
#include "spans.h"
#include "sums.h"
#include "tap.h"
#include "wide.h"

#define DAY	86400000LL
#define EPOCH	1790812800000LL		/* 2026-10-01 00:00:00 UTC */

static uint64_t seed = 88172645463325252ULL;

static uint64_t random64(void)
{
	return (uint64_t)tap_random(&seed) << 32 | tap_random(&seed);
}

/* The C library is asked, as far as it goes. */
static void test_calendar(void)
{
	char text[BC_TIME_MAX], want[64];
	int wrong = 0, i, month;
	const char *why;
	struct tm tm;
	int64_t ms;
	time_t when;

	for (i = 0; i < 20000; i++) {
		when = (int64_t)(random64() % 252000000000ULL) - 2208988800LL;
		gmtime_r(&when, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
		bc_time_text(text, sizeof(text), when * 1000LL);
		wrong += strcmp(text, want) || bc_time_parse(text, 0, &ms, &why) ||
			 ms != when * 1000LL;
	}
	ok(!wrong, "times_are_written_and_read_as_by_the_c_library");
	for (ms = bc_step_begin(BC_STEP_MONTH, EPOCH - 800 * DAY), month = 0, wrong = 0;
	     month < 60; month++) {
		int64_t next = bc_step_next(BC_STEP_MONTH, ms), days = (next - ms) / DAY;

		wrong += days < 28 || days > 31 || (next - ms) % DAY ||
			 bc_step_begin(BC_STEP_MONTH, next - 1) != ms ||
			 bc_step_begin(BC_STEP_MONTH, next) != next;
		ms = next;
	}
	ok(!wrong && bc_step_next(BC_STEP_MONTH, 1709164800000LL) == 1709251200000LL,
	   "months_follow_each_other_and_leap_years_are_known");
	ok(bc_step_begin(BC_STEP_DAY, -1) == -DAY && bc_step_next(BC_STEP_HOUR, -1) == 0 &&
	   bc_step_begin(BC_STEP_MONTH, -1) == -31 * DAY, "before_1970");
	bc_time_parse("last-month", EPOCH + 5, &ms, &why);
	ok(ms == EPOCH - 30 * DAY, "last_month");
	bc_time_parse("-36h", EPOCH, &ms, &why);
	ok(ms == EPOCH - DAY * 3 / 2, "some_time_ago");
}

static void test_share(void)
{
	int64_t begin, end, at, next, sum, amount;
	int wrong = 0, i;

	for (i = 0; i < 20000; i++) {
		amount = random64() >> (1 + tap_random(&seed) % 63);
		begin = EPOCH - (int64_t)(tap_random(&seed) % 4000000);
		end = begin + 1 + tap_random(&seed) % 4000000;
		for (at = begin - 1000, sum = 0; at < end + 1000; at = next) {
			next = at + 1 + tap_random(&seed) % 1000000;
			sum += bc_share(amount, begin, end, at, next);
		}
		wrong += sum != amount;
	}
	ok(!wrong, "shares_add_up_to_the_amount_wherever_it_is_cut");
	ok(bc_share(10, 0, 3, 0, 1) == 3 && bc_share(10, 0, 3, 1, 2) == 3 &&
	   bc_share(10, 0, 3, 2, 3) == 4, "the_rest_is_carried_on");
	ok(bc_share(7, 5, 5, 5, 6) == 7 && !bc_share(7, 5, 5, 4, 5) && !bc_share(7, 5, 5, 6, 9),
	   "an_instant_is_in_one_period_only");
	ok(bc_share(INT64_MAX, 0, INT64_MAX, 0, INT64_MAX) == INT64_MAX, "the_largest_amount");
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void test_percentile(void)
{
	int64_t v[600], sorted[600];
	int wrong = 0, round;
	size_t n, i;

	for (round = 0; round < 4000; round++) {
		n = 1 + tap_random(&seed) % 600;
		for (i = 0; i < n; i++)
			v[i] = random64() % (round % 3 ? 5 : 100000);
		memcpy(sorted, v, n * sizeof(*v));
		qsort(sorted, n, sizeof(*v), compare);
		wrong += bc_nearest_rank(v, n, 95) != sorted[n - n / 20 - 1];
	}
	ok(!wrong, "the_percentile_is_what_is_left_when_the_top_5_percent_are_dropped");
	v[0] = 7;
	ok(bc_nearest_rank(v, 1, 95) == 7, "percentile_of_one");
}

/* Time is 64 instants here, and a set of it is a mask. */
static uint64_t mask_of(const struct bc_spans *spans)
{
	uint64_t mask = 0;
	int64_t at;
	size_t i;

	for (i = 0; i < spans->count; i++)
		for (at = spans->v[i].begin; at < spans->v[i].end; at++)
			mask |= 1ULL << at;
	return mask;
}

static void random_spans(struct bc_spans *spans)
{
	int n = tap_random(&seed) % 8;
	int64_t begin;

	while (n--) {
		begin = tap_random(&seed) % 64;
		bc_spans_add(spans, begin, begin + tap_random(&seed) % (65 - begin),
			     tap_random(&seed) % 2 ? "a" : "b");
	}
}

static void test_spans(void)
{
	int wrong = 0, round;

	for (round = 0; round < 20000; round++) {
		struct bc_spans a = { 0 }, b = { 0 }, out = { 0 };
		uint64_t ma, mb;
		size_t i;

		random_spans(&a);
		random_spans(&b);
		ma = mask_of(&a);
		mb = mask_of(&b);
		bc_spans_merge(&a);
		bc_spans_merge(&b);
		bc_spans_subtract(&out, &a, &b);
		wrong += mask_of(&a) != ma || mask_of(&out) != (ma & ~mb) ||
			 bc_spans_within(&a, 10, 40) !=
			 __builtin_popcountll(ma & 0xfffffffc00ULL);
		for (i = 1; i < a.count; i++)
			wrong += a.v[i].begin < a.v[i - 1].end;
		bc_spans_clear(&a);
		bc_spans_clear(&b);
		bc_spans_clear(&out);
	}
	ok(!wrong, "sets_of_time_are_merged_and_subtracted");
}

static void test_sums(void)
{
	const struct bc_span period = { EPOCH, EPOCH + DAY, NULL };
	struct bc_row_figure fig = { .res = 1, .known = 1U << BC_F_HELD_TIME, .v = { 1000 } };
	struct bc_row row = { .begin = EPOCH - 300000, .end = EPOCH + 300000, .mhz = 2000,
			      .known = 1U << BC_M_CPU, .flow = { 3001 }, .fig = &fig, .nfig = 1 };
	struct bc_row gap = { .begin = EPOCH + 300000, .end = EPOCH + 600000,
			      .kind = BC_ROW_GAP, .reason = "lost" };
	struct bc_sums s;

	ok(!bc_sums_begin(&s, &period, BC_STEP_NONE, &period, 2), "sums_begin");
	bc_sums_alive(&s, EPOCH - DAY, EPOCH + 900000);
	bc_sums_add(&s, &row);
	bc_sums_add(&s, &gap);
	bc_sums_end(&s);
	ok(s.nslices == 1 && s.slices->records == 1 && s.slices->flow[BC_M_CPU].sum == 1501 &&
	   s.slices->flow[BC_M_CPU_CLOCK].sum == 3001000 && s.slices->res[1].time.sum == 500,
	   "a_record_is_cut_at_the_beginning_of_the_period");
	ok(s.slices->existed == 900000 && s.slices->covered == 300000 && s.gaps.count == 2 &&
	   !strcmp(s.gaps.v[0].why, "lost") && !strcmp(s.gaps.v[1].why, "missing") &&
	   s.gaps.v[1].begin == EPOCH + 600000, "gaps_and_what_nobody_tells_of");
	ok(s.slices->flow[BC_M_CPU].p95 == 1501 && s.slices->flow[BC_M_CPU].buckets == 1 &&
	   !s.slices->flow[BC_M_IO_READS].count && !s.slices->res[0].time.count,
	   "what_is_not_known_stays_so");
	bc_sums_clear(&s);
	ok(bc_sums_begin(&s, &(struct bc_span){ 0, INT64_MAX / 2, NULL }, BC_STEP_NONE,
			 &(struct bc_span){ 0, INT64_MAX / 2, NULL }, 2) == -7,
	   "a_period_that_would_take_all_memory_is_refused");
	bc_sums_clear(&s);
}

static void divided(int64_t num, int64_t den, enum bc_rounding rounding, int64_t want)
{
	ok(bc_wide_divide(num, den, rounding) == want, "%" PRId64 "_over_%" PRId64 "_rounded_%d",
	   num, den, rounding);
}

static void test_decimals(void)
{
	static const struct {
		const char *text;
		bool good;
	} texts[] = {
		{ "0", true }, { "0.5", true }, { "12.340", true }, { ".5", false }, { "5.", false },
		{ "", false }, { "-1", false }, { "1.2.3", false }, { "1e3", false }, { " 1", false },
		{ "123456789012345678901234567890123456", true },
		{ "1234567890123456789012345678901234567", false },
	};
	unsigned int digits;
	char text[BC_WIDE_MAX];
	__int128 val;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bool good = bc_decimal_parse(texts[i].text, &val, &digits);

		if (good)
			bc_decimal_text(text, sizeof(text), val, digits);
		ok(good == texts[i].good && (!good || !strcmp(text, texts[i].text)),
		   "decimal_'%s'", texts[i].text);
	}
	bc_decimal_text(text, sizeof(text), -5, 3);
	is(text, "-0.005", "a_small_negative_decimal");
	val = (__int128)((unsigned __int128)1 << 127);
	bc_wide_text(text, sizeof(text), val);
	is(text, "-170141183460469231731687303715884105728", "the_smallest_integer");
	ok(bc_wide_parse("-12345678901234567890123", &val) && !bc_wide_parse("1.5", &val) &&
	   !bc_wide_parse("--1", &val), "integers_are_read");
	divided(5, 2, BC_ROUND_HALF_UP, 3);
	divided(5, 2, BC_ROUND_HALF_EVEN, 2);
	divided(7, 2, BC_ROUND_HALF_EVEN, 4);
	divided(-5, 2, BC_ROUND_HALF_UP, -3);
	divided(-5, 2, BC_ROUND_DOWN, -2);
	divided(-5, 2, BC_ROUND_UP, -3);
	divided(4, 3, BC_ROUND_UP, 2);
	divided(5, 3, BC_ROUND_DOWN, 1);
	divided(6, 3, BC_ROUND_UP, 2);
}

int main(void)
{
	/* The zone of the machine must not matter. */
	setenv("TZ", "Australia/Lord_Howe", 1);
	tzset();
	test_calendar();
	test_share();
	test_percentile();
	test_spans();
	test_sums();
	test_decimals();
	return tap_end();
}
