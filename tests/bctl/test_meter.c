// SPDX-License-Identifier: GPL-2.0
/*
 * From cumulative figures to records
 */
#include <stdlib.h>
#include <string.h>

#include <linux/beancounter.h>

#include "compact.h"
#include "meter.h"
#include "tap.h"

#define STEP	300000
#define T0	1790812800000LL
#define MS	1000000ULL
#define DAY	86400000LL

static struct bc_meter then, now;
static struct bc_usage use;

/* Figures with so much CPU time, and one resource. */
static void reading(struct bc_meter *m, int64_t utc_ms, uint64_t boot_ms, uint64_t cpu,
		    uint64_t integral)
{
	struct bc_cpu c = { .known = BC_CPU_F_USAGE, .usage = cpu, .user = cpu, .system = 0 };
	struct bc_record r = {
		.res = BC_RES_NUMPROC, .flags = BC_RECORD_F_INTEGRAL | BC_RECORD_F_PEAK,
		.held = 3, .maxheld = 9, .barrier = 10, .limit = BC_UNLIMITED, .failcnt = cpu / 10,
		.failed = cpu / 5, .peak = 4, .integral = integral,
	};

	bc_meter_begin(m, utc_ms, boot_ms * MS);
	m->fresh = false;
	bc_meter_take_cpu(m, &c);
	bc_meter_take_res(m, &r, true);
}

static bool made(enum bc_record_kind kind)
{
	return bc_meter_use(&then, &now, STEP, kind, &use);
}

static bool times(int64_t begin, int64_t end, enum bc_record_reason reason)
{
	if (use.begin_ms == T0 + begin && use.end_ms == T0 + end && use.reason == reason)
		return true;
	printf("# %lld..%lld, reason %d\n", (long long)(use.begin_ms - T0),
	       (long long)(use.end_ms - T0), use.reason);
	return false;
}

static const struct bc_meter_res *res(size_t i)
{
	return &use.used.res[i];
}

static void test_plain(void)
{
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + STEP + 4, 1000 + STEP + 4, 170, 950);
	ok(made(BC_USED_INTERVAL), "figures that grow make a record");
	ok(times(0, STEP, BC_WHY_NONE), "which ends at the multiple of the interval");
	ok(use.span_ns == (STEP + 4) * MS && use.timed, "the time that passed is exact");
	ok(use.used.known == 7 && use.used.flow[0] == 70 && use.used.flow[2] == 0,
	   "flows are differences, and those that are not known are not");
	ok(res(0)->v[BC_FIG_HELD_TIME] == 900 && res(0)->v[BC_FIG_FAILCNT] == 7 &&
	   res(0)->v[BC_FIG_FAILED] == 14, "so are sums");
	ok(res(0)->v[BC_FIG_HELD] == 3 && res(0)->v[BC_FIG_PEAK] == 4 &&
	   res(0)->v[BC_FIG_LIM] == BC_UNLIMITED, "the rest is as it is at the end");
	ok(now.utc_ms == T0 + STEP && !now.stale, "the next record begins there");
}

static void test_first(void)
{
	bc_meter_begin(&then, T0 + 1234, 5000 * MS);
	reading(&now, T0 + STEP, 5000 + STEP - 1234, 70, 900);
	now.res[0].known &= ~(1U << BC_FIG_PEAK);
	ok(made(BC_USED_INTERVAL) && times(1234, STEP, BC_WHY_NONE) &&
	   use.used.flow[0] == 70, "the first record begins when the pool does, with nothing");
	ok(res(0)->known & 1U << BC_FIG_PEAK && res(0)->v[BC_FIG_PEAK] == 9,
	   "its peak is the highest ever");

	bc_meter_begin(&then, T0 + 1234, 5000 * MS);
	reading(&now, T0 + 1239, 5005, 70, 900);
	ok(made(BC_USED_CLOSING) && use.kind == BC_USED_CLOSING && times(1234, 1239, BC_WHY_NONE) &&
	   use.used.flow[0] == 70, "a short life is one closing record");

	bc_meter_begin(&then, T0 + 1234, 5000 * MS);
	reading(&now, T0 + 1234, 5000, 70, 900);
	ok(made(BC_USED_CLOSING) && times(1234, 1235, BC_WHY_NONE),
	   "the shortest one takes a millisecond");

	bc_meter_begin(&then, T0 + STEP + 2, 5000 * MS);
	reading(&now, T0 + STEP + 5, 5003, 70, 900);
	ok(made(BC_USED_INTERVAL) && times(STEP + 2, STEP + 5, BC_WHY_NONE),
	   "a pool that came with the end of the interval is not in that");
}

