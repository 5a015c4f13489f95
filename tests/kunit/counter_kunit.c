// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the hierarchical counters
 *
 * Single charges against tables, chains of every length, 100000 random
 * operations against a model that is slow and obvious, and threads that fight
 * for the last bit of room while another one watches the bounds.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "../../kmod/counter.h"
#include "crew.h"

struct counters {
	struct bc_counter	level[BC_LEVELS_MAX];
	struct crew		crew;
};

static int counter_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct counters), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void counter_test_exit(struct kunit *test)
{
	struct counters *counters = test->priv;

	if (counters)
		crew_dismiss(&counters->crew);
}

/* level[0] is the lowest; each further one is the parent of the one before. */
static struct bc_counter *counter_chain(struct kunit *test, int levels)
{
	struct counters *counters = test->priv;
	int i;

	for (i = 0; i < levels; i++)
		bc_counter_init(&counters->level[i],
				i + 1 < levels ? &counters->level[i + 1] : NULL);
	return counters->level;
}

static u64 counter_max(const struct bc_counter *cnt)
{
	return atomic64_read(&cnt->maxheld);
}

static u64 counter_fails(const struct bc_counter *cnt)
{
	return atomic64_read(&cnt->failcnt);
}

static void counter_init_holds_nothing_and_has_no_bounds(struct kunit *test)
{
	struct bc_counter *cnt = &((struct counters *)test->priv)->level[0];
	struct bc_counter parent;

	memset(cnt, 0xa5, sizeof(*cnt));
	bc_counter_init(cnt, &parent);

	KUNIT_EXPECT_EQ(test, bc_counter_held(cnt), 0);
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 0);
	KUNIT_EXPECT_EQ(test, cnt->barrier, BC_UNLIMITED);
	KUNIT_EXPECT_EQ(test, cnt->limit, BC_UNLIMITED);
	KUNIT_EXPECT_EQ(test, counter_fails(cnt), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&cnt->failed), 0);
	KUNIT_EXPECT_EQ(test, cnt->last_fail, 0);
	KUNIT_EXPECT_PTR_EQ(test, cnt->parent, &parent);
}

struct charge_param {
	const char	*desc;
	u64		barrier;
	u64		limit;
	u64		held;
	u64		amount;
	enum bc_severity sev;
	bool		ok;
};

#define NONE	BC_UNLIMITED
#define MOST	BC_AMOUNT_MAX

static const struct charge_param charge_params[] = {
	{ "hard below the barrier", 10, 20, 3, 4, BC_HARD, true },
	{ "hard up to the barrier", 10, 20, 3, 7, BC_HARD, true },
	{ "hard one above the barrier", 10, 20, 3, 8, BC_HARD, false },
	{ "hard one, barrier reached", 10, 20, 10, 1, BC_HARD, false },
	{ "hard ignores the limit", NONE, 20, 20, 1, BC_HARD, true },
	{ "hard alone above the barrier", 10, 20, 0, 11, BC_HARD, false },
	{ "soft above the barrier", 10, 20, 10, 1, BC_SOFT, true },
	{ "soft up to the limit", 10, 20, 3, 17, BC_SOFT, true },
	{ "soft one above the limit", 10, 20, 3, 18, BC_SOFT, false },
	{ "soft one, limit reached", 10, 20, 20, 1, BC_SOFT, false },
	{ "soft without a limit", 10, NONE, 30, 1, BC_SOFT, true },
	{ "force above both", 10, 20, 20, 1000, BC_FORCE, true },
	{ "force, both zero", 0, 0, 0, 1, BC_FORCE, true },
	{ "hard, both zero", 0, 0, 0, 1, BC_HARD, false },
	{ "soft, both zero", 0, 0, 0, 1, BC_SOFT, false },
	{ "soft, barrier zero", 0, 5, 0, 5, BC_SOFT, true },
	{ "nothing, barrier reached", 10, 20, 10, 0, BC_HARD, true },
	{ "nothing, limit reached", 10, 20, 20, 0, BC_SOFT, true },
	{ "nothing, both zero", 0, 0, 0, 0, BC_HARD, true },
	{ "nothing, above the barrier", 10, 20, 11, 0, BC_HARD, false },
	{ "hard, held above the barrier", 10, 20, 15, 1, BC_HARD, false },
	{ "soft, held above the limit", 10, 20, 25, 1, BC_SOFT, false },
	{ "hard, unlimited", NONE, NONE, 12345, 1, BC_HARD, true },
	{ "the largest amount at once", NONE, NONE, 0, MOST, BC_HARD, true },
	{ "the largest barrier reached", MOST, MOST, 0, MOST, BC_HARD, true },
	{ "the largest barrier, one above", MOST, MOST, 1, MOST, BC_HARD, false },
	{ "the largest barrier, one less held", MOST, MOST, MOST - 1, 1, BC_HARD, true },
	{ "the largest barrier, all held", MOST, MOST, MOST, 1, BC_HARD, false },
	{ "the largest limit, all held", 0, MOST, MOST, 1, BC_SOFT, false },
	{ "unlimited, twice the largest", NONE, NONE, MOST, MOST, BC_SOFT, true },
	{ "unlimited, up to the end", NONE, NONE, S64_MAX - 7, 7, BC_HARD, true },
	{ "unlimited, beyond the end", NONE, NONE, S64_MAX - 7, 8, BC_HARD, false },
	{ "force, up to the end", 0, 0, S64_MAX - 7, 7, BC_FORCE, true },
	{ "force, beyond the end", 0, 0, S64_MAX - 7, 8, BC_FORCE, false },
	{ "force, the largest beyond the end", 0, 0, S64_MAX - 7, MOST, BC_FORCE, false },
	{ "small barrier, largest amount", 1, 2, 1, MOST, BC_HARD, false },
	{ "no amount but all bits", NONE, NONE, 1, U64_MAX, BC_FORCE, false },
};

