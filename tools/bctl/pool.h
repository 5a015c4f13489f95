/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_POOL_H
#define BCTL_POOL_H

#include "bctl.h"

struct bc_limits;

int bctl_pool_refused(struct bctl *b, const char *name, const struct bc_limits *limits,
		      int ret);
int bctl_pool_apply(struct bctl *b, const char *name, const struct bc_limits *limits);
int bctl_pool_configure(struct bctl *b, const char *name, const struct bc_limits *limits);
int bctl_pool_report(struct bctl *b, const char *name);
int bctl_stat_delta(struct bctl *b, int argc, char **argv, const char *key);
int bctl_stat_interval(struct bctl *b, int argc, char **argv, const char *interval,
		       const char *count);
int bctl_stat_watch(struct bctl *b, int argc, char **argv, const char *seconds,
		    const char *count);

#endif /* BCTL_POOL_H */
