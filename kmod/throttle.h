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

void bc_throttle_charge(struct bc_pool *pool, unsigned int dir, u64 bytes, bool sleeps);
void bc_throttle_look_slow(struct bc_pool *pool, unsigned int dir);

/* How many pools have limits; under the tree mutex, never too low while one can be found. */
extern unsigned int bc_throttle_pools;

/**
 * bc_throttle_any() - has this pool or one above it any limit?
 * @pool: pool
 *
 * Context: inside a charge section.
 * Return: true if so.
 */
static __always_inline bool bc_throttle_any(const struct bc_pool *pool)
{
	if (likely(!READ_ONCE(bc_throttle_pools)))
		return false;
	for (; pool; pool = pool->parent)
		if (READ_ONCE(pool->limits))
			return true;
	return false;
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
	if (bc_throttle_any(pool))
		bc_throttle_look_slow(pool, dir);
}

#endif /* _BC_THROTTLE_H */
