// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of readers of peaks
 */
#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "../../kmod/reader.h"
#include "pools.h"

static int reader_open(struct kunit *test, const char *name, u64 now)
{
	struct pools *pools = test->priv;
	int reader;

	mutex_lock(&pools->tree.lock);
	reader = bc_reader_open(&pools->tree, name, now);
	mutex_unlock(&pools->tree.lock);
	return reader;
}

static u64 reader_take(struct bc_pool *pool, int reader, enum bc_res res)
{
	u64 peaks[BC_NR_RES];

	bc_reader_take(pool, reader, peaks);
	return peaks[res];
}

/* For a moment so much more. */
static void visit(struct bc_pool *pool, enum bc_res res, u64 amount)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_counter_charge(&pool->cnt[res], NULL, amount);
	bc_counter_uncharge(&pool->cnt[res], NULL, amount);
	bc_leave(&sec);
}

static void reader_names_are_short(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, bc_reader_name_valid("a"));
	KUNIT_EXPECT_TRUE(test, bc_reader_name_valid("123456789012345"));
	KUNIT_EXPECT_FALSE(test, bc_reader_name_valid("1234567890123456"));
	KUNIT_EXPECT_FALSE(test, bc_reader_name_valid(""));
	KUNIT_EXPECT_FALSE(test, bc_reader_name_valid("a b"));
}

static void reader_table_is_bounded(struct kunit *test)
{
	struct pools *pools = test->priv;
	char name[4];
	int i;

	for (i = 0; i < BC_READERS_MAX; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		KUNIT_EXPECT_EQ(test, reader_open(test, name, 100 + i), i);
		KUNIT_EXPECT_EQ(test, bc_reader_find(&pools->tree, name), i);
	}
	KUNIT_EXPECT_EQ(test, reader_open(test, "more", 200), -ENOSPC);
	KUNIT_EXPECT_EQ(test, bc_reader_find(&pools->tree, "more"), -ENOENT);
	KUNIT_EXPECT_EQ(test, bc_reader_find(&pools->tree, ""), -ENOENT);
	mutex_lock(&pools->tree.lock);
	bc_reader_close(&pools->tree, 3);
	mutex_unlock(&pools->tree.lock);
	KUNIT_EXPECT_EQ(test, reader_open(test, "more", 200), 3);
}

/* Who has not come for an hour gives way, the one that is longest away first. */
static void reader_that_is_away_gives_way(struct kunit *test)
{
	struct pools *pools = test->priv;
	char name[4];
	int i;

	for (i = 0; i < BC_READERS_MAX; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		reader_open(test, name, 100 + (i + 3) % BC_READERS_MAX);
	}
	i = BC_READERS_MAX - 3;		/* came first */
	KUNIT_EXPECT_EQ(test, reader_open(test, "more", 99 + BC_READER_IDLE_NS), -ENOSPC);
	KUNIT_EXPECT_EQ(test, reader_open(test, "more", 100 + BC_READER_IDLE_NS), i);
	snprintf(name, sizeof(name), "r%d", i);
	KUNIT_EXPECT_EQ(test, bc_reader_find(&pools->tree, name), -ENOENT);
}

static void reader_interval_begins_when_it_is_opened(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host), *late;
	int old, young;

	old = reader_open(test, "old", 1);
	visit(pool, BC_NUMPROC, 9);
	young = reader_open(test, "young", 2);
	KUNIT_EXPECT_EQ(test, reader_take(pool, young, BC_NUMPROC), 0);
	KUNIT_EXPECT_EQ(test, reader_take(pool, old, BC_NUMPROC), 9);
	late = pools_add(test, "b", pools->tree.host);
	visit(late, BC_NUMPROC, 4);
	KUNIT_EXPECT_EQ(test, reader_take(late, young, BC_NUMPROC), 4);
	KUNIT_EXPECT_EQ(test, reader_take(late, old, BC_NUMPROC), 4);
	KUNIT_EXPECT_EQ(test, reader_take(pools->tree.host, young, BC_NUMPROC), 4);
}

