/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_LEDGER_SQL_H
#define BCTL_LEDGER_SQL_H

#include <sqlite3.h>

#include "ledger.h"

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

int bc_ledger_fail(struct bc_ledger *l);
int bc_ledger_exec(struct bc_ledger *l, const char *sql);
sqlite3_stmt *bc_ledger_get(struct bc_ledger *l, enum bc_statement which);
int bc_ledger_run(struct bc_ledger *l, sqlite3_stmt *s);
void bc_ledger_bind(sqlite3_stmt *s, int i, bool known, uint64_t value);
void bc_ledger_bind_text(sqlite3_stmt *s, int i, const char *text);
int bc_ledger_number(struct bc_ledger *l, const char *sql, int64_t *num);
int bc_ledger_drop(struct bc_ledger *l, enum bc_statement which, int64_t key);

#endif /* BCTL_LEDGER_SQL_H */
