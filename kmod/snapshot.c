// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of the accounts for readers
 *
 * A dump of many pools goes out in many messages, but shows one instant: what all
 * pools hold is read while charging is excluded, so that a parent is the sum of its
 * children and of its own. That takes some hundred instructions at most for each
 * pool; all the rest is done outside. Derived figures are recounted before, and what the
 * kernel itself counts is read there, too: it changes whenever it likes.
 *
 * What is shown are references of the figures that each pool keeps (figures.c). Whoever
 * looks next, while a dump has not sent them all yet, leaves them alone and makes copies.
 */
#include <linux/mm.h>

#include "bind.h"
#include "closing.h"
#include "cpu.h"
#include "hook.h"
#include "io.h"
#include "reader.h"
#include "snapshot.h"

/**
 * bc_snap_recount_one() - make the derived figures of one pool's own members exact
 * @pool: pool
 *
 * Context: under the tree mutex.
 */
void bc_snap_recount_one(struct bc_pool *pool)
{
	struct bc_section sec;

	bc_enter(&sec);
	bc_sources_recount(pool);
	bc_leave(&sec);
}

/**
 * bc_snap_integrate() - bring the integrals of a pool's counters up to date
 * @pool: pool
 *
 * Context: under the tree mutex, with charging excluded.
 */
void bc_snap_integrate(struct bc_pool *pool)
{
	u64 now = BC_TICKS();
	int res;

	for (res = 0; res < BC_NR_RES; res++)
		if (!(bc_native & BIT(res)) &&
		    bc_counter_integrate(&pool->cnt[res], &pool->integral[res], now))
			pool->grown |= BIT(res);
}

/* What the kernel counts has no peaks but its own. */
static void bc_snap_add_peaks(struct bc_snap *snap, const u64 peaks[BC_NR_RES])
{
	int res;

	for (res = 0; res < BC_NR_RES; res++) {
		if (bc_readers[res])
			continue;
		snap->table[res].flags |= BC_RECORD_F_PEAK;
		snap->table[res].peak = peaks[res];
	}
	snap->peaked = true;
}

/* The host shows what the kernel counts for the pools right below it. */
static bool bc_snap_prepare(struct bc_pool *pool, bool detail)
{
	struct bc_pool *child;

	if (!bc_figures_own(&pool->snap))
		return false;
	if (!pool->depth)
		list_for_each_entry(child, &pool->children, sibling)
			if (!bc_snap_prepare(child, detail))
				return false;
	bc_figures_prepare(pool);
	if (!pool->depth)
		bc_figures_host();
	if (detail)
		bc_figures_detail(pool);
	return true;
}

static void bc_snap_flows(struct bc_pool *pool)
{
	bc_cputime_collect(pool);
	bc_share_solve_for(pool);
	bc_cpu_fill(pool, &pool->snap->cpu);
	bc_io_read(pool, &pool->snap->io, NULL);
	pool->snap->io_any = true;
}

/**
 * bc_snap_take() - look at one pool
 * @pool: pool
 * @detail: also what takes its time
 * @reader: reader that takes its peaks, or -1
 * @flows: also CPU time and block I/O, for which all tasks have to be looked at
 *
 * Context: under the tree mutex; may sleep.
 * Return: its figures, to be given back with bc_snap_put(), or NULL.
 */
struct bc_snap *bc_snap_take(struct bc_pool *pool, bool detail, int reader, bool flows)
{
	u64 now, taken, peaks[BC_NR_RES];
	struct bc_pool *pos;
	unsigned long flags;

	/* Interrupts are off in a section, so one for each pool. */
	for (pos = pool; pos; pos = bc_pool_next_pre(pos, pool))
		bc_snap_recount_one(pos);
	if (!bc_snap_prepare(pool, detail))
		return NULL;
	bc_topo_begin();
	bc_topo_lock(&flags);
	taken = ktime_get_boottime_ns();
	now = BC_TICKS();
	bc_figures_freeze(pool, now);
	if (reader >= 0)
		bc_reader_take(pool, reader, peaks);
	bc_topo_unlock(flags);
	bc_topo_end();
	bc_figures_settle(pool, taken);
	bc_figures_integrate(pool, now);
	if (reader >= 0)
		bc_snap_add_peaks(pool->snap, peaks);
	if (flows)
		bc_snap_flows(pool);
	return bc_snap_get(pool->snap);
}

/**
 * bc_snapshot_free() - give back what a snapshot has
 * @all: snapshot, or NULL
 *
 * Context: may sleep.
 */
void bc_snapshot_free(struct bc_snapshot *all)
{
	unsigned int i;

	for (i = 0; all && i < all->nr; i++)
		bc_snap_put(all->snaps[i]);
	kvfree(all);
}

/* All pools, with figures that may be written to. They are not referenced yet. */
static struct bc_snapshot *bc_snapshot_alloc(void)
{
	unsigned int nr = 1 + bc_tree.nr_live + bc_tree.nr_dying;
	struct bc_snapshot *all = kvmalloc(struct_size(all, snaps, nr), GFP_KERNEL_ACCOUNT);
	struct bc_pool *pool;