static void charge_desc(const struct charge_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(charge, charge_params, charge_desc);

static void counter_try_charge_obeys_the_bound(struct kunit *test)
{
	const struct charge_param *param = test->param_value;
	struct bc_counter *cnt = counter_chain(test, 1);
	struct bc_counter nobody, *fail = &nobody, *doubt = &nobody;
	bool room, ok;

	bc_counter_set_bounds(cnt, param->barrier, param->limit);
	bc_counter_charge(cnt, NULL, param->held);

	room = bc_counter_has_room(cnt, param->amount, param->sev, &doubt);
	ok = bc_counter_try_charge(cnt, param->amount, param->sev, &fail);

	KUNIT_EXPECT_EQ(test, ok, param->ok);
	KUNIT_EXPECT_EQ(test, room, param->ok);
	KUNIT_EXPECT_PTR_EQ(test, fail, param->ok ? &nobody : cnt);
	KUNIT_EXPECT_PTR_EQ(test, doubt, fail);
	KUNIT_EXPECT_EQ(test, bc_counter_held(cnt),
			param->held + (param->ok ? param->amount : 0));
	KUNIT_EXPECT_EQ(test, counter_max(cnt), bc_counter_held(cnt));
	KUNIT_EXPECT_EQ(test, counter_fails(cnt), 0);
}

static void counter_try_charge_charges_every_level(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, BC_LEVELS_MAX), *fail = NULL;
	int i;

	/* What is charged further up is there as well. */
	for (i = 0; i < BC_LEVELS_MAX; i++)
		KUNIT_ASSERT_TRUE(test, bc_counter_try_charge(&cnt[i], 10, BC_HARD, &fail));

	for (i = 0; i < BC_LEVELS_MAX; i++) {
		KUNIT_EXPECT_EQ_MSG(test, bc_counter_held(&cnt[i]), 10 * (i + 1), "level %d", i);
		KUNIT_EXPECT_EQ_MSG(test, counter_max(&cnt[i]), 10 * (i + 1), "level %d", i);
	}
	KUNIT_EXPECT_PTR_EQ(test, fail, NULL);
}

