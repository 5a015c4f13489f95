/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SNAPSHOT_H
#define _BC_SNAPSHOT_H

#include <linux/slab.h>

#include "tree.h"

/**
 * struct bc_snap - the figures of a pool, as they were when somebody last looked
 * @refs: A: the pool, its closing record, and readers that have it in their hands; who
 *	wants to write makes a copy of one that is shared, see bc_figures_own()
 * @pool: the pool, to be followed only while the set of pools has not changed since
 * @id: number
 * @parent_id: number of the parent; meaningless for the host
 * @state: enum bc_pool_state
 * @children: live children
 * @incarnation: of the pool
 * @created: when it was made
 * @generation: when its figures last changed, as far as readers have looked
 * @changed: the same as time, CLOCK_BOOTTIME ns
 * @taken: the instant, CLOCK_BOOTTIME ns
 * @rows: BIT() mask of the resources that are in @table
 * @detailed: @memory is known
 * @peaked: some of @table have peaks
 * @name: its name
 * @parent: name of the parent, empty for the host
 * @name_len: length of @name
 * @parent_len: length of @parent
 * @parent_incarnation: of the parent
 * @table: figures of the resources, by enum bc_res
 * @memory: what its memory is used for
 * @nr_settings: valid entries of @settings
 * @settings: what is set, without gaps
 * @cpu: CPU time; nothing of it is known while @cpu.known is 0
 * @io: block I/O; nothing of it is known while @io.known is 0
 * @io_any: there is something in @io
 */
struct bc_snap {
	refcount_t		refs;
	struct bc_pool		*pool;
	u32			id;
	u32			parent_id;
	u32			state;
	u32			children;
	u64			incarnation;
	u64			created;
	u64			generation;
	u64			changed;
	u64			taken;
	unsigned long		rows;
	bool			detailed;
	bool			peaked;
	char			name[BC_NAME_MAX + 1];
	char			parent[BC_NAME_MAX + 1];
	u8			name_len;
	u8			parent_len;
	u64			parent_incarnation;
	struct bc_record	table[BC_NR_RES];
	struct bc_memory	memory;
	unsigned int		nr_settings;
	struct bc_setting	settings[BC_NR_SETTINGS];
	struct bc_cpu		cpu;
	struct bc_io		io;
	bool			io_any;
};

/**
 * struct bc_snapshot - pools at one instant
 * @nr: number of pools
 * @shape: bc_tree.shape at that instant
 * @snaps: live and dying ones, host first, parents before children; a reference of each
 */
struct bc_snapshot {
	unsigned int	nr;
	u64		shape;
	struct bc_snap	*snaps[];
};

static inline struct bc_snap *bc_snap_get(struct bc_snap *snap)
{
	refcount_inc(&snap->refs);
	return snap;
}

/**
 * bc_snap_put() - drop a reference
 * @snap: figures, or NULL
 *
 * Context: any.
 */
static inline void bc_snap_put(struct bc_snap *snap)
{
	if (snap && refcount_dec_and_test(&snap->refs))
		kfree(snap);
}

/* Who looks, and keeps, in figures.c. */
struct bc_snap *bc_figures_alloc(void);
bool bc_figures_own(struct bc_snap **snap);
void bc_figures_prepare(struct bc_pool *pool);
void bc_figures_freeze(struct bc_pool *pool, u64 now);
void bc_figures_settle(struct bc_pool *pool, u64 taken);
void bc_figures_integrate(struct bc_pool *pool, u64 now);
void bc_figures_host(void);
void bc_figures_detail(struct bc_pool *pool);
void bc_figures_end(struct bc_pool *pool);
void bc_figures_close(struct bc_pool *pool, struct bc_snap *snap, unsigned long charged);

/* Who shows, in snapshot.c. */
void bc_snap_recount_one(struct bc_pool *pool);
void bc_snap_integrate(struct bc_pool *pool);
void bc_snap_look(struct bc_pool *pool);
void bc_snap_close(struct bc_pool *pool);
struct bc_snap *bc_snap_take(struct bc_pool *pool, bool detail, int reader, bool flows);
struct bc_snapshot *bc_snapshot_take(bool detail, int reader, u64 since);
void bc_snapshot_free(struct bc_snapshot *all);

#endif /* _BC_SNAPSHOT_H */
