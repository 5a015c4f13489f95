// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets how much CPU time: reservations, and what enforces them
 *
 * Admission: what a pool takes from its parent is its reservation, or what the pools
 * below take from it, if that is more. The latter is allowed only to a pool that is
 * expandable. A pool right below the host takes it from the CPUs that are online. So
 * each reservation is backed all the way up, at the moment when it is made. CPUs that
 * go offline later, and pools that are put between, may leave too little: then all
 * floors of a level are lowered in proportion.
 *
 * Entitlement: the solver divides what a level has among its pools, from the host
 * downwards: floors are what the pools take as above, lids the limits in force, and the
 * rest is according to shares.
 *
 * Enforcement: the kernel has weights and no floors. Under contention the weights that
 * the solver finds give each pool its entitlement, and without it more than that, as
 * what others leave goes to all by weight. So a pool that its floor holds up gets a
 * greater weight than its shares say; all others keep theirs. That is as good as the
 * kernel's weights are, and among cgroups of the same directory: cgroups without a
 * pool that run beside them take their part by their own weight.
 */
#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/netlink.h>
#include <linux/time64.h>

#include "bind.h"
#include "cpu.h"

/* Some pool's weight is not what its shares say. Under the tree mutex. */
static bool bc_share_adjusted;

/**
 * bc_share_capacity() - CPU time of the machine
 *
 * Return: ns per second.
 */
u64 bc_share_capacity(void)
{
	return num_online_cpus() * (u64)NSEC_PER_SEC;
}

static u64 bc_reserved(const struct bc_pool *pool)
{
	return pool->settings[BC_SETTING_CPU_RESERVATION];
}

static u64 bc_taken_below(const struct bc_pool *pool, struct cgroup *within,
			  const struct bc_pool *skip);

/* What a pool takes from its parent. The recursion is as deep as the tree at most. */
static u64 bc_taken(const struct bc_pool *pool)
{
	return max(bc_reserved(pool), bc_taken_below(pool, NULL, NULL));
}

/* What the live children of a pool take from it; without @skip, of those below @within only. */
static u64 bc_taken_below(const struct bc_pool *pool, struct cgroup *within,
			  const struct bc_pool *skip)
{
	const struct bc_pool *child;
	u64 sum = 0;

	list_for_each_entry(child, &pool->children, sibling)
		if (child != skip && child->state == BC_POOL_LIVE &&
		    (!within || cgroup_is_descendant(child->cgrp, within)))
			sum += bc_taken(child);
	return sum;
}

static u64 bc_limit_of(const struct bc_pool *pool)
{
	struct cgroup_subsys_state *css = bc_cpu_css_get(pool->cgrp);
	u64 limit = css ? bc_cpu_limit(css) : BC_UNLIMITED;

	if (css)
		css_put(css);
	return limit;
}

/* What a pool can pass on to those below without taking more from its parent. */
static u64 bc_backed_by(const struct bc_pool *pool)
{
	return pool->parent ? bc_reserved(pool) : bc_share_capacity();
}

/*
 * What of @wanted a level cannot back, from @parent upwards, if the pools beside take
 * @others from it.
 */
static u64 bc_unbacked(const struct bc_pool *parent, u64 others, u64 wanted)
{
	u64 sum, limit, worst = 0;

	for (;;) {
		sum = others + wanted;
		if (sum <= bc_backed_by(parent))
			return worst;
		if (!parent->parent || !parent->settings[BC_SETTING_CPU_EXPANDABLE])
			return max(worst, sum - bc_backed_by(parent));
		limit = bc_limit_of(parent);
		if (sum > limit)
			worst = max(worst, sum - limit);
		wanted = sum;
		others = bc_taken_below(parent->parent, NULL, parent);
		parent = parent->parent;
	}
}

static int bc_share_refuse(const struct bc_wish *wish, struct netlink_ext_ack *extack, int ret)
{
	NL_SET_BAD_ATTR(extack, wish->attr);
	return ret;
}

/* Hundredths of a percent of one CPU, for messages. */
static u64 bc_share_percent(u64 ns, u32 *part)
{
	u64 percent = div_u64(ns, NSEC_PER_SEC / 10000);

	*part = percent % 100;
	return percent / 100;
}

