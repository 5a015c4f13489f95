/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_COUNTER_H
#define _BC_COUNTER_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/types.h>
#include <linux/beancounter.h>

#include "integral.h"

/* Counters on one path: BC_DEPTH_MAX levels of pools and the host. */
#define BC_LEVELS_MAX	(BC_DEPTH_MAX + 1)

/**
 * enum bc_severity - how badly a charge is wanted
 * @BC_HARD: fails above the barrier; the asker can be refused politely
 * @BC_SOFT: fails above the limit; refusing does damage
 * @BC_FORCE: never fails
 */
enum bc_severity {
	BC_HARD,
	BC_SOFT,
	BC_FORCE,
};

/**
 * struct bc_threshold - when it is to be told that a counter comes near its barrier
 *
 * Written under the tree mutex, but for what the charge that gets there leaves
 * behind; see threshold.c.
 */
struct bc_threshold {
	/** @rise_at: held from which on it is told, BC_UNLIMITED for never */
	u64			rise_at;
	/** @fall_at: held down to which it is told again, and armed again */
	u64			fall_at;
	/** @held: what was held when @tripped was set */
	u64			held;
	/** @time: when @tripped was set, CLOCK_BOOTTIME ns */
	u64			time;
	/** @rise: percent of the barrier behind @rise_at, 0 when there is no threshold */
	u8			rise;
	/** @fall: percent of the barrier behind @fall_at */
	u8			fall;
	/** @above: it was told that held is above */
	bool			above;
	/** @tripped: a charge got to @rise_at; release and acquire, after @held and @time */
	bool			tripped;
};

/**
 * struct bc_counter - one resource at one level
 *
 * Two cache lines: a charge touches the first one of each level and nothing
 * else, but for a new maximum. Key: A atomic, WO written under the tree mutex
 * with WRITE_ONCE() and read lockless with READ_ONCE(), X changed only while all
 * charging is excluded.
 */
struct bc_counter {
	/** @held: A: charged now, at this level and below */
	atomic64_t		held;
	/** @peak: A: like @maxheld, since the interval was closed; never above it */
	atomic64_t		peak;
	/** @rise: A: held from which on a threshold is to be told; BC_UNLIMITED if unarmed */
	u64			rise;
	/** @barrier: WO: bound for BC_HARD, or BC_UNLIMITED */
	u64			barrier;
	/** @limit: WO: bound for BC_SOFT, or BC_UNLIMITED */
	u64			limit;
	/** @parent: X: the same resource one level up, NULL above the host */
	struct bc_counter	*parent;
	/** @maxheld: A: highest @held that a successful charge left behind */
	atomic64_t		maxheld;
	/** @moment: A: what its integral is made of, see integral.c */
	atomic64_t		moment;

	/** @failcnt: A: charges that this level refused */
	atomic64_t		failcnt ____cacheline_aligned;
	/** @failed: A: sum of the amounts refused by this level */
	atomic64_t		failed;
	/** @last_fail: time of the last refusal; racing writers differ by less than a tick */
	u64			last_fail;
	/** @threshold: see there */
	struct bc_threshold	threshold;
} ____cacheline_aligned;

void bc_counter_init(struct bc_counter *cnt, struct bc_counter *parent);
bool __must_check bc_counter_try_charge(struct bc_counter *cnt, u64 amount,
					enum bc_severity sev, struct bc_counter **fail);
bool __must_check bc_counter_has_room(struct bc_counter *cnt, u64 amount,
				      enum bc_severity sev, struct bc_counter **fail);
void bc_counter_charge(struct bc_counter *cnt, const struct bc_counter *stop, u64 amount);
void bc_counter_uncharge(struct bc_counter *cnt, const struct bc_counter *stop, u64 amount);
void bc_counter_cancel(struct bc_counter *cnt, u64 amount);
void bc_counter_correct(struct bc_counter *cnt, u64 from, u64 to, u64 since);
bool bc_counter_integrate(struct bc_counter *cnt, struct bc_integral *in, u64 now);
void bc_counter_refused(struct bc_counter *cnt, u64 amount, u64 now);
struct bc_counter *bc_counter_new_peak(struct bc_counter *cnt, u64 amount);
u64 bc_counter_take_peak(struct bc_counter *cnt);
int bc_counter_check_bounds(u64 barrier, u64 limit);
void bc_counter_set_bounds(struct bc_counter *cnt, u64 barrier, u64 limit);

/**
 * bc_counter_held() - what is charged now
 * @cnt: counter
 *
 * Return: the amount. It may include charges that are about to be refused by a
 * level above, at most one for each CPU.
 */
static inline u64 bc_counter_held(const struct bc_counter *cnt)
{
	s64 held = atomic64_read(&cnt->held);

	return held > 0 ? held : 0;
}

#endif /* _BC_COUNTER_H */
