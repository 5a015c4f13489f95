/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_LEDGER_H
#define BCTL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter.h"

struct bc_ledger;
struct bc_res;
struct sqlite3;

/**
 * struct bc_ledger_pool - what the store knows a pool by
 * @key: its row; 0 before it has one
 * @boot: boot id
 * @incarnation: of the pool
 * @id: of the pool
 * @name: of the pool
 * @parent: row of the parent, 0 if there is none
 * @cgroup: path, or NULL
 * @created_ms: when it was created
 * @ended: it has its last record
 */
struct bc_ledger_pool {
	int64_t key;
	const char *boot;
	uint64_t incarnation;
	uint32_t id;
	const char *name;
	int64_t parent;
	const char *cgroup;
	int64_t created_ms;
	bool ended;
};

int bc_ledger_open(struct bc_ledger **lp, const char *path);
void bc_ledger_close(struct bc_ledger *l);
const char *bc_ledger_message(const struct bc_ledger *l);
struct sqlite3 *bc_ledger_db(struct bc_ledger *l);
int bc_ledger_begin(struct bc_ledger *l);
int bc_ledger_end(struct bc_ledger *l, int ret);
int bc_ledger_get_meta(struct bc_ledger *l, const char *key, char *value, size_t size);
int bc_ledger_put_meta(struct bc_ledger *l, const char *key, const char *value);
int bc_ledger_put_res(struct bc_ledger *l, uint32_t id, const char *name, const char *unit);
int bc_ledger_pool(struct bc_ledger *l, struct bc_ledger_pool *pool);
int bc_ledger_last(struct bc_ledger *l, int64_t key, struct bc_meter *last);
int bc_ledger_write(struct bc_ledger *l, int64_t key, struct bc_usage *usage);
int bc_ledger_save(struct bc_ledger *l, int64_t key, const struct bc_meter *last);
int bc_ledger_finish(struct bc_ledger *l, int64_t key, int64_t ended_ms, const char *cause);
int bc_ledger_newest(struct bc_ledger *l, const char *boot, int64_t *end_ms);
int bc_ledger_living(struct bc_ledger *l, int (*found)(void *arg, const struct bc_ledger_pool *),
		     void *arg);

#endif /* BCTL_LEDGER_H */
