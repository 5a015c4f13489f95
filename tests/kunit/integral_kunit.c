// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of integrals
 *
 * Random charges, uncharges, refusals, moves and recounts, against a reference that
 * adds up what is held tick by tick, in 128 bits. The clock is the test's own.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/prandom.h>

#include "../../kmod/counter.h"
#include "../../kmod/integral.h"
#include "clock.h"
#include "crew.h"
#include "pools.h"

#define LEVELS		4
#define START		4294892296ULL	/* jiffies_64 at boot */

/* Units times ticks; exact. */
#define exact_t	unsigned __int128

struct integrals {
	struct bc_counter	level[LEVELS];
	struct bc_integral	in[LEVELS];
	exact_t			exact[LEVELS];
	u64			told[LEVELS];
	struct rnd_state	rnd;
	struct crew		crew;
	atomic64_t		low;
	atomic64_t		high;
	atomic_t		running;
};

static int integral_test_init(struct kunit *test)
{
	struct integrals *ins = kunit_kzalloc(test, sizeof(*ins), GFP_KERNEL);
	int i;

	if (!ins)
		return -ENOMEM;
	test->priv = ins;
	test_ticks = START;
	prandom_seed_state(&ins->rnd, 20261121);
	for (i = 0; i < LEVELS; i++)
		bc_counter_init(&ins->level[i], i + 1 < LEVELS ? &ins->level[i + 1] : NULL);
	return 0;
}

static void integral_test_exit(struct kunit *test)
{
	struct integrals *ins = test->priv;

	if (ins)
		crew_dismiss(&ins->crew);
	test_ticks = 0;
}

/* Time passes; the reference sees what is held meanwhile. */
static void pass(struct integrals *ins, u64 ticks)
{
	int i;

	for (i = 0; i < LEVELS; i++)
		ins->exact[i] += (exact_t)bc_counter_held(&ins->level[i]) * ticks;
	test_ticks += ticks;
}

/* Folds one level, and sees that it neither falls nor is off by a unit-second. */
static void check(struct kunit *test, int i)
{
	struct integrals *ins = test->priv;
	exact_t told;

	bc_counter_integrate(&ins->level[i], &ins->in[i], test_ticks);
	told = (exact_t)ins->in[i].total * HZ;
	KUNIT_ASSERT_TRUE(test, told <= ins->exact[i]);
	KUNIT_ASSERT_TRUE(test, ins->exact[i] - told < HZ);
	KUNIT_ASSERT_GE(test, ins->in[i].total, ins->told[i]);
	ins->told[i] = ins->in[i].total;
}

static void integral_of_one_unit_is_the_time_it_was_held(struct kunit *test)
{
	struct integrals *ins = test->priv;

	bc_counter_charge(ins->level, NULL, 1);
	pass(ins, HZ - 1);
	check(test, 0);
	KUNIT_EXPECT_EQ(test, ins->in[0].total, 0);
	pass(ins, 1);
	check(test, 0);
	KUNIT_EXPECT_EQ(test, ins->in[0].total, 1);
	pass(ins, 3600 * HZ);
	bc_counter_uncharge(ins->level, NULL, 1);
	pass(ins, 3600 * HZ);
	check(test, 0);
	KUNIT_EXPECT_EQ(test, ins->in[0].total, 3601);
}

static void integral_keeps_what_is_below_a_unit_second(struct kunit *test)
{
	struct integrals *ins = test->priv;
	int i;

	bc_counter_charge(ins->level, NULL, 1);
	for (i = 0; i < 10 * HZ; i++) {
		pass(ins, 1);
		check(test, 0);
	}
	KUNIT_EXPECT_EQ(test, ins->in[0].total, 10);
}

/* 2^49 bytes are charged in a moment of 2^81, and held for 20 minutes. */
static void integral_does_not_mind_that_moments_overflow(struct kunit *test)
{
	struct integrals *ins = test->priv;
	int i, level;

	for (i = 0; i < 20; i++) {
		bc_counter_charge(ins->level, NULL, 1ULL << 49);
		pass(ins, 60 * HZ);
		for (level = 0; level < LEVELS; level++)
			check(test, level);
		bc_counter_uncharge(ins->level, NULL, (1ULL << 49) - i);
	}
}

