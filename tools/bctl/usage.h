/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pools of a store are told of, and what is summed up for each
 */
#ifndef BCTL_USAGE_H
#define BCTL_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "sums.h"
#include "usagedb.h"

struct bc_doc;

/**
 * struct bc_ask - what is asked for
 * @period: the time
 * @step: how it is cut
 * @names: of pools, ended by NULL; none for all
 * @top: those directly below the host, whatever @names has
 * @tree: with the pools below, and what is a pool's own
 * @lives: each incarnation apart
 */
struct bc_ask {
	struct bc_span period;
	enum bc_step step;
	const char **names;
	bool top;
	bool tree;
	bool lives;
};

/**
 * struct bc_group - pools that are told of as one
 * @key: what they have in common: name, path of names, or name and incarnation
 * @name: their name
 * @members: indexes of the pools
 * @count: how many
 */
struct bc_group {
	char *key;
	const char *name;
	int *members;
	size_t count;
};

/**
 * struct bc_groups - all that are told of
 * @v: the groups: the host first, parents before their children
 * @count: how many
 */
struct bc_groups {
	struct bc_group *v;
	size_t count;
};

int bc_groups_make(struct bc_groups *groups, const struct bc_db *db, const struct bc_ask *ask,
		   const char **unknown);
bool bc_group_has(const struct bc_group *group, int pool);
int bc_group_rows(struct bc_db *db, const struct bc_group *group, const struct bc_span *period,
		  bc_db_row_fn fn, void *arg);
int bc_group_rows_below(struct bc_db *db, const struct bc_group *group,
			const struct bc_span *period, bc_db_row_fn fn, void *arg);
int bc_group_sums(struct bc_db *db, const struct bc_group *group, const struct bc_ask *ask,
		  struct bc_sums *sums);
void bc_groups_clear(struct bc_groups *groups);

void bc_doc_usage(struct bc_doc *doc, const struct bc_db *db, const struct bc_ask *ask);
void bc_doc_usage_group(struct bc_doc *doc, const struct bc_db *db, const struct bc_ask *ask,
			const struct bc_group *group, const struct bc_sums *sums);

#endif /* BCTL_USAGE_H */
