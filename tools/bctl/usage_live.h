/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_USAGE_LIVE_H
#define BCTL_USAGE_LIVE_H

#include "usage.h"

struct bc_snapshot;

int bc_live_store(struct bc_db *db, const struct bc_snapshot *snap, const char *node,
		  int64_t now);
int bc_live_sums(const struct bc_db *db, const struct bc_snapshot *snap, size_t pool,
		 const struct bc_ask *ask, struct bc_sums *sums);

#endif /* BCTL_USAGE_LIVE_H */
