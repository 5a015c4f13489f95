// SPDX-License-Identifier: GPL-2.0
/*
 * The store of usage records
 *
 * One SQLite file, of the shape that usage.sql gives it, with a rollback journal: readers
 * need to write nothing then, not even beside the file, which a write-ahead log would ask of
 * them. What is committed is on disk, the name of the journal included, because the module
 * forgets what it was told is stored.
 *
 * A file that is not such a store, or is damaged, is never written to. A full disk or a
 * reader that holds its lock for too long are errors like others: the transaction is undone,
 * and the caller may come again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <linux/beancounter.h>
#include <sqlite3.h>

#include "ledger.h"

/* The text of usage.sql. */
static const char bc_ledger_schema[] = {
#include "usage.sql.h"
	0
};

#define BC_LEDGER_APPLICATION	1111709011
#define BC_LEDGER_VERSION	1
/* How long a reader may keep the lock. */
#define BC_LEDGER_BUSY_MS	5000
#define BC_LEDGER_TEXT		2048

enum bc_statement {
	BC_SQL_META_GET,
	BC_SQL_META_PUT,
	BC_SQL_RES_PUT,
	BC_SQL_POOL_FIND,
	BC_SQL_POOL_PUT,
	BC_SQL_POOL_FILL,
	BC_SQL_POOL_END,
	BC_SQL_LIVING,
	BC_SQL_NEWEST,
	BC_SQL_OVERLAP,
	BC_SQL_RECORD_PUT,
	BC_SQL_FIGURE_PUT,
	BC_SQL_LAST_GET,
	BC_SQL_LAST_PUT,
	BC_SQL_LAST_DROP,
	BC_SQL_LAST_FIGURE_GET,
	BC_SQL_LAST_FIGURE_PUT,
	BC_SQL_LAST_FIGURE_DROP,
	BC_STATEMENTS
};

/* "%s" are the columns of the flows, and as many marks for values. */
static const char * const bc_ledger_sql[BC_STATEMENTS] = {
	[BC_SQL_META_GET] = "SELECT value FROM meta WHERE key = ?",
	[BC_SQL_META_PUT] = "INSERT INTO meta VALUES (?, ?) "
		"ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	[BC_SQL_RES_PUT] = "INSERT OR IGNORE INTO resource VALUES (?, ?, ?)",
	[BC_SQL_POOL_FIND] = "SELECT pool, ended_ms IS NOT NULL, cgroup IS NULL, created_ms "
		"FROM pool WHERE boot = ? AND incarnation = ? AND id = ?",
	[BC_SQL_POOL_PUT] = "INSERT INTO pool (boot, incarnation, id, name, parent, cgroup, "
		"created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
	[BC_SQL_POOL_FILL] = "UPDATE pool SET parent = ?, cgroup = ?, created_ms = ? "
		"WHERE pool = ?",
	[BC_SQL_POOL_END] = "UPDATE pool SET ended_ms = ?, cause = ? WHERE pool = ?",
	[BC_SQL_LIVING] = "SELECT pool, boot, incarnation, id, name, created_ms "
		"FROM pool WHERE ended_ms IS NULL",
	[BC_SQL_NEWEST] = "SELECT max(end_ms) FROM last_pool JOIN pool USING (pool) "
		"WHERE boot = ?",
	[BC_SQL_OVERLAP] = "SELECT 1 FROM record WHERE pool = ? AND end_ms > ? AND "
		"begin_ms < ? LIMIT 1",
	[BC_SQL_RECORD_PUT] = "INSERT INTO record (pool, begin_ms, end_ms, kind, reason, span_ns, "
		"cpu_mhz%s) VALUES (?, ?, ?, ?, ?, ?, ?%s)",
	[BC_SQL_FIGURE_PUT] = "INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[BC_SQL_LAST_GET] = "SELECT end_ms, end_ns, unknown%s FROM last_pool WHERE pool = ?",
	[BC_SQL_LAST_PUT] = "INSERT INTO last_pool (pool, end_ms, end_ns, unknown%s) "
		"VALUES (?, ?, ?, ?%s)",
	[BC_SQL_LAST_DROP] = "DELETE FROM last_pool WHERE pool = ?",
	[BC_SQL_LAST_FIGURE_GET] = "SELECT res, unknown, held_time, failcnt, failed, maxheld "
		"FROM last_figure WHERE pool = ? ORDER BY res",
	[BC_SQL_LAST_FIGURE_PUT] = "INSERT INTO last_figure VALUES (?, ?, ?, ?, ?, ?, ?)",
	[BC_SQL_LAST_FIGURE_DROP] = "DELETE FROM last_figure WHERE pool = ?",
};

/**
 * struct bc_ledger - the store
 * @db: the file
 * @lock: descriptor of the file that tells others that a collector runs
 * @sql: the statements, prepared when they are needed
 * @message: what went wrong
 */
struct bc_ledger {
	sqlite3 *db;
	int lock;
	sqlite3_stmt *sql[BC_STATEMENTS];
	char message[256];
};

