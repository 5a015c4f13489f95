// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets how much of a capacity: shares between lower and upper bounds
 *
 * Water is poured into vessels as wide as their shares, that have a floor (@low) and a
 * lid (@high) and are connected. What is in each when the capacity is used up is its
 * part. All that has to be found is the level: the highest at which the sum does not
 * exceed the capacity. The sum rises with the level, so it is found bit by bit, for
 * any number of claims in the same 64 steps, and whatever their order.
 *
 * The level is in capacity per share with LEVEL_BITS of fraction. So a claim may get up
 * to one unit less than its exact part, and another for each 2^LEVEL_BITS shares; the
 * sum is never more than the capacity. With the bounds of solver.h nothing overflows:
 * a level has 43 + LEVEL_BITS bits, a part 43, and a sum of 2^16 of them 59.
 */
#include <linux/math64.h>
#include <linux/minmax.h>

#include "solver.h"

#define LEVEL_BITS	20

static u64 bc_poured(const struct bc_claim *claim, u64 level)
{
	return clamp(mul_u64_u64_shr(level, claim->shares, LEVEL_BITS), claim->least,
		     claim->most);
}

/* Would a level overflow? Mostly that is known before all vessels are looked at. */
static bool bc_overflows(const struct bc_claim *first, u64 level, u64 capacity)
{
	const struct bc_claim *claim;
	u64 sum = 0;

	for (claim = first; claim; claim = claim->next) {
		sum += bc_poured(claim, level);
		if (sum > capacity)
			return true;
	}
	return false;
}

/* Bounds that can be met: floors that exceed the capacity all get the same part of it. */
static void bc_bounds_prepare(struct bc_claim *first, u64 capacity)
{
	struct bc_claim *claim;
	u64 sum = 0;

	for (claim = first; claim; claim = claim->next) {
		claim->shares = clamp(claim->shares, 1ULL, BC_SHARES_MAX);
		claim->most = min(claim->high, capacity);
		claim->least = min3(claim->low, claim->high, BC_CAPACITY_MAX);
		sum += claim->least;
	}
	if (sum <= capacity)
		return;
	for (claim = first; claim; claim = claim->next)
		claim->least = mul_u64_u64_div_u64(claim->least, capacity, sum);
}

/* The highest level that does not overflow; if none does, one that is above all lids. */
static u64 bc_level(const struct bc_claim *first, u64 capacity)
{
	u64 level = 0, bit;

	for (bit = 1ULL << (43 + LEVEL_BITS); bit; bit >>= 1)
		if (!bc_overflows(first, level | bit, capacity))
			level |= bit;
	return level;
}

/* What takes shares as they are is what is not held up by its floor. */
static u64 bc_weight(const struct bc_claim *claim, u64 level)
{
	u64 plain = mul_u64_u64_shr(level, claim->shares, LEVEL_BITS);

	if (claim->least <= plain)
		return claim->shares;
	return div64_u64(claim->least << LEVEL_BITS, level ?: 1);
}

/**
 * bc_solve() - divide a capacity
 * @first: claims; @gets and @weight are set
 * @capacity: what there is, up to BC_CAPACITY_MAX
 *
 * The parts do not depend on the order of the claims. They are never more than the
 * capacity together, nor more than @high each. If the floors exceed the capacity, all
 * are lowered in proportion; else nobody gets less than @low.
 *
 * Context: any. 64 times some 20 instructions for each claim.
 */
void bc_solve(struct bc_claim *first, u64 capacity)
{
	struct bc_claim *claim;
	u64 level;

	capacity = min(capacity, BC_CAPACITY_MAX);
	bc_bounds_prepare(first, capacity);
	level = bc_level(first, capacity);
	for (claim = first; claim; claim = claim->next) {
		claim->gets = bc_poured(claim, level);
		claim->weight = bc_weight(claim, level);
	}
}

/**
 * bc_solve_weights() - bring the weights into a range
 * @first: claims that bc_solve() has solved
 * @min_weight: smallest weight that can be set
 * @max_weight: largest weight that can be set
 *
 * If one is too large, all are made smaller in proportion, so that their relations
 * stay as far as the range suffices.
 *
 * Context: any.
 */
void bc_solve_weights(struct bc_claim *first, u64 min_weight, u64 max_weight)
{
	struct bc_claim *claim;
	u64 largest = 0;

	for (claim = first; claim; claim = claim->next)
		largest = max(largest, claim->weight);
	for (claim = first; claim; claim = claim->next) {
		if (largest > max_weight)
			claim->weight = mul_u64_u64_div_u64(claim->weight, max_weight, largest);
		claim->weight = max(claim->weight, min_weight);
	}
}
