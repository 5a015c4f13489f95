// SPDX-License-Identifier: GPL-2.0
/*
 * Old records become fewer
 *
 * The intervals of one pool that lie in the same hour, later in the same day, become one, if
 * each begins where the one before ends. What adds up is added up, so that no total changes
 * by a unit; held and the limits are those at the end; a peak is the highest, if all of them
 * are known. Closing records and gaps stay as they are, and so does what lies across the end
 * of an hour. The new record has the number and the end of the last one, and is so the same
 * to whoever has been sent that; records that were not sent yet are left alone.
 *
 * The work is done in pieces of a few pools, each a transaction of its own. How far it has
 * come is in meta.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "compact.h"
#include "ledger.h"
#include "meter.h"

#define BC_HOUR_MS		3600000LL
#define BC_DAY_MS		86400000LL
/* How many pools, or records that are deleted, make one transaction. */
#define BC_COMPACT_POOLS	32
#define BC_COMPACT_DELETE	500
/* Pages to give back to the file system in one go, and from how many on. */
#define BC_COMPACT_PAGES	256

/**
 * struct bc_compact - one step from finer to coarser records
 * @db: the store
 * @l: the store
 * @mark: key in meta of how far it has come
 * @size: of the coarser ones, ms
 * @until: what ends up to here is made coarser
 */
struct bc_compact {
	sqlite3 *db;
	struct bc_ledger *l;
	const char *mark;
	int64_t size;
	int64_t until;
};

/* Run one statement with numbers for its marks; @num receives what it answers first. */
static int bc_compact_sql(sqlite3 *db, const char *sql, const int64_t *args, int nargs,
			  int64_t *num)
{
	sqlite3_stmt *s;
	int err, i;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL))
		return -EIO;
	for (i = 0; i < nargs; i++)
		sqlite3_bind_int64(s, i + 1, args[i]);
	err = sqlite3_step(s);
	if (err == SQLITE_ROW && num)
		*num = sqlite3_column_int64(s, 0);
	while (err == SQLITE_ROW)
		err = sqlite3_step(s);
	sqlite3_finalize(s);
	return err == SQLITE_DONE ? 0 : -EIO;
}

/* "sum(a), sum(b), ..." and "a, b, ..." of the flows. */
static char *bc_compact_update(void)
{
	char *sql = NULL;
	size_t size, i;
	FILE *f = open_memstream(&sql, &size);

	if (!f)
		return NULL;
	fputs("UPDATE record SET (begin_ms, span_ns, reason", f);
	for (i = 0; i < BC_METER_FLOWS; i++)
		fprintf(f, ", %s", bc_meter_flows[i]);
	fputs(") = (SELECT min(begin_ms), sum(span_ns), min(reason)", f);
	for (i = 0; i < BC_METER_FLOWS; i++)
		fprintf(f, ", sum(%s)", bc_meter_flows[i]);
	fputs(" FROM record WHERE pool = ?1 AND kind = 'interval' AND begin_ms >= ?2 AND "
	      "end_ms <= ?3) WHERE record = ?4", f);
	if (fclose(f)) {
		free(sql);
		return NULL;
	}
	return sql;
}

/* Make one record of those of a pool from @begin to @end, of which @last is the last. */
static int bc_compact_run(struct bc_compact *c, int64_t pool, int64_t begin, int64_t end,
			  int64_t last)
{
	static const char figures[] =
		"INSERT OR REPLACE INTO figure "
		"SELECT ?4, f.res, sum(f.held_time), max(l.held), "
		"CASE WHEN count(f.peak) = (SELECT count(*) FROM record WHERE pool = ?1 AND "
		"kind = 'interval' AND begin_ms >= ?2 AND end_ms <= ?3) THEN max(f.peak) END, "
		"max(l.barrier), max(l.lim), sum(f.failcnt), sum(f.failed) "
		"FROM record r JOIN figure f ON f.record = r.record "
		"LEFT JOIN figure l ON l.record = ?4 AND l.res = f.res "
		"WHERE r.pool = ?1 AND r.kind = 'interval' AND r.begin_ms >= ?2 AND "
		"r.end_ms <= ?3 GROUP BY f.res";
	static const char drop[] =
		"DELETE FROM record WHERE pool = ?1 AND kind = 'interval' AND begin_ms >= ?2 AND "
		"end_ms <= ?3 AND record <> ?4";
	int64_t args[] = { pool, begin, end, last };
	char *update = bc_compact_update();
	int ret = update ? bc_compact_sql(c->db, figures, args, 4, NULL) : -ENOMEM;

	if (!ret)
		ret = bc_compact_sql(c->db, update, args, 4, NULL);
	if (!ret)
		ret = bc_compact_sql(c->db, drop, args, 4, NULL);
	free(update);
	return ret;
}