static int bc_ledger_errno(int err)
{
	switch (err & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	default:
		return -EIO;
	}
}

static int bc_ledger_fail(struct bc_ledger *l)
{
	snprintf(l->message, sizeof(l->message), "%s", sqlite3_errmsg(l->db));
	return bc_ledger_errno(sqlite3_extended_errcode(l->db));
}

static int bc_ledger_exec(struct bc_ledger *l, const char *sql)
{
	return sqlite3_exec(l->db, sql, NULL, NULL, NULL) ? bc_ledger_fail(l) : 0;
}

/* The columns of the flows as a text: ", cpu_ns, ..." or ", ?, ...". */
static void bc_ledger_flows(char *text, size_t size, bool marks)
{
	size_t i, len = 0;

	for (i = 0; i < BC_METER_FLOWS && len < size; i++)
		len += snprintf(text + len, size - len, ", %s", marks ? "?" : bc_meter_flows[i]);
}

/* A statement, ready to have its values bound; NULL, and bc_ledger_fail() tells why. */
static sqlite3_stmt *bc_ledger_get(struct bc_ledger *l, enum bc_statement which)
{
	char sql[BC_LEDGER_TEXT], names[BC_LEDGER_TEXT / 2], marks[BC_LEDGER_TEXT / 8];
	const char *text = bc_ledger_sql[which], *at = strstr(text, "%s"), *at2;

	if (l->sql[which]) {
		sqlite3_reset(l->sql[which]);
		return l->sql[which];
	}
	if (at) {
		bc_ledger_flows(names, sizeof(names), false);
		bc_ledger_flows(marks, sizeof(marks), true);
		at2 = strstr(at + 2, "%s");
		snprintf(sql, sizeof(sql), "%.*s%s%.*s%s%s", (int)(at - text), text, names,
			 at2 ? (int)(at2 - at - 2) : 0, at + 2, at2 ? marks : "",
			 at2 ? at2 + 2 : at + 2);
		text = sql;
	}
	if (sqlite3_prepare_v3(l->db, text, -1, SQLITE_PREPARE_PERSISTENT, &l->sql[which], NULL))
		return NULL;
	return l->sql[which];
}

/* Run a statement that answers nothing. */
static int bc_ledger_run(struct bc_ledger *l, sqlite3_stmt *s)
{
	int ret = sqlite3_step(s) == SQLITE_DONE ? 0 : bc_ledger_fail(l);

	sqlite3_reset(s);
	return ret;
}

static void bc_ledger_bind(sqlite3_stmt *s, int i, bool known, uint64_t value)
{
	if (!known)
		sqlite3_bind_null(s, i);
	else
		sqlite3_bind_int64(s, i, value == BC_UNLIMITED ? -1 : (int64_t)value);
}

static void bc_ledger_bind_text(sqlite3_stmt *s, int i, const char *text)
{
	if (text)
		sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(s, i);
}

/* One number that a statement answers; @num stays as it is if there is none. */
static int bc_ledger_number(struct bc_ledger *l, const char *sql, int64_t *num)
{
	sqlite3_stmt *s;
	int ret = 0, err;

	if (sqlite3_prepare_v2(l->db, sql, -1, &s, NULL))
		return bc_ledger_fail(l);
	err = sqlite3_step(s);
	if (err == SQLITE_ROW)
		*num = sqlite3_column_int64(s, 0);
	else if (err != SQLITE_DONE)
		ret = bc_ledger_fail(l);
	sqlite3_finalize(s);
	return ret;
}

/*
 * Only one collector writes to a store. This is no lock of SQLite's, and is in a file of its
 * own: closing a descriptor of the store itself would give up SQLite's locks.
 */
static int bc_ledger_lock(struct bc_ledger *l, const char *path)
{
	char *name;

	if (asprintf(&name, "%s.lock", path) < 0)
		return -ENOMEM;
	l->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock < 0) {
		snprintf(l->message, sizeof(l->message), "%s: %s", name, strerror(errno));
		free(name);
		return -EACCES;
	}
	free(name);
	if (!flock(l->lock, LOCK_EX | LOCK_NB))
		return 0;
	snprintf(l->message, sizeof(l->message), "another collector writes to this file");
	return -EBUSY;
}

static int bc_ledger_create(struct bc_ledger *l)
{
	int ret = bc_ledger_exec(l, "PRAGMA auto_vacuum = INCREMENTAL");

	if (!ret)
		ret = bc_ledger_exec(l, "BEGIN IMMEDIATE");
	if (!ret)
		ret = bc_ledger_end(l, bc_ledger_exec(l, bc_ledger_schema));
	return ret;
}

