// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own cpu controller: its settings, and who is throttled
 *
 *	cpu.shares		weight of the cgroup, 1024 for 1000 shares
 *	cpu.limit		quota in a period of 100 ms
 *	cpu.reservation		raises the weight, see share.c
 *
 * All is set by the functions that cgroupfs calls for its files, found by name in the
 * controller's own tables. They want a state that cannot go away, for which cgroupfs
 * has the open file and this has a reference, and nothing else; they take locks of
 * their own and may sleep. Those of cgroup v1 are the same as those of v2 but for the
 * unit: a weight there is one of 262,143 values instead of 10,000, and quota and period
 * are numbers instead of a text.
 *
 * Somebody else may change the settings through cgroupfs, so what is reported is what
 * is in force. When the pool goes, what it has set is set back, unless somebody else
 * has changed it since.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/netlink.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "bind.h"
#include "cpu.h"
#include "hook.h"

#define BC_CPU_PERIOD_US	(100 * USEC_PER_MSEC)
#define BC_CPU_STAT_TEXT	512
#define BC_CPU_SETTINGS		(BIT(BC_SETTING_CPU_SHARES) | BIT(BC_SETTING_CPU_LIMIT) | \
				 BIT(BC_SETTING_CPU_RESERVATION) | BIT(BC_SETTING_CPU_EXPANDABLE))

static const char *const bc_cpu_names[BC_NR_CPU_KNOBS] = {
	[BC_CPU_KNOB_WEIGHT]	= "shares",
	[BC_CPU_KNOB_QUOTA]	= "cfs_quota_us",
	[BC_CPU_KNOB_PERIOD]	= "cfs_period_us",
};

/* Found once; the tables never change. Under the tree mutex. */
static struct cftype *bc_cpu_files[BC_NR_CPU_KNOBS];

static struct cftype *bc_cpu_file(struct cgroup_subsys *ss, enum bc_cpu_knob knob)
{
	struct cftype *cft = bc_cpu_files[knob];

	if (cft)
		return cft;
	for (cft = ss->legacy_cftypes; cft && cft->name[0]; cft++) {
		if (strcmp(cft->name, bc_cpu_names[knob]))
			continue;
		if (knob == BC_CPU_KNOB_QUOTA ? !cft->write_s64 || !cft->read_s64 :
						!cft->write_u64 || !cft->read_u64)
			break;
		bc_cpu_files[knob] = cft;
		return cft;
	}
	return NULL;
}

/**
 * bc_cpu_css_get() - the cpu controller of a cgroup
 * @cgrp: cgroup v2, or NULL for the host, which is not one
 *
 * Context: any.
 * Return: its state with a reference, or NULL when it is not enabled for exactly this
 * cgroup.
 */
struct cgroup_subsys_state *bc_cpu_css_get(struct cgroup *cgrp)
{
	const unsigned int wanted = CSS_ONLINE | CSS_VISIBLE;
	struct cgroup_subsys_state *css;

	rcu_read_lock();
	css = cgrp ? rcu_dereference(cgrp->subsys[cpu_cgrp_id]) : NULL;
	if (css && ((READ_ONCE(css->flags) & wanted) != wanted || !css_tryget_online(css)))
		css = NULL;
	rcu_read_unlock();
	return css;
}

/**
 * bc_cpu_knob_read() - what is in force
 * @css: from bc_cpu_css_get()
 * @knob: setting
 *
 * Context: under the tree mutex.
 * Return: its value; what a new cgroup has if the kernel has no such setting.
 */
s64 bc_cpu_knob_read(struct cgroup_subsys_state *css, enum bc_cpu_knob knob)
{
	struct cftype *cft = bc_cpu_file(css->ss, knob);

	if (knob == BC_CPU_KNOB_QUOTA)
		return cft ? cft->read_s64(css, cft) : -1;
	if (!cft)
		return knob == BC_CPU_KNOB_WEIGHT ? BC_WEIGHT_DEFAULT : BC_CPU_PERIOD_US;
	return cft->read_u64(css, cft);
}

