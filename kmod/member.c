// SPDX-License-Identifier: GPL-2.0
/*
 * Membership: which cgroup belongs to which pool
 *
 * A pool is bound to one cgroup v2 directory and owns it with all below it,
 * down to the next bound directory. The hot path must not climb the cgroup
 * tree, so every cgroup of a pool has an entry in one map, and a cgroup without
 * an entry belongs to no pool. Entries are made when a pool is bound and when a
 * cgroup is created (tracepoint cgroup_mkdir), and go when the cgroup is freed
 * (cgroup_release), when nothing can refer to it any more: sockets keep theirs
 * long after rmdir.
 *
 * bc_member_lock serialises all changes. Binding walks the descendants in
 * pre-order; a directory created meanwhile is either seen by the walk, or its
 * parent had its entry before cgroup_mkdir fired, for the kernel links a new
 * cgroup before it fires the tracepoint.
 *
 * cgroup_mkdir fires under a spinlock. If there is no memory for an entry just
 * then, the cgroup is uncounted until bc_member_repair() has run, which is
 * queued at once; bc_untracked() counts such cases.
 */
#include <linux/rculist.h>
#include <linux/slab.h>

#include "bind.h"
#include "hook.h"
#include "member.h"
#include "proc.h"

struct bc_ptrmap bc_member_map __read_mostly;
struct hlist_head bc_member_buckets[1 << BC_MEMBER_BITS];
static DEFINE_SPINLOCK(bc_member_lock);
static atomic64_t bc_untracked_count;

/**
 * bc_untracked() - objects that were left uncounted for want of memory
 *
 * Return: their number since the module was loaded.
 */
u64 bc_untracked(void)
{
	return atomic64_read(&bc_untracked_count);
}

/**
 * bc_note_untracked() - an object had to be left uncounted
 *
 * Context: any.
 */
void bc_note_untracked(void)
{
	atomic64_inc(&bc_untracked_count);
}

static struct bc_cgroup *bc_cgroup_find(const struct cgroup *cgrp)
{
	struct bc_ptrmap_node *node = bc_ptrmap_find(&bc_member_map, cgrp);

	return node ? container_of(node, struct bc_cgroup, node) : NULL;
}

/**
 * bc_member_bound() - the pool that is bound to this very cgroup
 * @cgrp: cgroup
 *
 * Context: under the tree mutex.
 * Return: pool or NULL.
 */
struct bc_pool *bc_member_bound(struct cgroup *cgrp)
{
	struct bc_pool *pool = NULL;
	struct bc_cgroup *entry;
	unsigned long flags;

	spin_lock_irqsave(&bc_member_lock, flags);
	entry = bc_cgroup_find(cgrp);
	if (entry && entry->bound)
		pool = entry->pool;
	spin_unlock_irqrestore(&bc_member_lock, flags);
	return pool;
}

static struct bc_pool *bc_member_nearest_locked(struct cgroup *cgrp)
{
	struct bc_cgroup *entry;

	lockdep_assert_held(&bc_member_lock);
	for (; cgrp; cgrp = cgroup_parent(cgrp)) {
		entry = bc_cgroup_find(cgrp);
		if (entry && entry->bound)
			return entry->pool;
	}
	return NULL;
}

/**
 * bc_member_nearest() - the pool bound to a cgroup or its nearest bound ancestor
 * @cgrp: cgroup
 *
 * Context: under the tree mutex. Climbs the tree: not for hooks.
 * Return: pool, or NULL when there is none.
 */
struct bc_pool *bc_member_nearest(struct cgroup *cgrp)
{
	struct bc_pool *pool;
	unsigned long flags;

	spin_lock_irqsave(&bc_member_lock, flags);
	pool = bc_member_nearest_locked(cgrp);
	spin_unlock_irqrestore(&bc_member_lock, flags);
	return pool;
}

/*
 * Entries that have a pool get another one only under the tree mutex: whoever walks a
 * pool's list under it meets entries that come and go, and none that moves.
 */
static void bc_entry_assign(struct bc_cgroup *entry, struct bc_pool *pool)
{
	lockdep_assert_held(&bc_member_lock);
	if (entry->pool == pool)
		return;
	if (entry->pool) {
		bc_cputime_leave(entry);
		list_del(&entry->pool_link);
	} else {
		bc_cputime_join(entry);
	}
	WRITE_ONCE(entry->pool, pool);
	list_add_tail_rcu(&entry->pool_link, &pool->cgroups);
}

static void bc_entry_remove(struct bc_cgroup *entry)
{
	lockdep_assert_held(&bc_member_lock);
	bc_cputime_leave(entry);
	list_del_rcu(&entry->pool_link);
	if (bc_ptrmap_remove_node(&bc_member_map, &entry->node))
		kfree_rcu(entry, rcu);
}