static void integral_random_charges_agree_with_the_reference(struct kunit *test)
{
	struct integrals *ins = test->priv;
	struct bc_counter *fail;
	u64 amount, held;
	int step, level;

	for (step = 0; step < 200000; step++) {
		level = prandom_u32_state(&ins->rnd) % LEVELS;
		held = bc_counter_held(&ins->level[level]);
		if (level)
			held -= bc_counter_held(&ins->level[level - 1]);
		amount = prandom_u32_state(&ins->rnd) >> (prandom_u32_state(&ins->rnd) % 32);
		switch (prandom_u32_state(&ins->rnd) % 4) {
		case 0:
			bc_counter_charge(&ins->level[level], NULL, amount);
			break;
		case 1:
			if (!bc_counter_try_charge(&ins->level[level], amount, BC_HARD, &fail))
				KUNIT_FAIL(test, "refused without a bound");
			break;
		default:
			bc_counter_uncharge(&ins->level[level], NULL, min(amount, held));
			break;
		}
		if (!(prandom_u32_state(&ins->rnd) % 3))
			pass(ins, prandom_u32_state(&ins->rnd) % (2 * HZ));
		if (!(prandom_u32_state(&ins->rnd) % 7))
			check(test, prandom_u32_state(&ins->rnd) % LEVELS);
	}
	for (level = 0; level < LEVELS; level++)
		check(test, level);
}

static void integral_of_refused_charges_is_nothing(struct kunit *test)
{
	struct integrals *ins = test->priv;
	u64 before[LEVELS];
	struct bc_counter *fail;
	int step, level;

	bc_counter_charge(ins->level, NULL, 5);
	for (step = 0; step < 1000; step++) {
		pass(ins, 1 + prandom_u32_state(&ins->rnd) % HZ);
		for (level = 0; level < LEVELS; level++) {
			bc_counter_set_bounds(&ins->level[level], BC_UNLIMITED, BC_UNLIMITED);
			before[level] = atomic64_read(&ins->level[level].moment);
		}
		level = prandom_u32_state(&ins->rnd) % LEVELS;
		bc_counter_set_bounds(&ins->level[level], 5, 5);
		KUNIT_ASSERT_FALSE(test, bc_counter_try_charge(ins->level, 1, BC_HARD, &fail));
		for (level = 0; level < LEVELS; level++)
			KUNIT_ASSERT_EQ(test, (u64)atomic64_read(&ins->level[level].moment),
					before[level]);
	}
	for (level = 0; level < LEVELS; level++)
		check(test, level);
}

/*
 * What is released is only noticed at the next recount, up to 10 s later. The error of
 * each is at most half of that time, and they come to nothing in the long run.
 */
static void integral_of_recounts_is_within_the_bound(struct kunit *test)
{
	struct integrals *ins = test->priv;
	u64 truth, charged = 0, since = test_ticks, when, amount, period;
	__int128 error, bound = 0, sum = 0;
	exact_t exact = 0;
	int step;

	for (step = 0; step < 20000; step++) {
		amount = 1 + prandom_u32_state(&ins->rnd) % 1000;
		period = 2 * (1 + prandom_u32_state(&ins->rnd) % (5 * HZ));
		/* Asked for, and charged, at the beginning; known to be right then. */
		bc_counter_charge(ins->level, NULL, amount);
		charged += amount;
		since = test_ticks;
		when = prandom_u32_state(&ins->rnd) % (period + 1);
		truth = charged - prandom_u32_state(&ins->rnd) % (charged + 1);
		exact += (exact_t)charged * when + (exact_t)truth * (period - when);
		bound += (exact_t)(charged - truth) * period / 2;
		test_ticks += period;
		bc_counter_correct(ins->level, charged, truth, since);
		charged = truth;
		bc_counter_integrate(&ins->level[0], &ins->in[0], test_ticks);
		KUNIT_ASSERT_GE(test, ins->in[0].total, ins->told[0]);
		ins->told[0] = ins->in[0].total;
		error = (__int128)((exact_t)ins->in[0].total * HZ) - (__int128)exact;
		KUNIT_ASSERT_TRUE(test, error <= bound && error > -bound - HZ);
		sum = error;
	}
	/* A hundredth of the bound would be six times what chance makes likely. */
	KUNIT_EXPECT_TRUE(test, sum < bound / 50 && sum > -bound / 50);
	KUNIT_EXPECT_EQ(test, bc_counter_held(&ins->level[LEVELS - 1]), charged);
}

