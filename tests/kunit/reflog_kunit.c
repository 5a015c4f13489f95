// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the log of refusals: what is noted, what is kept, what is given up
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "../../kmod/reflog.h"
#include "pools.h"

struct note {
	struct bc_pool	*origin;
	enum bc_res	res;
	u32		pid;
	u64		amount;
	u64		time;
};

static void note_add(struct bc_pool *level, const struct note *note)
{
	const struct bc_request what = {
		.res = note->res, .bound = BC_BOUND_LIMIT, .amount = note->amount,
		.time = note->time, .pid = note->pid, .comm = "culprit",
	};
	struct bc_section sec;

	bc_enter(&sec);
	bc_reflog_add(level->reflog, note->origin, &level->cnt[note->res], &what);
	bc_leave(&sec);
}

static struct bc_culprit *log_copy(struct kunit *test, struct bc_pool *pool, unsigned int *nr)
{
	struct bc_culprit *to = kunit_kcalloc(test, BC_REFLOG_SLOTS, sizeof(*to), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, to);
	*nr = bc_reflog_copy(pool->reflog, to);
	return to;
}

static void reflog_is_empty_at_first(struct kunit *test)
{
	struct pools *pools = test->priv;
	unsigned int nr;

	log_copy(test, pools->tree.host, &nr);
	KUNIT_EXPECT_EQ(test, nr, 0);
}

static void reflog_notes_what_happened(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *level = pools_add(test, "level", pools->tree.host);
	struct bc_pool *origin = pools_add(test, "origin", level);
	struct bc_culprit *slot;
	unsigned int nr;

	bc_counter_set_bounds(&level->cnt[BC_NUMPROC], 10, 20);
	bc_counter_charge(&origin->cnt[BC_NUMPROC], NULL, 7);
	note_add(level, &(struct note){ origin, BC_NUMPROC, 42, 4, 1000 });
	bc_counter_uncharge(&origin->cnt[BC_NUMPROC], NULL, 7);
	bc_counter_set_bounds(&level->cnt[BC_NUMPROC], 1, 2);

	slot = log_copy(test, level, &nr);
	KUNIT_ASSERT_EQ(test, nr, 1);
	KUNIT_EXPECT_EQ(test, slot->first, 1000);
	KUNIT_EXPECT_EQ(test, slot->time, 1000);
	KUNIT_EXPECT_EQ(test, slot->count, 1);
	KUNIT_EXPECT_EQ(test, slot->amount, 4);
	KUNIT_EXPECT_EQ(test, slot->largest, 4);
	KUNIT_EXPECT_EQ(test, slot->held, 7);
	KUNIT_EXPECT_EQ(test, slot->barrier, 10);
	KUNIT_EXPECT_EQ(test, slot->limit, 20);
	KUNIT_EXPECT_EQ(test, slot->origin_incarnation, origin->incarnation);
	KUNIT_EXPECT_EQ(test, slot->origin_id, origin->id);
	KUNIT_EXPECT_EQ(test, slot->pid, 42);
	KUNIT_EXPECT_EQ(test, slot->res, BC_NUMPROC);
	KUNIT_EXPECT_EQ(test, slot->bound, BC_BOUND_LIMIT);
	KUNIT_EXPECT_STREQ(test, slot->comm, "culprit");
	KUNIT_EXPECT_STREQ(test, slot->origin, "origin");
	log_copy(test, origin, &nr);
	KUNIT_EXPECT_EQ(test, nr, 0);
}

static void reflog_counts_repeats(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host);
	struct bc_culprit *slot;
	unsigned int nr;
	int i;

	for (i = 0; i < 1000; i++) {
		note_add(pool, &(struct note){ pool, BC_NUMPROC, 1, i % 10, i });
		note_add(pool, &(struct note){ pool, BC_NUMPROC, 0, 1, i });
		note_add(pool, &(struct note){ pool, BC_PRIVVMPAGES, 1, 1, i });
	}
	slot = log_copy(test, pool, &nr);
	KUNIT_ASSERT_EQ(test, nr, 3);
	KUNIT_EXPECT_EQ(test, slot[0].res, BC_PRIVVMPAGES);
	KUNIT_EXPECT_EQ(test, slot[1].pid, 0);
	KUNIT_EXPECT_STREQ(test, slot[1].comm, "");
	KUNIT_EXPECT_EQ(test, slot[2].pid, 1);
	KUNIT_EXPECT_EQ(test, slot[2].count, 1000);
	KUNIT_EXPECT_EQ(test, slot[2].first, 0);
	KUNIT_EXPECT_EQ(test, slot[2].time, 999);
	KUNIT_EXPECT_EQ(test, slot[2].amount, 9);
	KUNIT_EXPECT_EQ(test, slot[2].largest, 9);
}

