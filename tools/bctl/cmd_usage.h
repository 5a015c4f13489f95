/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands share that read the store
 */
#ifndef BCTL_CMD_USAGE_H
#define BCTL_CMD_USAGE_H

#include "usage.h"

struct bctl;

int bctl_usage_period(struct bctl *b, const char *from, const char *to, struct bc_span *period);
int bctl_usage_open(struct bctl *b, const char *path, const struct bc_ask *ask,
		    struct bc_db *db, struct bc_groups *groups);
int bctl_usage_fail(struct bctl *b, const struct bc_db *db, int ret);

#endif /* BCTL_CMD_USAGE_H */