/* Each length of chain, refused at each level, by barrier and by limit. */
static void counter_try_charge_refused_leaves_no_trace(struct kunit *test)
{
	u64 held[BC_LEVELS_MAX], max[BC_LEVELS_MAX];
	enum bc_severity sev;
	int levels, at, i;

	for (levels = 1; levels <= BC_LEVELS_MAX; levels++)
		for (at = 0; at < 2 * levels; at++) {
			struct bc_counter *cnt = counter_chain(test, levels), *fail = NULL;
			struct bc_counter *culprit = &cnt[at / 2];

			sev = at % 2 ? BC_SOFT : BC_HARD;
			for (i = 0; i < levels; i++) {
				bc_counter_charge(&cnt[i], NULL, 100 + i);
				bc_counter_uncharge(&cnt[i], NULL, 3);
				bc_counter_set_bounds(&cnt[i], 100000, 100000);
			}
			for (i = 0; i < levels; i++) {
				held[i] = bc_counter_held(&cnt[i]);
				max[i] = counter_max(&cnt[i]);
			}
			bc_counter_set_bounds(culprit, bc_counter_held(culprit) + 9,
					      bc_counter_held(culprit) + (at % 2 ? 9 : 99));

			KUNIT_ASSERT_FALSE(test, bc_counter_has_room(cnt, 10, sev, &fail));
			KUNIT_EXPECT_PTR_EQ(test, fail, culprit);
			fail = NULL;
			KUNIT_ASSERT_FALSE(test, bc_counter_try_charge(cnt, 10, sev, &fail));
			KUNIT_EXPECT_PTR_EQ(test, fail, culprit);
			bc_counter_refused(fail, 10, 77);

			for (i = 0; i < levels; i++) {
				bool here = &cnt[i] == culprit;

				KUNIT_EXPECT_EQ(test, bc_counter_held(&cnt[i]), held[i]);
				KUNIT_EXPECT_EQ(test, counter_max(&cnt[i]), max[i]);
				KUNIT_EXPECT_EQ(test, counter_fails(&cnt[i]), here);
				KUNIT_EXPECT_EQ(test, atomic64_read(&cnt[i].failed), 10 * here);
				KUNIT_EXPECT_EQ(test, cnt[i].last_fail, here ? 77 : 0);
			}
			KUNIT_EXPECT_TRUE(test, bc_counter_try_charge(cnt, 9, sev, &fail));
		}
}

static void counter_try_charge_names_the_lowest_that_refuses(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 4), *fail = NULL;

	bc_counter_set_bounds(&cnt[1], 5, 5);
	bc_counter_set_bounds(&cnt[3], 5, 5);

	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 6, BC_HARD, &fail));
	KUNIT_EXPECT_PTR_EQ(test, fail, &cnt[1]);
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(&cnt[2], 6, BC_HARD, &fail));
	KUNIT_EXPECT_PTR_EQ(test, fail, &cnt[3]);
}

static void counter_refused_adds_up(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 2);

	bc_counter_refused(cnt, 5, 100);
	bc_counter_refused(cnt, 7, 200);

	KUNIT_EXPECT_EQ(test, counter_fails(cnt), 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&cnt->failed), 12);
	KUNIT_EXPECT_EQ(test, cnt->last_fail, 200);
	KUNIT_EXPECT_EQ(test, counter_fails(&cnt[1]), 0);
}

static void counter_maxheld_is_the_highest_held(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 2), *fail = NULL;

	KUNIT_ASSERT_TRUE(test, bc_counter_try_charge(cnt, 10, BC_HARD, &fail));
	bc_counter_uncharge(cnt, NULL, 8);
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 10);
	KUNIT_ASSERT_TRUE(test, bc_counter_try_charge(cnt, 7, BC_HARD, &fail));
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 10);
	KUNIT_ASSERT_TRUE(test, bc_counter_try_charge(cnt, 2, BC_HARD, &fail));
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 11);
	bc_counter_charge(cnt, NULL, 1);
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 12);
	KUNIT_EXPECT_EQ(test, counter_max(&cnt[1]), 12);
}

struct stop_param {
	const char	*desc;
	int		from;
	int		stop;
	u64		held[4];
};

/* Of four levels that hold 100 each, 10 is charged or given back. */
static const struct stop_param stop_params[] = {
	{ "to the host", 0, 4, { 10, 10, 10, 10 } },
	{ "from the middle to the host", 2, 4, { 0, 0, 10, 10 } },
	{ "stop below the host", 0, 3, { 10, 10, 10, 0 } },
	{ "stop in the middle", 0, 2, { 10, 10, 0, 0 } },
	{ "one level only", 1, 2, { 0, 10, 0, 0 } },
	{ "stop at the start", 1, 1, { 0, 0, 0, 0 } },
	{ "the host only", 3, 4, { 0, 0, 0, 10 } },
};