/* Each refusal by another task: the storm displaces its own and nothing else. */
static void reflog_storm_leaves_the_others_alone(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *level = pools_add(test, "level", pools->tree.host);
	struct bc_pool *calm = pools_add(test, "calm", level);
	struct bc_pool *loud = pools_add(test, "loud", level);
	struct bc_culprit *slot;
	unsigned int nr;
	int res, i;

	for (res = 0; res < BC_NR_RES; res++)
		note_add(level, &(struct note){ calm, res, 7, 1, res });
	for (i = 0; i < 10000; i++)
		note_add(level, &(struct note){ loud, BC_NUMPROC, 100 + i, 1, 100 + i });

	slot = log_copy(test, level, &nr);
	KUNIT_ASSERT_EQ(test, nr, BC_NR_RES + BC_REFLOG_LAST);
	for (i = 0; i < BC_REFLOG_LAST; i++)
		KUNIT_EXPECT_EQ(test, slot[i].pid, 100 + 9999 - i);
	for (; i < nr; i++)
		KUNIT_EXPECT_EQ(test, slot[i].origin_id, calm->id);
}

/* Slot by slot what the rules say, for random culprits of random pools. */
static void reflog_keeps_the_last_of_each_and_the_last_eight(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *level = pools_add(test, "level", pools->tree.host);
	u64 last[BC_NR_RES] = {}, recent[BC_REFLOG_LAST] = {};
	struct rnd_state rnd;
	struct bc_pool *pool[4];
	struct bc_culprit *slot;
	unsigned int nr, i, j, found;
	char name[4];
	u64 step;
	int res;

	prandom_seed_state(&rnd, 7);
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		pool[i] = pools_add(test, name, level);
	}
	slot = log_copy(test, level, &nr);
	for (step = 1; step < 20000; step++) {
		/* Mostly one resource, and never the same task twice. */
		res = prandom_u32_state(&rnd) % 64 ? 0 : prandom_u32_state(&rnd) % BC_NR_RES;
		i = prandom_u32_state(&rnd) % 4;
		note_add(level, &(struct note){ pool[i], res, step, 1, step });
		last[res] = step;
		memmove(recent + 1, recent, sizeof(recent) - sizeof(recent[0]));
		recent[0] = step;
		nr = bc_reflog_copy(level->reflog, slot);
		for (i = 0; i < BC_REFLOG_LAST && recent[i]; i++)
			KUNIT_ASSERT_EQ(test, slot[i].time, recent[i]);
		for (res = 0; res < BC_NR_RES; res++) {
			for (j = 0, found = 0; j < nr; j++)
				found += slot[j].res == res && slot[j].time == last[res];
			KUNIT_ASSERT_EQ(test, found, last[res] ? 1 : 0);
		}
	}
	KUNIT_EXPECT_EQ(test, nr, BC_REFLOG_SLOTS);
}

#define FLOOD_WORKERS	4
#define FLOOD_NOTES	20000

struct flood {
	struct bc_pool	*pool;
	atomic_t	working;
	atomic_t	torn;
};

static void flood_work(void *arg)
{
	struct flood *flood = arg;
	int i;

	for (i = 0; i < FLOOD_NOTES; i++) {
		note_add(flood->pool, &(struct note){ flood->pool, i % 2, current->pid, i, i });
		cond_resched();
	}
	atomic_dec(&flood->working);
}

static void flood_read(void *arg)
{
	struct flood *flood = arg;
	static struct bc_culprit slot[BC_REFLOG_SLOTS];
	unsigned int nr, i;

	while (atomic_read(&flood->working)) {
		nr = bc_reflog_copy(flood->pool->reflog, slot);
		for (i = 0; i < nr; i++)
			if (slot[i].amount != slot[i].time || slot[i].amount % 2 != slot[i].res ||
			    (i && slot[i].seq >= slot[i - 1].seq))
				atomic_inc(&flood->torn);
		cond_resched();
	}
}

static void reflog_is_whole_while_threads_race(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct flood *flood = kunit_kzalloc(test, sizeof(*flood), GFP_KERNEL);
	struct bc_culprit *slot;
	u64 count = 0;
	unsigned int nr, i;

	KUNIT_ASSERT_TRUE(test, flood);
	flood->pool = pools_add(test, "a", pools->tree.host);
	atomic_set(&flood->working, FLOOD_WORKERS);
	for (i = 0; i < FLOOD_WORKERS; i++)
		crew_hire(test, &pools->crew, flood_work, flood);
	crew_hire(test, &pools->crew, flood_read, flood);
	crew_run(&pools->crew);

	KUNIT_EXPECT_EQ(test, atomic_read(&flood->torn), 0);
	slot = log_copy(test, flood->pool, &nr);
	KUNIT_EXPECT_EQ(test, nr, 2 * FLOOD_WORKERS);
	for (i = 0; i < nr; i++)
		count += slot[i].count;
	KUNIT_EXPECT_EQ(test, count, FLOOD_WORKERS * FLOOD_NOTES);
}

static struct kunit_case reflog_cases[] = {
	KUNIT_CASE(reflog_is_empty_at_first),
	KUNIT_CASE(reflog_notes_what_happened),
	KUNIT_CASE(reflog_counts_repeats),
	KUNIT_CASE(reflog_storm_leaves_the_others_alone),
	KUNIT_CASE(reflog_keeps_the_last_of_each_and_the_last_eight),
	KUNIT_CASE(reflog_is_whole_while_threads_race),
	{}
};

static struct kunit_suite reflog_suite = {
	.name = "beancounter_reflog",
	.init = pools_init,
	.exit = pools_exit,
	.test_cases = reflog_cases,
};

kunit_test_suite(reflog_suite);
