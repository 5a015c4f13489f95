// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of refusals: counted, rationed, queued
 *
 * The ration of a pool is for one second of the kernel's clock. A test that
 * spends it puts the clock of the pool back instead of waiting, and begins
 * again if a second went by meanwhile.
 */
#include <kunit/test.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "../../kmod/refusal.h"
#include "pools.h"

static atomic_t refusal_told;

static void refusal_tell(void)
{
	atomic_inc(&refusal_told);
}

static unsigned int refusal_drain(void)
{
	struct bc_refusal ref;
	unsigned int nr = 0;

	while (bc_refusal_next(&ref))
		nr++;
	return nr;
}

static int refusal_test_init(struct kunit *test)
{
	refusal_drain();
	atomic_set(&refusal_told, 0);
	bc_refusal_set_notify(refusal_tell);
	return pools_init(test);
}

static void refusal_test_exit(struct kunit *test)
{
	bc_refusal_set_notify(NULL);
	refusal_drain();
	pools_exit(test);
}

static void refuse(struct bc_pool *origin, struct bc_pool *level, enum bc_res res, u64 amount)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_refused(origin, &level->cnt[res], res, amount);
	bc_leave(&sec);
}

static u64 refusal_count(const struct bc_pool *pool, enum bc_res res)
{
	return atomic64_read(&pool->cnt[res].failcnt);
}

static u64 refusal_held_back(const struct bc_pool *pool)
{
	return atomic64_read(&pool->suppressed);
}

static long refusal_second(void)
{
	return jiffies / HZ;
}

/* The next refusal is the first of a new second. */
static void refusal_second_begins(struct bc_pool *pool)
{
	atomic_long_set(&pool->event_stamp, refusal_second() - 1);
}

/* @nr refusals in a single second; of earlier ones @pool shows nothing. */
static void refuse_in_one_second(struct kunit *test, struct bc_pool *pool, int nr)
{
	long second;
	int attempt, i;

	for (attempt = 0; attempt < 20; attempt++) {
		refusal_drain();
		atomic_set(&refusal_told, 0);
		bc_counter_init(&pool->cnt[BC_NUMPROC], pool->cnt[BC_NUMPROC].parent);
		atomic64_set(&pool->suppressed, 0);
		refusal_second_begins(pool);
		second = refusal_second();
		for (i = 0; i < nr; i++)
			refuse(pool, pool, BC_NUMPROC, i);
		if (second == refusal_second())
			return;
	}
	KUNIT_ASSERT_LT_MSG(test, attempt, 20, "never within one second");
}

static void refusal_next_has_nothing_at_first(struct kunit *test)
{
	struct bc_refusal ref;

	KUNIT_EXPECT_FALSE(test, bc_refusal_next(&ref));
}

static void refusal_is_counted_at_the_level_that_refused(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *parent = pools_add(test, "parent", pools->tree.host);
	struct bc_pool *child = pools_add(test, "child", parent);
	int res;

	refuse(child, parent, BC_TCPSNDBUF, 5);
	refuse(child, parent, BC_TCPSNDBUF, 7);

	KUNIT_EXPECT_EQ(test, refusal_count(parent, BC_TCPSNDBUF), 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&parent->cnt[BC_TCPSNDBUF].failed), 12);
	for (res = 0; res < BC_NR_RES; res++) {
		KUNIT_EXPECT_EQ(test, refusal_count(child, res), 0);
		KUNIT_EXPECT_EQ(test, refusal_count(pools->tree.host, res), 0);
		if (res != BC_TCPSNDBUF)
			KUNIT_EXPECT_EQ(test, refusal_count(parent, res), 0);
	}
}

