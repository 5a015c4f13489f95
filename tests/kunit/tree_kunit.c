// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the tree of pools
 *
 * Each test has a tree of its own (pools.c), and after each one all pools have
 * to be gone with balanced books.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "../../kmod/tree.h"
#include "pools.h"

#define CHARS_60	"012345678901234567890123456789012345678901234567890123456789"

struct name_param {
	const char	*desc;
	const char	*name;
	bool		valid;
};

static const struct name_param name_params[] = {
	{ "one letter", "a", true },
	{ "one digit", "7", true },
	{ "all classes", "Web-01.example_org:eth0", true },
	{ "dots only", "..", true },
	{ "62 characters", CHARS_60 "ab", true },
	{ "63 characters", CHARS_60 "abc", true },
	{ "64 characters", CHARS_60 "abcd", false },
	{ "120 characters", CHARS_60 CHARS_60, false },
	{ "empty", "", false },
	{ "blank", "a b", false },
	{ "slash", "a/b", false },
	{ "line end", "a\n", false },
	{ "tabulator", "\ta", false },
	{ "UTF-8", "p\xc3\xb6ol", false },
	{ "Latin-1 letter", "p\xf6ol", false },
	{ "last of the bad", CHARS_60 "ab/", false },
	{ "percent", "%s", false },
	{ "delete", "a\x7f", false },
};

static void name_desc(const struct name_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(name, name_params, name_desc);

static void pool_name_valid_knows_a_name(struct kunit *test)
{
	const struct name_param *param = test->param_value;

	KUNIT_EXPECT_EQ(test, bc_pool_name_valid(param->name), param->valid);
}

static void pool_name_valid_by_each_character(struct kunit *test)
{
	static const char good[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.:-";
	char name[3] = "a";
	int c;

	for (c = 1; c < 256; c++) {
		name[1] = c;
		KUNIT_EXPECT_EQ_MSG(test, bc_pool_name_valid(name), !!strchr(good, c), "%d", c);
	}
}

static void tree_init_makes_a_host(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *host = pools->tree.host;

	KUNIT_EXPECT_STREQ(test, host->name, "host");
	KUNIT_EXPECT_EQ(test, host->id, 0);
	KUNIT_EXPECT_EQ(test, host->depth, 0);
	KUNIT_EXPECT_EQ(test, host->state, BC_POOL_LIVE);
	KUNIT_EXPECT_GT(test, host->incarnation, 0);
	KUNIT_EXPECT_PTR_EQ(test, host->parent, NULL);
	KUNIT_EXPECT_PTR_EQ(test, pools_find(test, "host"), host);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 0), host);
	KUNIT_EXPECT_EQ(test, pools->tree.nr_live, 0);
}

static void tree_init_without_memory_fails(struct kunit *test)
{
#ifdef CONFIG_FAILSLAB
	struct bc_tree *tree = kunit_kzalloc(test, sizeof(*tree), GFP_KERNEL);
	struct pools *pools = test->priv;
	struct bc_pool *pool;
	int ret;

	KUNIT_ASSERT_TRUE(test, tree);
	current->fail_nth = 1;
	ret = bc_tree_init(tree, 1, pools->tree.release);
	current->fail_nth = 1;
	pool = bc_pool_alloc(&pools->tree, "a");
	current->fail_nth = 0;

	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, pool, NULL);
	kfree(pool);
#else
	kunit_skip(test, "the kernel cannot inject failures");
#endif
}