/* Is it a store, or an empty file that may become one? */
static int bc_ledger_check(struct bc_ledger *l)
{
	int64_t application = 0, version = 0, tables = 0;
	int ret = bc_ledger_number(l, "PRAGMA application_id", &application);

	if (!ret)
		ret = bc_ledger_number(l, "PRAGMA user_version", &version);
	if (!ret)
		ret = bc_ledger_number(l, "SELECT count(*) FROM sqlite_master", &tables);
	if (ret)
		return ret;
	if (!tables && !application)
		return bc_ledger_create(l);
	if (application != BC_LEDGER_APPLICATION)
		snprintf(l->message, sizeof(l->message), "this is the database of another program");
	else if (version != BC_LEDGER_VERSION)
		snprintf(l->message, sizeof(l->message),
			 "version %lld of the store is not known to this bctl",
			 (long long)version);
	else
		return 0;
	return -EBADMSG;
}

static int bc_ledger_prepare(struct bc_ledger *l)
{
	static const char * const first[] = {
		"PRAGMA journal_mode = DELETE", "PRAGMA synchronous = EXTRA",
		"PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF",
	};
	int ret = bc_ledger_check(l);
	size_t i;

	for (i = 0; i < sizeof(first) / sizeof(first[0]) && !ret; i++)
		ret = bc_ledger_exec(l, first[i]);
	return ret;
}

/**
 * bc_ledger_open() - open the store, or make it
 * @lp: receives it, also after an error, for bc_ledger_message(); or NULL for want of memory
 * @path: the file
 *
 * Return: 0; -EBUSY when another collector has it; -EBADMSG for a file that is none;
 * or another negative errno.
 */
int bc_ledger_open(struct bc_ledger **lp, const char *path)
{
	struct bc_ledger *l = calloc(1, sizeof(*l));
	int ret;

	*lp = l;
	if (!l)
		return -ENOMEM;
	l->lock = -1;
	ret = bc_ledger_lock(l, path);
	if (ret)
		return ret;
	if (sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			    SQLITE_OPEN_EXRESCODE, NULL))
		return l->db ? bc_ledger_fail(l) : -ENOMEM;
	sqlite3_busy_timeout(l->db, BC_LEDGER_BUSY_MS);
	return bc_ledger_prepare(l);
}

/**
 * bc_ledger_close() - close the store
 * @l: the store, or NULL
 */
void bc_ledger_close(struct bc_ledger *l)
{
	size_t i;

	if (!l)
		return;
	for (i = 0; i < BC_STATEMENTS; i++)
		sqlite3_finalize(l->sql[i]);
	sqlite3_close(l->db);
	if (l->lock >= 0)
		close(l->lock);
	free(l);
}

/**
 * bc_ledger_message() - what went wrong
 * @l: the store, or NULL
 *
 * Return: words.
 */
const char *bc_ledger_message(const struct bc_ledger *l)
{
	return l && l->message[0] ? l->message : "out of memory";
}

/**
 * bc_ledger_db() - the database, for other work on the same file
 * @l: the store
 *
 * Return: the database.
 */
struct sqlite3 *bc_ledger_db(struct bc_ledger *l)
{
	return l->db;
}

/**
 * bc_ledger_begin() - begin a transaction
 * @l: the store
 *
 * Return: 0, -EAGAIN when somebody else has the lock, or another negative errno.
 */
int bc_ledger_begin(struct bc_ledger *l)
{
	return bc_ledger_exec(l, "BEGIN IMMEDIATE");
}

/**
 * bc_ledger_end() - end a transaction
 * @l: the store
 * @ret: what came of it
 *
 * Return: 0 when it is on disk, else a negative errno, and nothing was changed.
 */
int bc_ledger_end(struct bc_ledger *l, int ret)
{
	if (!ret)
		ret = bc_ledger_exec(l, "COMMIT");
	/* Some errors have done so already. */
	if (ret && !sqlite3_get_autocommit(l->db))
		(void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return ret;
}

/**
 * bc_ledger_get_meta() - read one of the facts about the store
 * @l: the store
 * @key: which
 * @value: receives it, "" if there is none
 * @size: room in @value
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_get_meta(struct bc_ledger *l, const char *key, char *value, size_t size)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_META_GET);
	int err;

	value[0] = '\0';
	if (!s)
		return bc_ledger_fail(l);
	bc_ledger_bind_text(s, 1, key);
	err = sqlite3_step(s);
	if (err == SQLITE_ROW)
		snprintf(value, size, "%s", sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	return err == SQLITE_ROW || err == SQLITE_DONE ? 0 : bc_ledger_fail(l);
}

/**
 * bc_ledger_put_meta() - write one of the facts about the store
 * @l: the store
 * @key: which
 * @value: what it is
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_put_meta(struct bc_ledger *l, const char *key, const char *value)
{
	sqlite3_stmt *s = bc_ledger_get(l, BC_SQL_META_PUT);

	if (!s)
		return bc_ledger_fail(l);
	bc_ledger_bind_text(s, 1, key);
	bc_ledger_bind_text(s, 2, value);
	return bc_ledger_run(l, s);
}

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

static int bc_ledger_drop(struct bc_ledger *l, enum bc_statement which, int64_t key)
{
	sqlite3_stmt *s = bc_ledger_get(l, which);

	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, key);
	return bc_ledger_run(l, s);
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
