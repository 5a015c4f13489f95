// SPDX-License-Identifier: GPL-2.0
/*
 * What pools used since they were made, from the module and not from a store
 *
 * Each pool is taken for a store of one pool with one record, from its creation up to
 * now, so that all the rest is the same. What one record cannot tell is left out:
 * there are no percentiles, as when it came is not known.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/beancounter.h>

#include "fetch.h"
#include "usage_live.h"

static int bc_live_res(struct bc_db *db, const struct bc_snapshot *snap)
{
	static const enum bc_measure measures[] = {
		[BC_UNIT_ITEMS] = BC_IN_ITEMS, [BC_UNIT_BYTES] = BC_IN_BYTES,
		[BC_UNIT_PAGES] = BC_IN_PAGES,
	};
	size_t i;

	db->res = calloc(snap->nres + 1, sizeof(*db->res));
	if (!db->res)
		return -ENOMEM;
	for (i = 0; i < snap->nres; i++) {
		if (snap->res[i].unit > BC_UNIT_PAGES)
			continue;
		db->res[db->nres].id = snap->res[i].id;
		db->res[db->nres].measure = measures[snap->res[i].unit];
		db->res[db->nres].name = strdup(snap->res[i].name);
		if (!db->res[db->nres++].name)
			return -ENOMEM;
	}
	return 0;
}

static int bc_live_parent(const struct bc_snapshot *snap, const struct bcn_pool *pool)
{
	size_t i;

	for (i = 0; i < snap->npools; i++)
		if (pool->id && BCN_HAS(pool, BC_A_PARENT_ID) && &snap->pools[i] != pool &&
		    snap->pools[i].id == pool->parent_id)
			return i;
	return -1;
}

/**
 * bc_live_store() - take what the module says for a store
 * @db: the store, to be closed by bc_db_close() in any case
 * @snap: what the module says
 * @node: name of this machine
 * @now: time of day of @snap, ms
 *
 * Return: 0 or -ENOMEM.
 */
int bc_live_store(struct bc_db *db, const struct bc_snapshot *snap, const char *node,
		  int64_t now)
{
	int64_t age;
	size_t i;

	memset(db, 0, sizeof(*db));
	db->node = strdup(node);
	db->page_size = bc_page_size();
	db->reach = now;
	db->data = (struct bc_span){ now, now, NULL };
	db->pools = calloc(snap->npools + 1, sizeof(*db->pools));
	if (!db->node || !db->pools || bc_live_res(db, snap))
		return -ENOMEM;
	for (i = 0; i < snap->npools; i++) {
		age = snap->taken > snap->pools[i].created ?
			(snap->taken - snap->pools[i].created) / 1000000 : 0;
		db->pools[i] = (struct bc_db_pool){
			.key = i, .id = snap->pools[i].id, .created = now - age,
			.incarnation = snap->pools[i].incarnation, .boot = strdup(""),
			.name = strdup(snap->pools[i].name), .parent = -1,
		};
		db->npools++;
		if (!db->pools[i].boot || !db->pools[i].name)
			return -ENOMEM;
	}
	for (i = 0; i < snap->npools; i++)
		db->pools[i].parent = bc_live_parent(snap, &snap->pools[i]);
	return 0;
}

static void bc_live_flow(struct bc_row *row, bool known, enum bc_flow_metric flow, uint64_t val)
{
	if (!known || val > INT64_MAX)
		return;
	row->known |= 1U << flow;
	row->flow[flow] = val;
}

static void bc_live_cpu(struct bc_row *row, const struct bc_cpu *cpu)
{
	bool usage = cpu->known & BC_CPU_F_USAGE, throttled = cpu->known & BC_CPU_F_THROTTLED;

	bc_live_flow(row, usage, BC_M_CPU, cpu->usage);
	bc_live_flow(row, usage, BC_M_CPU_USER, cpu->user);
	bc_live_flow(row, usage, BC_M_CPU_SYSTEM, cpu->system);
	bc_live_flow(row, cpu->known & BC_CPU_F_WAIT, BC_M_CPU_WAIT, cpu->wait);
	bc_live_flow(row, throttled, BC_M_CPU_THROTTLED, cpu->throttled);
	bc_live_flow(row, throttled, BC_M_CPU_NR_THROTTLED, cpu->nr_throttled);
}

static void bc_live_io(struct bc_row *row, const struct bc_io *io)
{
	bool amount = io->known & BC_IO_F_AMOUNT, times = io->known & BC_IO_F_TIMES;
	bool throttled = io->known & BC_IO_F_THROTTLED, dirty = io->known & BC_IO_F_DIRTY;

	bc_live_flow(row, amount, BC_M_IO_READ_BYTES, io->bytes[BC_IO_READ]);
	bc_live_flow(row, amount, BC_M_IO_WRITE_BYTES, io->bytes[BC_IO_WRITE]);
	bc_live_flow(row, amount, BC_M_IO_DISCARD_BYTES, io->bytes[BC_IO_DISCARD]);
	bc_live_flow(row, amount, BC_M_IO_READS, io->ios[BC_IO_READ]);
	bc_live_flow(row, amount, BC_M_IO_WRITES, io->ios[BC_IO_WRITE]);
	bc_live_flow(row, amount, BC_M_IO_DISCARDS, io->ios[BC_IO_DISCARD]);
	bc_live_flow(row, amount, BC_M_IO_FLUSHES, io->ios[BC_IO_FLUSH]);
	bc_live_flow(row, times, BC_M_IO_WAIT, io->wait[BC_IO_READ] + io->wait[BC_IO_WRITE]);
	bc_live_flow(row, times, BC_M_IO_SERVICE,
		     io->service[BC_IO_READ] + io->service[BC_IO_WRITE]);
	bc_live_flow(row, throttled, BC_M_IO_THROTTLED, io->throttled);
	bc_live_flow(row, throttled, BC_M_IO_NR_THROTTLED, io->nr_throttled);
	bc_live_flow(row, dirty, BC_M_IO_DIRTIED, io->dirtied);
	bc_live_flow(row, dirty, BC_M_IO_CANCELLED, io->cancelled);
}

