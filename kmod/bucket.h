/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_BUCKET_H
#define _BC_BUCKET_H

#include <linux/atomic.h>
#include <linux/types.h>

/* The longest wait that is ever told, ns; ask again then. */
#define BC_BUCKET_WAIT_MAX	(3600ULL * 1000000000ULL)

/**
 * struct bc_bucket - how much of something may be used per second
 *
 * Two counts of tokens that wrap: what was earned since @start, which follows from
 * the time and is kept nowhere, and what was spent. Key: I set before it is used,
 * A atomic, WO written with WRITE_ONCE(), races are harmless.
 */
struct bc_bucket {
	/** @rate: I: tokens per second, 1..2^50 */
	u64		rate;
	/** @depth: I: tokens that an idle user saves up */
	u64		depth;
	/** @start: I: when nothing was earned yet, ns */
	u64		start;
	/** @idle: I: ns without use after which it is full for certain */
	u64		idle;
	/** @spent: A: tokens; what it is above those earned is debt */
	atomic64_t	spent;
	/** @last: WO: when it was last charged, ns */
	u64		last;
};

void bc_bucket_init(struct bc_bucket *bucket, u64 rate, unsigned int burst_ms, u64 now);
void bc_bucket_charge(struct bc_bucket *bucket, u64 amount, u64 now);
u64 bc_bucket_debt(const struct bc_bucket *bucket, u64 now);
u64 bc_bucket_wait(const struct bc_bucket *bucket, u64 now);

#endif /* _BC_BUCKET_H */
