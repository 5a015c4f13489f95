// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the solver: who gets how much CPU time
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "../../kmod/solver.h"

#define NONE		U64_MAX
#define CLAIMS_MAX	8
#define TREES		10000
#define TREE_MAX	16
#define PERCENT		10000000ULL

static struct bc_claim *claims_chain(struct bc_claim *claims, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		claims[i].next = i + 1 < nr ? &claims[i + 1] : NULL;
	return nr ? claims : NULL;
}

struct solver_case {
	const char	*name;
	u64		capacity;
	struct {
		u64	shares, low, high, gets;
	} claim[4];
};

/* In percent of a CPU. */
static const struct solver_case solver_cases[] = {
	{ "shares alone", 100, { { 1000, 0, NONE, 25 }, { 1000, 0, NONE, 25 },
				 { 2000, 0, NONE, 50 } } },
	{ "one alone", 200, { { 8, 0, NONE, 200 } } },
	{ "a limit gives to the others", 100, { { 1000, 0, 10, 10 }, { 1000, 0, NONE, 30 },
						{ 2000, 0, NONE, 60 } } },
	{ "limits that leave something", 100, { { 1000, 0, 10, 10 }, { 1000, 0, 20, 20 } } },
	{ "a reservation against ten times the shares", 100, { { 1000, 50, NONE, 50 },
							       { 10000, 0, NONE, 50 } } },
	{ "a reservation that shares exceed", 100, { { 3000, 50, NONE, 75 },
						     { 1000, 0, NONE, 25 } } },
	{ "a reservation and a limit", 100, { { 1000, 40, NONE, 40 }, { 9000, 0, 30, 30 },
					      { 1000, 0, NONE, 30 } } },
	{ "all is reserved", 100, { { 1000, 60, NONE, 60 }, { 1000, 40, NONE, 40 },
				    { 1000, 0, NONE, 0 } } },
	{ "too much is reserved", 100, { { 1000, 150, NONE, 75 }, { 1000, 50, NONE, 25 } } },
	{ "a limit below the reservation", 100, { { 1000, 50, 20, 20 }, { 1000, 0, NONE, 80 } } },
	{ "nothing to give", 0, { { 1000, 50, NONE, 0 }, { 1000, 0, NONE, 0 } } },
};

static void solver_known(struct kunit *test)
{
	const struct solver_case *pos;
	struct bc_claim claims[4];
	int i, nr;

	for (pos = solver_cases; pos < solver_cases + ARRAY_SIZE(solver_cases); pos++) {
		for (nr = 0; nr < 4 && pos->claim[nr].shares; nr++)
			claims[nr] = (struct bc_claim) {
				.shares = pos->claim[nr].shares,
				.low = pos->claim[nr].low * PERCENT,
				.high = pos->claim[nr].high == NONE ? NONE :
					pos->claim[nr].high * PERCENT,
			};
		bc_solve(claims_chain(claims, nr), pos->capacity * PERCENT);
		for (i = 0; i < nr; i++) {
			KUNIT_EXPECT_LE_MSG(test, claims[i].gets, pos->claim[i].gets * PERCENT,
					    "%s: %d", pos->name, i);
			KUNIT_EXPECT_GE_MSG(test, claims[i].gets + 2, pos->claim[i].gets * PERCENT,
					    "%s: %d", pos->name, i);
		}
	}
}

/* If nobody knows the floors, weights must give the same: solve again without. */
static void solver_weights(struct kunit *test)
{
	struct bc_claim claims[3] = {
		{ .shares = 1024, .low = 50 * PERCENT, .high = NONE },
		{ .shares = 10240, .low = 0, .high = NONE },
		{ .shares = 1024, .low = 0, .high = 5 * PERCENT },
	}, again[3];
	int i;

	bc_solve(claims_chain(claims, 3), 100 * PERCENT);
	KUNIT_EXPECT_EQ(test, claims[1].weight, 10240ULL);
	KUNIT_EXPECT_EQ(test, claims[2].weight, 1024ULL);
	bc_solve_weights(claims, 2, 1 << 18);
	for (i = 0; i < 3; i++)
		again[i] = (struct bc_claim){ .shares = claims[i].weight, .high = claims[i].high };
	bc_solve(claims_chain(again, 3), 100 * PERCENT);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_LE(test, again[i].gets, claims[i].gets + PERCENT / 100);
		KUNIT_EXPECT_GE(test, again[i].gets + PERCENT / 100, claims[i].gets);
	}
}

