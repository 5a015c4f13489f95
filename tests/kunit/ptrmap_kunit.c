// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the map from addresses to records
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../kmod/ptrmap.h"
#include "crew.h"

#define PTRMAP_ITEMS	512

struct ptrmaps {
	struct bc_ptrmap	map;
	struct crew		crew;
	struct bc_ptrmap_node	node[PTRMAP_ITEMS];
	/* Their addresses are the keys; 64 apart, as those of small objects. */
	u8			key[PTRMAP_ITEMS][64];
};

static int ptrmap_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct ptrmaps), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void ptrmap_test_exit(struct kunit *test)
{
	struct ptrmaps *maps = test->priv;

	if (!maps)
		return;
	crew_dismiss(&maps->crew);
	bc_ptrmap_destroy(&maps->map);
}

static struct ptrmaps *ptrmap_make(struct kunit *test, unsigned int bits)
{
	struct ptrmaps *maps = test->priv;

	KUNIT_ASSERT_EQ(test, bc_ptrmap_init(&maps->map, bits), 0);
	return maps;
}

static struct bc_ptrmap_node *ptrmap_find(struct ptrmaps *maps, const void *key)
{
	struct bc_ptrmap_node *node;

	rcu_read_lock();
	node = bc_ptrmap_find(&maps->map, key);
	rcu_read_unlock();
	return node;
}

static struct bc_ptrmap_node *ptrmap_insert(struct ptrmaps *maps, int i)
{
	return bc_ptrmap_insert(&maps->map, &maps->node[i], maps->key[i]);
}

struct bits_param {
	const char	*desc;
	unsigned int	bits;
	int		items;
};

static const struct bits_param bits_params[] = {
	{ "two buckets, one item each at most", 1, 2 },
	{ "two buckets, long chains", 1, PTRMAP_ITEMS },
	{ "fewer buckets than locks", 4, PTRMAP_ITEMS },
	{ "as many buckets as locks", 6, PTRMAP_ITEMS },
	{ "more buckets than locks", 9, PTRMAP_ITEMS },
	{ "mostly empty", 18, PTRMAP_ITEMS },
};

static void bits_desc(const struct bits_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bits, bits_params, bits_desc);

static void ptrmap_init_makes_an_empty_map(struct kunit *test)
{
	const struct bits_param *param = test->param_value;
	struct ptrmaps *maps = ptrmap_make(test, param->bits);
	int i;

	for (i = 0; i < param->items; i++) {
		KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[i]), NULL);
		KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_remove(&maps->map, maps->key[i]), NULL);
	}
}

static void ptrmap_init_without_memory_fails(struct kunit *test)
{
#ifdef CONFIG_FAILSLAB
	struct ptrmaps *maps = test->priv;
	int ret;

	current->fail_nth = 1;
	ret = bc_ptrmap_init(&maps->map, 4);
	current->fail_nth = 0;

	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, maps->map.buckets, NULL);
#else
	kunit_skip(test, "the kernel cannot inject failures");
#endif
}

/* Insert all, remove every other one, insert it again, remove all. */
static void ptrmap_holds_what_was_inserted(struct kunit *test)
{
	const struct bits_param *param = test->param_value;
	struct ptrmaps *maps = ptrmap_make(test, param->bits);
	int i;

	for (i = 0; i < param->items; i++)
		KUNIT_ASSERT_PTR_EQ(test, ptrmap_insert(maps, i), &maps->node[i]);
	for (i = 0; i < param->items; i++)
		KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[i]), &maps->node[i]);

	for (i = 0; i < param->items; i += 2)
		KUNIT_ASSERT_PTR_EQ(test, bc_ptrmap_remove(&maps->map, maps->key[i]),
				    &maps->node[i]);
	for (i = 0; i < param->items; i++)
		KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[i]),
				    i % 2 ? &maps->node[i] : NULL);

	for (i = 0; i < param->items; i += 2)
		KUNIT_ASSERT_PTR_EQ(test, ptrmap_insert(maps, i), &maps->node[i]);
	for (i = 0; i < param->items; i++)
		KUNIT_EXPECT_TRUE(test, bc_ptrmap_remove_node(&maps->map, &maps->node[i]));
	for (i = 0; i < param->items; i++)
		KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[i]), NULL);
}

