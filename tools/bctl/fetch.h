/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_FETCH_H
#define BCTL_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "bctl.h"
#include "beancounter.h"
#include "print.h"
#include "weight.h"

/**
 * struct bc_device_list - the block devices of a pool
 * @list: owns what @devices point to
 * @devices: the devices, the first one all of them together
 * @count: how many
 */
struct bc_device_list {
	struct bcn_list *list;
	struct bcn_device *devices;
	size_t count;
};

/**
 * struct bc_snapshot - what was read from the module
 * @detail: to be set by who wants to know what memory is used for
 * @devices: to be set by who wants to know the block devices
 * @taken: when
 * @res_list: owns what @res points to
 * @res: the resources
 * @nres: how many
 * @pool_lists: own what @pools point to
 * @nlists: how many
 * @pools: the pools
 * @npools: how many
 * @tunable_list: owns what @tunables point to
 * @tunables: what can be set
 * @ntunables: how many
 * @device_lists: for each pool its block devices, NULL if they were not asked for
 * @weights: for each pool its io.weight, or NULL
 */
struct bc_snapshot {
	bool detail;
	bool devices;
	uint64_t taken;
	struct bcn_list *res_list;
	struct bcn_res *res;
	size_t nres;
	struct bcn_list **pool_lists;
	size_t nlists;
	struct bcn_pool *pools;
	size_t npools;
	struct bcn_list *tunable_list;
	struct bcn_tunable *tunables;
	size_t ntunables;
	struct bc_device_list *device_lists;
	struct bc_weight *weights;
};

int bctl_fetch_resources(struct bctl *b, struct bc_snapshot *snap);
int bctl_fetch_tunables(struct bctl *b, struct bc_snapshot *snap);
int bctl_fetch_pools(struct bctl *b, struct bc_snapshot *snap);
int bctl_fetch_figures(struct bctl *b, struct bc_snapshot *snap);
int bctl_fetch_named(struct bctl *b, struct bc_snapshot *snap, int count, char **names);
int bctl_take_pools(struct bctl *b, struct bc_snapshot *snap, struct bcn_list *list);
int bc_fetch_pool(struct bctl *b, const char *name, struct bcn_list **listp,
		  struct bcn_pool *pool);
int bctl_find_pool(struct bctl *b, const char *name, struct bcn_list **listp,
		   struct bcn_pool *pool);
const struct bcn_res *bc_find_res(const struct bc_snapshot *snap, const char *name);
void bc_pools_doc(const struct bc_snapshot *snap, struct bc_doc *doc);
int bctl_print_pools(struct bctl *b, const struct bc_snapshot *snap, enum bc_view view);
struct bc_printer bctl_printer(const struct bctl *b);
void bc_snapshot_clear(struct bc_snapshot *snap);

#endif /* BCTL_FETCH_H */
