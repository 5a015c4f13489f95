// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own memory controller: its figures and its settings
 *
 *	physpages	memory.current, .high (barrier), .max (limit)
 *	swappages	memory.swap.current, .high (barrier), .max (limit)
 *	vmguarpages	memory.low (barrier)
 *	oomguarpages	memory.min (barrier); held: anonymous memory and swap
 *
 * Nothing is counted here. The figures are those of the pool's own cgroup, if the
 * controller is enabled for it; else the pool has no such records. Somebody else
 * may change the settings through cgroupfs, so nothing of them is kept but what
 * is needed to restore them: what is reported is what is in force.
 *
 * The settings are written to their fields, not through the handlers of the
 * files. Those of memory.max and memory.high reclaim, and kill, until the cgroup
 * is below; that takes its time, would be done under the tree mutex, and is not
 * what a lowered limit means here: it evicts nothing by itself. The next page
 * that the cgroup asks for makes the kernel reclaim, or kill, as always. The rest
 * of what the handlers do is done here, but for the share of a guarantee that
 * the kernel notes at the level above: it does that with the next page that the
 * cgroup gets or gives back.
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/nodemask.h>
#include <linux/page_counter.h>
#include <linux/swap.h>
#include <linux/writeback.h>

#include "hook.h"
#include "memory.h"

/* Which setting is the barrier, and which the limit, of a resource. */
static const struct {
	int	barrier;
	int	limit;
} bc_knobs_of[BC_NR_RES] = {
	[BC_PHYSPAGES]		= { BC_KNOB_HIGH, BC_KNOB_MAX },
	[BC_SWAPPAGES]		= { BC_KNOB_SWAP_HIGH, BC_KNOB_SWAP_MAX },
	[BC_VMGUARPAGES]	= { BC_KNOB_LOW, -1 },
	[BC_OOMGUARPAGES]	= { BC_KNOB_MIN, -1 },
};

#define BC_MEMORY_BOUNDED	(BIT(BC_PHYSPAGES) | BIT(BC_SWAPPAGES) | \
				 BIT(BC_VMGUARPAGES) | BIT(BC_OOMGUARPAGES))
#define BC_MEMORY_COUNTED	(BIT(BC_KMEMSIZE) | BIT(BC_DCACHESIZE))

/**
 * bc_memory_css() - the memory controller of a cgroup
 * @cgrp: cgroup v2, or NULL for the host, which is not one
 *
 * One that the kernel made only because another controller wants it is hidden
 * from cgroupfs, and has no settings.
 *
 * Context: under rcu_read_lock().
 * Return: its state, or NULL when it is not enabled for exactly this cgroup.
 */
struct cgroup_subsys_state *bc_memory_css(struct cgroup *cgrp)
{
	const unsigned int wanted = CSS_ONLINE | CSS_VISIBLE;
	struct cgroup_subsys_state *css;

	css = cgrp ? rcu_dereference(cgrp->subsys[memory_cgrp_id]) : NULL;
	return css && (READ_ONCE(css->flags) & wanted) == wanted ? css : NULL;
}

static __always_inline unsigned long *bc_knob_at(struct cgroup_subsys_state *css,
						 enum bc_knob knob)
{
	struct mem_cgroup *memcg = mem_cgroup_from_css(css);

	switch (knob) {
	case BC_KNOB_HIGH:
		return &memcg->memory.high;
	case BC_KNOB_MAX:
		return &memcg->memory.max;
	case BC_KNOB_SWAP_HIGH:
		return &memcg->swap.high;
	case BC_KNOB_SWAP_MAX:
		return &memcg->swap.max;
	case BC_KNOB_LOW:
		return &memcg->memory.low;
	default:
		return &memcg->memory.min;
	}
}

/**
 * bc_knob_field() - where the kernel keeps a setting
 * @css: from bc_memory_css()
 * @knob: setting
 *
 * Return: its address; PAGE_COUNTER_MAX in it means unlimited.
 */
unsigned long *bc_knob_field(struct cgroup_subsys_state *css, enum bc_knob knob)
{
	return bc_knob_at(css, knob);
}

static u64 bc_from_pages(unsigned long pages)
{
	return pages >= PAGE_COUNTER_MAX ? BC_UNLIMITED : pages;
}

