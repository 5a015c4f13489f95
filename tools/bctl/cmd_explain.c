// SPDX-License-Identifier: GPL-2.0
/*
 * bctl explain
 *
 * What a pool was refused may have been refused by any level above it. The log
 * of each level is read, and above the pool itself those entries count whose
 * culprit belongs to the pool or to one below it. A pool is known by its
 * incarnation here, for numbers and names are used again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "explain.h"
#include "fetch.h"

/**
 * struct bc_explain - a run of bctl explain
 * @snap: all pools
 * @inside: incarnations of the pool and of those below it
 * @ninside: how many
 * @clock: time of day less time since boot
 * @doc: what is to be printed
 */
struct bc_explain {
	struct bc_snapshot snap;
	uint64_t *inside;
	size_t ninside;
	uint64_t clock;
	struct bc_doc doc;
};

static uint64_t bc_realtime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static const struct bcn_pool *bc_find_live(const struct bc_snapshot *snap, const char *name)
{
	const struct bcn_pool *pool;

	for (pool = snap->pools; pool < snap->pools + snap->npools; pool++)
		if (!strcmp(pool->name, name) && pool->state != BC_POOL_DYING)
			return pool;
	return NULL;
}

static bool bc_is_inside(const struct bc_explain *e, uint64_t incarnation)
{
	size_t i;

	for (i = 0; i < e->ninside; i++)
		if (e->inside[i] == incarnation)
			return true;
	return false;
}

/* The parent of a pool, which stands before it. */
static const struct bcn_pool *bc_parent_of(const struct bc_snapshot *snap,
					  const struct bcn_pool *pool)
{
	const struct bcn_pool *pos = pool;

	while (pool->parent && pos-- > snap->pools)
		if (pos->id == pool->parent_id && !strcmp(pos->name, pool->parent))
			return pos;
	return NULL;
}

static int bc_note_inside(struct bc_explain *e, const struct bcn_pool *top)
{
	const struct bcn_pool *pool = top, *parent, *end = e->snap.pools + e->snap.npools;

	e->inside = calloc(e->snap.npools, sizeof(*e->inside));
	if (!e->inside)
		return -ENOMEM;
	for (; pool < end; pool++) {
		parent = bc_parent_of(&e->snap, pool);
		if (pool == top || (parent && bc_is_inside(e, parent->incarnation)))
			e->inside[e->ninside++] = pool->incarnation;
	}
	return 0;
}

/* Of a log, what belongs to one resource and to the pool in question. */
static size_t bc_pick(const struct bc_explain *e, const struct bc_reason *cause,
		      const struct bcn_notice *log, size_t count, struct bcn_notice *to)
{
	size_t i, found = 0;

	for (i = 0; i < count; i++)
		if (log[i].res == cause->rec.res &&
		    (!cause->distance || bc_is_inside(e, log[i].origin_incarnation)))
			to[found++] = log[i];
	return found;
}

static bool bc_has_failed(const struct bc_record *rec)
{
	return !(rec->flags & BC_RECORD_F_NO_FAILCNT) && rec->failcnt;
}

static void bc_explain_log(struct bc_explain *e, const struct bcn_pool *level,
			   unsigned int distance, struct bcn_notice *log, size_t count)
{
	struct bcn_notice *picked = log + count;
	struct bc_reason cause = { .level = level, .distance = distance, .culprits = picked,
				  .clock = e->clock };
	size_t i, r;

	for (i = 0; i < level->records; i++) {
		bcn_pool_record(level, i, &cause.rec);
		cause.res = NULL;
		for (r = 0; r < e->snap.nres && !cause.res; r++)
			if (e->snap.res[r].id == cause.rec.res)
				cause.res = &e->snap.res[r];
		cause.count = bc_pick(e, &cause, log, count, picked);
		if (cause.count || (!distance && bc_has_failed(&cause.rec)))
			bc_doc_cause(&e->doc, &cause, bc_page_size());
	}
}

static int bctl_explain_level(struct bctl *b, struct bc_explain *e,
			      const struct bcn_pool *level, unsigned int distance)
{
	struct bcn_list *list;
	struct bcn_notice *log;
	int ret = bcn_refusals(b->nl, level->name, &list);
	size_t count, i;

	if (ret)
		return bctl_fail_nl(b, level->name, ret);
	count = bcn_list_count(list);
	log = calloc(2 * count + 1, sizeof(*log));
	for (i = 0; i < count && log; i++)
		log[i] = *bcn_list_notice(list, i);
	if (log)
		bc_explain_log(e, level, distance, log, count);
	bcn_list_free(list);
	ret = log ? 0 : -ENOMEM;
	free(log);
	return ret ? bctl_fail_nl(b, level->name, ret) : BCTL_OK;
}

static int bctl_explain(struct bctl *b, struct bc_explain *e, const char *name)
{
	struct bc_printer p = bctl_printer(b);
	const struct bcn_pool *pool, *level;
	unsigned int distance = 0;
	int status = bctl_fetch_pools(b, &e->snap), ret;

	if (status)
		return status;
	pool = bc_find_live(&e->snap, name);
	if (!pool)
		return bctl_fail(b, name, "there is no such pool (%s)", strerror(ENOENT));
	if (bc_note_inside(e, pool))
		return bctl_fail_nl(b, NULL, -ENOMEM);
	e->clock = bc_realtime() - bc_boottime();
	bc_doc_begin(&e->doc, "bctl.explain/1", "causes", e->snap.taken);
	bc_doc_page_size(&e->doc, p.page_size);
	bc_doc_explain(&e->doc, pool, e->snap.taken + e->clock);
	for (level = pool; level && !status; level = bc_parent_of(&e->snap, level))
		status = bctl_explain_level(b, e, level, distance++);
	if (status)
		return status;
	ret = bc_print(&p, &e->doc, BC_VIEW_EXPLAIN);
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/**
 * cmd_explain() - bctl explain
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_explain(struct bctl *b, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END };
	struct bc_explain e = { 0 };
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (argc != 1)
		return bctl_usage(b, argc ? "one pool at a time" : "the name of a pool is missing");
	status = bctl_check_name(b, argv[0]);
	if (!status)
		status = bctl_explain(b, &e, argv[0]);
	bc_doc_end(&e.doc);
	free(e.inside);
	bc_snapshot_clear(&e.snap);
	return status;
}
