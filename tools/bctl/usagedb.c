// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the store of "bctl collect"
 *
 * All of it is read in one transaction, so that what is read fits together while
 * the collector goes on writing. Nothing is written, not even beside the store:
 * where it cannot be locked because neither the file nor its directory may be
 * written to, it is read as it is if no collector has it open, which is when there
 * is no log beside it. What a collector that was killed has left half done is not read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "usagedb.h"

/* How long to wait for a collector that is about to write, ms. */
#define BC_DB_PATIENCE	10000

static const char * const bc_row_kinds[] = { "interval", "closing", "gap" };

static int bc_db_fail(struct bc_db *db, const char *what)
{
	snprintf(db->why, sizeof(db->why), "%s: %s", what,
		 db->sql ? sqlite3_errmsg(db->sql) : "out of memory");
	return -EIO;
}

static int bc_db_bad(struct bc_db *db, const char *what)
{
	snprintf(db->why, sizeof(db->why), "%s", what);
	return -EINVAL;
}

static char *bc_db_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	return text ? strdup((const char *)text) : NULL;
}

/* One row of a query goes to @fn at a time. */
static int bc_db_each(struct bc_db *db, const char *sql,
		      int (*fn)(struct bc_db *db, sqlite3_stmt *st))
{
	sqlite3_stmt *st;
	int ret = 0, rc;

	if (sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL) != SQLITE_OK)
		return bc_db_fail(db, "not a store of usage records");
	while (!ret && (rc = sqlite3_step(st)) == SQLITE_ROW)
		ret = fn(db, st);
	if (!ret && rc != SQLITE_DONE)
		ret = bc_db_fail(db, "cannot read");
	sqlite3_finalize(st);
	return ret;
}

static int bc_db_meta(struct bc_db *db, sqlite3_stmt *st)
{
	const char *key = (const char *)sqlite3_column_text(st, 0);
	const char *value = (const char *)sqlite3_column_text(st, 1);

	if (!key || !value)
		return bc_db_fail(db, "cannot read");
	if (!strcmp(key, "schema") && strcmp(value, BC_USAGE_SCHEMA)) {
		snprintf(db->why, sizeof(db->why),
			 "it has version %.16s, this program knows " BC_USAGE_SCHEMA, value);
		return -EINVAL;
	}
	if (!strcmp(key, "page_size"))
		db->page_size = sqlite3_column_int64(st, 1);
	if (!strcmp(key, "node")) {
		free(db->node);
		db->node = strdup(value);
		if (!db->node)
			return -ENOMEM;
	}
	return 0;
}

static int bc_db_add_res(struct bc_db *db, sqlite3_stmt *st)
{
	struct bc_db_res *res = reallocarray(db->res, db->nres + 1, sizeof(*res));
	const char *unit = (const char *)sqlite3_column_text(st, 2);

	if (!res)
		return -ENOMEM;
	db->res = res;
	res += db->nres;
	res->id = sqlite3_column_int64(st, 0);
	if (!unit || bc_measure_of_unit(unit, &res->measure))
		return bc_db_bad(db, "a resource has an unknown unit");
	res->name = bc_db_text(st, 1);
	db->nres += !!res->name;
	return res->name ? 0 : -ENOMEM;
}