static void stop_desc(const struct stop_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(stop, stop_params, stop_desc);

static void counter_charge_leaves_alone_what_is_above_stop(struct kunit *test)
{
	const struct stop_param *param = test->param_value;
	struct bc_counter *cnt = counter_chain(test, 4);
	int i;

	for (i = 0; i < 4; i++) {
		bc_counter_set_bounds(&cnt[i], 1, 2);
		bc_counter_charge(&cnt[i], cnt[i].parent, 100);
	}

	bc_counter_charge(&cnt[param->from], param->stop < 4 ? &cnt[param->stop] : NULL, 10);

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ_MSG(test, bc_counter_held(&cnt[i]), 100 + param->held[i],
				    "level %d", i);
		KUNIT_EXPECT_EQ_MSG(test, counter_max(&cnt[i]), 100 + param->held[i],
				    "level %d", i);
	}
}

static void counter_uncharge_leaves_alone_what_is_above_stop(struct kunit *test)
{
	const struct stop_param *param = test->param_value;
	struct bc_counter *cnt = counter_chain(test, 4);
	int i;

	for (i = 0; i < 4; i++)
		bc_counter_charge(&cnt[i], cnt[i].parent, 100);

	bc_counter_uncharge(&cnt[param->from], param->stop < 4 ? &cnt[param->stop] : NULL, 10);

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ_MSG(test, bc_counter_held(&cnt[i]), 100 - param->held[i],
				    "level %d", i);
		KUNIT_EXPECT_EQ_MSG(test, counter_max(&cnt[i]), 100, "level %d", i);
	}
}

static void counter_cancel_takes_from_one_level(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 2);

	bc_counter_charge(cnt, NULL, 5);
	bc_counter_cancel(cnt, 5);

	KUNIT_EXPECT_EQ(test, bc_counter_held(cnt), 0);
	KUNIT_EXPECT_EQ(test, bc_counter_held(&cnt[1]), 5);
}

/* That a bug would leave less than nothing must not look like very much. */
static void counter_held_is_never_negative(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 1), *fail = NULL;

	atomic64_set(&cnt->held, -3);
	bc_counter_set_bounds(cnt, 5, 5);

	KUNIT_EXPECT_EQ(test, bc_counter_held(cnt), 0);
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 6, BC_HARD, &fail));
	KUNIT_EXPECT_TRUE(test, bc_counter_try_charge(cnt, 5, BC_HARD, &fail));
}

static void counter_new_peak_names_the_highest(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 4);

	/* held of 9, 0, 9, 9, and the highest so far 10, 20, 10, 20 */
	bc_counter_charge(cnt, &cnt[1], 9);
	bc_counter_charge(&cnt[2], NULL, 9);
	atomic64_set(&cnt[0].maxheld, 10);
	atomic64_set(&cnt[0].peak, 10);
	atomic64_set(&cnt[1].peak, 20);
	atomic64_set(&cnt[2].peak, 10);
	atomic64_set(&cnt[3].peak, 20);

	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 0), NULL);
	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 1), NULL);
	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 2), &cnt[2]);
	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 11), &cnt[2]);
	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 12), &cnt[3]);
	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(&cnt[3], 2), NULL);
	KUNIT_EXPECT_EQ(test, bc_counter_held(cnt), 9);
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 10);
}

static void counter_new_peak_knows_thresholds(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 3);

	bc_counter_charge(cnt, NULL, 20);
	bc_counter_uncharge(cnt, NULL, 10);
	cnt[1].rise = 15;

	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 4), NULL);
	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 5), &cnt[1]);
	KUNIT_EXPECT_PTR_EQ(test, bc_counter_new_peak(cnt, 11), &cnt[2]);
}

static void counter_take_peak_begins_with_what_is_held(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 1);

	bc_counter_charge(cnt, NULL, 20);
	bc_counter_uncharge(cnt, NULL, 15);

	KUNIT_EXPECT_EQ(test, bc_counter_take_peak(cnt), 20);
	KUNIT_EXPECT_EQ(test, atomic64_read(&cnt->peak), 5);
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 20);
	bc_counter_charge(cnt, NULL, 3);
	bc_counter_uncharge(cnt, NULL, 8);
	KUNIT_EXPECT_EQ(test, bc_counter_take_peak(cnt), 8);
	KUNIT_EXPECT_EQ(test, bc_counter_take_peak(cnt), 0);
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 20);
}

/* All that a charge without a new maximum reads and writes. */
static void counter_charge_touches_one_line(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, offsetofend(struct bc_counter, maxheld), SMP_CACHE_BYTES);
	KUNIT_EXPECT_EQ(test, offsetof(struct bc_counter, failcnt), SMP_CACHE_BYTES);
	KUNIT_EXPECT_EQ(test, sizeof(struct bc_counter), 2 * SMP_CACHE_BYTES);
}