static void solver_weight_range(struct kunit *test)
{
	struct bc_claim claims[3] = {
		{ .shares = 1024, .low = 60 * PERCENT, .high = NONE },
		{ .shares = 512000, .low = 40 * PERCENT, .high = NONE },
		{ .shares = 1024, .low = 0, .high = NONE },
	};

	/* Nothing is left for the third: it has the smallest weight there is. */
	bc_solve(claims_chain(claims, 3), 100 * PERCENT);
	bc_solve_weights(claims, 2, 1 << 18);
	KUNIT_EXPECT_EQ(test, claims[0].weight, 1ULL << 18);
	KUNIT_EXPECT_EQ(test, claims[1].weight * 60 / 40 / 10, claims[0].weight / 10);
	KUNIT_EXPECT_EQ(test, claims[2].weight, 2ULL);
	/* More than the kernel has: the relation stays. */
	claims[0].low = 0;
	claims[1].low = 0;
	bc_solve(claims_chain(claims, 3), 100 * PERCENT);
	bc_solve_weights(claims, 2, 1 << 18);
	KUNIT_EXPECT_EQ(test, claims[1].weight, 1ULL << 18);
	KUNIT_EXPECT_EQ(test, claims[0].weight, 524ULL);
}

/* The largest values that are allowed, and larger ones. */
static void solver_no_overflow(struct kunit *test)
{
	struct bc_claim claims[CLAIMS_MAX];
	u64 sum;
	int i, shares;

	for (shares = 0; shares <= 1; shares++) {
		for (i = 0; i < CLAIMS_MAX; i++)
			claims[i] = (struct bc_claim) {
				.shares = shares ? NONE : i % 2,
				.low = i % 3 ? 0 : NONE,
				.high = NONE,
			};
		bc_solve(claims_chain(claims, CLAIMS_MAX), NONE);
		bc_solve_weights(claims, 2, 1 << 18);
		for (i = 0, sum = 0; i < CLAIMS_MAX; i++) {
			sum += claims[i].gets;
			KUNIT_EXPECT_LE(test, claims[i].gets, BC_CAPACITY_MAX);
			KUNIT_EXPECT_LE(test, claims[i].weight, 1ULL << 18);
			KUNIT_EXPECT_GE(test, claims[i].weight, 2ULL);
		}
		KUNIT_EXPECT_LE(test, sum, BC_CAPACITY_MAX);
		KUNIT_EXPECT_GE(test, sum + CLAIMS_MAX, BC_CAPACITY_MAX);
	}
	bc_solve(NULL, 100);
}

/*
 * The reference: one unit after the other goes to the one that has least for its
 * shares and may have more. Floors are there before; if they do not fit, each unit of
 * them goes to the one whose floor is filled least.
 */
static void reference_solve(struct bc_claim *claims, int nr, u64 capacity, u64 *gets)
{
	u64 high[CLAIMS_MAX], low[CLAIMS_MAX], sum = 0, left = capacity;
	int i, best;

	for (i = 0; i < nr; i++) {
		high[i] = min(claims[i].high, capacity);
		low[i] = min(claims[i].low, claims[i].high);
		gets[i] = 0;
		sum += low[i];
	}
	for (i = 0; i < nr && sum <= capacity; i++) {
		gets[i] = low[i];
		left -= low[i];
	}
	for (; left; left--) {
		best = -1;
		for (i = 0; i < nr; i++) {
			if (gets[i] >= (sum > capacity ? low[i] : high[i]))
				continue;
			if (best < 0 ||
			    (sum > capacity ? gets[i] * low[best] < gets[best] * low[i] :
			     gets[i] * claims[best].shares < gets[best] * claims[i].shares))
				best = i;
		}
		if (best < 0)
			return;
		gets[best]++;
	}
}