static void refusal_tells_what_happened(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *parent = pools_add(test, "parent", pools->tree.host);
	struct bc_pool *child = pools_add(test, "child", parent);
	struct bc_counter *fail = &parent->cnt[BC_NUMOTHERSOCK];
	u64 before, after;
	struct bc_refusal ref;

	bc_counter_set_bounds(fail, 10, 20);
	bc_counter_charge(&child->cnt[BC_NUMOTHERSOCK], NULL, 7);
	before = ktime_get_boottime_ns();
	refuse(child, parent, BC_NUMOTHERSOCK, 4);
	after = ktime_get_boottime_ns();
	/* What happens later does not change what is told. */
	bc_counter_uncharge(&child->cnt[BC_NUMOTHERSOCK], NULL, 7);
	bc_counter_set_bounds(fail, 1, 2);
	memset(&ref, 0xa5, sizeof(ref));

	KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));

	KUNIT_EXPECT_GE(test, ref.time, before);
	KUNIT_EXPECT_LE(test, ref.time, after);
	KUNIT_EXPECT_EQ(test, ref.time, fail->last_fail);
	KUNIT_EXPECT_EQ(test, ref.incarnation, parent->incarnation);
	KUNIT_EXPECT_EQ(test, ref.amount, 4);
	KUNIT_EXPECT_EQ(test, ref.held, 7);
	KUNIT_EXPECT_EQ(test, ref.barrier, 10);
	KUNIT_EXPECT_EQ(test, ref.limit, 20);
	KUNIT_EXPECT_EQ(test, ref.suppressed, 0);
	KUNIT_EXPECT_EQ(test, ref.id, parent->id);
	KUNIT_EXPECT_EQ(test, ref.origin_id, child->id);
	KUNIT_EXPECT_EQ(test, ref.res, BC_NUMOTHERSOCK);
	KUNIT_EXPECT_STREQ(test, ref.name, "parent");
	KUNIT_EXPECT_STREQ(test, ref.origin, "child");
	KUNIT_EXPECT_EQ(test, ref.pid, current->pid);
	KUNIT_EXPECT_STREQ(test, ref.comm, current->comm);
	KUNIT_EXPECT_FALSE(test, bc_refusal_next(&ref));
}

/* Events are rationed; the log has them all. */
static void refusal_is_noted_told_or_not(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host);
	struct bc_culprit *slot = kunit_kcalloc(test, BC_REFLOG_SLOTS, sizeof(*slot), GFP_KERNEL);
	struct bc_section sec;
	int i;

	KUNIT_ASSERT_TRUE(test, slot);
	for (i = 0; i < 10 * BC_EVENTS_PER_SEC; i++)
		refuse(pool, pool, BC_NUMPROC, i);
	bc_enter(&sec);
	bc_refused_by(pool, &pool->cnt[BC_PRIVVMPAGES], BC_PRIVVMPAGES, 3, BC_BOUND_LIMIT);
	bc_leave(&sec);

	KUNIT_ASSERT_EQ(test, bc_reflog_copy(pool->reflog, slot), 2);
	KUNIT_EXPECT_EQ(test, slot[0].bound, BC_BOUND_LIMIT);
	KUNIT_EXPECT_EQ(test, slot[0].time, pool->cnt[BC_PRIVVMPAGES].last_fail);
	KUNIT_EXPECT_EQ(test, slot[1].count, refusal_count(pool, BC_NUMPROC));
	KUNIT_EXPECT_EQ(test, slot[1].bound, BC_BOUND_BARRIER);
	KUNIT_EXPECT_EQ(test, slot[1].pid, current->pid);
	KUNIT_EXPECT_STREQ(test, slot[1].comm, current->comm);
}

struct refusal_irq {
	struct irq_work	work;
	struct bc_pool	*pool;
	bool		in_irq;
};

static void refusal_in_irq(struct irq_work *work)
{
	struct refusal_irq *irq = container_of(work, struct refusal_irq, work);

	irq->in_irq = in_hardirq();
	refuse(irq->pool, irq->pool, BC_TCPRCVBUF, 9);
}