static int bc_db_pool_by_key(const struct bc_db *db, int64_t key)
{
	size_t low = 0, high = db->npools;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (db->pools[mid].key == key)
			return mid;
		if (db->pools[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

static int bc_db_add_pool(struct bc_db *db, sqlite3_stmt *st)
{
	struct bc_db_pool *pool;

	if (!(db->npools & (db->npools - 1))) {
		pool = reallocarray(db->pools, db->npools ? 2 * db->npools : 1, sizeof(*pool));
		if (!pool)
			return -ENOMEM;
		db->pools = pool;
	}
	pool = &db->pools[db->npools++];
	*pool = (struct bc_db_pool){
		.key = sqlite3_column_int64(st, 0), .boot = bc_db_text(st, 1),
		.incarnation = sqlite3_column_int64(st, 2), .id = sqlite3_column_int64(st, 3),
		.name = bc_db_text(st, 4), .parent = -1, .created = sqlite3_column_int64(st, 6),
		.has_ended = sqlite3_column_type(st, 7) != SQLITE_NULL,
		.ended = sqlite3_column_int64(st, 7), .cause = bc_db_text(st, 8),
	};
	return pool->boot && pool->name ? 0 : -ENOMEM;
}

/* In a second pass, as a pool may have been put above others that were there before. */
static int bc_db_set_parent(struct bc_db *db, sqlite3_stmt *st)
{
	int pool = bc_db_pool_by_key(db, sqlite3_column_int64(st, 0));
	int parent = bc_db_pool_by_key(db, sqlite3_column_int64(st, 1)), up;

	for (up = parent; up >= 0; up = db->pools[up].parent)
		if (up == pool)
			return bc_db_bad(db, "a pool is above itself");
	if (pool >= 0)
		db->pools[pool].parent = parent;
	return 0;
}

/* No record of a pool is older than the pool. All of these need a look at an index only. */
static const char bc_db_reach_query[] =
	"SELECT (SELECT min(created_ms) FROM pool), (SELECT max(end_ms) FROM record),"
	" (SELECT end_ms FROM record WHERE kind != 'closing' ORDER BY end_ms DESC LIMIT 1)";

static int bc_db_reach(struct bc_db *db, sqlite3_stmt *st)
{
	db->data.begin = sqlite3_column_int64(st, 0);
	db->data.end = sqlite3_column_int64(st, 1);
	db->reach = sqlite3_column_int64(st, 2);
	return 0;
}

static int bc_db_prepare(struct bc_db *db)
{
	char sql[1024];
	size_t len, i;

	len = snprintf(sql, sizeof(sql),
		       "SELECT record, begin_ms, end_ms, kind, reason, span_ns, cpu_mhz");
	for (i = 0; i < BC_M_STORED; i++)
		len += snprintf(sql + len, sizeof(sql) - len, ", %s", bc_flow_infos[i].column);
	snprintf(sql + len, sizeof(sql) - len,
		 " FROM record WHERE pool = ?1 AND end_ms >= ?2 AND begin_ms < ?3 ORDER BY end_ms");
	if (sqlite3_prepare_v2(db->sql, sql, -1, &db->rows, NULL) != SQLITE_OK)
		return bc_db_fail(db, "not a store of usage records");
	len = snprintf(sql, sizeof(sql), "SELECT res");
	for (i = 0; i < BC_FIGURE_METRICS; i++)
		len += snprintf(sql + len, sizeof(sql) - len, ", %s", bc_figure_fields[i]);
	snprintf(sql + len, sizeof(sql) - len, " FROM figure WHERE record = ?1");
	if (sqlite3_prepare_v2(db->sql, sql, -1, &db->figures, NULL) != SQLITE_OK)
		return bc_db_fail(db, "not a store of usage records");
	return 0;
}

/* The path as a URI that says not to look for locks and logs. */
static char *bc_db_immutable(const char *path)
{
	char *uri = malloc(3 * strlen(path) + 32), *to;

	if (!uri)
		return NULL;
	to = uri + sprintf(uri, "file:");
	for (; *path; path++)
		if (strchr("%?#", *path))
			to += sprintf(to, "%%%02x", (unsigned char)*path);
		else
			*to++ = *path;
	strcpy(to, "?immutable=1");
	return uri;
}

/* Is there a log that changes are in, or what they were before? */
static bool bc_db_has_log(const char *path)
{
	static const char * const suffixes[] = { "-wal", "-journal" };
	bool has = false;
	struct stat st;
	char *log;
	size_t i;

	for (i = 0; i < 2 && !has; i++) {
		if (asprintf(&log, "%s%s", path, suffixes[i]) < 0)
			return true;
		has = !stat(log, &st) && st.st_size;
		free(log);
	}
	return has;
}

static int bc_db_connect(struct bc_db *db, const char *name, int flags)
{
	int rc = sqlite3_open_v2(name, &db->sql, SQLITE_OPEN_READONLY | flags, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db->sql, BC_DB_PATIENCE);
		rc = sqlite3_exec(db->sql, "BEGIN; SELECT 1 FROM sqlite_master", NULL, NULL, NULL);
	}
	return rc;
}

static int bc_db_start(struct bc_db *db, const char *path)
{
	struct stat st;
	char *uri;
	int rc;

	/* sqlite has the same words for a file that is not there and one that is no store */
	if (stat(path, &st)) {
		rc = -errno;
		bc_db_bad(db, strerror(-rc));
		return rc;
	}
	rc = bc_db_connect(db, path, 0);
	if (rc == SQLITE_OK)
		return 0;
	if ((rc & 0xff) != SQLITE_CANTOPEN && (rc & 0xff) != SQLITE_READONLY)
		return bc_db_fail(db, "cannot read");
	if (bc_db_has_log(path))
		return bc_db_bad(db, "its last change was interrupted; \"bctl collect\" has to run before it can be read");
	sqlite3_close(db->sql);
	db->sql = NULL;
	uri = bc_db_immutable(path);
	rc = uri ? bc_db_connect(db, uri, SQLITE_OPEN_URI) : SQLITE_NOMEM;
	free(uri);
	return rc == SQLITE_OK ? 0 : bc_db_fail(db, "cannot read");
}

/**
 * bc_db_open() - open a store to read it
 * @db: the store, to be closed by bc_db_close() in any case
 * @path: its file
 *
 * Return: 0 or a negative errno with @db->why set.
 */
int bc_db_open(struct bc_db *db, const char *path)
{
	int ret;

	memset(db, 0, sizeof(*db));
	ret = bc_db_start(db, path);
	if (!ret)
		ret = bc_db_each(db, "SELECT key, value FROM meta", bc_db_meta);
	if (!ret && !db->node)
		ret = bc_db_bad(db, "not a store of usage records: node is missing");
	if (!ret)
		ret = bc_db_each(db, "SELECT id, name, unit FROM resource ORDER BY id",
				 bc_db_add_res);
	if (!ret)
		ret = bc_db_each(db, "SELECT pool, boot, incarnation, id, name, parent, created_ms,"
				 " ended_ms, cause FROM pool ORDER BY pool", bc_db_add_pool);
	/* A collector that has not seen the module yet does not know it. */
	if (!ret && !db->page_size && db->npools)
		ret = bc_db_bad(db, "not a store of usage records: page_size is missing");
	if (!ret && !db->page_size)
		db->page_size = sysconf(_SC_PAGESIZE);
	if (!ret)
		ret = bc_db_each(db, "SELECT pool, parent FROM pool WHERE parent IS NOT NULL",
				 bc_db_set_parent);
	if (!ret)
		ret = bc_db_each(db, bc_db_reach_query, bc_db_reach);
	if (!ret)
		ret = bc_db_prepare(db);
	if (ret && !*db->why)
		snprintf(db->why, sizeof(db->why), "%s", strerror(-ret));
	return ret;
}

static int64_t bc_db_amount(sqlite3_stmt *st, int column, uint32_t bit, uint32_t *known)
{
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return 0;
	*known |= bit;
	return sqlite3_column_int64(st, column);
}

static int bc_db_res_by_id(const struct bc_db *db, int64_t id)
{
	size_t i;

	for (i = 0; i < db->nres; i++)
		if (db->res[i].id == id)
			return i;
	return -1;
}

static int bc_db_row_figures(struct bc_db *db, struct bc_row *row)
{
	struct bc_row_figure *fig;
	int rc = SQLITE_DONE, res, i;

	row->nfig = 0;
	sqlite3_reset(db->figures);
	sqlite3_bind_int64(db->figures, 1, row->record);
	while (row->nfig < db->nres && (rc = sqlite3_step(db->figures)) == SQLITE_ROW) {
		res = bc_db_res_by_id(db, sqlite3_column_int64(db->figures, 0));
		if (res < 0)
			return bc_db_bad(db, "a record has an unknown resource");
		fig = &row->fig[row->nfig++];
		*fig = (struct bc_row_figure){ .res = res };
		for (i = 0; i < BC_FIGURE_METRICS; i++)
			fig->v[i] = bc_db_amount(db->figures, i + 1, 1U << i, &fig->known);
	}
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : bc_db_fail(db, "cannot read");
}

static int bc_db_reason(struct bc_db *db, sqlite3_stmt *st, struct bc_row *row)
{
	static const char * const reasons[] = { "late", "clock", "lost", "backwards", "missing" };
	const char *kind = (const char *)sqlite3_column_text(st, 3);
	const char *reason = (const char *)sqlite3_column_text(st, 4);
	size_t i;

	for (i = 0; kind && i < sizeof(bc_row_kinds) / sizeof(bc_row_kinds[0]); i++)
		if (!strcmp(kind, bc_row_kinds[i]))
			break;
	if (!kind || i == sizeof(bc_row_kinds) / sizeof(bc_row_kinds[0]))
		return bc_db_bad(db, "a record is of an unknown kind");
	row->kind = i;
	row->reason = reason ? "other" : NULL;
	for (i = 0; reason && i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(reason, reasons[i]))
			row->reason = reasons[i];
	return 0;
}

static int bc_db_row(struct bc_db *db, sqlite3_stmt *st, struct bc_row *row)
{
	uint32_t span = 0, mhz = 0;
	int ret, i;

	row->record = sqlite3_column_int64(st, 0);
	row->begin = sqlite3_column_int64(st, 1);
	row->end = sqlite3_column_int64(st, 2);
	if (row->begin < db->data.begin)
		return bc_db_bad(db, "a record is older than all pools");
	ret = bc_db_reason(db, st, row);
	if (ret)
		return ret;
	row->span = bc_db_amount(st, 5, 1, &span);
	row->span_known = span;
	row->mhz = bc_db_amount(st, 6, 1, &mhz);
	row->known = 0;
	for (i = 0; i < BC_M_STORED; i++)
		row->flow[i] = bc_db_amount(st, 7 + i, 1U << i, &row->known);
	return bc_db_row_figures(db, row);
}

/**
 * bc_db_rows() - read the records of a pool that have a part in a period
 * @db: the store
 * @pool: the pool
 * @from: beginning of the period
 * @to: its end
 * @fn: called for each record, in order; anything but 0 ends it
 * @arg: for @fn
 *
 * Return: 0, what @fn returned, or a negative errno with @db->why set.
 */
int bc_db_rows(struct bc_db *db, const struct bc_db_pool *pool, int64_t from, int64_t to,
	       bc_db_row_fn fn, void *arg)
{
	struct bc_row row = { .fig = calloc(db->nres + 1, sizeof(*row.fig)) };
	int ret = row.fig ? 0 : -ENOMEM, rc = SQLITE_DONE;

	sqlite3_reset(db->rows);
	sqlite3_bind_int64(db->rows, 1, pool->key);
	sqlite3_bind_int64(db->rows, 2, from);
	sqlite3_bind_int64(db->rows, 3, to);
	while (!ret && (rc = sqlite3_step(db->rows)) == SQLITE_ROW) {
		ret = bc_db_row(db, db->rows, &row);
		if (!ret)
			ret = fn(arg, pool, &row);
	}
	if (!ret && rc != SQLITE_DONE)
		ret = bc_db_fail(db, "cannot read");
	sqlite3_reset(db->rows);
	free(row.fig);
	return ret;
}

/**
 * bc_db_res_by_name() - find a resource
 * @db: the store
 * @name: its name
 *
 * Return: its index, or -ENOENT.
 */
int bc_db_res_by_name(const struct bc_db *db, const char *name)
{
	size_t i;

	for (i = 0; i < db->nres; i++)
		if (!strcmp(db->res[i].name, name))
			return i;
	return -ENOENT;
}

/**
 * bc_db_close() - close a store
 * @db: the store
 */
void bc_db_close(struct bc_db *db)
{
	size_t i;

	sqlite3_finalize(db->rows);
	sqlite3_finalize(db->figures);
	sqlite3_close(db->sql);
	for (i = 0; i < db->nres; i++)
		free(db->res[i].name);
	for (i = 0; i < db->npools; i++) {
		free(db->pools[i].boot);
		free(db->pools[i].name);
		free(db->pools[i].cause);
	}
	free(db->res);
	free(db->pools);
	free(db->node);
	db->sql = NULL;
	db->rows = db->figures = NULL;
}
