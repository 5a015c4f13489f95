/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_KUNIT_POOLS_H
#define _BC_KUNIT_POOLS_H

#include <kunit/test.h>

#include "../../kmod/tree.h"
#include "crew.h"

#define POOLS_MAX	512

/**
 * struct pools - a tree for a test, and what became of its pools
 * @tree: the tree
 * @nr_made: pools that were added
 * @released: those released, in order
 * @nr_released: how many
 * @nr_gone: how many of these pools_reap() has freed
 * @crew: threads, if the test needs any
 */
struct pools {
	struct bc_tree	tree;
	unsigned int	nr_made;
	struct bc_pool	*released[POOLS_MAX];
	atomic_t	nr_released;
	unsigned int	nr_gone;
	struct crew	crew;
};

/**
 * enum plant - the pools of pools_plant(), parents before children
 * @HOST: the host
 * @A: below it
 * @AA: below @A
 * @AAA: below @AA
 * @AB: below @A
 * @B: below @HOST
 * @BA: below @B
 * @NR_POOLS: how many there are
 * @NOBODY: none of them
 */
enum plant { HOST, A, AA, AAA, AB, B, BA, NR_POOLS, NOBODY };

int pools_init(struct kunit *test);
void pools_exit(struct kunit *test);
struct bc_pool *pools_new(struct kunit *test, const char *name);
int pools_try_add(struct kunit *test, const char *name, struct bc_pool *parent, u32 id);
struct bc_pool *pools_add(struct kunit *test, const char *name, struct bc_pool *parent);
void pools_plant(struct kunit *test, struct bc_pool **p);
struct bc_pool *pools_find(struct kunit *test, const char *name);
struct bc_pool *pools_find_id(struct kunit *test, u32 id);
void pools_kill(struct kunit *test, struct bc_pool *pool);
void pools_reap(struct kunit *test);
void pools_clear(struct kunit *test);

#endif /* _BC_KUNIT_POOLS_H */
