// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of thresholds: where they lie, who notices, what is told
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "../../kmod/threshold.h"
#include "crew.h"

struct thresholds {
	struct bc_counter	parent;
	struct bc_counter	cnt;
	struct crew		crew;
};

static atomic_t threshold_told;

static void threshold_tell(void)
{
	atomic_inc(&threshold_told);
}

static int threshold_test_init(struct kunit *test)
{
	struct thresholds *th = kunit_kzalloc(test, sizeof(*th), GFP_KERNEL);

	if (!th)
		return -ENOMEM;
	bc_counter_init(&th->parent, NULL);
	bc_counter_init(&th->cnt, &th->parent);
	atomic_set(&threshold_told, 0);
	bc_threshold_set_notify(threshold_tell);
	test->priv = th;
	return 0;
}

static void threshold_test_exit(struct kunit *test)
{
	struct thresholds *th = test->priv;

	bc_threshold_set_notify(NULL);
	if (th)
		crew_dismiss(&th->crew);
}

static int told(void)
{
	return atomic_xchg(&threshold_told, 0);
}

static void threshold_check_knows_percents(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, bc_threshold_check(1, 0), 0);
	KUNIT_EXPECT_EQ(test, bc_threshold_check(100, 99), 0);
	KUNIT_EXPECT_EQ(test, bc_threshold_check(0, 0), -ERANGE);
	KUNIT_EXPECT_EQ(test, bc_threshold_check(101, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, bc_threshold_check(U32_MAX, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, bc_threshold_check(80, 80), -EINVAL);
	KUNIT_EXPECT_EQ(test, bc_threshold_check(80, U32_MAX), -EINVAL);
}

struct place {
	u64	barrier;
	u32	rise;
	u32	fall;
	u64	rise_at;
	u64	fall_at;
};

static const struct place places[] = {
	{ 100, 80, 75, 80, 75 },
	{ 10, 85, 75, 9, 7 },
	{ 1, 1, 0, 1, 0 },
	{ 1, 100, 99, 1, 0 },
	{ 2, 50, 49, 1, 0 },
	{ 0, 80, 75, 1, 0 },
	{ 3, 34, 33, 2, 0 },
	{ 200, 1, 0, 2, 0 },
	{ BC_AMOUNT_MAX, 100, 50, BC_AMOUNT_MAX, BC_AMOUNT_MAX / 2 },
	{ BC_UNLIMITED, 80, 75, BC_UNLIMITED, BC_UNLIMITED },
};

static void threshold_lies_where_the_percents_say(struct kunit *test)
{
	struct thresholds *th = test->priv;
	const struct bc_threshold *at = &th->cnt.threshold;
	const struct place *p;

	for (p = places; p < places + ARRAY_SIZE(places); p++) {
		bc_counter_set_bounds(&th->cnt, p->barrier, BC_UNLIMITED);
		bc_threshold_set(&th->cnt, p->rise, p->fall);
		KUNIT_EXPECT_EQ_MSG(test, at->rise_at, p->rise_at, "%llu", p->barrier);
		KUNIT_EXPECT_EQ_MSG(test, at->fall_at, p->fall_at, "%llu", p->barrier);
		KUNIT_EXPECT_EQ(test, th->cnt.rise, p->rise_at);
	}
	bc_threshold_set(&th->cnt, 0, 0);
	KUNIT_EXPECT_EQ(test, th->cnt.rise, BC_UNLIMITED);
}

/* 80 % up, 50 % down, of 10. */
static struct bc_counter *threshold_ready(struct kunit *test)
{
	struct thresholds *th = test->priv;

	bc_counter_set_bounds(&th->cnt, 10, 20);
	bc_threshold_set(&th->cnt, 80, 50);
	return &th->cnt;
}

static void threshold_is_told_once(struct kunit *test)
{
	struct bc_counter *cnt = threshold_ready(test), *fail;
	struct bc_crossing x;
	u64 before;

	bc_counter_charge(cnt, NULL, 7);
	KUNIT_EXPECT_EQ(test, told(), 0);
	KUNIT_EXPECT_FALSE(test, bc_threshold_look(cnt, false, false, &x));
	KUNIT_EXPECT_FALSE(test, bc_threshold_open(cnt));
	before = ktime_get_boottime_ns();
	KUNIT_EXPECT_TRUE(test, bc_counter_try_charge(cnt, 1, BC_HARD, &fail));
	KUNIT_EXPECT_EQ(test, told(), 1);
	bc_counter_charge(cnt, NULL, 1);
	KUNIT_EXPECT_EQ(test, told(), 0);
	KUNIT_EXPECT_TRUE(test, bc_threshold_open(cnt));

	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, true, false, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_UP);
	KUNIT_EXPECT_EQ(test, x.percent, 80);
	KUNIT_EXPECT_EQ(test, x.held, 9);
	KUNIT_EXPECT_EQ(test, x.barrier, 10);
	KUNIT_EXPECT_GE(test, x.time, before);
	KUNIT_EXPECT_LE(test, x.time, ktime_get_boottime_ns());
	KUNIT_EXPECT_TRUE(test, bc_threshold_open(cnt));
	KUNIT_EXPECT_FALSE(test, bc_threshold_look(cnt, true, true, &x));
	bc_counter_uncharge(cnt, NULL, 3);
	bc_counter_charge(cnt, NULL, 4);
	KUNIT_EXPECT_FALSE(test, bc_threshold_look(cnt, true, true, &x));
	KUNIT_EXPECT_EQ(test, told(), 0);

	bc_counter_uncharge(cnt, NULL, 5);
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, true, false, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_DOWN);
	KUNIT_EXPECT_EQ(test, x.percent, 50);
	KUNIT_EXPECT_EQ(test, x.held, 5);
	KUNIT_EXPECT_FALSE(test, bc_threshold_open(cnt));
	bc_counter_charge(cnt, NULL, 3);
	KUNIT_EXPECT_EQ(test, told(), 1);
}