/* Makes or corrects the entry of one cgroup that cannot be freed meanwhile. */
static int bc_member_map_one(struct cgroup *cgrp, struct bc_pool *bind)
{
	struct bc_cgroup *entry, *new;
	struct bc_pool *pool;
	unsigned long flags;

	new = kzalloc(sizeof(*new), GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
	spin_lock_irqsave(&bc_member_lock, flags);
	pool = bind ?: bc_member_nearest_locked(cgrp);
	entry = bc_cgroup_find(cgrp);
	if (pool && !entry && new) {
		entry = new;
		new = NULL;
		entry->node.key = cgrp;
		bc_entry_assign(entry, pool);
		bc_ptrmap_insert(&bc_member_map, &entry->node, cgrp);
	}
	if (pool && entry) {
		entry->bound |= !!bind;
		bc_entry_assign(entry, pool);
	}
	spin_unlock_irqrestore(&bc_member_lock, flags);
	kfree(new);
	return pool && !entry ? -ENOMEM : 0;
}

/* Maps all cgroups below a bound one to whatever pool is nearest to each. */
static int bc_member_map_below(struct cgroup *top)
{
	struct cgroup_subsys_state *css;
	int ret = 0;

	rcu_read_lock();
	css_for_each_descendant_pre(css, &top->self) {
		/* One that is being freed has seen, or will not see, cgroup_release. */
		if (!css_tryget(css))
			continue;
		ret = bc_member_map_one(container_of(css, struct cgroup, self), NULL);
		css_put(css);
		if (ret)
			break;
	}
	rcu_read_unlock();
	return ret;
}

/**
 * bc_member_bind() - give a pool its cgroup and all below it
 * @pool: pool with @pool->cgrp set
 *
 * Context: under the tree mutex.
 * Return: 0, or -ENOMEM; then call bc_member_unbind().
 */
int bc_member_bind(struct bc_pool *pool)
{
	int ret, tries = 0;

	ret = bc_member_map_one(pool->cgrp, pool);
	/* The walk allocates under RCU; give the reserves time to refill. */
	while (!ret && (ret = bc_member_map_below(pool->cgrp)) == -ENOMEM && tries++ < 8) {
		synchronize_rcu();
		ret = 0;
	}
	return ret;
}

/**
 * bc_member_unbind() - a pool's cgroups belong to its parent from now on
 * @pool: pool
 *
 * Context: under the tree mutex.
 */
void bc_member_unbind(struct bc_pool *pool)
{
	struct bc_cgroup *entry, *next;
	unsigned long flags;

	spin_lock_irqsave(&bc_member_lock, flags);
	list_for_each_entry_safe(entry, next, &pool->cgroups, pool_link) {
		entry->bound = false;
		if (pool->parent->depth)
			bc_entry_assign(entry, pool->parent);
		else
			bc_entry_remove(entry);
	}
	spin_unlock_irqrestore(&bc_member_lock, flags);
}

/**
 * bc_member_forget() - drop what still maps to a released pool
 * @pool: pool
 *
 * Context: any.
 */
void bc_member_forget(struct bc_pool *pool)
{
	struct bc_cgroup *entry, *next;
	unsigned long flags;

	spin_lock_irqsave(&bc_member_lock, flags);
	list_for_each_entry_safe(entry, next, &pool->cgroups, pool_link)
		bc_entry_remove(entry);
	spin_unlock_irqrestore(&bc_member_lock, flags);
}

/**
 * bc_member_freeze() - let no cgroup come, go or move
 * @flags: for bc_member_thaw()
 *
 * Context: any; interrupts are off until bc_member_thaw().
 */
void bc_member_freeze(unsigned long *flags)
	__acquires(&bc_member_lock)
{
	spin_lock_irqsave(&bc_member_lock, *flags);
}

/**
 * bc_member_thaw() - the end of bc_member_freeze()
 * @flags: from there
 */
void bc_member_thaw(unsigned long flags)
	__releases(&bc_member_lock)
{
	spin_unlock_irqrestore(&bc_member_lock, flags);
}

/*
 * After a cgroup was left out for want of memory: map it now, and count the
 * tasks that got in meanwhile. Its sockets are adopted when they next move data.
 */
static void bc_member_repair(struct work_struct *work)
{
	struct bc_pool *pool;
	unsigned long id;

	mutex_lock(&bc_tree.lock);
	xa_for_each(&bc_tree.ids, id, pool)
		if (bc_member_bind(pool))
			bc_note_untracked();
	bc_proc_resync(NULL);
	mutex_unlock(&bc_tree.lock);
}

static DECLARE_WORK(bc_member_repair_work, bc_member_repair);

static void bc_on_cgroup_mkdir(void *data, struct cgroup *cgrp, const char *path)
{
	if (!bc_member_map_one(cgrp, NULL))
		return;
	bc_note_untracked();
	queue_work(bc_wq, &bc_member_repair_work);
}

static void bc_on_cgroup_rmdir(void *data, struct cgroup *cgrp, const char *path)
{
	struct bc_cgroup *entry;
	unsigned long flags;

	spin_lock_irqsave(&bc_member_lock, flags);
	entry = bc_cgroup_find(cgrp);
	if (entry && entry->bound)
		bc_pool_cgroup_gone(entry->pool);
	spin_unlock_irqrestore(&bc_member_lock, flags);
}

static void bc_on_cgroup_release(void *data, struct cgroup *cgrp, const char *path)
{
	struct bc_cgroup *entry;
	unsigned long flags;

	spin_lock_irqsave(&bc_member_lock, flags);
	entry = bc_cgroup_find(cgrp);
	if (entry)
		bc_entry_remove(entry);
	spin_unlock_irqrestore(&bc_member_lock, flags);
}

static struct bc_probe bc_member_probes[] = {
	{ "cgroup_release", bc_on_cgroup_release },
	{ "cgroup_rmdir", bc_on_cgroup_rmdir },
	{ "cgroup_mkdir", bc_on_cgroup_mkdir },
	{}
};

static int bc_member_init(unsigned int bits)
{
	bc_ptrmap_init_static(&bc_member_map, bc_member_buckets, BC_MEMBER_BITS);
	return 0;
}

static void bc_member_exit(void)
{
	cancel_work_sync(&bc_member_repair_work);
}

struct bc_source bc_source_member = {
	.name = "membership",
	.resources = GENMASK(BC_NR_RES - 1, 0),
	.probes = bc_member_probes,
	.init = bc_member_init,
	.exit = bc_member_exit,
};