static int bc_share_no_room(const struct bc_wish *wish, u64 left, struct netlink_ext_ack *extack)
{
	u32 part;
	u64 percent = bc_share_percent(left, &part);

	NL_SET_ERR_MSG_FMT(extack, "reservation refused: %llu.%02u%% of a CPU is left", percent,
			   part);
	return bc_share_refuse(wish, extack, -ENOSPC);
}

static int bc_share_in_use(const struct bc_wish *wish, u64 below, struct netlink_ext_ack *extack)
{
	u32 part;
	u64 percent = bc_share_percent(below, &part);

	NL_SET_ERR_MSG_FMT(extack, "pools below have %llu.%02u%% of a CPU reserved", percent, part);
	return bc_share_refuse(wish, extack, -EBUSY);
}

static u64 bc_wished(const struct bc_pool *pool, const struct bc_wish *wishes,
		     enum bc_setting_id id)
{
	return wishes[id].set ? wishes[id].value : pool->settings[id];
}

static int bc_share_check_limit(const struct bc_wish *wishes, u64 limit, u64 reserved, u64 below,
				struct netlink_ext_ack *extack)
{
	const struct bc_wish *wish = &wishes[BC_SETTING_CPU_LIMIT];

	if (reserved > limit) {
		if (!wish->set)
			wish = &wishes[BC_SETTING_CPU_RESERVATION];
		NL_SET_ERR_MSG(extack, "the reservation would be above the limit");
		return bc_share_refuse(wish, extack, -EINVAL);
	}
	if (wish->set && below > limit)
		return bc_share_in_use(wish, below, extack);
	return 0;
}

/**
 * bc_share_check() - can what is wanted be reserved?
 * @pool: pool whose cgroup has the cpu controller, not the host
 * @parent: its parent, present or future
 * @wishes: what is wanted
 * @extack: for messages
 *
 * Context: under the tree mutex.
 * Return: 0; -ENOSPC when it cannot be backed, -EBUSY when the pools below have more,
 * -EINVAL when a reservation would be above the limit.
 */
int bc_share_check(struct bc_pool *pool, struct bc_pool *parent, const struct bc_wish *wishes,
		   struct netlink_ext_ack *extack)
{
	const struct bc_wish *wish = &wishes[BC_SETTING_CPU_RESERVATION];
	u64 reserved = bc_wished(pool, wishes, BC_SETTING_CPU_RESERVATION);
	/* A new pool takes over those of its siblings that are below its cgroup. */
	u64 inherited = bc_taken_below(parent, pool->cgrp, pool);
	u64 below = inherited + bc_taken_below(pool, NULL, NULL);
	u64 limit = wishes[BC_SETTING_CPU_LIMIT].set ? wishes[BC_SETTING_CPU_LIMIT].value :
						       bc_limit_of(pool);
	u64 before = max(bc_reserved(pool), below), over;
	int ret;

	ret = bc_share_check_limit(wishes, limit, reserved, below, extack);
	if (ret)
		return ret;
	if (below > reserved && !bc_wished(pool, wishes, BC_SETTING_CPU_EXPANDABLE)) {
		if (wish->set && reserved < pool->settings[BC_SETTING_CPU_RESERVATION])
			return bc_share_in_use(wish, below, extack);
		if (wishes[BC_SETTING_CPU_EXPANDABLE].set)
			return bc_share_in_use(&wishes[BC_SETTING_CPU_EXPANDABLE], below, extack);
	}
	if (!wish->set || reserved <= before)
		return 0;
	over = bc_unbacked(parent, bc_taken_below(parent, NULL, pool) - inherited, reserved);
	if (over)
		return bc_share_no_room(wish, reserved - min(over, reserved), extack);
	return 0;
}

/**
 * bc_share_reservable() - what the pools below a pool may still reserve
 * @pool: pool, or the host
 *
 * Context: under the tree mutex. The recursion is as deep as the tree at most.
 * Return: ns per second.
 */
u64 bc_share_reservable(struct bc_pool *pool)
{
	u64 all = bc_backed_by(pool), below = bc_taken_below(pool, NULL, NULL), limit;

	if (pool->parent && pool->settings[BC_SETTING_CPU_EXPANDABLE]) {
		all = max(all, below) + bc_share_reservable(pool->parent);
		limit = bc_limit_of(pool);
		all = min(all, limit);
	}
	return all > below ? all - below : 0;
}

/*
 * What a child claims, from what is in force. True when it claimed the same before, and
 * the parts that it was given then are still there.
 */
