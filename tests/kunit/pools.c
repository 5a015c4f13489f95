// SPDX-License-Identifier: GPL-2.0
/*
 * A tree of pools for a test, in test->priv
 *
 * Released pools are only noted; pools_reap() does what the module's worker
 * does with them. At the end of each test all pools have to be gone, and the
 * books of each have to balance.
 */
#include <linux/string.h>

#include "pools.h"

/* In any context, as the real one. */
static void pools_release(struct bc_pool *pool)
{
	struct pools *pools = container_of(pool->tree, struct pools, tree);
	int slot = atomic_inc_return(&pools->nr_released) - 1;

	if (!WARN_ON_ONCE(slot >= POOLS_MAX))
		pools->released[slot] = pool;
}

/**
 * pools_init() - make a tree with a host
 * @test: test
 *
 * Return: 0 or -ENOMEM.
 */
int pools_init(struct kunit *test)
{
	struct pools *pools = kunit_kzalloc(test, sizeof(*pools), GFP_KERNEL);

	if (!pools)
		return -ENOMEM;
	test->priv = pools;
	return bc_tree_init(&pools->tree, 64, pools_release);
}

/**
 * pools_new() - make a pool that is in no tree
 * @test: test
 * @name: name
 *
 * Return: the pool.
 */
struct bc_pool *pools_new(struct kunit *test, const char *name)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = bc_pool_alloc(&pools->tree, name);

	KUNIT_ASSERT_TRUE(test, pool);
	return pool;
}

/**
 * pools_try_add() - add a pool, which may be refused
 * @test: test
 * @name: name
 * @parent: parent
 * @id: wanted number or 0
 *
 * Return: what bc_tree_add() returned.
 */
int pools_try_add(struct kunit *test, const char *name, struct bc_pool *parent, u32 id)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool = pools_new(test, name);
	int ret;

	mutex_lock(&pools->tree.lock);
	ret = bc_tree_add(&pools->tree, pool, parent, id);
	mutex_unlock(&pools->tree.lock);
	if (ret)
		bc_pool_free(pool);
	else
		pools->nr_made++;
	return ret;
}

/**
 * pools_add() - add a pool
 * @test: test
 * @name: name
 * @parent: parent
 *
 * Return: the pool.
 */
struct bc_pool *pools_add(struct kunit *test, const char *name, struct bc_pool *parent)
{
	KUNIT_ASSERT_EQ(test, pools_try_add(test, name, parent, 0), 0);
	return pools_find(test, name);
}

/**
 * pools_plant() - make a small tree
 * @test: test
 * @p: where the pools are stored, by enum plant
 *
 *	host -- a -- aa -- aaa
 *	  |     `-- ab
 *	  `---- b -- ba
 */
void pools_plant(struct kunit *test, struct bc_pool **p)
{
	struct pools *pools = test->priv;

	p[HOST] = pools->tree.host;
	p[A] = pools_add(test, "a", p[HOST]);
	p[B] = pools_add(test, "b", p[HOST]);
	p[AA] = pools_add(test, "aa", p[A]);
	p[AB] = pools_add(test, "ab", p[A]);
	p[BA] = pools_add(test, "ba", p[B]);
	p[AAA] = pools_add(test, "aaa", p[AA]);
}

/**
 * pools_find() - bc_tree_find() with its lock
 * @test: test
 * @name: name
 *
 * Return: the pool or NULL.
 */
struct bc_pool *pools_find(struct kunit *test, const char *name)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool;

	mutex_lock(&pools->tree.lock);
	pool = bc_tree_find(&pools->tree, name);
	mutex_unlock(&pools->tree.lock);
	return pool;
}

/**
 * pools_find_id() - bc_tree_find_id() with its lock
 * @test: test
 * @id: number
 *
 * Return: the pool or NULL.
 */
struct bc_pool *pools_find_id(struct kunit *test, u32 id)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool;

	mutex_lock(&pools->tree.lock);
	pool = bc_tree_find_id(&pools->tree, id);
	mutex_unlock(&pools->tree.lock);
	return pool;
}

/**
 * pools_kill() - bc_tree_kill() with its lock
 * @test: test
 * @pool: pool
 */
void pools_kill(struct kunit *test, struct bc_pool *pool)
{
	struct pools *pools = test->priv;

	mutex_lock(&pools->tree.lock);
	bc_tree_kill(&pools->tree, pool);
	mutex_unlock(&pools->tree.lock);
}

/**
 * pools_reap() - free what was released
 * @test: test
 */
void pools_reap(struct kunit *test)
{
	struct pools *pools = test->priv;

	while (pools->nr_gone < min(atomic_read(&pools->nr_released), POOLS_MAX)) {
		struct bc_pool *pool = pools->released[pools->nr_gone++];
		struct bc_pool *parent = pool->parent;

		KUNIT_EXPECT_EQ_MSG(test, bc_pool_unbalanced(pool), 0, "%s", pool->name);
		mutex_lock(&pools->tree.lock);
		bc_tree_unlink(&pools->tree, pool);
		mutex_unlock(&pools->tree.lock);
		bc_pool_free(pool);
		bc_pool_put(parent);
	}
}

/* A live pool without live children. */
static struct bc_pool *pools_victim(struct bc_tree *tree)
{
	struct bc_pool *pos;

	for (pos = tree->host; pos; pos = bc_pool_next_pre(pos, tree->host))
		if (pos != tree->host && pos->state == BC_POOL_LIVE && !pos->nr_live)
			return pos;
	return NULL;
}

/**
 * pools_clear() - kill all pools and free what is released then
 * @test: test
 */
void pools_clear(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *pool;

	for (pool = pools_victim(&pools->tree); pool; pool = pools_victim(&pools->tree))
		pools_kill(test, pool);
	pools_reap(test);
}

/**
 * pools_exit() - clear the tree and see that nothing is left
 * @test: test
 */
void pools_exit(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_tree *tree;

	if (!pools || !pools->tree.host)
		return;
	crew_dismiss(&pools->crew);
	tree = &pools->tree;
	pools_clear(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&pools->nr_released), pools->nr_made);
	KUNIT_EXPECT_EQ(test, tree->nr_live, 0);
	KUNIT_EXPECT_EQ(test, tree->nr_dying, 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&tree->host->refs), 1);
	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(tree->host), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&tree->host->children));
	KUNIT_EXPECT_TRUE(test, xa_empty(&tree->ids));
	/* With pools left over the test has failed, and a leak is safer. */
	if (!tree->nr_live && !tree->nr_dying)
		bc_tree_destroy(tree);
}
