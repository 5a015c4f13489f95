/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_THROTTLE_H
#define _BC_THROTTLE_H

#include "bucket.h"
#include "tree.h"

/* io.bps, io.rbps, io.wbps, io.iops, io.riops, io.wiops, in the order of their settings. */
#define BC_NR_LIMITS	6

/**
 * struct bc_limits - the limits of block I/O of one pool
 * @set: BIT() mask of the buckets in use
 * @bucket: by setting
 * @rcu: replaced as a whole
 */
struct bc_limits {
	unsigned long		set;
	struct bc_bucket	bucket[BC_NR_LIMITS];
	struct rcu_head		rcu;
};

void bc_throttle_charge_slow(struct bc_pool *pool, unsigned int dir, u64 bytes, bool sleeps);
void bc_throttle_look_slow(struct bc_pool *pool, unsigned int dir);

/* Has this pool or one above it any limit? */
static __always_inline bool bc_throttle_any(const struct bc_pool *pool)
{
	for (; pool; pool = pool->parent)
		if (unlikely(READ_ONCE(pool->limits)))
			return true;
	return false;
}

/**
 * bc_throttle_charge() - one more request
 * @pool: who pays
 * @dir: BC_IO_READ or BC_IO_WRITE
 * @bytes: how much data
 * @sleeps: the current task is a member, and sleeps if there is a debt
 *
 * Context: inside a charge section.
 */
static __always_inline void bc_throttle_charge(struct bc_pool *pool, unsigned int dir, u64 bytes,
					       bool sleeps)
{
	if (unlikely(bc_throttle_any(pool)))
		bc_throttle_charge_slow(pool, dir, bytes, sleeps);
}

/**
 * bc_throttle_look() - the current task, a member, is about to cause a request
 * @pool: its pool
 * @dir: BC_IO_READ or BC_IO_WRITE
 *
 * Context: inside a charge section.
 */
static __always_inline void bc_throttle_look(struct bc_pool *pool, unsigned int dir)
{
	if (unlikely(bc_throttle_any(pool)))
		bc_throttle_look_slow(pool, dir);
}

#endif /* _BC_THROTTLE_H */
