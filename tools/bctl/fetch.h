/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_FETCH_H
#define BCTL_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "bctl.h"
#include "decode.h"
#include "nl.h"
#include "print.h"

/**
 * struct bc_snapshot - what was read from the module
 * @detail: to be set by who wants to know what memory is used for
 * @taken: when
 * @res_msgs: the messages behind @res
 * @res: the resources
 * @nres: how many
 * @pool_msgs: the messages behind @pools
 * @pools: the pools
 * @npools: how many
 */
struct bc_snapshot {
	bool detail;
	uint64_t taken;
	struct bc_msgs res_msgs;
	struct bc_res *res;
	size_t nres;
	struct bc_msgs pool_msgs;
	struct bc_pool *pools;
	size_t npools;
};

int bctl_dump(struct bctl *b, uint8_t cmd, struct bc_msgs *msgs);
int bctl_fetch_resources(struct bctl *b, struct bc_snapshot *snap);
int bctl_fetch_pools(struct bctl *b, struct bc_snapshot *snap);
int bctl_fetch_named(struct bctl *b, struct bc_snapshot *snap, int count, char **names);
int bctl_take_pools(struct bctl *b, struct bc_snapshot *snap);
int bc_fetch_pool(struct bctl *b, const char *name, struct bc_msgs *msgs,
		  struct bc_pool *pool);
int bctl_find_pool(struct bctl *b, const char *name, struct bc_msgs *msgs,
		   struct bc_pool *pool);
const struct bc_res *bc_find_res(const struct bc_snapshot *snap, const char *name);
void bc_pools_doc(const struct bc_snapshot *snap, struct bc_doc *doc);
int bctl_print_pools(struct bctl *b, const struct bc_snapshot *snap, enum bc_view view);
struct bc_printer bctl_printer(const struct bctl *b);
void bc_snapshot_clear(struct bc_snapshot *snap);

#endif /* BCTL_FETCH_H */
