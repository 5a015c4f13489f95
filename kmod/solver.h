/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SOLVER_H
#define _BC_SOLVER_H

#include <linux/types.h>

/* The largest capacity, and the largest number of shares: nothing overflows below. */
#define BC_CAPACITY_MAX	((1ULL << 43) - 1)
#define BC_SHARES_MAX	(1ULL << 20)

/**
 * struct bc_claim - one that wants its part of a capacity
 * @next: one of the others, NULL for the last
 * @shares: its part is proportional to this, 1..BC_SHARES_MAX
 * @low: but never less than this
 * @high: and never more than this
 * @least: result: the part of @low that there is
 * @most: result: the part of @high that there is
 * @gets: result: its part when all want all they can get
 * @weight: result: shares that give it @gets if nobody knows @low
 */
struct bc_claim {
	struct bc_claim	*next;
	u64		shares;
	u64		low;
	u64		high;
	u64		least;
	u64		most;
	u64		gets;
	u64		weight;
};

void bc_solve(struct bc_claim *first, u64 capacity);
void bc_solve_weights(struct bc_claim *first, u64 min_weight, u64 max_weight);

#endif /* _BC_SOLVER_H */