/* Told with what was gone already: it waits until the truth has come up to it. */
static void integral_never_falls_when_a_release_is_noticed_late(struct kunit *test)
{
	struct integrals *ins = test->priv;
	u64 since = test_ticks, told = 0;
	int i;

	bc_counter_charge(ins->level, NULL, 1001);
	test_ticks += 10 * HZ;
	bc_counter_integrate(&ins->level[0], &ins->in[0], test_ticks);
	KUNIT_EXPECT_EQ(test, ins->in[0].total, 10010);
	bc_counter_correct(ins->level, 1001, 1, since);
	for (i = 0; i < 6000; i++) {
		test_ticks += HZ;
		bc_counter_integrate(&ins->level[0], &ins->in[0], test_ticks);
		KUNIT_ASSERT_GE(test, ins->in[0].total, told);
		told = ins->in[0].total;
	}
	/* 1000 for 5 s and 1 for 6010 s */
	KUNIT_EXPECT_EQ(test, told, 5000 + 6010);
}

static void integral_corrections_upwards_are_in_the_middle_too(struct kunit *test)
{
	struct integrals *ins = test->priv;
	u64 since = test_ticks;

	test_ticks += 10 * HZ;
	bc_counter_correct(ins->level, 0, 100, since);
	bc_counter_correct(ins->level, 100, 100, since);
	bc_counter_integrate(&ins->level[LEVELS - 1], &ins->in[0], test_ticks);
	KUNIT_EXPECT_EQ(test, ins->in[0].total, 500);
	/* A look that is later than now is now. */
	bc_counter_correct(ins->level, 100, 0, test_ticks + 7);
	test_ticks += 10 * HZ;
	bc_counter_integrate(&ins->level[LEVELS - 1], &ins->in[0], test_ticks);
	KUNIT_EXPECT_EQ(test, ins->in[0].total, 500);
}

static void integral_stops_at_the_end(struct kunit *test)
{
	struct bc_integral in = { .total = U64_MAX - 2 };

	KUNIT_EXPECT_EQ(test, bc_integral_fold(&in, 1, 0, 2 * HZ + 1), 2 * HZ);
	KUNIT_EXPECT_EQ(test, in.total, U64_MAX);
	KUNIT_EXPECT_EQ(test, bc_integral_fold(&in, 1, 0, 2 * HZ + 1), 2 * HZ);
	KUNIT_EXPECT_EQ(test, in.total, U64_MAX);
}

static void integral_of_samples_is_that_of_straight_lines(struct kunit *test)
{
	struct bc_integral in = {}, up = {};
	u64 halves;

	/* The first one says nothing of the time before. */
	KUNIT_EXPECT_EQ(test, bc_integral_sample(&in, 100, 1000), 0);
	halves = bc_integral_sample(&in, 300, 1000 + 10 * HZ);
	bc_integral_book(&in, halves);
	bc_integral_book(&up, halves);
	KUNIT_EXPECT_EQ(test, in.total, 2000);
	KUNIT_EXPECT_EQ(test, up.total, 2000);
	/* Nor does the first one after a gap. */
	in.known = false;
	KUNIT_EXPECT_EQ(test, bc_integral_sample(&in, 7, 1000 + 1000 * HZ), 0);
	bc_integral_book(&in, bc_integral_sample(&in, 7, 1000 + 1001 * HZ));
	KUNIT_EXPECT_EQ(test, in.total, 2007);
	/* What no machine has does not wrap round. */
	KUNIT_EXPECT_EQ(test, bc_integral_sample(&in, U64_MAX / 4, 1000 + 2000 * HZ), U64_MAX);
}

/*
 * One interval between two samples: each step stays for a while, then goes up or down.
 * Returns what is held in the end.
 */
static u64 integral_interval(struct integrals *ins, u64 held, u32 lowest, u32 span,
			     exact_t *exact, u64 *low, u64 *high)
{
	u64 end = 1 + prandom_u32_state(&ins->rnd) % (10 * HZ), stay;

	*low = held;
	*high = held;
	while (end) {
		stay = 1 + prandom_u32_state(&ins->rnd) % end;
		*exact += 2 * (exact_t)held * stay;
		test_ticks += stay;
		end -= stay;
		held = held * (lowest + prandom_u32_state(&ins->rnd) % span) / 100 + 1;
		*low = min(*low, held);
		*high = max(*high, held);
	}
	return held;
}

