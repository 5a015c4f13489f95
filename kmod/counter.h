/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_COUNTER_H
#define _BC_COUNTER_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/types.h>
#include <linux/beancounter.h>

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
 * struct bc_counter - one resource at one level
 *
 * Exactly one cache line, so that a charge touches one line for each level.
 * Key: A atomic, WO written under the tree mutex with WRITE_ONCE() and read
 * lockless with READ_ONCE(), X changed only while all charging is excluded.
 */
struct bc_counter {
	/** @held: A: charged now, at this level and below */
	atomic64_t		held;
	/** @maxheld: A: highest @held that a successful charge left behind */
	atomic64_t		maxheld;
	/** @barrier: WO: bound for BC_HARD, or BC_UNLIMITED */
	u64			barrier;
	/** @limit: WO: bound for BC_SOFT, or BC_UNLIMITED */
	u64			limit;
	/** @parent: X: the same resource one level up, NULL above the host */
	struct bc_counter	*parent;
	/** @failcnt: A: charges that this level refused */
	atomic64_t		failcnt;
	/** @failed: A: sum of the amounts refused by this level */
	atomic64_t		failed;
	/** @last_fail: time of the last refusal; racing writers differ by less than a tick */
	u64			last_fail;
} ____cacheline_aligned;

void bc_counter_init(struct bc_counter *cnt, struct bc_counter *parent);
bool __must_check bc_counter_try_charge(struct bc_counter *cnt, u64 amount,
					enum bc_severity sev, struct bc_counter **fail);
bool __must_check bc_counter_has_room(struct bc_counter *cnt, u64 amount,
				      enum bc_severity sev, struct bc_counter **fail);
void bc_counter_charge(struct bc_counter *cnt, const struct bc_counter *stop, u64 amount);
void bc_counter_uncharge(struct bc_counter *cnt, const struct bc_counter *stop, u64 amount);
void bc_counter_cancel(struct bc_counter *cnt, u64 amount);
void bc_counter_refused(struct bc_counter *cnt, u64 amount, u64 now);
struct bc_counter *bc_counter_new_peak(struct bc_counter *cnt, u64 amount);
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