static void ptrmap_insert_twice_returns_the_first(struct kunit *test)
{
	struct ptrmaps *maps = ptrmap_make(test, 4);
	struct bc_ptrmap_node *first = &maps->node[0], *second = &maps->node[1];

	KUNIT_ASSERT_PTR_EQ(test, bc_ptrmap_insert(&maps->map, first, maps->key[7]), first);

	KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_insert(&maps->map, second, maps->key[7]), first);

	KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[7]), first);
	KUNIT_EXPECT_TRUE(test, hlist_unhashed(&second->link));
	KUNIT_EXPECT_FALSE(test, bc_ptrmap_remove_node(&maps->map, second));
	KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_remove(&maps->map, maps->key[7]), first);
	KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[7]), NULL);
}

/* With two buckets, all chains are in use. */
static void ptrmap_remove_unknown_removes_nothing(struct kunit *test)
{
	struct ptrmaps *maps = ptrmap_make(test, 1);
	int i;

	for (i = 0; i < 8; i++)
		ptrmap_insert(maps, i);

	for (i = 8; i < 16; i++)
		KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_remove(&maps->map, maps->key[i]), NULL);

	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[i]), &maps->node[i]);
}

static void ptrmap_remove_gives_a_record_to_one_only(struct kunit *test)
{
	struct ptrmaps *maps = ptrmap_make(test, 1);
	int i;

	for (i = 0; i < 4; i++)
		ptrmap_insert(maps, i);

	KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_remove(&maps->map, maps->key[0]), &maps->node[0]);
	KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_remove(&maps->map, maps->key[0]), NULL);
	KUNIT_EXPECT_FALSE(test, bc_ptrmap_remove_node(&maps->map, &maps->node[0]));

	KUNIT_EXPECT_TRUE(test, bc_ptrmap_remove_node(&maps->map, &maps->node[1]));
	KUNIT_EXPECT_FALSE(test, bc_ptrmap_remove_node(&maps->map, &maps->node[1]));
	KUNIT_EXPECT_PTR_EQ(test, bc_ptrmap_remove(&maps->map, maps->key[1]), NULL);

	KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[2]), &maps->node[2]);
	KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[3]), &maps->node[3]);
}

/* The address was used again: the late remover of the old record leaves the new one. */
static void ptrmap_remove_node_spares_a_successor(struct kunit *test)
{
	struct ptrmaps *maps = ptrmap_make(test, 4);
	struct bc_ptrmap_node *old = &maps->node[0], *new = &maps->node[1];

	bc_ptrmap_insert(&maps->map, old, maps->key[0]);
	bc_ptrmap_remove(&maps->map, maps->key[0]);
	KUNIT_ASSERT_PTR_EQ(test, bc_ptrmap_insert(&maps->map, new, maps->key[0]), new);

	KUNIT_EXPECT_FALSE(test, bc_ptrmap_remove_node(&maps->map, old));

	KUNIT_EXPECT_PTR_EQ(test, ptrmap_find(maps, maps->key[0]), new);
}

/*
 * Threads insert, remove by address, remove what they found, and look up, all
 * on the same few addresses. Each record has to have exactly one remover, and
 * a record that was found must not be freed before the reader is done.
 */
#define RACE_KEYS	24
#define RACE_WORKERS	4
#define RACE_OPS	6000

enum race_state { RACE_GOOD = 0x600d, RACE_FREED = 0xdead };

struct race_item {
	struct bc_ptrmap_node	node;
	struct rcu_head		rcu;
	atomic_t		removed;
	u32			state;
};

struct race {
	struct ptrmaps		*maps;
	struct racer {
		struct race		*race;
		struct rnd_state	rnd;
		unsigned long		inserted;
		unsigned long		removed;
		unsigned long		found;
		unsigned long		wrong;
		unsigned long		no_memory;
	} racer[RACE_WORKERS];
};

