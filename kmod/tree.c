// SPDX-License-Identifier: GPL-2.0
/*
 * The tree of pools
 *
 * Pools mirror the cgroups they are bound to; this file knows nothing of
 * cgroups, hooks or netlink. It keeps names, numbers and the hierarchy, and
 * the life of a pool: live, dying, gone.
 *
 * A number and a name belong to a pool while it is live. A dying pool keeps
 * showing its number, which may meanwhile have been given to a new one; the
 * incarnation tells them apart.
 *
 * The chain of parents may change while charges run: a pool can be bound
 * between a pool and its parent. For this moment charging is made exclusive,
 * see bc_topo_begin(). It costs the normal charge one load.
 */
#include <linux/ctype.h>
#include <linux/math64.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/timekeeping.h>

#include "closing.h"
#include "tree.h"

bool bc_topo_busy __read_mostly;
static DEFINE_SPINLOCK(bc_topo_spin);

/**
 * bc_enter_slow() - enter a charge section while the tree is being rearranged
 * @sec: section
 */
void bc_enter_slow(struct bc_section *sec)
	__acquires(&bc_topo_spin)
{
	spin_lock(&bc_topo_spin);
	sec->locked = true;
}

/**
 * bc_leave_slow() - leave a section that bc_enter_slow() entered
 * @sec: section
 */
void bc_leave_slow(struct bc_section *sec)
	__releases(&bc_topo_spin)
{
	spin_unlock(&bc_topo_spin);
}

/* After a recount the next one waits for this many times as long as it took. */
#define BC_RECOUNT_REST	4

/**
 * bc_recount_begin() - may a subtree be recounted now, by this CPU?
 * @next: when it may next be, by local_clock()
 * @start: for bc_recount_end()
 *
 * Whoever hammers at a limit must not make the host recount for ever, nor all
 * CPUs at once. What is refused meanwhile may be refused for something that was
 * given back within that time: microseconds for ten objects, a millisecond for
 * ten thousand.
 *
 * Return: true when it may; then bc_recount_end() must follow.
 */
bool bc_recount_begin(u64 *next, u64 *start)
{
	u64 old = READ_ONCE(*next);

	*start = local_clock();
	return *start >= old && cmpxchg64(next, old, *start + NSEC_PER_SEC) == old;
}

/**
 * bc_recount_end() - a recount is done
 * @next: as for bc_recount_begin()
 * @start: from bc_recount_begin()
 */
void bc_recount_end(u64 *next, u64 start)
{
	WRITE_ONCE(*next, start + (local_clock() - start) * (1 + BC_RECOUNT_REST));
}

/**
 * bc_topo_begin() - make charge sections exclusive
 *
 * Sections that did not see the flag had interrupts off when they looked, so
 * they are over after a grace period; all later ones take bc_topo_spin.
 *
 * Context: may sleep; under the tree mutex.
 */
void bc_topo_begin(void)
{
	WRITE_ONCE(bc_topo_busy, true);
	synchronize_rcu_expedited();
}

/**
 * bc_topo_end() - let charge sections run freely again
 *
 * Context: under the tree mutex.
 */
void bc_topo_end(void)
{
	/* Whoever sees false sees all that was rearranged. */
	smp_store_release(&bc_topo_busy, false);
}

/**
 * bc_topo_lock() - exclude all charge sections, between bc_topo_begin() and _end()
 * @flags: for bc_topo_unlock()
 *
 * Charging on the whole machine waits meanwhile: rearrange in small batches.
 */
void bc_topo_lock(unsigned long *flags)
	__acquires(&bc_topo_spin)
{
	spin_lock_irqsave(&bc_topo_spin, *flags);
}

/**
 * bc_topo_unlock() - let charge sections go on
 * @flags: from bc_topo_lock()
 */
void bc_topo_unlock(unsigned long flags)
	__releases(&bc_topo_spin)
{
	spin_unlock_irqrestore(&bc_topo_spin, flags);
}

/**
 * bc_pool_name_valid() - is this a name?
 * @name: string
 *
 * Return: true for 1..BC_NAME_MAX characters of [A-Za-z0-9_.:-].
 */
bool bc_pool_name_valid(const char *name)
{
	size_t len;

	for (len = 0; name[len]; len++)
		if (len == BC_NAME_MAX || (!isalnum(name[len]) && !strchr("_.:-", name[len])) ||
		    !isascii(name[len]))
			return false;
	return len > 0;
}