struct solver_tree {
	int		nr;
	int		parent[TREE_MAX];
	struct bc_claim	claim[TREE_MAX];
};

static u64 random_below(struct rnd_state *rnd, u64 end)
{
	return prandom_u32_state(rnd) % end;
}

static void tree_random(struct rnd_state *rnd, struct solver_tree *tree, u64 capacity)
{
	int i;

	tree->nr = 1 + random_below(rnd, TREE_MAX);
	for (i = 0; i < tree->nr; i++) {
		tree->parent[i] = (int)random_below(rnd, i + 1) - 1;
		tree->claim[i] = (struct bc_claim) {
			.shares = 1 + random_below(rnd, random_below(rnd, 2) ? 20 : 2000),
			.low = random_below(rnd, 3) ? 0 : random_below(rnd, capacity / 2),
			.high = random_below(rnd, 3) ? NONE : random_below(rnd, capacity),
		};
	}
}

/* Checks one level against the reference, and what must hold without any. */
static void level_check(struct kunit *test, struct bc_claim *claims, int nr, u64 capacity)
{
	u64 want[CLAIMS_MAX], sum = 0, low = 0;
	int i;

	reference_solve(claims, nr, capacity, want);
	for (i = 0; i < nr; i++) {
		sum += claims[i].gets;
		low += min(claims[i].low, claims[i].high);
		/* Whole units: each may lack one, which another has in the reference. */
		if (claims[i].gets > want[i] + nr || claims[i].gets + nr < want[i])
			KUNIT_FAIL(test, "%d of %d gets %llu of %llu, not %llu", i, nr,
				   claims[i].gets, capacity, want[i]);
		if (claims[i].gets > claims[i].high)
			KUNIT_FAIL(test, "%llu over the limit", claims[i].gets);
	}
	if (sum > capacity)
		KUNIT_FAIL(test, "%llu of %llu", sum, capacity);
	for (i = 0; i < nr && low <= capacity; i++)
		if (claims[i].gets < min3(claims[i].low, claims[i].high, capacity))
			KUNIT_FAIL(test, "%llu reserved, %llu gets", claims[i].low, claims[i].gets);
}

/* Solves a level once as it is and once backwards. */
static void level_solve(struct kunit *test, struct solver_tree *tree, int parent, u64 capacity)
{
	struct bc_claim claims[CLAIMS_MAX], back[CLAIMS_MAX];
	int at[CLAIMS_MAX], nr = 0, i;

	for (i = 0; i < tree->nr && nr < CLAIMS_MAX; i++)
		if (tree->parent[i] == parent)
			at[nr++] = i;
	for (i = 0; i < nr; i++) {
		claims[i] = tree->claim[at[i]];
		back[nr - 1 - i] = claims[i];
	}
	bc_solve(claims_chain(claims, nr), capacity);
	bc_solve(claims_chain(back, nr), capacity);
	level_check(test, claims, nr, capacity);
	for (i = 0; i < nr; i++) {
		if (claims[i].gets != back[nr - 1 - i].gets)
			KUNIT_FAIL(test, "the order matters");
		tree->claim[at[i]] = claims[i];
		level_solve(test, tree, at[i], claims[i].gets);
	}
}

static void solver_random_trees(struct kunit *test)
{
	struct solver_tree *tree = kunit_kzalloc(test, sizeof(*tree), GFP_KERNEL);
	struct rnd_state rnd;
	u64 capacity;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, tree);
	prandom_seed_state(&rnd, 4);
	for (i = 0; i < TREES; i++) {
		capacity = 10 + random_below(&rnd, 300);
		tree_random(&rnd, tree, capacity);
		level_solve(test, tree, -1, capacity);
		if (!(i % 100))
			cond_resched();
	}
}

static struct kunit_case solver_tests[] = {
	KUNIT_CASE(solver_known),
	KUNIT_CASE(solver_weights),
	KUNIT_CASE(solver_weight_range),
	KUNIT_CASE(solver_no_overflow),
	KUNIT_CASE(solver_random_trees),
	{}
};

static struct kunit_suite solver_suite = {
	.name = "beancounter_solver",
	.test_cases = solver_tests,
};

kunit_test_suite(solver_suite);
