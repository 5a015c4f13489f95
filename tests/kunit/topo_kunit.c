// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of charge sections, and of pools put in between while they run
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sched.h>

#include "../../kmod/tree.h"
#include "pools.h"

/* As it is done when a cgroup is bound between two that are bound. */
static void topo_insert(struct kunit *test, struct bc_pool *pool, struct bc_pool *child)
{
	struct pools *pools = test->priv;
	unsigned long flags;

	mutex_lock(&pools->tree.lock);
	bc_topo_begin();
	bc_topo_lock(&flags);
	bc_tree_insert_above(&pools->tree, pool, child);
	bc_topo_unlock(flags);
	bc_topo_end();
	mutex_unlock(&pools->tree.lock);
}

static void tree_insert_above_takes_over_the_charges(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS], *new;
	struct bc_counter *fail = NULL;
	u64 held[NR_POOLS][BC_NR_RES];
	int res, i;

	/* Another amount for each pool and resource, and a peak that is over. */
	pools_plant(test, p);
	for (res = 0; res < BC_NR_RES; res++) {
		for (i = 0; i < NR_POOLS; i++)
			bc_counter_charge(&p[i]->cnt[res], NULL, 1 + i + 10 * res);
		bc_counter_charge(&p[AAA]->cnt[res], NULL, 50);
		bc_counter_uncharge(&p[AAA]->cnt[res], NULL, 50);
		for (i = 0; i < NR_POOLS; i++)
			held[i][res] = bc_counter_held(&p[i]->cnt[res]);
	}
	new = pools_add(test, "new", p[HOST]);

	topo_insert(test, new, p[A]);

	for (res = 0; res < BC_NR_RES; res++) {
		KUNIT_EXPECT_EQ(test, bc_counter_held(&new->cnt[res]), held[A][res]);
		KUNIT_EXPECT_EQ(test, atomic64_read(&new->cnt[res].maxheld), held[A][res]);
		for (i = 0; i < NR_POOLS; i++)
			KUNIT_EXPECT_EQ(test, bc_counter_held(&p[i]->cnt[res]), held[i][res]);
		KUNIT_EXPECT_PTR_EQ(test, p[A]->cnt[res].parent, &new->cnt[res]);
		KUNIT_EXPECT_PTR_EQ(test, new->cnt[res].parent, &p[HOST]->cnt[res]);
	}
	/* The new level has a say from now on. */
	bc_counter_set_bounds(&new->cnt[BC_NUMPROC], held[A][BC_NUMPROC],
			      held[A][BC_NUMPROC]);
	KUNIT_EXPECT_FALSE(test, bc_counter_try_charge(&p[AAA]->cnt[BC_NUMPROC], 1, BC_HARD,
						       &fail));
	KUNIT_EXPECT_PTR_EQ(test, fail, &new->cnt[BC_NUMPROC]);
	/* All that was charged before is given back on the new way. */
	for (res = 0; res < BC_NR_RES; res++)
		for (i = 0; i < NR_POOLS; i++)
			bc_counter_uncharge(&p[i]->cnt[res], NULL, 1 + i + 10 * res);
	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(new), 0);
	for (i = 0; i < NR_POOLS; i++)
		KUNIT_EXPECT_EQ_MSG(test, bc_pool_unbalanced(p[i]), 0, "%s", p[i]->name);
}