/* Find the records of a pool that follow each other without a break. */
static int bc_compact_pool(struct bc_compact *c, int64_t pool, int64_t from)
{
	static const char sql[] =
		"SELECT record, begin_ms, end_ms, coalesce(cpu_mhz, 0) FROM record "
		"WHERE pool = ? AND kind = 'interval' AND begin_ms >= ? AND end_ms <= ? "
		"ORDER BY end_ms";
	struct { int64_t begin, end, last, mhz, count; } run = { 0 };
	sqlite3_stmt *s;
	int err, ret = 0;

	if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL))
		return -EIO;
	sqlite3_bind_int64(s, 1, pool);
	sqlite3_bind_int64(s, 2, from);
	sqlite3_bind_int64(s, 3, from + c->size);
	do {
		err = sqlite3_step(s);
		if (err == SQLITE_ROW && run.count && sqlite3_column_int64(s, 1) == run.end &&
		    sqlite3_column_int64(s, 3) == run.mhz) {
			run.last = sqlite3_column_int64(s, 0);
			run.end = sqlite3_column_int64(s, 2);
			run.count++;
			continue;
		}
		if (run.count > 1)
			ret = bc_compact_run(c, pool, run.begin, run.end, run.last);
		run.count = 1;
		run.last = sqlite3_column_int64(s, 0);
		run.begin = sqlite3_column_int64(s, 1);
		run.end = sqlite3_column_int64(s, 2);
		run.mhz = sqlite3_column_int64(s, 3);
	} while (err == SQLITE_ROW && !ret);
	sqlite3_finalize(s);
	return err == SQLITE_ROW || err == SQLITE_DONE ? ret : -EIO;
}

/* Some pools of the hour or day that begins at @from, after @pool; that is the last then, or 0. */
static int bc_compact_some(struct bc_compact *c, int64_t from, int64_t *pool)
{
	static const char sql[] =
		"SELECT pool FROM record WHERE end_ms > ?1 AND end_ms <= ?2 AND begin_ms >= ?1 AND "
		"kind = 'interval' AND pool > ?3 GROUP BY pool HAVING count(*) > 1 "
		"ORDER BY pool LIMIT ?4";
	int64_t pools[BC_COMPACT_POOLS];
	int count = 0, err, i, ret = 0;
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL))
		return -EIO;
	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, from + c->size);
	sqlite3_bind_int64(s, 3, *pool);
	sqlite3_bind_int(s, 4, BC_COMPACT_POOLS);
	while ((err = sqlite3_step(s)) == SQLITE_ROW)
		pools[count++] = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	if (err != SQLITE_DONE)
		return -EIO;
	for (i = 0; i < count && !ret; i++)
		ret = bc_compact_pool(c, pools[i], from);
	*pool = count < BC_COMPACT_POOLS ? 0 : pools[count - 1];
	return ret;
}

/* Where the next hour or day with records begins; BC_KEEP_FOREVER if there is none. */
static int bc_compact_next(struct bc_compact *c, int64_t *from)
{
	char text[32];
	int64_t first = -1;
	int ret = bc_ledger_get_meta(c->l, c->mark, text, sizeof(text));

	*from = ret ? 0 : strtoll(text, NULL, 10);
	if (!ret)
		ret = bc_compact_sql(c->db, "SELECT coalesce(min(end_ms), -1) FROM record WHERE "
				     "end_ms > ?", from, 1, &first);
	if (first < 0)
		*from = BC_KEEP_FOREVER;
	else if (first - 1 - (first - 1) % c->size > *from)
		*from = first - 1 - (first - 1) % c->size;
	return ret;
}

/* One transaction; @more tells whether there is more to do. */
static int bc_compact_step(struct bc_compact *c, int64_t *pool, bool *more)
{
	int64_t from, unsent = 0;
	char text[32];
	int ret = bc_compact_next(c, &from);

	*more = false;
	if (ret || from == BC_KEEP_FOREVER || from + c->size > c->until)
		return ret;
	ret = bc_compact_sql(c->db, "SELECT count(*) FROM record WHERE end_ms > ?1 AND "
			     "end_ms <= ?2 AND record > (SELECT min(record) FROM outlet)",
			     (int64_t[]){ from, from + c->size }, 2, &unsent);
	if (ret || unsent)
		return ret;
	ret = bc_ledger_begin(c->l);
	if (ret)
		return ret;
	ret = bc_compact_some(c, from, pool);
	snprintf(text, sizeof(text), "%lld", (long long)(from + c->size));
	if (!ret && !*pool)
		ret = bc_ledger_put_meta(c->l, c->mark, text);
	*more = true;
	return bc_ledger_end(c->l, ret);
}

static int bc_compact_delete(struct bc_ledger *l, int64_t until, bool *more)
{
	int64_t args[] = { until, BC_COMPACT_DELETE };
	int ret = bc_ledger_begin(l);

	*more = false;
	if (ret)
		return ret;
	ret = bc_compact_sql(bc_ledger_db(l), "DELETE FROM record WHERE record IN (SELECT record "
			     "FROM record WHERE end_ms <= ? AND record <= "
			     "coalesce((SELECT min(record) FROM outlet), record) "
			     "ORDER BY end_ms LIMIT ?)", args, 2, NULL);
	*more = !ret && sqlite3_changes(bc_ledger_db(l)) == BC_COMPACT_DELETE;
	return bc_ledger_end(l, ret);
}

