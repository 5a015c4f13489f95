// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of objects that are counted one by one
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../kmod/object.h"
#include "pools.h"

#define RES	BC_NUMFILE
#define KEYS	200

/* Fewer buckets than keys, so that chains are long. */
static struct bc_objects objs = { .res = RES };
static u8 key[KEYS];

static int object_init(struct kunit *test)
{
	return pools_init(test) ?: bc_objects_init(&objs, 5);
}

static void object_exit(struct kunit *test)
{
	bc_objects_purge(&objs);
	bc_objects_exit(&objs);
	pools_exit(test);
}

static int charge(struct bc_pool *pool, int i, enum bc_severity sev, struct bc_counter **fail)
{
	struct bc_counter *nobody;
	struct bc_section sec;
	int ret;

	bc_enter(&sec);
	ret = bc_object_charge(&objs, &key[i], pool, sev, fail ?: &nobody);
	bc_leave(&sec);
	return ret;
}

static bool adopt(struct bc_pool *pool, int i)
{
	struct bc_section sec;
	bool ok;

	bc_enter(&sec);
	ok = bc_object_adopt(&objs, &key[i], pool);
	bc_leave(&sec);
	return ok;
}

static u64 held(struct bc_pool *pool)
{
	return bc_counter_held(&pool->cnt[RES]);
}

static void object_is_charged_until_it_goes(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS];
	int i;

	pools_plant(test, p);
	for (i = 0; i < KEYS; i++)
		KUNIT_EXPECT_EQ(test, charge(i % 2 ? p[AA] : p[B], i, BC_HARD, NULL), 0);
	KUNIT_EXPECT_EQ(test, held(p[AA]), KEYS / 2);
	KUNIT_EXPECT_EQ(test, held(p[A]), KEYS / 2);
	KUNIT_EXPECT_EQ(test, held(p[B]), KEYS / 2);
	KUNIT_EXPECT_EQ(test, held(p[HOST]), KEYS);
	for (i = 0; i < KEYS; i += 2)
		bc_object_gone(&objs, &key[i]);
	KUNIT_EXPECT_EQ(test, held(p[AA]), KEYS / 2);
	KUNIT_EXPECT_EQ(test, held(p[B]), 0);
	for (i = 0; i < KEYS; i++)
		bc_object_gone(&objs, &key[i]);
	KUNIT_EXPECT_EQ(test, held(p[HOST]), 0);
}

static void object_refused_leaves_nothing(struct kunit *test)
{
	struct bc_counter *fail = NULL;
	struct bc_pool *p[NR_POOLS];
	unsigned int refs;

	pools_plant(test, p);
	bc_counter_set_bounds(&p[A]->cnt[RES], 2, 2);
	KUNIT_EXPECT_EQ(test, charge(p[AA], 0, BC_HARD, NULL), 0);
	KUNIT_EXPECT_EQ(test, charge(p[AB], 1, BC_HARD, NULL), 0);
	refs = refcount_read(&p[AA]->refs);
	KUNIT_EXPECT_EQ(test, charge(p[AA], 2, BC_HARD, &fail), -EDQUOT);
	KUNIT_EXPECT_PTR_EQ(test, fail, &p[A]->cnt[RES]);
	KUNIT_EXPECT_EQ(test, held(p[AA]), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&p[AA]->refs), refs);
	KUNIT_EXPECT_EQ(test, charge(p[AA], 2, BC_FORCE, NULL), 0);
	KUNIT_EXPECT_EQ(test, held(p[A]), 3);
}

static void object_without_memory_is_not_charged(struct kunit *test)
{
#ifdef CONFIG_FAILSLAB
	struct bc_pool *p[NR_POOLS];
	int ret;
	bool ok;

	/* Nothing is in stock: the end of the last test has seen to that. */
	pools_plant(test, p);
	current->fail_nth = 1;
	ret = charge(p[A], 0, BC_HARD, NULL);
	current->fail_nth = 1;
	ok = adopt(p[A], 0);
	current->fail_nth = 0;

	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_FALSE(test, ok);
	KUNIT_EXPECT_EQ(test, held(p[A]), 0);
#else
	kunit_skip(test, "the kernel cannot inject failures");
#endif
}

/* A record that was left over does not outlive the next object at its address. */
static void object_replaces_what_was_left(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS];

	pools_plant(test, p);
	KUNIT_EXPECT_EQ(test, charge(p[A], 0, BC_HARD, NULL), 0);
	KUNIT_EXPECT_EQ(test, charge(p[B], 0, BC_HARD, NULL), 0);
	KUNIT_EXPECT_EQ(test, held(p[A]), 0);
	KUNIT_EXPECT_EQ(test, held(p[B]), 1);
	bc_object_gone(&objs, &key[0]);
	KUNIT_EXPECT_EQ(test, held(p[HOST]), 0);
}

static void object_is_adopted_from_nobody_and_the_parent(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS];

	pools_plant(test, p);
	bc_counter_set_bounds(&p[AA]->cnt[RES], 0, 0);
	KUNIT_EXPECT_EQ(test, charge(p[A], 1, BC_HARD, NULL), 0);
	KUNIT_EXPECT_EQ(test, charge(p[AB], 2, BC_HARD, NULL), 0);
	KUNIT_EXPECT_TRUE(test, adopt(p[AA], 0));
	KUNIT_EXPECT_TRUE(test, adopt(p[AA], 0));
	KUNIT_EXPECT_TRUE(test, adopt(p[AA], 1));
	KUNIT_EXPECT_TRUE(test, adopt(p[AA], 2));
	KUNIT_EXPECT_EQ(test, held(p[AA]), 2);
	KUNIT_EXPECT_EQ(test, held(p[AB]), 1);
	KUNIT_EXPECT_EQ(test, held(p[A]), 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&p[A]->cnt[RES].maxheld), 3);
	bc_object_gone(&objs, &key[1]);
	KUNIT_EXPECT_EQ(test, held(p[AA]), 1);
	KUNIT_EXPECT_EQ(test, held(p[A]), 2);
}