struct bounds_param {
	const char	*desc;
	u64		barrier;
	u64		limit;
	int		ret;
};

static const struct bounds_param bounds_params[] = {
	{ "both zero", 0, 0, 0 },
	{ "equal", 7, 7, 0 },
	{ "barrier below limit", 7, 8, 0 },
	{ "barrier above limit", 8, 7, -EINVAL },
	{ "both unlimited", NONE, NONE, 0 },
	{ "limit unlimited", 0, NONE, 0 },
	{ "barrier unlimited, limit not", NONE, MOST, -EINVAL },
	{ "largest", MOST, MOST, 0 },
	{ "barrier one too large", MOST + 1, NONE, -ERANGE },
	{ "limit one too large", 0, MOST + 1, -ERANGE },
	{ "barrier just not unlimited", NONE - 1, NONE, -ERANGE },
	{ "limit just not unlimited", 0, NONE - 1, -ERANGE },
	{ "both too large and the wrong way round", S64_MAX, MOST + 1, -ERANGE },
};

static void bounds_desc(const struct bounds_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bounds, bounds_params, bounds_desc);

static void counter_check_bounds_says_what_is_wrong(struct kunit *test)
{
	const struct bounds_param *param = test->param_value;

	KUNIT_EXPECT_EQ(test, bc_counter_check_bounds(param->barrier, param->limit), param->ret);
}

static void counter_set_bounds_below_held_evicts_nothing(struct kunit *test)
{
	struct bc_counter *cnt = counter_chain(test, 2), *fail = NULL;

	bc_counter_set_bounds(cnt, 100, 200);
	bc_counter_charge(cnt, NULL, 80);

	bc_counter_set_bounds(cnt, 40, 60);

	KUNIT_EXPECT_EQ(test, cnt->barrier, 40);
	KUNIT_EXPECT_EQ(test, cnt->limit, 60);
	KUNIT_EXPECT_EQ(test, bc_counter_held(cnt), 80);
	KUNIT_EXPECT_EQ(test, bc_counter_held(&cnt[1]), 80);
	KUNIT_EXPECT_EQ(test, counter_max(cnt), 80);
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 1, BC_HARD, &fail));
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 1, BC_SOFT, &fail));
	KUNIT_EXPECT_TRUE(test, bc_counter_try_charge(cnt, 1, BC_FORCE, &fail));
	/* There is room again from the new bound on, not before. */
	bc_counter_uncharge(cnt, NULL, 41);
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 1, BC_HARD, &fail));
	bc_counter_uncharge(cnt, NULL, 1);
	KUNIT_EXPECT_TRUE(test, bc_counter_try_charge(cnt, 1, BC_HARD, &fail));
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 1, BC_HARD, &fail));
	KUNIT_EXPECT_TRUE(test, bc_counter_try_charge(cnt, 20, BC_SOFT, &fail));
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(cnt, 1, BC_SOFT, &fail));
}

/*
 * The model: a list of what is charged, with the set of counters each charge is
 * at. What a counter holds is found by adding up, every time.
 *
 *	0 -- 1 -- 3 -- 6
 *	 \    `-- 4
 *	  `- 2 -- 5
 */
#define MODEL_NR	7
#define MODEL_CHARGES	16
#define MODEL_ROUNDS	100
#define MODEL_OPS	1000

static const int model_parent[MODEL_NR] = { -1, 0, 0, 1, 1, 2, 3 };

struct model {
	struct rnd_state	rnd;
	struct bc_counter	cnt[MODEL_NR];
	u64			barrier[MODEL_NR];
	u64			limit[MODEL_NR];
	u64			max[MODEL_NR];
	u64			fails[MODEL_NR];
	unsigned int		nr;
	struct {
		int	from;
		int	stop;
		u64	amount;
		u32	at;
	} charge[MODEL_CHARGES];
};

static u32 model_random(struct model *model, u32 end)
{
	return prandom_u32_state(&model->rnd) % end;
}

static u64 model_held(const struct model *model, int i)
{
	unsigned int c;
	u64 sum = 0;

	for (c = 0; c < model->nr; c++)
		if (model->charge[c].at & BIT(i))
			sum += model->charge[c].amount;
	return sum;
}

static struct bc_counter *model_cnt(struct model *model, int i)
{
	return i < 0 ? NULL : &model->cnt[i];
}