static void tree_insert_above_moves_the_subtree_down(struct kunit *test)
{
	static const unsigned int depth[NR_POOLS] = {
		[HOST] = 0, [A] = 2, [AA] = 3, [AAA] = 4, [AB] = 3, [B] = 1, [BA] = 2,
	};
	struct bc_pool *p[NR_POOLS], *new, *pos;
	int i = A;

	pools_plant(test, p);
	new = pools_add(test, "new", p[HOST]);

	topo_insert(test, new, p[A]);

	for (i = 0; i < NR_POOLS; i++)
		KUNIT_EXPECT_EQ_MSG(test, p[i]->depth, depth[i], "%s", p[i]->name);
	KUNIT_EXPECT_EQ(test, new->depth, 1);
	KUNIT_EXPECT_EQ(test, bc_pool_height(new), 3);
	KUNIT_EXPECT_PTR_EQ(test, p[A]->parent, new);
	KUNIT_EXPECT_PTR_EQ(test, new->parent, p[HOST]);
	KUNIT_EXPECT_EQ(test, new->nr_live, 1);
	KUNIT_EXPECT_EQ(test, p[HOST]->nr_live, 2);
	/* host: itself, b, new; new: its live state, a */
	KUNIT_EXPECT_EQ(test, refcount_read(&p[HOST]->refs), 3);
	KUNIT_EXPECT_EQ(test, refcount_read(&new->refs), 2);
	KUNIT_EXPECT_PTR_EQ(test, bc_pool_common(p[AAA], new), new);
	KUNIT_EXPECT_PTR_EQ(test, bc_pool_common(p[BA], p[AAA]), p[HOST]);
	i = A;
	for (pos = bc_pool_next_pre(new, new); pos && i < NR_POOLS;
	     pos = bc_pool_next_pre(pos, new))
		KUNIT_EXPECT_PTR_EQ(test, pos, p[i++]);
	KUNIT_EXPECT_EQ(test, i, AB + 1);
}

static void tree_insert_above_a_dying_pool(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *old = pools_add(test, "old", pools->tree.host);
	struct bc_pool *live = pools_add(test, "live", pools->tree.host);
	struct bc_pool *new;

	bc_counter_charge(&old->cnt[BC_TCPRCVBUF], NULL, 70);
	bc_counter_charge(&live->cnt[BC_TCPRCVBUF], NULL, 7);
	bc_pool_get(old);
	pools_kill(test, old);
	new = pools_add(test, "new", pools->tree.host);

	topo_insert(test, new, old);
	topo_insert(test, new, live);

	KUNIT_EXPECT_EQ(test, bc_counter_held(&new->cnt[BC_TCPRCVBUF]), 77);
	KUNIT_EXPECT_EQ(test, new->nr_live, 1);
	KUNIT_EXPECT_EQ(test, pools->tree.host->nr_live, 1);
	pools_kill(test, live);
	bc_counter_uncharge(&live->cnt[BC_TCPRCVBUF], NULL, 7);
	KUNIT_EXPECT_EQ(test, new->nr_live, 0);
	/* The dying one keeps its new parent. */
	pools_kill(test, new);
	pools_reap(test);
	KUNIT_EXPECT_EQ(test, pools->tree.nr_dying, 2);
	bc_counter_uncharge(&old->cnt[BC_TCPRCVBUF], NULL, 70);
	bc_pool_put(old);
	pools_reap(test);
	KUNIT_EXPECT_EQ(test, pools->tree.nr_dying, 0);
}

static void topo_sections_are_free_normally(struct kunit *test)
{
	struct bc_section sec;
	bool locked;

	bc_enter(&sec);
	locked = sec.locked;
	bc_leave(&sec);
	KUNIT_EXPECT_FALSE(test, locked);

	bc_topo_begin();
	bc_enter(&sec);
	locked = sec.locked;
	bc_leave(&sec);
	bc_topo_end();
	KUNIT_EXPECT_TRUE(test, locked);

	bc_enter(&sec);
	locked = sec.locked;
	bc_leave(&sec);
	KUNIT_EXPECT_FALSE(test, locked);
}

/* A section that began before bc_topo_end() must not unlock what it did not lock. */
static void topo_end_within_a_section(struct kunit *test)
{
	struct bc_section sec;

	bc_topo_begin();
	bc_enter(&sec);
	bc_topo_end();
	KUNIT_EXPECT_TRUE(test, sec.locked);
	bc_leave(&sec);
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
}

/* While the tree is rearranged, sections run one at a time: no increment is lost. */
#define ALONE_WORKERS	4
#define ALONE_OPS	10000