static void race_free(struct rcu_head *rcu)
{
	struct race_item *item = container_of(rcu, struct race_item, rcu);

	WRITE_ONCE(item->state, RACE_FREED);
	kfree(item);
}

static void race_removed(struct racer *me, struct bc_ptrmap_node *node)
{
	struct race_item *item = container_of(node, struct race_item, node);

	if (atomic_inc_return(&item->removed) != 1) {
		me->wrong++;
		return;
	}
	me->removed++;
	call_rcu(&item->rcu, race_free);
}

static void race_insert(struct racer *me, const void *key)
{
	struct race_item *item = kzalloc(sizeof(*item), GFP_KERNEL);

	if (!item) {
		me->no_memory++;
		return;
	}
	item->state = RACE_GOOD;
	if (bc_ptrmap_insert(&me->race->maps->map, &item->node, key) == &item->node)
		me->inserted++;
	else
		kfree(item);
}

static void race_remove(struct racer *me, const void *key)
{
	struct bc_ptrmap_node *node = bc_ptrmap_remove(&me->race->maps->map, key);

	if (node)
		race_removed(me, node);
}

static void race_find(struct racer *me, const void *key, bool remove)
{
	struct bc_ptrmap *map = &me->race->maps->map;
	struct bc_ptrmap_node *node;
	int i;

	rcu_read_lock();
	node = bc_ptrmap_find(map, key);
	if (node) {
		struct race_item *item = container_of(node, struct race_item, node);

		me->found++;
		if (remove && bc_ptrmap_remove_node(map, node))
			race_removed(me, node);
		for (i = 0; i < 20; i++)
			if (READ_ONCE(item->state) != RACE_GOOD || node->key != key)
				me->wrong++;
	}
	rcu_read_unlock();
}

static void race_work(void *arg)
{
	struct racer *me = arg;
	int op;

	for (op = 0; op < RACE_OPS; op++) {
		u32 random = prandom_u32_state(&me->rnd);
		const void *key = me->race->maps->key[random / 8 % RACE_KEYS];

		switch (random % 8) {
		case 0 ... 2:
			race_insert(me, key);
			break;
		case 3:
			race_remove(me, key);
			break;
		default:
			race_find(me, key, random % 8 == 4);
			break;
		}
		cond_resched();
	}
}

static void ptrmap_every_record_has_one_remover(struct kunit *test)
{
	struct ptrmaps *maps = ptrmap_make(test, 2);
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct racer all = { };
	int w, i;

	KUNIT_ASSERT_TRUE(test, race);
	race->maps = maps;
	for (w = 0; w < RACE_WORKERS; w++) {
		race->racer[w].race = race;
		prandom_seed_state(&race->racer[w].rnd, w + 1);
		crew_hire(test, &maps->crew, race_work, &race->racer[w]);
	}

	crew_run(&maps->crew);

	for (i = 0; i < RACE_KEYS; i++)
		race_remove(&race->racer[0], maps->key[i]);
	rcu_barrier();
	for (w = 0; w < RACE_WORKERS; w++) {
		all.inserted += race->racer[w].inserted;
		all.removed += race->racer[w].removed;
		all.found += race->racer[w].found;
		all.wrong += race->racer[w].wrong;
		all.no_memory += race->racer[w].no_memory;
	}
	KUNIT_ASSERT_EQ(test, all.no_memory, 0);
	KUNIT_EXPECT_EQ(test, all.wrong, 0);
	KUNIT_EXPECT_EQ(test, all.inserted, all.removed);
	KUNIT_EXPECT_GT(test, all.inserted, RACE_OPS / 10);
	KUNIT_EXPECT_GT(test, all.found, RACE_OPS / 10);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, hlist_empty(&maps->map.buckets[i]));
}

/*
 * Writers only, on two addresses and with nothing else to do, so that they meet
 * all the time. Each has nodes of its own; @linked of a node is 1 from before
 * its insertion until its only remover has it.
 */
#define CROWD_WORKERS	4
#define CROWD_NODES	4
#define CROWD_OPS	50000

