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

/*
 * Levels with more pools than this are not looked at anew for one of them: what others
 * have set there in cgroupfs is as the sampling worker has last found it.
 */
#define BC_SHARE_LOOK	64

/* Both under the tree mutex. Some pool's weight is not what its shares say. */
static bool bc_share_adjusted;
/* Pools for which the kernel's weights alone do not do. */
static unsigned int bc_share_specials;

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

/* What a pool takes from its parent. */
static u64 bc_taken(const struct bc_pool *pool)
{
	return max(bc_reserved(pool), pool->taken_below);
}

/* What the live children of a pool take from it, but @skip, and all that are not below @within. */
static u64 bc_taken_below(const struct bc_pool *pool, struct cgroup *within,
			  const struct bc_pool *skip)
{
	const struct bc_pool *child;
	u64 sum = 0;

	if (!pool->taken_below)
		return 0;
	list_for_each_entry(child, &pool->children, sibling)
		if (child != skip && child->state == BC_POOL_LIVE && bc_taken(child) &&
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
	u64 below = inherited + pool->taken_below;
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
	u64 all = bc_backed_by(pool), below = pool->taken_below, limit;

	if (pool->parent && pool->settings[BC_SETTING_CPU_EXPANDABLE]) {
		all = max(all, below) + bc_share_reservable(pool->parent);
		limit = bc_limit_of(pool);
		all = min(all, limit);
	}
	return all > below ? all - below : 0;
}

/* What a child claims, from what is in force. */
static void bc_share_claim(struct bc_pool *pool, struct bc_claim *next)
{
	const struct bc_cpu_seen *seen = &pool->cpu_seen;
	struct bc_claim *claim = &pool->claim;

	claim->next = next;
	claim->shares = seen->weight;
	claim->low = bc_taken(pool);
	claim->high = seen->limit;
}

/* Solves one level: the live children that have the controller. NULL: there are none. */
static struct bc_claim *bc_share_level(struct bc_pool *parent, u64 capacity)
{
	struct bc_claim *first = NULL;
	struct bc_pool *pool;

	parent->claims_stale = false;
	parent->solved_capacity = capacity;
	list_for_each_entry(pool, &parent->children, sibling) {
		pool->claim = (struct bc_claim){};
		if (pool->state != BC_POOL_LIVE || !pool->cpu_seen.there)
			continue;
		bc_share_claim(pool, first);
		first = &pool->claim;
	}
	if (first)
		bc_solve(first, capacity);
	return first;
}

static u64 bc_share_divided(const struct bc_pool *parent)
{
	return parent->parent ? parent->claim.gets : bc_share_capacity();
}

/* Mostly all is as it was the last time, and so are the parts. */
static void bc_share_check_level(struct bc_pool *parent)
{
	u64 capacity = bc_share_divided(parent);

	if (parent->claims_stale || parent->solved_capacity != capacity)
		bc_share_level(parent, capacity);
}

static void bc_share_look(struct bc_pool *parent)
{
	struct bc_pool *pool;

	list_for_each_entry(pool, &parent->children, sibling)
		if (pool->state == BC_POOL_LIVE)
			bc_cpu_see(pool);
}

/**
 * bc_share_solve() - find out what all pools are entitled to
 *
 * Context: under the tree mutex, after bc_cpu_see() of all pools. Some 1,300 instructions
 * for each pool of a directory where anything has changed.
 */
void bc_share_solve(void)
{
	struct bc_pool *pool;

	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		if (!list_empty(&pool->children))
			bc_share_check_level(pool);
}

/**
 * bc_share_solve_for() - find out what one pool is entitled to
 * @pool: pool
 *
 * Looks at those beside it and above, as far as there are not too many (BC_SHARE_LOOK).
 *
 * Context: under the tree mutex.
 */
void bc_share_solve_for(struct bc_pool *pool)
{
	struct bc_pool *parent = pool->parent;

	/* From the host downwards: as deep as the tree at most. */
	if (!parent)
		return;
	if (parent->nr_live <= BC_SHARE_LOOK)
		bc_share_look(parent);
	else
		bc_cpu_see(pool);
	bc_share_solve_for(parent);
	bc_share_check_level(parent);
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

/* Is it a pool for which the kernel's weights alone do not do? */
static bool bc_share_is_special(const struct bc_pool *pool)
{
	return pool->state == BC_POOL_LIVE && pool->parent &&
	       (bc_reserved(pool) ||
		bc_cpu_shares_to_weight(pool->settings[BC_SETTING_CPU_SHARES]) > BC_WEIGHT_MAX);
}

/* What of a pool, and of those above, follows from its settings, its state and its children. */
static void bc_share_note(struct bc_pool *pool)
{
	bool special = bc_share_is_special(pool);
	struct bc_pool *pos, *child;

	bc_share_specials += special - pool->share_special;
	for (pos = pool; pos; pos = pos->parent) {
		pos->claims_stale = true;
		if (!bc_share_specials && !pool->share_special && !pos->taken_below)
			continue;
		pos->taken_below = 0;
		list_for_each_entry(child, &pos->children, sibling)
			if (child->state == BC_POOL_LIVE)
				pos->taken_below += bc_taken(child);
	}
	pool->share_special = special;
}

/**
 * bc_share_update() - have the kernel's weights enforce the reservations
 * @pool: pool that has come, gone, taken others below it, or got other settings
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_share_update(struct bc_pool *pool)
{
	struct bc_claim *first;
	struct bc_pool *parent;

	bc_share_note(pool);
	if (!bc_share_specials && !bc_share_adjusted)
		return;
	bc_share_adjusted = false;
	for (parent = bc_tree.host; parent; parent = bc_pool_next_pre(parent, bc_tree.host)) {
		bc_share_look(parent);
		first = bc_share_level(parent, bc_share_divided(parent));
		if (!first)
			continue;
		bc_solve_weights(first, BC_WEIGHT_MIN, BC_WEIGHT_MAX);
		list_for_each_entry(pool, &parent->children, sibling)
			if (pool->claim.shares)
				bc_share_set_weight(pool);
	}
}