static void test_peak(void)
{
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + STEP, 1000 + STEP, 100, 50);
	now.res[0].known &= ~(1U << BC_FIG_PEAK);
	made(BC_USED_INTERVAL);
	ok(!(res(0)->known & 1U << BC_FIG_PEAK), "a peak that nobody took is not known");
	reading(&now, T0 + STEP, 1000 + STEP, 100, 50);
	now.res[0].known &= ~(1U << BC_FIG_PEAK);
	now.res[0].v[BC_FIG_MAXHELD] = 12;
	made(BC_USED_INTERVAL);
	ok(res(0)->known & 1U << BC_FIG_PEAK && res(0)->v[BC_FIG_PEAK] == 12,
	   "but if it is the highest ever it is");
}

static void test_late(void)
{
	reading(&then, T0 + 100000, 1000, 100, 50);
	reading(&now, T0 + 20 * STEP + 7000, 1000 + 20 * STEP + 7000 - 100000, 170, 950);
	ok(made(BC_USED_INTERVAL) && times(100000, 20 * STEP + 7000, BC_WHY_LATE) &&
	   use.used.flow[0] == 70, "hours without a collector are one record");
	reading(&then, T0 + 100000, 1000, 100, 50);
	reading(&now, T0 + STEP + 1999, 1000 + STEP + 1999 - 100000, 170, 950);
	ok(made(BC_USED_CLOSING) && times(100000, STEP + 1999, BC_WHY_NONE),
	   "a pool's end is not rounded, nor late for that");
}

static void test_forward(void)
{
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + 3 * DAY + STEP, 1000 + STEP, 170, 950);
	ok(made(BC_USED_INTERVAL) && times(3 * DAY, 3 * DAY + STEP, BC_WHY_CLOCK) &&
	   use.span_ns == STEP * MS && use.used.flow[0] == 70,
	   "UTC set forward: the record is as long as it took");
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + STEP + 2900, 1000 + STEP, 170, 950);
	made(BC_USED_INTERVAL);
	ok(use.reason != BC_WHY_CLOCK, "less than three seconds may have been slewed");
}

static void test_back(void)
{
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + 100000, 1000 + STEP, 170, 950);
	ok(made(BC_USED_INTERVAL) && times(0, 100000, BC_WHY_CLOCK) && use.span_ns == STEP * MS,
	   "UTC set back a little: the record looks short");
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 - 3600000, 1000 + STEP, 170, 950);
	ok(made(BC_USED_CLOSING) && times(0, 1, BC_WHY_CLOCK) && use.used.flow[0] == 70,
	   "a pool that ends in time that was there before gets the next millisecond");
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 - 30 * DAY, 1000 + STEP, 170, 950);
	ok(made(BC_USED_INTERVAL) && times(-30 * DAY - STEP, -30 * DAY, BC_WHY_CLOCK),
	   "UTC set back by more than a day: labels follow");
	ok(bc_meter_hold(T0, T0 + 1) == 0 && bc_meter_hold(T0, T0 - 3600000) == 3600001 &&
	   bc_meter_hold(T0, T0 - 2 * DAY) == 0, "nothing is written while time repeats itself");
}

static void test_backwards(void)
{
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + STEP, 1000 + STEP, 99, 950);
	ok(!made(BC_USED_INTERVAL) && use.kind == BC_USED_GAP && use.reason == BC_WHY_BACKWARDS &&
	   !use.used.known && !use.used.count, "a figure that fell makes a gap");
	ok(now.known & 1 && now.flow[0] == 99, "and the next record begins with what it is");
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + STEP, 1000 + STEP, 100, 49);
	ok(!made(BC_USED_INTERVAL) && use.kind == BC_USED_GAP, "so does an integral");
}

