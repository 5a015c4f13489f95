/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_USAGE_EVENTS_H
#define BCTL_USAGE_EVENTS_H

#include <stdio.h>

struct bc_db;
struct bc_groups;
struct bc_span;

int bc_usage_events(struct bc_db *db, const struct bc_groups *groups,
		    const struct bc_span *period, FILE *out);

#endif /* BCTL_USAGE_EVENTS_H */
