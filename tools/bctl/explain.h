/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_EXPLAIN_H
#define BCTL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "beancounter.h"

/**
 * struct bc_reason - one resource of which a pool refused something
 * @level: the pool that refused
 * @distance: how far that is above the pool in question; 0 for itself
 * @res: the resource, NULL if it is not known
 * @rec: its figures at that level
 * @culprits: who was refused, the newest first; above the pool in question only
 *	those that belong to it
 * @count: how many there are
 * @clock: to be added to the time of an event for the time of day
 */
struct bc_reason {
	const struct bcn_pool *level;
	unsigned int distance;
	const struct bcn_res *res;
	struct bc_record rec;
	const struct bcn_notice *culprits;
	size_t count;
	uint64_t clock;
};

/**
 * struct bc_proposal - what could be done about it
 * @fits: nothing: by now the same requests would be granted
 * @barrier: a barrier that would have granted them, in the unit of the resource
 * @limit: a limit that goes with it
 * @limit_only: there is no barrier, and shall be none
 * @word: what "bctl pool set" calls what is to be set
 * @value: its value
 */
struct bc_proposal {
	bool fits;
	uint64_t barrier;
	uint64_t limit;
	bool limit_only;
	const char *word;
	char value[64];
};

bool bc_is_native(const struct bcn_res *res);
void bc_propose(const struct bc_reason *cause, uint64_t page_size, struct bc_proposal *prop);

#endif /* BCTL_EXPLAIN_H */