/* Amounts that walk, sampled at random times: within @of halves of their span times the time. */
static void integral_sampled_walk(struct kunit *test, u32 lowest, u32 span, unsigned int of)
{
	struct integrals *ins = test->priv;
	u64 held = 1 << 20, low, high, since;
	struct bc_integral in = {};
	exact_t exact = 0;		/* in half ticks, as samples are booked */
	__int128 error, before = 0;
	int step;

	bc_integral_sample(&in, held, test_ticks);
	for (step = 0; step < 5000; step++) {
		since = test_ticks;
		if (held > 1ULL << 40 || held < 1 << 10) {
			held = 1 << 20;
			bc_integral_sample(&in, held, since);
		}
		held = integral_interval(ins, held, lowest, span, &exact, &low, &high);
		bc_integral_book(&in, bc_integral_sample(&in, held, test_ticks));
		error = (__int128)((exact_t)in.total * 2 * HZ + in.rest) - (__int128)exact;
		KUNIT_ASSERT_TRUE(test, error - before <= (__int128)of * (high - low) *
					(test_ticks - since));
		KUNIT_ASSERT_TRUE(test, before - error <= (__int128)of * (high - low) *
					(test_ticks - since));
		KUNIT_ASSERT_LT(test, in.rest, 2 * HZ);
		before = error;
	}
}

/* Each interval for itself, not just the sum of all. */
static void integral_of_samples_is_within_the_bound(struct kunit *test)
{
	integral_sampled_walk(test, 50, 101, 2);
}

static void integral_of_rising_samples_is_within_half_of_it(struct kunit *test)
{
	integral_sampled_walk(test, 100, 51, 1);
}

/* The worst that can be: all of it comes after a sample and goes before the next. */
static void integral_of_a_peak_between_samples_is_missed(struct kunit *test)
{
	struct bc_integral in = {};

	bc_integral_sample(&in, 0, 1000);
	KUNIT_EXPECT_EQ(test, bc_integral_sample(&in, 0, 1000 + 10 * HZ), 0);
}

/* Charges and uncharges; notes the earliest and the latest that its ticks allow. */
static void integral_worker(void *data)
{
	struct integrals *ins = data;
	u64 before, after, low = 0, high = 0;
	struct bc_counter *fail;
	int i;

	for (i = 0; i < 20000; i++) {
		before = READ_ONCE(test_ticks);
		if (!bc_counter_try_charge(ins->level, 3, BC_HARD, &fail))
			continue;
		after = READ_ONCE(test_ticks);
		if (!(i % 64))
			cond_resched();
		high -= 3 * before;
		low -= 3 * after;
		before = READ_ONCE(test_ticks);
		bc_counter_uncharge(ins->level, NULL, 3);
		after = READ_ONCE(test_ticks);
		high += 3 * after;
		low += 3 * before;
	}
	atomic64_add(low, &ins->low);
	atomic64_add(high, &ins->high);
	atomic_dec(&ins->running);
}

static void integral_clock(void *data)
{
	struct integrals *ins = data;

	while (atomic_read(&ins->running)) {
		WRITE_ONCE(test_ticks, test_ticks + 1);
		cond_resched();
	}
}

static void integral_threads_lose_nothing(struct kunit *test)
{
	struct integrals *ins = test->priv;
	u64 ticks;
	int i;

	/* Some are refused, at different levels. */
	bc_counter_set_bounds(&ins->level[1], 8, 8);
	bc_counter_set_bounds(&ins->level[3], 6, 6);
	atomic_set(&ins->running, 4);
	for (i = 0; i < 4; i++)
		crew_hire(test, &ins->crew, integral_worker, ins);
	crew_hire(test, &ins->crew, integral_clock, ins);
	crew_run(&ins->crew);
	for (i = 0; i < LEVELS; i++) {
		KUNIT_EXPECT_EQ(test, bc_counter_held(&ins->level[i]), 0);
		/* With nothing held this is what was held, in units times ticks. */
		ticks = -atomic64_read(&ins->level[i].moment);
		KUNIT_EXPECT_GE(test, ticks, (u64)atomic64_read(&ins->low));
		KUNIT_EXPECT_LE(test, ticks, (u64)atomic64_read(&ins->high));
	}
}

static u64 pool_ticks(struct bc_pool *pool)
{
	return (u64)atomic64_read(&pool->cnt[BC_NUMFILE].held) * test_ticks -
	       atomic64_read(&pool->cnt[BC_NUMFILE].moment);
}