/**
 * bc_pool_alloc() - make a pool that is in no tree yet
 * @tree: the tree it will be added to
 * @name: valid name
 *
 * Context: may sleep.
 * Return: the pool with one reference (that of the live state), or NULL.
 */
struct bc_pool *bc_pool_alloc(struct bc_tree *tree, const char *name)
{
	struct bc_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	int res;

	if (!pool)
		return NULL;
	pool->reflog = kzalloc(sizeof(*pool->reflog), GFP_KERNEL_ACCOUNT);
	if (!pool->reflog) {
		kfree(pool);
		return NULL;
	}
	bc_reflog_init(pool->reflog);
	for (res = 0; res < BC_NR_RES; res++)
		bc_counter_init(&pool->cnt[res], NULL);
	bc_settings_init(pool->settings);
	bc_cputime_init(&pool->cpu);
	refcount_set(&pool->refs, 1);
	pool->tree = tree;
	strscpy(pool->name, name, sizeof(pool->name));
	INIT_LIST_HEAD(&pool->children);
	INIT_LIST_HEAD(&pool->sibling);
	INIT_LIST_HEAD(&pool->dying_link);
	INIT_LIST_HEAD(&pool->cgroups);
	INIT_HLIST_NODE(&pool->name_link);
	spin_lock_init(&pool->vm_lock);
	INIT_LIST_HEAD(&pool->mms);
	INIT_LIST_HEAD(&pool->sigs);
	spin_lock_init(&pool->sk_lock);
	INIT_LIST_HEAD(&pool->socks);
	spin_lock_init(&pool->shm_lock);
	INIT_LIST_HEAD(&pool->shms);
	bc_iobook_init(&pool->io);
	return pool;
}

/**
 * bc_pool_free() - free a pool that nobody can reach
 * @pool: pool
 */
void bc_pool_free(struct bc_pool *pool)
{
	kfree(pool->reflog);
	kfree(pool->limits);
	bc_closing_free(pool->closing);
	bc_snap_put(pool->snap);
	bc_iobook_destroy(&pool->io);
	kfree(pool);
}

/**
 * bc_tree_init() - make a tree that has a host pool only
 * @tree: tree
 * @max_live: cap on live pools
 * @release: see struct bc_tree
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int bc_tree_init(struct bc_tree *tree, unsigned int max_live,
		 void (*release)(struct bc_pool *pool))
{
	memset(tree, 0, sizeof(*tree));
	mutex_init(&tree->lock);
	xa_init_flags(&tree->ids, XA_FLAGS_ALLOC1);
	hash_init(tree->names);
	INIT_LIST_HEAD(&tree->dying);
	tree->max_live = max_live;
	tree->release = release;
	tree->loaded = ktime_get_boottime_ns();
	/*
	 * Numbers that a former instance of the module has used must not come again. It
	 * took more than a microsecond for each.
	 */
	tree->generation = div_u64(tree->loaded, NSEC_PER_USEC) + 1;
	tree->incarnation = tree->generation;
	bc_closings_init(&tree->closed, BC_CLOSED_MAX, tree->generation);
	tree->host = bc_pool_alloc(tree, "host");
	if (!tree->host)
		return -ENOMEM;
	tree->host->created = tree->loaded;
	tree->host->changed = tree->loaded;
	tree->host->incarnation = ++tree->incarnation;
	tree->host->generation = tree->generation;
	return 0;
}

/**
 * bc_tree_destroy() - free a tree whose pools are all gone
 * @tree: tree
 */
void bc_tree_destroy(struct bc_tree *tree)
{
	WARN_ON(tree->nr_live || tree->nr_dying);
	bc_closings_destroy(&tree->closed);
	bc_pool_free(tree->host);
	xa_destroy(&tree->ids);
	mutex_destroy(&tree->lock);
}