/* A place that was somebody else's has nothing of his. */
static void reader_inherits_nothing(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host);
	int reader = reader_open(test, "old", 1);

	visit(pool, BC_NUMPROC, 9);
	mutex_lock(&pools->tree.lock);
	bc_reader_close(&pools->tree, reader);
	mutex_unlock(&pools->tree.lock);
	KUNIT_EXPECT_EQ(test, reader_open(test, "new", 2), reader);
	KUNIT_EXPECT_EQ(test, reader_take(pool, reader, BC_NUMPROC), 0);
}

#define MODEL_READERS	3
#define MODEL_RES	2

struct model {
	struct bc_pool	*p[NR_POOLS];
	u64		held[NR_POOLS][MODEL_RES];
	u64		peak[NR_POOLS][MODEL_RES][MODEL_READERS];
	u64		maxheld[NR_POOLS][MODEL_RES];
};

static void model_charge(struct model *model, int at, int res, s64 amount)
{
	struct bc_pool *pos;
	int i, r;

	for (pos = model->p[at]; pos; pos = pos->parent) {
		for (i = 0; model->p[i] != pos; i++)
			;
		model->held[i][res] += amount;
		model->maxheld[i][res] = max(model->maxheld[i][res], model->held[i][res]);
		for (r = 0; r < MODEL_READERS; r++)
			model->peak[i][res][r] = max(model->peak[i][res][r],
						     model->held[i][res]);
	}
}

static void model_take(struct kunit *test, struct model *model, int at, int reader)
{
	u64 peaks[BC_NR_RES];
	int res;

	bc_reader_take(model->p[at], reader, peaks);
	for (res = 0; res < MODEL_RES; res++) {
		KUNIT_ASSERT_EQ(test, peaks[res], model->peak[at][res][reader]);
		KUNIT_ASSERT_EQ(test, atomic64_read(&model->p[at]->cnt[res].maxheld),
				model->maxheld[at][res]);
		model->peak[at][res][reader] = model->held[at][res];
	}
}

/* Against a model that keeps every reader's peak at every charge. */
static void reader_peaks_are_those_of_a_slow_model(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct rnd_state rnd;
	int step, at, res, r;
	char name[2] = "0";
	s64 amount;

	KUNIT_ASSERT_TRUE(test, model);
	pools_plant(test, model->p);
	prandom_seed_state(&rnd, 11);
	for (r = 0; r < MODEL_READERS; r++, name[0]++)
		KUNIT_ASSERT_EQ(test, reader_open(test, name, r), r);
	for (step = 0; step < 100000; step++) {
		at = prandom_u32_state(&rnd) % NR_POOLS;
		res = prandom_u32_state(&rnd) % MODEL_RES;
		amount = prandom_u32_state(&rnd) % 100;
		if (prandom_u32_state(&rnd) % 8 == 0) {
			model_take(test, model, at, prandom_u32_state(&rnd) % MODEL_READERS);
		} else if (model->p[at]->nr_live) {
			continue;	/* only leaves are charged */
		} else if (prandom_u32_state(&rnd) % 2) {
			bc_counter_charge(&model->p[at]->cnt[res], NULL, amount);
			model_charge(model, at, res, amount);
		} else {
			amount = min_t(u64, amount, model->held[at][res]);
			bc_counter_uncharge(&model->p[at]->cnt[res], NULL, amount);
			model_charge(model, at, res, -amount);
		}
	}
	for (at = 0; at < NR_POOLS; at++)
		for (res = 0; res < MODEL_RES; res++)
			if (!model->p[at]->nr_live)
				bc_counter_uncharge(&model->p[at]->cnt[res], NULL,
						    bc_counter_held(&model->p[at]->cnt[res]));
}

#define SURF_WORKERS	4
#define SURF_ROUNDS	30000

struct surf {
	struct bc_pool	*pool;
	u64		amount;
	atomic_t	working;
	int		fast;
	u64		highest;
	u64		wrong;
};

static void surf_charge(void *arg)
{
	struct surf *surf = arg;
	struct bc_counter *cnt = &surf->pool->cnt[BC_NUMPROC];
	int i;

	for (i = 0; i < SURF_ROUNDS; i++) {
		bc_counter_charge(cnt, NULL, 1 + i % 50);
		bc_counter_uncharge(cnt, NULL, 1 + i % 50);
		cond_resched();
	}
	atomic_dec(&surf->working);
}

