// SPDX-License-Identifier: GPL-2.0
/*
 * The store's pools: one row for each life of one, which stays when the pool has ended
 */
#include <errno.h>

#include "ledger_sql.h"

/**
 * bc_ledger_put_res() - write what a resource is
 * @l: the store
 * @id: its public number
 * @name: its name
 * @unit: "items", "bytes" or "pages"
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_put_res(struct bc_ledger *l, uint32_t id, const char *name, const char *unit)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_RES_PUT);

	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, id);
	bc_ledger_bind_text(s, 2, name);
	bc_ledger_bind_text(s, 3, unit);
	return bc_ledger_run(l, s);
}

/* A row that was made for want of a better one, as the parent of another: fill it. */
static int bc_ledger_pool_fill(struct bc_ledger *l, const struct bc_ledger_pool *pool)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_POOL_FILL);

	if (!s)
		return bc_ledger_fail(l);
	bc_ledger_bind(s, 1, pool->parent, pool->parent);
	bc_ledger_bind_text(s, 2, pool->cgroup);
	sqlite3_bind_int64(s, 3, pool->created_ms);
	sqlite3_bind_int64(s, 4, pool->key);
	return bc_ledger_run(l, s);
}

static int bc_ledger_pool_add(struct bc_ledger *l, struct bc_ledger_pool *pool)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_POOL_PUT);
	int ret;

	if (!s)
		return bc_ledger_fail(l);
	bc_ledger_bind_text(s, 1, pool->boot);
	sqlite3_bind_int64(s, 2, pool->incarnation);
	sqlite3_bind_int64(s, 3, pool->id);
	bc_ledger_bind_text(s, 4, pool->name);
	bc_ledger_bind(s, 5, pool->parent, pool->parent);
	bc_ledger_bind_text(s, 6, pool->cgroup);
	sqlite3_bind_int64(s, 7, pool->created_ms);
	ret = bc_ledger_run(l, s);
	pool->key = sqlite3_last_insert_rowid(l->db);
	return ret;
}

/**
 * bc_ledger_pool() - find the row of a pool, or make it
 * @l: the store, in a transaction
 * @pool: the pool; receives @key, @ended, and @created_ms as it is known since its row is
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_pool(struct bc_ledger *l, struct bc_ledger_pool *pool)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_POOL_FIND);
	bool bare;
	int err;

	if (!s)
		return bc_ledger_fail(l);
	bc_ledger_bind_text(s, 1, pool->boot);
	sqlite3_bind_int64(s, 2, pool->incarnation);
	sqlite3_bind_int64(s, 3, pool->id);
	err = sqlite3_step(s);
	if (err == SQLITE_DONE) {
		sqlite3_reset(s);
		return bc_ledger_pool_add(l, pool);
	}
	if (err != SQLITE_ROW)
		return bc_ledger_fail(l);
	pool->key = sqlite3_column_int64(s, 0);
	pool->ended = sqlite3_column_int(s, 1);
	bare = sqlite3_column_int(s, 2) && pool->cgroup && !pool->ended;
	if (!bare)
		pool->created_ms = sqlite3_column_int64(s, 3);
	sqlite3_reset(s);
	return bare ? bc_ledger_pool_fill(l, pool) : 0;
}

/**
 * bc_ledger_finish() - a pool has its last record
 * @l: the store, in the transaction that writes it
 * @key: row of the pool
 * @ended_ms: when it ended
 * @cause: why
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_finish(struct bc_ledger *l, int64_t key, int64_t ended_ms, const char *cause)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_POOL_END);
	int ret;

	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, ended_ms);
	bc_ledger_bind_text(s, 2, cause);
	sqlite3_bind_int64(s, 3, key);
	ret = bc_ledger_run(l, s);
	if (!ret)
		ret = bc_ledger_drop(l, BC_SQL_LAST_FIGURE_DROP, key);
	return ret ? ret : bc_ledger_drop(l, BC_SQL_LAST_DROP, key);
}

/**
 * bc_ledger_living() - look at all pools that have not ended
 * @l: the store
 * @found: called for each one, with strings that are good until it returns; what it returns
 *	other than 0 ends this
 * @arg: for @found
 *
 * Return: 0, or what @found has returned, or a negative errno.
 */
int bc_ledger_living(struct bc_ledger *l, int (*found)(void *arg, const struct bc_ledger_pool *),
		     void *arg)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_LIVING);
	struct bc_ledger_pool pool = { 0 };
	int err, ret = 0;

	if (!s)
		return bc_ledger_fail(l);
	while (!ret && (err = sqlite3_step(s)) == SQLITE_ROW) {
		pool.key = sqlite3_column_int64(s, 0);
		pool.boot = (const char *)sqlite3_column_text(s, 1);
		pool.incarnation = sqlite3_column_int64(s, 2);
		pool.id = sqlite3_column_int64(s, 3);
		pool.name = (const char *)sqlite3_column_text(s, 4);
		pool.created_ms = sqlite3_column_int64(s, 5);
		ret = found(arg, &pool);
	}
	sqlite3_reset(s);
	if (ret)
		return ret;
	return err == SQLITE_DONE ? 0 : bc_ledger_fail(l);
}
