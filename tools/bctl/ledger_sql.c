// SPDX-License-Identifier: GPL-2.0
/*
 * The statements of the store, and what SQLite says to them
 *
 * One table has them all. Each is prepared when it is needed first, and kept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/beancounter.h>
#include <sqlite3.h>

#include "ledger_sql.h"

#define BC_LEDGER_TEXT		2048

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

/**
 * bc_ledger_fail() - an error of SQLite's
 * @l: the store; bc_ledger_message() has the words
 *
 * Return: a negative errno.
 */
int bc_ledger_fail(struct bc_ledger *l)
{
	int err = sqlite3_extended_errcode(l->db);

	snprintf(l->message, sizeof(l->message), "%s", sqlite3_errmsg(l->db));
	/* A journal that cannot be made for want of room; there is room for no name, perhaps. */
	if ((err & 0xff) == SQLITE_CANTOPEN && sqlite3_system_errno(l->db) == ENOSPC)
		return -ENOSPC;
	return bc_ledger_errno(err);
}

/**
 * bc_ledger_exec() - do what needs no values
 * @l: the store
 * @sql: one or more statements
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_exec(struct bc_ledger *l, const char *sql)
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

/**
 * bc_ledger_get() - get a statement, ready to have its values bound
 * @l: the store
 * @which: the statement
 *
 * Return: it; or NULL, and bc_ledger_fail() tells why.
 */
sqlite3_stmt *bc_ledger_get(struct bc_ledger *l, enum bc_statement which)
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

/**
 * bc_ledger_run() - run a statement that answers nothing
 * @l: the store
 * @s: the statement
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_run(struct bc_ledger *l, sqlite3_stmt *s)
{
	int ret = sqlite3_step(s) == SQLITE_DONE ? 0 : bc_ledger_fail(l);

	sqlite3_reset(s);
	return ret;
}

/**
 * bc_ledger_bind() - bind a figure
 * @s: the statement
 * @i: to which of its marks
 * @known: else it is NULL
 * @value: the figure; BC_UNLIMITED is -1 in the store
 */
void bc_ledger_bind(sqlite3_stmt *s, int i, bool known, uint64_t value)
{
	if (!known)
		sqlite3_bind_null(s, i);
	else
		sqlite3_bind_int64(s, i, value == BC_UNLIMITED ? -1 : (int64_t)value);
}

/**
 * bc_ledger_bind_text() - bind a text
 * @s: the statement
 * @i: to which of its marks
 * @text: the text, or NULL
 */
void bc_ledger_bind_text(sqlite3_stmt *s, int i, const char *text)
{
	if (text)
		sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(s, i);
}

/**
 * bc_ledger_number() - one number that a statement answers
 * @l: the store
 * @sql: the statement
 * @num: receives it, and stays as it is if there is none
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_number(struct bc_ledger *l, const char *sql, int64_t *num)
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

/**
 * bc_ledger_drop() - run a statement whose only value is a row
 * @l: the store
 * @which: the statement
 * @key: the row
 *
 * Return: 0 or a negative errno.
 */
int bc_ledger_drop(struct bc_ledger *l, enum bc_statement which, int64_t key)
{
	sqlite3_stmt *s = bc_ledger_get(l, which);

	if (!s)
		return bc_ledger_fail(l);
	sqlite3_bind_int64(s, 1, key);
	return bc_ledger_run(l, s);
}
