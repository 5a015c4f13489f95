/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CGROUP_H
#define BCTL_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where pools get their cgroups if nobody says otherwise. */
#define BC_CGROUP_BASE	"bc"

/**
 * struct bc_made - directories that were made and may have to go again
 * @path: below the root of the hierarchy, outermost first
 * @count: how many
 */
struct bc_made {
	char path[2][PATH_MAX];
	int count;
};

int bc_cgroup_root(char *path, size_t size);
int bc_cgroup_open_root(void);
int bc_cgroup_open(int root, const char *path);
int bc_cgroup_check(int fd, const char **why);
int bc_cgroup_make(int root, const char *base, const char *name, struct bc_made *made);
void bc_cgroup_unmake(int root, struct bc_made *made);
bool bc_cgroup_is_ours(const char *path);
int bc_cgroup_remove(int root, const char *path);
int bc_cgroup_id(int fd, uint64_t *id);
int bc_cgroup_attach(int fd, pid_t pid);

#endif /* BCTL_CGROUP_H */