struct alone {
	unsigned long	sum;
	unsigned long	free;
};

static void alone_work(void *arg)
{
	struct alone *alone = arg;
	struct bc_section sec;
	unsigned long sum;
	int op, i;

	for (op = 0; op < ALONE_OPS; op++) {
		bc_enter(&sec);
		sum = READ_ONCE(alone->sum);
		for (i = 0; i < 10; i++)
			cpu_relax();
		WRITE_ONCE(alone->sum, sum + 1);
		if (!sec.locked)
			alone->free++;
		bc_leave(&sec);
		cond_resched();
	}
}

static void topo_makes_sections_exclusive(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct alone *alone = kunit_kzalloc(test, sizeof(*alone), GFP_KERNEL);
	int w;

	KUNIT_ASSERT_TRUE(test, alone);
	for (w = 0; w < ALONE_WORKERS; w++)
		crew_hire(test, &pools->crew, alone_work, alone);

	bc_topo_begin();
	crew_run(&pools->crew);
	bc_topo_end();

	KUNIT_EXPECT_EQ(test, alone->sum, ALONE_WORKERS * ALONE_OPS);
	KUNIT_EXPECT_EQ(test, alone->free, 0);
}

/*
 * Threads charge a leaf while pool after pool is put in above it. As only the
 * leaf is charged, all levels hold the same whenever no section is running,
 * and this is so while bc_topo_lock() is held.
 */
#define GROW_WORKERS	3
#define GROW_ROUNDS	16
#define GROW_LEVELS	(BC_DEPTH_MAX - 1)

struct grow {
	struct bc_tree	*tree;
	struct bc_pool	*leaf;
	struct bc_pool	*new[GROW_LEVELS];
	unsigned int	nr_new;
	bool		done;
	unsigned int	odd;
	struct grower {
		struct grow		*grow;
		struct rnd_state	rnd;
		unsigned long		charged;
		unsigned long		wrong;
	} grower[GROW_WORKERS];
};

static bool grow_charge(struct grower *me, enum bc_res res, u64 amount, enum bc_severity sev)
{
	struct bc_counter *fail;
	struct bc_section sec;
	bool ok;

	bc_enter(&sec);
	ok = bc_counter_try_charge(&me->grow->leaf->cnt[res], amount, sev, &fail);
	bc_leave(&sec);
	return ok;
}

static void grow_uncharge(struct grower *me, enum bc_res res, u64 amount)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_counter_uncharge(&me->grow->leaf->cnt[res], NULL, amount);
	bc_leave(&sec);
}

static void grow_work(void *arg)
{
	struct grower *me = arg;

	do {
		u32 random = prandom_u32_state(&me->rnd);
		enum bc_res res = random % BC_NR_RES;
		u64 amount = 1 + random / 16 % 8;

		if (!grow_charge(me, res, amount, BC_HARD))
			me->wrong++;
		/* The host has no room for that: it is taken back all the way. */
		if (grow_charge(me, res, 1000, BC_HARD))
			me->wrong++;
		grow_uncharge(me, res, amount);
		me->charged++;
		cond_resched();
	} while (!READ_ONCE(me->grow->done));
}

/* How many accounts hold something else than the leaf's. */
static unsigned int grow_odd(const struct bc_pool *leaf)
{
	const struct bc_pool *pos;
	unsigned int odd = 0;
	int res;

	for (pos = leaf; pos; pos = pos->parent)
		for (res = 0; res < BC_NR_RES; res++)
			if (atomic64_read(&pos->cnt[res].held) !=
			    atomic64_read(&leaf->cnt[res].held))
				odd++;
	return odd;
}

static void grow_insert(struct grow *grow, struct bc_pool *new, struct bc_pool *child)
{
	unsigned long flags;

	bc_topo_begin();
	bc_topo_lock(&flags);
	grow->odd += grow_odd(grow->leaf);
	bc_tree_insert_above(grow->tree, new, child);
	grow->odd += grow_odd(grow->leaf);
	bc_topo_unlock(flags);
	/* Sections run now, one at a time, and then none does again. */
	bc_topo_lock(&flags);
	grow->odd += grow_odd(grow->leaf);
	bc_topo_unlock(flags);
	bc_topo_end();
}