static void tree_add_makes_a_live_pool(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_tree *tree = &pools->tree;
	u64 shape = tree->shape, generation = tree->generation;
	struct bc_pool *a = pools_add(test, "a", tree->host);
	struct bc_pool *b = pools_add(test, "b", a);
	int res;

	KUNIT_EXPECT_EQ(test, b->state, BC_POOL_LIVE);
	KUNIT_EXPECT_EQ(test, b->depth, 2);
	KUNIT_EXPECT_PTR_EQ(test, b->parent, a);
	for (res = 0; res < BC_NR_RES; res++) {
		KUNIT_EXPECT_PTR_EQ(test, b->cnt[res].parent, &a->cnt[res]);
		KUNIT_EXPECT_PTR_EQ(test, bc_counter_pool(&b->cnt[res], res), b);
	}
	KUNIT_EXPECT_EQ(test, tree->nr_live, 2);
	KUNIT_EXPECT_EQ(test, tree->host->nr_live, 1);
	KUNIT_EXPECT_EQ(test, a->nr_live, 1);
	KUNIT_EXPECT_EQ(test, tree->shape, shape + 2);
	KUNIT_EXPECT_GT(test, a->generation, generation);
	KUNIT_EXPECT_GT(test, b->generation, a->generation);
	KUNIT_EXPECT_EQ(test, tree->generation, b->generation);
	KUNIT_EXPECT_GE(test, b->created, a->created);
	KUNIT_EXPECT_GT(test, a->created, 0);
}

static void tree_add_gives_the_lowest_free_id(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *host = pools->tree.host;
	struct bc_pool *b;

	KUNIT_EXPECT_EQ(test, pools_add(test, "a", host)->id, 1);
	b = pools_add(test, "b", host);
	KUNIT_EXPECT_EQ(test, b->id, 2);
	KUNIT_EXPECT_EQ(test, pools_add(test, "c", host)->id, 3);
	pools_kill(test, b);
	KUNIT_EXPECT_EQ(test, pools_add(test, "d", host)->id, 2);
	KUNIT_EXPECT_EQ(test, pools_add(test, "e", host)->id, 4);
}

static void tree_add_gives_the_wanted_id(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *host = pools->tree.host;

	KUNIT_ASSERT_EQ(test, pools_try_add(test, "two", host, 2), 0);
	KUNIT_ASSERT_EQ(test, pools_try_add(test, "far", host, 123456), 0);
	KUNIT_ASSERT_EQ(test, pools_try_add(test, "last", host, S32_MAX), 0);

	KUNIT_EXPECT_EQ(test, pools_find(test, "two")->id, 2);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 2), pools_find(test, "two"));
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 123456), pools_find(test, "far"));
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, S32_MAX), pools_find(test, "last"));
	/* Those in between are free. */
	KUNIT_EXPECT_EQ(test, pools_add(test, "a", host)->id, 1);
	KUNIT_EXPECT_EQ(test, pools_add(test, "b", host)->id, 3);
}

static void tree_find_knows_no_other(struct kunit *test)
{
	struct pools *pools = test->priv;

	pools_add(test, "ab", pools->tree.host);

	KUNIT_EXPECT_PTR_EQ(test, pools_find(test, "a"), NULL);
	KUNIT_EXPECT_PTR_EQ(test, pools_find(test, "abc"), NULL);
	KUNIT_EXPECT_PTR_EQ(test, pools_find(test, "AB"), NULL);
	KUNIT_EXPECT_PTR_EQ(test, pools_find(test, ""), NULL);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 2), NULL);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, U32_MAX), NULL);
}

struct refuse_param {
	const char	*desc;
	const char	*name;
	u32		id;
	unsigned int	max_live;
	bool		deep;
	int		ret;
};

/* There are a pool "a" with number 1 and a chain that is as deep as may be. */
#define REFUSE_LIVE	BC_DEPTH_MAX

static const struct refuse_param refuse_params[] = {
	{ "nothing wrong", "b", 0, 64, false, 0 },
	{ "bad name", "a b", 0, 64, false, -EINVAL },
	{ "no name", "", 0, 64, false, -EINVAL },
	{ "name taken", "a", 0, 64, false, -EEXIST },
	{ "name of the host", "host", 0, 64, false, -EEXIST },
	{ "number taken", "b", 1, 64, false, -EADDRINUSE },
	{ "room for one", "b", 0, REFUSE_LIVE + 1, false, 0 },
	{ "no room", "b", 0, REFUSE_LIVE, false, -ENOSPC },
	{ "too deep", "b", 0, 64, true, -ELOOP },
	{ "bad name is told first", "/", 1, 1, true, -EINVAL },
	{ "name taken is told next", "a", 1, 1, true, -EEXIST },
	{ "number taken is told next", "b", 1, 1, true, -EADDRINUSE },
	{ "no room is told before too deep", "b", 0, 1, true, -ENOSPC },
};