static unsigned long bc_to_pages(u64 amount)
{
	return amount == BC_UNLIMITED ? PAGE_COUNTER_MAX : amount;
}

static u64 bc_usage(struct page_counter *counter)
{
	/* Tasks that give back what was force-charged may meet here below 0. */
	long usage = page_counter_read(counter);

	return max(usage, 0L);
}

/* Pages that cannot be dropped without swap, in one cgroup on one node. */
static long bc_node_anon(struct mem_cgroup_per_node *mz)
{
	long pages = 0;
	int zone, gen __maybe_unused;

	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		pages += READ_ONCE(mz->lru_zone_size[zone][LRU_INACTIVE_ANON]) +
			 READ_ONCE(mz->lru_zone_size[zone][LRU_ACTIVE_ANON]) +
			 READ_ONCE(mz->lru_zone_size[zone][LRU_UNEVICTABLE]);
#ifdef CONFIG_LRU_GEN
	/* Pages are in the one or in the other kind of list. */
	for (gen = 0; gen < MAX_NR_GENS; gen++)
		for (zone = 0; zone < MAX_NR_ZONES; zone++)
			pages += READ_ONCE(mz->lruvec.lrugen.nr_pages[gen][LRU_GEN_ANON][zone]);
#endif
	return pages;
}

/*
 * Anonymous, shared and locked memory of a cgroup and of those below it, from the
 * lists of pages: the kernel's sums are not within reach. Up to a batch of pages
 * for each CPU is on its way to the lists.
 */
static u64 bc_memory_anon(struct cgroup_subsys_state *css)
{
	struct cgroup_subsys_state *pos;
	long pages = 0;
	int node;

	/* What is charged for it is charged first: mostly there is nothing to be looked for. */
	if (!page_counter_read(&mem_cgroup_from_css(css)->memory))
		return 0;
	css_for_each_descendant_pre(pos, css)
		for_each_node_state(node, N_MEMORY)
			pages += bc_node_anon(mem_cgroup_from_css(pos)->nodeinfo[node]);
	return max(pages, 0L);
}

/* Stores a figure, and notes whether it is another one. */
static __always_inline void bc_note(u64 *differs, u64 *figure, u64 now)
{
	*differs |= *figure ^ now;
	*figure = now;
}

/* What is not known of a resource is 0 in @rec already. Not 0 when anything is different. */
static __always_inline u64 bc_memory_fill(struct bc_pool *pool, struct cgroup_subsys_state *css,
					  enum bc_res res, struct bc_record *rec)
{
	struct mem_cgroup *memcg = mem_cgroup_from_css(css);
	const struct bc_counter *cnt = &pool->cnt[res];
	u64 differs = 0, limit = BC_UNLIMITED;

	rec->flags = BC_RECORD_F_ENFORCED;
	switch (res) {
	case BC_PHYSPAGES:
		rec->flags |= BC_RECORD_F_NO_FAILED;
		bc_note(&differs, &rec->held, bc_usage(&memcg->memory));
		bc_note(&differs, &rec->maxheld, READ_ONCE(memcg->memory.watermark));
		/* Not MEMCG_MAX, which counts each time that something had to be reclaimed. */
		bc_note(&differs, &rec->failcnt,
			atomic_long_read(&memcg->memory_events_local[MEMCG_OOM]));
		break;
	case BC_SWAPPAGES:
		rec->flags |= BC_RECORD_F_NO_FAILED;
		bc_note(&differs, &rec->held, bc_usage(&memcg->swap));
		bc_note(&differs, &rec->maxheld, READ_ONCE(memcg->swap.watermark));
		/* Not MEMCG_SWAP_MAX, which is counted where the page is from. */
		bc_note(&differs, &rec->failcnt, data_race(memcg->swap.failcnt));
		break;
	case BC_OOMGUARPAGES:
		rec->flags |= BC_RECORD_F_NO_MAXHELD;
		bc_note(&differs, &rec->held, bc_memory_anon(css) + bc_usage(&memcg->swap));
		/* These are ours, see oom.c. */
		bc_note(&differs, &rec->failcnt, atomic64_read(&cnt->failcnt));
		rec->failed = atomic64_read(&cnt->failed);
		rec->last_fail = READ_ONCE(cnt->last_fail);
		break;
	default:
		rec->flags |= BC_RECORD_F_NO_HELD | BC_RECORD_F_NO_MAXHELD |
			      BC_RECORD_F_NO_FAILCNT | BC_RECORD_F_NO_FAILED;
		break;
	}
	bc_note(&differs, &rec->barrier,
		bc_from_pages(READ_ONCE(*bc_knob_at(css, bc_knobs_of[res].barrier))));
	if (bc_knobs_of[res].limit >= 0)
		limit = bc_from_pages(READ_ONCE(*bc_knob_at(css, bc_knobs_of[res].limit)));
	bc_note(&differs, &rec->limit, limit);
	return differs;
}

