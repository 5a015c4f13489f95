// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that belong to bctl and are no part of it
 *
 * They take libraries that bctl does without. Each is looked for beside bctl first, so that the
 * two fit together, then in the path.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "beside.h"

/**
 * bc_exec_beside() - become another program
 * @name: its name
 * @args: its arguments, that name included
 *
 * Returns only if that fails, with errno set.
 */
void bc_exec_beside(const char *name, char **args)
{
	char path[PATH_MAX + 64];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[len < 0 ? 0 : len] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		snprintf(slash + 1, path + sizeof(path) - slash - 1, "%s", name);
		execv(path, args);
	}
	execvp(name, args);
}