static int bc_cpu_knob_write(struct cgroup_subsys_state *css, enum bc_cpu_knob knob, s64 value)
{
	struct cftype *cft = bc_cpu_file(css->ss, knob);

	if (!cft)
		return -EOPNOTSUPP;
	if (knob == BC_CPU_KNOB_QUOTA)
		return cft->write_s64(css, cft, value);
	return cft->write_u64(css, cft, value);
}

/**
 * bc_cpu_knob_ours() - have we set this, and nobody else since?
 * @pool: pool
 * @css: the controller's state of its cgroup
 * @knob: setting
 *
 * Context: under the tree mutex.
 * Return: true when it is so.
 */
bool bc_cpu_knob_ours(const struct bc_pool *pool, struct cgroup_subsys_state *css,
		      enum bc_cpu_knob knob)
{
	const struct bc_cpu_knobs *knobs = &pool->cpu_knobs;

	return knobs->serial == css->serial_nr && (knobs->set & BIT(knob)) &&
	       knobs->ours[knob] == bc_cpu_knob_read(css, knob);
}

/**
 * bc_cpu_knob_set() - set one, and note what was there
 * @pool: pool
 * @css: the controller's state of its cgroup, with a reference
 * @knob: setting
 * @value: new value
 *
 * Context: under the tree mutex; may sleep. Who writes to cgroupfs at the same moment
 * may be overwritten, or what was there before not be noted.
 * Return: 0 or an error of the kernel.
 */
int bc_cpu_knob_set(struct bc_pool *pool, struct cgroup_subsys_state *css,
		    enum bc_cpu_knob knob, s64 value)
{
	struct bc_cpu_knobs *knobs = &pool->cpu_knobs;
	s64 before = bc_cpu_knob_read(css, knob);
	int ret = before == value ? 0 : bc_cpu_knob_write(css, knob, value);

	if (ret)
		return ret;
	if (knobs->serial != css->serial_nr) {
		knobs->serial = css->serial_nr;
		knobs->set = 0;
	}
	if (!(knobs->set & BIT(knob)) || knobs->ours[knob] != before)
		knobs->before[knob] = before;
	knobs->ours[knob] = value;
	knobs->set |= BIT(knob);
	return 0;
}

/**
 * bc_cpu_knob_restore() - set one back, if nobody else has changed it
 * @pool: pool
 * @css: the controller's state of its cgroup, with a reference
 * @knob: setting
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_cpu_knob_restore(struct bc_pool *pool, struct cgroup_subsys_state *css,
			 enum bc_cpu_knob knob)
{
	if (bc_cpu_knob_ours(pool, css, knob))
		bc_cpu_knob_write(css, knob, pool->cpu_knobs.before[knob]);
	pool->cpu_knobs.set &= ~BIT(knob);
}

/**
 * bc_cpu_shares_to_weight() - shares as the kernel has them
 * @shares: 1000 is what a new cgroup has
 *
 * Return: weight, which may be above what the kernel can set.
 */
s64 bc_cpu_shares_to_weight(u64 shares)
{
	return max_t(s64, DIV_ROUND_CLOSEST_ULL(shares * BC_WEIGHT_DEFAULT, 1000), BC_WEIGHT_MIN);
}

/**
 * bc_cpu_limit() - the limit that is in force for a cgroup itself
 * @css: the controller's state of the cgroup
 *
 * Context: under the tree mutex.
 * Return: ns per second, or BC_UNLIMITED.
 */
u64 bc_cpu_limit(struct cgroup_subsys_state *css)
{
	s64 quota = bc_cpu_knob_read(css, BC_CPU_KNOB_QUOTA);
	s64 period = bc_cpu_knob_read(css, BC_CPU_KNOB_PERIOD);

	if (quota < 0 || period <= 0)
		return BC_UNLIMITED;
	return mul_u64_u32_div(quota, NSEC_PER_SEC, period);
}

/* The quota last when it becomes smaller, as it must never exceed all CPUs' time. */
static int bc_cpu_set_limit(struct bc_pool *pool, struct cgroup_subsys_state *css, u64 limit)
{
	s64 quota = -1;
	int ret;

	if (limit != BC_UNLIMITED)
		quota = DIV_ROUND_CLOSEST_ULL(limit, NSEC_PER_SEC / BC_CPU_PERIOD_US);
	ret = bc_cpu_knob_set(pool, css, BC_CPU_KNOB_PERIOD, BC_CPU_PERIOD_US);
	return ret ?: bc_cpu_knob_set(pool, css, BC_CPU_KNOB_QUOTA, quota);
}