static void refuse_desc(const struct refuse_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refuse, refuse_params, refuse_desc);

static void tree_add_refused_changes_nothing(struct kunit *test)
{
	const struct refuse_param *param = test->param_value;
	struct pools *pools = test->priv;
	struct bc_tree *tree = &pools->tree;
	struct bc_pool *parent = pools_add(test, "a", tree->host), *was;
	u64 shape, generation, incarnation;
	unsigned int refs;
	char name[8];
	int i, ret;

	for (i = 2; i <= BC_DEPTH_MAX; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		parent = pools_add(test, name, parent);
	}
	KUNIT_ASSERT_EQ(test, parent->depth, BC_DEPTH_MAX);
	KUNIT_ASSERT_EQ(test, tree->nr_live, REFUSE_LIVE);
	if (!param->deep)
		parent = tree->host;
	refs = refcount_read(&parent->refs);
	tree->max_live = param->max_live;
	shape = tree->shape;
	generation = tree->generation;
	incarnation = tree->incarnation;
	was = pools_find(test, param->name);

	mutex_lock(&tree->lock);
	ret = bc_tree_may_add(tree, param->name, param->id, parent);
	mutex_unlock(&tree->lock);
	KUNIT_EXPECT_EQ(test, ret, param->ret);
	KUNIT_EXPECT_EQ(test, tree->nr_live, REFUSE_LIVE);

	KUNIT_EXPECT_EQ(test, pools_try_add(test, param->name, parent, param->id), param->ret);
	if (!param->ret)
		return;
	KUNIT_EXPECT_EQ(test, tree->nr_live, REFUSE_LIVE);
	KUNIT_EXPECT_EQ(test, tree->shape, shape);
	KUNIT_EXPECT_EQ(test, tree->generation, generation);
	KUNIT_EXPECT_EQ(test, tree->incarnation, incarnation);
	KUNIT_EXPECT_EQ(test, refcount_read(&parent->refs), refs);
	KUNIT_EXPECT_PTR_EQ(test, pools_find(test, param->name), was);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 1), pools_find(test, "a"));
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, REFUSE_LIVE + 1), NULL);
}

/* The cap is on live pools: a container that leaks must not lock out others. */
static void tree_add_does_not_count_the_dying(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *a;

	pools->tree.max_live = 1;
	a = pools_add(test, "a", pools->tree.host);
	KUNIT_EXPECT_EQ(test, pools_try_add(test, "b", pools->tree.host, 0), -ENOSPC);
	bc_pool_get(a);
	pools_kill(test, a);

	KUNIT_EXPECT_EQ(test, pools_try_add(test, "b", pools->tree.host, 0), 0);
	bc_pool_put(a);
}

static void tree_kill_makes_a_charged_pool_dying(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_tree *tree = &pools->tree;
	struct bc_pool *a = pools_add(test, "a", tree->host);
	u64 shape = tree->shape, generation = tree->generation;

	bc_pool_get(a);
	pools_kill(test, a);

	KUNIT_EXPECT_EQ(test, a->state, BC_POOL_DYING);
	KUNIT_EXPECT_PTR_EQ(test, pools_find(test, "a"), NULL);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 1), a);
	KUNIT_EXPECT_EQ(test, tree->nr_live, 0);
	KUNIT_EXPECT_EQ(test, tree->nr_dying, 1);
	KUNIT_EXPECT_EQ(test, tree->host->nr_live, 0);
	KUNIT_EXPECT_EQ(test, tree->shape, shape + 1);
	KUNIT_EXPECT_EQ(test, tree->generation, generation + 1);
	KUNIT_EXPECT_EQ(test, a->generation, tree->generation);
	KUNIT_EXPECT_PTR_EQ(test, a->parent, tree->host);
	KUNIT_EXPECT_PTR_EQ(test, bc_pool_next_pre(tree->host, tree->host), a);

	bc_pool_put(a);
	pools_reap(test);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 1), NULL);
	KUNIT_EXPECT_EQ(test, tree->nr_dying, 0);
	KUNIT_EXPECT_EQ(test, tree->shape, shape + 2);
}

