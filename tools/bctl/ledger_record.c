// SPDX-License-Identifier: GPL-2.0
/*
 * The store's records, and the figures that the next ones are made from
 *
 * A record and the cumulative figures at its end are written in one transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger_sql.h"

static int bc_ledger_write_figures(struct bc_ledger *l, int64_t record, const struct bc_meter *m)
{
	static const enum bc_meter_figure order[] = {
		BC_FIG_HELD_TIME, BC_FIG_HELD, BC_FIG_PEAK, BC_FIG_BARRIER, BC_FIG_LIM,
		BC_FIG_FAILCNT, BC_FIG_FAILED
	};
	sqlite3_stmt *s;
	size_t i, j;
	int ret = 0;

	for (i = 0; i < m->count && !ret; i++) {
		s = bc_ledger_get(l, BC_SQL_FIGURE_PUT);
		if (!s)
			return bc_ledger_fail(l);
		sqlite3_bind_int64(s, 1, record);
		sqlite3_bind_int64(s, 2, m->res[i].res);
		for (j = 0; j < sizeof(order) / sizeof(order[0]); j++)
			bc_ledger_bind(s, 3 + j, m->res[i].known & 1U << order[j],
				       m->res[i].v[order[j]]);
		ret = bc_ledger_run(l, s);
	}
	return ret;
}

/*
 * After the clock was set, a record may begin before the last one ended. If that time has
 * records already, it goes behind them.
 */
static int bc_ledger_no_overlap(struct bc_ledger *l, int64_t key, struct bc_usage *u)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_OVERLAP);
	char sql[96];
	int err;

	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, u->begin_ms);
	sqlite3_bind_int64(s, 3, u->end_ms);
	err = sqlite3_step(s);
	sqlite3_reset(s);
	if (err == SQLITE_DONE)
		return 0;
	if (err != SQLITE_ROW)
		return bc_ledger_fail(l);
	snprintf(sql, sizeof(sql), "SELECT max(end_ms) FROM record WHERE pool = %lld",
		 (long long)key);
	err = bc_ledger_number(l, sql, &u->begin_ms);
	if (u->end_ms <= u->begin_ms)
		u->end_ms = u->begin_ms + 1;
	return err;
}

/**
 * bc_ledger_write() - write a record
 * @l: the store, in a transaction
 * @key: row of the pool
 * @u: the record; its times may be moved behind those of records that are there
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_write(struct bc_ledger *l, int64_t key, struct bc_usage *u)
{
	static const char * const kinds[] = { "interval", "closing", "gap" };
	static const char * const reasons[] = { NULL, "late", "clock", "lost", "backwards" };
	int ret = u->reason == BC_WHY_CLOCK ? bc_ledger_no_overlap(l, key, u) : 0;
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_RECORD_PUT);
	size_t i;

	if (ret)
		return ret;
	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, u->begin_ms);
	sqlite3_bind_int64(s, 3, u->end_ms);
	bc_ledger_bind_text(s, 4, kinds[u->kind]);
	bc_ledger_bind_text(s, 5, reasons[u->reason]);
	bc_ledger_bind(s, 6, u->timed, u->span_ns);
	bc_ledger_bind(s, 7, u->mhz && u->kind != BC_USED_GAP, u->mhz);
	for (i = 0; i < BC_METER_FLOWS; i++)
		bc_ledger_bind(s, 8 + i, u->used.known & 1U << i, u->used.flow[i]);
	ret = bc_ledger_run(l, s);
	return ret ? ret : bc_ledger_write_figures(l, sqlite3_last_insert_rowid(l->db), &u->used);
}

static bool bc_column(sqlite3_stmt *s, int i, uint64_t *value)
{
	if (sqlite3_column_type(s, i) == SQLITE_NULL)
		return false;
	*value = sqlite3_column_int64(s, i);
	return true;
}

static int bc_ledger_last_figures(struct bc_ledger *l, int64_t key, struct bc_meter *last)
{
	static const enum bc_meter_figure order[] = {
		BC_FIG_HELD_TIME, BC_FIG_FAILCNT, BC_FIG_FAILED, BC_FIG_MAXHELD
	};
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_LAST_FIGURE_GET);
	struct bc_meter_res *r;
	size_t i;
	int err;

	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, key);
	while ((err = sqlite3_step(s)) == SQLITE_ROW && last->count < BC_METER_RES) {
		r = &last->res[last->count++];
		memset(r, 0, sizeof(*r));
		r->res = sqlite3_column_int64(s, 0);
		r->stale = sqlite3_column_int64(s, 1);
		for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
			if (bc_column(s, 2 + i, &r->v[order[i]]))
				r->known |= 1U << order[i];
	}
	sqlite3_reset(s);
	return err == SQLITE_DONE ? 0 : bc_ledger_fail(l);
}

/**
 * bc_ledger_last() - read the figures at the end of a pool's newest record
 * @l: the store
 * @key: row of the pool
 * @last: receives them
 *
 * Return: 0, -ENOENT when it has no record, or another negative errno.
 */