static const char *bc_cpu_lacks(enum bc_setting_id id)
{
	struct cgroup_subsys_state *root;
	bool there;

	if (!cgroup_subsys_enabled(cpu_cgrp_subsys))
		return "the cpu controller is disabled (cgroup_disable=cpu)";
	/* That of the root stays as long as the controller does. */
	root = rcu_access_pointer(cgrp_dfl_root.cgrp.subsys[cpu_cgrp_id]);
	if (!cgroup_subsys_on_dfl(cpu_cgrp_subsys) || !root)
		return "the cpu controller is in use by cgroup v1";
	if (id == BC_SETTING_CPU_LIMIT)
		there = bc_cpu_file(root->ss, BC_CPU_KNOB_QUOTA) &&
			bc_cpu_file(root->ss, BC_CPU_KNOB_PERIOD);
	else
		there = bc_cpu_file(root->ss, BC_CPU_KNOB_WEIGHT);
	return there ? NULL : "the kernel was built without this part of its cpu controller";
}

static int bc_cpu_check(struct bc_pool *pool, struct bc_pool *parent,
			const struct bc_wish *wishes, struct netlink_ext_ack *extack)
{
	struct cgroup_subsys_state *css = bc_cpu_css_get(pool->cgrp);
	int id;

	if (css) {
		css_put(css);
		return bc_share_check(pool, parent, wishes, extack);
	}
	for (id = 0; id < BC_NR_SETTINGS; id++)
		if (wishes[id].set && (BC_CPU_SETTINGS & BIT(id)))
			break;
	NL_SET_ERR_MSG_ATTR(extack, wishes[id].attr,
			    "the cpu controller is not enabled for this cgroup");
	return -EOPNOTSUPP;
}

static void bc_cpu_store(struct bc_pool *pool, const struct bc_wish *wishes)
{
	int id;

	for (id = 0; id < BC_NR_SETTINGS; id++) {
		if (!wishes[id].set || !(BC_CPU_SETTINGS & BIT(id)))
			continue;
		WRITE_ONCE(pool->settings[id], wishes[id].value);
		pool->settings_set |= BIT(id);
	}
}

static int bc_cpu_write(struct bc_pool *pool, struct cgroup_subsys_state *css,
			const struct bc_wish *wishes, struct netlink_ext_ack *extack)
{
	const struct bc_wish *wish = &wishes[BC_SETTING_CPU_LIMIT];
	u64 limit_before = bc_cpu_limit(css);
	int ret = 0;

	if (wish->set) {
		ret = bc_cpu_set_limit(pool, css, wish->value);
		if (ret)
			NL_SET_ERR_MSG_ATTR(extack, wish->attr,
					    "the kernel refuses that; cpu.max.burst may be above it");
	}
	if (ret || !wishes[BC_SETTING_CPU_SHARES].set)
		return ret;
	wish = &wishes[BC_SETTING_CPU_SHARES];
	ret = bc_cpu_knob_set(pool, css, BC_CPU_KNOB_WEIGHT,
			      min(bc_cpu_shares_to_weight(wish->value), (s64)BC_WEIGHT_MAX));
	if (!ret)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, wish->attr, "the kernel refuses that; cpu.idle may be set");
	if (wishes[BC_SETTING_CPU_LIMIT].set)
		bc_cpu_set_limit(pool, css, limit_before);
	return ret;
}

static int bc_cpu_apply(struct bc_pool *pool, struct bc_pool *parent,
			const struct bc_wish *wishes, struct netlink_ext_ack *extack)
{
	struct cgroup_subsys_state *css = bc_cpu_css_get(pool->cgrp);
	int ret;

	if (!css) {
		NL_SET_ERR_MSG_MOD(extack, "the cpu controller is not enabled for this cgroup");
		return -EOPNOTSUPP;
	}
	ret = bc_cpu_write(pool, css, wishes, extack);
	css_put(css);
	if (ret)
		return ret;
	bc_cpu_store(pool, wishes);
	bc_share_update(pool);
	return 0;
}