/* Name and number can be given again at once; the live pool is found first. */
static void tree_kill_frees_name_and_id(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *host = pools->tree.host, *old[3], *new;
	int i;

	for (i = 0; i < 3; i++) {
		old[i] = pools_add(test, "a", host);
		KUNIT_EXPECT_EQ(test, old[i]->id, 1);
		bc_pool_get(old[i]);
		pools_kill(test, old[i]);
	}
	KUNIT_ASSERT_EQ(test, pools_try_add(test, "a", host, 1), 0);
	new = pools_find(test, "a");

	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 1), new);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_PTR_NE(test, new, old[i]);
		KUNIT_EXPECT_EQ(test, old[i]->id, 1);
		KUNIT_EXPECT_GT(test, new->incarnation, old[i]->incarnation);
		KUNIT_EXPECT_NE(test, old[i]->incarnation, old[(i + 1) % 3]->incarnation);
	}
	/* Without a live one, the longest dying. */
	pools_kill(test, new);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 1), old[0]);
	bc_pool_put(old[0]);
	pools_reap(test);
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 1), old[1]);
	bc_pool_put(old[1]);
	bc_pool_put(old[2]);
}

static void pool_put_releases_with_the_last_reference(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *a = pools_add(test, "a", pools->tree.host);

	bc_pool_get(a);
	KUNIT_ASSERT_TRUE(test, bc_pool_tryget(a));
	pools_kill(test, a);
	KUNIT_EXPECT_EQ(test, atomic_read(&pools->nr_released), 0);
	bc_pool_put(a);
	KUNIT_EXPECT_EQ(test, atomic_read(&pools->nr_released), 0);
	bc_pool_put(a);

	KUNIT_ASSERT_EQ(test, atomic_read(&pools->nr_released), 1);
	KUNIT_EXPECT_PTR_EQ(test, pools->released[0], a);
	KUNIT_EXPECT_FALSE(test, bc_pool_tryget(a));
	/* Until it is unlinked it can be seen, though. */
	KUNIT_EXPECT_PTR_EQ(test, pools_find_id(test, 1), a);
	KUNIT_EXPECT_EQ(test, pools->tree.nr_dying, 1);
}

static void tree_kill_releases_what_nobody_refers_to(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *a = pools_add(test, "a", pools->tree.host);

	pools_kill(test, a);

	KUNIT_ASSERT_EQ(test, atomic_read(&pools->nr_released), 1);
	KUNIT_EXPECT_PTR_EQ(test, pools->released[0], a);
}

static void pool_children_keep_their_parent(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *a = pools_add(test, "a", pools->tree.host);
	struct bc_pool *b = pools_add(test, "b", a);
	struct bc_pool *c = pools_add(test, "c", b);

	bc_pool_get(c);
	pools_kill(test, c);
	pools_kill(test, b);
	pools_kill(test, a);
	pools_reap(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&pools->nr_released), 0);
	KUNIT_EXPECT_EQ(test, pools->tree.nr_dying, 3);
	KUNIT_EXPECT_PTR_EQ(test, c->parent, b);
	KUNIT_EXPECT_PTR_EQ(test, b->parent, a);

	/* One goes after the other, from below. */
	bc_pool_put(c);
	KUNIT_EXPECT_EQ(test, atomic_read(&pools->nr_released), 1);
	pools_reap(test);
	KUNIT_ASSERT_EQ(test, atomic_read(&pools->nr_released), 3);
	KUNIT_EXPECT_PTR_EQ(test, pools->released[0], c);
	KUNIT_EXPECT_PTR_EQ(test, pools->released[1], b);
	KUNIT_EXPECT_PTR_EQ(test, pools->released[2], a);
	KUNIT_EXPECT_EQ(test, pools->tree.nr_dying, 0);
}

