/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the store of "bctl collect"
 */
#ifndef BCTL_USAGEDB_H
#define BCTL_USAGEDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metric.h"
#include "sums.h"

/* Where "bctl collect" writes unless told otherwise. */
#define BC_USAGE_DB	"/var/lib/beancounter/usage.db"
#define BC_USAGE_SCHEMA	"1"

/**
 * struct bc_db_res - a resource
 * @id: its public number
 * @name: its name
 * @measure: its unit
 */
struct bc_db_res {
	uint32_t id;
	char *name;
	enum bc_measure measure;
};

/**
 * struct bc_db_pool - one life of a pool
 * @key: of its row
 * @boot: boot id of the kernel
 * @incarnation: which life
 * @id: the pool's number, 0 for the host
 * @name: its name
 * @parent: index of the pool above, -1 for none
 * @created: when it was made, ms
 * @has_ended: it is gone
 * @ended: when, ms
 * @cause: why, or NULL
 */
struct bc_db_pool {
	int64_t key;
	char *boot;
	uint64_t incarnation;
	uint32_t id;
	char *name;
	int parent;
	int64_t created;
	bool has_ended;
	int64_t ended;
	char *cause;
};

/**
 * struct bc_db - an open store
 * @sql: the connection
 * @rows: statement that reads records
 * @figures: statement that reads their figures
 * @node: name of the machine
 * @page_size: bytes in a page there
 * @res: the resources
 * @nres: how many
 * @pools: the pools, parents before their children
 * @npools: how many
 * @reach: end of the newest interval, ms
 * @data: from the first to the last record
 * @why: what went wrong, after an error
 */
struct bc_db {
	struct sqlite3 *sql;
	struct sqlite3_stmt *rows;
	struct sqlite3_stmt *figures;
	char *node;
	uint64_t page_size;
	struct bc_db_res *res;
	size_t nres;
	struct bc_db_pool *pools;
	size_t npools;
	int64_t reach;
	struct bc_span data;
	char why[512];
};

typedef int (*bc_db_row_fn)(void *arg, const struct bc_db_pool *pool, struct bc_row *row);

int bc_db_open(struct bc_db *db, const char *path);
int bc_db_rows(struct bc_db *db, const struct bc_db_pool *pool, int64_t from, int64_t to,
	       bc_db_row_fn fn, void *arg);
int bc_db_res_by_name(const struct bc_db *db, const char *name);
void bc_db_close(struct bc_db *db);

#endif /* BCTL_USAGEDB_H */
