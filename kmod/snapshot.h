/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SNAPSHOT_H
#define _BC_SNAPSHOT_H

#include "tree.h"

/**
 * struct bc_snap - a pool as it was at one instant
 * @pool: the pool, to be followed only while the tree mutex has been held since
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
 * @nr: valid entries of @table
 * @detailed: @memory is known
 * @name: its name
 * @parent: name of the parent, empty for the host
 * @table: figures of the resources that are counted; at their index while they
 *	are collected, without gaps afterwards
 * @memory: what its memory is used for
 * @nr_settings: valid entries of @settings
 * @settings: what is set, without gaps
 * @cpu: CPU time; nothing of it is known while @cpu.known is 0
 * @io: block I/O; nothing of it is known while @io.known is 0
 * @peak: what a reader has taken, by enum bc_res
 */
struct bc_snap {
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
	unsigned int		nr;
	bool			detailed;
	char			name[BC_NAME_MAX + 1];
	char			parent[BC_NAME_MAX + 1];
	struct bc_record	table[BC_NR_RES];
	struct bc_memory	memory;
	unsigned int		nr_settings;
	struct bc_setting	settings[BC_NR_SETTINGS];
	struct bc_cpu		cpu;
	struct bc_io		io;
	u64			peak[BC_NR_RES];
};

/**
 * struct bc_snapshot - all pools at one instant
 * @nr: number of pools
 * @shape: bc_tree.shape at that instant
 * @snaps: live and dying ones, host first, parents before children
 */
struct bc_snapshot {
	unsigned int	nr;
	u64		shape;
	struct bc_snap	snaps[];
};

void bc_snap_recount_one(struct bc_pool *pool);
void bc_snap_recount(struct bc_pool *root);
void bc_snap_integrate(struct bc_pool *pool);
void bc_snap_look(struct bc_pool *pool);
void bc_snap_end(struct bc_pool *pool);
void bc_snap_close(struct bc_pool *pool);
void bc_snap_take(struct bc_snap *snap, struct bc_pool *pool, bool detail, int reader);
void bc_snap_cpu(struct bc_snap *snap);
struct bc_snapshot *bc_snapshot_take(bool detail, int reader, u64 since);

#endif /* _BC_SNAPSHOT_H */