static int64_t bc_compact_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Give pages back that are free, some of them. */
static int bc_compact_vacuum(sqlite3 *db)
{
	char sql[64];
	int64_t pages = 0;
	int ret = bc_compact_sql(db, "PRAGMA freelist_count", NULL, 0, &pages);

	if (ret || pages < BC_COMPACT_PAGES)
		return ret;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", BC_COMPACT_PAGES);
	return bc_compact_sql(db, sql, NULL, 0, NULL);
}

/**
 * bc_compact_waits() - does a destination wait for old records?
 * @l: the store
 * @now_ms: UTC
 * @words: receives which one, and since when; "" if all have what is older than a day
 * @size: room in @words
 *
 * Return: 0 or a negative errno.
 */
int bc_compact_waits(struct bc_ledger *l, int64_t now_ms, char *words, size_t size)
{
	static const char sql[] =
		"SELECT name, strftime('%Y-%m-%dT%H:%MZ', end_ms / 1000, 'unixepoch') FROM outlet "
		"JOIN record ON record.record = (SELECT min(r.record) FROM record r "
		"WHERE r.record > outlet.record) WHERE end_ms < ? ORDER BY end_ms LIMIT 1";
	sqlite3_stmt *s;
	int err;

	words[0] = '\0';
	if (sqlite3_prepare_v2(bc_ledger_db(l), sql, -1, &s, NULL))
		return -EIO;
	sqlite3_bind_int64(s, 1, now_ms - BC_DAY_MS);
	err = sqlite3_step(s);
	if (err == SQLITE_ROW)
		snprintf(words, size, "the records since %s wait for %s",
			 sqlite3_column_text(s, 1), sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	return err == SQLITE_ROW || err == SQLITE_DONE ? 0 : -EIO;
}

/**
 * bc_compact() - make old records fewer
 * @l: the store
 * @keep: how long records are kept
 * @now_ms: UTC
 * @budget_ms: stop after so long, at least one step though; the rest is for the next time
 *
 * Return: 0 or a negative errno.
 */
int bc_compact(struct bc_ledger *l, const struct bc_keep *keep, int64_t now_ms, int budget_ms)
{
	struct bc_compact steps[] = {
		{ bc_ledger_db(l), l, "hours_ms", BC_HOUR_MS,
		  keep->fine == BC_KEEP_FOREVER ? 0 : now_ms - keep->fine },
		{ bc_ledger_db(l), l, "days_ms", BC_DAY_MS,
		  keep->hours == BC_KEEP_FOREVER ? 0 : now_ms - keep->hours },
	};
	int64_t end = bc_compact_ms() + budget_ms, pool;
	bool more;
	size_t i;
	int ret = 0;

	for (i = 0; i < 2 && !ret; i++) {
		pool = 0;
		do {
			ret = bc_compact_step(&steps[i], &pool, &more);
		} while (more && !ret && bc_compact_ms() < end);
	}
	if (!ret && keep->days != BC_KEEP_FOREVER) {
		do {
			ret = bc_compact_delete(l, now_ms - keep->days, &more);
		} while (more && !ret && bc_compact_ms() < end);
	}
	return ret ? ret : bc_compact_vacuum(bc_ledger_db(l));
}

/* "90d", "48h" or "forever"; what follows it is left in @text. */
static int bc_keep_one(const char **text, int64_t *ms)
{
	char *end;
	long long num;

	if (!strncmp(*text, "forever", 7)) {
		*ms = BC_KEEP_FOREVER;
		*text += 7;
		return 0;
	}
	if (**text < '0' || **text > '9')
		return -EINVAL;
	num = strtoll(*text, &end, 10);
	if (num < 1 || num > 1000000 || !strchr("hdy", *end) || !*end)
		return -EINVAL;
	*ms = num * (*end == 'h' ? BC_HOUR_MS : *end == 'd' ? BC_DAY_MS : 365 * BC_DAY_MS);
	*text = end + 1;
	return 0;
}

/**
 * bc_keep_parse() - read how long records are kept
 * @text: FINE[:HOURS[:DAYS]], each a number with h, d or y behind it, or "forever"
 * @keep: receives it; what is not given is for ever
 *
 * Return: 0, or -EINVAL; each has to be at least as long as the one before.
 */
int bc_keep_parse(const char *text, struct bc_keep *keep)
{
	int64_t ms[3] = { BC_KEEP_FOREVER, BC_KEEP_FOREVER, BC_KEEP_FOREVER };
	int i;

	for (i = 0; i < 3; i++) {
		if (bc_keep_one(&text, &ms[i]) || (i && ms[i] < ms[i - 1]))
			return -EINVAL;
		if (*text != ':')
			break;
		text++;
	}
	if (*text || i == 3)
		return -EINVAL;
	*keep = (struct bc_keep){ ms[0], ms[1], ms[2] };
	return 0;
}
