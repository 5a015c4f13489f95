/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_ENABLE_H
#define BCTL_ENABLE_H

#include "controller.h"

struct bc_limits;
struct bctl;

#define BC_CONTROLLERS	3

/**
 * struct bc_enables - controllers that were switched on for a cgroup
 * @v: where, each
 */
struct bc_enables {
	struct bc_enabled v[BC_CONTROLLERS];
};

int bctl_enable(struct bctl *b, const char *name, const struct bc_limits *limits, int root,
		int dir, struct bc_enables *done);
void bc_enables_keep(struct bc_enables *done);
void bc_enables_undo(struct bc_enables *done);

#endif /* BCTL_ENABLE_H */