static void bc_live_fig(struct bc_row_figure *fig, bool known, enum bc_figure_metric figure,
			uint64_t val)
{
	if (!known || (val > INT64_MAX && val != BC_UNLIMITED))
		return;
	fig->known |= 1U << figure;
	fig->v[figure] = val == BC_UNLIMITED ? BC_ROW_UNLIMITED : (int64_t)val;
}

static void bc_live_record(const struct bc_db *db, struct bc_row *row,
			   const struct bc_record *rec)
{
	struct bc_row_figure *fig = &row->fig[row->nfig];
	size_t i;

	for (i = 0; i < db->nres && db->res[i].id != rec->res; i++)
		;
	if (i == db->nres || row->nfig == db->nres)
		return;
	row->nfig++;
	fig->res = i;
	bc_live_fig(fig, rec->flags & BC_RECORD_F_INTEGRAL, BC_F_HELD_TIME, rec->integral);
	bc_live_fig(fig, !(rec->flags & BC_RECORD_F_NO_HELD), BC_F_HELD, rec->held);
	bc_live_fig(fig, !(rec->flags & BC_RECORD_F_NO_MAXHELD), BC_F_PEAK, rec->maxheld);
	bc_live_fig(fig, true, BC_F_BARRIER, rec->barrier);
	bc_live_fig(fig, true, BC_F_LIMIT, rec->limit);
	bc_live_fig(fig, !(rec->flags & BC_RECORD_F_NO_FAILCNT), BC_F_FAILCNT, rec->failcnt);
	bc_live_fig(fig, !(rec->flags & BC_RECORD_F_NO_FAILED), BC_F_FAILED, rec->failed);
}

static void bc_live_row(const struct bc_db *db, const struct bc_snapshot *snap, size_t pool,
			struct bc_row *row)
{
	const struct bcn_pool *p = &snap->pools[pool];
	struct bc_record rec;
	size_t i;

	row->begin = db->pools[pool].created;
	row->end = db->reach;
	row->span_known = BCN_HAS(p, BC_A_CREATED);
	row->span = snap->taken - p->created;
	/* Their masks tell what is known of them. */
	bc_live_cpu(row, &p->cpu);
	bc_live_io(row, &p->io);
	for (i = 0; bcn_pool_record(p, i, &rec); i++)
		bc_live_record(db, row, &rec);
}

/* One record does not tell when in its time something came. */
static void bc_live_forget(struct bc_slice *slice, size_t nres)
{
	size_t i;

	for (i = 0; i < BC_FLOW_METRICS; i++)
		slice->flow[i].buckets = 0;
	for (i = 0; i < nres && slice->res; i++)
		slice->res[i].time.buckets = 0;
}

/* Add the record of a pool, or take off those of the pools directly below it. */
static int bc_live_rows(const struct bc_db *db, const struct bc_snapshot *snap, size_t pool,
			bool tree, struct bc_sums *sums)
{
	struct bc_row row;
	int ret = 0;
	size_t i;

	for (i = 0; i < db->npools && !ret; i++) {
		if (i != pool && !(tree && db->pools[i].parent == (int)pool))
			continue;
		row = (struct bc_row){ .fig = calloc(db->nres + 1, sizeof(*row.fig)) };
		if (!row.fig)
			return -ENOMEM;
		bc_live_row(db, snap, i, &row);
		ret = i == pool ? bc_sums_add(sums, &row) : bc_sums_less(sums, &row);
		free(row.fig);
	}
	return ret;
}

/**
 * bc_live_sums() - what a pool used since it was made
 * @db: from bc_live_store()
 * @snap: what the module says
 * @pool: index of the pool in both
 * @ask: the period, and whether it is a tree
 * @sums: the totals, to be ended by bc_sums_clear() in any case
 *
 * Return: 0 or a negative errno.
 */
int bc_live_sums(const struct bc_db *db, const struct bc_snapshot *snap, size_t pool,
		 const struct bc_ask *ask, struct bc_sums *sums)
{
	int ret = bc_sums_begin(sums, &ask->period, BC_STEP_NONE, &db->data, db->nres);

	if (!ret)
		ret = bc_sums_alive(sums, db->pools[pool].created, db->reach);
	if (!ret)
		ret = bc_live_rows(db, snap, pool, ask->tree, sums);
	if (!ret)
		ret = bc_sums_end(sums);
	if (!ret)
		bc_live_forget(sums->slices, db->nres);
	return ret;
}
