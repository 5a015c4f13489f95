// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the token bucket: what it lets through in the long run, and when
 */
#include <kunit/test.h>
#include <linux/random.h>
#include <linux/time64.h>

#include "../../kmod/bucket.h"
#include "crew.h"

#define START	(77 * NSEC_PER_SEC + 123456789)

static u64 below(u64 bound)
{
	return get_random_u64() % bound;
}

static void bucket_new_has_nothing(struct kunit *test)
{
	struct bc_bucket b;

	bc_bucket_init(&b, 1000, 100, START);
	KUNIT_EXPECT_EQ(test, bc_bucket_wait(&b, START), 0);
	bc_bucket_charge(&b, 1, START);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, START), 1);
	KUNIT_EXPECT_EQ(test, bc_bucket_wait(&b, START), NSEC_PER_MSEC + 1);
	KUNIT_EXPECT_EQ(test, bc_bucket_wait(&b, START + NSEC_PER_MSEC), 0);
}

static void bucket_saves_up_to_its_depth(struct kunit *test)
{
	u64 later = START + 1000 * NSEC_PER_SEC;
	struct bc_bucket b;

	bc_bucket_init(&b, 1000, 100, START);
	bc_bucket_charge(&b, 100, later);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, later), 0);
	bc_bucket_charge(&b, 1, later);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, later), 1);
}

static void bucket_below_one_token_a_burst(struct kunit *test)
{
	struct bc_bucket b;

	/* One per second, and nothing can be saved up in a millisecond. */
	bc_bucket_init(&b, 1, 1, START);
	bc_bucket_charge(&b, 1, START + 5 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, START + 5 * NSEC_PER_SEC), 1);
	KUNIT_EXPECT_LE(test, bc_bucket_wait(&b, START + 5 * NSEC_PER_SEC), NSEC_PER_SEC + 1);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, START + 6 * NSEC_PER_SEC), 0);
}

/* Waiting for as long as it says is enough, and a microsecond or one token less is not. */
static void bucket_wait_is_exact(struct kunit *test)
{
	u64 rate, now, wait, slack;
	struct bc_bucket b;
	int i;

	for (i = 0; i < 20000; i++) {
		rate = 1 + below(1ULL << (1 + below(50)));
		now = START + below(NSEC_PER_SEC << below(20));
		bc_bucket_init(&b, rate, 1 + below(60000), START);
		bc_bucket_charge(&b, 1 + below(1ULL << (1 + below(40))), now);
		wait = bc_bucket_wait(&b, now);
		if (!wait || wait == BC_BUCKET_WAIT_MAX)
			continue;
		slack = NSEC_PER_USEC + NSEC_PER_SEC / rate;
		KUNIT_ASSERT_EQ(test, bc_bucket_wait(&b, now + wait), 0);
		if (wait > slack)
			KUNIT_ASSERT_GT(test, bc_bucket_wait(&b, now + wait - slack), 0);
	}
}

/* Who pays each debt before the next request gets the rate, however irregular it is. */
static void bucket_average(struct kunit *test, u64 rate, u64 largest, unsigned int burst_ms)
{
	u64 now = START, sum = 0, amount, span, wait;
	struct bc_bucket b;
	int i;

	bc_bucket_init(&b, rate, burst_ms, START);
	for (i = 0; i < 50000; i++) {
		amount = 1 + below(largest);
		bc_bucket_charge(&b, amount, now);
		sum += amount;
		wait = bc_bucket_wait(&b, now);
		now += wait;
		/* Sometimes it is late, but not by more than it may make up for. */
		if (wait && !below(3))
			now += below(burst_ms * NSEC_PER_MSEC / 2);
	}
	now += bc_bucket_wait(&b, now);
	span = mul_u64_u64_div_u64(now - START, rate, NSEC_PER_SEC);
	KUNIT_EXPECT_LE_MSG(test, sum, span + 1, "rate %llu", rate);
	KUNIT_EXPECT_GE_MSG(test, sum, span - span / 33 - rate * burst_ms / MSEC_PER_SEC,
			    "rate %llu", rate);
}

