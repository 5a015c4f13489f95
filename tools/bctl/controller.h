/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CONTROLLER_H
#define BCTL_CONTROLLER_H

#include <limits.h>

/* More levels than the kernel's default lets a process be below the root. */
#define BC_LEVELS_MAX	64

/**
 * struct bc_enabled - cgroups in which a controller was switched on
 * @name: of the controller
 * @fd: the directories, outermost first
 * @count: how many
 * @at: path of the one that failed
 */
struct bc_enabled {
	const char *name;
	int fd[BC_LEVELS_MAX];
	int count;
	char at[PATH_MAX];
};

int bc_controller_enable(int root, int dir, const char *name, struct bc_enabled *done,
			 const char **why);
void bc_controller_keep(struct bc_enabled *done);
void bc_controller_undo(struct bc_enabled *done);

#endif /* BCTL_CONTROLLER_H */