	if (!all)
		return NULL;
	all->nr = 0;
	all->shape = bc_tree.shape;
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host)) {
		if (!bc_figures_own(&pool->snap)) {
			kvfree(all);
			return NULL;
		}
		pool->snap->pool = pool;
		all->snaps[all->nr++] = pool->snap;
	}
	return all;
}

/* What can be read at leisure: children first, for the host. */
static void bc_snapshot_prepare(struct bc_snapshot *all, bool detail)
{
	struct bc_pool *pool;
	unsigned int i;

	for (i = all->nr; i--;) {
		pool = all->snaps[i]->pool;
		bc_figures_prepare(pool);
		if (!i)
			bc_figures_host();
		if (detail)
			bc_figures_detail(pool);
		bc_snap_recount_one(pool);
		if (!(i % 64))
			cond_resched();
	}
}

/* One instant of all counters; returns the time, in ticks. */
static u64 bc_snapshot_freeze(struct bc_snapshot *all, u64 (*peaks)[BC_NR_RES], int reader,
			      u64 *taken)
{
	unsigned long flags;
	unsigned int i;
	u64 now;

	bc_topo_begin();
	bc_topo_lock(&flags);
	*taken = ktime_get_boottime_ns();
	now = BC_TICKS();
	for (i = 0; i < all->nr; i++) {
		bc_figures_freeze(all->snaps[i]->pool, now);
		if (reader >= 0)
			bc_reader_take(all->snaps[i]->pool, reader, peaks[i]);
	}
	bc_topo_unlock(flags);
	bc_topo_end();
	return now;
}

/* The rest of those that are told: integrals, CPU time and block I/O. */
static void bc_snapshot_complete(struct bc_snapshot *all, u64 since, u64 now)
{
	struct bc_snap *snap;
	unsigned int i;

	bc_share_solve();
	bc_cputime_collect(bc_tree.host);
	bc_io_read_all(all);
	for (i = 0; i < all->nr; i++) {
		snap = bc_snap_get(all->snaps[i]);
		if (snap->generation <= since)
			continue;
		bc_figures_integrate(snap->pool, now);
		bc_cpu_fill(snap->pool, &snap->cpu);
		if (!(i % 64))
			cond_resched();
	}
}

/**
 * bc_snapshot_take() - show all pools at one instant
 * @detail: also what takes its time
 * @reader: reader that takes its peaks, or -1
 * @since: what has not changed after this generation need not be complete
 *
 * Context: under the tree mutex; may sleep.
 * Return: snapshot, to be given back with bc_snapshot_free(), or NULL. It is empty when
 * nothing has changed.
 */
struct bc_snapshot *bc_snapshot_take(bool detail, int reader, u64 since)
{
	struct bc_snapshot *all = bc_snapshot_alloc();
	u64 (*peaks)[BC_NR_RES] = NULL, now, taken;
	unsigned int i, told = 0;

	if (all && reader >= 0)
		peaks = kvmalloc_array(all->nr, sizeof(*peaks), GFP_KERNEL_ACCOUNT);
	if (!all || (reader >= 0 && !peaks)) {
		kvfree(all);
		return NULL;
	}
	bc_snapshot_prepare(all, detail);
	now = bc_snapshot_freeze(all, peaks, reader, &taken);
	for (i = 0; i < all->nr; i++) {
		bc_figures_settle(all->snaps[i]->pool, taken);
		told += all->snaps[i]->generation > since;
		if (reader >= 0)
			bc_snap_add_peaks(all->snaps[i], peaks[i]);
	}
	kvfree(peaks);
	if (told)
		bc_snapshot_complete(all, since, now);
	else
		all->nr = 0;
	return all;
}

/**
 * bc_snap_look() - sample what the kernel counts, and keep it in case the pool ends
 * @pool: live pool
 *
 * The counters need no such look. What is in force for a cgroup is gone with it.
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_snap_look(struct bc_pool *pool)
{
	/* A sample that is not taken for want of memory is taken the next time. */
	if (!bc_figures_own(&pool->snap))
		return;
	bc_figures_prepare(pool);
	bc_io_look(pool);
}

/**
 * bc_snap_close() - make the closing record of a pool
 * @pool: pool that nothing is charged to any more
 *
 * Context: under the tree mutex, while the pool is still in the tree.
 */
void bc_snap_close(struct bc_pool *pool)
{
	struct bc_closing *closing = pool->closing;
	struct bc_snap *snap;

	/* Without memory for a copy a dump that is under way shows the final figures. */
	bc_figures_own(&closing->snap);
	snap = closing->snap;
	bc_figures_close(pool, snap, closing->active);
	bc_cpu_close(pool, &snap->cpu);
	bc_io_close(pool, &snap->io);
	snap->pool = NULL;
	closing->closed = ktime_get_boottime_ns();
	snap->taken = closing->closed;
}