/* What its shares say, and what they are; the weight may have been raised for a reservation. */
static void bc_cpu_see_weight(struct bc_pool *pool, struct cgroup_subsys_state *css)
{
	const struct bc_cpu_knobs *knobs = &pool->cpu_knobs;
	struct bc_cpu_seen *seen = &pool->cpu_seen;
	bool set = knobs->set & BIT(BC_CPU_KNOB_WEIGHT), ours;

	seen->weight = bc_cpu_knob_read(css, BC_CPU_KNOB_WEIGHT);
	ours = set && knobs->serial == css->serial_nr &&
	       knobs->ours[BC_CPU_KNOB_WEIGHT] == seen->weight;
	/* A reservation that somebody has undone with cpu.weight has no effect. */
	seen->lost = set && !ours;
	if (ours && (pool->settings_set & BIT(BC_SETTING_CPU_SHARES))) {
		seen->shares = pool->settings[BC_SETTING_CPU_SHARES];
		seen->weight = bc_cpu_shares_to_weight(seen->shares);
		return;
	}
	if (ours)
		seen->weight = knobs->before[BC_CPU_KNOB_WEIGHT];
	seen->shares = DIV_ROUND_CLOSEST_ULL(seen->weight * 1000, BC_WEIGHT_DEFAULT);
}

static void bc_cpu_leave(struct bc_pool *pool, struct bc_pool *to)
{
	struct cgroup_subsys_state *css = bc_cpu_css_get(pool->cgrp);
	int knob;

	for (knob = 0; css && knob < BC_NR_CPU_KNOBS; knob++)
		bc_cpu_knob_restore(pool, css, knob);
	pool->cpu_knobs.set = 0;
	if (css)
		css_put(css);
}

static bool bc_cpu_stat_line(const char *text, const char *key, u64 *value)
{
	const char *pos = strstr(text, key);

	return pos && sscanf(pos + strlen(key), " %llu", value) == 1;
}

/*
 * What cpu.stat has of the limit, as text: the kernel's fields are private. The
 * function that makes it gets the state itself, so that it needs no open file.
 */
static bool bc_cpu_throttled(struct cgroup_subsys_state *css, u64 *time, u64 *nr)
{
	char text[BC_CPU_STAT_TEXT];
	struct seq_file seq = { .buf = text, .size = sizeof(text) - 1 };

	if (!css->ss->css_extra_stat_show || css->ss->css_extra_stat_show(&seq, css) ||
	    seq.count >= seq.size)
		return false;
	text[seq.count] = '\0';
	if (!bc_cpu_stat_line(text, "nr_throttled", nr) ||
	    !bc_cpu_stat_line(text, "throttled_usec", time))
		return false;
	*time *= NSEC_PER_USEC;
	return true;
}

/* Brings the figures up to date; what a state had that is gone stays in. */
static void bc_cpu_throttled_update(struct bc_throttled *thr, struct cgroup_subsys_state *css)
{
	u64 time, nr;

	if (!bc_cpu_throttled(css, &time, &nr))
		return;
	if (thr->serial != css->serial_nr) {
		thr->time_before += thr->time;
		thr->nr_before += thr->nr;
		thr->serial = css->serial_nr;
	}
	thr->time = time;
	thr->nr = nr;
}

/**
 * bc_cpu_see() - look at what is in force in the cpu controller
 * @pool: pool
 *
 * Who was throttled is told as text, which costs more than all the rest; it is read only
 * where there is a limit, or was. The kernel's own sum does not forget what happened
 * between two looks.
 *
 * Context: under the tree mutex.
 */