/* Whoever was interrupted has nothing to do with it. */
static void refusal_in_an_interrupt_names_no_task(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct refusal_irq *irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	struct bc_culprit *slot = kunit_kcalloc(test, BC_REFLOG_SLOTS, sizeof(*slot), GFP_KERNEL);
	struct bc_refusal ref;

	KUNIT_ASSERT_TRUE(test, irq && slot);
	irq->pool = pools_add(test, "a", pools->tree.host);
	init_irq_work(&irq->work, refusal_in_irq);

	irq_work_queue(&irq->work);
	irq_work_sync(&irq->work);

	KUNIT_ASSERT_TRUE(test, irq->in_irq);
	KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
	KUNIT_EXPECT_EQ(test, ref.amount, 9);
	KUNIT_EXPECT_EQ(test, ref.pid, 0);
	KUNIT_EXPECT_EQ(test, bc_reflog_copy(irq->pool->reflog, slot), 1);
	KUNIT_EXPECT_EQ(test, slot->pid, 0);
	KUNIT_EXPECT_STREQ(test, slot->comm, "");
}

static void refusal_next_keeps_the_order(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool[3];
	struct bc_refusal ref;
	int i;

	pool[0] = pools_add(test, "a", pools->tree.host);
	pool[1] = pools_add(test, "b", pools->tree.host);
	pool[2] = pools_add(test, "c", pool[0]);
	for (i = 0; i < 30; i++)
		refuse(pool[i % 3], pool[i % 3], BC_NUMPROC, i);

	for (i = 0; i < 30; i++) {
		KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
		KUNIT_EXPECT_EQ(test, ref.amount, i);
		KUNIT_EXPECT_EQ(test, ref.id, pool[i % 3]->id);
	}
	KUNIT_EXPECT_FALSE(test, bc_refusal_next(&ref));
}

static void refusal_events_are_rationed(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host);
	struct bc_refusal ref;
	int i;

	refuse_in_one_second(test, pool, BC_EVENTS_PER_SEC + 5);

	KUNIT_EXPECT_EQ(test, refusal_count(pool, BC_NUMPROC), BC_EVENTS_PER_SEC + 5);
	KUNIT_EXPECT_EQ(test, refusal_held_back(pool), 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&refusal_told), BC_EVENTS_PER_SEC);
	/* The first ones are told. */
	for (i = 0; i < BC_EVENTS_PER_SEC; i++) {
		KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
		KUNIT_EXPECT_EQ(test, ref.amount, i);
		KUNIT_EXPECT_EQ(test, ref.suppressed, 0);
	}
	KUNIT_EXPECT_FALSE(test, bc_refusal_next(&ref));
}

static void refusal_ration_is_kept_by_each_pool(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *loud = pools_add(test, "loud", pools->tree.host);
	struct bc_pool *calm = pools_add(test, "calm", pools->tree.host);
	struct bc_refusal ref;

	refuse_in_one_second(test, loud, BC_EVENTS_PER_SEC + 5);
	refusal_drain();
	refuse(loud, calm, BC_NUMPROC, 1);

	KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
	KUNIT_EXPECT_EQ(test, ref.id, calm->id);
	KUNIT_EXPECT_EQ(test, ref.origin_id, loud->id);
	KUNIT_EXPECT_EQ(test, ref.suppressed, 0);
}

static void refusal_next_event_tells_how_many_were_not(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host);
	struct bc_refusal ref;

	refuse_in_one_second(test, pool, BC_EVENTS_PER_SEC + 5);
	refusal_drain();

	refusal_second_begins(pool);
	refuse(pool, pool, BC_NUMPROC, 100);
	refuse(pool, pool, BC_NUMPROC, 101);

	KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
	KUNIT_EXPECT_EQ(test, ref.amount, 100);
	KUNIT_EXPECT_EQ(test, ref.suppressed, 5);
	KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
	KUNIT_EXPECT_EQ(test, ref.amount, 101);
	KUNIT_EXPECT_EQ(test, ref.suppressed, 0);
	KUNIT_EXPECT_EQ(test, refusal_held_back(pool), 0);
}