/* Who would refuse, the lowest, or -1. */
static int model_culprit(const struct model *model, int i, u64 amount, enum bc_severity sev)
{
	for (; i >= 0; i = model_parent[i]) {
		u64 bound = sev == BC_HARD ? model->barrier[i] : model->limit[i];

		if (sev != BC_FORCE && bound != BC_UNLIMITED &&
		    model_held(model, i) + amount > bound)
			return i;
	}
	return -1;
}

static int model_peak(const struct model *model, int i, u64 amount)
{
	int top = -1;

	for (; i >= 0; i = model_parent[i])
		if (model_held(model, i) + amount > model->max[i])
			top = i;
	return top;
}

static void model_add(struct model *model, int from, int stop, u64 amount)
{
	u32 at = 0;
	int i;

	for (i = from; i >= 0 && i != stop; i = model_parent[i])
		at |= BIT(i);
	model->charge[model->nr].from = from;
	model->charge[model->nr].stop = stop;
	model->charge[model->nr].amount = amount;
	model->charge[model->nr++].at = at;
	for (i = 0; i < MODEL_NR; i++)
		if (at & BIT(i))
			model->max[i] = max(model->max[i], model_held(model, i));
}

static bool model_try_charge(struct model *model)
{
	int from = model_random(model, MODEL_NR), culprit;
	u64 amount = model_random(model, 24);
	enum bc_severity sev = model_random(model, 8) ? model_random(model, 2) : BC_FORCE;
	struct bc_counter *fail = NULL, *doubt = NULL;
	bool ok, room, peak;

	if (model->nr == MODEL_CHARGES)
		return true;
	culprit = model_culprit(model, from, amount, sev);
	peak = bc_counter_new_peak(&model->cnt[from], amount) ==
		model_cnt(model, model_peak(model, from, amount));
	room = bc_counter_has_room(&model->cnt[from], amount, sev, &doubt);
	ok = bc_counter_try_charge(&model->cnt[from], amount, sev, &fail);
	if (ok) {
		model_add(model, from, -1, amount);
	} else if (fail) {
		bc_counter_refused(fail, amount, 0);
		if (culprit >= 0)
			model->fails[culprit]++;
	}
	return peak && ok == (culprit < 0) && room == ok && doubt == fail &&
	       fail == model_cnt(model, culprit);
}

static void model_charge(struct model *model)
{
	int from = model_random(model, MODEL_NR), stop = from;
	u64 amount = model_random(model, 4);

	if (model->nr == MODEL_CHARGES)
		return;
	while (stop >= 0 && model_random(model, 3))
		stop = model_parent[stop];
	bc_counter_charge(&model->cnt[from], model_cnt(model, stop), amount);
	model_add(model, from, stop, amount);
}

static void model_uncharge(struct model *model)
{
	unsigned int c;

	if (!model->nr)
		return;
	c = model_random(model, model->nr);
	bc_counter_uncharge(&model->cnt[model->charge[c].from],
			    model_cnt(model, model->charge[c].stop), model->charge[c].amount);
	model->charge[c] = model->charge[--model->nr];
}

static void model_set_bounds(struct model *model)
{
	int i = model_random(model, MODEL_NR);
	u64 barrier = model_random(model, 4) ? model_random(model, 80) : BC_UNLIMITED;
	u64 limit = model_random(model, 4) ? model_random(model, 100) : BC_UNLIMITED;

	if (bc_counter_check_bounds(barrier, limit))
		return;
	model->barrier[i] = barrier;
	model->limit[i] = limit;
	bc_counter_set_bounds(&model->cnt[i], barrier, limit);
}

static bool model_agrees(const struct model *model)
{
	int i;

	for (i = 0; i < MODEL_NR; i++)
		if (bc_counter_held(&model->cnt[i]) != model_held(model, i) ||
		    counter_max(&model->cnt[i]) != model->max[i] ||
		    counter_fails(&model->cnt[i]) != model->fails[i])
			return false;
	return true;
}

static bool model_step(struct model *model)
{
	bool ok = true;

	switch (model_random(model, 16)) {
	case 0 ... 7:
		ok = model_try_charge(model);
		break;
	case 8:
		model_charge(model);
		break;
	case 9 ... 14:
		model_uncharge(model);
		break;
	case 15:
		model_set_bounds(model);
		break;
	}
	return ok && model_agrees(model);
}