/* What moves counts where it is; levels above both do not notice. */
static void integral_moves_with_what_is_held(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS];

	pools_plant(test, p);
	bc_counter_charge(&p[AAA]->cnt[BC_NUMFILE], NULL, 10);
	test_ticks += 100;
	bc_pool_move(p[AAA], p[AB], BC_NUMFILE, 4);
	test_ticks += 50;
	bc_pool_move(p[AB], p[BA], BC_NUMFILE, 3);
	test_ticks += 7;
	KUNIT_EXPECT_EQ(test, pool_ticks(p[AAA]), 10 * 100 + 6 * 57);
	KUNIT_EXPECT_EQ(test, pool_ticks(p[AA]), 10 * 100 + 6 * 57);
	KUNIT_EXPECT_EQ(test, pool_ticks(p[AB]), 4 * 50 + 7);
	KUNIT_EXPECT_EQ(test, pool_ticks(p[A]), 10 * 150 + 7 * 7);
	KUNIT_EXPECT_EQ(test, pool_ticks(p[BA]), 3 * 7);
	KUNIT_EXPECT_EQ(test, pool_ticks(p[B]), 3 * 7);
	KUNIT_EXPECT_EQ(test, pool_ticks(p[HOST]), 10 * 157);
	bc_pool_move(p[AAA], NULL, BC_NUMFILE, 6);
	bc_pool_move(p[AB], NULL, BC_NUMFILE, 1);
	bc_pool_move(p[BA], NULL, BC_NUMFILE, 3);
	test_ticks += 1000;
	KUNIT_EXPECT_EQ(test, pool_ticks(p[HOST]), 10 * 157);
}

/* A pool that comes between begins with nothing; what is below keeps what it has. */
static void integral_of_a_pool_between_begins_with_nothing(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *p[NR_POOLS], *new;

	pools_plant(test, p);
	bc_counter_charge(&p[BA]->cnt[BC_NUMFILE], NULL, 5);
	test_ticks += 20;
	new = pools_add(test, "new", p[B]);
	mutex_lock(&pools->tree.lock);
	bc_tree_insert_above(&pools->tree, new, p[BA]);
	mutex_unlock(&pools->tree.lock);
	test_ticks += 3;
	KUNIT_EXPECT_EQ(test, pool_ticks(p[BA]), 5 * 23);
	KUNIT_EXPECT_EQ(test, pool_ticks(new), 5 * 3);
	KUNIT_EXPECT_EQ(test, pool_ticks(p[B]), 5 * 23);
	bc_counter_uncharge(&p[BA]->cnt[BC_NUMFILE], NULL, 5);
}

static struct kunit_case integral_cases[] = {
	KUNIT_CASE(integral_of_one_unit_is_the_time_it_was_held),
	KUNIT_CASE(integral_keeps_what_is_below_a_unit_second),
	KUNIT_CASE(integral_does_not_mind_that_moments_overflow),
	KUNIT_CASE(integral_random_charges_agree_with_the_reference),
	KUNIT_CASE(integral_of_refused_charges_is_nothing),
	KUNIT_CASE(integral_of_recounts_is_within_the_bound),
	KUNIT_CASE(integral_never_falls_when_a_release_is_noticed_late),
	KUNIT_CASE(integral_corrections_upwards_are_in_the_middle_too),
	KUNIT_CASE(integral_stops_at_the_end),
	KUNIT_CASE(integral_of_samples_is_that_of_straight_lines),
	KUNIT_CASE(integral_of_samples_is_within_the_bound),
	KUNIT_CASE(integral_of_rising_samples_is_within_half_of_it),
	KUNIT_CASE(integral_of_a_peak_between_samples_is_missed),
	KUNIT_CASE(integral_threads_lose_nothing),
	{}
};

static struct kunit_case integral_pool_cases[] = {
	KUNIT_CASE(integral_moves_with_what_is_held),
	KUNIT_CASE(integral_of_a_pool_between_begins_with_nothing),
	{}
};

static struct kunit_suite integral_suite = {
	.name = "beancounter_integral",
	.init = integral_test_init,
	.exit = integral_test_exit,
	.test_cases = integral_cases,
};

static struct kunit_suite integral_pool_suite = {
	.name = "beancounter_integral_pools",
	.init = pools_init,
	.exit = pools_exit,
	.test_cases = integral_pool_cases,
};

kunit_test_suites(&integral_suite, &integral_pool_suite);
