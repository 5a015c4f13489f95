/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_CLOSING_H
#define _BC_CLOSING_H

#include "snapshot.h"

/**
 * struct bc_closing - the closing record of a pool
 * @link: in bc_closings.list, once the pool was released
 * @serial: its number
 * @died: when the pool ceased to be live, CLOCK_BOOTTIME ns; 0 before
 * @closed: when it was released
 * @cause: enum bc_cause
 * @active: BIT() mask of the resources that were counted when it died
 * @cgroup_id: inode number of the pool's cgroup
 * @parent_incarnation: of its parent
 * @snap: its figures; those that the kernel counts, and its settings, as they were last
 *	seen while the pool was live. NULL until it dies
 * @path_len: length of @path
 * @path: of its cgroup
 *
 * Made with the pool, so that there is always room for it.
 */
struct bc_closing {
	struct list_head	link;
	u64			serial;
	u64			died;
	u64			closed;
	u32			cause;
	unsigned long		active;
	u64			cgroup_id;
	u64			parent_incarnation;
	struct bc_snap		*snap;
	unsigned int		path_len;
	char			path[];
};

/* How many closing records are kept if nothing else is said. */
#define BC_CLOSED_MAX	4096

void bc_closings_init(struct bc_closings *all, unsigned int max, u64 serial);
void bc_closings_destroy(struct bc_closings *all);
void bc_closing_free(struct bc_closing *closing);
void bc_closing_add(struct bc_closings *all, struct bc_closing *closing);
struct bc_closing *bc_closing_next(struct bc_closings *all, u64 serial);
void bc_closings_trim(struct bc_tree *tree);
void bc_closing_ack(struct bc_tree *tree, int reader, u64 serial);

#endif /* _BC_CLOSING_H */
