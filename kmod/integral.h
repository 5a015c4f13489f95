/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_INTEGRAL_H
#define _BC_INTEGRAL_H

#include <linux/jiffies.h>
#include <linux/types.h>

/*
 * The clock of integrals, HZ ticks a second: one load, and it never goes back. The
 * tests have one of their own.
 */
#ifndef BC_TICKS
#define BC_TICKS()	get_jiffies_64()
#endif

/**
 * struct bc_integral - an amount summed up over time
 * @total: unit-seconds so far; stops at U64_MAX
 * @held: the amount at @time
 * @time: when it was last sampled
 * @rest: what is not in @total yet, in units times half ticks
 * @known: there has been a sample since the last gap
 *
 * The integral of a counter needs @total only, as what is below a unit-second stays
 * in the counter. The other members are for what is sampled.
 */
struct bc_integral {
	u64	total;
	u64	held;
	u64	time;
	u32	rest;
	bool	known;
};

u64 bc_integral_fold(struct bc_integral *in, u64 held, u64 moment, u64 now);
u64 bc_integral_sample(struct bc_integral *in, u64 held, u64 now);
void bc_integral_book(struct bc_integral *in, u64 halves);
u64 bc_integral_middle(u64 since, u64 now);

#endif /* _BC_INTEGRAL_H */
