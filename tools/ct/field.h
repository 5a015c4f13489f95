/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fields of lists of containers
 */
#ifndef BCTL_CT_FIELD_H
#define BCTL_CT_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "ct.h"
#include "fetch.h"
#include "keys.h"

/**
 * enum ct_source - where a field comes from
 * @CT_FROM_ID: the number
 * @CT_FROM_STATUS: running, mounted or stopped
 * @CT_FROM_ROOT: VE_ROOT
 * @CT_FROM_PRIVATE: VE_PRIVATE
 * @CT_FROM_KEY: a key of the configuration
 * @CT_FROM_SOFT: the soft limit of the disk; if none is set, what stands before the colon
 * @CT_FROM_HARD: the hard one, and what stands behind it
 * @CT_FROM_DISK: what is in use on the disk
 * @CT_FROM_UPTIME: since when its init runs
 * @CT_FROM_NAME: the name, or the number
 * @CT_FROM_VSWAP: whether physpages has a limit
 * @CT_FROM_LOAD: load averages
 * @CT_FROM_UBC: the table of the pool
 */
enum ct_source { CT_FROM_ID, CT_FROM_STATUS, CT_FROM_ROOT, CT_FROM_PRIVATE, CT_FROM_KEY,
		 CT_FROM_SOFT, CT_FROM_HARD, CT_FROM_DISK, CT_FROM_UPTIME,
		 CT_FROM_NAME, CT_FROM_VSWAP, CT_FROM_LOAD, CT_FROM_UBC };

struct ct_field {
	const char *name;
	const char *head;
	int width;		/* negative: to the left */
	enum ct_source from;
	const char *key;
};

/**
 * struct ct_column - a column of the list
 * @field: a field; for a resource one made of its name
 * @res: the resource
 * @part: h held, m maxheld, b barrier, l limit, f failcnt
 * @head: what stands above it
 */
struct ct_column {
	struct ct_field field;
	const struct ct_key *res;
	char part;
	char head[24];
};

/**
 * struct ct_row - a container in the list
 * @ct: the container
 * @running: it runs
 * @mounted: it is mounted
 * @pool: its pool, or NULL
 * @sort: the text that it is sorted by
 */
struct ct_row {
	struct ct ct;
	bool running;
	bool mounted;
	const struct bcn_pool *pool;
	char sort[256];
};

struct json_object;

bool ct_column_find(const char *name, size_t len, struct ct_column *col);
void ct_cell(const struct bc_snapshot *snap, const struct ct_row *row,
	     const struct ct_column *col, char *out, size_t size);
struct json_object *ct_json_row(const struct bc_snapshot *snap, const struct ct_row *row);
void ct_print_fields(void);

#endif /* BCTL_CT_FIELD_H */