static void pool_next_pre_sees_parents_first(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS], *pos;
	int i = HOST;

	pools_plant(test, p);

	/* enum plant is in this order. */
	for (pos = p[HOST]; pos && i < NR_POOLS; pos = bc_pool_next_pre(pos, p[HOST]))
		KUNIT_EXPECT_PTR_EQ(test, pos, p[i++]);
	KUNIT_EXPECT_EQ(test, i, NR_POOLS);
	KUNIT_EXPECT_PTR_EQ(test, pos, NULL);
}

static void pool_next_pre_stays_below_its_root(struct kunit *test)
{
	struct bc_pool *p[NR_POOLS], *pos;
	int i = A;

	pools_plant(test, p);

	for (pos = p[A]; pos && i < NR_POOLS; pos = bc_pool_next_pre(pos, p[A]))
		KUNIT_EXPECT_PTR_EQ(test, pos, p[i++]);
	KUNIT_EXPECT_EQ(test, i, AB + 1);
	KUNIT_EXPECT_PTR_EQ(test, bc_pool_next_pre(p[AAA], p[AAA]), NULL);
	KUNIT_EXPECT_PTR_EQ(test, bc_pool_next_pre(p[AB], p[AB]), NULL);
}

static void pool_height_counts_levels(struct kunit *test)
{
	static const unsigned int height[NR_POOLS] = {
		[HOST] = 3, [A] = 2, [AA] = 1, [AAA] = 0, [AB] = 0, [B] = 1, [BA] = 0,
	};
	struct bc_pool *p[NR_POOLS];
	int i;

	pools_plant(test, p);

	for (i = 0; i < NR_POOLS; i++)
		KUNIT_EXPECT_EQ_MSG(test, bc_pool_height(p[i]), height[i], "%s", p[i]->name);
}

struct common_param {
	const char	*desc;
	enum plant	a;
	enum plant	b;
	enum plant	common;
};

static const struct common_param common_params[] = {
	{ "itself", AA, AA, AA },
	{ "the host itself", HOST, HOST, HOST },
	{ "siblings", AA, AB, A },
	{ "siblings below the host", A, B, HOST },
	{ "parent and child", AA, AAA, AA },
	{ "host and leaf", HOST, AAA, HOST },
	{ "uncle and nephew", AB, AAA, A },
	{ "cousins", BA, AA, HOST },
	{ "cousins of different depth", BA, AAA, HOST },
	{ "nobody", NOBODY, AA, NOBODY },
	{ "nobody at all", NOBODY, NOBODY, NOBODY },
};

static void common_desc(const struct common_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(common, common_params, common_desc);

static void pool_common_is_the_lowest_above_both(struct kunit *test)
{
	const struct common_param *param = test->param_value;
	struct bc_pool *p[NOBODY + 1] = { };

	pools_plant(test, p);

	KUNIT_EXPECT_PTR_EQ(test, bc_pool_common(p[param->a], p[param->b]), p[param->common]);
	KUNIT_EXPECT_PTR_EQ(test, bc_pool_common(p[param->b], p[param->a]), p[param->common]);
}

static void pool_unbalanced_counts_resources(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *a = pools_add(test, "a", pools->tree.host);

	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(a), 0);
	bc_counter_charge(&a->cnt[BC_NUMPROC], NULL, 3);
	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(a), 1);
	atomic64_set(&a->cnt[BC_NR_RES - 1].held, -1);
	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(a), 2);
	atomic64_set(&a->cnt[BC_NR_RES - 1].held, 0);
	bc_counter_uncharge(&a->cnt[BC_NUMPROC], NULL, 3);
	KUNIT_EXPECT_EQ(test, bc_pool_unbalanced(a), 0);
}

