// SPDX-License-Identifier: GPL-2.0
/*
 * What was read from the module becomes records, all of it in one transaction
 *
 * First the pools that are there, then the closing records, which may be of the same ones.
 * What has a row without end then and was in neither is lost: the machine went down or the
 * module was unloaded without anybody listening. The dump has to be older than the list of
 * closing records for that, or a pool could be released between the two.
 *
 * A pool that has ended stays ended: a closing record that comes twice, or that another
 * collector still needs, is known by that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "booking.h"
#include "cli.h"
#include "collector.h"
#include "fetch.h"
#include "ledger.h"
#include "meter.h"

static void bc_book_meter(struct bc_booking *k, const struct bcn_pool *pool, uint64_t at_ns,
			  struct bc_meter *m)
{
	struct bc_record rec;
	size_t i;

	bc_meter_begin(m, bc_clock_utc(&k->now, at_ns), at_ns);
	bc_meter_take_cpu(m, &pool->cpu);
	bc_meter_take_io(m, &pool->io);
	for (i = 0; i < pool->records; i++) {
		bcn_pool_record(pool, i, &rec);
		bc_meter_take_res(m, &rec, k->c->peaks);
	}
}

/* The figures that the next record of a pool begins with. */
static int bc_book_last(struct bc_booking *k, const struct bc_ledger_pool *row,
			uint64_t created_ns, struct bc_meter *then)
{
	int ret = bc_ledger_last(k->c->ledger, row->key, then);

	if (ret != -ENOENT)
		return ret;
	bc_meter_begin(then, row->created_ms, created_ns);
	return 0;
}

static int bc_book_row(struct bc_booking *k, const struct bcn_pool *pool, int64_t parent,
		       struct bc_ledger_pool *row)
{
	*row = (struct bc_ledger_pool) {
		.boot = k->c->boot,
		.incarnation = pool->incarnation,
		.id = pool->id,
		.name = pool->name ? pool->name : "",
		.parent = parent,
		.cgroup = pool->cgroup,
		.created_ms = bc_clock_utc(&k->now, pool->created),
	};
	return bc_ledger_pool(k->c->ledger, row);
}

/* Write the record of a pool; @closed is NULL, or tells how it ended. */
static int bc_book_record(struct bc_booking *k, const struct bcn_pool *pool,
			  const struct bc_ledger_pool *row, const struct bcn_closed *closed)
{
	static const char * const causes[] = { "deleted", "cgroup", "unload" };
	struct bc_collector *c = k->c;
	uint64_t at = closed ? closed->closed : pool->taken;
	struct bc_meter then, now;
	struct bc_usage usage;
	int ret = bc_book_last(k, row, pool->created, &then);

	if (ret)
		return ret;
	if (!closed && !BCN_HAS(pool, BC_A_TAKEN))
		at = k->now.boot_ns;
	if (!closed && at <= then.boot_ns)
		return 0;
	bc_book_meter(k, pool, at, &now);
	if (!bc_meter_use(&then, &now, c->step_ms, closed ? BC_USED_CLOSING : BC_USED_INTERVAL,
			  &usage))
		bctl_note(c->b, pool->name,
			  "the module's figures fell, which is a bug: this time becomes a gap");
	usage.mhz = c->mhz;
	ret = bc_ledger_write(c->ledger, row->key, &usage);
	if (ret)
		return ret;
	k->written++;
	if (closed)
		return bc_ledger_finish(c->ledger, row->key, usage.end_ms,
					causes[closed->cause < 3 ? closed->cause : 0]);
	now.utc_ms = usage.end_ms;
	return bc_ledger_save(c->ledger, row->key, &now);
}

/* The row of the parent: parents come first, and of two with the same id the later one counts. */
static int64_t bc_book_parent(const struct bc_booking *k, const struct bc_snapshot *snap, size_t i)
{
	size_t j;

	if (!BCN_HAS(&snap->pools[i], BC_A_PARENT_ID))
		return 0;
	for (j = i; j-- > 0;)
		if (snap->pools[j].id == snap->pools[i].parent_id)
			return k->keys[j];
	return 0;
}

/* The rows of all pools of the dump, and their records if those are wanted. */
static int bc_book_pools(struct bc_booking *k, const struct bc_snapshot *snap, bool records)
{
	struct bc_ledger_pool row;
	int ret = 0;
	size_t i;

	k->keys = calloc(snap->npools + 1, sizeof(*k->keys));
	if (!k->keys)
		return -ENOMEM;
	for (i = 0; i < snap->npools && !ret; i++) {
		ret = bc_book_row(k, &snap->pools[i], bc_book_parent(k, snap, i), &row);
		k->keys[i] = row.key;
		if (!ret && !row.ended && records)
			ret = bc_book_record(k, &snap->pools[i], &row, NULL);
	}
	return ret;
}

/* The row of a closed pool's parent, which may never have been seen. */
static int bc_book_closed_parent(struct bc_booking *k, const struct bcn_closed *closed,
				 int64_t *key)
{
	struct bc_ledger_pool row = {
		.boot = k->c->boot,
		.incarnation = closed->parent_incarnation,
		.id = closed->pool.parent_id,
		.name = closed->pool.parent ? closed->pool.parent : "",
		.created_ms = bc_clock_utc(&k->now, closed->pool.created),
	};
	int ret;

	*key = 0;
	if (!BCN_HAS(closed, BC_A_PARENT_INCARNATION) || !BCN_HAS(&closed->pool, BC_A_PARENT_ID))
		return 0;
	ret = bc_ledger_pool(k->c->ledger, &row);
	*key = row.key;
	return ret;
}

