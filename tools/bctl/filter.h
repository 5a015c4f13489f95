/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_FILTER_H
#define BCTL_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/beancounter.h>

#include "cli.h"

struct bcn_notice;
struct bc_snapshot;

/**
 * struct bc_place - where a pool was seen
 * @incarnation: which pool
 * @id: its id
 * @in: it is one of those looked for, or below one
 * @unknown: it was gone before that could be seen
 * @name: its name
 */
struct bc_place {
	uint64_t incarnation;
	uint32_t id;
	bool in;
	bool unknown;
	char name[BC_NAME_MAX + 1];
};

/**
 * struct bc_filter - which events are wanted
 * @pools: names of pools; as the other lists, none for all, and ended by NULL
 * @res: names of resources
 * @types: names of events
 * @min: the least amount, as it was written; NULL for any
 * @tree: what is below the pools, too
 * @absent_ok: the pools need not exist yet
 * @ask: a connection of its own, as events wait on the other one
 * @type_bits: numbers of @types
 * @lost: "lost" is among @types, or there are none
 * @res_id: numbers of @res
 * @res_min: @min in the unit of each of @res
 * @places: the pools that were seen, for @tree
 * @nplaces: how many
 * @unplaced: events whose pool was gone before anybody could see where it was
 */
struct bc_filter {
	const char *pools[BC_MANY_MAX + 1];
	const char *res[BC_MANY_MAX + 1];
	const char *types[BC_MANY_MAX + 1];
	const char *min;
	bool tree;
	bool absent_ok;
	struct bctl *ask;
	uint64_t type_bits;
	bool lost;
	uint32_t res_id[BC_MANY_MAX];
	uint64_t res_min[BC_MANY_MAX];
	struct bc_place *places;
	size_t nplaces;
	uint64_t unplaced;
};

int bctl_filter_parse(struct bctl *b, struct bc_filter *f);
int bctl_filter_resolve(struct bctl *b, struct bc_filter *f, const struct bc_snapshot *snap);
bool bc_filter_match(struct bc_filter *f, const struct bcn_notice *n);
void bc_filter_clear(struct bc_filter *f);

#endif /* BCTL_FILTER_H */