/**
 * bc_memory_look() - bring the records of all the resources above up to date
 * @pool: pool
 * @table: records, by enum bc_res, 0 at first
 * @differs: set to true when one of them is different now; else left alone
 *
 * Context: under rcu_read_lock().
 * Return: BIT() mask of those that were read: none when the controller is not enabled for
 * the pool's cgroup.
 */
unsigned long bc_memory_look(struct bc_pool *pool, struct bc_record *table, bool *differs)
{
	struct cgroup_subsys_state *css = bc_memory_css(pool->cgrp);
	u64 any;

	if (!css)
		return 0;
	any = bc_memory_fill(pool, css, BC_PHYSPAGES, &table[BC_PHYSPAGES]) |
	      bc_memory_fill(pool, css, BC_VMGUARPAGES, &table[BC_VMGUARPAGES]) |
	      bc_memory_fill(pool, css, BC_OOMGUARPAGES, &table[BC_OOMGUARPAGES]) |
	      bc_memory_fill(pool, css, BC_SWAPPAGES, &table[BC_SWAPPAGES]);
	if (unlikely(any))
		*differs = true;
	return BC_MEMORY_BOUNDED;
}

/**
 * bc_memory_read() - read one of the resources above
 * @pool: pool
 * @res: resource
 * @rec: filled but for its number
 *
 * Context: under rcu_read_lock().
 * Return: false when the controller is not enabled for the pool's cgroup, and
 * for what takes bc_memstat_read().
 */
bool bc_memory_read(struct bc_pool *pool, enum bc_res res, struct bc_record *rec)
{
	struct cgroup_subsys_state *css = bc_memory_css(pool->cgrp);

	if (!css || !(BIT(res) & BC_MEMORY_BOUNDED))
		return false;
	*rec = (struct bc_record){};
	bc_memory_fill(pool, css, res, rec);
	return true;
}

static int bc_memory_refuse(const struct bc_bounds *bound, struct netlink_ext_ack *extack,
			    const char *text, int ret)
{
	NL_SET_BAD_ATTR(extack, bound->attr);
	if (extack)
		extack->_msg = text;
	return ret;
}

static int bc_memory_check_one(const struct bc_bounds *bound, enum bc_res res,
			       struct netlink_ext_ack *extack)
{
	if ((bound->barrier >= PAGE_COUNTER_MAX && bound->barrier != BC_UNLIMITED) ||
	    (bound->limit >= PAGE_COUNTER_MAX && bound->limit != BC_UNLIMITED))
		return bc_memory_refuse(bound, extack, "barrier or limit is too large", -EINVAL);
	if (bc_knobs_of[res].limit < 0 && bound->limit != BC_UNLIMITED &&
	    bound->limit != bound->barrier)
		return bc_memory_refuse(bound, extack, "a guarantee has no limit", -EINVAL);
	return 0;
}

static int bc_memory_check(struct bc_pool *pool, struct bc_pool *parent,
			   const struct bc_bounds *bounds, struct netlink_ext_ack *extack)
{
	bool enabled;
	int res, ret;

	rcu_read_lock();
	enabled = bc_memory_css(pool->cgrp);
	rcu_read_unlock();
	for (res = 0; res < BC_NR_RES; res++) {
		if (!bounds[res].set || !(BIT(res) & BC_MEMORY_BOUNDED))
			continue;
		if (!pool->cgrp)
			return bc_memory_refuse(&bounds[res], extack,
						"the memory of the host has no limits; set those of pools",
						-EOPNOTSUPP);
		if (!enabled)
			return bc_memory_refuse(&bounds[res], extack,
						"the memory controller is not enabled for this cgroup",
						-EOPNOTSUPP);
		ret = bc_memory_check_one(&bounds[res], res, extack);
		if (ret)
			return ret;
	}
	return enabled ? bc_guarantee_check(pool, parent, bounds, extack) : 0;
}

