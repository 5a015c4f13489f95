// SPDX-License-Identifier: GPL-2.0
/*
 * Guarantees of memory: who may have one
 *
 * The kernel protects a cgroup's memory only as far as every cgroup above it is
 * protected as well. So a guarantee that nobody backs would be an empty word. A
 * pool gets one only if its parent's guarantee of the same kind suffices for all
 * its children, or for a pool right below the host the memory of the machine,
 * where the larger of the two kinds counts. Nor may a guarantee be lowered below
 * what the pools below were promised.
 *
 * Cgroups without a pool may lie between a pool and its parent, as bctl's own
 * directory does. They pass the guarantee on: each is given the sum of what is
 * guaranteed to pools below it, no more, because the kernel would share out the
 * rest. Nothing is remembered of that: who has just that sum got it from here,
 * and it is changed with the sum, down to nothing with the last guarantee.
 *
 * All of it is as of the moment of asking. Somebody who lowers the protection of
 * a cgroup above through cgroupfs, or binds a pool between, is not held back.
 */
#include <linux/cgroup.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/page_counter.h>

#include "memory.h"

static u64 bc_guaranteed(struct cgroup *cgrp, enum bc_knob knob)
{
	struct cgroup_subsys_state *css = bc_memory_css(cgrp);

	return css ? min(READ_ONCE(*bc_knob_field(css, knob)), PAGE_COUNTER_MAX) : 0;
}

/* What takes its share of the machine's memory. */
static u64 bc_guaranteed_any(struct cgroup *cgrp)
{
	return max(bc_guaranteed(cgrp, BC_KNOB_LOW), bc_guaranteed(cgrp, BC_KNOB_MIN));
}

/*
 * Sum over the children of a pool whose cgroups are below @within, without @skip.
 * @knob below 0: of the larger kind. It cannot overflow: the cap on pools times
 * PAGE_COUNTER_MAX is less than 2^64.
 */
static u64 bc_promised(const struct bc_pool *parent, struct cgroup *within, int knob,
		       const struct bc_pool *skip)
{
	struct bc_pool *child;
	u64 sum = 0;

	list_for_each_entry(child, &parent->children, sibling) {
		if (child == skip || child->state != BC_POOL_LIVE ||
		    (within && !cgroup_is_descendant(child->cgrp, within)))
			continue;
		sum += knob < 0 ? bc_guaranteed_any(child->cgrp) :
				  bc_guaranteed(child->cgrp, knob);
	}
	return sum;
}

/* Pages that the parent, or the machine, can still promise to @pool. */
static u64 bc_promisable(struct bc_pool *pool, struct bc_pool *parent, int knob)
{
	u64 all = parent->cgrp ? bc_guaranteed(parent->cgrp, knob) : totalram_pages();
	u64 others;

	if (!parent->cgrp)
		knob = -1;
	/* Pools that a new one will take over do not count beside it. */
	others = bc_promised(parent, NULL, knob, pool) -
		 bc_promised(parent, pool->cgrp, knob, pool);
	return all > others ? all - others : 0;
}

/* Returns the pages that a cgroup between the two keeps from passing on, or U64_MAX. */
static u64 bc_between(struct bc_pool *pool, struct bc_pool *parent, enum bc_knob knob, u64 wanted)
{
	struct cgroup *cgrp = cgroup_parent(pool->cgrp);
	u64 has, others;

	for (; cgrp != parent->cgrp && cgroup_parent(cgrp); cgrp = cgroup_parent(cgrp)) {
		has = bc_guaranteed(cgrp, knob);
		others = bc_promised(parent, cgrp, knob, pool);
		if (has < others + wanted && has != others + bc_guaranteed(pool->cgrp, knob))
			return has;
	}
	return U64_MAX;
}

static int bc_guarantee_check_one(struct bc_pool *pool, struct bc_pool *parent,
				  enum bc_knob knob, u64 wanted, u64 backed,
				  struct netlink_ext_ack *extack)
{
	u64 below = bc_promised(pool, NULL, knob, NULL) +
		    bc_promised(parent, pool->cgrp, knob, pool);
	u64 left = bc_promisable(pool, parent, knob);

	/* A part of it may always be given back. */
	if (wanted > bc_guaranteed(pool->cgrp, knob) && backed > left) {
		NL_SET_ERR_MSG_FMT(extack, "guarantee refused: %llu pages are left", left);
		return -ENOSPC;
	}
	if (wanted < below) {
		NL_SET_ERR_MSG_FMT(extack, "pools below have %llu pages guaranteed", below);
		return -EBUSY;
	}
	left = bc_between(pool, parent, knob, wanted);
	if (left != U64_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "guarantee refused: a cgroup above has only %llu pages",
				   left);
		return -ENOSPC;
	}
	return 0;
}

/**
 * bc_guarantee_check() - can what is wanted be guaranteed?
 * @pool: pool whose cgroup has the memory controller, not the host
 * @parent: its parent, present or future
 * @bounds: what is wanted, of all resources
 * @extack: for messages
 *
 * Context: under the tree mutex.
 * Return: 0; -ENOSPC when it cannot be backed, -EBUSY when the pools below have
 * been promised more.
 */
int bc_guarantee_check(struct bc_pool *pool, struct bc_pool *parent,
		       const struct bc_bounds *bounds, struct netlink_ext_ack *extack)
{
	static const enum bc_res kinds[] = { BC_VMGUARPAGES, BC_OOMGUARPAGES };
	u64 wanted[2], backed;
	int i, ret = 0;

	rcu_read_lock();
	for (i = 0; i < 2; i++)
		wanted[i] = bounds[kinds[i]].set ? bounds[kinds[i]].barrier :
			    bc_guaranteed(pool->cgrp, i ? BC_KNOB_MIN : BC_KNOB_LOW);
	for (i = 0; i < 2 && !ret; i++) {
		if (!bounds[kinds[i]].set)
			continue;
		backed = parent->cgrp ? wanted[i] : max(wanted[0], wanted[1]);
		ret = bc_guarantee_check_one(pool, parent, i ? BC_KNOB_MIN : BC_KNOB_LOW,
					     wanted[i], backed, extack);
		if (ret)
			NL_SET_BAD_ATTR(extack, bounds[kinds[i]].attr);
	}
	rcu_read_unlock();
	return ret;
}

/**
 * bc_guarantee_changed() - let the cgroups above pass a guarantee on
 * @pool: pool
 * @parent: its parent
 * @knob: BC_KNOB_LOW or BC_KNOB_MIN
 * @before: what the pool had
 * @after: what it has now
 *
 * Context: under the tree mutex and rcu_read_lock().
 */
void bc_guarantee_changed(struct bc_pool *pool, struct bc_pool *parent, enum bc_knob knob,
			  unsigned long before, unsigned long after)
{
	struct cgroup *cgrp = cgroup_parent(pool->cgrp);
	struct cgroup_subsys_state *css;
	u64 others;

	for (; cgrp != parent->cgrp && cgroup_parent(cgrp); cgrp = cgroup_parent(cgrp)) {
		css = bc_memory_css(cgrp);
		if (!css)
			continue;
		others = bc_promised(parent, cgrp, knob, pool);
		cmpxchg(bc_knob_field(css, knob), (unsigned long)(others + before),
			(unsigned long)(others + after));
	}
}