static void model_reset(struct model *model)
{
	int i;

	for (i = 0; i < MODEL_NR; i++) {
		bc_counter_init(&model->cnt[i], model_cnt(model, model_parent[i]));
		model->barrier[i] = BC_UNLIMITED;
		model->limit[i] = BC_UNLIMITED;
		model->max[i] = 0;
		model->fails[i] = 0;
	}
}

static void counter_agrees_with_the_model(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	u64 fails = 0;
	int round, op, i;

	KUNIT_ASSERT_TRUE(test, model);
	prandom_seed_state(&model->rnd, 20240229);
	for (round = 0; round < MODEL_ROUNDS; round++) {
		model_reset(model);
		for (op = 0; op < MODEL_OPS; op++)
			if (!model_step(model)) {
				KUNIT_FAIL(test, "round %d, operation %d", round, op);
				return;
			}
		while (model->nr)
			model_uncharge(model);
		KUNIT_ASSERT_TRUE(test, model_agrees(model));
		for (i = 0; i < MODEL_NR; i++)
			fails += model->fails[i];
		cond_resched();
	}
	/* Else the bounds were never in the way. */
	KUNIT_EXPECT_GT(test, fails, MODEL_ROUNDS * MODEL_OPS / 20);
}

/*
 * Threads: two work at one leaf, one at the other, one at their parent, which has
 * less room than they want together, and one at the host. Each also wants more than its
 * own level has, so that every level refuses, whoever runs with whom.
 */
enum fight_level { FIGHT_HOST, FIGHT_PARENT, FIGHT_LEFT, FIGHT_RIGHT, FIGHT_LEVELS };

#define FIGHT_WORKERS	5
#define FIGHT_OPS	100000
#define FIGHT_HOLDS	24

static const u64 fight_barrier[FIGHT_LEVELS] = { 150, 100, 60, 60 };

struct fight {
	struct bc_counter	cnt[FIGHT_LEVELS];
	atomic_t		working;
	unsigned long		samples;
	unsigned long		above;
	struct fighter {
		struct fight		*fight;
		struct rnd_state	rnd;
		enum fight_level	level;
		u64			fails[FIGHT_LEVELS];
		u64			failed[FIGHT_LEVELS];
		unsigned long		above;
		unsigned long		charged;
	} fighter[FIGHT_WORKERS];
};

static unsigned long fight_above(const struct fight *fight)
{
	unsigned long above = 0;
	int i;

	for (i = 0; i < FIGHT_LEVELS; i++)
		if (bc_counter_held(&fight->cnt[i]) > fight_barrier[i])
			above++;
	return above;
}

static void fight_work(void *arg)
{
	struct fighter *me = arg;
	struct bc_counter *cnt = &me->fight->cnt[me->level], *fail;
	u64 held[FIGHT_HOLDS], amount;
	int op, nr = 0, i;

	for (op = 0; op < FIGHT_OPS; op++) {
		amount = 1 + prandom_u32_state(&me->rnd) % 16;
		if (nr == FIGHT_HOLDS || (nr && prandom_u32_state(&me->rnd) % 5 < 2)) {
			bc_counter_uncharge(cnt, NULL, held[--nr]);
		} else if (bc_counter_try_charge(cnt, amount, BC_HARD, &fail)) {
			held[nr++] = amount;
			me->charged++;
		} else {
			i = fail - me->fight->cnt;
			bc_counter_refused(fail, amount, op);
			me->fails[i]++;
			me->failed[i] += amount;
		}
		me->above += fight_above(me->fight);
		cond_resched();
	}
	while (nr)
		bc_counter_uncharge(cnt, NULL, held[--nr]);
	atomic_dec(&me->fight->working);
}

static void fight_watch(void *arg)
{
	struct fight *fight = arg;

	while (atomic_read(&fight->working)) {
		fight->above += fight_above(fight);
		fight->samples++;
		cond_resched();
	}
}