static void grow_master(void *arg)
{
	struct grow *grow = arg;
	struct bc_pool *child = grow->leaf;

	for (grow->nr_new = 0; grow->nr_new < GROW_LEVELS; grow->nr_new++) {
		struct bc_pool *new = grow->new[grow->nr_new];

		mutex_lock(&grow->tree->lock);
		if (bc_tree_add(grow->tree, new, child->parent, 0)) {
			mutex_unlock(&grow->tree->lock);
			break;
		}
		grow_insert(grow, new, child);
		mutex_unlock(&grow->tree->lock);
		/* Above this one next time, or above the leaf again. */
		child = grow->nr_new % 3 ? new : grow->leaf;
	}
	WRITE_ONCE(grow->done, true);
}

static void grow_round(struct kunit *test, struct grow *grow)
{
	struct pools *pools = test->priv;
	unsigned int i, w;
	char name[8];

	grow->leaf = pools_add(test, "leaf", pools->tree.host);
	for (w = 0; w < GROW_WORKERS; w++)
		crew_hire(test, &pools->crew, grow_work, &grow->grower[w]);
	crew_hire(test, &pools->crew, grow_master, grow);
	for (i = 0; i < GROW_LEVELS; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		grow->new[i] = pools_new(test, name);
	}
	grow->done = false;

	crew_run(&pools->crew);

	pools->nr_made += grow->nr_new;
	for (i = grow->nr_new; i < GROW_LEVELS; i++)
		bc_pool_free(grow->new[i]);
	KUNIT_ASSERT_EQ(test, grow->nr_new, GROW_LEVELS);
	KUNIT_EXPECT_EQ(test, grow->leaf->depth, BC_DEPTH_MAX);
	for (i = 0; i < GROW_LEVELS; i++)
		KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(grow->new[i]), 0);
	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(grow->leaf), 0);
	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(pools->tree.host), 0);
	pools_clear(test);
}

static void topo_keeps_charges_whole_while_the_tree_grows(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct grow *grow = kunit_kzalloc(test, sizeof(*grow), GFP_KERNEL);
	int round, w, res;

	KUNIT_ASSERT_TRUE(test, grow);
	grow->tree = &pools->tree;
	for (res = 0; res < BC_NR_RES; res++)
		bc_counter_set_bounds(&pools->tree.host->cnt[res], 900, 900);
	for (w = 0; w < GROW_WORKERS; w++) {
		grow->grower[w].grow = grow;
		prandom_seed_state(&grow->grower[w].rnd, w + 1);
	}

	for (round = 0; round < GROW_ROUNDS; round++)
		grow_round(test, grow);

	KUNIT_EXPECT_EQ(test, grow->odd, 0);
	for (w = 0; w < GROW_WORKERS; w++) {
		KUNIT_EXPECT_GT(test, grow->grower[w].charged, GROW_ROUNDS);
		KUNIT_EXPECT_EQ(test, grow->grower[w].wrong, 0);
	}
}

static struct kunit_case topo_cases[] = {
	KUNIT_CASE(tree_insert_above_takes_over_the_charges),
	KUNIT_CASE(tree_insert_above_moves_the_subtree_down),
	KUNIT_CASE(tree_insert_above_a_dying_pool),
	KUNIT_CASE(topo_sections_are_free_normally),
	KUNIT_CASE(topo_end_within_a_section),
	KUNIT_CASE(topo_makes_sections_exclusive),
	KUNIT_CASE(topo_keeps_charges_whole_while_the_tree_grows),
	{}
};

static struct kunit_suite topo_suite = {
	.name = "beancounter_topo",
	.init = pools_init,
	.exit = pools_exit,
	.test_cases = topo_cases,
};

kunit_test_suite(topo_suite);