static void bucket_average_is_the_rate(struct kunit *test)
{
	bucket_average(test, 100, 2, 1000);
	bucket_average(test, 1000, 50, 100);
	bucket_average(test, 1 << 20, 1 << 20, 100);
	bucket_average(test, 999999937, 1 << 22, 10);
	bucket_average(test, 1ULL << 40, 1ULL << 32, 10);
}

/* At this rate a token is a millionth of a nanosecond, and yet it is not rounded away. */
static void bucket_small_charges_count(struct kunit *test)
{
	u64 now = START, rate = 1ULL << 50;
	struct bc_bucket b;
	int i;

	bc_bucket_init(&b, rate, 1, START);
	for (i = 0; i < 100000; i++)
		bc_bucket_charge(&b, 1, now);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, now), 100000);
}

static void bucket_after_ages_is_full(struct kunit *test)
{
	u64 rates[] = { 1, 4096, 1ULL << 30, 1ULL << 50 };
	u64 now, year = 365ULL * 86400 * NSEC_PER_SEC;
	struct bc_bucket b;
	int i, years;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		for (years = 1; years < 200; years += 13) {
			now = START + years * year;
			bc_bucket_init(&b, rates[i], 1000, START);
			bc_bucket_charge(&b, 10, START);
			KUNIT_EXPECT_EQ(test, bc_bucket_wait(&b, now), 0);
			bc_bucket_charge(&b, rates[i] + 1, now);
			KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, now), 1);
		}
	}
}

static void bucket_time_may_step_back(struct kunit *test)
{
	struct bc_bucket b;

	bc_bucket_init(&b, 1000, 100, START);
	bc_bucket_charge(&b, 1, START - NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, START - NSEC_PER_SEC), 1);
	bc_bucket_charge(&b, 10, START + NSEC_PER_SEC);
	bc_bucket_charge(&b, 10, START + NSEC_PER_SEC - NSEC_PER_MSEC * 50);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, START + NSEC_PER_SEC), 0);
	bc_bucket_charge(&b, 81, START + NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, START + NSEC_PER_SEC), 1);
}

static void bucket_huge_debt_has_a_bound(struct kunit *test)
{
	struct bc_bucket b;

	bc_bucket_init(&b, 1, 1, START);
	bc_bucket_charge(&b, 1ULL << 60, START);
	KUNIT_EXPECT_EQ(test, bc_bucket_wait(&b, START), BC_BUCKET_WAIT_MAX);
}

#define CHARGES	100000

static void bucket_charger(void *arg)
{
	int i;

	for (i = 0; i < CHARGES; i++)
		bc_bucket_charge(arg, 3, START);
}

static void bucket_races_lose_nothing(struct kunit *test)
{
	struct crew crew = {};
	struct bc_bucket b;
	int i;

	bc_bucket_init(&b, 1000, 100, START);
	for (i = 0; i < 4; i++)
		crew_hire(test, &crew, bucket_charger, &b);
	crew_run(&crew);
	KUNIT_EXPECT_EQ(test, bc_bucket_debt(&b, START), 4 * 3 * CHARGES);
}

static struct kunit_case bucket_cases[] = {
	KUNIT_CASE(bucket_new_has_nothing),
	KUNIT_CASE(bucket_saves_up_to_its_depth),
	KUNIT_CASE(bucket_below_one_token_a_burst),
	KUNIT_CASE(bucket_wait_is_exact),
	KUNIT_CASE(bucket_average_is_the_rate),
	KUNIT_CASE(bucket_small_charges_count),
	KUNIT_CASE(bucket_after_ages_is_full),
	KUNIT_CASE(bucket_time_may_step_back),
	KUNIT_CASE(bucket_huge_debt_has_a_bound),
	KUNIT_CASE(bucket_races_lose_nothing),
	{}
};

static struct kunit_suite bucket_suite = {
	.name = "beancounter_bucket",
	.test_cases = bucket_cases,
};

kunit_test_suite(bucket_suite);
