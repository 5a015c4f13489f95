// SPDX-License-Identifier: GPL-2.0
/*
 * Token buckets that can be overdrawn
 *
 * What is used is always charged: it has happened, or cannot be refused. What is
 * spent above what was earned is a debt, and whoever made it waits until it is paid.
 * So the average is the rate, whatever the sizes and the moments of the charges.
 *
 * Earned tokens are computed from the time since the beginning, never summed up, so
 * that nothing is lost to rounding. Both counts wrap; their difference is exact as
 * long as it is below 2^63, which @idle sees to: after so long a time without a charge
 * the difference is not looked at, the bucket is full. A charge is one cmpxchg.
 *
 * Time may step back, for instance when the clocks of two CPUs differ by a little:
 * less is earned then, and it comes back with the time.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "bucket.h"

/* Differences of counts are taken for true up to here. */
#define BC_BUCKET_SPAN	(1ULL << 61)

static u64 bc_bucket_earned(const struct bc_bucket *bucket, u64 now)
{
	u64 sec;
	u32 nsec;

	if (now <= bucket->start)
		return 0;
	sec = div_u64_rem(now - bucket->start, NSEC_PER_SEC, &nsec);
	return sec * bucket->rate + mul_u64_u64_div_u64(nsec, bucket->rate, NSEC_PER_SEC);
}

static bool bc_bucket_idle(const struct bc_bucket *bucket, u64 now)
{
	u64 last = READ_ONCE(bucket->last);

	return now > last && now - last > bucket->idle;
}

/**
 * bc_bucket_init() - make a bucket without savings and without debt
 * @bucket: bucket
 * @rate: tokens per second, 1..2^50
 * @burst_ms: for how long an idle user saves up, at most a minute
 * @now: time, ns
 */
void bc_bucket_init(struct bc_bucket *bucket, u64 rate, unsigned int burst_ms, u64 now)
{
	bucket->rate = rate;
	bucket->depth = mul_u64_u64_div_u64(rate, burst_ms, MSEC_PER_SEC);
	bucket->start = now;
	bucket->idle = min(div64_u64(BC_BUCKET_SPAN, rate), 1ULL << 32) * NSEC_PER_SEC;
	atomic64_set(&bucket->spent, 0);
	bucket->last = now;
}

/**
 * bc_bucket_charge() - take tokens, those that are there and others
 * @bucket: bucket
 * @amount: how many, below 2^60
 * @now: time, ns
 *
 * After days without a charge, each CPU may lose one that comes at the same moment as
 * another one.
 *
 * Context: any.
 */
void bc_bucket_charge(struct bc_bucket *bucket, u64 amount, u64 now)
{
	u64 earned = bc_bucket_earned(bucket, now);
	bool idle = bc_bucket_idle(bucket, now);
	s64 old = atomic64_read(&bucket->spent);
	u64 spent;

	do {
		spent = old;
		/* More than the depth is not saved up. */
		if (idle || (s64)(earned - spent) > (s64)bucket->depth)
			spent = earned - bucket->depth;
		spent += amount;
	} while (!atomic64_try_cmpxchg(&bucket->spent, &old, spent));
	WRITE_ONCE(bucket->last, now);
}

/**
 * bc_bucket_debt() - how much more was spent than earned
 * @bucket: bucket
 * @now: time, ns
 *
 * Return: tokens.
 */
u64 bc_bucket_debt(const struct bc_bucket *bucket, u64 now)
{
	s64 debt = atomic64_read(&bucket->spent) - bc_bucket_earned(bucket, now);

	return debt > 0 && !bc_bucket_idle(bucket, now) ? debt : 0;
}

/**
 * bc_bucket_wait() - how long it takes to earn what was spent
 * @bucket: bucket
 * @now: time, ns
 *
 * Return: ns, at most BC_BUCKET_WAIT_MAX; 0 when there is no debt.
 */
u64 bc_bucket_wait(const struct bc_bucket *bucket, u64 now)
{
	u64 debt = bc_bucket_debt(bucket, now);

	if (!debt)
		return 0;
	if (div64_u64(debt, bucket->rate) >= BC_BUCKET_WAIT_MAX / NSEC_PER_SEC)
		return BC_BUCKET_WAIT_MAX;
	return mul_u64_u64_div_u64(debt, NSEC_PER_SEC, bucket->rate) + 1;
}