int bc_ledger_last(struct bc_ledger *l, int64_t key, struct bc_meter *last)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_LAST_GET);
	size_t i;
	int err;

	if (!s)
		return bc_ledger_fail(l);
	memset(last, 0, offsetof(struct bc_meter, res));
	sqlite3_bind_int64(s, 1, key);
	err = sqlite3_step(s);
	if (err == SQLITE_ROW) {
		last->utc_ms = sqlite3_column_int64(s, 0);
		last->boot_ns = sqlite3_column_int64(s, 1);
		last->stale = sqlite3_column_int64(s, 2);
		for (i = 0; i < BC_METER_FLOWS; i++)
			if (bc_column(s, 3 + i, &last->flow[i]))
				last->known |= 1U << i;
	}
	sqlite3_reset(s);
	if (err == SQLITE_DONE)
		return -ENOENT;
	return err == SQLITE_ROW ? bc_ledger_last_figures(l, key, last) : bc_ledger_fail(l);
}

static int bc_ledger_save_res(struct bc_ledger *l, int64_t key, const struct bc_meter_res *r)
{
	static const enum bc_meter_figure order[] = {
		BC_FIG_HELD_TIME, BC_FIG_FAILCNT, BC_FIG_FAILED, BC_FIG_MAXHELD
	};
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_LAST_FIGURE_PUT);
	size_t i;

	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, r->res);
	sqlite3_bind_int64(s, 3, r->stale);
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		bc_ledger_bind(s, 4 + i, r->known & 1U << order[i], r->v[order[i]]);
	return bc_ledger_run(l, s);
}

/**
 * bc_ledger_save() - keep the figures from which the next record of a pool is made
 * @l: the store, in the transaction that writes the record which ends with them
 * @key: row of the pool
 * @last: the figures
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_save(struct bc_ledger *l, int64_t key, const struct bc_meter *last)
{
	int ret = bc_ledger_drop(l, BC_SQL_LAST_FIGURE_DROP, key);
	sqlite3_stmt *s;
	size_t i;

	if (!ret)
		ret = bc_ledger_drop(l, BC_SQL_LAST_DROP, key);
	if (ret)
		return ret;
	s = bc_ledger_get(l, BC_SQL_LAST_PUT);
	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, last->utc_ms);
	sqlite3_bind_int64(s, 3, last->boot_ns);
	sqlite3_bind_int64(s, 4, last->stale);
	for (i = 0; i < BC_METER_FLOWS; i++)
		bc_ledger_bind(s, 5 + i, last->known & 1U << i, last->flow[i]);
	ret = bc_ledger_run(l, s);
	for (i = 0; i < last->count && !ret; i++)
		ret = bc_ledger_save_res(l, key, &last->res[i]);
	return ret;
}

/**
 * bc_ledger_newest() - when the newest record of a living pool ends
 * @l: the store
 * @boot: run of the kernel that it lives in
 * @end_ms: receives the time; INT64_MIN if there is none
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_newest(struct bc_ledger *l, const char *boot, int64_t *end_ms)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_NEWEST);
	int err;

	*end_ms = INT64_MIN;
	if (!s)
		return bc_ledger_fail(l);
	bc_ledger_bind_text(s, 1, boot);
	err = sqlite3_step(s);
	if (err == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		*end_ms = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return err == SQLITE_ROW ? 0 : bc_ledger_fail(l);
}