static void threshold_tells_a_short_visit_of_what_is_exact(struct kunit *test)
{
	struct bc_counter *cnt = threshold_ready(test);
	struct bc_crossing x;

	bc_counter_charge(cnt, NULL, 9);
	bc_counter_uncharge(cnt, NULL, 9);

	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, false, false, &x));
	KUNIT_EXPECT_EQ(test, x.held, 9);
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, false, false, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_DOWN);
	KUNIT_EXPECT_EQ(test, x.held, 0);
}

static void threshold_does_not_tell_what_only_seemed_so(struct kunit *test)
{
	struct bc_counter *cnt = threshold_ready(test);
	struct bc_crossing x;

	bc_counter_charge(cnt, NULL, 9);
	bc_counter_uncharge(cnt, NULL, 5);	/* the recount */
	KUNIT_EXPECT_FALSE(test, bc_threshold_look(cnt, true, false, &x));
	KUNIT_EXPECT_TRUE(test, bc_threshold_open(cnt));
	told();
	bc_counter_charge(cnt, NULL, 5);
	KUNIT_EXPECT_EQ_MSG(test, told(), 0, "not armed at once");
	bc_counter_uncharge(cnt, NULL, 5);
	KUNIT_EXPECT_FALSE(test, bc_threshold_look(cnt, true, true, &x));
	KUNIT_EXPECT_FALSE(test, bc_threshold_open(cnt));
	bc_counter_charge(cnt, NULL, 5);
	KUNIT_EXPECT_EQ_MSG(test, told(), 1, "armed again");
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, true, false, &x));
}

static void threshold_follows_the_barrier(struct kunit *test)
{
	struct bc_counter *cnt = threshold_ready(test);
	struct bc_crossing x;

	bc_counter_charge(cnt, NULL, 6);
	bc_counter_set_bounds(cnt, 7, 7);
	KUNIT_EXPECT_EQ(test, told(), 1);
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, false, false, &x));
	KUNIT_EXPECT_EQ(test, x.barrier, 7);
	bc_counter_set_bounds(cnt, 12, 12);
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, false, false, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_DOWN);
	bc_counter_set_bounds(cnt, 6, 6);
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, false, false, &x));
	bc_counter_set_bounds(cnt, BC_UNLIMITED, BC_UNLIMITED);
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(cnt, false, false, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_DOWN);
	told();
	bc_counter_charge(cnt, NULL, 1000);
	KUNIT_EXPECT_EQ(test, told(), 0);
	bc_threshold_set(cnt, 0, 0);
	bc_counter_set_bounds(cnt, 5, 5);
	KUNIT_EXPECT_EQ(test, told(), 0);
	KUNIT_EXPECT_FALSE(test, bc_threshold_look(cnt, false, true, &x));
}

static void threshold_of_the_parent_sees_the_sum(struct kunit *test)
{
	struct thresholds *th = test->priv;
	struct bc_crossing x;

	bc_counter_set_bounds(&th->parent, 10, 10);
	bc_threshold_set(&th->parent, 80, 50);
	bc_counter_charge(&th->parent, NULL, 5);
	bc_counter_charge(&th->cnt, NULL, 3);

	KUNIT_EXPECT_EQ(test, told(), 1);
	KUNIT_EXPECT_FALSE(test, bc_threshold_look(&th->cnt, false, false, &x));
	KUNIT_EXPECT_TRUE(test, bc_threshold_look(&th->parent, false, false, &x));
}

static void threshold_says_nothing_of_a_refused_charge(struct kunit *test)
{
	struct thresholds *th = test->priv;
	struct bc_counter *cnt = threshold_ready(test), *fail;

	bc_counter_set_bounds(&th->parent, 5, 5);
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 9, BC_HARD, &fail));
	KUNIT_EXPECT_EQ(test, told(), 0);
}

#define TIDE_WORKERS	4
#define TIDE_ROUNDS	20000