static void refusals_suppressed_counts_them_all(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host);
	u64 before = bc_refusals_suppressed(), after;

	/* It may have been tried more than once. */
	refuse_in_one_second(test, pool, BC_EVENTS_PER_SEC + 5);
	after = bc_refusals_suppressed();
	KUNIT_EXPECT_GE(test, after, before + 5);

	refuse_in_one_second(test, pool, 1);
	KUNIT_EXPECT_EQ(test, bc_refusals_suppressed(), after);
}

/* As many pools as it takes to fill the queue with their rations, and more. */
#define CROWD	(BC_EVENTS_QUEUED / BC_EVENTS_PER_SEC + 2)

static void refusal_crowd(struct kunit *test, struct bc_pool **crowd)
{
	struct pools *pools = test->priv;
	char name[8];
	int i;

	for (i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		crowd[i] = pools_add(test, name, pools->tree.host);
	}
}

static void refusal_queue_is_bounded(struct kunit *test)
{
	struct bc_pool *crowd[CROWD], *last;
	struct bc_refusal ref;
	u64 held_back = 0, before;
	int i;

	refusal_crowd(test, crowd);
	before = bc_refusals_suppressed();
	for (i = 0; i < CROWD * BC_EVENTS_PER_SEC; i++)
		refuse(crowd[i / BC_EVENTS_PER_SEC], crowd[i / BC_EVENTS_PER_SEC], BC_NUMPROC, i);

	KUNIT_EXPECT_EQ(test, atomic_read(&refusal_told), BC_EVENTS_QUEUED);
	for (i = 0; i < CROWD; i++) {
		KUNIT_EXPECT_EQ(test, refusal_count(crowd[i], BC_NUMPROC), BC_EVENTS_PER_SEC);
		held_back += refusal_held_back(crowd[i]);
	}
	KUNIT_EXPECT_EQ(test, held_back, CROWD * BC_EVENTS_PER_SEC - BC_EVENTS_QUEUED);
	KUNIT_EXPECT_EQ(test, bc_refusals_suppressed() - before, held_back);
	/* The oldest are kept. */
	for (i = 0; i < BC_EVENTS_QUEUED; i++) {
		KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
		KUNIT_ASSERT_EQ(test, ref.amount, i);
	}
	KUNIT_EXPECT_FALSE(test, bc_refusal_next(&ref));

	/* With room again, the first event tells what found none. */
	last = crowd[CROWD - 1];
	refusal_second_begins(last);
	refuse(last, last, BC_NUMPROC, 0);
	KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
	KUNIT_EXPECT_EQ(test, ref.suppressed, BC_EVENTS_PER_SEC);
}

/* The queue is a ring: pass its end some times, partly filled. */
static void refusal_queue_goes_round(struct kunit *test)
{
	struct bc_pool *crowd[CROWD];
	u32 told = 0, next = 0;
	struct bc_refusal ref;
	int round, i;

	refusal_crowd(test, crowd);
	for (round = 0; round < 4 * BC_EVENTS_QUEUED / CROWD; round++) {
		for (i = 0; i < CROWD; i++) {
			refusal_second_begins(crowd[i]);
			refuse(crowd[i], crowd[i], BC_NUMPROC, told++);
		}
		/* All but a backlog of up to half the queue. */
		while (told - next > BC_EVENTS_QUEUED / 2) {
			KUNIT_ASSERT_TRUE(test, bc_refusal_next(&ref));
			KUNIT_ASSERT_EQ(test, ref.amount, next);
			next++;
		}
	}
	while (bc_refusal_next(&ref)) {
		KUNIT_ASSERT_EQ(test, ref.amount, next);
		next++;
	}
	KUNIT_EXPECT_EQ(test, next, told);
}

static void refusal_needs_no_listener(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_add(test, "a", pools->tree.host);
	struct bc_refusal ref;

	bc_refusal_set_notify(NULL);
	refuse(pool, pool, BC_NUMPROC, 1);

	KUNIT_EXPECT_EQ(test, atomic_read(&refusal_told), 0);
	KUNIT_EXPECT_TRUE(test, bc_refusal_next(&ref));
}

#define RUSH_WORKERS	4
#define RUSH_REFUSALS	10000