void bc_cpu_see(struct bc_pool *pool)
{
	struct cgroup_subsys_state *css = bc_cpu_css_get(pool->cgrp);
	const struct bc_cpu_seen before = pool->cpu_seen;
	struct bc_throttled *thr = &pool->throttled;
	struct bc_cpu_seen *seen = &pool->cpu_seen;

	seen->there = css;
	if (css) {
		bc_cpu_see_weight(pool, css);
		seen->limit = bc_cpu_limit(css);
		if (seen->limit != BC_UNLIMITED || thr->nr + thr->nr_before)
			bc_cpu_throttled_update(thr, css);
		css_put(css);
	}
	if (unlikely((seen->there ^ before.there) | (seen->weight ^ before.weight) |
		     (seen->limit ^ before.limit)) && pool->parent)
		pool->parent->claims_stale = true;
}

static bool bc_cpu_get(struct bc_pool *pool, enum bc_setting_id id, struct bc_setting *setting)
{
	const struct bc_cpu_seen *seen = &pool->cpu_seen;

	if (!seen->there)
		return false;
	if (id == BC_SETTING_CPU_SHARES)
		setting->value = seen->shares;
	else if (id == BC_SETTING_CPU_LIMIT)
		setting->value = seen->limit;
	else if (id == BC_SETTING_CPU_RESERVATION && setting->value && seen->lost)
		setting->flags &= ~BC_SETTING_F_EFFECTIVE;
	return true;
}

/**
 * bc_cpu_start() - a pool is made: nothing that was before counts
 * @pool: pool with its cgroup
 *
 * Context: under the tree mutex.
 */
void bc_cpu_start(struct bc_pool *pool)
{
	struct cgroup_subsys_state *css = bc_cpu_css_get(pool->cgrp);

	bc_cputime_start();
	if (!css)
		return;
	bc_cpu_throttled_update(&pool->throttled, css);
	pool->throttled.time_before = -pool->throttled.time;
	pool->throttled.nr_before = -pool->throttled.nr;
	css_put(css);
}

static void bc_cpu_fill_throttled(const struct bc_pool *pool, struct bc_cpu *cpu)
{
	const struct bc_throttled *thr = &pool->throttled;

	cpu->known |= BC_CPU_F_THROTTLED;
	cpu->throttled = thr->time + thr->time_before;
	cpu->nr_throttled = thr->nr + thr->nr_before;
}

/* Never throttled, and no limit that could. */
static bool bc_cpu_unthrottled(const struct bc_pool *pool)
{
	return pool->throttled.nr + pool->throttled.nr_before == 0;
}

/**
 * bc_cpu_fill() - tell all that is known of the CPU time of a pool
 * @pool: pool
 * @cpu: to be filled
 *
 * Context: under the tree mutex, after bc_cputime_collect() and bc_share_solve().
 */
void bc_cpu_fill(struct bc_pool *pool, struct bc_cpu *cpu)
{
	const struct bc_cpu_seen *seen = &pool->cpu_seen;
	bool there = seen->there && pool->state == BC_POOL_LIVE;

	*cpu = (struct bc_cpu){};
	bc_cputime_fill(pool, cpu);
	if (there && (seen->limit != BC_UNLIMITED || !bc_cpu_unthrottled(pool)))
		bc_cpu_fill_throttled(pool, cpu);
	if ((there || !pool->parent) && !bc_cpu_lacks(BC_SETTING_CPU_SHARES)) {
		cpu->known |= BC_CPU_F_ENTITLEMENT;
		cpu->entitlement = pool->parent ? pool->claim.gets : bc_share_capacity();
		cpu->reservable = bc_share_reservable(pool);
	}
}

/**
 * bc_cpu_close() - the final figures of a pool
 * @pool: pool without cgroups, tasks and pools below
 * @cpu: to be filled
 *
 * Context: under the tree mutex.
 */
void bc_cpu_close(struct bc_pool *pool, struct bc_cpu *cpu)
{
	*cpu = (struct bc_cpu){};
	bc_cputime_close(pool, cpu);
	if (!bc_cpu_unthrottled(pool))
		bc_cpu_fill_throttled(pool, cpu);
}

struct bc_source bc_source_cpu = {
	.name = "cpu",
	.exit = bc_cputime_stop,
	.leave = bc_cpu_leave,
	.settings = BC_CPU_SETTINGS,
	.lacks_setting = bc_cpu_lacks,
	.check_settings = bc_cpu_check,
	.apply_settings = bc_cpu_apply,
	.get_setting = bc_cpu_get,
};
