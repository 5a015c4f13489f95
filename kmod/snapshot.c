// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of the accounts for readers
 *
 * A dump of many pools goes out in many messages, but shows one instant: the
 * figures of all pools are copied while charging is excluded, so that a parent
 * is the sum of its children and of its own. The copy takes some hundred
 * nanoseconds for each pool; derived figures are recounted before, outside.
 */
#include <linux/mm.h>

#include "bind.h"
#include "hook.h"
#include "snapshot.h"

/**
 * bc_snap_recount() - make the derived figures of a subtree exact
 * @root: pool
 *
 * Context: under the tree mutex.
 */
void bc_snap_recount(struct bc_pool *root)
{
	struct bc_section sec;
	struct bc_pool *pos;

	/* Interrupts are off in a section, so one for each pool. */
	for (pos = root; pos; pos = bc_pool_next_pre(pos, root)) {
		bc_enter(&sec);
		bc_sources_recount(pos);
		bc_leave(&sec);
	}
}

/* FNV-1a over the bytes of the table; equal digests mean "nothing changed". */
static u64 bc_snap_digest(const struct bc_snap *snap)
{
	const u8 *byte = (const u8 *)snap->table, *end = (const u8 *)&snap->table[snap->nr];
	u64 hash = 0xcbf29ce484222325ULL;

	for (; byte < end; byte++)
		hash = (hash ^ *byte) * 0x100000001b3ULL;
	return hash;
}

static void bc_snap_figures(struct bc_snap *snap, const struct bc_pool *pool)
{
	const struct bc_counter *cnt;
	struct bc_record *rec = snap->table;
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		if (!bc_res_active(res))
			continue;
		cnt = &pool->cnt[res];
		*rec++ = (struct bc_record) {
			.res = bc_resources[res].id,
			.flags = BC_RECORD_F_ENFORCED,
			.held = bc_counter_held(cnt),
			.maxheld = atomic64_read(&cnt->maxheld),
			.barrier = READ_ONCE(cnt->barrier),
			.limit = READ_ONCE(cnt->limit),
			.failcnt = atomic64_read(&cnt->failcnt),
			.failed = atomic64_read(&cnt->failed),
			.last_fail = READ_ONCE(cnt->last_fail),
		};
	}
	snap->nr = rec - snap->table;
}

/* What is not a figure, and the generation that follows from the figures. */
static void bc_snap_describe(struct bc_snap *snap)
{
	struct bc_pool *pool = snap->pool;
	u64 digest = bc_snap_digest(snap);

	if (pool->digest != digest) {
		pool->digest = digest;
		pool->generation = ++pool->tree->generation;
	}
	snap->id = pool->id;
	snap->state = pool->state;
	snap->children = pool->nr_live;
	snap->incarnation = pool->incarnation;
	snap->created = pool->created;
	snap->generation = pool->generation;
	memcpy(snap->name, pool->name, sizeof(snap->name));
	snap->parent[0] = '\0';
	if (pool->parent) {
		snap->parent_id = pool->parent->id;
		memcpy(snap->parent, pool->parent->name, sizeof(snap->parent));
	}
}

/**
 * bc_snap_take() - copy one pool
 * @snap: where to
 * @pool: pool
 *
 * Context: under the tree mutex.
 */
void bc_snap_take(struct bc_snap *snap, struct bc_pool *pool)
{
	snap->pool = pool;
	bc_snap_figures(snap, pool);
	bc_snap_describe(snap);
}

/**
 * bc_snapshot_take() - copy all pools at one instant
 *
 * Context: under the tree mutex; may sleep.
 * Return: snapshot, to be freed with kvfree(), or NULL.
 */
struct bc_snapshot *bc_snapshot_take(void)
{
	unsigned int i, nr = 1 + bc_tree.nr_live + bc_tree.nr_dying;
	struct bc_snapshot *all;
	struct bc_pool *pool;
	unsigned long flags;

	all = kvzalloc(struct_size(all, snaps, nr), GFP_KERNEL_ACCOUNT);
	if (!all)
		return NULL;
	all->shape = bc_tree.shape;
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host))
		all->snaps[all->nr++].pool = pool;

	bc_snap_recount(bc_tree.host);
	bc_topo_begin();
	bc_topo_lock(&flags);
	for (i = 0; i < all->nr; i++)
		bc_snap_figures(&all->snaps[i], all->snaps[i].pool);
	bc_topo_unlock(flags);
	bc_topo_end();
	for (i = 0; i < all->nr; i++)
		bc_snap_describe(&all->snaps[i]);
	return all;
}