struct rush {
	struct bc_pool	*pool[2];
	atomic_t	working;
	atomic64_t	events[2];
	atomic64_t	suppressed[2];
	atomic_t	wrong;
};

static void rush_work(void *arg)
{
	struct rush *rush = arg;
	int i;

	for (i = 0; i < RUSH_REFUSALS; i++) {
		struct bc_pool *pool = rush->pool[i % 2];

		/* More rations than time would give. */
		if (i % 32 < 2)
			refusal_second_begins(pool);
		refuse(rush->pool[0], pool, BC_NUMPROC, i);
		cond_resched();
	}
	atomic_dec(&rush->working);
}

static void rush_take(struct rush *rush)
{
	struct bc_refusal ref;

	while (bc_refusal_next(&ref)) {
		int i = ref.id == rush->pool[1]->id;

		if (strcmp(ref.name, rush->pool[i]->name) || ref.amount % 2 != i)
			atomic_inc(&rush->wrong);
		atomic64_inc(&rush->events[i]);
		atomic64_add(ref.suppressed, &rush->suppressed[i]);
	}
}

static void rush_listen(void *arg)
{
	struct rush *rush = arg;

	while (atomic_read(&rush->working)) {
		rush_take(rush);
		cond_resched();
	}
}

/* Whatever races: each refusal is told, or counted as not told. */
static void refusal_none_is_lost_while_threads_race(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct rush *rush = kunit_kzalloc(test, sizeof(*rush), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_TRUE(test, rush);
	rush->pool[0] = pools_add(test, "a", pools->tree.host);
	rush->pool[1] = pools_add(test, "b", pools->tree.host);
	atomic_set(&rush->working, RUSH_WORKERS);
	for (i = 0; i < RUSH_WORKERS; i++)
		crew_hire(test, &pools->crew, rush_work, rush);
	/* There is one listener in the module; two show that none gets another's. */
	crew_hire(test, &pools->crew, rush_listen, rush);
	crew_hire(test, &pools->crew, rush_listen, rush);

	crew_run(&pools->crew);

	rush_take(rush);
	KUNIT_EXPECT_EQ(test, atomic_read(&rush->wrong), 0);
	for (i = 0; i < 2; i++) {
		u64 events = atomic64_read(&rush->events[i]);

		KUNIT_EXPECT_EQ(test, refusal_count(rush->pool[i], BC_NUMPROC),
				RUSH_WORKERS * RUSH_REFUSALS / 2);
		KUNIT_EXPECT_EQ(test, events + atomic64_read(&rush->suppressed[i]) +
				refusal_held_back(rush->pool[i]),
				RUSH_WORKERS * RUSH_REFUSALS / 2);
		KUNIT_EXPECT_GE(test, events, BC_EVENTS_PER_SEC);
	}
}

static struct kunit_case refusal_cases[] = {
	KUNIT_CASE(refusal_next_has_nothing_at_first),
	KUNIT_CASE(refusal_is_counted_at_the_level_that_refused),
	KUNIT_CASE(refusal_tells_what_happened),
	KUNIT_CASE(refusal_is_noted_told_or_not),
	KUNIT_CASE(refusal_in_an_interrupt_names_no_task),
	KUNIT_CASE(refusal_next_keeps_the_order),
	KUNIT_CASE(refusal_events_are_rationed),
	KUNIT_CASE(refusal_ration_is_kept_by_each_pool),
	KUNIT_CASE(refusal_next_event_tells_how_many_were_not),
	KUNIT_CASE(refusals_suppressed_counts_them_all),
	KUNIT_CASE(refusal_queue_is_bounded),
	KUNIT_CASE(refusal_queue_goes_round),
	KUNIT_CASE(refusal_needs_no_listener),
	KUNIT_CASE(refusal_none_is_lost_while_threads_race),
	{}
};

static struct kunit_suite refusal_suite = {
	.name = "beancounter_refusal",
	.init = refusal_test_init,
	.exit = refusal_test_exit,
	.test_cases = refusal_cases,
};

kunit_test_suite(refusal_suite);