struct move_param {
	const char	*desc;
	enum plant	from;
	enum plant	to;
};

static const struct move_param move_params[] = {
	{ "between siblings", AA, AB },
	{ "between siblings below the host", A, B },
	{ "between cousins", AAA, BA },
	{ "to an uncle", AAA, AB },
	{ "to a nephew", AB, AAA },
	{ "to the parent", AA, A },
	{ "to a child", A, AA },
	{ "to a grandchild", A, AAA },
	{ "to the host", AAA, HOST },
	{ "from the host", HOST, BA },
	{ "to itself", AA, AA },
	{ "the host to itself", HOST, HOST },
	{ "from nobody", NOBODY, AAA },
	{ "from nobody to the host", NOBODY, HOST },
	{ "to nobody", AAA, NOBODY },
	{ "from the host to nobody", HOST, NOBODY },
	{ "nobody to nobody", NOBODY, NOBODY },
};

static void move_desc(const struct move_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(move, move_params, move_desc);

/* Is @pool the same as @below, or above it? */
static bool tree_is_above(const struct bc_pool *pool, const struct bc_pool *below)
{
	for (; below; below = below->parent)
		if (below == pool)
			return true;
	return false;
}

static void pool_move_books_what_moved(struct kunit *test)
{
	const struct move_param *param = test->param_value;
	struct bc_pool *p[NOBODY + 1] = { }, *from, *to;
	u64 held[NR_POOLS];
	struct bc_section sec;
	int i, other;

	/* Every pool holds something of its own, at bounds that forbid more. */
	pools_plant(test, p);
	for (i = 0; i < NR_POOLS; i++)
		bc_counter_charge(&p[i]->cnt[BC_TCPSNDBUF], NULL, 100);
	for (i = 0; i < NR_POOLS; i++) {
		bc_counter_set_bounds(&p[i]->cnt[BC_TCPSNDBUF], 1, 2);
		held[i] = bc_counter_held(&p[i]->cnt[BC_TCPSNDBUF]);
	}
	from = p[param->from];
	to = p[param->to];

	bc_enter(&sec);
	bc_pool_move(from, to, BC_TCPSNDBUF, 30);
	bc_leave(&sec);

	for (i = 0; i < NR_POOLS; i++) {
		struct bc_counter *cnt = &p[i]->cnt[BC_TCPSNDBUF];
		bool loses = tree_is_above(p[i], from), gains = tree_is_above(p[i], to);

		KUNIT_EXPECT_EQ_MSG(test, bc_counter_held(cnt),
				    held[i] - 30 * loses + 30 * gains, "%s", p[i]->name);
		/* Above both there was no spike. */
		KUNIT_EXPECT_EQ_MSG(test, atomic64_read(&cnt->maxheld),
				    held[i] + 30 * (gains && !loses), "%s", p[i]->name);
		for (other = 0; other < BC_NR_RES; other++)
			if (other != BC_TCPSNDBUF)
				KUNIT_EXPECT_EQ(test, bc_counter_held(&p[i]->cnt[other]), 0);
	}

	bc_enter(&sec);
	bc_pool_move(to, from, BC_TCPSNDBUF, 30);
	bc_leave(&sec);
	for (i = 0; i < NR_POOLS; i++) {
		KUNIT_EXPECT_EQ_MSG(test, bc_counter_held(&p[i]->cnt[BC_TCPSNDBUF]), held[i],
				    "back: %s", p[i]->name);
	}
	for (i = 0; i < NR_POOLS; i++)
		bc_counter_uncharge(&p[i]->cnt[BC_TCPSNDBUF], NULL, 100);
}

/* While one thread moves things about below @above, another looks at it. */
struct movers {
	struct bc_pool	*from;
	struct bc_pool	*to;
	struct bc_pool	*above;
	atomic_t	working;
	unsigned long	samples;
	unsigned long	wrong;
};

static void movers_move(void *arg)
{
	struct movers *movers = arg;
	struct bc_section sec;
	int i;

	for (i = 0; i < 50000; i++) {
		bc_enter(&sec);
		if (i % 2)
			bc_pool_move(movers->to, movers->from, BC_NUMPROC, 5);
		else
			bc_pool_move(movers->from, movers->to, BC_NUMPROC, 5);
		bc_leave(&sec);
		cond_resched();
	}
	atomic_dec(&movers->working);
}

static void movers_watch(void *arg)
{
	struct movers *movers = arg;

	while (atomic_read(&movers->working)) {
		if (bc_counter_held(&movers->above->cnt[BC_NUMPROC]) != 5 ||
		    atomic64_read(&movers->above->cnt[BC_NUMPROC].maxheld) != 5)
			movers->wrong++;
		movers->samples++;
		cond_resched();
	}
}

static void pool_move_shows_no_dent_to_others(struct kunit *test)
{
	struct pools *pools = test->priv;
	struct bc_pool *p[NR_POOLS];
	struct movers *movers = kunit_kzalloc(test, sizeof(*movers), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, movers);
	pools_plant(test, p);
	movers->from = p[AAA];
	movers->to = p[AB];
	movers->above = p[A];
	atomic_set(&movers->working, 1);
	bc_counter_charge(&p[AAA]->cnt[BC_NUMPROC], NULL, 5);
	crew_hire(test, &pools->crew, movers_move, movers);
	crew_hire(test, &pools->crew, movers_watch, movers);

	crew_run(&pools->crew);

	KUNIT_EXPECT_EQ(test, movers->wrong, 0);
	KUNIT_EXPECT_GT(test, movers->samples, 0);
	KUNIT_EXPECT_EQ(test, bc_counter_held(&p[AAA]->cnt[BC_NUMPROC]), 5);
	KUNIT_EXPECT_EQ(test, bc_counter_held(&p[AB]->cnt[BC_NUMPROC]), 0);
	bc_counter_uncharge(&p[AAA]->cnt[BC_NUMPROC], NULL, 5);
}

static struct kunit_case tree_cases[] = {
	KUNIT_CASE_PARAM(pool_name_valid_knows_a_name, name_gen_params),
	KUNIT_CASE(pool_name_valid_by_each_character),
	KUNIT_CASE(tree_init_makes_a_host),
	KUNIT_CASE(tree_init_without_memory_fails),
	KUNIT_CASE(tree_add_makes_a_live_pool),
	KUNIT_CASE(tree_add_gives_the_lowest_free_id),
	KUNIT_CASE(tree_add_gives_the_wanted_id),
	KUNIT_CASE(tree_find_knows_no_other),
	KUNIT_CASE_PARAM(tree_add_refused_changes_nothing, refuse_gen_params),
	KUNIT_CASE(tree_add_does_not_count_the_dying),
	KUNIT_CASE(tree_kill_makes_a_charged_pool_dying),
	KUNIT_CASE(tree_kill_frees_name_and_id),
	KUNIT_CASE(pool_put_releases_with_the_last_reference),
	KUNIT_CASE(tree_kill_releases_what_nobody_refers_to),
	KUNIT_CASE(pool_children_keep_their_parent),
	KUNIT_CASE(pool_next_pre_sees_parents_first),
	KUNIT_CASE(pool_next_pre_stays_below_its_root),
	KUNIT_CASE(pool_height_counts_levels),
	KUNIT_CASE_PARAM(pool_common_is_the_lowest_above_both, common_gen_params),
	KUNIT_CASE(pool_unbalanced_counts_resources),
	KUNIT_CASE_PARAM(pool_move_books_what_moved, move_gen_params),
	KUNIT_CASE(pool_move_shows_no_dent_to_others),
	{}
};

static struct kunit_suite tree_suite = {
	.name = "beancounter_tree",
	.init = pools_init,
	.exit = pools_exit,
	.test_cases = tree_cases,
};

kunit_test_suite(tree_suite);
