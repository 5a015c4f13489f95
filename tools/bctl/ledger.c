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

#include "ledger_sql.h"

/* The text of usage.sql. */
static const char bc_ledger_schema[] = {
#include "usage.sql.h"
	0
};

#define BC_LEDGER_APPLICATION	1111709011
#define BC_LEDGER_VERSION	1
/* How long a reader may keep the lock. */
#define BC_LEDGER_BUSY_MS	5000

/*
 * Only one collector writes to a store. This is no lock of SQLite's, and is in a file of its
 * own: closing a descriptor of the store itself would give up SQLite's locks.
 */
static int bc_ledger_lock(struct bc_ledger *l, const char *path)
{
	char *name;
	int err;

	if (asprintf(&name, "%s.lock", path) < 0)
		return -ENOMEM;
	l->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock < 0) {
		err = errno;
		snprintf(l->message, sizeof(l->message), "%s: %s", name, strerror(err));
		free(name);
		return err == ENOSPC ? -ENOSPC : -EACCES;
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
 * Return: 0; -EBUSY when another collector has it; -EBADMSG for a file that is none; -ENOSPC
 * on a full disk; or another negative errno.
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