/*
 * Sets one knob, and notes what was there. If it was changed since we last set
 * it, that is what will be restored. Another writer between xchg() and the note
 * is not seen: then nothing of his is restored, nor overwritten.
 */
static void bc_knob_set(struct bc_pool *pool, struct bc_pool *parent,
			struct cgroup_subsys_state *css, enum bc_knob knob, u64 amount)
{
	struct bc_knobs *knobs = &pool->knobs;
	unsigned long before, after = bc_to_pages(amount);

	if (knobs->serial != css->serial_nr) {
		knobs->serial = css->serial_nr;
		knobs->set = 0;
	}
	before = xchg(bc_knob_field(css, knob), after);
	if (!(knobs->set & BIT(knob)) || knobs->ours[knob] != before)
		knobs->before[knob] = before;
	knobs->ours[knob] = after;
	knobs->set |= BIT(knob);
	if (knob == BC_KNOB_LOW || knob == BC_KNOB_MIN)
		bc_guarantee_changed(pool, parent, knob, before, after);
}

/* Dirty pages are throttled by how much memory there is. */
static void bc_memory_resized(struct cgroup_subsys_state *css)
{
#ifdef CONFIG_CGROUP_WRITEBACK
	wb_domain_size_changed(&mem_cgroup_from_css(css)->cgwb_domain);
#endif
}

static void bc_memory_set(struct bc_pool *pool, struct bc_pool *parent,
			  const struct bc_bounds *bounds)
{
	struct cgroup_subsys_state *css;
	int res;

	rcu_read_lock();
	css = bc_memory_css(pool->cgrp);
	for (res = 0; css && res < BC_NR_RES; res++) {
		if (!bounds[res].set || !(BIT(res) & BC_MEMORY_BOUNDED))
			continue;
		bc_knob_set(pool, parent, css, bc_knobs_of[res].barrier, bounds[res].barrier);
		if (bc_knobs_of[res].limit >= 0)
			bc_knob_set(pool, parent, css, bc_knobs_of[res].limit, bounds[res].limit);
		if (res == BC_PHYSPAGES)
			bc_memory_resized(css);
	}
	rcu_read_unlock();
}

/* A pool goes: what it had set, and nobody has changed since, is set back. */
static void bc_memory_leave(struct bc_pool *pool, struct bc_pool *to)
{
	struct bc_knobs *knobs = &pool->knobs;
	struct cgroup_subsys_state *css;
	unsigned long ours;
	int knob;

	rcu_read_lock();
	css = bc_memory_css(pool->cgrp);
	if (css && css->serial_nr != knobs->serial)
		css = NULL;
	for (knob = 0; css && knob < BC_NR_KNOBS; knob++) {
		ours = knobs->ours[knob];
		if (!(knobs->set & BIT(knob)) ||
		    cmpxchg(bc_knob_field(css, knob), ours, knobs->before[knob]) != ours)
			continue;
		if (knob == BC_KNOB_LOW || knob == BC_KNOB_MIN)
			bc_guarantee_changed(pool, pool->parent, knob, ours, knobs->before[knob]);
		else if (knob == BC_KNOB_MAX)
			bc_memory_resized(css);
	}
	rcu_read_unlock();
	knobs->set = 0;
}

static const char *bc_memory_lacks(void)
{
	if (mem_cgroup_disabled())
		return "the memory controller is disabled (cgroup_disable=memory)";
	if (!cgroup_subsys_on_dfl(memory_cgrp_subsys))
		return "the memory controller is in use by cgroup v1";
	return NULL;
}

struct bc_source bc_source_memory = {
	.name = "memory",
	.resources = BC_MEMORY_BOUNDED | BC_MEMORY_COUNTED,
	.lacks = bc_memory_lacks,
	.counted = BC_MEMORY_COUNTED,
	.why_counted = "the kernel has no limit for kernel memory alone; it is part of physpages",
	.read = bc_memory_read,
	.polled = BIT(BC_PHYSPAGES) | BIT(BC_SWAPPAGES) | BIT(BC_OOMGUARPAGES),
	.check = bc_memory_check,
	.set = bc_memory_set,
	.leave = bc_memory_leave,
};
