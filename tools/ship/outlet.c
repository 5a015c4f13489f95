// SPDX-License-Identifier: GPL-2.0
/*
 * The store, as far as shipping is concerned
 *
 * A batch is read in one short transaction and is complete in itself: records in the order of
 * their numbers, their pools and those above them, and the resources. No lock is held while it
 * is under way. How far the records have been sent is kept in the table "outlet", so that they
 * are not compacted before, and in "meta" which record that was. Where to begin is settled with
 * the server, which knows that better.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "meter.h"
#include "outlet.h"
#include "utf8.h"

#define SHIP_APPLICATION	1111709011
#define SHIP_VERSION		1
/* How long a collector may take to write. */
#define SHIP_BUSY_MS		10000

/**
 * struct ship_outlet - a destination, and the store
 * @db: the store
 * @path: its file
 * @name: of the destination
 * @lock: descriptor that keeps others from shipping to it
 * @batch: the statement that makes a batch
 * @message: what went wrong
 */
struct ship_outlet {
	sqlite3 *db;
	char *path;
	const char *name;
	int lock;
	sqlite3_stmt *batch;
	char message[512];
};

/* Which record that is, in words that mean the same in a copy of the store; as in batch.sql. */
#define SHIP_MARK \
	"p.boot || '/' || p.incarnation || '/' || p.id || '/' || r.end_ms || '/' || r.kind"

/* The text of batch.sql. */
static const char ship_batch_sql[] = {
#include "batch.sql.h"
	0
};