static void counter_bounds_hold_while_threads_fight(struct kunit *test)
{
	static const enum fight_level where[FIGHT_WORKERS] = {
		FIGHT_LEFT, FIGHT_RIGHT, FIGHT_PARENT, FIGHT_LEFT, FIGHT_HOST,
	};
	struct crew *crew = &((struct counters *)test->priv)->crew;
	struct fight *fight = kunit_kzalloc(test, sizeof(*fight), GFP_KERNEL);
	u64 fails, failed;
	int i, w;

	KUNIT_ASSERT_TRUE(test, fight);
	bc_counter_init(&fight->cnt[FIGHT_HOST], NULL);
	bc_counter_init(&fight->cnt[FIGHT_PARENT], &fight->cnt[FIGHT_HOST]);
	bc_counter_init(&fight->cnt[FIGHT_LEFT], &fight->cnt[FIGHT_PARENT]);
	bc_counter_init(&fight->cnt[FIGHT_RIGHT], &fight->cnt[FIGHT_PARENT]);
	for (i = 0; i < FIGHT_LEVELS; i++)
		bc_counter_set_bounds(&fight->cnt[i], fight_barrier[i], BC_UNLIMITED);
	atomic_set(&fight->working, FIGHT_WORKERS);
	for (w = 0; w < FIGHT_WORKERS; w++) {
		fight->fighter[w].fight = fight;
		fight->fighter[w].level = where[w];
		prandom_seed_state(&fight->fighter[w].rnd, w + 1);
		crew_hire(test, crew, fight_work, &fight->fighter[w]);
	}
	crew_hire(test, crew, fight_watch, fight);

	crew_run(crew);

	KUNIT_EXPECT_EQ(test, fight->above, 0);
	for (i = 0; i < FIGHT_LEVELS; i++) {
		fails = 0;
		failed = 0;
		for (w = 0; w < FIGHT_WORKERS; w++) {
			fails += fight->fighter[w].fails[i];
			failed += fight->fighter[w].failed[i];
		}
		KUNIT_EXPECT_EQ_MSG(test, bc_counter_held(&fight->cnt[i]), 0, "level %d", i);
		KUNIT_EXPECT_LE_MSG(test, counter_max(&fight->cnt[i]), fight_barrier[i],
				    "level %d", i);
		KUNIT_EXPECT_GT_MSG(test, counter_max(&fight->cnt[i]), 0, "level %d", i);
		KUNIT_EXPECT_EQ_MSG(test, counter_fails(&fight->cnt[i]), fails, "level %d", i);
		KUNIT_EXPECT_EQ_MSG(test, atomic64_read(&fight->cnt[i].failed), failed,
				    "level %d", i);
	}
	for (w = 0; w < FIGHT_WORKERS; w++) {
		KUNIT_EXPECT_EQ_MSG(test, fight->fighter[w].above, 0, "thread %d", w);
		KUNIT_EXPECT_GT_MSG(test, fight->fighter[w].charged, 0, "thread %d", w);
	}
	KUNIT_EXPECT_GT(test, fight->samples, 0);
	KUNIT_EXPECT_GT(test, counter_fails(&fight->cnt[FIGHT_LEFT]), 0);
}

static struct kunit_case counter_cases[] = {
	KUNIT_CASE(counter_init_holds_nothing_and_has_no_bounds),
	KUNIT_CASE_PARAM(counter_try_charge_obeys_the_bound, charge_gen_params),
	KUNIT_CASE(counter_try_charge_charges_every_level),
	KUNIT_CASE(counter_try_charge_refused_leaves_no_trace),
	KUNIT_CASE(counter_try_charge_names_the_lowest_that_refuses),
	KUNIT_CASE(counter_refused_adds_up),
	KUNIT_CASE(counter_maxheld_is_the_highest_held),
	KUNIT_CASE_PARAM(counter_charge_leaves_alone_what_is_above_stop, stop_gen_params),
	KUNIT_CASE_PARAM(counter_uncharge_leaves_alone_what_is_above_stop, stop_gen_params),
	KUNIT_CASE(counter_cancel_takes_from_one_level),
	KUNIT_CASE(counter_held_is_never_negative),
	KUNIT_CASE(counter_new_peak_names_the_highest),
	KUNIT_CASE(counter_new_peak_knows_thresholds),
	KUNIT_CASE(counter_take_peak_begins_with_what_is_held),
	KUNIT_CASE(counter_charge_touches_one_line),
	KUNIT_CASE_PARAM(counter_check_bounds_says_what_is_wrong, bounds_gen_params),
	KUNIT_CASE(counter_set_bounds_below_held_evicts_nothing),
	KUNIT_CASE(counter_agrees_with_the_model),
	KUNIT_CASE(counter_bounds_hold_while_threads_fight),
	{}
};

static struct kunit_suite counter_suite = {
	.name = "beancounter_counter",
	.init = counter_test_init,
	.exit = counter_test_exit,
	.test_cases = counter_cases,
};

kunit_test_suite(counter_suite);
