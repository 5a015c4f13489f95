/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_PROCS_H
#define BCTL_PROCS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "print.h"

/* So many processes are described. */
#define BC_PROCS_MAX	512

/**
 * struct bc_procs - the processes of a pool
 * @doc: the document that gets them, in its list
 * @seen: the processes that were described, and those that were gone
 * @nseen: how many
 * @listed: how many process ids there were
 * @vanished: processes that were gone before they were looked at
 * @left_out: processes that there was no room or no time for
 * @deadline: no more are looked at from then on, on the clock of bc_boottime()
 */
struct bc_procs {
	struct bc_doc *doc;
	pid_t seen[BC_PROCS_MAX];
	size_t nseen;
	uint64_t listed;
	uint64_t vanished;
	uint64_t left_out;
	uint64_t deadline;
};

void bc_procs_one(struct bc_procs *procs, pid_t pid);
int bc_procs_tree(struct bc_procs *procs, int fd);

#endif /* BCTL_PROCS_H */