static int ship_errno(int err)
{
	switch (err & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int ship_db_fail(struct ship_outlet *o)
{
	snprintf(o->message, sizeof(o->message), "%s: %s", o->path, sqlite3_errmsg(o->db));
	return ship_errno(sqlite3_extended_errcode(o->db));
}

static int ship_exec(struct ship_outlet *o, const char *sql)
{
	return sqlite3_exec(o->db, sql, NULL, NULL, NULL) ? ship_db_fail(o) : 0;
}

/* Prepare a statement with the destination's name as its first value. */
static int ship_prepare(struct ship_outlet *o, const char *sql, sqlite3_stmt **s)
{
	if (sqlite3_prepare_v2(o->db, sql, -1, s, NULL))
		return ship_db_fail(o);
	sqlite3_bind_text(*s, 1, o->name, -1, SQLITE_STATIC);
	return 0;
}

/* Run a statement that answers nothing, and be done with it. */
static int ship_run(struct ship_outlet *o, sqlite3_stmt *s)
{
	int err = sqlite3_step(s);
	int ret = err == SQLITE_DONE || err == SQLITE_ROW ? 0 : ship_db_fail(o);

	sqlite3_finalize(s);
	return ret;
}

static int ship_begin(struct ship_outlet *o)
{
	return ship_exec(o, "BEGIN IMMEDIATE");
}

static int ship_end(struct ship_outlet *o, int ret)
{
	if (!ret)
		ret = ship_exec(o, "COMMIT");
	if (ret && !sqlite3_get_autocommit(o->db))
		(void)sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
	return ret;
}

/* One number; @num stays as it is if there is none. */
static int ship_number(struct ship_outlet *o, const char *sql, int64_t *num)
{
	sqlite3_stmt *s;
	int ret = ship_prepare(o, sql, &s), err;

	if (ret)
		return ret;
	err = sqlite3_step(s);
	if (err == SQLITE_ROW)
		*num = sqlite3_column_int64(s, 0);
	else if (err != SQLITE_DONE)
		ret = ship_db_fail(o);
	sqlite3_finalize(s);
	return ret;
}

static int ship_check(struct ship_outlet *o)
{
	int64_t application = 0, version = 0;
	int ret = ship_number(o, "PRAGMA application_id", &application);

	if (!ret)
		ret = ship_number(o, "PRAGMA user_version", &version);
	if (ret)
		return ret;
	if (application == SHIP_APPLICATION && version == SHIP_VERSION)
		return 0;
	snprintf(o->message, sizeof(o->message), application == SHIP_APPLICATION ?
		 "%s: a store of a version that is not known" : "%s: no store of usage records",
		 o->path);
	return -EBADMSG;
}

static int ship_prepare_batch(struct ship_outlet *o)
{
	const char *at = strstr(ship_batch_sql, "%s");
	char flows[BC_METER_FLOWS * 64] = "", *sql;
	size_t i, len = 0;
	int ret;

	for (i = 0; i < BC_METER_FLOWS; i++)
		len += snprintf(flows + len, sizeof(flows) - len, ", '%s', r.%s",
				bc_meter_flows[i], bc_meter_flows[i]);
	if (asprintf(&sql, "%.*s%s%s", (int)(at - ship_batch_sql), ship_batch_sql, flows,
		     at + 2) < 0)
		return -ENOMEM;
	ret = sqlite3_prepare_v2(o->db, sql, -1, &o->batch, NULL) ? ship_db_fail(o) : 0;
	free(sql);
	return ret;
}

/**
 * ship_outlet_open() - open a store
 * @op: receives it, also after an error, for ship_outlet_message(); or NULL for want of memory
 * @path: its file, which has to be there
 * @name: of the destination; is kept
 *
 * Return: 0 or a negative errno.
 */
int ship_outlet_open(struct ship_outlet **op, const char *path, const char *name)
{
	struct ship_outlet *o = calloc(1, sizeof(*o));
	int ret;

	*op = o;
	if (!o)
		return -ENOMEM;
	o->lock = -1;
	o->name = name;
	o->path = strdup(path);
	if (!o->path)
		return -ENOMEM;
	if (sqlite3_open_v2(path, &o->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL))
		return o->db ? ship_db_fail(o) : -ENOMEM;
	sqlite3_busy_timeout(o->db, SHIP_BUSY_MS);
	ret = ship_check(o);
	return ret ? ret : ship_prepare_batch(o);
}

/**
 * ship_outlet_close() - close the store
 * @o: the outlet, or NULL
 */
void ship_outlet_close(struct ship_outlet *o)
{
	if (!o)
		return;
	sqlite3_finalize(o->batch);
	sqlite3_close(o->db);
	if (o->lock >= 0)
		close(o->lock);
	free(o->path);
	free(o);
}

/**
 * ship_outlet_message() - what went wrong
 * @o: the outlet, or NULL
 *
 * Return: words.
 */
const char *ship_outlet_message(const struct ship_outlet *o)
{
	return o && o->message[0] ? o->message : "out of memory";
}

/**
 * ship_outlet_lock() - be the only one who ships from this store to this destination
 * @o: the outlet
 *
 * A byte of one file for each destination; its number comes from the name. SQLite's own locks are
 * in another file.
 *
 * Return: 0, -EBUSY, or another negative errno.
 */
int ship_outlet_lock(struct ship_outlet *o)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	uint64_t hash = 14695981039346656037ULL;
	const char *at;
	char *file;
	int ret = 0;

	for (at = o->name; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211ULL;
	lock.l_start = hash >> 2;
	if (asprintf(&file, "%s.ship", o->path) < 0)
		return -ENOMEM;
	o->lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (o->lock < 0) {
		snprintf(o->message, sizeof(o->message), "%s: %s", file, strerror(errno));
		ret = -EIO;
	} else if (fcntl(o->lock, F_OFD_SETLK, &lock)) {
		snprintf(o->message, sizeof(o->message), "another bctl-ship does this already");
		ret = -EBUSY;
	}
	free(file);
	return ret;
}

/* A name for the store, and a row for the destination: from now on nothing is compacted unsent. */
static int ship_register(struct ship_outlet *o)
{
	unsigned char b[16];
	size_t len = 0, i;
	char uuid[40];
	sqlite3_stmt *s;
	int ret;

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return -EIO;
	for (i = 0; i < sizeof(b); i++)
		len += sprintf(uuid + len, "%s%02x", strchr("\4\6\10\12", i) && i ? "-" : "", b[i]);
	/* Version 4: random. */
	uuid[14] = '4';
	uuid[19] = '8';
	ret = ship_prepare(o, "INSERT OR IGNORE INTO outlet VALUES (?1, 0)", &s);
	if (!ret)
		ret = ship_run(o, s);
	if (!ret)
		ret = ship_prepare(o, "INSERT OR IGNORE INTO meta SELECT 'store', ?2 WHERE ?1 <> ''",
				   &s);
	if (ret)
		return ret;
	sqlite3_bind_text(s, 2, uuid, -1, SQLITE_STATIC);
	return ship_run(o, s);
}

/* The one text that a statement answers; with bytes that are no UTF-8 written in hex. */
static int ship_text(struct ship_outlet *o, sqlite3_stmt *s, int column, char **text)
{
	const char *found = (const char *)sqlite3_column_text(s, column);

	*text = found ? ship_utf8(found) : NULL;
	if (*text)
		return 0;
	snprintf(o->message, sizeof(o->message), "out of memory");
	return -ENOMEM;
}

/**
 * ship_outlet_hello() - who ships
 * @o: the outlet; is entered in the store, if it is a new one
 * @take_over: in the place of another store
 * @text: receives a document; to be freed
 *
 * Return: 0 or a negative errno.
 */
int ship_outlet_hello(struct ship_outlet *o, bool take_over, char **text)
{
	int64_t known = 0;
	sqlite3_stmt *s;
	int ret = ship_number(o, "SELECT count(*) FROM outlet, meta WHERE outlet.name = ?1 AND "
			      "meta.key = 'store'", &known);

	if (!ret && !known) {
		ret = ship_begin(o);
		if (!ret)
			ret = ship_end(o, ship_register(o));
	}
	if (!ret)
		ret = ship_prepare(o, "SELECT json_object('node', (SELECT value FROM meta WHERE "
				   "key = 'node'), 'store', (SELECT value FROM meta WHERE "
				   "key = 'store'), 'take_over', json(?2), 'outlet', ?1)", &s);
	if (ret)
		return ret;
	sqlite3_bind_text(s, 2, take_over ? "true" : "false", -1, SQLITE_STATIC);
	ret = sqlite3_step(s) == SQLITE_ROW ? ship_text(o, s, 0, text) : ship_db_fail(o);
	sqlite3_finalize(s);
	return ret;
}

/**
 * ship_outlet_settle() - where to begin
 * @o: the outlet
 * @record: number of the last record that the server has
 * @mark: which one that is, to the server
 * @from: receives the number of the record after which to go on
 *
 * If this store has that record under that number, or remembers having sent it, both have the
 * same history up to there. If not, one of them was put back to an earlier state or is
 * a copy, and all is sent again: the server knows what it has.
 *
 * Return: 0 or a negative errno.
 */
int ship_outlet_settle(struct ship_outlet *o, int64_t record, const char *mark, int64_t *from)
{
	static const char sql[] =
		"SELECT count(*) FROM (SELECT 1 FROM record r JOIN pool p USING (pool) "
		"WHERE r.record = ?2 AND " SHIP_MARK " = ?3 UNION ALL "
		"SELECT 1 FROM outlet o, meta m WHERE o.name = ?1 AND o.record = ?2 AND "
		"m.key = 'outlet ' || ?1 AND m.value = ?3)";
	sqlite3_stmt *s;
	int ret = ship_prepare(o, sql, &s);

	*from = 0;
	if (ret)
		return ret;
	sqlite3_bind_int64(s, 2, record);
	sqlite3_bind_text(s, 3, mark, -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_ROW)
		ret = ship_db_fail(o);
	else if (sqlite3_column_int(s, 0))
		*from = record;
	sqlite3_finalize(s);
	return ret;
}

/**
 * ship_outlet_batch() - make a batch
 * @o: the outlet
 * @from: number of the record after which it begins
 * @limit: how many records at most
 * @batch: receives it
 *
 * Return: 0 or a negative errno.
 */
int ship_outlet_batch(struct ship_outlet *o, int64_t from, int limit, struct ship_batch *batch)
{
	int err, ret = 0;

	batch->text = NULL;
	sqlite3_bind_int64(o->batch, 1, from);
	sqlite3_bind_int(o->batch, 2, limit);
	err = sqlite3_step(o->batch);
	if (err == SQLITE_ROW) {
		batch->record = sqlite3_column_int64(o->batch, 0);
		snprintf(batch->mark, sizeof(batch->mark), "%s",
			 sqlite3_column_text(o->batch, 1));
		ret = ship_text(o, o->batch, 2, &batch->text);
	} else if (err != SQLITE_DONE) {
		ret = ship_db_fail(o);
	}
	sqlite3_reset(o->batch);
	return ret;
}

/**
 * ship_outlet_sent() - remember that the server has records
 * @o: the outlet
 * @record: number of the last one
 * @mark: which one that is
 *
 * Return: 0 or a negative errno.
 */
int ship_outlet_sent(struct ship_outlet *o, int64_t record, const char *mark)
{
	static const char * const sql[] = {
		"INSERT INTO outlet VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET "
		"record = excluded.record",
		"INSERT INTO meta SELECT 'outlet ' || ?1, ?3 WHERE ?2 IS NOT NULL "
		"ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	};
	int ret = ship_begin(o);
	sqlite3_stmt *s;
	int i;

	if (ret)
		return ret;
	for (i = 0; i < 2 && !ret; i++) {
		ret = ship_prepare(o, sql[i], &s);
		if (ret)
			break;
		sqlite3_bind_int64(s, 2, record);
		if (i)
			sqlite3_bind_text(s, 3, mark, -1, SQLITE_STATIC);
		ret = ship_run(o, s);
	}
	return ship_end(o, ret);
}

/**
 * ship_outlet_list() - tell of all destinations
 * @o: the outlet
 * @f: where to
 *
 * Return: 0 or a negative errno.
 */
int ship_outlet_list(struct ship_outlet *o, FILE *f)
{
	static const char sql[] =
		"SELECT name, (SELECT count(*) FROM record WHERE record.record > outlet.record), "
		"(SELECT strftime('%Y-%m-%dT%H:%M:%SZ', end_ms / 1000, 'unixepoch') FROM record "
		"WHERE record.record > outlet.record ORDER BY record.record LIMIT 1) "
		"FROM outlet ORDER BY name";
	sqlite3_stmt *s;
	int ret = ship_prepare(o, sql, &s), err = SQLITE_DONE;
	const char *since;

	if (ret)
		return ret;
	while ((err = sqlite3_step(s)) == SQLITE_ROW) {
		since = (const char *)sqlite3_column_text(s, 2);
		fprintf(f, "%s: %lld records wait%s%s\n", sqlite3_column_text(s, 0),
			sqlite3_column_int64(s, 1), since ? ", the first one of " : "",
			since ? since : "");
	}
	if (err != SQLITE_DONE)
		ret = ship_db_fail(o);
	sqlite3_finalize(s);
	return ret;
}

/**
 * ship_outlet_forget() - nothing goes to the destination any more
 * @o: the outlet
 * @found: receives whether anything did
 *
 * Return: 0 or a negative errno.
 */
int ship_outlet_forget(struct ship_outlet *o, bool *found)
{
	static const char * const sql[] = { "DELETE FROM meta WHERE key = 'outlet ' || ?1",
					    "DELETE FROM outlet WHERE name = ?1" };
	int ret = ship_begin(o), i;
	sqlite3_stmt *s;

	if (ret)
		return ret;
	for (i = 0; i < 2 && !ret; i++) {
		ret = ship_prepare(o, sql[i], &s);
		if (!ret)
			ret = ship_run(o, s);
	}
	*found = !ret && sqlite3_changes(o->db);
	return ship_end(o, ret);
}