static void surf_take(void *arg)
{
	struct surf *surf = arg;
	u64 peak;

	while (atomic_read(&surf->working)) {
		peak = reader_take(surf->pool, surf->fast, BC_NUMPROC);
		surf->wrong += peak > atomic64_read(&surf->pool->cnt[BC_NUMPROC].maxheld);
		surf->highest = max(surf->highest, peak);
		cond_resched();
	}
}

/* Intervals are closed while charges run: no peak is in none of them, or made up. */
static void reader_loses_no_peak_while_threads_race(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct surf *surf = kunit_kzalloc(test, sizeof(*surf), GFP_KERNEL);
	struct bc_counter *cnt;
	int slow, i;

	KUNIT_ASSERT_TRUE(test, surf);
	surf->pool = pools_add(test, "a", pools->tree.host);
	cnt = &surf->pool->cnt[BC_NUMPROC];
	surf->fast = reader_open(test, "fast", 1);
	slow = reader_open(test, "slow", 1);
	atomic_set(&surf->working, SURF_WORKERS);
	for (i = 0; i < SURF_WORKERS; i++)
		crew_hire(test, &pools->crew, surf_charge, surf);
	crew_hire(test, &pools->crew, surf_take, surf);
	crew_run(&pools->crew);

	surf->highest = max(surf->highest, reader_take(surf->pool, surf->fast, BC_NUMPROC));
	KUNIT_EXPECT_EQ(test, surf->wrong, 0);
	KUNIT_EXPECT_EQ(test, surf->highest, atomic64_read(&cnt->maxheld));
	KUNIT_EXPECT_EQ(test, reader_take(surf->pool, slow, BC_NUMPROC), surf->highest);
	KUNIT_EXPECT_EQ(test, reader_take(surf->pool, surf->fast, BC_NUMPROC), 0);
	KUNIT_EXPECT_EQ(test, reader_take(surf->pool, slow, BC_NUMPROC), 0);
}

static void surf_refused(void *arg)
{
	struct surf *surf = arg;
	struct bc_counter *cnt = &surf->pool->cnt[BC_NUMPROC], *fail;
	int i;

	for (i = 0; i < SURF_ROUNDS; i++) {
		surf->wrong += bc_counter_try_charge(cnt, surf->amount, BC_HARD, &fail);
		cond_resched();
	}
	atomic_dec(&surf->working);
}

/* What the level above refuses may show, one request of each worker at most. */
static void reader_error_is_bounded_by_requests_under_way(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct surf *surf = kunit_kzalloc(test, sizeof(*surf), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_TRUE(test, surf);
	surf->pool = pools_add(test, "a", pools_add(test, "above", pools->tree.host));
	surf->amount = 1000;
	bc_counter_set_bounds(surf->pool->cnt[BC_NUMPROC].parent, 10, 10);
	surf->fast = reader_open(test, "fast", 1);
	atomic_set(&surf->working, SURF_WORKERS);
	for (i = 0; i < SURF_WORKERS; i++)
		crew_hire(test, &pools->crew, surf_refused, surf);
	crew_hire(test, &pools->crew, surf_take, surf);
	crew_run(&pools->crew);

	KUNIT_EXPECT_EQ(test, surf->wrong, 0);
	KUNIT_EXPECT_LE(test, surf->highest, SURF_WORKERS * surf->amount);
	reader_take(surf->pool, surf->fast, BC_NUMPROC);
	KUNIT_EXPECT_EQ(test, reader_take(surf->pool, surf->fast, BC_NUMPROC), 0);
}

static struct kunit_case reader_cases[] = {
	KUNIT_CASE(reader_names_are_short),
	KUNIT_CASE(reader_table_is_bounded),
	KUNIT_CASE(reader_that_is_away_gives_way),
	KUNIT_CASE(reader_interval_begins_when_it_is_opened),
	KUNIT_CASE(reader_inherits_nothing),
	KUNIT_CASE(reader_peaks_are_those_of_a_slow_model),
	KUNIT_CASE(reader_loses_no_peak_while_threads_race),
	KUNIT_CASE(reader_error_is_bounded_by_requests_under_way),
	{}
};

static struct kunit_suite reader_suite = {
	.name = "beancounter_reader",
	.init = pools_init,
	.exit = pools_exit,
	.test_cases = reader_cases,
};

kunit_test_suite(reader_suite);