struct crowd {
	struct ptrmaps		*maps;
	struct crowd_worker {
		struct crowd		*crowd;
		struct rnd_state	rnd;
		unsigned long		inserted;
		unsigned long		removed;
		unsigned long		wrong;
		struct crowd_node {
			struct bc_ptrmap_node	node;
			atomic_t		linked;
		} node[CROWD_NODES];
	} worker[CROWD_WORKERS];
};

static void crowd_removed(struct crowd_worker *me, struct bc_ptrmap_node *node)
{
	if (!node)
		return;
	if (atomic_dec_return(&container_of(node, struct crowd_node, node)->linked))
		me->wrong++;
	me->removed++;
}

static void crowd_work(void *arg)
{
	struct crowd_worker *me = arg;
	struct bc_ptrmap *map = &me->crowd->maps->map;
	int op;

	for (op = 0; op < CROWD_OPS; op++) {
		struct crowd_node *mine = &me->node[op % CROWD_NODES];
		const void *key = me->crowd->maps->key[prandom_u32_state(&me->rnd) / 16 % 2];

		if (!atomic_read(&mine->linked)) {
			atomic_set(&mine->linked, 1);
			if (bc_ptrmap_insert(map, &mine->node, key) == &mine->node)
				me->inserted++;
			else
				atomic_set(&mine->linked, 0);
		} else if (op % 3 == 0 && bc_ptrmap_remove_node(map, &mine->node)) {
			crowd_removed(me, &mine->node);
		}
		crowd_removed(me, bc_ptrmap_remove(map, key));
		cond_resched();
	}
}

static void ptrmap_writers_exclude_each_other(struct kunit *test)
{
	struct ptrmaps *maps = ptrmap_make(test, 1);
	struct crowd *crowd = kunit_kzalloc(test, sizeof(*crowd), GFP_KERNEL);
	unsigned long inserted = 0, removed = 0, wrong = 0;
	int w;

	KUNIT_ASSERT_TRUE(test, crowd);
	crowd->maps = maps;
	for (w = 0; w < CROWD_WORKERS; w++) {
		crowd->worker[w].crowd = crowd;
		prandom_seed_state(&crowd->worker[w].rnd, w + 1);
		crew_hire(test, &maps->crew, crowd_work, &crowd->worker[w]);
	}

	crew_run(&maps->crew);

	for (w = 0; w < 2; w++)
		crowd_removed(&crowd->worker[0], bc_ptrmap_remove(&maps->map, maps->key[w]));
	for (w = 0; w < CROWD_WORKERS; w++) {
		inserted += crowd->worker[w].inserted;
		removed += crowd->worker[w].removed;
		wrong += crowd->worker[w].wrong;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, inserted, removed);
	KUNIT_EXPECT_GT(test, inserted, CROWD_OPS);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&maps->map.buckets[0]));
	KUNIT_EXPECT_TRUE(test, hlist_empty(&maps->map.buckets[1]));
}

static struct kunit_case ptrmap_cases[] = {
	KUNIT_CASE_PARAM(ptrmap_init_makes_an_empty_map, bits_gen_params),
	KUNIT_CASE(ptrmap_init_without_memory_fails),
	KUNIT_CASE_PARAM(ptrmap_holds_what_was_inserted, bits_gen_params),
	KUNIT_CASE(ptrmap_insert_twice_returns_the_first),
	KUNIT_CASE(ptrmap_remove_unknown_removes_nothing),
	KUNIT_CASE(ptrmap_remove_gives_a_record_to_one_only),
	KUNIT_CASE(ptrmap_remove_node_spares_a_successor),
	KUNIT_CASE(ptrmap_every_record_has_one_remover),
	KUNIT_CASE(ptrmap_writers_exclude_each_other),
	{}
};

static struct kunit_suite ptrmap_suite = {
	.name = "beancounter_ptrmap",
	.init = ptrmap_test_init,
	.exit = ptrmap_test_exit,
	.test_cases = ptrmap_cases,
};

kunit_test_suite(ptrmap_suite);