static int bc_book_closed(struct bc_booking *k, const struct bcn_closed *closed)
{
	struct bc_ledger_pool row;
	int64_t parent;
	int ret;

	if (closed->serial > k->serial)
		k->serial = closed->serial;
	ret = bc_book_closed_parent(k, closed, &parent);
	if (!ret)
		ret = bc_book_row(k, &closed->pool, parent, &row);
	if (ret || row.ended)
		return ret;
	return bc_book_record(k, &closed->pool, &row, closed);
}

/**
 * struct bc_lost - pools that have no end
 * @pools: they
 * @count: how many
 * @room: how many @pools has room for
 */
struct bc_lost {
	struct bc_lost_pool {
		int64_t key;
		int64_t created_ms;
		bool booted;
		char name[BC_NAME_MAX + 1];
	} *pools;
	size_t count;
	size_t room;
};

struct bc_search {
	struct bc_booking *k;
	const struct bc_snapshot *snap;
	struct bc_lost lost;
};

static int bc_order_keys(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int bc_lost_found(void *arg, const struct bc_ledger_pool *row)
{
	struct bc_search *s = arg;
	struct bc_lost *lost = &s->lost;
	size_t room = lost->room ? 2 * lost->room : 16;
	struct bc_lost_pool *list;

	if (bsearch(&row->key, s->k->keys, s->snap->npools, sizeof(int64_t), bc_order_keys))
		return 0;
	if (lost->count == lost->room) {
		list = realloc(lost->pools, room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		lost->pools = list;
		lost->room = room;
	}
	list = &lost->pools[lost->count++];
	list->key = row->key;
	list->created_ms = row->created_ms;
	list->booted = strcmp(row->boot, s->k->c->boot);
	strncpy(list->name, row->name, BC_NAME_MAX);
	list->name[BC_NAME_MAX] = '\0';
	return 0;
}

/* It ended before this boot, or before the module was loaded, or else by now. */
static int bc_book_lost(struct bc_booking *k, const struct bc_lost_pool *pool)
{
	struct bc_ledger_pool row = { .key = pool->key, .created_ms = pool->created_ms };
	struct bc_collector *c = k->c;
	uint64_t end = k->now.boot_ns;
	struct bc_meter then;
	struct bc_usage usage;
	int ret = bc_book_last(k, &row, 0, &then);

	if (ret)
		return ret;
	if (pool->booted)
		end = 0;
	else if (then.boot_ns < c->instance && c->instance < end)
		end = c->instance;
	bc_meter_gap(&then, bc_clock_utc(&k->now, end), BC_WHY_LOST, &usage);
	ret = bc_ledger_write(c->ledger, row.key, &usage);
	if (!ret)
		ret = bc_ledger_finish(c->ledger, row.key, usage.end_ms, "lost");
	if (!ret)
		k->written++;
	return ret;
}

static int bc_book_all_lost(struct bc_booking *k, const struct bc_snapshot *snap)
{
	struct bc_search s = { .k = k, .snap = snap };
	int ret;
	size_t i;

	qsort(k->keys, snap->npools, sizeof(*k->keys), bc_order_keys);
	ret = bc_ledger_living(k->c->ledger, bc_lost_found, &s);
	for (i = 0; i < s.lost.count && !ret; i++)
		ret = bc_book_lost(k, &s.lost.pools[i]);
	if (!ret && s.lost.count)
		bctl_note(k->c->b, NULL, "the end of %zu pools is not known: they have a gap",
			  s.lost.count);
	free(s.lost.pools);
	return ret;
}

/* Up to when the reader's peaks are in the store. */
static int bc_book_taken(struct bc_booking *k)
{
	char text[BC_BOOT_ID_MAX + 24];

	snprintf(text, sizeof(text), "%s %llu", k->c->boot, (unsigned long long)k->now.boot_ns);
	return bc_ledger_put_meta(k->c->ledger, "taken", text);
}

/**
 * bc_book() - write the records of what was read
 * @c: the collector
 * @snap: the pools, with their peaks, or NULL when just closing records were read
 * @closed: the closing records, the oldest first
 * @k: receives what was done
 *
 * Return: 0 when it is on disk, else a negative errno, and nothing was written.
 */
int bc_book(struct bc_collector *c, const struct bc_snapshot *snap,
	    const struct bc_pending *closed, struct bc_booking *k)
{
	int ret = bc_ledger_begin(c->ledger);
	size_t i;

	*k = (struct bc_booking) { .c = c, .serial = c->stored };
	bc_clock_now(&k->now);
	if (ret)
		return ret;
	if (snap)
		ret = bc_book_pools(k, snap, true);
	for (i = 0; i < closed->count && !ret; i++)
		ret = bc_book_closed(k, closed->v[i].closed);
	if (snap && !ret)
		ret = bc_book_all_lost(k, snap);
	if (snap && !ret)
		ret = bc_book_taken(k);
	ret = bc_ledger_end(c->ledger, ret);
	free(k->keys);
	k->keys = NULL;
	return ret;
}

/**
 * bc_book_rows() - make rows for pools that have none, so that they are known whatever comes
 * @c: the collector
 * @snap: the pools
 *
 * Return: 0 or a negative errno.
 */
int bc_book_rows(struct bc_collector *c, const struct bc_snapshot *snap)
{
	struct bc_booking k = { .c = c };
	int ret = bc_ledger_begin(c->ledger);

	bc_clock_now(&k.now);
	if (ret)
		return ret;
	ret = bc_ledger_end(c->ledger, bc_book_pools(&k, snap, false));
	free(k.keys);
	return ret;
}