static void objects_leave_for_the_parent_or_nobody(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS];
	int i;

	pools_plant(test, p);
	for (i = 0; i < KEYS; i++)
		KUNIT_EXPECT_EQ(test, charge(i % 4 ? p[AA] : p[A], i, BC_HARD, NULL), 0);
	bc_objects_leave(&objs, p[AA], p[A]);
	KUNIT_EXPECT_EQ(test, held(p[AA]), 0);
	KUNIT_EXPECT_EQ(test, held(p[A]), KEYS);
	KUNIT_EXPECT_EQ(test, atomic64_read(&p[A]->cnt[RES].maxheld), KEYS);
	bc_object_gone(&objs, &key[1]);
	KUNIT_EXPECT_EQ(test, held(p[A]), KEYS - 1);
	KUNIT_EXPECT_EQ(test, charge(p[B], 1, BC_HARD, NULL), 0);
	bc_objects_leave(&objs, p[A], NULL);
	KUNIT_EXPECT_EQ(test, held(p[A]), 0);
	KUNIT_EXPECT_EQ(test, held(p[HOST]), 1);
	for (i = 0; i < KEYS; i++)
		bc_object_gone(&objs, &key[i]);
	KUNIT_EXPECT_EQ(test, held(p[HOST]), 0);
}

static void objects_keep_a_dying_pool(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "old", pools->tree.host);

	KUNIT_EXPECT_EQ(test, charge(pool, 0, BC_HARD, NULL), 0);
	pools_kill(test, pool);
	KUNIT_EXPECT_EQ(test, atomic_read(&pools->nr_released), 0);
	KUNIT_EXPECT_EQ(test, held(pool), 1);
	bc_object_gone(&objs, &key[0]);
	KUNIT_EXPECT_EQ(test, atomic_read(&pools->nr_released), 1);
}

static void objects_purge_forgets_all(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS];
	int i;

	pools_plant(test, p);
	for (i = 0; i < KEYS; i++)
		KUNIT_EXPECT_EQ(test, charge(p[i % 2 ? BA : AAA], i, BC_HARD, NULL), 0);
	bc_objects_purge(&objs);
	KUNIT_EXPECT_EQ(test, held(p[HOST]), 0);
	for (i = 0; i < KEYS; i++)
		KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_remove(&objs.map, &key[i]), NULL);
}

/* Objects come and go while others are sent back and forth between two pools. */
#define RACE_WORKERS	3
#define RACE_ROUNDS	300

struct race {
	struct bc_pool	*low;
	struct bc_pool	*high;
	atomic_t	busy;
};

struct race_worker {
	struct race	*race;
	int		first;
	int		bad;
};

static void race_work(void *arg)
{
	struct race_worker *w = arg;
	int round, i;

	for (round = 0; round < RACE_ROUNDS; round++) {
		for (i = w->first; i < KEYS; i += RACE_WORKERS)
			w->bad += charge(w->race->low, i, BC_HARD, NULL) != 0;
		for (i = w->first; i < KEYS; i += RACE_WORKERS)
			bc_object_gone(&objs, &key[i]);
		cond_resched();
	}
	atomic_dec(&w->race->busy);
}

static void race_walk(void *arg)
{
	struct race *race = arg;

	while (atomic_read(&race->busy)) {
		bc_objects_leave(&objs, race->low, race->high);
		cond_resched();
		bc_objects_leave(&objs, race->high, race->low);
		bc_objects_leave(&objs, race->high, NULL);
	}
}

static void objects_come_and_go_beside_a_walk(struct kunit *test)
{
	struct race_worker worker[RACE_WORKERS];
	struct pools *pools = test->priv;
	struct bc_pool *p[NR_POOLS];
	struct race race;
	int w;

	pools_plant(test, p);
	race.low = p[AAA];
	race.high = p[A];
	atomic_set(&race.busy, RACE_WORKERS);
	for (w = 0; w < RACE_WORKERS; w++) {
		worker[w] = (struct race_worker) { .race = &race, .first = w };
		crew_hire(test, &pools->crew, race_work, &worker[w]);
	}
	crew_hire(test, &pools->crew, race_walk, &race);

	crew_run(&pools->crew);

	for (w = 0; w < RACE_WORKERS; w++)
		KUNIT_EXPECT_EQ(test, worker[w].bad, 0);
	for (w = 0; w < NR_POOLS; w++)
		KUNIT_EXPECT_EQ_MSG(test, atomic64_read(&p[w]->cnt[RES].held), 0, "%s", p[w]->name);
	KUNIT_EXPECT_LE(test, atomic64_read(&p[A]->cnt[RES].maxheld), KEYS);
}

static struct kunit_case object_cases[] = {
	KUNIT_CASE(object_is_charged_until_it_goes),
	KUNIT_CASE(object_refused_leaves_nothing),
	KUNIT_CASE(object_without_memory_is_not_charged),
	KUNIT_CASE(object_replaces_what_was_left),
	KUNIT_CASE(object_is_adopted_from_nobody_and_the_parent),
	KUNIT_CASE(objects_leave_for_the_parent_or_nobody),
	KUNIT_CASE(objects_keep_a_dying_pool),
	KUNIT_CASE(objects_purge_forgets_all),
	KUNIT_CASE(objects_come_and_go_beside_a_walk),
	{}
};

static struct kunit_suite object_suite = {
	.name = "beancounter_object",
	.init = object_init,
	.exit = object_exit,
	.test_cases = object_cases,
};

kunit_test_suite(object_suite);