static u32 bc_name_hash(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

/**
 * bc_tree_find() - find a live pool by name
 * @tree: tree
 * @name: name; "host" is the host
 *
 * Context: under the tree mutex, which keeps the result alive.
 * Return: pool or NULL.
 */
struct bc_pool *bc_tree_find(struct bc_tree *tree, const char *name)
{
	struct bc_pool *pool;

	if (!strcmp(name, tree->host->name))
		return tree->host;
	hash_for_each_possible(tree->names, pool, name_link, bc_name_hash(name))
		if (!strcmp(pool->name, name))
			return pool;
	return NULL;
}

/**
 * bc_tree_find_id() - find a pool by number, live ones first
 * @tree: tree
 * @id: number; 0 is the host
 *
 * Context: under the tree mutex, which keeps the result alive.
 * Return: pool or NULL.
 */
struct bc_pool *bc_tree_find_id(struct bc_tree *tree, u32 id)
{
	struct bc_pool *pool;

	if (!id)
		return tree->host;
	pool = xa_load(&tree->ids, id);
	if (pool)
		return pool;
	list_for_each_entry(pool, &tree->dying, dying_link)
		if (pool->id == id)
			return pool;
	return NULL;
}

/**
 * bc_tree_may_add() - could a pool be added?
 * @tree: tree
 * @name: its name
 * @id: its number, 0 for any
 * @parent: its parent
 *
 * Context: under the tree mutex.
 * Return: 0; -EINVAL bad name; -EEXIST name taken; -EADDRINUSE number taken;
 * -ENOSPC too many pools; -ELOOP too deep.
 */
int bc_tree_may_add(struct bc_tree *tree, const char *name, u32 id,
		    const struct bc_pool *parent)
{
	lockdep_assert_held(&tree->lock);
	if (!bc_pool_name_valid(name))
		return -EINVAL;
	if (bc_tree_find(tree, name))
		return -EEXIST;
	if (id && xa_load(&tree->ids, id))
		return -EADDRINUSE;
	if (tree->nr_live >= tree->max_live)
		return -ENOSPC;
	if (parent->depth >= BC_DEPTH_MAX)
		return -ELOOP;
	return 0;
}

/**
 * bc_tree_add() - make a pool live
 * @tree: tree
 * @pool: from bc_pool_alloc(), complete
 * @parent: a live pool or the host
 * @id: wanted number, 0 for the lowest free one
 *
 * Context: under the tree mutex; may sleep.
 * Return: 0, an error of bc_tree_may_add(), or -ENOMEM.
 */
int bc_tree_add(struct bc_tree *tree, struct bc_pool *pool, struct bc_pool *parent, u32 id)
{
	int res, ret = bc_tree_may_add(tree, pool->name, id, parent);

	if (ret)
		return ret;
	pool->id = id;
	if (id)
		ret = xa_insert(&tree->ids, id, pool, GFP_KERNEL);
	else
		ret = xa_alloc(&tree->ids, &pool->id, pool, XA_LIMIT(1, S32_MAX), GFP_KERNEL);
	if (ret)
		return ret;

	pool->state = BC_POOL_LIVE;
	pool->incarnation = ++tree->incarnation;
	pool->created = ktime_get_boottime_ns();
	pool->changed = pool->created;
	pool->generation = ++tree->generation;
	pool->depth = parent->depth + 1;
	for (res = 0; res < BC_NR_RES; res++)
		pool->cnt[res].parent = &parent->cnt[res];
	pool->parent = parent;
	bc_pool_get(parent);
	parent->nr_live++;
	list_add_tail_rcu(&pool->sibling, &parent->children);
	hash_add(tree->names, &pool->name_link, bc_name_hash(pool->name));
	WRITE_ONCE(tree->nr_live, tree->nr_live + 1);
	tree->shape++;
	return 0;
}

/**
 * bc_pool_height() - levels of pools below a pool
 * @pool: pool
 *
 * Context: under the tree mutex.
 * Return: 0 when it has no children.
 */
unsigned int bc_pool_height(struct bc_pool *pool)
{
	struct bc_pool *pos;
	unsigned int deepest = pool->depth;

	for (pos = pool; pos; pos = bc_pool_next_pre(pos, pool))
		deepest = max(deepest, pos->depth);
	return deepest - pool->depth;
}

/**
 * bc_tree_insert_above() - put a pool between a pool and its parent
 * @tree: tree
 * @pool: new pool, already in the tree, a sibling of @child
 * @child: pool to be put below @pool
 *
 * What @child holds is now held by @pool as well; levels above already have it.
 *
 * Context: under the tree mutex, with charge sections excluded.
 */
void bc_tree_insert_above(struct bc_tree *tree, struct bc_pool *pool, struct bc_pool *child)
{
	struct bc_pool *pos;
	int res;

	lockdep_assert_held(&tree->lock);
	WARN_ON_ONCE(child->parent != pool->parent);
	for (res = 0; res < BC_NR_RES; res++) {
		bc_counter_charge(&pool->cnt[res], pool->cnt[res].parent,
				  bc_counter_held(&child->cnt[res]));
		child->cnt[res].parent = &pool->cnt[res];
	}
	list_del(&child->sibling);
	list_add_tail(&child->sibling, &pool->children);
	if (child->state == BC_POOL_LIVE) {
		child->parent->nr_live--;
		pool->nr_live++;
	}
	bc_pool_get(pool);
	bc_pool_put(child->parent);
	child->parent = pool;
	for (pos = child; pos; pos = bc_pool_next_pre(pos, child))
		pos->depth++;
}

/**
 * bc_tree_kill() - make a live pool dying
 * @tree: tree
 * @pool: pool without live children
 *
 * Drops the reference of the live state, so that the pool may be released
 * before this returns if nothing is charged to it.
 *
 * Context: under the tree mutex.
 */
void bc_tree_kill(struct bc_tree *tree, struct bc_pool *pool)
{
	lockdep_assert_held(&tree->lock);
	WRITE_ONCE(pool->state, BC_POOL_DYING);
	xa_erase(&tree->ids, pool->id);
	hash_del(&pool->name_link);
	list_add_tail(&pool->dying_link, &tree->dying);
	pool->parent->nr_live--;
	WRITE_ONCE(tree->nr_live, tree->nr_live - 1);
	WRITE_ONCE(tree->nr_dying, tree->nr_dying + 1);
	tree->shape++;
	pool->generation = ++tree->generation;
	pool->changed = ktime_get_boottime_ns();
	bc_pool_put(pool);
}

/**
 * bc_tree_unlink() - take a released pool out of the tree
 * @tree: tree
 * @pool: dying pool without references, that no section has in its hands
 *
 * Its block I/O stays in the sum of its parent.
 *
 * The pool may be freed after a grace period; its parent must be put then, as
 * running sections may still walk up from it.
 *
 * Context: under the tree mutex.
 */
void bc_tree_unlink(struct bc_tree *tree, struct bc_pool *pool)
{
	lockdep_assert_held(&tree->lock);
	bc_iobook_fold(&pool->parent->io, &pool->io);
	list_del_rcu(&pool->sibling);
	list_del(&pool->dying_link);
	WRITE_ONCE(tree->nr_dying, tree->nr_dying - 1);
	tree->shape++;
	tree->generation++;
}

/**
 * bc_pool_unbalanced() - how many resources of a released pool are still held?
 * @pool: pool that nothing can charge any more
 *
 * Return: 0 when the books balance.
 */
unsigned int bc_pool_unbalanced(const struct bc_pool *pool)
{
	unsigned int res, bad = 0;

	for (res = 0; res < BC_NR_RES; res++)
		if (atomic64_read(&pool->cnt[res].held))
			bad++;
	return bad;
}

/**
 * bc_pool_next_pre() - walk a subtree, parents before children
 * @pos: current pool, first @root
 * @root: where the walk began
 *
 * Context: inside a charge section or under the tree mutex.
 * Return: the next pool, or NULL at the end.
 */
struct bc_pool *bc_pool_next_pre(struct bc_pool *pos, struct bc_pool *root)
{
	struct bc_pool *next;

	next = list_first_or_null_rcu(&pos->children, struct bc_pool, sibling);
	if (next)
		return next;
	for (; pos != root; pos = pos->parent) {
		next = list_next_or_null_rcu(&pos->parent->children, &pos->sibling,
					     struct bc_pool, sibling);
		if (next)
			return next;
	}
	return NULL;
}

/**
 * bc_pool_common() - lowest pool that is above or equal to both
 * @a: pool or NULL
 * @b: pool or NULL
 *
 * Context: inside a charge section or under the tree mutex.
 * Return: pool, or NULL when one is NULL.
 */
struct bc_pool *bc_pool_common(struct bc_pool *a, struct bc_pool *b)
{
	while (a && b && a != b) {
		if (a->depth >= b->depth)
			a = a->parent;
		else
			b = b->parent;
	}
	return a && b ? a : NULL;
}

/**
 * bc_pool_move() - book an amount from one pool to another
 * @from: pool that has it charged, or NULL
 * @to: pool that gets it, or NULL
 * @res: resource
 * @amount: how much
 *
 * Bounds are not asked: the thing exists and has merely moved. Levels above
 * both pools are left alone, so their held and maxheld show no dent or spike.
 *
 * Context: inside a charge section.
 */
void bc_pool_move(struct bc_pool *from, struct bc_pool *to, enum bc_res res, u64 amount)
{
	struct bc_pool *common;
	const struct bc_counter *stop;

	if (!amount)
		return;
	common = bc_pool_common(from, to);
	stop = common ? &common->cnt[res] : NULL;
	if (from)
		bc_counter_uncharge(&from->cnt[res], stop, amount);
	if (to)
		bc_counter_charge(&to->cnt[res], stop, amount);
}