struct tide {
	struct bc_counter	*cnt;
	atomic_t		working;
	int			up;
	int			down;
	int			wrong;
};

static void tide_work(void *arg)
{
	struct tide *tide = arg;
	int i;

	for (i = 0; i < TIDE_ROUNDS; i++) {
		bc_counter_charge(tide->cnt, NULL, 1 + i % 4);
		bc_counter_uncharge(tide->cnt, NULL, 1 + i % 4);
		cond_resched();
	}
	atomic_dec(&tide->working);
}

static void tide_look(struct tide *tide)
{
	struct bc_crossing x;

	if (!bc_threshold_look(tide->cnt, false, true, &x))
		return;
	if (x.direction == BC_DIRECTION_UP)
		tide->wrong += tide->up++ != tide->down || x.held < 8 ||
			       x.held > 4 * TIDE_WORKERS;
	else
		tide->wrong += ++tide->down != tide->up || x.held > 5;
}

static void tide_watch(void *arg)
{
	struct tide *tide = arg;

	while (atomic_read(&tide->working)) {
		tide_look(tide);
		cond_resched();
	}
}

/* Up and down are told in turn, and in the end nothing is left above. */
static void threshold_alternates_while_threads_race(struct kunit *test)
{
	struct tide *tide = kunit_kzalloc(test, sizeof(*tide), GFP_KERNEL);
	struct thresholds *th = test->priv;
	int i;

	KUNIT_ASSERT_TRUE(test, tide);
	tide->cnt = threshold_ready(test);
	atomic_set(&tide->working, TIDE_WORKERS);
	for (i = 0; i < TIDE_WORKERS; i++)
		crew_hire(test, &th->crew, tide_work, tide);
	crew_hire(test, &th->crew, tide_watch, tide);
	crew_run(&th->crew);
	for (i = 0; i < 3; i++)
		tide_look(tide);

	KUNIT_EXPECT_EQ(test, tide->wrong, 0);
	KUNIT_EXPECT_EQ(test, tide->up, tide->down);
	KUNIT_EXPECT_FALSE(test, bc_threshold_open(tide->cnt));
	/* And it is armed. */
	told();
	bc_counter_charge(tide->cnt, NULL, 8);
	KUNIT_EXPECT_EQ(test, told(), 1);
}

/* What others count: both ways, once each, with the barrier of the moment. */
static void threshold_poll_goes_both_ways(struct kunit *test)
{
	struct thresholds *th = test->priv;
	struct bc_threshold *t = &th->cnt.threshold;
	struct bc_crossing x;

	bc_threshold_set(&th->cnt, 80, 50);
	KUNIT_EXPECT_FALSE(test, bc_threshold_poll(t, 1000, BC_UNLIMITED, &x));
	KUNIT_EXPECT_FALSE(test, bc_threshold_poll(t, 79, 100, &x));
	KUNIT_EXPECT_TRUE(test, bc_threshold_poll(t, 80, 100, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_UP);
	KUNIT_EXPECT_EQ(test, x.percent, 80);
	KUNIT_EXPECT_EQ(test, x.held, 80);
	KUNIT_EXPECT_EQ(test, x.barrier, 100);
	KUNIT_EXPECT_FALSE(test, bc_threshold_poll(t, 99, 100, &x));
	KUNIT_EXPECT_FALSE(test, bc_threshold_poll(t, 51, 100, &x));
	KUNIT_EXPECT_TRUE(test, bc_threshold_poll(t, 50, 100, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_DOWN);
	KUNIT_EXPECT_EQ(test, x.percent, 50);
	KUNIT_EXPECT_TRUE(test, bc_threshold_poll(t, 50, 60, &x));
	KUNIT_EXPECT_TRUE(test, bc_threshold_poll(t, 50, BC_UNLIMITED, &x));
	KUNIT_EXPECT_EQ(test, x.direction, BC_DIRECTION_DOWN);
	KUNIT_EXPECT_EQ(test, told(), 0);
}

static struct kunit_case threshold_cases[] = {
	KUNIT_CASE(threshold_check_knows_percents),
	KUNIT_CASE(threshold_lies_where_the_percents_say),
	KUNIT_CASE(threshold_is_told_once),
	KUNIT_CASE(threshold_tells_a_short_visit_of_what_is_exact),
	KUNIT_CASE(threshold_does_not_tell_what_only_seemed_so),
	KUNIT_CASE(threshold_follows_the_barrier),
	KUNIT_CASE(threshold_of_the_parent_sees_the_sum),
	KUNIT_CASE(threshold_says_nothing_of_a_refused_charge),
	KUNIT_CASE(threshold_alternates_while_threads_race),
	KUNIT_CASE(threshold_poll_goes_both_ways),
	{}
};

static struct kunit_suite threshold_suite = {
	.name = "beancounter_threshold",
	.init = threshold_test_init,
	.exit = threshold_test_exit,
	.test_cases = threshold_cases,
};

kunit_test_suite(threshold_suite);