static void test_unknown(void)
{
	reading(&then, T0, 1000, 100, 50);
	reading(&now, T0 + STEP, 1000 + STEP, 0, 0);
	now.known = 0;
	now.count = 0;
	ok(made(BC_USED_INTERVAL) && !use.used.known && !use.used.count,
	   "what is not known any more is not 0");
	then = now;
	reading(&now, T0 + 2 * STEP, 1000 + 2 * STEP, 130, 75);
	ok(made(BC_USED_INTERVAL) && use.used.flow[0] == 30 &&
	   res(0)->v[BC_FIG_HELD_TIME] == 25, "when it is known again nothing of it is missing");
	reading(&then, T0, 1000, 100, 50);
	then.stale = then.known;
	then.res[0].stale = then.res[0].known;
	reading(&now, T0 + STEP, 1000 + STEP, 5, 5);
	ok(made(BC_USED_INTERVAL) && !(use.used.known & 3) &&
	   !(res(0)->known & 1U << BC_FIG_HELD_TIME), "one that began anew meanwhile is unknown");
	ok(now.flow[0] == 5 && now.known & 1 && !now.stale, "until the next record");
}

static void test_gap(void)
{
	reading(&then, T0, 1000, 100, 50);
	bc_meter_gap(&then, T0 + 5, BC_WHY_LOST, &use);
	ok(use.kind == BC_USED_GAP && times(0, 5, BC_WHY_LOST) && !use.timed, "a gap has its time");
	bc_meter_gap(&then, T0 - 5, BC_WHY_LOST, &use);
	ok(times(0, 1, BC_WHY_LOST), "and never less than a millisecond");
	ok(bc_meter_due(T0, STEP) == T0 + STEP && bc_meter_due(T0 - 1, STEP) == T0,
	   "the next record is due at a multiple");
}

/* Whatever is read when, the records add up, follow each other, and never run backwards. */
static void test_random(void)
{
	uint64_t rnd = 88172645463325252ULL, cpu = 0, boot = 1000, sum = 0, held = 0, span = 0;
	int64_t utc = T0, newest = T0;
	bool good = true;
	int i;

	bc_meter_begin(&then, T0, boot * MS);
	for (i = 0; i < 20000; i++) {
		uint64_t passed = tap_random(&rnd) % 400000;

		boot += passed;
		utc += passed;
		if (tap_random(&rnd) % 50 == 0)
			utc += (int64_t)(tap_random(&rnd) % 7200000) - 3600000;
		cpu += tap_random(&rnd) % 1000;
		if (bc_meter_hold(newest, utc) || tap_random(&rnd) % 10 == 0)
			continue;
		reading(&now, utc, boot, cpu, cpu / 3);
		if (tap_random(&rnd) % 20 == 0)
			now.known = 0;
		good &= made(BC_USED_INTERVAL);
		good &= use.begin_ms >= newest && use.end_ms > use.begin_ms;
		sum += use.used.known & 1 ? use.used.flow[0] : 0;
		held += res(0)->v[BC_FIG_HELD_TIME];
		span += use.span_ns;
		newest = use.end_ms;
		then = now;
	}
	reading(&now, utc + DAY / 24, boot + DAY / 24, cpu, cpu / 3);
	good &= made(BC_USED_CLOSING);
	sum += use.used.flow[0];
	held += res(0)->v[BC_FIG_HELD_TIME];
	span += use.span_ns;
	ok(good, "20000 readings at any time make records in their order");
	ok(sum == cpu && held == cpu / 3 && span == (boot + DAY / 24 - 1000) * MS,
	   "and they add up to the unit");
}

static void test_keep(void)
{
	struct bc_keep keep;

	ok(!bc_keep_parse("90d:400d:forever", &keep) && keep.fine == 90 * DAY &&
	   keep.hours == 400 * DAY && keep.days == BC_KEEP_FOREVER, "how long records are kept");
	ok(!bc_keep_parse("48h", &keep) && keep.fine == 2 * DAY && keep.hours == BC_KEEP_FOREVER,
	   "what is not said is for ever");
	ok(!bc_keep_parse("1d:2d:10y", &keep) && keep.days == 3650 * DAY, "years");
	ok(bc_keep_parse("", &keep) && bc_keep_parse("90", &keep) && bc_keep_parse("0d", &keep) &&
	   bc_keep_parse("-1d", &keep) && bc_keep_parse("2d:1d", &keep) &&
	   bc_keep_parse("1d:2d:3d:4d", &keep) && bc_keep_parse("1d:", &keep) &&
	   bc_keep_parse("1dd", &keep) && bc_keep_parse("99999999999999999999d", &keep),
	   "nonsense is refused");
}

int main(void)
{
	test_plain();
	test_first();
	test_peak();
	test_late();
	test_forward();
	test_back();
	test_backwards();
	test_unknown();
	test_gap();
	test_random();
	test_keep();
	return tap_end();
}