static bool bc_share_claim(struct bc_pool *pool, struct bc_claim *next)
{
	const struct bc_cpu_seen *seen = &pool->cpu_seen;
	struct bc_claim *claim = &pool->claim;
	u64 low = bc_taken(pool);
	bool same;

	same = claim->shares == seen->weight && claim->low == low && claim->high == seen->limit;
	claim->next = next;
	claim->shares = seen->weight;
	claim->low = low;
	claim->high = seen->limit;
	return same;
}

/*
 * Solves one level: the live children that have the controller. NULL: there are none.
 * Mostly all is as it was the last time, and so are the parts.
 */
static struct bc_claim *bc_share_level(struct bc_pool *parent, bool anew, bool look)
{
	u64 capacity = parent->parent ? parent->claim.gets : bc_share_capacity();
	struct bc_claim *first = NULL;
	struct bc_pool *pool;

	anew |= parent->solved_shape != bc_tree.shape || parent->solved_capacity != capacity;
	list_for_each_entry(pool, &parent->children, sibling) {
		if (pool->state != BC_POOL_LIVE)
			pool->cpu_seen.there = false;
		else if (look)
			bc_cpu_see(pool);
		if (pool->cpu_seen.there) {
			anew |= !bc_share_claim(pool, first);
			first = &pool->claim;
		} else if (pool->claim.shares) {
			pool->claim = (struct bc_claim){};
			anew = true;
		}
	}
	if (first && anew)
		bc_solve(first, capacity);
	parent->solved_shape = bc_tree.shape;
	parent->solved_capacity = capacity;
	return first;
}

/**
 * bc_share_solve() - find out what all pools are entitled to
 * @look: look at the cpu controller of all pools, see bc_cpu_see(); false when that was
 *	done just now
 *
 * Context: under the tree mutex. Some 2,000 instructions for each pool if anything has
 * changed, else some hundreds.
 */
void bc_share_solve(bool look)
{
	struct bc_pool *pool;

	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		bc_share_level(pool, false, look);
}

/* Whoever has changed the weight himself since we did is left alone. */
static void bc_share_set_weight(struct bc_pool *pool)
{
	struct cgroup_subsys_state *css = bc_cpu_css_get(pool->cgrp);
	const struct bc_cpu_knobs *knobs = &pool->cpu_knobs;
	s64 natural;

	if (!css)
		return;
	natural = pool->cpu_seen.weight;
	if (knobs->serial == css->serial_nr && (knobs->set & BIT(BC_CPU_KNOB_WEIGHT)) &&
	    !bc_cpu_knob_ours(pool, css, BC_CPU_KNOB_WEIGHT))
		;
	else if (pool->claim.weight != natural || (pool->settings_set & BIT(BC_SETTING_CPU_SHARES)))
		bc_cpu_knob_set(pool, css, BC_CPU_KNOB_WEIGHT, pool->claim.weight);
	else if (knobs->set & BIT(BC_CPU_KNOB_WEIGHT))
		bc_cpu_knob_restore(pool, css, BC_CPU_KNOB_WEIGHT);
	bc_share_adjusted |= pool->claim.weight != natural;
	css_put(css);
}

/* Is there a pool for which the kernel's weights alone do not do? */
static bool bc_share_needed(void)
{
	struct bc_pool *pool;

	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		if (pool->state == BC_POOL_LIVE && pool->parent &&
		    (bc_reserved(pool) ||
		     bc_cpu_shares_to_weight(pool->settings[BC_SETTING_CPU_SHARES]) >
		     BC_WEIGHT_MAX))
			return true;
	return false;
}

/**
 * bc_share_update() - have the kernel's weights enforce the reservations
 *
 * After a setting, or the set of pools, has changed.
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_share_update(void)
{
	struct bc_pool *parent, *pool;
	struct bc_claim *first;

	if (!bc_share_needed() && !bc_share_adjusted)
		return;
	bc_share_adjusted = false;
	for (parent = bc_tree.host; parent; parent = bc_pool_next_pre(parent, bc_tree.host)) {
		first = bc_share_level(parent, true, true);
		if (!first)
			continue;
		bc_solve_weights(first, BC_WEIGHT_MIN, BC_WEIGHT_MAX);
		list_for_each_entry(pool, &parent->children, sibling)
			if (pool->claim.shares)
				bc_share_set_weight(pool);
	}
}
