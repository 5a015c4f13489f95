/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_MEMBER_H
#define _BC_MEMBER_H

#include <linux/cgroup.h>
#include <linux/sched.h>

#include "ptrmap.h"
#include "tree.h"

/**
 * struct bc_cgroup - a cgroup that belongs to a pool
 * @node: key is the struct cgroup
 * @pool: WO: pool of the nearest bound ancestor or of the cgroup itself
 * @bound: the cgroup is @pool's own; under bc_member_lock
 * @pool_link: in @pool->cgroups; under bc_member_lock, read under RCU (cputime.c)
 * @base: CPU time that it had when it came to @pool; under bc_member_lock
 * @rcu: for the free
 */
struct bc_cgroup {
	struct bc_ptrmap_node	node;
	struct bc_pool		*pool;
	bool			bound;
	struct list_head	pool_link;
	struct bc_cputimes	base;
	struct rcu_head		rcu;
};

#define BC_MEMBER_BITS	14

extern struct bc_ptrmap bc_member_map;
extern struct hlist_head bc_member_buckets[1 << BC_MEMBER_BITS];

int bc_member_bind(struct bc_pool *pool);
void bc_member_unbind(struct bc_pool *pool);
void bc_member_forget(struct bc_pool *pool);
struct bc_pool *bc_member_bound(struct cgroup *cgrp);
struct bc_pool *bc_member_nearest(struct cgroup *cgrp);
u64 bc_untracked(void);
void bc_note_untracked(void);
void bc_member_freeze(unsigned long *flags);
void bc_member_thaw(unsigned long flags);

/**
 * bc_cgroup_unknown() - is it certain that a cgroup belongs to no pool?
 * @cgrp: cgroup v2
 *
 * What the tasks and sockets outside every pool pay: six instructions. False
 * for one in BC_MEMBER_BITS buckets' worth of strangers, which then pay for the
 * full look-up.
 *
 * Context: any; no section is needed, for nothing is followed.
 * Return: true when it does.
 */
static __always_inline bool bc_cgroup_unknown(const struct cgroup *cgrp)
{
	return hlist_empty(&bc_member_buckets[hash_ptr(cgrp, BC_MEMBER_BITS)]);
}

/**
 * bc_current_unknown() - is it certain that the current task is in no pool?
 *
 * Reading the css_set of the current task without a section is safe only for
 * the address: it may be moving, but it cannot lose the old css_set's memory
 * while preemption is off.
 *
 * Return: true when it is.
 */
static __always_inline bool bc_current_unknown(void)
{
	const struct cgroup *cgrp;

	preempt_disable_notrace();
	cgrp = rcu_dereference_raw(current->cgroups)->dfl_cgrp;
	preempt_enable_notrace();
	return bc_cgroup_unknown(cgrp);
}

/**
 * bc_cgroup_pool() - the pool that a cgroup belongs to
 * @cgrp: cgroup v2
 *
 * One look-up whatever the depth and the number of pools, and a few
 * instructions for a cgroup that belongs to none.
 *
 * Context: inside a charge section, which keeps the pool's memory; a reference
 * needs bc_pool_tryget().
 * Return: pool, or NULL for "none", never the host.
 */
static __always_inline struct bc_pool *bc_cgroup_pool(const struct cgroup *cgrp)
{
	struct bc_ptrmap_node *node;

	/* As bc_ptrmap_find(), of a map whose place and size are known. */
	hlist_for_each_entry_rcu_notrace(node, &bc_member_buckets[hash_ptr(cgrp, BC_MEMBER_BITS)],
					 link)
		if (node->key == cgrp)
			return READ_ONCE(container_of(node, struct bc_cgroup, node)->pool);
	return NULL;
}

/**
 * bc_task_cgroup() - the cgroup v2 that a task is in
 * @task: task that cannot be freed meanwhile
 *
 * Context: inside a charge section.
 * Return: cgroup, never NULL; good for that section.
 */
static __always_inline struct cgroup *bc_task_cgroup(struct task_struct *task)
{
	/* A section has preemption off, which lockdep's RCU check does not know. */
	return rcu_dereference_raw(task->cgroups)->dfl_cgrp;
}

static __always_inline struct bc_pool *bc_task_pool(struct task_struct *task)
{
	return bc_cgroup_pool(bc_task_cgroup(task));
}

#endif /* _BC_MEMBER_H */
